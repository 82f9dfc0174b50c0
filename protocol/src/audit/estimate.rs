//! Estimates with intervals, by the delta method.
//!
//! Each rate is a function of counts. Its variance is that of sampling people given the denominators'
//! true sizes (binomial), plus that of the noise, `sigma^2` times the squared derivatives by the counts.
//!
//! **Absolute values.** The delta method fails where a gap is near 0, so intervals are made of signed gaps.
//! `| |g| - |true g| | <= |error|`, so that of one absolute gap is its signed interval's half-width, 1.96
//! standard errors. The error of `EqOd` is at most `(|e1| + |e2|) / 2`, the greater of `|e1 + e2| / 2` and
//! `|e1 - e2| / 2`, which have the same standard error: each at 97.5 % is 2.2414 standard errors, and
//! together they hold at 95 % or more. Near 0 the intervals are wide, and the estimate is biased upwards.

use serde::{Deserialize, Serialize};

use super::measures::{equalized_odds, statistical_parity};

/// 97.5 % of a normal distribution lie below.
const Z: f64 = 1.959_963_984_540_054;
/// 98.75 % of a normal distribution lie below: two statements that hold together at 95 %.
const Z_OF_TWO: f64 = 2.241_402_727_604_947;

/// A share or a difference of shares, with a 95 % interval within its range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// The interval's half-width before it is cut to `[0, 1]`.
    pub half_width: f64,
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Estimate {
    fn new(value: f64, half_width: f64) -> Self {
        let (low, high) = ((value - half_width).max(0.0), (value + half_width).min(1.0));
        Self { value, half_width, low, high }
    }
}

/// What one audit says; `None` is withheld.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimates {
    /// `tpr[group]`; group 1 is the minority.
    pub tpr: [Option<Estimate>; 2],
    /// `fpr[group]`.
    pub fpr: [Option<Estimate>; 2],
    /// Absolute difference of the two TPR.
    pub tpr_gap: Option<Estimate>,
    /// Absolute difference of the two FPR.
    pub fpr_gap: Option<Estimate>,
    /// Equalized odds violation.
    pub eqod: Option<Estimate>,
    /// Statistical parity difference.
    pub parity: Option<Estimate>,
    /// Share of wrong decisions.
    pub error: Option<Estimate>,
}

/// A rate `yes / (no + yes)` and its variance.
#[derive(Clone, Copy, Debug)]
struct Rate {
    value: f64,
    variance: f64,
}

impl Rate {
    /// `cells`: how many noisy counts each of the two numbers sums.
    fn of(no: i64, yes: i64, cells: f64, sigma_milli: u32) -> Self {
        let sigma = f64::from(sigma_milli) / 1_000.0;
        let people = real(no) + real(yes);
        let value = real(yes) / people;
        let other = 1.0 - value;
        let sampling = value * other / people;
        let noise = cells * sigma * sigma * (other * other + value * value) / (people * people);
        Self { value, variance: sampling + noise }
    }

    fn estimate(self) -> Estimate {
        Estimate::new(self.value, Z * self.variance.sqrt())
    }
}

impl Estimates {
    pub(super) fn of(published: &[[[Option<i64>; 2]; 2]; 2], sigma_milli: u32) -> Self {
        let rate = |group: usize, label: usize| {
            let [no, yes] = published[group][label];
            Some(Rate::of(no?, yes?, 1.0, sigma_milli))
        };
        let [fpr, tpr] = [0, 1].map(|label| [rate(0, label), rate(1, label)]);
        let gap = |rates: [Option<Rate>; 2]| {
            let [majority, minority] = [rates[0]?, rates[1]?];
            let variance = majority.variance + minority.variance;
            let value = statistical_parity([majority.value, minority.value]);
            Some(Rate { value, variance })
        };
        let (tpr_gap, fpr_gap) = (gap(tpr), gap(fpr));
        let eqod = tpr_gap.zip(fpr_gap).and_then(|(t, f)| {
            let deviation = (t.variance + f.variance).sqrt() / 2.0;
            let pair = |rates: [Option<Rate>; 2]| Some([rates[0]?.value, rates[1]?.value]);
            Some(Estimate::new(equalized_odds(pair(tpr)?, pair(fpr)?), Z_OF_TWO * deviation))
        });
        let sum = |cells: &[(usize, usize, usize)]| {
            cells.iter().map(|&(a, y, h)| published[a][y][h]).sum::<Option<i64>>()
        };
        let accepted = |a: usize| {
            let (no, yes) = (sum(&[(a, 0, 0), (a, 1, 0)])?, sum(&[(a, 0, 1), (a, 1, 1)])?);
            Some(Rate::of(no, yes, 2.0, sigma_milli))
        };
        let right = sum(&[(0, 0, 0), (0, 1, 1), (1, 0, 0), (1, 1, 1)]);
        let wrong = sum(&[(0, 0, 1), (0, 1, 0), (1, 0, 1), (1, 1, 0)]);
        let error = right.zip(wrong).map(|(no, yes)| Rate::of(no, yes, 4.0, sigma_milli));
        let show = |rate: Option<Rate>| rate.map(Rate::estimate);
        Self {
            tpr: tpr.map(show),
            fpr: fpr.map(show),
            tpr_gap: show(tpr_gap),
            fpr_gap: show(fpr_gap),
            eqod,
            parity: show(gap([accepted(0), accepted(1)])),
            error: show(error),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of people are far below 2^53")]
fn real(count: i64) -> f64 {
    count as f64
}
