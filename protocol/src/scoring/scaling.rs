//! The two encodings: `mix`, the default, and `z`, the paper's.
//!
//! | column | `mix` | `z` |
//! |---|---|---|
//! | number, ordinal | z-score, clipped to ±3 | z-score |
//! | count-like | z-score of ln(1 + x), clipped to ±3 | z-score |
//! | 0/1 | left 0 or 1 | z-score |
//!
//! `z` turns a rare indicator into a coordinate tens of units long, which then decides every
//! distance; `mix` does not, and its bounded numbers can be quantised.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::design::{ColumnKind, Design};
use super::marginals::{Marginal, MarginalError, Marginals};
use super::schema::{FeatureKind, Schema};

/// How records become coordinates.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// Bounded numbers, 0/1 columns left alone.
    #[default]
    Mix,
    /// Every column z-scored.
    Z,
}

/// The z-score bound of [`Encoding::Mix`], in standard deviations.
pub const MIX_BOUND: f64 = 3.0;

/// A scaling learnt from some records, or from public marginals, and applied to any of the same schema.
///
/// It can stand in a plan: what is deserialised is checked, and [`Scaling::check`] compares it with
/// a schema.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "ScalingSpec", into = "ScalingSpec")]
pub struct Scaling {
    encoding: Encoding,
    kinds: Vec<ColumnKind>,
    /// Per column, after the logarithm where there is one.
    mean: Vec<f64>,
    /// Population standard deviation per column; 1 for a constant column.
    sd: Vec<f64>,
}

/// The numbers of a [`Scaling`], unchecked: one entry per column, numbers before indicators.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct ScalingSpec {
    /// How columns become coordinates.
    pub encoding: Encoding,
    /// The kind of each column.
    pub kinds: Vec<ColumnKind>,
    /// Subtracted from each column, after the logarithm where there is one.
    pub mean: Vec<f64>,
    /// What each column is then divided by; above 0.
    pub sd: Vec<f64>,
}

/// Why numbers are no scaling, or none of this schema.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScalingError {
    /// One mean and one standard deviation per column are needed.
    #[error("{columns} columns, but {means} means and {sds} standard deviations")]
    Len {
        /// Columns.
        columns: usize,
        /// Means.
        means: usize,
        /// Standard deviations.
        sds: usize,
    },
    /// A number stands behind an indicator.
    #[error("column {column} is a number behind an indicator; numbers come first")]
    Order {
        /// Which column, from 0.
        column: usize,
    },
    /// Numbers that no column is scaled with.
    #[error(
        "column {column}: mean {mean} and standard deviation {sd} scale nothing (an indicator in mix has 0 and 1)"
    )]
    Moments {
        /// Which column, from 0.
        column: usize,
        /// As given.
        mean: f64,
        /// As given.
        sd: f64,
    },
    /// Columns of another schema.
    #[error("the scaling has other columns than the schema: {got}, {expected} expected")]
    Schema {
        /// Columns of the schema.
        expected: usize,
        /// Columns of the scaling.
        got: usize,
    },
}

impl TryFrom<ScalingSpec> for Scaling {
    type Error = ScalingError;

    fn try_from(spec: ScalingSpec) -> Result<Self, ScalingError> {
        let ScalingSpec { encoding, kinds, mean, sd } = spec;
        if (mean.len(), sd.len()) != (kinds.len(), kinds.len()) {
            let (columns, means, sds) = (kinds.len(), mean.len(), sd.len());
            return Err(ScalingError::Len { columns, means, sds });
        }
        let indicator = |kind: &ColumnKind| *kind == ColumnKind::Indicator;
        let numbers = kinds.iter().position(indicator).unwrap_or(kinds.len());
        if let Some(behind) = kinds[numbers..].iter().position(|kind| !indicator(kind)) {
            return Err(ScalingError::Order { column: numbers + behind });
        }
        for (column, kind) in kinds.iter().enumerate() {
            let (mean, sd) = (mean[column], sd[column]);
            // In units of standard deviations: what overflows here would overflow with any record.
            let scales = mean.is_finite() && sd.is_normal() && sd > 0.0 && (mean / sd).is_finite();
            let bare = mean.total_cmp(&0.0).is_eq() && sd.total_cmp(&1.0).is_eq();
            if !scales || (encoding == Encoding::Mix && indicator(kind) && !bare) {
                return Err(ScalingError::Moments { column, mean, sd });
            }
        }
        Ok(Self { encoding, kinds, mean, sd })
    }
}

