//! Small campaigns in the clear: what people measure, and who is asked.

#![allow(clippy::indexing_slicing, reason = "an index out of range fails the test, as it should")]

use super::*;
use crate::{
    aggregation::sum_in_the_clear,
    campaign::fixture::{self, KINDS},
    ids::{CampaignId, Hash},
    keys::seat::Seat,
    selection::refinement::Refined,
};

const CAMPAIGN: CampaignId = CampaignId([1; 32]);
const MEMBERS: u8 = 40;
const DONORS: u8 = 40;

/// What members are scored from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Lent,
    Published,
}

/// Every method with every reference it can have.
const SCORES: [(Method, Source); 7] = [
    (Method::RbLabel, Source::Lent),
    (Method::RbDist, Source::Lent),
    (Method::RbProb, Source::Lent),
    (Method::RbLabel, Source::Published),
    (Method::RbDist, Source::Published),
    (Method::RbProb, Source::Published),
    (Method::Random, Source::Lent),
];

/// Half of the people have a positive label; older ones sooner.
fn person(number: u8, role: Role) -> Person {
    let age = (u16::from(number) * 37 + 11) % 101;
    Person {
        values: vec![Value::Number(age.into()), Value::Flag(number.is_multiple_of(3))],
        positive: age > 50 && !number.is_multiple_of(4),
        role,
        accepted: (!number.is_multiple_of(5)).then_some(age > 60),
        complies: number % 7 < 5,
        secret: [number; 32],
    }
}

struct Campaign {
    plan: CheckedPlan,
    people: Vec<Person>,
    outcomes: Outcomes,
    results: BTreeMap<AggregationId, AggregateResult>,
}

impl Campaign {
    /// Every kind but, with a published sample, those of a reference; without noise.
    fn new(method: Method, source: Source) -> Self {
        let mut plan = fixture::plan();
        plan.scoring.method = method;
        match source {
            Source::Lent => plan.scoring.published.clear(),
            Source::Published => {
                plan.aggregations
                    .retain(|of| !matches!(of.kind, Kind::Neighbours | Kind::Regressor));
            }
        }
        for aggregation in &mut plan.aggregations {
            aggregation.noise = None;
            aggregation.depends_on.clear();
        }
        Self::of(fixture::checked(plan))
    }

    fn of(plan: CheckedPlan) -> Self {
        let members = (0..MEMBERS).map(|number| person(number, Role::Member));
        let donors = (0..DONORS).map(|number| person(MEMBERS + number, Role::Donor));
        let people = members.chain(donors).collect();
        Self { plan, people, outcomes: Outcomes::new(), results: BTreeMap::new() }
    }

    fn opening(&self, kind: Kind) -> Opening {
        let aggregation = self.plan.of_kind(kind).unwrap();
        Opening {
            aggregation,
            campaign: CAMPAIGN,
            results: vec![],
            beacon: vec![(Seat::new(0), [u8::try_from(aggregation.0).unwrap(); 32])],
            closes: self.plan.aggregation(aggregation).unwrap().closes,
        }
    }

    fn view(&self, kind: Kind) -> View {
        View::derive(&self.plan, &self.opening(kind), &self.outcomes).unwrap()
    }

    /// What one person marks or sends, as bytes of the clear form.
    fn bytes(&self, kind: Kind, person: &Person) -> Vec<u8> {
        let measured = person.measure(&self.plan, &self.view(kind)).unwrap();
        self.plan.vdaf(self.plan.of_kind(kind).unwrap()).unwrap().clear_bytes(&measured)
    }

    /// The cell in the first row.
    fn cell(&self, kind: Kind, person: &Person) -> u16 {
        let bytes = self.bytes(kind, person);
        u16::from_le_bytes([bytes[0], bytes[1]])
    }

    fn concerned(&self, kind: Kind) -> impl Iterator<Item = &Person> {
        self.people.iter().filter(move |person| kind.concerns(person.role))
    }

