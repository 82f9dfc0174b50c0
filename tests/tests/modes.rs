//! The modes `published` and open scores as they are typed: `sims run`, the transcript it writes, and `sims replay`.
//!
//! What stands in the transcript is held against scores computed here, by comparing everybody with everybody.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use protocol::aggregation::AggregateResult;
use protocol::campaign::{CheckedPlan, Decision, Kind};
use protocol::roles::participant::CampaignKey;
use protocol::scoring::design::DesignBuilder;
use protocol::scoring::method::Method;
use protocol::scoring::schema::Value;
use protocol::selection::unit::Unit;
use protocol::transcript::{Transcript, file};
use sims::campaign::cast::person_secret;
use sims::dataset::{Dataset, Description};
use sims::scene::Scene;
use tempfile::TempDir;
use tests::programs::Program;

const DESCRIPTION: &str = r#"
name = "loans"
file = "loans.csv"
test-share = 0.3
group = { column = "sex", minority = "f", majority = "m" }
label = { column = "paid", positive = "yes", negative = "no" }

[[feature]]
name = "age"
kind = { numeric = { min = 18, max = 100 } }

[[feature]]
name = "grade"
kind = { ordinal = { levels = ["C", "B", "A"] } }

[[feature]]
name = "years"
kind = { numeric = { min = 0, max = 9 } }
"#;

/// Neighbours of `rb-dist`.
const K: usize = 3;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut table = "sex,age,grade,years,paid\n".to_owned();
        for row in 0..200_u32 {
            let sex = if row % 3 == 0 { "f" } else { "m" };
            let (age, grade) = (18 + row * 37 % 83, ["A", "B", "C"][row as usize / 7 % 3]);
            let paid = if (age + row * 11) % 100 < if row % 3 == 0 { 30 } else { 60 } {
                "yes"
            } else {
                "no"
            };
            writeln!(table, "{sex},{age},{grade},{},{paid}", row * 5 % 9).unwrap();
        }
        fs::write(folder.path().join("loans.csv"), table).unwrap();
        fs::write(folder.path().join("loans.toml"), DESCRIPTION).unwrap();
        Self { folder }
    }

    /// How the program ends and what it prints or, if it fails, says.
    fn sims(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(Program::Sims.path());
        let ended = command.args(arguments).current_dir(self.folder.path()).output().unwrap();
        let code = ended.status.code().unwrap();
        let text = if code == 0 { ended.stdout } else { ended.stderr };
        (code, String::from_utf8(text).unwrap())
    }

    /// One seed without noise, unless the arguments say otherwise.
    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let usual = [
            ["--dataset", "loans.toml"],
            ["--seeds", "1"],
            ["--cohort", "12"],
            ["--epsilon", "none"],
            ["--method", "rb-dist"],
            ["--k", "3"],
            ["--flips", "3"],
        ];
        let usual = usual.iter().filter(|[name, _]| !arguments.contains(name));
        let usual: Vec<&str> = usual.flatten().copied().collect();
        self.sims(&[&["run"], &usual[..], arguments].concat())
    }

    /// What `sims run` has written, what it printed, and what `sims replay` says of it.
    fn played(&self, arguments: &[&str]) -> (Transcript, String, String) {
        let (code, printed) = self.run(&[arguments, &["--transcript", "t"]].concat());
        assert_eq!(code, 0, "{printed}");
        let (code, replayed) = self.sims(&["replay", "t"]);
        assert_eq!(code, 0, "{replayed}");
        let bytes = fs::read(self.folder.path().join("t")).unwrap();
        (file::follow(&bytes, |_, _, _| ()).unwrap(), printed, replayed)
    }

    fn data(&self) -> Dataset {
        let description = Description::read(&self.folder.path().join("loans.toml")).unwrap();
        description.load(&self.folder.path().join("loans.csv")).unwrap()
    }
}

