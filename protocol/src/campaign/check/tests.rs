//! Every fault of a plan, by exactly one change of a good one.

#![allow(clippy::indexing_slicing, reason = "an index out of range fails the test, as it should")]

use super::*;
use crate::{
    campaign::fixture::{KINDS, grid, of_kind, open_plan, plan},
    keys::token::IssuerPublicKey,
    roles::Time,
    scoring::{
        cells::CentreSource,
        marginals::Marginals,
        scaling::{Encoding, Scaling},
        schema::{Feature, FeatureKind, Schema, Value},
    },
    selection::unit::Bins,
};

/// A change, and what is then said.
type Case<F> = (Change, F);

type Change = fn(&mut Plan);

fn other_schema() -> Schema {
    let kind = FeatureKind::Numeric { min: 0.0, max: 1.0 };
    Schema::new(vec![Feature { name: "other".into(), unit: None, kind }]).unwrap()
}

fn fault(change: Change) -> Option<PlanError> {
    let mut plan = plan();
    change(&mut plan);
    CheckedPlan::new(plan).err()
}

/// The variants by number. A new one does not compile until it is counted, here and in [`ERRORS`].
const fn number(error: &PlanError) -> usize {
    match error {
        PlanError::Version { .. } => 0,
        PlanError::Text { .. } => 1,
        PlanError::Keyholders { .. } => 2,
        PlanError::Threshold { .. } => 3,
        PlanError::OrganisersOwn { .. } => 4,
        PlanError::HonestSeats { .. } => 5,
        PlanError::Cohort { .. } => 6,
        PlanError::Selection { .. } => 7,
        PlanError::Scoring { .. } => 8,
        PlanError::Aggregations { .. } => 9,
        PlanError::Aggregation { .. } => 10,
        PlanError::Issue => 11,
        PlanError::Sample { .. } => 12,
        PlanError::TopUp => 13,
        PlanError::Patience { .. } => 14,
    }
}

const ERRORS: usize = 15;

/// As [`number`], for [`FAULTS`].
const fn fault_number(fault: &AggregationFault) -> usize {
    match fault {
        AggregationFault::Repeated => 0,
        AggregationFault::Circuit => 1,
        AggregationFault::Setup(_) => 2,
        AggregationFault::DependsOn(_) => 3,
        AggregationFault::Times => 4,
        AggregationFault::Reporters { .. } => 5,
        AggregationFault::Noise => 6,
        AggregationFault::TopUp => 7,
        AggregationFault::OpenScores => 8,
    }
}

const FAULTS: usize = 9;

fn frame() -> Vec<Case<PlanError>> {
    let selection = |flip_budget, safe_cap, no_show_milli| PlanError::Selection {
        flip_budget,
        safe_cap,
        no_show_milli,
    };
    vec![
        (|plan| plan.version = 2, PlanError::Version { got: 2 }),
        (|plan| plan.cohort_min = COHORT_FLOOR - 1, PlanError::Cohort { got: COHORT_FLOOR - 1 }),
        (|plan| plan.selection.rule.flip_budget = 0, selection(0, 20, 0)),
        (|plan| plan.selection.rule.flip_budget = 21, selection(21, 20, 0)),
        (|plan| plan.selection.rule.safe_cap = 4, selection(5, 4, 0)),
        (|plan| plan.selection.rule.no_show_milli = 1_000, selection(5, 20, 1_000)),
        (
            |plan| (plan.recovery_threshold, plan.patience_millis) = (3, 500),
            PlanError::Patience { got_millis: 500, below_millis: 500 },
        ),
        (|plan| plan.enrolment_opens = Time::from_millis(500), PlanError::Issue),
        (|plan| plan.enrolment_opens = Time::from_millis(199), PlanError::Issue),
        (
            |plan| plan.issue.as_mut().unwrap().key = IssuerPublicKey::from_bytes([0; 32]),
            PlanError::Issue,
        ),
    ]
}

