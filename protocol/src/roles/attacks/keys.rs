//! Whoever learns a verify key before the reports are fixed can forge proofs.

use super::*;
use crate::{
    aggregation::{Context, Nonce, noise::Role},
    keys::{Label, seal, stream},
    report::{Report, share_hash},
    roles::coordinator::Phase,
};
use fixture::{COLLECTING_MILLIS, OPENS, PATIENCE_MILLIS};

const SECOND: AggregationId = AggregationId(1);

/// Seats whose part of the verify key may not be known before all have endorsed the freeze.
fn guard(transcript: &Transcript, seat: Seat, request: &Request) {
    if let Request::Post(signed) = request
        && let Post::VerifyKeyPart { aggregation, .. } = signed.post
    {
        let (entry, _) = transcript.sum(aggregation).unwrap().freeze().unwrap();
        let all = transcript.live(Some(aggregation));
        assert!(all.iter().all(|of| transcript.has_endorsed(of, &entry)), "{seat:?}");
    }
}

/// A report for the first aggregation, signed again for the context of the second.
fn relabelled(report: &Report, context: Context, by: &Reporter) -> Report {
    let mut report = report.clone();
    report.body.context = Hash(context.0);
    report.signature = report.body.sign(&by.key);
    report
}

#[test]
fn a_verify_key_serves_one_aggregation_only() {
    let mut world = World::open(Setup { aggregations: 2, ..THREE }, 14);
    world.guard = guard;
    let early = (0..14).map(|number| world.make(FIRST, number)).collect::<Vec<_>>();
    for report in &early {
        assert!(matches!(world.send(FIRST, report.clone()), Response::Receipt { .. }));
    }
    let second = OPENS.after_millis(2 * COLLECTING_MILLIS);
    world.run_until(second.after_millis(PATIENCE_MILLIS));
    assert_eq!(world.coordinator.phase(SECOND), Some(Phase::Collecting));
    let contexts = [FIRST, SECOND].map(|id| world.sum_of(id).context().unwrap());
    assert_ne!(contexts[0].0, contexts[1].0);

    for report in &early {
        assert!(matches!(world.send(SECOND, report.clone()), Response::Refused(_)));
    }
    let by = Reporter::new(0, Role::Member);
    // The person herself signs it again, and the coordinator takes it: no keyholder can open its share.
    world.send(SECOND, relabelled(&early[0], contexts[1], &by));
    for number in 1..14 {
        assert!(matches!(world.send(SECOND, world.make(SECOND, number)), Response::Receipt { .. }));
    }
    world.run_until(second.after_millis(COLLECTING_MILLIS + 6 * PATIENCE_MILLIS));
    let all = world.setup.plan().all_seats();
    let [first, second] = [FIRST, SECOND].map(|id| world.sum_of(id).verify_key(all).unwrap());
    assert_ne!(first.expose(), second.expose());
    assert_eq!(world.sum_of(SECOND).outcome().unwrap().1.accepted, 13);
}

/// A share that is sealed for the second aggregation but proved for the first.
#[test]
fn a_proof_for_one_aggregation_is_none_for_another() {
    let mut world = World::open(Setup { aggregations: 2, ..THREE }, 14);
    let context = world.sum().context().unwrap();
    for number in 0..14 {
        world.send(FIRST, world.make(FIRST, number));
    }
    let second = OPENS.after_millis(2 * COLLECTING_MILLIS);
    world.run_until(second.after_millis(PATIENCE_MILLIS));
    for number in 1..14 {
        world.send(SECOND, world.make(SECOND, number));
    }
    let forged = resealed(&world, context);
    assert!(matches!(world.send(SECOND, forged), Response::Receipt { .. }));
    world.run_until(second.after_millis(COLLECTING_MILLIS + 6 * PATIENCE_MILLIS));
    assert_eq!(world.sum_of(SECOND).outcome().unwrap().1.accepted, 13);
}

