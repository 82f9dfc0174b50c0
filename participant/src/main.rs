//! Members, donors and keyholders run this program.

use std::process::ExitCode;

use clap::Parser as _;
use host::screen::{Form, Screen};
use participant::{cli::Cli, execute};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut screen = Screen::standard(if cli.json { Form::Json } else { Form::Words });
    let ended = execute(cli, &mut screen);
    let code = match &ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => screen.problem(problem),
    };
    match screen.finish() {
        Err(problem) if ended.is_ok() => problem.exit.into(),
        Err(_) | Ok(()) => code,
    }
}
