//! A client's connection.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use protocol::{
    codec::CodecError,
    exit::Exit,
    invite::{Address, Host},
    roles::Time,
    wire::{
        Ask, EXPORTER_LABEL, Exporter, FRAME_BYTES_MAX, GREETING_BYTES_MAX, Greeting, Hello, Reply,
        Unwelcome, WireError,
    },
};
use quinn::{
    ApplicationClose, ClientConfig, Connection, ConnectionError, Endpoint, EndpointConfig,
    IdleTimeout, ReadError, TokioRuntime, TransportConfig, VarInt, WriteError,
};
use thiserror::Error;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};

use super::{
    Close,
    frame::{self, FrameError},
    socket, tls,
};
use crate::Problem;

/// So many addresses of one name are tried.
const ADDRESSES_MAX: usize = 6;
/// How much later the next address is tried beside those before (RFC 8305 section 5).
const STAGGER: Duration = Duration::from_millis(250);
/// Routers forget a silent connection after half a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const SILENCE_MILLIS: u32 = 30_000;
/// TLS's alert `no_application_protocol` (RFC 7301) as QUIC's error (RFC 9001 section 4.8).
const NO_SUCH_PROTOCOL: u64 = 0x100 + 120;

/// Why a coordinator cannot be asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Its name means nothing here.
    #[error("no address is known for {address}: {source}")]
    Name {
        /// As in the invite.
        address: Address,
        /// What the system says.
        source: io::Error,
    },
    /// Nobody answers.
    #[error("no answer from {address} over UDP in {secs} s (tried {})", listed(.tried))]
    Unreachable {
        /// As in the invite.
        address: Address,
        /// In order.
        tried: Vec<SocketAddr>,
        /// How long.
        secs: u64,
    },
    /// It shows another certificate than the invite names. There is no way around this.
    #[error("the server at {address} does not have the certificate of the invite")]
    WrongCertificate {
        /// As in the invite.
        address: Address,
    },
    /// It speaks another version of the protocol; nothing if it says only that.
    #[error("the coordinator speaks {}; this program speaks version {}", version(*.got), protocol::campaign::VERSION)]
    Version {
        /// Of the coordinator.
        got: Option<u16>,
    },
    /// It does not let this caller ask.
    #[error(transparent)]
    Unwelcome(#[from] Unwelcome),
    /// It answers what no coordinator answers.
    #[error("the coordinator's answer cannot be read: {fault}")]
    Protocol {
        /// Why.
        fault: Fault,
    },
    /// The connection was made, but no answer has come in time. The question may have been received; it can be asked
    /// again and counts once.
    #[error("no answer from the coordinator in {secs} s")]
    TimedOut {
        /// How long.
        secs: u64,
    },
    /// The connection broke. The question may have been received; it can be asked again and counts once.
    #[error("the connection to the coordinator broke: {0}")]
    Lost(ConnectionError),
    /// This machine cannot open a socket.
    #[error("no connection can be opened from here: {0}")]
    Local(#[from] io::Error),
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// Longer than any answer.
    #[error("{got} bytes, at most {limit} are allowed")]
    TooLong {
        /// As announced.
        got: usize,
        /// For such an answer.
        limit: usize,
    },
    /// It ends too early or too late.
    #[error("it is cut")]
    Cut,
    /// Not the bytes of an answer.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The coordinator refused to read the question.
    #[error("it did not take the question")]
    Refused,
}

fn listed(addresses: &[SocketAddr]) -> String {
    let words = addresses.iter().map(|address| match address {
        SocketAddr::V6(_) => format!("IPv6 {address}"),
        SocketAddr::V4(_) => format!("IPv4 {address}"),
    });
    words.collect::<Vec<_>>().join(", ")
}

fn version(got: Option<u16>) -> String {
    got.map_or_else(|| "another protocol".to_owned(), |got| format!("version {got}"))
}

impl LinkError {
    /// Whether the same may succeed later.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Name { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Lost(_)
            | Self::Unwelcome(Unwelcome::Busy { .. })
            | Self::Local(_) => true,
            Self::WrongCertificate { .. }
            | Self::Version { .. }
            | Self::Unwelcome(_)
            | Self::Protocol { .. } => false,
        }
    }
}

