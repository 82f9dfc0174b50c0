//! A coordinator whose clock is minutes off, seen from the real program: the machine and its connections are the real ones, in
//! this process, where the clock can be another.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use coordinator::campaign::{self, Keys};
use coordinator::office::Office;
use coordinator::state::Secrets;
use host::{
    dates,
    drive::Keep,
    journal::JournalError,
    quic::{Limits, Server, Service},
};
use protocol::campaign::CheckedPlan;
use protocol::invite::{Invite, InviteSecret, Target};
use protocol::messages::{Peer, Request};
use protocol::roles::coordinator::{Coordinator, Record};
use protocol::roles::keyholder::{Configuration, Keyholder};
use protocol::roles::{Client as _, Effect, Time};
use protocol::wire::{Ask, Exporter, Hello, Here, Reply, Unwelcome};
use serde_json::Value;
use tests::people::{Counts, made_up};
use tests::stage::{Ended, Stage, Terms, beat};
use tokio::sync::oneshot;
use tokio::{runtime::Builder, time::sleep};

use crate::{LONG, fails, start};

const APART_MILLIS: i64 = 26 * 60_000;
/// How often keyholders look for what is to be done.
const ROUND: Duration = Duration::from_millis(100);

fn terms() -> Terms {
    Terms {
        joining: 6.0,
        enrolling: 2.0,
        // Longer than `join` takes to see that nothing more is due, and `run` to begin.
        collecting: 8.0,
        closing: 2.0,
        patience: 6.0,
        beat: beat().unwrap(),
        ..Terms::smallest()
    }
}

#[test]
fn whoever_has_another_clock_is_told_and_takes_part() {
    thread::scope(|scope| {
        for ahead_millis in [APART_MILLIS, -APART_MILLIS] {
            scope.spawn(move || takes_part(ahead_millis));
        }
    });
}

/// The person's clock is so far ahead of the coordinator's.
fn takes_part(ahead_millis: i64) {
    let stage = Stage::new(&terms()).unwrap();
    let elsewhere = Elsewhere::open(&stage, -ahead_millis);
    let Target::Person(campaign) = elsewhere.invite.target else { unreachable!() };
    stage.consent(&campaign.to_string()).unwrap();
    stage.private("donor.code", &elsewhere.invite.code()).unwrap();
    fs::write(stage.path("me.csv"), made_up(Counts { members: 0, donors: 1 }, 3)[0].to_csv())
        .unwrap();
    let is_told = |ended: &Ended| {
        let told = ended.events("clock");
        let off = |of: &Value| of["ahead_millis"].as_i64().unwrap().abs_diff(ahead_millis);
        assert!(told.iter().any(|of| off(of) < 60_000), "{}", ended.all());
    };
    let joined = start(&stage, "donor", "donor").end(LONG).unwrap();
    assert_eq!(joined.code, Some(0), "{}", joined.all());
    is_told(&joined);
    let ended = stage.ended(&mut stage.participant("donor", &["run", "--json"]), LONG).unwrap();
    is_told(&ended);
    // Its report was in time, and is the only one.
    fails(&ended, 5, "NO_RESULT");
    assert!(ended.all().contains("Closed with 1 of 12 needed"), "{}", ended.all());
    elsewhere.end();
}

/// Nothing is kept: this one does not crash.
struct Shelf;

impl Keep<Record> for Shelf {
    fn keep(&mut self, _: &[Record]) -> Result<(), JournalError> {
        Ok(())
    }
}

/// Coordinator and keyholders, by another clock.
struct Parties {
    apart_millis: i64,
    machines: Mutex<(Office<Shelf>, Vec<Keyholder>)>,
}

impl Parties {
    fn now(&self) -> Time {
        apart(self.apart_millis)
    }

    /// Every keyholder does what is due.
    fn round(&self) {
        let mut machines = self.machines.lock().unwrap();
        let (office, keyholders) = &mut *machines;
        for (seat, keyholder) in (0..).map(protocol::keys::seat::Seat::new).zip(keyholders) {
            let mut effects = keyholder.wake(self.now());
            while let Some(request) = sent(effects) {
                let question = vec![(Peer::Keyholder(seat), request)];
                let response = office.turn(self.now(), question).unwrap().remove(0);
                effects = keyholder.receive(self.now(), response);
            }
        }
        office.turn(self.now(), vec![]).unwrap();
    }

