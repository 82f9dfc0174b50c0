//! What theory promises before any simulation: a hint whether a collective of this size can do anything.
//!
//! Success is the share of minority people whose decision does not depend on their group. By the bound that
//! [`crate::beyond::success`] derives, which is that of Hardt, Mazumdar, Mendler-Dünner, Zrnic, "Algorithmic
//! collective action in machine learning", ICML 2023, for erasing a signal, it is at least
//! `1 - 2 (1 - alpha) / alpha * tau`, where `tau` is by how much the group moves a minority person's chance of a
//! positive label and alpha the share of the minority that joins. Hence `alpha = 2 tau / (2 tau + 1 - s)` is
//! enough for success of s. It holds for infinitely many people, a firm without error of its own, and members who
//! also give up labels that only their group earned them; a bound is no forecast.
//!
//! With n members whatever is computed from their own data is uncertain by `sqrt(ln(1 / delta) / 2n)` at least
//! (Gauthier, Bach, Jordan, "Statistical collusion by collectives on learning platforms", ICML 2025, before its
//! union over signals): below a few hundred members such statements are empty.

use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::firm::{FirmError, Learner};

/// The success that [`Theory::alpha`] is enough for.
pub const SUCCESS: f64 = 0.8;

/// The chance at which [`Theory::slack`] may fail.
pub const DELTA: f64 = 0.01;

/// What theory promises.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Theory {
    /// By how much the group moves a minority person's chance of a positive label, all else equal; by a
    /// logistic regression on the reference.
    pub tau: f64,
    /// The share of the minority that is enough for success of [`SUCCESS`].
    pub alpha: f64,
    /// The success that is promised to the plan's alpha, at least 0.
    pub success: f64,
    /// Members of the plan's alpha.
    pub members: f64,
    /// What finite-sample statements about so many members lose at least.
    pub slack: f64,
}

impl Theory {
    /// For a share `alpha` of `minority` people whom the firm trains on.
    ///
    /// # Errors
    /// [`FirmError`] of a reference that no logistic regression can be fitted to.
    pub fn of(reference: &Dataset, alpha: f64, minority: f64) -> Result<Self, FirmError> {
        let with = |flags: &[bool]| reference.records.clone().with_flag("a", flags);
        let (seen, labels) = (with(&reference.minority), &reference.positive);
        let fitted = Learner::logistic().prepare(&seen, labels)?.fit(labels)?;
        let own = fitted.probabilities(&seen);
        let erased = fitted.probabilities(&with(&vec![false; labels.len()]));
        let moved: Vec<f64> = own
            .iter()
            .zip(&erased)
            .zip(&reference.minority)
            .filter_map(|((p, q), &a)| a.then_some((p - q).abs()))
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "people are far below 2^53")]
        let tau = moved.iter().sum::<f64>() / moved.len().max(1) as f64;
        let members = alpha * minority;
        Ok(Self {
            tau,
            alpha: enough(tau),
            success: promised(tau, alpha),
            members,
            slack: ((1.0 / DELTA).ln() / (2.0 * members.max(1.0))).sqrt(),
        })
    }
}

fn enough(tau: f64) -> f64 {
    2.0 * tau / (2.0 * tau + 1.0 - SUCCESS)
}

fn promised(tau: f64, alpha: f64) -> f64 {
    (1.0 - 2.0 * (1.0 - alpha) / alpha * tau).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::population::causal::{CausalSettings, generate};

    #[test]
    fn agrees_with_examples_worked_by_hand() {
        // tau = .05: .1 / .3. tau = .1: .2 / .4.
        assert!((enough(0.05) - 1.0 / 3.0).abs() < 1e-12);
        assert!((enough(0.1) - 0.5).abs() < 1e-12);
        for tau in [0.01, 0.05, 0.2] {
            assert!((promised(tau, enough(tau)) - SUCCESS).abs() < 1e-12);
        }
        assert!(promised(0.2, 0.1).abs() < 1e-12);
    }

    #[test]
    fn the_group_moves_more_where_its_penalty_is_greater() {
        let theory = |penalty| {
            let settings = CausalSettings { penalty, people: 2_000, ..CausalSettings::default() };
            Theory::of(&generate(&settings).unwrap().dataset, 0.3, 400.0).unwrap()
        };
        let (little, much) = (theory(0.1), theory(1.5));
        assert!(much.tau > 2.0 * little.tau, "{little:?} {much:?}");
        assert!(much.alpha > little.alpha && much.success < little.success);
        // sqrt(ln 100 / 240).
        assert!((much.members - 120.0).abs() < 1e-9 && (much.slack - 0.138_5).abs() < 1e-3);
    }
}
