//! All cells of an experiment, on all cores; interrupted and resumed at will.
//!
//! Finished cells are appended to `results.jsonl`, one whole line each; running the same experiment
//! into the same folder again skips them. At the end the lines are sorted, so that an interrupted
//! run ends with the same bytes as an uninterrupted one.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use protocol::scoring::method::Method;
use rayon::prelude::*;

mod firm_side;

use super::journal::{Journal, write_atomically};
use super::record::{Asked, Cell, Choice, Record, Stamp, json_lines};
use super::{Beyond, Experiment};
use crate::baseline::{Baseline, BaselineError};
use crate::dataset::Dataset;
use crate::firm::Learner;
use crate::scene::{Scene, SceneError, Scores, Trial};

/// Why an experiment stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// A cell cannot be played.
    #[error("seed {seed}: {error}")]
    Scene {
        /// Its seed.
        seed: u64,
        /// Why.
        error: SceneError,
    },
    /// A firm-side method cannot be used.
    #[error("seed {seed}, {}: {error}", .method.word())]
    FirmSide {
        /// Its seed.
        seed: u64,
        /// Which method.
        method: Baseline,
        /// Why.
        error: BaselineError,
    },
    /// A result cannot be written; finished cells before it are kept.
    #[error("cannot write {}: {source}; what was finished before is kept, run the same command again to go on", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Earlier results cannot be read.
    #[error("cannot read the results in {}: {source}", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder holds results of something else.
    #[error("{} holds results of another experiment or data (configuration {found}, this is {expected}); name another folder with --out", .path.display())]
    Foreign {
        /// The file of results.
        path: PathBuf,
        /// Its configuration hash.
        found: String,
        /// This configuration's hash.
        expected: String,
    },
    /// A line of earlier results cannot be read.
    #[error("{} line {line} is not a result: {source}", .path.display())]
    Corrupt {
        /// The file of results.
        path: PathBuf,
        /// Its line.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
}

/// Told of progress, from any thread.
pub trait Progress: Sync {
    /// One more cell of `total` is finished.
    fn finished(&self, done: usize, total: usize);
}

/// Runs an experiment without keeping files.
///
/// # Errors
/// [`SweepError::Scene`].
pub fn in_memory(
    experiment: &Experiment,
    data: &Dataset,
    revision: &str,
    progress: &dyn Progress,
) -> Result<Vec<Record>, SweepError> {
    let runner = Runner::new(experiment, data, revision, progress);
    runner.run(&BTreeSet::new(), None)?;
    Ok(sorted(runner.records.into_inner().unwrap_or_else(PoisonError::into_inner)))
}

/// Runs an experiment into a folder, going on where an earlier run stopped.
///
/// # Errors
/// Every [`SweepError`].
pub fn into_folder(
    experiment: &Experiment,
    data: &Dataset,
    revision: &str,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<Vec<Record>, SweepError> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| SweepError::Io { path, source }
    };
    fs::create_dir_all(folder).map_err(fail(folder))?;
    let path = folder.join("results.jsonl");
    let runner = Runner::new(experiment, data, revision, progress);
    let (journal, earlier) = Journal::open::<Record>(&path, &runner.stamp.config)?;
    let done = earlier.iter().map(|record| key(&record.cell())).collect();
    runner.records.lock().unwrap_or_else(PoisonError::into_inner).extend(earlier);
    runner.run(&done, Some(&journal))?;
    let records = sorted(runner.records.into_inner().unwrap_or_else(PoisonError::into_inner));
    write_atomically(&path, &json_lines(&records)).map_err(fail(&path))?;
    let csv = folder.join("results.csv");
    write_atomically(&csv, &super::summary::csv_text(&records)).map_err(fail(&csv))?;
    Ok(records)
}

fn sorted(mut records: Vec<Record>) -> Vec<Record> {
    records.sort_by(|a, b| a.cell().compare(&b.cell()));
    records
}

type Key = (u64, String, String, u64, Choice, u64);

fn key(cell: &Cell) -> Key {
    (
        cell.seed,
        cell.firm.clone(),
        cell.method.clone(),
        cell.alpha.to_bits(),
        cell.choice,
        cell.asked.to_bits(),
    )
}

struct Runner<'a> {
    experiment: &'a Experiment,
    data: &'a Dataset,
    stamp: Stamp,
    records: Mutex<Vec<Record>>,
    progress: &'a dyn Progress,
    total: usize,
}

/// One budget to try.
#[derive(Clone, Copy)]
struct Budget {
    choice: Choice,
    asked: f64,
}

