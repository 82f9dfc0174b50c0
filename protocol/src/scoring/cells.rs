//! Cells: everybody's nearest of a few random centres, several times over.
//!
//! In each of R repetitions B centres are drawn from public values with a public seed, so that
//! anybody draws them again; the cell of a record is its nearest centre. A donor marks its cell and
//! label in each repetition, and that is all it lends. Centres never follow from a private record, and
//! nobody chooses them: a chosen centre could isolate a person.
//!
//! Source: Voronoi cells of random centres as a locality-sensitive partition; docs/PROTOCOL.md section 9.

use std::num::NonZeroU32;

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use super::design::DesignBuilder;
use super::marginals::{MarginalError, Marginals, below, check_records};
use super::neighbours::{Neighbour, NeighbourError, NeighbourIndex};
use super::scaling::{Scaled, Scaling, ScalingError};
use super::schema::{Schema, Value};
use crate::aggregation::{Grid, GridSpec, SetupError};
use crate::keys::{self, Label};

/// Where centres are drawn from.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CentreSource {
    /// Every feature on its own: the product of public marginals.
    Marginals(Marginals),
    /// Whole rows of a published sample.
    Sample(Sample),
}

/// Records that are published in the plan: of people who agreed to it, or of nobody.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "Vec<Vec<Value>>", into = "Vec<Vec<Value>>")]
pub struct Sample {
    records: Vec<Vec<Value>>,
}

/// R and B.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct CellShape {
    /// R: how often a record is put into a cell.
    pub repetitions: u16,
    /// B: the cells of one repetition.
    pub cells: u16,
}

