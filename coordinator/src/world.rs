//! For tests: a whole private campaign in one process, on virtual time, through the office.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use host::{drive::Keep, files::FileError, journal::JournalError};
use protocol::{
    aggregation::noise::{Rho, Role},
    campaign::limits::Limits,
    codec,
    ids::{CampaignId, Hash},
    invite::InviteSecret,
    keys::seat::Seat,
    messages::{Peer, Request},
    person::Person,
    roles::{
        Client, Effect, Time,
        coordinator::{Coordinator, Record},
        keyholder::{self, Keyholder},
        participant::{self, Admission, CampaignKey, Participant, Phase, Retry},
    },
    scoring::schema::Value,
};

use crate::{
    campaign::{self, Keys},
    office::Office,
    state::Secrets,
};

pub(crate) const START: Time = Time::from_millis(1_800_000_000_000);
pub(crate) const MEMBERS: u8 = 14;
const STEP_MILLIS: u64 = 500;

/// The example without noise, audits and donors, for few people and in a short time.
pub(crate) fn file() -> String {
    let mut text = campaign::EXAMPLE.to_owned();
    for (from, to) in [
        ("cohort = 50", "cohort = 12"),
        ("epsilon = 4.0", "noise = \"none\""),
        ("method = \"rb-prob\"", "method = \"random\""),
        ("audits = true", "audits = false"),
        ("reporters_max = 600", "reporters_max = 30"),
        ("flip_budget = 40", "flip_budget = 3"),
        ("\"in 7 days\"", "\"in 60 s\""),
        ("\"in 9 days\"", "\"in 120 s\""),
        ("\"2 days\"", "\"40 s\""),
        ("closing = \"6 h\"", "closing = \"60 s\""),
        ("patience = \"12 h\"", "patience = \"60 s\""),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text
}

/// A disk that can fail: before a commit is durable, or just after it.
#[derive(Clone, Default)]
pub(crate) struct Shelf {
    pub(crate) records: Rc<RefCell<Vec<Record>>>,
    pub(crate) commits: Rc<RefCell<u32>>,
    pub(crate) fails: Option<(u32, Fails)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fails {
    Before,
    After,
}

impl Keep<Record> for Shelf {
    fn keep(&mut self, records: &[Record]) -> Result<(), JournalError> {
        *self.commits.borrow_mut() += 1;
        let fails = self.fails.filter(|(every, _)| self.commits.borrow().is_multiple_of(*every));
        let full = JournalError::File(FileError::NoSpace { path: "journal".into() });
        if let Some((_, Fails::Before)) = fails {
            return Err(full);
        }
        // As they come back from a disk.
        let again = records
            .iter()
            .map(|record| codec::decode::<Record, { 32 << 20 }>(&codec::encode(record)).unwrap());
        self.records.borrow_mut().extend(again);
        if fails.is_some() { Err(full) } else { Ok(()) }
    }
}

enum Machine {
    Keyholder(Box<Keyholder>),
    Participant(Box<Participant<Person>>),
}

struct Asking {
    peer: Peer,
    machine: Machine,
    request: Option<Request>,
    wake: Time,
}

impl Asking {
    fn take<R>(&mut self, effects: Vec<Effect<R, Request>>) {
        for effect in effects {
            match effect {
                Effect::Persist(_) => {}
                Effect::Send(request) => self.request = Some(request),
                Effect::Wake(at) => self.wake = at,
            }
        }
    }

    fn step(&mut self, now: Time, response: Option<protocol::messages::Response>) {
        match &mut self.machine {
            Machine::Keyholder(machine) => {
                let effects = match response {
                    Some(response) => machine.receive(now, response),
                    None => machine.wake(now),
                };
                self.take(effects);
            }
            Machine::Participant(machine) => {
                let mut effects = match response {
                    Some(response) => machine.receive(now, response),
                    None => machine.wake(now),
                };
                if machine.phase() == Phase::AwaitingConsent {
                    let campaign = machine.manifest().unwrap().campaign();
                    effects.extend(machine.consent(now, campaign));
                }
                self.take(effects);
            }
        }
    }
}

fn secret(number: u8) -> InviteSecret {
    InviteSecret::from_bytes([number; InviteSecret::LEN])
}

pub(crate) fn invites() -> BTreeMap<Hash, Time> {
    (0..MEMBERS).map(|number| (secret(number).hash(), Time::MAX)).collect()
}

fn participant(number: u8, campaign: CampaignId) -> Asking {
    let key = [100 + number; 32];
    let values = vec![
        Value::Number(20.0 + f64::from(number)),
        Value::Number(1.0),
        Value::Flag(number.is_multiple_of(2)),
        Value::Level(0),
    ];
    let (positive, role) = (number.is_multiple_of(4), Role::Member);
    let person = Person { values, positive, role, accepted: None, complies: true, secret: key };
    let configuration = participant::Configuration {
        campaign,
        role,
        key: CampaignKey::from_bytes(key),
        admission: Admission::Invited(secret(number)),
        limits: Limits { unnoised: true, ..Limits::default() },
        known: protocol::ids::SeatSet::all(5),
        spent: Rho::default(),
        retry: Retry { first_millis: 1_000, max_millis: 5_000 },
        checked: None,
    };
    let mut machine = Participant::new(configuration, person);
    let first = machine.start(START);
    let machine = Machine::Participant(Box::new(machine));
    let mut asking = Asking { peer: Peer::Participant, machine, request: None, wake: START };
    asking.take(first);
    asking
}

/// Plays a campaign to its end. Whenever the disk fails, the machine is restored from what it holds.
pub(crate) fn play(secrets: &Secrets, shelf: &Shelf) -> Office<Shelf> {
    let keys = Keys { organiser: secrets.organiser().public(), issuer: secrets.issuer().public() };
    let plan = campaign::parse(&file()).unwrap().plan(keys, START).unwrap();
    let begun = Coordinator::new(&plan, secrets.configuration(invites()), START).unwrap();
    shelf.records.borrow_mut().extend(begun.1);
    let mut now = START;
    let mut office = restored(secrets, shelf, now);
    let mut people: Vec<Asking> =
        plan.all_seats().iter().map(|seat| keyholder(plan.id(), seat)).collect();
    let mut invited = false;
    while !office.machine().is_over() {
        assert!(now < START.after_millis(3_600_000), "no end after an hour");
        let transcript = office.machine().transcript();
        if !invited && transcript.has_begun() {
            invited = true;
            let campaign = transcript.manifest().unwrap().1.campaign();
            people.extend((0..MEMBERS).map(|number| participant(number, campaign)));
        }
        let mut asked = Vec::new();
        for (place, person) in people.iter_mut().enumerate() {
            if person.request.is_none() && person.wake <= now {
                person.step(now, None);
            }
            if let Some(request) = person.request.take() {
                asked.push((place, person.peer, request));
            }
        }
        let questions = asked.iter().map(|(_, peer, request)| (*peer, request.clone())).collect();
        match office.turn(now, questions) {
            Ok(responses) => {
                for ((place, ..), response) in asked.iter().zip(responses) {
                    people[*place].step(now, Some(response));
                }
                // Whoever has more to ask does so at once.
                if people.iter().any(|person| person.request.is_some()) {
                    now = now.after_millis(1);
                    continue;
                }
            }
            // What was not answered is asked again.
            Err(_) => office = restored(secrets, shelf, now),
        }
        now = now.after_millis(STEP_MILLIS);
    }
    office
}

fn keyholder(plan: protocol::ids::PlanId, seat: Seat) -> Asking {
    let configuration =
        keyholder::Configuration { plan, seat, pace_millis: 1_000, declares_losses: false };
    let mut machine = Keyholder::new(configuration, &[50 + seat.index(); 32]);
    let first = machine.start(START);
    let machine = Machine::Keyholder(Box::new(machine));
    let mut asking = Asking { peer: Peer::Keyholder(seat), machine, request: None, wake: START };
    asking.take(first);
    asking
}

fn restored(secrets: &Secrets, shelf: &Shelf, now: Time) -> Office<Shelf> {
    loop {
        let records = shelf.records.borrow().clone();
        let machine =
            Coordinator::restore(&records, secrets.configuration(invites()), now).unwrap();
        if let Ok(office) = Office::new(machine, shelf.clone(), now) {
            return office;
        }
    }
}
