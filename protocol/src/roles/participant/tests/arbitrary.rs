//! Answers in any order, true, false or beside the point.

use super::*;
use crate::ids::ReportId;
use proptest::prelude::*;
use std::sync::LazyLock;

/// Everything a coordinator could say, with the reports of a finished run.
static POOL: LazyLock<(World, Vec<Response>)> = LazyLock::new(|| {
    let mut world = World::new(Protection::Private);
    let mut run = Run::new(configuration(&world));
    run.finish(&mut world);
    let mut pool = vec![
        Response::Later(Time::MAX),
        Response::Later(Time::from_millis(0)),
        Response::Entries { from: 0, entries: vec![] },
        Response::Enrolled(run.machine.reporter()),
        Response::Enrolled(organiser().public()),
        Response::Refused(Reject::NotCollecting),
        Response::Refused(Reject::Duplicate),
        world.answer(&Request::Campaign),
    ];
    for aggregation in [AUDIT, NEIGHBOURS, SELECTION] {
        let report = world.reports.get(&aggregation);
        let id = report.map_or(ReportId([0; 16]), |report| report.body.id);
        let leaf = report.map_or(Hash([0; 32]), |report| report.leaf());
        let (outcome, inclusion) = world.outcome(aggregation);
        let endorsed = Arc::new(world.endorse(Post::Outcome(Arc::new(outcome))));
        let opening = Arc::new(world.endorse(Post::Opening(world.opening(aggregation))));
        pool.extend([
            Response::Aborted { aggregation, reason: AbortReason::Stopped },
            Response::Withdrawn { aggregation, id },
            Response::Receipt { aggregation, receipt: world.receipt(aggregation, leaf) },
            Response::Opening(opening),
            Response::Outcome { endorsed: Arc::clone(&endorsed), inclusion },
            Response::Outcome { endorsed, inclusion: None },
        ]);
    }
    world.reports.clear();
    (world, pool)
});

#[derive(Clone, Copy, Debug)]
enum Step {
    Pool(usize),
    Truth,
    Wake(u64),
    Consent,
    Withdraw(u16),
    Again(u16),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any::<prop::sample::Index>().prop_map(|index| Step::Pool(index.index(POOL.1.len()))),
        8 => Just(Step::Truth),
        2 => (0..3_000_u64).prop_map(Step::Wake),
        2 => Just(Step::Consent),
        1 => (0..4_u16).prop_map(Step::Withdraw),
        1 => (0..4_u16).prop_map(Step::Again),
        1 => Just(Step::Restart),
    ]
}

fn carry_out(run: &mut Run, world: &mut World, step: Step, asked: Option<&Request>) -> Effects {
    match step {
        Step::Pool(index) => run.machine.receive(run.now, POOL.1[index].clone()),
        Step::Truth => asked.map_or_else(Vec::new, |request| {
            if let Request::Report { aggregation, .. } = request {
                // One that was taken back gives way to the next.
                world.reports.remove(aggregation);
            }
            run.machine.receive(run.now, world.answer(request))
        }),
        Step::Wake(at) => {
            run.now = Time::from_millis(at);
            run.machine.wake(run.now)
        }
        Step::Consent => run.machine.consent(run.now, world.checked.campaign()),
        Step::Withdraw(id) => run.machine.withdraw(run.now, AggregationId(id)),
        Step::Again(id) => run.machine.report_again(run.now, AggregationId(id)),
        Step::Restart => {
            *run = run.restart(Fixed(2));
            run.machine.start(run.now)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_answer_stops_the_machine_or_makes_it_say_too_much(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut world = POOL.0.clone();
        let mut run = Run::new(configuration(&world));
        let mut asked = run.start();
        for step in steps {
            let pending = run.machine.pacer.pending();
            let effects = carry_out(&mut run, &mut world, step, asked.as_ref());
            let answered = matches!(step, Step::Pool(_) | Step::Truth);
            prop_assert!(pending.is_some() || !answered || effects.is_empty());
            let sent = run.take(effects);
            asked = sent.or(asked);
            let consented = run.journal.iter().any(|of| matches!(of, Record::Consented(_)));
            let asks = |of: &Request| matches!(of, Request::Campaign);
            prop_assert!(consented || run.sent.iter().all(asks));
        }
        // One id, one report; and each is in the journal.
        let mut reports = BTreeMap::new();
        for request in &run.sent {
            if let Request::Report { report, .. } = request {
                let first = reports.entry(report.body.id).or_insert(report);
                prop_assert_eq!(*first, report);
            }
        }
        for id in reports.keys() {
            let prepared = |of: &Record| matches!(of, Record::Prepared { id: of, .. } if of == id);
            prop_assert!(run.journal.iter().any(prepared));
        }
    }
}
