//! Firm-side methods: what a firm could do about its own unfairness, to compare a collective with.
//!
//! Every method sees the same train people as the firm, uses the firm's own learner, and is measured
//! on the same test people. Each has a *strength*, from which a curve of error against unfairness
//! follows; one strength is chosen on validation people, never on test people. Decisions may be by
//! chance: a method gives each person's probability of a positive decision, and measures are
//! expectations ([`Measures::expected`]), so that nothing depends on a draw.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use self::calibrated::{Calibrated, Cost};
use self::reductions::{Constraint, Reductions};
use crate::firm::{Classifier, Firm, FirmError, Learner};
use crate::metrics::{Measures, MetricError};
use crate::scene::{GroupSight, People, Scene, SceneError};

mod calibrated;
mod equalized_odds;
mod fare;
mod massaging;
mod reductions;
mod reweighing;
mod withhold;

/// A firm-side method, by the word that files and figures use.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Baseline {
    /// Weights that make group and label independent, to the power of the strength.
    Reweighing,
    /// Labels exchanged between the groups: the strength's share of as many as make rates equal.
    Massaging,
    /// Decisions drawn by group and decision so that both rates are equal, with the strength's
    /// probability.
    EqualizedOdds,
    /// The strength's share of the scores withheld that makes false negatives cost the same.
    CalibratedFnr,
    /// The same for false positives.
    CalibratedFpr,
    /// The same for the mean of both, weighted by labels.
    CalibratedWeighted,
    /// Everybody's score withheld with the strength's probability.
    Withhold,
    /// Cells of a tree whose criterion mixes label and group by the strength, gamma.
    Fare,
    /// A lot over classifiers with rates equal up to the strength, a slack: **less is stronger**.
    ReductionsEqualizedOdds,
    /// The same for shares of positive decisions.
    ReductionsParity,
}

/// Why a firm-side method cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BaselineError {
    /// The firm cannot train, or its people cannot be split.
    #[error(transparent)]
    Scene(#[from] SceneError),
    /// A strength is out of range.
    #[error("the strength of {} is {value}; allowed: {allowed}", .method.word())]
    Strength {
        /// Which method.
        method: Baseline,
        /// As given.
        value: f64,
        /// What would be accepted.
        allowed: &'static str,
    },
    /// Nobody in one cell of the train people set apart, so that one of its rates is undefined.
    #[error("no {} person with a {} label among the train people set apart to correct the classifier by", if *.minority { "minority" } else { "majority" }, if *.positive { "positive" } else { "negative" })]
    EmptyCell {
        /// Which group.
        minority: bool,
        /// Which true label.
        positive: bool,
    },
}

impl From<FirmError> for BaselineError {
    fn from(error: FirmError) -> Self {
        Self::Scene(error.into())
    }
}

impl From<MetricError> for BaselineError {
    fn from(error: MetricError) -> Self {
        Self::Scene(error.into())
    }
}

/// A firm-side method that has seen the train people.
pub trait FirmSide: Send + Sync {
    /// The probability of a positive decision for each of `people`, at this strength.
    ///
    /// # Errors
    /// [`BaselineError`] of the firm, or of a strength that is out of range.
    fn chances(&self, strength: f64, people: &People) -> Result<Vec<f64>, BaselineError>;
}

impl Baseline {
    /// All methods.
    pub const ALL: [Self; 10] = [
        Self::Reweighing,
        Self::Massaging,
        Self::EqualizedOdds,
        Self::CalibratedFnr,
        Self::CalibratedFpr,
        Self::CalibratedWeighted,
        Self::Withhold,
        Self::Fare,
        Self::ReductionsEqualizedOdds,
        Self::ReductionsParity,
    ];

