//! Whole campaigns with real keyholders: exact sums, and what happens to those who lie, leave or come late.

#![allow(clippy::indexing_slicing, reason = "an index out of range fails the test, as it should")]

mod admission;
mod crashes;
mod losses;
mod open_scores;
mod sums;

use super::*;
use crate::{
    aggregation::{Context, noise::Role},
    campaign::{CheckedManifest, Protection},
    messages::Inclusion,
    report::{Receipt, Report},
    roles::{
        Client, Effect,
        fixture::{
            self, CELLS, COLLECTING_MILLIS, FIVE, Lie, OPENS, PATIENCE_MILLIS, Reporter, Setup,
            THREE, Target,
        },
        keyholder::Keyholder,
    },
    transcript::{AbortReason, Outcome, Sum},
};

const FIRST: AggregationId = AggregationId(0);

fn configuration() -> Configuration {
    Configuration { key: fixture::organiser(), secret: [9; 32], gate: Gate::Open }
}

type Condition = fn(&Coordinator) -> bool;

/// One campaign: a coordinator, its journal, and the keyholders.
struct World {
    now: Time,
    coordinator: Coordinator,
    /// Each answer's records, with its time.
    journal: Vec<(Time, Vec<Record>)>,
    keyholders: Vec<(Keyholder, Time)>,
    absent: Vec<Seat>,
    crashes: bool,
    /// Who goes, and when.
    leaves: Option<(Seat, Condition)>,
    /// Who is busy elsewhere, and for how long after everything it does.
    busy: Option<(Seat, u64)>,
}

impl World {
    fn new(setup: Setup) -> Self {
        let plan = setup.plan();
        let (now, never) = (Time::default(), Time::MAX);
        let (coordinator, records) = Coordinator::new(&plan, configuration(), now).unwrap();
        let keyholders = fixture::keyholders(&plan).into_iter().map(|of| (of, never)).collect();
        let journal = vec![(now, records)];
        let mut world = Self {
            now,
            coordinator,
            journal,
            keyholders,
            absent: vec![],
            crashes: false,
            leaves: None,
            busy: None,
        };
        for place in 0..world.keyholders.len() {
            let effects = world.keyholders[place].0.start(now);
            world.perform(place, effects);
        }
        world
    }

    fn records(&self) -> Vec<Record> {
        self.journal.iter().flat_map(|(_, records)| records.clone()).collect()
    }

    fn keep(&mut self, records: Vec<Record>) {
        if records.is_empty() {
            return;
        }
        self.journal.push((self.now, records));
        if self.crashes {
            self.coordinator =
                Coordinator::restore(&self.records(), configuration(), self.now).unwrap();
        }
    }

    fn ask(&mut self, from: Peer, request: Request) -> Response {
        let answer = self.coordinator.handle(self.now, from, request);
        self.keep(answer.records);
        if let Some((seat, when)) = self.leaves
            && when(&self.coordinator)
        {
            self.absent.push(seat);
            self.leaves = None;
        }
        answer.response
    }

    fn tell(&mut self, request: Request) -> Response {
        self.ask(Peer::Participant, request)
    }

    fn perform(
        &mut self,
        place: usize,
        effects: Vec<Effect<super::super::keyholder::Record, Request>>,
    ) {
        let seat = Seat::new(u8::try_from(place).unwrap());
        let mut queue = std::collections::VecDeque::from(effects);
        while let Some(effect) = queue.pop_front() {
            if self.absent.contains(&seat) {
                return;
            }
            match effect {
                Effect::Persist(_) => {}
                Effect::Wake(at) => {
                    let busy = self.busy.filter(|(who, _)| *who == seat);
                    let back = busy.map_or(at, |(_, millis)| self.now.after_millis(millis));
                    self.keyholders[place].1 = at.max(back);
                }
                Effect::Send(request) => {
                    let response = self.ask(Peer::Keyholder(seat), request);
                    let now = self.now;
                    queue.extend(self.keyholders[place].0.receive(now, response));
                }
            }
        }
        assert_eq!(self.keyholders[place].0.fault(), None);
    }

    /// Lets everybody act until `end`.
    fn run_until(&mut self, end: Time) {
        loop {
            let (records, wake) = self.coordinator.wake(self.now);
            assert!(wake > self.now);
            self.keep(records);
            let due = (0..self.keyholders.len())
                .filter(|place| !self.absent.contains(&Seat::new(u8::try_from(*place).unwrap())))
                .min_by_key(|place| self.keyholders[*place].1);
            let at = due.map_or(Time::MAX, |place| self.keyholders[place].1);
            let next = at.min(wake);
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            if let (Some(place), true) = (due, at <= self.now) {
                self.keyholders[place].1 = Time::MAX;
                let effects = self.keyholders[place].0.wake(self.now);
                self.perform(place, effects);
            }
        }
        self.now = end;
    }

    fn manifest(&self) -> CheckedManifest {
        self.coordinator.transcript().manifest().unwrap().1.clone()
    }

    fn sum(&self) -> &Sum {
        self.coordinator.transcript().sum(FIRST).unwrap()
    }

    fn context(&self) -> Context {
        self.sum().context().unwrap()
    }

    /// Through the ceremony, enrolment of members, and the first opening.
    fn open(setup: Setup, members: u8) -> Self {
        let mut world = Self::new(setup);
        world.enrol_and_open(members);
        world
    }

    fn enrol_and_open(&mut self, members: u8) {
        self.run_until(Time::from_millis(50_000));
        let manifest = self.manifest();
        for number in 0..members {
            let enrolment = Reporter::new(number, Role::Member).enrolment(&manifest);
            let key = enrolment.reporter;
            let response = self.tell(Request::Enrol(Box::new(enrolment)));
            assert!(matches!(response, Response::Enrolled(of) if of == key), "{response:?}");
        }
        self.run_until(OPENS.after_millis(20_000));
        assert_eq!(self.coordinator.phase(FIRST), Some(Phase::Collecting));
    }

    fn make(&self, number: u8, attempt: u8, lie: Lie) -> Report {
        let manifest = self.manifest();
        let to = Target { manifest: &manifest, aggregation: FIRST, context: self.context() };
        let cell = u16::from(number) % CELLS;
        Reporter::new(number, Role::Member).report(&to, attempt, cell, lie)
    }

    fn send(&mut self, report: Report) -> Response {
        self.tell(Request::Report { aggregation: FIRST, report: Arc::new(report) })
    }

    fn send_all(&mut self, numbers: std::ops::Range<u8>) {
        for number in numbers {
            let report = self.make(number, 0, Lie::Honest);
            assert!(matches!(self.send(report), Response::Receipt { .. }));
        }
    }

    fn outcome(&self) -> Outcome {
        assert_eq!(self.coordinator.phase(FIRST), Some(Phase::Done));
        Outcome::clone(self.sum().outcome().unwrap().1)
    }
}

/// Time at which everything of the first aggregation has ended.
fn ended() -> Time {
    OPENS.after_millis(COLLECTING_MILLIS + 6 * PATIENCE_MILLIS)
}

/// How many of the first `members` chose each cell.
fn plaintext(members: impl IntoIterator<Item = u8>) -> Vec<i64> {
    let mut counts = vec![0; usize::from(CELLS)];
    for number in members {
        counts[usize::from(u16::from(number) % CELLS)] += 1;
    }
    counts
}

fn bytes(response: &Response) -> Vec<u8> {
    codec::encode(response)
}
