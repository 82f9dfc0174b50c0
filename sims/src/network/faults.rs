//! What goes wrong: by chance, or exactly when a configuration says.
//!
//! Times here are milliseconds after [`START`](super::START). With the defaults nothing goes wrong.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{ClientId, Node};

/// Everything a run depends on but the parties and the seed.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Number of clients.
    pub clients: u32,
    /// When each client starts first; the server starts at 0.
    #[serde(default)]
    pub arrivals: Span,
    /// When a run ends that does not end by itself.
    #[serde(default)]
    pub limits: Limits,
    /// What goes wrong.
    #[serde(default)]
    pub faults: Faults,
}

impl Setting {
    /// `clients` clients that start at once, and a network that delivers at once.
    pub fn calm(clients: u32) -> Self {
        Self {
            clients,
            arrivals: Span::default(),
            limits: Limits::default(),
            faults: Faults::default(),
        }
    }

    pub(super) fn validate(&self) -> Result<(), Misfit> {
        self.arrivals.validate("arrivals")?;
        self.faults.validate(self.clients)
    }
}

/// A uniform distribution over whole milliseconds, ends included.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The least.
    pub min_millis: u64,
    /// The greatest.
    pub max_millis: u64,
}

impl Span {
    fn validate(self, field: &'static str) -> Result<(), Misfit> {
        if self.min_millis > self.max_millis {
            return Err(Misfit::Span { field, min: self.min_millis, max: self.max_millis });
        }
        Ok(())
    }
}

/// When a run ends that does not end by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Nothing happens after this time.
    pub millis_max: u64,
    /// No input is given after this many events.
    pub events_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { millis_max: 86_400_000, events_max: 100_000_000 }
    }
}

/// What goes wrong.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// How long a message is under way. Messages overtake one another within it.
    pub delay: Span,
    /// How much later than that a second copy comes.
    pub copy_delay: Span,
    /// How long a node is down after a crash.
    pub downtime: Span,
    /// What happens by chance.
    pub chances: Chances,
    /// From when on nothing happens by chance; copies that are under way still arrive.
    pub calm_from_millis: Option<u64>,
    /// A client's clock is wrong by a constant, uniform between minus and plus this.
    pub skew_millis_max: u64,
    /// Clocks that are set during the run, or wrong from time 0 on.
    pub clock_steps: Vec<ClockStep>,
    /// Clients that are cut off from the server for a while.
    pub partitions: Vec<Partition>,
    /// A share of the clients that leaves for ever.
    pub dropout: Option<Dropout>,
    /// Clients that leave for ever at a given time.
    pub departures: Vec<Departure>,
    /// Nodes that crash at a given point.
    pub crashes: Vec<CrashPoint>,
    /// Writes that fail.
    pub failed_writes: Vec<WritePoint>,
    /// Messages whose first copy is lost, by number from 1 in the order of sending.
    pub lost: BTreeSet<u64>,
}

/// Probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Chances {
    /// A request's first copy is lost.
    pub request_loss: f64,
    /// A response's first copy is lost.
    pub response_loss: f64,
    /// A second copy of a message is made; it is never lost by chance.
    pub duplication: f64,
    /// [`Parties::tamper`](super::Parties::tamper) is asked.
    pub tampering: f64,
    /// A client crashes during or after an input: before its first effect, after its last, or between.
    pub client_crash: f64,
    /// The server does.
    pub server_crash: f64,
    /// A write to a journal fails; the node then crashes.
    pub failed_write: f64,
}

/// A clock that is set.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClockStep {
    /// Whose.
    pub client: ClientId,
    /// When.
    pub at_millis: u64,
    /// By how much.
    pub by_millis: i64,
}

/// A cut between some clients and the server.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// Who is cut off.
    pub clients: ClientSet,
    /// Its first moment.
    pub from_millis: u64,
    /// Its end, when messages pass again.
    pub until_millis: u64,
}

