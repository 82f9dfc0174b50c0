//! `rb-prob` from moments: ridge regression of the label on the coordinates, from one Gram message.
//!
//! The score is `f(x) = w x + b` with the least `sum (y - w x - b)^2 + penalty |w|^2`: one Newton step
//! of logistic regression from zero, and like it in rank. The sums of products are all it needs.
//!
//! Under noise the products with the label decide the ranking, and its label is a sign whose square is half of the
//! squared norm. If K bounds the squared norm of a record without its label, the noise of those products for a label of 0
//! and 1 is then `sqrt(5 K) / 2` times what it is for a sensitivity of 1, instead of `sqrt(2) K` with an indicator as
//! the label: a third of it for ten features.

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView2, Axis, Slice};

use super::cholesky::Cholesky;
use super::design::ColumnKind;
use super::scaling::{Encoding, MIX_BOUND, Scaled, Scaling};
use crate::aggregation::{Coordinate, Gram, GramSpec, GramSum, SetupError};

/// The penalty on the squared weights; the intercept has none.
pub const PENALTY: f64 = 10.0;
/// Width of a number's coordinate, in bits.
pub const NUMBER_BITS: u8 = 12;

/// What the message is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protected {
    /// No noise: the norm has room for every record as it is, and the label is 0 or 1.
    No,
    /// Noise, which grows with the squared norm: it has room for the numbers of a record near the middle; others are drawn
    /// in together, which keeps their direction. The label is a sign.
    ByNoise,
}

/// Why there is no ridge regression.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RidgeError {
    /// The coordinates are unbounded, or indicators are not 0 and 1.
    #[error("a Gram message needs the encoding mix, whose coordinates are bounded")]
    Encoding,
    /// No Gram message holds these coordinates.
    #[error("the moments do not fit a Gram message: {0}")]
    Setup(#[from] SetupError),
    /// The opened moments are not of these coordinates.
    #[error("moments of {got} coordinates; {expected} expected (all of them, then the label)")]
    Coordinates {
        /// Columns of the records, and the label.
        expected: usize,
        /// As opened.
        got: usize,
    },
    /// A block of indicators reaches beyond the records' columns.
    #[error("an indicator in column {column}, but there are {columns} columns")]
    Blocks {
        /// From 0.
        column: usize,
        /// Columns of the records.
        columns: usize,
    },
    /// The published noise is no standard deviation.
    #[error("noise of standard deviation {sigma}; allowed: 0 or above")]
    Sigma {
        /// As given.
        sigma: f64,
    },
    /// Nobody reported.
    #[error("moments of nobody")]
    Empty,
    /// No penalty makes the moments invertible: they are not numbers.
    #[error("the moments cannot be inverted")]
    Singular,
}

/// The Gram message of a scaling's coordinates: one per column, then the label.
///
/// A number has 12 bits over `[-3, 3]`, an indicator and the label one bit. C squared is 1 (the
/// constant) + 1 per block of indicators, of which at most one is on, + the room for numbers: no indicator can exceed it;
/// and 1 for a label of 0 and 1, or as much again for a sign. `blocks` are those of the records' design.
///
/// # Errors
/// [`RidgeError::Encoding`], [`RidgeError::Setup`].
pub fn gram(
    scaling: &Scaling,
    blocks: &[Range<usize>],
    protected: Protected,
) -> Result<Gram, RidgeError> {
    if scaling.encoding() != Encoding::Mix {
        return Err(RidgeError::Encoding);
    }
    let mut coordinates: Vec<Coordinate> = scaling
        .kinds()
        .iter()
        .map(|kind| match kind {
            ColumnKind::Number | ColumnKind::Count => {
                Coordinate::Fixed { bits: NUMBER_BITS, bound_milli: BOUND_MILLI }
            }
            ColumnKind::Indicator => Coordinate::Binary,
        })
        .collect();
    let numbers = coordinates.iter().filter(|of| **of != Coordinate::Binary).count();
    let each = match protected {
        Protected::No => MIX_BOUND * MIX_BOUND,
        Protected::ByNoise => 0.3,
    };
    let count = |of: usize| f64::from(u16::try_from(of).unwrap_or(u16::MAX));
    let record = 1.0 + count(blocks.len()) + each * count(numbers);
    let label = match protected {
        Protected::No => Coordinate::Binary,
        Protected::ByNoise => Coordinate::Sign { bound_milli: root_milli(record) },
    };
    coordinates.push(label);
    let norm_milli = root_milli(record + label.side(true).powi(2));
    Ok(Gram::try_from(GramSpec { coordinates, norm_milli })?)
}

/// The root, in thousandths, rounded up.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the root of at most 2 (1 + 2^16 + 9 * 2^16), in thousandths, lies between 0 and 2^32"
)]
fn root_milli(square: f64) -> u32 {
    (square.sqrt() * 1_000.0).ceil() as u32
}

