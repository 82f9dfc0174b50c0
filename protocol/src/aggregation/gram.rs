//! The Gram matrix: sums of a person's values and of all their products, in one message.
//!
//! A person has coordinates `z_1, ..., z_m` (features and label), each a small unsigned integer `u` of
//! its own bit width. Proved of every report: every bit is 0 or 1, and every product is the product
//! of its two coordinates. A coordinate of one bit can therefore hold nothing but 0 and 1: a donor
//! with the label 2, or 1,023, cannot exist.
//!
//! The constant `z_0 = 1` is not transmitted. Its sum is the number of accepted reports and its
//! products are the coordinates themselves, so a constant other than 1 cannot be expressed.
//!
//! Encoding, in field elements: the bits of `u_1` from the least significant, then those of `u_2`, ...
//! `u_m`, then the products `u_i u_j` in the order of [`Gram::products`]. Output, which is summed: `u_1,
//! ..., u_m`, then the same products.
//!
//! Centring: `z = unit (s u - o)`. For a binary coordinate unit 1, s = 1 and o = 0; for a fixed-point one
//! of `b` bits s = 1, o = `2^(b-1)` and unit `bound / (2^(b-1) - 1)`, so that 0 and both bounds are exact; for a
//! sign s = 2, o = 1 and unit `bound`. Aggregators centre their shares of the sums before adding noise:
//! `sum (s_i u_i - o_i)(s_j u_j - o_j) = s_i s_j sum u_i u_j - o_i s_j sum u_j - o_j s_i sum u_i + n o_i o_j`.

use super::{
    circuit::SetupError,
    fixed::MeasureError,
    gates::{Gates, share_of_one},
};
use ndarray::Array2;
use prio::{
    field::{Field64, FieldElement},
    flp::{Flp, FlpError, Gadget, Type},
};
use serde::{Deserialize, Serialize};
use std::{fmt, ops::RangeInclusive};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// One value of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Coordinate {
    /// 0 or 1, in one bit: the label, or a column of a one-hot feature.
    Binary,
    /// A centred real number in fixed point.
    Fixed {
        /// Width in bits, 2 to 16.
        bits: u8,
        /// Greatest magnitude, in thousandths; what lies beyond is clamped.
        bound_milli: u32,
    },
    /// One of two opposite values, in one bit: a label under noise. Its square is the same for everybody and
    /// needs none, and the greater its magnitude, the smaller is the noise of its products beside them.
    Sign {
        /// The magnitude, in thousandths; 0 is the lower value, 1 the upper.
        bound_milli: u32,
    },
}

impl Coordinate {
    /// Bit widths of a fixed-point coordinate.
    pub const BITS: RangeInclusive<u8> = 2..=16;

    pub(super) fn bits(self) -> u8 {
        match self {
            Self::Binary | Self::Sign { .. } => 1,
            Self::Fixed { bits, .. } => bits,
        }
    }

    /// `o` of the centred integer `s u - o`.
    pub(super) fn offset(self) -> u32 {
        match self {
            Self::Binary => 0,
            Self::Fixed { bits, .. } => 1 << (bits - 1),
            Self::Sign { .. } => 1,
        }
    }

    /// The centred integer `s u - o`.
    pub(super) fn centre(self, value: u32) -> i64 {
        i64::from(self.stride()) * i64::from(value) - i64::from(self.offset())
    }

    /// `s` of the centred integer `s u - o`: 2 where 0 and 1 stand for opposite values.
    fn stride(self) -> u32 {
        match self {
            Self::Binary | Self::Fixed { .. } => 1,
            Self::Sign { .. } => 2,
        }
    }
}

/// Which coordinates a Gram message has; construction has checked the limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "GramSpec", into = "GramSpec")]
pub struct Gram {
    coordinates: Vec<Coordinate>,
    norm_milli: u32,
}

/// A [`Gram`] before its limits are checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GramSpec {
    /// `z_1, ..., z_m`; the constant 1 is not among them.
    pub coordinates: Vec<Coordinate>,
    /// C, in thousandths: the client scales its fixed-point coordinates until `||(1, z)||_2 <= C`.
    pub norm_milli: u32,
}

impl GramSpec {
    /// Most coordinates, m.
    pub const COORDINATES_MAX: usize = 256;
    /// The least norm, in thousandths: that of the constant 1 alone.
    pub const NORM_MILLI_MIN: u32 = 1_000;
}

impl TryFrom<GramSpec> for Gram {
    type Error = SetupError;

