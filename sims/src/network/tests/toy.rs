//! A toy protocol: each client is counted exactly once. A client draws a token at random, so a token
//! that was sent but not kept is another one after a crash, and the client is counted twice.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use protocol::order::splitmix64;
use protocol::roles::{Effect, Time};

use crate::network::{
    Body, Client, ClientId, Event, Moment, Node, Parties, Server, State, Turn, Way, World,
};

/// What is wrong with the machines.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Flaw {
    None,
    /// The server counts a token that it has counted.
    CountsTwice,
    /// The client sends a token before it keeps it.
    SendsFirst,
}

#[derive(Debug)]
pub(super) struct Toy {
    flaw: Flaw,
    /// Machines made so far; each draws other tokens.
    made: u64,
}

impl Toy {
    pub(super) const fn new(flaw: Flaw) -> Self {
        Self { flaw, made: 0 }
    }
}

/// A request to be counted, or a receipt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Token(pub(super) u64);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kept {
    Chosen(Token),
    Done,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Counted {
    pub(super) token: Token,
    pub(super) from: ClientId,
}

#[derive(Debug)]
pub(super) struct Member {
    flaw: Flaw,
    token: Token,
    kept: bool,
    pub(super) done: bool,
    pub(super) clock: Time,
}

const RETRY_MILLIS: u64 = 1_000;

impl Member {
    fn ask(&mut self, now: Time) -> Vec<Effect<Kept, Token>> {
        self.clock = now;
        if self.done {
            return Vec::new();
        }
        let mut effects = vec![Effect::Send(self.token)];
        if !self.kept {
            self.kept = true;
            let place = usize::from(self.flaw == Flaw::SendsFirst);
            effects.insert(place, Effect::Persist(Kept::Chosen(self.token)));
        }
        effects.push(Effect::Wake(now.after_millis(RETRY_MILLIS)));
        effects
    }
}

impl Client for Member {
    type Record = Kept;
    type Request = Token;
    type Response = Token;

    fn start(&mut self, now: Time) -> Vec<Effect<Kept, Token>> {
        self.ask(now)
    }

    fn receive(&mut self, now: Time, response: Token) -> Vec<Effect<Kept, Token>> {
        self.clock = now;
        if self.done || response != self.token {
            return Vec::new();
        }
        self.done = true;
        vec![Effect::Persist(Kept::Done), Effect::Wake(Time::MAX)]
    }

    fn wake(&mut self, now: Time) -> Vec<Effect<Kept, Token>> {
        self.ask(now)
    }
}

#[derive(Debug)]
pub(super) struct Counter {
    flaw: Flaw,
    tokens: BTreeSet<u64>,
}

impl Server for Counter {
    type Record = Counted;
    type Request = Token;
    type Response = Token;

    fn start(&mut self, _now: Time) -> Turn<Counted, Infallible> {
        Turn::idle()
    }

    fn handle(&mut self, _now: Time, from: ClientId, token: Token) -> Turn<Counted, Token> {
        if !self.tokens.insert(token.0) && self.flaw != Flaw::CountsTwice {
            return Turn::answer(token);
        }
        Turn { records: vec![Counted { token, from }], wake: None, response: Some(token) }
    }

    fn wake(&mut self, _now: Time) -> Turn<Counted, Infallible> {
        Turn::idle()
    }
}

impl Parties for Toy {
    type Request = Token;
    type Response = Token;
    type ClientRecord = Kept;
    type ServerRecord = Counted;
    type Client = Member;
    type Server = Counter;

    fn client(&mut self, id: ClientId, journal: &[Kept]) -> Member {
        self.made += 1;
        let chosen = journal.iter().find_map(|record| match record {
            Kept::Chosen(token) => Some(*token),
            Kept::Done => None,
        });
        let drawn = Token(splitmix64(splitmix64(self.made) ^ u64::from(id.0)));
        Member {
            flaw: self.flaw,
            token: chosen.unwrap_or(drawn),
            kept: chosen.is_some(),
            done: journal.contains(&Kept::Done),
            clock: Time::default(),
        }
    }

    fn server(&mut self, journal: &[Counted]) -> Counter {
        let tokens = journal.iter().map(|record| record.token.0).collect();
        Counter { flaw: self.flaw, tokens }
    }

    fn request_label(&self, _request: &Token) -> &'static str {
        "count"
    }

    fn response_label(&self, _response: &Token) -> &'static str {
        "receipt"
    }

    fn tamper(&mut self, request: &Token, roll: u64) -> Option<Token> {
        Some(Token(request.0 ^ roll))
    }
}

/// What the toy promises at every moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Broken {
    #[error("client {} is counted twice", .0.0)]
    CountedTwice(ClientId),
    #[error("a token left that is not on the disk of client {}", .0.0)]
    SentUnkept(ClientId),
    #[error("a receipt left to client {} for what is not on the server's disk", .0.0)]
    Unfounded(ClientId),
}

/// Checks every event as it comes; sees only what it must, so that large runs stay linear.
#[derive(Debug, Default)]
pub(super) struct Watch {
    counted: BTreeMap<u64, ClientId>,
    clients: BTreeSet<ClientId>,
}

impl Watch {
    pub(super) fn see(&mut self, moment: &Moment<'_, Toy>) -> Result<(), Broken> {
        let Moment { event, body, world, .. } = moment;
        if let Event::Woke { node } | Event::Settled { node } = event {
            assert_eq!(world.state(*node), State::Up, "{node:?} acts at {:?}", moment.at);
        }
        match (event, body) {
            (Event::Persisted { node: Node::Server, records }, _) => {
                let record = world.server_journal().records()[records - 1];
                self.counted.insert(record.token.0, record.from);
                if !self.clients.insert(record.from) {
                    return Err(Broken::CountedTwice(record.from));
                }
            }
            (Event::Sent(message), Body::Request(token)) => {
                let journal = world.client_journal(message.client).records();
                if !journal.contains(&Kept::Chosen(**token)) {
                    return Err(Broken::SentUnkept(message.client));
                }
            }
            (Event::Sent(message), Body::Response(token)) => {
                assert_eq!(message.way, Way::Response);
                if !self.counted.contains_key(&token.0) {
                    return Err(Broken::Unfounded(message.client));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// How often the server's disk counts a client.
pub(super) fn count(world: &World<Toy>, id: ClientId) -> usize {
    world.server_journal().records().iter().filter(|record| record.from == id).count()
}
