//! Rules: what an operator says about connections and messages.
//!
//! Rule files are TOML. [`RuleSet::load`] reads them (`parse`, `condition`, `list`) or says all that is wrong
//! (`complaint`). A set is compiled to questions and small expressions over their answers (`program`). With a
//! connection comes [`RuleSet::bind`], which answers the questions about the connection and its handshake once. Each
//! message is a [`Trial`]: its content is put to an index of the questions (`index`), and only the rules whose
//! questions were answered with yes are decided. `counts` remembers how often something happened, for rate limits.
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
mod net;
mod number;
mod param_path;
mod parse;
mod pattern;
mod program;
mod read;
mod redaction;
mod rule;
mod set;
mod signals;
mod test;
mod trial;
mod warning;

pub use complaint::{Complaint, Warning};
pub use counts::Counts;
pub use decision::{
    Block, Decider, Decision, ExplainedRule, Explanation, Matched, Outcome, SeenSignal, Verdict,
};
pub use list::Loader;
pub use param_path::Segment;
pub use redaction::{Redaction, Shape};
pub use rule::{LogPolicy, RuleAction, RuleMode, SignalPolicy};
pub use set::{Bound, ConnectionFacts, RuleSet};
pub use trial::{MessageFacts, Moment, RuleScratch, Trial};

#[cfg(test)]
mod tests;
