//! Runs the detectors over corpora and prints rates, beside what is asked of them and what libinjection does.
//!
//! `cargo xtask eval` builds it in release and passes its options on. Corpora are read where they are and never copied:
//! their rows belong to others. See `corpus` for the format.
#![forbid(unsafe_code)]

mod corpus;
mod engine;
mod envelopes;
mod evasions;
mod rate;
mod target;
mod timing;
mod values;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use framewall_inspect::Profile;
use lexopt::{Arg, ValueExt as _};
use serde::Serialize;

use crate::{
    corpus::{Corpus, Row},
    engine::{Engine as _, Framewall, Libinjection},
    envelopes::Envelopes,
    evasions::Evasions,
    timing::Timings,
    values::{Values, Verdicts},
};

const HELP: &str = "\
Measures the detectors on a corpus

Usage: cargo xtask eval --corpus DIR [OPTIONS]

Options:
  --corpus DIR    The corpus: SET/CLASS.jsonl, derived/SET_evasion.jsonl, derived/SET_wrapped.jsonl
  --set NAME      The set (default dev)
  --profile NAME  balanced (default), strict or lenient
  --only PART     Only values, evasions, envelopes or time; may be given several times
  --show NAME     List the attacks of a class that pass, the honest text of a category that is blocked, the rows of a
                  disguise that pass, or the messages in an envelope that get another verdict than in most; with what
                  was found in them
  --count N       List at most so many (default 40)
  --tags          With --show of a category: also what is only tagged
  --brief         No figures per source
  --json FILE     Write the figures as JSON, too
  --check         Exit with status 1 if a target is missed

A target that is missed has the mark ✗ (a cell of the disguises: !).
";

#[derive(Debug)]
struct Options {
    corpus: PathBuf,
    set: String,
    profile: Profile,
    only: Vec<String>,
    show: Option<String>,
    count: usize,
    tags: bool,
    brief: bool,
    json: Option<PathBuf>,
    check: bool,
}

/// All figures.
#[derive(Debug, Serialize)]
struct Report {
    set: String,
    profile: &'static str,
    values: Option<Values>,
    evasions: Option<Evasions>,
    envelopes: Option<Envelopes>,
    timings: Option<Timings>,
    missed: Vec<String>,
}

fn main() -> ExitCode {
    let options = match options(lexopt::Parser::from_env()) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("framewall-inspect-eval: {error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(met) if met || !options.check => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("framewall-inspect-eval: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut arguments: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let mut corpus: Option<PathBuf> = None;
    let mut options = Options {
        corpus: PathBuf::new(),
        set: "dev".to_owned(),
        profile: Profile::Balanced,
        only: Vec::new(),
        show: None,
        count: 40,
        tags: false,
        brief: false,
        json: None,
        check: false,
    };
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Long("corpus") => corpus = Some(arguments.value()?.into()),
            Arg::Value(folder) if corpus.is_none() => corpus = Some(folder.into()),
            Arg::Long("set") => options.set = arguments.value()?.string()?,
            Arg::Long("profile") => options.profile = arguments.value()?.parse_with(profile)?,
            Arg::Long("only") => options.only.push(arguments.value()?.parse_with(part)?),
            Arg::Long("show") => options.show = Some(arguments.value()?.string()?),
            Arg::Long("count") => options.count = arguments.value()?.parse()?,
            Arg::Long("tags") => options.tags = true,
            Arg::Long("json") => options.json = Some(arguments.value()?.into()),
            Arg::Long("brief") => options.brief = true,
            Arg::Long("check") => options.check = true,
            Arg::Short(_) | Arg::Long(_) | Arg::Value(_) => return Err(argument.unexpected()),
        }
    }
    options.corpus = corpus.ok_or("--corpus is missing")?;
    Ok(Some(options))
}