    fn try_from(spec: GramSpec) -> Result<Self, SetupError> {
        let GramSpec { coordinates, norm_milli } = spec;
        if !(1..=GramSpec::COORDINATES_MAX).contains(&coordinates.len()) {
            return Err(SetupError::Coordinates { got: coordinates.len() });
        }
        for (index, coordinate) in coordinates.iter().enumerate() {
            match coordinate {
                Coordinate::Fixed { bits, bound_milli } => {
                    if !Coordinate::BITS.contains(bits) {
                        return Err(SetupError::Bits { index, got: *bits });
                    }
                    if *bound_milli == 0 {
                        return Err(SetupError::Bound { index });
                    }
                }
                Coordinate::Sign { bound_milli: 0 } => return Err(SetupError::Bound { index }),
                Coordinate::Binary | Coordinate::Sign { .. } => {}
            }
        }
        if norm_milli < GramSpec::NORM_MILLI_MIN {
            return Err(SetupError::Norm { got_milli: norm_milli });
        }
        Ok(Self { coordinates, norm_milli })
    }
}

impl From<Gram> for GramSpec {
    fn from(gram: Gram) -> Self {
        Self { coordinates: gram.coordinates, norm_milli: gram.norm_milli }
    }
}

impl Gram {
    /// `z_1, ..., z_m`.
    pub fn coordinates(&self) -> &[Coordinate] {
        &self.coordinates
    }

    /// C, in thousandths.
    pub const fn norm_milli(&self) -> u32 {
        self.norm_milli
    }

    /// All bits of one person.
    pub(super) fn bits(&self) -> usize {
        self.coordinates.iter().map(|coordinate| usize::from(coordinate.bits())).sum()
    }

    /// The pairs `(i, j)`, `i <= j`, of the products, in the order they are sent and summed:
    /// `(0, 0), (0, 1), ..., (0, m-1), (1, 1), ..., (m-1, m-1)`, counted without the constant.
    pub fn products(&self) -> impl Iterator<Item = (usize, usize)> {
        let m = self.coordinates.len();
        (0..m).flat_map(move |i| (i..m).map(move |j| (i, j)))
    }

    /// `m (m + 1) / 2`.
    pub(super) fn products_len(&self) -> usize {
        let m = self.coordinates.len();
        m * (m + 1) / 2
    }

    /// One person's integers as they are encoded; [`Gram::measure`] makes them from reals.
    ///
    /// # Errors
    /// [`MeasureError::Len`], or [`MeasureError::Bits`] for an integer wider than its coordinate.
    pub fn measurement(&self, values: &[u32]) -> Result<GramMeasurement, MeasureError> {
        let expected = self.coordinates.len();
        if values.len() != expected {
            return Err(MeasureError::Len { expected, got: values.len() });
        }
        let mut pairs = values.iter().zip(&self.coordinates);
        if let Some(index) = pairs.position(|(value, of)| *value >= 1 << of.bits()) {
            return Err(MeasureError::Bits { index });
        }
        Ok(GramMeasurement { gram: self.clone(), values: values.to_vec() })
    }

    /// Centres one aggregator's share of the sums; `constants` is the number of reports for the one
    /// aggregator that adds the constant terms, and 0 for all others.
    pub(super) fn centre(&self, share: &[Field64], constants: u32) -> Option<Vec<Field64>> {
        let (linear, products) = share.split_at_checked(self.coordinates.len())?;
        let element = |value: u32| Field64::from(u64::from(value));
        let count = element(constants);
        // Each coordinate's s, o and s times its sum.
        let terms: Vec<_> = linear
            .iter()
            .zip(&self.coordinates)
            .map(|(sum, of)| {
                let stride = element(of.stride());
                (stride, element(of.offset()), stride * *sum)
            })
            .collect();
        let mut centred: Vec<_> = terms.iter().map(|(_, o, sum)| *sum - *o * count).collect();
        for ((i, j), product) in self.products().zip(products) {
            let ((s_i, o_i, sum_i), (s_j, o_j, sum_j)) = (*terms.get(i)?, *terms.get(j)?);
            centred.push(s_i * s_j * *product - o_i * sum_j - o_j * sum_i + o_i * o_j * count);
        }
        (centred.len() == share.len()).then_some(centred)
    }
}

/// One person's integers, checked against their widths. Secret.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct GramMeasurement {
    #[zeroize(skip)]
    gram: Gram,
    values: Vec<u32>,
}

impl GramMeasurement {
    /// The integers, for the person's own preview.
    pub fn values(&self) -> &[u32] {
        &self.values
    }

    pub(super) const fn gram(&self) -> &Gram {
        &self.gram
    }

    /// What this person adds to a [`GramSum`]: the centred integers, then their products.
    pub(super) fn centred(&self) -> Vec<i64> {
        let pairs = self.values.iter().zip(&self.gram.coordinates);
        let mut centred: Vec<i64> = pairs.map(|(value, of)| of.centre(*value)).collect();
        let products: Vec<i64> = centred
            .iter()
            .enumerate()
            .flat_map(|(i, left)| centred.iter().skip(i).map(move |right| left * right))
            .collect();
        centred.extend(products);
        centred
    }
}

