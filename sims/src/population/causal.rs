//! People who apply for a loan, from a structural causal model that is known.
//!
//! Exogenous, independent of each other: `U_*` uniform in `[0, 1]`; `N_*` with mean 0, variance 1
//! and bounded by ±2 sqrt(3) (the sum of four uniforms, scaled). With `1{}` for 0 or 1:
//!
//! ```text
//! a         = 1{U_a < minority_share}
//! age       = 43 + 7 N_age                                        years, not a descendant of a
//! guarantor = 1{U_guarantor < .35}                                not a descendant of a
//! school    = how many of (-1.3, -.4, .5, 1.4) lie at or below N_school - .3 a
//! district  = the level in which U_district falls; widths (centre, north, harbour, hills)
//!             .35 .30 .20 .15 if a = 0, .20 .25 .35 .20 if a = 1
//! arrears   = floor(12 U_arrears^k), k = 7 if a = 0, 5.5 if a = 1
//! income    = 2200 + 300 school + 400 N_income - 120 a            EUR per month
//! homeowner = 1{U_home < .2 + .1 school}                          descends from a through school
//! score     = .02 (age - 43) + .35 (school - 2) + .0008 (income - 2800) - .12 arrears
//!             + .3 guarantor + .3 homeowner + (.2, 0, -.2, 0)[district] + .8 N_score + .05
//! y         = 1{score - penalty a > 0}
//! ```
//!
//! Had a minority member been of the majority: `a = 0` in every equation, the same exogenous draws.
//! For the majority that is the record itself.
//!
//! The limits of the schema hold by construction: age within 43 ± 7 · 3.4642; income between
//! 2200 − 400 · 3.4642 − 120 and 2200 + 1200 + 400 · 3.4642; arrears within 0 to 12, because
//! `U^k <= 1`.

use protocol::scoring::design::DesignBuilder;
use protocol::scoring::schema::{Feature, FeatureKind, Schema, Value};
use serde::{Deserialize, Serialize};

use super::{
    BELL_BOUND, Draws, PopulationError, Stream, check_people, check_seed, check_within, feature,
    fingerprint, levels, push,
};
use crate::dataset::Dataset;

/// The standard deviation of what the features do not explain.
const NOISE: f64 = 0.8;
/// Sets the base rates.
const OFFSET: f64 = 0.05;

const SCHOOL: [&str; 5] = ["none", "primary", "secondary", "bachelor", "master"];
const SCHOOL_STEPS: [f64; 4] = [-1.3, -0.4, 0.5, 1.4];
const DISTRICT: [&str; 4] = ["centre", "north", "harbour", "hills"];
const DISTRICT_EFFECT: [f64; 4] = [0.2, 0.0, -0.2, 0.0];
/// Upper edges of the first three districts, by group.
const DISTRICT_EDGES: [[f64; 3]; 2] = [[0.35, 0.65, 0.85], [0.20, 0.45, 0.80]];
const ARREARS_MAX: f64 = 12.0;
const AGE: (f64, f64) = (43.0, 7.0);
const INCOME: (f64, f64) = (2_200.0, 400.0);
const INCOME_PER_SCHOOL: f64 = 300.0;
const INCOME_LOSS: f64 = 120.0;

/// How many people, of which kind.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct CausalSettings {
    /// How many people.
    pub people: usize,
    /// The probability of being of the minority.
    pub minority_share: f64,
    /// What the score loses by being of the minority, all features alike.
    pub penalty: f64,
    /// Other seed, other people; below 2^32.
    pub seed: u64,
}

impl Default for CausalSettings {
    fn default() -> Self {
        Self { people: 6_000, minority_share: 0.3, penalty: 0.4, seed: 0 }
    }
}

/// People of whom it is known what they would have been in the majority.
#[derive(Clone, Debug)]
pub struct Population {
    /// The people; its `counterfactual` holds their records as majority members.
    pub dataset: Dataset,
    /// Per row: whether the true label would have been positive as a majority member.
    pub counterfactual_positive: Vec<bool>,
    /// Per row: the probability of a positive label given record and group.
    pub chance: Vec<f64>,
    /// Per row: the probability that the same record would have in the majority.
    pub erased_chance: Vec<f64>,
}

