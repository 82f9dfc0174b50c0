//! Which circuit an aggregation uses: what stands in the plan.

use super::{
    gram::{Coordinate, Gram, GramSpec},
    grid::{Grid, GridSpec},
};
use crate::keys::vss::SEATS_MAX;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What is measured and how it is proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Circuit {
    /// Our grid: one cell in every row, proved row by row. Field64, three proofs.
    Grid(Grid),
    /// The standard mode, prio's own circuits over Field128 with one proof: `Histogram` for one row,
    /// `MultihotCountVec` of weight at most R for more.
    ///
    /// For more than one row it proves less: at most R cells are marked, wherever they are, so a liar
    /// can mark several in one row and none in another. Larger by half; for those who trust only
    /// circuits that others have reviewed.
    StandardGrid(Grid),
    /// Sums of values and of their products. Field64, three proofs; there is no standard one.
    Gram(Gram),
}

/// A circuit or a [`super::Vdaf`] that cannot be built: the plan is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SetupError {
    /// R.
    #[error("{got} rows; 1 to {max} are possible", max = GridSpec::ROWS_MAX)]
    Rows {
        /// As given.
        got: u16,
    },
    /// C.
    #[error("{got} cells in a row; {min} to {max} are possible", min = GridSpec::CELLS_MIN, max = GridSpec::CELLS_MAX)]
    Cells {
        /// As given.
        got: u16,
    },
    /// R x C.
    #[error("{got} cells in all; at most {max} are possible", max = GridSpec::LEN_MAX)]
    GridLen {
        /// As given.
        got: u32,
    },
    /// m.
    #[error("{got} coordinates; 1 to {max} are possible", max = GramSpec::COORDINATES_MAX)]
    Coordinates {
        /// As given.
        got: usize,
    },
    /// The width of a fixed-point coordinate.
    #[error("coordinate {index} has {got} bits; {min} to {max} are possible", min = Coordinate::BITS.start(), max = Coordinate::BITS.end())]
    Bits {
        /// Which coordinate.
        index: usize,
        /// As given.
        got: u8,
    },
    /// A fixed-point coordinate that can only be zero.
    #[error("coordinate {index} has the bound 0")]
    Bound {
        /// Which coordinate.
        index: usize,
    },
    /// C below the constant's own norm.
    #[error("a norm of {got_milli} thousandths; at least 1,000 are needed for the constant")]
    Norm {
        /// As given, in thousandths.
        got_milli: u32,
    },
    /// T.
    #[error("{got} keyholders; 3 to {SEATS_MAX} are possible")]
    Helpers {
        /// As given.
        got: u8,
    },
    /// No reporters are planned.
    #[error("no reporters are planned")]
    Reporters,
    /// Sums over all planned reporters, noise included, might exceed the field.
    #[error("sums over {reporters_max} reporters do not fit the field")]
    Overflow {
        /// As given.
        reporters_max: u32,
    },
    /// The underlying library refuses the parameters.
    #[error("the circuit's parameters are refused")]
    Library,
}

impl Circuit {
    /// The layout of output and released shares: how many integers are summed.
    pub fn output_len(&self) -> usize {
        match self {
            Self::Grid(grid) | Self::StandardGrid(grid) => grid.len(),
            Self::Gram(gram) => gram.coordinates().len() + gram.products_len(),
        }
    }

    /// Checks that no sum over `reporters_max` reporters comes near half the field: what is summed stays
    /// below 2^61, so that noise below 2^61 still leaves the sign readable.
    pub(super) fn check_overflow(&self, reporters_max: u32) -> Result<(), SetupError> {
        if reporters_max == 0 {
            return Err(SetupError::Reporters);
        }
        let width = match self {
            Self::Grid(_) | Self::StandardGrid(_) => 1,
            Self::Gram(gram) => {
                2 * gram.coordinates().iter().map(|of| u32::from(of.bits())).max().unwrap_or(0)
            }
        };
        let fits =
            u64::from(reporters_max).checked_mul(1 << width).is_some_and(|sum| sum <= 1 << 61);
        if fits { Ok(()) } else { Err(SetupError::Overflow { reporters_max }) }
    }

    /// The canonical bytes of every parameter, for binding them into each sharding and verification.
    pub(super) fn parameters(&self) -> Vec<u8> {
        let grid = |kind: u8, grid: &Grid| {
            let mut bytes = vec![kind];
            bytes.extend(grid.rows().to_le_bytes());
            bytes.extend(grid.cells().to_le_bytes());
            bytes
        };
        match self {
            Self::Grid(table) => grid(1, table),
            Self::StandardGrid(table) => grid(2, table),
            Self::Gram(gram) => {
                let mut bytes = vec![3];
                bytes.extend(gram.norm_milli().to_le_bytes());
                for coordinate in gram.coordinates() {
                    let (bits, bound) = match coordinate {
                        Coordinate::Binary => (1, 0),
                        Coordinate::Fixed { bits, bound_milli } => (*bits, *bound_milli),
                        Coordinate::Sign { bound_milli } => (1, *bound_milli),
                    };
                    bytes.push(bits);
                    bytes.extend(bound.to_le_bytes());
                }
                bytes
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregation::{Coordinate, GramSpec, tests::grid};

    #[test]
    fn sums_beyond_the_field_are_refused() {
        let gram = |bits| {
            let coordinates = vec![Coordinate::Fixed { bits, bound_milli: 1 }];
            Circuit::Gram(Gram::try_from(GramSpec { coordinates, norm_milli: 2_000 }).unwrap())
        };
        assert_eq!(gram(16).check_overflow(1 << 29), Ok(()));
        assert_eq!(
            gram(16).check_overflow((1 << 29) + 1),
            Err(SetupError::Overflow { reporters_max: (1 << 29) + 1 })
        );
        assert_eq!(gram(12).check_overflow(u32::MAX), Ok(()));
        assert_eq!(Circuit::Grid(grid(2, 2)).check_overflow(u32::MAX), Ok(()));
        assert_eq!(gram(12).check_overflow(0), Err(SetupError::Reporters));
    }

    #[test]
    fn different_circuits_have_different_parameters() {
        let gram = |norm_milli, bits, bound_milli| {
            let coordinates = vec![Coordinate::Binary, Coordinate::Fixed { bits, bound_milli }];
            Circuit::Gram(Gram::try_from(GramSpec { coordinates, norm_milli }).unwrap())
        };
        let all = [
            Circuit::Grid(grid(2, 3)),
            Circuit::Grid(grid(3, 2)),
            Circuit::StandardGrid(grid(2, 3)),
            gram(2_000, 4, 1),
            gram(2_001, 4, 1),
            gram(2_000, 5, 1),
            gram(2_000, 4, 2),
        ]
        .map(|circuit| circuit.parameters());
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
