//! Public marginals: how each feature is distributed on its own, with nobody's record in it.
//!
//! Centres of cells are drawn from them and scalings learnt from them. They come from the schema's
//! public ranges, from records that are public anyway, or from the opened histograms of a `scale`
//! aggregation ([`super::scale`]). They say nothing about how features hang together.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use super::schema::{Feature, FeatureKind, Schema, Value};

/// The distribution of one feature: values and how often each occurs.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Marginal {
    /// Of a numeric or count-like feature.
    Numbers {
        /// Distinct, ascending.
        values: Vec<f64>,
        /// One per value, in persons or any other unit.
        weights: Vec<u32>,
    },
    /// Of an ordinal or categorical feature.
    Levels {
        /// One per level, in the schema's order.
        weights: Vec<u32>,
    },
    /// Of a flag.
    Flag {
        /// Weight of "no".
        no: u32,
        /// Weight of "yes".
        yes: u32,
    },
}

/// One [`Marginal`] per feature of a schema, in its order.
///
/// Whatever is built or deserialised is consistent in itself (ascending finite values, one weight
/// each, not all 0, at most [`Marginals::DISTINCT_MAX`]); [`Marginals::check`] compares with a schema.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "Vec<Marginal>", into = "Vec<Marginal>")]
pub struct Marginals {
    features: Vec<Marginal>,
}

/// Why something is no list of marginals, or none of this schema.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MarginalError {
    /// One per feature is needed.
    #[error("{got} values or marginals for {expected} features")]
    Features {
        /// Features of the schema.
        expected: usize,
        /// As given.
        got: usize,
    },
    /// A marginal, or a record's value, does not fit its feature.
    #[error("feature \"{name}\": {given} is not possible; allowed: {allowed}")]
    Foreign {
        /// The feature.
        name: String,
        /// What was given.
        given: String,
        /// What the feature allows.
        allowed: super::schema::Allowed,
    },
    /// A weight is missing or left over.
    #[error("marginal {index}: {values} values, but {weights} weights")]
    Weights {
        /// Which feature, from 0.
        index: usize,
        /// Distinct values.
        values: usize,
        /// Weights.
        weights: usize,
    },
    /// More distinct values than [`Marginals::DISTINCT_MAX`], or none.
    #[error("marginal {index} has {got} distinct values; allowed: 1 to {max}", max = Marginals::DISTINCT_MAX)]
    Distinct {
        /// Which feature, from 0.
        index: usize,
        /// As given.
        got: usize,
    },
    /// Values that are not finite, or not strictly ascending.
    #[error("marginal {index}: the values are not finite and ascending at position {position}")]
    Order {
        /// Which feature, from 0.
        index: usize,
        /// Where.
        position: usize,
    },
    /// Nothing has any weight.
    #[error("marginal {index}: all weights are 0")]
    Weightless {
        /// Which feature, from 0.
        index: usize,
    },
}

impl Marginals {
    /// The greatest number of distinct values of one feature.
    pub const DISTINCT_MAX: usize = 4_096;

    /// Checks marginals and takes them.
    ///
    /// # Errors
    /// Every [`MarginalError`].
    pub fn new(schema: &Schema, features: Vec<Marginal>) -> Result<Self, MarginalError> {
        let marginals = Self::try_from(features)?;
        marginals.check(schema)?;
        Ok(marginals)
    }

    /// Uniform over each feature's public range, levels or flag.
    ///
    /// A range becomes [`RANGE_SLICES`] equally likely midpoints of equal slices; a count's slices are
    /// equal in `ln(1 + x)`, as its tail is long.
    pub fn from_ranges(schema: &Schema) -> Self {
        let features = schema.features().iter().map(|feature| match &feature.kind {
            FeatureKind::Numeric { .. } | FeatureKind::Count { .. } => {
                let mut values = midpoints(feature, RANGE_SLICES);
                values.dedup_by(|a, b| a.total_cmp(b).is_eq());
                Marginal::Numbers { weights: vec![1; values.len()], values }
            }
            FeatureKind::Ordinal { levels } | FeatureKind::Categorical { levels } => {
                Marginal::Levels { weights: vec![1; levels.len()] }
            }
            FeatureKind::Flag => Marginal::Flag { no: 1, yes: 1 },
        });
        Self { features: features.collect() }
    }

