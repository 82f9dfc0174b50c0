//! L2-penalised logistic regression by Newton's method.
//!
//! Minimises `sum of log-losses + penalty/2 * |weights|^2`, the intercept free. Gradient and Hessian
//! are summed over the stored positions of indicators instead of dense columns. A fit may start from
//! another (labels that differ in a few rows): it then keeps that fit's factorised Hessian for as
//! long as it serves, so that a refit costs a handful of gradients. The optimum is the same either
//! way: the objective is strictly convex, and both stop at the same tolerance.

use ndarray::{Array1, Array2, ArrayView1, Axis, Slice};

use super::cholesky::Cholesky;
use super::scaling::Scaled;

/// The squared Newton decrement at which a fit stops; twice the distance to the least objective.
const DECREMENT_TOLERANCE: f64 = 1e-13;
/// A kept Hessian is renewed when a step reduces the squared decrement by less than this factor.
const STALE: f64 = 0.02;
/// A Newton step that must be cut below this length is no guide; see `safe_step`.
const SHORT: f64 = 0.125;
const ITERATIONS_MAX: usize = 200;
const HALVINGS_MAX: usize = 60;

/// Why a fit was not possible.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LogisticError {
    /// No records.
    #[error("logistic regression needs at least one record")]
    Empty,
    /// A label is missing or left over.
    #[error("{expected} records, but {got} labels")]
    Labels {
        /// Records.
        expected: usize,
        /// Labels.
        got: usize,
    },
    /// All labels are alike: the free intercept would be infinite.
    #[error("all labels are {}: nothing to learn", if *.positive { "positive" } else { "negative" })]
    OneClass {
        /// Which label.
        positive: bool,
    },
    /// A weight is missing or left over.
    #[error("{expected} records, but {got} weights")]
    Weights {
        /// Records.
        expected: usize,
        /// Weights.
        got: usize,
    },
    /// A weight is negative or no number.
    #[error("the weight of record {row} is {weight}; allowed: 0 or above, finite")]
    Weight {
        /// Which record, counted from 0.
        row: usize,
        /// As given.
        weight: f64,
    },
    /// The penalty is not a positive number.
    #[error("the penalty is {penalty}; allowed: above 0")]
    Penalty {
        /// As given.
        penalty: f64,
    },
    /// Not at the optimum after the greatest number of iterations.
    #[error("not converged after {iterations} iterations (squared decrement {decrement:e})")]
    NotConverged {
        /// How many.
        iterations: usize,
        /// Where it stood.
        decrement: f64,
    },
}

/// A fitted model over scaled records.
#[derive(Clone, Debug, PartialEq)]
pub struct Logistic {
    /// One weight per coordinate.
    weights: Array1<f64>,
    intercept: f64,
}

/// A fitted model, with what another fit can start from.
#[derive(Clone, Debug)]
pub struct LogisticFit {
    model: Logistic,
    objective: f64,
    iterations: usize,
    hessian: Cholesky,
}

impl LogisticFit {
    /// The fitted model.
    pub const fn model(&self) -> &Logistic {
        &self.model
    }

    /// The least objective: sum of log-losses plus penalty.
    pub const fn objective(&self) -> f64 {
        self.objective
    }

    /// How many steps it took.
    pub const fn iterations(&self) -> usize {
        self.iterations
    }
}

impl Logistic {
    /// Fits from zero.
    ///
    /// # Errors
    /// Every [`LogisticError`].
    pub fn fit(data: &Scaled, labels: &[bool], penalty: f64) -> Result<LogisticFit, LogisticError> {
        check(data, labels, penalty)?;
        let zero = Array1::zeros(data.columns() + 1);
        Problem { data, labels, weights: None, penalty }.minimise(zero, None)
    }

