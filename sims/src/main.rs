//! `sims`: minority collective action, simulated end to end.
#![expect(clippy::print_stderr, reason = "a program speaks to its user")]

use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::process::ExitCode;

use sims::cli::Cli;
use sims::command::{World, execute};

fn main() -> ExitCode {
    let cli = Cli::read(std::env::args_os()).unwrap_or_else(|error| error.exit());
    let mut out = BufWriter::new(io::stdout().lock());
    match execute(cli, &mut World { out: &mut out, data: data_folder() }) {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("Error: {error}");
            if let Some(hint) = error.hint() {
                eprintln!("\nhint: {hint}");
            }
            error.exit().into()
        }
    }
}

/// Where `sims data get` puts data sets.
#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
fn data_folder() -> PathBuf {
    let cache = std::env::var("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|_| std::env::var("HOME").map(|home| PathBuf::from(home).join(".cache")));
    cache.unwrap_or_default().join("concert").join("data")
}
