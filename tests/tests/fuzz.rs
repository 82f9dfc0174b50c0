//! The fuzz targets over their committed corpus, whole and mangled; and where the corpus comes from.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use protocol::campaign::{CheckedManifest, Protection};
use protocol::codec;
use protocol::ids::{CampaignId, Hash, PlanId};
use protocol::invite::{Invite, InviteSecret, Target};
use protocol::keys::seat::Seat;
use protocol::keys::sign::SigningKey;
use protocol::keys::{Label, digest};
use protocol::messages::{Request, Response};
use protocol::order::splitmix64;
use protocol::roles::{Time, keyholder, participant};
use protocol::transcript::{Entry, file};
use protocol::wire::{Ask, Greeting, Hello, Reply, Unwelcome};
use sims::campaign::adversary::Mischief;
use sims::campaign::cast::{Cast, ClientRecord, organiser};
use sims::campaign::crowd::Crowd;
use sims::campaign::play::{ordinary, play};
use sims::network::{Body, ClientId, Event, Node, START, World};

#[path = "privacy/small.rs"]
mod small;
#[path = "../fuzz/targets.rs"]
mod targets;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// Every file of a target's corpus, in order.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let listed = fs::read_dir(folder().join("corpus").join(target)).unwrap();
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn every_target_survives_its_corpus_and_what_is_near_it() {
    for (name, target) in targets::TARGETS {
        let files = corpus(name);
        assert!(!files.is_empty(), "{name} has no corpus");
        for bytes in files {
            target(&bytes);
            for roll in 0..64_u64 {
                let place = usize::try_from(splitmix64(roll)).unwrap() % bytes.len();
                target(&bytes[..place]);
                let mut mangled = bytes.clone();
                mangled[place] ^= 1 << (roll % 8);
                target(&mangled);
            }
            target(&[&bytes[..], &[0]].concat());
        }
    }
}

#[test]
fn every_folder_of_the_corpus_is_that_of_a_target() {
    let listed = fs::read_dir(folder().join("corpus")).unwrap();
    let folders: BTreeSet<String> =
        listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let named: BTreeSet<String> =
        targets::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(folders, named);
}

const SEED: u64 = 5;

/// The first message of each kind, and the first frames that reach three of the machines.
#[derive(Default)]
struct Seen {
    requests: BTreeMap<String, Vec<u8>>,
    responses: BTreeMap<String, Vec<u8>>,
    reports: Vec<Vec<u8>>,
    endorsed: BTreeMap<&'static str, Vec<u8>>,
    frames: Vec<u8>,
    last: u64,
}

const FRAMES_BYTES: usize = 48_000;

impl Seen {
    fn frame(&mut self, whom: u8, millis: u64, message: &[u8]) {
        let Ok(len) = u16::try_from(message.len()) else { return };
        if self.frames.len() + message.len() > FRAMES_BYTES {
            return;
        }
        let seconds = u8::try_from((millis - self.last) / 1_000).unwrap_or(u8::MAX);
        self.last = millis;
        self.frames.extend([whom, seconds]);
        self.frames.extend(len.to_le_bytes());
        self.frames.extend(message);
    }

    fn request(&mut self, from: ClientId, millis: u64, request: &Request) {
        let bytes = codec::encode(request);
        let kind = format!("{request:?}").chars().take_while(char::is_ascii_alphanumeric).collect();
        self.requests.entry(kind).or_insert_with(|| bytes.clone());
        if let Request::Report { report, .. } = request
            && self.reports.len() < 2
        {
            self.reports.push(codec::encode(&**report));
        }
        let whom = if from.0 < 3 { 4 + u8::try_from(from.0).unwrap() } else { 7 };
        self.frame(whom, millis, &bytes);
    }
}

impl Seen {
    fn response(&mut self, to: ClientId, millis: u64, response: &Response) {
        let bytes = codec::encode(response);
        let kind =
            format!("{response:?}").chars().take_while(char::is_ascii_alphanumeric).collect();
        self.responses.entry(kind).or_insert_with(|| bytes.clone());
        let (name, endorsed) = match response {
            Response::Opening(endorsed) => ("opening", Some(endorsed)),
            Response::Outcome { endorsed, .. } => ("outcome", Some(endorsed)),
            _ => ("none", None),
        };
        if let Some(endorsed) = endorsed {
            self.endorsed.entry(name).or_insert_with(|| codec::encode(&**endorsed));
        }
        match to.0 {
            0 => self.frame(0, millis, &bytes),
            3 => self.frame(1, millis, &bytes),
            _ => {}
        }
    }
}

/// Records of a journal in the corpus.
const RECORDS_MAX: usize = 60;

/// Of the first keyholder and of the first person.
fn client_journal(world: &World<Cast<'_>>, id: ClientId) -> Option<(&'static str, Vec<u8>)> {
    let (mut seat, mut person) = (Vec::new(), Vec::new());
    for record in world.client_journal(id).records() {
        match record {
            ClientRecord::Keyholder(record) => seat.push(keyholder::Record::clone(record)),
            ClientRecord::Participant(record) => person.push(participant::Record::clone(record)),
        }
    }
    match id.0 {
        0 => Some(("keyholder", codec::encode(&seat))),
        3 => Some(("participant", codec::encode(&person))),
        _ => None,
    }
}