/// Draws the population.
///
/// # Errors
/// Every [`PopulationError`].
pub fn generate(settings: &CausalSettings) -> Result<Population, PopulationError> {
    check_people(settings.people)?;
    check_seed(settings.seed)?;
    check_within("minority-share", settings.minority_share, 0.01, 0.99)?;
    check_within("penalty", settings.penalty, -10.0, 10.0)?;
    let schema = schema();
    let (mut records, mut counterfactuals) =
        (DesignBuilder::new(&schema), DesignBuilder::new(&schema));
    let (mut minority, mut positive, mut counterfactual_positive) = (vec![], vec![], vec![]);
    let (mut chance, mut erased_chance) = (vec![], vec![]);
    for row in 0..settings.people {
        let person = Exogenous::draw(settings, row);
        let group = if person.minority { Group::Minority } else { Group::Majority };
        let (actual, otherwise) = (person.outcome(group), person.outcome(Group::Majority));
        push(&mut records, schema.features(), &actual.record());
        push(&mut counterfactuals, schema.features(), &otherwise.record());
        minority.push(person.minority);
        positive.push(actual.score(settings.penalty) > 0.0);
        counterfactual_positive.push(otherwise.score(settings.penalty) > 0.0);
        chance.push(actual.chance(settings.penalty));
        erased_chance.push(Outcome { a: 0.0, ..actual }.chance(settings.penalty));
    }
    let dataset = Dataset {
        name: "causal (synthetic)".to_owned(),
        schema,
        records: records.finish(),
        minority,
        positive,
        test_share: 0.3,
        fingerprint: fingerprint("causal 1", settings),
        counterfactual: Some(counterfactuals.finish()),
    };
    Ok(Population { dataset, counterfactual_positive, chance, erased_chance })
}

fn schema() -> Schema {
    Schema::new(features()).expect("seven names, ranges and lists of levels that are not empty")
}

fn features() -> Vec<Feature> {
    let age = AGE.1 * BELL_BOUND;
    let income = INCOME.1 * BELL_BOUND;
    vec![
        feature(
            "age",
            Some("years"),
            FeatureKind::Numeric { min: (AGE.0 - age).floor(), max: (AGE.0 + age).ceil() },
        ),
        feature("school", None, FeatureKind::Ordinal { levels: levels(&SCHOOL) }),
        feature(
            "income",
            Some("EUR per month"),
            FeatureKind::Numeric {
                min: (INCOME.0 - income - INCOME_LOSS).floor(),
                max: (INCOME.0 + 4.0 * INCOME_PER_SCHOOL + income).ceil(),
            },
        ),
        feature("arrears", Some("late payments"), FeatureKind::Count { max: ARREARS_MAX }),
        feature("district", None, FeatureKind::Categorical { levels: levels(&DISTRICT) }),
        feature("guarantor", None, FeatureKind::Flag),
        feature("homeowner", None, FeatureKind::Flag),
    ]
}

#[derive(Clone, Copy, Debug)]
enum Group {
    Majority,
    Minority,
}

/// What the model does not explain of a person; the same in every counterfactual.
#[derive(Clone, Copy, Debug)]
struct Exogenous {
    minority: bool,
    age: f64,
    guarantor: f64,
    school: f64,
    district: f64,
    arrears: f64,
    income: f64,
    home: f64,
    score: f64,
}

impl Exogenous {
    fn draw(settings: &CausalSettings, row: usize) -> Self {
        let draws = Draws { seed: settings.seed, stream: Stream::Causal, row };
        Self {
            minority: draws.uniform(0) < settings.minority_share,
            age: draws.bell(1),
            guarantor: draws.uniform(2),
            school: draws.bell(3),
            district: draws.uniform(4),
            arrears: draws.uniform(5),
            income: draws.bell(6),
            home: draws.uniform(7),
            score: draws.bell(8),
        }
    }

    /// Every equation of the model, for one value of the group.
    fn outcome(&self, group: Group) -> Outcome {
        let (a, index, tail) = match group {
            Group::Majority => (0.0, 0, 7.0),
            Group::Minority => (1.0, 1, 5.5),
        };
        let school = reached(&SCHOOL_STEPS, self.school - 0.3 * a);
        let years = f64::from(u8::try_from(school).expect("five levels"));
        Outcome {
            a,
            age: AGE.0 + AGE.1 * self.age,
            school,
            income: INCOME.0 + INCOME_PER_SCHOOL * years + INCOME.1 * self.income - INCOME_LOSS * a,
            arrears: (ARREARS_MAX * self.arrears.powf(tail)).floor(),
            district: reached(&DISTRICT_EDGES[index], self.district),
            guarantor: self.guarantor < 0.35,
            homeowner: self.home < 0.2 + 0.1 * years,
            noise: self.score,
        }
    }
}