fn profile(name: &str) -> Result<Profile, &'static str> {
    let all = [Profile::Balanced, Profile::Strict, Profile::Lenient];
    all.into_iter().find(|profile| profile.as_str() == name).ok_or("should be balanced, strict or lenient")
}

fn part(name: &str) -> Result<String, &'static str> {
    let known = ["values", "evasions", "envelopes", "time"].contains(&name);
    known.then(|| name.to_owned()).ok_or("should be values, evasions, envelopes or time")
}

/// Prints the figures; whether all targets are met.
fn run(options: &Options) -> anyhow::Result<bool> {
    let corpus = Corpus::load(&options.corpus, &options.set)?;
    let wants = |part: &str| options.only.is_empty() || options.only.iter().any(|only| only == part);
    let mut framewall = Framewall::new(options.profile);
    let mut report = Report {
        set: options.set.clone(),
        profile: options.profile.as_str(),
        values: None,
        evasions: None,
        envelopes: None,
        timings: None,
        missed: Vec::new(),
    };
    let mut shown = Vec::new();
    if wants("values") || wants("evasions") {
        let verdicts = judge(&mut framewall, &corpus.values);
        if let Some(name) = &options.show {
            let odd = corpus.values.iter().zip(&verdicts).filter(|(row, [said, _])| {
                let named = if row.attack { &row.class } else { &row.category } == name;
                named && (said.blocked != row.attack || options.tags && !row.attack && said.found)
            });
            shown.extend(odd.map(|(row, _)| (row, false)));
        }
        if wants("values") {
            let values = Values::of(&corpus.values, &verdicts);
            values.print(!options.brief);
            report.missed.extend(values.missed());
            report.values = Some(values);
        }
        if wants("evasions") && corpus.evasions.is_empty() {
            println!("No disguised attacks: there is no derived/{}_evasion.jsonl\n", options.set);
        } else if wants("evasions") {
            let disguised = judge(&mut framewall, &corpus.evasions);
            if let Some(name) = &options.show {
                let passed = corpus.evasions.iter().zip(&disguised);
                let odd = passed.filter(|(row, [said, _])| row.evasion == *name && !said.blocked);
                shown.extend(odd.map(|(row, _)| (row, false)));
            }
            let evasions = Evasions::of(&corpus.evasions, &disguised, &corpus.values, &verdicts);
            println!("{evasions}");
            report.missed.extend(evasions.missed());
            report.evasions = Some(evasions);
        }
    }
    if wants("envelopes") && corpus.wrapped.is_empty() {
        println!("No envelopes: there is no derived/{}_wrapped.jsonl\n", options.set);
    } else if wants("envelopes") {
        let blocked: Vec<bool> =
            corpus.wrapped.iter().map(|row| framewall.judge_message(row).blocked).collect();
        if let Some(name) = &options.show {
            let odd = envelopes::dissenters(&corpus.wrapped, &blocked);
            shown
                .extend(odd.into_iter().filter(|(row, _)| row.envelope == *name).map(|(row, _)| (row, true)));
        }
        let envelopes = Envelopes::of(&corpus.wrapped, &blocked);
        println!("{envelopes}");
        report.missed.extend(envelopes.missed());
        report.envelopes = Some(envelopes);
    }
    if wants("time") {
        let timings = Timings::of(&corpus.values, options.profile);
        println!("{timings}");
        report.missed.extend(timings.missed());
        report.timings = Some(timings);
    }
    if let Some(name) = &options.show {
        println!("{name}: {} to show", shown.len());
        for (row, is_message) in shown.into_iter().take(options.count) {
            show(&mut framewall, row, is_message);
        }
    }
    if let Some(path) = &options.json {
        let json = serde_json::to_string_pretty(&report)?;
        std::fs::write(path, json + "\n").with_context(|| path.display().to_string())?;
    }
    match report.missed.as_slice() {
        [] => println!("Every target that was measured is met."),
        missed => println!("Targets missed ({}): {}", missed.len(), missed.join("; ")),
    }
    Ok(report.missed.is_empty())
}

