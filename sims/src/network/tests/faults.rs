//! Each fault by itself does what its documentation says, and nothing else.

use super::toy::{Kept, count};
use super::*;

const FIRST: ClientId = ClientId(0);

fn millis(simulation: &Simulation<Toy>, fits: impl Fn(&Event) -> bool) -> Vec<u64> {
    let entries = simulation.log().iter().filter(|entry| fits(&entry.event));
    entries.map(|entry| entry.at.as_millis() - START.as_millis()).collect()
}

#[test]
fn a_calm_run_is_what_one_would_write_down() {
    let mut simulation = simulation(Flaw::None, Setting::calm(1), 0);
    let ended = run(&mut simulation).unwrap();
    let node = Node::Client(FIRST);
    let message = |number, way, label| Message { number, client: FIRST, way, label };
    let (count, receipt) =
        (message(1, Way::Request, "count"), message(2, Way::Response, "receipt"));
    let events: Vec<Event> = simulation.log().iter().map(|entry| entry.event).collect();
    let expected = [
        Event::Started { node: Node::Server },
        Event::Settled { node: Node::Server },
        Event::Started { node },
        Event::Persisted { node, records: 1 },
        Event::Sent(count),
        Event::Settled { node },
        Event::Delivered(count),
        Event::Persisted { node: Node::Server, records: 1 },
        Event::Sent(receipt),
        Event::Settled { node: Node::Server },
        Event::Delivered(receipt),
        Event::Persisted { node, records: 2 },
        Event::Settled { node },
    ];
    assert_eq!(events, expected);
    assert_eq!(ended, Ended { reason: Reason::Quiet, at: START, events: 13, messages: 2 });
}

#[test]
fn a_crash_between_persist_and_send_keeps_the_record_and_loses_the_message() {
    let mut setting = Setting::calm(1);
    setting.faults.downtime = Span { min_millis: 50, max_millis: 50 };
    setting.faults.crashes = vec![CrashPoint { node: Node::Client(FIRST), effect: 1 }];
    let mut simulation = simulation(Flaw::None, setting, 0);
    let mut tokens = Vec::new();
    let mut kept_at_crash = Vec::new();
    simulation
        .run(|moment| {
            match (&moment.event, &moment.body) {
                (Event::Crashed { .. }, _) => {
                    kept_at_crash = moment.world.client_journal(FIRST).records().to_vec();
                    assert!(moment.world.client(FIRST).is_none(), "memory outlived the crash");
                    assert_eq!(tokens, [], "the message left after all");
                }
                (Event::Sent(_), Body::Request(token)) => tokens.push(**token),
                _ => {}
            }
            Ok::<(), ()>(())
        })
        .unwrap();
    assert_eq!(tokens.len(), 1);
    assert_eq!(kept_at_crash, [Kept::Chosen(tokens[0])]);
    assert_eq!(millis(&simulation, |it| matches!(it, Event::Restarted { .. })), [50]);
    assert_eq!(count(simulation.world(), FIRST), 1);
}

#[test]
fn a_failed_write_leaves_no_record_and_brings_its_node_down() {
    for node in [Node::Server, Node::Client(FIRST)] {
        let mut setting = Setting::calm(1);
        setting.faults.failed_writes = vec![WritePoint { node, write: 1 }];
        let mut simulation = simulation(Flaw::None, setting, 0);
        let mut observed = 0;
        simulation
            .run(|moment| {
                if moment.event == (Event::Crashed { node, cause: CrashCause::Write }) {
                    observed += 1;
                    let records = match node {
                        Node::Server => moment.world.server_journal().records().len(),
                        Node::Client(id) => moment.world.client_journal(id).records().len(),
                    };
                    assert_eq!((records, moment.world.state(node)), (0, State::Down));
                }
                Ok::<(), ()>(())
            })
            .unwrap();
        assert_eq!((observed, count(simulation.world(), FIRST)), (1, 1), "{node:?}");
    }
}

#[test]
fn a_partition_stops_its_clients_alone_and_heals() {
    let mut setting = Setting::calm(4);
    setting.faults.partitions = vec![Partition {
        clients: ClientSet::Range { first: ClientId(1), count: 2 },
        from_millis: 0,
        until_millis: 30_000,
    }];
    let mut simulation = simulation(Flaw::None, setting, 0);
    run(&mut simulation).unwrap();
    for (client, expected) in [(0, 0), (1, 30_000), (2, 30_000), (3, 0)] {
        let delivered = millis(
            &simulation,
            |it| matches!(it, Event::Delivered(message) if message.client == ClientId(client)),
        );
        assert_eq!(delivered, [expected, expected], "client {client}");
    }
    let lost =
        tally(&simulation, |it| matches!(it, Event::Lost { cause: LossCause::Partition, .. }));
    assert_eq!(lost, 60);
}

