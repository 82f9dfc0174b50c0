//! Old messages, sent again: to the campaign they were meant for, and to another one.

use super::*;

/// Sends every request again, in this order; nothing may change.
fn replay(world: &mut World, requests: &[(Peer, Request)]) {
    world.absent = world.setup.plan().all_seats();
    let now = world.now;
    world.run_until(now);
    let before = world.state();
    for (from, request) in requests {
        world.ask(*from, request.clone());
        assert_eq!(world.state(), before, "{from:?}: {request:?}");
    }
}

fn finished(setup: Setup) -> World {
    let mut world = World::reported(setup, 14);
    world.run_until(ended());
    assert!(world.sum().outcome().is_some());
    world
}

#[test]
fn requests_replayed_into_the_same_campaign_change_nothing() {
    let mut world = finished(FIVE);
    let outcome = world.sum().outcome().unwrap().1.clone();
    let mut requests = world.sent.clone();
    replay(&mut world, &requests);
    requests.reverse();
    replay(&mut world, &requests);
    // As if a participant were a keyholder, or one keyholder another.
    let disguised = |from: Peer| requests.iter().map(move |(_, of)| (from, of.clone()));
    for from in [Peer::Participant, Peer::Keyholder(Seat::new(0)), Peer::Keyholder(Seat::new(4))] {
        let requests: Vec<_> = disguised(from).collect();
        replay(&mut world, &requests);
    }
    assert_eq!(world.sum().outcome().unwrap().1, &outcome);
}

/// The same people and keyholders, another plan: before its ceremony, while it collects, and after its end.
#[test]
fn requests_replayed_into_another_campaign_change_nothing() {
    let other = Setup { aggregations: 2, ..FIVE };
    let requests = finished(FIVE).sent;
    replay(&mut World::new(other), &requests);
    replay(&mut World::open(other, 14), &requests);
    replay(&mut World::reported(other, 14), &requests);
    replay(&mut finished(other), &requests);
}

/// Answers, too: a keyholder that hears another campaign's answers stops, or goes on as if it had heard nothing.
#[test]
fn answers_of_another_campaign_are_not_acted_on() {
    let mut other = finished(Setup { aggregations: 2, ..FIVE });
    let sent = other.sent.clone();
    let own = Peer::Keyholder(Seat::new(1));
    let asked = sent.into_iter().filter(|(from, _)| *from == own);
    let answers: Vec<Response> = asked.map(|(from, request)| other.ask(from, request)).collect();
    let mut world = World::reported(FIVE, 14);
    let place = world.parties.iter().position(|party| party.seat == Seat::new(1)).unwrap();
    let before = world.parties[place].statements();
    for answer in answers {
        world.parties[place].machine.receive(world.now, answer);
        world.parties[place].assert_consistent();
    }
    assert_eq!(world.parties[place].statements(), before);
    world.assert_unopened();
}
