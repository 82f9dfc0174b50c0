//! `sims reference`: regression cases that an independent implementation computed as well.
//!
//! Encoding `z`, a logistic firm that sees the group, penalty 1: no setting changes them, so that
//! two implementations can be compared line by line.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use protocol::scoring::method::{Method, UnknownMethod};
use protocol::scoring::scaling::Encoding;
use rayon::prelude::*;
use serde::Deserialize;

use crate::dataset::{self, Dataset, DatasetError};
use crate::firm::Learner;
use crate::scene::{GroupSight, Scene, SceneError};

/// Why the cases cannot be computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// The file of cases cannot be read, or a line of it is not a case.
    #[error("{}: {source}", .file.display())]
    Cases {
        /// The file of cases.
        file: PathBuf,
        /// Which line, and why.
        source: csv::Error,
    },
    /// A case asks for something that does not exist or cannot be done.
    #[error("{} line {line}: {refusal}", .file.display())]
    Case {
        /// The file of cases.
        file: PathBuf,
        /// Its line, the header being line 1.
        line: u64,
        /// Why.
        refusal: Box<Refusal>,
    },
    /// The results cannot be written.
    #[error("cannot write the results: {0}")]
    Write(#[from] std::io::Error),
}

/// Why one case is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No such data set.
    #[error("dataset \"{0}\"; allowed: compas, acs, adult")]
    Dataset(String),
    /// No such method.
    #[error("{0}, none")]
    Method(#[from] UnknownMethod),
    /// A field is not a number of its kind.
    #[error("{column} is \"{value}\"; allowed: {allowed}")]
    Field {
        /// Its column.
        column: &'static str,
        /// As found.
        value: String,
        /// What would be accepted.
        allowed: &'static str,
    },
    /// A method that needs `k` has none.
    #[error("{method} needs k; the field is empty")]
    MissingK {
        /// The method.
        method: Method,
    },
    /// The data file cannot be loaded.
    #[error(transparent)]
    Data(#[from] DatasetError),
    /// The case cannot be played.
    #[error("{file} (seed {seed}, method {method}, alpha {alpha}, k {k}, M {flips}): {error}", file = .case.file, seed = .case.seed, method = .case.method, alpha = .case.alpha, k = .case.k.map_or_else(String::new, |k| k.to_string()), flips = .case.flips)]
    Scene {
        /// The case.
        case: Box<Case>,
        /// Why.
        error: SceneError,
    },
}

/// One line of the file of cases, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    dataset: String,
    file: String,
    seed: String,
    method: String,
    alpha: String,
    k: String,
    #[serde(rename = "M")]
    flips: String,
}

/// One case.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    dataset: String,
    file: String,
    seed: u64,
    method: String,
    alpha: f64,
    k: Option<usize>,
    flips: usize,
}

impl TryFrom<Line> for Case {
    type Error = Refusal;

    fn try_from(line: Line) -> Result<Self, Refusal> {
        Ok(Self {
            seed: number("seed", &line.seed, "a whole number")?,
            alpha: number("alpha", &line.alpha, "0 to 1")?,
            k: match line.k.as_str() {
                "" => None,
                k => Some(number("k", k, "a whole number from 1, or nothing")?),
            },
            flips: number("M", &line.flips, "a whole number")?,
            dataset: line.dataset,
            file: line.file,
            method: line.method,
        })
    }
}

fn number<T: FromStr>(
    column: &'static str,
    value: &str,
    allowed: &'static str,
) -> Result<T, Refusal> {
    value.parse().map_err(|_| Refusal::Field { column, value: value.to_owned(), allowed })
}

/// What one case came to.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseResult {
    /// Members of the collective.
    pub members: usize,
    /// Members with a negative label.
    pub candidates: usize,
    /// Sum of the row numbers of those who flipped.
    pub flips_sum: usize,
    /// Exclusive or of the same.
    pub flips_xor: usize,
    /// Share of wrong decisions on the test rows.
    pub error: f64,
    /// Equalized odds violation on the test rows.
    pub eqod: f64,
}