    /// Fits from zero, the log-loss of each record multiplied by its weight.
    ///
    /// The penalty is not: weights that sum to the number of records keep its strength.
    ///
    /// # Errors
    /// Every [`LogisticError`]; records of weight 0 do not count as having a label.
    pub fn fit_weighted(
        data: &Scaled,
        labels: &[bool],
        weights: &[f64],
        penalty: f64,
    ) -> Result<LogisticFit, LogisticError> {
        check(data, labels, penalty)?;
        check_weights(labels, weights)?;
        let zero = Array1::zeros(data.columns() + 1);
        Problem { data, labels, weights: Some(weights), penalty }.minimise(zero, None)
    }

    /// Fits from the optimum of nearby labels on the same records.
    ///
    /// # Errors
    /// Every [`LogisticError`].
    pub fn refit(
        data: &Scaled,
        labels: &[bool],
        penalty: f64,
        start: &LogisticFit,
    ) -> Result<LogisticFit, LogisticError> {
        check(data, labels, penalty)?;
        let parameters = start.model.parameters();
        Problem { data, labels, weights: None, penalty }
            .minimise(parameters, Some(start.hessian.clone()))
    }

    /// The probability of a positive label for each record.
    pub fn probabilities(&self, data: &Scaled) -> Vec<f64> {
        self.margins(data).into_iter().map(sigmoid).collect()
    }

    /// The log-odds of a positive label for each record; at 0 the probability is one half.
    pub fn margins(&self, data: &Scaled) -> Vec<f64> {
        margins(data, &self.parameters()).to_vec()
    }

    /// The weights, then the intercept.
    fn parameters(&self) -> Array1<f64> {
        self.weights.iter().copied().chain([self.intercept]).collect()
    }
}

fn check(data: &Scaled, labels: &[bool], penalty: f64) -> Result<(), LogisticError> {
    if data.rows() == 0 {
        return Err(LogisticError::Empty);
    }
    if labels.len() != data.rows() {
        return Err(LogisticError::Labels { expected: data.rows(), got: labels.len() });
    }
    if labels.iter().all(|&label| label == labels[0]) {
        return Err(LogisticError::OneClass { positive: labels[0] });
    }
    if !(penalty.is_finite() && penalty > 0.0) {
        return Err(LogisticError::Penalty { penalty });
    }
    Ok(())
}

fn check_weights(labels: &[bool], weights: &[f64]) -> Result<(), LogisticError> {
    if weights.len() != labels.len() {
        return Err(LogisticError::Weights { expected: labels.len(), got: weights.len() });
    }
    let wrong = |&(_, weight): &(usize, &f64)| !(weight.is_finite() && *weight >= 0.0);
    if let Some((row, &weight)) = weights.iter().enumerate().find(wrong) {
        return Err(LogisticError::Weight { row, weight });
    }
    let mut counted = labels.iter().zip(weights).filter(|&(_, &weight)| weight > 0.0);
    let &positive = counted.next().ok_or(LogisticError::Empty)?.0;
    if counted.all(|(&label, _)| label == positive) {
        return Err(LogisticError::OneClass { positive });
    }
    Ok(())
}

/// Where a step ends.
struct Reached {
    parameters: Array1<f64>,
    objective: f64,
    probabilities: Array1<f64>,
}

struct Problem<'a> {
    data: &'a Scaled,
    labels: &'a [bool],
    /// What each record's loss is multiplied by; by 1 if there are none.
    weights: Option<&'a [f64]>,
    penalty: f64,
}

