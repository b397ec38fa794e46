//! Rules that are allowed and can hardly be meant.

use std::collections::{HashMap, HashSet};

use super::{
    complaint::{Source, Warning},
    condition::{Atom, Condition, Subject},
    parse::Parsed,
    rule::{Heading, Rule, RuleAction, RuleMode},
    signals::{SIGNALS, SignalId},
    test::{Compare, Test},
};

/// What `framewall check` warns of.
pub(super) fn warnings(parsed: &Parsed, files: &[(&str, &str)], unix_s: u64) -> Vec<Warning> {
    let sources: Vec<_> = files.iter().map(|(name, text)| Source::new(name, text)).collect();
    let mut warnings = Vec::new();
    let mut warn = |heading: &Heading, message: String| {
        if let Some(source) = sources.get(heading.file) {
            warnings.push(Warning(source.complaint(heading.at.start..heading.at.end, message)));
        }
    };
    // A tag reaches what comes after the rule that gives it.
    let mut given: HashSet<SignalId> = (0..SIGNALS.len()).collect();
    let excludes = parsed.excludes.iter().map(|exclude| (&exclude.heading, None));
    let rules = parsed.rules.iter().map(|rule| (&rule.heading, rule.does.tag));
    let limits = parsed.limits.iter().map(|limit| (&limit.heading, limit.does.tag));
    for (heading, tag) in excludes.chain(rules).chain(limits) {
        let id = &heading.id;
        if !heading.enabled {
            warn(heading, format!("`{id}` is not enabled"));
        } else if heading.mode == RuleMode::Off {
            warn(heading, format!("`{id}` is off"));
        }
        if heading.is_expired(unix_s) {
            warn(heading, format!("`{id}` has expired"));
        }
        if let Some(when) = &heading.when {
            if let Some(why) = never(when, &given) {
                warn(heading, format!("`{id}` can never match: {why}"));
            } else if let Some(text) = slow(when) {
                let message = format!(
                    "`{id}` runs a regex on every value, because nothing in it must stand in a match: {text}"
                );
                warn(heading, message);
            }
        }
        if heading.is_on() && heading.mode == RuleMode::Block && !heading.is_expired(unix_s) {
            given.extend(tag);
        }
    }
    for (rule, by) in shadowed(&parsed.rules, unix_s) {
        let message = format!("`{}` never decides: `{by}` decides before it", rule.heading.id);
        warn(&rule.heading, message);
    }
    warnings.sort_by(|a, b| (&a.0.file, a.0.line).cmp(&(&b.0.file, b.0.line)));
    warnings
}

/// Why a condition holds for nothing, if that can be seen.
fn never(condition: &Condition, given: &HashSet<SignalId>) -> Option<String> {
    match condition {
        Condition::Is(atom) => match atom.subject {
            Subject::Signal { id, .. } if !given.contains(&id) => {
                Some(format!("no rule before it gives the tag of `{}`", atom.text))
            }
            Subject::Signal { .. }
            | Subject::Field(_)
            | Subject::Header(_)
            | Subject::Query(_)
            | Subject::Cookie(_)
            | Subject::Param(_)
            | Subject::Some { .. } => {
                atom.test.is_never().then(|| format!("the list of `{}` is empty", atom.text))
            }
        },
        Condition::Any(parts) => {
            let reasons: Option<Vec<_>> = parts.iter().map(|part| never(part, given)).collect();
            reasons.and_then(|reasons| reasons.into_iter().next())
        }
        Condition::All(parts) => {
            parts.iter().find_map(|part| never(part, given)).or_else(|| contradiction(condition))
        }
        Condition::Not(_) => None,
    }
}

/// Two conditions of a group `all` of which only one can hold.
fn contradiction(condition: &Condition) -> Option<String> {
    let mut facts = Vec::new();
    conjuncts(condition, &mut facts);
    let excluded: HashSet<&str> =
        facts.iter().filter(|(_, holds)| !holds).map(|(atom, _)| &*atom.text).collect();
    let positive: Vec<&Atom> = facts.iter().filter(|(_, holds)| *holds).map(|(atom, _)| *atom).collect();
    if let Some(atom) = positive.iter().find(|atom| excluded.contains(&*atom.text)) {
        return Some(format!("`{}` and its opposite", atom.text));
    }
    let mut equal: HashMap<String, (&Atom, &[u8])> = HashMap::new();
    let mut ranges: HashMap<String, Vec<&Atom>> = HashMap::new();
    for atom in positive {
        let Subject::Field(field) = &atom.subject else { continue };
        if !field.is_single() {
            continue;
        }
        let name = field.as_str().to_owned();
        match &atom.test {
            Test::Equals { text, fold: false } => {
                let (other, known) = *equal.entry(name).or_insert((atom, text));
                if known != &**text {
                    return Some(format!("`{}` and `{}`", other.text, atom.text));
                }
            }
            Test::Number(..) => {
                let others = ranges.entry(name).or_default();
                if let Some(other) = others.iter().find(|other| !overlap(&other.test, &atom.test)) {
                    return Some(format!("`{}` and `{}`", other.text, atom.text));
                }
                others.push(atom);
            }
            Test::Exists
            | Test::Equals { .. }
            | Test::Contains { .. }
            | Test::StartsWith { .. }
            | Test::EndsWith { .. }
            | Test::Like { .. }
            | Test::Matches(_)
            | Test::Strings { .. }
            | Test::OneOf(_)
            | Test::Numbers(_)
            | Test::Net(_)
            | Test::Nets(_)
            | Test::Flag(_) => {}
        }
    }
    None
}