impl From<Scaling> for ScalingSpec {
    fn from(scaling: Scaling) -> Self {
        let Scaling { encoding, kinds, mean, sd } = scaling;
        Self { encoding, kinds, mean, sd }
    }
}

impl Scaling {
    /// Mean and population standard deviation of every column under public marginals.
    ///
    /// # Errors
    /// Every [`MarginalError`] of [`Marginals::check`].
    pub fn from_marginals(
        schema: &Schema,
        marginals: &Marginals,
        encoding: Encoding,
    ) -> Result<Self, MarginalError> {
        marginals.check(schema)?;
        let (mut numbers, mut indicators) = (Vec::new(), Vec::new());
        for (feature, marginal) in schema.features().iter().zip(marginals.features()) {
            match (&feature.kind, marginal) {
                (FeatureKind::Count { .. }, _) => {
                    let kind = ColumnKind::Count;
                    numbers.push((kind, marginal.moments(|v| transform(encoding, kind, v))));
                }
                (FeatureKind::Numeric { .. } | FeatureKind::Ordinal { .. }, _) => {
                    numbers.push((ColumnKind::Number, marginal.moments(|value| value)));
                }
                (FeatureKind::Flag | FeatureKind::Categorical { .. }, _) => {
                    indicators.extend(shares(marginal).into_iter().map(|share| match encoding {
                        Encoding::Mix => (ColumnKind::Indicator, (0.0, 1.0)),
                        Encoding::Z => {
                            (ColumnKind::Indicator, (share, (share * (1.0 - share)).sqrt()))
                        }
                    }));
                }
            }
        }
        let columns: Vec<_> = numbers.into_iter().chain(indicators).collect();
        // A constant column, or one that is constant but for rounding, is left unscaled.
        let unit = |sd: f64| if sd.is_normal() { sd } else { 1.0 };
        Ok(Self {
            encoding,
            kinds: columns.iter().map(|column| column.0).collect(),
            mean: columns.iter().map(|column| column.1.0).collect(),
            sd: columns.iter().map(|column| unit(column.1.1)).collect(),
        })
    }

    /// [`Scaling::from_marginals`] of [`Marginals::from_ranges`]: nobody's record is needed.
    ///
    /// # Panics
    /// Never: marginals made from a schema fit it.
    pub fn from_ranges(schema: &Schema, encoding: Encoding) -> Self {
        Self::from_marginals(schema, &Marginals::from_ranges(schema), encoding)
            .expect("marginals made from a schema fit it")
    }

    /// How columns become coordinates.
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The kind of each coordinate.
    pub fn kinds(&self) -> &[ColumnKind] {
        &self.kinds
    }

    /// Compares with a schema: the same columns in the same order.
    ///
    /// # Errors
    /// [`ScalingError::Schema`].
    pub fn check(&self, schema: &Schema) -> Result<(), ScalingError> {
        let columns = schema.columns();
        if columns.iter().map(|column| column.kind).eq(self.kinds.iter().copied()) {
            return Ok(());
        }
        Err(ScalingError::Schema { expected: columns.len(), got: self.kinds.len() })
    }

    /// Learns mean and population standard deviation of every column.
    ///
    /// # Panics
    /// If the design has no records.
    pub fn fit(design: &Design, encoding: Encoding) -> Self {
        assert!(design.rows() > 0, "a scaling needs at least one record");
        let kinds: Vec<ColumnKind> = design.columns().iter().map(|c| c.kind).collect();
        let (mut mean, mut sd) = (Vec::new(), Vec::new());
        for (column, &kind) in kinds.iter().enumerate() {
            let moments = match (encoding, kind) {
                (Encoding::Mix, ColumnKind::Indicator) => (0.0, 1.0),
                (Encoding::Mix, ColumnKind::Number | ColumnKind::Count)
                | (Encoding::Z, ColumnKind::Number | ColumnKind::Count | ColumnKind::Indicator) => {
                    let mut values = design.column(column);
                    for value in &mut values {
                        *value = transform(encoding, kind, *value);
                    }
                    moments(&values)
                }
            };
            mean.push(moments.0);
            sd.push(moments.1);
        }
        Self { encoding, kinds, mean, sd }
    }

