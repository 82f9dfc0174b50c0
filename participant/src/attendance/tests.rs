use super::*;
use crate::world::{self, AUDIT_AFTER, AUDIT_BEFORE, CONFIRMATION, Desk, SELECTION, World, play};
use protocol::{
    aggregation::{AggregateResult, noise::Role},
    roles::participant::light::{Alarm, Counted},
};
use std::sync::{Arc, Mutex};

fn all_done<S: Statements>(_: &World, desks: &[Desk<S>]) -> bool {
    desks.iter().all(|desk| desk.attendance.machine().phase() == Phase::Done)
}

fn counted<S: Statements>(desk: &Desk<S>, id: AggregationId) -> Option<Counted> {
    desk.attendance.machine().counted(id)
}

#[test]
fn people_come_to_a_result_and_each_report_is_the_one_that_was_previewed() {
    let mut world = World::new(world::unnoised());
    let mut desks = world::people(&world);
    for desk in &mut desks {
        desk.configuration.limits.unnoised = true;
        desk.restart();
    }
    play(&mut world, &mut desks, all_done);
    let mut flips = 0;
    for desk in &mut desks {
        let status = desk.attendance.status();
        for of in status.aggregations.iter().filter(|of| of.own != Standing::NotConcerned) {
            assert_eq!(counted(desk, of.id), Some(Counted::Accepted), "{:?}", of.id);
            let previewed = previewed(desk, of.id);
            let sent: Vec<_> = desk.sent.iter().filter(|(id, _)| *id == of.id).collect();
            assert!(!sent.is_empty() && sent.iter().all(|(_, bytes)| *bytes == previewed));
        }
        let asked = desk.attendance.asked().unwrap();
        assert_eq!(asked.is_some(), desk.record.role == Role::Member);
        assert!(asked != Some(Asked::Flip) || !desk.record.positive);
        flips += u64::from(asked == Some(Asked::Flip));
    }
    assert!(flips > 0, "nobody is asked: the test shows nothing");
    let outcomes = desks[0].attendance.machine().outcomes();
    let vdaf = world.manifest.vdaf(CONFIRMATION).unwrap();
    let outcome = &outcomes[&CONFIRMATION];
    let sum = vdaf.result(outcome.values.clone(), outcome.accepted).unwrap();
    let AggregateResult::Grid(grid) = sum else { panic!("a confirmation is a grid") };
    let confirmed = confirmation_of(&grid);
    assert_eq!(confirmed, i64::try_from(flips).unwrap());
}

fn confirmation_of(grid: &protocol::aggregation::GridSum) -> i64 {
    protocol::selection::confirmation::Confirmation::open(grid, 0).unwrap().flipped
}

/// The report as `preview` shows it.
fn previewed(desk: &Desk<Statement>, id: AggregationId) -> Vec<u8> {
    let lines = until_prepared(desk.lines.clone(), id).unwrap();
    let (configuration, record) = (desk.configuration.clone(), Some(&desk.record));
    let then = Attendance::restore(configuration, record, Statement::default(), lines);
    let mut then = then.unwrap();
    let opening = then.machine().opening(id).unwrap().clone();
    then.preview(&opening).unwrap().unwrap()
}

#[test]
fn a_person_goes_on_after_a_crash_at_any_line_and_sends_the_same_bytes() {
    let mut world = World::new(world::unnoised());
    let mut desks = world::people(&world);
    for desk in &mut desks {
        desk.configuration.limits.unnoised = true;
        desk.restart();
    }
    // Whoever restarts after every single line it writes, loses the answer that it waited for.
    for _ in 0..1_000 {
        if all_done(&world, &desks) {
            break;
        }
        world.step();
        for (number, desk) in desks.iter_mut().enumerate() {
            let before = desk.lines.len();
            desk.turn(&mut world, &mut |response| response);
            if number % 2 == 0 && desk.lines.len() > before {
                desk.lines.truncate(before + 1);
                desk.restart();
            }
        }
    }
    for desk in &desks {
        assert_eq!(desk.attendance.machine().phase(), Phase::Done);
        for (id, bytes) in &desk.sent {
            let first = desk.sent.iter().find(|(other, _)| other == id).unwrap();
            assert!(first.1 == *bytes, "two different reports to {id}");
            assert_eq!(counted(desk, *id), Some(Counted::Accepted));
        }
    }
    assert!(desks.iter().any(|desk| desk.sent.len() > 5), "nobody has repeated a report");
}

