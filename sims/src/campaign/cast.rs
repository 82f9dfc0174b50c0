//! The machines of a campaign, wired to the simulated network.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use protocol::aggregation::noise::Rho;
use protocol::campaign::limits::Limits;
use protocol::campaign::{CheckedManifest, CheckedPlan};
use protocol::ids::{AggregationId, CampaignId};
use protocol::invite::InviteSecret;
use protocol::keys::seat::Seat;
use protocol::keys::sign::SigningKey;
use protocol::keys::token::IssuerKey;
use protocol::keys::{Label, digest};
use protocol::messages::{Peer, Request, Response};
use protocol::report::Report;
use protocol::roles::coordinator::{self, Coordinator, Gate};
use protocol::roles::keyholder::{self, Keyholder};
use protocol::roles::participant::{self, Admission, CampaignKey, Own, Participant, Phase, Retry};
use protocol::roles::{Client as _, Effect, Server as _, Time};

use super::adversary::{self, Character, Flaw, Held, Mischief};
use super::crowd::{Crowd, Place};
use crate::network::{self, ClientId, Parties, START, Turn};

/// How long a keyholder waits before it asks again.
const PACE_MILLIS: u64 = 2_000;
/// How long a participant waits before it asks again, at first and at most.
const RETRY: Retry = Retry { first_millis: 2_000, max_millis: 600_000 };

/// Everybody in one campaign.
#[derive(Debug)]
pub struct Cast<'a> {
    plan: CheckedPlan,
    campaign: CampaignId,
    /// The manifest as everybody checks it, checked once.
    manifest: Arc<CheckedManifest>,
    crowd: Rc<Crowd<'a>>,
    seed: u64,
    mischief: Mischief,
    /// Reports that somebody on the network has kept, to send them again.
    seen: Vec<Arc<Report>>,
}

/// How many reports somebody on the network keeps.
const SEEN_MAX: usize = 16;

/// The secrets of one simulation all derive from its seed.
fn secret(seed: u64, what: &str, number: u64) -> [u8; 32] {
    let parts: [&[u8]; 3] = [&seed.to_le_bytes(), what.as_bytes(), &number.to_le_bytes()];
    digest(Label::Identity, &parts)
}

/// The organiser's key of one simulation.
pub fn organiser(seed: u64) -> SigningKey {
    SigningKey::from_bytes(&secret(seed, "organiser", 0))
}

/// The campaign key of one simulated person.
pub fn person_secret(seed: u64, number: usize) -> [u8; 32] {
    secret(seed, "person", number as u64)
}

impl<'a> Cast<'a> {
    /// Rehearses the ceremony, so that people can be invited to the campaign's id.
    ///
    /// # Panics
    /// If honest machines on a perfect network do not agree on a manifest: a bug.
    pub fn new(plan: CheckedPlan, crowd: Rc<Crowd<'a>>, seed: u64, mischief: Mischief) -> Self {
        let manifest = ceremony(&plan, seed);
        let campaign = manifest.campaign();
        Self {
            plan,
            campaign,
            manifest: Arc::new(manifest),
            crowd,
            seed,
            mischief,
            seen: Vec::new(),
        }
    }

    /// The campaign's id.
    pub const fn campaign(&self) -> CampaignId {
        self.campaign
    }

    /// The manifest.
    pub fn manifest(&self) -> &CheckedManifest {
        &self.manifest
    }

    /// T.
    pub fn seats(&self) -> u32 {
        u32::from(self.plan.seats())
    }

    /// How many machines ask: keyholders first, then people.
    pub fn clients(&self) -> u32 {
        self.seats() + u32::try_from(self.crowd.people().len()).unwrap_or(u32::MAX)
    }