impl fmt::Debug for GramMeasurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GramMeasurement").finish_non_exhaustive()
    }
}

/// The centred sums over all accepted reports, with noise if the plan says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GramSum {
    gram: Gram,
    reporters: u32,
    /// Centred, in the layout of the circuit's output.
    values: Vec<i64>,
}

impl GramSum {
    pub(super) fn new(gram: &Gram, reporters: u32, values: Vec<i64>) -> Option<Self> {
        let expected = gram.coordinates.len() + gram.products_len();
        (values.len() == expected).then(|| Self { gram: gram.clone(), reporters, values })
    }

    pub(super) fn values(&self) -> &[i64] {
        &self.values
    }

    /// How many reports were accepted.
    pub const fn reporters(&self) -> u32 {
        self.reporters
    }

    /// What was summed.
    pub const fn gram(&self) -> &Gram {
        &self.gram
    }

    /// Whether the square of each sign sums to the number of reports, as it must: it carries no noise.
    pub(super) fn signs_fit(&self) -> bool {
        let products = self.values.iter().skip(self.gram.coordinates.len());
        self.gram.products().zip(products).all(|((i, j), sum)| {
            let constant = self.gram.coordinates.get(i).is_some_and(|of| of.has_constant_square());
            i != j || !constant || *sum == i64::from(self.reporters)
        })
    }

    /// `sum z`: the number of reports, then `sum (s_i u_i - o_i)` for each coordinate.
    pub fn sum_z(&self) -> Vec<i64> {
        let linear = self.values.iter().take(self.gram.coordinates.len());
        std::iter::once(i64::from(self.reporters)).chain(linear.copied()).collect()
    }

    /// `sum z z^T`, symmetric, `(m + 1) x (m + 1)`, the constant first; in units of each coordinate.
    pub fn sum_zz(&self) -> Array2<i64> {
        let m = self.gram.coordinates.len();
        let mut matrix = Array2::zeros((m + 1, m + 1));
        let edge = self.sum_z().into_iter().enumerate().map(|(i, sum)| ((0, i), sum));
        let products = self.values.iter().skip(m).copied();
        let inner = self.gram.products().map(|(i, j)| (i + 1, j + 1)).zip(products);
        for ((i, j), sum) in edge.chain(inner) {
            for place in [(i, j), (j, i)] {
                if let Some(entry) = matrix.get_mut(place) {
                    *entry = sum;
                }
            }
        }
        matrix
    }
}

/// The validity circuit of a [`Gram`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GramCircuit {
    gram: Gram,
    gates: Gates,
}

impl GramCircuit {
    pub(super) fn new(gram: &Gram) -> Self {
        let gates = Gates::fit(&[gram.bits(), gram.products_len()]);
        Self { gram: gram.clone(), gates }
    }

    /// The coordinates, put together from their bits.
    fn values(&self, mut bits: &[Field64]) -> Vec<Field64> {
        let mut values = Vec::with_capacity(self.gram.coordinates.len());
        for coordinate in &self.gram.coordinates {
            let (own, rest) = bits.split_at(usize::from(coordinate.bits()).min(bits.len()));
            values.push(own.iter().rev().fold(Field64::zero(), |value, bit| value + value + *bit));
            bits = rest;
        }
        values
    }
}

impl Flp for GramCircuit {
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
        let (bits, products) = input.split_at(self.gram.bits());
        let (for_bits, for_products) = joint_rand.split_at(self.gates.calls_for(bits.len()));
        // Gate 1: every bit x is 0 or 1, as x (x - 1) = 0.
        let weights = self.gates.weights(for_bits);
        let pairs = bits.iter().zip(weights).map(|(x, weight)| (weight * *x, *x - one));
        let range = self.gates.sum(gadgets, pairs)?;
        // Gate 2: every product h is that of its two coordinates, as u_i u_j - h = 0.
        let values = self.values(bits);
        let factors = values
            .iter()
            .enumerate()
            .flat_map(|(i, left)| values.iter().skip(i).map(move |right| (*left, *right)));
        let mut claimed = Field64::zero();
        let weighted = products.iter().zip(self.gates.weights(for_products)).zip(factors);
        let pairs = weighted.map(|((h, weight), (left, right))| {
            claimed += weight * *h;
            (weight * left, right)
        });
        let computed = self.gates.sum(gadgets, pairs)?;
        Ok(vec![range, computed - claimed])
    }

    fn input_len(&self) -> usize {
        self.gram.bits() + self.gram.products_len()
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
        2
    }

    fn prove_rand_len(&self) -> usize {
        self.gates.prove_rand_len()
    }
}

