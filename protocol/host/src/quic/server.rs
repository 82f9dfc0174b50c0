//! The coordinator's end.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::{
    exit::Exit,
    messages::Peer,
    roles::Time,
    wire::{
        Ask, EXPORTER_LABEL, Exporter, FRAME_BYTES_MAX, GREETING_BYTES_MAX, Greeting, Hello, Reply,
        Unwelcome, WireError,
    },
};
use quinn::{
    Connection, Endpoint, EndpointConfig, IdleTimeout, Incoming, RecvStream, SendStream,
    ServerConfig, TokioRuntime, TransportConfig, VarInt,
};
use thiserror::Error;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    Close, Identity, IdentityError, Limits,
    frame::{self, FrameError},
    gate::{Gate, Held, Proven, Source, Verdict},
    socket,
};
use crate::Problem;

/// What a caller may send before it is let in.
const STRANGERS_BYTES: u32 = 16 << 10;
/// What a participant may send ahead of what is read.
const WINDOW_BYTES: u32 = 1 << 20;
/// What a keyholder may send ahead of what is read.
const KEYHOLDERS_WINDOW_BYTES: u32 = 8 << 20;
/// What is kept of answers that were not acknowledged yet, on one connection.
const UNACKNOWLEDGED_BYTES: u64 = 1 << 20;
/// Callers that have not been looked at yet, and what is kept of them.
const INCOMING_MAX: usize = 1_024;
const INCOMING_BYTES: u64 = 8 << 10;
const INCOMING_BYTES_TOTAL: u64 = 4 << 20;

/// Who answers.
pub trait Service: Send + Sync + 'static {
    /// The coordinator's clock.
    fn now(&self) -> Time;

    /// Whether the caller may ask, and as whom; the exporter is the connection's.
    ///
    /// # Errors
    /// Why not, which the caller is told.
    fn greet(&self, hello: &Hello, exporter: &Exporter) -> Result<Peer, Unwelcome>;

    /// Answers a question; nothing if the program is ending, or too busy.
    fn answer(&self, peer: Peer, ask: Ask) -> impl Future<Output = Option<Reply>> + Send;
}

/// Why a server does not listen.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The address is taken, not this machine's, or not allowed.
    #[error("cannot listen on {address}: {source}")]
    Address {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The certificate.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl From<ListenError> for Problem {
    fn from(error: ListenError) -> Self {
        let what = format!("{error}.");
        match error {
            ListenError::Address { .. } => Self::new(Exit::Unreachable, "CANNOT_LISTEN", what)
                .safe("Nothing was changed.")
                .next("Stop the program that uses this port, or choose another address with --listen."),
            ListenError::Identity(_) => Self::new(Exit::Io, "STATE_DAMAGED", what)
                .next("Restore the state from a backup."),
        }
    }
}

/// A socket that answers.
#[derive(Debug)]
pub struct Server {
    endpoint: Endpoint,
    limits: Limits,
}

impl Server {
    /// Listens on `address`; on `[::]` for both address families. To be called within tokio.
    ///
    /// # Errors
    /// [`ListenError`].
    pub fn bind(
        address: SocketAddr,
        identity: &Identity,
        limits: Limits,
    ) -> Result<Self, ListenError> {
        let failed = |source| ListenError::Address { address, source };
        let mut config = ServerConfig::with_crypto(Arc::new(identity.server()?));
        config
            .transport_config(Arc::new(transport(&limits)))
            .migration(true)
            .max_incoming(INCOMING_MAX)
            .incoming_buffer_size(INCOMING_BYTES)
            .incoming_buffer_size_total(INCOMING_BYTES_TOTAL);
        let socket = socket(address).map_err(failed)?;
        let runtime = Arc::new(TokioRuntime);
        let endpoint = Endpoint::new(EndpointConfig::default(), Some(config), socket, runtime);
        Ok(Self { endpoint: endpoint.map_err(failed)?, limits })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// Answers until `end` comes; then closes all connections and returns once the callers can know.
    pub async fn run<S: Service>(self, service: Arc<S>, end: impl Future<Output = ()>) {
        let gate = Gate::new(self.limits);
        let mut callers = JoinSet::new();
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => break,
                Some(_) = callers.join_next() => {}
                incoming = self.endpoint.accept() => match incoming {
                    Some(incoming) => self.meet(incoming, &gate, &service, &mut callers),
                    None => break,
                },
            }
        }
        self.endpoint.close(Close::Ending.code(), b"");
        callers.shutdown().await;
        // At most a second: whoever does not hear it notices by the silence.
        let _ = timeout(Duration::from_secs(1), self.endpoint.wait_idle()).await;
    }

    fn meet<S: Service>(
        &self,
        incoming: Incoming,
        gate: &Gate,
        service: &Arc<S>,
        callers: &mut JoinSet<()>,
    ) {
        let source = Source::of(incoming.remote_address().ip());
        let proven = if incoming.remote_address_validated() { Proven::Yes } else { Proven::No };
        match gate.handshake(source, proven) {
            Verdict::Enter(held) => {
                let (gate, service) = (gate.clone(), Arc::clone(service));
                let caller = Caller { source, gate, service, limits: self.limits };
                callers.spawn(caller.serve(incoming, held));
            }
            // Refused only to who has proved it already, and is never asked to.
            Verdict::Prove => drop(incoming.retry()),
            // It calls again within a second or so, when there may be room.
            Verdict::Ignore => incoming.ignore(),
        }
    }
}

