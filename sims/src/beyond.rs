//! What the paper could not do: one experiment file for each question.
//!
//! Every question gives rows of named values per seed; [`run`] keeps them and goes on where an earlier
//! run stopped, [`summarise`] takes means over the seeds.
//!
//! - [`budgets`]: flips in units of `M_SP`, by learner and by what the firm sees. [`crowd`]: who joins, who
//!   complies, several collectives. [`people`]: who gains, who pays. [`success`]: theory and practice where
//!   counterfactuals are known. [`retraining`]: round after round. [`defence`]: what a firm can do against
//!   flips. [`protocol`](mod@protocol): through the private protocol.
//! - [`finding`]: what is said of the answers, and whether a run supports it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use self::finding::Finding;
use crate::compare::CompareError;
use crate::dataset::Dataset;
use crate::experiment::ExperimentError;
use crate::experiment::journal::{Journal, Kept};
use crate::experiment::sweep::{Progress, SweepError};
use crate::firm::FirmError;
use crate::metrics::MetricError;
use crate::population::PopulationError;
use crate::scene::SceneError;
use crate::statistics::Mean;

pub mod budgets;
pub mod crowd;
pub mod defence;
pub mod finding;
pub mod ground;
pub mod people;
pub mod protocol;
pub mod retraining;
pub mod success;

/// One question with its experiment.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Inquiry {
    /// A word for folders and file names.
    pub name: String,
    /// What is asked.
    pub title: String,
    /// How it is asked, and what the answer does not show.
    pub asks: String,
    /// What is said of the answer; every run is checked against it.
    #[serde(default)]
    pub found: Vec<Finding>,
    /// Words of data sets.
    pub datasets: Vec<String>,
    /// Seeds `0..seeds`.
    pub seeds: u64,
    /// What varies.
    pub question: Question,
}

/// What varies.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Question {
    /// Flips in units of `M_SP`, by learner and by what the firm sees.
    Budgets(budgets::Budgets),
    /// Members who do not do what they are asked to.
    Compliance(crowd::Compliance),
    /// How large a collective must be.
    Participation(crowd::Participation),
    /// Two collectives.
    Collectives(crowd::Collectives),
    /// Who gains and who pays.
    Gains(people::Gains),
    /// Cells of two attributes.
    Cells(people::Cells),
    /// Success where counterfactuals are known.
    Success(success::Successes),
    /// Round after round.
    Retraining(retraining::Rounds),
    /// What a firm can do against flips.
    Defences(defence::Defences),
    /// Exact and private scores.
    Protocol(protocol::Privacies),
}

/// Named values of one setting under one seed.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Row {
    /// Which panel of the figure.
    pub panel: String,
    /// Which line, or which group of bars.
    pub series: String,
    /// Where on the line; 0 for bars.
    pub x: f64,
    /// By name.
    pub values: BTreeMap<String, f64>,
}

impl Row {
    /// A row without values yet.
    pub fn new(panel: &str, series: &str, x: f64) -> Self {
        Self { panel: panel.to_owned(), series: series.to_owned(), x, values: BTreeMap::new() }
    }

    /// With one more value.
    #[must_use]
    pub fn with(mut self, name: &str, value: f64) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }
}

/// All rows of one seed: one line of results.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct SeedRows {
    /// Hash of configuration and data.
    pub config: String,
    /// Git revision of the program.
    pub revision: String,
    /// The data set's name.
    pub dataset: String,
    /// Of everything random.
    pub seed: u64,
    /// What came out.
    pub rows: Vec<Row>,
}

