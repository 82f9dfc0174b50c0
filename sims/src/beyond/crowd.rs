//! Who joins, who does what it is asked to, and more than one collective.

use protocol::order;
use protocol::scoring::method::Method;
use serde::{Deserialize, Serialize};

use super::ground::{Ground, persons, real, share};
use super::{Row, SeedError};
use crate::dataset::Dataset;
use crate::firm::Learner;
use crate::scene::{GroupSight, Trial};

/// Members who are asked and do not flip.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Compliance {
    /// The collective's share of the minority train rows.
    pub alpha: f64,
    /// M in units of `M_SP`.
    pub units: f64,
    /// Shares of those asked who flip.
    pub rates: Vec<f64>,
    /// The firm that retrains.
    pub firm: Learner,
}

impl Compliance {
    /// Series: what the organiser does about it. Values: the measures, and the flips.
    pub(super) fn rows(&self, data: &Dataset, seed: u64) -> Result<Vec<Row>, SeedError> {
        let ground = Ground::new(data, seed)?;
        let scores = ground.scores(Method::RbProb)?;
        let ranking = scores.ranking(&ground.scene.candidates(self.alpha)?);
        let budget = ground.budget(self.units, ranking.len());
        let trial = ground.scene.firm(&self.firm, GroupSight::Visible)?;
        let mut rows = Vec::new();
        for &rate in &self.rates {
            let complies = |&&row: &&usize| order::unit(seed, row as u64, COMPLIANCE) <= rate;
            let of_first = |asked: usize| -> Vec<usize> {
                ranking.iter().take(asked).filter(complies).copied().collect()
            };
            let more = if rate > 0.0 { persons(real(budget) / rate) } else { ranking.len() };
            let topped: Vec<usize> =
                ranking.iter().filter(complies).take(budget).copied().collect();
            for (series, flips) in [
                ("M are asked", of_first(budget)),
                ("M / compliance are asked", of_first(more)),
                ("asked again until M flipped", topped),
            ] {
                let measures = trial.after(&flips)?.measures;
                let row = Row::new(&data.name, series, rate).measured(&measures);
                rows.push(row.with("flips", real(flips.len())));
            }
        }
        Ok(rows)
    }
}

/// Draws of compliance are counted from here.
const COMPLIANCE: u64 = 1 << 40;

/// How large a collective must be.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Participation {
    /// Sizes of the collective.
    pub alphas: Vec<f64>,
    /// Shares of the candidates among which validation chooses M.
    pub shares: Vec<f64>,
    /// The firm that retrains.
    pub firm: Learner,
}

impl Participation {
    /// Series: the data set. Values: the measures, and whether `EqOd` is at most half of that without action.
    pub(super) fn rows(&self, data: &Dataset, seed: u64) -> Result<Vec<Row>, SeedError> {
        let ground = Ground::new(data, seed)?;
        let scores = ground.scores(Method::RbProb)?;
        let trial = ground.scene.firm(&self.firm, GroupSight::Visible)?;
        let none = trial.after(&[])?.measures.eqod;
        let inner = Ground { data, scene: ground.scene.validation() };
        let inner_scores = inner.scores(Method::RbProb)?;
        let inner_trial = inner.scene.firm(&self.firm, GroupSight::Visible)?;
        let mut rows = Vec::new();
        for &alpha in &self.alphas {
            let inner_ranking = inner_scores.ranking(&inner.scene.candidates(alpha)?);
            let part = self.best_share(&inner_trial, &inner_ranking)?;
            let ranking = scores.ranking(&ground.scene.candidates(alpha)?);
            let flips = persons(part * real(ranking.len())).min(ranking.len());
            let measures = trial.after(&ranking[..flips])?.measures;
            rows.push(
                Row::new("", &data.name, alpha)
                    .measured(&measures)
                    .with("flips", real(flips))
                    .with("halved", share(measures.eqod <= none / 2.0)),
            );
        }
        Ok(rows)
    }

    fn best_share(&self, trial: &Trial<'_>, ranking: &[usize]) -> Result<f64, SeedError> {
        let mut best = (f64::INFINITY, 0.0);
        for &part in &self.shares {
            let flips = persons(part * real(ranking.len())).min(ranking.len());
            let eqod = trial.after(&ranking[..flips])?.measures.eqod;
            if eqod < best.0 {
                best = (eqod, part);
            }
        }
        Ok(best.1)
    }
}

/// Two collectives on one firm.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Collectives {
    /// The size of each of two, as a share of the minority train rows.
    pub alpha: f64,
    /// What each believes to be M, in units of `M_SP`.
    pub units: Vec<f64>,
    /// The firm that retrains.
    pub firm: Learner,
}

impl Collectives {
    /// Series: how they get along. Values: the measures.
    pub(super) fn rows(&self, data: &Dataset, seed: u64) -> Result<Vec<Row>, SeedError> {
        let ground = Ground::new(data, seed)?;
        let scores = ground.scores(Method::RbProb)?;
        let both = ground.scene.candidates((2.0 * self.alpha).min(1.0))?;
        let one = ground.scene.candidates(self.alpha)?;
        let other: Vec<usize> = both.iter().copied().filter(|row| !one.contains(row)).collect();
        let [one, other, both] = [one, other, both].map(|rows| scores.ranking(&rows));
        let opposed = self.against(data, &ground);
        let trial = ground.scene.firm(&self.firm, GroupSight::Visible)?;
        let mut rows = Vec::new();
        for &units in &self.units {
            let first = |ranking: &[usize]| ranking[..ground.budget(units, ranking.len())].to_vec();
            for (series, flips) in [
                ("one alone", first(&one)),
                ("two that agree on M", first(&both)),
                ("two that do not know of each other", [first(&one), first(&other)].concat()),
                ("one, and as many of the majority", [first(&one), first(&opposed)].concat()),
            ] {
                let measures = trial.after(&flips)?.measures;
                rows.push(Row::new(&data.name, series, units).measured(&measures));
            }
        }
        Ok(rows)
    }

    /// Majority train people with a negative label who flip as well, in a published order.
    fn against(&self, data: &Dataset, ground: &Ground<'_>) -> Vec<usize> {
        let rows = ground.scene.train().iter().copied();
        let negative = rows.filter(|&row| !data.minority[row] && !data.positive[row]);
        let ordered = order::order(ground.scene.seed(), order::Purpose::Collective, negative);
        let size = persons(self.alpha * real(ordered.len()));
        ordered.into_iter().take(size).collect()
    }
}