fn texts() -> Vec<Case<PlanError>> {
    let text = |what, got| PlanError::Text { what, got };
    vec![
        (|plan| plan.organiser.name.clear(), text("the organiser's name", 0)),
        (|plan| plan.organiser.contact.clear(), text("the organiser's contact", 0)),
        (|plan| plan.texts.purpose.clear(), text("the purpose", 0)),
        (|plan| plan.texts.firm.clear(), text("the firm", 0)),
        (|plan| plan.texts.group_rule.clear(), text("the group's rule", 0)),
        (|plan| plan.texts.label.clear(), text("the label's meaning", 0)),
        (
            |plan| plan.texts.label = "x".repeat(TEXT_BYTES_MAX + 1),
            text("the label's meaning", TEXT_BYTES_MAX + 1),
        ),
        (|plan| plan.keyholders[3].name.clear(), text("a keyholder's name", 0)),
        (|plan| plan.keyholders[3].contact.clear(), text("a keyholder's contact", 0)),
        (|plan| plan.keyholders[3].named_by.clear(), text("who named a keyholder", 0)),
    ]
}

fn seats() -> Vec<Case<PlanError>> {
    let sixteen = usize::from(SEATS_MAX) + 1;
    vec![
        (|plan| plan.keyholders.truncate(2), PlanError::Keyholders { got: 2 }),
        (
            |plan| plan.keyholders = vec![plan.keyholders[3].clone(); usize::from(SEATS_MAX) + 1],
            PlanError::Keyholders { got: sixteen },
        ),
        (|plan| plan.recovery_threshold = 1, PlanError::Threshold { got: 1, seats: 4 }),
        (|plan| plan.recovery_threshold = 4, PlanError::Threshold { got: 4, seats: 4 }),
        (|plan| plan.recovery_threshold = 255, PlanError::Threshold { got: 255, seats: 4 }),
        (
            |plan| plan.keyholders.iter_mut().for_each(|of| of.organisers_own = true),
            PlanError::OrganisersOwn { got: 4, seats: 4 },
        ),
        (|plan| plan.honest_seats = 0, PlanError::HonestSeats { got: 0, max: 1 }),
        (|plan| plan.honest_seats = 2, PlanError::HonestSeats { got: 2, max: 1 }),
    ]
}

fn scoring() -> Vec<Case<PlanError>> {
    let scoring = |what| PlanError::Scoring { what };
    let (sample, reference) = ("the published sample", "what candidates are scored by");
    vec![
        (
            |plan| {
                let scaling = Scaling::from_ranges(&other_schema(), Encoding::Mix);
                plan.scoring.scaling = Some(scaling);
            },
            scoring("the scaling"),
        ),
        (
            |plan| {
                let marginals = Marginals::from_ranges(&other_schema());
                plan.scoring.centres = Some(CentreSource::Marginals(marginals));
            },
            scoring("the source of cell centres"),
        ),
        (|plan| plan.scoring.published[1].0[0] = Value::Number(101.0), scoring(sample)),
        (|plan| plan.scoring.published[1].0.truncate(1), scoring(sample)),
        (
            |plan| {
                let one = plan.scoring.published[0].clone();
                plan.scoring.published = vec![one; PUBLISHED_MAX + 1];
            },
            scoring(sample),
        ),
        (|plan| plan.scoring.k = 0, scoring(reference)),
        (
            |plan| {
                plan.selection.top_up = true;
                plan.aggregations
                    .retain(|of| !matches!(of.kind, Kind::Confirmation | Kind::AuditAfter));
            },
            PlanError::TopUp,
        ),
    ]
}

fn counts() -> Vec<Case<PlanError>> {
    vec![
        (|plan| plan.aggregations.clear(), PlanError::Aggregations { got: 0 }),
        (
            |plan| plan.aggregations = vec![plan.aggregations[0].clone(); AGGREGATIONS_MAX + 1],
            PlanError::Aggregations { got: AGGREGATIONS_MAX + 1 },
        ),
    ]
}

