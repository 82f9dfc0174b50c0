//! A neural network: one hidden layer of rectified linear units, trained by Adam.
//!
//! Every fit starts from the same weights and sees the records in the same order, both decided by
//! the seed, so that two fits differ by their labels alone.
//!
//! Source of the optimiser: Kingma, Ba, "Adam: a method for stochastic optimization", ICLR 2015.

use ndarray::linalg::{general_mat_mul, general_mat_vec_mul};
use ndarray::{Array1, Array2, ArrayBase, Axis, DataMut, Ix2, Slice};
use protocol::order::{Purpose, order, splitmix64, unit};
use protocol::scoring::design::Design;
use protocol::scoring::scaling::{Encoding, Scaled, Scaling};

use super::{
    Classifier, Firm, FirmError, check_labels, check_records, check_setting, check_weighted,
};

/// Records of one step.
const BATCH: usize = 128;
const HIDDEN_MAX: u32 = 4096;
const EPOCHS_MAX: u32 = 10_000;

pub(super) struct MlpFirm {
    scaling: Scaling,
    records: Array2<f32>,
    start: Network,
    epochs: u32,
    rate: f32,
    seed: u64,
}

impl MlpFirm {
    pub(super) fn new(
        records: &Design,
        hidden: u32,
        epochs: u32,
        rate: f64,
        seed: u64,
    ) -> Result<Self, FirmError> {
        let allowed = usize::try_from(hidden).ok().filter(|_| (1..=HIDDEN_MAX).contains(&hidden));
        check_setting("number of hidden units", hidden, allowed.is_some(), "1 to 4096")?;
        check_setting(
            "number of epochs",
            epochs,
            (1..=EPOCHS_MAX).contains(&epochs),
            "1 to 10000",
        )?;
        check_setting("learning rate", rate, rate > 0.0 && rate <= 1.0, "above 0, at most 1")?;
        check_records(records)?;
        let scaling = Scaling::fit(records, Encoding::Z);
        let records = dense(&scaling.apply(records));
        let start = Network::new(records.ncols(), allowed.unwrap_or(1), seed);
        Ok(Self { scaling, records, start, epochs, rate: single(rate), seed })
    }
}

/// What to learn: labels, and by what each record's loss is multiplied, 1 if there are none.
#[derive(Clone, Copy)]
struct Targets<'a> {
    labels: &'a [bool],
    weights: Option<&'a [f64]>,
}

impl Firm for MlpFirm {
    fn fit(&self, labels: &[bool]) -> Result<Box<dyn Classifier>, FirmError> {
        check_labels(self.records.nrows(), labels)?;
        Ok(self.learn(Targets { labels, weights: None }))
    }

    fn fit_weighted(
        &self,
        labels: &[bool],
        weights: &[f64],
    ) -> Result<Box<dyn Classifier>, FirmError> {
        check_weighted(self.records.nrows(), labels, weights)?;
        Ok(self.learn(Targets { labels, weights: Some(weights) }))
    }
}

impl MlpFirm {
    fn learn(&self, targets: Targets<'_>) -> Box<dyn Classifier> {
        let mut network = self.start.clone();
        let (columns, hidden) = network.into_hidden.dim();
        let mut adam = Adam::new(self.rate, Network::zeros(columns, hidden));
        let mut batch = Batch::new(columns, hidden);
        for epoch in 0..self.epochs {
            let seed = splitmix64(self.seed ^ splitmix64(u64::from(epoch)));
            for rows in order(seed, Purpose::Ties, 0..self.records.nrows()).chunks(BATCH) {
                batch.gradients(&network, &self.records, targets, rows);
                adam.step(&mut network, &batch.gradients);
            }
        }
        Box::new(MlpClassifier { scaling: self.scaling.clone(), network })
    }
}

struct MlpClassifier {
    scaling: Scaling,
    network: Network,
}

