//! The audit: people count the firm's decisions in private, before and after it retrained.
//!
//! Each marks one of nine cells: group x true label x decision, or "unknown". From the sum follow `EqOd`,
//! statistical parity and error, with intervals that count both chance and noise, and a [`Verdict`].
//!
//! Counts below [`PUBLISHED_MIN`] are withheld, and with each the other decision of the same group and
//! label, which the margin would give away. This is a rule of statistics, as rates of so few people say
//! nothing; privacy comes from noise alone. What needs a withheld count is withheld too.
//!
//! Source: docs/PROTOCOL.md section 9; "Measures" in GLOSSARY.md.

mod change;
mod estimate;
mod measures;
pub mod power;

pub use change::{Change, Changes, Verdict};
pub use estimate::{Estimate, Estimates};
pub use measures::{equalized_odds, statistical_parity};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::aggregation::{Grid, GridSpec, GridSum};

/// Smaller counts are withheld.
pub const PUBLISHED_MIN: i64 = 10;
const CELLS: u16 = 9;

/// What one person knows of itself and of the firm's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// A decision on a person with a true label.
    Decided {
        /// Its group.
        minority: bool,
        /// Its true label.
        positive: bool,
        /// The firm's decision.
        accepted: bool,
    },
    /// No decision, or the person does not say.
    Unknown,
}

impl Case {
    /// What the person marks: `4 group + 2 label + decision`, or 8.
    pub fn cell(self) -> u16 {
        match self {
            Self::Decided { minority, positive, accepted } => {
                4 * u16::from(minority) + 2 * u16::from(positive) + u16::from(accepted)
            }
            Self::Unknown => CELLS - 1,
        }
    }

    /// The grid of the aggregation: 1 row of 9 cells.
    ///
    /// # Panics
    /// Never: nine cells are within a grid's limits.
    pub fn grid() -> Grid {
        Grid::try_from(GridSpec { rows: 1, cells: CELLS }).expect("within a grid's limits")
    }
}

/// One opened audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    counts: [[[i64; 2]; 2]; 2],
    unknown: i64,
    sigma_milli: u32,
}

/// What is no audit's sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AuditError {
    /// Another grid's sum.
    #[error("the sum is no table of 1 row and 9 cells")]
    Shape,
}

impl Audit {
    /// Of counts in persons, `counts[cell]` by [`Case::cell`]; each was published with noise of standard
    /// deviation `sigma_milli` thousandths, 0 for none.
    pub const fn new(counts: [i64; 9], sigma_milli: u32) -> Self {
        let [n0, n1, p0, p1, minority_n0, minority_n1, minority_p0, minority_p1, unknown] = counts;
        let majority = [[n0, n1], [p0, p1]];
        let minority = [[minority_n0, minority_n1], [minority_p0, minority_p1]];
        Self { counts: [majority, minority], unknown, sigma_milli }
    }

    /// Reads an opened sum.
    ///
    /// # Errors
    /// [`AuditError::Shape`] for the sum of another grid.
    pub fn open(sum: &GridSum, sigma_milli: u32) -> Result<Self, AuditError> {
        let counts = sum.counts();
        let cells = counts.as_slice().filter(|_| counts.nrows() == 1);
        let cells = cells.and_then(|cells| <[i64; 9]>::try_from(cells).ok());
        cells.map(|cells| Self::new(cells, sigma_milli)).ok_or(AuditError::Shape)
    }

    /// `counts[group][label][decision]`, 2 x 2 x 2, in persons; `None` is withheld.
    pub fn published(&self) -> [[[Option<i64>; 2]; 2]; 2] {
        let keep = |pair: [i64; 2]| {
            let enough = pair.iter().all(|count| *count >= PUBLISHED_MIN);
            pair.map(|count| enough.then_some(count))
        };
        self.counts.map(|group| group.map(keep))
    }

    /// People who know no decision; withheld below the same number.
    pub fn unknown(&self) -> Option<i64> {
        (self.unknown >= PUBLISHED_MIN).then_some(self.unknown)
    }

    /// Rates and measures, where enough people stand behind them.
    pub fn estimates(&self) -> Estimates {
        Estimates::of(&self.published(), self.sigma_milli)
    }
}

#[cfg(test)]
mod tests;
