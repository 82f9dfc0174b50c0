//! Logistic regression by gradient descent that learns little of any one record: clipped gradients, and noise.
//!
//! All records are one batch. Each gradient is clipped to length 1, and every step's sum gets Gaussian noise, so
//! that the whole training has the epsilon asked for (delta 1e-5, one record added or removed). The noise is
//! drawn by the seed: two fits of one firm have the same noise and differ by their labels alone.
//!
//! Source: Abadi et al., "Deep learning with differential privacy", CCS 2016, with all records as one batch;
//! composed by zero-concentrated privacy (Bun, Steinke, 2016).

use ndarray::{Array1, Array2, Axis, Slice};
use protocol::order;
use protocol::scoring::design::Design;
use protocol::scoring::scaling::{Encoding, Scaling};

use super::{
    Classifier, Firm, FirmError, check_labels, check_records, check_setting, check_weighted,
};

pub(super) struct NoisyFirm {
    scaling: Scaling,
    /// With a column of ones in front.
    records: Array2<f64>,
    lengths: Vec<f64>,
    sigma: f64,
    steps: u32,
    seed: u64,
}

impl NoisyFirm {
    pub(super) fn new(
        records: &Design,
        epsilon: f64,
        steps: u32,
        seed: u64,
    ) -> Result<Self, FirmError> {
        let allowed = epsilon.is_finite() && epsilon > 0.0;
        check_setting("epsilon of the training", epsilon, allowed, "above 0")?;
        check_setting("number of steps", steps, (1..=STEPS_MAX).contains(&steps), "1 to 10000")?;
        check_records(records)?;
        let scaling = Scaling::fit(records, Encoding::Z);
        let records = with_one(&scaling, records);
        let lengths = records.outer_iter().map(|row| row.dot(&row).sqrt()).collect();
        Ok(Self { scaling, records, lengths, sigma: noise_for(epsilon, steps), steps, seed })
    }

    /// `weight` of a record multiplies its clipped gradient; noise grows with the greatest, `most`.
    fn descend(
        &self,
        labels: &[bool],
        weight: impl Fn(usize) -> f64,
        most: f64,
    ) -> NoisyClassifier {
        let total: f64 = (0..labels.len()).map(&weight).sum();
        let mut weights = Array1::<f64>::zeros(self.records.ncols());
        for step in 0..self.steps {
            let margins = self.records.dot(&weights);
            let pull = |place: usize| {
                let residual = f64::from(u8::from(labels[place])) - chance(margins[place]);
                weight(place) * residual / (residual.abs() * self.lengths[place]).max(1.0)
            };
            let pulls: Array1<f64> = (0..labels.len()).map(pull).collect();
            let mut gradient = self.records.t().dot(&pulls);
            for (place, value) in gradient.iter_mut().enumerate() {
                *value += most * self.sigma * gaussian(self.seed, step, place);
            }
            weights.scaled_add(RATE / total, &gradient);
        }
        NoisyClassifier { scaling: self.scaling.clone(), weights }
    }
}

impl Firm for NoisyFirm {
    fn fit(&self, labels: &[bool]) -> Result<Box<dyn Classifier>, FirmError> {
        check_labels(self.records.nrows(), labels)?;
        Ok(Box::new(self.descend(labels, |_| 1.0, 1.0)))
    }

    fn fit_weighted(
        &self,
        labels: &[bool],
        weights: &[f64],
    ) -> Result<Box<dyn Classifier>, FirmError> {
        check_weighted(self.records.nrows(), labels, weights)?;
        let most = weights.iter().copied().fold(0.0, f64::max);
        Ok(Box::new(self.descend(labels, |place| weights[place], most)))
    }
}

struct NoisyClassifier {
    scaling: Scaling,
    weights: Array1<f64>,
}

impl NoisyClassifier {
    fn margins(&self, records: &Design) -> Array1<f64> {
        with_one(&self.scaling, records).dot(&self.weights)
    }
}

impl Classifier for NoisyClassifier {
    fn probabilities(&self, records: &Design) -> Vec<f64> {
        self.margins(records).iter().map(|&margin| chance(margin)).collect()
    }

