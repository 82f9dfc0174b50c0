use super::*;
use crate::quic::{Identity, Limits, Server, Service};
use protocol::{
    aggregation::noise::Role,
    ids::{AggregationId, Blob, CampaignId},
    keys::sign::{Signature, SigningKey},
    messages::{Peer, Response},
    report::Enrolment,
    wire::Reply,
};
use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};
use zeroize::Zeroizing;

const CAMPAIGN: CampaignId = CampaignId([2; 32]);
/// The coordinator's clock: far behind.
const THERE: Time = Time::from_millis(1_000_000_000);

type Log = Arc<Mutex<Vec<String>>>;

fn note(log: &Log, line: impl Into<String>) {
    log.lock().unwrap().push(line.into());
}

/// Asks for as many openings, one after the other, then sleeps for a minute; keeps each number before it asks.
struct Curious {
    next: u16,
    questions: u16,
    enrols: bool,
}

impl Curious {
    fn due(&self, now: Time) -> Vec<Effect<u16, Request>> {
        if self.next == self.questions {
            return vec![Effect::Wake(now.after_millis(60_000))];
        }
        let request = match self.next {
            1 if self.enrols => Request::Enrol(Box::new(Enrolment {
                reporter: SigningKey::from_bytes(&[1; 32]).public(),
                role: Role::Member,
                token: Blob::from(Vec::new()),
                signature: Signature::ABSENT,
            })),
            next => Request::Opening(AggregationId(next)),
        };
        // Out of order on purpose: what is kept comes before what is sent, all the same.
        vec![Effect::Persist(self.next), Effect::Send(request), Effect::Wake(now.after_millis(10))]
    }
}

impl Client for Curious {
    type Record = u16;

    fn start(&mut self, now: Time) -> Vec<Effect<u16, Request>> {
        assert!(now.as_millis() - THERE.as_millis() < 60_000, "time is the coordinator's");
        self.due(now)
    }

    fn receive(&mut self, now: Time, _: Response) -> Vec<Effect<u16, Request>> {
        self.next += 1;
        self.due(now)
    }

    fn wake(&mut self, now: Time) -> Vec<Effect<u16, Request>> {
        self.due(now)
    }
}

struct Shelf(Log);

impl Keep<u16> for Shelf {
    fn keep(&mut self, records: &[u16]) -> Result<(), JournalError> {
        for record in records {
            note(&self.0, format!("kept {record}"));
        }
        Ok(())
    }
}

struct Eyes(Log);

impl Watch<Curious> for Eyes {
    fn step(&mut self, machine: &Curious, _: Time) -> ControlFlow<()> {
        if machine.next == 99 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn trouble(&mut self, _: &LinkError, again_in_millis: u64) {
        assert!((1..=PAUSE_MILLIS.1).contains(&again_in_millis));
        note(&self.0, "trouble");
    }

    fn skewed(&mut self, ahead_millis: i64) {
        assert!(ahead_millis > 0);
        note(&self.0, "skewed");
    }
}

/// Fails to answer as often as it is told to.
struct Office {
    log: Log,
    failures: Mutex<u32>,
}

impl Service for Office {
    fn now(&self) -> Time {
        THERE
    }

    fn greet(&self, _: &Hello, _: &Exporter) -> Result<Peer, Unwelcome> {
        note(&self.log, "greeted");
        Ok(Peer::Participant)
    }