impl MlpClassifier {
    fn margins(&self, records: &Design) -> Vec<f32> {
        let records = dense(&self.scaling.apply(records));
        let mut margins = Vec::with_capacity(records.nrows());
        for records in records.axis_chunks_iter(Axis(0), 1024) {
            let mut hidden = records.dot(&self.network.into_hidden);
            rectify(&mut hidden, &self.network.hidden_bias);
            margins.extend(hidden.dot(&self.network.out).iter().map(|m| m + self.network.out_bias));
        }
        margins
    }
}

impl Classifier for MlpClassifier {
    fn probabilities(&self, records: &Design) -> Vec<f64> {
        self.margins(records).into_iter().map(|m| 1.0 / (1.0 + (-f64::from(m)).exp())).collect()
    }

    // The sign of the log-odds: `p >= 0.5` without the rounding of the exponential.
    fn decisions(&self, records: &Design) -> Vec<bool> {
        self.margins(records).into_iter().map(|margin| margin >= 0.0).collect()
    }
}

/// The weights; also their gradients, and the moments of these.
#[derive(Clone, Debug)]
struct Network {
    /// Columns × hidden units.
    into_hidden: Array2<f32>,
    hidden_bias: Array1<f32>,
    out: Array1<f32>,
    out_bias: f32,
}

impl Network {
    /// Uniform weights within ±√(6 / (inputs + outputs)) of their layer; biases 0.
    fn new(columns: usize, hidden: usize, seed: u64) -> Self {
        let mut counter = 0;
        let mut draw = |limit: f64| {
            counter += 1;
            single((2.0 * unit(seed, 0, counter) - 1.0) * limit)
        };
        #[expect(clippy::cast_precision_loss, reason = "layers are far narrower than 2^53")]
        let (before, after) =
            ((6.0 / (columns + hidden) as f64).sqrt(), (6.0 / (hidden + 1) as f64).sqrt());
        Self {
            into_hidden: Array2::from_shape_simple_fn((columns, hidden), || draw(before)),
            hidden_bias: Array1::zeros(hidden),
            out: Array1::from_shape_simple_fn(hidden, || draw(after)),
            out_bias: 0.0,
        }
    }

    fn zeros(columns: usize, hidden: usize) -> Self {
        Self {
            into_hidden: Array2::zeros((columns, hidden)),
            hidden_bias: Array1::zeros(hidden),
            out: Array1::zeros(hidden),
            out_bias: 0.0,
        }
    }

    fn parts(&self) -> [&[f32]; 4] {
        [
            self.into_hidden.as_slice().expect(CONTIGUOUS),
            self.hidden_bias.as_slice().expect(CONTIGUOUS),
            self.out.as_slice().expect(CONTIGUOUS),
            std::slice::from_ref(&self.out_bias),
        ]
    }

    fn parts_mut(&mut self) -> [&mut [f32]; 4] {
        [
            self.into_hidden.as_slice_mut().expect(CONTIGUOUS),
            self.hidden_bias.as_slice_mut().expect(CONTIGUOUS),
            self.out.as_slice_mut().expect(CONTIGUOUS),
            std::slice::from_mut(&mut self.out_bias),
        ]
    }
}

const CONTIGUOUS: &str = "arrays are made row by row and never sliced";

/// One step's records, what the network makes of them, and the gradients.
struct Batch {
    records: Array2<f32>,
    hidden: Array2<f32>,
    /// The derivative of the loss by each hidden unit's input.
    errors: Array2<f32>,
    /// The derivative of the loss by the log-odds, per record.
    residuals: Array1<f32>,
    gradients: Network,
}

impl Batch {
    fn new(columns: usize, hidden: usize) -> Self {
        Self {
            records: Array2::zeros((BATCH, columns)),
            hidden: Array2::zeros((BATCH, hidden)),
            errors: Array2::zeros((BATCH, hidden)),
            residuals: Array1::zeros(BATCH),
            gradients: Network::zeros(columns, hidden),
        }
    }