/// What a donor measures for this message, donors × coordinates: its coordinates, then its label.
///
/// # Panics
/// If there is not one label per record.
pub fn centred(gram: &Gram, records: &Scaled, labels: &[bool]) -> Array2<f64> {
    assert_eq!(labels.len(), records.rows(), "one label per record");
    let of = label_of(gram);
    let label: Array1<f64> = labels.iter().map(|&label| of.side(label)).collect();
    let mut all = Array2::zeros((records.rows(), records.columns() + 1));
    let columns = records.columns();
    all.slice_axis_mut(Axis(1), Slice::from(..columns)).assign(&records.to_dense());
    all.column_mut(columns).assign(&label);
    all
}

/// The last coordinate; a [`Gram`] has one at least.
fn label_of(gram: &Gram) -> Coordinate {
    gram.coordinates().last().copied().unwrap_or(Coordinate::Binary)
}

/// `sum z z^T` with `z = (1, x, y)` and y being 0 or 1, in centred units, from the opened sum of records with these blocks
/// of indicators: what noise cannot have added is taken out.
///
/// Two levels of one block exclude each other, so that their product sums to 0; and an indicator is its own square, so
/// that its sum is released twice. A function of what is public alone, exact without noise.
///
/// # Errors
/// [`RidgeError::Blocks`].
pub fn moments(sum: &GramSum, blocks: &[Range<usize>]) -> Result<Array2<f64>, RidgeError> {
    let columns = sum.gram().coordinates().len().saturating_sub(1);
    if let Some(beyond) = blocks.iter().find(|block| block.end > columns) {
        return Err(RidgeError::Blocks { column: beyond.end - 1, columns });
    }
    let mut moments = sum.moments();
    let last = moments.nrows().saturating_sub(1);
    for (i, of) in (1..).zip(sum.gram().coordinates()) {
        if *of == Coordinate::Binary {
            let mean = f64::midpoint(moments[(0, i)], moments[(i, i)]);
            for place in [(0, i), (i, 0), (i, i)] {
                moments[place] = mean;
            }
        }
    }
    for block in blocks {
        for (i, j) in block.clone().flat_map(|i| block.clone().map(move |j| (i + 1, j + 1))) {
            if i != j {
                moments[(i, j)] = 0.0;
            }
        }
    }
    let label = label_of(sum.gram());
    if let Coordinate::Sign { .. } = label {
        // x y = (x + x z / c) / 2, for the constant 1 too.
        let bound = label.side(true);
        for i in 0..last {
            let with_label = f64::midpoint(moments[(i, 0)], moments[(i, last)] / bound);
            moments[(i, last)] = with_label;
            moments[(last, i)] = with_label;
        }
        moments[(last, last)] = moments[(0, last)];
    }
    Ok(moments)
}

/// A fitted ridge regression.
#[derive(Clone, Debug, PartialEq)]
pub struct Ridge {
    weights: Array1<f64>,
    intercept: f64,
}

impl Ridge {
    /// Fits from opened moments of records with these blocks of indicators. `sigma` is the standard deviation of the
    /// *published* noise in centred units, 0 without noise.
    ///
    /// Noise of standard deviation sigma moves the eigenvalues of m coordinates by about
    /// `2 sigma sqrt(m)`. The penalty is at least ten times that: measured on COMPAS and ACS it ranks
    /// better than less. It is doubled until the matrix is positive definite.
    ///
    /// # Errors
    /// [`RidgeError::Sigma`], [`RidgeError::Blocks`], [`RidgeError::Empty`], [`RidgeError::Singular`].
    pub fn from_sum(
        sum: &GramSum,
        blocks: &[Range<usize>],
        sigma: f64,
    ) -> Result<Self, RidgeError> {
        if !(sigma.is_finite() && sigma >= 0.0) {
            return Err(RidgeError::Sigma { sigma });
        }
        let moments = moments(sum, blocks)?;
        let columns = u32::try_from(moments.nrows()).unwrap_or(u32::MAX);
        let noise = NOISE_PENALTY * sigma * f64::from(columns).sqrt();
        Self::fit(&moments.view(), PENALTY.max(noise))
    }