/// By number, each candidate's `rb-dist` over the published sample.
fn exact(plan: &CheckedPlan, data: &Dataset, alpha: f64) -> BTreeMap<usize, Unit> {
    let scene = Scene::new(data, 0).unwrap();
    let members = scene.members(alpha).unwrap();
    let coordinates = |records: &[Vec<Value>]| {
        let mut design = DesignBuilder::new(&plan.scoring.schema);
        for record in records {
            design.push(record);
        }
        plan.scoring.scaling.as_ref().unwrap().apply(&design.finish()).to_dense()
    };
    let published = plan.scoring.published.iter();
    let positives: Vec<_> =
        published.filter(|(_, positive)| *positive).map(|(record, _)| record.clone()).collect();
    let positives = coordinates(&positives);
    let people = coordinates(&data.schema.values(&data.records.select(&members)));
    let score = |(number, row): (usize, &usize)| {
        let far = |other: ndarray::ArrayView1<'_, f64>| {
            (&people.row(number) - &other).mapv(|difference| difference * difference).sum().sqrt()
        };
        let mut distances: Vec<f64> = positives.outer_iter().map(far).collect();
        distances.sort_by(f64::total_cmp);
        #[expect(clippy::cast_precision_loss, reason = "k is small")]
        let mean = distances[..K].iter().sum::<f64>() / K as f64;
        let unit = Unit::of(Method::RbDist, -mean, 0).unwrap();
        (!data.positive[*row]).then_some((number, unit))
    };
    members.iter().enumerate().filter_map(score).collect()
}

/// Published are people of the majority who do not take part.
fn is_published_by_agreement(plan: &CheckedPlan, data: &Dataset) -> bool {
    let scene = Scene::new(data, 0).unwrap();
    let test: Vec<usize> =
        scene.test().iter().copied().filter(|&row| !data.minority[row]).collect();
    let records = data.schema.values(&data.records.select(&test));
    let there: Vec<_> =
        records.into_iter().zip(test.iter().map(|&row| data.positive[row])).collect();
    plan.scoring.published.iter().all(|of| there.contains(of))
}

#[test]
fn scores_in_the_open_are_the_exact_ones_and_the_best_are_asked() {
    const ALPHA: f64 = 0.2;
    let (place, shared) = (Place::new(), ["--alpha", "0.2", "--published", "20"]);
    let data = place.data();
    for protocol in ["private", "clear"] {
        let mode = ["--protocol", protocol, "--selection", "open-scores"];
        let (transcript, printed, replayed) = place.played(&[&shared[..], &mode].concat());
        let plan = transcript.plan();
        assert!(is_published_by_agreement(plan, &data) && plan.scoring.published.len() == 20);
        let expected = exact(plan, &data, ALPHA);
        assert!((4..12).contains(&expected.len()), "{} candidates", expected.len());
        let id = plan.of_kind(Kind::Selection).unwrap();
        let (entry, outcome) = transcript.sum(id).unwrap().outcome().unwrap();
        assert!(transcript.is_endorsed(entry));
        let Some(Decision::Ranking(ranking)) = &outcome.decision else {
            panic!("{:?}", outcome.decision)
        };
        let campaign = transcript.manifest().unwrap().1.campaign();
        let key = |number| {
            CampaignKey::from_bytes(person_secret(0, number)).signing_key(campaign).public()
        };
        let listed: BTreeMap<_, _> =
            ranking.scores.iter().map(|of| (of.reporter, of.score)).collect();
        let own: BTreeMap<_, _> =
            expected.iter().map(|(number, unit)| (key(*number), *unit)).collect();
        assert!(listed.keys().eq(own.keys()), "every candidate, and nobody else");
        for (one, other) in listed.values().zip(own.values()) {
            assert!(one.step().abs_diff(other.step()) < 16, "{one:?}, not {other:?}");
        }
        assert!(ranking.scores.is_sorted_by(|one, other| one.score >= other.score));
        assert_eq!(ranking.asked, 3);
        assert!(printed.contains("Scores are open in this campaign"), "{printed}");
        assert!(printed.contains("Published here: 20 records."), "{printed}");
        let count = expected.len();
        for part in [
            "20 published records, scores in the open".to_owned(),
            format!("selection: lists {count} open scores"),
            format!("selection: ranks {count} open scores; asked: the first 3"),
            format!("selection: {count} open scores, ranked, endorsed by all live keyholders"),
        ] {
            assert!(replayed.contains(&part), "{part}: {replayed}");
        }
    }
}

