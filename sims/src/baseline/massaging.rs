//! Massaging: labels near the firm's boundary are exchanged between the groups before it trains.
//!
//! A ranker trained on the labels as they are finds, in the group with the lower rate, the people
//! with a negative label who come nearest to a positive one, and in the other group the people with
//! a positive label who come nearest to a negative one. M of each change labels, and a firm trains
//! on the result ("classification with no discrimination", CND).
//!
//! Sources: Kamiran, Calders, "Classifying without discriminating", IC4 2009; the same authors, Knowledge
//! and Information Systems 33 (2012), section 4.1, algorithm 1 and `M = disc |D_b| |D_w| / |D|`,
//! the M that makes the rates equal. Ours differs in two ways: the ranker is the firm's own learner
//! (the papers use naive Bayes), and the strength, a share of that M, may be any, also above 1.

use super::{Baseline, BaselineError, Bench, FirmSide, certain};
use crate::scene::People;

pub(super) struct Massaging<'a> {
    bench: &'a Bench<'a>,
    exchange: Exchange,
}

impl<'a> Massaging<'a> {
    pub(super) fn new(bench: &'a Bench<'_>) -> Result<Self, BaselineError> {
        let train = &bench.train;
        let ranker = bench.firm.fit(&train.positive)?;
        let probabilities = ranker.probabilities(&train.records);
        let exchange = Exchange::new(&train.minority, &train.positive, &probabilities);
        Ok(Self { bench, exchange })
    }
}

impl FirmSide for Massaging<'_> {
    fn chances(&self, strength: f64, people: &People) -> Result<Vec<f64>, BaselineError> {
        Baseline::Massaging.check(strength, 0.0..=16.0, "0 to 16")?;
        let labels = self.exchange.labels(&self.bench.train.positive, strength);
        let classifier = self.bench.firm.fit(&labels)?;
        Ok(certain(&classifier.decisions(&people.records)))
    }
}

/// Who changes labels, the first to change first.
struct Exchange {
    /// Of the group with the lower rate, with a negative label, the likeliest positive one first.
    promoted: Vec<usize>,
    /// Of the other group, with a positive label, the likeliest negative one first.
    demoted: Vec<usize>,
    /// How many of each make the rates equal; not a whole number.
    full: f64,
}

impl Exchange {
    fn new(minority: &[bool], positive: &[bool], probabilities: &[f64]) -> Self {
        let mut counts = [[0.0_f64; 2]; 2];
        for (&a, &y) in minority.iter().zip(positive) {
            counts[usize::from(a)][usize::from(y)] += 1.0;
        }
        let sizes = counts.map(|[no, yes]| no + yes);
        let gap = counts[0][1] / sizes[0] - counts[1][1] / sizes[1];
        let deprived_is_minority = gap >= 0.0;
        let mut promoted: Vec<usize> = (0..positive.len())
            .filter(|&i| minority[i] == deprived_is_minority && !positive[i])
            .collect();
        let mut demoted: Vec<usize> = (0..positive.len())
            .filter(|&i| minority[i] != deprived_is_minority && positive[i])
            .collect();
        // Both sorts are stable: of equal probabilities the earlier row comes first.
        promoted.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
        demoted.sort_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]));
        let full = gap.abs() * sizes[0] * sizes[1] / (sizes[0] + sizes[1]);
        Self { promoted, demoted, full }
    }

    /// The labels after `strength` of the full exchange, rounded to whole people.
    fn labels(&self, positive: &[bool], strength: f64) -> Vec<bool> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative; casts of what is too large stop at the greatest number"
        )]
        let count = (strength * self.full).round() as usize;
        let mut labels = positive.to_vec();
        for &row in self.promoted.iter().take(count) {
            labels[row] = true;
        }
        for &row in self.demoted.iter().take(count) {
            labels[row] = false;
        }
        labels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paper's example: of five women two get the positive label, of five men four, so that
    /// M = 0.4 x 5 x 5 / 10 = 1: one woman is promoted and one man demoted.
    #[test]
    fn exchanges_as_many_as_the_paper() {
        let women: Vec<bool> = (0..10).map(|i| i < 5).collect();
        let positive = [true, true, false, false, false, true, true, true, true, false];
        let probabilities = [0.9, 0.6, 0.4, 0.8, 0.3, 0.9, 0.7, 0.5, 0.55, 0.2];
        let exchange = Exchange::new(&women, &positive, &probabilities);
        assert!((exchange.full - 1.0).abs() < 1e-12);
        assert_eq!((exchange.promoted.as_slice(), exchange.demoted[0]), ([3, 2, 4].as_slice(), 7));
        let labels = exchange.labels(&positive, 1.0);
        let changed: Vec<usize> = (0..10).filter(|&i| labels[i] != positive[i]).collect();
        assert_eq!(changed, [3, 7]);
        let rate =
            |group: bool| women.iter().zip(&labels).filter(|&(&a, &y)| a == group && y).count();
        assert_eq!((rate(true), rate(false)), (3, 3));
        assert_eq!(exchange.labels(&positive, 0.0), positive);
    }

    /// Where the minority has the higher rate it is the majority that is promoted.
    #[test]
    fn promotes_the_group_with_the_lower_rate() {
        let minority = [true, true, false, false];
        let positive = [true, true, false, false];
        let exchange = Exchange::new(&minority, &positive, &[0.9, 0.6, 0.1, 0.4]);
        assert!((exchange.full - 1.0).abs() < 1e-12);
        assert_eq!(exchange.labels(&positive, 1.0), [true, false, false, true]);
        // More than there are: everybody changes.
        assert_eq!(exchange.labels(&positive, 9.0), [false, false, true, true]);
    }
}
