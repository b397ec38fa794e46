//! What rules say about a message.

use std::io::{self, Write};

use framewall_inspect::{
    Inspection, Profile,
    rules::{Block, Decider, Verdict},
};

use super::explain;

/// Prints `id<TAB>verdict<TAB>signals and tags`, and with the `leaves` of the message the whole way to it.
pub(super) fn print(
    id: &dyn std::fmt::Display,
    inspection: &Inspection,
    leaves: Option<&[(String, String)]>,
    profile: Profile,
    output: &mut impl Write,
) -> io::Result<()> {
    let Inspection { findings, decision, explanation } = inspection;
    let verdict = match &decision.verdict {
        Verdict::Block(_) => "block",
        Verdict::Pass | Verdict::Allow { .. } => "allow",
    };
    let mut signals: Vec<&str> = decision.signals.iter().map(|seen| seen.signal.as_str()).collect();
    signals.extend(decision.tags());
    signals.sort_unstable();
    signals.dedup();
    let signals = if signals.is_empty() { "-".to_owned() } else { signals.join(",") };
    writeln!(output, "{id}\t{verdict}\t{signals}")?;
    let Some(leaves) = leaves else { return Ok(()) };
    for (place, value) in leaves {
        writeln!(output, "    {place} = {value}")?;
    }
    for finding in findings {
        explain::finding(finding, profile, output)?;
    }
    for (rule, signal) in &decision.excluded {
        writeln!(output, "    {signal} is excluded by {rule}")?;
    }
    for line in explanation.to_string().lines() {
        writeln!(output, "    {line}")?;
    }
    for block in &decision.would_block {
        writeln!(output, "    would be blocked by {}", by(block))?;
    }
    match &decision.verdict {
        Verdict::Pass => writeln!(output, "    verdict: it passes"),
        Verdict::Allow { rule } => writeln!(output, "    verdict: allowed by rule {rule}"),
        Verdict::Block(block) => {
            let Block { close_code, reason, .. } = block;
            write!(output, "    verdict: blocked by {}, close code {close_code}", by(block))?;
            if reason.is_empty() { writeln!(output) } else { writeln!(output, " {reason:?}") }
        }
    }
}

fn by(block: &Block) -> String {
    match &block.by {
        Decider::Rule(id) => format!("rule {id}"),
        Decider::RateLimit(id) => format!("rate limit {id}"),
        Decider::AttackThreshold => "the attack threshold".to_owned(),
        Decider::Signal(signal) => format!("the policy for {signal}"),
    }
}
