//! What a firm can do against flips: leave out what it distrusts, or learn less from each record.
//!
//! A firm sees reported labels only. It drops records before it trains; or it trains by gradient descent with
//! clipped gradients and noise.

use protocol::order;
use protocol::scoring::design::Design;
use protocol::scoring::method::Method;
use protocol::scoring::neighbours::NeighbourIndex;
use protocol::scoring::scaling::{Encoding, Scaling};
use serde::{Deserialize, Serialize};

use super::ground::{Ground, persons, real};
use super::{Row, SeedError};
use crate::dataset::Dataset;
use crate::firm::pruned::by_trust;
use crate::firm::{FirmError, Learner};
use crate::metrics::{Confusion, Measures};

/// What varies.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Defences {
    /// The collective's share of the minority train rows.
    pub alpha: f64,
    /// M in units of `M_SP`.
    pub units: f64,
    /// The firm that retrains on what is left.
    pub firm: Learner,
    /// What it does first.
    pub defences: Vec<Defence>,
}

/// What a firm does against flips.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(tag = "defence", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Defence {
    /// Nothing.
    None,
    /// Confident learning: a record is dropped if a classifier that did not see it finds the other label more
    /// likely than that label is, on average, for records that bear it.
    ///
    /// Source: Northcutt, Jiang, Chuang, JAIR 2021, "prune by class" with thresholds of self-confidence.
    ConfidentLearning {
        /// Parts of the cross-validation.
        folds: usize,
    },
    /// Nearest neighbours: a record is dropped if more than half of its k nearest others bear the other label.
    ///
    /// Source: Paudice, Muñoz-González, Lupu, "Label sanitization against label flipping", 2018; they relabel.
    Neighbours {
        /// Neighbours.
        k: usize,
    },
    /// Trimming: the share of records with the greatest loss is dropped, `rounds` times over from all of them.
    ///
    /// Source: Shen, Sanghavi, "Learning with bad training data via iterative trimmed loss minimization", ICML 2019.
    Trimming {
        /// Share of the records.
        share: f64,
        /// Rounds.
        rounds: usize,
    },
    /// Logistic regression by noisy descent in place of the learner: see [`Learner::NoisyDescent`].
    PrivateDescent {
        /// Epsilon of the whole training.
        epsilon: f64,
        /// Steps.
        steps: u32,
    },
}

impl Defence {
    /// As figures show it.
    pub fn word(&self) -> String {
        match self {
            Self::None => "nothing".to_owned(),
            Self::ConfidentLearning { .. } => "confident learning".to_owned(),
            Self::Neighbours { k } => format!("{k} neighbours"),
            Self::Trimming { share, .. } => format!("trimming {:.0}%", 100.0 * share),
            Self::PrivateDescent { epsilon, .. } => format!("noisy descent, ε={epsilon}"),
        }
    }
}

impl Defences {
    /// Panels: data set. Series: the defence. Values: the measures with and without flips, flips caught, honest
    /// people dropped.
    pub(super) fn rows(&self, data: &Dataset, seed: u64) -> Result<Vec<Row>, SeedError> {
        let ground = Ground::new(data, seed)?;
        let ranking = ground.scores(Method::RbProb)?.ranking(&ground.scene.candidates(self.alpha)?);
        let flips = &ranking[..ground.budget(self.units, ranking.len())];
        let firm = Guarded::new(&ground, &self.firm);
        let mut rows = Vec::new();
        for defence in &self.defences {
            let (before, _) = firm.after(defence, &[])?;
            let (after, kept) = firm.after(defence, flips)?;
            let dropped = |wanted: &dyn Fn(usize) -> bool| {
                let places = (0..kept.len()).filter(|&place| wanted(firm.rows[place]));
                let (mut there, mut gone) = (0_usize, 0_usize);
                for place in places {
                    there += 1;
                    gone += usize::from(!kept[place]);
                }
                real(gone) / real(there.max(1))
            };
            let flipped = |row: usize| flips.contains(&row);
            rows.push(
                Row::new(&data.name, &defence.word(), 0.0)
                    .measured(&after)
                    .with("eqod before", before.eqod)
                    .with("error before", before.error)
                    .with("change", after.eqod - before.eqod)
                    .with("caught", dropped(&flipped))
                    .with("minority", dropped(&|row| data.minority[row] && !flipped(row)))
                    .with("majority", dropped(&|row| !data.minority[row])),
            );
        }
        Ok(rows)
    }
}

/// A firm that sees the group and defends itself.
struct Guarded<'a> {
    data: &'a Dataset,
    learner: &'a Learner,
    seed: u64,
    /// Train rows.
    rows: &'a [usize],
    records: Design,
    test: &'a [usize],
    test_records: Design,
}

impl<'a> Guarded<'a> {
    fn new(ground: &'a Ground<'a>, learner: &'a Learner) -> Self {
        let (data, scene) = (ground.data, &ground.scene);
        let seen = |rows: &[usize]| {
            let group: Vec<bool> = rows.iter().map(|&row| data.minority[row]).collect();
            data.records.select(rows).with_flag("a", &group)
        };
        Self {
            data,
            learner,
            seed: scene.seed(),
            rows: scene.train(),
            records: seen(scene.train()),
            test: scene.test(),
            test_records: seen(scene.test()),
        }
    }

