//! Synthetic people, drawn from a seed and nothing else.
//!
//! Every number comes from [`order::unit`]: the row is the repetition, the population and the slot
//! of the draw are the counter. All noise is bounded, so that the limits in a schema follow from the
//! equations of the population; no value is clipped, and one outside them would stop the program.

use protocol::order;
use protocol::scoring::design::DesignBuilder;
use protocol::scoring::schema::{Feature, FeatureKind, Value};
use serde::Serialize;
use sha2::{Digest, Sha256};

pub mod causal;
pub mod embedding;
pub mod moments;
pub mod toy;

/// Why settings are not those of a population.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PopulationError {
    /// Too few or too many people.
    #[error("people: {got}; allowed: {min} to {PEOPLE_MAX}")]
    People {
        /// As given.
        got: usize,
        /// The least number allowed.
        min: usize,
    },
    /// The seed is too large to keep its draws apart from those of another.
    #[error("seed: {got}; allowed: 0 to {}", u32::MAX)]
    Seed {
        /// As given.
        got: u64,
    },
    /// A number outside its limits.
    #[error("{name}: {got}; allowed: {min} to {max}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// As given.
        got: f64,
        /// The least value allowed.
        min: f64,
        /// The greatest value allowed.
        max: f64,
    },
}

/// The greatest number of people in a synthetic population.
pub const PEOPLE_MAX: usize = 1_000_000;
/// The least number of people; fewer cannot be split by group and label.
pub const PEOPLE_MIN: usize = 20;

/// Half the width of a [`Draws::bell`]: `2 * sqrt(3)`, rounded up.
const BELL_BOUND: f64 = 3.464_102;

/// Which population a draw belongs to.
#[derive(Clone, Copy, Debug)]
enum Stream {
    Causal = 1,
    Toy = 2,
    Embedding = 3,
    Moments = 4,
}

/// The exogenous draws of one person, in slots that do not depend on anything drawn.
#[derive(Clone, Copy, Debug)]
struct Draws {
    seed: u64,
    stream: Stream,
    row: usize,
}

impl Draws {
    /// A number in `[0, 1]`, uniform.
    fn uniform(self, slot: u32) -> f64 {
        let row = u64::try_from(self.row).expect("a row number fits 64 bits");
        order::unit(self.seed, row, ((self.stream as u64) << 48) | (u64::from(slot) << 8))
    }

    /// The sum of `count` uniforms at one slot, less its mean.
    fn centred_sum(self, slot: u32, count: u8) -> f64 {
        let row = u64::try_from(self.row).expect("a row number fits 64 bits");
        let first = ((self.stream as u64) << 48) | (u64::from(slot) << 8);
        (0..count).map(|i| order::unit(self.seed, row, first + u64::from(i)) - 0.5).sum()
    }

    /// Mean 0, variance 1, within ±[`BELL_BOUND`]: the scaled sum of four uniforms.
    fn bell(self, slot: u32) -> f64 {
        self.centred_sum(slot, 4) * 3.0_f64.sqrt()
    }

    /// Mean 0, variance 1, within ±6, all but Gaussian: the sum of twelve uniforms.
    fn gaussian(self, slot: u32) -> f64 {
        self.centred_sum(slot, 12)
    }
}

/// Adds a record whose values follow from the population's equations.
fn push(builder: &mut DesignBuilder, features: &[Feature], record: &[Value]) {
    for (feature, value) in features.iter().zip(record) {
        if let Value::Number(number) = value {
            feature.number(*number).expect("the equations keep numbers within the schema");
        }
    }
    builder.push(record);
}

fn feature(name: &str, unit: Option<&str>, kind: FeatureKind) -> Feature {
    Feature { name: name.to_owned(), unit: unit.map(str::to_owned), kind }
}

fn levels(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// SHA-256 over the population's name with its version, and all settings, in hexadecimal.
fn fingerprint(name: &str, settings: &impl Serialize) -> String {
    let settings = serde_json::to_string(settings).expect("settings are numbers and words");
    let digest = Sha256::digest(format!("{name}\n{settings}"));
    digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from_digit(u32::from(digit), 16).expect("four bits are one digit"))
        .collect()
}

fn check_people(people: usize) -> Result<(), PopulationError> {
    if (PEOPLE_MIN..=PEOPLE_MAX).contains(&people) {
        Ok(())
    } else {
        Err(PopulationError::People { got: people, min: PEOPLE_MIN })
    }
}