    /// The gradients of the mean loss over `rows`, at most [`BATCH`].
    fn gradients(
        &mut self,
        network: &Network,
        records: &Array2<f32>,
        targets: Targets<'_>,
        rows: &[usize],
    ) {
        let here = Slice::from(..rows.len());
        let mut taken = self.records.slice_axis_mut(Axis(0), here);
        for (mut to, &row) in taken.outer_iter_mut().zip(rows) {
            to.assign(&records.row(row));
        }
        let mut hidden = self.hidden.slice_axis_mut(Axis(0), here);
        general_mat_mul(1.0, &taken, &network.into_hidden, 0.0, &mut hidden);
        rectify(&mut hidden, &network.hidden_bias);
        let mut residuals = self.residuals.slice_axis_mut(Axis(0), here);
        general_mat_vec_mul(1.0, &hidden, &network.out, 0.0, &mut residuals);
        #[expect(clippy::cast_precision_loss, reason = "a batch is far smaller than 2^24")]
        let share = 1.0 / rows.len() as f32;
        for (residual, &row) in residuals.iter_mut().zip(rows) {
            let p = 1.0 / (1.0 + (-*residual - network.out_bias).exp());
            *residual = (p - f32::from(u8::from(targets.labels[row]))) * share;
        }
        if let Some(weights) = targets.weights {
            residuals.iter_mut().zip(rows).for_each(|(r, &row)| *r *= single(weights[row]));
        }
        let mut errors = self.errors.slice_axis_mut(Axis(0), here);
        let records = errors.outer_iter_mut().zip(hidden.outer_iter()).zip(&residuals);
        for ((mut errors, hidden), residual) in records {
            errors.zip_mut_with(&hidden, |error, h| *error = f32::from(u8::from(*h > 0.0)));
            errors.zip_mut_with(&network.out, |error, weight| *error *= weight * residual);
        }
        let to = &mut self.gradients;
        general_mat_mul(1.0, &taken.t(), &errors, 0.0, &mut to.into_hidden);
        to.hidden_bias.assign(&errors.sum_axis(Axis(0)));
        general_mat_vec_mul(1.0, &hidden.t(), &residuals, 0.0, &mut to.out);
        to.out_bias = residuals.sum();
    }
}

/// The optimiser, with the constants of its paper.
struct Adam {
    rate: f32,
    /// The powers of the two decay rates so far.
    decays: [f32; 2],
    first: Network,
    second: Network,
}

impl Adam {
    const DECAY: [f32; 2] = [0.9, 0.999];
    const EPSILON: f32 = 1e-8;

    fn new(rate: f32, zeros: Network) -> Self {
        Self { rate, decays: [1.0; 2], first: zeros.clone(), second: zeros }
    }

    fn step(&mut self, network: &mut Network, gradients: &Network) {
        let [first_decay, second_decay] = Self::DECAY;
        self.decays = [self.decays[0] * first_decay, self.decays[1] * second_decay];
        let [first_bias, second_bias] = self.decays.map(|decay| 1.0 - decay);
        let (rate, scale) = (self.rate / first_bias, 1.0 / second_bias);
        let moments = self.first.parts_mut().into_iter().zip(self.second.parts_mut());
        let parts = network.parts_mut().into_iter().zip(gradients.parts()).zip(moments);
        for ((weights, gradients), (firsts, seconds)) in parts {
            let weights = weights.iter_mut().zip(gradients);
            for ((weight, gradient), (first, second)) in weights.zip(firsts.iter_mut().zip(seconds))
            {
                *first += (1.0 - first_decay) * (gradient - *first);
                *second += (1.0 - second_decay) * (gradient * gradient - *second);
                *weight -= rate * *first / ((*second * scale).sqrt() + Self::EPSILON);
            }
        }
    }
}

/// Adds the bias to every row and cuts off below 0.
fn rectify(hidden: &mut ArrayBase<impl DataMut<Elem = f32>, Ix2>, bias: &Array1<f32>) {
    for mut row in hidden.outer_iter_mut() {
        row.zip_mut_with(bias, |h, b| *h = (*h + b).max(0.0));
    }
}

fn dense(records: &Scaled) -> Array2<f32> {
    records.to_dense().mapv(single)
}

