//! Where a person's real numbers become integers, and sums of integers become real numbers again.
//!
//! One of the two files of this module with floats (the other is `noise`). Only `+ - * /`, square root
//! and floor are used, which IEEE 754 rounds alike everywhere, so one record, plan and stream give the
//! same integers on every machine.
//!
//! Source: docs/PROTOCOL.md sections 3 and 10.

use super::gram::{Coordinate, Gram, GramMeasurement, GramSum};
use ndarray::Array2;
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

/// A measurement that its circuit cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// The wrong number of rows or coordinates.
    #[error("{got} values to measure, {expected} expected")]
    Len {
        /// Rows or coordinates of the circuit.
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// A cell beyond its row.
    #[error("the cell of row {row} lies outside the grid")]
    Cell {
        /// Which row.
        row: usize,
    },
    /// An integer wider than its coordinate.
    #[error("coordinate {index} does not fit its bits")]
    Bits {
        /// Which coordinate.
        index: usize,
    },
    /// A real number that is not finite, or neither of the two values of a bit.
    #[error("coordinate {index} is not a value of its kind")]
    Value {
        /// Which coordinate.
        index: usize,
    },
    /// The binary coordinates alone, which cannot be scaled, exceed the norm C: the plan allows too
    /// small a norm for its one-hot columns.
    #[error("the binary coordinates alone exceed the plan's norm")]
    Norm,
}

impl Coordinate {
    /// What one step of this coordinate's integer is worth.
    pub fn unit(self) -> f64 {
        match self {
            Self::Binary => 1.0,
            Self::Fixed { bits, bound_milli } => {
                let steps = (1_u32 << (bits - 1)) - 1;
                f64::from(bound_milli) / 1_000.0 / f64::from(steps)
            }
            Self::Sign { .. } => self.bound(),
        }
    }

    /// What a bit stands for: its upper value if it is set, else its lower one.
    pub fn side(self, upper: bool) -> f64 {
        match (self, upper) {
            (Self::Binary, false) => 0.0,
            (Self::Binary | Self::Fixed { .. } | Self::Sign { .. }, true) => self.bound(),
            (Self::Fixed { .. } | Self::Sign { .. }, false) => -self.bound(),
        }
    }

    fn bound(self) -> f64 {
        match self {
            Self::Binary => 1.0,
            Self::Fixed { bound_milli, .. } | Self::Sign { bound_milli } => {
                f64::from(bound_milli) / 1_000.0
            }
        }
    }

    /// Whether its square is the same for everybody.
    pub(super) fn has_constant_square(self) -> bool {
        matches!(self, Self::Sign { .. })
    }

    /// Whether its values cannot be scaled.
    fn is_bit(self) -> bool {
        match self {
            Self::Binary | Self::Sign { .. } => true,
            Self::Fixed { .. } => false,
        }
    }

    /// `value`, clamped to the bounds; `None` if it is no value of this kind.
    fn clamp(self, value: f64) -> Option<f64> {
        match self {
            Self::Binary | Self::Sign { .. } => {
                let sides = [false, true].map(|upper| self.side(upper));
                sides.into_iter().find(|side| value.total_cmp(side).is_eq())
            }
            Self::Fixed { .. } => {
                value.is_finite().then(|| value.clamp(-self.bound(), self.bound()))
            }
        }
    }

    /// Rounds up with the probability of the remainder: without bias, whatever the step.
    fn round(self, value: f64, rng: &mut impl CryptoRng) -> u32 {
        let dither = uniform(rng);
        match self {
            Self::Binary | Self::Sign { .. } => u32::from(value > 0.0),
            Self::Fixed { bits, .. } => {
                let place = value / self.unit() + f64::from(self.offset());
                to_integer(place + dither).min((1 << bits) - 1)
            }
        }
    }
}

