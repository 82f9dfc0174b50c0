//! Correlations as predictions of each column by those before it.

use ndarray::Array2;

/// A column explained to more than this is determined.
const DETERMINED: f64 = 1.0 - 1e-6;

/// All correlations less a share of them.
pub(super) fn shrink(correlation: &Array2<f64>, share: f64) -> Array2<f64> {
    Array2::from_shape_fn(correlation.dim(), |(i, j)| {
        if i == j { 1.0 } else { (1.0 - share) * correlation[(i, j)] }
    })
}

/// The least share, to a thousandth, by which correlations must be shrunk so that people can have them.
pub(super) fn shrinkage(correlation: &Array2<f64>) -> f64 {
    let possible = |share| factor(&shrink(correlation, share)).1;
    let (mut low, mut high) = (0.0, 1.0);
    if possible(low) {
        return low;
    }
    while high - low > 0.001 {
        let middle = f64::midpoint(low, high);
        if possible(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

/// The lower triangle whose rows predict, with ones in the diagonal of the product, and whether people can have these
/// correlations. Where earlier columns explain more than all of a column, its row is shrunk until they explain all.
pub(super) fn factor(correlation: &Array2<f64>) -> (Array2<f64>, bool) {
    let count = correlation.nrows();
    let (mut lower, mut possible) = (Array2::zeros((count, count)), true);
    for i in 0..count {
        for j in 0..i {
            let dot: f64 = (0..j).map(|l| lower[(i, l)] * lower[(j, l)]).sum();
            let (pivot, left): (f64, f64) = (lower[(j, j)], correlation[(i, j)] - dot);
            // What is determined has nothing left that could go with anything.
            lower[(i, j)] = if pivot > 0.0 { left / pivot } else { 0.0 };
            possible &= pivot > 0.0 || left.abs() < 0.01;
        }
        let explained: f64 = (0..i).map(|j| lower[(i, j)] * lower[(i, j)]).sum();
        if explained < DETERMINED {
            lower[(i, i)] = (1.0 - explained).sqrt();
        } else if explained > 1.0 + 1e-6 {
            let shrink = explained.sqrt().recip();
            (0..i).for_each(|j| lower[(i, j)] *= shrink);
            possible = false;
        }
    }
    (lower, possible)
}
