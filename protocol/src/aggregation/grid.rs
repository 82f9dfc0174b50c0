//! The grid: R rows, in each of which a person marks exactly one of C cells.
//!
//! Proved of every report: every cell is 0 or 1, and every row sums to 1. A lying reporter can thus
//! mark wrong cells, but never more or fewer than one in each row.

use super::{
    circuit::SetupError,
    fixed::MeasureError,
    gates::{Gates, share_of_one},
};
use ndarray::Array2;
use prio::{
    field::Field64,
    flp::{Flp, FlpError, Gadget, Type},
};
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A table of R rows and C cells; construction has checked the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "GridSpec", into = "GridSpec")]
pub struct Grid {
    rows: u16,
    cells: u16,
}

/// The two numbers of a [`Grid`], by name and unchecked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GridSpec {
    /// R.
    pub rows: u16,
    /// C, in each row.
    pub cells: u16,
}

impl GridSpec {
    /// Most rows, R.
    pub const ROWS_MAX: u16 = 256;
    /// Fewest cells in a row, C.
    pub const CELLS_MIN: u16 = 2;
    /// Most cells in a row, C.
    pub const CELLS_MAX: u16 = 8_192;
    /// Most cells in all.
    pub const LEN_MAX: u32 = 65_536;
}

impl TryFrom<GridSpec> for Grid {
    type Error = SetupError;

    fn try_from(spec: GridSpec) -> Result<Self, SetupError> {
        let GridSpec { rows, cells } = spec;
        if !(1..=GridSpec::ROWS_MAX).contains(&rows) {
            return Err(SetupError::Rows { got: rows });
        }
        if !(GridSpec::CELLS_MIN..=GridSpec::CELLS_MAX).contains(&cells) {
            return Err(SetupError::Cells { got: cells });
        }
        let len = u32::from(rows) * u32::from(cells);
        if len > GridSpec::LEN_MAX {
            return Err(SetupError::GridLen { got: len });
        }
        Ok(Self { rows, cells })
    }
}

impl From<Grid> for GridSpec {
    fn from(grid: Grid) -> Self {
        Self { rows: grid.rows, cells: grid.cells }
    }
}

impl Grid {
    /// R.
    pub const fn rows(self) -> u16 {
        self.rows
    }

    /// C, in each row.
    pub const fn cells(self) -> u16 {
        self.cells
    }

    /// All cells, R x C.
    pub fn len(self) -> usize {
        usize::from(self.rows) * usize::from(self.cells)
    }

    /// Never: a grid has at least one row of two cells.
    pub const fn is_empty(self) -> bool {
        false
    }

    /// One person's mark in each row: `cells[row]`, counted from 0.
    ///
    /// # Errors
    /// [`MeasureError::Len`] unless there is one cell per row, [`MeasureError::Cell`] for a cell beyond
    /// the row.
    pub fn measure(self, cells: &[u16]) -> Result<GridMeasurement, MeasureError> {
        let expected = usize::from(self.rows);
        if cells.len() != expected {
            return Err(MeasureError::Len { expected, got: cells.len() });
        }
        if let Some(row) = cells.iter().position(|cell| *cell >= self.cells) {
            return Err(MeasureError::Cell { row });
        }
        Ok(GridMeasurement { grid: self, cells: cells.to_vec() })
    }
}

/// One person's marks, checked against their grid. Secret.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct GridMeasurement {
    #[zeroize(skip)]
    grid: Grid,
    cells: Vec<u16>,
}

impl GridMeasurement {
    pub(super) const fn grid(&self) -> Grid {
        self.grid
    }

    pub(super) fn cells(&self) -> &[u16] {
        &self.cells
    }

    /// The marked places of a table read row by row.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        let width = usize::from(self.grid.cells);
        self.cells.iter().enumerate().map(move |(row, cell)| row * width + usize::from(*cell))
    }

    /// `marks[row * cells + cell]`.
    pub(super) fn marks(&self) -> Vec<bool> {
        let width = self.grid.cells;
        self.cells.iter().flat_map(|mark| (0..width).map(move |cell| cell == *mark)).collect()
    }
}

impl fmt::Debug for GridMeasurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GridMeasurement").field("grid", &self.grid).finish_non_exhaustive()
    }
}

/// The sum of all accepted marks, with noise if the plan says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GridSum {
    reporters: u32,
    counts: Array2<i64>,
}

impl GridSum {
    pub(super) fn new(grid: Grid, reporters: u32, values: Vec<i64>) -> Option<Self> {
        let shape = (usize::from(grid.rows), usize::from(grid.cells));
        let counts = Array2::from_shape_vec(shape, values).ok()?;
        Some(Self { reporters, counts })
    }