impl From<LinkError> for Problem {
    fn from(error: LinkError) -> Self {
        let what = format!("{error}.");
        let again = "Run the same command again; it goes on where it stopped.";
        let unsent = "Nothing was sent.";
        match error {
            LinkError::Name { .. } => Self::new(Exit::Unreachable, "UNREACHABLE", what)
                .safe(unsent)
                .next(format!("Check the network. {again}")),
            LinkError::Unreachable { .. } => Self::new(Exit::Unreachable, "UNREACHABLE", what)
                .safe(format!("Some networks block UDP. {unsent}"))
                .next(format!("Try another network, or later. {again}")),
            LinkError::WrongCertificate { .. } => {
                Self::new(Exit::Permission, "WRONG_CERTIFICATE", what)
                    .heading("STOP")
                    .safe(format!(
                        "Someone may be in between, or the organiser changed servers. {unsent}"
                    ))
                    .next("Call the organiser and ask for a new code. Nothing overrides this.")
            }
            LinkError::Version { .. } => Self::new(Exit::Configuration, "VERSION", what)
                .safe(unsent)
                .next("Ask the organiser which version to use."),
            LinkError::Unwelcome(Unwelcome::OtherCampaign) => {
                Self::new(Exit::Code, "OTHER_CAMPAIGN", what).safe(unsent).next(
                    "Ask the organiser whether the campaign has begun, and for a new code if not.",
                )
            }
            LinkError::Unwelcome(Unwelcome::Seat) => Self::new(Exit::Code, "CODE_SEAT", what)
                .safe(unsent)
                .next("Ask the organiser for a new code."),
            LinkError::Unwelcome(_) => Self::new(Exit::Temporary, "BUSY", what)
                .safe(unsent)
                .next(format!("Wait a little. {again}")),
            LinkError::Protocol { .. } => Self::new(Exit::Unreachable, "ANSWER_MALFORMED", what)
                .safe("It was not used.")
                .next("Tell the organiser."),
            LinkError::TimedOut { .. } | LinkError::Lost(_) => {
                Self::new(Exit::Temporary, "CONNECTION_LOST", what)
                    .safe("What was sent can be sent again and counts once.")
                    .next(again)
            }
            LinkError::Local(_) => {
                Self::new(Exit::Unreachable, "NO_SOCKET", what).safe(unsent).next(again)
            }
        }
    }
}

/// A connection to the coordinator that an invite names, which has let the caller in. Ends when dropped.
#[derive(Debug)]
pub struct Link {
    endpoint: Endpoint,
    connection: Connection,
    greeted: Time,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.connection.close(Close::Done.code(), b"");
    }
}

/// Makes a new connection: a socket, a handshake and a greeting of its own. All IPv6 and IPv4 addresses are tried, IPv6
/// a little ahead; the first that answers is used. `hello` gets what the TLS exporter gives for the connection.
///
/// # Errors
/// [`LinkError`]; nothing but the greeting was sent.
pub async fn connect(
    address: &Address,
    certificate: &[u8; 32],
    deadline: Duration,
    hello: impl Fn(&Exporter) -> Hello,
) -> Result<Link, LinkError> {
    let until = Instant::now() + deadline;
    let addresses = resolve(address, until).await?;
    let unreachable = || LinkError::Unreachable {
        address: address.clone(),
        tried: addresses.clone(),
        secs: deadline.as_secs(),
    };
    let mut attempts = JoinSet::new();
    for (number, to) in (0..).zip(addresses.clone()) {
        let (certificate, address) = (*certificate, address.clone());
        attempts.spawn(async move {
            sleep(STAGGER * number).await;
            dial(&address, to, certificate).await
        });
    }
    let mut last = None;
    let (endpoint, connection) = loop {
        match timeout_at(until, attempts.join_next()).await {
            Err(_) => return Err(last.unwrap_or_else(unreachable)),
            Ok(None) => {
                return Err(match last {
                    Some(LinkError::Lost(ConnectionError::TimedOut)) | None => unreachable(),
                    Some(error) => error,
                });
            }
            Ok(Some(Ok(Ok(made)))) => break made,
            Ok(Some(Ok(Err(error)))) if error.is_transient() => last = Some(error),
            Ok(Some(Ok(Err(error)))) => return Err(error),
            // Its task was ended with the others, which happens only after this loop.
            Ok(Some(Err(_))) => {}
        }
    };
    attempts.abort_all();
    let mut link = Link { endpoint, connection, greeted: Time::default() };
    let greeting = timeout_at(until, link.greet(hello)).await;
    link.greeted = greeting.unwrap_or(Err(LinkError::TimedOut { secs: deadline.as_secs() }))?;
    Ok(link)
}

/// At most [`ADDRESSES_MAX`], the families in turn, IPv6 first.
async fn resolve(address: &Address, until: Instant) -> Result<Vec<SocketAddr>, LinkError> {
    let port = address.port();
    let name = match address.host() {
        Host::V4(number) => return Ok(vec![(*number, port).into()]),
        Host::V6(number) => return Ok(vec![(*number, port).into()]),
        Host::Name(name) => name.as_str(),
    };
    let failed = |source| LinkError::Name { address: address.clone(), source };
    let found = timeout_at(until, tokio::net::lookup_host((name, port))).await;
    let found = found.map_err(|_| failed(io::ErrorKind::TimedOut.into()))?.map_err(failed)?;
    let (v6, v4): (Vec<_>, Vec<_>) = found.partition(SocketAddr::is_ipv6);
    let longest = v6.len().max(v4.len());
    let in_turn = (0..longest).flat_map(|place| [v6.get(place), v4.get(place)]).flatten().copied();
    let addresses: Vec<_> = in_turn.take(ADDRESSES_MAX).collect();
    if addresses.is_empty() {
        return Err(failed(io::ErrorKind::NotFound.into()));
    }
    Ok(addresses)
}

