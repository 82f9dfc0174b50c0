//! `run`: answers until it is told to end, and goes on where it stopped.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, mpsc::sync_channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use host::{
    Problem, dates,
    quic::{Identity, Limits, Server},
    screen::Screen,
    stop::Stop,
};
use protocol::{exit::Exit, roles::Time};
use serde::Serialize;
use tokio::{runtime, time::sleep};

use crate::{
    cli,
    invites::Book,
    office::{Desk, Front, Hours, Office},
    state::State,
    status::{Stage, Status},
};

/// Questions that wait for the office; more are told to come again.
const QUEUE_MAX: usize = 4_096;
/// How often the screen is drawn.
const ROUND: Duration = Duration::from_millis(500);
/// How long the office may take to finish what it is doing, once it is told to end. Nothing is lost if it does not.
const ENDING: Duration = Duration::from_millis(1_500);

#[derive(Serialize)]
struct Listening {
    address: String,
    plan: String,
}

pub(super) fn run(state: State, options: &cli::Run, screen: &mut Screen) -> Result<Exit, Problem> {
    let linger = options.linger.as_deref().map(dates::parse_span).transpose();
    let linger = linger.map_err(|error| {
        Problem::new(Exit::Usage, "SPAN", format!("--linger: {error}.")).safe("It was not started.")
    })?;
    let opened = state.open()?;
    let book = Book::read(&state.invites())?;
    let now = dates::now();
    let machine = opened.machine(book.people.clone(), now)?;
    let (identity, port) = (opened.secrets.identity(), opened.secrets.address.port());
    let plan = machine.transcript().plan().id().to_string();
    let front = Arc::new(Front::new(&machine, book.keyholders.clone()));
    let office = Office::new(machine, opened.journal, now)?;
    let hours = Hours { office, book, state, front: Arc::clone(&front) };
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        Problem::new(
            Exit::Temporary,
            "RUNTIME",
            format!("The system gives no event queue: {error}."),
        )
    })?;
    runtime.block_on(async {
        let stop = Stop::on_signals().map_err(|error| {
            Problem::new(Exit::Temporary, "SIGNALS", format!("Signals cannot be heard: {error}."))
        })?;
        let server = listen(options, &identity, port)?;
        let address = server.local_address().map_or_else(|_| String::new(), |of| of.to_string());
        let words = format!("listening on {address} over UDP · plan {plan}");
        screen.event("listening", &Listening { address, plan }, words);
        serve(hours, server, front, stop, linger, screen).await
    })
}

fn listen(options: &cli::Run, identity: &Identity, port: u16) -> Result<Server, Problem> {
    let per_source = usize::try_from(options.per_source).unwrap_or(usize::MAX);
    let usual = Limits::default();
    let scale = |of: u32| of.max(options.per_source.saturating_mul(2));
    let limits = Limits {
        connections_per_source: per_source,
        handshakes_per_source: per_source.min(usual.handshakes),
        requests_per_source_sec: scale(usual.requests_per_source_sec),
        requests_per_source_burst: scale(usual.requests_per_source_burst),
        bytes_in_flight_per_source: usual.bytes_in_flight_per_source.max(per_source * (32 << 10)),
        ..usual
    };
    if let Some(address) = options.listen {
        return Ok(Server::bind(address, identity, limits)?);
    }
    let both: SocketAddr = (Ipv6Addr::UNSPECIFIED, port).into();
    match Server::bind(both, identity, limits) {
        Ok(server) => Ok(server),
        // A machine without IPv6.
        Err(_) => Ok(Server::bind((Ipv4Addr::UNSPECIFIED, port).into(), identity, limits)?),
    }
}

async fn serve(
    hours: Hours<host::journal::Journal>,
    server: Server,
    front: Arc<Front>,
    stop: Stop,
    linger: Option<u64>,
    screen: &mut Screen,
) -> Result<Exit, Problem> {
    let (jobs, questions) = sync_channel(QUEUE_MAX);
    let desk = Arc::new(Desk::new(Arc::clone(&front), jobs));
    let office =
        thread::Builder::new().name("office".into()).spawn(move || hours.serve(&questions));
    let office = office.map_err(|error| {
        Problem::new(Exit::Temporary, "RUNTIME", format!("The system gives no thread: {error}."))
    })?;
    let mut end = stop.clone();
    let network = server.run(desk, async move { end.wait().await });
    tokio::join!(network, watch(&front, &office, &stop, linger, screen));
    let mut waited = Duration::ZERO;
    while !office.is_finished() && waited < ENDING {
        sleep(Duration::from_millis(20)).await;
        waited += Duration::from_millis(20);
    }
    screen.settle();
    if office.is_finished() {
        office.join().map_err(|_| Problem::bug("The office's thread has panicked."))??;
    }
    let over = front.status().is_some_and(|status| status.stage == Stage::Over);
    if over {
        screen.event("over", &serde_json::json!({}), "over: coordinator report --out report.html");
        return Ok(Exit::Done);
    }
    screen.event(
        "stopped",
        &serde_json::json!({}),
        "Stopped. Nothing is lost; the same command goes on.",
    );
    Ok(Exit::Done)
}

/// Draws the screen until the office or the person ends it.
async fn watch(
    front: &Front,
    office: &JoinHandle<Result<(), Problem>>,
    stop: &Stop,
    linger: Option<u64>,
    screen: &mut Screen,
) {
    let zone = dates::zone();
    let mut over: Option<Time> = None;
    while !stop.is_set() {
        if let Some(status) = front.status() {
            told(&status, &mut over, screen);
            screen.live("status", &status, status.line(&zone));
        }
        let lingered =
            over.zip(linger).is_some_and(|(at, span)| dates::now() >= at.after_millis(span));
        if office.is_finished() || lingered {
            stop.set();
            return;
        }
        let mut end = stop.clone();
        tokio::select! {
            () = sleep(ROUND) => {}
            () = end.wait() => {}
        }
    }
}

/// The end, once.
fn told(status: &Status, over: &mut Option<Time>, screen: &mut Screen) {
    if status.stage == Stage::Over && over.is_none() {
        *over = Some(dates::now());
        screen.note("Everything has ended. People can still fetch results while this runs.");
    }
}