impl<'a> Runner<'a> {
    fn new(
        experiment: &'a Experiment,
        data: &'a Dataset,
        revision: &str,
        progress: &'a dyn Progress,
    ) -> Self {
        let stamp = Stamp {
            config: experiment.hash(&data.fingerprint),
            revision: revision.to_owned(),
            dataset: data.name.clone(),
            k: experiment.k,
        };
        let chooses = experiment.validate && !experiment.shares.is_empty();
        let budgets = experiment.flips.len() + experiment.shares.len() + usize::from(chooses);
        let firm_side: usize = experiment
            .firm_side
            .iter()
            .map(|&m| experiment.strengths_of(m).len() + usize::from(experiment.validate))
            .sum();
        let cells = 1 + experiment.methods.len() * experiment.alphas.len() * budgets + firm_side;
        let seeds = usize::try_from(experiment.seeds).unwrap_or(usize::MAX);
        let total = seeds.saturating_mul(experiment.firms.len()).saturating_mul(cells);
        Self { experiment, data, stamp, records: Mutex::new(Vec::new()), progress, total }
    }

    fn run(&self, done: &BTreeSet<Key>, journal: Option<&Journal>) -> Result<(), SweepError> {
        (0..self.experiment.seeds).into_par_iter().try_for_each(|seed| {
            let seed_run = SeedRun { runner: self, done, journal, seed };
            seed_run.run().map_err(|stop| match stop {
                Stop::Scene(error) => SweepError::Scene { seed, error },
                Stop::FirmSide(method, error) => SweepError::FirmSide { seed, method, error },
                Stop::Sweep(error) => error,
            })
        })
    }
}

enum Stop {
    Scene(SceneError),
    FirmSide(Baseline, BaselineError),
    Sweep(SweepError),
}

impl From<SceneError> for Stop {
    fn from(error: SceneError) -> Self {
        Self::Scene(error)
    }
}

struct SeedRun<'a> {
    runner: &'a Runner<'a>,
    done: &'a BTreeSet<Key>,
    journal: Option<&'a Journal>,
    seed: u64,
}

impl SeedRun<'_> {
    fn run(&self) -> Result<(), Stop> {
        let experiment = self.runner.experiment;
        let scene = Scene::new(self.runner.data, self.seed)?;
        let rank = |scene: &Scene<'_>| -> Result<Vec<(Method, Scores)>, SceneError> {
            let score = |&method: &Method| {
                let (k, encoding) = (experiment.k, experiment.encoding);
                Ok((method, scene.scores_from(method, k, encoding, experiment.majority)?))
            };
            experiment.methods.par_iter().map(score).collect()
        };
        let scores = rank(&scene)?;
        let inner = experiment.validate.then(|| scene.validation());
        let ranked = inner.as_ref().filter(|_| !experiment.shares.is_empty());
        let inner_scores = ranked.map(rank).transpose()?;
        experiment.firms.par_iter().enumerate().try_for_each(|(place, learner)| {
            let firm = FirmRun {
                seed_run: self,
                scene: &scene,
                trial: scene.firm(learner, experiment.sight())?,
                inner: match &inner {
                    Some(inner) => Some((inner, inner.firm(learner, experiment.sight())?)),
                    None => None,
                },
                word: firm_word(&experiment.firms, place),
                learner,
            };
            firm.play(None, 0.0, Budget { choice: Choice::Flips, asked: 0.0 }, Asking::default())?;
            scores.par_iter().enumerate().try_for_each(|(method, (_, scores))| {
                let inner = inner_scores.as_ref().map(|scores| &scores[method].1);
                firm.method(experiment.methods[method], scores, inner)
            })?;
            firm.firm_side()
        })
    }

    fn finish(&self, record: Record) -> Result<(), Stop> {
        if let Some(journal) = self.journal {
            journal.append(&record).map_err(Stop::Sweep)?;
        }
        let mut records = self.runner.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.push(record);
        self.runner.progress.finished(records.len(), self.runner.total);
        Ok(())
    }
}

/// The learner's word; with its position if several firms share the word.
pub(super) fn firm_word(firms: &[Learner], place: usize) -> String {
    let word = firms[place].word();
    let alone = firms.iter().filter(|firm| firm.word() == word).count() == 1;
    if alone { word.to_owned() } else { format!("{word}-{}", place + 1) }
}

/// Whom to ask, in order; with the validation rows to choose how many by.
#[derive(Clone, Copy, Default)]
struct Asking<'a> {
    ranking: &'a [usize],
    inner: Option<(&'a Trial<'a>, &'a [usize])>,
}