impl Gram {
    /// One person's integers from centred reals, one per coordinate.
    ///
    /// Fixed-point values are clamped to their bounds, then scaled together until
    /// `||(1, z)||_2 <= C` (binary ones and the constant cannot be scaled), then rounded up or down at
    /// random without bias. `rng` should be a [`crate::keys::stream`], so that a repeat rounds alike;
    /// it is drawn from once per coordinate, whatever the values.
    ///
    /// # Errors
    /// [`MeasureError::Len`], [`MeasureError::Value`] or [`MeasureError::Norm`].
    pub fn measure(
        &self,
        centred: &[f64],
        rng: &mut impl CryptoRng,
    ) -> Result<GramMeasurement, MeasureError> {
        let expected = self.coordinates().len();
        if centred.len() != expected {
            return Err(MeasureError::Len { expected, got: centred.len() });
        }
        let mut values = Zeroizing::new(Vec::with_capacity(expected));
        for (index, (value, of)) in centred.iter().zip(self.coordinates()).enumerate() {
            values.push(of.clamp(*value).ok_or(MeasureError::Value { index })?);
        }
        let squares = |binary: bool| -> f64 {
            let own = values.iter().zip(self.coordinates());
            own.filter(|(_, of)| of.is_bit() == binary).map(|(value, _)| value * value).sum()
        };
        let room = self.norm() * self.norm() - 1.0 - squares(true);
        if room < 0.0 {
            return Err(MeasureError::Norm);
        }
        let scale = if squares(false) > room { (room / squares(false)).sqrt() } else { 1.0 };
        let rounded: Zeroizing<Vec<u32>> = Zeroizing::new(
            values
                .iter()
                .zip(self.coordinates())
                .map(|(value, of)| of.round(if of.is_bit() { *value } else { value * scale }, rng))
                .collect(),
        );
        self.measurement(&rounded)
    }

    fn norm(&self) -> f64 {
        f64::from(self.norm_milli()) / 1_000.0
    }

    /// C': no honest person's `||(1, z)||_2` exceeds it after rounding, which moves each fixed-point
    /// coordinate by less than its unit.
    pub fn norm_rounded(&self) -> f64 {
        let fixed = self.coordinates().iter().filter(|of| !of.is_bit());
        let slack: f64 = fixed.map(|of| of.unit() * of.unit()).sum::<f64>().sqrt();
        // The last factor covers the rounding of the floats themselves.
        (self.norm() + slack) * (1.0 + 1e-9)
    }

    /// L2 sensitivity of what is released to one report replaced: `sqrt(C'^4 + Q^2)`, where `Q` is what C'^2 leaves
    /// to coordinates whose square is not the same for everybody.
    ///
    /// Released are the coordinates' sums and each product once. Of records z and w, each with the constant 1, that
    /// is half of `||z z^T - w w^T||_F^2 <= 2 C'^4` and half of the diagonal `sum (z_i^2 - w_i^2)^2`, which the square
    /// terms alone would leave out; it is at most `2 Q^2`, as the squares of either sum to at most Q.
    pub(super) fn sensitivity(&self) -> f64 {
        let whole = self.norm_rounded().powi(2);
        let same = self.coordinates().iter().filter(|of| of.has_constant_square());
        let same: f64 = same.map(|of| of.bound().powi(2)).sum();
        let varying = (whole - 1.0 - same).max(0.0);
        (whole.powi(2) + varying.powi(2)).sqrt()
    }
}

impl GramSum {
    /// `sum z z^T` in real, centred units: `(m + 1) x (m + 1)`, the constant first.
    pub fn moments(&self) -> Array2<f64> {
        let units: Vec<f64> = std::iter::once(1.0)
            .chain(self.gram().coordinates().iter().map(|of| of.unit()))
            .collect();
        let mut moments = self.sum_zz().mapv(to_real);
        for (mut row, left) in moments.rows_mut().into_iter().zip(&units) {
            for (entry, right) in row.iter_mut().zip(&units) {
                *entry *= left * right;
            }
        }
        moments
    }
}

/// Uniform in `[0, 1)`, with 53 bits.
fn uniform(rng: &mut impl CryptoRng) -> f64 {
    let [high, low] = [rng.next_u32(), rng.next_u32()];
    (f64::from(high >> 5) * f64::from(1 << 26) + f64::from(low >> 6))
        / f64::from(1 << 26)
        / f64::from(1 << 27)
}

/// The integer part of a non-negative number below `2^32`.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the standard library has no other conversion; `as` truncates and saturates"
)]
pub(super) fn to_integer(value: f64) -> u32 {
    value as u32
}