impl Problem<'_> {
    /// Newton steps with backtracking; parameters are the weights, then the intercept.
    fn minimise(
        &self,
        mut parameters: Array1<f64>,
        mut kept: Option<Cholesky>,
    ) -> Result<LogisticFit, LogisticError> {
        let (mut objective, mut probabilities) = self.objective(&parameters);
        let (mut decrement, mut before) = (f64::INFINITY, f64::INFINITY);
        for iterations in 0..ITERATIONS_MAX {
            let gradient = self.gradient(&probabilities, &parameters);
            let fresh = kept.is_none();
            let hessian = kept
                .take()
                .or_else(|| Cholesky::new(self.hessian(&probabilities)))
                .ok_or(LogisticError::NotConverged { iterations, decrement })?;
            let step = hessian.solve(&gradient);
            decrement = gradient.dot(&step);
            if decrement <= DECREMENT_TOLERANCE {
                return Ok(self.finish(&parameters, objective, iterations, hessian));
            }
            if !fresh && decrement > STALE * before {
                before = f64::INFINITY;
                continue;
            }
            let Some((length, mut taken)) = self.descend(&parameters, &step, decrement, objective)
            else {
                // Rounding hides any further descent: this is the optimum to working precision.
                if fresh && decrement <= DECREMENT_TOLERANCE.sqrt() {
                    return Ok(self.finish(&parameters, objective, iterations, hessian));
                }
                if fresh {
                    return Err(LogisticError::NotConverged { iterations, decrement });
                }
                continue;
            };
            if fresh && length < SHORT {
                let safe = self.safe_step(&parameters, &probabilities, &gradient);
                taken = safe.filter(|safe| safe.objective < taken.objective).unwrap_or(taken);
            }
            Reached { parameters, objective, probabilities } = taken;
            before = decrement;
            // Far from the optimum curvature changes with every step; near it, it hardly does.
            kept = (decrement < 1.0 || !fresh).then_some(hessian);
        }
        Err(LogisticError::NotConverged { iterations: ITERATIONS_MAX, decrement })
    }

    /// The step to the minimum of a quadratic that touches the objective here and lies above it
    /// everywhere: it always descends. Where a rare indicator's people are far on the wrong side, their
    /// curvature vanishes, Newton's step is thousands of times too long, and halving it would crawl.
    ///
    /// Source: Jaakkola and Jordan, "Bayesian parameter estimation via variational methods", 2000:
    /// curvature `tanh(m/2) / 2m` at the margin m.
    fn safe_step(
        &self,
        parameters: &Array1<f64>,
        probabilities: &Array1<f64>,
        gradient: &Array1<f64>,
    ) -> Option<Reached> {
        let mut curvature = probabilities.mapv(|p| {
            let margin = (p.max(1e-15) / (1.0 - p).max(1e-15)).ln();
            if margin.abs() < 1e-6 { 0.25 } else { (margin / 2.0).tanh() / (2.0 * margin) }
        });
        self.weigh(&mut curvature);
        let candidate = parameters - &Cholesky::new(self.curved(&curvature))?.solve(gradient);
        let (value, probabilities) = self.objective(&candidate);
        Some(Reached { parameters: candidate, objective: value, probabilities })
    }

    /// The first of the halved steps that descends enough (Armijo's rule), with its length.
    fn descend(
        &self,
        parameters: &Array1<f64>,
        step: &Array1<f64>,
        decrement: f64,
        objective: f64,
    ) -> Option<(f64, Reached)> {
        let mut length = 1.0;
        let rounding = objective.abs() * 1e-14;
        for _ in 0..HALVINGS_MAX {
            let candidate = parameters - &(step * length);
            let (value, probabilities) = self.objective(&candidate);
            if value <= objective - 1e-4 * length * decrement + rounding {
                let reached = Reached { parameters: candidate, objective: value, probabilities };
                return Some((length, reached));
            }
            length /= 2.0;
        }
        None
    }

    fn finish(
        &self,
        parameters: &Array1<f64>,
        objective: f64,
        iterations: usize,
        hessian: Cholesky,
    ) -> LogisticFit {
        let columns = self.data.columns();
        LogisticFit {
            model: Logistic {
                weights: first(parameters, columns).to_owned(),
                intercept: parameters[columns],
            },
            objective,
            iterations,
            hessian,
        }
    }

    /// The objective, and the probability of a positive label for each record.
    fn objective(&self, parameters: &Array1<f64>) -> (f64, Array1<f64>) {
        match self.weights {
            None => self.weighted_objective(parameters, std::iter::repeat(1.0)),
            Some(weights) => self.weighted_objective(parameters, weights.iter().copied()),
        }
    }

    fn weighted_objective(
        &self,
        parameters: &Array1<f64>,
        weights: impl Iterator<Item = f64>,
    ) -> (f64, Array1<f64>) {
        let mut margins = margins(self.data, parameters);
        let mut loss = 0.0;
        for ((margin, &label), weight) in margins.iter_mut().zip(self.labels).zip(weights) {
            // ln(1 + e^-|m|) and 1/(1 + e^-|m|) share their exponential and never overflow.
            let decay = (-margin.abs()).exp();
            let wrong_side = if label { *margin < 0.0 } else { *margin > 0.0 };
            loss += weight * (decay.ln_1p() + if wrong_side { margin.abs() } else { 0.0 });
            *margin = if *margin >= 0.0 { 1.0 } else { decay } / (1.0 + decay);
        }
        let weights = first(parameters, self.data.columns());
        (loss + 0.5 * self.penalty * weights.dot(&weights), margins)
    }

    fn gradient(&self, probabilities: &Array1<f64>, parameters: &Array1<f64>) -> Array1<f64> {
        let data = self.data;
        let columns = data.columns();
        let mut residuals: Array1<f64> = probabilities
            .iter()
            .zip(self.labels)
            .map(|(p, &label)| p - f64::from(u8::from(label)))
            .collect();
        self.weigh(&mut residuals);
        let total = residuals.sum();
        let sums = indicator_sums(data, &residuals);
        let by_number = data.numbers.t().dot(&residuals);
        let by_indicator = sums
            .iter()
            .zip(data.off.iter().zip(&data.on))
            .map(|(&sum, (&off, &on))| off * (total - sum) + on * sum);
        let penalties = first(parameters, columns);
        by_number
            .into_iter()
            .chain(by_indicator)
            .zip(penalties)
            .map(|(loss, weight)| loss + self.penalty * weight)
            .chain([total])
            .collect()
    }

    fn hessian(&self, probabilities: &Array1<f64>) -> Array2<f64> {
        let mut curvatures = probabilities.mapv(|p| p * (1.0 - p));
        self.weigh(&mut curvatures);
        self.curved(&curvatures)
    }

    /// Multiplies one value per record by the records' weights.
    fn weigh(&self, values: &mut Array1<f64>) {
        if let Some(weights) = self.weights {
            values.iter_mut().zip(weights).for_each(|(value, weight)| *value *= weight);
        }
    }

    /// The Hessian of log-losses of these curvatures, one per record, and of the penalty.
    fn curved(&self, curvatures: &Array1<f64>) -> Array2<f64> {
        let mut hessian = weighted_gram(self.data, curvatures);
        for j in 0..self.data.columns() {
            hessian[(j, j)] += self.penalty;
        }
        // The intercept has no penalty of its own; this keeps saturated probabilities invertible.
        let last = self.data.columns();
        hessian[(last, last)] += 1e-12;
        hessian
    }
}

