//! The commands of `sims`: parse, do, print. Data goes to the output, everything else to progress.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use protocol::exit::Exit;

use crate::cli::{Cli, Command};
use crate::dataset::{self, Dataset, Description};
use crate::error::CommandError;
use crate::population::causal::{self, CausalSettings};
use crate::population::embedding::{self, EmbeddingSettings};
use crate::reference;

mod campaign;
mod compare;
mod data;
mod demo;
mod donors;
mod pictures;
mod plan;
mod progress;
mod replay;
mod reproduce;
mod run;
mod sweep;
mod table;

/// What the outside world is to a command.
#[derive(Debug)]
pub struct World<'a, W> {
    /// Where results are printed.
    pub out: &'a mut W,
    /// The folder of data sets if none is named.
    pub data: PathBuf,
}

/// Runs one command; most end with [`Exit::Done`] or an error.
///
/// # Errors
/// [`CommandError`]; its exit code and hint are the caller's to show.
pub fn execute<W: Write>(cli: Cli, world: &mut World<'_, W>) -> Result<Exit, CommandError> {
    match cli.command {
        Command::Plan(options) => return plan::execute(&options, world),
        Command::Demo(options) => demo::execute(&options, world.out),
        Command::Run(options) => run::execute(&options, world),
        Command::Sweep(options) => sweep::execute(&options, world),
        Command::Reproduce(options) => reproduce::execute(&options, world),
        Command::Compare(options) => compare::execute(&options, world),
        Command::Donors(options) => donors::execute(&options, world),
        Command::Replay(options) => replay::execute(&options, world),
        Command::Data(options) => data::execute(options, world),
        Command::Reference(options) => {
            let data = options.data.unwrap_or_else(|| world.data.clone());
            let results = reference::run(&options.cases, &data)?;
            Ok(reference::write(&results, world.out)?)
        }
    }?;
    Ok(Exit::Done)
}

/// The revision this program was built from.
const REVISION: &str = env!("CONCERT_REVISION");

/// Loads people by a built-in word or the path of a description.
fn people(word: &str, data: &Path) -> Result<Dataset, CommandError> {
    match word {
        "synthetic" => return Ok(causal::generate(&CausalSettings::default())?.dataset),
        "waterbirds-like" => return Ok(embedding::generate(&EmbeddingSettings::default())?),
        _ => {}
    }
    let (description, base) = if let Some(description) = dataset::builtin(word) {
        (description, data.to_owned())
    } else {
        let path = Path::new(word);
        let base = path.parent().map_or_else(PathBuf::new, Path::to_owned);
        (Description::read(path)?, base)
    };
    let path = base.join(description.file());
    if !path.exists() {
        return Err(CommandError::NoData { dataset: word.to_owned(), path });
    }
    Ok(description.load(&path)?)
}

fn read(file: &Path) -> Result<String, CommandError> {
    fs::read_to_string(file).map_err(|source| CommandError::Read { file: file.to_owned(), source })
}
