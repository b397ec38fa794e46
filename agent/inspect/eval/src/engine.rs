//! What is measured: Framewall, and libinjection beside it.

use framewall_inspect::{Finding, FindingAction, Inspector, Mode, Opcode, Profile, Settings};
use libinjectionrs::{detect_sqli, detect_xss};
use serde::Serialize;

use crate::corpus::Row;

/// What an engine says about a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// It would end the connection.
    pub(crate) blocked: bool,
    /// Something was found, worth a block or not.
    pub(crate) found: bool,
}

/// Judges values.
pub(crate) trait Engine {
    fn judge(&mut self, row: &Row) -> Verdict;
}

/// The inspection core.
#[derive(Debug)]
pub(crate) struct Framewall {
    inspector: Inspector,
    /// Mode log, which looks on after the first finding.
    settings: Settings,
}

impl Framewall {
    pub(crate) fn new(profile: Profile) -> Self {
        let settings = Settings { mode: Mode::Log, profile, ..Settings::default() };
        Self { inspector: Inspector::default(), settings }
    }

    /// Everything that is found in a message.
    pub(crate) fn findings(&mut self, opcode: Opcode, message: &[u8]) -> Vec<Finding> {
        self.inspector.inspect(&self.settings, opcode, message)
    }

    /// Judges a message as it stands.
    pub(crate) fn judge_message(&mut self, row: &Row) -> Verdict {
        let findings = self.findings(row.opcode, &row.payload);
        Verdict { blocked: findings.iter().any(blocks), found: !findings.is_empty() }
    }
}

impl Engine for Framewall {
    fn judge(&mut self, row: &Row) -> Verdict {
        let (opcode, message) = message(row);
        let findings = self.findings(opcode, &message);
        Verdict { blocked: findings.iter().any(blocks), found: !findings.is_empty() }
    }
}

/// Whether mode block would end the connection over it.
pub(crate) fn blocks(finding: &Finding) -> bool {
    finding.action != FindingAction::Tag
}

/// The message that carries a value: `{"type":"msg","data":{"text":VALUE}}`. A value that is not UTF-8 is a binary message.
pub(crate) fn message(row: &Row) -> (Opcode, Vec<u8>) {
    #[derive(Serialize)]
    struct Chat<'a> {
        r#type: &'static str,
        data: Data<'a>,
    }
    #[derive(Serialize)]
    struct Data<'a> {
        text: &'a str,
    }
    match std::str::from_utf8(&row.payload) {
        Ok(text) => {
            let chat = Chat { r#type: "msg", data: Data { text } };
            (Opcode::Text, serde_json::to_vec(&chat).expect("strings can be written as JSON"))
        }
        Err(_) => (Opcode::Binary, row.payload.clone()),
    }
}

/// libinjection, which judges a value without its envelope, as SQL and as HTML.
#[derive(Debug)]
pub(crate) struct Libinjection;

impl Engine for Libinjection {
    fn judge(&mut self, row: &Row) -> Verdict {
        let blocked = detect_sqli(&row.payload).is_injection() || detect_xss(&row.payload).is_injection();
        Verdict { blocked, found: blocked }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::tests::made_up;

    #[test]
    fn both_find_the_textbook_and_let_people_talk() {
        let attack = made_up("sqli", "own", "1", "' OR '1'='1");
        let chat = made_up("benign", "chat", "2", "it's \"five\"\no'clock");
        let engines: [&mut dyn Engine; 2] = [&mut Framewall::new(Profile::Balanced), &mut Libinjection];
        for engine in engines {
            assert_eq!(engine.judge(&attack), Verdict { blocked: true, found: true });
            assert_eq!(engine.judge(&chat), Verdict::default());
        }
    }

    #[test]
    fn a_value_is_put_in_a_chat_message() {
        let (opcode, text) = message(&made_up("benign", "chat", "1", "a\"b"));
        assert_eq!(
            (opcode, text.as_slice()),
            (Opcode::Text, &br#"{"type":"msg","data":{"text":"a\"b"}}"#[..])
        );
    }
}
