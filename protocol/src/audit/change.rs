//! Before and after: differences of measures, and what may be said of them.

use serde::{Deserialize, Serialize};

use super::estimate::{Estimate, Estimates};

/// What a difference shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The whole interval is below 0: the measure fell.
    Improved,
    /// The interval contains 0.
    NoEvidence,
    /// The whole interval is above 0.
    Worse,
}

/// After minus before, with a 95 % interval. All measures here are better when smaller.
///
/// The two audits are taken as independent, half-widths add as squares. Where the same people answer
/// twice the interval is too wide rather than too narrow, as their answers agree.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// After minus before.
    pub difference: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// By the interval.
    pub verdict: Verdict,
}

impl Change {
    /// From two estimates of one measure.
    pub fn between(before: Estimate, after: Estimate) -> Self {
        let difference = after.value - before.value;
        let square = before.half_width.powi(2) + after.half_width.powi(2);
        let half_width = square.sqrt();
        let (low, high) = ((difference - half_width).max(-1.0), (difference + half_width).min(1.0));
        let verdict = if high < 0.0 {
            Verdict::Improved
        } else if low > 0.0 {
            Verdict::Worse
        } else {
            Verdict::NoEvidence
        };
        Self { difference, low, high, verdict }
    }
}

/// The changes of one campaign; `None` where either audit withholds the measure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Changes {
    /// Equalized odds violation.
    pub eqod: Option<Change>,
    /// Statistical parity difference.
    pub parity: Option<Change>,
    /// Share of wrong decisions.
    pub error: Option<Change>,
}

impl Changes {
    /// From two audits.
    pub fn between(before: &Estimates, after: &Estimates) -> Self {
        let change = |before: Option<Estimate>, after: Option<Estimate>| {
            before.zip(after).map(|(before, after)| Change::between(before, after))
        };
        Self {
            eqod: change(before.eqod, after.eqod),
            parity: change(before.parity, after.parity),
            error: change(before.error, after.error),
        }
    }
}
