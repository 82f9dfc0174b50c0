//! Questions on few synthetic people, and the experiment files.

use super::*;
use crate::population::causal::{CausalSettings, generate};

struct Silent;

impl Progress for Silent {
    fn finished(&self, _: usize, _: usize) {}
}

fn people() -> Dataset {
    let settings = CausalSettings { people: 800, ..CausalSettings::default() };
    generate(&settings).unwrap().dataset
}

fn rows(question: &str) -> Vec<Row> {
    let text = format!(
        "name = \"n\"\ntitle = \"t\"\nasks = \"a\"\ndatasets = [\"synthetic\"]\nseeds = 1\n[question]\n{question}"
    );
    Inquiry::parse(&text).unwrap().question.rows(&people(), 0).unwrap()
}

const LOGISTIC: &str = "firm = { learner = \"logistic\", penalty = 1.0 }";

fn value(rows: &[Row], series: &str, x: f64, name: &str) -> f64 {
    let row = rows.iter().find(|row| row.series == series && row.x.total_cmp(&x).is_eq());
    row.unwrap_or_else(|| panic!("{series} at {x}")).values[name]
}

fn same(a: f64, b: f64) -> bool {
    a.total_cmp(&b).is_eq()
}

#[test]
fn asking_again_makes_up_for_those_who_do_not_flip() {
    let rows = rows(&format!(
        "kind = \"compliance\"\nalpha = 1.0\nunits = 0.5\nrates = [1.0, 0.5]\n{LOGISTIC}"
    ));
    let flips = |series, rate| value(&rows, series, rate, "flips");
    assert!(same(flips("asked again until M flipped", 0.5), flips("M are asked", 1.0)));
    assert!(flips("M are asked", 0.5) < flips("M / compliance are asked", 0.5));
}

#[test]
fn a_firm_that_knows_everything_is_within_the_bounds() {
    let rows = rows(
        "kind = \"success\"\npeople = 800\nalphas = [0.2, 0.5, 1.0]\nfirms = [{ learner = \"logistic\", penalty = 1.0 }]",
    );
    for alpha in [0.2, 0.5, 1.0] {
        let of = |series| value(&rows, series, alpha, "success");
        let (knowing, within) =
            (of("a firm that knows everything"), of("bound: P(|p − q| ≤ α / (2 − 2α))"));
        assert!(knowing >= within && within >= of("bound of Hardt et al."), "{alpha}");
    }
    assert!(value(&rows, "a firm that knows everything", 1.0, "success") > 0.999);
    let oracle = |alpha| value(&rows, "oracle", alpha, "success");
    assert!(oracle(1.0) > oracle(0.2));
}

#[test]
fn two_unaware_collectives_flip_more_than_two_that_agree() {
    let rows =
        rows(&format!("kind = \"collectives\"\nalpha = 0.5\nunits = [0.0, 0.5]\n{LOGISTIC}"));
    let eqod = |series, units| value(&rows, series, units, "eqod");
    assert!(same(eqod("one alone", 0.0), eqod("two that agree on M", 0.0)));
    assert!(!same(
        eqod("two that agree on M", 0.5),
        eqod("two that do not know of each other", 0.5)
    ));
}

#[test]
fn confident_learning_drops_what_its_classifier_contradicts() {
    let labels = [true, true, false, false, true];
    let chances = [0.9, 0.8, 0.1, 0.2, 0.05];
    let kept = defence::confident(&labels, &chances);
    assert_eq!(kept, [true, true, true, true, false]);
}

#[test]
fn a_defence_that_does_nothing_catches_nobody() {
    let rows = rows(&format!(
        "kind = \"defences\"\nalpha = 1.0\nunits = 0.5\n{LOGISTIC}\n\
         defences = [{{ defence = \"none\" }}, {{ defence = \"trimming\", share = 0.1, rounds = 2 }}, \
         {{ defence = \"neighbours\", k = 5 }}, {{ defence = \"private-descent\", epsilon = 8.0, steps = 50 }}]"
    ));
    assert!(same(value(&rows, "nothing", 0.0, "caught"), 0.0));
    let honest =
        |defence| value(&rows, defence, 0.0, "majority") + value(&rows, defence, 0.0, "minority");
    assert!(same(honest("nothing"), 0.0) && honest("trimming 10%") > 0.0);
    assert!(value(&rows, "5 neighbours", 0.0, "majority") < 0.5);
    assert!(value(&rows, "noisy descent, ε=8", 0.0, "error") < 0.45);
}

