//! How fast the simulated network is by itself: clients that ask, and a server that answers, and nothing else.
//!
//! `cargo run --release -p sims --example network_rate [CLIENTS]`

use std::convert::Infallible;
use std::io::Write;
use std::time::Instant;

use anyhow::Context;
use protocol::roles::{Effect, Time};
use sims::network::{
    Chances, Client, ClientId, Faults, Parties, Server, Setting, Simulation, Span, Turn,
};

/// Each of these is one request and one response.
const ROUNDS: u32 = 15;

struct Echo;

struct Asker {
    left: u32,
}

impl Asker {
    fn ask(&self, now: Time) -> Vec<Effect<u32, u64>> {
        if self.left == 0 {
            return vec![Effect::Wake(Time::MAX)];
        }
        let again = Effect::Wake(now.after_millis(2_000));
        vec![Effect::Persist(self.left), Effect::Send(u64::from(self.left)), again]
    }
}

impl Client for Asker {
    type Record = u32;
    type Request = u64;
    type Response = u64;

    fn start(&mut self, now: Time) -> Vec<Effect<u32, u64>> {
        self.ask(now)
    }

    fn receive(&mut self, now: Time, response: u64) -> Vec<Effect<u32, u64>> {
        if response != u64::from(self.left) {
            return Vec::new();
        }
        self.left -= 1;
        self.ask(now)
    }

    fn wake(&mut self, now: Time) -> Vec<Effect<u32, u64>> {
        self.ask(now)
    }
}

struct Answerer;

impl Server for Answerer {
    type Record = u32;
    type Request = u64;
    type Response = u64;

    fn start(&mut self, _now: Time) -> Turn<u32, Infallible> {
        Turn::idle()
    }

    fn handle(&mut self, _now: Time, _from: ClientId, request: u64) -> Turn<u32, u64> {
        Turn { records: vec![0], wake: None, response: Some(request) }
    }

    fn wake(&mut self, _now: Time) -> Turn<u32, Infallible> {
        Turn::idle()
    }
}

impl Parties for Echo {
    type Request = u64;
    type Response = u64;
    type ClientRecord = u32;
    type ServerRecord = u32;
    type Client = Asker;
    type Server = Answerer;

    fn client(&mut self, _id: ClientId, journal: &[u32]) -> Asker {
        Asker { left: journal.last().copied().unwrap_or(ROUNDS) }
    }

    fn server(&mut self, _journal: &[u32]) -> Answerer {
        Answerer
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a measurement of real time, which no result depends on"
)]
fn main() -> anyhow::Result<()> {
    let clients = std::env::args().nth(1).map_or(Ok(10_000), |it| it.parse());
    let clients: u32 = clients.context("the number of clients is not a number")?;
    let mut out = std::io::stdout();
    for (name, chances) in [
        ("calm", Chances::default()),
        (
            "lossy",
            Chances {
                request_loss: 0.1,
                response_loss: 0.1,
                duplication: 0.05,
                ..Chances::default()
            },
        ),
        ("crashing", Chances { client_crash: 0.01, ..Chances::default() }),
    ] {
        let delay = Span { min_millis: 5, max_millis: 200 };
        let mut setting = Setting::calm(clients);
        setting.arrivals = Span { min_millis: 0, max_millis: 10_000 };
        setting.faults = Faults { delay, downtime: delay, chances, ..Faults::default() };
        let mut simulation = Simulation::new(Echo, setting, 1)?;
        let start = Instant::now();
        let ended = simulation.run(|_| Ok::<(), Infallible>(()))?;
        let seconds = start.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate that people read")]
        let rate = ended.events as f64 / seconds / 1e6;
        writeln!(
            out,
            "{name}: {clients} clients, {} messages, {} events, {:?}, {seconds:.3} s, {rate:.1} million events/s",
            ended.messages, ended.events, ended.reason
        )?;
    }
    Ok(())
}
