//! What each command does.

mod audit;
mod begin;
mod invite;
mod keep;
mod rehearse;
mod run;
mod show;

use clap::CommandFactory as _;
use host::{Problem, screen::Screen};
use protocol::exit::Exit;

use crate::{
    cli::{Cli, Command},
    state::State,
};

/// Does what was typed.
///
/// # Errors
/// What went wrong, for the screen.
pub fn execute(cli: &Cli, screen: &mut Screen) -> Result<Exit, Problem> {
    let state = State::at(cli.state.as_deref());
    match &cli.command {
        Command::Init(options) => begin::init(&state, options, screen),
        Command::Rehearse(options) => rehearse::rehearse(options, screen),
        Command::Invite(options) => invite::invite(&state, options, screen),
        Command::Run(options) => run::run(state, options, screen),
        Command::Status(options) => show::status(&state, options, screen),
        Command::Verify(options) => show::verify(options, screen),
        Command::Report(options) => show::report(&state, options, screen),
        Command::Audit(options) => audit::audit(options, screen),
        Command::Backup(options) => keep::backup(&state, options, screen),
        Command::Destroy(options) => keep::destroy(&state, options, screen),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "coordinator", &mut script);
            screen.say(String::from_utf8_lossy(&script).trim_end());
            Ok(Exit::Done)
        }
        Command::Man => {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
            rendered.map_err(|error| Problem::bug(format!("The page cannot be made: {error}.")))?;
            screen.say(String::from_utf8_lossy(&page).trim_end());
            Ok(Exit::Done)
        }
    }
}
