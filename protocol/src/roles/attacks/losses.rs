//! A coordinator that relays everything can tell each half that the other is lost.

use super::*;
use crate::roles::coordinator::Phase;

const T7: [(u8, u8); 3] = [(5, 4), (7, 5), (7, 6)];

/// All sets of at most `max` of `seats` seats, but the empty one.
fn sets(seats: u8, max: u32) -> impl Iterator<Item = SeatSet> + Clone {
    let all = (1..1_u16 << seats).map(move |bits| {
        (0..seats).filter(|seat| bits >> seat & 1 == 1).map(Seat::new).collect::<SeatSet>()
    });
    all.filter(move |set| set.len() <= max)
}

/// Whether each of two sets can be certified by `threshold` others, if only `corrupt` sign for both.
fn both(all: SeatSet, threshold: u32, corrupt: SeatSet, sets: [SeatSet; 2]) -> bool {
    let honest = all.without(corrupt);
    let [one, two] = sets;
    // Whoever is named by one set can sign only for the other.
    let bound = |own: SeatSet, other: SeatSet| {
        let named = honest.without(own).len() - honest.without(own).without(other).len();
        corrupt.without(own).len() + named
    };
    let missing =
        [(one, two), (two, one)].map(|(own, other)| threshold.saturating_sub(bound(own, other)));
    missing.iter().sum::<u32>() <= honest.without(one).without(two).len()
}

/// How many corrupt keyholders it takes to certify two different lost sets, by counting all cases.
fn needed(seats: u8, threshold: u8) -> u32 {
    let (all, max) = (SeatSet::all(seats), u32::from(seats - threshold));
    let corrupt = std::iter::once(SeatSet::EMPTY).chain(sets(seats, u32::from(seats)));
    let possible = |corrupt: &SeatSet| {
        sets(seats, max).any(|one| {
            sets(seats, max)
                .filter(|two| *two != one)
                .any(|two| both(all, u32::from(threshold), *corrupt, [one, two]))
        })
    };
    corrupt.filter(possible).map(SeatSet::len).min().unwrap()
}

/// The design's figure: two certificates need more than `2t - T - 1` who sign twice.
#[test]
fn two_certificates_need_more_corrupt_keyholders_than_the_design_allows() {
    for (seats, threshold) in T7 {
        assert_eq!(needed(seats, threshold), u32::from(2 * threshold - seats), "T={seats}");
    }
}

fn setup(seats: u8, threshold: u8) -> Setup {
    Setup { seats, threshold, ..FIVE }
}

/// Applies the claims of `by` to a transcript that is under way; what is certified then.
fn claim(world: &World, lost: SeatSet, by: SeatSet) -> SeatSet {
    let mut transcript = world.coordinator.transcript().clone();
    for seat in by.iter().filter(|seat| !lost.contains(*seat)) {
        let live = transcript.live(Some(FIRST)).contains(seat);
        let signed = world.signed_by(seat, Post::Loss { aggregation: FIRST, lost });
        assert_eq!(transcript.follow(signed).is_ok(), live);
    }
    transcript.sum(FIRST).unwrap().lost()
}

#[test]
fn contradictory_loss_claims_certify_nobody() {
    for (seats_of, threshold) in T7 {
        let world = World::reported(setup(seats_of, threshold), 12);
        let corrupt = 2 * threshold - seats_of - 1;
        let (twice, honest) = (seats(0..corrupt), corrupt..seats_of);
        let [one, two] = [seats([corrupt]), seats([corrupt + 1])];
        for mask in 0..1_u16 << honest.len() {
            // Each honest keyholder signs once; who is told to be lost itself signs for the other.
            let (left, right): (Vec<u8>, Vec<u8>) =
                honest.clone().partition(|seat| mask >> (seat - corrupt) & 1 == 1);
            let side =
                |of: Vec<u8>| of.into_iter().fold(twice, |set, seat| set.with(Seat::new(seat)));
            let certified = [claim(&world, one, side(left)), claim(&world, two, side(right))];
            assert!(certified.iter().any(|lost| lost.is_empty()), "{mask:b}: {certified:?}");
        }
    }
}

#[test]
fn a_second_claim_is_refused_by_the_transcript() {
    let world = World::reported(FIVE, 12);
    let mut transcript = world.coordinator.transcript().clone();
    let by =
        |seat: u8, lost| world.signed_by(Seat::new(seat), Post::Loss { aggregation: FIRST, lost });
    transcript.follow(by(0, seats([1]))).unwrap();
    let author = Author::Keyholder(Seat::new(0));
    for lost in [seats([1]), seats([2]), seats([1, 2])] {
        let refused = transcript.follow(by(0, lost)).unwrap_err();
        assert_eq!(refused, Violation::Repeated { author });
    }
    for lost in [SeatSet::EMPTY, seats([3]), seats([1, 2]), seats([8])] {
        let refused = transcript.follow(by(3, lost)).unwrap_err();
        assert_eq!(refused, Violation::Loss { lost, max: 1 });
    }
    assert!(transcript.sum(FIRST).unwrap().lost().is_empty());
}

/// The machine, in both halves of a fork: the second half gets the claim of the first, or nothing.
#[test]
fn a_machine_claims_once_whatever_it_is_told_later() {
    let world = World::reported(FIVE, 14);
    let records = world.journal.len();
    let mut one = world.fork(records, seats([0, 2, 3]));
    for place in 0..3 {
        let effects = one.parties[place].machine.declare_lost(FIRST, seats([1]));
        one.perform(place, effects);
    }
    one.run_until(one.now.after_millis(10_000));
    assert_eq!(one.sum().claim(Seat::new(0)), Some(seats([1])));
    assert!(one.sum().lost().is_empty());
    let mut two = world.fork(records, seats([1]));
    for party in &one.parties {
        two.join(party.seat, &fixture::root(party.seat), party.journal.clone());
    }
    for place in 0..two.parties.len() {
        let effects = two.parties[place].machine.declare_lost(FIRST, seats([4]));
        two.perform(place, effects);
    }
    two.run_until(ended());
    for party in &two.parties {
        party.assert_consistent();
    }
    assert!(two.sum().claims().filter(|(_, lost)| *lost == seats([4])).count() <= 1);
    assert!(two.sum().lost().len() <= 1);
    assert_ne!(two.sum().lost(), seats([4]));
}

/// Two halves of machines, each told that the other is silent; two corrupt keyholders are in both.
#[test]
fn two_halves_do_not_both_open() {
    for (one, two) in
        [(seats([0, 1, 3, 4]), seats([2, 3, 4])), (seats([0, 3, 4]), seats([1, 2, 3, 4]))]
    {
        let world = World::reported(FIVE, 14);
        let mut halves = [one, two].map(|present| world.fork(world.journal.len(), present));
        for half in &mut halves {
            half.run_until(ended());
        }
        let opened = halves.iter().filter(|half| half.phase() == Some(Phase::Done));
        assert!(opened.count() <= 1);
    }
}