/// The probability that a [`Draws::bell`] lies below `value` (Irwin and Hall's distribution of a sum of
/// four uniforms); by symmetry also the probability that one lies above `-value`.
fn bell_below(value: f64) -> f64 {
    let sum = (2.0 + value / 3.0_f64.sqrt()).clamp(0.0, 4.0);
    let terms = [(1.0, 0.0), (-4.0, 1.0), (6.0, 2.0), (-4.0, 3.0)];
    terms.iter().map(|(times, from)| times * (sum - from).max(0.0).powi(4)).sum::<f64>() / 24.0
}

/// How many of the ascending steps lie at or below the value.
fn reached(steps: &[f64], value: f64) -> usize {
    steps.iter().filter(|&&step| step <= value).count()
}

#[derive(Clone, Copy, Debug)]
struct Outcome {
    a: f64,
    age: f64,
    school: usize,
    income: f64,
    arrears: f64,
    district: usize,
    guarantor: bool,
    homeowner: bool,
    noise: f64,
}

impl Outcome {
    fn record(&self) -> [Value; 7] {
        [
            Value::Number(self.age),
            Value::Level(self.school),
            Value::Number(self.income),
            Value::Number(self.arrears),
            Value::Level(self.district),
            Value::Flag(self.guarantor),
            Value::Flag(self.homeowner),
        ]
    }

    /// The probability that the label is positive: only the noise of the score is not in the record.
    fn chance(&self, penalty: f64) -> f64 {
        bell_below(Self { noise: 0.0, ..*self }.score(penalty) / NOISE)
    }

    /// What decides the label: positive above 0.
    fn score(&self, penalty: f64) -> f64 {
        let one = |flag: bool| f64::from(u8::from(flag));
        let years = f64::from(u8::try_from(self.school).expect("five levels"));
        0.02 * (self.age - AGE.0) + 0.35 * (years - 2.0) + 0.0008 * (self.income - 2_800.0)
            - 0.12 * self.arrears
            + 0.3 * one(self.guarantor)
            + 0.3 * one(self.homeowner)
            + DISTRICT_EFFECT[self.district]
            + NOISE * self.noise
            + OFFSET
            - penalty * self.a
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_within, equalized_odds, error, share, train};
    use super::*;

    #[test]
    fn chances_are_those_of_the_labels() {
        let settings = CausalSettings { people: 20_000, ..CausalSettings::default() };
        let people = generate(&settings).unwrap();
        for bin in 0..5 {
            let low = f64::from(bin) / 5.0;
            let within = |&row: &usize| (low..low + 0.2).contains(&people.chance[row]);
            let rows: Vec<usize> = (0..settings.people).filter(within).collect();
            let labels = share(rows.iter().map(|&row| people.dataset.positive[row]));
            #[expect(clippy::cast_precision_loss, reason = "thousands of people")]
            let mean = rows.iter().map(|&row| people.chance[row]).sum::<f64>() / rows.len() as f64;
            assert_within("share of positive labels", labels, mean - 0.02, mean + 0.02);
        }
        // The sum of four uniforms is below 2 in half of all cases, below 3 in 23 of 24.
        let close = |got: f64, expected: f64| assert!((got - expected).abs() < 1e-12, "{got}");
        close(bell_below(0.0), 0.5);
        close(bell_below(3.0_f64.sqrt()), 23.0 / 24.0);
        let penalised = |row: usize| people.chance[row] <= people.erased_chance[row];
        assert!((0..settings.people).all(penalised));
    }

    fn of_group(flags: &[bool], minority: &[bool], wanted: bool) -> f64 {
        share(flags.iter().zip(minority).filter(|&(_, &m)| m == wanted).map(|(&flag, _)| flag))
    }

