//! What the network sees of the office: who may ask, and where to put questions.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, mpsc::SyncSender},
};

use host::{dates, quic::Service};
use protocol::{
    ids::SeatSet,
    keys::{seat::Seat, sign::PublicKey},
    messages::{Peer, Request, Response},
    roles::{Time, coordinator::Coordinator},
    wire::{Ask, Exporter, Hello, Here, Reply, Unwelcome},
};
use tokio::sync::oneshot;

use crate::status::Status;

/// One question, and where its answer goes.
#[derive(Debug)]
pub struct Job {
    /// Who asks.
    pub peer: Peer,
    /// What.
    pub request: Request,
    /// With the coordinator's clock.
    pub reply: oneshot::Sender<(Time, Response)>,
}

/// What is known without asking the machine.
#[derive(Debug)]
pub struct Front {
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    here: Here,
    keyholders: BTreeMap<Seat, (PublicKey, Time)>,
    /// Keyholders that have taken their seats: their invites do not expire any more.
    seated: SeatSet,
    status: Option<Status>,
}

impl Front {
    /// Of a machine, and the keyholders who are invited: they can come before the office has looked around.
    pub fn new(machine: &Coordinator, keyholders: BTreeMap<Seat, (PublicKey, Time)>) -> Self {
        let here = Here { plan: machine.transcript().plan().id(), campaign: None };
        let seated = SeatSet::EMPTY;
        let front = Self { known: Mutex::new(Known { here, keyholders, seated, status: None }) };
        front.greet_as(machine);
        front
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("nobody panics while looking")
    }

    /// People can come once all keyholders have endorsed the campaign; until then there is none.
    pub(super) fn greet_as(&self, machine: &Coordinator) {
        let transcript = machine.transcript();
        let campaign = transcript.manifest().map(|(_, manifest)| manifest.campaign());
        let seats = transcript.plan().all_seats().iter();
        let seated = seats.filter(|seat| transcript.seat_keys(*seat).is_some()).collect();
        let mut known = self.known();
        known.here.campaign = campaign.filter(|_| transcript.has_begun());
        known.seated = seated;
    }

    pub(super) fn invite(&self, keyholders: &BTreeMap<Seat, (PublicKey, Time)>) {
        self.known().keyholders.clone_from(keyholders);
    }

    pub(super) fn show(&self, status: Status) {
        self.known().status = Some(status);
    }

    /// Where the campaign stands, once that was looked at.
    pub fn status(&self) -> Option<Status> {
        self.known().status.clone()
    }
}

/// Takes questions from the network to the office.
#[derive(Debug)]
pub struct Desk {
    front: Arc<Front>,
    jobs: SyncSender<Job>,
}

impl Desk {
    /// At the front of an office.
    pub const fn new(front: Arc<Front>, jobs: SyncSender<Job>) -> Self {
        Self { front, jobs }
    }
}

impl Service for Desk {
    fn now(&self) -> Time {
        dates::now()
    }

    fn greet(&self, hello: &Hello, exporter: &Exporter) -> Result<Peer, Unwelcome> {
        let known = self.front.known();
        hello.admit(&known.here, exporter, |seat| {
            let (access, expires) = known.keyholders.get(&seat)?;
            (known.seated.contains(seat) || dates::now() < *expires).then_some(*access)
        })
    }

    async fn answer(&self, peer: Peer, ask: Ask) -> Option<Reply> {
        let (reply, answer) = oneshot::channel();
        // A full queue is said to be one; the caller asks again.
        self.jobs.try_send(Job { peer, request: ask.request, reply }).ok()?;
        let (now, response) = answer.await.ok()?;
        Some(Reply { now, response })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        state::Secrets,
        world::{Shelf, play},
    };
    use protocol::invite::InviteSecret;

    #[test]
    fn a_keyholder_is_let_in_before_the_office_has_looked_around() {
        let secrets = Secrets::generate("vote.example:4433".parse().unwrap()).unwrap();
        let office = play(&secrets, &Shelf::default());
        let (plan, seat) = (office.machine().transcript().plan().id(), Seat::new(1));
        let access = InviteSecret::from_bytes([7; InviteSecret::LEN]).access_key();
        let keyholders = [(seat, (access.public(), Time::MAX))];
        let front = Arc::new(Front::new(office.machine(), keyholders.into()));
        let desk = Desk::new(front, std::sync::mpsc::sync_channel(1).0);
        let hello = Hello::keyholder(plan, seat, &access, &[8; 32]);
        assert_eq!(desk.greet(&hello, &[8; 32]), Ok(Peer::Keyholder(seat)));
    }
}
