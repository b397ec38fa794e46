//! Shares, and how sure they are.

use std::fmt;

use serde::Serialize;

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Rate {
    pub(crate) hits: u32,
    pub(crate) all: u32,
}

impl Rate {
    pub(crate) fn count(&mut self, hit: bool) {
        self.hits += u32::from(hit);
        self.all += 1;
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.hits += other.hits;
        self.all += other.all;
    }

    /// In percent; of none, 0.
    pub(crate) fn percent(self) -> f64 {
        if self.all == 0 { 0.0 } else { 100.0 * f64::from(self.hits) / f64::from(self.all) }
    }

    /// Wilson's interval, in percent: where the true share lies with a confidence of 95 %.
    pub(crate) fn interval(self) -> (f64, f64) {
        const Z: f64 = 1.959_964;
        if self.all == 0 {
            return (0.0, 100.0);
        }
        let all = f64::from(self.all);
        let share = f64::from(self.hits) / all;
        let middle = share + Z * Z / (2.0 * all);
        let half = Z * (share * (1.0 - share) / all + Z * Z / (4.0 * all * all)).sqrt();
        let scale = 100.0 / (1.0 + Z * Z / all);
        ((middle - half).max(0.0) * scale, ((middle + half) * scale).min(100.0))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:6.2}", self.percent())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_wilsons() {
        let close =
            |(low, high): (f64, f64), (l, h): (f64, f64)| (low - l).abs() < 0.05 && (high - h).abs() < 0.05;
        assert!(close(Rate { hits: 8, all: 10 }.interval(), (49.0, 94.3)));
        assert!(close(Rate { hits: 0, all: 100 }.interval(), (0.0, 3.7)));
        assert!(close(Rate { hits: 100, all: 100 }.interval(), (96.3, 100.0)));
        assert_eq!(Rate::default().interval(), (0.0, 100.0));
    }

    #[test]
    fn counts_and_adds() {
        let mut rate = Rate::default();
        rate.count(true);
        rate.count(false);
        rate.add(Rate { hits: 1, all: 2 });
        assert_eq!((rate, rate.percent()), (Rate { hits: 2, all: 4 }, 50.0));
    }
}
