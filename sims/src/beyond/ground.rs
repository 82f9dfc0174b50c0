//! What every question stands on: one seed's people, their ranking, `M_SP`, a firm.

use protocol::scoring::method::Method;
use protocol::scoring::scaling::Encoding;

use super::{Row, SeedError};
use crate::dataset::Dataset;
use crate::metrics::Measures;
use crate::scene::{Scene, Scores};

/// One seed's people and how the collective ranks them.
#[derive(Debug)]
pub struct Ground<'a> {
    /// The data set.
    pub data: &'a Dataset,
    /// Split and collective.
    pub scene: Scene<'a>,
}

/// Neighbours of `rb-label` and `rb-dist`, the paper's and the reference figures'.
const K: usize = 20;

impl<'a> Ground<'a> {
    /// Splits the people.
    ///
    /// # Errors
    /// [`SeedError::Scene`].
    pub fn new(data: &'a Dataset, seed: u64) -> Result<Self, SeedError> {
        Ok(Self { data, scene: Scene::new(data, seed)? })
    }

    /// Scores in the paper's encoding.
    ///
    /// # Errors
    /// [`SeedError::Scene`].
    pub fn scores(&self, method: Method) -> Result<Scores, SeedError> {
        Ok(self.scene.scores(method, K, Encoding::Z)?)
    }

    /// `M_SP`, in persons: how many minority train people must change to the positive label for both
    /// groups to have the same share of positive labels; at least 1.
    ///
    /// Source: the number of promotions of Kamiran and Calders' massaging, one-sided.
    pub fn parity_flips(&self) -> f64 {
        parity_flips(self.data, self.scene.train())
    }

    /// `units` times `M_SP` in whole persons, at most `candidates`.
    pub fn budget(&self, units: f64, candidates: usize) -> usize {
        persons(units * self.parity_flips()).min(candidates)
    }
}

/// See [`Ground::parity_flips`].
pub fn parity_flips(data: &Dataset, rows: &[usize]) -> f64 {
    let mut counts = [[0_usize; 2]; 2];
    for &row in rows {
        counts[usize::from(data.minority[row])][usize::from(data.positive[row])] += 1;
    }
    let rate = |[no, yes]: [usize; 2]| real(yes) / real((no + yes).max(1));
    let [majority, minority] = counts;
    (real(minority[0] + minority[1]) * (rate(majority) - rate(minority))).max(1.0)
}

/// A number of persons as a real.
pub fn real(count: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "numbers of people are far below 2^53")]
    let real = count as f64;
    real
}

/// A real number in whole persons, none below 0.
pub fn persons(count: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of persons, not below 0"
    )]
    let whole = count.round().max(0.0) as usize;
    whole
}

/// 1 or 0: its mean over the seeds is a share.
pub fn share(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

impl Row {
    /// With error, `EqOd` and gaps (minority minus majority).
    #[must_use]
    pub fn measured(self, measures: &Measures) -> Self {
        self.with("error", measures.error)
            .with("eqod", measures.eqod)
            .with("tpr gap", measures.tpr_minority - measures.tpr_majority)
            .with("fpr gap", measures.fpr_minority - measures.fpr_majority)
    }
}
