//! Equalized odds by post-processing a finished classifier's decisions.
//!
//! Of a person's group and the classifier's decision follows a probability of a positive decision:
//! four probabilities, those that err least among all with equal true positive rates and equal
//! false positive rates. The strength is the probability that this replaces the classifier's own
//! decision.
//!
//! Source: Hardt, Price, Srebro, "Equality of opportunity in supervised learning", NIPS 2016,
//! section 4.1 and the linear program (4.3), with the share of wrong decisions as the loss. Rates are
//! those of people [set apart](super::Bench::apart).

use super::{Baseline, BaselineError, Bench, FirmSide};
use crate::scene::People;

pub(super) struct EqualizedOdds<'a> {
    bench: &'a Bench<'a>,
    chances: Chances,
}

/// `chances[group][decision]`: the probability of a positive decision.
type Chances = [[f64; 2]; 2];

/// `counts[group][label][decision]`, in persons.
type Counts = [[[f64; 2]; 2]; 2];

impl<'a> EqualizedOdds<'a> {
    pub(super) fn new(bench: &'a Bench<'_>) -> Result<Self, BaselineError> {
        let apart = bench.apart()?;
        let decisions = apart.classifier.decisions(&apart.people.records);
        let mut counts: Counts = [[[0.0; 2]; 2]; 2];
        let people = apart.people.minority.iter().zip(&apart.people.positive).zip(decisions);
        for ((&a, &y), h) in people {
            counts[usize::from(a)][usize::from(y)][usize::from(h)] += 1.0;
        }
        for (a, group) in counts.iter().enumerate() {
            for (y, cell) in group.iter().enumerate() {
                if cell[0] + cell[1] <= 0.0 {
                    return Err(BaselineError::EmptyCell { minority: a == 1, positive: y == 1 });
                }
            }
        }
        let chances = cheapest(&rates(&counts), &errors(&counts));
        Ok(Self { bench, chances })
    }
}

impl FirmSide for EqualizedOdds<'_> {
    fn chances(&self, strength: f64, people: &People) -> Result<Vec<f64>, BaselineError> {
        Baseline::EqualizedOdds.check(strength, 0.0..=1.0, "0 to 1")?;
        let decisions = self.bench.apart()?.classifier.decisions(&people.records);
        let chance = |(&a, h): (&bool, bool)| {
            let own = f64::from(u8::from(h));
            own + strength * (self.chances[usize::from(a)][usize::from(h)] - own)
        };
        Ok(people.minority.iter().zip(decisions).map(chance).collect())
    }
}

/// `rates[group][label]`: the share of positive decisions.
fn rates(counts: &Counts) -> [[f64; 2]; 2] {
    counts.map(|group| group.map(|[no, yes]| yes / (no + yes)))
}

/// What a positive decision instead of a negative one costs for each group and decision: the
/// share of all people who have a negative label there, less the share who have a positive one.
fn errors(counts: &Counts) -> [[f64; 2]; 2] {
    let everybody: f64 = counts.iter().flatten().flatten().sum();
    counts.map(|[negative, positive]| [0, 1].map(|h| (negative[h] - positive[h]) / everybody))
}

/// The chances with equal rates in both groups whose sum of chance times cost is least.
///
/// Four numbers from 0 to 1 that satisfy two equations: in every vertex of what is allowed two of
/// them lie at an end, and the others follow. All 24 pairs are tried, so the optimum is exact. The
/// chances that ignore decisions come first: they are allowed whatever the rates, and where the
/// equations are not independent (decisions that say nothing of labels) they are best.
fn cheapest(rates: &[[f64; 2]; 2], costs: &[[f64; 2]; 2]) -> Chances {
    let costs = [costs[0][0], costs[0][1], costs[1][0], costs[1][1]];
    // One equation for each label: the groups' rates after the chances are equal.
    let equations = [0, 1].map(|y| {
        let [majority, minority] = [rates[0][y], rates[1][y]];
        [1.0 - majority, majority, minority - 1.0, -minority]
    });
    let mut best = [0.0; 4];
    let mut least = 0.0;
    let mut consider = |chances: [f64; 4]| {
        let cost = chances.iter().zip(costs).map(|(p, c)| p * c).sum::<f64>();
        if cost < least - 1e-12 {
            (best, least) = (chances, cost);
        }
    };
    consider([1.0; 4]);
    for first in 0..4 {
        for second in first + 1..4 {
            for ends in [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] {
                if let Some(vertex) = vertex(&equations, [first, second], ends) {
                    consider(vertex);
                }
            }
        }
    }
    [[best[0], best[1]], [best[2], best[3]]]
}

