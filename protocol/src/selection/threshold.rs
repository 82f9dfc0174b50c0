//! The threshold: from the opened histogram of scores to who is asked.
//!
//! Everybody above the boundary bin is asked; in it, everybody whose draw is below the published chance.
//! Expected asked are `min(M / (1 - no-show rate), safe cap)`, or fewer if otherwise
//! `P(asked > safe cap)` would pass 0.001.
//!
//! **The bound.** Let `C(j)` be the true number in the top `j` bins and `H(j)` the opened one. Without noise
//! they are equal, and the tail is that of the lottery, an exact binomial, at level 0.001. With noise,
//! `H(j) - C(j)` is a sum of `j` independent noises, each sub-Gaussian with the published `sigma`. So
//! (Chernoff, all S bins together, as the noise helps to choose the boundary) with probability 1 - 0.0005
//!
//! > `C(j) <= U(j) = H(j) + sigma sqrt(j) sqrt(2 (ceil(log2 S) ln 2 + ln 2000))` for every `j`.
//!
//! As `C` grows with `j` and ends at the number of reporters, `U` may be lowered to its least later value
//! and to that number. Of all true counts that obey, `U(b)` surely asked and `U(b + 1) - U(b)` in the
//! lottery asks stochastically most; its binomial tail must be at most 0.0005. The sum is 0.001.
//!
//! Thresholds are nested in the draws: whoever a lower one would ask more of includes whom a higher one
//! asks. Any choice up to the greatest safe threshold is safe, therefore, whatever the choice looked at,
//! which is why a top-up may look at confirmed flips.
//!
//! Only members whose report was accepted may be asked. Everybody recomputes and signs the result, so
//! it is made of integers, `+ - * /` and square roots; the two logarithms above are constants.
//!
//! Source: docs/PROTOCOL.md section 9; sub-Gaussian discrete Gaussians: Canonne, Kamath, Steinke 2020.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{tail, unit::Bins};
use crate::aggregation::noise::Noise;

/// `P(asked > safe cap)` without noise.
const LEVEL: f64 = 0.001;
/// Each of the two halves with noise.
const HALF_LEVEL: f64 = 0.0005;
/// `ln(1 / HALF_LEVEL)`.
const LN_2000: f64 = 7.600_902_459_542_082;
/// No count is beyond this: sums stay far inside 64 bits and exact as floats.
const COUNT_MAX: i64 = 1 << 40;
/// A chance of 1.
const CERTAIN: u32 = u32::MAX;

/// What is asked of a threshold; stands in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// M, the flips wanted.
    pub flip_budget: u32,
    /// How many of 1,000 people asked are expected not to flip; fewer than all of them.
    pub no_show_milli: u16,
    /// The greatest number of people that may be asked.
    pub safe_cap: u32,
}

impl Rule {
    /// Everybody, in thousandths: so many cannot be expected not to flip.
    pub const NO_SHOW_MILLI_BELOW: u16 = 1_000;
}

/// An opened sum of marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    /// What a cell means.
    pub bins: Bins,
    /// `counts[bin]`, in persons; noise can make it negative.
    pub counts: Vec<i64>,
    /// Accepted reports, candidates or not.
    pub reporters: u32,
    /// Standard deviation of each count as published, in thousandths of a person; 0 without noise.
    pub sigma_milli: u32,
}

/// A histogram or rule from which no threshold follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ThresholdError {
    /// 1,000 and more would ask without end.
    #[error("{got} of 1,000 people not flipping; allowed: 0 to 999")]
    NoShow {
        /// As asked.
        got: u16,
    },
    /// Another number of counts than bins.
    #[error("{got} counts for {expected} bins")]
    Counts {
        /// Bins.
        expected: u16,
        /// Counts.
        got: usize,
    },
    /// A count that no sum of people can have: negative without noise, or beyond 2^40.
    #[error("bin {bin} has the impossible count {got}")]
    Count {
        /// Which bin.
        bin: u16,
        /// Its count.
        got: i64,
    },
    /// More candidates than reports, without noise.
    #[error("{got} candidates among {reporters} reports")]
    Reporters {
        /// Accepted reports.
        reporters: u32,
        /// The sum of all bins.
        got: i64,
    },
    /// A threshold that belongs to other bins.
    #[error("the boundary bin {bin} is not among {count} bins")]
    Boundary {
        /// Of the threshold.
        bin: u16,
        /// S.
        count: u16,
    },
    /// Fine bins that are no slice of the boundary bin.
    #[error("the finer bins are no slice of the boundary bin {bin}")]
    Slice {
        /// The boundary bin.
        bin: u16,
    },
}

