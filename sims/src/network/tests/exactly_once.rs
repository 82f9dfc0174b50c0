//! Exactly once, under everything at once; and that what breaks it is seen.

use super::toy::count;
use super::*;

const SEEDS: u64 = 200;

#[test]
fn everyone_who_stays_is_counted_exactly_once_whatever_goes_wrong() {
    let mut seen = [0_usize; 9];
    for seed in 0..SEEDS {
        let mut simulation = simulation(Flaw::None, storm(20), seed);
        let ended = run(&mut simulation).unwrap();
        assert_eq!(ended.reason, Reason::Quiet, "seed {seed}");
        let world = simulation.world();
        for id in world.ids() {
            let (count, left) = (count(world, id), world.state(Node::Client(id)) == State::Left);
            assert!(
                count == 1 || (left && count == 0),
                "seed {seed}: {id:?} counted {count} times"
            );
            assert!(left || world.client(id).unwrap().done, "seed {seed}: {id:?} does not know");
        }
        let kinds: [fn(&Event) -> bool; 9] = [
            |it| matches!(it, Event::Lost { cause: LossCause::Chance, .. }),
            |it| matches!(it, Event::Lost { cause: LossCause::Partition, .. }),
            |it| matches!(it, Event::Lost { cause: LossCause::NotUp, .. }),
            |it| matches!(it, Event::Duplicated(_)),
            |it| matches!(it, Event::Crashed { node: Node::Server, .. }),
            |it| matches!(it, Event::Crashed { node: Node::Client(_), .. }),
            |it| matches!(it, Event::WriteFailed { .. }),
            |it| matches!(it, Event::Restarted { .. }),
            |it| matches!(it, Event::Left { .. }),
        ];
        for (total, kind) in seen.iter_mut().zip(kinds) {
            *total += tally(&simulation, kind);
        }
    }
    assert!(seen.iter().all(|total| *total > 50), "some fault hardly ever struck: {seen:?}");
}

#[test]
fn a_seed_is_a_run() {
    let log = |seed| {
        let mut simulation = simulation(Flaw::None, storm(20), seed);
        let ended = run(&mut simulation).unwrap();
        (ended, serde_json::to_string(simulation.log()).unwrap())
    };
    let first = log(1);
    assert_eq!(first, log(1));
    assert_ne!(first, log(2));
    assert!(first.1.contains(r#""event":"sent","number":1,"client":"#), "{}", &first.1[..500]);
}

#[test]
fn a_server_that_counts_duplicates_is_caught() {
    let mut setting = Setting::calm(5);
    setting.faults.chances.duplication = 0.2;
    let caught: Vec<_> = (0..SEEDS)
        .filter_map(|seed| run(&mut simulation(Flaw::CountsTwice, setting.clone(), seed)).err())
        .collect();
    assert!(caught.len() > 100, "{} of {SEEDS} seeds", caught.len());
    assert!(caught.iter().all(|it| matches!(it.violation, Broken::CountedTwice(_))));
    let line = caught[0].to_string();
    assert!(line.starts_with(&format!("seed {}, event ", caught[0].seed)), "{line}");
    assert_eq!(line.lines().count(), 1);
}

#[test]
fn a_client_that_sends_before_it_keeps_is_caught_at_once() {
    let violation = run(&mut simulation(Flaw::SendsFirst, Setting::calm(1), 0)).unwrap_err();
    assert_eq!(violation.violation, Broken::SentUnkept(ClientId(0)));
}

/// Not by looking at the send itself, but at what comes of it: a crash loses the token that was sent.
#[test]
fn a_client_that_sends_before_it_keeps_is_counted_twice() {
    let mut setting = Setting::calm(1);
    setting.faults.delay = Span { min_millis: 10, max_millis: 10 };
    setting.faults.downtime = Span { min_millis: 100, max_millis: 100 };
    setting.faults.crashes = vec![CrashPoint { node: Node::Client(ClientId(0)), effect: 1 }];
    let counts = |flaw| {
        let mut simulation = simulation(flaw, setting.clone(), 0);
        simulation.run(|_| Ok::<(), ()>(())).unwrap();
        count(simulation.world(), ClientId(0))
    };
    assert_eq!((counts(Flaw::SendsFirst), counts(Flaw::None)), (2, 1));
}

#[test]
fn a_crash_after_any_effect_of_any_node_changes_nothing() {
    let mut setting = Setting::calm(3);
    setting.faults.delay = Span { min_millis: 10, max_millis: 10 };
    setting.faults.downtime = Span { min_millis: 5, max_millis: 3_000 };
    let mut calm = simulation(Flaw::None, setting.clone(), 0);
    run(&mut calm).unwrap();
    let nodes: Vec<Node> = calm.world().ids().map(Node::Client).chain([Node::Server]).collect();
    for node in nodes {
        let effects = calm.world().effects(node);
        assert!(effects > 4, "{node:?} did next to nothing");
        for effect in 1..=effects {
            setting.faults.crashes = vec![CrashPoint { node, effect }];
            let mut simulation = simulation(Flaw::None, setting.clone(), 0);
            run(&mut simulation).unwrap();
            let world = simulation.world();
            assert!(world.ids().all(|id| count(world, id) == 1), "{node:?} after {effect}");
            assert_eq!(tally(&simulation, |it| matches!(it, Event::Crashed { .. })), 1);
        }
    }
}

#[test]
fn losing_any_one_message_changes_nothing() {
    let mut setting = Setting::calm(3);
    setting.faults.delay = Span { min_millis: 10, max_millis: 10 };
    for number in 1..=6 {
        setting.faults.lost = [number].into();
        let mut simulation = simulation(Flaw::None, setting.clone(), 0);
        let ended = run(&mut simulation).unwrap();
        let world = simulation.world();
        assert!(world.ids().all(|id| count(world, id) == 1), "message {number}");
        let repeated = if number <= 3 { 1 } else { 2 };
        assert_eq!(ended.messages, 6 + repeated, "message {number}");
    }
}
