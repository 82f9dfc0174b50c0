//! The nodes: machines, disks, clocks.

use std::collections::BTreeSet;
use std::fmt;

use protocol::roles::Time;

use super::{ClientId, Faults, Journal, Node, Parties};

/// Whether a node is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// It has not started yet.
    Waiting,
    /// It takes inputs.
    Up,
    /// It crashed and comes back.
    Down,
    /// It left for ever.
    Left,
}

/// One node.
#[derive(Debug)]
pub(super) struct Station<Machine, Record> {
    pub(super) machine: Option<Machine>,
    pub(super) journal: Journal<Record>,
    pub(super) status: Status,
}

/// What is known of a node whatever its machine is.
#[derive(Debug)]
pub(super) struct Status {
    pub(super) state: State,
    /// Number of the timer that counts; timers set earlier do not.
    pub(super) timer: u64,
    /// Effects performed so far, in all incarnations.
    pub(super) effects: u64,
    /// What its clock shows beyond true time.
    pub(super) skew_millis: i64,
    pub(super) crashes: BTreeSet<u64>,
    pub(super) failed_writes: BTreeSet<u64>,
}

impl<Machine, Record> Station<Machine, Record> {
    fn new(node: Node, faults: &Faults) -> Self {
        let crashes = faults.crashes.iter().filter(|point| point.node == node);
        let writes = faults.failed_writes.iter().filter(|point| point.node == node);
        Self {
            machine: None,
            journal: Journal::new(),
            status: Status {
                state: State::Waiting,
                timer: 0,
                effects: 0,
                skew_millis: 0,
                crashes: crashes.map(|point| point.effect).collect(),
                failed_writes: writes.map(|point| point.write).collect(),
            },
        }
    }
}

impl Status {
    /// What the node's own clock shows at a true time.
    pub(super) fn local(&self, now: Time) -> Time {
        Time::from_millis(now.as_millis().saturating_add_signed(self.skew_millis))
    }

    /// When the node's own clock shows `local`, unless it is set before.
    pub(super) fn true_time(&self, local: Time) -> Time {
        let back = self.skew_millis.saturating_neg();
        Time::from_millis(local.as_millis().saturating_add_signed(back))
    }
}

/// All nodes, as they are now. Machines and records do not print.
pub struct World<P: Parties> {
    pub(super) server: Station<P::Server, P::ServerRecord>,
    pub(super) clients: Vec<Station<P::Client, P::ClientRecord>>,
}

impl<P: Parties> World<P> {
    pub(super) fn new(clients: u32, faults: &Faults) -> Self {
        let client = |id| Station::new(Node::Client(ClientId(id)), faults);
        Self {
            server: Station::new(Node::Server, faults),
            clients: (0..clients).map(client).collect(),
        }
    }

    /// All clients' numbers.
    pub fn ids(&self) -> impl Iterator<Item = ClientId> + use<P> {
        (0..).map(ClientId).take(self.clients.len())
    }

    /// The server, when it is up.
    pub fn server(&self) -> Option<&P::Server> {
        self.server.machine.as_ref()
    }

    /// The server's disk.
    pub fn server_journal(&self) -> &Journal<P::ServerRecord> {
        &self.server.journal
    }

    /// A client, when it is up.
    ///
    /// # Panics
    /// If there is no such client; likewise below.
    pub fn client(&self, id: ClientId) -> Option<&P::Client> {
        self.clients[id.index()].machine.as_ref()
    }

    /// A client's disk.
    pub fn client_journal(&self, id: ClientId) -> &Journal<P::ClientRecord> {
        &self.clients[id.index()].journal
    }

    /// Whether a node is there.
    pub fn state(&self, node: Node) -> State {
        self.status(node).state
    }

    /// How many effects a node has had performed, in all its incarnations; [`CrashPoint`] counts so.
    ///
    /// [`CrashPoint`]: super::CrashPoint
    pub fn effects(&self, node: Node) -> u64 {
        self.status(node).effects
    }

    pub(super) fn status(&self, node: Node) -> &Status {
        match node {
            Node::Server => &self.server.status,
            Node::Client(id) => &self.clients[id.index()].status,
        }
    }

    pub(super) fn status_mut(&mut self, node: Node) -> &mut Status {
        match node {
            Node::Server => &mut self.server.status,
            Node::Client(id) => &mut self.clients[id.index()].status,
        }
    }

    /// Takes a node's memory away.
    pub(super) fn unplug(&mut self, node: Node, state: State) {
        match node {
            Node::Server => self.server.machine = None,
            Node::Client(id) => self.clients[id.index()].machine = None,
        }
        let status = self.status_mut(node);
        status.state = state;
        status.timer += 1;
    }

    /// Counts a try to write; true if the configuration lets it fail.
    pub(super) fn begin_write(&mut self, node: Node) -> bool {
        let number = match node {
            Node::Server => self.server.journal.begin(),
            Node::Client(id) => self.clients[id.index()].journal.begin(),
        };
        self.status(node).failed_writes.contains(&number)
    }
}

impl<P: Parties> fmt::Debug for World<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut world = f.debug_struct("World");
        world.field("clients", &self.clients.len()).finish_non_exhaustive()
    }
}