fn circuits() -> Vec<(Kind, Case<AggregationFault>)> {
    let other = AggregationFault::Circuit;
    let no_grid: [(Kind, Change); 9] = [
        (Kind::AuditBefore, |plan| of_kind(plan, Kind::AuditBefore).circuit = grid(1, 8)),
        (Kind::Scale, |plan| of_kind(plan, Kind::Scale).circuit = crate::campaign::fixture::gram()),
        (Kind::Neighbours, |plan| of_kind(plan, Kind::Neighbours).circuit = grid(4, 15)),
        (Kind::Regressor, |plan| of_kind(plan, Kind::Regressor).circuit = grid(4, 16)),
        (Kind::Selection, |plan| of_kind(plan, Kind::Selection).circuit = grid(1, 8)),
        (Kind::Selection, |plan| plan.selection.bins = Bins::whole(9).unwrap()),
        (Kind::Refinement, |plan| of_kind(plan, Kind::Refinement).circuit = grid(2, 9)),
        (Kind::Confirmation, |plan| of_kind(plan, Kind::Confirmation).circuit = grid(1, 5)),
        (Kind::AuditAfter, |plan| of_kind(plan, Kind::AuditAfter).circuit = grid(1, 10)),
    ];
    no_grid.into_iter().map(|(kind, change)| (kind, (change, other.clone()))).collect()
}

fn aggregations() -> Vec<(Kind, Case<AggregationFault>)> {
    let (reporters_max, own) = (u32::MAX, AggregationId(2));
    vec![
        (
            Kind::AuditBefore,
            (
                |plan| plan.aggregations[1] = plan.aggregations[0].clone(),
                AggregationFault::Repeated,
            ),
        ),
        (
            Kind::Regressor,
            (
                |plan| of_kind(plan, Kind::Regressor).reporters_max = u32::MAX,
                AggregationFault::Setup(SetupError::Overflow { reporters_max }),
            ),
        ),
        (
            Kind::Neighbours,
            (
                |plan| of_kind(plan, Kind::Neighbours).depends_on = vec![AggregationId(2)],
                AggregationFault::DependsOn(own),
            ),
        ),
        (
            Kind::AuditBefore,
            (
                |plan| of_kind(plan, Kind::AuditBefore).depends_on = vec![AggregationId(7)],
                AggregationFault::DependsOn(AggregationId(7)),
            ),
        ),
        (
            Kind::AuditBefore,
            (|plan| plan.enrolment_closes = Time::from_millis(1_001), AggregationFault::Times),
        ),
        (
            Kind::Scale,
            (
                |plan| of_kind(plan, Kind::Scale).closes = Time::from_millis(2_000),
                AggregationFault::Times,
            ),
        ),
        (
            Kind::Scale,
            (
                |plan| of_kind(plan, Kind::Scale).reporters_max = 11,
                AggregationFault::Reporters { got: 11 },
            ),
        ),
        // The good plan has a refinement, which a top-up does not go with.
        (Kind::Confirmation, (|plan| plan.selection.top_up = true, AggregationFault::TopUp)),
        (
            Kind::AuditBefore,
            (|plan| plan.cohort_min = 101, AggregationFault::Reporters { got: 100 }),
        ),
    ]
}

fn noises() -> Vec<(Kind, Case<AggregationFault>)> {
    let changes: [Change; 3] = [
        |plan| of_kind(plan, Kind::Selection).noise.as_mut().unwrap().sigma_milli = 1,
        |plan| of_kind(plan, Kind::Selection).noise.as_mut().unwrap().honest_seats = 0,
        |plan| of_kind(plan, Kind::Selection).noise.as_mut().unwrap().honest_seats = 2,
    ];
    changes.map(|change| (Kind::Selection, (change, AggregationFault::Noise))).to_vec()
}

fn open_scores() -> Vec<(Kind, Case<AggregationFault>)> {
    const OPEN: Change = |plan| {
        plan.selection.mode = SelectionMode::OpenScores;
        of_kind(plan, Kind::Selection).reporters_max = 11;
    };
    let changes: [(Kind, Change); 3] = [
        (Kind::Selection, OPEN),
        (Kind::Refinement, |plan| {
            OPEN(plan);
            of_kind(plan, Kind::Selection).noise = None;
        }),
        (Kind::Selection, |plan| {
            OPEN(plan);
            let selection = of_kind(plan, Kind::Selection);
            (selection.noise, selection.reporters_max) = (None, 12);
        }),
    ];
    changes.map(|(kind, change)| (kind, (change, AggregationFault::OpenScores))).to_vec()
}

#[test]
fn the_good_plan_is_good() {
    let checked = CheckedPlan::new(plan()).unwrap();
    assert_eq!(checked.of_kind(Kind::Selection), Some(AggregationId(4)));
    assert!(checked.enumerated().all(|(id, _)| checked.vdaf(id).is_some()));
    assert_eq!(checked.enumerated().map(|(_, of)| of.kind).collect::<Vec<_>>(), KINDS);
    let mut other = plan();
    other.texts.firm.push('.');
    assert_ne!(CheckedPlan::new(other).unwrap().id(), checked.id());
}

