//! Why a message has a signal.

use std::io::{self, Write};

use framewall_inspect::{Finding, FindingAction, Observation, Profile, SignalKind, Step};

/// Prints what was found, where, and what it counts.
pub(super) fn finding(finding: &Finding, profile: Profile, output: &mut impl Write) -> io::Result<()> {
    let Finding { signal, score, location, excerpt, layers, observations, .. } = finding;
    let verdict = match finding.action {
        FindingAction::Block | FindingAction::Log => "block",
        FindingAction::Tag => "tag",
    };
    write!(output, "    {signal}: ")?;
    match (observations.is_empty(), signal.kind()) {
        (true, _) => writeln!(output, "{verdict}")?,
        (false, SignalKind::Anomaly) => {
            writeln!(output, "score {score}, an anomaly, tags from {}: {verdict}", profile.tag_score())?;
        }
        (false, SignalKind::Attack) => writeln!(
            output,
            "score {score}, blocks from {} and tags from {} ({}): {verdict}",
            profile.block_score(),
            profile.tag_score(),
            profile.as_str()
        )?,
    }
    writeln!(output, "        at {location}{}: {excerpt}", peeled(layers))?;
    for Observation { what, strength, location: place, at, layers: under } in observations {
        write!(output, "        +{strength} bytes {}..{}", at.start, at.end)?;
        if place != location || under != layers {
            write!(output, " of {place}{}", peeled(under))?;
        }
        writeln!(output, ": {what}")?;
    }
    Ok(())
}

/// The encodings that were undone: ` (percent, base64 undone)`.
fn peeled(layers: &[Step]) -> String {
    if layers.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = layers.iter().map(|step| step.as_str()).collect();
    format!(" ({} undone)", names.join(", "))
}

#[cfg(test)]
mod tests {
    use framewall_inspect::{Direction, Opcode, Signal, Unit};

    use super::*;

    fn explained(finding_: &Finding) -> String {
        let mut output = Vec::new();
        finding(finding_, Profile::Balanced, &mut output).expect("memory can be written");
        String::from_utf8(output).expect("text")
    }

    fn observation(what: &'static str, strength: u32, location: &str) -> Observation {
        Observation { what, strength, location: location.to_owned(), at: 0..4, layers: vec![Step::Percent] }
    }

    #[test]
    fn names_the_summands_of_the_score_and_where_they_differ_in_place() {
        let found = Finding {
            signal: Signal::Sqli,
            direction: Direction::ToServer,
            action: FindingAction::Log,
            score: 8,
            location: "$.a".to_owned(),
            excerpt: "' OR 1".to_owned(),
            evidence: "closed",
            at: 0..4,
            layers: vec![Step::Percent],
            observations: vec![observation("closed", 5, "$.a"), observation("comment", 3, "$.b")],
            rule: None,
            unit: Unit::Message { opcode: Opcode::Text, index: 1 },
        };
        assert_eq!(
            explained(&found),
            "    SQLI: score 8, blocks from 5 and tags from 2 (balanced): block\n\
             \x20       at $.a (percent undone): ' OR 1\n\
             \x20       +5 bytes 0..4: closed\n\
             \x20       +3 bytes 0..4 of $.b (percent undone): comment\n"
        );
        let odd = Finding {
            signal: Signal::JsonError,
            action: FindingAction::Tag,
            observations: Vec::new(),
            layers: Vec::new(),
            ..found
        };
        assert_eq!(explained(&odd), "    JSON-ERROR: tag\n        at $.a: ' OR 1\n");
    }
}
