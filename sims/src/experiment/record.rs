//! One line per retrained firm: tidy CSV and JSON Lines.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::metrics::Measures;
use crate::scene::{Outcome, People};

/// How a record's flip budget was chosen.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// Given by the experiment, in persons.
    Flips,
    /// Given by the experiment as a share of the candidates.
    Share,
    /// The strength of a firm-side method.
    Strength,
    /// Chosen on validation rows among the experiment's shares, or among the method's strengths.
    Validation,
}

/// Which cell of an experiment a record belongs to.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Cell {
    /// The seed of split, collective and ties.
    pub seed: u64,
    /// The firm's learner, with its position in the experiment if there are several of one word.
    pub firm: String,
    /// The score, `none`, or a firm-side method.
    pub method: String,
    /// Size of the collective as a share of the minority train rows; 0 if the firm acts.
    pub alpha: f64,
    /// How the budget was chosen.
    pub choice: Choice,
    /// The budget asked for: persons, a share, or a strength; 0 where validation chooses.
    pub asked: f64,
}

impl Cell {
    /// A total order by which results are written.
    pub fn compare(&self, other: &Self) -> Ordering {
        let words = |cell: &Self| (cell.firm.clone(), cell.method.clone());
        words(self)
            .cmp(&words(other))
            .then(self.alpha.total_cmp(&other.alpha))
            .then(self.choice.cmp(&other.choice))
            .then(self.asked.total_cmp(&other.asked))
            .then(self.seed.cmp(&other.seed))
    }
}

/// One retrained firm, flat so that any tool reads it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Record {
    /// Hash of configuration and data.
    pub config: String,
    /// Git revision of the program.
    pub revision: String,
    /// The data set's name.
    pub dataset: String,
    /// See [`Cell::seed`].
    pub seed: u64,
    /// See [`Cell::firm`].
    pub firm: String,
    /// See [`Cell::method`].
    pub method: String,
    /// See [`Cell::alpha`].
    pub alpha: f64,
    /// See [`Cell::choice`].
    pub choice: Choice,
    /// See [`Cell::asked`].
    pub asked: f64,
    /// Neighbours of `rb-label` and `rb-dist`.
    pub k: usize,
    /// Members of the collective.
    pub members: usize,
    /// Members with a negative label.
    pub candidates: usize,
    /// Members who flipped.
    pub flips: usize,
    /// The strength of a firm-side method, as given or chosen.
    #[serde(default)]
    pub strength: Option<f64>,
    /// Share of wrong decisions on the test rows; expected, where decisions are by chance.
    pub error: f64,
    /// Equalized odds violation.
    pub eqod: f64,
    /// Statistical parity difference.
    pub parity: f64,
    /// See [`crate::metrics::Measures`].
    pub tpr_majority: f64,
    /// See [`crate::metrics::Measures`].
    pub tpr_minority: f64,
    /// See [`crate::metrics::Measures`].
    pub fpr_majority: f64,
    /// See [`crate::metrics::Measures`].
    pub fpr_minority: f64,
    /// Majority test people with a positive label.
    pub positives_majority: u64,
    /// Minority test people with a positive label.
    pub positives_minority: u64,
    /// Majority test people with a negative label.
    pub negatives_majority: u64,
    /// Minority test people with a negative label.
    pub negatives_minority: u64,
    /// `S(alpha)`; empty where counterfactuals are unknown.
    pub success: Option<f64>,
    /// Share of minority test people whose decision changes under the counterfactual.
    pub counterfactual_change: Option<f64>,
}

impl super::journal::Kept for Record {
    fn config(&self) -> &str {
        &self.config
    }
}

/// What is the same in every record of one experiment.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// Hash of configuration and data.
    pub config: String,
    /// Git revision of the program.
    pub revision: String,
    /// The data set's name.
    pub dataset: String,
    /// Neighbours.
    pub k: usize,
}

/// How many people a record is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// Members of the collective.
    pub members: usize,
    /// Members with a negative label.
    pub candidates: usize,
    /// Members who flipped.
    pub flips: usize,
}

impl Record {
    /// Puts together what happened in one cell.
    pub fn new(stamp: &Stamp, cell: Cell, asked: Asked, outcome: &Outcome) -> Self {
        let counts = outcome.confusion;
        let people = |minority, positive| counts.people(minority, positive);
        Self {
            members: asked.members,
            candidates: asked.candidates,
            flips: asked.flips,
            success: outcome.success.map(|s| s.success),
            counterfactual_change: outcome.success.map(|s| s.counterfactual_change),
            ..Self::measured(stamp, cell, outcome.measures, people)
        }
    }

    /// Puts together what a firm-side method came to on the test people.
    pub fn of_firm_side(stamp: &Stamp, cell: Cell, strength: f64, on: (Measures, &People)) -> Self {
        let (m, people) = on;
        let count = |minority: bool, positive: bool| {
            let cells = people.minority.iter().zip(&people.positive);
            cells.filter(|&cell| cell == (&minority, &positive)).count() as u64
        };
        Self { strength: Some(strength), ..Self::measured(stamp, cell, m, count) }
    }

    /// What was measured, with nobody asked; `people` counts test people by minority and positive label.
    fn measured(
        stamp: &Stamp,
        cell: Cell,
        m: Measures,
        people: impl Fn(bool, bool) -> u64,
    ) -> Self {
        Self {
            config: stamp.config.clone(),
            revision: stamp.revision.clone(),
            dataset: stamp.dataset.clone(),
            seed: cell.seed,
            firm: cell.firm,
            method: cell.method,
            alpha: cell.alpha,
            choice: cell.choice,
            asked: cell.asked,
            k: stamp.k,
            members: 0,
            candidates: 0,
            flips: 0,
            strength: None,
            error: m.error,
            eqod: m.eqod,
            parity: m.parity,
            tpr_majority: m.tpr_majority,
            tpr_minority: m.tpr_minority,
            fpr_majority: m.fpr_majority,
            fpr_minority: m.fpr_minority,
            positives_majority: people(false, true),
            positives_minority: people(true, true),
            negatives_majority: people(false, false),
            negatives_minority: people(true, false),
            success: None,
            counterfactual_change: None,
        }
    }

    /// Which cell this is.
    pub fn cell(&self) -> Cell {
        Cell {
            seed: self.seed,
            firm: self.firm.clone(),
            method: self.method.clone(),
            alpha: self.alpha,
            choice: self.choice,
            asked: self.asked,
        }
    }
}

/// Records as JSON Lines: one whole line each.
///
/// # Panics
/// Never: every field of a record has a JSON form.
pub fn json_lines(records: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in records {
        serde_json::to_writer(&mut bytes, record).expect("a record has a JSON form");
        bytes.push(b'\n');
    }
    bytes
}