/// Who is asked: everybody in a bin above `bin`, and in `bin` a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// The boundary bin.
    pub bin: u16,
    /// The chance in it, in 2^-32; `u32::MAX` is everybody.
    pub chance: u32,
}

impl Threshold {
    /// Whether a candidate is asked, by its bin and its [`super::lottery::lottery_draw`].
    pub const fn decides(self, bin: u16, draw: u32) -> bool {
        bin > self.bin || (bin == self.bin && (draw < self.chance || self.chance == CERTAIN))
    }
}

/// Standard deviation of what `seats` keyholders publish, in thousandths: `sigma sqrt(seats / h)`, rounded
/// up, with 1 for the rounding of each seat's. `None` for a plan without honest seats, or beyond `u32`.
pub fn published_sigma_milli(noise: Noise, seats: u8) -> Option<u32> {
    let square = u64::from(noise.sigma_milli).pow(2);
    let square = u128::from(square) * u128::from(seats);
    let square = u128::div_ceil(square, u128::from(noise.honest_seats.max(1)));
    let root = square.isqrt();
    let root = root + u128::from(root * root < square) + 1;
    u32::try_from(root).ok().filter(|_| noise.honest_seats > 0)
}

impl Rule {
    /// Expected asked if the histogram allows it, in 2^-32 persons.
    pub(super) fn target(self) -> Result<i128, ThresholdError> {
        Ok(self.persons(self.flip_budget)?.min(i128::from(self.safe_cap) << 32))
    }

    /// How many to ask for `flips`, in 2^-32 persons.
    pub(super) fn persons(self, flips: u32) -> Result<i128, ThresholdError> {
        let got = self.no_show_milli;
        let show = Self::NO_SHOW_MILLI_BELOW.checked_sub(got).filter(|show| *show > 0);
        let show = show.ok_or(ThresholdError::NoShow { got })?;
        Ok(((i128::from(flips) * 1_000) << 32) / i128::from(show))
    }

    /// The threshold of one pass: see the module.
    ///
    /// With too few candidates for M everybody is asked, with M = 0 or a cap of 0 nobody. Where noise
    /// hides everything, few of the top bin are asked, unless all reporters fit under the cap.
    ///
    /// # Errors
    /// [`ThresholdError`] for an impossible rule or histogram.
    pub fn threshold(self, histogram: &Histogram) -> Result<Threshold, ThresholdError> {
        let stack = histogram.stack()?;
        let place = stack.reach(self.target()?).min(stack.safest(self.safe_cap));
        Ok(histogram.bins.threshold(place))
    }
}

impl Histogram {
    pub(super) fn check(&self) -> Result<(), ThresholdError> {
        let expected = self.bins.count();
        if self.counts.len() != usize::from(expected) {
            return Err(ThresholdError::Counts { expected, got: self.counts.len() });
        }
        let least = if self.sigma_milli == 0 { 0 } else { -COUNT_MAX };
        for (bin, &got) in (0..).zip(&self.counts) {
            if !(least..=COUNT_MAX).contains(&got) {
                return Err(ThresholdError::Count { bin, got });
            }
        }
        let (got, reporters) = (self.counts.iter().sum::<i64>(), self.reporters);
        if self.sigma_milli == 0 && got > i64::from(reporters) {
            return Err(ThresholdError::Reporters { reporters, got });
        }
        Ok(())
    }

    /// The cells from the greatest scores down, with how far the opened sums can lie below the truth.
    pub(super) fn stack(&self) -> Result<Stack, ThresholdError> {
        self.check()?;
        let mut stack = Stack::new(self.reporters, self.sigma_milli == 0);
        let z = deviations(u32::from(self.bins.count()));
        let mut variance = 0.0;
        for &count in self.counts.iter().rev() {
            variance += self.variance();
            stack.push(count, z * variance.sqrt());
        }
        Ok(stack)
    }

    /// Of one count, in persons squared.
    pub(super) fn variance(&self) -> f64 {
        let sigma = f64::from(self.sigma_milli) / 1_000.0;
        sigma * sigma
    }
}

impl Bins {
    pub(super) fn threshold(self, place: Place) -> Threshold {
        let bin = usize::from(self.count() - 1).saturating_sub(place.depth);
        Threshold {
            bin: u16::try_from(bin).expect("below the number of bins"),
            chance: place.chance,
        }
    }

