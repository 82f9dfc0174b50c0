//! The best lot over classifiers that were found: a small linear program.

use microlp::{ComparisonOp, OptimizationDirection, Problem};

/// The probabilities that minimise error plus `bound` times the greatest violation of a gap beyond the
/// slack; `errors` and `gaps` have one entry for each classifier.
///
/// `None` if the solver gives up; the caller has an answer of its own then.
pub(super) fn best_mixture(
    errors: &[f64],
    gaps: &[&[f64]],
    slack: f64,
    bound: f64,
) -> Option<Vec<f64>> {
    let mut problem = Problem::new(OptimizationDirection::Minimize);
    let weights: Vec<_> = errors.iter().map(|&error| problem.add_var(error, (0.0, 1.0))).collect();
    let violation = problem.add_var(bound, (0.0, f64::INFINITY));
    let all: Vec<_> = weights.iter().map(|&weight| (weight, 1.0)).collect();
    problem.add_constraint(all, ComparisonOp::Eq, 1.0);
    for k in 0..gaps.first()?.len() {
        for sign in [1.0, -1.0] {
            let mut row: Vec<_> =
                weights.iter().zip(gaps).map(|(&weight, gaps)| (weight, sign * gaps[k])).collect();
            row.push((violation, -1.0));
            problem.add_constraint(row, ComparisonOp::Le, slack);
        }
    }
    let solution = problem.solve().ok()?.into_solution().ok()?;
    let found: Vec<f64> =
        weights.iter().map(|&weight| solution.var_value(weight).max(0.0)).collect();
    let sum: f64 = found.iter().sum();
    (sum > 0.5).then(|| found.iter().map(|weight| weight / sum).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cheap classifier with a gap of 0.3 and a dear one with a gap of -0.1. With a slack of 0.1 the
    /// lot may have 0.1 = 0.3 p - 0.1 (1 - p), so p = 1/2; with one of 0.05 p = 0.15 / 0.4.
    #[test]
    fn mixes_by_hand() {
        let (errors, gaps) = ([0.1, 0.3], [[0.3].as_slice(), &[-0.1]]);
        for (slack, wanted) in [(0.1, 0.5), (0.05, 0.375), (0.3, 1.0), (0.5, 1.0)] {
            let found = best_mixture(&errors, &gaps, slack, 1.0 / slack).unwrap();
            assert!((found[0] - wanted).abs() < 1e-9, "{slack}: {found:?}");
            assert!((found[0] + found[1] - 1.0).abs() < 1e-12);
        }
    }

    /// Where a violation is cheap, it is paid for: 0.2 of error saved against 0.4 of gap at 0.1.
    #[test]
    fn pays_for_a_violation_that_is_cheap() {
        let found = best_mixture(&[0.1, 0.3], &[&[0.3], &[-0.1]], 0.1, 0.1).unwrap();
        assert!((found[0] - 1.0).abs() < 1e-9, "{found:?}");
    }
}
