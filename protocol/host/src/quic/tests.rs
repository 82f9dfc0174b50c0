use super::*;
use crate::Problem;
use protocol::{
    exit::Exit,
    ids::{AggregationId, CampaignId, PlanId},
    invite::{Address, InviteSecret},
    keys::{seat::Seat, sign::SigningKey},
    messages::{Peer, Request, Response},
    roles::Time,
    wire::{Ask, Exporter, Greeting, Hello, Here, PARTICIPANT_ASK_BYTES_MAX, Reply, Unwelcome},
};
use quinn::{ClientConfig, Endpoint, EndpointConfig, TokioRuntime};
use std::{
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    net::UdpSocket,
    sync::oneshot,
    task::{JoinHandle, JoinSet},
};
use zeroize::Zeroizing;

const HERE: Here = Here { plan: PlanId([1; 32]), campaign: Some(CampaignId([2; 32])) };
const NOW: Time = Time::from_millis(1_700_000_000_000);
const PATIENCE: Duration = Duration::from_secs(20);

fn access() -> SigningKey {
    InviteSecret::from_bytes([7; 16]).access_key()
}

fn identity() -> Identity {
    let made = rcgen::generate_simple_self_signed(["concert".to_owned()]).unwrap();
    let key = Zeroizing::new(made.signing_key.serialize_der());
    Identity::new(made.cert.der().to_vec(), key)
}

/// Answers that nothing is to be done until an hour later.
struct Office;

impl Service for Office {
    fn now(&self) -> Time {
        NOW
    }

    fn greet(&self, hello: &Hello, exporter: &Exporter) -> Result<Peer, Unwelcome> {
        hello.admit(&HERE, exporter, |_| Some(access().public()))
    }

    async fn answer(&self, peer: Peer, ask: Ask) -> Option<Reply> {
        let later = match (peer, ask.request) {
            (Peer::Participant, Request::Opening(id)) => u64::from(id.0),
            (Peer::Keyholder(seat), _) => 1_000 + u64::from(seat.index()),
            (Peer::Participant, _) => return None,
        };
        Some(Reply { now: NOW, response: Response::Later(NOW.after_millis(later)) })
    }
}

