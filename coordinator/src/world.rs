//! For tests: a whole private campaign in one process, on virtual time, through the office.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use host::{drive::Keep, files::FileError, journal::JournalError};
use protocol::{
    aggregation::noise::{Rho, Role},
    campaign::limits::Limits,
    codec,
    ids::{CampaignId, Hash},
    invite::InviteSecret,
    person::Person,
    roles::{
        Time,
        coordinator::{Coordinator, Record},
        keyholder,
        participant::{self, Admission, CampaignKey, Retry},
    },
    scoring::schema::Value,
};

use crate::{
    campaign::{self, Keys},
    office::Office,
    rehearsal::table::{Guest, Table},
    state::Secrets,
};

pub(crate) const START: Time = Time::from_millis(1_800_000_000_000);
pub(crate) const MEMBERS: u8 = 14;

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
        ("patience = \"12 h\"", "patience = \"20 s\""),
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

fn secret(number: u8) -> InviteSecret {
    InviteSecret::from_bytes([number; InviteSecret::LEN])
}

pub(crate) fn invites() -> BTreeMap<Hash, Time> {
    (0..MEMBERS).map(|number| (secret(number).hash(), Time::MAX)).collect()
}

fn participant(number: u8, campaign: CampaignId, comes: Time) -> Guest {
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
    Guest::person(configuration, person, comes)
}

/// Plays a campaign to its end. Whenever the disk fails, the machine is restored from what it holds.
pub(crate) fn play(secrets: &Secrets, shelf: &Shelf) -> Office<Shelf> {
    let keys = Keys { organiser: secrets.organiser().public(), issuer: secrets.issuer().public() };
    let plan = campaign::parse(&file()).unwrap().plan(keys, START).unwrap();
    let begun = Coordinator::new(&plan, secrets.configuration(invites()), START).unwrap();
    shelf.records.borrow_mut().extend(begun.1);
    let seats = plan.all_seats().iter();
    let guests = seats.map(|seat| {
        let configuration = keyholder::Configuration {
            plan: plan.id(),
            seat,
            pace_millis: 1_000,
            declares_losses: false,
        };
        Guest::keyholder(configuration, &[50 + seat.index(); 32])
    });
    let office = restored(secrets, shelf, START);
    let mut table = Table { office, guests: guests.collect(), now: START };
    let mut invited = false;
    while !table.office.machine().is_over() {
        assert!(table.now < START.after_millis(3_600_000), "no end after an hour");
        let transcript = table.office.machine().transcript();
        if !invited && transcript.has_begun() {
            invited = true;
            let campaign = transcript.manifest().unwrap().1.campaign();
            let people = (0..MEMBERS).map(|number| participant(number, campaign, table.now));
            table.guests.extend(people);
        }
        if table.round().is_err() {
            // What was not answered is asked again.
            table.office = restored(secrets, shelf, table.now);
        }
        table.now = table.next();
    }
    table.office
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
