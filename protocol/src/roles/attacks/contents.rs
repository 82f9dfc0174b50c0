//! What was frozen is what is verified, and what is verified is what is summed: by all of them, or by nobody.

use super::*;
use crate::{
    ids::Blob,
    report::{FrozenReport, share_hash},
    roles::coordinator::Phase,
    transcript::AbortReason,
};

const VICTIM: Seat = Seat::new(1);

/// Lets the coordinator serve one keyholder something else than was frozen.
fn swapped(change: fn(&mut [FrozenReport])) -> World {
    let mut world = World::reported(THREE, 14);
    world.tamper(move |seat, response| match response {
        Response::Frozen { aggregation, chunk, mut reports } if seat == VICTIM => {
            change(&mut reports);
            Response::Frozen { aggregation, chunk, reports }
        }
        other => other,
    });
    world.run_until(ended());
    world
}

#[test]
fn contents_swapped_after_the_freeze_are_not_endorsed() {
    let changes: [fn(&mut [FrozenReport]); 8] = [
        |of| of[3].sealed = Blob::from(vec![0; of[3].sealed.len()]),
        |of| of[3].sealed = of[4].sealed.clone(),
        |of| {
            of[3].sealed = of[4].sealed.clone();
            of[3].body.sealed[1] = share_hash(&of[3].sealed);
        },
        |of| of[3].body.leader_share = Hash([1; 32]),
        |of| of[3].body.public_share = of[4].body.public_share.clone(),
        |of| of[3].signature = of[4].signature,
        |of| of[3] = of[4].clone(),
        |of| of.swap(3, 4),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let world = swapped(change);
        let (entry, _) = world.sum().freeze().unwrap();
        let transcript = world.coordinator.transcript();
        assert!(transcript.has_endorsed(Seat::new(0), &entry), "change {number}");
        assert!(!transcript.has_endorsed(VICTIM, &entry), "change {number}");
        assert!(!world.sum().has_key_part(Seat::new(0)), "change {number}");
        assert_eq!(world.phase(), Some(Phase::Aborted(AbortReason::KeyholdersLost)));
        world.assert_unopened();
    }
}

/// A report whose signature does not hold is not endorsed even if its leaf is in the freeze.
#[test]
fn a_leaf_without_a_signature_is_not_endorsed() {
    let mut world = World::reported(THREE, 13);
    world.run_while(ended(), |world| world.sum().leaves().is_none());
    let mut leaves = world.sum().leaves().unwrap().to_vec();
    let place = world.place_of(|post| matches!(post, Post::Leaves { .. }));
    let mut other = world.fork(place, SeatSet::EMPTY).coordinator.transcript().clone();
    let number = (0..13_u8).find(|of| {
        let report = world.make(FIRST, *of);
        report.body.id == leaves[0].id
    });
    let mut forged = world.make(FIRST, number.unwrap());
    forged.body.leader_share = Hash([1; 32]);
    leaves[0].leaf = forged.leaf();
    let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf.leaf).collect();
    let root = crate::transcript::merkle::root(&hashes);
    let list = Post::Leaves { aggregation: FIRST, leaves };
    let freeze = Post::Freeze { aggregation: FIRST, root, count: 13 };
    let from = other.len();
    let entries: Vec<_> = [list, freeze]
        .map(|post| Arc::new(other.follow(world.signed_by_organiser(post)).unwrap()))
        .into();
    let entry = entries[1].hash();
    let mut shown = world.fork(place, world.setup.plan().all_seats());
    shown.tamper(move |seat, response| match response {
        Response::Entries { from: at, entries: honest } => {
            let entries = world::diverted(at, honest, from, &entries);
            Response::Entries { from: at, entries }
        }
        Response::Frozen { aggregation, chunk, mut reports } => {
            reports[0].body = forged.body.clone();
            reports[0].sealed = forged.sealed[usize::from(seat.index())].clone();
            Response::Frozen { aggregation, chunk, reports }
        }
        other => other,
    });
    shown.run_until(ended());
    for party in &shown.parties {
        let endorsed = |of: &SignedPost| of.post == Post::Endorse { entry };
        let transcript = party.machine.transcript().unwrap();
        assert_eq!(transcript.sum(FIRST).unwrap().freeze().unwrap().0, entry);
        assert!(!party.posts.iter().any(endorsed), "{:?}", party.seat);
    }
    shown.assert_unopened();
}

/// Lets the coordinator tell `told` that the first report is rejected, or something that is no verdict.
fn judged(setup: Setup, told: SeatSet, verdict: Option<Blob>) -> World {
    let mut world = World::reported(setup, 14);
    world.tamper(move |seat, response| match response {
        Response::Verdicts { aggregation, chunk, mut messages } if told.contains(seat) => {
            messages[0].clone_from(&verdict);
            Response::Verdicts { aggregation, chunk, messages }
        }
        other => other,
    });
    world.run_until(ended());
    world
}

#[test]
fn unequal_accepted_sets_open_nothing() {
    let other = Some(Blob::from(vec![7; 16]));
    for verdict in [None, Some(Blob::from(vec![])), other] {
        for (setup, told) in [(THREE, seats([1])), (THREE, seats([0, 2])), (FIVE, seats([1, 3]))] {
            let world = judged(setup, told, verdict.clone());
            let (entry, _) = world.sum().accepted().unwrap();
            let transcript = world.coordinator.transcript();
            for party in &world.parties {
                let endorsed = transcript.has_endorsed(party.seat, &entry);
                assert_eq!(endorsed, !told.contains(party.seat), "{:?}", party.seat);
                party.assert_consistent();
            }
            assert_eq!(world.phase(), Some(Phase::Aborted(AbortReason::KeyholdersLost)));
            world.assert_unopened();
        }
    }
}

/// One who can be lost is replayed: all who are left sum the same reports.
#[test]
fn one_who_is_told_otherwise_is_replayed() {
    let world = judged(FIVE, seats([1]), None);
    assert!(world.sum().recovered(VICTIM).is_some());
    let outcome = world.sum().outcome().unwrap().1;
    assert_eq!((outcome.accepted, outcome.values.iter().sum::<i64>()), (14, 14));
}
