//! `backup` and `destroy`: the state as a whole.

use host::{
    Problem, dates, files,
    journal::{Journal, JournalError},
    screen::Screen,
};
use protocol::{exit::Exit, transcript::file};
use std::{collections::BTreeMap, fs, path::Path};

use crate::{cli, state::State};

pub(super) fn backup(
    state: &State,
    options: &cli::Backup,
    screen: &mut Screen,
) -> Result<Exit, Problem> {
    if options.out.exists() {
        return Err(files::FileError::Exists { path: options.out.clone() }.into());
    }
    files::private_folder(&options.out)?;
    let to = State::at(Some(&options.out));
    // Invites first: of one that is in the journal as used, the hash must be known.
    copy(&state.invites(), &to.invites())?;
    Journal::read(&state.journal())?.copy(&to.journal())?;
    // A copy that cannot be read is none.
    to.read()?.machine(BTreeMap::new(), dates::now())?;
    let words = format!(
        "{} holds a whole copy, with the campaign's keys. Never run both: one journal must not be continued twice.",
        options.out.display()
    );
    screen.event("backup", &serde_json::json!({ "folder": options.out }), words);
    Ok(Exit::Done)
}

fn copy(from: &Path, to: &Path) -> Result<(), Problem> {
    match Journal::read(from) {
        Err(JournalError::Missing { .. }) => Ok(()),
        journal => Ok(journal?.copy(to)?),
    }
}

pub(super) fn destroy(
    state: &State,
    options: &cli::Destroy,
    screen: &mut Screen,
) -> Result<Exit, Problem> {
    let opened = state.open()?;
    let now = dates::now();
    let machine = opened.machine(BTreeMap::new(), now)?;
    let transcript = machine.transcript();
    let (plan, head) = (transcript.plan().id().to_string(), transcript.head().to_string());
    let word = plan.get(..8).unwrap_or(&plan).to_owned();
    if !machine.is_over() {
        screen.note("This campaign is NOT over. Without its keys no sum can be opened any more.");
    }
    let question = format!(
        "Everything in {} will be destroyed but the transcript. Type the first 8 digits of the plan's hash:",
        state.folder().display()
    );
    if !screen.agrees(question, &word)? {
        return Err(Problem::new(Exit::Declined, "DECLINED", "You did not go on.")
            .safe("Nothing was destroyed."));
    }
    let bytes = file::write(machine.entries());
    files::replace(&state.transcript(), &bytes, files::Audience::Everybody)?;
    let receipt = format!(
        "The coordinator's keys and reports of this campaign were destroyed.\nwhen       {}\nplan       {plan}\nlast entry {head}\n\
         What remains: the transcript ({} entries), and what keyholders and people hold themselves.\nA disk can keep copies that no \
         program reaches; destroy it too if that matters.\n",
        dates::moment(now, &dates::zone()),
        transcript.len(),
    );
    files::create(&options.receipt, receipt.as_bytes(), files::Audience::Owner)?;
    drop((machine, opened));
    for name in [
        "journal",
        "journal-wal",
        "journal-shm",
        "invites",
        "invites-wal",
        "invites-shm",
        "status.json",
    ] {
        files::erase(&state.folder().join(name))?;
    }
    for name in ["journal.lock", "invites.lock"] {
        // Empty files, which hold nothing to erase.
        let _ = fs::remove_file(state.folder().join(name));
    }
    screen.event(
        "destroyed",
        &serde_json::json!({ "plan": plan, "last": head }),
        receipt.trim_end(),
    );
    Ok(Exit::Done)
}