    async fn answer(&self, _: Peer, ask: Ask) -> Option<Reply> {
        let asked = match ask.request {
            Request::Opening(id) => format!("asked {}", id.0),
            _ => "enrolled".to_owned(),
        };
        note(&self.log, asked);
        let mut failures = self.failures.lock().unwrap();
        if *failures > 0 {
            *failures -= 1;
            return None;
        }
        Some(Reply { now: THERE, response: Response::Later(THERE) })
    }
}

struct Stage {
    log: Log,
    address: Address,
    fingerprint: [u8; 32],
}

fn stage(failures: u32) -> Stage {
    let made = rcgen::generate_simple_self_signed(["concert".to_owned()]).unwrap();
    let key = Zeroizing::new(made.signing_key.serialize_der());
    let identity = Identity::new(made.cert.der().to_vec(), key);
    let server = Server::bind((Ipv4Addr::LOCALHOST, 0).into(), &identity, Limits::default());
    let server = server.unwrap();
    let address = server.local_address().unwrap().to_string().parse().unwrap();
    let log = Log::default();
    let office = Office { log: Arc::clone(&log), failures: Mutex::new(failures) };
    tokio::spawn(server.run(Arc::new(office), std::future::pending()));
    Stage { log, address, fingerprint: identity.fingerprint() }
}

async fn play(
    stage: &Stage,
    machine: &mut Curious,
    patience: Duration,
    stop: Stop,
) -> Result<Ended, DriveError> {
    let drive = Drive {
        address: &stage.address,
        certificate: &stage.fingerprint,
        hello: &|_| Hello::participant(CAMPAIGN),
        deadline: Duration::from_secs(20),
        patience,
        horizon_millis: 30_000,
        stop,
    };
    let (mut shelf, mut eyes) = (Shelf(Arc::clone(&stage.log)), Eyes(Arc::clone(&stage.log)));
    drive.start(machine, &mut shelf, &mut eyes).await
}

const PATIENT: Duration = Duration::from_mins(1);

#[tokio::test]
async fn what_is_kept_is_kept_before_it_is_sent() {
    let stage = stage(0);
    let mut machine = Curious { next: 0, questions: 2, enrols: false };
    let ended = play(&stage, &mut machine, PATIENT, Stop::default()).await.unwrap();
    assert!(matches!(ended, Ended::Asleep(at) if at > THERE), "{ended:?}");
    let log = stage.log.lock().unwrap().join(", ");
    assert_eq!(log, "greeted, skewed, kept 0, asked 0, kept 1, asked 1");
}

#[tokio::test]
async fn a_question_without_an_answer_is_repeated_on_a_new_connection() {
    let stage = stage(2);
    let mut machine = Curious { next: 0, questions: 1, enrols: false };
    play(&stage, &mut machine, PATIENT, Stop::default()).await.unwrap();
    let log = stage.log.lock().unwrap();
    let count = |line: &str| log.iter().filter(|of| *of == line).count();
    assert_eq!((count("asked 0"), count("greeted"), count("trouble")), (3, 3, 2));
    assert_eq!(machine.next, 1);
}

#[tokio::test]
async fn enrolment_has_a_connection_of_its_own() {
    let stage = stage(0);
    let mut machine = Curious { next: 0, questions: 3, enrols: true };
    play(&stage, &mut machine, PATIENT, Stop::default()).await.unwrap();
    let log = stage.log.lock().unwrap();
    let lines: Vec<_> = log.iter().filter(|line| !line.starts_with("kept")).cloned().collect();
    let expected = "greeted, skewed, asked 0, greeted, enrolled, greeted, asked 2";
    assert_eq!(lines.join(", "), expected);
}

#[tokio::test]
async fn without_patience_the_first_failure_is_the_last() {
    let stage = stage(1);
    let mut machine = Curious { next: 0, questions: 1, enrols: false };
    let error = play(&stage, &mut machine, Duration::ZERO, Stop::default()).await.unwrap_err();
    assert!(matches!(&error, DriveError::Link(error) if error.is_transient()), "{error:?}");
    let wrong = Stage { fingerprint: [0; 32], ..stage };
    let error = play(&wrong, &mut machine, PATIENT, Stop::default()).await.unwrap_err();
    assert_eq!(Problem::from(error).code, "WRONG_CERTIFICATE");
}

#[tokio::test]
async fn it_ends_when_it_is_told_to() {
    let stage = stage(0);
    let stop = Stop::default();
    stop.set();
    let mut machine = Curious { next: 0, questions: 1, enrols: false };
    let ended = play(&stage, &mut machine, PATIENT, stop).await.unwrap();
    assert_eq!((ended, machine.next), (Ended::Stopped, 0));
    let mut machine = Curious { next: 99, questions: 100, enrols: false };
    let ended = play(&stage, &mut machine, PATIENT, Stop::default()).await.unwrap();
    assert_eq!(ended, Ended::Watched);
}

#[test]
fn pauses_grow_vary_and_have_a_limit() {
    let pauses: Vec<_> = (0..70).map(longest).collect();
    assert_eq!(pauses[..4], [500, 1_000, 2_000, 4_000]);
    assert!(pauses[7..].iter().all(|pause| *pause == 60_000));
    let drawn: Vec<_> = (0..50).map(|_| jittered(1_000)).collect();
    assert!(drawn.iter().all(|pause| (500..=1_000).contains(pause)));
    assert!(drawn.iter().any(|pause| *pause != drawn[0]));
}
