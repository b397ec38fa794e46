//! The targets: what is done with the bytes of an input.

mod frames;
mod http;
mod inflate;
pub(crate) mod rules;
mod session;
pub(crate) mod slowest;
mod text;

/// One way to read an input.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name on the command line, and of the folder with its seeds.
    pub name: &'static str,
    /// Plays an input and panics if something is wrong. Returns a number for what happened, the same for inputs that
    /// have led to much the same.
    pub run: fn(&[u8]) -> u64,
}

/// All of them.
pub const TARGETS: [Target; 7] = [
    Target { name: "http", run: http::run },
    Target { name: "frames", run: frames::run },
    Target { name: "inflate", run: inflate::run },
    Target { name: "session", run: session::run },
    Target { name: "text", run: text::run },
    Target { name: "rules", run: rules::run },
    Target { name: SLOWEST, run: slowest::run },
];

/// The target that [`hunt`](crate::slowest::hunt) is for.
pub const SLOWEST: &str = "slowest";

/// The target of this name.
pub fn find(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}
