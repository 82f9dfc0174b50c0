//! `init`: from a file, or from answers, to a plan.

use host::{Problem, dates, screen::Screen};
use protocol::{exit::Exit, roles::coordinator::Coordinator};
use serde::Serialize;
use std::collections::BTreeMap;

use super::asked::asked;
use crate::{
    campaign::{self, Keys, Written},
    cli,
    notices::BEFORE,
    state::{Secrets, State},
    status::word,
};

/// What is typed to go on.
const READ: &str = "I have read this";

#[derive(Serialize)]
struct Made<'a> {
    plan: String,
    state: &'a str,
    certificate: String,
    keyholders: usize,
}

pub(super) fn init(
    state: &State,
    options: &cli::Init,
    screen: &mut Screen,
) -> Result<Exit, Problem> {
    if options.example {
        screen.say(campaign::EXAMPLE.trim_end());
        return Ok(Exit::Done);
    }
    if state.journal().exists() {
        let what = format!("{} holds a campaign already.", state.folder().display());
        return Err(Problem::new(Exit::Io, "STATE_EXISTS", what)
            .safe("It was left as it is.")
            .next("Go on with it: coordinator run. Or name another folder with --state."));
    }
    let written = options.from.as_deref().map(campaign::read).transpose()?;
    screen.note(BEFORE);
    if let Some(Written::Whole(file)) = &written {
        for notice in file.in_the_open() {
            screen.note(format!("In the open: {notice}\n"));
        }
    }
    if !options.notices_read && !screen.agrees(format!("Type \"{READ}\" to go on:"), READ)? {
        return Err(Problem::new(Exit::Declined, "DECLINED", "You did not go on.")
            .safe("Nothing was made."));
    }
    let now = dates::now();
    let file = match written {
        Some(Written::Whole(file)) => *file,
        Some(Written::Planned(draft)) => asked(screen, Some(*draft), now)?,
        None => asked(screen, None, now)?,
    };
    let address = file.address()?;
    let now = dates::now();
    let secrets = Secrets::generate(address)?;
    let keys = Keys { organiser: secrets.organiser().public(), issuer: secrets.issuer().public() };
    let named = |problem| match &options.from {
        Some(path) => campaign::within(path, problem),
        None => problem,
    };
    let plan = file.plan(keys, now).map_err(named)?;
    let begun = Coordinator::new(&plan, secrets.configuration(BTreeMap::new()), now);
    let (_, records) =
        begun.map_err(|error| Problem::bug(format!("The plan cannot begin: {error}.")))?;
    state.create(&secrets, &records)?;

    let zone = dates::zone();
    let folder = state.folder().display().to_string();
    let fingerprint = secrets.identity().fingerprint();
    let certificate =
        fingerprint.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let mut words = vec![
        format!("plan        {}", plan.id()),
        format!("state       {folder} (only you can read it; back it up)"),
        format!("certificate {certificate}"),
    ];
    for of in &plan.aggregations {
        let [opens, closes] = [of.opens, of.closes].map(|time| dates::moment(time, &zone));
        words.push(format!("  {:<13} {opens} to {closes}", word(of.kind)));
    }
    words.push(format!("Next: coordinator invite --keyholder --out keyholders.txt, then coordinator run. Tell the {} keyholders the plan's hash by voice.", plan.seats()));
    if let Some(draft) = &file.planned {
        words.push(format!(
            "Recruit at least {} members: `sims plan` counts on them.",
            draft.recruit
        ));
    }
    let made = Made {
        plan: plan.id().to_string(),
        state: &folder,
        certificate,
        keyholders: plan.keyholders.len(),
    };
    screen.event("made", &made, words.join("\n"));
    Ok(Exit::Done)
}