fn sigmoid(margin: f64) -> f64 {
    let decay = (-margin.abs()).exp();
    if margin >= 0.0 { 1.0 / (1.0 + decay) } else { decay / (1.0 + decay) }
}

/// `parameters` are the weights, then the intercept.
fn margins(data: &Scaled, parameters: &Array1<f64>) -> Array1<f64> {
    let (count, columns) = (data.numbers.ncols(), data.columns());
    let mut constant = parameters[columns];
    let mut steps = vec![0.0; columns];
    for (j, (&off, &on)) in data.off.iter().zip(&data.on).enumerate() {
        constant += parameters[count + j] * off;
        steps[count + j] = parameters[count + j] * (on - off);
    }
    let mut margins = data.numbers.dot(&first(parameters, count));
    for (i, margin) in margins.iter_mut().enumerate() {
        *margin += constant + data.active_columns(i).map(|column| steps[column]).sum::<f64>();
    }
    margins
}

/// Per indicator column: the sum of `values` over the records in which it is on.
fn indicator_sums(data: &Scaled, values: &Array1<f64>) -> Vec<f64> {
    let count = data.numbers.ncols();
    let mut sums = vec![0.0; data.off.len()];
    for (i, value) in values.iter().enumerate() {
        for column in data.active_columns(i) {
            sums[column - count] += value;
        }
    }
    sums
}

