//! `framewall signals`: what can be found.

use std::io::{self, Write};

use framewall_inspect::{SignalKind, signals};

/// Prints a line for each signal: its name, its kind and what it means.
pub(crate) fn run() -> anyhow::Result<()> {
    match print(&mut io::stdout().lock()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

fn print(output: &mut impl Write) -> io::Result<()> {
    let entries = signals();
    let widest = entries.iter().map(|entry| entry.signal.as_str().len()).max().unwrap_or_default();
    for entry in &entries {
        let kind = match entry.signal.kind() {
            SignalKind::Attack => "attack ",
            SignalKind::Anomaly => "anomaly",
        };
        writeln!(output, "{:widest$}  {kind}  {}", entry.signal.as_str(), entry.summaries.join("; "))?;
    }
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_signal_has_a_line() {
        let mut output = Vec::new();
        print(&mut output).expect("memory can be written");
        let printed = String::from_utf8(output).expect("text");
        assert_eq!(printed.lines().count(), signals().len());
        assert!(
            printed.lines().any(|line| line.starts_with("SQLI ") && line.contains(" attack ")),
            "{printed}"
        );
    }
}
