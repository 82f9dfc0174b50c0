//! What was sent once can be sent again by anybody, anywhere, and counts once.

use super::*;

#[test]
fn every_request_of_a_finished_run_changes_nothing() {
    let mut world = World::reported(THREE, 14);
    world.run_until(ended());
    let state = world.state();
    for (from, request) in world.sent.clone() {
        world.tell(request.clone());
        world.ask(from, request);
        assert_eq!(world.state(), state);
    }
    world.run_until(ended().after_millis(1_000_000));
    assert_eq!(world.state(), state);
}

#[test]
fn every_request_of_one_campaign_changes_nothing_in_another() {
    let mut world = World::reported(THREE, 14);
    world.run_until(ended());
    // Another plan, and so other contexts and other keys.
    let mut other = World::open(FIVE, 0);
    let state = other.state();
    for (_, request) in world.sent.clone() {
        for from in [Peer::Participant, Peer::Keyholder(Seat::new(0))] {
            let response = other.ask(from, request.clone());
            let accepted = matches!(
                response,
                Response::Receipt { .. } | Response::Enrolled(_) | Response::Posted(_)
            );
            assert!(!accepted, "{request:?}");
            assert_eq!(other.state(), state);
        }
    }
}