/// Computes every case of a file; data files are relative to `data`.
///
/// # Errors
/// Every [`ReferenceError`]; the first failing line in file order.
pub fn run(cases: &Path, data: &Path) -> Result<Vec<(Case, CaseResult)>, ReferenceError> {
    let parsed = read(cases)?;
    let refuse =
        |line: u64, refusal| ReferenceError::Case { file: cases.to_owned(), line, refusal };
    let mut tables = BTreeMap::new();
    for (line, case) in &parsed {
        let key = (case.dataset.as_str(), case.file.as_str());
        if let std::collections::btree_map::Entry::Vacant(place) = tables.entry(key) {
            place.insert(load(case, data).map_err(|refusal| refuse(*line, Box::new(refusal)))?);
        }
    }
    let results: Vec<Result<CaseResult, ReferenceError>> = parsed
        .par_iter()
        .map(|(line, case)| {
            let table = &tables[&(case.dataset.as_str(), case.file.as_str())];
            compute(case, table).map_err(|refusal| refuse(*line, Box::new(refusal)))
        })
        .collect();
    parsed.into_iter().zip(results).map(|((_, case), result)| Ok((case, result?))).collect()
}

/// Writes the results as CSV, one row per case in order.
///
/// # Errors
/// [`ReferenceError::Write`].
pub fn write(results: &[(Case, CaseResult)], out: &mut impl Write) -> Result<(), ReferenceError> {
    writeln!(
        out,
        "dataset,file,seed,method,alpha,k,M,members,candidates,flips_sum,flips_xor,error,eqod"
    )?;
    for (case, result) in results {
        writeln!(
            out,
            "{},{},{},{},{},{},{},{},{},{},{},{:.6},{:.6}",
            case.dataset,
            case.file,
            case.seed,
            case.method,
            case.alpha,
            case.k.map_or_else(String::new, |k| k.to_string()),
            case.flips,
            result.members,
            result.candidates,
            result.flips_sum,
            result.flips_xor,
            result.error,
            result.eqod
        )?;
    }
    Ok(out.flush()?)
}

fn read(cases: &Path) -> Result<Vec<(u64, Case)>, ReferenceError> {
    let fail = |source| ReferenceError::Cases { file: cases.to_owned(), source };
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(cases).map_err(fail)?;
    let header = reader.headers().map_err(fail)?.clone();
    let mut parsed = Vec::new();
    for record in reader.records() {
        let record = record.map_err(fail)?;
        let line = record.position().map_or(0, csv::Position::line);
        let written: Line = record.deserialize(Some(&header)).map_err(fail)?;
        let case = Case::try_from(written).map_err(|refusal| ReferenceError::Case {
            file: cases.to_owned(),
            line,
            refusal: Box::new(refusal),
        })?;
        parsed.push((line, case));
    }
    Ok(parsed)
}

fn load(case: &Case, data: &Path) -> Result<Dataset, Refusal> {
    let description = match case.dataset.as_str() {
        word @ ("compas" | "acs" | "adult") => dataset::builtin(word),
        _ => None,
    }
    .ok_or_else(|| Refusal::Dataset(case.dataset.clone()))?;
    Ok(description.load(&data.join(&case.file))?)
}

fn compute(case: &Case, table: &Dataset) -> Result<CaseResult, Refusal> {
    let method = match case.method.as_str() {
        "none" => None,
        word => Some(word.parse::<Method>()?),
    };
    let k = match (method, case.k) {
        (Some(method), None) if method.needs_k() => return Err(Refusal::MissingK { method }),
        (_, k) => k.unwrap_or(1),
    };
    play(case, table, method, k)
        .map_err(|error| Refusal::Scene { case: Box::new(case.clone()), error })
}

fn play(
    case: &Case,
    table: &Dataset,
    method: Option<Method>,
    k: usize,
) -> Result<CaseResult, SceneError> {
    let scene = Scene::new(table, case.seed)?;
    let members = scene.members(case.alpha)?.len();
    let candidates = scene.candidates(case.alpha)?;
    let mut flips = match method {
        None => Vec::new(),
        Some(method) => scene.scores(method, k, Encoding::Z)?.ranking(&candidates),
    };
    flips.truncate(case.flips);
    let outcome = scene.firm(&Learner::logistic(), GroupSight::Visible)?.after(&flips)?;
    Ok(CaseResult {
        members,
        candidates: candidates.len(),
        flips_sum: flips.iter().sum(),
        flips_xor: flips.iter().fold(0, |xor, row| xor ^ row),
        error: outcome.measures.error,
        eqod: outcome.measures.eqod,
    })
}
