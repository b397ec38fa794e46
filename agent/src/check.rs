//! `framewall check`: whether configurations and rule files are sound, without running them.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Context as _, anyhow};

use crate::{cli::CheckArgs, config::Config, rules, telemetry::clients::ClientNames};

/// What only rule files begin a table or a key with.
const OF_RULES: [&str; 8] =
    ["rule", "exclude", "rate_limit", "attack_threshold", "lists", "signals", "redaction", "counting"];

/// Reads all files and prints what is to be warned of.
///
/// # Errors
///
/// All that is wrong with them.
pub(crate) fn run(args: &CheckArgs) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    let mut mistakes = Vec::new();
    let mut rule_files: Vec<PathBuf> = Vec::new();
    for file in &args.files {
        let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        if is_of_rules(&String::from_utf8_lossy(&text)) {
            rule_files.push(file.clone());
            continue;
        }
        match Config::read(file) {
            Ok(config) => {
                if let Err(error) = ClientNames::new(&config.anonymise_clients) {
                    mistakes.push(format!("{}: {error}", file.display()));
                    continue;
                }
                writeln!(output, "{}: a sound configuration", file.display())?;
                if !config.rules.is_empty() {
                    check_rules(&config.rules, &mut mistakes, &mut output)?;
                }
            }
            Err(error) => mistakes.push(error.to_string()),
        }
    }
    if !rule_files.is_empty() {
        check_rules(&rule_files, &mut mistakes, &mut output)?;
    }
    if mistakes.is_empty() { Ok(()) } else { Err(anyhow!(mistakes.join("\n"))) }
}

/// Checks files that are one set.
fn check_rules(files: &[PathBuf], mistakes: &mut Vec<String>, output: &mut impl Write) -> io::Result<()> {
    match rules::load(files) {
        Ok((set, warnings)) => {
            for warning in &warnings {
                writeln!(output, "warning: {warning}")?;
            }
            let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
            let (files, rules, warned) = (files.join(", "), set.len(), warnings.len());
            writeln!(output, "{files}: sound rules, {rules} in force, {warned} warnings")
        }
        Err(error) => {
            mistakes.push(error.to_string());
            Ok(())
        }
    }
}

/// Whether a file holds rules rather than a configuration: by the names at the beginnings of its lines, so that one
/// with mistakes is told, too.
fn is_of_rules(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start();
        let (is_table, inside) = match line.trim_start_matches('[') {
            inside if inside.len() < line.len() => (true, inside.trim_start()),
            inside => (false, inside),
        };
        let end = inside.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let (name, rest) = inside.split_at(end.unwrap_or(inside.len()));
        let assigned = || rest.trim_start().starts_with(['=', '.']);
        // `[port.9000.signals]`; that of a configuration is `[[port]]` or `[port.limits]`.
        let of_port = || is_table && name == "port" && rest.starts_with('.') && rest.contains(".signals");
        OF_RULES.contains(&name) && (is_table || assigned()) || of_port()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_rules_from_configurations() {
        for rules in
            ["[[rule]]\nid = ", "# x\n [lists.a]", "[signals]", "[port.9000.signals]\nSQLI=1", "lists.a = 1"]
        {
            assert!(is_of_rules(rules), "{rules}");
        }
        for config in ["ports = [1]\nrules = [\"a\"]", "[[port]]\nport = 1\n[port.limits]\n", "", "[limits]"]
        {
            assert!(!is_of_rules(config), "{config}");
        }
    }
}
