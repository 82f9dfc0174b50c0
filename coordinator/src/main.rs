//! `coordinator`: organises a campaign. See the library for what it does.

use std::process::ExitCode;

use clap::Parser as _;
use coordinator::{cli::Cli, command::execute};
use host::screen::Screen;
use protocol::exit::Exit;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut screen = Screen::standard(cli.form());
    let end = match execute(&cli, &mut screen) {
        Ok(exit) => exit.into(),
        Err(problem) => screen.problem(&problem),
    };
    match screen.finish() {
        Err(problem) if problem.exit == Exit::Io => Exit::Io.into(),
        Ok(()) | Err(_) => end,
    }
}