async fn dial(
    address: &Address,
    to: SocketAddr,
    certificate: [u8; 32],
) -> Result<(Endpoint, Connection), LinkError> {
    let from: SocketAddr = match to {
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
    };
    let endpoint =
        Endpoint::new(EndpointConfig::default(), None, socket(from)?, Arc::new(TokioRuntime))?;
    let (crypto, stranger) = tls::client(certificate);
    let mut config = ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport()));
    let connecting = endpoint
        .connect_with(config, to, tls::SERVER_NAME)
        .map_err(|error| LinkError::Local(io::Error::other(error)))?;
    match connecting.await {
        Ok(connection) => Ok((endpoint, connection)),
        Err(_) if stranger.load(Ordering::Relaxed) => {
            // What tells the other end why is still on its way.
            endpoint.wait_idle().await;
            Err(LinkError::WrongCertificate { address: address.clone() })
        }
        Err(error) => Err(closed(error)),
    }
}

fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(SILENCE_MILLIS))));
    transport
}

impl Link {
    async fn greet(&self, hello: impl Fn(&Exporter) -> Hello) -> Result<Time, LinkError> {
        let mut exporter = Exporter::default();
        self.connection
            .export_keying_material(&mut exporter, EXPORTER_LABEL, &[])
            .map_err(|_| LinkError::Lost(ConnectionError::Reset))?;
        let answer = self.exchange(&hello(&exporter).encode(), GREETING_BYTES_MAX).await?;
        let greeting = Greeting::decode(&answer).map_err(|error| match error {
            WireError::Version { got } => LinkError::Version { got: Some(got) },
            WireError::Codec(error) => LinkError::Protocol { fault: error.into() },
            _ => LinkError::Protocol { fault: Fault::Cut },
        })?;
        greeting.verdict?;
        Ok(greeting.now)
    }

    /// The coordinator's clock when it let the caller in.
    pub const fn greeted(&self) -> Time {
        self.greeted
    }

    /// Whether the connection still stands, as far as is known.
    pub fn is_open(&self) -> bool {
        self.connection.close_reason().is_none()
    }

    /// Waits until the connection ends.
    pub async fn closed(&self) {
        self.connection.closed().await;
    }

    /// Asks, and waits for the answer at most this long.
    ///
    /// # Errors
    /// [`LinkError`]. The question may have been received; it can be asked again, here or on another connection.
    pub async fn ask(&self, ask: &Ask, deadline: Duration) -> Result<Reply, LinkError> {
        let until = Instant::now() + deadline;
        let answer = timeout_at(until, self.exchange(&ask.encode(), FRAME_BYTES_MAX)).await;
        let answer = answer.map_err(|_| LinkError::TimedOut { secs: deadline.as_secs() })??;
        Reply::decode(&answer).map_err(|error| LinkError::Protocol { fault: error.into() })
    }

    async fn exchange(&self, bytes: &[u8], limit: usize) -> Result<Vec<u8>, LinkError> {
        let (mut send, mut receive) = self.connection.open_bi().await.map_err(closed)?;
        match frame::write(&mut send, bytes).await {
            // Why it was not read to its end, the other stream tells.
            Ok(()) | Err(WriteError::Stopped(_)) => {}
            Err(WriteError::ConnectionLost(error)) => return Err(closed(error)),
            Err(WriteError::ClosedStream | WriteError::ZeroRttRejected) => {
                return Err(LinkError::Lost(ConnectionError::Reset));
            }
        }
        frame::read(&mut receive, limit).await.map_err(|error| match error {
            FrameError::Stream(ReadError::ConnectionLost(error)) => closed(error),
            FrameError::Stream(ReadError::Reset(code)) if is_refusal(code) => {
                LinkError::Protocol { fault: Fault::Refused }
            }
            FrameError::Stream(_) => LinkError::Lost(ConnectionError::Reset),
            FrameError::TooLong { got, limit } => {
                LinkError::Protocol { fault: Fault::TooLong { got, limit } }
            }
            FrameError::Cut => LinkError::Protocol { fault: Fault::Cut },
        })
    }

    /// Ends the connection and waits until the other end can know.
    pub async fn close(self) {
        self.connection.close(Close::Done.code(), b"");
        self.endpoint.wait_idle().await;
    }
}

/// Whether the same question would be refused again.
fn is_refusal(code: VarInt) -> bool {
    [Close::Protocol, Close::Frame].map(Close::code).contains(&code)
}

fn closed(error: ConnectionError) -> LinkError {
    match &error {
        ConnectionError::ConnectionClosed(close)
            if u64::from(close.error_code) == NO_SUCH_PROTOCOL =>
        {
            LinkError::Version { got: None }
        }
        ConnectionError::VersionMismatch => LinkError::Version { got: None },
        ConnectionError::ApplicationClosed(ApplicationClose { error_code, .. })
            if is_refusal(*error_code) =>
        {
            LinkError::Protocol { fault: Fault::Refused }
        }
        _ => LinkError::Lost(error),
    }
}