#[test]
fn a_published_sample_scores_exactly_what_the_private_histogram_counts() {
    const ALPHA: f64 = 0.6;
    let (place, shared) = (Place::new(), ["--alpha", "0.6", "--flips", "5", "--published", "20"]);
    let data = place.data();
    let counts: Vec<_> = ["private", "clear"]
        .map(|protocol| {
            let (transcript, printed, replayed) =
                place.played(&[&shared[..], &["--protocol", protocol]].concat());
            let plan = transcript.plan();
            let lent = [Kind::Neighbours, Kind::Regressor, Kind::Scale];
            assert!(lent.iter().all(|kind| plan.of_kind(*kind).is_none()), "nobody lends");
            assert!(is_published_by_agreement(plan, &data));
            let mut expected = vec![0_i64; usize::from(plan.selection.bins.count()) + 1];
            let units = exact(plan, &data, ALPHA);
            for unit in units.values() {
                expected[usize::from(plan.selection.bins.cell(Some(*unit)))] += 1;
            }
            let members = Scene::new(&data, 0).unwrap().members(ALPHA).unwrap().len();
            *expected.last_mut().unwrap() += i64::try_from(members - units.len()).unwrap();
            let opened = transcript.opened(plan.of_kind(Kind::Selection).unwrap()).unwrap();
            let AggregateResult::Grid(sum) = opened else { panic!("{opened:?}") };
            assert_eq!(sum.counts().iter().copied().collect::<Vec<i64>>(), expected);
            assert!(printed.contains("Published here: 20 records."), "{printed}");
            assert!(replayed.contains(", 20 published records"), "{replayed}");
            expected
        })
        .into();
    assert_eq!(counts[0], counts[1]);
}

#[test]
fn modes_that_do_not_fit_are_refused_and_never_ignored() {
    let place = Place::new();
    let clear = ["--protocol", "clear", "--alpha", "0.6"];
    let open = ["--protocol", "clear", "--selection", "open-scores", "--alpha"];
    let with = |more: &[&'static str]| [&clear, more].concat();
    let scored = |more: &[&'static str]| [&open, more].concat();
    let positives = "rb-dist needs k = 3 records with a positive label in the published sample";
    let label = ["--published", "4", "--method", "rb-label", "--k", "5"];
    for (arguments, code, says) in [
        (with(&["--published", "2"]), 78, positives),
        (with(&label), 78, "rb-label needs k = 5 records in the published sample, which has 4"),
        (with(&["--published", "9999"]), 65, "9999 majority records are to be published, but only"),
        (scored(&["0.6"]), 5, "open scores are for fewer than 12, so use the private histogram"),
        (scored(&["0.2", "--refine"]), 78, "no refinement"),
        (scored(&["0.2", "--top-up"]), 78, "a top-up needs a confirmation"),
    ] {
        let (ended, said) = place.run(&arguments);
        assert_eq!(ended, code, "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
    let central = ["run", "--dataset", "loans.toml", "--flips", "3", "--seeds", "1"];
    for (more, says) in [
        (["--selection", "open-scores"], "--selection says what a campaign is like"),
        (["--published", "9"], "add --protocol clear or private"),
    ] {
        let (code, said) = place.sims(&[&central[..], &more].concat());
        assert!(code == 2 && said.contains(says), "{said}");
    }
    assert_eq!(place.sims(&central).0, 0, "what is usual for a campaign is no wrong use without");
}
