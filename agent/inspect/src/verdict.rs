//! From evidence to a decision: what was found, where, and how a connection ends for it.

mod close_reason;
mod court;
mod examine;
mod finding;
mod handshake;
mod judgement;
mod offence;
mod redact;

pub use close_reason::CloseReason;
pub(crate) use examine::{Examiner, Subject};
pub use examine::{Inspection, Inspector, inspect_text};
pub use finding::{Finding, FindingAction, Observation, Opcode, Unit};
pub(crate) use handshake::examine_handshake;
pub(crate) use judgement::Judgement;
pub use judgement::RuleMatch;
pub(crate) use offence::Breach;
pub use offence::{Offence, OffenceClass};
