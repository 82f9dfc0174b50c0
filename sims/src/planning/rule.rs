//! What can be said before any simulation: from the size of the minority and two base rates.
//!
//! `M_SP = n_min (p_majority - p_minority)`: as many flips as would give the minority's reports the majority's
//! share of positive labels, the one-sided form of massaging (Kamiran, Calders, "Data preprocessing techniques
//! for classification without discrimination", 2012). Half of it, or a quarter, is where to start; more than
//! all of it overshoots wherever the firm sees the group.

use serde::{Deserialize, Serialize};

use super::{CELL_MIN, PlanningError};
use crate::dataset::Dataset;
use crate::statistics::{NORMAL, Share};

/// The shares of `M_SP` between which to start.
pub const START: [f64; 2] = [0.25, 0.5];

/// What the reference says of one group.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Base {
    /// People of the reference.
    pub people: usize,
    /// The share of positive true labels among them.
    pub positive: Share,
}

/// A number with its 95% interval.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Within {
    /// The number.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// The rule of thumb.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Rule {
    /// `[majority, minority]` of the reference.
    pub groups: [Base; 2],
    /// By how much more of the majority have a positive label.
    pub gap: Within,
    /// Minority people among those the firm trains on.
    pub minority_trained: f64,
    /// `M_SP`, in flips; below 0 if the minority is better off.
    pub full: Within,
}

impl Rule {
    /// The rule for a firm that trains on `trained` people like those of the reference.
    ///
    /// # Errors
    /// [`PlanningError::FewPeople`].
    ///
    /// # Panics
    /// Never: each cell has somebody.
    pub fn of(reference: &Dataset, trained: usize) -> Result<Self, PlanningError> {
        let count = |minority: bool, positive: bool| {
            let pairs = reference.minority.iter().zip(&reference.positive);
            pairs.filter(|&(&a, &y)| a == minority && y == positive).count()
        };
        for (group, a) in [("majority", false), ("minority", true)] {
            for (label, y) in [("negative", false), ("positive", true)] {
                let got = count(a, y);
                if got < CELL_MIN {
                    return Err(PlanningError::FewPeople { group, label, got });
                }
            }
        }
        let groups = [false, true].map(|minority| {
            let positive = count(minority, true);
            let people = positive + count(minority, false);
            let positive = Share::of(positive, people).expect("each cell has somebody");
            Base { people, positive }
        });
        let (value, low, high) = groups[0].positive.minus(groups[1].positive);
        let [majority, minority] = groups.map(|base| real(base.people));
        let minority_trained = real(trained) * minority / (majority + minority);
        let flips = |gap: f64| gap * minority_trained;
        Ok(Self {
            groups,
            gap: Within { value, low, high },
            minority_trained,
            full: Within { value: flips(value), low: flips(low), high: flips(high) },
        })
    }

    /// M for a share of `M_SP`, rounded; 0 if there is no gap to close.
    pub fn flips(&self, share: f64) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, and at most four times a number of people"
        )]
        let flips = (share * self.full.value).max(0.0).round() as usize;
        flips
    }

    /// Members to recruit so that `flips` of them flip: a share `1 - p_minority` have a negative label,
    /// of those asked a share `compliance` flips, and a share `dropout` is gone before; `2 sqrt(n)` on top for
    /// chance, and not more than there are.
    pub fn recruits(&self, flips: usize, compliance: f64, dropout: f64) -> Recruits {
        let negative = 1.0 - self.groups[1].positive.value;
        let least = real(flips) / (negative * compliance * (1.0 - dropout));
        let people = (least + 2.0 * least.sqrt()).ceil();
        Recruits { people, share: people / self.minority_trained }
    }

    /// How many people of each group a reference needs for a 95% interval of `M_SP` of `part` of it to both
    /// sides, with these base rates; infinite without a gap.
    pub fn needed(&self, part: f64) -> f64 {
        let variance = |base: Base| base.positive.value * (1.0 - base.positive.value);
        let both: f64 = self.groups.map(variance).iter().sum();
        (both * (NORMAL / (part * self.gap.value)).powi(2)).ceil()
    }
}

/// How many members to recruit.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Recruits {
    /// People.
    pub people: f64,
    /// The same as a share of the minority that the firm trains on; above 1 is more than there are.
    pub share: f64,
}

#[expect(clippy::cast_precision_loss, reason = "people are far below 2^53")]
fn real(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::population::causal::{CausalSettings, generate};

    /// Majority 200 of 400 positive, minority 30 of 100.
    fn reference() -> Dataset {
        let settings = CausalSettings { people: 500, ..CausalSettings::default() };
        let mut data = generate(&settings).unwrap().dataset;
        data.minority = (0..500).map(|row| row >= 400).collect();
        data.positive = (0..500).map(|row| !(200..470).contains(&row)).collect();
        data
    }

    #[test]
    fn agrees_with_a_table_worked_by_hand() {
        let rule = Rule::of(&reference(), 1_000).unwrap();
        assert!((rule.gap.value - 0.2).abs() < 1e-12);
        assert!((rule.minority_trained - 200.0).abs() < 1e-9);
        assert_eq!([0.25, 0.5, 1.0].map(|share| rule.flips(share)), [10, 20, 40]);
        assert!(rule.full.low < 40.0 && 40.0 < rule.full.high);
        // 20 / (.7 x .8 x .8) = 44.6; 2 sqrt(44.6) = 13.4.
        let recruits = rule.recruits(20, 0.8, 0.2);
        assert!((recruits.people - 59.0).abs() < 1e-9, "{recruits:?}");
        assert!((recruits.share - 59.0 / 200.0).abs() < 1e-9);
        // (.25 + .21) (1.959964 / (.2 x .2))^2 = 1104.4.
        assert!((rule.needed(0.2) - 1_105.0).abs() < 1e-9, "{}", rule.needed(0.2));
    }

    #[test]
    fn refuses_a_cell_with_next_to_nobody() {
        let mut data = reference();
        for row in 481..500 {
            data.positive[row] = false;
        }
        let refused = PlanningError::FewPeople { group: "minority", label: "positive", got: 11 };
        assert_eq!(Rule::of(&data, 1_000), Err(refused));
    }

    #[test]
    fn without_a_gap_nobody_is_to_flip() {
        let mut data = reference();
        data.minority.iter_mut().for_each(|minority| *minority = !*minority);
        let rule = Rule::of(&data, 1_000).unwrap();
        assert!(rule.full.value < 0.0);
        assert_eq!(rule.flips(0.5), 0);
    }
}
