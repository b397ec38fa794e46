//! Judges one value: is it an attack, and of which class?

mod classes;
mod signal;
mod sqli;
mod xss;

pub(crate) use classes::Classes;
pub use signal::Signal;

/// One class of attack: its name, when it can be ruled out at once, and how it is found.
pub(crate) trait Detector: Sync {
    /// What a finding is called.
    fn signal(&self) -> Signal;

    /// Whether a value made of such bytes can be an attack at all. Runs on every value, so it must be cheap.
    fn applies(&self, classes: Classes) -> bool;

    /// Whether this value is an attack. Takes time linear in its length.
    fn detect(&self, value: &[u8]) -> bool;
}

/// All detectors, in the order in which they are asked.
pub(crate) static DETECTORS: [&dyn Detector; 2] = [&sqli::Sqli, &xss::Xss];

#[cfg(test)]
mod tests;