/// Solves two equations for the numbers at `free`; the other two lie at `ends`.
fn vertex(equations: &[[f64; 4]; 2], free: [usize; 2], ends: [f64; 2]) -> Option<[f64; 4]> {
    let mut chances = [0.0; 4];
    let fixed = (0..4).filter(|place| !free.contains(place));
    for (place, end) in fixed.zip(ends) {
        chances[place] = end;
    }
    // Cramer's rule; each pair holds one number for each equation.
    let column = |place: usize| equations.map(|equation| equation[place]);
    let [first, second] = free.map(column);
    let right = equations.map(|equation| -> f64 {
        -equation.iter().zip(chances).map(|(factor, chance)| factor * chance).sum::<f64>()
    });
    let determinant = |left: [f64; 2], right: [f64; 2]| left[0] * right[1] - left[1] * right[0];
    let whole = determinant(first, second);
    if whole.abs() < 1e-12 {
        return None;
    }
    chances[free[0]] = determinant(right, second) / whole;
    chances[free[1]] = determinant(first, right) / whole;
    let allowed = |chance: &f64| (-1e-9..=1.0 + 1e-9).contains(chance);
    chances.iter().all(allowed).then(|| chances.map(|chance| chance.clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::tests::vectors;

    /// Majority: TPR 0.8, FPR 0.2. Minority: TPR 0.5, FPR 0.1; 100 people in each cell. Balanced, so
    /// that the least error is the greatest TPR - FPR that both can have. The majority cannot have
    /// the minority's own point (0.1, 0.5): it is above its line from (0, 0) to (0.2, 0.8). Where that
    /// line, TPR = 4 FPR, meets the minority's edge from (0.1, 0.5) to (1, 1), TPR = 4/9 + 5/9 FPR,
    /// lies the best: FPR = 4/31, TPR = 16/31.
    #[test]
    fn agrees_with_a_hand_worked_program() {
        let counts: Counts = [[[80.0, 20.0], [20.0, 80.0]], [[90.0, 10.0], [50.0, 50.0]]];
        let rates = rates(&counts);
        let chances = cheapest(&rates, &errors(&counts));
        let after = |g: usize, y: usize| {
            let rate = rates[g][y];
            (1.0 - rate) * chances[g][0] + rate * chances[g][1]
        };
        for y in 0..2 {
            assert!((after(0, y) - after(1, y)).abs() < 1e-12, "{chances:?}");
        }
        assert!((after(0, 0) - 4.0 / 31.0).abs() < 1e-12, "{chances:?}");
        assert!((after(0, 1) - 16.0 / 31.0).abs() < 1e-12, "{chances:?}");
    }

    #[test]
    fn a_fair_classifier_is_left_alone() {
        let counts: Counts = [[[80.0, 20.0], [30.0, 70.0]], [[40.0, 10.0], [15.0, 35.0]]];
        assert_eq!(cheapest(&rates(&counts), &errors(&counts)), [[0.0, 1.0]; 2]);
    }

    #[test]
    fn decisions_that_say_nothing_are_replaced_by_one_for_all() {
        let counts: Counts = [[[5.0, 5.0], [10.0, 10.0]], [[6.0, 2.0], [9.0, 3.0]]];
        assert_eq!(cheapest(&rates(&counts), &errors(&counts)), [[1.0; 2]; 2]);
    }

    /// AIF360 minimises the sum of FPR - TPR over groups in place of the error; fairlearn the error.
    #[test]
    fn agrees_with_aif360_and_fairlearn() {
        let cases = vectors("equalized_odds");
        assert!(cases.len() >= 4);
        for case in cases {
            let counts: Counts = serde_json::from_value(case["counts"].clone()).unwrap();
            let rates = rates(&counts);
            let number = |name: &str| case[name].as_f64().unwrap();
            let balanced = rates.map(|[fpr, tpr]| [tpr - fpr, fpr - tpr]);
            let found = cheapest(&rates, &balanced);
            let cost: f64 =
                found.iter().flatten().zip(balanced.iter().flatten()).map(|(p, c)| p * c).sum();
            assert!((cost - number("aif360_cost")).abs() < 1e-8, "{cost} {case}");
            let theirs: Chances = serde_json::from_value(case["aif360_chances"].clone()).unwrap();
            for (found, theirs) in found.iter().flatten().zip(theirs.iter().flatten()) {
                assert!((found - theirs).abs() < 1e-7, "{found} {theirs} {case}");
            }
            let costs = errors(&counts);
            let chances = cheapest(&rates, &costs);
            let everybody: f64 = counts.iter().flatten().flatten().sum();
            let positive: f64 = counts.iter().map(|group| group[1][0] + group[1][1]).sum();
            let error = positive / everybody
                + chances
                    .iter()
                    .flatten()
                    .zip(costs.iter().flatten())
                    .map(|(p, c)| p * c)
                    .sum::<f64>();
            // fairlearn looks for the best point on a grid of 10,001 false positive rates.
            assert!((error - number("fairlearn_error")).abs() < 2e-4, "{error} {case}");
            assert!(error <= number("fairlearn_error") + 1e-9, "{error} {case}");
        }
    }
}