#[expect(clippy::cast_possible_truncation, reason = "single precision is enough to train on")]
fn single(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firm::Learner;
    use protocol::scoring::design::DesignBuilder;
    use protocol::scoring::schema::{Feature, FeatureKind, Schema, Value};

    /// Positive where exactly one of a number and a flag is high: no line separates it.
    fn exclusive_or() -> (Design, Vec<bool>) {
        let feature = |name: &str, kind| Feature { name: name.into(), unit: None, kind };
        let schema = Schema::new(vec![
            feature("number", FeatureKind::Numeric { min: 0.0, max: 1.0 }),
            feature("flag", FeatureKind::Flag),
        ]);
        let mut builder = DesignBuilder::new(&schema.unwrap());
        let mut labels = Vec::new();
        for i in 0..1000 {
            let (number, flag) = (unit(3, 0, i), unit(3, 1, i) > 0.5);
            builder.push(&[Value::Number(number), Value::Flag(flag)]);
            labels.push((number > 0.5) != flag);
        }
        (builder.finish(), labels)
    }

    fn learner(seed: u64) -> Learner {
        Learner::Mlp { hidden: 16, epochs: 60, rate: 0.01, seed }
    }

    #[test]
    fn learns_exclusive_or() {
        let (records, labels) = exclusive_or();
        let firm = learner(1).prepare(&records, &labels).unwrap();
        let decisions = firm.fit(&labels).unwrap().decisions(&records);
        let wrong = decisions.iter().zip(&labels).filter(|(a, b)| a != b).count();
        assert!(wrong < 30, "{wrong} of 1000 wrong");
    }

    #[test]
    fn the_seed_decides_the_classifier() {
        let (records, labels) = exclusive_or();
        let fit = |seed| {
            let firm = learner(seed).prepare(&records, &labels).unwrap();
            firm.fit(&labels).unwrap();
            firm.fit(&labels).unwrap().probabilities(&records)
        };
        assert_eq!(fit(1), fit(1));
        assert_ne!(fit(1), fit(2));
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let (records, labels) = exclusive_or();
        let scaled = dense(&Scaling::fit(&records, Encoding::Z).apply(&records));
        let network = Network::new(2, 5, 9);
        let rows: Vec<usize> = (0..100).collect();
        let mut batch = Batch::new(2, 5);
        let weights: Vec<f64> = (0..1000).map(|i| f64::from(i % 3)).collect();
        let targets = Targets { labels: &labels, weights: Some(&weights) };
        batch.gradients(&network, &scaled, targets, &rows);
        let classifier =
            |network| MlpClassifier { scaling: Scaling::fit(&records, Encoding::Z), network };
        let loss = |network: Network| -> f64 {
            let p = classifier(network).probabilities(&records);
            let likelihood =
                rows.iter().map(|&i| weights[i] * if labels[i] { p[i] } else { 1.0 - p[i] }.ln());
            -likelihood.sum::<f64>() / 100.0
        };
        for part in 0..4 {
            for i in 0..network.parts()[part].len() {
                let moved = |by: f32| {
                    let mut network = network.clone();
                    network.parts_mut()[part][i] += by;
                    loss(network)
                };
                let slope = (moved(0.001) - moved(-0.001)) / 0.002;
                let found = f64::from(batch.gradients.parts()[part][i]);
                assert!((found - slope).abs() < 2e-3, "{part} {i}: {found}, slope {slope}");
            }
        }
    }

    #[test]
    fn refuses_wrong_settings_and_labels() {
        let (records, labels) = exclusive_or();
        let wrong = Learner::Mlp { hidden: 64, epochs: 1, rate: 0.0, seed: 0 };
        let what = "learning rate";
        assert_eq!(
            wrong.prepare(&records, &labels).err(),
            Some(FirmError::Setting { what, value: 0.0, allowed: "above 0, at most 1" })
        );
        let firm = learner(0).prepare(&records, &labels).unwrap();
        let refused = |labels: &[bool]| firm.fit(labels).err();
        assert_eq!(refused(&[true; 3]), Some(FirmError::Labels { expected: 1000, got: 3 }));
        assert_eq!(refused(&[false; 1000]), Some(FirmError::OneClass { positive: false }));
    }
}