    /// As it is written in files and figures.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reweighing => "reweighing",
            Self::Massaging => "massaging",
            Self::EqualizedOdds => "equalized-odds",
            Self::CalibratedFnr => "calibrated-fnr",
            Self::CalibratedFpr => "calibrated-fpr",
            Self::CalibratedWeighted => "calibrated-weighted",
            Self::Withhold => "withhold",
            Self::Fare => "fare",
            Self::ReductionsEqualizedOdds => "reductions-equalized-odds",
            Self::ReductionsParity => "reductions-parity",
        }
    }

    /// The strengths that are tried unless others are named, the mildest first.
    pub const fn strengths(self) -> &'static [f64] {
        match self {
            Self::Reweighing => &[0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0],
            Self::Massaging => &[0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6],
            Self::EqualizedOdds
            | Self::CalibratedFnr
            | Self::CalibratedFpr
            | Self::CalibratedWeighted => &[0.2, 0.4, 0.6, 0.8, 1.0],
            Self::Withhold => &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
            Self::Fare => &[0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99],
            Self::ReductionsEqualizedOdds | Self::ReductionsParity => &[0.2, 0.1, 0.05, 0.02, 0.01],
        }
    }

    /// Lets the method see the firm and its train people.
    ///
    /// # Errors
    /// [`BaselineError::Scene`].
    pub fn fit<'a>(self, bench: &'a Bench<'_>) -> Result<Box<dyn FirmSide + 'a>, BaselineError> {
        let calibrated = |cost| -> Result<Box<dyn FirmSide + 'a>, BaselineError> {
            Ok(Box::new(Calibrated::new(bench, cost)?))
        };
        Ok(match self {
            Self::Reweighing => Box::new(reweighing::Reweighing { bench }),
            Self::Massaging => Box::new(massaging::Massaging::new(bench)?),
            Self::EqualizedOdds => Box::new(equalized_odds::EqualizedOdds::new(bench)?),
            Self::CalibratedFnr => calibrated(Cost::FalseNegatives)?,
            Self::CalibratedFpr => calibrated(Cost::FalsePositives)?,
            Self::CalibratedWeighted => calibrated(Cost::Weighted)?,
            Self::Withhold => Box::new(withhold::Withhold::new(bench)?),
            Self::Fare => Box::new(fare::Fare::new(bench)),
            Self::ReductionsEqualizedOdds => {
                Box::new(Reductions { bench, constraint: Constraint::EqualizedOdds })
            }
            Self::ReductionsParity => {
                Box::new(Reductions { bench, constraint: Constraint::Parity })
            }
        })
    }

    /// Refuses a strength that is not allowed.
    fn check(
        self,
        value: f64,
        range: std::ops::RangeInclusive<f64>,
        allowed: &'static str,
    ) -> Result<(), BaselineError> {
        if range.contains(&value) {
            Ok(())
        } else {
            Err(BaselineError::Strength { method: self, value, allowed })
        }
    }
}

/// What a firm-side method may use: the firm, ready to train, and its train people.
pub struct Bench<'a> {
    scene: &'a Scene<'a>,
    learner: &'a Learner,
    sight: GroupSight,
    firm: Box<dyn Firm>,
    train: People,
    apart: OnceLock<Result<Apart, SceneError>>,
}

impl std::fmt::Debug for Bench<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bench").field("seed", &self.scene.seed()).finish_non_exhaustive()
    }
}

/// A classifier, and train people whom it did not train on.
struct Apart {
    classifier: Box<dyn Classifier>,
    people: People,
}

impl<'a> Bench<'a> {
    /// Lets the firm prepare on the train people of a scene.
    ///
    /// # Errors
    /// [`SceneError::Firm`].
    pub fn new(
        scene: &'a Scene<'a>,
        learner: &'a Learner,
        sight: GroupSight,
    ) -> Result<Self, SceneError> {
        let train = scene.people(scene.train(), sight);
        let firm = learner.prepare(&train.records, &train.positive)?;
        Ok(Self { scene, learner, sight, firm, train, apart: OnceLock::new() })
    }

    /// For methods that correct a finished classifier: one trained on three quarters of the train
    /// people, and the others, [set apart](Scene::validation) by the published order. Rates of a
    /// classifier on its own train people are too good.
    fn apart(&self) -> Result<&Apart, SceneError> {
        let split = || {
            let split = self.scene.validation();
            let rest = split.people(split.train(), self.sight);
            let firm = self.learner.prepare(&rest.records, &rest.positive)?;
            let classifier = firm.fit(&rest.positive)?;
            Ok(Apart { classifier, people: split.people(split.test(), self.sight) })
        };
        self.apart.get_or_init(split).as_ref().map_err(Clone::clone)
    }
}

/// Expected error and fairness of a method at one strength, on `people`.
///
/// # Errors
/// [`BaselineError`].
pub fn measure(
    method: &dyn FirmSide,
    strength: f64,
    people: &People,
) -> Result<Measures, BaselineError> {
    let chances = method.chances(strength, people)?;
    Ok(Measures::expected(&people.minority, &people.positive, &chances)?)
}

/// The strength that is best on `people` set apart: by `EqOd`, then error, then the smaller one.
///
/// The same rule by which a collective's M is chosen. 0 if there are no strengths.
///
/// # Errors
/// [`BaselineError`].
pub fn choose(
    method: &dyn FirmSide,
    strengths: &[f64],
    people: &People,
) -> Result<f64, BaselineError> {
    let mut tried = Vec::with_capacity(strengths.len());
    for &strength in strengths {
        let measures = measure(method, strength, people)?;
        tried.push((measures.eqod, measures.error, strength));
    }
    let best = tried
        .into_iter()
        .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2)));
    Ok(best.map_or(0.0, |(_, _, strength)| strength))
}

/// Decisions as probabilities of 0 and 1.
fn certain(decisions: &[bool]) -> Vec<f64> {
    decisions.iter().map(|&decision| f64::from(u8::from(decision))).collect()
}

#[cfg(test)]
mod tests;
