//! A run from its first event to its last.

use std::fmt::{self, Debug};

use protocol::roles::Time;
use serde::Serialize;
use thiserror::Error;

use super::chance::{Purpose, Stream, share_of};
use super::queue::{Due, Queue};
use super::turns::Run;
use super::{ClientId, ClientSet, Entry, Event, Misfit, Moment, Node, Parties, Setting, World};

/// True time at which every run begins. It is not 0, so that a clock that is behind stays above 0.
pub const START: Time = Time::from_millis(1_000_000_000);

/// One run: parties, setting and seed, and how far it came.
pub struct Simulation<P: Parties> {
    pub(super) parties: P,
    pub(super) setting: Setting,
    pub(super) seed: u64,
    pub(super) world: World<P>,
    pub(super) queue: Queue<P::Request, P::Response>,
    pub(super) streams: Streams,
    pub(super) cuts: Vec<Cut>,
    pub(super) now: Time,
    /// Messages sent so far.
    pub(super) messages: u64,
    /// Events so far.
    pub(super) events: u64,
    pub(super) log: Option<Vec<Entry>>,
}

/// The streams that are drawn from during a run.
#[derive(Debug)]
pub(super) struct Streams {
    pub(super) delay: Stream,
    pub(super) loss: Stream,
    pub(super) duplication: Stream,
    pub(super) tampering: Stream,
    pub(super) crash: Stream,
    pub(super) write: Stream,
}

/// A partition with its clients looked up.
#[derive(Debug)]
pub(super) struct Cut {
    from: Time,
    until: Time,
    members: Vec<bool>,
}

impl Cut {
    pub(super) fn holds(&self, client: ClientId, now: Time) -> bool {
        self.from <= now && now < self.until && self.members[client.index()]
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Ended {
    /// Why.
    pub reason: Reason,
    /// True time of the last event.
    pub at: Time,
    /// How many events there were.
    pub events: u64,
    /// How many messages were sent, copies not counted.
    pub messages: u64,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing was left to happen.
    Quiet,
    /// What was left lay beyond [`Limits::millis_max`](super::Limits::millis_max).
    Deadline,
    /// [`Limits::events_max`](super::Limits::events_max) was reached.
    EventLimit,
}

/// What must always hold did not, and where.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[error("seed {seed}, event {number} ({event:?}), {} ms after the start: {violation}",
    at.as_millis() - START.as_millis())]
pub struct Violation<V> {
    /// The run's seed.
    pub seed: u64,
    /// Events are counted from 1.
    pub number: u64,
    /// True time.
    pub at: Time,
    /// After what.
    pub event: Event,
    /// What did not hold.
    pub violation: V,
}

impl<P: Parties> Simulation<P> {
    /// A run that has not begun.
    ///
    /// # Errors
    /// [`Misfit`] if the setting makes no sense.
    pub fn new(parties: P, setting: Setting, seed: u64) -> Result<Self, Misfit> {
        setting.validate()?;
        let stream = |purpose| Stream::new(seed, purpose);
        let mut simulation = Self {
            parties,
            seed,
            world: World::new(setting.clients, &setting.faults),
            queue: Queue::new(),
            streams: Streams {
                delay: stream(Purpose::Delay),
                loss: stream(Purpose::Loss),
                duplication: stream(Purpose::Duplication),
                tampering: stream(Purpose::Tampering),
                crash: stream(Purpose::Crash),
                write: stream(Purpose::Write),
            },
            cuts: cuts(&setting, stream(Purpose::Partition)),
            now: START,
            messages: 0,
            events: 0,
            log: None,
            setting,
        };
        simulation.schedule();
        Ok(simulation)
    }

    /// Keeps every event; a run that does not is cheaper.
    #[must_use]
    pub fn logged(mut self) -> Self {
        self.log = Some(Vec::new());
        self
    }