    /// Scales records.
    ///
    /// # Panics
    /// If the records do not have the columns the scaling was learnt from.
    pub fn apply(&self, design: &Design) -> Scaled {
        assert!(
            design.columns().iter().map(|c| c.kind).eq(self.kinds.iter().copied()),
            "records of another schema"
        );
        let count = design.numbers().ncols();
        let mut numbers = design.numbers().to_owned();
        for (j, mut column) in numbers.columns_mut().into_iter().enumerate() {
            let (kind, mean, sd) = (self.kinds[j], self.mean[j], self.sd[j]);
            column.mapv_inplace(|v| {
                let z = (transform(self.encoding, kind, v) - mean) / sd;
                match self.encoding {
                    Encoding::Mix => z.clamp(-MIX_BOUND, MIX_BOUND),
                    Encoding::Z => z,
                }
            });
        }
        Scaled {
            numbers,
            active: design.active().to_owned(),
            off: (count..self.mean.len()).map(|j| (0.0 - self.mean[j]) / self.sd[j]).collect(),
            on: (count..self.mean.len()).map(|j| (1.0 - self.mean[j]) / self.sd[j]).collect(),
        }
    }
}

fn transform(encoding: Encoding, kind: ColumnKind, value: f64) -> f64 {
    match (encoding, kind) {
        (Encoding::Mix, ColumnKind::Count) => value.ln_1p(),
        (Encoding::Mix, ColumnKind::Number | ColumnKind::Indicator) | (Encoding::Z, _) => value,
    }
}

/// The share of each indicator column that is 1.
fn shares(marginal: &Marginal) -> Vec<f64> {
    let weights: Vec<f64> = match marginal {
        Marginal::Numbers { weights, .. } | Marginal::Levels { weights } => {
            weights.iter().copied().map(f64::from).collect()
        }
        Marginal::Flag { no, yes } => {
            return vec![f64::from(*yes) / (f64::from(*no) + f64::from(*yes))];
        }
    };
    let total: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / total).collect()
}

/// Mean and population standard deviation; 1 for a constant column.
fn moments(values: &[f64]) -> (f64, f64) {
    #[expect(clippy::cast_precision_loss, reason = "counts of records are far below 2^53")]
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
    let constant = values.iter().all(|v| v.total_cmp(&values[0]).is_eq());
    (mean, if constant { 1.0 } else { variance.sqrt() })
}

/// Scaled records; indicators still by the position of the one that is on.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaled {
    /// Records × number columns.
    pub(super) numbers: Array2<f64>,
    /// Records × blocks: the column that is on, counted from the first number column.
    pub(super) active: Array2<u32>,
    /// Per indicator column: its coordinate when off.
    pub(super) off: Vec<f64>,
    /// Per indicator column: its coordinate when on.
    pub(super) on: Vec<f64>,
}

impl Scaled {
    /// The number of records.
    pub fn rows(&self) -> usize {
        self.numbers.nrows()
    }

    /// The number of coordinates.
    pub fn columns(&self) -> usize {
        self.numbers.ncols() + self.off.len()
    }

    /// Records × coordinates.
    pub fn to_dense(&self) -> Array2<f64> {
        let count = self.numbers.ncols();
        let mut dense = Array2::zeros((self.rows(), self.columns()));
        for (i, mut row) in dense.outer_iter_mut().enumerate() {
            for (value, &scaled) in row.iter_mut().zip(self.numbers.row(i).iter().chain(&self.off))
            {
                *value = scaled;
            }
            for column in self.active_columns(i) {
                row[column] = self.on[column - count];
            }
        }
        dense
    }

    /// One record alone.
    #[cfg(test)]
    pub(super) fn select(&self, row: usize) -> Self {
        Self {
            numbers: self.numbers.select(ndarray::Axis(0), &[row]),
            active: self.active.select(ndarray::Axis(0), &[row]),
            ..self.clone()
        }
    }