    /// Fits from `sum z z^T`, `z = (1, x, y)`, symmetric.
    ///
    /// # Errors
    /// [`RidgeError::Empty`], [`RidgeError::Singular`].
    pub fn fit(moments: &ArrayView2<'_, f64>, penalty: f64) -> Result<Self, RidgeError> {
        let last = moments.nrows().saturating_sub(1);
        let columns = last.saturating_sub(1);
        if columns == 0 || moments[(0, 0)] <= 0.0 {
            return Err(RidgeError::Empty);
        }
        let count = moments[(0, 0)];
        let mean: Array1<f64> = moments.row(0).mapv(|sum| sum / count);
        // Around the means, so that the intercept stays free: S_ij - n m_i m_j.
        let around = |i: usize, j: usize| moments[(i, j)] - count * mean[i] * mean[j];
        let right = Array1::from_shape_fn(columns, |i| around(i + 1, last));
        let mut penalty = penalty;
        for _ in 0..DOUBLINGS_MAX {
            let matrix = Array2::from_shape_fn((columns, columns), |(i, j)| {
                around(i + 1, j + 1) + if i == j { penalty } else { 0.0 }
            });
            if let Some(factor) = Cholesky::new(matrix) {
                let weights = factor.solve(&right);
                let centre = mean.slice_axis(Axis(0), Slice::from(1..last));
                let intercept = mean[last] - weights.dot(&centre);
                return Ok(Self { weights, intercept });
            }
            penalty *= 2.0;
        }
        Err(RidgeError::Singular)
    }

    /// `f(x)` of each record: near its chance of a positive label, but neither at least 0 nor at most 1.
    ///
    /// # Errors
    /// [`RidgeError::Coordinates`] if the records have other columns.
    pub fn score(&self, records: &Scaled) -> Result<Vec<f64>, RidgeError> {
        if records.columns() != self.weights.len() {
            let (expected, got) = (records.columns() + 1, self.weights.len() + 1);
            return Err(RidgeError::Coordinates { expected, got });
        }
        let fitted = records.to_dense().dot(&self.weights);
        Ok(fitted.into_iter().map(|value| value + self.intercept).collect())
    }
}