    pub(super) fn place(self, threshold: Threshold) -> Result<Place, ThresholdError> {
        let Threshold { bin, chance } = threshold;
        let count = self.count();
        let depth = (count - 1).checked_sub(bin).ok_or(ThresholdError::Boundary { bin, count })?;
        Ok(Place { depth: usize::from(depth), chance })
    }
}

/// Standard deviations that none of `events` sub-Gaussian sums passes, but with probability 0.0005.
pub(super) fn deviations(events: u32) -> f64 {
    let log2 = u32::BITS - events.saturating_sub(1).leading_zeros();
    (2.0 * (f64::from(log2) * std::f64::consts::LN_2 + LN_2000)).sqrt()
}

/// A threshold counted from the top; the greater one asks more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) depth: usize,
    pub(super) chance: u32,
}

/// Cells from the greatest scores down.
#[derive(Debug)]
pub(super) struct Stack {
    counts: Vec<i64>,
    /// `upper[j]`: U(j) before it is lowered.
    upper: Vec<i64>,
    sum: i64,
    reporters: i64,
    level: f64,
}

impl Stack {
    pub(super) fn new(reporters: u32, exact: bool) -> Self {
        let level = if exact { LEVEL } else { HALF_LEVEL };
        let (counts, upper) = (Vec::new(), vec![0]);
        Self { counts, upper, sum: 0, reporters: i64::from(reporters), level }
    }

    /// Adds the next cell; the true sum to its end is at most `spread` persons above the opened one.
    pub(super) fn push(&mut self, count: i64, spread: f64) {
        self.sum += count;
        self.counts.push(count);
        self.upper.push(self.sum.saturating_add(ceiling(spread)));
    }

    /// Where `target` people (in 2^-32) would be asked, as far as the opened counts tell.
    pub(super) fn reach(&self, target: i128) -> Place {
        if target <= 0 {
            return Place { depth: 0, chance: 0 };
        }
        let mut above = 0_i128;
        for (depth, &count) in self.counts.iter().enumerate() {
            let count = i128::from(count);
            // The sum so far was below the target: a cell that reaches it has a positive count.
            if (above + count) << 32 >= target {
                let chance = (target - (above << 32)) / count;
                return Place { depth, chance: lottery(chance) };
            }
            above += count;
        }
        self.everybody()
    }

    /// The lowest threshold with `P(asked > cap)` at most the level.
    pub(super) fn safest(&self, cap: u32) -> Place {
        let cap = i64::from(cap);
        let mut upper = self.upper.clone();
        let mut least = self.reporters;
        for bound in upper.iter_mut().rev() {
            least = least.min(*bound).max(0);
            *bound = least;
        }
        let crossing = upper.iter().zip(upper.iter().skip(1)).position(|(_, end)| *end > cap);
        let Some(depth) = crossing else { return self.everybody() };
        let (start, end) = (upper[depth], upper[depth + 1]);
        let [people, limit] = [end - start, cap - start]
            .map(|count| u64::try_from(count).expect("bounds grow from 0 and passed the cap here"));
        Place { depth, chance: tail::greatest_chance(people, limit, self.level) }
    }

    /// Expected asked at a place by the opened counts, in 2^-32 persons.
    pub(super) fn expected(&self, place: Place) -> i128 {
        let above: i64 = self.counts.iter().take(place.depth).sum();
        let boundary = self.counts.get(place.depth).copied().map_or(0, i128::from);
        let chance = if place.chance == CERTAIN { 1 << 32 } else { i128::from(place.chance) };
        (i128::from(above) << 32) + boundary * chance
    }

    fn everybody(&self) -> Place {
        Place { depth: self.counts.len().saturating_sub(1), chance: CERTAIN }
    }
}

/// A chance in 2^-32, of which only 1 itself is written as the greatest `u32`.
fn lottery(chance: i128) -> u32 {
    if chance >= 1 << 32 {
        return CERTAIN;
    }
    u32::try_from(chance.max(0)).map_or(CERTAIN - 1, |chance| chance.min(CERTAIN - 1))
}

#[expect(clippy::cast_possible_truncation, reason = "`as` saturates, and so does the sum")]
fn ceiling(spread: f64) -> i64 {
    spread.ceil() as i64
}

#[cfg(test)]
mod tests;