fn judge(framewall: &mut Framewall, rows: &[Row]) -> Vec<Verdicts> {
    rows.iter().map(|row| [framewall.judge(row), Libinjection.judge(row)]).collect()
}

/// Prints a row and what was found in it.
fn show(framewall: &mut Framewall, row: &Row, is_message: bool) {
    let (opcode, message) = if is_message { (row.opcode, row.payload.clone()) } else { engine::message(row) };
    let text: String = String::from_utf8_lossy(&row.payload).chars().take(400).collect();
    println!("  {} {} {}{}\n    {text:?}", row.class, row.category, row.source, row.evasion);
    for found in framewall.findings(opcode, &message) {
        let layers: Vec<_> = found.layers.iter().map(|step| step.as_str()).collect();
        println!(
            "      {} {} {}: {} at {:?} {}",
            found.action.as_str(),
            found.signal,
            found.score,
            found.evidence,
            found.at,
            layers.join(">")
        );
    }
}

/// What stands before a line.
fn mark(missed: bool) -> &'static str {
    if missed { "✗" } else { " " }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Option<Options>, String> {
        options(lexopt::Parser::from_args(words)).map_err(|error| error.to_string())
    }

    #[test]
    fn options_name_what_is_allowed() {
        let options = parsed(&["--corpus", "x", "--profile", "strict", "--only", "time"]).expect("valid");
        let options = options.expect("no help");
        assert_eq!((options.profile, options.only), (Profile::Strict, vec!["time".to_owned()]));
        assert!(parsed(&[]).expect_err("no corpus").contains("--corpus"));
        assert!(
            parsed(&["x", "--profile", "harsh"])
                .expect_err("no profile")
                .contains("balanced, strict or lenient")
        );
        assert!(parsed(&["x", "--only", "tea"]).expect_err("no part").contains("envelopes"));
        assert!(parsed(&["--help"]).expect("valid").is_none());
    }

    #[test]
    fn a_small_corpus_is_measured_as_a_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        for folder in ["dev", "derived"] {
            std::fs::create_dir(path(folder)).expect("writable");
        }
        let write =
            |name: &str, rows: &[&str]| std::fs::write(path(name), rows.join("\n")).expect("writable");
        write(
            "dev/sqli.jsonl",
            &[r#"{"payload":"' OR '1'='1","class":"sqli","label":"attack","source":"own","id":"a"}"#],
        );
        write(
            "dev/benign.jsonl",
            &[r#"{"payload":"hello","class":"benign","label":"benign","cat":"chat","id":"b"}"#],
        );
        write(
            "derived/dev_evasion.jsonl",
            &[r#"{"payload":"' oR '1'='1","class":"sqli","label":"attack","evasion":"case","base":"a"}"#],
        );
        write(
            "derived/dev_wrapped.jsonl",
            &[r#"{"payload":"{\"a\":\"hi\"}","class":"benign","label":"benign","envelope":"json","id":"b"}"#],
        );
        let json = path("report.json");
        let corpus = folder.path().to_str().expect("ASCII").to_owned();
        let words = ["--corpus", &corpus, "--json", json.to_str().expect("ASCII"), "--check"];
        let options = parsed(&words).expect("valid").expect("no help");
        assert!(run(&options).expect("a corpus"), "every target is met");
        let report: serde_json::Value =
            serde_json::from_slice(&std::fs::read(json).expect("written")).expect("JSON");
        assert_eq!(report["values"]["classes"]["sqli"]["sources"]["own"][0]["hits"], 1);
        assert_eq!(report["evasions"]["disguises"]["case"]["sqli"]["disguised"][0]["hits"], 1);
        assert_eq!(report["envelopes"]["same"]["all"], 1);
        assert_eq!(report["timings"]["groups"][0]["group"], "core benign");
    }
}
