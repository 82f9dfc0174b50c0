//! What a firm may be like.

use protocol::scoring::design::Design;
use serde::{Deserialize, Serialize};

use crate::firm::pruned::Pruned;
use crate::firm::{Firm, FirmError, Learner};

/// One guess about the firm, and about how much of what was planned happens.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What the firm knows of the group.
    pub group: GroupUse,
    /// How it learns.
    pub learner: Learner,
    /// What it does about doubtful reports.
    pub filter: Filter,
    /// Of the flips that are asked for, the share that happens.
    pub compliance: f64,
}

/// What a firm knows of the group.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupUse {
    /// It is among the features.
    Used,
    /// It is not.
    Unused,
    /// A flag that is right for [`PROXY_RIGHT`] of the people stands in for it.
    Proxy,
}

/// How often the proxy of [`GroupUse::Proxy`] tells the group.
pub const PROXY_RIGHT: f64 = 0.9;

/// The share of the records that [`Filter::Prune`] leaves out.
pub const PRUNED: f64 = 0.1;

/// What a firm does about doubtful reports.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// Nothing.
    Nothing,
    /// Leaves out the tenth it finds least likely.
    Prune,
}

impl Scenario {
    /// The scenarios of an organiser who says nothing: linear and boosted, with and without the group.
    pub fn usual() -> Vec<Self> {
        all(
            &[Learner::logistic(), Learner::boosted()],
            &[GroupUse::Used, GroupUse::Unused],
            &[Filter::Nothing],
            &[1.0],
        )
    }

    /// As a person reads it, e.g. "logistic, group used".
    pub fn words(&self) -> String {
        let group = match self.group {
            GroupUse::Used => "group used",
            GroupUse::Unused => "group unused",
            GroupUse::Proxy => "proxy used",
        };
        let filter = match self.filter {
            Filter::Nothing => "",
            Filter::Prune => ", prunes 10%",
        };
        let compliance = if self.compliance < 1.0 {
            format!(", {:.0}% flip", 100.0 * self.compliance)
        } else {
            String::new()
        };
        format!("{}, {group}{filter}{compliance}", self.learner.word())
    }

    /// Prepares the firm; `seed` decides what its learner leaves to chance.
    ///
    /// # Errors
    /// [`FirmError`] of the learner.
    pub fn prepare(
        &self,
        records: &Design,
        labels: &[bool],
        seed: u64,
    ) -> Result<Box<dyn Firm>, FirmError> {
        let learner = self.learner.seeded(seed);
        match self.filter {
            Filter::Nothing => learner.prepare(records, labels),
            Filter::Prune => Ok(Box::new(Pruned::new(&learner, records, PRUNED)?)),
        }
    }
}

/// Every combination.
pub fn all(
    learners: &[Learner],
    groups: &[GroupUse],
    filters: &[Filter],
    compliances: &[f64],
) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for learner in learners {
        for &group in groups {
            for &filter in filters {
                for &compliance in compliances {
                    let learner = learner.clone();
                    scenarios.push(Scenario { group, learner, filter, compliance });
                }
            }
        }
    }
    scenarios
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_scenarios_are_usual() {
        let words: Vec<String> = Scenario::usual().iter().map(Scenario::words).collect();
        assert_eq!(
            words,
            [
                "logistic, group used",
                "logistic, group unused",
                "boosted, group used",
                "boosted, group unused"
            ]
        );
        let firm = [Learner::mlp(0)];
        let pruned = all(&firm, &[GroupUse::Proxy], &[Filter::Prune], &[0.8]);
        assert_eq!(pruned[0].words(), "mlp, proxy used, prunes 10%, 80% flip");
        let noisy = Scenario { learner: Learner::noisy_descent(0), ..Scenario::usual()[0].clone() };
        assert_eq!(noisy.words(), "noisy-descent, group used");
    }
}
