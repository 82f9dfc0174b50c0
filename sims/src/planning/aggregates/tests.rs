use protocol::scoring::method::Method;
use protocol::scoring::scaling::Encoding;

use super::*;
use crate::planning::outlook::Outlook;
use crate::planning::rule::{Rule, Within};
use crate::planning::scenario::Scenario;
use crate::planning::simulate::{drawing, simulate};
use crate::planning::{Settings, Silent, Stop};
use crate::population::causal::{CausalSettings, generate};

fn sample() -> Dataset {
    generate(&CausalSettings { people: 3_000, ..CausalSettings::default() }).unwrap().dataset
}

#[test]
fn a_file_says_all_that_is_known() {
    let aggregates = Aggregates::of(&sample());
    let text = aggregates.text(&["a comment".to_owned()]);
    assert!(text.starts_with("# a comment\n"));
    let again = Aggregates::parse(&text).unwrap();
    assert!(again.text(&["a comment".to_owned()]) == text, "every digit is kept");
    assert_eq!(again.fingerprint(), aggregates.fingerprint());
}

#[test]
fn a_sample_s_numbers_are_its_own() {
    let mut people = sample();
    people.minority = (0..3_000).map(|row| row >= 2_000).collect();
    let [majority, minority] = Aggregates::of(&people).groups;
    assert_eq!((majority.people, minority.people), (2_000, 1_000));
    let ages = &people.records.column(0)[..2_000];
    let labels: Vec<f64> =
        people.positive[..2_000].iter().map(|&label| f64::from(u8::from(label))).collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / 2_000.0;
    let products: Vec<f64> = ages.iter().zip(&labels).map(|(age, label)| age * label).collect();
    let expected = mean(&products) - mean(ages) * mean(&labels);
    let covariance = majority.covariance.unwrap();
    let last = covariance.nrows() - 1;
    assert!((covariance[(0, last)] - expected).abs() < 1e-9);
    assert!((majority.positive - mean(&labels)).abs() < 1e-12);
    assert!((majority.mean.unwrap()[0] - mean(ages)).abs() < 1e-9);
    // Arrears are a count: its coordinate is ln(1 + x).
    let place = people.records.columns().iter().position(|column| column.name == "arrears");
    let arrears = people.records.column(place.unwrap());
    let logs: Vec<f64> = arrears[2_000..].iter().map(|x| (1.0 + x).ln()).collect();
    let mean = logs.iter().sum::<f64>() / 1_000.0;
    assert!((minority.mean.unwrap()[place.unwrap()] - mean).abs() < 1e-9);
}

/// What one change of a good file is refused for.
fn refused(change: impl Fn(&str) -> String) -> String {
    let text = change(FILE);
    assert_ne!(text, FILE, "something is changed");
    Aggregates::parse(&text).unwrap_err().to_string()
}

const FILE: &str = r#"name = "loans"
[[feature]]
name = "income"
kind = { numeric = { min = 0, max = 9000 } }
[[feature]]
name = "owner"
kind = "flag"
[majority]
people = 2103
positive = 0.61
[majority.mean]
income = 2400
owner = 0.4
[majority.covariance]
income = [810000]
owner = [120, 0.24]
[majority.with-label]
income = 90
owner = 0.03
[majority.histogram]
income = { values = [1000, 2000, 4000], weights = [3, 5, 2] }
[minority]
people = 3175
positive = 0.477
"#;

#[test]
fn a_small_file_of_one_s_own_is_enough() {
    let aggregates = Aggregates::parse(FILE).unwrap();
    let (people, drawn) = aggregates.draw(0);
    assert_eq!(people.minority.len(), 5_278);
    assert_eq!(people.name, "loans (drawn from aggregates)");
    assert_eq!(drawn.assumed.len(), 2, "{:?}", drawn.assumed);
    assert!(drawn.likeness[0].with_label < 0.05, "{:?}", drawn.likeness);
}

