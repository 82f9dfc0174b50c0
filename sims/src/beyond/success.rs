//! Success where it is known what the majority's label would have been: practice, and theory's bound.
//!
//! `g` erases the group and leaves the record: `g(x, a) = (x, 0)`. Success is
//! `S(α) = P[h(x, 1) = h(x, 0)]` over minority test people. Write `p = P(y = 1 | x, 1)` and
//! `q = P(y = 1 | x, 0)`. Members report `1{q >= 1/2}`. A firm that knows the mixture of members and
//! others decides by `α 1{q >= 1/2} + (1 - α) p >= 1/2`, which is `1{q >= 1/2}` wherever
//! `|p - q| <= α / (2 (1 - α))`. Hence
//!
//! ```text
//! S(α) >= P[|p - q| <= α / (2 (1 - α))] >= 1 - 2 (1 - α) / α · E|p - q|
//! ```
//!
//! The last is by Markov's inequality the bound of Hardt et al. (ICML 2023) for erasing a signal. It is for a
//! firm without error of its own; a learner that generalises over x can do better or worse.

use protocol::scoring::method::Method;
use protocol::scoring::scaling::Encoding;
use serde::{Deserialize, Serialize};

use super::ground::{real, share};
use super::{Row, SeedError};
use crate::firm::Learner;
use crate::population::causal::{CausalSettings, Population, generate};
use crate::scene::{GroupSight, Scene, Scores, Trial};

/// What varies.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Successes {
    /// Synthetic people of each seed.
    pub people: usize,
    /// Sizes of the collective.
    pub alphas: Vec<f64>,
    /// The firms that retrain, one panel each.
    pub firms: Vec<Learner>,
}

impl Successes {
    /// Panels: learner. Series: who flips, the firm that knows everything, and the bounds.
    pub(super) fn rows(&self, seed: u64) -> Result<Vec<Row>, SeedError> {
        let settings = CausalSettings { people: self.people, seed, ..CausalSettings::default() };
        let population = generate(&settings)?;
        let scene = Scene::new(&population.dataset, seed)?;
        let mut scores = Vec::new();
        for method in Method::ALL {
            scores.push((method.word(), scene.scores(method, 20, Encoding::Z)?));
        }
        let mut rows = Vec::new();
        for learner in &self.firms {
            let trial = scene.firm(learner, GroupSight::Visible)?;
            for &alpha in &self.alphas {
                let seen = Seen { population: &population, scene: &scene, trial: &trial, alpha };
                rows.extend(seen.practice(learner.word(), &scores)?);
                rows.extend(seen.theory(learner.word()));
            }
        }
        Ok(rows)
    }
}

/// One size of the collective before one firm.
struct Seen<'a> {
    population: &'a Population,
    scene: &'a Scene<'a>,
    trial: &'a Trial<'a>,
    alpha: f64,
}

impl Seen<'_> {
    fn minority(&self) -> Vec<usize> {
        let minority = |row: &usize| self.population.dataset.minority[*row];
        self.scene.test().iter().copied().filter(minority).collect()
    }

    /// All whose label would more likely have been positive flip: by knowledge, and as many by each score.
    fn practice(&self, panel: &str, scores: &[(&str, Scores)]) -> Result<Vec<Row>, SeedError> {
        let candidates = self.scene.candidates(self.alpha)?;
        let likely = |&row: &usize| self.population.erased_chance[row] >= 0.5;
        let oracle: Vec<usize> = candidates.iter().copied().filter(likely).collect();
        let mut asked = vec![("oracle", oracle.clone())];
        for (word, scores) in scores {
            asked.push((word, scores.ranking(&candidates)[..oracle.len()].to_vec()));
        }
        let minority = self.minority();
        let mut rows = Vec::new();
        for (series, flips) in asked {
            let decisions = self.trial.decide(&flips, &minority)?;
            let erased = self.trial.decide_erased(&flips, &minority)?;
            let same = decisions.iter().zip(&erased).filter(|(h, g)| h == g).count();
            let outcome = self.trial.after(&flips)?;
            let mut row = Row::new(panel, series, self.alpha)
                .measured(&outcome.measures)
                .with("success", real(same) / real(minority.len().max(1)));
            if let Some(success) = outcome.success {
                row = row.with("whole counterfactual", 1.0 - success.counterfactual_change);
            }
            rows.push(row);
        }
        Ok(rows)
    }

    fn theory(&self, panel: &str) -> [Row; 3] {
        let Population { chance, erased_chance, .. } = self.population;
        let minority = self.minority();
        let mean = |value: &dyn Fn(f64, f64) -> f64| {
            let sum: f64 = minority.iter().map(|&row| value(chance[row], erased_chance[row])).sum();
            sum / real(minority.len().max(1))
        };
        let alpha = self.alpha;
        let reach = alpha / (2.0 * (1.0 - alpha));
        let knowing = mean(&|p, q| {
            let positive = q >= 0.5;
            share((alpha * share(positive) + (1.0 - alpha) * p >= 0.5) == positive)
        });
        let within = mean(&|p, q| share((p - q).abs() <= reach));
        let markov = (1.0 - mean(&|p, q| (p - q).abs()) / reach).max(0.0);
        [
            ("a firm that knows everything", knowing),
            ("bound: P(|p − q| ≤ α / (2 − 2α))", within),
            ("bound of Hardt et al.", markov),
        ]
        .map(|(series, success)| Row::new(panel, series, alpha).with("success", success))
    }
}