    fn decisions(&self, records: &Design) -> Vec<bool> {
        self.margins(records).iter().map(|&margin| margin >= 0.0).collect()
    }
}

fn with_one(scaling: &Scaling, records: &Design) -> Array2<f64> {
    let dense = scaling.apply(records).to_dense();
    let mut wide = Array2::ones((dense.nrows(), dense.ncols() + 1));
    wide.slice_axis_mut(Axis(1), Slice::from(1..)).assign(&dense);
    wide
}

fn chance(margin: f64) -> f64 {
    1.0 / (1.0 + (-margin).exp())
}

/// Step size of the descent, on mean gradients of length at most 1.
const RATE: f64 = 2.0;

const DELTA: f64 = 1e-5;
const STEPS_MAX: u32 = 10_000;

/// The standard deviation of each step: `steps` times `rho = 1 / (2 sigma²)`, and
/// `epsilon = rho + 2 sqrt(rho ln(1 / delta))`.
fn noise_for(epsilon: f64, steps: u32) -> f64 {
    let log = (1.0 / DELTA).ln();
    let rho = ((log + epsilon).sqrt() - log.sqrt()).powi(2);
    (f64::from(steps) / (2.0 * rho)).sqrt()
}

/// A standard Gaussian number by the transform of Box and Muller.
fn gaussian(seed: u64, step: u32, place: usize) -> f64 {
    let counter = (u64::from(step) << 20) + 2 * place as u64;
    let (radius, turn) = (order::unit(seed, NOISE, counter), order::unit(seed, NOISE, counter + 1));
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * turn).cos()
}

/// The repetition from which noise is drawn.
const NOISE: u64 = 1 << 41;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firm::Learner;
    use crate::population::causal::{CausalSettings, generate};

    #[test]
    fn noise_spends_what_was_asked_for() {
        // rho of one step is 1 / (2 sigma²).
        for (epsilon, steps) in [(1.0, 100), (8.0, 30)] {
            let sigma = noise_for(epsilon, steps);
            let rho = f64::from(steps) / (2.0 * sigma * sigma);
            let spent = rho + 2.0 * (rho * (1.0 / DELTA).ln()).sqrt();
            assert!((spent - epsilon).abs() < 1e-9, "{spent}");
        }
        assert!((noise_for(1.0, 400) / noise_for(1.0, 100) - 2.0).abs() < 1e-12);
    }

    #[test]
    fn with_little_noise_it_decides_like_a_logistic_regression() {
        let settings = CausalSettings { people: 1_000, ..CausalSettings::default() };
        let data = generate(&settings).unwrap().dataset;
        let decide = |learner: Learner| {
            let firm = learner.prepare(&data.records, &data.positive).unwrap();
            firm.fit(&data.positive).unwrap().decisions(&data.records)
        };
        let share_alike = |epsilon| {
            let learner = Learner::NoisyDescent { epsilon, steps: 200, seed: 1 };
            let (noisy, plain) = (decide(learner), decide(Learner::logistic()));
            noisy.iter().zip(&plain).filter(|(a, b)| a == b).count()
        };
        assert!(share_alike(1e4) > 930, "{}", share_alike(1e4));
        assert!(share_alike(0.01) < share_alike(1e4));
    }

    #[test]
    fn weights_that_are_all_alike_change_nothing() {
        let settings = CausalSettings { people: 300, ..CausalSettings::default() };
        let data = generate(&settings).unwrap().dataset;
        let learner = Learner::NoisyDescent { epsilon: 8.0, steps: 50, seed: 1 };
        let firm = learner.prepare(&data.records, &data.positive).unwrap();
        let plain = firm.fit(&data.positive).unwrap().probabilities(&data.records);
        let weighted = firm.fit_weighted(&data.positive, &[2.0; 300]).unwrap();
        let weighted = weighted.probabilities(&data.records);
        assert!(plain.iter().zip(&weighted).all(|(a, b)| (a - b).abs() < 1e-9));
        let refused = Learner::NoisyDescent { epsilon: 0.0, steps: 50, seed: 1 };
        assert!(refused.prepare(&data.records, &data.positive).is_err());
    }
}
