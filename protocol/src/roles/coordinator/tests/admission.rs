use super::*;

fn refusal(response: Response) -> Reject {
    let Response::Refused(reject) = response else { panic!("not refused: {response:?}") };
    reject
}

#[test]
fn repeats_get_identical_answers_and_count_once() {
    let mut world = World::open(THREE, 14);
    let manifest = world.manifest();
    let report = world.make(0, 0, Lie::Honest);
    let first = world.send(report.clone());
    let Response::Receipt { receipt, .. } = &first else { panic!("no receipt") };
    assert!(Receipt::verify(receipt, &fixture::organiser().public(), &world.context()).is_ok());
    let enrolment = Request::Enrol(Box::new(Reporter::new(0, Role::Member).enrolment(&manifest)));
    let entry = Arc::clone(world.coordinator.entries().last().unwrap());
    let post = Request::Post(Box::new(entry.signed.clone()));
    let Author::Keyholder(seat) = entry.signed.author else { panic!("an endorsement is last") };
    let posted = Response::Posted(entry.hash());
    let before = world.records();
    assert_eq!(bytes(&world.send(report.clone())), bytes(&first));
    assert!(matches!(world.tell(enrolment), Response::Enrolled(_)));
    assert_eq!(bytes(&world.ask(Peer::Keyholder(seat), post)), bytes(&posted));
    assert_eq!(world.records(), before);
    assert_eq!(world.coordinator.reports(FIRST), 1);
    world.send_all(1..14);
    world.run_until(ended());
    assert_eq!(bytes(&world.send(report)), bytes(&first), "also after the end");
    let ask = Request::Outcome { aggregation: FIRST, report: None };
    let outcome = world.tell(ask.clone());
    assert_eq!(bytes(&world.tell(ask)), bytes(&outcome));
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut world = World::open(THREE, 14);
    let honest = world.make(0, 0, Lie::Honest);
    let mut unsigned = honest.clone();
    unsigned.signature = world.make(1, 0, Lie::Honest).signature;
    assert_eq!(refusal(world.send(unsigned)), Reject::Signature);
    let mut foreign = honest.clone();
    foreign.body.context = Hash([0; 32]);
    assert_eq!(refusal(world.send(foreign)), Reject::Malformed);
    let mut short = honest.clone();
    short.sealed.pop();
    assert_eq!(refusal(world.send(short)), Reject::Malformed);
    let mut swapped = honest.clone();
    swapped.sealed.swap(0, 1);
    assert_eq!(refusal(world.send(swapped)), Reject::Malformed);
    let stranger = world.make(200, 0, Lie::Honest);
    assert_eq!(refusal(world.send(stranger)), Reject::NotConcerned);
    assert!(matches!(world.send(honest), Response::Receipt { .. }));
    let another = world.make(0, 1, Lie::Honest);
    assert_eq!(refusal(world.send(another)), Reject::Duplicate);
    let unknown = AggregationId(7);
    let report = Arc::new(world.make(1, 0, Lie::Honest));
    let ask = Request::Report { aggregation: unknown, report };
    assert_eq!(refusal(world.tell(ask)), Reject::Unknown);
    assert_eq!(world.coordinator.reports(FIRST), 1);
}

#[test]
fn a_report_can_be_withdrawn_and_sent_anew_until_the_freeze() {
    let mut world = World::open(THREE, 14);
    let manifest = world.manifest();
    world.send_all(0..14);
    let withdraw = |number, attempt| {
        let reporter = Reporter::new(number, Role::Member);
        Request::Withdraw(Box::new(reporter.withdrawal(&manifest, FIRST, attempt)))
    };
    for _ in 0..2 {
        assert!(matches!(world.tell(withdraw(0, 0)), Response::Withdrawn { .. }));
        assert_eq!(world.coordinator.reports(FIRST), 13);
    }
    let again = world.make(0, 0, Lie::Honest);
    assert_eq!(refusal(world.send(again)), Reject::ReportId);
    let anew = world.make(0, 1, Lie::Honest);
    assert!(matches!(world.send(anew), Response::Receipt { .. }));
    assert!(matches!(world.tell(withdraw(1, 0)), Response::Withdrawn { .. }));
    for attempt in 2..8 {
        assert!(matches!(world.tell(withdraw(0, attempt)), Response::Withdrawn { .. }));
    }
    assert!(matches!(world.tell(withdraw(0, 9)), Response::Withdrawn { .. }));
    assert_eq!(refusal(world.tell(withdraw(0, 10))), Reject::Full);
    world.run_until(ended());
    assert_eq!(refusal(world.tell(withdraw(2, 0))), Reject::NotCollecting);
    assert!(matches!(world.tell(withdraw(1, 0)), Response::Withdrawn { .. }));
    let outcome = world.outcome();
    assert_eq!(outcome.values, plaintext((0..14).filter(|number| *number != 1)));
}

