//! What the parties' state machines have in common: time, and what a machine asks of its caller.
//!
//! Machines are sans-IO. The caller owns the clock, the network and the disk; a machine is told the time,
//! takes one input and returns a list of [`Effect`]s. It never blocks, sleeps, samples or logs.

pub mod coordinator;
pub mod keyholder;
pub mod participant;

#[cfg(test)]
mod attacks;
#[cfg(test)]
pub(crate) mod fixture;

use crate::messages::{Peer, Request, Response};
use serde::{Deserialize, Serialize};

/// Milliseconds since the caller's own epoch; only differences and the plan's deadlines matter.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
pub struct Time(u64);

impl Time {
    /// A time beyond every deadline.
    pub const MAX: Self = Self(u64::MAX);

    /// `millis` after the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds after the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This much later; never beyond [`Time::MAX`].
    #[must_use]
    pub const fn after_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

/// What a machine asks of its caller, in order: a [`Effect::Persist`] is durable before any later
/// [`Effect::Send`] leaves, so that a machine that is restored from its records repeats identical bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect<Record, Message> {
    /// Append this to the party's own journal; failure to do so stops the party.
    Persist(Record),
    /// Send this to the coordinator. It may be lost; the machine asks again after its own timer.
    Send(Message),
    /// Call again at this time, or earlier. Only the latest counts.
    Wake(Time),
}

/// A party that asks the coordinator: a keyholder or a participant.
///
/// A machine has at most one request under way. If no answer comes by the time it asked to be woken, it asks
/// again: requests can be repeated.
pub trait Client {
    /// What its journal holds; enough to go on after a crash and to repeat identical bytes.
    type Record;

    /// To be called once, and again after a restart.
    fn start(&mut self, now: Time) -> Vec<Effect<Self::Record, Request>>;

    /// An answer has come; one that was not asked for, or that comes twice, changes nothing.
    fn receive(&mut self, now: Time, response: Response) -> Vec<Effect<Self::Record, Request>>;

    /// The time of its last [`Effect::Wake`] has come.
    fn wake(&mut self, now: Time) -> Vec<Effect<Self::Record, Request>>;
}

/// The coordinator's answer: the records are durable before the response leaves.
#[derive(Clone, Debug)]
pub struct Answer<Record> {
    /// To be appended to the journal, in order.
    pub records: Vec<Record>,
    /// What the asking party gets.
    pub response: Response,
}

/// The party that is asked.
pub trait Server {
    /// What its journal holds.
    type Record;

    /// Answers one request.
    fn handle(&mut self, now: Time, from: Peer, request: Request) -> Answer<Self::Record>;

    /// Does what is due at `now`, and says when to call again.
    fn wake(&mut self, now: Time) -> (Vec<Self::Record>, Time);
}