    /// How often each value occurs in public records, one value per feature each.
    ///
    /// A number with more than [`Marginals::DISTINCT_MAX`] distinct values is represented by as many of
    /// its quantiles.
    ///
    /// # Errors
    /// [`MarginalError::Features`], [`MarginalError::Foreign`]; [`MarginalError::Distinct`] without a
    /// record.
    pub fn from_records(schema: &Schema, records: &[Vec<Value>]) -> Result<Self, MarginalError> {
        check_records(schema, records)?;
        let features = schema.features().iter().enumerate().map(|(index, feature)| {
            let own = records.iter().map(|record| record[index]);
            match &feature.kind {
                FeatureKind::Numeric { .. } | FeatureKind::Count { .. } => {
                    let mut values: Vec<f64> = own.filter_map(as_number).collect();
                    values.sort_unstable_by(f64::total_cmp);
                    counted(&values)
                }
                FeatureKind::Ordinal { levels } | FeatureKind::Categorical { levels } => {
                    let mut weights = vec![0; levels.len()];
                    for level in own.filter_map(as_level) {
                        weights[level] += 1;
                    }
                    Marginal::Levels { weights }
                }
                FeatureKind::Flag => {
                    let yes = count(own.clone().filter(|v| *v == Value::Flag(true)).count());
                    Marginal::Flag { no: count(records.len()) - yes, yes }
                }
            }
        });
        Self::try_from(features.collect::<Vec<_>>())
    }

    /// One marginal per feature.
    pub fn features(&self) -> &[Marginal] {
        &self.features
    }

    /// Compares with a schema: one marginal per feature, of its kind and within its limits.
    ///
    /// # Errors
    /// [`MarginalError::Features`], [`MarginalError::Foreign`].
    pub fn check(&self, schema: &Schema) -> Result<(), MarginalError> {
        let expected = schema.features().len();
        if self.features.len() != expected {
            return Err(MarginalError::Features { expected, got: self.features.len() });
        }
        for (feature, marginal) in schema.features().iter().zip(&self.features) {
            let fail = |given: String| {
                Err(MarginalError::Foreign {
                    name: feature.name.clone(),
                    given,
                    allowed: feature.allowed(),
                })
            };
            match (&feature.kind, marginal) {
                (
                    FeatureKind::Numeric { .. } | FeatureKind::Count { .. },
                    Marginal::Numbers { values, .. },
                ) => {
                    if let Some(value) =
                        values.iter().find(|value| !feature.accepts(Value::Number(**value)))
                    {
                        return fail(value.to_string());
                    }
                }
                (
                    FeatureKind::Ordinal { levels } | FeatureKind::Categorical { levels },
                    Marginal::Levels { weights },
                ) if levels.len() == weights.len() => {}
                (FeatureKind::Flag, Marginal::Flag { .. }) => {}
                (_, Marginal::Numbers { values, .. }) => {
                    return fail(format!("a marginal of {} numbers", values.len()));
                }
                (_, Marginal::Levels { weights }) => {
                    return fail(format!("a marginal of {} levels", weights.len()));
                }
                (_, Marginal::Flag { .. }) => return fail("a marginal of a flag".to_owned()),
            }
        }
        Ok(())
    }

    /// One made-up record: every feature drawn on its own, by weight.
    pub(super) fn draw(&self, rng: &mut impl CryptoRng) -> Vec<Value> {
        self.features.iter().map(|marginal| marginal.draw(rng)).collect()
    }
}

impl TryFrom<Vec<Marginal>> for Marginals {
    type Error = MarginalError;

    fn try_from(features: Vec<Marginal>) -> Result<Self, MarginalError> {
        for (index, marginal) in features.iter().enumerate() {
            marginal.check(index)?;
        }
        Ok(Self { features })
    }
}

impl From<Marginals> for Vec<Marginal> {
    fn from(marginals: Marginals) -> Self {
        marginals.features
    }
}

impl Marginal {
    fn weights(&self) -> Vec<u32> {
        match self {
            Self::Numbers { weights, .. } | Self::Levels { weights } => weights.clone(),
            Self::Flag { no, yes } => vec![*no, *yes],
        }
    }

    fn check(&self, index: usize) -> Result<(), MarginalError> {
        let weights = self.weights();
        if !(1..=Marginals::DISTINCT_MAX).contains(&weights.len()) {
            return Err(MarginalError::Distinct { index, got: weights.len() });
        }
        if let Self::Numbers { values, .. } = self {
            if values.len() != weights.len() {
                let (values, weights) = (values.len(), weights.len());
                return Err(MarginalError::Weights { index, values, weights });
            }
            let ascends = |position: usize| {
                values[position].is_finite()
                    && (position == 0 || values[position - 1] < values[position])
            };
            if let Some(position) = (0..values.len()).find(|&position| !ascends(position)) {
                return Err(MarginalError::Order { index, position });
            }
        }
        if weights.iter().all(|&weight| weight == 0) {
            return Err(MarginalError::Weightless { index });
        }
        Ok(())
    }

    fn draw(&self, rng: &mut impl CryptoRng) -> Value {
        match self {
            Self::Numbers { values, weights } => Value::Number(values[pick(weights, rng)]),
            Self::Levels { weights } => Value::Level(pick(weights, rng)),
            Self::Flag { no, yes } => Value::Flag(pick(&[*no, *yes], rng) == 1),
        }
    }