/// Whether a number can pass both.
fn overlap(a: &Test, b: &Test) -> bool {
    let (Test::Number(of_a, a), Test::Number(of_b, b)) = (a, b) else { return true };
    let holds = |compare: Compare, number| compare.holds(number, *b);
    match (of_a, of_b) {
        (Compare::Equals, other) => holds(*other, *a),
        (other, Compare::Equals) => other.holds(*b, *a),
        (Compare::Ge | Compare::Gt, Compare::Ge | Compare::Gt)
        | (Compare::Le | Compare::Lt, Compare::Le | Compare::Lt) => true,
        (Compare::Ge, Compare::Le) | (Compare::Le, Compare::Ge) => {
            let (low, high) = if *of_a == Compare::Ge { (a, b) } else { (b, a) };
            Compare::Le.holds(*low, *high)
        }
        (first, _) => {
            let (low, high) = if matches!(first, Compare::Ge | Compare::Gt) { (a, b) } else { (b, a) };
            Compare::Lt.holds(*low, *high)
        }
    }
}

/// The questions that must be answered like this.
fn conjuncts<'a>(condition: &'a Condition, out: &mut Vec<(&'a Atom, bool)>) {
    match condition {
        Condition::Is(atom) => out.push((atom, true)),
        Condition::All(parts) => parts.iter().for_each(|part| conjuncts(part, out)),
        Condition::Not(part) => {
            if let Condition::Is(atom) = &**part {
                out.push((atom, false));
            }
        }
        Condition::Any(_) => {}
    }
}

/// A regex that nothing in a value announces.
fn slow(condition: &Condition) -> Option<&str> {
    match condition {
        Condition::Is(atom) => {
            let Test::Matches(pattern) = &atom.test else { return None };
            pattern.literals.is_empty().then_some(&*atom.text)
        }
        Condition::All(parts) | Condition::Any(parts) => parts.iter().find_map(slow),
        Condition::Not(part) => slow(part),
    }
}

/// Rules that an earlier one leaves nothing for, with its id.
fn shadowed(rules: &[Rule], unix_s: u64) -> Vec<(&Rule, &str)> {
    let mut found = Vec::new();
    let asked: Vec<_> = rules
        .iter()
        .filter(|rule| rule.heading.is_on() && !rule.heading.is_expired(unix_s))
        .map(|rule| (rule, needs(rule.heading.when.as_ref())))
        .collect();
    let mut uses: HashMap<String, usize> = HashMap::new();
    for need in asked.iter().flat_map(|(_, needs)| needs) {
        *uses.entry(need.clone()).or_default() += 1;
    }
    // Rules that decide, by the rarest of what they need.
    let mut deciding: HashMap<String, Vec<(Vec<String>, &Rule)>> = HashMap::new();
    for (rule, needs) in asked {
        let known: HashSet<&str> = needs.iter().map(String::as_str).collect();
        let covers = |earlier: &&(Vec<String>, &Rule)| {
            let ports = match (&earlier.1.heading.ports, &rule.heading.ports) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(earlier), Some(ports)) => ports.iter().all(|port| earlier.contains(port)),
            };
            ports && earlier.0.iter().all(|need| known.contains(need.as_str()))
        };
        let by = std::iter::once("")
            .chain(needs.iter().map(String::as_str))
            .filter_map(|need| deciding.get(need))
            .find_map(|earlier| earlier.iter().find(covers));
        if let Some((_, by)) = by {
            found.push((rule, &*by.heading.id));
            continue;
        }
        let decides = matches!(rule.does.action, RuleAction::Allow | RuleAction::Block)
            && rule.heading.mode == RuleMode::Block
            && rule.heading.expires.is_none();
        if decides {
            let rarest = needs.iter().min_by_key(|need| uses.get(*need)).cloned().unwrap_or_default();
            deciding.entry(rarest).or_default().push((needs, rule));
        }
    }
    found
}

/// All that must hold, in words, sorted.
fn needs(when: Option<&Condition>) -> Vec<String> {
    let mut needs = Vec::new();
    match when {
        Some(Condition::All(parts)) => parts.iter().for_each(|part| needs.extend(self::needs(Some(part)))),
        Some(condition) => needs.push(words(condition)),
        None => {}
    }
    needs.sort();
    needs.dedup();
    needs
}

fn words(condition: &Condition) -> String {
    let group = |name: &str, parts: &[Condition]| {
        let mut parts: Vec<_> = parts.iter().map(words).collect();
        parts.sort();
        format!("{name}({})", parts.join("; "))
    };
    match condition {
        Condition::Is(atom) => atom.text.clone(),
        Condition::All(parts) => group("all", parts),
        Condition::Any(parts) => group("any", parts),
        Condition::Not(part) => format!("not {}", words(part)),
    }
}
