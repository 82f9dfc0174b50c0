//! Reweighing: each person counts as if group and label were independent.
//!
//! Source: Kamiran, Calders, "Data preprocessing techniques for classification without
//! discrimination", Knowledge and Information Systems 33 (2012), section 4.2, equation
//! `W(X) = P_exp(a, y) / P_obs(a, y)`. The exponent, our strength, is not in the paper: 1 is the
//! paper's weight, and weights are not scaled to any sum.

use super::{Baseline, BaselineError, Bench, FirmSide, certain};
use crate::scene::People;

pub(super) struct Reweighing<'a> {
    pub(super) bench: &'a Bench<'a>,
}

impl FirmSide for Reweighing<'_> {
    fn chances(&self, strength: f64, people: &People) -> Result<Vec<f64>, BaselineError> {
        Baseline::Reweighing.check(strength, 0.0..=16.0, "0 to 16")?;
        let train = &self.bench.train;
        let weights = weights(&train.minority, &train.positive, strength);
        let classifier = self.bench.firm.fit_weighted(&train.positive, &weights)?;
        Ok(certain(&classifier.decisions(&people.records)))
    }
}

/// `(P(a) P(y) / P(a, y))^strength` for each person.
fn weights(minority: &[bool], positive: &[bool], strength: f64) -> Vec<f64> {
    let mut counts = [[0.0_f64; 2]; 2];
    for (&a, &y) in minority.iter().zip(positive) {
        counts[usize::from(a)][usize::from(y)] += 1.0;
    }
    let [majority, of_minority] = counts;
    let groups = [majority[0] + majority[1], of_minority[0] + of_minority[1]];
    let labels = [majority[0] + of_minority[0], majority[1] + of_minority[1]];
    let everybody = groups[0] + groups[1];
    let weigh = |(&a, &y): (&bool, &bool)| {
        let (a, y) = (usize::from(a), usize::from(y));
        (groups[a] * labels[y] / (everybody * counts[a][y])).powf(strength)
    };
    minority.iter().zip(positive).map(weigh).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paper's example: of five women two get the positive label, of five men four.
    fn people() -> (Vec<bool>, Vec<bool>) {
        let women = (0..10).map(|i| i < 5).collect();
        let positive = [true, true, false, false, false, true, true, true, true, false];
        (women, positive.to_vec())
    }

    #[test]
    fn agrees_with_the_papers_table() {
        let (minority, positive) = people();
        let found = weights(&minority, &positive, 1.0);
        let wanted = [1.5, 1.5, 2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0, 0.75, 0.75, 0.75, 0.75, 2.0];
        for (found, wanted) in found.iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-15, "{found}, the paper {wanted}");
        }
        assert_eq!(weights(&minority, &positive, 0.0), [1.0; 10]);
        assert!((weights(&minority, &positive, 2.0)[9] - 4.0).abs() < 1e-15);
    }

    #[test]
    fn agrees_with_aif360() {
        let cases = crate::baseline::tests::vectors("reweighing");
        assert!(cases.len() >= 3);
        for case in cases {
            let list =
                |name: &str| -> Vec<f64> { serde_json::from_value(case[name].clone()).unwrap() };
            let flags = |name: &str| -> Vec<bool> { list(name).iter().map(|&v| v > 0.5).collect() };
            let found = weights(&flags("group"), &flags("label"), 1.0);
            for (found, wanted) in found.iter().zip(list("weight")) {
                assert!((found - wanted).abs() < 1e-12, "{found}, AIF360 {wanted}");
            }
            assert_eq!(found.len(), 120);
        }
    }

    /// With the weights every group has the label's rate: half of the weight of ten, and three fifths.
    #[test]
    fn weighted_groups_have_equal_rates() {
        let (minority, positive) = people();
        let weights = weights(&minority, &positive, 1.0);
        for group in [true, false] {
            let sum = |label: &dyn Fn(bool) -> bool| -> f64 {
                let all = minority.iter().zip(&positive).zip(&weights);
                all.filter(|&((&a, &y), _)| a == group && label(y)).map(|(_, w)| w).sum()
            };
            assert!((sum(&|y| y) / sum(&|_| true) - 0.6).abs() < 1e-15);
        }
    }
}
