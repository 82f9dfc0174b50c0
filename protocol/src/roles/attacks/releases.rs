//! A second share of the same sum, with other noise or of other reports, would give away what noise protects.

use super::*;
use crate::{
    aggregation::noise::Role, messages::VerifierChunk, roles::coordinator::Phase,
    transcript::AbortReason,
};
use keyholder::{Fault, Record, Slot};

/// Up to and with the record that is wanted: a crash right after it.
fn up_to(journal: &[Record], wanted: fn(&Slot) -> bool) -> Vec<Record> {
    let is = |record: &Record| matches!(record, Record::Signed(slot, _) if wanted(slot));
    let end = journal.iter().position(is).map_or(journal.len(), |place| place + 1);
    journal[..end].to_vec()
}

/// Where a keyholder's first life ends.
const CRASHES: [fn(&Slot) -> bool; 5] = [
    |slot| matches!(slot, Slot::Freeze(_)),
    |slot| matches!(slot, Slot::Accepted(_)),
    |slot| matches!(slot, Slot::ShareCommitment(_)),
    |slot| matches!(slot, Slot::Share(_)),
    |_| false,
];

/// Goes on from `place` of the coordinator's journal with keyholders that have crashed.
fn second_life(first: &World, place: usize, crash: fn(&Slot) -> bool) -> World {
    let mut second = first.fork(place, SeatSet::EMPTY);
    for party in &first.parties {
        let journal = up_to(&party.journal, crash);
        second.join(party.seat, &fixture::root(party.seat), journal);
    }
    second
}

/// In both lives together: one statement for each purpose; `statements` looks for a second one.
fn assert_one_release(first: &World, second: &World) {
    for party in &second.parties {
        party.assert_consistent();
        let before = first.party(party.seat).statements();
        for (slot, signed) in party.statements() {
            let same = before.get(&slot).is_none_or(|of| *of == signed);
            let early = !matches!(slot, Slot::ShareCommitment(_) | Slot::Share(_));
            assert!(same || early, "{:?} has said two things for {slot:?}", party.seat);
        }
    }
}

/// One report is taken back: another freeze.
fn other_freeze(first: &World, crash: fn(&Slot) -> bool) -> World {
    let place = first.place_of(|post| matches!(post, Post::Leaves { .. }));
    let mut second = second_life(first, place, crash);
    second.now = fixture::OPENS.after_millis(50_000);
    let manifest = second.manifest();
    let withdrawal = Reporter::new(3, Role::Member).withdrawal(&manifest, FIRST, 0);
    let response = second.tell(Request::Withdraw(Box::new(withdrawal)));
    assert!(matches!(response, Response::Withdrawn { .. }), "{response:?}");
    second.run_until(ended());
    second
}

/// The first keyholder rejects a report this time: another accepted set of the same freeze.
fn other_accepted(first: &World, crash: fn(&Slot) -> bool) -> World {
    let place = first.place_of(|post| matches!(post, Post::VerifyKeyPart { .. }));
    let mut second = second_life(first, place, crash);
    second.tamper_requests(|seat, request| match request {
        Request::Verifier(chunk) if seat == Seat::new(0) => {
            let mut chunk = VerifierChunk::clone(&chunk);
            chunk.shares[0] = None;
            Request::Verifier(Arc::new(chunk))
        }
        other => other,
    });
    second.run_until(ended());
    second
}

fn assert_no_second_release(first: &World) {
    for crash in CRASHES {
        for second in [other_freeze(first, crash), other_accepted(first, crash)] {
            assert_one_release(first, &second);
            second.assert_not_released();
        }
    }
}

impl World {
    /// Nobody has sent a share in this life.
    fn assert_not_released(&self) {
        for party in &self.parties {
            let share = |signed: &SignedPost| matches!(signed.post, Post::Share { .. });
            assert!(!party.posts.iter().any(share), "{:?}", party.seat);
        }
        assert!(self.sum().outcome().is_none());
    }
}

#[test]
fn there_is_no_second_release() {
    let mut opened = World::reported(THREE, 14);
    opened.run_until(ended());
    assert_eq!(opened.phase(), Some(Phase::Done));
    assert_no_second_release(&opened);

    let mut aborted = World::reported(THREE, 14);
    aborted.run_while(ended(), |world| world.phase() != Some(Phase::Releasing));
    aborted.absent = seats([2]);
    aborted.run_until(ended());
    assert_eq!(aborted.phase(), Some(Phase::Aborted(AbortReason::KeyholdersLost)));
    let one = aborted.party(Seat::new(0));
    assert!(one.statements().contains_key(&Slot::ShareCommitment(FIRST)));
    assert_no_second_release(&aborted);
}

/// The fork is not only useless: who has signed the freeze sees it and stops.
#[test]
fn a_forked_transcript_after_a_restart_stops_the_keyholder() {
    let mut first = World::reported(THREE, 14);
    first.run_until(ended());
    let second = other_freeze(&first, |slot| matches!(slot, Slot::Freeze(_)));
    for party in &second.parties {
        assert_eq!(party.fault(), Some(&Fault::Equivocation), "{:?}", party.seat);
        assert!(party.posts.is_empty());
    }
}

/// The same transcript again, after a crash at any record: the same bytes again.
#[test]
fn a_restart_on_the_same_transcript_repeats_identical_bytes() {
    let mut first = World::reported(THREE, 14);
    first.run_until(ended());
    for crash in CRASHES {
        let place = first.place_of(|post| matches!(post, Post::Freeze { .. })) + 1;
        let mut second = second_life(&first, place, crash);
        second.run_until(ended());
        assert_one_release(&first, &second);
        for party in &second.parties {
            let before = first.party(party.seat).statements();
            for (slot, signed) in party.statements() {
                let share = matches!(slot, Slot::Share(_) | Slot::VerifyKeyPart(_));
                assert!(!share || before[&slot] == signed);
            }
        }
    }
}
