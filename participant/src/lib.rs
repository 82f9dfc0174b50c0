//! What members, donors and keyholders run.
//!
//! - [`record`]: a person's record as written, against the campaign's schema.
//! - [`attendance`]: one person in one campaign, sans-IO: machine, record, and what is said later. A load test drives
//!   thousands of them in one process.
//! - [`screens`], [`notices`], [`words`]: what people see. [`consent`]: what they agree to. [`problems`]: how it fails.
//! - [`store`]: what is kept. [`network`]: the way to the coordinator. [`command`], [`cli`]: what can be typed.
//! - [`keyhold`]: the same for keyholders.
//!
//! A record leaves this package as shares of a measurement only, after consent that is kept with the campaign's id.

pub mod attendance;
pub mod cli;
pub mod command;
pub mod consent;
pub mod keyhold;
pub mod network;
pub mod notices;
mod private;
pub mod problems;
pub mod record;
pub mod screens;
pub mod store;
pub mod words;

#[cfg(test)]
mod seen;
#[cfg(test)]
mod world;

use cli::{Cli, Command};
use command::Desk;
use host::{Problem, dates, files, screen::Screen};
use network::Network;
use std::{fs, path::Path};
use store::Folder;

/// Does what was typed.
///
/// # Errors
/// [`Problem`]: how the program ends, in words and as an exit code.
pub fn execute(cli: Cli, screen: &mut Screen) -> Result<(), Problem> {
    let state = cli.state;
    let mut network = Network::new()?;
    let people = state.clone().unwrap_or_else(|| files::default_state("participant"));
    let mut desk =
        Desk { screen, folder: Folder::new(people), zone: dates::zone(), drive: &mut network };
    match cli.command {
        Command::Join(options) => desk.join(&options),
        Command::Check(options) => desk.check(&options),
        Command::Preview(options) => desk.preview(&options),
        Command::Run(options) => desk.run(&options),
        Command::Status => desk.status(),
        Command::Confirm => desk.confirm(),
        Command::Decline => desk.decline(),
        Command::Decision => desk.decision(),
        Command::Withdraw => desk.withdraw(),
        Command::Verify(options) => desk.verify(&options),
        Command::Evidence(options) => desk.evidence(&options),
        Command::Erase(options) => desk.erase(&options),
        Command::Keyhold(command) => {
            let folder = state.unwrap_or_else(|| files::default_state("keyholder"));
            let Desk { screen, drive, .. } = desk;
            keyhold::execute(&command, keyhold::Seat::new(screen, folder, drive))
        }
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut command(), "participant", &mut text);
            desk.screen.say(String::from_utf8_lossy(&text).trim_end());
            Ok(())
        }
        Command::Man { folder } => pages(&folder),
    }
}

fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// Writes a manual page for each command.
fn pages(folder: &Path) -> Result<(), Problem> {
    let failed = |source: std::io::Error| {
        let what = format!("Cannot write manual pages to {}: {source}.", folder.display());
        Problem::new(protocol::exit::Exit::Io, "FILE_WRITE", what)
            .next("Name a folder that can be written.")
    };
    fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(command(), folder).map_err(failed)
}
