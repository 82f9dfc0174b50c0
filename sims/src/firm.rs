//! The firm: trains a classifier on what people report, and retrains when reports change.
//!
//! Every learner sees the same records in the same order and differs only in how it learns. One
//! fit uses one thread; experiments run fits side by side.

use protocol::scoring::design::Design;
use protocol::scoring::logistic::LogisticError;
use serde::{Deserialize, Serialize};

pub(crate) mod bins;
mod boosted;
mod logistic;
mod mlp;
mod noisy;
pub mod pruned;

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
    /// Gradient boosting of trees, as `XGBoost`'s `hist`; see [`Learner::boosted`].
    Boosted {
        /// How many trees.
        trees: u32,
        /// The greatest number of splits between a tree's root and a leaf.
        depth: u32,
        /// By what each tree's say is multiplied.
        rate: f64,
        /// The greatest number of bins of a number, at most 256.
        bins: u32,
    },
    /// A neural network of one hidden layer; see [`Learner::mlp`].
    Mlp {
        /// Units of the hidden layer.
        hidden: u32,
        /// How often each record is seen.
        epochs: u32,
        /// The step size of Adam.
        rate: f64,
        /// Decides the initial weights and the order of the records.
        seed: u64,
    },
    /// Logistic regression by descent with clipped gradients and noise; see [`Learner::noisy_descent`].
    NoisyDescent {
        /// Of the whole training, at delta 1e-5, for one record added or removed.
        epsilon: f64,
        /// Steps, each over all records.
        steps: u32,
        /// Decides the noise.
        seed: u64,
    },
}

/// Why a firm could not train.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FirmError {
    /// Logistic regression refused.
    #[error(transparent)]
    Logistic(#[from] LogisticError),
    /// A setting is out of range.
    #[error("the {what} is {value}; allowed: {allowed}")]
    Setting {
        /// Which setting.
        what: &'static str,
        /// As given.
        value: f64,
        /// What would be accepted.
        allowed: &'static str,
    },
    /// No records.
    #[error("the firm needs at least one record")]
    Empty,
    /// A label is missing or left over.
    #[error("{expected} records, but {got} labels")]
    Labels {
        /// Records.
        expected: usize,
        /// Labels.
        got: usize,
    },
    /// A weight is missing or left over.
    #[error("{expected} records, but {got} weights")]
    Weights {
        /// Records.
        expected: usize,
        /// Weights.
        got: usize,
    },
    /// A weight is negative or no number.
    #[error("the weight of record {row} is {weight}; allowed: 0 or above, finite")]
    Weight {
        /// Which record, counted from 0.
        row: usize,
        /// As given.
        weight: f64,
    },
    /// All labels are alike.
    #[error("all labels are {}: nothing to learn", if *.positive { "positive" } else { "negative" })]
    OneClass {
        /// Which label.
        positive: bool,
    },
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

    /// Trains on the reported labels, each record's loss multiplied by its weight.
    ///
    /// What was done before the first fit (scaling, bins) does not depend on weights; penalties
    /// are not multiplied either. Records of weight 0 do not count as having a label.
    ///
    /// # Errors
    /// [`FirmError`] of the learner.
    fn fit_weighted(
        &self,
        labels: &[bool],
        weights: &[f64],
    ) -> Result<Box<dyn Classifier>, FirmError>;
}

/// A trained classifier.
pub trait Classifier: Send + Sync {
    /// The probability of a positive label for each record.
    fn probabilities(&self, records: &Design) -> Vec<f64>;

    /// The decision for each record: positive from a probability of one half.
    fn decisions(&self, records: &Design) -> Vec<bool> {
        self.probabilities(records).into_iter().map(|p| p >= 0.5).collect()
    }

    /// Train records, by their place, that the firm left out because it did not trust them.
    fn left_out(&self) -> &[usize] {
        &[]
    }
}

impl Learner {
    /// Logistic regression with the reference figures' penalty of 1.
    pub const fn logistic() -> Self {
        Self::Logistic { penalty: 1.0 }
    }

    /// Boosting with the usual settings: 100 trees of depth 3, rate 0.1, 256 bins.
    pub const fn boosted() -> Self {
        Self::Boosted { trees: 100, depth: 3, rate: 0.1, bins: 256 }
    }