struct FirmRun<'a> {
    seed_run: &'a SeedRun<'a>,
    scene: &'a Scene<'a>,
    trial: Trial<'a>,
    inner: Option<(&'a Scene<'a>, Trial<'a>)>,
    word: String,
    learner: &'a Learner,
}

impl FirmRun<'_> {
    fn method(
        &self,
        method: Method,
        scores: &Scores,
        inner_scores: Option<&Scores>,
    ) -> Result<(), Stop> {
        let experiment = self.seed_run.runner.experiment;
        #[expect(clippy::cast_precision_loss, reason = "budgets are far below 2^53")]
        let flips = experiment
            .flips
            .iter()
            .map(|&flips| Budget { choice: Choice::Flips, asked: flips as f64 });
        let shares = experiment.shares.iter().map(|&asked| Budget { choice: Choice::Share, asked });
        let budgets: Vec<Budget> = flips.chain(shares).collect();
        experiment.alphas.par_iter().try_for_each(|&alpha| {
            let candidates = self.scene.candidates(alpha)?;
            if candidates.is_empty() {
                let members = self.scene.members(alpha)?.len();
                return Err(SceneError::NoCandidates { members, alpha }.into());
            }
            let ranking = scores.ranking(&candidates);
            budgets.par_iter().try_for_each(|&budget| {
                self.play(Some(method), alpha, budget, Asking { ranking: &ranking, inner: None })
            })?;
            let (Some((inner, trial)), Some(inner_scores)) = (&self.inner, inner_scores) else {
                return Ok(());
            };
            let inner_ranking = inner_scores.ranking(&inner.candidates(alpha)?);
            let budget = Budget { choice: Choice::Validation, asked: 0.0 };
            self.play(
                Some(method),
                alpha,
                budget,
                Asking { ranking: &ranking, inner: Some((trial, &inner_ranking)) },
            )
        })
    }

    /// One cell, unless it is finished already.
    fn play(
        &self,
        method: Option<Method>,
        alpha: f64,
        budget: Budget,
        asked: Asking<'_>,
    ) -> Result<(), Stop> {
        let run = self.seed_run;
        let cell = Cell {
            seed: run.seed,
            firm: self.word.clone(),
            method: method.map_or("none", Method::word).to_owned(),
            alpha,
            choice: budget.choice,
            asked: budget.asked,
        };
        if run.done.contains(&key(&cell)) {
            return Ok(());
        }
        let Asking { ranking, inner } = asked;
        let flips = match inner {
            Some((trial, ranking_inner)) => {
                let share = self.best_share(trial, ranking_inner)?;
                flips_of_share(share, ranking.len())
            }
            None => match self.flips(budget, ranking.len())? {
                Some(flips) => flips,
                None => return Ok(()),
            },
        };
        let outcome = self.trial.after(&ranking[..flips])?;
        let counts =
            Asked { members: self.scene.members(alpha)?.len(), candidates: ranking.len(), flips };
        run.finish(Record::new(&run.runner.stamp, cell, counts, &outcome))
    }

    /// How many flip under a given budget; `None` leaves the cell out.
    fn flips(&self, budget: Budget, candidates: usize) -> Result<Option<usize>, SceneError> {
        if budget.choice == Choice::Share {
            return Ok(Some(flips_of_share(budget.asked, candidates)));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "made from a count of persons"
        )]
        let flips = budget.asked as usize;
        if flips <= candidates {
            return Ok(Some(flips));
        }
        match self.seed_run.runner.experiment.beyond {
            Beyond::Refuse => Err(SceneError::TooManyFlips { flips, candidates }),
            Beyond::FlipAll => Ok(Some(candidates)),
            Beyond::Skip => Ok(None),
        }
    }

    /// The share that is best on validation rows: by `EqOd`, then error, then smaller M.
    fn best_share(&self, trial: &Trial<'_>, ranking: &[usize]) -> Result<f64, SceneError> {
        let shares = &self.seed_run.runner.experiment.shares;
        let mut tried = Vec::with_capacity(shares.len());
        for &share in shares {
            let flips = flips_of_share(share, ranking.len());
            let measures = trial.after(&ranking[..flips])?.measures;
            tried.push((measures.eqod, measures.error, share));
        }
        let best = tried
            .into_iter()
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2)));
        Ok(best.map_or(0.0, |(_, _, share)| share))
    }
}

/// A share of the candidates, in persons, rounded to the nearest.
fn flips_of_share(share: f64, candidates: usize) -> usize {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count lies between 0 and that count"
    )]
    let flips = (share * candidates as f64).round() as usize;
    flips.min(candidates)
}
