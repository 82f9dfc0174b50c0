//! A simulated network: one server, many clients, their disks and clocks, and everything that goes wrong.
//!
//! Clients ask and the server answers; it never speaks first. Machines are sans-IO: they are told the
//! time, take one input and say what they want done. A run is a pure function of the parties, a
//! [`Setting`] and a seed: virtual time jumps from event to event, and whoever watches is shown every
//! [`Event`] with the whole [`World`], to check what must always hold.
//!
//! - [`Parties`], [`Client`], [`Server`]: what is simulated. [`Simulation`]: runs it.
//! - [`Setting`], [`Faults`]: what goes wrong, how often or exactly when.
//! - [`Moment`], [`Event`], [`Entry`]: what is seen of a run, and kept of it.
//!
//! What a crash loses is memory; what survives is the [`Journal`]. A crash strikes between any two
//! effects of one input, so the journal then holds a prefix of what the machine wanted kept.
//!
//! *Not* failures of a machine, and to be borne by it: a response that answers a request of an earlier
//! incarnation, one that comes twice, one that comes after a later one; a clock that is wrong or steps.
//! Timers run on true time: a clock that steps moves no timer.
//!
//! A machine must not read a clock or draw randomness of its own; nothing else escapes the seed.

use std::convert::Infallible;

use protocol::roles::{Effect, Time};
use serde::{Deserialize, Serialize};

mod chance;
mod disk;
mod event;
mod faults;
mod queue;
mod simulation;
mod turns;
mod world;

pub use disk::Journal;
pub use event::{Body, CrashCause, Entry, Event, LossCause, Message, Moment, Way};
pub use faults::{
    Chances, ClientSet, ClockStep, CrashPoint, Departure, Dropout, Faults, Limits, Misfit,
    Partition, Setting, Span, WritePoint,
};
pub use simulation::{Ended, Reason, START, Simulation, Violation};
pub use world::{State, World};

#[cfg(test)]
mod tests;

/// A client's number, from 0; the transport authenticated it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct ClientId(pub u32);

impl ClientId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A machine with a disk of its own.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Node {
    /// The one server.
    Server,
    /// One of the clients.
    Client(ClientId),
}

/// A machine that asks. Times are those of its own clock, which may be wrong.
pub trait Client {
    /// What it keeps on disk.
    type Record;
    /// What it sends.
    type Request;
    /// What it is sent.
    type Response;

    /// First input of every incarnation, whether it was made new or restored.
    fn start(&mut self, now: Time) -> Vec<Effect<Self::Record, Self::Request>>;
    /// An answer came.
    fn receive(
        &mut self,
        now: Time,
        response: Self::Response,
    ) -> Vec<Effect<Self::Record, Self::Request>>;
    /// The time of the latest [`Effect::Wake`] has come; it is used up.
    fn wake(&mut self, now: Time) -> Vec<Effect<Self::Record, Self::Request>>;
}

/// A machine that answers. Its clock is right.
pub trait Server {
    /// What it keeps on disk.
    type Record;
    /// What it is asked.
    type Request;
    /// What it answers.
    type Response;

    /// First input of every incarnation, whether it was made new or restored.
    fn start(&mut self, now: Time) -> Turn<Self::Record, Infallible>;
    /// A request came; what [`Turn::response`] holds goes back to its sender.
    fn handle(
        &mut self,
        now: Time,
        from: ClientId,
        request: Self::Request,
    ) -> Turn<Self::Record, Self::Response>;
    /// The time of the latest [`Turn::wake`] has come; it is used up.
    fn wake(&mut self, now: Time) -> Turn<Self::Record, Infallible>;
}

/// What a server wants done after one input, in the order of the fields: everything is durable before
/// the response leaves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Turn<Record, Response> {
    /// Appended to the journal, one after the other.
    pub records: Vec<Record>,
    /// When to wake it, in place of what it said before; `None` leaves that as it is.
    pub wake: Option<Time>,
    /// The answer, if it gives one.
    pub response: Option<Response>,
}

impl<Record, Response> Turn<Record, Response> {
    /// Nothing to do.
    pub const fn idle() -> Self {
        Self { records: Vec::new(), wake: None, response: None }
    }

    /// Nothing but an answer.
    pub const fn answer(response: Response) -> Self {
        Self { records: Vec::new(), wake: None, response: Some(response) }
    }
}

/// What is simulated: makes the machines, and knows what only the protocol can know of its messages.
///
/// Requests and responses are cloned when they are duplicated, so large parts belong into an `Arc`.
pub trait Parties {
    /// What clients send.
    type Request: Clone;
    /// What the server answers.
    type Response: Clone;
    /// What clients keep.
    type ClientRecord;
    /// What the server keeps.
    type ServerRecord;
    /// The asking machine.
    type Client: Client<Record = Self::ClientRecord, Request = Self::Request, Response = Self::Response>;
    /// The answering machine.
    type Server: Server<Record = Self::ServerRecord, Request = Self::Request, Response = Self::Response>;

    /// Makes client `id` from its journal; the journal is empty when it was never run, or never got
    /// as far as keeping anything. All other memory is lost.
    fn client(&mut self, id: ClientId, journal: &[Self::ClientRecord]) -> Self::Client;
    /// Makes the server from its journal, likewise.
    fn server(&mut self, journal: &[Self::ServerRecord]) -> Self::Server;

    /// A short word for a request in the log.
    fn request_label(&self, _request: &Self::Request) -> &'static str {
        "request"
    }
    /// A short word for a response in the log.
    fn response_label(&self, _response: &Self::Response) -> &'static str {
        "response"
    }
    /// The request, garbled as `roll` says; `None` lets it pass. Asked with the chance
    /// [`Chances::tampering`].
    fn tamper(&mut self, _request: &Self::Request, _roll: u64) -> Option<Self::Request> {
        None
    }
}