    /// The indicator columns that are on in one record.
    pub(super) fn active_columns(&self, row: usize) -> impl Iterator<Item = usize> {
        self.active
            .row(row)
            .into_iter()
            .filter(|&&column| column != Design::ABSENT)
            .map(|&column| usize::try_from(column).expect("a column number fits usize"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::design::tests::{design, schema};
    use super::*;

    #[test]
    fn marginals_of_records_scale_as_the_records_do() {
        let records = [(0, 30.0, true, 2.0), (1, 40.0, true, 0.0), (1, 35.0, true, 7.0)];
        let design = design(&records);
        let marginals = Marginals::from_records(&schema(), &schema().values(&design)).unwrap();
        for encoding in [Encoding::Mix, Encoding::Z] {
            let learnt = Scaling::fit(&design, encoding);
            let public = Scaling::from_marginals(&schema(), &marginals, encoding).unwrap();
            public.check(&schema()).unwrap();
            let (one, other) = (learnt.apply(&design).to_dense(), public.apply(&design).to_dense());
            assert!((&one - &other).iter().all(|d| d.abs() < 1e-9), "{encoding:?}");
        }
    }

    #[test]
    fn a_scaling_read_from_a_plan_is_checked() {
        let scaling = Scaling::from_ranges(&schema(), Encoding::Mix);
        let text = serde_json::to_string(&scaling).unwrap();
        assert_eq!(serde_json::from_str::<Scaling>(&text).unwrap(), scaling);
        let good = ScalingSpec::from(scaling);
        let with = |change: &dyn Fn(&mut ScalingSpec)| {
            let mut spec = good.clone();
            change(&mut spec);
            Scaling::try_from(spec).unwrap_err()
        };
        let (columns, sds) = (good.kinds.len(), good.kinds.len());
        let len = ScalingError::Len { columns, means: columns - 1, sds };
        assert_eq!(with(&|spec| spec.mean.truncate(columns - 1)), len);
        let order = ScalingError::Order { column: 2 };
        assert_eq!(with(&|spec| spec.kinds.swap(1, 2)), order);
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE / 2.0] {
            assert!(matches!(
                with(&|spec| spec.sd[0] = bad),
                ScalingError::Moments { column: 0, .. }
            ));
        }
        assert!(matches!(with(&|s| s.sd[3] = 2.0), ScalingError::Moments { column: 3, .. }));
        let other = Schema::new(schema().features()[..2].to_vec()).unwrap();
        let refused = ScalingError::Schema { expected: 3, got: 5 };
        assert_eq!(Scaling::try_from(good).unwrap().check(&other), Err(refused));
    }

    #[test]
    fn z_scores_every_column() {
        let design = design(&[(0, 30.0, true, 2.0), (1, 40.0, true, 0.0)]);
        let dense = Scaling::fit(&design, Encoding::Z).apply(&design).to_dense();
        assert_eq!(dense.row(0).to_vec(), [-1.0, 1.0, 1.0, -1.0, 0.0]);
        assert_eq!(dense.row(1).to_vec(), [1.0, -1.0, -1.0, 1.0, 0.0]);
    }

    #[test]
    fn mix_takes_logarithms_clips_and_leaves_indicators() {
        let mut records = vec![(0, 1.0, false, 0.0); 99];
        records.push((1, 90.0, true, 50.0));
        let design = design(&records);
        let dense = Scaling::fit(&design, Encoding::Mix).apply(&design).to_dense();
        assert_eq!(dense.row(99).to_vec(), [3.0, 3.0, 0.0, 1.0, 1.0]);
        assert!((dense[(0, 1)] + 1.0 / 99.0_f64.sqrt()).abs() < 1e-12, "{}", dense[(0, 1)]);
    }

    #[test]
    fn a_new_record_is_scaled_by_the_learnt_statistics() {
        let learnt = design(&[(0, 30.0, true, 2.0), (1, 40.0, true, 0.0)]);
        let scaling = Scaling::fit(&learnt, Encoding::Z);
        let other = scaling.apply(&design(&[(0, 50.0, false, 1.0)])).to_dense();
        assert_eq!(other.row(0).to_vec(), [3.0, 0.0, 1.0, -1.0, -1.0]);
    }
}