#[test]
fn a_report_at_the_deadline_is_late() {
    let mut world = World::open(THREE, 14);
    world.send_all(0..13);
    world.now = world.sum().opening().unwrap().1.closes;
    let late = world.make(13, 0, Lie::Honest);
    assert_eq!(refusal(world.send(late)), Reject::NotCollecting);
    assert_eq!(world.sum().leaves().unwrap().len(), 13);
}

#[test]
fn each_kind_of_peer_has_its_own_requests() {
    let mut world = World::open(THREE, 14);
    assert_eq!(refusal(world.tell(Request::Follow { from: 0 })), Reject::NotYours);
    let seat = Peer::Keyholder(Seat::new(0));
    assert_eq!(refusal(world.ask(seat, Request::Campaign)), Reject::NotYours);
    let other = world
        .coordinator
        .entries()
        .iter()
        .find(|entry| entry.signed.author == Author::Keyholder(Seat::new(1)));
    let post = Request::Post(Box::new(other.unwrap().signed.clone()));
    assert_eq!(refusal(world.ask(seat, post)), Reject::NotYours);
    let Response::Entries { entries, .. } = world.ask(seat, Request::Follow { from: 3 }) else {
        panic!("no entries")
    };
    assert_eq!(entries, world.coordinator.entries()[3..]);
    assert_eq!(refusal(world.ask(seat, Request::Follow { from: 1_000 })), Reject::Unknown);
    assert!(matches!(world.tell(Request::Campaign), Response::Campaign { .. }));
    assert!(matches!(world.tell(Request::Opening(FIRST)), Response::Opening(_)));
}

#[test]
fn verifier_shares_count_once_and_must_fit() {
    let mut world = World::open(THREE, 14);
    world.send_all(0..14);
    let seat = Seat::new(0);
    world.leaves = Some((seat, |at| at.batch(FIRST).unwrap().received(0, Seat::new(2)).is_some()));
    world.run_until(OPENS.after_millis(COLLECTING_MILLIS + PATIENCE_MILLIS));
    let records = world.records();
    let sent: Vec<_> = records
        .iter()
        .filter_map(|record| {
            if let Record::Verifier { seat, chunk } = record { Some((*seat, chunk)) } else { None }
        })
        .collect();
    let [(one, chunk), ..] = sent[..] else { panic!("no verifier shares") };
    assert!(sent.iter().all(|(other, _)| *other != seat), "{sent:?}");
    let changed = |change: fn(&mut crate::messages::VerifierChunk)| {
        let mut chunk = crate::messages::VerifierChunk::clone(chunk);
        change(&mut chunk);
        Request::Verifier(Arc::new(chunk))
    };
    let [first, last] = [one, seat].map(Peer::Keyholder);
    let same = || changed(|_| {});
    let response = world.ask(first, same());
    assert!(matches!(response, Response::Waiting { .. }), "{response:?}");
    let other = changed(|chunk| chunk.shares[0] = None);
    assert_eq!(refusal(world.ask(first, other)), Reject::Contradiction);
    let few = changed(|chunk| drop(chunk.shares.pop()));
    assert_eq!(refusal(world.ask(last, few)), Reject::Malformed);
    let short = changed(|chunk| chunk.shares[0] = Some(vec![0; 5].into()));
    assert_eq!(refusal(world.ask(last, short)), Reject::Malformed);
    let beyond = changed(|chunk| chunk.chunk = 1);
    assert_eq!(refusal(world.ask(last, beyond)), Reject::Unknown);
    let ask = Request::Verdicts { aggregation: FIRST, chunk: 0 };
    assert_eq!(refusal(world.ask(last, ask.clone())), Reject::Unknown);
    assert_eq!(world.records(), records);

    world.absent.clear();
    world.run_until(OPENS.after_millis(COLLECTING_MILLIS + 2 * PATIENCE_MILLIS));
    let verdicts = world.ask(first, same());
    assert!(matches!(&verdicts, Response::Verdicts { messages, .. } if messages.len() == 14));
    assert_eq!(bytes(&world.ask(last, ask)), bytes(&verdicts));
    assert_eq!(world.outcome().values, plaintext(0..14));
}