/// Writes the corpus anew from one small campaign, in the clear so that its files are short.
#[test]
#[ignore = "writes into the source tree: run it when a layout changes"]
fn the_corpus_is_written() {
    let mut script = small::script(Protection::Clear);
    script.visits.audits = true;
    let mut seen = Seen::default();
    let crowd = Rc::new(Crowd::new(small::people(SEED), None));
    let mut journals: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    let played =
        play::<Infallible>(&script, &crowd, SEED, Mischief::default(), ordinary, |moment| {
            let millis = moment.at.as_millis() - START.as_millis();
            match (&moment.event, &moment.body) {
                (Event::Sent(message), Body::Request(request)) => {
                    seen.request(message.client, millis, request);
                }
                (Event::Delivered(message), Body::Response(response)) => {
                    seen.response(message.client, millis, response);
                }
                _ => {}
            }
            if let Event::Persisted { node, records: 1..=RECORDS_MAX } = moment.event {
                let named = match node {
                    Node::Server => {
                        let records = moment.world.server_journal().records().to_vec();
                        Some(("coordinator", codec::encode(&records)))
                    }
                    Node::Client(id) => client_journal(moment.world, id),
                };
                journals.extend(named);
            }
            Ok(())
        });
    let (played, transcript) = played.unwrap().unwrap();
    write_campaign(transcript.manifest().unwrap().1);
    write_entries(&played.entries);
    write("corpus/machines/whole", &seen.frames);
    for (kind, bytes) in &seen.requests {
        write(&format!("corpus/request/{kind}"), bytes);
    }
    for (kind, bytes) in &seen.responses {
        write(&format!("corpus/response/{kind}"), bytes);
    }
    for (number, bytes) in seen.reports.iter().enumerate() {
        write(&format!("corpus/report/{number}"), bytes);
    }
    for (kind, bytes) in &seen.endorsed {
        write(&format!("corpus/endorsed/{kind}"), bytes);
    }
    for (kind, bytes) in &journals {
        write(&format!("corpus/journal_{kind}/whole"), bytes);
    }
}

/// Codes and frames follow from nothing that was played.
#[test]
#[ignore = "writes into the source tree: run it when a layout changes"]
fn codes_and_frames_are_written() {
    let person = Target::Person(CampaignId([3; 32]));
    let keyholder = Target::Keyholder { plan: PlanId([4; 32]), seat: Seat::new(2) };
    for (name, address, target) in [
        ("person", "vote.example:4433", person),
        ("keyholder", "192.0.2.7:50000", keyholder),
        ("sixth", "[2001:db8::7]:443", person),
    ] {
        let secret = InviteSecret::from_bytes([6; 16]);
        let address = address.parse().unwrap();
        let invite = Invite { address, certificate: [5; 32], target, secret };
        write(&format!("corpus/invite/{name}"), invite.code().as_bytes());
        write(&format!("corpus/invite/{name}-scanned"), invite.qr_text().as_bytes());
    }
    let key = SigningKey::from_bytes(&[7; 32]);
    let hello = Hello::keyholder(PlanId([4; 32]), Seat::new(2), &key, &[8; 32]);
    let (now, until) = (Time::from_millis(9), Time::from_millis(10));
    let busy = Greeting::new(now, Err(Unwelcome::Busy { until }));
    let ask = |request| Ask { request }.encode();
    let response = Response::Posted(Hash([4; 32]));
    for (name, reader, envelope) in [
        ("hello-person", 0, Hello::participant(CampaignId([3; 32])).encode()),
        ("hello-keyholder", 0, hello.encode()),
        ("greeting", 4, Greeting::new(now, Ok(())).encode()),
        ("greeting-busy", 4, busy.encode()),
        ("ask-person", 1, ask(Request::Campaign)),
        ("ask-keyholder", 2, ask(Request::Follow { from: 7 })),
        ("reply", 3, Reply { now, response }.encode()),
    ] {
        let length = u32::try_from(envelope.len()).unwrap().to_le_bytes();
        write(&format!("corpus/frame/{name}"), &[&[reader], &length[..], &envelope].concat());
    }
}

fn write(path: &str, bytes: &[u8]) {
    let path = folder().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn write_campaign(manifest: &CheckedManifest) {
    let plan = codec::encode(&**manifest.plan());
    let secret =
        digest(Label::Identity, &[&SEED.to_le_bytes(), b"organiser", &0_u64.to_le_bytes()]);
    assert_eq!(SigningKey::from_bytes(&secret).public(), organiser(SEED).public());
    write("campaign/plan", &plan);
    write("campaign/id", &manifest.campaign().0);
    write("campaign/organiser", &secret);
    write("corpus/plan/whole", &plan);
    write("corpus/manifest/whole", &codec::encode(&manifest.to_manifest()));
}

/// The whole transcript, and the first entry of each kind.
fn write_entries(entries: &[Arc<Entry>]) {
    write("corpus/transcript/whole", &file::write(entries));
    let mut kinds = BTreeSet::new();
    for entry in entries {
        let kind = format!("{:?}", entry.signed.post);
        let kind: String = kind.chars().take_while(char::is_ascii_alphanumeric).collect();
        if kinds.insert(kind.clone()) {
            write(&format!("corpus/entry/{kind}"), &codec::encode(&**entry));
        }
    }
}
