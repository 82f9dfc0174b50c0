//! What is fuzzed: one function for each kind of bytes that comes from somebody else, or from the own disk.
//!
//! Each takes any bytes and panics only if the code is wrong. `tests/tests/fuzz.rs` replays the corpus with them in
//! every run of the tests; `tests/fuzz/run` lets libFuzzer look for more.

use host::quic::{FrameError, read_frame};
use protocol::campaign::{CheckedManifest, CheckedPlan, Manifest, Plan};
use protocol::codec::{self, MESSAGE_BYTES_MAX};
use protocol::ids::{CampaignId, SeatSet};
use protocol::invite::{Invite, InviteError};
use protocol::keys::seat::Seat;
use protocol::keys::sign::SigningKey;
use protocol::messages::{Peer, Request, Response};
use protocol::person::Outcomes;
use protocol::report::Report;
use protocol::roles::participant::{
    self, CampaignKey, Measurer, MeasurerError, Participant, Phase, Retry,
};
use protocol::roles::{Client, Effect, Server, Time, coordinator, keyholder};
use protocol::selection::unit::Unit;
use protocol::transcript::{Endorsed, Entry, Opening, file};
use protocol::wire::{Ask, FRAME_BYTES_MAX, GREETING_BYTES_MAX, Greeting, Hello, Reply};
use protocol::{aggregation, campaign::limits::Limits};
use serde::{Serialize, de::DeserializeOwned};

/// Takes any bytes.
type Target = fn(&[u8]);

/// Every target, by name: its corpus lies in `corpus/NAME`.
pub(crate) const TARGETS: [(&str, Target); 14] = [
    ("frame", frame),
    ("invite", invite),
    ("request", round_trip::<Request>),
    ("response", round_trip::<Response>),
    ("report", report),
    ("entry", round_trip::<Entry>),
    ("endorsed", round_trip::<Endorsed>),
    ("plan", plan),
    ("manifest", manifest),
    ("transcript", transcript),
    ("journal_coordinator", coordinator_journal),
    ("journal_keyholder", keyholder_journal),
    ("journal_participant", participant_journal),
    ("machines", machines),
];

/// The campaign that the corpus was taken from: its plan, its id and its organiser's key.
const PLAN: &[u8] = include_bytes!("campaign/plan");
const CAMPAIGN: &[u8] = include_bytes!("campaign/id");
const ORGANISER: &[u8] = include_bytes!("campaign/organiser");

/// What a connection brings: a byte for who reads, then a frame. Whoever reads it gets the announced bytes, all of them and no more,
/// and then an envelope or an error.
fn frame(bytes: &[u8]) {
    let Some((reader, stream)) = bytes.split_first() else { return };
    let (participant, keyholder) = (Peer::Participant, Peer::Keyholder(Seat::new(0)));
    let limit = match reader % 4 {
        0 => GREETING_BYTES_MAX,
        1 => Ask::bytes_max(participant),
        2 => Ask::bytes_max(keyholder),
        _ => FRAME_BYTES_MAX,
    };
    let announced = stream.split_first_chunk::<4>();
    let announced = announced.map(|(length, body)| (u32::from_le_bytes(*length) as usize, body));
    let body = match (read_frame(stream, limit), announced) {
        (Ok(read), Some((length, body))) => {
            assert!(length <= limit && length == body.len() && read == body);
            read
        }
        (Err(FrameError::TooLong { got, limit: most }), Some((length, _))) => {
            return assert!(got == length && most == limit && length > limit);
        }
        (Err(FrameError::Cut), Some((length, body))) => {
            return assert!(length <= limit && length != body.len());
        }
        (Err(FrameError::Cut), None) => return,
        (read, _) => panic!("{read:?}"),
    };
    let again = match reader % 4 {
        0 if reader & 4 == 0 => Hello::decode(&body).ok().map(|hello| hello.encode()),
        0 => Greeting::decode(&body).ok().map(|greeting| greeting.encode()),
        1 => Ask::decode(participant, &body).ok().map(|ask| ask.encode()),
        2 => Ask::decode(keyholder, &body).ok().map(|ask| ask.encode()),
        _ => Reply::decode(&body).ok().map(|reply| reply.encode()),
    };
    assert!(again.is_none_or(|again| again == body), "one envelope has one form");
}

