//! Runs the detectors over corpora and prints rates.
//!
//! `framewall-eval DIR [--show CLASS|CATEGORY] [--count N] [--profile NAME] [--pass]`: with `--show` prints what was missed in a
//! class of attacks, or blocked in a category of honest text.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Context as _;
use framewall_inspect::{FindingAction, Inspector, Mode, Opcode, Settings};
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    payload: String,
    class: String,
    label: String,
    source: String,
    cat: Option<String>,
}

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let dir = args.first().context("usage: framewall-eval DIR [--show CLASS] [--count N]")?;
    let option = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1));
    let show = option("--show");
    let mut count: usize = option("--count").map_or(Ok(40), |text| text.parse())?;
    let settings = Settings { mode: Mode::Log, ..Settings::default() };
    let mut inspector = Inspector::default();
    let mut attacks: BTreeMap<String, BTreeMap<String, (u32, u32)>> = BTreeMap::new();
    let mut benign: BTreeMap<String, (u32, u32, u32)> = BTreeMap::new();
    for entry in fs::read_dir(Path::new(dir).join("dev"))? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('_')) {
            continue;
        }
        for line in fs::read_to_string(&path)?.lines() {
            let row: Row = serde_json::from_str(line)?;
            let message = serde_json::json!({"type": "msg", "data": {"text": row.payload}}).to_string();
            let findings = inspector.inspect(&settings, Opcode::Text, message.as_bytes());
            let blocked = findings.iter().any(|finding| finding.action != FindingAction::Tag);
            let attack = row.label == "attack";
            let cat = row.cat.unwrap_or_default();
            let name = if attack { &row.class } else { &cat };
            if show.is_some_and(|show| show == name) && blocked != attack && count > 0 {
                count -= 1;
                let why: Vec<_> = findings
                    .iter()
                    .map(|f| format!("{}={} {} {:?} {:?}", f.signal, f.score, f.evidence, f.at, f.layers))
                    .collect();
                let text: String = row.payload.chars().take(400).collect();
                println!("{} {}\n    {text:?}\n    {}", row.source, cat, why.join("; "));
            }
            if attack {
                let cell = attacks.entry(row.class).or_default().entry(row.source).or_default();
                cell.0 += u32::from(blocked);
                cell.1 += 1;
            } else {
                let cell = benign.entry(cat).or_default();
                cell.0 += u32::from(blocked);
                cell.1 += u32::from(!findings.is_empty());
                cell.2 += 1;
            }
        }
    }
    let rate = |part: u32, all: u32| 100.0 * f64::from(part) / f64::from(all.max(1));
    for (class, sources) in &attacks {
        let hit: u32 = sources.values().map(|cell| cell.0).sum();
        let all: u32 = sources.values().map(|cell| cell.1).sum();
        let macros: Vec<f64> = sources.values().filter(|c| c.1 >= 5).map(|c| rate(c.0, c.1)).collect();
        let mean = macros.iter().sum::<f64>() / macros.len().max(1) as f64;
        println!("{class:12} {all:5}  pooled {:6.2}  macro {mean:6.2}", rate(hit, all));
        if show == Some(class) {
            for (source, cell) in sources {
                println!("      {source:50} {:4}/{:4}", cell.0, cell.1);
            }
        }
    }
    const HARD: [&str; 4] = ["code-snippet", "sql-code", "markdown-html", "json-message"];
    let mut core = (0, 0, 0);
    for (cat, (blocked, tagged, all)) in &benign {
        println!(
            "{cat:20} {all:5}  blocked {blocked:5} {:6.2}  any {:6.2}",
            rate(*blocked, *all),
            rate(*tagged, *all)
        );
        if !HARD.contains(&cat.as_str()) {
            core = (core.0 + blocked, core.1 + tagged, core.2 + all);
        }
    }
    println!(
        "core benign          {:5}  blocked {:5} {:6.3}  any {:6.2}",
        core.2,
        core.0,
        rate(core.0, core.2),
        rate(core.1, core.2)
    );
    Ok(())
}