    /// Mean and population standard deviation of `encode(value)`; a level counts as its position.
    pub(super) fn moments(&self, encode: impl Fn(f64) -> f64) -> (f64, f64) {
        let weights = self.weights();
        let values: Vec<f64> = match self {
            Self::Numbers { values, .. } => values.iter().copied().map(encode).collect(),
            Self::Levels { weights } => (0..weights.len()).map(|l| f64::from(count(l))).collect(),
            Self::Flag { .. } => vec![0.0, 1.0],
        };
        let total: f64 = weights.iter().copied().map(f64::from).sum();
        let mean = |of: &dyn Fn(f64) -> f64| {
            let pairs = values.iter().zip(&weights);
            pairs.map(|(value, &weight)| f64::from(weight) * of(*value)).sum::<f64>() / total
        };
        let first = mean(&|value| value);
        (first, mean(&|value| (value - first).powi(2)).sqrt())
    }
}

/// Equally likely values that stand for a range.
pub const RANGE_SLICES: u16 = 64;

/// Midpoints of `slices` equal slices of a number's range; of a count's in `ln(1 + x)`.
///
/// # Panics
/// If the feature is no number.
pub(super) fn midpoints(feature: &Feature, slices: u16) -> Vec<f64> {
    let (min, max) = feature.range().expect("called for numbers only");
    let place = |slice: u16| (f64::from(slice) + 0.5) / f64::from(slices);
    let value = |slice: u16| match feature.kind {
        FeatureKind::Count { max } => (place(slice) * max.ln_1p()).exp_m1(),
        FeatureKind::Numeric { .. }
        | FeatureKind::Ordinal { .. }
        | FeatureKind::Flag
        | FeatureKind::Categorical { .. } => min * (1.0 - place(slice)) + max * place(slice),
    };
    (0..slices).map(|slice| value(slice).clamp(min, max)).collect()
}

/// # Errors
/// [`MarginalError::Features`], [`MarginalError::Foreign`] for the first record that does not fit.
pub(super) fn check_records(schema: &Schema, records: &[Vec<Value>]) -> Result<(), MarginalError> {
    let expected = schema.features().len();
    for record in records {
        if record.len() != expected {
            return Err(MarginalError::Features { expected, got: record.len() });
        }
        let mut pairs = schema.features().iter().zip(record);
        if let Some((feature, value)) = pairs.find(|(feature, value)| !feature.accepts(**value)) {
            return Err(MarginalError::Foreign {
                name: feature.name.clone(),
                given: format!("{value:?}"),
                allowed: feature.allowed(),
            });
        }
    }
    Ok(())
}

/// Distinct values with their counts; quantiles if they are too many.
fn counted(sorted: &[f64]) -> Marginal {
    let distinct = |sorted: &[f64]| {
        let (mut values, mut weights): (Vec<f64>, Vec<u32>) = (Vec::new(), Vec::new());
        for &value in sorted {
            match (values.last(), weights.last_mut()) {
                // As numbers compare: 0 and -0 are one value.
                (Some(last), Some(weight)) if *last >= value => *weight += 1,
                _ => {
                    values.push(value);
                    weights.push(1);
                }
            }
        }
        (values, weights)
    };
    let (values, weights) = distinct(sorted);
    if values.len() <= Marginals::DISTINCT_MAX {
        return Marginal::Numbers { values, weights };
    }
    let slices = Marginals::DISTINCT_MAX;
    let quantiles: Vec<f64> =
        (0..slices).map(|slice| sorted[(2 * slice + 1) * sorted.len() / (2 * slices)]).collect();
    let (values, weights) = distinct(&quantiles);
    Marginal::Numbers { values, weights }
}

fn as_number(value: Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(number),
        Value::Level(_) | Value::Flag(_) => None,
    }
}

fn as_level(value: Value) -> Option<usize> {
    match value {
        Value::Level(level) => Some(level),
        Value::Number(_) | Value::Flag(_) => None,
    }
}

fn count(records: usize) -> u32 {
    u32::try_from(records).unwrap_or(u32::MAX)
}

/// A position, by weight; exact, by rejection.
fn pick(weights: &[u32], rng: &mut impl CryptoRng) -> usize {
    let total: u64 = weights.iter().copied().map(u64::from).sum();
    let mut rest = below(total, rng);
    for (position, &weight) in weights.iter().enumerate() {
        let weight = u64::from(weight);
        if rest < weight {
            return position;
        }
        rest -= weight;
    }
    unreachable!("the draw is below the sum of the weights, which is not 0")
}