    #[test]
    fn one_seed_is_one_population() {
        let settings = CausalSettings::default();
        let (one, two) = (generate(&settings).unwrap(), generate(&settings).unwrap());
        let other = generate(&CausalSettings { seed: 1, ..settings.clone() }).unwrap();
        assert_eq!(one.dataset.records, two.dataset.records);
        assert_eq!(one.dataset.positive, two.dataset.positive);
        assert_eq!(one.dataset.fingerprint, two.dataset.fingerprint);
        assert_ne!(one.dataset.records, other.dataset.records);
        assert_ne!(one.dataset.fingerprint, other.dataset.fingerprint);
        assert_eq!(one.dataset.records.rows(), 6_000);
        let fewer = generate(&CausalSettings { people: 100, ..settings }).unwrap();
        assert_eq!(
            fewer.dataset.records,
            one.dataset.records.select(&(0..100).collect::<Vec<_>>())
        );
    }

    #[test]
    fn base_rates_are_those_intended() {
        let mut mean = [0.0; 4];
        for seed in 0..10 {
            let people = generate(&CausalSettings { seed, ..CausalSettings::default() }).unwrap();
            let data = &people.dataset;
            let rates = [
                share(data.minority.iter().copied()),
                of_group(&data.positive, &data.minority, false),
                of_group(&data.positive, &data.minority, true),
                of_group(&people.counterfactual_positive, &data.minority, true),
            ];
            mean.iter_mut().zip(rates).for_each(|(mean, rate)| *mean += rate / 10.0);
        }
        assert_within("minority", mean[0], 0.29, 0.31);
        assert_within("majority's rate", mean[1], 0.53, 0.57);
        assert_within("minority's rate", mean[2], 0.28, 0.32);
        assert_within("minority's rate as majority", mean[3], 0.53, 0.57);
    }

    #[test]
    fn a_counterfactual_changes_descendants_of_the_group_only() {
        let Population { dataset, counterfactual_positive, .. } =
            generate(&CausalSettings::default()).unwrap();
        let counterfactual = dataset.counterfactual.unwrap();
        let exogenous = ["age", "guarantor"];
        let mut changed = 0;
        for (j, column) in dataset.records.columns().iter().enumerate() {
            let (actual, otherwise) = (dataset.records.column(j), counterfactual.column(j));
            for (row, minority) in dataset.minority.iter().enumerate() {
                let same = actual[row].to_bits() == otherwise[row].to_bits();
                assert!(same || *minority, "row {row} is of the majority");
                assert!(same || !exogenous.contains(&column.name.as_str()), "{}", column.name);
                changed += usize::from(!same);
            }
        }
        assert!(changed > 1_000);
        for (row, &minority) in dataset.minority.iter().enumerate() {
            let (actual, otherwise) = (dataset.positive[row], counterfactual_positive[row]);
            assert!(if minority { otherwise || !actual } else { otherwise == actual });
        }
    }

    #[test]
    fn limits_hold_at_the_extremes_of_the_noise() {
        let features = features();
        for end in [-BELL_BOUND, BELL_BOUND] {
            for uniform in [0.0, 1.0] {
                let person = Exogenous {
                    minority: true,
                    age: end,
                    guarantor: uniform,
                    school: end,
                    district: uniform,
                    arrears: uniform,
                    income: end,
                    home: uniform,
                    score: end,
                };
                for group in [Group::Majority, Group::Minority] {
                    let record = person.outcome(group).record();
                    push(
                        &mut DesignBuilder::new(&Schema::new(features.clone()).unwrap()),
                        &features,
                        &record,
                    );
                }
            }
        }
    }

    #[test]
    fn a_logistic_firm_that_sees_the_group_is_unfair() {
        let (mut odds, mut errors, mut success) = (0.0, 0.0, 0.0);
        for seed in 0..5 {
            let people = generate(&CausalSettings { seed, ..CausalSettings::default() }).unwrap();
            let data = &people.dataset;
            let trained = train(data, seed);
            odds += equalized_odds(data, &trained) / 5.0;
            errors += error(data, &trained) / 5.0;
            let otherwise = data.counterfactual.as_ref().unwrap();
            let majority = vec![false; data.minority.len()];
            let seen = otherwise.with_flag("a", &majority).select(&trained.rows);
            let same = trained.classifier.decisions(&seen);
            let kept = trained.rows.iter().zip(trained.decisions.iter().zip(&same));
            success +=
                share(kept.filter(|&(&row, _)| data.minority[row]).map(|(_, (d, s))| d == s)) / 5.0;
        }
        assert_within("equalized odds violation", odds, 0.15, 0.25);
        assert_within("error", errors, 0.2, 0.25);
        assert_within("success before anybody flips", success, 0.55, 0.72);
    }
}
