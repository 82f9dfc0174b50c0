//! The same experiment with exact scores and through the private protocol, without noise and with it.

use std::num::NonZeroU32;

use protocol::campaign::Protection;
use protocol::scoring::method::Method;
use serde::{Deserialize, Serialize};

use super::ground::Ground;
use super::{Row, SeedError};
use crate::compare::aggregates::Machines;
use crate::compare::noise::NoiseModel;
use crate::compare::{Comparison, Selection, one_seed};
use crate::dataset::Dataset;
use crate::firm::Learner;
use crate::scene::GroupSight;

/// What varies.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Privacies {
    /// The collective's share of the minority train rows.
    pub alpha: f64,
    /// M in units of `M_SP`.
    pub units: f64,
    /// Epsilons of one person over the campaign, delta 1e-6.
    pub epsilons: Vec<f64>,
    /// The firm that retrains.
    pub firm: Learner,
}

impl Privacies {
    /// Series: the score. Values: `EqOd` by how private it is.
    pub(super) fn rows(&self, data: &Dataset, seed: u64) -> Result<Vec<Row>, SeedError> {
        let ground = Ground::new(data, seed)?;
        let candidates = ground.scene.candidates(self.alpha)?;
        let flips = ground.budget(self.units, candidates.len());
        let trial = ground.scene.firm(&self.firm, GroupSight::Visible)?;
        let none = trial.after(&[])?.measures.eqod;
        let random = ground.scores(Method::Random)?.ranking(&candidates);
        let random = trial.after(&random[..flips])?.measures.eqod;
        let methods = vec![Method::RbProb, Method::RbLabel, Method::RbDist];
        let mut rows: Vec<Row> = methods
            .iter()
            .map(|method| {
                Row::new(&data.name, method.word(), 0.0).with("none", none).with("random", random)
            })
            .collect();
        let noises = std::iter::once(None).chain(self.epsilons.iter().copied().map(Some));
        for epsilon in noises {
            let comparison = Comparison {
                methods: methods.clone(),
                flips,
                alpha: self.alpha,
                k: NonZeroU32::MIN.saturating_add(19),
                learner: self.firm.clone(),
                seeds: 1,
                noise: epsilon.map(NoiseModel::product),
                donors: None,
                selection: Selection::Histogram,
            };
            let machines = Machines::new(Protection::Clear);
            let records = one_seed(&comparison, data, &machines, seed, &|| {})?;
            for record in records {
                let word = record.method.word();
                let Some(row) = rows.iter_mut().find(|row| row.series == word) else { continue };
                let name = epsilon
                    .map_or_else(|| "private".to_owned(), |epsilon| format!("epsilon {epsilon}"));
                row.values.insert(format!("{name} overlap"), record.overlap);
                row.values.insert(format!("{name} cost"), record.eqod_private - record.eqod_exact);
                row.values.insert(name, record.eqod_private);
                row.values.insert("exact".to_owned(), record.eqod_exact);
            }
        }
        Ok(rows)
    }
}
