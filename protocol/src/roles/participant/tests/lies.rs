//! What the machine refuses: limits, lies of the coordinator, a record that has changed.

use super::*;
use crate::transcript::Outcome;

fn alarm(lie: impl Fn(&World, &Request) -> Option<Response>) -> Alarm {
    let run = Run::lied_to(&mut World::new(Protection::Private), lie);
    let Phase::Alarm(alarm) = run.machine.phase() else { panic!("{:?}", run.machine.phase()) };
    let mut restored = run.restart(Fixed(2));
    assert_eq!(restored.machine.phase(), Phase::Alarm(alarm), "it outlives a restart");
    assert!(restored.start().is_none());
    alarm
}

/// Up to the first report, which is in the journal and may have left.
fn prepared(world: &mut World) -> Run {
    let mut run = Run::new(configuration(world));
    let first = run.start();
    let done = |run: &Run| matches!(run.journal.last(), Some(Record::Prepared { .. }));
    run.until(first, |request| Some(world.answer(request)), done);
    run
}

#[test]
fn nothing_leaves_without_consent() {
    let mut world = World::new(Protection::Private);
    let mut run = Run::new(configuration(&world));
    assert!(run.consent().is_none(), "not before the campaign is known");
    let request = run.start().unwrap();
    let campaign = world.answer(&request);
    assert!(run.receive(campaign).is_none());
    let effects = run.machine.wake(Time::from_millis(1_000_000));
    assert!(run.take(effects).is_none());
    let effects = run.machine.consent(run.now, CampaignId([0; 32]));
    assert!(run.take(effects).is_none());
    assert_eq!(run.machine.phase(), Phase::AwaitingConsent);
    assert!(matches!(run.consent(), Some(Request::Enrol(_))));
    assert!(matches!(run.journal.last(), Some(Record::Consented(_))));
}

#[test]
fn another_campaign_than_the_invites_alarms() {
    let mut world = World::new(Protection::Private);
    let base = configuration(&world);
    let mut run = Run::new(Configuration { campaign: CampaignId([9; 32]), ..base });
    run.finish(&mut world);
    assert_eq!(run.machine.phase(), Phase::Alarm(Alarm::Manifest));
    assert_eq!(run.sent.len(), 1);
}

fn without_one(endorsed: &Endorsed) -> Arc<Endorsed> {
    let mut endorsed = endorsed.clone();
    endorsed.endorsements.pop();
    Arc::new(endorsed)
}

#[test]
fn a_missing_endorsement_alarms() {
    let about = |alarm: Alarm| match alarm {
        Alarm::Endorsement { document, .. } => document,
        other => panic!("{other}"),
    };
    let manifest = alarm(|world, request| {
        let endorsed = without_one(&world.endorsed);
        let manifest = Arc::clone(&world.manifest);
        matches!(request, Request::Campaign).then_some(Response::Campaign { manifest, endorsed })
    });
    assert_eq!(about(manifest), Document::Manifest);
    let opening = alarm(|world, request| {
        let Request::Opening(id) = request else { return None };
        let endorsed = world.endorse(Post::Opening(world.opening(*id)));
        Some(Response::Opening(without_one(&endorsed)))
    });
    assert_eq!(about(opening), Document::Opening(AUDIT));
    let outcome = alarm(|world, request| {
        let Request::Outcome { aggregation, .. } = request else { return None };
        let (outcome, inclusion) = world.outcome(*aggregation);
        let endorsed = without_one(&world.endorse(Post::Outcome(Arc::new(outcome))));
        Some(Response::Outcome { endorsed, inclusion })
    });
    assert!(matches!(about(outcome), Document::Outcome(_)));
}

#[test]
fn a_forged_receipt_alarms() {
    let forged = |by: SigningKey, leaf: Option<Hash>| {
        alarm(move |world, request| {
            let Request::Report { aggregation, report } = request else { return None };
            let leaf = leaf.unwrap_or_else(|| report.leaf());
            let receipt = Receipt::new(&by, &world.opening(*aggregation).context(), leaf);
            Some(Response::Receipt { aggregation: *aggregation, receipt })
        })
    };
    let expected = Alarm::Receipt { aggregation: AUDIT };
    assert_eq!(forged(SigningKey::from_bytes(&[1; 32]), None), expected);
    assert_eq!(forged(organiser(), Some(Hash([1; 32]))), expected);
}

/// The outcome of the audit, changed.
fn outcome(change: impl Fn(&mut Outcome, &mut Option<Inclusion>)) -> Alarm {
    alarm(move |world, request| {
        let Request::Outcome { aggregation: AUDIT, .. } = request else { return None };
        let (mut outcome, mut inclusion) = world.outcome(AUDIT);
        change(&mut outcome, &mut inclusion);
        let endorsed = Arc::new(world.endorse(Post::Outcome(Arc::new(outcome))));
        Some(Response::Outcome { endorsed, inclusion })
    })
}

#[test]
fn a_receipt_without_inclusion_alarms() {
    let expected = Alarm::NotIncluded { aggregation: AUDIT };
    assert_eq!(outcome(|_, inclusion| *inclusion = None), expected);
    assert_eq!(outcome(|_, inclusion| inclusion.as_mut().unwrap().frozen.index = 3), expected);
    assert_eq!(outcome(|outcome, _| outcome.accepted_root = Hash([1; 32])), expected);
}

