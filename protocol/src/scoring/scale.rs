//! The `scale` aggregation: one public histogram per feature, opened once, become [`Marginals`].
//!
//! Its grid has one row per feature and one cell per public bin: equal slices of a number's range
//! (of a count's in `ln(1 + x)`), the levels of an ordinal or categorical feature, no and yes.

use super::marginals::{Marginal, MarginalError, Marginals, check_records, midpoints};
use super::schema::{Feature, FeatureKind, Schema, Value};
use crate::aggregation::{Grid, GridSpec, GridSum, SetupError};

/// The measurement of the `scale` aggregation of one schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale<'a> {
    schema: &'a Schema,
    grid: Grid,
    /// Bins of a number.
    bins: u16,
}

/// Why a scale cannot be opened or measured.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScaleError {
    /// No grid holds these features and bins.
    #[error("the histograms do not fit a grid: {0}")]
    Setup(#[from] SetupError),
    /// A record is not of the schema, or a feature's histogram holds nobody.
    #[error(transparent)]
    Marginal(#[from] MarginalError),
    /// The opened table is not of this grid.
    #[error("an opened table of {got:?} rows and cells; {expected:?} expected")]
    Shape {
        /// Rows and cells of this grid.
        expected: (usize, usize),
        /// Of the table.
        got: (usize, usize),
    },
}

impl<'a> Scale<'a> {
    /// The grid for a schema whose numbers have `bins` bins each.
    ///
    /// # Errors
    /// [`ScaleError::Setup`] if there are too many features, levels or bins for one grid.
    pub fn new(schema: &'a Schema, bins: u16) -> Result<Self, ScaleError> {
        let cells = schema.features().iter().map(|feature| match &feature.kind {
            FeatureKind::Numeric { .. } | FeatureKind::Count { .. } => bins,
            FeatureKind::Ordinal { levels } | FeatureKind::Categorical { levels } => {
                u16::try_from(levels.len()).unwrap_or(u16::MAX)
            }
            FeatureKind::Flag => 2,
        });
        // A row of one cell would say nothing; the grid wants two.
        let cells = cells.max().unwrap_or(2).max(2);
        let rows = u16::try_from(schema.features().len()).unwrap_or(u16::MAX);
        if bins == 0 {
            return Err(SetupError::Cells { got: bins }.into());
        }
        Ok(Self { schema, grid: Grid::try_from(GridSpec { rows, cells })?, bins })
    }

    /// Rows: the features. Cells: the bins of the feature with the most; the others' last are unused.
    pub const fn grid(&self) -> Grid {
        self.grid
    }

    /// The cell of each feature, for one record of the schema.
    ///
    /// # Errors
    /// [`ScaleError::Marginal`] if the record is not of the schema.
    pub fn cells(&self, record: &[Value]) -> Result<Vec<u16>, ScaleError> {
        check_records(self.schema, &[record.to_vec()])?;
        let pairs = self.schema.features().iter().zip(record);
        Ok(pairs.map(|(feature, value)| self.cell(feature, *value)).collect())
    }

    fn cell(&self, feature: &Feature, value: Value) -> u16 {
        match value {
            Value::Flag(flag) => u16::from(flag),
            Value::Level(level) => u16::try_from(level).unwrap_or(u16::MAX),
            Value::Number(number) => {
                let (min, max) = feature.range().unwrap_or((0.0, 1.0));
                let share = if matches!(feature.kind, FeatureKind::Count { .. }) {
                    number.ln_1p() / max.ln_1p()
                } else {
                    // Halves: the difference of two finite limits need not be finite.
                    (number / 2.0 - min / 2.0) / (max / 2.0 - min / 2.0)
                };
                // The least bin whose upper end lies above; the last is closed.
                let above = |bin: &u16| share < f64::from(bin + 1) / f64::from(self.bins);
                (0..self.bins - 1).find(above).unwrap_or(self.bins - 1)
            }
        }
    }

    /// Marginals from the opened table: a bin's midpoint stands for it; below 0 counts as 0.
    ///
    /// # Errors
    /// [`ScaleError::Shape`] if the table is not of this grid; [`ScaleError::Marginal`] if noise left a
    /// feature without anybody.
    pub fn marginals(&self, opened: &GridSum) -> Result<Marginals, ScaleError> {
        let expected = (usize::from(self.grid.rows()), usize::from(self.grid.cells()));
        let got = opened.counts().dim();
        if got != expected {
            return Err(ScaleError::Shape { expected, got });
        }
        let rows = opened.counts().outer_iter();
        let features = self.schema.features().iter().zip(rows).map(|(feature, row)| {
            let weight = |count: &i64| u32::try_from((*count).max(0)).unwrap_or(u32::MAX);
            let mut weights: Vec<u32> = row.iter().map(weight).collect();
            match &feature.kind {
                FeatureKind::Numeric { .. } | FeatureKind::Count { .. } => {
                    weights.truncate(usize::from(self.bins));
                    Marginal::Numbers { values: midpoints(feature, self.bins), weights }
                }
                FeatureKind::Ordinal { levels } | FeatureKind::Categorical { levels } => {
                    weights.truncate(levels.len());
                    Marginal::Levels { weights }
                }
                FeatureKind::Flag => Marginal::Flag { no: weights[0], yes: weights[1] },
            }
        });
        Ok(Marginals::new(self.schema, features.collect())?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::design::tests::schema;
    use super::super::marginals::tests::records;
    use super::*;
    use crate::aggregation::{AggregateResult, Circuit, Measurement, sum_in_the_clear};

    #[test]
    fn opened_histograms_become_marginals() {
        let schema = schema();
        let scale = Scale::new(&schema, 10).unwrap();
        assert_eq!((scale.grid().rows(), scale.grid().cells()), (4, 10));
        // Age 30 is the lower end of the fourth tenth of 0 to 100; 2 priors are ln 3 / ln 51 = .28.
        assert_eq!(scale.cells(&records()[0]).unwrap(), [0, 3, 1, 2]);
        let marks = records().into_iter().map(|record| {
            Measurement::Grid(scale.grid().measure(&scale.cells(&record).unwrap()).unwrap())
        });
        let circuit = Circuit::Grid(scale.grid());
        let AggregateResult::Grid(sum) = sum_in_the_clear(&circuit, marks, &[]).unwrap() else {
            panic!("the sum of a grid is a grid");
        };
        let marginals = scale.marginals(&sum).unwrap();
        assert_eq!(marginals.features()[0], Marginal::Levels { weights: vec![1, 3] });
        assert_eq!(marginals.features()[2], Marginal::Flag { no: 3, yes: 1 });
        let Marginal::Numbers { values, weights } = &marginals.features()[1] else {
            panic!("age is a number");
        };
        assert_eq!(weights, &[0, 0, 0, 2, 1, 1, 0, 0, 0, 0]);
        assert!((values[3] - 35.0).abs() < 1e-9);
    }

    #[test]
    fn both_ends_of_a_range_are_in_it() {
        let schema = schema();
        let scale = Scale::new(&schema, 10).unwrap();
        for (age, priors, cells) in [(0.0, 0.0, [0, 0, 0, 0]), (100.0, 50.0, [0, 9, 0, 9])] {
            let record =
                [Value::Level(0), Value::Number(age), Value::Flag(false), Value::Number(priors)];
            assert_eq!(scale.cells(&record).unwrap(), cells);
        }
    }

    #[test]
    fn refuses_another_record_and_impossible_bins() {
        let schema = schema();
        assert!(matches!(
            Scale::new(&schema, 10).unwrap().cells(&[Value::Flag(true)]),
            Err(ScaleError::Marginal(MarginalError::Features { expected: 4, got: 1 }))
        ));
        assert!(matches!(
            Scale::new(&schema, 0),
            Err(ScaleError::Setup(SetupError::Cells { got: 0 }))
        ));
        assert!(matches!(Scale::new(&schema, 9_000), Err(ScaleError::Setup(_))));
    }
}
