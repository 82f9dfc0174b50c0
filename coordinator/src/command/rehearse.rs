//! `rehearse`: the campaign of a file, without anybody or anything of it being real.

use host::{Problem, dates, files, screen::Screen};
use protocol::exit::Exit;

use crate::{
    campaign, cli,
    rehearsal::{self, Expected},
    report::page,
};

pub(super) fn rehearse(options: &cli::Rehearse, screen: &mut Screen) -> Result<Exit, Problem> {
    let file = campaign::read_whole(&options.from)?;
    let expected = Expected { members: options.members, donors: options.donors };
    let zone = dates::zone();
    screen.note("Rehearsing with made-up people; this takes some seconds.");
    let rehearsal = rehearsal::rehearse(&file, expected, dates::now(), &zone)
        .map_err(|problem| campaign::within(&options.from, problem))?;
    screen.event("rehearsal", &rehearsal, rehearsal.words(&zone));
    if let (Some(path), Some(report)) = (&options.report, rehearsal.report()) {
        files::replace(path, page(&report).as_bytes(), files::Audience::Everybody)?;
        screen.note(format!("What the report would look like: {}", path.display()));
    }
    if rehearsal.holds() {
        return Ok(Exit::Done);
    }
    let what = "As the file is written, the campaign does not reach all of its results.";
    Err(Problem::new(Exit::Configuration, "REHEARSAL", what)
        .safe("Nothing was made.")
        .next("Correct the file as said above, and rehearse again."))
}