/// Why there are no cells.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CellError {
    /// No grid holds these repetitions and cells.
    #[error("the table of cells does not fit a grid: {0}")]
    Setup(#[from] SetupError),
    /// No sample, or one of more than [`Sample::RECORDS_MAX`] records.
    #[error("a sample of {got} records; allowed: 1 to {max}", max = Sample::RECORDS_MAX)]
    Sample {
        /// As given.
        got: usize,
    },
    /// Marginals or sample are not of the schema.
    #[error(transparent)]
    Source(#[from] MarginalError),
    /// The scaling is not of the schema.
    #[error(transparent)]
    Scaling(#[from] ScalingError),
    /// Records of another schema, or centres that cannot be told apart from infinity.
    #[error(transparent)]
    Neighbours(#[from] NeighbourError),
}

impl Sample {
    /// The greatest number of records.
    pub const RECORDS_MAX: usize = 4_096;

    /// Checks records and takes them.
    ///
    /// # Errors
    /// [`CellError::Sample`], [`CellError::Source`].
    pub fn new(schema: &Schema, records: Vec<Vec<Value>>) -> Result<Self, CellError> {
        check_records(schema, &records)?;
        Self::try_from(records)
    }

    /// One value per feature each.
    pub fn records(&self) -> &[Vec<Value>] {
        &self.records
    }
}

impl TryFrom<Vec<Vec<Value>>> for Sample {
    type Error = CellError;

    fn try_from(records: Vec<Vec<Value>>) -> Result<Self, CellError> {
        if !(1..=Self::RECORDS_MAX).contains(&records.len()) {
            return Err(CellError::Sample { got: records.len() });
        }
        Ok(Self { records })
    }
}

impl From<Sample> for Vec<Vec<Value>> {
    fn from(sample: Sample) -> Self {
        sample.records
    }
}

impl CentreSource {
    /// Compares with a schema.
    ///
    /// # Errors
    /// [`CellError::Source`].
    pub fn check(&self, schema: &Schema) -> Result<(), CellError> {
        match self {
            Self::Marginals(marginals) => marginals.check(schema)?,
            Self::Sample(sample) => check_records(schema, &sample.records)?,
        }
        Ok(())
    }
}

impl CellShape {
    /// The shape that served best without noise: R = 8, B near one cell per 20 donors.
    ///
    /// `B = 2^round(log2(donors / 20))` within 32 and 512.
    pub fn without_noise(donors: NonZeroU32) -> Self {
        let exponent = (f64::from(donors.get()) / 20.0).log2().round();
        let cells = if exponent <= 5.0 {
            32
        } else if exponent >= 9.0 {
            512
        } else {
            [64, 128, 256][usize::from(exponent >= 7.0) + usize::from(exponent >= 8.0)]
        };
        Self { repetitions: 8, cells }
    }

    /// The shape that served best with noise: R = 16, and few cells, so that counts stand out.
    ///
    /// B = 16 below 3,000 donors, 64 from there on.
    pub const fn with_noise(donors: NonZeroU32) -> Self {
        Self { repetitions: 16, cells: if donors.get() < 3_000 { 16 } else { 64 } }
    }

    /// The grid of a donor's measurement: one row per repetition, two places per cell.
    ///
    /// # Errors
    /// [`SetupError`] if no grid holds them.
    pub fn grid(self) -> Result<Grid, SetupError> {
        let cells = self.cells.checked_mul(2).ok_or(SetupError::Cells { got: u16::MAX })?;
        Grid::try_from(GridSpec { rows: self.repetitions, cells })
    }
}

/// The centres of one aggregation, by which anybody finds cells.
#[derive(Clone, Debug)]
pub struct Centres {
    shape: CellShape,
    grid: Grid,
    /// Per repetition.
    indices: Vec<NeighbourIndex>,
}

impl Centres {
    /// Draws the centres: the same arguments give the same centres everywhere.
    ///
    /// # Errors
    /// Every [`CellError`].
    ///
    /// # Panics
    /// Never: a draw below a length is a position.
    pub fn draw(
        schema: &Schema,
        source: &CentreSource,
        scaling: &Scaling,
        shape: CellShape,
        seed: &[u8; 32],
    ) -> Result<Self, CellError> {
        let grid = shape.grid()?;
        source.check(schema)?;
        scaling.check(schema)?;
        let repetition = |number: u16| -> Result<NeighbourIndex, CellError> {
            let mut rng = keys::stream(Label::Centres, seed, &[&number.to_le_bytes()]);
            let mut builder = DesignBuilder::new(schema);
            for _ in 0..shape.cells {
                match source {
                    CentreSource::Marginals(marginals) => builder.push(&marginals.draw(&mut rng)),
                    CentreSource::Sample(Sample { records }) => {
                        let row = below(records.len() as u64, &mut rng);
                        builder.push(&records[usize::try_from(row).expect("below a length")]);
                    }
                }
            }
            Ok(NeighbourIndex::new(&scaling.apply(&builder.finish()).to_dense())?)
        };
        let indices = (0..shape.repetitions).map(repetition).collect::<Result<_, _>>()?;
        Ok(Self { shape, grid, indices })
    }

    /// R and B.
    pub const fn shape(&self) -> CellShape {
        self.shape
    }

    /// The grid of a donor's measurement.
    pub const fn grid(&self) -> Grid {
        self.grid
    }

    /// The cell of every record in every repetition, records × R.
    ///
    /// The cell is the centre at the least squared distance, rounded to 9 decimals; of equal ones the
    /// lowest. A record's cells do not depend on the others, so a participant that asks for its own
    /// gets what everybody would compute for it.
    ///
    /// # Errors
    /// [`CellError::Neighbours`] if the records are not of the schema.
    ///
    /// # Panics
    /// Never: B fits 16 bits.
    pub fn cells(&self, records: &Scaled) -> Result<Array2<u16>, CellError> {
        let dense = records.to_dense();
        let mut cells = Array2::zeros((records.rows(), self.indices.len()));
        for (mut column, index) in cells.columns_mut().into_iter().zip(&self.indices) {
            for (cell, nearest) in column.iter_mut().zip(index.nearest(&dense, 1)?.outer_iter()) {
                *cell = u16::try_from(nearest[0].row).expect("B fits 16 bits");
            }
        }
        Ok(cells)
    }

    /// What every donor marks, donors × R: `2 * cell + label`.
    ///
    /// # Errors
    /// [`CellError::Neighbours`] if the records are not of the schema.
    ///
    /// # Panics
    /// If there is not one label per record.
    pub fn marks(&self, records: &Scaled, labels: &[bool]) -> Result<Array2<u16>, CellError> {
        assert_eq!(labels.len(), records.rows(), "one label per record");
        let mut cells = self.cells(records)?;
        for (mut row, &label) in cells.axis_iter_mut(Axis(0)).zip(labels) {
            row.mapv_inplace(|cell| 2 * cell + u16::from(label));
        }
        Ok(cells)
    }

    /// One repetition's cells of every record, nearest first: records × B.
    pub(super) fn by_distance(
        &self,
        repetition: usize,
        records: &Array2<f64>,
    ) -> Result<Array2<Neighbour>, CellError> {
        Ok(self.indices[repetition].nearest(records, usize::from(self.shape.cells))?)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::design::tests::{design, schema};
    use super::super::marginals::tests::records;
    use super::super::scaling::Encoding;
    use super::*;
    use crate::order;

    pub(crate) fn centres(shape: CellShape, seed: u8) -> Centres {
        let source = CentreSource::Marginals(Marginals::from_ranges(&schema()));
        Centres::draw(&schema(), &source, &scaling(), shape, &[seed; 32]).unwrap()
    }

    pub(crate) fn scaling() -> Scaling {
        Scaling::from_ranges(&schema(), Encoding::Mix)
    }

    /// People spread over the schema's ranges, in whole numbers, so that ties occur.
    pub(crate) fn people(count: usize) -> Scaled {
        let draw = |row: usize, what| order::unit(5, what, row as u64);
        let rows: Vec<_> = (0..count)
            .map(|i| {
                let age = (100.0 * draw(i, 1)).floor();
                let priors = (50.0 * draw(i, 3)).floor();
                (usize::from(draw(i, 0) < 0.4), age, draw(i, 2) < 0.5, priors)
            })
            .collect();
        scaling().apply(&design(&rows))
    }

    const SHAPE: CellShape = CellShape { repetitions: 3, cells: 20 };

    #[test]
    fn a_participant_alone_finds_the_cells_that_everybody_finds() {
        let draw = |row: usize, what| order::unit(6, what, row as u64);
        let rows: Vec<_> = (0..700)
            .map(|i| (usize::from(draw(i, 0) < 0.4), 100.0 * draw(i, 1), false, 50.0 * draw(i, 3)))
            .collect();
        let centres = centres(SHAPE, 1);
        let together = centres.cells(&scaling().apply(&design(&rows))).unwrap();
        for (row, together) in rows.iter().zip(together.outer_iter()) {
            let alone = centres.cells(&scaling().apply(&design(&[*row]))).unwrap();
            assert_eq!(alone.row(0), together);
        }
    }

    #[test]
    fn a_cell_is_the_nearest_centre_and_of_equal_ones_the_lowest() {
        // Two distinct rows, so that among six centres some coincide.
        let sample = Sample::new(&schema(), records()[..2].to_vec()).unwrap();
        let source = CentreSource::Sample(sample);
        let shape = CellShape { repetitions: 4, cells: 6 };
        let centres = Centres::draw(&schema(), &source, &scaling(), shape, &[9; 32]).unwrap();
        let two = scaling().apply(&design(&[(0, 30.0, true, 2.0), (1, 40.0, false, 0.0)]));
        let cells = centres.cells(&two).unwrap();
        for (row, index) in cells.columns().into_iter().zip(&centres.indices) {
            let all = index.nearest(&two.to_dense(), 6).unwrap();
            for (cell, all) in row.iter().zip(all.outer_iter()) {
                let least = all[0].squared_distance;
                let tied = all.iter().filter(|n| n.squared_distance.total_cmp(&least).is_eq());
                assert_eq!(Some(usize::from(*cell)), tied.map(|n| n.row).min());
            }
        }
        assert!(cells.iter().any(|&cell| cell > 0), "not all first centres are alike");
    }

    #[test]
    fn centres_repeat_for_their_seed_only() {
        let people = people(50);
        let cells = |seed| centres(SHAPE, seed).cells(&people).unwrap();
        assert_eq!(cells(1), cells(1));
        assert_ne!(cells(1), cells(2));
        assert_ne!(cells(1).column(0), cells(1).column(1));
    }

    #[test]
    fn a_mark_is_cell_and_label() {
        let people = people(5);
        let labels = [true, false, true, true, false];
        let centres = centres(SHAPE, 1);
        assert_eq!((centres.grid().rows(), centres.grid().cells()), (3, 40));
        let (cells, marks) =
            (centres.cells(&people).unwrap(), centres.marks(&people, &labels).unwrap());
        for ((row, repetition), mark) in marks.indexed_iter() {
            assert_eq!(*mark, 2 * cells[(row, repetition)] + u16::from(labels[row]));
        }
    }

    #[test]
    fn shapes_follow_the_published_rule() {
        let donors = |count| NonZeroU32::new(count).unwrap();
        let cells = |count| CellShape::without_noise(donors(count)).cells;
        // 905.1 is 20 * 2^5.5.
        assert_eq!(
            [1, 905, 906, 1_042, 2_000, 5_000, 11_850, 23_000].map(cells),
            [32, 32, 64, 64, 128, 256, 512, 512]
        );
        assert_eq!(CellShape::with_noise(donors(2_999)).cells, 16);
        let shape = CellShape::with_noise(donors(3_000));
        assert_eq!((shape.repetitions, shape.cells), (16, 64));
    }

    #[test]
    fn refuses_what_does_not_fit_together() {
        let draw = |source: &CentreSource, scaling: &Scaling, shape| {
            Centres::draw(&schema(), source, scaling, shape, &[0; 32]).unwrap_err()
        };
        let ranges = CentreSource::Marginals(Marginals::from_ranges(&schema()));
        let none = CellShape { repetitions: 0, cells: 4 };
        assert_eq!(draw(&ranges, &scaling(), none), SetupError::Rows { got: 0 }.into());
        let huge = CellShape { repetitions: 1, cells: 40_000 };
        assert!(matches!(draw(&ranges, &scaling(), huge), CellError::Setup(_)));
        let narrow = Schema::new(schema().features()[..2].to_vec()).unwrap();
        let other = Scaling::from_ranges(&narrow, Encoding::Mix);
        assert!(matches!(draw(&ranges, &other, SHAPE), CellError::Scaling(_)));
        let foreign = CentreSource::Marginals(Marginals::from_ranges(&narrow));
        assert!(matches!(draw(&foreign, &scaling(), SHAPE), CellError::Source(_)));
        assert_eq!(Sample::new(&schema(), vec![]), Err(CellError::Sample { got: 0 }));
        assert!(serde_json::from_str::<Sample>("[]").is_err());
    }

    #[test]
    fn a_source_read_from_a_plan_draws_the_same() {
        let sources = [
            CentreSource::Sample(Sample::new(&schema(), records()).unwrap()),
            CentreSource::Marginals(Marginals::from_records(&schema(), &records()).unwrap()),
        ];
        for source in sources {
            let text = serde_json::to_string(&source).unwrap();
            assert_eq!(serde_json::from_str::<CentreSource>(&text).unwrap(), source);
        }
    }
}