/// Uniform in `[0, limit)`, `limit` above 0.
pub(super) fn below(limit: u64, rng: &mut impl CryptoRng) -> u64 {
    let fair = u64::MAX - u64::MAX % limit;
    loop {
        let draw = rng.next_u64();
        if draw < fair {
            return draw % limit;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::design::tests::schema;
    use super::*;
    use crate::keys::{Label, stream};

    pub(crate) fn records() -> Vec<Vec<Value>> {
        [(0, 30.0, true, 2.0), (1, 40.0, false, 0.0), (1, 30.0, false, 5.0), (1, 50.0, false, 0.0)]
            .map(|(colour, age, member, priors)| {
                vec![
                    Value::Level(colour),
                    Value::Number(age),
                    Value::Flag(member),
                    Value::Number(priors),
                ]
            })
            .to_vec()
    }

    #[test]
    fn counts_the_values_of_records() {
        let marginals = Marginals::from_records(&schema(), &records()).unwrap();
        let expected = [
            Marginal::Levels { weights: vec![1, 3] },
            Marginal::Numbers { values: vec![30.0, 40.0, 50.0], weights: vec![2, 1, 1] },
            Marginal::Flag { no: 3, yes: 1 },
            Marginal::Numbers { values: vec![0.0, 2.0, 5.0], weights: vec![2, 1, 1] },
        ];
        assert_eq!(marginals.features(), expected);
        assert_eq!(Marginals::new(&schema(), expected.to_vec()), Ok(marginals));
    }

    #[test]
    fn ranges_are_public_and_uniform() {
        let marginals = Marginals::from_ranges(&schema());
        marginals.check(&schema()).unwrap();
        let Marginal::Numbers { values, weights } = &marginals.features()[1] else {
            panic!("age is a number");
        };
        assert_eq!((values.len(), weights[63]), (64, 1));
        assert!((values[0] - 100.0 / 128.0).abs() < 1e-12);
        let Marginal::Numbers { values, .. } = &marginals.features()[3] else {
            panic!("priors are numbers");
        };
        // Equal in ln(1 + x): the middle of 0 to 50 is sqrt(51) - 1.
        assert!(values[31] < 51.0_f64.sqrt() - 1.0 && 51.0_f64.sqrt() - 1.0 < values[32]);
    }

    #[test]
    fn too_many_distinct_numbers_become_quantiles() {
        let many: Vec<Vec<Value>> = (0..10_000_u32)
            .map(|i| {
                let age = f64::from(i) / 100.0;
                vec![Value::Level(0), Value::Number(age), Value::Flag(true), Value::Number(0.0)]
            })
            .collect();
        let marginals = Marginals::from_records(&schema(), &many).unwrap();
        let Marginal::Numbers { values, .. } = &marginals.features()[1] else {
            panic!("age is a number");
        };
        assert_eq!(values.len(), Marginals::DISTINCT_MAX);
        assert!((values[2048] - 50.0).abs() < 0.1, "{}", values[2048]);
    }

    #[test]
    fn what_is_deserialised_is_checked() {
        let read = |text: &str| serde_json::from_str::<Marginals>(text).map_err(|e| e.to_string());
        let good = Marginals::from_records(&schema(), &records()).unwrap();
        assert_eq!(read(&serde_json::to_string(&good).unwrap()), Ok(good));
        for (text, says) in [
            (r#"[{"numbers":{"values":[2,1],"weights":[1,1]}}]"#, "ascending at position 1"),
            (r#"[{"numbers":{"values":[1],"weights":[1,1]}}]"#, "1 values, but 2 weights"),
            (r#"[{"flag":{"no":0,"yes":0}}]"#, "all weights are 0"),
            (r#"[{"levels":{"weights":[]}}]"#, "0 distinct values"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn another_schema_is_refused_by_the_feature() {
        let mut features = Marginals::from_ranges(&schema()).features().to_vec();
        features[1] = Marginal::Numbers { values: vec![101.0], weights: vec![1] };
        let error = Marginals::new(&schema(), features.clone()).unwrap_err().to_string();
        assert_eq!(error, "feature \"age\": 101 is not possible; allowed: 0 to 100");
        features[1] = Marginal::Levels { weights: vec![1] };
        let error = Marginals::new(&schema(), features).unwrap_err().to_string();
        assert!(error.contains("a marginal of 1 levels"), "{error}");
        let mut records = records();
        records[2][0] = Value::Level(2);
        assert!(matches!(
            Marginals::from_records(&schema(), &records),
            Err(MarginalError::Foreign { name, .. }) if name == "colour"
        ));
    }

    #[test]
    fn draws_follow_the_weights() {
        let mut rng = stream(Label::Centres, &[1; 32], &[b"draws"]);
        let mut counts = [0_u32; 3];
        for _ in 0..6_000 {
            counts[pick(&[1, 0, 5], &mut rng)] += 1;
        }
        // Standard deviation 29.
        assert!(counts[0].abs_diff(1_000) < 150 && counts[1] == 0, "{counts:?}");
    }
}
