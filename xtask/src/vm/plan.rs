//! What the guest has to do, as a file that the host writes and the guest's init process reads.
//!
//! One task a line, its words separated by tabs; nothing in it contains a tab or a line break.

use anyhow::{Context, Result, bail};

/// Where the plan is in the guest.
pub(super) const PATH: &str = "/framewall-vm/plan";
/// What the guest prints on the console when every program has ended with success, and nothing else.
pub(super) const SUCCESS: &str = "framewall-vm: success";
/// What the guest prints, followed by the reason, in every other case.
pub(super) const FAILURE: &str = "framewall-vm: failure";

/// A task of the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Task {
    /// Load a module from this file.
    Module(String),
    /// Set a variable for the programs that follow.
    Variable { name: String, value: String },
    /// Run a program with these arguments.
    Run(Vec<String>),
}

/// The plan as text.
pub(super) fn write(tasks: &[Task]) -> Result<String> {
    let mut text = String::new();
    for task in tasks {
        let words = match task {
            Task::Module(file) => vec!["module", file],
            Task::Variable { name, value } => vec!["variable", name, value],
            Task::Run(words) => std::iter::once("run").chain(words.iter().map(String::as_str)).collect(),
        };
        if words.iter().any(|word| word.contains(['\t', '\n'])) {
            bail!("a plan cannot have a tab or a line break in {words:?}");
        }
        text.push_str(&words.join("\t"));
        text.push('\n');
    }
    Ok(text)
}

/// The tasks of a plan.
pub(super) fn read(text: &str) -> Result<Vec<Task>> {
    text.lines().map(|line| task(line).with_context(|| format!("plan: {line}"))).collect()
}

fn task(line: &str) -> Option<Task> {
    let (kind, rest) = line.split_once('\t')?;
    match kind {
        "module" => Some(Task::Module(rest.to_owned())),
        "variable" => {
            let (name, value) = rest.split_once('\t')?;
            Some(Task::Variable { name: name.to_owned(), value: value.to_owned() })
        }
        "run" => Some(Task::Run(rest.split('\t').map(str::to_owned).collect())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guest_reads_what_the_host_wrote() {
        let tasks = [
            Task::Module("/modules/veth.ko".into()),
            Task::Variable { name: "EMPTY".into(), value: String::new() },
            Task::Run(vec!["/bin/x".into(), "a b".into()]),
        ];
        assert_eq!(read(&write(&tasks).unwrap()).unwrap(), tasks);
    }

    #[test]
    fn refuses_what_it_cannot_express() {
        assert!(write(&[Task::Run(vec!["a\tb".into()])]).is_err());
        assert!(read("dance\tnow").is_err() && read("run").is_err());
    }
}