struct Open {
    address: Address,
    fingerprint: [u8; 32],
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

fn open(limits: Limits) -> Open {
    let identity = identity();
    let server = Server::bind((Ipv4Addr::LOCALHOST, 0).into(), &identity, limits).unwrap();
    let address = server.local_address().unwrap().to_string().parse().unwrap();
    let (end, ended) = oneshot::channel();
    let task = tokio::spawn(server.run(Arc::new(Office), async {
        let _ = ended.await;
    }));
    Open { address, fingerprint: identity.fingerprint(), end, task }
}

fn person(_: &Exporter) -> Hello {
    Hello::participant(CampaignId([2; 32]))
}

fn question(id: u16) -> Ask {
    Ask { request: Request::Opening(AggregationId(id)) }
}

fn later(reply: &Reply) -> u64 {
    match reply.response {
        Response::Later(at) => at.as_millis() - NOW.as_millis(),
        _ => unreachable!(),
    }
}

#[tokio::test]
async fn people_are_greeted_and_answered() {
    let open = open(Limits::default());
    let link = connect(&open.address, &open.fingerprint, PATIENCE, person).await.unwrap();
    assert_eq!(link.greeted(), NOW);
    for id in [3, 5] {
        let reply = link.ask(&question(id), PATIENCE).await.unwrap();
        assert_eq!((reply.now, later(&reply)), (NOW, u64::from(id)));
    }
    open.end.send(()).unwrap();
    open.task.await.unwrap();
    let error = link.ask(&question(1), PATIENCE).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(!link.is_open());
}

#[tokio::test]
async fn a_keyholder_is_known_by_its_invite_on_this_connection() {
    let open = open(Limits::default());
    let seat = Seat::new(4);
    let keyholder = |key: SigningKey| {
        move |exporter: &Exporter| Hello::keyholder(HERE.plan, seat, &key, exporter)
    };
    let made = connect(&open.address, &open.fingerprint, PATIENCE, keyholder(access())).await;
    assert_eq!(later(&made.unwrap().ask(&question(0), PATIENCE).await.unwrap()), 1_004);
    let other = InviteSecret::from_bytes([8; 16]).access_key();
    let error = connect(&open.address, &open.fingerprint, PATIENCE, keyholder(other)).await;
    let problem = Problem::from(error.unwrap_err());
    assert_eq!((problem.code, problem.exit), ("CODE_SEAT", Exit::Code));
    // A greeting of another connection is no good here.
    let replay = |_: &Exporter| Hello::keyholder(HERE.plan, seat, &access(), &[9; 32]);
    let error = connect(&open.address, &open.fingerprint, PATIENCE, replay).await.unwrap_err();
    assert!(matches!(error, LinkError::Unwelcome(_)), "{error:?}");
}

#[tokio::test]
async fn another_certificate_stops_before_anything_is_sent() {
    let open = open(Limits::default());
    let said = |_: &Exporter| -> Hello { unreachable!("nothing is said to a stranger") };
    let error = connect(&open.address, &[9; 32], PATIENCE, said).await.unwrap_err();
    assert!(!error.is_transient());
    let problem = Problem::from(error);
    assert_eq!((problem.code, problem.heading), ("WRONG_CERTIFICATE", "STOP"));
    assert_eq!(problem.exit, Exit::Permission);
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_unreachable() {
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address: Address = silent.local_addr().unwrap().to_string().parse().unwrap();
    let error = connect(&address, &[0; 32], Duration::from_millis(300), person).await.unwrap_err();
    let LinkError::Unreachable { tried, .. } = &error else { unreachable!("{error:?}") };
    assert_eq!(tried, &[silent.local_addr().unwrap()]);
    assert!(error.is_transient());
    assert_eq!(Problem::from(error).exit, Exit::Unreachable);
    let address: Address = "no-such-host.invalid:4433".parse().unwrap();
    let error = connect(&address, &[0; 32], PATIENCE, person).await.unwrap_err();
    assert!(matches!(error, LinkError::Name { .. }), "{error:?}");
}

/// A connection that has not said anything yet.
async fn silent(open: &Open) -> (Endpoint, quinn::Connection) {
    let endpoint = Endpoint::client((Ipv4Addr::UNSPECIFIED, 0).into()).unwrap();
    let (crypto, _) = tls::client(open.fingerprint);
    let config = ClientConfig::new(Arc::new(crypto));
    let to = open.address.to_string().parse().unwrap();
    let connecting = endpoint.connect_with(config, to, tls::SERVER_NAME).unwrap();
    (endpoint.clone(), connecting.await.unwrap())
}

/// Sends these bytes as they are, and reads what comes.
async fn raw(
    connection: &quinn::Connection,
    bytes: &[u8],
) -> Result<Vec<u8>, quinn::ReadToEndError> {
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    send.write_all(bytes).await.unwrap();
    send.finish().unwrap();
    receive.read_to_end(1 << 20).await
}

fn framed(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_le_bytes()[..], bytes].concat()
}

#[tokio::test]
async fn another_version_hears_which_one_is_spoken_here() {
    let open = open(Limits::default());
    let (_endpoint, connection) = silent(&open).await;
    let answer = raw(&connection, &framed(&[9, 0, 1, 2, 3])).await.unwrap();
    assert_eq!(Greeting::decode(&answer[4..]).unwrap().now, NOW);
    let problem = Problem::from(LinkError::Version { got: Some(9) });
    assert_eq!((problem.code, problem.exit), ("VERSION", Exit::Configuration));
}

#[tokio::test]
async fn whoever_breaks_the_rules_of_frames_is_cut_off() {
    let open = open(Limits::default());
    let hello = framed(&person(&[0; 32]).encode());
    let too_long = u32::try_from(PARTICIPANT_ASK_BYTES_MAX + 1).unwrap().to_le_bytes();
    let [good, mut trailing] = [framed(&question(1).encode()), framed(&question(1).encode())];
    trailing.push(0);
    for (what, bytes, close) in [
        ("too long", &too_long[..], Close::Frame),
        ("cut", &good[..good.len() - 1], Close::Protocol),
        ("trailing", &trailing, Close::Protocol),
        ("no question", &framed(b"hello")[..], Close::Protocol),
    ] {
        let (_endpoint, connection) = silent(&open).await;
        raw(&connection, &hello).await.unwrap();
        raw(&connection, &good).await.unwrap();
        raw(&connection, bytes).await.unwrap_err();
        let quinn::ConnectionError::ApplicationClosed(why) = connection.closed().await else {
            unreachable!()
        };
        assert_eq!(why.error_code, close.code(), "{what}");
    }
    let (_endpoint, connection) = silent(&open).await;
    raw(&connection, &framed(&[1; 300])).await.unwrap_err();
}

#[tokio::test]
async fn who_says_nothing_is_cut_off_and_who_was_let_in_may_wait_longer() {
    let short = Duration::from_millis(200);
    let open = open(Limits { handshake: short, idle: 2 * short, ..Limits::default() });
    let link = connect(&open.address, &open.fingerprint, PATIENCE, person).await.unwrap();
    let (_endpoint, connection) = silent(&open).await;
    let start = Instant::now();
    connection.closed().await;
    assert!(start.elapsed() >= short && link.is_open());
    link.ask(&question(1), PATIENCE).await.unwrap();
    link.closed().await;
    assert!(start.elapsed() >= 2 * short);
}

/// The first datagram of a handshake that is never continued.
async fn half_a_handshake(pinned: [u8; 32]) -> Vec<u8> {
    let nobody = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let socket = socket((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let runtime = Arc::new(TokioRuntime);
    let endpoint = Endpoint::new(EndpointConfig::default(), None, socket, runtime).unwrap();
    let config = ClientConfig::new(Arc::new(tls::client(pinned).0));
    let to = nobody.local_addr().unwrap();
    let _connecting = endpoint.connect_with(config, to, tls::SERVER_NAME).unwrap();
    let mut datagram = vec![0; 2_000];
    let len = nobody.recv(&mut datagram).await.unwrap();
    datagram.truncate(len);
    datagram
}

#[tokio::test]
async fn a_flood_of_half_open_handshakes_does_not_stop_honest_people() {
    let open = open(Limits {
        handshakes: 16,
        handshakes_per_source: 16,
        unproven_handshakes: 8,
        ..Limits::default()
    });
    let to = open.address.to_string();
    for _ in 0..100 {
        // Each from an address of its own, which hears nothing.
        let from = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        from.send_to(&half_a_handshake(open.fingerprint).await, &to).await.unwrap();
    }
    let start = Instant::now();
    let link = connect(&open.address, &open.fingerprint, PATIENCE, person).await.unwrap();
    link.ask(&question(1), PATIENCE).await.unwrap();
    // Those that were let in still hold their places.
    assert!(start.elapsed() < Limits::default().handshake);
}

#[tokio::test]
async fn one_source_has_so_many_connections_and_keyholders_come_on_top() {
    let open = open(Limits { connections_per_source: 2, ..Limits::default() });
    let mut links = Vec::new();
    for _ in 0..2 {
        links.push(connect(&open.address, &open.fingerprint, PATIENCE, person).await.unwrap());
    }
    let third = connect(&open.address, &open.fingerprint, PATIENCE, person).await.unwrap_err();
    assert!(matches!(third, LinkError::Unwelcome(Unwelcome::Busy { .. })), "{third:?}");
    assert!(third.is_transient());
    let keyholder =
        |exporter: &Exporter| Hello::keyholder(HERE.plan, Seat::new(1), &access(), exporter);
    let link = connect(&open.address, &open.fingerprint, PATIENCE, keyholder).await.unwrap();
    link.ask(&question(1), PATIENCE).await.unwrap();
    links.pop().unwrap().close().await;
    // The place is free as soon as the server has noticed.
    let mut attempts = 0;
    while attempts < 1_000 {
        if connect(&open.address, &open.fingerprint, PATIENCE, person).await.is_ok() {
            break;
        }
        attempts += 1;
    }
    assert!(attempts < 1_000);
}

#[tokio::test]
async fn many_people_come_at_once() {
    let open = open(Limits::default());
    let mut people = JoinSet::new();
    for id in 0..200 {
        let (address, fingerprint) = (open.address.clone(), open.fingerprint);
        people.spawn(async move {
            let link = connect(&address, &fingerprint, PATIENCE, person).await.unwrap();
            assert_eq!(later(&link.ask(&question(id), PATIENCE).await.unwrap()), u64::from(id));
        });
    }
    let answered = people.join_all().await.len();
    assert_eq!(answered, 200);
}
