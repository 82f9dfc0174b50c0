//! Withholding: with a probability, everybody's decision becomes that of the base rate of all.
//!
//! It treats the groups alike, so that the gaps shrink in proportion and the error grows towards that
//! of one decision for everybody. No paper proposes it: curves that are called calibrated
//! equalized odds look like it, and any method should beat it. The strength is the probability.

use super::{Baseline, BaselineError, Bench, FirmSide};
use crate::firm::Classifier;
use crate::scene::People;

pub(super) struct Withhold {
    classifier: Box<dyn Classifier>,
    /// The decision of the base rate: 1 from one half.
    common: f64,
}

impl Withhold {
    pub(super) fn new(bench: &Bench<'_>) -> Result<Self, BaselineError> {
        let labels = &bench.train.positive;
        let positives = labels.iter().filter(|&&label| label).count();
        let common = f64::from(u8::from(2 * positives >= labels.len()));
        Ok(Self { classifier: bench.firm.fit(labels)?, common })
    }
}

impl FirmSide for Withhold {
    fn chances(&self, strength: f64, people: &People) -> Result<Vec<f64>, BaselineError> {
        Baseline::Withhold.check(strength, 0.0..=1.0, "0 to 1")?;
        let decisions = self.classifier.decisions(&people.records);
        let own = decisions.into_iter().map(|decision| f64::from(u8::from(decision)));
        Ok(own.map(|own| own + strength * (self.common - own)).collect())
    }
}
