//! Whoever ranks open scores could ask whom it likes: keyholders recompute the ranking before they stand behind it.

use super::*;
use crate::{
    aggregation::noise::Role, campaign::Decision, roles::coordinator::Phase, transcript::Outcome,
};
use fixture::OPEN;

/// A finished campaign with open scores: five members of eight sent one.
fn ranked() -> World {
    let mut world = World::open(OPEN, 8);
    let manifest = world.manifest();
    let context = world.sum().context().unwrap();
    for number in 0..5 {
        let to = Target { manifest: &manifest, aggregation: FIRST, context };
        let score = Reporter::new(number, Role::Member).score(&to, 0, u32::from(number) * 100);
        assert!(matches!(world.send(FIRST, score), Response::Receipt { .. }));
    }
    world.run_until(ended());
    assert_eq!(world.phase(), Some(Phase::Done));
    world
}

#[test]
fn a_wrong_ranking_stops_the_keyholders() {
    let world = ranked();
    let place = world.place_of(|post| matches!(post, Post::Outcome(_)));
    let mut outcome = Outcome::clone(world.sum().outcome().unwrap().1);
    let Some(Decision::Ranking(ranking)) = &mut outcome.decision else { panic!("{outcome:?}") };
    ranking.scores.swap(0, 4);
    let signed = world.signed_by_organiser(Post::Outcome(Arc::new(outcome)));

    // Another life of the coordinator, which shows the forged outcome in the place of its own.
    let mut shown = world.fork(place, SeatSet::EMPTY);
    let (from, previous) =
        (shown.coordinator.transcript().len(), shown.coordinator.transcript().head());
    for party in &world.parties {
        let unsigned = |record: &keyholder::Record| {
            !matches!(record, keyholder::Record::Signed(keyholder::Slot::Outcome(_), _))
        };
        let journal: Vec<_> = party.journal.iter().filter(|of| unsigned(of)).cloned().collect();
        shown.join(party.seat, &fixture::root(party.seat), journal);
    }
    let entry = Arc::new(Entry { previous, signed });
    shown.tamper(move |_, response| match response {
        Response::Entries { from: at, entries } => {
            let entries = world::diverted(at, entries, from, std::slice::from_ref(&entry));
            Response::Entries { from: at, entries }
        }
        other => other,
    });
    shown.run_until(shown.now.after_millis(20_000));
    let what = "the outcome";
    for party in &shown.parties {
        let fault = keyholder::Fault::Transcript(Violation::Contradiction { what });
        assert_eq!(party.fault(), Some(&fault), "{:?}", party.seat);
        let endorsed = |signed: &SignedPost| matches!(signed.post, Post::Endorse { .. });
        assert!(!party.posts.iter().any(endorsed), "{:?}", party.seat);
    }
}
