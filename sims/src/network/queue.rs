//! What is due, and when: ordered by time, then by the order in which it was put there.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use protocol::roles::Time;

use super::{ClientId, Message, Node};

/// What happens at a point in time.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Due {
    /// A node starts, for the first time or after a crash.
    Start(Node),
    /// A timer, unless another replaced it since.
    Wake(Node, u64),
    /// A client leaves for ever.
    Leave(ClientId),
    /// A client's clock is set; the number of the step in the configuration.
    Step(usize),
    /// The message in this place arrives.
    Arrive(usize),
}

/// A message's content, under way.
#[derive(Debug)]
pub(super) enum Parcel<Request, Response> {
    Request(Request),
    Response(Response),
}

/// The event queue. Messages wait in places that are used again, so that the heap moves small keys.
#[derive(Debug)]
pub(super) struct Queue<Request, Response> {
    heap: BinaryHeap<Reverse<(Time, u64, Due)>>,
    places: Vec<Option<(Message, Parcel<Request, Response>)>>,
    free: Vec<usize>,
    sequence: u64,
}

impl<Request, Response> Queue<Request, Response> {
    pub(super) const fn new() -> Self {
        Self { heap: BinaryHeap::new(), places: Vec::new(), free: Vec::new(), sequence: 0 }
    }

    pub(super) fn push(&mut self, at: Time, due: Due) {
        self.heap.push(Reverse((at, self.sequence, due)));
        self.sequence += 1;
    }

    pub(super) fn post(&mut self, at: Time, message: Message, parcel: Parcel<Request, Response>) {
        let place = if let Some(place) = self.free.pop() {
            self.places[place] = Some((message, parcel));
            place
        } else {
            self.places.push(Some((message, parcel)));
            self.places.len() - 1
        };
        self.push(at, Due::Arrive(place));
    }

    /// Takes the message out of its place.
    pub(super) fn open(&mut self, place: usize) -> (Message, Parcel<Request, Response>) {
        self.free.push(place);
        self.places[place].take().expect("each place is named by one arrival in the heap")
    }

    pub(super) fn next(&self) -> Option<(Time, Due)> {
        self.heap.peek().map(|Reverse((at, _, due))| (*at, *due))
    }

    pub(super) fn pop(&mut self) {
        self.heap.pop();
    }
}
