//! `invite`: codes into a file, and nowhere else.

use host::{Problem, dates, files, screen::Screen};
use protocol::{exit::Exit, invite::Target, keys::seat::Seat};
use serde::Serialize;

use crate::{
    cli,
    invites::{self, Book},
    state::State,
};

#[derive(Serialize)]
struct Made<'a> {
    count: usize,
    keyholders: bool,
    file: &'a str,
    expires_millis: u64,
}

pub(super) fn invite(
    state: &State,
    options: &cli::Invite,
    screen: &mut Screen,
) -> Result<Exit, Problem> {
    let opened = state.read()?;
    let now = dates::now();
    let span = dates::parse_span(&options.expires).map_err(|error| {
        let what = format!("--expires {}: {error}.", options.expires);
        Problem::new(Exit::Usage, "SPAN", what).safe("Nothing was made.")
    })?;
    let expires = now.after_millis(span);
    let machine = opened.machine(Book::read(&state.invites())?.people, now)?;
    let targets = if options.keyholder {
        keyholders(machine.transcript().plan(), options.seat)?
    } else {
        let manifest = machine.transcript().manifest().filter(|_| machine.transcript().has_begun());
        let (_, manifest) = manifest.ok_or_else(|| {
            Problem::new(
                Exit::Waiting,
                "NO_CAMPAIGN",
                "The campaign has no id yet: not all keyholders have joined.",
            )
            .safe("Nothing was made.")
            .next("Keep coordinator run going until all have joined; then invite people.")
        })?;
        let count = usize::try_from(options.count).unwrap_or(usize::MAX);
        vec![Target::Person(manifest.campaign()); count]
    };
    // First the files can be written, then anything is remembered.
    files::create(&options.out, b"", files::Audience::Owner)?;
    let made = invites::invite(&state.invites(), &opened.secrets, &targets, expires).inspect_err(
        |_| {
            // Nobody was invited; an empty file would only be in the way.
            let _ = std::fs::remove_file(&options.out);
        },
    )?;
    files::replace(&options.out, invites::list(&made).as_bytes(), files::Audience::Owner)?;
    let until = dates::moment(expires, &dates::zone());
    if let Some(sheet) = &options.sheet {
        let page = invites::sheet(&made, &format!("Good until {until}"))?;
        files::replace(sheet, page.as_bytes(), files::Audience::Owner)?;
    }
    if options.show {
        for invite in &made {
            screen.say(invites::blocks(invite)?.as_str());
        }
    }
    let file = options.out.display().to_string();
    let whom = if options.keyholder { "keyholders" } else { "people" };
    let words = format!(
        "{} codes for {whom} in {file}, good until {until}, one use each. Only you can read the file; give each code to one person, \
         in person or over a channel that you both trust.",
        made.len()
    );
    let fields = Made {
        count: made.len(),
        keyholders: options.keyholder,
        file: &file,
        expires_millis: expires.as_millis(),
    };
    screen.event("invited", &fields, words);
    Ok(Exit::Done)
}

fn keyholders(
    plan: &protocol::campaign::CheckedPlan,
    seat: Option<u8>,
) -> Result<Vec<Target>, Problem> {
    let target = |seat: Seat| Target::Keyholder { plan: plan.id(), seat };
    let Some(number) = seat else { return Ok(plan.all_seats().iter().map(target).collect()) };
    let seat = number.checked_sub(1).map(Seat::new);
    let seat = seat.filter(|seat| plan.all_seats().contains(*seat)).ok_or_else(|| {
        let what = format!("--seat {number}: the plan has seats 1 to {}.", plan.seats());
        Problem::new(Exit::Usage, "SEAT", what).safe("Nothing was made.")
    })?;
    Ok(vec![target(seat)])
}
