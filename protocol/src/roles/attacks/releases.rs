//! A share leaves once, with one noise, over one set of reports.

use super::*;
use crate::{
    roles::coordinator::Phase,
    transcript::{AbortReason, share_commitment},
};
use keyholder::{Fault, Record, Slot};

/// The shares and promises that a keyholder has ever sent.
fn released(world: &World, seat: Seat) -> Vec<SignedPost> {
    let mut posts: Vec<SignedPost> = world.party(seat).posts.clone();
    posts.retain(|of| matches!(of.post, Post::Share { .. } | Post::ShareCommitment { .. }));
    posts.dedup();
    posts
}

#[test]
fn there_is_no_second_release() {
    let mut world = World::reported(THREE, 14);
    world.run_until(ended());
    let seat = Seat::new(0);
    let first = released(&world, seat);
    assert_eq!(first.len(), 2, "a promise and a share");
    // Another life of both, from before the freeze, with one report fewer: a forked transcript.
    let frozen = world.place_of(|post| matches!(post, Post::Leaves { .. }));
    let mut fork = world.fork(frozen, world.setup.plan().all_seats());
    let gone = Reporter::new(3, crate::aggregation::noise::Role::Member);
    let withdrawal = gone.withdrawal(&fork.manifest(), FIRST, 0);
    // A lying coordinator's clock says what it likes.
    fork.now = fixture::OPENS.after_millis(20_000);
    let answer = fork.tell(Request::Withdraw(Box::new(withdrawal)));
    assert!(matches!(answer, Response::Withdrawn { .. }), "{answer:?}");
    fork.run_until(ended().after_millis(1_000_000));
    for party in &fork.parties {
        let shares = released(&fork, party.seat);
        assert!(shares.is_empty(), "{:?} released again", party.seat);
        // Secrets of a finished aggregation are gone: nobody can sign, or release, anything in it.
        assert!(!party.posts.iter().any(|of| matches!(of.post, Post::Endorse { .. })));
    }
}

#[test]
fn a_forked_transcript_before_the_release_is_found_out() {
    let mut world = World::reported(THREE, 14);
    world.run_while(ended(), |world| world.sum().accepted().is_none());
    let place = world.place_of(|post| matches!(post, Post::Freeze { .. }));
    // The freeze is signed already; the coordinator forgets it and freezes one report fewer.
    let leaves = world.place_of(|post| matches!(post, Post::Leaves { .. }));
    assert!(leaves < place);
    let mut fork = world.fork(leaves, world.setup.plan().all_seats());
    let gone = Reporter::new(3, crate::aggregation::noise::Role::Member);
    let withdrawal = gone.withdrawal(&fork.manifest(), FIRST, 0);
    // A lying coordinator's clock says what it likes.
    fork.now = fixture::OPENS.after_millis(20_000);
    let answer = fork.tell(Request::Withdraw(Box::new(withdrawal)));
    assert!(matches!(answer, Response::Withdrawn { .. }), "{answer:?}");
    fork.run_until(ended().after_millis(1_000_000));
    for party in &fork.parties {
        assert_eq!(party.fault(), Some(&Fault::Equivocation), "{:?}", party.seat);
        party.assert_consistent();
    }
    fork.assert_unopened();
}

#[test]
fn a_restarted_keyholder_repeats_its_bytes() {
    let mut world = World::reported(FIVE, 14);
    world.run_until(ended());
    let seat = Seat::new(2);
    let journal = world.party(seat).journal.clone();
    let of = |slot| {
        journal.iter().position(|record| matches!(record, Record::Signed(s, _) if *s == slot))
    };
    // It forgets its share, its promise, or both, and follows the same transcript from the beginning.
    for slot in [Slot::ShareCommitment(FIRST), Slot::Share(FIRST)] {
        let cut = of(slot).unwrap();
        let configuration = fixture::keyholder(&world.setup.plan(), seat);
        let mut again =
            keyholder::Keyholder::restore(configuration, &fixture::root(seat), &journal[..cut]);
        let place = world.place_of(|post| match post {
            Post::ShareCommitment { aggregator, .. } | Post::Share { aggregator, .. } => {
                let own = crate::aggregation::Aggregator::Helper(seat);
                let same = matches!(slot, Slot::Share(_)) == matches!(post, Post::Share { .. });
                *aggregator == own && same
            }
            _ => false,
        });
        let mut before = world.fork(place, SeatSet::EMPTY);
        before.absent = SeatSet::EMPTY;
        let mut effects = again.start(world.now);
        let mut posted = None;
        for _ in 0..100 {
            let request = effects.drain(..).find_map(|effect| match effect {
                Effect::Send(request) => Some(request),
                _ => None,
            });
            if let Some(Request::Post(signed)) = &request {
                posted = Some(SignedPost::clone(signed));
                break;
            }
            effects = match request {
                Some(request) => {
                    let answer = before.ask(Peer::Keyholder(seat), request);
                    again.receive(world.now, answer)
                }
                None => again.wake(world.now),
            };
        }
        let sent = world.party(seat).statements()[&slot].clone();
        assert_eq!(posted, Some(sent), "{slot:?}");
    }
}

#[test]
fn nothing_is_released_after_an_abort() {
    let mut world = World::reported(THREE, 14);
    world.run_while(ended(), |world| world.sum().accepted().is_none());
    let mut transcript = world.coordinator.transcript().clone();
    let reason = AbortReason::Stopped;
    let abort = world.signed_by_organiser(Post::Abort { aggregation: FIRST, reason });
    transcript.follow(abort).unwrap();
    let context = transcript.sum(FIRST).unwrap().context().unwrap();
    let own = crate::aggregation::Aggregator::Helper(Seat::new(0));
    let commitment = share_commitment(&context, own, &vec![0; 8].into(), &[0; 32]);
    let post = Post::ShareCommitment { aggregation: FIRST, aggregator: own, commitment };
    let refused = transcript.follow(world.signed_by(Seat::new(0), post));
    assert!(matches!(refused, Err(Violation::Order { .. })), "{refused:?}");
    assert_ne!(world.phase(), Some(Phase::Done));
}