/// The nearest float.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "the standard library has no other conversion; sums beyond 2^53 lose their last bits"
)]
fn to_real(value: i64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregation::{gram::GramSpec, tests::stream};
    use proptest::prelude::*;

    fn gram(bits: u8, norm_milli: u32) -> Gram {
        let fixed = Coordinate::Fixed { bits, bound_milli: 3_000 };
        let coordinates = vec![fixed, fixed, fixed, Coordinate::Binary];
        Gram::try_from(GramSpec { coordinates, norm_milli }).unwrap()
    }

    fn centred(gram: &Gram, measurement: &GramMeasurement) -> Vec<f64> {
        let pairs = measurement.values().iter().zip(gram.coordinates());
        pairs.map(|(u, of)| (f64::from(*u) - f64::from(of.offset())) * of.unit()).collect()
    }

    #[test]
    fn zero_and_both_bounds_are_exact() {
        let gram = gram(12, 10_000);
        let mut rng = stream("exact");
        for values in [[0.0, 3.0, -3.0, 1.0], [3.0, 0.0, 0.0, 0.0]] {
            let measured = gram.measure(&values, &mut rng).unwrap();
            assert_eq!(centred(&gram, &measured), values);
        }
    }

    #[test]
    fn values_of_no_kind_are_refused() {
        let gram = gram(12, 10_000);
        let mut rng = stream("refused");
        for (index, values) in [
            (0, [f64::NAN, 0.0, 0.0, 0.0]),
            (1, [0.0, f64::INFINITY, 0.0, 0.0]),
            (3, [0.0, 0.0, 0.0, 2.0]),
            (3, [0.0, 0.0, 0.0, 0.5]),
            (3, [0.0, 0.0, 0.0, -0.0]),
            (3, [0.0, 0.0, 0.0, f64::NAN]),
        ] {
            assert_eq!(gram.measure(&values, &mut rng).unwrap_err(), MeasureError::Value { index });
        }
        assert_eq!(
            gram.measure(&[0.0], &mut rng).unwrap_err(),
            MeasureError::Len { expected: 4, got: 1 }
        );
    }

    #[test]
    fn binary_coordinates_beyond_the_norm_are_refused() {
        let gram = gram(12, 1_400);
        let mut rng = stream("norm");
        let error = gram.measure(&[0.0, 0.0, 0.0, 1.0], &mut rng).unwrap_err();
        assert_eq!(error, MeasureError::Norm);
        assert!(gram.measure(&[0.0; 4], &mut rng).is_ok());
    }

    proptest! {
        #[test]
        fn no_honest_norm_exceeds_the_rounded_bound(
            values in prop::array::uniform3(-9.0..9.0_f64),
            label in any::<bool>(),
            bits in 2..=16_u8,
            norm_milli in 1_500..6_000_u32,
            seed in any::<u64>(),
        ) {
            let gram = gram(bits, norm_milli);
            let [a, b, c] = values;
            let record = [a, b, c, f64::from(u8::from(label))];
            let measured = gram.measure(&record, &mut stream(&format!("{seed}"))).unwrap();
            let norm: f64 = 1.0 + centred(&gram, &measured).iter().map(|z| z * z).sum::<f64>();
            prop_assert!(norm.sqrt() <= gram.norm_rounded());
        }
    }

    #[test]
    fn rounding_has_no_bias() {
        let gram = gram(4, 10_000);
        let mut rng = stream("bias");
        let value = [0.1, -1.234, 2.9, 1.0];
        let n = 20_000;
        let mut sums = [0.0; 4];
        for _ in 0..n {
            let measured = gram.measure(&value, &mut rng).unwrap();
            for (sum, z) in sums.iter_mut().zip(centred(&gram, &measured)) {
                *sum += z;
            }
        }
        // One step is 3/7; the mean of n roundings has a standard deviation below 0.0016.
        for (sum, value) in sums.iter().zip(value) {
            assert!((sum / f64::from(n) - value).abs() < 0.008);
        }
    }

    #[test]
    fn the_same_stream_rounds_alike() {
        let gram = gram(5, 2_000);
        let values = [0.3, -0.7, 1.1, 1.0];
        let measure = |seed| gram.measure(&values, &mut stream(seed)).unwrap().values().to_vec();
        assert_eq!(measure("a"), measure("a"));
        assert_ne!((0..9).map(|_| measure("a")).next(), Some(measure("e")));
    }
}