#[test]
fn open_scores_go_with_a_reference_and_with_a_published_sample_but_with_no_top_up() {
    let mut open = open_plan();
    let checked = CheckedPlan::new(open.clone()).unwrap();
    let selection = checked.of_kind(Kind::Selection).unwrap();
    assert!(checked.has_open_scores(selection));
    let others = checked.enumerated().filter(|(id, _)| checked.has_open_scores(*id));
    assert_eq!(others.count(), 1);
    let mut published = open.clone();
    published.aggregations.retain(|of| of.kind == Kind::Selection);
    published.aggregations.iter_mut().for_each(|of| of.depends_on.clear());
    assert!(CheckedPlan::new(published).is_ok());
    open.selection.top_up = true;
    let fault = AggregationFault::OpenScores;
    let id = checked.of_kind(Kind::Confirmation).unwrap();
    assert_eq!(CheckedPlan::new(open), Err(PlanError::Aggregation { id, fault }));
}

#[test]
fn one_change_of_a_plan_gives_its_error() {
    let mut seen = BTreeSet::new();
    let tables = [frame(), texts(), seats(), scoring(), counts()];
    for (change, expected) in tables.into_iter().flatten() {
        seen.insert(number(&expected));
        assert_eq!(fault(change), Some(expected));
    }
    let rest: Vec<usize> = (0..ERRORS).filter(|error| !seen.contains(error)).collect();
    let id = AggregationId(0);
    let aggregation = PlanError::Aggregation { id, fault: AggregationFault::Times };
    let sample =
        PlanError::Sample { method: Method::RbLabel, needed: SampleNeed::Records(6), got: 5 };
    let elsewhere = [number(&aggregation), number(&sample)];
    assert_eq!(rest, elsewhere, "these are in the tables of faults and of samples");
}

#[test]
fn one_change_of_an_aggregation_gives_its_fault() {
    let mut seen = BTreeSet::new();
    let tables = [circuits(), aggregations(), noises(), open_scores()];
    for (kind, (change, expected)) in tables.into_iter().flatten() {
        seen.insert(fault_number(&expected));
        let place = KINDS.iter().position(|of| *of == kind).unwrap();
        // The second of two of a kind is at fault.
        let place = place + usize::from(expected == AggregationFault::Repeated);
        let id = AggregationId(u16::try_from(place).unwrap());
        assert_eq!(fault(change), Some(PlanError::Aggregation { id, fault: expected }));
    }
    assert!(seen.into_iter().eq(0..FAULTS), "every fault is in a table");
}

#[test]
fn what_is_at_a_limit_is_good() {
    let changes: [Change; 12] = [
        |plan| plan.enrolment_opens = Time::from_millis(499),
        |plan| plan.issue = None,
        |plan| plan.texts.label = "x".repeat(TEXT_BYTES_MAX),
        |plan| plan.selection.rule.flip_budget = 20,
        |plan| plan.selection.rule.no_show_milli = 999,
        |plan| plan.recovery_threshold = 2,
        |plan| plan.recovery_threshold = 3,
        |plan| plan.keyholders.truncate(3),
        |plan| plan.keyholders = vec![plan.keyholders[3].clone(); usize::from(SEATS_MAX)],
        |plan| plan.enrolment_closes = Time::from_millis(1_000),
        |plan| plan.cohort_min = 100,
        |plan| of_kind(plan, Kind::Scale).noise = None,
    ];
    for (index, change) in changes.into_iter().enumerate() {
        assert_eq!(fault(change), None, "change {index}");
    }
}

#[test]
fn scaling_and_centres_may_follow_from_an_aggregation_of_the_plan() {
    let base = || {
        let mut plan = plan();
        plan.scoring.scaling = None;
        plan.scoring.centres = None;
        plan
    };
    assert!(CheckedPlan::new(base()).is_ok());
    let mut without = base();
    without.aggregations.retain(|of| of.kind == Kind::AuditBefore);
    let what = "the scaling";
    assert_eq!(CheckedPlan::new(without.clone()), Err(PlanError::Scoring { what }));
    without.scoring.scaling = plan().scoring.scaling;
    assert!(CheckedPlan::new(without).is_ok(), "nobody is put into cells");
}

