//! The firm: trains a classifier on what people report, and retrains when reports change.
//!
//! Every learner sees the same records in the same order and differs only in how it learns. One
//! fit uses one thread; experiments run fits side by side.

use protocol::scoring::design::Design;
use protocol::scoring::logistic::LogisticError;
use serde::{Deserialize, Serialize};

mod logistic;

/// Which learner the firm uses, with its settings.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", tag = "learner", deny_unknown_fields)]
#[non_exhaustive]
pub enum Learner {
    /// L2-penalised logistic regression.
    Logistic {
        /// Penalty on the squared weights, halved.
        penalty: f64,
    },
}

/// Why a firm could not train.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FirmError {
    /// Logistic regression refused.
    #[error(transparent)]
    Logistic(#[from] LogisticError),
}

/// A firm that has seen its train records once and fits as often as labels change.
///
/// Whatever depends on the records alone (scaling, bins) is done once, before the first fit.
pub trait Firm: Send + Sync {
    /// Trains on the reported labels, one per train record.
    ///
    /// # Errors
    /// [`FirmError`] of the learner.
    fn fit(&self, labels: &[bool]) -> Result<Box<dyn Classifier>, FirmError>;
}

/// A trained classifier.
pub trait Classifier: Send + Sync {
    /// The probability of a positive label for each record.
    fn probabilities(&self, records: &Design) -> Vec<f64>;

    /// The decision for each record: positive from a probability of one half.
    fn decisions(&self, records: &Design) -> Vec<bool> {
        self.probabilities(records).into_iter().map(|p| p >= 0.5).collect()
    }
}

impl Learner {
    /// Logistic regression with the reference figures' penalty of 1.
    pub const fn logistic() -> Self {
        Self::Logistic { penalty: 1.0 }
    }

    /// Prepares to train on `records` (the group among the columns if the firm sees it).
    ///
    /// `labels` are those before anybody flips: fits start from theirs where that saves time.
    ///
    /// # Errors
    /// [`FirmError`] of the learner.
    pub fn prepare(&self, records: &Design, labels: &[bool]) -> Result<Box<dyn Firm>, FirmError> {
        Ok(match self {
            Self::Logistic { penalty } => {
                Box::new(logistic::LogisticFirm::new(records, labels, *penalty)?)
            }
        })
    }

    /// The learner's word on the command line.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Logistic { .. } => "logistic",
        }
    }
}
