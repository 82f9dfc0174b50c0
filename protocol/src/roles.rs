//! What the parties' state machines have in common: time, and what a machine asks of its caller.
//!
//! Machines are sans-IO. The caller owns the clock, the network and the disk; a machine is told the time,
//! takes one input and returns a list of [`Effect`]s. It never blocks, sleeps, samples or logs.

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