    /// The people.
    pub fn crowd(&self) -> &Crowd<'a> {
        &self.crowd
    }

    /// The person behind a client, by number.
    pub fn person(&self, id: ClientId) -> Option<usize> {
        id.0.checked_sub(self.seats()).map(|number| number as usize)
    }

    fn keyholder(&self, seat: Seat, journal: &[ClientRecord]) -> Keyholder {
        let configuration = keyholder_configuration(&self.plan, seat);
        let records: Vec<_> = journal
            .iter()
            .filter_map(|record| match record {
                ClientRecord::Keyholder(record) => Some(Clone::clone(&**record)),
                ClientRecord::Participant(_) => None,
            })
            .collect();
        Keyholder::restore(configuration, &root(self.seed, seat), &records)
    }

    fn actor(&self, number: usize, journal: &[ClientRecord]) -> Actor<'a> {
        let key = CampaignKey::from_bytes(self.crowd.people()[number].secret);
        Actor {
            machine: self.participant(number, journal),
            character: self.mischief.character(self.seed, number),
            key: key.signing_key(self.campaign),
            unasked: self.mischief.flaw == Some(Flaw::ActsUnasked),
        }
    }

    fn participant(&self, number: usize, journal: &[ClientRecord]) -> Participant<Place<'a>> {
        let place = Place { crowd: Rc::clone(&self.crowd), number };
        let person = &self.crowd.people()[number];
        let configuration = participant::Configuration {
            campaign: self.campaign,
            role: person.role,
            key: CampaignKey::from_bytes(person.secret),
            admission: match self.plan.issue {
                Some(_) => Admission::Invited(invite(self.seed, number)),
                None => Admission::Open,
            },
            limits: Limits {
                unnoised: true,
                open_scores: true,
                clear: true,
                open: true,
                epsilon_max_milli: u32::MAX,
                ..Limits::default()
            },
            known: self.plan.all_seats(),
            spent: Rho::default(),
            retry: RETRY,
            checked: Some(Arc::clone(&self.manifest)),
        };
        let records = journal.iter().filter_map(|record| match record {
            ClientRecord::Participant(record) => Some(Clone::clone(&**record)),
            ClientRecord::Keyholder(_) => None,
        });
        Participant::restore(configuration, place, records)
            .expect("a simulated journal holds what this machine wrote")
    }
}

fn keyholder_configuration(plan: &CheckedPlan, seat: Seat) -> keyholder::Configuration {
    keyholder::Configuration {
        plan: plan.id(),
        seat,
        pace_millis: PACE_MILLIS,
        declares_losses: true,
    }
}

fn root(seed: u64, seat: Seat) -> [u8; 32] {
    secret(seed, "keyholder", u64::from(seat.index()))
}

fn coordinator_configuration(
    plan: &CheckedPlan,
    seed: u64,
    people: usize,
) -> coordinator::Configuration {
    let gate = match plan.issue {
        Some(issue) => {
            let invites = (0..people).map(|number| (invite(seed, number).hash(), issue.closes));
            Gate::Invited { issuer: Box::new(issuer(seed)), invites: invites.collect() }
        }
        None => Gate::Open,
    };
    coordinator::Configuration {
        key: organiser(seed),
        secret: secret(seed, "coordinator", 0),
        gate,
    }
}

/// With which the tokens of a simulated campaign are made.
pub fn issuer(seed: u64) -> IssuerKey {
    IssuerKey::from_seed(secret(seed, "issuer", 0))
}

fn invite(seed: u64, number: usize) -> InviteSecret {
    let secret = secret(seed, "invite", number as u64);
    InviteSecret::from_bytes(*secret.first_chunk().expect("a digest is longer"))
}

/// Runs the ceremony on a perfect network.
fn ceremony(plan: &CheckedPlan, seed: u64) -> CheckedManifest {
    let (mut coordinator, _) =
        Coordinator::new(plan, coordinator_configuration(plan, seed, 0), START)
            .expect("the plan names this organiser");
    let seats: Vec<Seat> = plan.all_seats().iter().collect();
    let mut keyholders: Vec<Keyholder> = seats
        .iter()
        .map(|seat| Keyholder::new(keyholder_configuration(plan, *seat), &root(seed, *seat)))
        .collect();
    // Each round brings everybody one step on; the ceremony has four.
    for round in 0..1_000 {
        let now = START.after_millis(round);
        for (seat, keyholder) in seats.iter().zip(&mut keyholders) {
            let mut effects = keyholder.wake(now);
            while let Some(request) = sent(effects) {
                let answer = coordinator.handle(now, Peer::Keyholder(*seat), request);
                effects = keyholder.receive(now, answer.response);
            }
        }
        coordinator.wake(now);
        if coordinator.transcript().has_begun()
            && let Some((_, manifest)) = coordinator.transcript().manifest()
        {
            return manifest.clone();
        }
    }
    panic!("no manifest after a thousand rounds: {:?}", keyholders.iter().map(Keyholder::fault))
}

fn sent<R>(effects: Vec<Effect<R, Request>>) -> Option<Request> {
    effects.into_iter().find_map(|effect| match effect {
        Effect::Send(request) => Some(request),
        Effect::Persist(_) | Effect::Wake(_) => None,
    })
}

/// What a client keeps.
#[derive(Clone, Debug)]
pub enum ClientRecord {
    /// Of a keyholder.
    Keyholder(Box<keyholder::Record>),
    /// Of a member or donor.
    Participant(Box<participant::Record>),
}

/// A machine that asks.
#[derive(Debug)]
pub enum Machine<'a> {
    /// A keyholder.
    Keyholder(Box<Keyholder>),
    /// A member or donor.
    Participant(Box<Actor<'a>>),
}