#[test]
fn what_the_firm_forgets_it_forgets() {
    let play = |window: usize| {
        rows(&format!(
            "kind = \"retraining\"\npeople = 400\nrounds = 4\nacts = [2, 2]\nalpha = 1.0\nunits = 1.0\nwindows = [{window}]\n{LOGISTIC}"
        ))
    };
    let effect = |rows: &[Row], series, round| {
        value(rows, series, round, "eqod") - value(rows, "nobody acts", round, "eqod")
    };
    let (short, long) = (play(1), play(4));
    assert!(same(effect(&short, "the last round", 3.0), 0.0));
    assert!(!same(effect(&short, "the last round", 2.0), 0.0));
    assert!(same(effect(&long, "the last 4 rounds", 1.0), 0.0));
    assert!(!same(effect(&long, "the last 4 rounds", 4.0), 0.0));
}

#[test]
fn nobody_gains_if_nobody_flips() {
    let rows = rows(&format!("kind = \"gains\"\nalpha = 0.5\nunits = 0.0\n{LOGISTIC}"));
    assert!(rows.iter().all(|row| row.values["gained"] + row.values["lost"] < 1e-12));
}

#[test]
fn an_interrupted_question_goes_on_with_the_same_results() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "name = \"n\"\ntitle = \"t\"\nasks = \"a\"\ndatasets = [\"synthetic\"]\nseeds = 3\n[question]\n\
         kind = \"gains\"\nalpha = 0.5\nunits = 0.5\n{LOGISTIC}"
    );
    let inquiry = Inquiry::parse(&text).unwrap();
    let data = people();
    let play = |inquiry: &Inquiry| run(inquiry, &data, "r", folder.path(), &Silent).unwrap();
    let first = play(&Inquiry { seeds: 1, ..inquiry.clone() });
    let all = play(&inquiry);
    assert_eq!(all[0], first[0]);
    assert_eq!(all.iter().map(|seed| seed.seed).collect::<Vec<_>>(), [0, 1, 2]);
    let lines = fs::read_to_string(folder.path().join("results.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 3);
    let summary = &summarise(&all)[0];
    assert_eq!(summary.values["gained"].count, 3);
}

/// Every file that a report is made of.
const FILES: [&str; 11] = [
    include_str!("../../experiments/beyond/collectives.toml"),
    include_str!("../../experiments/beyond/compliance.toml"),
    include_str!("../../experiments/beyond/defences.toml"),
    include_str!("../../experiments/beyond/gains.toml"),
    include_str!("../../experiments/beyond/intersections.toml"),
    include_str!("../../experiments/beyond/overshoot.toml"),
    include_str!("../../experiments/beyond/participation.toml"),
    include_str!("../../experiments/beyond/protocol.toml"),
    include_str!("../../experiments/beyond/retraining.toml"),
    include_str!("../../experiments/beyond/success.toml"),
    include_str!("../../experiments/beyond/visibility.toml"),
];

#[test]
fn every_file_says_something_that_a_run_can_contradict() {
    for file in FILES {
        let inquiry = Inquiry::parse(file).unwrap();
        assert!(!inquiry.found.is_empty(), "{}", inquiry.name);
        for finding in &inquiry.found {
            // Numbers come from the run.
            let told = finding.says.replace("epsilon 4 or 1", "");
            assert!(!told.contains(|c: char| c.is_ascii_digit()), "{told}");
        }
    }
    let unfounded = format!("{}[[found]]\nsays = \"So.\"\nexpect = []\n", FILES[0]);
    assert!(Inquiry::parse(&unfounded).unwrap_err().to_string().contains("expect is empty"));
}

/// Questions on synthetic people have all that is expected of them, whatever the seeds.
#[test]
fn what_is_expected_of_synthetic_people_is_in_their_rows() {
    for name in ["success", "retraining"] {
        let named = format!("name = \"{name}\"");
        let file = FILES.iter().find(|file| file.contains(&named)).unwrap();
        let inquiry = Inquiry::parse(file).unwrap();
        let file =
            file.replace("people = 6000", "people = 600").replace("people = 3000", "people = 300");
        let question = Inquiry::parse(&file).unwrap().question;
        let seeds: Vec<SeedRows> = (0..2)
            .map(|seed| SeedRows {
                config: String::new(),
                revision: String::new(),
                dataset: "synthetic".to_owned(),
                seed,
                rows: question.rows(&people(), seed).unwrap(),
            })
            .collect();
        for finding in &inquiry.found {
            let checked = finding.check(&seeds);
            assert_ne!(checked.support, finding::Support::NotChecked, "{checked:?}");
        }
    }
}
