//! Who says that others are lost says it once, and two halves cannot both be believed.

use super::*;

fn claim(lost: SeatSet) -> Post {
    Post::Loss { aggregation: FIRST, lost }
}

#[test]
fn contradictory_loss_claims_certify_nobody() {
    let world = World::reported(FIVE, 14);
    let mut transcript = world.coordinator.transcript().clone();
    let author = Author::Keyholder(Seat::new(0));
    let mut say = |seat: u8, lost| {
        transcript.follow(world.signed_by(Seat::new(seat), claim(seats([lost])))).map(drop)
    };
    assert_eq!(say(0, 4), Ok(()));
    assert_eq!(say(0, 3), Err(Violation::Repeated { author }));
    assert_eq!(say(1, 4), Ok(()));
    assert_eq!(say(2, 3), Ok(()));
    assert_eq!(say(4, 3), Ok(()));
    assert_eq!(say(3, 4), Ok(()));
    // Three say 4, two say 3: four would be needed.
    assert!(transcript.sum(FIRST).unwrap().lost().is_empty());
}

#[test]
fn a_keyholder_declares_one_lost_set_only() {
    let mut world = World::reported(FIVE, 14);
    let now = world.now;
    let machine = &mut world.parties[0].machine;
    assert_eq!(machine.declare_lost(FIRST, seats([4])).len(), 1);
    assert!(machine.declare_lost(FIRST, seats([3])).is_empty());
    let effects = machine.wake(now);
    let posted = effects.iter().find_map(|effect| match effect {
        Effect::Send(Request::Post(signed)) => Some(signed.post.clone()),
        _ => None,
    });
    assert_eq!(posted, Some(claim(seats([4]))));
}

/// The coordinator and c corrupt keyholders tell one half of the honest that the other is lost, and the other way
/// round. Both sets are certified only if each half and the corrupt make up t: never for c within the bound.
#[test]
fn two_halves_are_never_both_believed() {
    for (seats, threshold) in [(5_u8, 4_u8), (7, 5), (7, 6)] {
        let corrupt_max = (threshold - 1).min(2 * threshold - seats - 1);
        let split = |corrupt: u8| {
            let honest = seats - corrupt;
            (0..=honest)
                .any(|half| half + corrupt >= threshold && (honest - half) + corrupt >= threshold)
        };
        assert!(!split(corrupt_max), "{seats} {threshold}");
        assert!(split(2 * threshold - seats), "one more could: {seats} {threshold}");
    }
}

#[test]
fn too_many_or_oneself_cannot_be_claimed() {
    let world = World::reported(FIVE, 14);
    for (seat, lost) in [(0, seats([3, 4])), (0, seats([0])), (0, SeatSet::EMPTY), (0, seats([9]))]
    {
        let mut transcript = world.coordinator.transcript().clone();
        let refused = transcript.follow(world.signed_by(Seat::new(seat), claim(lost)));
        assert!(matches!(refused, Err(Violation::Loss { .. })), "{lost:?}");
    }
}