    /// The measures, and which train records were kept.
    fn after(
        &self,
        defence: &Defence,
        flips: &[usize],
    ) -> Result<(Measures, Vec<bool>), SeedError> {
        let labels: Vec<bool> =
            self.rows.iter().map(|row| self.data.positive[*row] || flips.contains(row)).collect();
        let all = vec![true; labels.len()];
        let kept = match *defence {
            Defence::None | Defence::PrivateDescent { .. } => all,
            Defence::ConfidentLearning { folds } => self.confident(&labels, folds)?,
            Defence::Neighbours { k } => self.neighbours(&labels, k)?,
            Defence::Trimming { share, rounds } => self.trimmed(&labels, share, rounds)?,
        };
        let noisy = match *defence {
            Defence::PrivateDescent { epsilon, steps } => {
                Some(Learner::NoisyDescent { epsilon, steps, seed: self.seed })
            }
            Defence::None
            | Defence::ConfidentLearning { .. }
            | Defence::Neighbours { .. }
            | Defence::Trimming { .. } => None,
        };
        let learner = noisy.as_ref().unwrap_or(self.learner);
        let places = places(&kept);
        let of: Vec<bool> = places.iter().map(|&place| labels[place]).collect();
        let firm = learner.prepare(&self.records.select(&places), &of)?;
        let decisions = firm.fit(&of)?.decisions(&self.test_records);
        let pick =
            |values: &[bool]| -> Vec<bool> { self.test.iter().map(|&row| values[row]).collect() };
        let (minority, positive) = (pick(&self.data.minority), pick(&self.data.positive));
        Ok((Confusion::count(&minority, &positive, &decisions).measures()?, kept))
    }

    fn confident(&self, labels: &[bool], folds: usize) -> Result<Vec<bool>, SeedError> {
        let folds = folds.clamp(2, labels.len().max(2));
        let order = order::order(self.seed, order::Purpose::Validation, 0..labels.len());
        let mut chances = vec![0.0; labels.len()];
        for fold in 0..folds {
            let (mut inner, mut apart) = (Vec::new(), Vec::new());
            for (position, &place) in order.iter().enumerate() {
                if position % folds == fold { apart.push(place) } else { inner.push(place) }
            }
            let of: Vec<bool> = inner.iter().map(|&place| labels[place]).collect();
            let firm = self.learner.prepare(&self.records.select(&inner), &of)?.fit(&of)?;
            let found = firm.probabilities(&self.records.select(&apart));
            for (place, chance) in apart.into_iter().zip(found) {
                chances[place] = chance;
            }
        }
        Ok(confident(labels, &chances))
    }

    fn neighbours(&self, labels: &[bool], k: usize) -> Result<Vec<bool>, SeedError> {
        let dense = Scaling::fit(&self.records, Encoding::Z).apply(&self.records).to_dense();
        let fail = |_| FirmError::Setting {
            what: "number of neighbours",
            value: real(k),
            allowed: "1 to one less than the train records",
        };
        let index = NeighbourIndex::new(&dense).map_err(fail)?;
        // One more, as everybody is their own nearest neighbour.
        let nearest = index.nearest(&dense, k + 1).map_err(fail)?;
        let keep = |(place, near): (usize, ndarray::ArrayView1<'_, _>)| {
            let others = near.iter().map(|n: &protocol::scoring::neighbours::Neighbour| n.row);
            let others = others.filter(|&other| other != place).take(k);
            let against = others.filter(|&other| labels[other] != labels[place]).count();
            2 * against <= k
        };
        Ok(nearest.outer_iter().enumerate().map(keep).collect())
    }

    fn trimmed(&self, labels: &[bool], share: f64, rounds: usize) -> Result<Vec<bool>, SeedError> {
        let dropped = persons(share * real(labels.len())).min(labels.len());
        let mut kept = vec![true; labels.len()];
        for _ in 0..rounds {
            let inner = places(&kept);
            let of: Vec<bool> = inner.iter().map(|&place| labels[place]).collect();
            let firm = self.learner.prepare(&self.records.select(&inner), &of)?.fit(&of)?;
            let chances = firm.probabilities(&self.records);
            kept = vec![true; labels.len()];
            for &place in &by_trust(&chances, labels)[..dropped] {
                kept[place] = false;
            }
        }
        Ok(kept)
    }
}

fn places(kept: &[bool]) -> Vec<usize> {
    (0..kept.len()).filter(|&place| kept[place]).collect()
}

/// Keeps a record unless the other label is at least as likely as it is, on average, where it stands.
pub(super) fn confident(labels: &[bool], chances: &[f64]) -> Vec<bool> {
    let chance_of = |place: usize, label: bool| {
        if label { chances[place] } else { 1.0 - chances[place] }
    };
    let threshold = |label: bool| {
        let bear: Vec<usize> = (0..labels.len()).filter(|&place| labels[place] == label).collect();
        bear.iter().map(|&place| chance_of(place, label)).sum::<f64>() / real(bear.len().max(1))
    };
    let thresholds = [threshold(false), threshold(true)];
    (0..labels.len())
        .map(|place| {
            let (own, other) = (labels[place], !labels[place]);
            let found = chance_of(place, other);
            found < thresholds[usize::from(other)] || found <= chance_of(place, own)
        })
        .collect()
}
