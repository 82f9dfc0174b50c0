//! Nobody chooses the randomness from which cells and lotteries are drawn.

use super::*;
use crate::{
    campaign::CheckedManifest,
    roles::participant::light::{self, Alarm},
    transcript::{Endorsed, Opening},
};

/// The opening that stands, and the manifest.
fn opened() -> (World, Opening, CheckedManifest) {
    let world = World::open(THREE, 14);
    let opening = world.sum().opening().unwrap().1.clone();
    let manifest = world.manifest();
    (world, opening, manifest)
}

#[test]
fn chosen_centres_are_refused() {
    let (world, opening, manifest) = opened();
    let place = world.place_of(|post| matches!(post, Post::Opening(_)));
    let before = world.fork(place, SeatSet::EMPTY);
    let changes: [fn(&mut Opening); 4] = [
        |of| of.beacon[0].1 = [1; 32],
        |of| of.beacon.swap(0, 1),
        |of| of.beacon.truncate(2),
        |of| of.beacon.clear(),
    ];
    for change in changes {
        let mut chosen = opening.clone();
        change(&mut chosen);
        assert_ne!(chosen.seed(), opening.seed());
        // By the rules that coordinator and keyholders share ...
        let mut transcript = before.coordinator.transcript().clone();
        let refused = transcript.follow(world.signed_by_organiser(Post::Opening(chosen.clone())));
        assert!(matches!(refused, Err(Violation::Contradiction { .. })), "{refused:?}");
        // ... and so by participants: no keyholder has endorsed it.
        let previous = before.coordinator.transcript().head();
        let signed = world.signed_by_organiser(Post::Opening(chosen));
        let own = world.coordinator.transcript().endorsed(world.sum().opening().unwrap().0);
        let forged = Endorsed { entry: Entry { previous, signed }, ..own.unwrap() };
        let seen = light::opening(&manifest, FIRST, &forged, &[]);
        assert!(matches!(seen, Err(Alarm::Endorsement { .. })), "{seen:?}");
    }
}

#[test]
fn a_part_that_was_not_promised_is_refused() {
    let (world, ..) = opened();
    let place = world.place_of(|post| matches!(post, Post::Beacon { .. }));
    let before = world.fork(place, SeatSet::EMPTY);
    let mut transcript = before.coordinator.transcript().clone();
    let post = Post::Beacon { aggregation: FIRST, part: [9; 32] };
    let refused = transcript.follow(world.signed_by(Seat::new(0), post));
    assert!(matches!(refused, Err(Violation::Contradiction { .. })), "{refused:?}");
}
