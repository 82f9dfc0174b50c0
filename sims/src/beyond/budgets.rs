//! Flips in units of `M_SP`: by learner, by what the firm sees, and beyond what is good.

use protocol::scoring::method::Method;
use serde::{Deserialize, Serialize};

use super::ground::{Ground, share};
use super::{Row, SeedError};
use crate::dataset::Dataset;
use crate::firm::Learner;
use crate::scene::GroupSight;

/// What varies.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Budgets {
    /// The collective's share of the minority train rows.
    pub alpha: f64,
    /// The score.
    pub method: Method,
    /// M in units of `M_SP`.
    pub units: Vec<f64>,
    /// The firms that retrain.
    pub firms: Vec<Learner>,
    /// Whether firms see the group, one panel each.
    pub group_visible: Vec<bool>,
}

impl Budgets {
    /// Panels: data set and sight. Series: learner. Values: the measures, and whether `EqOd` is worse than
    /// without action.
    pub(super) fn rows(&self, data: &Dataset, seed: u64) -> Result<Vec<Row>, SeedError> {
        let ground = Ground::new(data, seed)?;
        let ranking = ground.scores(self.method)?.ranking(&ground.scene.candidates(self.alpha)?);
        let mut rows = Vec::new();
        for &visible in &self.group_visible {
            let (sight, says) = if visible {
                (GroupSight::Visible, "group seen")
            } else {
                (GroupSight::Hidden, "group hidden")
            };
            let panel = format!("{}, {says}", data.name);
            for learner in &self.firms {
                let trial = ground.scene.firm(learner, sight)?;
                let none = trial.after(&[])?.measures;
                for &units in &self.units {
                    let flips = ground.budget(units, ranking.len());
                    let measures = trial.after(&ranking[..flips])?.measures;
                    rows.push(
                        Row::new(&panel, learner.word(), units)
                            .measured(&measures)
                            .with("worse", share(measures.eqod > none.eqod)),
                    );
                }
            }
        }
        Ok(rows)
    }
}
