//! Whole campaigns on a simulated network.

use std::convert::Infallible;
use std::rc::Rc;

use protocol::aggregation::Circuit;
use protocol::aggregation::noise::Role;
use protocol::campaign::{Kind, Protection, Scoring, SelectionMode};
use protocol::person::Person;
use protocol::scoring::cells::{CellShape, CentreSource};
use protocol::scoring::marginals::Marginals;
use protocol::scoring::method::Method;
use protocol::scoring::scaling::{Encoding, Scaling};
use protocol::scoring::schema::{Feature, FeatureKind, Schema, Value};
use protocol::selection::threshold::Rule;

use super::adversary::Mischief;
use super::cast::{issuer, person_secret};
use super::crowd::Crowd;
use super::hindsight::{Hindsight, HindsightError, Subject};
use super::plan::{Script, Visits};
use super::play::{Played, ordinary, play};

mod random;

fn schema() -> Schema {
    let kind = FeatureKind::Numeric { min: 0.0, max: 100.0 };
    let age = Feature { name: "age".to_owned(), unit: None, kind };
    let flag = Feature { name: "flag".to_owned(), unit: None, kind: FeatureKind::Flag };
    Schema::new(vec![age, flag]).unwrap()
}

fn script(protection: Protection) -> Script {
    let schema = schema();
    let shape = CellShape { repetitions: 2, cells: 8 };
    Script {
        protection,
        issuer: None,
        keyholders: 5,
        recovery_threshold: 4,
        honest_seats: 2,
        cohort_min: 12,
        scoring: Scoring {
            method: Method::RbLabel,
            k: 5,
            scaling: Some(Scaling::from_ranges(&schema, Encoding::Mix)),
            centres: Some(CentreSource::Marginals(Marginals::from_ranges(&schema))),
            schema,
            scale_bins: 2,
            published: Vec::new(),
        },
        rule: Rule { flip_budget: 5, no_show_milli: 0, safe_cap: 12 },
        mode: SelectionMode::PrivateHistogram,
        bins: 16,
        reference: Some(Circuit::Grid(shape.grid().unwrap())),
        epsilon: None,
        noise: None,
        visits: Visits { selection: true, confirmation: true, audits: true, ..Visits::default() },
        reporters_max: 1_000,
    }
}

fn people(count: usize, seed: u64) -> Vec<Person> {
    (0..count)
        .map(|number| {
            let secret = person_secret(seed, number);
            let age = f64::from(secret[0]) / 256.0 * 100.0;
            Person {
                values: vec![Value::Number(age), Value::Flag(secret[1] < 128)],
                positive: secret[2] < 100,
                role: if number % 2 == 0 { Role::Member } else { Role::Donor },
                accepted: Some(secret[3] < 128),
                complies: true,
                secret,
            }
        })
        .collect()
}

fn run(script: &Script, count: usize, seed: u64) -> (Played, protocol::transcript::Transcript) {
    let firm: super::crowd::Firm<'_> =
        Box::new(move |flipped| (0..count).map(|number| flipped.contains(&number)).collect());
    let crowd = Rc::new(Crowd::new(people(count, seed), Some(firm)));
    play::<Infallible>(script, &crowd, seed, Mischief::default(), ordinary, |_| Ok(()))
        .unwrap()
        .unwrap_or_else(|violation| match violation.violation {})
}

#[test]
fn a_whole_campaign_ends_with_every_result() {
    for protection in [Protection::Clear, Protection::Private] {
        let (played, transcript) = run(&script(protection), 60, 1);
        assert!(played.aborted.is_empty(), "{:?} {:?}", played.aborted, played.ended);
        assert_eq!(played.outcomes.len(), 5, "{:?}", played.ended);
        assert!(!played.flipped.is_empty() && played.flipped.len() <= 12);
        let confirmed = played.result(&transcript, Kind::Confirmation).unwrap();
        assert_eq!(confirmed.values()[0], i64::try_from(played.flipped.len()).unwrap());
    }
}

/// Invites, tokens and enrolment at a moment of one's own, under faults: nobody is left out who stays in reach.
#[test]
fn a_whole_campaign_with_tokens_ends_with_every_result() {
    for seed in 1..=2 {
        let invited = Script { issuer: Some(issuer(seed).public()), ..script(Protection::Private) };
        let (played, transcript) = run(&invited, 60, seed);
        assert!(played.aborted.is_empty(), "{:?} {:?}", played.aborted, played.ended);
        assert_eq!(played.outcomes.len(), 5, "{:?}", played.ended);
        assert!(transcript.plan().issue.is_some());
        assert!(transcript.roster().unwrap().len() >= 50);
    }
}

#[test]
fn in_hindsight_records_and_keys_give_every_sum_and_everybody_who_is_asked() {
    let (count, seed) = (60, 3);
    let (played, transcript) = run(&script(Protection::Private), count, seed);
    let after = |number| Some(played.flipped.contains(&number));
    let person = |(number, person)| Subject { person, accepted_after: after(number) };
    let mut everybody: Vec<Subject> =
        people(count, seed).into_iter().enumerate().map(person).collect();
    let hindsight = Hindsight::of(&transcript, &everybody).unwrap();
    assert_eq!(hindsight.asked, played.asked);
    assert_eq!(hindsight.sums.len(), 5);
    for (id, sum) in &hindsight.sums {
        assert_eq!(transcript.opened(*id).as_ref(), Some(sum), "{id}");
    }
    // One candidate less, and the histogram is another.
    let asked = *played.asked.first().unwrap();
    everybody[asked].person.positive = true;
    let other = Hindsight::of(&transcript, &everybody).unwrap();
    assert!(
        other.sum(transcript.plan(), Kind::Selection)
            != hindsight.sum(transcript.plan(), Kind::Selection)
    );
    everybody.remove(asked);
    assert!(matches!(Hindsight::of(&transcript, &everybody), Err(HindsightError::Stranger(_))));
}