impl Type for GramCircuit {
    type Measurement = GramMeasurement;
    type AggregateResult = Vec<u64>;

    fn encode_measurement(&self, measurement: &GramMeasurement) -> Result<Vec<Field64>, FlpError> {
        if measurement.gram != self.gram {
            return Err(FlpError::Encode("measured for another Gram".into()));
        }
        let mut encoded = Vec::with_capacity(self.input_len());
        for (value, coordinate) in measurement.values.iter().zip(&self.gram.coordinates) {
            let bits = (0..coordinate.bits()).map(|bit| u64::from(value >> bit & 1));
            encoded.extend(bits.map(Field64::from));
        }
        let values: Vec<_> =
            measurement.values.iter().map(|value| Field64::from(u64::from(*value))).collect();
        for (i, left) in values.iter().enumerate() {
            encoded.extend(values.iter().skip(i).map(|right| *left * *right));
        }
        Ok(encoded)
    }

    fn truncate(&self, input: Vec<Field64>) -> Result<Vec<Field64>, FlpError> {
        self.truncate_call_check(&input)?;
        let (bits, products) = input.split_at(self.gram.bits());
        let mut output = self.values(bits);
        output.extend_from_slice(products);
        Ok(output)
    }

    fn decode_result(&self, data: &[Field64], _: usize) -> Result<Vec<u64>, FlpError> {
        Ok(data.iter().copied().map(u64::from).collect())
    }

    fn output_len(&self) -> usize {
        self.gram.coordinates.len() + self.gram.products_len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregation::{share::Signed, tests::gram};

    fn build(coordinates: Vec<Coordinate>, norm_milli: u32) -> Result<Gram, SetupError> {
        Gram::try_from(GramSpec { coordinates, norm_milli })
    }

    #[test]
    fn limits_have_names() {
        let fixed = |bits, bound_milli| Coordinate::Fixed { bits, bound_milli };
        assert_eq!(build(vec![], 3_000), Err(SetupError::Coordinates { got: 0 }));
        assert_eq!(
            build(vec![Coordinate::Binary; 257], 3_000),
            Err(SetupError::Coordinates { got: 257 })
        );
        for bits in [0, 1, 17] {
            assert_eq!(
                build(vec![Coordinate::Binary, fixed(bits, 3_000)], 3_000),
                Err(SetupError::Bits { index: 1, got: bits })
            );
        }
        assert_eq!(build(vec![fixed(8, 0)], 3_000), Err(SetupError::Bound { index: 0 }));
        assert_eq!(build(vec![fixed(8, 1)], 999), Err(SetupError::Norm { got_milli: 999 }));
        assert!(build(vec![fixed(16, 1); 256], 1_000).is_ok());
    }

    #[test]
    fn integers_beyond_their_bits_are_refused() {
        // Coordinates: binary, 4 bits, 3 bits, binary.
        let gram = gram();
        assert!(gram.measurement(&[1, 15, 7, 1]).is_ok());
        for (index, values) in
            [(0, [2, 0, 0, 0]), (1, [0, 16, 0, 0]), (2, [0, 0, 8, 0]), (3, [0, 0, 0, 2])]
        {
            assert_eq!(gram.measurement(&values).unwrap_err(), MeasureError::Bits { index });
        }
        assert_eq!(
            gram.measurement(&[0; 3]).unwrap_err(),
            MeasureError::Len { expected: 4, got: 3 }
        );
    }

    #[test]
    fn centring_gives_the_sum_of_the_centred_values() {
        let gram = gram();
        let circuit = GramCircuit::new(&gram);
        let people = [[1, 15, 7, 1], [0, 3, 2, 1], [1, 8, 4, 0]];
        let mut sums = vec![Field64::zero(); circuit.output_len()];
        let mut expected = Array2::<i64>::zeros((5, 5));
        for person in people {
            let encoded = circuit.encode_measurement(&gram.measurement(&person).unwrap()).unwrap();
            for (sum, value) in sums.iter_mut().zip(circuit.truncate(encoded).unwrap()) {
                *sum += value;
            }
            let [first, second, third, label] = person.map(i64::from);
            let z = [1, first, second - 8, third - 4, label];
            for (i, left) in z.iter().enumerate() {
                for (j, right) in z.iter().enumerate() {
                    *expected.get_mut((i, j)).unwrap() += left * right;
                }
            }
        }
        let centred = gram.centre(&sums, 3).unwrap();
        let values = centred.into_iter().map(|x| x.to_signed().unwrap()).collect();
        let sum = GramSum::new(&gram, 3, values).unwrap();
        assert_eq!(sum.sum_zz(), expected);
        assert_eq!(sum.sum_z(), expected.row(0).to_vec());
    }
}
