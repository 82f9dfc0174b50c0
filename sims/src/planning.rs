//! How many members a campaign needs and how many must flip, before anybody is asked for anything.
//!
//! - [`rule`]: what three aggregates of a reference say at once: `M_SP`, where to start, whom to recruit.
//!   [`theory`]: what theory promises at once.
//! - [`scenario`]: what the firm may be like. [`simulate`]: paired replicates of the campaign in each.
//! - [`outlook`]: what they come to per M, with a prediction interval, and what to do about it.
//!   [`sensitivity`]: which assumption matters most.
//! - [`report`]: all of it, as it is kept and made again.
//! - [`aggregates`]: people drawn from sums, where there is no reference.
//! - [`calibrate`]: predictions against campaigns that then took place, on people whose truth is known.
//!
//! Nothing here looks at a firm: whatever is said holds for the scenarios that were ticked, and no others.

pub mod aggregates;
pub mod calibrate;
pub mod outlook;
pub mod report;
pub mod rule;
pub mod scenario;
pub mod sensitivity;
pub mod simulate;
pub mod theory;

use protocol::scoring::method::Method;
use protocol::scoring::scaling::Encoding;
use serde::{Deserialize, Serialize};

use self::scenario::Scenario;
use crate::experiment::sweep::Progress;
use crate::firm::FirmError;
use crate::scene::SceneError;

/// Everything that a plan's numbers depend on, but for the reference.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Decides every draw.
    pub seed: u32,
    /// The expected share of the firm's minority that joins.
    pub alpha: f64,
    /// The score that is planned; see [`Settings::beside`].
    pub method: Method,
    /// Neighbours of `rb-label` and `rb-dist`.
    pub k: usize,
    /// How records become coordinates for the scores.
    pub encoding: Encoding,
    /// How many people's reports the firm trains on.
    pub trained: usize,
    /// Flip budgets in units of `M_SP`, ascending, without 0.
    pub shares: Vec<f64>,
    /// What the firm may be like.
    pub scenarios: Vec<Scenario>,
    /// By which share `EqOd` is to fall.
    pub target: f64,
    /// A rise of `EqOd` by more than this makes things worse.
    pub harm: f64,
    /// The least P(target met) of a recommended M, in every scenario.
    pub confidence: f64,
    /// When a scenario has been simulated often enough.
    pub stop: Stop,
}

/// When a scenario has been simulated often enough.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// Replicates between two looks.
    pub batch: u32,
    /// The most replicates.
    pub most: u32,
    /// Enough if half the 95% interval of the mean change of `EqOd` is at most this, for every M.
    pub half_width: f64,
}

impl Default for Stop {
    fn default() -> Self {
        Self { batch: 24, most: 300, half_width: 0.01 }
    }
}

/// The default grid of M, in units of `M_SP`.
pub const SHARES: [f64; 6] = [0.1, 0.25, 0.5, 0.75, 1.0, 1.25];

/// The least number of reference people in each group with each label: fewer cannot be split and measured.
pub const CELL_MIN: usize = 20;

/// Why a plan cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanningError {
    /// A setting out of its limits.
    #[error("{name} is {got}; allowed: {allowed}")]
    Setting {
        /// Which setting.
        name: &'static str,
        /// As given.
        got: f64,
        /// What would be accepted.
        allowed: &'static str,
    },
    /// A reference in which a group has next to nobody with one of the labels.
    #[error(
        "the reference has {got} {group} people with a {label} label; allowed: {CELL_MIN} and more"
    )]
    FewPeople {
        /// "minority" or "majority".
        group: &'static str,
        /// "positive" or "negative".
        label: &'static str,
        /// How many.
        got: usize,
    },
    /// No scenario or no M is named.
    #[error("{what}: none named; allowed: one and more")]
    Nothing {
        /// Of what.
        what: &'static str,
    },
    /// No classifier could be trained on the reference.
    #[error("the reference: {0}")]
    Reference(#[from] FirmError),
    /// A replicate could not be played.
    #[error("replicate {replicate}: {error}")]
    Scene {
        /// Which.
        replicate: u32,
        /// Why.
        error: SceneError,
    },
}

/// Nobody watches.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {
    fn finished(&self, _: usize, _: usize) {}
}

impl Settings {
    /// The scores that every plan shows beside the planned one, simulated among the same people.
    pub fn beside(&self) -> Vec<Method> {
        let shown = [Method::RbProb, Method::RbLabel, Method::Random];
        shown.into_iter().filter(|&method| method != self.method).collect()
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`PlanningError::Setting`], [`PlanningError::Nothing`].
    pub fn check(&self) -> Result<(), PlanningError> {
        for (what, empty) in
            [("scenarios", self.scenarios.is_empty()), ("budgets", self.shares.is_empty())]
        {
            if empty {
                return Err(PlanningError::Nothing { what });
            }
        }
        let share = |value: f64| value > 0.0 && value <= 1.0;
        let ascending = self.shares.windows(2).all(|pair| pair[0] < pair[1]);
        let shares = self.shares.iter().all(|share| (0.001..=4.0).contains(share));
        #[expect(clippy::cast_precision_loss, reason = "people are far below 2^53")]
        let trained = self.trained as f64;
        let least = self.scenarios.iter().map(|scenario| scenario.compliance).fold(1.0, f64::min);
        let most = self.scenarios.iter().map(|scenario| scenario.compliance).fold(0.0, f64::max);
        let carried = if share(most) { least } else { most };
        let limits = [
            ("the share of flips that happens", carried, share(carried), "above 0, at most 1"),
            ("alpha", self.alpha, share(self.alpha), "above 0, at most 1"),
            ("the target", self.target, share(self.target), "above 0, at most 1"),
            ("the harm that is tolerated", self.harm, (0.0..1.0).contains(&self.harm), "0 to 1"),
            ("the confidence", self.confidence, (0.0..=1.0).contains(&self.confidence), "0 to 1"),
            ("people the firm trains on", trained, self.trained >= 20, "20 and more"),
            ("the grid of M", self.shares[0], ascending && shares, "ascending, .001 to 4"),
            ("replicates", f64::from(self.stop.batch), self.stop.batch > 1, "2 and more"),
        ];
        limits.into_iter().find(|limit| !limit.2).map_or(Ok(()), |(name, got, _, allowed)| {
            Err(PlanningError::Setting { name, got, allowed })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_scores_and_chance_are_in_every_plan() {
        let beside = |method| {
            let (encoding, stop) = (Encoding::Mix, Stop::default());
            let settings = Settings {
                seed: 0,
                alpha: 0.3,
                method,
                k: 20,
                encoding,
                trained: 100,
                shares: SHARES.to_vec(),
                scenarios: Scenario::usual(),
                target: 0.5,
                harm: 0.02,
                confidence: 0.5,
                stop,
            };
            settings.beside()
        };
        assert_eq!(beside(Method::RbProb), [Method::RbLabel, Method::Random]);
        assert_eq!(beside(Method::RbDist), [Method::RbProb, Method::RbLabel, Method::Random]);
        assert_eq!(beside(Method::Random), [Method::RbProb, Method::RbLabel]);
    }
}