#[test]
fn what_a_report_has_said_is_said_again_after_a_restart_though_the_person_says_something_else_now()
{
    let mut world = World::new(world::unnoised());
    let mut desks: Vec<Desk<Arc<Mutex<Statement>>>> = world::people(&world)
        .into_iter()
        .map(|desk| {
            let mut configuration = desk.configuration.clone();
            configuration.limits.unnoised = true;
            let says = Arc::new(Mutex::new(desk.statements));
            Desk::new(configuration, desk.record.clone(), says)
        })
        .collect();
    let sent = |desk: &Desk<_>| desk.sent.iter().any(|(id, _)| *id == CONFIRMATION);
    play(&mut world, &mut desks, |_, desks| desks.iter().any(sent));
    for desk in &mut desks {
        desk.statements.lock().unwrap().complies = false;
        // The receipt was lost.
        let received = |line: &Line| {
            matches!(line, Line::Machine(record)
                if matches!(**record, Record::Received { aggregation: CONFIRMATION, .. }))
        };
        desk.lines.retain(|line| !received(line));
        desk.restart();
    }
    play(&mut world, &mut desks, all_done);
    for desk in desks.iter().filter(|desk| desk.record.role == Role::Member) {
        assert_eq!(counted(desk, CONFIRMATION), Some(Counted::Accepted));
    }
}

#[test]
fn whoever_leaves_takes_back_what_is_in_and_reports_nothing_more() {
    let mut world = World::new(world::plan());
    let mut desks = world::people(&world);
    let first = |desk: &Desk<Statement>| {
        desk.attendance
            .status()
            .aggregations
            .iter()
            .any(|of| matches!(of.own, Standing::Received(_)))
    };
    play(&mut world, &mut desks, |_, desks| desks.iter().all(first));
    let mut leaver = desks.remove(0);
    assert!(!leaver.attendance.has_left());
    leaver.attendance.order(Order::Leave);
    let mut alone = vec![leaver];
    play(&mut world, &mut alone, |_, desks| desks[0].attendance.has_left());
    let mut leaver = alone.remove(0);
    let before = leaver.sent.len();
    leaver.restart();
    desks.push(leaver);
    play(&mut world, &mut desks, all_done);
    let leaver = desks.last().unwrap();
    assert_eq!(leaver.sent.len(), before);
    assert_eq!(counted(leaver, AUDIT_BEFORE), Some(Counted::Absent));
    assert_eq!(counted(leaver, AUDIT_AFTER), Some(Counted::Absent));
    assert!(leaver.attendance.asked().unwrap().is_some());
}

#[test]
fn an_alarm_keeps_the_message_that_has_raised_it() {
    let mut world = World::new(world::plan());
    let mut desks = world::people(&world);
    let enrolled = |desk: &Desk<Statement>| desk.attendance.machine().phase() == Phase::Reporting;
    play(&mut world, &mut desks, |_, desks| desks.iter().all(enrolled));
    let desk = &mut desks[0];
    let mut spoilt = None;
    for _ in 0..200 {
        world.step();
        desk.turn(&mut world, &mut |response| match response {
            Response::Receipt { aggregation, mut receipt } => {
                receipt.leaf.0[0] ^= 1;
                let response = Response::Receipt { aggregation, receipt };
                spoilt = Some(codec::encode(&response));
                response
            }
            other => other,
        });
        if spoilt.is_some() {
            break;
        }
    }
    let alarm = Alarm::Receipt { aggregation: AUDIT_BEFORE };
    assert_eq!(desk.attendance.machine().phase(), Phase::Alarm(alarm));
    let evidence: Vec<_> = desk
        .lines
        .iter()
        .filter_map(|line| match line {
            Line::Evidence(blob) => Some(blob.as_slice().to_vec()),
            Line::Machine(_) | Line::Said(..) => None,
        })
        .collect();
    assert_eq!(evidence, [spoilt.unwrap()]);
    let sent = desk.sent.len();
    desk.restart();
    for _ in 0..50 {
        world.step();
        desk.turn(&mut world, &mut |response| response);
    }
    assert_eq!(desk.sent.len(), sent, "nothing is sent after an alarm");
}

#[test]
fn without_a_record_nothing_is_reported() {
    let mut world = World::new(world::plan());
    let configuration = world.configuration(Role::Member, 9);
    let campaign = configuration.campaign;
    let mut attendance =
        Attendance::restore(configuration, None, Statement::default(), vec![]).unwrap();
    attendance.order(Order::Consent(campaign));
    let mut started = false;
    for _ in 0..100 {
        world.step();
        let mut effects =
            if started { attendance.wake(world.now()) } else { attendance.start(world.now()) };
        started = true;
        while let Some(request) = effects.into_iter().find_map(|effect| match effect {
            Effect::Send(request) => Some(request),
            Effect::Persist(_) | Effect::Wake(_) => None,
        }) {
            assert!(!matches!(request, Request::Report { .. }));
            effects = attendance.receive(world.now(), world.answer(request));
        }
    }
    let own = attendance.status().aggregations.into_iter().map(|of| of.own).collect::<Vec<_>>();
    assert!(matches!(own[0], Standing::Faulty(_)), "{own:?}");
    assert_eq!(attendance.asked(), Ok(None));
}

#[test]
fn a_statement_and_a_journal_print_nothing_that_is_said() {
    let said = Statement { complies: true, accepted_after: Some(false) };
    let printed = format!("{:?}", Line::Said(SELECTION, said));
    assert!(!printed.contains("true") && !printed.contains("false"), "{printed}");
}
