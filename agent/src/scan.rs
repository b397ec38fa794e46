//! `framewall scan`: the detectors without the network.

mod explain;
mod lines;
mod record;
mod ruled;

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    net::Ipv4Addr,
    path::Path,
    sync::Arc,
    time::Instant,
};

use anyhow::Context as _;
use framewall_inspect::{
    Finding, FindingAction, Inspector, Mode, Opcode, Settings, Signal,
    rules::{Bound, ConnectionFacts, LiveRules},
};

use self::{lines::Lines, record::Records};
use crate::{cli::ScanArgs, rules};

/// Large enough that reading and writing is no part of the time.
const BUFFER_BYTES: usize = 128 * 1024;

/// Reads messages, one a line, and prints a verdict for each.
pub(crate) fn run(args: &ScanArgs) -> anyhow::Result<()> {
    let output = BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock());
    if args.input == Path::new("-") {
        return scan(args, "standard input", io::stdin().lock(), output);
    }
    let name = args.input.display().to_string();
    let file = File::open(&args.input).with_context(|| format!("cannot read {name}"))?;
    scan(args, &name, file, output)
}

fn scan(args: &ScanArgs, name: &str, input: impl Read, mut output: impl Write) -> anyhow::Result<()> {
    let outcome = messages(args, name, input, &mut output);
    // What was judged before an error counts.
    let flushed = output.flush().map_err(anyhow::Error::from);
    match outcome.and(flushed) {
        // Whoever reads has seen enough, as in `framewall scan | head`.
        Err(error) if is_broken_pipe(&error) => Ok(()),
        result => result,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn messages(args: &ScanArgs, name: &str, input: impl Read, output: &mut impl Write) -> anyhow::Result<()> {
    // In mode log the inspection goes on after the first finding and names every signal.
    let (set, warnings) = rules::load(&args.rules)?;
    let live = Arc::new(LiveRules::new(Arc::clone(&set)));
    live.tell_time(Instant::now(), rules::unix_s());
    let settings = Settings { mode: Mode::Log, profile: args.profile, rules: live, ..Settings::default() };
    let longest = settings.limits.max_message_bytes;
    let rules = (!args.rules.is_empty()).then(|| set.bind(&nobody()));
    if args.explain {
        for warning in &warnings {
            writeln!(output, "warning: {warning}")?;
        }
    }
    let mut judge = Judge { settings, rules, count: 0, inspector: Inspector::default(), signals: Vec::new() };
    let input = BufReader::with_capacity(BUFFER_BYTES, input);
    if args.jsonl {
        let mut records = Records::new(name, input, longest);
        while let Some(record) = records.next()? {
            judge.message(&record.id, record.opcode, &record.payload, args.explain, output)?;
        }
    } else {
        let mut lines = Lines::new(name, input, longest);
        while let Some((number, line)) = lines.next()? {
            let opcode = if std::str::from_utf8(line).is_ok() { Opcode::Text } else { Opcode::Binary };
            judge.message(&number, opcode, line, args.explain, output)?;
        }
    }
    Ok(())
}

/// A connection of which nothing is known.
fn nobody() -> ConnectionFacts<'static> {
    ConnectionFacts {
        client: Ipv4Addr::UNSPECIFIED.into(),
        port: 0,
        scheme: "http",
        handshake: None,
        response_code: 101,
        opened: Instant::now(),
        connection: 0,
    }
}

/// Judges message after message.
struct Judge {
    settings: Settings,
    rules: Option<Bound>,
    /// Messages judged by rules so far.
    count: u64,
    inspector: Inspector,
    /// Used again, so that a message that passes allocates nothing.
    signals: Vec<&'static str>,
}

impl Judge {
    /// Judges a message and prints `id<TAB>verdict<TAB>signals`, and if asked why.
    fn message(
        &mut self,
        id: &dyn std::fmt::Display,
        opcode: Opcode,
        payload: &[u8],
        explains: bool,
        output: &mut impl Write,
    ) -> io::Result<()> {
        let too_long = payload.len() > self.settings.limits.max_message_bytes;
        if let (Some(rules), false) = (&self.rules, too_long) {
            self.count += 1;
            let message = (self.count, opcode, payload);
            let inspection = self.inspector.inspect_by_rules(&self.settings, rules, message, Instant::now());
            let whole = explains.then(|| self.inspector.leaves(&self.settings, opcode, payload));
            return ruled::print(id, &inspection, whole.as_deref(), self.settings.profile, output);
        }
        let findings =
            if too_long { Vec::new() } else { self.inspector.inspect(&self.settings, opcode, payload) };
        if explains && findings.is_empty() && !too_long {
            return Ok(());
        }
        self.signals.clear();
        self.signals.extend(findings.iter().map(|finding| finding.signal.as_str()));
        if too_long {
            // A session ends over it and never looks at it.
            self.signals.push(Signal::WsUninspected.as_str());
        }
        self.signals.sort_unstable();
        self.signals.dedup();
        let verdict = if too_long || findings.iter().any(blocks) { "block" } else { "allow" };
        write!(output, "{id}\t{verdict}\t")?;
        match self.signals.split_first() {
            None => output.write_all(b"-")?,
            Some((first, more)) => {
                output.write_all(first.as_bytes())?;
                for signal in more {
                    output.write_all(b",")?;
                    output.write_all(signal.as_bytes())?;
                }
            }
        }
        output.write_all(b"\n")?;
        if explains {
            for finding in &findings {
                explain::finding(finding, self.settings.profile, output)?;
            }
        }
        Ok(())
    }
}

/// Whether mode block would end the connection over it.
fn blocks(finding: &Finding) -> bool {
    finding.action != FindingAction::Tag
}

#[cfg(test)]
mod tests {
    use framewall_inspect::Profile;

    use super::*;

    fn arguments(jsonl: bool, explain: bool) -> ScanArgs {
        ScanArgs { input: "-".into(), jsonl, explain, rules: Vec::new(), profile: Profile::Balanced }
    }

    fn scanned(args: &ScanArgs, input: &str) -> (String, Result<(), String>) {
        let mut output = Vec::new();
        let outcome = scan(args, "f", input.as_bytes(), &mut output).map_err(|error| format!("{error:#}"));
        (String::from_utf8(output).expect("verdicts are text"), outcome)
    }

    #[test]
    fn prints_a_verdict_for_each_line() {
        let input =
            "hello\r\n{\"a\":\"' OR '1'='1\"}\n{\"a\":\"' OR '1'='1\",\"b\":\"<script>alert(1)</script>\"}";
        let expected = "1\tallow\t-\n2\tblock\tSQLI\n3\tblock\tSQLI,XSS\n";
        assert_eq!(scanned(&arguments(false, false), input), (expected.to_owned(), Ok(())));
    }

    #[test]
    fn an_empty_line_is_a_message_and_an_empty_input_is_none() {
        let args = arguments(false, false);
        assert_eq!(scanned(&args, "\nhi\n").0, "1\tallow\t-\n2\tallow\t-\n");
        assert_eq!(scanned(&args, "").0, "");
    }

    #[test]
    fn a_record_is_named_by_its_id() {
        let input = r#"{"id":"a","payload":"hi"}
{"id":7,"payload":"' OR '1'='1","opcode":"text","class":"sqli"}
{"payload_b64":"gaFhqycgT1IgJzEnPScx","opcode":"binary","id":"b\tc"}
{"payload":"no id"}"#;
        let expected = "a\tallow\t-\n7\tblock\tSQLI\nb\\tc\tblock\tSQLI\n4\tallow\t-\n";
        assert_eq!(scanned(&arguments(true, false), input), (expected.to_owned(), Ok(())));
    }

    #[test]
    fn a_bad_record_ends_the_scan_and_what_was_judged_is_printed() {
        for (line, complaint) in [
            ("{\"id\":\"b\",\"payload\":1}", "f:2:21: invalid type: integer `1`, expected a string"),
            ("{\"id\":\"b\"}", "f:2:1: there should be one of `payload` and `payload_b64`"),
            ("{\"payload\":\"\",\"payload_b64\":\"\"}", "f:2:1: there should be one of"),
            ("{\"payload_b64\":\"a$==\"}", "f:2:1: payload_b64: "),
            ("{\"payload\":\"\",\"opcode\":\"ping\"}", "unknown variant `ping`, expected `text` or `binary`"),
            ("{\"payload\":\"a", "f:2:13: EOF while parsing a string"),
            ("[]", "f:2:"),
            ("", "f:2:"),
        ] {
            let (printed, outcome) =
                scanned(&arguments(true, false), &format!("{{\"payload\":\"hi\"}}\n{line}\n{{}}"));
            assert_eq!(printed, "1\tallow\t-\n", "{line}");
            let error = outcome.expect_err(line);
            assert!(error.contains(complaint) && error.starts_with("f:2:"), "{line}: {error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }

    #[test]
    fn an_explanation_names_place_evidence_and_threshold() {
        let input = "{\"id\":\"a\",\"payload\":\"hi\"}\n{\"id\":\"b\",\"payload\":\"{\\\"x\\\":\\\"' OR '1'='1\\\"}\"}";
        let (printed, outcome) = scanned(&arguments(true, true), input);
        assert_eq!(outcome, Ok(()));
        assert!(printed.starts_with("b\tblock\tSQLI\n"), "{printed}");
        for word in ["$.x", "' OR '1'='1", "blocks from 5", "balanced", "bytes ", ".."] {
            assert!(printed.contains(word), "{word} is missing in {printed}");
        }
    }

    #[test]
    fn a_message_that_a_session_would_refuse_for_its_length_is_blocked() {
        let long = "a".repeat(Settings::default().limits.max_message_bytes + 1);
        let input = format!("{{\"payload\":\"{long}\"}}\n{{\"payload\":\"hi\"}}");
        assert_eq!(scanned(&arguments(true, false), &input).0, "1\tblock\tWS-UNINSPECTED\n2\tallow\t-\n");
        assert!(scanned(&arguments(false, false), &long).1.expect_err("too long").starts_with("f:1: "));
    }
}