    /// A network with the usual settings: 64 hidden units, 10 epochs, rate 0.001.
    pub const fn mlp(seed: u64) -> Self {
        Self::Mlp { hidden: 64, epochs: 10, rate: 0.001, seed }
    }

    /// Noisy descent (DP-SGD, all records as one batch) with 100 steps and an epsilon of 8, a usual compromise.
    pub const fn noisy_descent(seed: u64) -> Self {
        Self::NoisyDescent { epsilon: 8.0, steps: 100, seed }
    }

    /// The same learner with another seed, where it has one.
    #[must_use]
    pub fn seeded(&self, by: u64) -> Self {
        let mut learner = self.clone();
        match &mut learner {
            Self::Mlp { seed, .. } | Self::NoisyDescent { seed, .. } => *seed = by,
            Self::Logistic { .. } | Self::Boosted { .. } => {}
        }
        learner
    }

    /// Prepares to train on `records` (the group among the columns if the firm sees it).
    ///
    /// `labels` are those before anybody flips: fits start from theirs where that saves time.
    ///
    /// # Errors
    /// [`FirmError`] of the learner.
    pub fn prepare(&self, records: &Design, labels: &[bool]) -> Result<Box<dyn Firm>, FirmError> {
        Ok(match *self {
            Self::Logistic { penalty } => {
                Box::new(logistic::LogisticFirm::new(records, labels, penalty)?)
            }
            Self::Boosted { trees, depth, rate, bins } => {
                Box::new(boosted::BoostedFirm::new(records, trees, depth, rate, bins)?)
            }
            Self::Mlp { hidden, epochs, rate, seed } => {
                Box::new(mlp::MlpFirm::new(records, hidden, epochs, rate, seed)?)
            }
            Self::NoisyDescent { epsilon, steps, seed } => {
                Box::new(noisy::NoisyFirm::new(records, epsilon, steps, seed)?)
            }
        })
    }

    /// The learner's word on the command line.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Logistic { .. } => "logistic",
            Self::Boosted { .. } => "boosted",
            Self::Mlp { .. } => "mlp",
            Self::NoisyDescent { .. } => "noisy-descent",
        }
    }
}

/// Refuses a setting that is not allowed.
fn check_setting(
    what: &'static str,
    value: impl Into<f64>,
    is_allowed: bool,
    allowed: &'static str,
) -> Result<(), FirmError> {
    if is_allowed { Ok(()) } else { Err(FirmError::Setting { what, value: value.into(), allowed }) }
}

/// Refuses to train on nobody.
fn check_records(records: &Design) -> Result<(), FirmError> {
    if records.rows() == 0 { Err(FirmError::Empty) } else { Ok(()) }
}

/// Refuses labels and weights that are not one per record, wrong weights, and labels all alike.
fn check_weighted(expected: usize, labels: &[bool], weights: &[f64]) -> Result<(), FirmError> {
    if weights.len() != expected {
        return Err(FirmError::Weights { expected, got: weights.len() });
    }
    let wrong = |&(_, weight): &(usize, &f64)| !(weight.is_finite() && *weight >= 0.0);
    if let Some((row, &weight)) = weights.iter().enumerate().find(wrong) {
        return Err(FirmError::Weight { row, weight });
    }
    check_labels(expected, labels)?;
    let mut counted = labels.iter().zip(weights).filter(|&(_, &weight)| weight > 0.0);
    let &positive = counted.next().ok_or(FirmError::Empty)?.0;
    if counted.all(|(&label, _)| label == positive) {
        return Err(FirmError::OneClass { positive });
    }
    Ok(())
}

/// Refuses labels that are not one per record, or all alike.
fn check_labels(expected: usize, labels: &[bool]) -> Result<(), FirmError> {
    if labels.len() != expected {
        return Err(FirmError::Labels { expected, got: labels.len() });
    }
    let positive = *labels.first().ok_or(FirmError::Empty)?;
    if labels.iter().all(|&label| label == positive) {
        return Err(FirmError::OneClass { positive });
    }
    Ok(())
}
