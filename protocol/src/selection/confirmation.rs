//! What was done: a grid of 1 row x 4 cells that every member marks, asked or not, and the top-up.
//!
//! All members report, candidates or not, and every report has the same size: who reports, and when,
//! says nothing about labels or about who was asked.

use serde::{Deserialize, Serialize};

use super::threshold::{Histogram, Rule, Threshold, ThresholdError};
use crate::aggregation::{Grid, GridSpec, GridSum};

/// What one member did; its number is its cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Asked, and reported the positive label.
    Flipped,
    /// Asked, and kept the negative one.
    Declined,
    /// A candidate that was not asked.
    NotAsked,
    /// Its label is positive, or it is no candidate for another reason.
    NotCandidate,
}

impl Outcome {
    /// What the member marks.
    pub const fn cell(self) -> u16 {
        match self {
            Self::Flipped => 0,
            Self::Declined => 1,
            Self::NotAsked => 2,
            Self::NotCandidate => 3,
        }
    }

    /// The grid of the aggregation.
    ///
    /// # Panics
    /// Never: four cells are within a grid's limits.
    pub fn grid() -> Grid {
        Grid::try_from(GridSpec { rows: 1, cells: 4 }).expect("within a grid's limits")
    }
}

/// The opened confirmation, in persons; noise can make a count negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// Asked, and flipped.
    pub flipped: i64,
    /// Asked, and kept.
    pub declined: i64,
    /// Candidates that were not asked.
    pub not_asked: i64,
    /// Everybody else.
    pub not_candidates: i64,
    /// Standard deviation of each count as published, in thousandths; 0 without noise.
    pub sigma_milli: u32,
}

/// A confirmation beside what was allowed. Report all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[must_use = "flips over the cap are reported, never hidden"]
pub struct Standing {
    /// Confirmed flips.
    pub flipped: i64,
    /// M minus the flips, if positive.
    pub missing: u32,
    /// Flips beyond M; expected now and then, as the number of no-shows is.
    pub over_budget: u32,
    /// Flips beyond the safe cap.
    pub over_cap: u32,
    /// Standard deviation of `flipped`, in thousandths; 0 if it is exact.
    pub sigma_milli: u32,
}

impl Confirmation {
    /// Reads an opened sum; `None` for the sum of another grid.
    pub fn open(sum: &GridSum, sigma_milli: u32) -> Option<Self> {
        let counts = sum.counts();
        let [flipped, declined, not_asked, not_candidates] =
            *counts.as_slice().filter(|_| counts.nrows() == 1)?
        else {
            return None;
        };
        Some(Self { flipped, declined, not_asked, not_candidates, sigma_milli })
    }

    /// Compares with the rule.
    pub fn standing(&self, rule: Rule) -> Standing {
        let Self { flipped, sigma_milli, .. } = *self;
        Standing {
            flipped,
            missing: positive(i64::from(rule.flip_budget).saturating_sub(flipped)),
            over_budget: positive(flipped.saturating_sub(i64::from(rule.flip_budget))),
            over_cap: positive(flipped.saturating_sub(i64::from(rule.safe_cap))),
            sigma_milli,
        }
    }
}

/// Who is asked after a top-up: those of the first threshold and, by the same draws, some more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopUp {
    /// Expected number of people asked in addition, rounded down.
    pub more: u32,
    /// Asks everybody whom the first asked.
    pub threshold: Threshold,
}

impl Rule {
    /// The second threshold after a first one by [`Rule::threshold`] and `standing.missing` missing flips.
    ///
    /// `histogram` is that of the first. The cap holds for all who are asked by either, since any threshold
    /// up to the greatest safe one is safe (see [`super::threshold`]); those who declined are counted.
    ///
    /// # Errors
    /// [`ThresholdError`] for an impossible rule or histogram, or a threshold of other bins.
    pub fn top_up(
        self,
        histogram: &Histogram,
        first: Threshold,
        standing: Standing,
    ) -> Result<TopUp, ThresholdError> {
        let stack = histogram.stack()?;
        let first = histogram.bins.place(first)?;
        let before = stack.expected(first);
        let place = if standing.missing == 0 {
            first
        } else {
            let wanted = stack.reach(before + self.persons(standing.missing)?);
            wanted.min(stack.safest(self.safe_cap)).max(first)
        };
        let more = ((stack.expected(place) - before).max(0)) >> 32;
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        Ok(TopUp { more, threshold: histogram.bins.threshold(place) })
    }
}

fn positive(count: i64) -> u32 {
    u32::try_from(count.max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flips_over_the_cap_are_reported() {
        let rule = Rule { flip_budget: 10, no_show_milli: 0, safe_cap: 12 };
        let of = |flipped| {
            Confirmation { flipped, declined: 1, not_asked: 5, not_candidates: 9, sigma_milli: 0 }
                .standing(rule)
        };
        let parts = |s: Standing| (s.missing, s.over_budget, s.over_cap);
        assert_eq!(parts(of(7)), (3, 0, 0));
        assert_eq!(parts(of(11)), (0, 1, 0));
        assert_eq!(parts(of(15)), (0, 5, 3));
        assert_eq!(parts(of(-2)), (12, 0, 0));
    }

    #[test]
    fn outcomes_fill_the_grid() {
        let all = [Outcome::Flipped, Outcome::Declined, Outcome::NotAsked, Outcome::NotCandidate];
        assert_eq!(all.map(Outcome::cell), [0, 1, 2, 3]);
        assert_eq!(Outcome::grid().cells(), 4);
    }
}
