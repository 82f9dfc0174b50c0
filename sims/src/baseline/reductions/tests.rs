//! The game against hand-worked prices and against fairlearn.

use ndarray::Array1;
use protocol::scoring::design::{Design, DesignBuilder};
use protocol::scoring::schema::{Feature, FeatureKind, Schema, Value};

use super::*;
use crate::baseline::tests::{nothing, vectors};
use crate::firm::Learner;

/// Six people: (minority, positive).
fn six() -> People {
    let people = [(0, 1), (0, 1), (0, 0), (1, 1), (1, 0), (1, 0)];
    People {
        records: nothing(6),
        minority: people.iter().map(|p| p.0 == 1).collect(),
        positive: people.iter().map(|p| p.1 == 1).collect(),
    }
}

/// Decisions (1, 0, 1, 1, 0, 0): two of six wrong; 2/3 positive in the majority, 1/3 in the minority,
/// 1/2 of all. Of positives 1/2 and 1, 2/3 of all; of negatives 1 and 0, 1/3 of all.
#[test]
fn judges_by_hand() {
    let (people, decisions) = (six(), [true, false, true, true, false, false]);
    for (constraint, wanted) in [
        (Constraint::Parity, vec![1.0 / 6.0, -1.0 / 6.0]),
        (Constraint::EqualizedOdds, vec![2.0 / 3.0, -1.0 / 3.0, -1.0 / 6.0, 1.0 / 3.0]),
    ] {
        let game = Game::new(&people, constraint, 0.1);
        let (error, gaps) = game.judge(&decisions);
        assert!((error - 1.0 / 3.0).abs() < 1e-12);
        let off = Array1::from(gaps.clone()) - Array1::from(wanted);
        assert!(off.iter().all(|off| off.abs() < 1e-12), "{gaps:?}");
        assert!(
            (game.violation(&gaps) - (gaps.iter().fold(0.0, |m: f64, g| m.max(g.abs())) - 0.1))
                .abs()
                < 1e-12
        );
    }
}

/// What a decision saves is the slope of what the game costs: checked by changing each decision.
#[test]
fn savings_are_slopes() {
    let people = six();
    for (constraint, prices) in [
        (Constraint::Parity, vec![1.5, -0.5]),
        (Constraint::EqualizedOdds, vec![1.0, -2.0, 0.25, 0.5]),
    ] {
        let game = Game::new(&people, constraint, 0.1);
        let value = |decisions: &[bool]| {
            let (error, gaps) = game.judge(decisions);
            error + game.cost(&gaps, &prices)
        };
        let savings = game.savings(&prices);
        for person in 0..6 {
            let mut decisions = [false, true, true, false, true, false];
            decisions[person] = true;
            let yes = value(&decisions);
            decisions[person] = false;
            let saved = 6.0 * (value(&decisions) - yes);
            assert!((savings[person] - saved).abs() < 1e-12, "{person}: {saved}");
        }
    }
}

#[test]
fn a_label_that_all_should_have_needs_no_learner() {
    let people = six();
    let game = Game::new(&people, Constraint::Parity, 0.1);
    let records = nothing(6);
    let firm = Learner::logistic().prepare(&records, &people.positive).unwrap();
    // A high price on too few positive decisions in both groups, however that may come about.
    let guess = game.learn(firm.as_ref(), &[-40.0, 40.0]).unwrap();
    assert!(matches!(guess.answer, Answer::Learned(_)));
    let positive = People { positive: vec![true; 6], ..six() };
    let game = Game::new(&positive, Constraint::Parity, 0.1);
    let guess = game.learn(firm.as_ref(), &[0.0, 0.0]).unwrap();
    assert!(matches!(guess.answer, Answer::Always(true)));
    assert!(guess.error.abs() < 1e-12);
}

fn people_of(case: &serde_json::Value) -> People {
    let list = |name: &str| -> Vec<f64> { serde_json::from_value(case[name].clone()).unwrap() };
    let flags = |name: &str| -> Vec<bool> { list(name).iter().map(|&v| v > 0.5).collect() };
    let number = |name: &str| Feature {
        name: name.into(),
        unit: None,
        kind: FeatureKind::Numeric { min: 0.0, max: 10.0 },
    };
    let schema = Schema::new(vec![number("x0"), number("x1")]).unwrap();
    let mut builder = DesignBuilder::new(&schema);
    for (x0, x1) in list("x0").into_iter().zip(list("x1")) {
        builder.push(&[Value::Number(x0), Value::Number(x1)]);
    }
    let minority = flags("group");
    let records: Design = builder.finish().with_flag("a", &minority);
    People { records, minority, positive: flags("label") }
}

fn lot(found: &Found, weights: &[f64], people: &People) -> Vec<f64> {
    let mut chances = vec![0.0; people.minority.len()];
    for (guess, weight) in found.guesses.iter().zip(weights) {
        let decisions = guess.answer.decisions(people);
        chances.iter_mut().zip(decisions).for_each(|(c, h)| *c += weight * f64::from(u8::from(h)));
    }
    chances
}

/// Without its linear program fairlearn's chances are ours to the last digit, round by round: the same
/// classifiers with the same weights. With it, both end at the same cost.
#[test]
fn agrees_with_fairlearn() {
    let cases = vectors("reductions");
    assert!(cases.len() >= 12);
    for case in cases {
        let people = people_of(&case);
        let constraint = match case["constraint"].as_str().unwrap() {
            "parity" => Constraint::Parity,
            _ => Constraint::EqualizedOdds,
        };
        let slack = case["slack"].as_f64().unwrap();
        let theirs: Vec<f64> = serde_json::from_value(case["chance"].clone()).unwrap();
        let game = Game::new(&people, constraint, slack);
        let firm = Learner::logistic().prepare(&people.records, &people.positive).unwrap();
        let name = format!("{constraint:?} {slack} {}", case["linear_program"]);
        if case["linear_program"] == false {
            let found = game.play(firm.as_ref(), 12, Some(1e-6)).unwrap();
            let mut average = found.average.clone();
            average.resize(found.guesses.len(), 0.0);
            let ours = lot(&found, &average, &people);
            for (person, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
                assert!((ours - theirs).abs() < 1e-9, "{name}, {person}: {ours} {theirs}");
            }
        } else {
            let found = game.play(firm.as_ref(), 50, Some(1e-6)).unwrap();
            let value = |chances: &[f64]| {
                let (mut error, mut yes) = (0.0, vec![[0.0; 2]; game.sizes.len()]);
                for (person, &chance) in chances.iter().enumerate() {
                    error += if people.positive[person] { 1.0 - chance } else { chance };
                    yes[game.events[person]][usize::from(people.minority[person])] += chance;
                }
                let gaps: Vec<f64> = yes
                    .iter()
                    .zip(&game.sizes)
                    .flat_map(|(yes, sizes)| {
                        let all = (yes[0] + yes[1]) / (sizes[0] + sizes[1]);
                        [yes[0] / sizes[0] - all, yes[1] / sizes[1] - all]
                    })
                    .collect();
                error / game.people() + game.bound * game.violation(&gaps)
            };
            let ours = value(&lot(&found, &found.mixture(&game), &people));
            // Half of a standard error, the accuracy both aim at.
            assert!((ours - value(&theirs)).abs() < 0.011, "{name}: {ours} {}", value(&theirs));
        }
    }
}
