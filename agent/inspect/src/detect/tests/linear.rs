//! Whether a detector's time is linear in the length of what it reads.

use std::time::{Duration, Instant};

use crate::detect::{Detector, Found, Value};

/// Whether sixteen times as much of `part` takes about sixteen times as long, and not 256 times. One run in which
/// the machine did nothing else will do.
pub(in crate::detect) fn is_linear(detector: &dyn Detector, part: &str) -> bool {
    let (few, many) = (part.repeat(512 / part.len()), part.repeat(16 * 512 / part.len()));
    let least = (0..4).map(|_| time(detector, &few)).min().unwrap_or_default();
    (0..50).any(|_| time(detector, &many) < least * 80 + Duration::from_micros(200))
}

fn time(detector: &dyn Detector, text: &str) -> Duration {
    let value = Value::text(text.as_bytes());
    let start = Instant::now();
    detector.examine(&value, &mut Found::default());
    start.elapsed()
}
