//! Error and fairness of a firm's decisions on people it did not train on.

use protocol::audit;
use serde::{Deserialize, Serialize};

/// Why a measure is undefined.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// Nobody in one cell, so that one of its rates has no denominator.
    #[error("no {} person with a {} label among the test rows: the rate is undefined", if *.minority { "minority" } else { "majority" }, if *.positive { "positive" } else { "negative" })]
    EmptyCell {
        /// Which group.
        minority: bool,
        /// Which true label.
        positive: bool,
    },
}

/// Decisions counted against true labels.
///
/// `counts[group][label][decision]`, 2 × 2 × 2, in persons; group 1 is the minority.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct Confusion {
    counts: [[[u64; 2]; 2]; 2],
}

/// What an experiment reports of one retrained firm.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Measures {
    /// Share of wrong decisions.
    pub error: f64,
    /// Equalized odds violation: the mean of the two absolute gaps.
    pub eqod: f64,
    /// Absolute difference in the share of positive decisions between the groups.
    pub parity: f64,
    /// Share of positive decisions among majority people with a positive label.
    pub tpr_majority: f64,
    /// The same for the minority.
    pub tpr_minority: f64,
    /// Share of positive decisions among majority people with a negative label.
    pub fpr_majority: f64,
    /// The same for the minority.
    pub fpr_minority: f64,
}

impl Confusion {
    /// Counts decisions; the three slices run over the same people.
    pub fn count(minority: &[bool], positive: &[bool], decisions: &[bool]) -> Self {
        let mut counts = [[[0; 2]; 2]; 2];
        for ((&a, &y), &h) in minority.iter().zip(positive).zip(decisions) {
            counts[usize::from(a)][usize::from(y)][usize::from(h)] += 1;
        }
        Self { counts }
    }

    /// People of one group with one true label.
    pub fn people(&self, minority: bool, positive: bool) -> u64 {
        self.counts[usize::from(minority)][usize::from(positive)].iter().sum()
    }

    /// Share of wrong decisions among the people of one group; `None` if it has nobody.
    pub fn error_of(&self, minority: bool) -> Option<f64> {
        let [[n0, n1], [p0, p1]] = self.counts[usize::from(minority)];
        let people = n0 + n1 + p0 + p1;
        (people > 0).then(|| ratio(n1 + p0, people))
    }

    /// The measures of the counts.
    ///
    /// # Errors
    /// [`MetricError::EmptyCell`] if a group has nobody with one of the labels.
    pub fn measures(&self) -> Result<Measures, MetricError> {
        #[expect(clippy::cast_precision_loss, reason = "numbers of people are far below 2^53")]
        Measures::of(&self.counts.map(|group| group.map(|label| label.map(|n| n as f64))))
    }
}

impl Measures {
    /// The expected measures of decisions by chance: `chances` holds each person's probability of a
    /// positive decision; the three slices run over the same people.
    ///
    /// Error and rates are expectations, gaps are those of expected rates: what a firm's lot
    /// comes to on average. One draw adds noise to every rate.
    ///
    /// # Errors
    /// [`MetricError::EmptyCell`] if a group has nobody with one of the labels.
    pub fn expected(
        minority: &[bool],
        positive: &[bool],
        chances: &[f64],
    ) -> Result<Self, MetricError> {
        let mut counts = [[[0.0; 2]; 2]; 2];
        for ((&a, &y), &chance) in minority.iter().zip(positive).zip(chances) {
            let [negative, positive] = &mut counts[usize::from(a)][usize::from(y)];
            *negative += 1.0 - chance;
            *positive += chance;
        }
        Self::of(&counts)
    }

    /// The measures of `counts[group][label][decision]`, in persons.
    fn of(counts: &[[[f64; 2]; 2]; 2]) -> Result<Self, MetricError> {
        let rate = |minority: bool, positive: bool| {
            let [no, yes] = counts[usize::from(minority)][usize::from(positive)];
            if no + yes > 0.0 {
                Ok(yes / (no + yes))
            } else {
                Err(MetricError::EmptyCell { minority, positive })
            }
        };
        let [[fpr_majority, tpr_majority], [fpr_minority, tpr_minority]] =
            [[rate(false, false)?, rate(false, true)?], [rate(true, false)?, rate(true, true)?]];
        let accepted = |group: usize| {
            let [[n0, n1], [p0, p1]] = counts[group];
            (n1 + p1) / (n0 + n1 + p0 + p1)
        };
        let wrong: f64 = counts.iter().map(|group| group[0][1] + group[1][0]).sum();
        let everybody: f64 = counts.iter().flatten().flatten().sum();
        Ok(Self {
            error: wrong / everybody,
            eqod: audit::equalized_odds([tpr_majority, tpr_minority], [fpr_majority, fpr_minority]),
            parity: audit::statistical_parity([accepted(0), accepted(1)]),
            tpr_majority,
            tpr_minority,
            fpr_majority,
            fpr_minority,
        })
    }
}