#[test]
fn a_method_needs_its_own_reference() {
    for (method, kind) in [
        (Method::Random, None),
        (Method::RbProb, Some(Kind::Regressor)),
        (Method::RbLabel, Some(Kind::Neighbours)),
        (Method::RbDist, Some(Kind::Neighbours)),
    ] {
        for reference in [None, Some(Kind::Neighbours), Some(Kind::Regressor)] {
            let mut plan = plan();
            plan.scoring.method = method;
            plan.scoring.published.clear();
            plan.aggregations.retain(|of| Some(of.kind) == reference || of.kind == Kind::Selection);
            for aggregation in &mut plan.aggregations {
                aggregation.depends_on.clear();
            }
            let good = kind.is_none() || kind == reference;
            assert_eq!(CheckedPlan::new(plan).is_ok(), good, "{method} by {reference:?}");
        }
    }
}

/// The plan with nothing lent: five published records, of which three have a positive label.
fn sampled(method: Method, k: u32, change: Change) -> Option<PlanError> {
    let mut plan = plan();
    (plan.scoring.method, plan.scoring.k) = (method, k);
    plan.aggregations.retain(|of| of.kind == Kind::Selection);
    plan.aggregations.iter_mut().for_each(|of| of.depends_on.clear());
    change(&mut plan);
    CheckedPlan::new(plan).err()
}

#[test]
fn a_published_sample_gives_every_candidate_a_score() {
    let sample = |method, needed, got| Some(PlanError::Sample { method, needed, got });
    let as_it_is: Change = |_| ();
    let positive: Change = |plan| plan.scoring.published.drain(..2).for_each(drop);
    let negative: Change = |plan| plan.scoring.published.truncate(2);
    for (method, k, change, expected) in [
        (Method::RbLabel, 5, as_it_is, None),
        (Method::RbLabel, 6, as_it_is, sample(Method::RbLabel, SampleNeed::Records(6), 5)),
        (Method::RbDist, 3, as_it_is, None),
        (Method::RbDist, 4, as_it_is, sample(Method::RbDist, SampleNeed::Positives(4), 3)),
        (Method::RbProb, 9, as_it_is, None),
        (Method::RbProb, 9, positive, sample(Method::RbProb, SampleNeed::EachLabel, 0)),
        (Method::RbProb, 9, negative, sample(Method::RbProb, SampleNeed::EachLabel, 0)),
        (Method::Random, 9, positive, None),
    ] {
        assert_eq!(sampled(method, k, change), expected, "{method} {k}");
    }
    // What is lent is scored by instead, whatever else is published.
    assert_eq!(fault(|plan| plan.scoring.k = 6), None);
}

#[test]
fn seats_tolerate_what_the_design_says() {
    for (seats, threshold, lost, corrupt) in
        [(3, 0, 0, 2), (3, 2, 1, 0), (4, 3, 1, 1), (5, 4, 1, 2), (7, 5, 2, 2), (15, 14, 1, 12)]
    {
        let mut plan = plan();
        plan.keyholders = vec![plan.keyholders[3].clone(); seats];
        plan.recovery_threshold = threshold;
        assert_eq!((plan.lost_max(), plan.corrupt_max()), (lost, corrupt), "{seats} {threshold}");
    }
}

#[test]
fn a_loss_is_borne_before_the_next_sum_closes() {
    let mut plan = plan();
    assert_eq!(plan.patience_below_millis(), None, "nobody can be lost");
    plan.recovery_threshold = 3;
    // Each collects for 500 ms, and closes 1,000 ms after the one before.
    assert_eq!(plan.patience_below_millis(), Some(500));
    // The share of the first is waited for, and then the opening of the second.
    plan.aggregations[1].closes = Time::from_millis(plan.aggregations[0].closes.as_millis() + 601);
    assert_eq!(plan.patience_below_millis(), Some(101), "it opens late in its own 101 ms");
    plan.aggregations[1].opens = plan.aggregations[0].closes;
    assert_eq!(plan.patience_below_millis(), Some(301));
    plan.patience_millis = 300;
    assert!(CheckedPlan::new(plan).is_ok());
}
