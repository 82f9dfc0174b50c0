//! `status`, `verify` and `report`: what there is to see.

use std::{collections::BTreeMap, thread, time::Duration};

use host::{Problem, dates, files, journal::Journal, screen::Screen};
use protocol::{exit::Exit, transcript::file};

use crate::{
    cli::{self, Format},
    invites::Book,
    report::{Report, page},
    state::State,
    status::Status,
    verify::{self, Expected},
};

const STATUS_BYTES_MAX: usize = 1 << 20;
const ROUND: Duration = Duration::from_secs(1);

pub(super) fn status(
    state: &State,
    options: &cli::Status,
    screen: &mut Screen,
) -> Result<Exit, Problem> {
    let zone = dates::zone();
    let mut last: Option<Status> = None;
    if !state.journal().exists() {
        // Says so, and what to do.
        state.read()?;
    }
    loop {
        let running = Journal::is_owned(&state.journal())?;
        let status = current(state, running)?;
        let news = last.as_ref().is_none_or(|last| differs(last, &status));
        if news {
            let running = if running { "" } else { "NOT RUNNING: start it with coordinator run\n" };
            screen.event("status", &status, format!("{running}{}", status.words(&zone)));
        }
        last = Some(status);
        if !options.watch {
            return Ok(Exit::Done);
        }
        thread::sleep(ROUND);
    }
}

/// Whether anything but the time has changed.
fn differs(one: &Status, other: &Status) -> bool {
    let still = |status: &Status| {
        let mut status = status.clone();
        status.at_millis = 0;
        for keyholder in &mut status.keyholders {
            keyholder.seen_millis = None;
        }
        status
    };
    still(one) != still(other)
}

/// As the running program wrote it last; else from the journal.
fn current(state: &State, running: bool) -> Result<Status, Problem> {
    if running
        && let Ok(bytes) = files::read_private(&state.status(), STATUS_BYTES_MAX)
        && let Ok(status) = serde_json::from_slice(&bytes)
    {
        return Ok(status);
    }
    let opened = state.read()?;
    let (book, now) = (Book::read(&state.invites())?, dates::now());
    let machine = opened.machine(book.people.clone(), now)?;
    Ok(Status::of(&machine, &BTreeMap::new(), &book, now))
}

pub(super) fn verify(options: &cli::Verify, screen: &mut Screen) -> Result<Exit, Problem> {
    let expected = Expected {
        plan: options.plan.as_deref(),
        campaign: options.campaign.as_deref(),
        head: options.head.as_deref(),
    };
    let (_, verified) = verify::read(&options.transcript, expected)?;
    screen.event("verified", &verified, verified.words());
    Ok(Exit::Done)
}

pub(super) fn report(
    state: &State,
    options: &cli::Report,
    screen: &mut Screen,
) -> Result<Exit, Problem> {
    let (transcript, _) = match &options.transcript {
        Some(path) => verify::read(path, Expected::default())?,
        None if state.transcript().exists() => {
            verify::read(&state.transcript(), Expected::default())?
        }
        // None was written yet.
        None => {
            let machine = state.read()?.machine(BTreeMap::new(), dates::now())?;
            verify::verify(&file::write(machine.entries()), Expected::default())?
        }
    };
    let extension = options.out.extension().and_then(|extension| extension.to_str());
    let format = options.format.or(match extension {
        Some("html" | "htm") => Some(Format::Html),
        Some("json") => Some(Format::Json),
        Some("csv") => Some(Format::Csv),
        Some(_) | None => None,
    });
    let report = Report::of(&transcript);
    let bytes = match format {
        Some(Format::Html) => page(&report).into_bytes(),
        Some(Format::Json) => report.to_json().into_bytes(),
        Some(Format::Csv) => report.to_csv(),
        None => {
            let what = format!("{} says no format.", options.out.display());
            return Err(Problem::new(Exit::Usage, "FORMAT", what)
                .safe("Nothing was written.")
                .next("Name it .html, .json or .csv, or add --format."));
        }
    };
    files::replace(&options.out, &bytes, files::Audience::Everybody)?;
    let words = format!("{} written; it holds sums only.", options.out.display());
    screen.event("report", &serde_json::json!({ "file": options.out }), words);
    Ok(Exit::Done)
}