/// A code as somebody types it: read, it says the same when it is written again, in both its forms.
fn invite(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    match Invite::parse(text) {
        Ok(invite) => {
            for code in [invite.code(), invite.qr_text()] {
                assert!(Invite::parse(&code).is_ok_and(|again| again == invite));
            }
        }
        Err(InviteError::Group(group)) => {
            assert!(group.number > 0 && text.len() >= group.text.len());
        }
        Err(_) => {}
    }
}

fn decoded<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Option<T> {
    let value = codec::decode::<T, MESSAGE_BYTES_MAX>(bytes).ok()?;
    assert_eq!(codec::encode(&value), bytes, "one value has one form");
    Some(value)
}

fn round_trip<T: DeserializeOwned + Serialize>(bytes: &[u8]) {
    decoded::<T>(bytes);
}

fn report(bytes: &[u8]) {
    if let Some(report) = decoded::<Report>(bytes) {
        let _ = (report.is_whole(), report.leaf(), report.body.verify(&report.signature));
        let _ = protocol::selection::open_scores::OpenScore::of(&report);
    }
}

/// A checked plan can be used: nothing of it is missing or too large.
fn plan(bytes: &[u8]) {
    let Some(plan) = decoded::<Plan>(bytes) else { return };
    let Ok(checked) = CheckedPlan::new(plan) else { return };
    assert!(checked.corrupt_max() < checked.seats() && checked.lost_max() < checked.seats());
    for (id, _) in checked.enumerated() {
        assert!(checked.vdaf(id).is_some());
    }
}

fn manifest(bytes: &[u8]) {
    if let Some(manifest) = decoded::<Manifest>(bytes)
        && let Ok(checked) = CheckedManifest::new(manifest)
    {
        let known = checked.all_seats();
        let role = aggregation::noise::Role::Member;
        let _ = Limits::default().check(&checked, role, known, aggregation::noise::Rho::ZERO);
    }
}

fn transcript(bytes: &[u8]) {
    let followed = file::follow(bytes, |number, _, transcript| {
        assert_eq!(transcript.len(), number + 1);
    });
    if let Ok(transcript) = followed {
        for sum in transcript.sums() {
            let opened = transcript.opened(sum.id());
            let cohort = transcript.plan().cohort_min;
            assert!(opened.is_none_or(|of| of.reporters() >= cohort));
        }
    }
}

fn known_plan() -> CheckedPlan {
    let plan = codec::decode::<Plan, MESSAGE_BYTES_MAX>(PLAN).expect("written by the corpus test");
    CheckedPlan::new(plan).expect("a good plan")
}

fn office() -> coordinator::Configuration {
    coordinator::Configuration { key: organiser(), secret: [9; 32], gate: coordinator::Gate::Open }
}

/// The organiser of [`PLAN`].
fn organiser() -> SigningKey {
    SigningKey::from_bytes(ORGANISER.try_into().expect("32 bytes"))
}

/// Records that lie on a disk: a machine is restored from them, or an error says why not.
fn coordinator_journal(bytes: &[u8]) {
    let Some(records) = decoded::<Vec<coordinator::Record>>(bytes) else { return };
    let now = Time::from_millis(1_000_000_000);
    if let Ok(mut machine) = coordinator::Coordinator::restore(&records, office(), now) {
        machine.wake(now);
        let _ = machine.is_over();
    }
}

fn seat() -> (keyholder::Configuration, [u8; 32]) {
    let configuration = keyholder::Configuration {
        plan: known_plan().id(),
        seat: Seat::new(0),
        pace_millis: 2_000,
        declares_losses: true,
    };
    (configuration, [8; 32])
}

fn keyholder_journal(bytes: &[u8]) {
    let Some(records) = decoded::<Vec<keyholder::Record>>(bytes) else { return };
    let (configuration, root) = seat();
    let mut machine = keyholder::Keyholder::restore(configuration, &root, &records);
    machine.start(Time::from_millis(1_000_000_000));
}