    /// Everybody concerned reports, and the sum is opened.
    fn run(&mut self, kind: Kind) -> AggregateResult {
        let id = self.plan.of_kind(kind).unwrap();
        let view = self.view(kind);
        let circuit = &self.plan.aggregation(id).unwrap().circuit;
        let measured: Vec<Measurement> =
            self.concerned(kind).map(|of| of.measure(&self.plan, &view).unwrap()).collect();
        let result = sum_in_the_clear(circuit, measured, &[]).unwrap();
        let count = result.reporters();
        let opening = self.opening(kind);
        let outcome = Outcome {
            aggregation: id,
            context: Hash(opening.context().0),
            seed: opening.seed(),
            frozen_root: Hash([0; 32]),
            frozen: count,
            accepted_root: Hash([0; 32]),
            accepted: count,
            values: result.values(),
            decision: self.plan.decide(id, &result, &self.results).unwrap(),
        };
        self.outcomes.insert(id, Arc::new(outcome));
        self.results.insert(id, result.clone());
        result
    }

    /// Runs all kinds before `end`, in the plan's order.
    fn before(mut self, end: Kind) -> Self {
        for kind in KINDS {
            if kind == end {
                break;
            }
            if self.plan.of_kind(kind).is_some() {
                self.run(kind);
            }
        }
        self
    }

    fn threshold(&self, kind: Kind) -> Refined {
        let outcome = &self.outcomes[&self.plan.of_kind(kind).unwrap()];
        outcome.decision.as_ref().and_then(Decision::threshold).unwrap()
    }

    fn asked(&self) -> Vec<bool> {
        let view = View::of_decision(&self.plan, CAMPAIGN, &self.outcomes).unwrap();
        self.people.iter().map(|of| of.is_asked(&self.plan, &view).unwrap()).collect()
    }
}

fn counts(result: &AggregateResult) -> Vec<i64> {
    assert!(matches!(result, AggregateResult::Grid(_)));
    result.values()
}

fn is_candidate(person: &Person) -> bool {
    person.role == Role::Member && !person.positive
}

#[test]
fn whoever_is_asked_follows_from_the_members_own_marks() {
    for (method, source) in SCORES {
        let campaign = Campaign::new(method, source).before(Kind::Refinement);
        let threshold = campaign.threshold(Kind::Selection).coarse;
        let seed = campaign.opening(Kind::Selection).seed();
        let asked = campaign.asked();
        for (person, asked) in campaign.people.iter().zip(&asked) {
            let cell = campaign.cell(Kind::Selection, person);
            let drawn = threshold.decides(cell, lottery_draw(&person.secret, &seed));
            assert_eq!(*asked, is_candidate(person) && drawn, "{method} {source:?}");
        }
        let count = asked.iter().filter(|asked| **asked).count();
        assert!((1..=20).contains(&count), "{method} {source:?}: {count}");
    }
}

#[test]
fn a_second_pass_agrees_with_its_own_marks_too() {
    for (method, source) in SCORES {
        let campaign = Campaign::new(method, source).before(Kind::Confirmation);
        let first = campaign.threshold(Kind::Selection).coarse;
        let refined = campaign.threshold(Kind::Refinement);
        let fine = refined.fine.unwrap().threshold;
        assert_eq!(refined.coarse, first);
        let seed = campaign.opening(Kind::Selection).seed();
        for (person, asked) in campaign.people.iter().zip(campaign.asked()) {
            let draw = lottery_draw(&person.secret, &seed);
            let cell = campaign.cell(Kind::Selection, person);
            let expected = if cell == first.bin {
                fine.decides(campaign.cell(Kind::Refinement, person), draw)
            } else {
                first.decides(cell, draw)
            };
            assert_eq!(asked, is_candidate(person) && expected, "{method} {source:?}");
        }
        let [coarse, fine] = [Kind::Selection, Kind::Refinement]
            .map(|kind| counts(&campaign.results[&campaign.plan.of_kind(kind).unwrap()]));
        let (_, within) = fine.split_last().unwrap();
        assert_eq!(within.iter().sum::<i64>(), coarse[usize::from(first.bin)]);
    }
}

#[test]
fn who_is_no_candidate_says_so_and_is_never_asked() {
    let campaign = Campaign::new(Method::RbLabel, Source::Lent).before(Kind::AuditAfter);
    let last = campaign.plan.selection.bins.count();
    let outside = campaign.people.iter().zip(campaign.asked());
    let mut roles = BTreeMap::new();
    for (person, asked) in outside.filter(|(person, _)| !is_candidate(person)) {
        assert!(!asked);
        assert_eq!(campaign.cell(Kind::Selection, person), last);
        assert_eq!(campaign.cell(Kind::Refinement, person), last);
        let confirmed = campaign.cell(Kind::Confirmation, person);
        assert_eq!(confirmed, confirmation::Outcome::NotCandidate.cell());
        *roles.entry(person.role == Role::Donor).or_insert(0) += 1;
        let view = campaign.view(Kind::Confirmation);
        assert_eq!(person.candidate_score(&campaign.plan, &view), Ok(None));
    }
    assert_eq!(roles[&true], DONORS);
    assert!(roles[&false] > 0);
}

