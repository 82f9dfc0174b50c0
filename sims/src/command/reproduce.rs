//! `sims reproduce`: every figure of the paper, or of what it could not do, and one report of them.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{REVISION, World, read};
use crate::cli::{Reproduce, ReproduceWord};
use crate::error::CommandError;
use crate::experiment::journal::write_atomically;
use crate::figure::{FigureError, Files};
use crate::report::{Figure, Report, replace_between};

mod beyond;
mod paper;
mod tables;

pub(super) fn execute<W: Write>(
    options: &Reproduce,
    world: &mut World<'_, W>,
) -> Result<(), CommandError> {
    let word = options.which.word();
    let quick = if options.quick { "-quick" } else { "" };
    let out = options
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from("results").join(format!("{word}{quick}")));
    fs::create_dir_all(&out).map_err(|source| CommandError::Write { file: out.clone(), source })?;
    let data = options.data.clone().unwrap_or_else(|| world.data.clone());
    let mut work = Work { options, data, out, world };
    let report = match options.which {
        ReproduceWord::Paper => paper::report(&mut work)?,
        ReproduceWord::Beyond => beyond::report(&mut work)?,
    };
    work.finish(&report)
}

/// One run of the command.
struct Work<'a, 'w, W> {
    options: &'a Reproduce,
    /// The folder of data sets.
    data: PathBuf,
    /// The folder of results.
    out: PathBuf,
    world: &'a mut World<'w, W>,
}

impl<W: Write> Work<'_, '_, W> {
    /// Tells the user where it is.
    fn say(&mut self, line: &str) -> Result<(), CommandError> {
        writeln!(self.world.out, "{line}")?;
        Ok(self.world.out.flush()?)
    }

    /// Tells whose results are kept in a folder, if other programs than this one made them.
    fn say_kept<'r>(
        &mut self,
        folder: &Path,
        revisions: impl Iterator<Item = &'r str>,
    ) -> Result<(), CommandError> {
        let others: BTreeSet<&str> = revisions.filter(|revision| *revision != REVISION).collect();
        if others.is_empty() {
            return Ok(());
        }
        let others: Vec<&str> = others.into_iter().collect();
        self.say(&format!(
            "  kept results of revision {}, this is {REVISION}; remove {} to measure anew",
            others.join(", "),
            folder.display()
        ))
    }

    /// Whether the user wants `word`; everything unless some are named.
    fn wants(&self, word: &str) -> bool {
        self.options.only.is_empty() || self.options.only.iter().any(|only| only == word)
    }

    /// # Errors
    /// [`CommandError::Only`] for a word that is not among `allowed`.
    fn check_only(&self, allowed: &[&'static str]) -> Result<(), CommandError> {
        match self.options.only.iter().find(|word| !allowed.contains(&word.as_str())) {
            Some(word) => Err(CommandError::Only { word: word.clone(), allowed: allowed.to_vec() }),
            None => Ok(()),
        }
    }

    fn finish(&mut self, report: &Report) -> Result<(), CommandError> {
        let page = self.out.join("report.html");
        let written = |path: &PathBuf, bytes: &[u8]| {
            write_atomically(path, bytes)
                .map_err(|source| FigureError::Write { path: path.clone(), source })
        };
        written(&page, report.html().as_bytes())?;
        if let Some(file) = &self.options.document {
            let mark = format!("sims reproduce {}", self.options.which.word());
            let document = replace_between(&read(file)?, &mark, &report.markdown())
                .ok_or_else(|| CommandError::NoMarks { file: file.clone(), mark })?;
            written(file, document.as_bytes())?;
        }
        for line in &report.left_out {
            self.say(&format!("left out: {line}"))?;
        }
        self.say(&format!("{}", page.display()))
    }
}

/// Keeps a drawn figure for the report.
fn keep(name: String, files: &Files) -> Result<Figure, CommandError> {
    Ok(Figure { name, svg: read(&files.svg)? })
}

/// Why a data set is left out, and what to do about it.
fn missing(error: &CommandError) -> String {
    error.hint().map_or_else(|| error.to_string(), |hint| format!("{error} ({hint})"))
}

/// What a reader of any report must know.
fn opening(options: &Reproduce) -> Vec<String> {
    let quick = if options.quick {
        "A quick run: three seeds at most, so that intervals are wide. "
    } else {
        ""
    };
    vec![
        format!(
            "{quick}Every number is a mean over seeds with half of its 95% interval (Student's t). All measures are \
             taken on test people that the firm never saw, with their true labels."
        ),
        "error: share of wrong decisions. EqOd: equalized odds violation, the mean of the groups' gaps in true and \
         false positive rates; 0 is fair. α: the collective's share of the minority. M: how many of it flip."
            .to_owned(),
        format!("Program revision {REVISION}."),
    ]
}
