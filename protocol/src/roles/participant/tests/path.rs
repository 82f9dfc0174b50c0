//! What happens if everybody keeps to the protocol, however often the machine stops or nobody answers.

use super::*;
use crate::{
    aggregation::{
        AggregateResult, InputShare, Nonce, PublicShare, ReportShare, noise::ShareNoise,
    },
    keys::{
        seat::{Seat, SeatKey, VerifyKey},
        sign::Signature,
    },
    report::FrozenReport,
};
use zeroize::Zeroizing;

fn finished(protection: Protection) -> (World, Run) {
    let mut world = World::new(protection);
    let mut run = Run::new(configuration(&world));
    run.finish(&mut world);
    assert_eq!(run.machine.phase(), Phase::Done);
    (world, run)
}

/// What all aggregators together make of one report.
fn open(world: &World, aggregation: AggregationId, report: &Report) -> AggregateResult {
    let vdaf = world.checked.vdaf(aggregation).unwrap();
    let context = world.opening(aggregation).context();
    let keys: Vec<_> = (0..3).map(|seat| world::seat_key(seat, aggregation)).collect();
    let parts: Vec<_> = keys.iter().map(SeatKey::verify_key_part).collect();
    let verify_key = VerifyKey::combine(&context.0, &parts);
    let leader = Zeroizing::new(report.leader_share.as_slice().to_vec());
    let mut inputs = vec![InputShare::from_bytes(leader)];
    for ((seat, key), sealed) in (0..).map(Seat::new).zip(&keys).zip(&report.sealed) {
        let (body, sealed) = (report.body.clone(), sealed.clone());
        let frozen = FrozenReport { body, sealed, signature: report.signature };
        inputs.push(frozen.open(key, &context, seat).unwrap());
    }
    let public_share = PublicShare::from_bytes(report.body.public_share.as_slice().to_vec());
    let nonce = Nonce(report.body.id.0);
    let begin = |(aggregator, input_share)| {
        let share = ReportShare { nonce: &nonce, public_share: &public_share, input_share };
        vdaf.verify_init(&context, &verify_key, aggregator, share).unwrap()
    };
    let (states, shares): (Vec<_>, Vec<_>) = vdaf.aggregators().zip(&inputs).map(begin).unzip();
    let message = vdaf.verifier_shares_to_message(&context, &shares).unwrap();
    let none = ShareNoise::none(vdaf.circuit());
    let released = vdaf.aggregators().zip(states).map(|(aggregator, state)| {
        let output = vdaf.verify_next(&context, state, &message).unwrap();
        let sum = vdaf.aggregate(&[output]).unwrap();
        vdaf.release(&sum, aggregator, 1, &none).unwrap()
    });
    vdaf.unshard(&released.collect::<Vec<_>>(), 1).unwrap()
}

#[test]
fn a_report_opens_to_the_measurement() {
    let (world, run) = finished(Protection::Private);
    assert_eq!(world.reports.keys().copied().collect::<Vec<_>>(), [AUDIT, SELECTION]);
    for (id, report) in &world.reports {
        let values = open(&world, *id, report).values();
        assert!(values.iter().enumerate().all(|(cell, count)| *count == i64::from(cell == 2)));
        let end = run.machine.state.tracks[id].end;
        assert!(matches!(end, Some(End::Result { counted: Counted::Accepted, .. })));
    }
    let outcome = &run.machine.outcomes()[&NEIGHBOURS];
    assert_eq!(light::result(&world.checked, outcome).unwrap().values(), [3; 8]);
    assert!(run.machine.outcomes()[&SELECTION].decision.is_some());
    assert_eq!(run.own(NEIGHBOURS), Own::NotConcerned);
    assert!(run.machine.outgoing.is_empty());
}

#[test]
fn a_clear_report_is_the_measurement() {
    let (world, _) = finished(Protection::Clear);
    let report = &world.reports[&AUDIT];
    assert_eq!(report.leader_share.as_slice(), [2, 0]);
    assert!(report.sealed.is_empty() && report.body.public_share.is_empty());
    assert_eq!(report.signature, Signature::ABSENT);
}

#[test]
fn what_is_previewed_is_what_is_sent() {
    let (mut world, _) = finished(Protection::Private);
    let mut run = Run::new(configuration(&world));
    run.start();
    assert_eq!(run.machine.preview(&world.opening(AUDIT)), Err(Fault::Aggregation));
    let campaign = world.answer(&Request::Campaign);
    run.receive(campaign);
    let bytes = run.machine.preview(&world.opening(AUDIT)).unwrap().unwrap();
    assert_eq!(bytes, codec::encode(&*world.reports[&AUDIT]));
    assert_eq!(run.sent.len(), 1, "a preview sends nothing");
}