/// A person with its machine.
#[derive(Debug)]
pub struct Actor<'a> {
    machine: Participant<Place<'a>>,
    character: Character,
    key: SigningKey,
    unasked: bool,
}

impl Actor<'_> {
    /// A simulated person consents as soon as the campaign is known and within its limits; some take back what they
    /// have reported first, some send something else.
    fn act(&mut self, now: Time, effects: Vec<Effect<participant::Record, Request>>) -> Effects {
        let mut effects = effects;
        if self.machine.phase() == Phase::AwaitingConsent
            && let Some(campaign) = self.machine.manifest().map(CheckedManifest::campaign)
        {
            effects.extend(self.machine.consent(now, campaign));
        }
        if self.character.withdraws
            && let Some(first) = self.machine.status().aggregations.first()
            && matches!(first.own, Own::Received(_))
        {
            effects.extend(self.machine.withdraw(now, first.id));
        }
        let mut effects = wrap(effects, ClientRecord::Participant);
        for effect in &mut effects {
            if let (Effect::Send(Request::Report { report, .. }), Some(roll)) =
                (effect, self.character.lies)
            {
                *report = Arc::new(adversary::garbage(report, &self.key, roll));
            }
        }
        if std::mem::take(&mut self.unasked) {
            effects.push(Effect::Send(Request::Opening(AggregationId(0))));
        }
        effects
    }
}

impl<'a> Machine<'a> {
    /// The participant, if it is one.
    pub fn participant(&self) -> Option<&Participant<Place<'a>>> {
        match self {
            Self::Participant(actor) => Some(&actor.machine),
            Self::Keyholder(_) => None,
        }
    }

    /// The keyholder, if it is one.
    pub fn keyholder(&self) -> Option<&Keyholder> {
        match self {
            Self::Keyholder(machine) => Some(machine),
            Self::Participant(_) => None,
        }
    }
}

type Effects = Vec<Effect<ClientRecord, Request>>;

fn wrap<R>(effects: Vec<Effect<R, Request>>, record: impl Fn(Box<R>) -> ClientRecord) -> Effects {
    let wrapped = effects.into_iter().map(|effect| match effect {
        Effect::Persist(of) => Effect::Persist(record(Box::new(of))),
        Effect::Send(request) => Effect::Send(request),
        Effect::Wake(time) => Effect::Wake(time),
    });
    wrapped.collect()
}

impl network::Client for Machine<'_> {
    type Record = ClientRecord;
    type Request = Request;
    type Response = Response;

    fn start(&mut self, now: Time) -> Effects {
        match self {
            Self::Keyholder(machine) => wrap(machine.start(now), ClientRecord::Keyholder),
            Self::Participant(actor) => {
                let effects = actor.machine.start(now);
                actor.act(now, effects)
            }
        }
    }

    fn receive(&mut self, now: Time, response: Response) -> Effects {
        match self {
            Self::Keyholder(machine) => {
                wrap(machine.receive(now, response), ClientRecord::Keyholder)
            }
            Self::Participant(actor) => {
                let effects = actor.machine.receive(now, response);
                actor.act(now, effects)
            }
        }
    }

    fn wake(&mut self, now: Time) -> Effects {
        match self {
            Self::Keyholder(machine) => wrap(machine.wake(now), ClientRecord::Keyholder),
            Self::Participant(actor) => {
                let effects = actor.machine.wake(now);
                actor.act(now, effects)
            }
        }
    }
}

/// The coordinator, and how to tell who asks.
#[derive(Debug)]
pub struct Office<'a> {
    machine: Coordinator,
    /// What it wrote when it began, until that is durable.
    begun: Vec<coordinator::Record>,
    seats: u32,
    flaw: Option<Flaw>,
    held: Held,
    manifest: Arc<CheckedManifest>,
    crowd: Rc<Crowd<'a>>,
}

impl<'a> Office<'a> {
    /// The machine.
    pub const fn coordinator(&self) -> &Coordinator {
        &self.machine
    }

    /// The people.
    pub fn crowd(&self) -> &Crowd<'a> {
        &self.crowd
    }

    /// What is written: what the machine wants written, unless it is broken on purpose.
    fn written(&mut self, records: Vec<coordinator::Record>) -> Vec<coordinator::Record> {
        let Some(flaw) = self.flaw else { return records };
        for record in &records {
            self.held.note(record);
        }
        let held = self.held.clone();
        records
            .into_iter()
            .filter_map(|record| adversary::broken(flaw, record, &self.manifest, &held))
            .collect()
    }

    fn sleeps(&self) -> bool {
        self.flaw == Some(Flaw::FallsAsleep) && self.machine.transcript().has_begun()
    }
}

