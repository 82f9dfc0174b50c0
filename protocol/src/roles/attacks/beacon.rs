//! Whoever chooses the public randomness chooses the cells, and could put one person alone into one.

use super::*;
use crate::{
    roles::participant::light,
    transcript::{Endorsed, Opening},
};

type Parts = Vec<(Seat, [u8; 32])>;

/// The parts of all seats, changed in every way that could choose the cells.
fn chosen(opening: &Opening) -> Vec<Opening> {
    let with = |change: &dyn Fn(&mut Parts)| {
        let mut opening = opening.clone();
        change(&mut opening.beacon);
        opening
    };
    vec![
        with(&|beacon| beacon[1].1 = [1; 32]),
        with(&|beacon| beacon[0].1[31] ^= 1),
        with(&|beacon| beacon.truncate(2)),
        with(&|beacon| beacon.swap(0, 1)),
        with(&|beacon| beacon.push(beacon[2])),
        with(&|beacon| beacon.push((Seat::new(9), [1; 32]))),
        with(&Vec::clear),
        with(&|beacon| {
            let first = beacon[0].1;
            beacon[0].1 = beacon[1].1;
            beacon[1].1 = first;
        }),
    ]
}

/// A world just before its opening, the true opening and the transcript that it would follow.
fn before_the_opening() -> (World, Opening, Transcript) {
    let world = World::open(THREE, 14);
    let opening = world.sum().opening().unwrap().1.clone();
    let place = world.place_of(|post| matches!(post, Post::Opening(_)));
    let transcript = world.fork(place, SeatSet::EMPTY).coordinator.transcript().clone();
    (world, opening, transcript)
}

#[test]
fn chosen_centres_are_refused() {
    let (world, opening, transcript) = before_the_opening();
    let contradiction = Violation::Contradiction { what: "the opening" };
    for forged in chosen(&opening) {
        let signed = world.signed_by_organiser(Post::Opening(forged));
        let mut by_rule = transcript.clone();
        assert_eq!(by_rule.follow(signed.clone()).unwrap_err(), contradiction);
        let entry = Entry { previous: transcript.head(), signed };
        assert_stopped(&world, &transcript, entry, contradiction.clone());
    }
    let signed = world.signed_by_organiser(Post::Opening(opening));
    assert!(transcript.clone().follow(signed).is_ok());
}

/// A keyholder that is shown `entry` next stops, and signs nothing.
fn assert_stopped(world: &World, transcript: &Transcript, entry: Entry, expected: Violation) {
    let place = world.place_of(|post| matches!(post, Post::Opening(_)));
    let mut shown = world.fork(place, seats([0]));
    let unsigned = |record: &keyholder::Record| {
        !matches!(record, keyholder::Record::Signed(keyholder::Slot::Opening(_), _))
    };
    let journal = world.party(Seat::new(0)).journal.clone();
    let journal: Vec<_> = journal.into_iter().filter(unsigned).collect();
    shown.parties.clear();
    shown.join(Seat::new(0), &fixture::root(Seat::new(0)), journal);
    let (from, entry) = (transcript.len(), Arc::new(entry));
    shown.tamper(move |_, response| match response {
        Response::Entries { from: at, entries } => {
            let entries = world::diverted(at, entries, from, std::slice::from_ref(&entry));
            Response::Entries { from: at, entries }
        }
        other => other,
    });
    shown.run_until(shown.now.after_millis(10_000));
    let party = shown.party(Seat::new(0));
    assert_eq!(party.fault(), Some(&keyholder::Fault::Transcript(expected)));
    assert_eq!(party.posts, []);
}

/// Not even all keyholders together can choose what they have promised before anybody enrolled.
#[test]
fn a_person_refuses_centres_that_all_keyholders_have_chosen() {
    let (world, opening, transcript) = before_the_opening();
    let manifest = world.manifest();
    let endorsed = |opening: Opening| {
        let signed = world.signed_by_organiser(Post::Opening(opening));
        let entry = Entry { previous: transcript.head(), signed };
        let endorse = Post::Endorse { entry: entry.hash() };
        let by = |seat| (seat, world.signed_by(seat, endorse.clone()).signature);
        let endorsements = manifest.all_seats().iter().map(by).collect();
        Endorsed { entry, endorsements, lost: SeatSet::EMPTY, losses: vec![] }
    };
    let document = light::Document::Opening(FIRST);
    for forged in chosen(&opening) {
        let verdict = light::opening(&manifest, FIRST, &endorsed(forged), &[]).cloned();
        assert_eq!(verdict, Err(light::Alarm::Contradiction { document }));
    }
    let honest = endorsed(opening.clone());
    assert_eq!(light::opening(&manifest, FIRST, &honest, &[]), Ok(&opening));
}

#[test]
fn a_part_that_was_not_promised_is_refused() {
    let world = World::open(THREE, 14);
    let place = world.place_of(|post| matches!(post, Post::Beacon { .. }));
    let mut transcript = world.fork(place, SeatSet::EMPTY).coordinator.transcript().clone();
    let chosen =
        |aggregation, part| world.signed_by(Seat::new(0), Post::Beacon { aggregation, part });
    let what = "a part of the public randomness";
    let verdict = transcript.follow(chosen(FIRST, [1; 32]));
    assert_eq!(verdict.unwrap_err(), Violation::Contradiction { what });
    let honest = world.sum().beacon()[1].1;
    let verdict = transcript.follow(chosen(FIRST, honest));
    assert_eq!(verdict.unwrap_err(), Violation::Contradiction { what });
}