#[test]
fn a_restart_at_any_record_repeats_the_same_bytes() {
    let (expected, full) = finished(Protection::Private);
    for stop in 0..=full.journal.len() {
        let mut world = World::new(Protection::Private);
        let mut run = Run::new(configuration(&world));
        let first = run.start();
        run.until(first, |request| Some(world.answer(request)), |run| run.journal.len() >= stop);
        run.journal.truncate(stop);
        let mut again = run.restart(Fixed(2));
        again.finish(&mut world);
        assert_eq!(again.machine.phase(), Phase::Done, "after {stop} records");
        assert_eq!(world.reports, expected.reports);
        assert_eq!(again.machine.outcomes(), full.machine.outcomes());
        assert_eq!(again.machine.ledger(), full.machine.ledger(), "charged once");
    }
}

#[test]
fn silence_is_answered_at_growing_bounded_intervals() {
    let mut world = World::new(Protection::Private);
    let mut run = Run::new(configuration(&world));
    let mut last = run.start();
    let mut waits = vec![];
    for _ in 0..12 {
        let before = run.now;
        assert!(matches!(last, Some(Request::Campaign)));
        last = run.wake();
        waits.push(run.now.as_millis() - before.as_millis());
    }
    assert!(waits.is_sorted() && waits[0] == 10 && waits[11] == 1_000, "{waits:?}");
    // Of four requests one is lost, and the answer to another.
    let mut count = 0;
    let lossy = |request: &Request| {
        count += 1;
        let answer = (count % 4 != 1).then(|| world.answer(request));
        answer.filter(|_| count % 4 != 2)
    };
    run.until(last, lossy, Run::is_over);
    assert_eq!(run.machine.phase(), Phase::Done);
}

#[test]
fn later_is_waited_for_within_bounds_whatever_the_clock() {
    let world = World::new(Protection::Private);
    for (at, expected) in [(0, 10), (500, 500), (u64::MAX, 1_000)] {
        let mut run = Run::new(configuration(&world));
        run.start();
        assert!(run.receive(Response::Later(Time::from_millis(at))).is_none());
        assert_eq!(run.wake, Some(Time::from_millis(expected)));
        for now in [1_000_000, 0] {
            let effects = run.machine.wake(Time::from_millis(now));
            assert!(run.take(effects).is_some());
        }
    }
}

#[test]
fn a_report_can_be_taken_back_and_given_again_under_a_new_id() {
    let mut world = World::new(Protection::Private);
    world.closed = false;
    let mut run = Run::new(configuration(&world));
    let first = run.start();
    let received = |run: &Run| matches!(run.journal.last(), Some(Record::Received { .. }));
    run.until(first, |request| Some(world.answer(request)), received);
    let Own::Received(first) = run.own(AUDIT) else { panic!("{:?}", run.own(AUDIT)) };
    let effects = run.machine.withdraw(run.now, AUDIT);
    let request = run.take(effects).unwrap();
    assert!(matches!(&request, Request::Withdraw(of) if of.id == first));
    let answer = world.answer(&request);
    run.receive(answer);
    let effects = run.machine.withdraw(run.now, SELECTION);
    run.take(effects);

    let mut run = run.restart(Fixed(2));
    assert_eq!((run.own(AUDIT), run.own(SELECTION)), (Own::Withdrawn, Own::Withdrawn));
    world.closed = true;
    let effects = run.machine.report_again(run.now, AUDIT);
    let request = run.take(effects);
    run.until(request, |request| Some(world.answer(request)), Run::is_over);
    assert_eq!(run.machine.phase(), Phase::Done);
    assert_ne!(world.reports[&AUDIT].body.id, first);
    assert!(!world.reports.contains_key(&SELECTION));
}

#[test]
fn too_late_is_missed_and_an_abort_ends_what_depends_on_it() {
    let mut world = World::new(Protection::Private);
    let reason = AbortReason::TooFewReports { got: 3 };
    let run = Run::lied_to(&mut world, |_, request| match request {
        Request::Report { .. } => Some(Response::Refused(Reject::NotCollecting)),
        Request::Outcome { aggregation: NEIGHBOURS, .. } => {
            Some(Response::Aborted { aggregation: NEIGHBOURS, reason })
        }
        _ => None,
    });
    let end = |id| run.machine.state.tracks[&id].end;
    assert_eq!(run.machine.phase(), Phase::Done);
    assert_eq!(run.own(AUDIT), Own::Missed);
    assert!(matches!(end(AUDIT), Some(End::Result { .. })));
    assert_eq!(end(NEIGHBOURS), Some(End::Aborted(reason)));
    assert_eq!(end(SELECTION), Some(End::Aborted(AbortReason::Dependency(NEIGHBOURS))));
    // One record for both: after a crash nobody waits for what depends on nothing.
    let ends = run.journal.iter().filter(|of| matches!(of, Record::Aborted { .. })).count();
    assert_eq!((ends, run.restart(Fixed(2)).machine.phase()), (1, Phase::Done));
}
