//! Scores on one scale: a [`Unit`] is one of 2^32 equal steps of `[0, 1)`, and [`Bins`] are slices of it.
//!
//! A member's own arithmetic may round as it likes until here; from here on everything is integers, so
//! that bins, slices of bins and bounds mean the same everywhere.
//!
//! Source: docs/PROTOCOL.md section 9.

use ndarray::Array2;
use rand_core::Rng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    aggregation::{Grid, GridSpec, GridSum},
    keys::{self, Label},
    scoring::method::Method,
};

/// A score's place on `[0, 1]`, in 2^32 steps; greater is asked sooner. Secret while scores are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unit(u32);

/// A score that cannot be placed.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum UnitError {
    /// Not a finite number.
    #[error("the score is not a finite number")]
    NotFinite,
    /// Minus a mean distance is at most 0.
    #[error("rb-dist: a distance below 0")]
    NegativeDistance,
    /// A share of nothing.
    #[error("rb-label: the greatest possible score is 0")]
    NoNeighbours,
}

impl Unit {
    /// Steps of the scale: 2^32.
    pub const STEPS: u64 = 1 << 32;

    /// Places a score of `method`: `rb-prob` and `random` as they are, clamped to `[0, 1]` (a ridge
    /// regression can leave it); `rb-label` divided by `greatest`, which is k for counts and 1 for
    /// shares; `rb-dist`, minus a distance d, as `1 / (1 + d)`.
    ///
    /// # Errors
    /// Every [`UnitError`].
    pub fn of(method: Method, score: f64, greatest: u32) -> Result<Self, UnitError> {
        if !score.is_finite() {
            return Err(UnitError::NotFinite);
        }
        let u = match method {
            Method::RbProb | Method::Random => score,
            Method::RbLabel if greatest == 0 => return Err(UnitError::NoNeighbours),
            Method::RbLabel => score / f64::from(greatest),
            Method::RbDist if score > 0.0 => return Err(UnitError::NegativeDistance),
            Method::RbDist => 1.0 / (1.0 - score),
        };
        Ok(Self::clamped(u))
    }

    /// The `random` score of a campaign: uniform, from the member's secret campaign key and the
    /// public randomness.
    pub fn random(secret: &[u8; 32], context: &[u8; 32]) -> Self {
        Self(keys::stream(Label::RandomScore, secret, &[context]).next_u32())
    }

    /// The unit of a step.
    pub const fn from_step(step: u32) -> Self {
        Self(step)
    }

    /// The step, from 0.
    pub const fn step(self) -> u32 {
        self.0
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the standard library has no other conversion; `as` truncates and saturates"
    )]
    fn clamped(u: f64) -> Self {
        Self((u * 4_294_967_296.0) as u32)
    }
}

/// Equal slices of the scale between two public bounds; what lies outside counts in the end bins.
///
/// Bin `count - 1` holds the greatest scores. Slices are exact: refining one ([`Bins::within`]) misses
/// and doubles no step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BinsSpec", into = "BinsSpec")]
pub struct Bins {
    spec: BinsSpec,
}

/// The numbers of [`Bins`], by name and unchecked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BinsSpec {
    /// S, 1 to 8,191. 256 without noise, 64 or 16 with.
    pub count: u16,
    /// The least step of bin 0.
    pub low: u64,
    /// One more than the greatest step of the last bin; at most 2^32.
    pub high: u64,
}

/// Bins that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BinsError {
    /// Too few or too many.
    #[error("{got} bins; allowed: 1 to 8191")]
    Count {
        /// As asked.
        got: u16,
    },
    /// Bounds in the wrong order, off the scale, or closer than one step for each bin.
    #[error("bounds {low} to {high} do not hold one step for each bin within 2^32")]
    Bounds {
        /// As asked.
        low: u64,
        /// As asked.
        high: u64,
    },
    /// A bin that is not there.
    #[error("there is no bin {got}")]
    Bin {
        /// As asked.
        got: u16,
    },
    /// A sum of another shape.
    #[error("the sum is no table of 1 row and {expected} cells")]
    Shape {
        /// Cells, the last of which is "not a candidate".
        expected: u16,
    },
}

impl BinsSpec {
    /// Most bins: a grid's row holds one cell more.
    pub const COUNT_MAX: u16 = GridSpec::CELLS_MAX - 1;
}

impl TryFrom<BinsSpec> for Bins {
    type Error = BinsError;

    fn try_from(spec: BinsSpec) -> Result<Self, BinsError> {
        let BinsSpec { count, low, high } = spec;
        if !(1..=BinsSpec::COUNT_MAX).contains(&count) {
            return Err(BinsError::Count { got: count });
        }
        if high > Unit::STEPS || high.checked_sub(low).is_none_or(|width| width < u64::from(count))
        {
            return Err(BinsError::Bounds { low, high });
        }
        Ok(Self { spec })
    }
}

impl From<Bins> for BinsSpec {
    fn from(bins: Bins) -> Self {
        bins.spec
    }
}

impl Bins {
    /// Slices of all of `[0, 1]`.
    ///
    /// # Errors
    /// [`BinsError::Count`].
    pub fn whole(count: u16) -> Result<Self, BinsError> {
        Self::try_from(BinsSpec { count, low: 0, high: Unit::STEPS })
    }

    /// S.
    pub const fn count(self) -> u16 {
        self.spec.count
    }

    /// The bin of a score, 0 to `count - 1`.
    ///
    /// # Panics
    /// Never: a step within the bounds lies in a bin.
    pub fn bin(self, score: Unit) -> u16 {
        let BinsSpec { count, low, high } = self.spec;
        let step = u64::from(score.0).clamp(low, high - 1) - low;
        let bin = step * u64::from(count) / (high - low);
        u16::try_from(bin).expect("a step below the width lies in a bin below the count")
    }

