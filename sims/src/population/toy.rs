//! People in two dimensions, to draw a firm's decision regions before and after.
//!
//! Exogenous: `U_a` uniform; `N_*` with mean 0, variance 1 and bounded by ±2 sqrt(3).
//!
//! ```text
//! a         = 1{U_a < minority_share}
//! merit     = 50 + 12 N_merit                          points, not a descendant of a
//! transit   = 20 + 14 a + 4 N_transit                   minutes from the centre, no matter for merit
//! y         = 1{merit - 50 + 10 N_label - penalty a > 0}
//! ```
//!
//! The firm is to see merit and transit but not the group: transit stands in for it, so that the
//! boundary tilts. Limits by construction: 50 ± 12 · 3.4642 and 20 − 4 · 3.4642 to
//! 34 + 4 · 3.4642.

use protocol::scoring::design::DesignBuilder;
use protocol::scoring::schema::{FeatureKind, Schema, Value};
use serde::{Deserialize, Serialize};

use super::{
    BELL_BOUND, Draws, PopulationError, Stream, check_people, check_seed, check_within, feature,
    fingerprint, push,
};
use crate::dataset::Dataset;

const MERIT: (f64, f64) = (50.0, 12.0);
const TRANSIT: (f64, f64) = (20.0, 4.0);
const TRANSIT_SHIFT: f64 = 14.0;
const LABEL_NOISE: f64 = 10.0;

/// How many people, and how biased their labels.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ToySettings {
    /// How many people.
    pub people: usize,
    /// The probability of being of the minority.
    pub minority_share: f64,
    /// Points of merit that a minority member's label loses.
    pub penalty: f64,
    /// Other seed, other people; below 2^32.
    pub seed: u64,
}

impl Default for ToySettings {
    fn default() -> Self {
        Self { people: 600, minority_share: 0.35, penalty: 14.0, seed: 0 }
    }
}

/// Draws the people.
///
/// # Errors
/// Every [`PopulationError`].
pub fn generate(settings: &ToySettings) -> Result<Dataset, PopulationError> {
    check_people(settings.people)?;
    check_seed(settings.seed)?;
    check_within("minority-share", settings.minority_share, 0.01, 0.99)?;
    check_within("penalty", settings.penalty, 0.0, 100.0)?;
    let schema = schema();
    let mut records = DesignBuilder::new(&schema);
    let (mut minority, mut positive) = (vec![], vec![]);
    for row in 0..settings.people {
        let draws = Draws { seed: settings.seed, stream: Stream::Toy, row };
        let is_minority = draws.uniform(0) < settings.minority_share;
        let a = f64::from(u8::from(is_minority));
        let merit = MERIT.0 + MERIT.1 * draws.bell(1);
        let transit = TRANSIT.0 + TRANSIT_SHIFT * a + TRANSIT.1 * draws.bell(2);
        let score = merit - MERIT.0 + LABEL_NOISE * draws.bell(3) - settings.penalty * a;
        push(&mut records, schema.features(), &[Value::Number(merit), Value::Number(transit)]);
        minority.push(is_minority);
        positive.push(score > 0.0);
    }
    Ok(Dataset {
        name: "toy (synthetic)".to_owned(),
        schema,
        records: records.finish(),
        minority,
        positive,
        test_share: 0.3,
        fingerprint: fingerprint("toy 1", settings),
        counterfactual: None,
    })
}

fn schema() -> Schema {
    let (merit, transit) = (MERIT.1 * BELL_BOUND, TRANSIT.1 * BELL_BOUND);
    Schema::new(vec![
        feature(
            "merit",
            Some("points"),
            FeatureKind::Numeric { min: (MERIT.0 - merit).floor(), max: (MERIT.0 + merit).ceil() },
        ),
        feature(
            "transit",
            Some("minutes from the centre"),
            FeatureKind::Numeric {
                min: (TRANSIT.0 - transit).floor(),
                max: (TRANSIT.0 + TRANSIT_SHIFT + transit).ceil(),
            },
        ),
    ])
    .expect("two names, two ranges")
}

#[cfg(test)]
mod tests {
    use protocol::scoring::logistic::Logistic;
    use protocol::scoring::scaling::{Encoding, Scaling};

    use super::super::tests::{assert_within, share};
    use super::*;
    use crate::firm::Learner;

    /// How many points of merit one more minute of transit costs at the firm's boundary.
    fn tilt(data: &Dataset, labels: &[bool]) -> f64 {
        let firm = Learner::Logistic { penalty: 1.0 }.prepare(&data.records, labels).unwrap();
        let classifier = firm.fit(labels).unwrap();
        let mut points = DesignBuilder::new(&data.schema);
        for (merit, transit) in [(45.0, 22.0), (46.0, 22.0), (45.0, 23.0)] {
            points.push(&[Value::Number(merit), Value::Number(transit)]);
        }
        let odds: Vec<f64> = classifier
            .probabilities(&points.finish())
            .into_iter()
            .map(|p| (p / (1.0 - p)).ln())
            .collect();
        -(odds[2] - odds[0]) / (odds[1] - odds[0])
    }

    /// The labels after the `count` best candidates by rb-prob have flipped.
    fn flipped(data: &Dataset, count: usize) -> Vec<bool> {
        let rows = |wanted: bool| -> Vec<usize> {
            (0..data.minority.len()).filter(|&row| data.minority[row] == wanted).collect()
        };
        let majority = rows(false);
        let scaled = Scaling::fit(&data.records, Encoding::Z);
        let labels: Vec<bool> = majority.iter().map(|&row| data.positive[row]).collect();
        let reference =
            Logistic::fit(&scaled.apply(&data.records.select(&majority)), &labels, 1.0).unwrap();
        let scores = reference.model().probabilities(&scaled.apply(&data.records));
        let mut candidates = rows(true);
        candidates.retain(|&row| !data.positive[row]);
        candidates.sort_by(|&i, &j| scores[j].total_cmp(&scores[i]));
        let mut flipped = data.positive.clone();
        candidates.iter().take(count).for_each(|&row| flipped[row] = true);
        flipped
    }

    #[test]
    fn one_seed_is_one_population() {
        let settings = ToySettings::default();
        let (one, two) = (generate(&settings).unwrap(), generate(&settings).unwrap());
        let other = generate(&ToySettings { seed: 1, ..settings }).unwrap();
        assert_eq!((&one.records, &one.positive), (&two.records, &two.positive));
        assert_eq!(one.records.rows(), 600);
        assert_ne!(one.records, other.records);
        assert_ne!(one.fingerprint, other.fingerprint);
    }

    #[test]
    fn base_rates_are_those_intended() {
        let data = generate(&ToySettings::default()).unwrap();
        let rate = |wanted| {
            let people = data.positive.iter().zip(&data.minority);
            share(people.filter(|&(_, &m)| m == wanted).map(|(&p, _)| p))
        };
        assert_within("majority", rate(false), 0.44, 0.56);
        assert_within("minority", rate(true), 0.07, 0.2);
    }

    #[test]
    fn flipping_straightens_the_boundary() {
        for seed in 0..5 {
            let data = generate(&ToySettings { seed, ..ToySettings::default() }).unwrap();
            let before = tilt(&data, &data.positive);
            let after = tilt(&data, &flipped(&data, 75));
            assert_within("tilt before", before, 0.5, 1.6);
            assert_within("tilt after", after, -0.25, 0.3);
        }
    }
}
