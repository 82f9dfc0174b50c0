use super::*;
use crate::{aggregation::Aggregator, ids::SeatSet};

const GONE: Seat = Seat::new(2);

#[test]
fn a_keyholder_lost_before_the_freeze_is_recovered_after_it() {
    let mut world = World::open(FIVE, 14);
    world.send_all(0..14);
    world.absent = vec![GONE];
    world.run_until(ended());
    assert!(world.sum().recovered(GONE).is_some());
    let outcome = world.outcome();
    assert_eq!((outcome.values, outcome.accepted), (plaintext(0..14), 14));
    let (entry, _) = world.sum().outcome().unwrap();
    let endorsed = world.coordinator.transcript().endorsed(entry).unwrap();
    assert!(endorsed.verify(&world.manifest(), Some(FIRST)).is_ok());
}

/// Who is busy for less than the patience each time is waited for, however often; who is for longer is lost.
#[test]
fn a_keyholder_who_is_busy_is_not_lost() {
    for (millis, expected) in [(PATIENCE_MILLIS * 8 / 10, 0), (PATIENCE_MILLIS * 13 / 10, 1)] {
        let mut world = World::open(FIVE, 14);
        world.send_all(0..14);
        world.busy = Some((Seat::new(4), millis));
        world.run_until(ended().after_millis(20 * PATIENCE_MILLIS));
        assert_eq!(world.outcome().values, plaintext(0..14), "busy for {millis} ms");
        assert_eq!(world.sum().lost().len(), expected, "busy for {millis} ms");
    }
}

#[test]
fn a_keyholder_can_be_lost_before_the_opening() {
    let mut world = World::new(FIVE);
    world.run_until(Time::from_millis(50_000));
    world.absent = vec![GONE];
    let manifest = world.manifest();
    for number in 0..14 {
        let enrolment = Reporter::new(number, Role::Member).enrolment(&manifest);
        world.tell(Request::Enrol(Box::new(enrolment)));
    }
    world.run_until(OPENS.after_millis(3 * PATIENCE_MILLIS));
    world.send_all(0..14);
    world.run_until(ended());
    assert_eq!(world.outcome().values, plaintext(0..14));
}

/// Lost in the clear: its share is zero.
#[test]
fn a_keyholder_lost_in_the_clear_leaves_the_sum_as_it_is() {
    let mut world = World::open(Setup { protection: Protection::Clear, ..FIVE }, 14);
    world.send_all(0..14);
    world.absent = vec![GONE];
    world.run_until(ended());
    assert_eq!(world.outcome().values, plaintext(0..14));
}

/// Every step after the freeze, for a keyholder that stops there.
#[test]
fn a_keyholder_lost_in_any_later_phase_is_replayed() {
    let steps: [Condition; 7] = [
        |at| at.phase(FIRST) == Some(Phase::Freezing),
        |at| at.phase(FIRST) == Some(Phase::Verifying),
        |at| sum_of(at).verify_key(at.transcript().plan().all_seats()).is_some(),
        |at| at.batch(FIRST).unwrap().received(0, GONE).is_some(),
        |at| at.phase(FIRST) == Some(Phase::Accepting),
        |at| at.phase(FIRST) == Some(Phase::Releasing),
        |at| sum_of(at).all_committed(at.transcript().plan().all_seats()),
    ];
    for (step, when) in steps.into_iter().enumerate() {
        let mut world = World::open(FIVE, 14);
        world.send_all(0..14);
        world.lose(when);
        assert!(world.sum().recovered(GONE).is_some(), "step {step}");
        assert_eq!(world.outcome().values, plaintext(0..14), "step {step}");
    }
}

/// What was decided with its verifier shares stands; the rest is decided by its key.
#[test]
fn a_keyholder_lost_between_two_chunks_is_replayed_over_both() {
    let mut world = World::open(FIVE, 140);
    world.send_all(0..138);
    for number in 138..140 {
        let lie = world.make(number, 0, Lie::LeaderShare);
        world.send(lie);
    }
    world.lose(|at| at.batch(FIRST).unwrap().messages.len() == 1);
    assert_eq!(world.coordinator.batch(FIRST).unwrap().messages.len(), 2);
    let outcome = world.outcome();
    assert_eq!((outcome.values, outcome.accepted), (plaintext(0..138), 138));
}

fn sum_of(coordinator: &Coordinator) -> &Sum {
    coordinator.transcript().sum(FIRST).unwrap()
}

#[test]
fn silence_that_no_certificate_cures_ends_it() {
    for gone in [vec![GONE], vec![Seat::new(0), Seat::new(1), GONE]] {
        let mut world = World::open(THREE, 14);
        world.send_all(0..14);
        world.absent = gone;
        world.run_until(ended());
        let lost = Phase::Aborted(AbortReason::KeyholdersLost);
        assert_eq!(world.coordinator.phase(FIRST), Some(lost));
        assert!(!world.sum().has_share(Aggregator::Leader));
    }
}

#[test]
fn an_opened_result_that_is_never_endorsed_is_no_result() {
    let mut world = World::open(Setup { aggregations: 2, ..THREE }, 14);
    world.send_all(0..14);
    world.leaves = Some((GONE, |at| at.phase(FIRST) == Some(Phase::Concluding)));
    world.run_until(ended());
    let response = world.tell(Request::Outcome { aggregation: FIRST, report: None });
    assert!(matches!(response, Response::Aborted { reason: AbortReason::KeyholdersLost, .. }));
    let dependent = world.coordinator.phase(AggregationId(1));
    assert_eq!(dependent, Some(Phase::Aborted(AbortReason::Dependency(FIRST))));
}

#[test]
fn a_campaign_whose_keyholders_never_come_admits_nobody() {
    let mut world = World::new(THREE);
    let plan = world.coordinator.transcript().plan().id();
    world.absent = (0..3).map(Seat::new).collect();
    let (fresh, _) = Coordinator::new(&THREE.plan(), configuration(), world.now).unwrap();
    assert_eq!(fresh.transcript().plan().id(), plan);
    world.coordinator = fresh;
    assert!(matches!(world.tell(Request::Campaign), Response::Later(_)));
    world.run_until(OPENS);
    let response = world.tell(Request::Campaign);
    assert!(matches!(response, Response::Refused(Reject::EnrolmentClosed)));
}

impl World {
    /// Loses a keyholder for good; the others notice after their patience.
    fn lose(&mut self, when: Condition) {
        self.leaves = Some((GONE, when));
        self.run_until(OPENS.after_millis(COLLECTING_MILLIS + 2 * PATIENCE_MILLIS));
        assert_eq!(self.absent, [GONE]);
        self.declare(GONE);
        self.run_until(ended());
    }

    /// The others declare a keyholder lost by hand: nobody but the coordinator sees who is late with verifier
    /// shares.
    fn declare(&mut self, gone: Seat) {
        let lost: SeatSet = [gone].into_iter().collect();
        for place in 0..self.keyholders.len() {
            let effects = self.keyholders[place].0.declare_lost(FIRST, lost);
            self.perform(place, effects);
        }
    }
}