    /// How many reports were accepted: what every row sums to, but for noise.
    pub const fn reporters(&self) -> u32 {
        self.reporters
    }

    /// `counts[row][cell]`, in persons; noise can make it negative.
    pub const fn counts(&self) -> &Array2<i64> {
        &self.counts
    }
}

/// The validity circuit of a [`Grid`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GridOneHot {
    grid: Grid,
    gates: Gates,
}

impl GridOneHot {
    pub(super) fn new(grid: Grid) -> Self {
        Self { grid, gates: Gates::fit(&[grid.len()]) }
    }
}

impl Flp for GridOneHot {
    type Field = Field64;

    fn gadget(&self) -> Vec<Box<dyn Gadget<Field64>>> {
        self.gates.gadgets()
    }

    fn num_gadgets(&self) -> usize {
        1
    }

    fn valid(
        &self,
        gadgets: &mut Vec<Box<dyn Gadget<Field64>>>,
        input: &[Field64],
        joint_rand: &[Field64],
        num_shares: usize,
    ) -> Result<Vec<Field64>, FlpError> {
        self.valid_call_check(input, joint_rand)?;
        let one = share_of_one(num_shares)?;
        // Gate 1: every cell x is 0 or 1, as x (x - 1) = 0.
        let weights = self.gates.weights(joint_rand);
        let pairs = input.iter().zip(weights).map(|(x, weight)| (weight * *x, *x - one));
        let mut outputs = Vec::with_capacity(self.eval_output_len());
        outputs.push(self.gates.sum(gadgets, pairs)?);
        // Gate 2, one for each row: its cells sum to 1.
        outputs.extend(
            input
                .chunks_exact(usize::from(self.grid.cells))
                .map(|row| row.iter().fold(-one, |sum, x| sum + *x)),
        );
        Ok(outputs)
    }

    fn input_len(&self) -> usize {
        self.grid.len()
    }

    fn proof_len(&self) -> usize {
        self.gates.proof_len()
    }

    fn verifier_len(&self) -> usize {
        self.gates.verifier_len()
    }

    fn joint_rand_len(&self) -> usize {
        self.gates.joint_rand_len()
    }

    fn eval_output_len(&self) -> usize {
        1 + usize::from(self.grid.rows)
    }

    fn prove_rand_len(&self) -> usize {
        self.gates.prove_rand_len()
    }
}

impl Type for GridOneHot {
    type Measurement = GridMeasurement;
    type AggregateResult = Vec<u64>;

    fn encode_measurement(&self, measurement: &GridMeasurement) -> Result<Vec<Field64>, FlpError> {
        if measurement.grid != self.grid {
            return Err(FlpError::Encode("measured for another grid".into()));
        }
        Ok(measurement.marks().into_iter().map(|mark| Field64::from(u64::from(mark))).collect())
    }

    fn truncate(&self, input: Vec<Field64>) -> Result<Vec<Field64>, FlpError> {
        self.truncate_call_check(&input)?;
        Ok(input)
    }

    fn decode_result(&self, data: &[Field64], _: usize) -> Result<Vec<u64>, FlpError> {
        Ok(data.iter().copied().map(u64::from).collect())
    }

    fn output_len(&self) -> usize {
        self.grid.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregation::tests::grid;

    #[test]
    fn limits_have_names() {
        let build = |rows, cells| Grid::try_from(GridSpec { rows, cells });
        assert_eq!(build(0, 4), Err(SetupError::Rows { got: 0 }));
        assert_eq!(build(257, 4), Err(SetupError::Rows { got: 257 }));
        assert_eq!(build(4, 1), Err(SetupError::Cells { got: 1 }));
        assert_eq!(build(1, 8_193), Err(SetupError::Cells { got: 8_193 }));
        assert_eq!(build(256, 257), Err(SetupError::GridLen { got: 65_792 }));
        assert_eq!(build(256, 256).map(Grid::len), Ok(65_536));
    }

    #[test]
    fn a_grid_read_from_a_plan_is_checked_too() {
        let read = |text: &str| serde_json::from_str::<Grid>(text);
        assert_eq!(read(r#"{"rows":2,"cells":3}"#).unwrap(), grid(2, 3));
        assert!(read(r#"{"rows":0,"cells":3}"#).is_err());
    }

    #[test]
    fn marks_outside_the_grid_are_refused() {
        let grid = grid(2, 3);
        assert_eq!(grid.measure(&[0]).unwrap_err(), MeasureError::Len { expected: 2, got: 1 });
        assert_eq!(grid.measure(&[0, 3]).unwrap_err(), MeasureError::Cell { row: 1 });
        let marks = grid.measure(&[0, 2]).unwrap().marks();
        assert_eq!(marks, [true, false, false, false, false, true]);
    }
}