/// Some of the clients.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientSet {
    /// All.
    All,
    /// These.
    These(BTreeSet<ClientId>),
    /// `count` clients from `first` on.
    Range {
        /// The first.
        first: ClientId,
        /// How many.
        count: u32,
    },
    /// A random share of all, to the nearest person.
    Share(f64),
}

/// Clients that leave for ever.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    /// The share that leaves, to the nearest person, of the clients from `first` on.
    pub share: f64,
    /// Clients before this one stay.
    pub first: ClientId,
    /// When each leaves.
    pub at: Span,
}

/// A client that leaves for ever.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Departure {
    /// Who.
    pub client: ClientId,
    /// When.
    pub at_millis: u64,
}

/// A node that crashes once.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CrashPoint {
    /// Who.
    pub node: Node,
    /// Right after this effect, from 1, counted over the whole run; see
    /// [`World::effects`](super::World::effects).
    pub effect: u64,
}

/// A write that fails once.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WritePoint {
    /// Whose.
    pub node: Node,
    /// This try, from 1, counted over the whole run; see [`Journal::tries`](super::Journal::tries).
    pub write: u64,
}

impl Faults {
    fn validate(&self, clients: u32) -> Result<(), Misfit> {
        self.delay.validate("faults.delay")?;
        self.copy_delay.validate("faults.copy_delay")?;
        self.downtime.validate("faults.downtime")?;
        self.chances.validate()?;
        let exists = |field, client: ClientId| {
            if client.0 < clients { Ok(()) } else { Err(Misfit::Client { field, client, clients }) }
        };
        for partition in &self.partitions {
            partition.validate(clients)?;
        }
        if let Some(dropout) = self.dropout {
            probability("faults.dropout.share", dropout.share)?;
            dropout.at.validate("faults.dropout.at")?;
        }
        for step in &self.clock_steps {
            exists("faults.clock_steps", step.client)?;
        }
        for departure in &self.departures {
            exists("faults.departures", departure.client)?;
        }
        let crashes = self.crashes.iter().map(|it| ("faults.crashes", it.node, it.effect));
        let writes =
            self.failed_writes.iter().map(|it| ("faults.failed_writes", it.node, it.write));
        for (field, node, number) in crashes.chain(writes) {
            if let Node::Client(client) = node {
                exists(field, client)?;
            }
            counted(field, number)?;
        }
        self.lost.iter().try_for_each(|number| counted("faults.lost", *number))?;
        let skew_max = super::START.as_millis();
        let steps = self.clock_steps.iter().map(|step| step.by_millis.unsigned_abs());
        match steps.chain([self.skew_millis_max]).find(|skew| *skew > skew_max) {
            Some(skew) => Err(Misfit::Skew { skew, max: skew_max }),
            None => Ok(()),
        }
    }
}

impl Chances {
    fn validate(&self) -> Result<(), Misfit> {
        probability("faults.chances.request_loss", self.request_loss)?;
        probability("faults.chances.response_loss", self.response_loss)?;
        probability("faults.chances.duplication", self.duplication)?;
        probability("faults.chances.tampering", self.tampering)?;
        probability("faults.chances.client_crash", self.client_crash)?;
        probability("faults.chances.server_crash", self.server_crash)?;
        probability("faults.chances.failed_write", self.failed_write)
    }
}

impl Partition {
    fn validate(&self, clients: u32) -> Result<(), Misfit> {
        let field = "faults.partitions";
        if self.from_millis > self.until_millis {
            return Err(Misfit::Span { field, min: self.from_millis, max: self.until_millis });
        }
        let last = match &self.clients {
            ClientSet::All => None,
            ClientSet::These(ids) => ids.last().copied(),
            ClientSet::Range { first, count } => {
                count.checked_sub(1).map(|more| ClientId(first.0.saturating_add(more)))
            }
            ClientSet::Share(share) => return probability("faults.partitions.clients", *share),
        };
        match last {
            Some(client) if client.0 >= clients => Err(Misfit::Client { field, client, clients }),
            _ => Ok(()),
        }
    }
}