/// Sealed for the second aggregation, with the proof bound to `context`.
fn resealed(world: &World, context: Context) -> Report {
    let by = Reporter::new(0, Role::Member);
    let (manifest, own) = (world.manifest(), world.sum_of(SECOND).context().unwrap());
    let vdaf = manifest.vdaf(SECOND).unwrap();
    let crate::aggregation::Circuit::Grid(grid) = vdaf.circuit() else { panic!("a grid") };
    let measurement = crate::aggregation::Measurement::Grid(grid.measure(&[0]).unwrap());
    let mut report = world.make(SECOND, 0);
    let mut rng = stream(Label::Sharding, by.key.expose(), &[b"attack"]);
    let sharded = vdaf.shard(&context, &measurement, &Nonce(report.body.id.0), &mut rng).unwrap();
    report.body.public_share = sharded.public_share.as_bytes().to_vec().into();
    report.leader_share = sharded.leader_share.expose().to_vec().into();
    report.body.leader_share = share_hash(&report.leader_share);
    let keys = manifest.sealing_keys(SECOND).unwrap();
    let each = manifest.all_seats().iter().zip(keys).zip(&sharded.helper_shares);
    report.sealed = each
        .map(|((seat, key), share)| {
            let binding = report.body.binding(&own, seat);
            seal::seal(&key, &binding, share.expose(), &mut rng).unwrap().into()
        })
        .collect();
    report.body.sealed = report.sealed.iter().map(share_hash).collect();
    report.signature = report.body.sign(&by.key);
    report
}

#[test]
fn no_part_of_a_key_leaves_before_the_freeze_is_signed_by_all() {
    let mut world = World::reported(THREE, 14);
    world.guard = guard;
    // One endorsement never arrives: what arrives instead is a question.
    world.tamper_requests(|seat, request| match request {
        Request::Post(signed)
            if seat == Seat::new(2) && matches!(signed.post, Post::Endorse { .. }) =>
        {
            Request::Follow { from: u64::MAX }
        }
        other => other,
    });
    world.run_until(ended());
    let entry = world.sum().freeze().unwrap().0;
    let transcript = world.coordinator.transcript();
    assert!([0, 1].into_iter().all(|seat| transcript.has_endorsed(Seat::new(seat), &entry)));
    for party in &world.parties {
        let part = |post: &SignedPost| matches!(post.post, Post::VerifyKeyPart { .. });
        assert!(!party.posts.iter().any(part));
        assert!(!world.sum().has_key_part(party.seat));
    }
    world.assert_unopened();
}

/// Nor does an endorsement that the coordinator has made up.
#[test]
fn a_forged_endorsement_stops_the_keyholder() {
    let mut world = World::reported(THREE, 14);
    world.absent = seats([2]);
    let frozen = |world: &World| world.phase() == Some(Phase::Freezing);
    world.run_while(ended(), |world| !frozen(world));
    world.run_until(world.now.after_millis(8_000));
    let (entry, _) = world.sum().freeze().unwrap();
    let plan = world.setup.plan().id();
    let author = Author::Keyholder(Seat::new(2));
    let signed = SignedPost::new(plan, author, Post::Endorse { entry }, &fixture::organiser());
    let head = world.coordinator.transcript().head();
    let forged = Arc::new(Entry { previous: head, signed });
    let from = world.coordinator.transcript().len();
    world.tamper(move |_, response| match response {
        Response::Entries { from: at, entries } if at == from && entries.is_empty() => {
            Response::Entries { from, entries: vec![Arc::clone(&forged)] }
        }
        other => other,
    });
    world.run_until(world.now.after_millis(8_000));
    for seat in [0, 1] {
        let fault = world.party(Seat::new(seat)).fault();
        let violation = Violation::Signature { author };
        assert_eq!(fault, Some(&keyholder::Fault::Transcript(violation)));
    }
    world.assert_unopened();
}
