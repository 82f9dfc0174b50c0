//! What each command does.

mod asked;
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
        Command::Man { command } => {
            screen.say(manual(command.as_deref())?.trim_end());
            Ok(Exit::Done)
        }
    }
}

fn manual(command: Option<&str>) -> Result<String, Problem> {
    let mut program = Cli::command();
    program.build();
    let described = match command {
        None => program,
        Some(name) => {
            let known = program.get_subcommands().find(|of| of.get_name() == name);
            let known = known.cloned().ok_or_else(|| {
                Problem::new(Exit::Usage, "COMMAND", format!("There is no command \"{name}\"."))
                    .next("coordinator --help lists them.")
            })?;
            known.display_name(format!("coordinator-{name}"))
        }
    };
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(described).render(&mut page);
    rendered.map_err(|error| Problem::bug(format!("The page cannot be made: {error}.")))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