#[test]
fn an_outcome_that_contradicts_the_plan_alarms() {
    let document = Document::Outcome(AUDIT);
    let contradiction = Alarm::Contradiction { document };
    assert_eq!(outcome(|outcome, _| outcome.accepted = 11), contradiction);
    assert_eq!(outcome(|outcome, _| outcome.accepted = outcome.frozen + 1), contradiction);
    assert_eq!(outcome(|outcome, _| outcome.values.clear()), contradiction);
    let other = outcome(|outcome, _| outcome.context = Hash([1; 32]));
    assert_eq!(other, Alarm::Equivocation { document });
}

#[test]
fn an_opening_over_other_results_is_an_equivocation() {
    let opening = |change: fn(&mut Opening)| {
        alarm(move |world, request| {
            let Request::Opening(SELECTION) = request else { return None };
            let mut opening = world.opening(SELECTION);
            change(&mut opening);
            Some(Response::Opening(Arc::new(world.endorse(Post::Opening(opening)))))
        })
    };
    let document = Document::Opening(SELECTION);
    let other = opening(|opening| opening.results = vec![Hash([1; 32])]);
    assert_eq!(other, Alarm::Equivocation { document });
    let longer = opening(|opening| opening.closes = Time::MAX);
    assert_eq!(longer, Alarm::Contradiction { document });
}

#[test]
fn other_entries_after_a_restart_are_equivocations() {
    let mut world = World::new(Protection::Private);
    let mut run = prepared(&mut world);
    let mut other = run.restart(Fixed(2));
    other.start();
    let post = Post::Manifest(world.checked.campaign());
    let endorsed = Arc::new(world.endorse_after(Hash([8; 32]), post));
    other.receive(Response::Campaign { manifest: Arc::clone(&world.manifest), endorsed });
    let document = Document::Manifest;
    assert_eq!(other.machine.phase(), Phase::Alarm(Alarm::Equivocation { document }));

    run.journal.pop();
    let mut other = run.restart(Fixed(2));
    let first = other.start();
    let answer = |request: &Request| {
        let Request::Opening(id) = request else { return Some(world.answer(request)) };
        let post = Post::Opening(world.opening(*id));
        Some(Response::Opening(Arc::new(world.endorse_after(Hash([8; 32]), post))))
    };
    other.until(first, answer, Run::is_over);
    let document = Document::Opening(AUDIT);
    assert_eq!(other.machine.phase(), Phase::Alarm(Alarm::Equivocation { document }));
}

#[test]
fn limits_are_kept_whatever_the_organiser_sets() {
    let mut world = World::new(Protection::Private);
    let base = configuration(&world);
    let cohort = Limits { cohort_min: 13, ..base.limits };
    let epsilon = Limits { epsilon_max_milli: 10, ..base.limits };
    let cases = [
        Configuration { limits: cohort, ..base.clone() },
        Configuration { limits: epsilon, ..base.clone() },
        Configuration { spent: Rho::new(1_000.0), ..base.clone() },
        Configuration { known: SeatSet::EMPTY, ..base.clone() },
    ];
    for configuration in cases {
        let mut run = Run::new(configuration);
        run.finish(&mut world);
        assert!(matches!(run.machine.phase(), Phase::Refused(_)), "{:?}", run.machine.phase());
        assert_eq!(run.sent.len(), 1);
    }
    let mut clear = World::new(Protection::Clear);
    let strict = Configuration { limits: Limits::default(), ..configuration(&clear) };
    let mut run = Run::new(strict);
    run.finish(&mut clear);
    assert_eq!(run.machine.phase(), Phase::Refused(Refusal::Clear));
}

#[test]
fn a_record_that_changed_after_a_restart_sends_nothing() {
    let mut world = World::new(Protection::Private);
    let mut other = prepared(&mut world).restart(Fixed(1));
    other.sent.clear();
    other.finish(&mut world);
    assert!(matches!(other.own(AUDIT), Own::Faulty(Fault::Changed { .. })));
    let to_audit = |of: &Request| matches!(of, Request::Report { aggregation: AUDIT, .. });
    assert!(!other.sent.iter().any(to_audit));
    assert_eq!(other.machine.phase(), Phase::Done);
}

#[test]
fn a_journal_survives_its_wire_form_and_belongs_to_one_campaign() {
    let mut world = World::new(Protection::Private);
    let mut run = Run::new(configuration(&world));
    run.finish(&mut world);
    let restored = |configuration, records: &[Record]| {
        Participant::restore(configuration, Fixed(2), records.to_vec()).err()
    };
    let own = configuration(&world);
    let foreign = Configuration { campaign: CampaignId([9; 32]), ..own.clone() };
    assert_eq!(restored(foreign, &run.journal), Some(RestoreError::Campaign));
    assert_eq!(restored(own, &run.journal[3..]), Some(RestoreError::Record { index: 0 }));
    let bytes = codec::encode(&run.journal);
    let decoded = codec::decode::<Vec<Record>, { codec::MESSAGE_BYTES_MAX }>(&bytes);
    assert_eq!(decoded.as_ref(), Ok(&run.journal));
}

#[test]
fn one_whom_the_gate_does_not_admit_stops() {
    let run = Run::lied_to(&mut World::new(Protection::Private), |_, request| {
        matches!(request, Request::Enrol(_)).then_some(Response::Refused(Reject::Token))
    });
    assert_eq!(run.machine.phase(), Phase::NotAdmitted(Reject::Token));
}