/// Success of a collective that erases its group, where counterfactuals are known.
///
/// Source: Hardt et al., ICML 2023, and arXiv 2508.15374: `S(alpha) = P0[h(g(x)) = h(x)]`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Success {
    /// Share of all test people whose decision is that of their counterfactual.
    pub success: f64,
    /// Share of minority test people whose decision is not that of their counterfactual.
    pub counterfactual_change: f64,
}

impl Success {
    /// Compares decisions with those for the counterfactual records of the same people.
    pub fn of(minority: &[bool], decisions: &[bool], counterfactual: &[bool]) -> Self {
        let changed = |a: bool| {
            let pairs = minority.iter().zip(decisions.iter().zip(counterfactual));
            pairs.filter(|&(&m, (h, c))| m == a && h != c).count() as u64
        };
        let members = minority.iter().filter(|&&m| m).count() as u64;
        let everybody = minority.len() as u64;
        Self {
            success: 1.0 - ratio(changed(true) + changed(false), everybody),
            counterfactual_change: ratio(changed(true), members),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of people are far below 2^53")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Majority: TPR 2/2, FPR 1/2. Minority: TPR 1/2, FPR 0/1.
    fn people() -> [Vec<bool>; 3] {
        let rows = [(0, 1, 1), (0, 1, 1), (0, 0, 1), (0, 0, 0), (1, 1, 1), (1, 1, 0), (1, 0, 0)];
        [0, 1, 2].map(|part| rows.iter().map(|&(a, y, h)| [a, y, h][part] == 1).collect())
    }

    #[test]
    fn agrees_with_a_hand_worked_table() {
        let [a, y, h] = people();
        let m = Confusion::count(&a, &y, &h).measures().unwrap();
        let close = |got: f64, expected: f64| assert!((got - expected).abs() < 1e-12, "{got}");
        close(m.error, 2.0 / 7.0);
        close(m.eqod, f64::midpoint(0.5, 0.5));
        close(m.parity, 3.0 / 4.0 - 1.0 / 3.0);
        close(m.tpr_minority, 0.5);
        close(m.fpr_majority, 0.5);
        let of = |minority| Confusion::count(&a, &y, &h).error_of(minority).unwrap();
        close(of(false), 1.0 / 4.0);
        close(of(true), 1.0 / 3.0);
    }

    #[test]
    fn chances_of_zero_and_one_are_decisions() {
        let [a, y, h] = people();
        let chances: Vec<f64> = h.iter().map(|&h| f64::from(u8::from(h))).collect();
        let measures = Measures::expected(&a, &y, &chances).unwrap();
        assert_eq!(measures, Confusion::count(&a, &y, &h).measures().unwrap());
    }

    /// A coin for everybody: half of each cell, half of all wrong.
    #[test]
    fn a_coin_treats_groups_alike() {
        let [a, y, _] = people();
        let m = Measures::expected(&a, &y, &[0.5; 7]).unwrap();
        assert_eq!((m.error, m.eqod, m.parity, m.tpr_minority), (0.5, 0.0, 0.0, 0.5));
    }

    #[test]
    fn an_empty_cell_has_no_rate() {
        let error = Confusion::count(&[false, true], &[true, true], &[true, true]).measures();
        assert_eq!(error, Err(MetricError::EmptyCell { minority: false, positive: false }));
    }

    #[test]
    fn success_counts_unchanged_decisions() {
        let [a, _, h] = people();
        let mut counterfactual = h.clone();
        counterfactual[5] = true;
        let success = Success::of(&a, &h, &counterfactual);
        assert!((success.success - 6.0 / 7.0).abs() < 1e-12);
        assert!((success.counterfactual_change - 1.0 / 3.0).abs() < 1e-12);
    }
}
