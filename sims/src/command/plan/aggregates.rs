//! Aggregates in place of a reference: how they are written, and what is said of people drawn from them.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use protocol::exit::Exit;
use protocol::transcript::file;

use super::super::World;
use super::{load, source};
use crate::cli::Plan;
use crate::error::CommandError;
use crate::experiment::journal::write_atomically;
use crate::planning::aggregates::{Aggregates, Drawn, opened};
use crate::population::moments::{FAR, Likeness};

/// What a file of exact sums gives away.
const EXACT: &str = "Exact sums, without noise: who knows all these people but one learns that one from them. Hand them on only if the sample is public or its people agree.";

/// Writes those of a reference, or of a finished campaign.
pub(super) fn write<W: Write>(
    to: &Path,
    options: &Plan,
    data: &Path,
    world: &mut World<'_, W>,
) -> Result<Exit, CommandError> {
    let (aggregates, mut notes) = if let Some(path) = &options.transcript {
        campaign(path)?
    } else {
        let (people, _) = load(&source(options)?, data, options.seed)?;
        (Aggregates::of(&people), vec![EXACT.to_owned()])
    };
    notes.insert(0, format!("Sums over people, for: sims plan --aggregates {}", to.display()));
    write_atomically(to, aggregates.text(&notes).as_bytes())
        .map_err(|source| CommandError::Write { file: to.to_owned(), source })?;
    for note in &notes[1..] {
        writeln!(world.out, "{note}")?;
    }
    writeln!(world.out, "\n{} (go on with: sims plan --aggregates)", to.display())?;
    world.out.flush()?;
    Ok(Exit::Done)
}

fn campaign(path: &Path) -> Result<(Aggregates, Vec<String>), CommandError> {
    let read = |source| CommandError::Read { file: path.to_owned(), source };
    let bytes = fs::read(path).map_err(read)?;
    let transcript = file::follow(&bytes, |_, _, _| {})
        .map_err(|error| CommandError::Transcript { file: path.to_owned(), error })?;
    opened::of(&transcript).map_err(|error| CommandError::Opened { file: path.to_owned(), error })
}

/// That nobody of these people is real, and what they cannot tell.
pub(super) fn show(out: &mut impl Write, drawn: &Drawn) -> io::Result<()> {
    writeln!(
        out,
        "There is no sample: these people are made up. They have the sizes, rates, means, spreads and correlations of the\n\
         aggregates and nothing else: no threshold, no interaction, no cluster that the real people may have is in this plan.\n\
         Of Adult such a plan recommends twice the M that its sample does: begin with less than it says (docs/PLANNING.md)."
    )?;
    for line in &drawn.assumed {
        writeln!(out, "  assumed: {line}")?;
    }
    for (group, likeness) in ["majority", "minority"].into_iter().zip(drawn.likeness) {
        let Likeness { with_label, between, shrunk, far, at_ends } = likeness;
        writeln!(
            out,
            "  {group}: correlations differ from the given ones by {with_label:.3} at most with the label, by {between:.3} between features"
        )?;
        if shrunk > 0.0 {
            writeln!(
                out,
                "  {group}: no people can have the given correlations (noise does that); all were shrunk by {:.1}%",
                100.0 * shrunk
            )?;
        }
        if far > 0 {
            writeln!(out, "  {group}: {far} correlations differ by more than {FAR}: be careful")?;
        }
        if at_ends > 0.0 {
            writeln!(
                out,
                "  {group}: {:.1}% of numbers came out beyond their range and stand at its end",
                100.0 * at_ends
            )?;
        }
    }
    writeln!(out)
}