#[test]
fn the_confirmation_counts_who_was_asked_and_flipped() {
    let mut campaign = Campaign::new(Method::RbProb, Source::Lent).before(Kind::Confirmation);
    let result = campaign.run(Kind::Confirmation);
    let mut expected = [0; 4];
    for (person, asked) in campaign.people.iter().zip(campaign.asked()) {
        if person.role == Role::Member {
            expected[match (is_candidate(person), asked, person.complies) {
                (true, true, true) => 0,
                (true, true, false) => 1,
                (true, false, _) => 2,
                (false, _, _) => 3,
            }] += 1;
        }
    }
    assert_eq!(counts(&result), expected);
    assert!(expected[0] > 0);
}

#[test]
fn audits_count_group_label_and_decision() {
    let mut campaign = Campaign::new(Method::Random, Source::Lent);
    for kind in [Kind::AuditBefore, Kind::AuditAfter] {
        let mut expected = [0; 9];
        for person in &campaign.people {
            let place = |accepted| {
                4 * usize::from(person.role == Role::Member)
                    + 2 * usize::from(person.positive)
                    + usize::from(accepted)
            };
            expected[person.accepted.map_or(8, place)] += 1;
        }
        assert_eq!(counts(&campaign.run(kind)), expected);
        assert!(expected.iter().all(|count| *count > 0 || expected[8] > 0));
    }
}

#[test]
fn donors_are_counted_by_cell_label_and_moments() {
    let mut campaign = Campaign::new(Method::RbLabel, Source::Lent);
    let donors: Vec<Person> = campaign.concerned(Kind::Scale).cloned().collect();
    let positive = donors.iter().filter(|donor| donor.positive).count();
    let positive = i64::try_from(positive).unwrap();

    let scale = counts(&campaign.run(Kind::Scale));
    for row in scale.chunks(5) {
        assert_eq!(row.iter().sum::<i64>(), i64::from(DONORS));
    }
    let employed = donors.iter().filter(|donor| donor.values[1] == Value::Flag(true)).count();
    assert_eq!(scale[6], i64::try_from(employed).unwrap());

    let cells = counts(&campaign.run(Kind::Neighbours));
    for row in cells.chunks(16) {
        assert_eq!(row.iter().sum::<i64>(), i64::from(DONORS));
        assert_eq!(row.iter().skip(1).step_by(2).sum::<i64>(), positive);
    }

    let AggregateResult::Gram(sum) = campaign.run(Kind::Regressor) else { panic!("a Gram") };
    // The constant, age, employed, label.
    let sums = sum.sum_z();
    assert_eq!((sums[0], sums[3]), (i64::from(DONORS), positive));
    assert_eq!(sums[2], i64::try_from(employed).unwrap());
}

#[test]
fn scaling_and_centres_follow_from_the_opened_marginals() {
    for method in [Method::RbLabel, Method::RbProb] {
        let mut plan = fixture::plan();
        plan.scoring.method = method;
        plan.scoring.published.clear();
        plan.scoring.scaling = None;
        plan.scoring.centres = None;
        for aggregation in &mut plan.aggregations {
            aggregation.noise = None;
        }
        let campaign = Campaign::of(fixture::checked(plan));
        let kind = if method == Method::RbProb { Kind::Regressor } else { Kind::Neighbours };
        let scale = campaign.plan.of_kind(Kind::Scale).unwrap();
        let early = View::derive(&campaign.plan, &campaign.opening(kind), &campaign.outcomes);
        assert_eq!(early.err(), Some(PersonError::Result(scale)));
        let campaign = campaign.before(Kind::Refinement);
        assert!(campaign.asked().contains(&true), "{method}");
    }
}

