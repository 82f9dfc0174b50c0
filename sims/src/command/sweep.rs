//! `sims sweep`: an experiment file, resumable, with its figures.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::pictures::Subject;
use super::progress::Bar;
use super::{REVISION, World, people, read};
use crate::cli::Sweep;
use crate::error::CommandError;
use crate::experiment::Experiment;
use crate::experiment::journal::write_atomically;
use crate::experiment::summary::{self, Summary};
use crate::experiment::sweep::{SweepError, into_folder};
use crate::figure::Files;
use crate::paper::PaperPoints;

pub(super) fn execute<W: Write>(
    options: &Sweep,
    world: &mut World<'_, W>,
) -> Result<(), CommandError> {
    let file = &options.experiment;
    let experiment = Experiment::parse(&read(file)?)
        .map_err(|error| CommandError::Experiment { file: file.clone(), error })?;
    let data = people(&experiment.dataset, options.data.as_ref().unwrap_or(&world.data))?;
    let out =
        options.out.clone().unwrap_or_else(|| PathBuf::from("results").join(&experiment.name));
    let bar = Bar::new();
    let records = into_folder(&experiment, &data, REVISION, &out, &bar);
    bar.finish();
    let records = records?;
    let summaries = summary::summarise(&records);
    let path = out.join("summary.csv");
    write_atomically(&path, &summary::summary_text(&summaries))
        .map_err(|source| SweepError::Io { path, source })?;
    let paper = match &options.paper {
        Some(file) => Some(PaperPoints::read(file, &experiment.dataset)?),
        None => None,
    };
    let figures = draw(&experiment, &data.name, &summaries, paper.as_ref(), &out)?;
    writeln!(world.out, "{} firms retrained; in {}:", records.len(), out.display())?;
    for name in ["results.csv", "results.jsonl", "summary.csv"] {
        writeln!(world.out, "  {name}")?;
    }
    for path in figures.iter().flat_map(|files| [&files.png, &files.svg]) {
        writeln!(
            world.out,
            "  {}",
            path.file_name().map_or_else(|| path.display(), |name| Path::new(name).display())
        )?;
    }
    Ok(world.out.flush()?)
}

/// Draws what the experiment's variations allow.
fn draw(
    experiment: &Experiment,
    dataset: &str,
    summaries: &[Summary],
    paper: Option<&PaperPoints>,
    out: &Path,
) -> Result<Vec<Files>, CommandError> {
    let mut firms: Vec<&str> = summaries.iter().map(|s| s.firm.as_str()).collect();
    firms.dedup();
    let mut files = Vec::new();
    for firm in firms {
        let mut subject = Subject::new(summaries, firm, dataset);
        if let Some(paper) = paper {
            subject.paper = paper.clone();
            let path = out.join(format!("beside-paper-{firm}.csv"));
            write_atomically(&path, subject.beside().as_bytes())
                .map_err(|source| SweepError::Io { path, source })?;
        }
        for &alpha in &experiment.alphas {
            if let Some(figure) = subject.flips(alpha) {
                files.push(figure.draw(out, &format!("flips-{firm}-alpha-{alpha}"))?);
            } else if experiment.firm_side.is_empty() {
                continue;
            }
            if let Some(figure) = subject.pareto(alpha) {
                files.push(figure.draw(out, &format!("pareto-{firm}-alpha-{alpha}"))?);
            }
        }
        if let Some(figure) = subject.sizes(&experiment.alphas) {
            files.push(figure.draw(out, &format!("size-{firm}"))?);
        }
    }
    Ok(files)
}