#[test]
fn whatever_is_wrong_is_named_with_its_line_and_what_is_allowed() {
    for (from, to, said) in [
        ("people = 2103", "people = 0", "line 9: majority.people is 0; allowed: 1 to 1000000"),
        (
            "positive = 0.477",
            "positive = 47.7",
            "line 24: minority.positive is 47.7; allowed: a share above 0 and below 1",
        ),
        ("positive = 0.477", "positive = nan", "minority.positive is NaN; allowed: a share"),
        (
            "owner = 0.4\n",
            "owner = 1.4\n",
            "line 13: majority.mean.owner is 1.4; allowed: a share, 0",
        ),
        ("owner = 0.4\n", "ovner = 0.4\n", "given for \"ovner\"; allowed: income, owner"),
        ("owner = 0.4\n", "", "majority.mean.\"owner\" is missing"),
        ("[810000]", "[-1]", "line 15: majority.covariance.income is -1; allowed: finite numbers"),
        ("[120, 0.24]", "[0.24]", "is 1 numbers; allowed: 2 numbers: with income, owner"),
        ("income = 90", "income = inf", "majority.with-label.income is inf; allowed: a finite"),
        (
            "[majority.with-label]\nincome = 90\nowner = 0.03\n",
            "",
            "majority.with-label is missing",
        ),
        (
            "[3, 5, 2]",
            "[3, 5]",
            "line 21: majority.histogram.income is 3 values, 2 weights; allowed",
        ),
        ("[1000, 2000, 4000]", "[1000, 2000, 9999]", "ascending values (0 to 9000)"),
        ("[majority.histogram]\nincome", "[majority.histogram]\nowner", "allowed: numbers: income"),
        ("kind = \"flag\"", "kind = \"flags\"", "flags"),
        ("name = \"owner\"", "name = \"income\"", "two features are called \"income\""),
    ] {
        let found = refused(|text| text.replacen(from, to, 1));
        assert!(found.contains(said), "{to}: {found}");
    }
    let bare = refused(|text| {
        let (head, rest) = text.split_once("[majority.mean]").unwrap();
        format!("{head}{}", &rest[rest.find("[minority]").unwrap()..])
    });
    assert!(bare.contains("majority.covariance is missing: without it features say nothing"));
}

fn plan(reference: &Dataset) -> Vec<Outlook> {
    let settings = Settings {
        seed: 3,
        alpha: 0.5,
        method: Method::RbProb,
        k: 20,
        encoding: Encoding::Mix,
        trained: 2_100,
        shares: vec![0.25, 0.5, 1.0],
        scenarios: Scenario::usual()[..2].to_vec(),
        target: 0.5,
        harm: 0.02,
        confidence: 0.5,
        stop: Stop { batch: 24, most: 24, half_width: 0.0 },
    };
    let rule = Rule::of(reference, settings.trained).unwrap();
    let budgets: Vec<usize> = settings.shares.iter().map(|&share| rule.flips(share)).collect();
    let drawing = drawing(reference, settings.trained);
    let all = simulate(reference, &settings, &[], &budgets, &Silent).unwrap();
    all.iter().map(|runs| Outlook::of(runs, &settings, &budgets, drawing)).collect()
}

#[test]
fn a_plan_from_moments_says_what_the_plan_from_their_sample_says() {
    let sample = sample();
    let (people, drawn) = Aggregates::of(&sample).draw(3);
    assert!(drawn.likeness.iter().all(|one| one.with_label.max(one.between) < 0.05), "{drawn:?}");
    assert_eq!(drawn.assumed, Vec::<String>::new());
    let rule = |people: &Dataset| Rule::of(people, 2_100).unwrap();
    assert_eq!(rule(&people), rule(&sample), "sizes and rates are the same");
    for (one, other) in plan(&sample).iter().zip(plan(&people)) {
        assert!((one.eqod_before - other.eqod_before).abs() < 0.04, "{one:?} {other:?}");
        assert!((one.error_before - other.error_before).abs() < 0.02);
        for (level, moved) in one.levels.iter().zip(&other.levels) {
            // What another sample of the same people might have said is not a contradiction.
            let (Within { low, high, .. }, other) = (level.change.predicted, moved.change.mean);
            assert!((low..=high).contains(&other), "M = {}: {other}", level.budget);
            assert!((level.change.mean - other).abs() < 0.05, "M = {}: {other}", level.budget);
        }
    }
}

#[test]
fn where_the_minority_is_unknown_that_is_said_and_only_the_group_can_matter() {
    let mut aggregates = Aggregates::of(&sample());
    let minority = &mut aggregates.groups[1];
    (minority.mean, minority.covariance) = (None, None);
    minority.histograms.fill(None);
    let (people, drawn) = aggregates.draw(3);
    assert!(drawn.assumed[0].contains("the features of majority people with the same label"));
    let [used, unused] = [0, 1].map(|place| plan(&people)[place].clone());
    assert!(unused.eqod_before < 0.05, "{unused:?}");
    assert!(used.eqod_before > 2.0 * unused.eqod_before, "{used:?}");
    assert!(used.levels[..2].iter().all(|level| level.change.mean < -0.02), "{used:?}");
    // With means of its own, a firm that does not see the group treats it differently, too.
    let mut means = Aggregates::of(&sample());
    means.groups[1].covariance = None;
    let (people, drawn) = means.draw(3);
    assert!(drawn.assumed[0].contains("about means of their own"));
    assert!(plan(&people)[1].eqod_before > unused.eqod_before);
}