impl Kept for SeedRows {
    fn config(&self) -> &str {
        &self.config
    }
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InquiryError {
    /// It is no TOML of this form.
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    /// A list or a number that cannot be used.
    #[error(transparent)]
    Setting(#[from] ExperimentError),
    /// Results cannot be kept or read.
    #[error(transparent)]
    Kept(#[from] SweepError),
    /// One seed failed.
    #[error("seed {seed}: {error}")]
    Seed {
        /// Which.
        seed: u64,
        /// Why.
        error: Box<SeedError>,
    },
}

/// Why one seed failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeedError {
    /// The scene cannot be set or played.
    #[error(transparent)]
    Scene(#[from] SceneError),
    /// The firm cannot train.
    #[error(transparent)]
    Firm(#[from] FirmError),
    /// A measure is undefined.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// No such people.
    #[error(transparent)]
    Population(#[from] PopulationError),
    /// Exact and private scores cannot be compared.
    #[error(transparent)]
    Compare(#[from] CompareError),
    /// A second attribute that the data do not have.
    #[error("the data set has no column {column:?}")]
    Column {
        /// Its name.
        column: String,
    },
}

impl Inquiry {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`InquiryError::Toml`], [`InquiryError::Setting`]; unknown keys are refused.
    pub fn parse(text: &str) -> Result<Self, InquiryError> {
        let inquiry: Self = toml::from_str(text)?;
        let unfounded = inquiry.found.iter().any(|finding| finding.expect.is_empty());
        let empty = [
            ("seeds", inquiry.seeds == 0),
            ("datasets", inquiry.datasets.is_empty()),
            ("expect", unfounded),
        ];
        match empty.into_iter().find(|&(_, empty)| empty) {
            Some((key, _)) => Err(ExperimentError::Empty { key }.into()),
            None => Ok(inquiry),
        }
    }

    /// The same question with three seeds at most.
    #[must_use]
    pub fn quick(&self) -> Self {
        Self { seeds: self.seeds.min(3), ..self.clone() }
    }

    fn hash(&self, fingerprint: &str) -> String {
        let json = serde_json::to_vec(&self.question).expect("every field has a JSON form");
        let digest = Sha256::new().chain_update(json).chain_update(fingerprint).finalize();
        crate::dataset::hex(&digest)[..16].to_owned()
    }
}

impl Question {
    fn rows(&self, data: &Dataset, seed: u64) -> Result<Vec<Row>, SeedError> {
        match self {
            Self::Budgets(question) => question.rows(data, seed),
            Self::Compliance(question) => question.rows(data, seed),
            Self::Participation(question) => question.rows(data, seed),
            Self::Collectives(question) => question.rows(data, seed),
            Self::Gains(question) => question.rows(data, seed),
            Self::Cells(question) => question.rows(data, seed),
            Self::Success(question) => question.rows(seed),
            Self::Retraining(question) => question.rows(seed),
            Self::Defences(question) => question.rows(data, seed),
            Self::Protocol(question) => question.rows(data, seed),
        }
    }
}

/// Plays all seeds on all cores into `folder`, going on where an earlier run stopped; by seed.
///
/// The number of seeds is no part of the configuration: more of them go on with the same results.
///
/// # Errors
/// [`InquiryError`], of the lowest seed that fails.
///
/// # Panics
/// Never: every field of a question has a JSON form.
pub fn run(
    inquiry: &Inquiry,
    data: &Dataset,
    revision: &str,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<Vec<SeedRows>, InquiryError> {
    let fail = |source| SweepError::Io { path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(fail)?;
    let config = inquiry.hash(&data.fingerprint);
    let (journal, earlier) = Journal::open::<SeedRows>(&folder.join("results.jsonl"), &config)?;
    let total = usize::try_from(inquiry.seeds).unwrap_or(usize::MAX);
    let done = AtomicUsize::new(0);
    progress.finished(0, total);
    let seeds: Vec<u64> = (0..inquiry.seeds).collect();
    let played: Vec<Result<SeedRows, InquiryError>> = seeds
        .into_par_iter()
        .map(|seed| {
            if let Some(kept) = earlier.iter().find(|kept| kept.seed == seed) {
                return Ok(kept.clone());
            }
            let rows = inquiry
                .question
                .rows(data, seed)
                .map_err(|error| InquiryError::Seed { seed, error: Box::new(error) })?;
            let rows = SeedRows {
                config: config.clone(),
                revision: revision.to_owned(),
                dataset: data.name.clone(),
                seed,
                rows,
            };
            journal.append(&rows)?;
            progress.finished(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            Ok(rows)
        })
        .collect();
    played.into_iter().collect()
}

/// Values that are 1 or 0 under each seed.
pub fn is_share(value: &str) -> bool {
    matches!(value, "worse" | "halved")
}

/// One setting over all seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// See [`Row::panel`].
    pub panel: String,
    /// See [`Row::series`].
    pub series: String,
    /// See [`Row::x`].
    pub x: f64,
    /// By name: over the seeds that have the value.
    pub values: BTreeMap<String, Mean>,
}

/// Means over seeds, in the order in which settings first come.
pub fn summarise(seeds: &[SeedRows]) -> Vec<Summary> {
    let mut settings: Vec<(&Row, BTreeMap<&str, Vec<f64>>)> = Vec::new();
    for row in seeds.iter().flat_map(|seed| &seed.rows) {
        let same = |other: &Row| {
            (&other.panel, &other.series, other.x.to_bits())
                == (&row.panel, &row.series, row.x.to_bits())
        };
        let place = settings.iter().position(|(other, _)| same(other)).unwrap_or_else(|| {
            settings.push((row, BTreeMap::new()));
            settings.len() - 1
        });
        for (name, &value) in &row.values {
            settings[place].1.entry(name.as_str()).or_default().push(value);
        }
    }
    let summary = |(row, values): (&Row, BTreeMap<&str, Vec<f64>>)| Summary {
        panel: row.panel.clone(),
        series: row.series.clone(),
        x: row.x,
        values: values
            .into_iter()
            .filter_map(|(name, values)| Some((name.to_owned(), Mean::of(&values)?)))
            .collect(),
    };
    settings.into_iter().map(summary).collect()
}

#[cfg(test)]
mod tests;