/// Somebody who always marks the first cell.
#[derive(Debug)]
struct First;

impl Measurer for First {
    fn measure(
        &mut self,
        manifest: &CheckedManifest,
        opening: &Opening,
        _: &Outcomes,
    ) -> Result<Option<aggregation::Measurement>, MeasurerError> {
        let planned = manifest.aggregation(opening.aggregation).ok_or(MeasurerError::Record)?;
        let aggregation::Circuit::Grid(grid) = &planned.circuit else {
            return Err(MeasurerError::Record);
        };
        let cells = vec![0; usize::from(grid.rows())];
        Ok(Some(aggregation::Measurement::Grid(grid.measure(&cells)?)))
    }

    fn open_score(
        &mut self,
        _: &CheckedManifest,
        _: &Opening,
        _: &Outcomes,
    ) -> Result<Option<Unit>, MeasurerError> {
        Ok(Some(Unit::from_step(1)))
    }
}

fn person() -> participant::Configuration {
    participant::Configuration {
        campaign: CampaignId(CAMPAIGN.try_into().expect("32 bytes")),
        role: aggregation::noise::Role::Member,
        key: CampaignKey::from_bytes([42; 32]),
        admission: participant::Admission::Open,
        limits: Limits { clear: true, unnoised: true, open_scores: true, ..Limits::default() },
        known: SeatSet::all(3),
        spent: aggregation::noise::Rho::ZERO,
        retry: Retry::default(),
        checked: None,
    }
}

fn participant_journal(bytes: &[u8]) {
    let Some(records) = decoded::<Vec<participant::Record>>(bytes) else { return };
    if let Ok(mut machine) = Participant::restore(person(), First, records) {
        machine.start(Time::from_millis(1_000_000_000));
        let _ = machine.status();
    }
}

/// Three machines and whatever the network brings them: each frame is whom it is for, how many seconds have passed, a
/// length, and a message.
fn machines(bytes: &[u8]) {
    let mut now = Time::from_millis(1_000_000_000);
    let plan = known_plan();
    let begun = coordinator::Coordinator::new(&plan, office(), now);
    let (mut office, _) = begun.expect("the plan is this organiser's");
    let (configuration, root) = seat();
    let mut seat = keyholder::Keyholder::new(configuration, &root);
    let mut person = Participant::new(person(), First);
    seat.start(now);
    person.start(now);
    let mut rest = bytes;
    while let Some(([whom, seconds, low, high], after)) = rest.split_first_chunk::<4>() {
        let len = usize::from(u16::from_le_bytes([*low, *high])).min(after.len());
        let (message, after) = after.split_at(len);
        rest = after;
        now = now.after_millis(1_000 * u64::from(*seconds));
        let request = || codec::decode::<Request, MESSAGE_BYTES_MAX>(message).ok();
        let response = || codec::decode::<Response, MESSAGE_BYTES_MAX>(message).ok();
        match whom {
            0 => {
                if let Some(response) = response() {
                    seat.receive(now, response);
                }
                quiet(&seat.wake(now));
            }
            1 => {
                if let Some(response) = response() {
                    person.receive(now, response);
                }
                if person.phase() == Phase::AwaitingConsent {
                    person.consent(now, CampaignId(CAMPAIGN.try_into().expect("32 bytes")));
                }
                quiet(&person.wake(now));
            }
            whom => {
                let from = match whom % 4 {
                    3 => Peer::Participant,
                    seat => Peer::Keyholder(Seat::new(seat)),
                };
                if let Some(request) = request() {
                    office.handle(now, from, request);
                }
                let (_, wake) = office.wake(now);
                assert!(wake > now, "no machine is called without end");
            }
        }
    }
}

/// A machine asks for one thing at a time.
fn quiet<R, M>(effects: &[Effect<R, M>]) {
    let sent = effects.iter().filter(|effect| matches!(effect, Effect::Send(_)));
    assert!(sent.count() <= 1);
}