#[test]
fn the_same_is_measured_again_whatever_has_been_opened_since() {
    for (method, source) in SCORES {
        let mut campaign = Campaign::new(method, source);
        let mut before = Vec::new();
        for kind in KINDS {
            if campaign.plan.of_kind(kind).is_some() {
                let all: Vec<_> =
                    campaign.people.iter().map(|of| campaign.bytes(kind, of)).collect();
                before.push((kind, all));
                campaign.run(kind);
            }
        }
        for (kind, expected) in before {
            let again = campaign.people.iter().map(|of| campaign.bytes(kind, of));
            assert!(again.eq(expected), "{method} {source:?} {kind:?}");
        }
    }
}

#[test]
fn the_machines_measurer_measures_what_the_person_does() {
    let manifest = fixture::manifest(fixture::plan());
    let campaign = Campaign::of(CheckedPlan::clone(&manifest));
    for kind in [Kind::AuditBefore, Kind::Scale, Kind::Neighbours, Kind::Regressor] {
        let vdaf = manifest.vdaf(manifest.of_kind(kind).unwrap()).unwrap();
        let mut person = person(MEMBERS, Role::Donor);
        let opening = campaign.opening(kind);
        let measured = Measurer::measure(&mut person, &manifest, &opening, &campaign.outcomes);
        let measured = measured.unwrap().unwrap();
        assert_eq!(vdaf.clear_bytes(&measured), campaign.bytes(kind, &person), "{kind:?}");
    }
}

#[test]
fn a_record_of_another_schema_is_refused() {
    for (method, source) in SCORES {
        let campaign = Campaign::new(method, source).before(Kind::AuditAfter);
        let candidate = campaign.people.iter().find(|of| is_candidate(of)).unwrap().clone();
        let other = [
            vec![],
            vec![Value::Number(3.0)],
            vec![Value::Number(101.0), Value::Flag(true)],
            vec![Value::Flag(true), Value::Number(3.0)],
            vec![Value::Number(3.0), Value::Flag(true), Value::Flag(true)],
        ];
        for values in other {
            let mut person = candidate.clone();
            person.values = values;
            for kind in KINDS.into_iter().filter(|kind| campaign.plan.of_kind(*kind).is_some()) {
                let measured = person.measure(&campaign.plan, &campaign.view(kind));
                match (kind, measured) {
                    (Kind::AuditBefore | Kind::AuditAfter, Ok(_))
                    | (Kind::Scale, Err(PersonError::Scale(_)))
                    | (_, Err(PersonError::Record)) => {}
                    (kind, measured) => panic!("{method} {source:?} {kind:?}: {measured:?}"),
                }
            }
            let view = View::of_decision(&campaign.plan, CAMPAIGN, &campaign.outcomes).unwrap();
            let asked = person.is_asked(&campaign.plan, &view);
            assert_eq!(asked, Err(PersonError::Record), "{method} {source:?}");
        }
    }
}

#[test]
fn nothing_follows_from_missing_or_other_results() {
    let mut campaign = Campaign::new(Method::RbLabel, Source::Lent);
    let [neighbours, selection] =
        [Kind::Neighbours, Kind::Selection].map(|kind| campaign.plan.of_kind(kind).unwrap());
    let derive = |campaign: &Campaign, kind| {
        View::derive(&campaign.plan, &campaign.opening(kind), &campaign.outcomes).err()
    };
    let missing = Some(PersonError::Result(neighbours));
    assert_eq!(derive(&campaign, Kind::Selection), missing);
    campaign.run(Kind::Neighbours);
    assert_eq!(derive(&campaign, Kind::Selection), None);
    let view = View::of_decision(&campaign.plan, CAMPAIGN, &campaign.outcomes).unwrap();
    let asked = campaign.people[0].is_asked(&campaign.plan, &view);
    assert_eq!(asked, Err(PersonError::Plan), "nothing is decided");
    let mut other = Outcome::clone(&campaign.outcomes[&neighbours]);
    other.values.pop();
    campaign.outcomes.insert(neighbours, Arc::new(other));
    assert_eq!(derive(&campaign, Kind::Selection), missing);
    let mut opening = campaign.opening(Kind::Selection);
    opening.aggregation = AggregationId(99);
    let unknown = View::derive(&campaign.plan, &opening, &campaign.outcomes);
    assert_eq!(unknown.err(), Some(PersonError::Plan));
    assert!(!campaign.outcomes.contains_key(&selection));
}

#[test]
fn a_person_is_not_printed() {
    assert_eq!(format!("{:?}", person(7, Role::Member)), "Person([redacted])");
}