impl network::Server for Office<'_> {
    type Record = coordinator::Record;
    type Request = Request;
    type Response = Response;

    fn start(&mut self, now: Time) -> Turn<coordinator::Record, Infallible> {
        self.machine.resume(now);
        let mut records = std::mem::take(&mut self.begun);
        let (more, wake) = self.machine.wake(now);
        records.extend(more);
        Turn { records: self.written(records), wake: Some(wake), response: None }
    }

    fn handle(
        &mut self,
        now: Time,
        from: ClientId,
        request: Request,
    ) -> Turn<coordinator::Record, Response> {
        if self.sleeps() {
            return Turn::idle();
        }
        let peer = if from.0 < self.seats {
            Peer::Keyholder(Seat::new(u8::try_from(from.0).unwrap_or(u8::MAX)))
        } else {
            Peer::Participant
        };
        let answer = self.machine.handle(now, peer, request);
        let mut records = answer.records;
        // What the request has made due is done at once.
        let (more, wake) = self.machine.wake(now);
        records.extend(more);
        Turn { records: self.written(records), wake: Some(wake), response: Some(answer.response) }
    }

    fn wake(&mut self, now: Time) -> Turn<coordinator::Record, Infallible> {
        if self.sleeps() {
            return Turn::idle();
        }
        let (records, wake) = self.machine.wake(now);
        Turn { records: self.written(records), wake: Some(wake), response: None }
    }
}

impl<'a> Parties for Cast<'a> {
    type Request = Request;
    type Response = Response;
    type ClientRecord = ClientRecord;
    type ServerRecord = coordinator::Record;
    type Client = Machine<'a>;
    type Server = Office<'a>;

    fn client(&mut self, id: ClientId, journal: &[ClientRecord]) -> Machine<'a> {
        if let Some(number) = self.person(id) {
            Machine::Participant(Box::new(self.actor(number, journal)))
        } else {
            let seat = Seat::new(u8::try_from(id.0).unwrap_or(u8::MAX));
            Machine::Keyholder(Box::new(self.keyholder(seat, journal)))
        }
    }

    fn server(&mut self, journal: &[coordinator::Record]) -> Office<'a> {
        let configuration =
            coordinator_configuration(&self.plan, self.seed, self.crowd.people().len());
        let (seats, flaw) = (self.seats(), self.mischief.flaw);
        let (manifest, crowd) = (Arc::clone(&self.manifest), Rc::clone(&self.crowd));
        if journal.is_empty() {
            let (machine, begun) = Coordinator::new(&self.plan, configuration, START)
                .expect("the plan names this organiser");
            return Office { machine, begun, seats, flaw, held: Held::default(), manifest, crowd };
        }
        let machine = Coordinator::restore(journal, configuration, START)
            .expect("a simulated journal holds what this machine wrote");
        Office { machine, begun: Vec::new(), seats, flaw, held: Held::default(), manifest, crowd }
    }

    fn request_label(&self, request: &Request) -> &'static str {
        match request {
            Request::Follow { .. } => "follow",
            Request::Post(_) => "post",
            Request::Frozen { .. } => "frozen",
            Request::Verifier(_) => "verifier",
            Request::Verdicts { .. } => "verdicts",
            Request::Campaign => "campaign",
            Request::Issue { .. } => "issue",
            Request::Enrol(_) => "enrol",
            Request::Opening(_) => "opening",
            Request::Report { .. } => "report",
            Request::Withdraw(_) => "withdraw",
            Request::Outcome { .. } => "outcome",
        }
    }

    fn response_label(&self, response: &Response) -> &'static str {
        match response {
            Response::Entries { .. } => "entries",
            Response::Posted(_) => "posted",
            Response::Frozen { .. } => "frozen",
            Response::Verdicts { .. } => "verdicts",
            Response::Campaign { .. } => "campaign",
            Response::Issued(_) => "issued",
            Response::Enrolled(_) => "enrolled",
            Response::Opening(_) => "opening",
            Response::Receipt { .. } => "receipt",
            Response::Withdrawn { .. } => "withdrawn",
            Response::Outcome { .. } => "outcome",
            Response::Aborted { .. } => "aborted",
            Response::Later(_) => "later",
            Response::Waiting { .. } => "waiting",
            Response::Refused(_) => "refused",
        }
    }

    fn tamper(&mut self, request: &Request, roll: u64) -> Option<Request> {
        let tampered = adversary::tampered(request, roll, &self.seen);
        if let Request::Report { report, .. } = request
            && self.seen.len() < SEEN_MAX
        {
            self.seen.push(Arc::clone(report));
        }
        tampered
    }
}