#[test]
fn whoever_left_never_returns() {
    for seed in 0..50 {
        let mut setting = storm(20);
        setting.faults.departures = vec![Departure { client: FIRST, at_millis: 0 }];
        let mut simulation = simulation(Flaw::None, setting, seed);
        run(&mut simulation).unwrap();
        let mut left = std::collections::BTreeSet::new();
        for entry in simulation.log() {
            let acts = match entry.event {
                Event::Left { client } => {
                    assert!(left.insert(client), "left twice");
                    continue;
                }
                Event::Sent(Message { client, way: Way::Request, .. })
                | Event::Delivered(Message { client, way: Way::Response, .. })
                | Event::Started { node: Node::Client(client) }
                | Event::Restarted { node: Node::Client(client) }
                | Event::Woke { node: Node::Client(client) } => client,
                _ => continue,
            };
            assert!(!left.contains(&acts), "seed {seed}: {acts:?} came back at {:?}", entry.at);
        }
        // A fifth of the 17 clients from 3 on, and the one that was named.
        assert_eq!((left.len(), left.contains(&FIRST)), (3 + 1, true));
        assert!(left.iter().all(|id| *id == FIRST || id.0 >= 3));
    }
}

#[test]
fn clocks_are_wrong_by_a_constant_until_they_are_set() {
    let mut setting = Setting::calm(1);
    setting.faults.partitions =
        vec![Partition { clients: ClientSet::All, from_millis: 0, until_millis: 5_500 }];
    setting.faults.clock_steps = vec![
        ClockStep { client: FIRST, at_millis: 0, by_millis: -86_400_000 },
        ClockStep { client: FIRST, at_millis: 2_500, by_millis: 600_000 },
    ];
    let mut simulation = simulation(Flaw::None, setting, 0);
    let mut clocks = Vec::new();
    simulation
        .run(|moment| {
            if moment.event == (Event::Settled { node: Node::Client(FIRST) }) {
                let clock = moment.world.client(FIRST).unwrap().clock;
                let shown = i128::from(clock.as_millis()) - i128::from(moment.at.as_millis());
                clocks.push((moment.at.as_millis() - START.as_millis(), shown));
            }
            Ok::<(), ()>(())
        })
        .unwrap();
    let (before, after) = (-86_400_000, -85_800_000);
    let expected = [0, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 6_000];
    let expected = expected.map(|at| (at, if at < 2_500 { before } else { after }));
    assert_eq!(clocks, expected);
}

#[test]
fn limits_end_a_run() {
    let mut setting = Setting::calm(1);
    setting.faults.chances.request_loss = 1.0;
    setting.limits.millis_max = 10_500;
    let mut endless = simulation(Flaw::None, setting.clone(), 0);
    let ended = run(&mut endless).unwrap();
    assert_eq!((ended.reason, ended.at), (Reason::Deadline, START.after_millis(10_000)));
    setting.limits.events_max = 20;
    let ended = run(&mut simulation(Flaw::None, setting, 0)).unwrap();
    assert_eq!(ended.reason, Reason::EventLimit);
    assert!((20..26).contains(&ended.events), "{ended:?}");
}

#[test]
fn rates_are_those_of_the_setting() {
    let mut setting = Setting::calm(5_000);
    setting.faults.chances.request_loss = 0.1;
    setting.faults.chances.duplication = 0.05;
    let mut simulation = simulation(Flaw::None, setting, 3);
    run(&mut simulation).unwrap();
    let sent = tally(&simulation, |it| matches!(it, Event::Sent(_)));
    let lost = tally(&simulation, |it| matches!(it, Event::Lost { .. }));
    let copied = tally(&simulation, |it| matches!(it, Event::Duplicated(_)));
    // A request is repeated if it is lost and not copied, so 5,000 / 0.905 are sent; each copy that comes is answered.
    let answered = (0.9 + 0.05) * 5_000.0 / 0.905;
    for (number, expected) in [
        (sent, 5_000.0 / 0.905 + answered),
        (lost, 0.1 * 5_000.0 / 0.905),
        (copied, 0.05 * (5_000.0 / 0.905 + answered)),
    ] {
        let number = f64::from(u32::try_from(number).unwrap());
        assert!((number - expected).abs() < 4.0 * expected.sqrt(), "{number}, not {expected}");
    }
}