    /// What one person marks: its bin, or the last cell for "not a candidate".
    pub fn cell(self, score: Option<Unit>) -> u16 {
        score.map_or(self.spec.count, |score| self.bin(score))
    }

    /// The grid of the aggregation: 1 row of S + 1 cells.
    ///
    /// # Panics
    /// Never: construction has checked the number of bins.
    pub fn grid(self) -> Grid {
        Grid::try_from(GridSpec { rows: 1, cells: self.spec.count + 1 })
            .expect("2 to 8,192 cells in one row are within a grid's limits")
    }

    /// `counts[bin]` of an opened sum, in persons and without "not a candidate".
    ///
    /// # Errors
    /// [`BinsError::Shape`] for the sum of another grid.
    pub fn counts(self, sum: &GridSum) -> Result<Vec<i64>, BinsError> {
        self.candidates(sum.counts())
    }

    fn candidates(self, counts: &Array2<i64>) -> Result<Vec<i64>, BinsError> {
        let expected = self.spec.count + 1;
        if counts.dim() != (1, usize::from(expected)) {
            return Err(BinsError::Shape { expected });
        }
        Ok(counts.iter().copied().take(usize::from(self.spec.count)).collect())
    }

    /// `count` finer slices of bin `bin`: exactly the steps whose bin it is, but for the ends.
    ///
    /// # Errors
    /// [`BinsError`] if there is no such bin, or it has fewer steps than finer bins.
    pub fn within(self, bin: u16, count: u16) -> Result<Self, BinsError> {
        let BinsSpec { count: coarse, low, high } = self.spec;
        if bin >= coarse {
            return Err(BinsError::Bin { got: bin });
        }
        let start = |bin: u64| low + (bin * (high - low)).div_ceil(u64::from(coarse));
        let bin = u64::from(bin);
        Self::try_from(BinsSpec { count, low: start(bin), high: start(bin + 1) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unit(method: Method, score: f64, greatest: u32) -> f64 {
        f64::from(Unit::of(method, score, greatest).unwrap().step()) / 4_294_967_296.0
    }

    #[test]
    fn every_method_has_its_place() {
        let close = |got: f64, expected: f64| assert!((got - expected).abs() < 1e-9, "{got}");
        close(unit(Method::RbProb, 0.25, 0), 0.25);
        close(unit(Method::RbProb, -3.0, 0), 0.0);
        close(unit(Method::RbProb, 1.7, 0), 1.0);
        close(unit(Method::RbLabel, 5.0, 20), 0.25);
        close(unit(Method::RbDist, -3.0, 0), 0.25);
        close(unit(Method::RbDist, 0.0, 0), 1.0);
        close(unit(Method::Random, 1.0, 0), 1.0);
        assert_eq!(Unit::of(Method::RbProb, f64::NAN, 1), Err(UnitError::NotFinite));
        assert_eq!(Unit::of(Method::RbDist, 0.1, 1), Err(UnitError::NegativeDistance));
        assert_eq!(Unit::of(Method::RbLabel, 0.1, 0), Err(UnitError::NoNeighbours));
        assert_ne!(Unit::random(&[1; 32], &[0; 32]), Unit::random(&[2; 32], &[0; 32]));
    }

    #[test]
    fn bins_read_from_a_plan_are_checked() {
        let read = |text: &str| serde_json::from_str::<Bins>(text);
        assert_eq!(
            read(r#"{"count":64,"low":0,"high":4294967296}"#).unwrap(),
            Bins::whole(64).unwrap()
        );
        assert!(read(r#"{"count":64,"low":0,"high":4294967297}"#).is_err());
        assert!(read(r#"{"count":64,"low":0,"high":63}"#).is_err());
        assert!(read(r#"{"count":64,"low":9,"high":3}"#).is_err());
        assert_eq!(Bins::whole(0), Err(BinsError::Count { got: 0 }));
        assert_eq!(Bins::whole(8_192), Err(BinsError::Count { got: 8_192 }));
    }

    #[test]
    fn the_last_cell_is_no_candidate() {
        let bins = Bins::whole(16).unwrap();
        assert_eq!(bins.cell(None), 16);
        assert_eq!(bins.cell(Some(Unit(u32::MAX))), 15);
        assert_eq!((bins.grid().rows(), bins.grid().cells()), (1, 17));
        let counts = Array2::from_shape_fn((1, 17), |(_, cell)| i64::try_from(cell).unwrap());
        assert_eq!(bins.candidates(&counts).unwrap(), (0..16).collect::<Vec<i64>>());
        let other = Array2::zeros((1, 16));
        assert_eq!(bins.candidates(&other), Err(BinsError::Shape { expected: 17 }));
    }

    proptest! {
        #[test]
        fn slices_are_exact_and_ordered(step: u32, other: u32, count in 1_u16..300, fine in 1_u16..99) {
            let bins = Bins::whole(count).unwrap();
            let bin = bins.bin(Unit(step));
            let slice = bins.within(bin, fine).unwrap();
            let BinsSpec { low, high, .. } = slice.into();
            prop_assert!((low..high).contains(&u64::from(step)));
            let same = bins.bin(Unit(other)) == bin;
            prop_assert_eq!(same, (low..high).contains(&u64::from(other)));
            prop_assert!(step < other || bin >= bins.bin(Unit(other)));
            prop_assert!(slice.bin(Unit(step)) < fine);
        }
    }
}
