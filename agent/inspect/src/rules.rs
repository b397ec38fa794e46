//! Rules: what an operator says about connections and messages.
//!
//! Rule files are TOML. [`RuleSet::load`] reads them (`parse`, `condition`, `list`) or says all that is wrong
//! (`complaint`). A set is compiled to questions and small expressions over their answers (`program`). With a
//! connection comes [`RuleSet::bind`], which answers the questions about the connection and its handshake once. Each
//! message is a [`Trial`]: its content is put to an index of the questions (`index`), and only the rules whose
//! questions were answered with yes are decided. `counts` remembers how often something happened, for rate limits.
//!
//! ```
//! use std::time::Instant;
//!
//! use framewall_inspect::{Direction, Opcode, rules::*};
//!
//! let text = r#"
//!     [[rule]]
//!     id = "no-delete"
//!     when = { all = [{ field = "port", equals = 8080 }, { param = "action", equals = "delete" }] }
//!     action = "block"
//! "#;
//! let read = |file: &str, _from: &str| Err(format!("{file} is not here"));
//! let (set, warnings) = RuleSet::load(&[("rules.toml", text)], &read, 0).expect("the rules are sound");
//! assert!(warnings.is_empty());
//!
//! let now = Instant::now();
//! // Once for each connection, and again when the rules were replaced.
//! let bound = set.bind(&ConnectionFacts {
//!     client: [192, 0, 2, 1].into(),
//!     port: 8080,
//!     scheme: "http",
//!     handshake: None,
//!     response_code: 101,
//!     opened: now,
//!     connection: 1,
//! });
//! let counts = Counts::new(set.max_keys());
//! let mut scratch = RuleScratch::default();
//! // For each message.
//! let message = MessageFacts {
//!     direction: Direction::ToServer,
//!     opcode: Opcode::Text,
//!     wire_bytes: 19,
//!     bytes: 19,
//!     fragments: 1,
//!     index: 1,
//!     compressed: false,
//! };
//! let mut trial = bound.begin(&mut scratch, message, Moment { now, unix_s: 0 });
//! trial.param(&[Segment::Key(b"action")], b"delete");
//! let decision = trial.decide(&counts);
//! assert!(matches!(decision.verdict, Verdict::Block(_)));
//! assert_eq!(
//!     trial.explain().to_string(),
//!     "rule no-delete matches\n  + all\n    + port equals 8080\n    + param \"action\" equals \"delete\"\n"
//! );
//! ```
//!
//! The language is described in `docs/rules.md`, whose examples are tests of this module.

mod complaint;
mod condition;
mod counts;
mod decision;
mod field;
mod index;
mod item;
mod like;
mod list;
mod live;
mod net;
mod number;
mod param_path;
mod params;
mod parse;
mod pattern;
mod program;
mod read;
mod redaction;
mod rule;
mod set;
mod signals;
mod test;
mod text_map;
mod trial;
mod warning;

pub use complaint::{Complaint, Warning};
pub use counts::{Counts, Loss};
pub(crate) use decision::ATTACK_THRESHOLD;
pub use decision::{
    Block, Decider, Decision, ExplainedRule, Explanation, LostCounts, Matched, Outcome, SeenSignal, Verdict,
};
pub use list::Loader;
pub use live::LiveRules;
pub use param_path::Segment;
pub use redaction::{Redaction, Shape};
pub use rule::{LogPolicy, RuleAction, RuleMode, SignalPolicy};
pub use set::{Bound, ConnectionFacts, RuleSet};
pub use trial::{MessageFacts, Moment, RuleScratch, Trial};

#[cfg(test)]
mod tests;