#[test]
fn a_tampered_request_arrives_garbled() {
    let mut setting = Setting::calm(1);
    setting.faults.chances.tampering = 1.0;
    setting.faults.calm_from_millis = Some(500);
    let mut simulation = simulation(Flaw::None, setting, 0);
    let (mut sent, mut delivered) = (Vec::new(), Vec::new());
    simulation
        .run(|moment| {
            match (&moment.event, &moment.body) {
                (Event::Sent(_), Body::Request(token)) => sent.push(**token),
                (Event::Delivered(_), Body::Request(token)) => delivered.push(**token),
                _ => {}
            }
            Ok::<(), ()>(())
        })
        .unwrap();
    assert_eq!(sent[0], sent[1], "the client repeats what it kept");
    assert_ne!(sent[0], delivered[0], "before chance stops");
    assert_eq!(sent[1], delivered[1], "after chance stops");
    assert_eq!((sent.len(), delivered.len()), (2, 2));
    // The toy proves nothing of its tokens, so the network can have a client counted twice.
    assert_eq!(count(simulation.world(), FIRST), 2);
}

#[test]
fn messages_overtake_one_another_and_copies_come_late() {
    let mut setting = Setting::calm(50);
    setting.faults.delay = Span { min_millis: 1, max_millis: 100 };
    setting.faults.copy_delay = Span { min_millis: 60_000, max_millis: 60_000 };
    setting.faults.chances.duplication = 0.5;
    let mut simulation = simulation(Flaw::None, setting, 0);
    let ended = run(&mut simulation).unwrap();
    let requests: Vec<(u64, u64)> = simulation
        .log()
        .iter()
        .filter_map(|entry| match entry.event {
            Event::Delivered(Message { number, way: Way::Request, .. }) => {
                Some((entry.at.as_millis() - START.as_millis(), number))
            }
            _ => None,
        })
        .collect();
    let (soon, late): (Vec<_>, Vec<_>) = requests.into_iter().partition(|(at, _)| *at < 60_000);
    assert_eq!(soon.len(), 50);
    assert!(!soon.is_sorted_by_key(|(_, number)| *number), "none overtook another");
    assert!((15..35).contains(&late.len()), "{} copies", late.len());
    assert!(late.iter().all(|(at, _)| (60_001..60_101).contains(at)), "{late:?}");
    assert_eq!(ended.reason, Reason::Quiet);
}

#[test]
fn a_partition_loses_what_is_under_way_when_it_begins() {
    let mut setting = Setting::calm(1);
    setting.faults.delay = Span { min_millis: 100, max_millis: 100 };
    setting.faults.partitions = vec![Partition {
        clients: ClientSet::These([FIRST].into()),
        from_millis: 50,
        until_millis: 150,
    }];
    let mut simulation = simulation(Flaw::None, setting, 0);
    run(&mut simulation).unwrap();
    let cause = LossCause::Partition;
    let lost = |it: &Event| matches!(it, Event::Lost { cause: found, .. } if *found == cause);
    assert_eq!(millis(&simulation, lost), [100]);
    assert_eq!(millis(&simulation, |it| matches!(it, Event::Delivered(_))), [1_100, 1_200]);
}

#[test]
fn a_crash_by_chance_strikes_before_between_and_after_the_effects_of_an_input() {
    let mut setting = Setting::calm(1);
    setting.faults.chances.client_crash = 1.0;
    setting.faults.downtime = Span { min_millis: 10, max_millis: 10 };
    setting.faults.calm_from_millis = Some(5);
    let mut crashes = [0_u32; 4];
    for seed in 0..100 {
        let mut simulation = simulation(Flaw::None, setting.clone(), seed);
        let struck = simulation.run(|moment| match moment.event {
            Event::Crashed { node, .. } => Err(moment.world.effects(node)),
            _ => Ok(()),
        });
        let effects = struck.unwrap_err().violation;
        crashes[usize::try_from(effects).unwrap()] += 1;
    }
    assert!(crashes.iter().all(|count| (10..45).contains(count)), "{crashes:?}");
}
