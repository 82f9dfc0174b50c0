//! What is seen of a run.

use std::fmt;

use protocol::roles::Time;
use serde::Serialize;

use super::{ClientId, Node, Parties, World};

/// Which way a message goes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// From a client to the server.
    Request,
    /// From the server to a client.
    Response,
}

/// A message as the log names it; its content stays out.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Message {
    /// Messages are counted from 1 in the order of their sending; a copy keeps the number.
    pub number: u64,
    /// The client that sent the request or is sent the response.
    pub client: ClientId,
    /// Request or response.
    pub way: Way,
    /// The protocol's word for it.
    pub label: &'static str,
}

/// Why a message did not arrive.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LossCause {
    /// By chance.
    Chance,
    /// The configuration names its number.
    Planned,
    /// A partition was between the two, when it left or when it would have arrived.
    Partition,
    /// Nobody was there to receive it.
    NotUp,
}

/// Why a node crashed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CrashCause {
    /// By chance.
    Chance,
    /// The configuration names this effect.
    Planned,
    /// A write to its journal failed.
    Write,
}

/// One thing that happened. Between a node's input and its [`Event::Settled`] its memory may be ahead
/// of its journal.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A message left; what comes of it is another event.
    Sent(Message),
    /// The network garbled a request.
    Tampered(Message),
    /// The network made a second copy, which arrives on its own.
    Duplicated(Message),
    /// One copy of a message will not arrive.
    Lost {
        /// The message.
        message: Message,
        /// Why.
        cause: LossCause,
    },
    /// A message is there; its receiver takes it next.
    Delivered(Message),
    /// The time a node had asked for has come; it is told next.
    Woke {
        /// Who.
        node: Node,
    },
    /// A node was made for the first time; it is started next.
    Started {
        /// Who.
        node: Node,
    },
    /// A node was made from its journal again; it is started next.
    Restarted {
        /// Who.
        node: Node,
    },
    /// A record is durable.
    Persisted {
        /// Whose.
        node: Node,
        /// Length of the journal, this record included.
        records: usize,
    },
    /// A record could not be written, and is not in the journal.
    WriteFailed {
        /// Whose.
        node: Node,
    },
    /// A node lost its memory.
    Crashed {
        /// Who.
        node: Node,
        /// Why.
        cause: CrashCause,
    },
    /// A client is gone for ever.
    Left {
        /// Who.
        client: ClientId,
    },
    /// A client's clock was set.
    ClockStepped {
        /// Whose.
        client: ClientId,
        /// By how much.
        by_millis: i64,
    },
    /// A node did all it wanted done after its latest input: memory and journal agree.
    Settled {
        /// Who.
        node: Node,
    },
}

/// An event in the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Entry {
    /// True time.
    pub at: Time,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Content of the message an event is about. Contents do not print.
pub enum Body<'a, P: Parties> {
    /// The event shows no content.
    None,
    /// Of a request that was [`Event::Sent`], [`Event::Delivered`] or [`Event::Tampered`].
    Request(&'a P::Request),
    /// Of a response that was [`Event::Sent`] or [`Event::Delivered`].
    Response(&'a P::Response),
}

/// What whoever watches is shown after each event.
pub struct Moment<'a, P: Parties> {
    /// True time.
    pub at: Time,
    /// What just happened.
    pub event: Event,
    /// Content of the message concerned.
    pub body: Body<'a, P>,
    /// Everything there is, after the event.
    pub world: &'a World<P>,
}

impl<P: Parties> fmt::Debug for Body<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Request(_) => "Request(..)",
            Self::Response(_) => "Response(..)",
        })
    }
}

impl<P: Parties> fmt::Debug for Moment<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut moment = f.debug_struct("Moment");
        moment.field("at", &self.at).field("event", &self.event).finish_non_exhaustive()
    }
}