fn transport(limits: &Limits) -> TransportConfig {
    let silence = IdleTimeout::try_from(limits.silence).unwrap_or_else(|_| VarInt::MAX.into());
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .receive_window(VarInt::from_u32(STRANGERS_BYTES))
        .stream_receive_window(VarInt::from_u32(WINDOW_BYTES))
        .send_window(UNACKNOWLEDGED_BYTES)
        .max_idle_timeout(Some(silence));
    transport
}

/// Everything about one connection.
struct Caller<S> {
    source: Source,
    gate: Gate,
    service: Arc<S>,
    limits: Limits,
}

// By hand: `S` need not be cloned.
impl<S> Clone for Caller<S> {
    fn clone(&self) -> Self {
        let Self { source, gate, service, limits } = self;
        let (gate, service) = (gate.clone(), Arc::clone(service));
        Self { source: *source, gate, service, limits: *limits }
    }
}

impl<S: Service> Caller<S> {
    async fn serve(self, incoming: Incoming, handshake: Held) {
        let Ok(connecting) = incoming.accept() else { return };
        let Ok(Ok(connection)) = timeout(self.limits.handshake, connecting).await else { return };
        let Ok(greeted) = timeout(self.limits.handshake, self.greet(&connection)).await else {
            connection.close(Close::Idle.code(), b"");
            return;
        };
        match greeted {
            Ok(Some((peer, room))) => {
                drop(handshake);
                self.listen(&connection, peer).await;
                drop(room);
            }
            // Turned away in words, which it closes the connection after.
            Ok(None) => drop(timeout(self.limits.handshake, connection.closed()).await),
            Err(close) => connection.close(close.code(), b""),
        }
    }

    /// Nobody if the caller was turned away.
    async fn greet(&self, connection: &Connection) -> Result<Option<(Peer, Option<Held>)>, Close> {
        let mut exporter = Exporter::default();
        connection
            .export_keying_material(&mut exporter, EXPORTER_LABEL, &[])
            .map_err(|_| Close::Protocol)?;
        let (mut send, mut receive) = connection.accept_bi().await.map_err(|_| Close::Done)?;
        let bytes = frame::read(&mut receive, GREETING_BYTES_MAX)
            .await
            .map_err(|error| close_for(&error))?;
        let now = self.service.now();
        let admitted = match Hello::decode(&bytes) {
            Ok(hello) => self.service.greet(&hello, &exporter).and_then(|peer| match peer {
                Peer::Keyholder(_) => Ok((peer, None)),
                Peer::Participant => match self.gate.connection(self.source) {
                    Some(room) => Ok((peer, Some(room))),
                    None => Err(Unwelcome::Busy { until: now.after_millis(BUSY_MILLIS) }),
                },
            }),
            // Only the version of the greeting counts, which every version can read.
            Err(WireError::Version { .. }) => Err(Unwelcome::OtherCampaign),
            Err(_) => return Err(Close::Protocol),
        };
        let greeting = Greeting::new(now, admitted.as_ref().map(drop).map_err(|why| *why));
        frame::write(&mut send, &greeting.encode()).await.map_err(|_| Close::Done)?;
        Ok(admitted.ok())
    }