    /// Runs until nothing is left to happen or a limit is reached. `observe` is shown every event, and
    /// ends the run by an error.
    ///
    /// # Errors
    /// [`Violation`] with what `observe` returned.
    pub fn run<V>(
        &mut self,
        mut observe: impl FnMut(&Moment<'_, P>) -> Result<(), V>,
    ) -> Result<Ended, Violation<V>> {
        let end = START.after_millis(self.setting.limits.millis_max);
        let events_max = self.setting.limits.events_max;
        let reason = loop {
            let Some((at, due)) = self.queue.next() else { break Reason::Quiet };
            if let Due::Wake(node, timer) = due
                && self.world.status(node).timer != timer
            {
                self.queue.pop();
                continue;
            }
            if at > end {
                break Reason::Deadline;
            }
            if self.events >= events_max {
                break Reason::EventLimit;
            }
            self.queue.pop();
            self.now = at;
            Run { simulation: self, observe: &mut observe }.happen(due)?;
        };
        Ok(Ended { reason, at: self.now, events: self.events, messages: self.messages })
    }

    /// All nodes as they are now.
    pub fn world(&self) -> &World<P> {
        &self.world
    }

    /// What makes the machines.
    pub fn parties(&self) -> &P {
        &self.parties
    }

    /// All events so far; none unless [`Simulation::logged`].
    pub fn log(&self) -> &[Entry] {
        self.log.as_deref().unwrap_or_default()
    }

    /// Draws what is decided before the run, and puts it into the queue.
    fn schedule(&mut self) {
        let Setting { clients, arrivals, faults, .. } = &self.setting;
        let (clients, seed) = (*clients, self.seed);
        self.queue.push(START, Due::Start(Node::Server));
        for (number, step) in faults.clock_steps.iter().enumerate() {
            self.queue.push(START.after_millis(step.at_millis), Due::Step(number));
        }
        let mut arrival = Stream::new(seed, Purpose::Arrival);
        let mut clock = Stream::new(seed, Purpose::Clock);
        let skew_max =
            i64::try_from(faults.skew_millis_max).expect("validated to be at most START");
        for id in (0..clients).map(ClientId) {
            let at = START.after_millis(arrival.within(*arrivals));
            self.queue.push(at, Due::Start(Node::Client(id)));
            let drawn = clock.up_to(2 * faults.skew_millis_max);
            let drawn = i64::try_from(drawn).expect("at most twice START");
            self.world.status_mut(Node::Client(id)).skew_millis = drawn - skew_max;
        }
        for departure in &faults.departures {
            self.queue.push(START.after_millis(departure.at_millis), Due::Leave(departure.client));
        }
        if let Some(dropout) = faults.dropout {
            let mut stream = Stream::new(seed, Purpose::Dropout);
            let among = clients.saturating_sub(dropout.first.0);
            for number in stream.sample(share_of(dropout.share, among), among) {
                let at = START.after_millis(stream.within(dropout.at));
                self.queue.push(at, Due::Leave(ClientId(dropout.first.0 + number)));
            }
        }
    }
}

impl<P: Parties> Debug for Simulation<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut simulation = f.debug_struct("Simulation");
        simulation.field("seed", &self.seed).field("setting", &self.setting);
        simulation.field("now", &self.now).field("events", &self.events).finish_non_exhaustive()
    }
}

fn cuts(setting: &Setting, mut stream: Stream) -> Vec<Cut> {
    let clients = setting.clients;
    let mut cuts = Vec::new();
    for partition in &setting.faults.partitions {
        let mut members = vec![false; clients as usize];
        match &partition.clients {
            ClientSet::All => members.fill(true),
            ClientSet::These(ids) => ids.iter().for_each(|id| members[id.index()] = true),
            ClientSet::Range { first, count } => {
                members
                    .iter_mut()
                    .skip(first.index())
                    .take(*count as usize)
                    .for_each(|it| *it = true);
            }
            ClientSet::Share(share) => {
                for number in stream.sample(share_of(*share, clients), clients) {
                    members[number as usize] = true;
                }
            }
        }
        cuts.push(Cut {
            from: START.after_millis(partition.from_millis),
            until: START.after_millis(partition.until_millis),
            members,
        });
    }
    cuts
}
