//! A coordinator that tells different people different things is found out before anything is opened.

use super::*;
use keyholder::Fault;

#[test]
fn an_equivocating_coordinator_is_found() {
    // Two lists of reports to two halves of the keyholders: they endorse different entries, and neither has all.
    let mut world = World::reported(THREE, 14);
    world.run_while(ended(), |world| world.sum().leaves().is_none());
    let place = world.place_of(|post| matches!(post, Post::Leaves { .. }));
    let mut one = world.fork(place, seats([0, 1]));
    let mut other = world.fork(place, seats([2]));
    let gone = Reporter::new(3, crate::aggregation::noise::Role::Member);
    let withdrawal = gone.withdrawal(&other.manifest(), FIRST, 0);
    // A lying coordinator's clock says what it likes.
    other.now = fixture::OPENS.after_millis(20_000);
    let answer = other.tell(Request::Withdraw(Box::new(withdrawal)));
    assert!(matches!(answer, Response::Withdrawn { .. }), "{answer:?}");
    for fork in [&mut one, &mut other] {
        fork.run_until(ended().after_millis(1_000_000));
        fork.assert_unopened();
        let frozen = fork.sum().freeze().map(|(entry, _)| entry);
        assert!(frozen.is_some_and(|entry| !fork.coordinator.transcript().is_endorsed(&entry)));
    }
    assert_ne!(one.sum().freeze(), other.sum().freeze());
    // An endorsement of one list says nothing about the other.
    let entry = one.sum().freeze().unwrap().0;
    let mut transcript = other.coordinator.transcript().clone();
    let carried = one.signed_by(Seat::new(0), Post::Endorse { entry });
    assert!(matches!(
        transcript.follow(carried),
        Err(Violation::Order { .. } | Violation::Author { .. })
    ));
}

#[test]
fn another_plan_than_the_invitations_stops_a_keyholder() {
    let mut world = World::new(THREE);
    world.run_until(Time::from_millis(10));
    let invited = FIVE.plan();
    let configuration = fixture::keyholder(&invited, Seat::new(0));
    let mut machine = keyholder::Keyholder::new(configuration, &fixture::root(Seat::new(0)));
    let sent = |effects: Vec<Effect<_, Request>>| {
        effects.into_iter().find_map(|effect| match effect {
            Effect::Send(request) => Some(request),
            _ => None,
        })
    };
    let mut request = sent(machine.start(world.now));
    while let Some(asked) = request {
        let answer = world.ask(Peer::Keyholder(Seat::new(0)), asked);
        request = sent(machine.receive(world.now, answer));
    }
    assert!(matches!(machine.fault(), Some(Fault::Plan { .. })), "{:?}", machine.fault());
}

#[test]
fn another_list_than_the_one_followed_stops_a_keyholder() {
    let mut world = World::reported(THREE, 14);
    let head = world.coordinator.transcript().head();
    let previous = Hash([3; 32]);
    let signed = world.signed_by_organiser(Post::Begin(FIRST));
    let forged = Arc::new(Entry { previous, signed });
    let from = world.coordinator.transcript().len();
    world.tamper(move |_, response| match response {
        Response::Entries { from: at, .. } if at == from => {
            Response::Entries { from, entries: vec![Arc::clone(&forged)] }
        }
        other => other,
    });
    world.run_until(world.now.after_millis(10_000));
    let violation = Violation::Chain { expected: head, got: previous };
    for party in &world.parties {
        assert_eq!(party.fault(), Some(&Fault::Transcript(violation.clone())), "{:?}", party.seat);
    }
}