/// `sum over records of weight * z z^T` with `z = (coordinates, 1)`.
fn weighted_gram(data: &Scaled, weights: &Array1<f64>) -> Array2<f64> {
    let (count, columns) = (data.numbers.ncols(), data.columns());
    let indicators = columns - count;
    let mut weighted = data.numbers.clone();
    for (mut row, &w) in weighted.outer_iter_mut().zip(weights) {
        row *= w;
    }
    let number_sums = weighted.sum_axis(Axis(0));
    let total = weights.sum();
    let (crossed, pairs) = indicator_products(data, &weighted, weights);

    let mut gram = Array2::zeros((columns + 1, columns + 1));
    gram.slice_each_axis_mut(|_| Slice::from(..count)).assign(&data.numbers.t().dot(&weighted));
    // With z = off + (on - off) t, t in {0, 1}, sums over z follow from sums over t.
    let step = |j: usize| data.on[j] - data.off[j];
    for j in 0..indicators {
        let column = count + j;
        for l in 0..count {
            gram[(column, l)] = data.off[j] * number_sums[l] + step(j) * crossed[(j, l)];
        }
        for l in 0..=j {
            gram[(column, count + l)] = data.off[j] * data.off[l] * total
                + data.off[j] * step(l) * pairs[(l, l)]
                + step(j) * data.off[l] * pairs[(j, j)]
                + step(j) * step(l) * pairs[(j, l)];
        }
        gram[(columns, column)] = data.off[j] * total + step(j) * pairs[(j, j)];
    }
    for (l, &sum) in number_sums.iter().enumerate() {
        gram[(columns, l)] = sum;
    }
    gram[(columns, columns)] = total;
    gram
}

/// `sum w t x^T` (indicators × numbers) and the lower triangle of `sum w t t^T`, t in {0, 1}.
fn indicator_products(
    data: &Scaled,
    weighted: &Array2<f64>,
    weights: &Array1<f64>,
) -> (Array2<f64>, Array2<f64>) {
    let count = data.numbers.ncols();
    let indicators = data.off.len();
    let mut crossed = Array2::zeros((indicators, count));
    let mut pairs = Array2::zeros((indicators, indicators));
    let mut on = Vec::with_capacity(data.active.ncols());
    for (i, &w) in weights.iter().enumerate() {
        on.clear();
        on.extend(data.active_columns(i).map(|column| column - count));
        for (place, &j) in on.iter().enumerate() {
            crossed.row_mut(j).scaled_add(1.0, &weighted.row(i));
            // Blocks ascend, so earlier positions are lower columns.
            for &l in &on[..=place] {
                pairs[(j, l)] += w;
            }
        }
    }
    (crossed, pairs)
}

