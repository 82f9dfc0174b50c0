//! How alike two rankings of the same people are.

use std::collections::BTreeSet;

/// Spearman's rank correlation, equal scores sharing the mean of their ranks; none if one side is the
/// same for everybody.
pub fn spearman(left: &[f64], right: &[f64]) -> Option<f64> {
    let (left, right) = (ranks(left), ranks(right));
    let mean = |values: &[f64]| values.iter().sum::<f64>() / real(values.len());
    let (centre_left, centre_right) = (mean(&left), mean(&right));
    let (mut product, mut square_left, mut square_right) = (0.0, 0.0, 0.0);
    for (l, r) in left.iter().zip(&right) {
        let (l, r) = (l - centre_left, r - centre_right);
        product += l * r;
        square_left += l * l;
        square_right += r * r;
    }
    let scale = (square_left * square_right).sqrt();
    (scale > 0.0).then(|| product / scale)
}

/// The share of `asked` persons that stand in both lists; 1 if nobody is asked.
pub fn overlap(left: &[usize], right: &[usize], asked: usize) -> f64 {
    if asked == 0 {
        return 1.0;
    }
    let left: BTreeSet<usize> = left.iter().copied().collect();
    real(right.iter().filter(|row| left.contains(row)).count()) / real(asked)
}

/// Ranks from 1, lowest first; equal values share the mean of their ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for tied in order.chunk_by(|&a, &b| values[a].total_cmp(&values[b]).is_eq()) {
        let mean = real(before) + f64::midpoint(1.0, real(tied.len()));
        for &place in tied {
            ranks[place] = mean;
        }
        before += tied.len();
    }
    ranks
}

#[expect(clippy::cast_precision_loss, reason = "numbers of people are far below 2^53")]
fn real(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_the_mean_of_their_ranks() {
        assert_eq!(ranks(&[5.0, 1.0, 5.0, 9.0]), [2.5, 1.0, 2.5, 4.0]);
    }

    #[test]
    fn correlations_agree_with_a_case_worked_by_hand() {
        // Ranks 1 2 3 4 5 against 2 1 4 3 5: 1 - 6 * 4 / (5 * 24).
        let rho = spearman(&[1.0, 2.0, 3.0, 4.0, 5.0], &[20.0, 10.0, 40.0, 30.0, 50.0]).unwrap();
        assert!((rho - 0.8).abs() < 1e-12);
        let inverted = spearman(&[1.0, 2.0, 2.0], &[-1.0, -2.0, -2.0]).unwrap();
        assert!((inverted + 1.0).abs() < 1e-12);
        assert_eq!(spearman(&[1.0, 2.0], &[3.0, 3.0]), None);
    }

    #[test]
    fn overlap_is_a_share_of_those_asked() {
        assert!((overlap(&[4, 7, 9, 1], &[9, 4, 2, 3], 4) - 0.5).abs() < 1e-12);
        assert!((overlap(&[], &[], 0) - 1.0).abs() < 1e-12);
    }
}