    async fn listen(&self, connection: &Connection, peer: Peer) {
        let (window, idle) = match peer {
            Peer::Keyholder(_) => (KEYHOLDERS_WINDOW_BYTES, self.limits.idle_keyholder),
            Peer::Participant => (WINDOW_BYTES, self.limits.idle),
        };
        connection.set_receive_window(VarInt::from_u32(window));
        let streams = VarInt::from_u32(self.limits.streams_per_connection);
        connection.set_max_concurrent_bi_streams(streams);
        // Ended with the connection: answers nobody waits for are not computed.
        let mut questions = JoinSet::new();
        let close = loop {
            tokio::select! {
                Some(done) = questions.join_next() => match done {
                    Ok(Ok(())) => {}
                    Ok(Err(close)) => break close,
                    // The answerer has failed, which is no reason to fail everybody else.
                    Err(_) => break Close::Busy,
                },
                stream = timeout(idle, connection.accept_bi()) => match stream {
                    Ok(Ok((send, receive))) => {
                        let caller = self.clone();
                        questions.spawn(async move { caller.question(peer, send, receive).await });
                    }
                    Ok(Err(_)) => return,
                    Err(_) if questions.is_empty() => break Close::Idle,
                    Err(_) => {}
                },
            }
        };
        connection.close(close.code(), b"");
    }

    async fn question(
        &self,
        peer: Peer,
        mut send: SendStream,
        receive: RecvStream,
    ) -> Result<(), Close> {
        let answered = self.answer(peer, &mut send, receive).await;
        if let Err(close) = answered {
            // Else the stream would end as if the answer were empty. It may be reset already.
            let _ = send.reset(close.code());
        }
        answered
    }

    async fn answer(
        &self,
        peer: Peer,
        send: &mut SendStream,
        mut receive: RecvStream,
    ) -> Result<(), Close> {
        let Limits { frame: deadline, .. } = self.limits;
        let slow = |_| Close::Idle;
        if peer == Peer::Participant {
            self.within_rate().await?;
        }
        let read = async {
            let len = frame::read_length(&mut receive, Ask::bytes_max(peer)).await;
            let len = len.map_err(|error| close_for(&error))?;
            let _held = match peer {
                Peer::Keyholder(_) => None,
                Peer::Participant => Some(self.room(len).await),
            };
            frame::read_body(&mut receive, len).await.map_err(|error| close_for(&error))
        };
        let bytes = timeout(deadline, read).await.map_err(slow)??;
        let ask = Ask::decode(peer, &bytes).map_err(|_| Close::Protocol)?;
        drop(bytes);
        let reply = self.service.answer(peer, ask).await.ok_or(Close::Busy)?;
        let bytes = reply.encode();
        drop(reply);
        debug_assert!(bytes.len() <= FRAME_BYTES_MAX, "answers are shorter than a frame");
        let written = timeout(deadline, frame::write(send, &bytes)).await.map_err(slow)?;
        // The caller is gone; it will ask again.
        written.or(Ok(()))
    }

    /// Waits until the source's rate allows one more question.
    async fn within_rate(&self) -> Result<(), Close> {
        let mut waited = Duration::ZERO;
        loop {
            let wait = self.gate.question(self.source, Instant::now());
            if wait.is_zero() {
                return Ok(());
            }
            waited += wait;
            if waited > self.limits.frame {
                return Err(Close::Busy);
            }
            sleep(wait).await;
        }
    }

    /// Waits for room; the deadline of the frame ends it.
    async fn room(&self, len: usize) -> Held {
        loop {
            match self.gate.bytes(self.source, len) {
                Some(held) => return held,
                None => sleep(ROOM_PAUSE).await,
            }
        }
    }
}

/// When whoever finds no room may call again.
const BUSY_MILLIS: u64 = 10_000;
/// Between two looks for room.
const ROOM_PAUSE: Duration = Duration::from_millis(20);

const fn close_for(error: &FrameError) -> Close {
    match error {
        FrameError::TooLong { .. } => Close::Frame,
        FrameError::Cut => Close::Protocol,
        FrameError::Stream(_) => Close::Done,
    }
}