fn probability(field: &'static str, value: f64) -> Result<(), Misfit> {
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(Misfit::Probability { field, value }) }
}

fn counted(field: &'static str, number: u64) -> Result<(), Misfit> {
    if number > 0 { Ok(()) } else { Err(Misfit::Zero { field }) }
}

/// Why a setting makes no sense.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum Misfit {
    /// Not a probability or share.
    #[error("{field} is {value}; it must lie between 0 and 1")]
    Probability {
        /// Where.
        field: &'static str,
        /// What is there.
        value: f64,
    },
    /// Ends before it begins.
    #[error("{field} goes from {min} ms to {max} ms; the end must not come before the beginning")]
    Span {
        /// Where.
        field: &'static str,
        /// Its beginning, in milliseconds.
        min: u64,
        /// Its end, in milliseconds.
        max: u64,
    },
    /// There is no such client.
    #[error("{field} names client {}, but there are {clients} clients, from 0 on", client.0)]
    Client {
        /// Where.
        field: &'static str,
        /// Who is named.
        client: ClientId,
        /// How many there are.
        clients: u32,
    },
    /// Something counted from 1 has the number 0.
    #[error("{field} names number 0; it is counted from 1")]
    Zero {
        /// Where.
        field: &'static str,
    },
    /// A clock would stand before its own epoch.
    #[error("a clock is {skew} ms wrong; at most {max} ms is possible")]
    Skew {
        /// By how much, in milliseconds.
        skew: u64,
        /// The most that is possible, in milliseconds.
        max: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_unknown_fields_and_reads_what_it_wrote() {
        let text = "clients = 3\n[faults]\ndelay = { min_millis = 1, max_millis = 9 }\n\
                    [faults.chances]\nrequest_loss = 0.1\n[[faults.partitions]]\nfrom_millis = 1\n\
                    until_millis = 2\nclients = { range = { first = 1, count = 2 } }\n\
                    [[faults.crashes]]\nnode = \"server\"\neffect = 2\n\
                    [[faults.crashes]]\nnode = { client = 2 }\neffect = 1\n";
        let setting: Setting = toml::from_str(text).unwrap();
        assert_eq!(setting.validate(), Ok(()));
        let again: Setting = toml::from_str(&toml::to_string(&setting).unwrap()).unwrap();
        assert_eq!(setting, again);
        assert!(toml::from_str::<Setting>(&text.replace("request_loss", "loss")).is_err());
        assert!(toml::from_str::<Setting>(&text.replace("count = 2", "n = 2")).is_err());
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        let with = |change: fn(&mut Setting)| {
            let mut setting = Setting::calm(3);
            change(&mut setting);
            setting.validate().unwrap_err().to_string()
        };
        let probability = with(|it| it.faults.chances.client_crash = 1.5);
        assert!(probability.starts_with("faults.chances.client_crash is 1.5"), "{probability}");
        let nan = with(|it| it.faults.chances.duplication = f64::NAN);
        assert!(nan.starts_with("faults.chances.duplication is NaN"), "{nan}");
        let span = with(|it| it.faults.delay = Span { min_millis: 2, max_millis: 1 });
        assert!(span.starts_with("faults.delay goes from 2 ms to 1 ms"), "{span}");
        let client = with(|it| {
            let client = ClientId(3);
            it.faults.departures = vec![Departure { client, at_millis: 0 }];
        });
        assert!(client.starts_with("faults.departures names client 3"), "{client}");
        let zero = with(|it| {
            it.faults.crashes = vec![CrashPoint { node: Node::Server, effect: 0 }];
        });
        assert!(zero.starts_with("faults.crashes names number 0"), "{zero}");
        let skew = with(|it| it.faults.skew_millis_max = u64::MAX);
        assert!(skew.starts_with("a clock is"), "{skew}");
    }
}