    fn here(&self) -> Here {
        let machines = self.machines.lock().unwrap();
        let transcript = machines.0.machine().transcript();
        let campaign = transcript.manifest().map(|(_, manifest)| manifest.campaign());
        let campaign = campaign.filter(|_| transcript.has_begun());
        Here { plan: transcript.plan().id(), campaign }
    }
}

fn apart(millis: i64) -> Time {
    Time::from_millis(dates::now().as_millis().saturating_add_signed(millis))
}

fn sent<R>(effects: Vec<Effect<R, Request>>) -> Option<Request> {
    effects.into_iter().find_map(|effect| match effect {
        Effect::Send(request) => Some(request),
        Effect::Persist(_) | Effect::Wake(_) => None,
    })
}

impl Service for Parties {
    fn now(&self) -> Time {
        Self::now(self)
    }

    fn greet(&self, hello: &Hello, exporter: &Exporter) -> Result<Peer, Unwelcome> {
        hello.admit(&self.here(), exporter, |_| None)
    }

    async fn answer(&self, peer: Peer, ask: Ask) -> Option<Reply> {
        let (now, question) = (self.now(), vec![(peer, ask.request)]);
        let response = self.machines.lock().unwrap().0.turn(now, question).unwrap().remove(0);
        Some(Reply { now, response })
    }
}

/// The parties after their ceremony, on a port of loopback.
struct Elsewhere {
    invite: Invite,
    end: oneshot::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Elsewhere {
    fn open(stage: &Stage, apart_millis: i64) -> Self {
        let secrets = Secrets::generate("127.0.0.1:1".parse().unwrap()).unwrap();
        let keys =
            Keys { organiser: secrets.organiser().public(), issuer: secrets.issuer().public() };
        let file = fs::read_to_string(stage.path("campaign.toml")).unwrap();
        let now = apart(apart_millis);
        let plan = campaign::parse(&file).unwrap().plan(keys, now).unwrap();
        let secret = InviteSecret::from_bytes([7; InviteSecret::LEN]);
        let invites = BTreeMap::from([(secret.hash(), Time::MAX)]);
        let machine = Coordinator::new(&plan, secrets.configuration(invites), now).unwrap().0;
        let office = Office::new(machine, Shelf, now).unwrap();
        let machines = Mutex::new((office, keyholders(&plan)));
        let parties = Arc::new(Parties { apart_millis, machines });
        let campaign = (0..100).find_map(|_| {
            parties.round();
            parties.here().campaign
        });
        let identity = secrets.identity();
        let (certificate, target) = (identity.fingerprint(), Target::Person(campaign.unwrap()));
        let (end, ended) = oneshot::channel();
        let (told, address) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                let at = (Ipv4Addr::LOCALHOST, 0).into();
                let server = Server::bind(at, &identity, Limits::default()).unwrap();
                told.send(server.local_address().unwrap().to_string()).unwrap();
                let rounds = async {
                    loop {
                        parties.round();
                        sleep(ROUND).await;
                    }
                };
                let ended = async {
                    let _ = ended.await;
                };
                tokio::select! {
                    () = server.run(Arc::clone(&parties), ended) => {}
                    () = rounds => {}
                }
            });
        });
        let address = address.recv().unwrap().parse().unwrap();
        Self { invite: Invite { address, certificate, target, secret }, end, thread }
    }

    fn end(self) {
        self.end.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

fn keyholders(plan: &CheckedPlan) -> Vec<Keyholder> {
    let keyholder = |seat: protocol::keys::seat::Seat| {
        let pace_millis = 1;
        let configuration =
            Configuration { plan: plan.id(), seat, pace_millis, declares_losses: false };
        Keyholder::new(configuration, &[40 + seat.index(); 32])
    };
    plan.all_seats().iter().map(keyholder).collect()
}