/// The penalty per standard deviation of the noise, times the root of the number of coordinates.
const NOISE_PENALTY: f64 = 20.0;
/// [`MIX_BOUND`], in thousandths.
const BOUND_MILLI: u32 = 3_000;
/// Doublings of a penalty that cannot be too small after them.
const DOUBLINGS_MAX: u32 = 200;

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::super::cells::tests::{people, scaling};
    use super::super::design::tests::{design, schema};
    use super::*;
    use crate::aggregation::noise::Noise;
    use crate::aggregation::{
        AggregateResult, Circuit, MeasureError, Measurement, sum_in_the_clear,
    };
    use crate::keys::{self, Label};

    fn sum(gram: &Gram, rows: &Array2<f64>) -> Result<GramSum, MeasureError> {
        let mut rng = keys::stream(Label::Rounding, &[3; 32], &[]);
        let measured: Vec<Measurement> = rows
            .outer_iter()
            .map(|row| gram.measure(&row.to_vec(), &mut rng).map(Measurement::Gram))
            .collect::<Result<_, _>>()?;
        match sum_in_the_clear(&Circuit::Gram(gram.clone()), measured, &[]).unwrap() {
            AggregateResult::Gram(sum) => Ok(sum),
            AggregateResult::Grid(_) => panic!("the sum of a Gram is a Gram"),
        }
    }

    #[test]
    fn agrees_with_a_case_worked_by_hand() {
        // x = -1, 0, 1, 2 and y = 0, 0, 1, 1: means .5 and .5, S_xx = 5, S_xy = 2.
        let z = array![[1.0, -1.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 1.0], [1.0, 2.0, 1.0]];
        let moments = z.t().dot(&z);
        let ridge = Ridge::fit(&moments.view(), 3.0).unwrap();
        assert!((ridge.weights[0] - 2.0 / 8.0).abs() < 1e-12);
        assert!((ridge.intercept - (0.5 - 0.25 * 0.5)).abs() < 1e-12);
    }

    /// The normal equations of the rows as they are, intercept and all.
    #[test]
    fn agrees_with_least_squares_on_the_records() {
        let records = people(3_000);
        let dense = records.to_dense();
        let labels: Vec<bool> = dense.column(0).iter().map(|&age| age > 0.3).collect();
        let blocks = schema().blocks();
        let gram = gram(&scaling(), &blocks, Protected::No).unwrap();
        let rows = centred(&gram, &records, &labels);
        let opened = sum(&gram, &rows).unwrap();
        let scores = Ridge::from_sum(&opened, &blocks, 0.0).unwrap().score(&records).unwrap();

        let columns = dense.ncols();
        let mut x = Array2::ones((dense.nrows(), columns + 1));
        x.slice_axis_mut(Axis(1), Slice::from(1..)).assign(&dense);
        let mut normal = x.t().dot(&x);
        for i in 1..=columns {
            normal[(i, i)] += PENALTY;
        }
        let solution = Cholesky::new(normal).unwrap().solve(&x.t().dot(&rows.column(columns)));
        for (score, exact) in scores.iter().zip(x.dot(&solution)) {
            // Rounding to twelve bits moves the moments by far less than one person in a hundred.
            assert!((score - exact).abs() < 2e-3, "{score} {exact}");
        }
    }

    #[test]
    fn no_record_exceeds_the_norm_by_its_indicators() {
        let far = design(&[(0, 100.0, true, 50.0), (1, 0.0, false, 0.0)]);
        let far_blocks = far.blocks().to_vec();
        let lend = |blocks: &[Range<usize>], protected| {
            let gram = gram(&scaling(), blocks, protected).unwrap();
            let rows = centred(&gram, &scaling().apply(&far), &[true, false]);
            sum(&gram, &rows)
        };
        for protected in [Protected::No, Protected::ByNoise] {
            assert!(lend(&far_blocks, protected).is_ok());
        }
        // With one block fewer in the count, a flag and a level together are refused.
        assert_eq!(lend(&far_blocks[1..], Protected::ByNoise), Err(MeasureError::Norm));
    }

    /// Sums of the same people, with a label of 0 and 1 and with a sign, and numbers that fit either norm.
    #[test]
    fn a_sign_and_an_indicator_as_the_label_give_the_same_moments() {
        let records = people(200);
        let labels: Vec<bool> = records.to_dense().column(0).iter().map(|&age| age > 0.3).collect();
        let blocks = schema().blocks();
        let [plain, signed] = [Protected::No, Protected::ByNoise].map(|protected| {
            let mut spec = GramSpec::from(gram(&scaling(), &blocks, protected).unwrap());
            spec.norm_milli = 9_000;
            let gram = Gram::try_from(spec).unwrap();
            moments(&sum(&gram, &centred(&gram, &records, &labels)).unwrap(), &blocks).unwrap()
        });
        assert!((&plain - &signed).iter().all(|off| off.abs() < 1e-6));
    }

    /// Products of two levels of one block, which exclude each other, and the two sums of each indicator.
    #[test]
    fn noise_that_cannot_be_there_is_taken_out() {
        let blocks = schema().blocks();
        let gram = gram(&scaling(), &blocks, Protected::ByNoise).unwrap();
        let circuit = Circuit::Gram(gram.clone());
        let mut rng = keys::stream(Label::Rounding, &[3; 32], &[]);
        let noise = Noise { sigma_milli: 30_000, honest_seats: 1 };
        let noise = noise.sample(&circuit, &mut rng).unwrap();
        let Ok(AggregateResult::Gram(noisy)) = sum_in_the_clear(&circuit, [], &[noise]) else {
            panic!("the sum of a Gram is a Gram")
        };
        let (before, after) = (noisy.moments(), moments(&noisy, &blocks).unwrap());
        let block = blocks.iter().find(|block| block.len() > 1).unwrap();
        let (i, j) = (block.start + 1, block.start + 2);
        assert!(before[(i, j)].abs() > 1.0);
        assert_eq!((after[(i, j)], after[(j, i)]), (0.0, 0.0));
        let mean = f64::midpoint(before[(0, i)], before[(i, i)]);
        assert_eq!((after[(0, i)], after[(i, i)]), (mean, mean));
        let (number, square) = (before[(0, 1)], before[(1, 1)]);
        assert_eq!((after[(0, 1)], after[(1, 1)]), (number, square), "no number is its own square");
    }

    #[test]
    fn blocks_lie_within_the_columns() {
        let gram = gram(&scaling(), &schema().blocks(), Protected::No).unwrap();
        let sum = sum(&gram, &Array2::zeros((0, gram.coordinates().len()))).unwrap();
        let refused = RidgeError::Blocks { column: 99, columns: schema().columns().len() };
        assert_eq!(Ridge::from_sum(&sum, &[0..2, 90..100], 0.0), Err(refused));
    }

    #[test]
    fn refuses_what_has_no_moments() {
        let z = Scaling::from_ranges(&schema(), Encoding::Z);
        assert_eq!(gram(&z, &schema().blocks(), Protected::No), Err(RidgeError::Encoding));
        let nobody = Array2::zeros((3, 3));
        assert_eq!(Ridge::fit(&nobody.view(), 1.0), Err(RidgeError::Empty));
        let indefinite = array![[9.0, 0.0, 0.0], [0.0, -70.0, 0.0], [0.0, 0.0, 1.0]];
        assert!(Ridge::fit(&indefinite.view(), 1.0).is_ok(), "the penalty grows until it serves");
        let nan = array![[9.0, 0.0, 0.0], [0.0, f64::NAN, 0.0], [0.0, 0.0, 1.0]];
        assert_eq!(Ridge::fit(&nan.view(), 1.0), Err(RidgeError::Singular));
        let narrow = Ridge { weights: array![1.0], intercept: 0.0 };
        let refused = RidgeError::Coordinates { expected: 6, got: 2 };
        assert_eq!(narrow.score(&people(1)), Err(refused));
    }
}