fn first(values: &Array1<f64>, count: usize) -> ArrayView1<'_, f64> {
    values.slice_axis(Axis(0), Slice::from(..count))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::design::{Design, tests::design};
    use super::super::scaling::{Encoding, Scaling};
    use super::*;
    use crate::order;

    fn records(seed: u64, count: usize) -> (Design, Vec<bool>) {
        let draw = |row: usize, what| order::unit(seed, what, row.try_into().unwrap());
        let rows: Vec<_> = (0..count)
            .map(|i| {
                (
                    usize::from(draw(i, 0) < 0.3),
                    80.0 * draw(i, 1),
                    draw(i, 2) < 0.5,
                    9.0 * draw(i, 3),
                )
            })
            .collect();
        let labels = rows.iter().enumerate().map(|(i, r)| r.1 / 80.0 + draw(i, 4) > 1.0).collect();
        (design(&rows), labels)
    }

    /// The gradient by dense columns, written the plain way.
    fn dense_gradient(data: &Scaled, labels: &[bool], model: &Logistic, penalty: f64) -> Vec<f64> {
        let dense = data.to_dense();
        let mut gradient = vec![0.0; data.columns() + 1];
        for (row, &label) in dense.outer_iter().zip(labels) {
            let margin = row.dot(&model.weights) + model.intercept;
            let residual = 1.0 / (1.0 + (-margin).exp()) - f64::from(u8::from(label));
            for (g, z) in gradient.iter_mut().zip(row.iter().chain(&[1.0])) {
                *g += residual * z;
            }
        }
        for (g, w) in gradient.iter_mut().zip(&model.weights) {
            *g += penalty * w;
        }
        gradient
    }

    #[test]
    fn the_gradient_vanishes_at_the_fit_in_both_encodings() {
        for encoding in [Encoding::Mix, Encoding::Z] {
            let (design, labels) = records(1, 400);
            let data = Scaling::fit(&design, encoding).apply(&design);
            let fit = Logistic::fit(&data, &labels, 1.0).unwrap();
            let gradient = dense_gradient(&data, &labels, fit.model(), 1.0);
            assert!(gradient.iter().all(|g| g.abs() < 1e-6), "{gradient:?}");
        }
    }

    #[test]
    fn sums_over_positions_equal_dense_sums() {
        let (design, _) = records(2, 100);
        let data = Scaling::fit(&design, Encoding::Z).apply(&design);
        let weights: Array1<f64> =
            (0..100).map(|i| order::unit(9, 0, u64::try_from(i).unwrap())).collect();
        let gram = weighted_gram(&data, &weights);
        let mut dense = Array2::ones((100, data.columns() + 1));
        dense.slice_axis_mut(Axis(1), Slice::from(..data.columns())).assign(&data.to_dense());
        let expected = dense.t().dot(&(&dense * &weights.insert_axis(Axis(1))));
        for i in 0..gram.nrows() {
            for j in 0..=i {
                assert!((gram[(i, j)] - expected[(i, j)]).abs() < 1e-10, "{i} {j}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn a_refit_ends_where_a_fit_ends(seed in 0_u64..1000, flips in 1_usize..100) {
            let (design, mut labels) = records(seed, 300);
            let data = Scaling::fit(&design, Encoding::Mix).apply(&design);
            let start = Logistic::fit(&data, &labels, 1.0).unwrap();
            labels.iter_mut().take(flips).for_each(|label| *label = true);
            let fresh = Logistic::fit(&data, &labels, 1.0).unwrap();
            let warm = Logistic::refit(&data, &labels, 1.0, &start).unwrap();
            prop_assert!((fresh.objective() - warm.objective()).abs() < 1e-9);
            for (a, b) in fresh.model().weights.iter().zip(&warm.model().weights) {
                prop_assert!((a - b).abs() < 1e-6);
            }
        }
    }

    /// A weight of 3 is the same as standing there three times, a weight of 0 as not standing there.
    #[test]
    fn whole_weights_are_repetitions() {
        let (design, labels) = records(6, 120);
        let scaling = Scaling::fit(&design, Encoding::Z);
        let weights: Vec<f64> = (0..120).map(|i| f64::from(i % 4)).collect();
        let weighted =
            Logistic::fit_weighted(&scaling.apply(&design), &labels, &weights, 2.0).unwrap();
        let repeated: Vec<usize> = (0..120).flat_map(|i| std::iter::repeat_n(i, i % 4)).collect();
        let repeated_labels: Vec<bool> = repeated.iter().map(|&i| labels[i]).collect();
        let data = scaling.apply(&design.select(&repeated));
        let plain = Logistic::fit(&data, &repeated_labels, 2.0).unwrap();
        assert!((weighted.objective() - plain.objective()).abs() < 1e-9);
        for (a, b) in weighted.model().parameters().iter().zip(&plain.model().parameters()) {
            assert!((a - b).abs() < 1e-7, "{a} {b}");
        }
    }

    #[test]
    fn refuses_weights_that_are_none() {
        let (design, labels) = records(3, 20);
        let data = Scaling::fit(&design, Encoding::Mix).apply(&design);
        let fit =
            |weights: &[f64]| Logistic::fit_weighted(&data, &labels, weights, 1.0).unwrap_err();
        assert_eq!(fit(&[1.0; 19]), LogisticError::Weights { expected: 20, got: 19 });
        let mut weights = [1.0; 20];
        weights[7] = -0.5;
        assert_eq!(fit(&weights), LogisticError::Weight { row: 7, weight: -0.5 });
        assert_eq!(fit(&[0.0; 20]), LogisticError::Empty);
        let positive: Vec<f64> = labels.iter().map(|&label| f64::from(u8::from(label))).collect();
        assert_eq!(fit(&positive), LogisticError::OneClass { positive: true });
    }

    #[test]
    fn refuses_what_cannot_be_fitted() {
        let (design, labels) = records(3, 20);
        let data = Scaling::fit(&design, Encoding::Mix).apply(&design);
        let fit = |labels: &[bool], penalty| Logistic::fit(&data, labels, penalty).unwrap_err();
        assert_eq!(fit(&labels[1..], 1.0), LogisticError::Labels { expected: 20, got: 19 });
        assert_eq!(fit(&[true; 20], 1.0), LogisticError::OneClass { positive: true });
        assert_eq!(fit(&labels, 0.0), LogisticError::Penalty { penalty: 0.0 });
        let none = data_of_no_rows();
        assert_eq!(Logistic::fit(&none, &[], 1.0).unwrap_err(), LogisticError::Empty);
    }

    fn data_of_no_rows() -> Scaled {
        let (design, _) = records(4, 5);
        Scaling::fit(&design, Encoding::Mix).apply(&design.select(&[]))
    }

    /// Thirty flags of one person each, who all flip: their coordinates are 77 units long, and at the
    /// old optimum their losses are all but flat.
    #[test]
    fn a_refit_reaches_the_optimum_where_rare_people_flip() {
        let rows: Vec<_> = (0..6_000).map(|i| (0, f64::from(i % 80), i % 3 == 0, 0.0)).collect();
        let mut design = design(&rows);
        for rare in 0..30 {
            let only: Vec<bool> = (0..rows.len()).map(|row| row == rare).collect();
            design = design.with_flag(&format!("rare {rare}"), &only);
        }
        let data = Scaling::fit(&design, Encoding::Z).apply(&design);
        let mut labels: Vec<bool> = rows.iter().map(|row| row.1 > 40.0).collect();
        let start = Logistic::fit(&data, &labels, 1.0).unwrap();
        labels[..30].fill(true);
        let warm = Logistic::refit(&data, &labels, 1.0, &start).unwrap();
        let gradient = dense_gradient(&data, &labels, warm.model(), 1.0);
        assert!(gradient.iter().all(|g| g.abs() < 1e-5), "{gradient:?}");
    }

    #[test]
    fn separable_labels_stay_finite() {
        let (design, _) = records(5, 200);
        let data = Scaling::fit(&design, Encoding::Z).apply(&design);
        let labels: Vec<bool> = design.column(0).iter().map(|&age| age > 40.0).collect();
        let fit = Logistic::fit(&data, &labels, 1e-6).unwrap();
        assert!(fit.model().weights.iter().all(|w| w.is_finite()));
    }
}
