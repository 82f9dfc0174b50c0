//! Every method on synthetic people: what all of them promise.

use protocol::scoring::design::{Design, DesignBuilder};
use protocol::scoring::schema::{Feature, FeatureKind, Schema, Value};

use super::*;
use crate::dataset::Dataset;
use crate::population::causal::{self, CausalSettings};

/// Cases of another implementation, written by `vectors.py` beside this file.
pub(super) fn vectors(of: &str) -> Vec<serde_json::Value> {
    let all: serde_json::Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
    all[of].as_array().unwrap().clone()
}

/// Records that are all alike.
pub(super) fn nothing(rows: usize) -> Design {
    let flag = Feature { name: "same".into(), unit: None, kind: FeatureKind::Flag };
    let mut builder = DesignBuilder::new(&Schema::new(vec![flag]).unwrap());
    (0..rows).for_each(|_| builder.push(&[Value::Flag(false)]));
    builder.finish()
}

fn synthetic() -> Dataset {
    let settings = CausalSettings { people: 2_000, ..CausalSettings::default() };
    causal::generate(&settings).unwrap().dataset
}

fn bench<'a>(scene: &'a Scene<'a>, learner: &'a Learner) -> Bench<'a> {
    Bench::new(scene, learner, GroupSight::Visible).unwrap()
}

#[test]
fn every_method_lowers_unfairness_at_some_strength() {
    let (data, learner) = (synthetic(), Learner::logistic());
    let scene = Scene::new(&data, 0).unwrap();
    let bench = bench(&scene, &learner);
    let test = scene.people(scene.test(), GroupSight::Visible);
    let before = scene.firm(&learner, GroupSight::Visible).unwrap().after(&[]).unwrap();
    for baseline in Baseline::ALL {
        let method = baseline.fit(&bench).unwrap();
        let measures: Vec<Measures> = baseline
            .strengths()
            .iter()
            .map(|&strength| measure(method.as_ref(), strength, &test).unwrap())
            .collect();
        let least = measures.iter().map(|m| m.eqod).fold(f64::INFINITY, f64::min);
        // Equal costs of one kind may part the other rate.
        let promises = !baseline.word().starts_with("calibrated");
        assert!(!promises || least < before.measures.eqod, "{}: {least}", baseline.word());
        assert!(measures.iter().all(|m| (0.0..=1.0).contains(&m.error)));
    }
}

#[test]
fn a_strength_of_nothing_is_no_action() {
    let data = synthetic();
    let scene = Scene::new(&data, 1).unwrap();
    for learner in [Learner::logistic(), Learner::boosted()] {
        let bench = bench(&scene, &learner);
        let test = scene.people(scene.test(), GroupSight::Visible);
        let before = scene.firm(&learner, GroupSight::Visible).unwrap().after(&[]).unwrap();
        for baseline in [Baseline::Reweighing, Baseline::Massaging] {
            let method = baseline.fit(&bench).unwrap();
            assert_eq!(measure(method.as_ref(), 0.0, &test).unwrap(), before.measures);
        }
    }
}

/// Of two strengths of a rule by chance, the one between is the mean of both.
#[test]
fn withholding_all_makes_groups_alike() {
    let (data, learner) = (synthetic(), Learner::logistic());
    let scene = Scene::new(&data, 0).unwrap();
    let bench = bench(&scene, &learner);
    let test = scene.people(scene.test(), GroupSight::Visible);
    let method = Baseline::Withhold.fit(&bench).unwrap();
    let at = |strength| measure(method.as_ref(), strength, &test).unwrap();
    let (none, half, all) = (at(0.0), at(0.5), at(1.0));
    assert_eq!(
        none,
        scene.firm(&learner, GroupSight::Visible).unwrap().after(&[]).unwrap().measures
    );
    assert!((half.eqod - none.eqod / 2.0).abs() < 1e-12);
    assert!((half.error - f64::midpoint(none.error, all.error)).abs() < 1e-12);
    let rate = |labels: &[bool]| {
        let positives = u32::try_from(labels.iter().filter(|&&y| y).count()).unwrap();
        f64::from(positives) / f64::from(u32::try_from(labels.len()).unwrap())
    };
    let train = scene.people(scene.train(), GroupSight::Visible);
    let share = rate(&test.positive);
    let wrong = if rate(&train.positive) >= 0.5 { 1.0 - share } else { share };
    assert!(all.eqod.abs() < 1e-12 && (all.error - wrong).abs() < 1e-12);
}

#[test]
fn chooses_by_unfairness_then_by_error() {
    /// Decides right for `strength` of the minority and for all others.
    struct Table;
    impl FirmSide for Table {
        fn chances(&self, strength: f64, people: &People) -> Result<Vec<f64>, BaselineError> {
            let right =
                |(&a, &y): (&bool, &bool)| if a && y { strength.min(1.0) } else { f64::from(y) };
            Ok(people.minority.iter().zip(&people.positive).map(right).collect())
        }
    }
    let data = synthetic();
    let scene = Scene::new(&data, 0).unwrap();
    let people = scene.people(scene.test(), GroupSight::Visible);
    assert!((choose(&Table, &[0.2, 3.0, 1.0, 0.4], &people).unwrap() - 1.0).abs() < 1e-12);
    assert!(choose(&Table, &[], &people).unwrap().abs() < 1e-12);
}

#[test]
fn refuses_a_strength_out_of_range_by_name() {
    let (data, learner) = (synthetic(), Learner::logistic());
    let scene = Scene::new(&data, 0).unwrap();
    let bench = bench(&scene, &learner);
    let test = scene.people(scene.test(), GroupSight::Visible);
    for baseline in Baseline::ALL {
        for value in [-1.0, 1e9, f64::NAN] {
            let error = baseline.fit(&bench).unwrap().chances(value, &test).unwrap_err();
            assert!(error.to_string().contains(baseline.word()), "{error}");
        }
    }
}

#[test]
fn words_are_those_of_files() {
    for baseline in Baseline::ALL {
        assert_eq!(serde_json::to_value(baseline).unwrap(), baseline.word());
    }
}