fn check_seed(seed: u64) -> Result<(), PopulationError> {
    if u32::try_from(seed).is_ok() { Ok(()) } else { Err(PopulationError::Seed { got: seed }) }
}

fn check_within(name: &'static str, got: f64, min: f64, max: f64) -> Result<(), PopulationError> {
    if (min..=max).contains(&got) {
        Ok(())
    } else {
        Err(PopulationError::Setting { name, got, min, max })
    }
}

#[cfg(test)]
mod tests {
    use protocol::order::Purpose;

    use super::*;
    use crate::dataset::Dataset;
    use crate::firm::Learner;

    /// A firm trained before anybody flips, and its test rows.
    pub(super) struct Trained {
        pub(super) rows: Vec<usize>,
        pub(super) decisions: Vec<bool>,
        pub(super) classifier: Box<dyn crate::firm::Classifier>,
    }

    /// Splits as experiments do; the firm sees the group.
    pub(super) fn train(data: &Dataset, seed: u64) -> Trained {
        let all = data.minority.len();
        let order = order::order(seed, Purpose::Split, 0..all);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of few rows"
        )]
        let cut = (data.test_share * all as f64) as usize;
        let (test, train) = order.split_at(cut);
        let seen = data.records.with_flag("a", &data.minority);
        let labels: Vec<bool> = train.iter().map(|&row| data.positive[row]).collect();
        let records = seen.select(train);
        let firm = Learner::Logistic { penalty: 1.0 }.prepare(&records, &labels).unwrap();
        let classifier = firm.fit(&labels).unwrap();
        Trained {
            rows: test.to_vec(),
            decisions: classifier.decisions(&seen.select(test)),
            classifier,
        }
    }

    pub(super) fn share(flags: impl IntoIterator<Item = bool>) -> f64 {
        let (mut on, mut all) = (0.0, 0.0);
        for flag in flags {
            on += f64::from(u8::from(flag));
            all += 1.0;
        }
        on / all
    }

    /// The share of positive decisions among test people of one group and label.
    pub(super) fn rate(data: &Dataset, trained: &Trained, minority: bool, positive: bool) -> f64 {
        share(
            trained
                .rows
                .iter()
                .zip(&trained.decisions)
                .filter(|&(&row, _)| {
                    data.minority[row] == minority && data.positive[row] == positive
                })
                .map(|(_, &decision)| decision),
        )
    }

    pub(super) fn equalized_odds(data: &Dataset, trained: &Trained) -> f64 {
        let gap = |positive| {
            (rate(data, trained, false, positive) - rate(data, trained, true, positive)).abs()
        };
        f64::midpoint(gap(true), gap(false))
    }

    pub(super) fn error(data: &Dataset, trained: &Trained) -> f64 {
        share(trained.rows.iter().zip(&trained.decisions).map(|(&r, &d)| d != data.positive[r]))
    }

    pub(super) fn assert_within(name: &str, value: f64, min: f64, max: f64) {
        assert!((min..=max).contains(&value), "{name} is {value}, expected {min} to {max}");
    }

    #[test]
    fn noise_is_bounded_and_standard() {
        let draws = |row| Draws { seed: 3, stream: Stream::Toy, row };
        for (noise, bound) in [
            ((0..20_000).map(|row| draws(row).bell(5)).collect::<Vec<_>>(), BELL_BOUND),
            ((0..20_000).map(|row| draws(row).gaussian(6)).collect(), 6.0),
        ] {
            let mean = noise.iter().sum::<f64>() / 20_000.0;
            let variance = noise.iter().map(|v| v * v).sum::<f64>() / 20_000.0;
            assert_within("mean", mean, -0.03, 0.03);
            assert_within("variance", variance, 0.97, 1.03);
            assert!(noise.iter().all(|v| v.abs() <= bound));
        }
    }

    #[test]
    fn a_fingerprint_is_sha_256_in_hexadecimal() {
        let expected = "4f395a2e9ea1c0680348d384135458270e9e6f5af3576151fec246b7b6de98e6";
        assert_eq!(fingerprint("a", &1), expected);
    }

    #[test]
    fn refuses_what_no_population_has() {
        assert_eq!(check_people(3).unwrap_err().to_string(), "people: 3; allowed: 20 to 1000000");
        assert_eq!(check_seed(1 << 32), Err(PopulationError::Seed { got: 1 << 32 }));
        assert!(check_within("penalty", f64::NAN, 0.0, 3.0).is_err());
    }
}
