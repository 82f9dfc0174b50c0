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

/// A scaling learnt from some records and applied to any of the same schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    encoding: Encoding,
    kinds: Vec<ColumnKind>,
    /// Per column, after the logarithm where there is one.
    mean: Vec<f64>,
    /// Population standard deviation per column; 1 for a constant column.
    sd: Vec<f64>,
}

impl Scaling {
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
    use super::super::design::tests::design;
    use super::*;

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
