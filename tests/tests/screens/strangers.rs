//! Servers that have the invite's certificate and are no coordinator that this program can talk to, and an address where nobody
//! is: what the program says of them.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::thread;

use host::{dates, quic::Identity};
use protocol::campaign::VERSION;
use protocol::ids::CampaignId;
use protocol::invite::{Invite, InviteSecret, Target};
use protocol::wire::{ALPN, FRAME_BYTES_MAX, GREETING_BYTES_MAX, Greeting};
use quinn::crypto::rustls::QuicServerConfig;
use rustls::{self, crypto::ring, pki_types::PrivatePkcs8KeyDer, version::TLS13};
use tests::stage::Stage;
use tokio::{runtime::Builder, sync::oneshot};

use crate::{fails, join, terms};

/// Another version of the application protocol.
const ANOTHER: &[u8] = b"concert/2";

struct Case {
    who: &'static str,
    protocol: &'static [u8],
    /// What is answered on each stream of a connection, as bytes.
    answers: Vec<Vec<u8>>,
    /// With which exit code.
    fails: (i32, &'static str),
    /// Both sides of the mismatch.
    words: [String; 2],
}

fn cases() -> Vec<Case> {
    let welcome = framed(&Greeting::new(dates::now(), Ok(())).encode());
    let [too_long, too_long_greeting] = [FRAME_BYTES_MAX + 1, GREETING_BYTES_MAX + 1];
    let announced = |len: usize| u32::try_from(len).unwrap().to_le_bytes().to_vec();
    let spoken = format!("this program speaks version {VERSION}");
    let malformed = |who, answers, words: [String; 2]| Case {
        who,
        protocol: ALPN,
        answers,
        fails: (69, "ANSWER_MALFORMED"),
        words,
    };
    let version = |who, protocol, answers, got: &str| Case {
        who,
        protocol,
        answers,
        fails: (78, "VERSION"),
        words: [format!("the coordinator speaks {got}"), spoken.clone()],
    };
    vec![
        version("another-protocol", ANOTHER, vec![], "another protocol"),
        version("another-version", ALPN, vec![framed(&[9, 0, 1, 2, 3])], "version 9"),
        malformed(
            "long-greeting",
            vec![announced(too_long_greeting)],
            [format!("{too_long_greeting} bytes"), format!("at most {GREETING_BYTES_MAX}")],
        ),
        malformed(
            "long-answer",
            vec![welcome.clone(), announced(too_long)],
            [format!("{too_long} bytes"), format!("at most {FRAME_BYTES_MAX}")],
        ),
        malformed(
            "cut-answer",
            vec![welcome, framed(&[1; 100])[..50].to_vec()],
            ["it is cut".to_owned(), String::new()],
        ),
    ]
}

#[test]
fn whoever_is_no_coordinator_of_this_version_is_named_and_told_nothing() {
    let stage = Stage::new(&terms(1.0)).unwrap();
    for Case { who, protocol, answers, fails: (exit, code), words } in cases() {
        let stranger = Stranger::open(protocol, answers);
        stage.private(&format!("{who}.code"), &stranger.invite.code()).unwrap();
        let ended = join(&stage, who, who);
        fails(&ended, exit, code);
        assert!(words.iter().all(|of| ended.all().contains(of)), "{who}: {}", ended.all());
        stranger.end();
    }
}

#[test]
fn where_nobody_answers_what_was_tried_is_said() {
    let stage = Stage::new(&terms(1.0)).unwrap();
    let nobody = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    stage.private("unreachable.code", &invite(&address, [7; 32]).code()).unwrap();
    let ended = join(&stage, "unreachable", "unreachable");
    fails(&ended, 69, "UNREACHABLE");
    assert!(ended.all().contains(&format!("tried IPv4 {address}")), "{}", ended.all());
}

fn invite(address: &str, certificate: [u8; 32]) -> Invite {
    Invite {
        address: address.parse().unwrap(),
        certificate,
        target: Target::Person(CampaignId([2; 32])),
        secret: InviteSecret::from_bytes([7; 16]),
    }
}

fn framed(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_le_bytes()[..], bytes].concat()
}

struct Stranger {
    invite: Invite,
    end: oneshot::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Stranger {
    fn open(protocol: &[u8], answers: Vec<Vec<u8>>) -> Self {
        let made = rcgen::generate_simple_self_signed(["concert".to_owned()]).unwrap();
        let (certificate, key) = (made.cert.der().clone(), made.signing_key.serialize_der());
        let fingerprint = Identity::new(certificate.to_vec(), key.clone().into()).fingerprint();
        let mut tls =
            rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_protocol_versions(&[&TLS13])
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate], PrivatePkcs8KeyDer::from(key).into())
                .unwrap();
        tls.alpn_protocols = vec![protocol.to_vec()];
        let config = QuicServerConfig::try_from(tls).unwrap();
        let config = quinn::ServerConfig::with_crypto(Arc::new(config));
        let (end, ended) = oneshot::channel();
        let (told, address) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                let at = (Ipv4Addr::LOCALHOST, 0).into();
                let endpoint = quinn::Endpoint::server(config, at).unwrap();
                told.send(endpoint.local_addr().unwrap().to_string()).unwrap();
                tokio::select! {
                    () = serve(&endpoint, &answers) => {}
                    _ = ended => {}
                }
            });
        });
        Self { invite: invite(&address.recv().unwrap(), fingerprint), end, thread }
    }

    fn end(self) {
        self.end.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

/// Meets one caller after the other.
async fn serve(endpoint: &quinn::Endpoint, answers: &[Vec<u8>]) {
    while let Some(incoming) = endpoint.accept().await {
        // Whoever speaks another protocol has gone.
        let Ok(connection) = incoming.await else { continue };
        for answer in answers {
            let Ok((mut send, mut receive)) = connection.accept_bi().await else { break };
            receive.read_to_end(FRAME_BYTES_MAX).await.unwrap();
            send.write_all(answer).await.unwrap();
            send.finish().unwrap();
        }
        connection.closed().await;
    }
}
