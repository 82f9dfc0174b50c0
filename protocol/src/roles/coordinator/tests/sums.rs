use super::*;
use crate::transcript::{Rejection, merkle};

#[test]
fn a_private_sum_is_the_plaintext_sum() {
    for setup in [THREE, FIVE] {
        let mut world = World::open(setup, 14);
        world.send_all(0..14);
        world.run_until(ended());
        let outcome = world.outcome();
        assert_eq!((outcome.values, outcome.accepted), (plaintext(0..14), 14));
        assert!(world.coordinator.is_over());
    }
}

#[test]
fn a_sum_in_the_clear_is_the_same() {
    let mut world = World::open(Setup { protection: Protection::Clear, ..THREE }, 20);
    world.send_all(0..18);
    for number in 18..20 {
        let lie = world.make(number, 0, Lie::Garbage);
        assert!(matches!(world.send(lie), Response::Receipt { .. }));
    }
    world.run_until(ended());
    let outcome = world.outcome();
    assert_eq!((outcome.values, outcome.accepted), (plaintext(0..18), 18));
}

#[test]
fn liars_are_rejected_with_evidence_and_nobody_else() {
    let mut world = World::open(FIVE, 32);
    world.send_all(0..29);
    for (number, lie) in [(29, Lie::LeaderShare), (30, Lie::Sealed), (31, Lie::Garbage)] {
        let report = world.make(number, 0, lie);
        assert!(matches!(world.send(report), Response::Receipt { .. }));
    }
    world.run_until(ended());
    let outcome = world.outcome();
    assert_eq!((outcome.values, outcome.accepted), (plaintext(0..29), 29));
    let rejections = world.sum().rejections().unwrap();
    let evidence: Vec<_> = rejections.iter().map(|of| format!("{:.12?}", of.evidence)).collect();
    assert_eq!(rejections.len(), 3, "{evidence:?}");
    let proofs = rejections
        .iter()
        .filter(|of| matches!(of.evidence, crate::transcript::Evidence::Verification { .. }));
    assert_eq!(proofs.count(), 1);
}

#[test]
fn too_many_liars_end_it_unopened() {
    let mut world = World::open(THREE, 16);
    world.send_all(0..13);
    for number in 13..16 {
        let report = world.make(number, 0, Lie::LeaderShare);
        world.send(report);
    }
    world.run_until(ended());
    let reason = AbortReason::TooManyRejected { rejected: 3, frozen: 16 };
    assert_eq!(world.coordinator.phase(FIRST), Some(Phase::Aborted(reason)));
    assert!(!world.sum().has_commitment(crate::aggregation::Aggregator::Leader));
}

#[test]
fn too_few_reports_end_it_with_nothing_opened() {
    let mut world = World::open(THREE, 14);
    world.send_all(0..11);
    world.run_until(ended());
    let reason = AbortReason::TooFewReports { got: 11 };
    assert_eq!(world.coordinator.phase(FIRST), Some(Phase::Aborted(reason)));
    assert!(world.sum().leaves().is_none() && !world.sum().has_key_part(Seat::new(0)));
    let response = world.tell(Request::Outcome { aggregation: FIRST, report: None });
    assert!(matches!(response, Response::Aborted { reason: got, .. } if got == reason));
}

#[test]
fn a_dependent_aggregation_follows_the_result_or_ends_with_it() {
    let two = Setup { aggregations: 2, ..THREE };
    let second = AggregationId(1);
    let late = ended().after_millis(4 * COLLECTING_MILLIS);
    let mut world = World::open(two, 14);
    world.send_all(0..3);
    world.run_until(late);
    let reason = AbortReason::Dependency(FIRST);
    assert_eq!(world.coordinator.phase(second), Some(Phase::Aborted(reason)));

    let mut world = World::open(two, 14);
    world.send_all(0..14);
    world.run_until(OPENS.after_millis(2 * COLLECTING_MILLIS + 20_000));
    assert_eq!(world.coordinator.phase(second), Some(Phase::Collecting));
    let results = &world.coordinator.transcript().sum(second).unwrap().opening().unwrap().1.results;
    assert_eq!(results, &[*world.sum().outcome().unwrap().0]);
    world.run_until(late);
    assert!(world.coordinator.is_over());
    assert!(world.keyholders.iter().all(|(keyholder, _)| keyholder.is_done()));
}

#[test]
fn rejections_that_are_too_long_for_one_post_take_several() {
    let mut world = World::open(THREE, 31);
    world.crashes = true;
    world.send_all(0..28);
    for number in 28..31 {
        let lie = world.make(number, 0, Lie::LeaderShare);
        world.send(lie);
    }
    world.run_until(ended());
    assert_eq!(world.outcome().values, plaintext(0..28));
    let entries = world.coordinator.entries().to_vec();
    let rejected = |entry: &Entry| {
        let Post::Rejections { rejections, .. } = &entry.signed.post else { return None };
        Some(rejections.clone())
    };
    let posts: Vec<Vec<Rejection>> = entries.iter().filter_map(|entry| rejected(entry)).collect();
    let mut before = Transcript::new(&entries[0]).unwrap();
    let earlier = entries.iter().skip(1).take_while(|entry| rejected(entry).is_none());
    earlier.for_each(|entry| before.apply(entry).unwrap());
    assert_eq!(posts.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    assert!(posts.iter().flatten().is_sorted_by(|left, right| left.index < right.index));

    let signed = |rejections: &[Rejection]| {
        let post = Post::Rejections { aggregation: FIRST, rejections: rejections.to_vec() };
        SignedPost::new(before.plan().id(), Author::Organiser, post, &fixture::organiser())
    };
    let mut transcript = before.clone();
    transcript.follow(signed(&posts[0][..1])).unwrap();
    for wrong in [&posts[0][..], &posts[0][..1], &[]] {
        let what = "the order of the rejections";
        let verdict = transcript.clone().follow(signed(wrong)).map(|_| ());
        assert_eq!(verdict, Err(Violation::Contradiction { what }));
    }
    transcript.follow(signed(&posts[1])).unwrap();
    assert_eq!(transcript.sum(FIRST).unwrap().rejections().unwrap().len(), 2);
}

#[test]
fn everybody_can_check_the_place_of_their_report() {
    let mut world = World::open(THREE, 21);
    world.send_all(0..19);
    let lie = world.make(19, 0, Lie::LeaderShare);
    world.send(lie.clone());
    world.run_until(ended());
    let outcome = world.outcome();
    let manifest = world.manifest();
    for number in 0..19 {
        let report = world.make(number, 0, Lie::Honest);
        let ask = Request::Outcome { aggregation: FIRST, report: Some(report.body.id) };
        let Response::Outcome { endorsed, inclusion } = world.tell(ask) else {
            panic!("no outcome")
        };
        assert!(endorsed.verify(&manifest, Some(FIRST)).is_ok());
        let Inclusion { frozen, accepted } = inclusion.unwrap();
        let stands = |root, count: u32, place: &crate::messages::Place| {
            let [count, index] = [count, place.index].map(|n| usize::try_from(n).unwrap());
            merkle::includes(root, count, index, report.leaf(), &place.proof)
        };
        assert!(stands(&outcome.frozen_root, outcome.frozen, &frozen));
        assert!(stands(&outcome.accepted_root, outcome.accepted, &accepted.unwrap()));
    }
    let ask = Request::Outcome { aggregation: FIRST, report: Some(lie.body.id) };
    let Response::Outcome { inclusion, .. } = world.tell(ask) else { panic!("no outcome") };
    assert_eq!(inclusion.unwrap().accepted, None);
}
