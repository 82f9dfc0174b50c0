//! Every refusal, by one change of a plan, or of the limits, that a person accepts.

use super::*;
use crate::{
    aggregation::noise::rho_for_epsilon,
    campaign::{
        Kind, Plan, Protection,
        fixture::{manifest, of_kind, open_plan, plan},
    },
    keys::seat::Seat,
};

/// Noise enough for the strictest defaults.
fn quiet() -> Plan {
    let mut plan = plan();
    for aggregation in &mut plan.aggregations {
        aggregation.noise.as_mut().unwrap().sigma_milli = 200_000;
    }
    plan
}

fn check(limits: Limits, plan: Plan, role: Role) -> Result<(), Refusal> {
    limits.check(&manifest(plan), role, SeatSet::all(1), Rho::ZERO)
}

fn refused(change: impl Fn(&mut Plan), role: Role) -> Option<Refusal> {
    let mut plan = quiet();
    change(&mut plan);
    check(Limits::default(), plan, role).err()
}

/// What a role pays in a plan, in thousandths.
fn price(plan: &Plan, role: Role, spent: Rho) -> u32 {
    let limits = Limits { epsilon_max_milli: 0, ..Limits::default() };
    match limits.check(&manifest(plan.clone()), role, SeatSet::all(1), spent) {
        Err(Refusal::Epsilon { got_milli, max_milli: 0 }) => got_milli,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_defaults_accept_a_quiet_plan() {
    for role in [Role::Member, Role::Donor] {
        assert_eq!(check(Limits::default(), quiet(), role), Ok(()));
    }
}

#[test]
fn every_refusal_follows_from_one_change() {
    let clear = |plan: &mut Plan| plan.protection = Protection::Clear;
    let bare = |plan: &mut Plan| of_kind(plan, Kind::AuditAfter).noise = None;
    let open = |plan: &mut Plan| plan.issue = None;
    for role in [Role::Member, Role::Donor] {
        assert_eq!(refused(|_| {}, role), None);
        assert_eq!(refused(clear, role), Some(Refusal::Clear));
        assert_eq!(refused(bare, role), Some(Refusal::Unnoised));
        assert_eq!(refused(open, role), Some(Refusal::Open));
        let loud = refused(
            |plan| of_kind(plan, Kind::AuditBefore).noise.as_mut().unwrap().sigma_milli = 500,
            role,
        );
        assert!(matches!(loud, Some(Refusal::Epsilon { max_milli: 8_000, .. })), "{loud:?}");
    }
    let limits = Limits { cohort_min: 13, ..Limits::default() };
    let refusal = check(limits, quiet(), Role::Member);
    assert_eq!(refusal, Err(Refusal::Cohort { got: 12, min: 13 }));
    let limits = Limits { known_keyholders_min: 2, ..Limits::default() };
    let refusal = check(limits, quiet(), Role::Member);
    assert_eq!(refusal, Err(Refusal::Keyholders { got: 1, min: 2 }));
}

#[test]
fn what_a_person_allows_is_accepted() {
    let mut plan = quiet();
    plan.protection = Protection::Clear;
    plan.issue = None;
    of_kind(&mut plan, Kind::Selection).noise = None;
    let limits = Limits { clear: true, ..Limits::default() };
    assert_eq!(check(limits, plan.clone(), Role::Member), Err(Refusal::Open));
    let limits = Limits { open: true, ..limits };
    assert_eq!(check(limits, plan.clone(), Role::Member), Err(Refusal::Unnoised));
    let limits = Limits { unnoised: true, ..limits };
    assert_eq!(check(limits, plan, Role::Member), Ok(()));
}

#[test]
fn open_scores_must_be_allowed_by_those_who_have_one() {
    let mut plan = open_plan();
    for noise in plan.aggregations.iter_mut().filter_map(|of| of.noise.as_mut()) {
        noise.sigma_milli = 200_000;
    }
    let strict = Limits::default();
    assert_eq!(check(strict, plan.clone(), Role::Member), Err(Refusal::OpenScores));
    assert_eq!(check(strict, plan.clone(), Role::Donor), Ok(()));
    let limits = Limits { open_scores: true, ..strict };
    assert_eq!(check(limits, plan, Role::Member), Ok(()));
}

#[test]
fn a_role_answers_for_its_own_aggregations_only() {
    for (kind, member, donor) in [
        (Kind::Scale, None, Some(Refusal::Unnoised)),
        (Kind::Neighbours, None, Some(Refusal::Unnoised)),
        (Kind::Regressor, None, Some(Refusal::Unnoised)),
        (Kind::Selection, Some(Refusal::Unnoised), None),
        (Kind::Refinement, Some(Refusal::Unnoised), None),
        (Kind::Confirmation, Some(Refusal::Unnoised), None),
        (Kind::AuditBefore, Some(Refusal::Unnoised), Some(Refusal::Unnoised)),
        (Kind::AuditAfter, Some(Refusal::Unnoised), Some(Refusal::Unnoised)),
    ] {
        let bare = |plan: &mut Plan| of_kind(plan, kind).noise = None;
        assert_eq!(refused(bare, Role::Member), member, "{kind:?}");
        assert_eq!(refused(bare, Role::Donor), donor, "{kind:?}");
    }
}

#[test]
fn only_keyholders_of_the_campaign_are_familiar() {
    let manifest = manifest(quiet());
    let known = |known| Limits::default().check(&manifest, Role::Member, known, Rho::ZERO);
    let none = Err(Refusal::Keyholders { got: 0, min: 1 });
    assert_eq!(known(SeatSet::EMPTY), none);
    assert_eq!(known(SeatSet::EMPTY.with(Seat::new(9))), none, "there are four");
    assert_eq!(known(SeatSet::EMPTY.with(Seat::new(3))), Ok(()));
}

#[test]
fn epsilon_is_that_of_the_whole_campaign_and_of_earlier_ones() {
    let plan = quiet();
    let whole = price(&plan, Role::Member, Rho::ZERO);
    let mut less = plan.clone();
    less.aggregations.retain(|of| of.kind != Kind::AuditAfter);
    assert!(price(&less, Role::Member, Rho::ZERO) < whole);
    let spent = rho_for_epsilon(1.0, crate::aggregation::noise::DELTA);
    let more = price(&plan, Role::Member, spent);
    assert!(more > whole && more > 1_000, "{whole} {more}");
    // The limit itself is allowed.
    for (epsilon_max_milli, good) in [(whole, true), (whole - 1, false)] {
        let limits = Limits { epsilon_max_milli, ..Limits::default() };
        assert_eq!(check(limits, plan.clone(), Role::Member).is_ok(), good);
    }
}

#[test]
fn what_was_spent_counts_even_if_nothing_is_reported() {
    let mut plan = quiet();
    plan.aggregations.retain(|of| of.kind == Kind::Scale);
    of_kind(&mut plan, Kind::Scale).depends_on.clear();
    let manifest = manifest(plan);
    let check = |spent| Limits::default().check(&manifest, Role::Member, SeatSet::all(1), spent);
    assert_eq!(check(Rho::ZERO), Ok(()));
    let refusal = check(Rho::new(1_000.0));
    assert!(matches!(refusal, Err(Refusal::Epsilon { .. })), "{refusal:?}");
}
