//! `framewall scan`: the detectors without the network.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read as _, Write},
    path::Path,
};

use anyhow::Context as _;
use framewall_inspect::{Mode, Settings, inspect_text};

use crate::cli::ScanArgs;

/// Reads messages, one a line, and prints a verdict for each.
pub(crate) fn run(args: &ScanArgs) -> anyhow::Result<()> {
    let output = BufWriter::new(io::stdout().lock());
    if args.input == Path::new("-") {
        return scan(io::stdin().lock(), output).context("standard input");
    }
    let file = File::open(&args.input).with_context(|| format!("cannot read {}", args.input.display()))?;
    scan(BufReader::new(file), output).with_context(|| args.input.display().to_string())
}

fn scan(mut input: impl BufRead, mut output: impl Write) -> anyhow::Result<()> {
    // In mode log the inspection goes on after the first finding and names every signal.
    let settings = Settings { mode: Mode::Log, ..Settings::default() };
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        // Two more than a message may have: its line end.
        let longest = settings.limits.max_message_bytes + 2;
        if input.by_ref().take(longest as u64 + 1).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        anyhow::ensure!(
            line.len() <= longest,
            "line {number} is longer than a message may be ({} bytes)",
            settings.limits.max_message_bytes
        );
        let message = line.strip_suffix(b"\n").unwrap_or(&line);
        let message = message.strip_suffix(b"\r").unwrap_or(message);
        let findings = inspect_text(&settings, message);
        let mut signals: Vec<_> = findings.iter().map(|finding| finding.signal.as_str()).collect();
        signals.sort_unstable();
        signals.dedup();
        let verdict = if signals.is_empty() { "allow" } else { "block" };
        let signals = if signals.is_empty() { "-".to_owned() } else { signals.join(",") };
        match writeln!(output, "{number}\t{verdict}\t{signals}") {
            // Whoever reads has seen enough, as in `framewall scan | head`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            result => result?,
        }
    }
    match output.flush() {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(input: &[u8]) -> String {
        let mut output = Vec::new();
        scan(input, &mut output).expect("memory can be read and written");
        String::from_utf8(output).expect("verdicts are text")
    }

    #[test]
    fn prints_a_verdict_for_each_line() {
        let input =
            b"hello\r\n{\"a\":\"' OR '1'='1\"}\n{\"a\":\"' OR '1'='1\",\"b\":\"<script>alert(1)</script>\"}";
        assert_eq!(scanned(input), "1\tallow\t-\n2\tblock\tSQLI\n3\tblock\tSQLI,XSS\n");
    }

    #[test]
    fn an_empty_line_is_a_message_and_an_empty_input_is_none() {
        assert_eq!(scanned(b"\nhi\n"), "1\tallow\t-\n2\tallow\t-\n");
        assert_eq!(scanned(b""), "");
    }
}
