//! A coordinator that tells two stories is found out by whoever hears both, and believed by nobody.

use super::*;
use crate::{
    roles::participant::light,
    transcript::{Endorsed, Opening},
};
use keyholder::Fault;

/// What keyholders post in one fork and the coordinator repeats in the other; not of those who are in both.
fn relay(from: &World, to: &mut World) {
    for party in &from.parties {
        if to.parties.iter().any(|own| own.seat == party.seat) {
            continue;
        }
        for post in &party.posts {
            to.ask(Peer::Keyholder(party.seat), Request::Post(Box::new(post.clone())));
        }
    }
}

/// Lets both sides go on, with everything said on one side repeated on the other.
fn run_both(one: &mut World, two: &mut World, end: Time) {
    while one.now < end {
        let next = one.now.after_millis(2_000);
        one.run_until(next);
        two.run_until(next);
        relay(one, two);
        relay(two, one);
    }
}

#[test]
fn another_plan_than_the_invites_stops_the_keyholder() {
    let mut other = World::new(Setup { aggregations: 2, ..THREE });
    let invited = THREE.plan().id();
    let configuration = fixture::keyholder(&THREE.plan(), Seat::new(0));
    other.parties[0].machine = keyholder::Keyholder::new(configuration, &[1; 32]);
    other.run_until(Time::from_millis(20_000));
    let got = other.setup.plan().id();
    assert_eq!(other.parties[0].fault(), Some(&Fault::Plan { expected: invited, got }));
    assert!(other.parties[0].posts.is_empty());
    assert!(other.coordinator.transcript().manifest().is_none());
}

/// One corrupt keyholder has two sets of keys: two manifests, each shown to one of the others.
#[test]
fn two_manifests_are_endorsed_by_nobody() {
    let (mut one, mut two) = (World::new(THREE), World::new(THREE));
    for (world, honest, root) in [(&mut one, 1, [1; 32]), (&mut two, 2, [2; 32])] {
        world.parties.retain(|party| party.seat == Seat::new(honest));
        world.join(Seat::new(0), &root, vec![]);
    }
    run_both(&mut one, &mut two, Time::from_millis(60_000));
    let ids = [&one, &two].map(|world| world.manifest().campaign());
    assert_ne!(ids[0], ids[1]);
    for world in [&one, &two] {
        assert!(!world.coordinator.transcript().has_begun());
        assert!(world.coordinator.transcript().roster().is_none());
    }
}

/// Two freezes, after one opening: one person's report is in one of them only.
#[test]
fn an_equivocating_coordinator_is_found() {
    let world = World::reported(THREE, 14);
    let records = world.journal.len();
    for present in [seats([0]), seats([0, 1]), seats([2])] {
        let rest = world.setup.plan().all_seats().without(present);
        let [mut one, mut two] = [present, rest].map(|of| world.fork(records, of));
        let withdrawal = Reporter::new(3, crate::aggregation::noise::Role::Member).withdrawal(
            &world.manifest(),
            FIRST,
            0,
        );
        two.tell(Request::Withdraw(Box::new(withdrawal)));
        run_both(&mut one, &mut two, ended());
        let roots = [&one, &two].map(|side| side.sum().freeze().unwrap().1);
        assert_ne!(roots[0], roots[1]);
        for side in [&one, &two] {
            let (entry, _) = side.sum().freeze().unwrap();
            assert!(!side.coordinator.transcript().is_endorsed(&entry));
            side.assert_unopened();
        }
    }
}

/// Who has followed one transcript stops at the other, without having been restarted.
#[test]
fn a_second_transcript_does_not_follow_the_first() {
    let world = World::reported(THREE, 14);
    let mut shown = world.fork(world.journal.len(), seats([0, 1, 2]));
    shown.run_until(shown.now.after_millis(10_000));
    let transcript = shown.coordinator.transcript();
    let (from, expected) = (transcript.len(), transcript.head());
    let signed = world.signed_by_organiser(Post::Begin(FIRST));
    let other = Arc::new(Entry { previous: Hash([5; 32]), signed });
    shown.tamper(move |seat, response| match response {
        Response::Entries { from: at, .. } if at == from && seat == Seat::new(1) => {
            Response::Entries { from, entries: vec![Arc::clone(&other)] }
        }
        honest => honest,
    });
    shown.run_until(ended());
    let violation = Violation::Chain { expected, got: Hash([5; 32]) };
    assert_eq!(shown.party(Seat::new(1)).fault(), Some(&Fault::Transcript(violation)));
    shown.assert_unopened();
}

/// A document as a participant gets it, with the endorsements of `by`.
fn shown(world: &World, previous: Hash, post: Post, by: SeatSet) -> Endorsed {
    let entry = Entry { previous, signed: world.signed_by_organiser(post) };
    let endorse = Post::Endorse { entry: entry.hash() };
    let endorsements =
        by.iter().map(|seat| (seat, world.signed_by(seat, endorse.clone()).signature)).collect();
    Endorsed { entry, endorsements, lost: SeatSet::EMPTY, losses: vec![] }
}

/// All but one keyholder lie: the second opening and the second outcome lack an endorsement. If all lie, an outcome
/// of another opening is still not that of the opening one has reported to.
#[test]
fn a_person_does_not_believe_a_second_opening_or_outcome() {
    let mut world = World::reported(THREE, 14);
    world.run_until(ended());
    let manifest = world.manifest();
    let (entry, opening) = world.sum().opening().unwrap();
    let honest = world.coordinator.transcript().endorsed(entry).unwrap();
    assert_eq!(light::opening(&manifest, FIRST, &honest, &[]), Ok(opening));
    let context = opening.context();
    let (corrupt, all) = (seats([0, 1]), manifest.all_seats());
    let second = |by| {
        let post = Post::Opening(Opening { results: vec![], ..opening.clone() });
        shown(&world, Hash([6; 32]), post, by)
    };
    let document = light::Document::Opening(FIRST);
    let missing = light::opening(&manifest, FIRST, &second(corrupt), &[]).cloned();
    assert!(
        matches!(missing, Err(light::Alarm::Endorsement { document: of, .. }) if of == document)
    );

    let outcome = Arc::clone(world.sum().outcome().unwrap().1);
    let mut other = crate::transcript::Outcome::clone(&outcome);
    other.context = Hash([1; 32]);
    let forged = |by| shown(&world, Hash([6; 32]), Post::Outcome(Arc::new(other.clone())), by);
    let judge = |endorsed: &Endorsed| {
        light::outcome(&manifest, FIRST, endorsed, Some(&context)).map(|_| ())
    };
    let document = light::Document::Outcome(FIRST);
    assert!(matches!(judge(&forged(corrupt)), Err(light::Alarm::Endorsement { .. })));
    assert_eq!(judge(&forged(all)), Err(light::Alarm::Equivocation { document }));
    let true_one = shown(&world, Hash([6; 32]), Post::Outcome(outcome), all);
    assert_eq!(judge(&true_one), Ok(()));
}
