//! Approximate distances by matrix products, with a proven bound on their error.
//!
//! # The bound
//! Let `u = 2⁻²⁴` be the unit roundoff of `f32`, `d` the number of columns, `m` the mean row of the
//! reference and `s` one over the largest absolute value of the centred reference. A row `X` becomes
//! `x = s(X − m)` and a query `Q` becomes `q = s(Q − m)`, so `|x − q|² = s²|X − Q|²` whatever `m` and
//! `s` are; they only keep the numbers small. The matrix product computes, in `f32`,
//!
//! ```text
//! p = (1 − 2κ)|x|² − 2x·q        with κ = 1.05(d + 5)u
//! ```
//!
//! from the augmented vectors `(−2x̂, (1 − 2κ)|x|²)` and `(q̂, 1)`; hats are roundings to `f32`. Put
//! `P = 2Σ|xᵢ||qᵢ|`. By Cauchy-Schwarz and the inequality of the means `P ≤ |x|² + |q|²`, hence
//! `P + |x|² ≤ 2|x|² + |q|² =: A`. The errors against `|x − q|² − |q|² − 2κ|x|²` are
//!
//! - rounding `x` and `q`, two relative errors of `u` on each product: at most `2.01uP`;
//! - rounding the last column: at most `1.01u|x|²`;
//! - a sum of `d + 1` products, in any order, with or without fused operations: at most `γP'` where
//!   `γ = (d + 2)u / (1 − (d + 2)u)` and `P' ≤ (1 + 2.02u)(P + |x|²)`; with `d ≤ 2¹⁶` this is below
//!   `1.02(d + 2)uA`;
//! - underflow, of roundings and of products: below `d·2⁻¹¹⁶ ≤ 2⁻¹⁰⁰`, as `|xᵢ| ≤ 1` and `|q| ≤ 2³⁰`.
//!
//! The first three stay below `1.02(d + 4)uA`, which leaves more than `1.1uA` until `κA`. The ranked
//! distance `R` is `|X − Q|²` computed in `f64` and rounded to 9 decimals. Computing it costs a
//! relative error of `(d + 6)2⁻⁵³` of `|x − q|² ≤ 2A`, rounding it half a unit `h = 0.5·10⁻⁹` more.
//! The thresholds below cost a few roundings in `f64`, of terms below `200A`: only where the row that
//! sets the threshold is many times farther from `m` than both `x` and `q` are its terms larger, and
//! then it is also so much farther from `q` that no rounding hides it. Together that is less than
//! `0.1uA + s²h(1 + 2⁻⁴⁰)`. Therefore, with the *margin* `c = κ|q|² + s²h(1 + 2⁻⁴⁰) + 2⁻⁹⁶`,
//!
//! ```text
//! p − c  ≤  s²R − |q|²  ≤  p + 4κ|x|² + c
//! ```
//!
//! as `κA = 2κ|x|² + κ|q|²`. `4κ|x|²` is the *slack* of the row. A row whose `p` exceeds the `k`-th
//! smallest right-hand side by more than `c` has `k` rows strictly before it, in rounded distance:
//! ties are never cut. The same holds if `s²R − |q|²` of the `k`-th best row so far is known.
//!
//! Where a premise fails (`d > 2¹⁶`, a spread outside `10^±120`, a query more than `2³⁰` spreads
//! away), the margin is infinite: then nothing is excluded and the search is exhaustive in `f64`.

use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, ArrayView2, Zip};

/// The reference in the form that approximates distances.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    frame: Frame,
    kappa: f64,
    /// The augmented rows `(−2x̂, (1 − 2κ)|x|²)`, rows × (columns + 1).
    rows: Array2<f32>,
    /// `4κ|x|²` of each row.
    slacks: Vec<f64>,
}

/// Where distances are approximated.
#[derive(Debug, Clone)]
struct Frame {
    centre: Array1<f64>,
    /// Zero if no scale meets the premises.
    scale: f64,
}

/// What separates approximations from ranked distances, for one query.
#[derive(Debug, Clone, Copy)]
pub(super) struct Margin {
    squared_scale: f64,
    squared_norm: f64,
    /// `c`, possibly infinite.
    width: f64,
}

impl Filter {
    pub(super) fn new(reference: &Array2<f64>) -> Self {
        let columns = reference.ncols();
        let frame = Frame::of(reference);
        let kappa = 1.05 * (real(columns) + 5.0) * UNIT_ROUNDOFF;
        let mut rows = Array2::zeros((reference.nrows(), columns + 1));
        let mut slacks = Vec::with_capacity(reference.nrows());
        for (row, mut augmented) in reference.rows().into_iter().zip(rows.rows_mut()) {
            if frame.scale > 0.0 {
                let x = frame.project(&row);
                let squared_norm = x.dot(&x);
                let last = narrow((1.0 - 2.0 * kappa) * squared_norm);
                let values = x.iter().map(|&x| narrow(-2.0 * x)).chain([last]);
                augmented.iter_mut().zip(values).for_each(|(to, from)| *to = from);
                slacks.push(4.0 * kappa * squared_norm);
            } else {
                // All margins are infinite, and the projection need not be a number.
                slacks.push(0.0);
            }
        }
        Self { frame, kappa, rows, slacks }
    }

    /// The augmented rows, rows × (columns + 1).
    pub(super) fn rows(&self) -> ArrayView2<'_, f32> {
        self.rows.view()
    }

    /// `4κ|x|²` of each row.
    pub(super) fn slacks(&self) -> &[f64] {
        &self.slacks
    }

    /// The augmented queries `(q̂, 1)`, queries × (columns + 1), and their margins.
    pub(super) fn queries(&self, queries: &ArrayRef2<f64>) -> (Array2<f32>, Vec<Margin>) {
        let (count, columns) = queries.dim();
        let mut augmented = Array2::zeros((count, columns + 1));
        let mut margins = Vec::with_capacity(count);
        for (query, mut augmented) in queries.rows().into_iter().zip(augmented.rows_mut()) {
            let q = self.frame.project(&query);
            let margin = self.margin(q.dot(&q));
            if margin.width.is_finite() {
                let values = q.iter().map(|&q| narrow(q)).chain([1.0]);
                augmented.iter_mut().zip(values).for_each(|(to, from)| *to = from);
            }
            margins.push(margin);
        }
        (augmented, margins)
    }

    fn margin(&self, squared_norm: f64) -> Margin {
        let squared_scale = self.frame.scale * self.frame.scale;
        // What is not a number fails the first comparison.
        if squared_norm <= SQUARED_NORM_MAX && squared_scale > 0.0 {
            let width = self.kappa * squared_norm + squared_scale * HALF_UNIT + UNDERFLOW;
            Margin { squared_scale, squared_norm, width }
        } else {
            Margin { squared_scale: 0.0, squared_norm: 0.0, width: f64::INFINITY }
        }
    }
}

impl Frame {
    fn of(reference: &Array2<f64>) -> Self {
        let (rows, columns) = reference.dim();
        let mut centre: Array1<f64> = Array1::zeros(columns);
        let share = real(rows).recip();
        for row in reference.rows() {
            // Divided first: the sum of finite values may overflow.
            centre.zip_mut_with(&row, |mean, value| *mean += value * share);
        }
        let mut spreads: Array1<f64> = Array1::zeros(columns);
        for row in reference.rows() {
            Zip::from(&mut spreads).and(row).and(&centre).for_each(|spread, value, mean| {
                let distance = (value - mean).abs();
                *spread = if distance > *spread { distance } else { *spread };
            });
        }
        let spread = spreads.fold(0.0_f64, |most, &spread| most.max(spread));
        let scale = match spread {
            _ if columns > COLUMNS_MAX => 0.0,
            0.0 => 1.0,
            SPREAD_MIN..=SPREAD_MAX => spread.recip(),
            _ => 0.0,
        };
        Self { centre, scale }
    }

    fn project(&self, row: &ArrayRef1<f64>) -> Array1<f64> {
        (&row.view() - &self.centre) * self.scale
    }
}

impl Margin {
    /// The greatest approximation a row may have that is ranked among the first `k`, given that `k`
    /// rows have approximation plus slack at most `upper`.
    pub(super) fn above_approximate(&self, upper: f64) -> f32 {
        raised(upper + 2.0 * self.width)
    }

    /// The same, given that `k` rows have a ranked squared distance of at most `squared_distance`.
    pub(super) fn above_ranked(&self, squared_distance: f64) -> f32 {
        raised(squared_distance * self.squared_scale - self.squared_norm + self.width)
    }
}

/// The count as a real number.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn real(count: usize) -> f64 {
    count as f64
}

/// The nearest `f32`.
#[expect(clippy::cast_possible_truncation, reason = "the bound accounts for the rounding")]
fn narrow(value: f64) -> f32 {
    value as f32
}

/// An `f32` no smaller than the value.
fn raised(value: f64) -> f32 {
    narrow(value).next_up()
}

/// `u`, half the distance from 1 to the next `f32`.
const UNIT_ROUNDOFF: f64 = 1.0 / 16_777_216.0;
/// Half a unit of the ninth decimal, and a little for computing the rounding itself.
const HALF_UNIT: f64 = 0.5e-9 * (1.0 + 1e-12);
/// `2⁻⁹⁶`, above everything underflow may cost.
const UNDERFLOW: f64 = 1.3e-29;
const COLUMNS_MAX: usize = 1 << 16;
const SPREAD_MIN: f64 = 1e-120;
const SPREAD_MAX: f64 = 1e120;
/// `2⁶⁰`.
const SQUARED_NORM_MAX: f64 = 1_152_921_504_606_846_976.0;

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::linalg::general_mat_mul;
    use proptest::prelude::*;

    fn matrix(rows: usize, columns: usize) -> impl Strategy<Value = Array2<f64>> {
        let value = prop_oneof![Just(0.0), Just(1.0), -1.0..1.0, -1e-3..1e-3, 1e5..1e5 + 1.0];
        prop::collection::vec(value, rows * columns)
            .prop_map(move |values| Array2::from_shape_vec((rows, columns), values).unwrap())
    }

    fn reference_and_queries() -> impl Strategy<Value = (Array2<f64>, Array2<f64>)> {
        (1_usize..40, 1_usize..4, 1_usize..300).prop_flat_map(|(rows, queries, columns)| {
            (matrix(rows, columns), matrix(queries, columns))
        })
    }

    proptest! {
        /// Both sides of the inequality that the module derives.
        #[test]
        fn ranked_distances_lie_within_the_margin((reference, queries) in reference_and_queries()) {
            let filter = Filter::new(&reference);
            let (augmented, margins) = filter.queries(&queries);
            let mut products = Array2::zeros((queries.nrows(), reference.nrows()));
            general_mat_mul(1.0, &augmented, &filter.rows().t(), 0.0, &mut products);
            for ((query, p), margin) in queries.outer_iter().zip(products.outer_iter()).zip(margins) {
                for ((row, &p), slack) in reference.outer_iter().zip(p).zip(filter.slacks()) {
                    let sum: f64 = row.iter().zip(query).map(|(x, y)| (x - y) * (x - y)).sum();
                    let ranked = (sum * 1e9).round_ties_even() / 1e9;
                    let shifted = ranked * margin.squared_scale - margin.squared_norm;
                    prop_assert!(f64::from(p) - margin.width <= shifted);
                    prop_assert!(shifted <= f64::from(p) + slack + margin.width);
                    prop_assert!(p <= margin.above_ranked(ranked));
                }
            }
        }
    }

    #[test]
    fn the_margin_is_infinite_where_the_bound_does_not_hold() {
        let width = |reference: f64, query: f64| {
            let filter =
                Filter::new(&Array2::from_shape_vec((2, 1), vec![reference, 0.0]).unwrap());
            let (_, margins) = filter.queries(&Array2::from_elem((1, 1), query));
            margins.iter().map(|margin| margin.width).sum::<f64>()
        };
        assert!(width(1.0, 1.0) < 1e-5);
        assert!(width(1e-130, 0.0).is_infinite());
        assert!(width(1e130, 0.0).is_infinite());
        assert!(width(1.0, 1e10).is_infinite());
        assert!(width(f64::MAX, f64::MIN).is_infinite());
        let wide = Filter::new(&Array2::ones((1, COLUMNS_MAX + 1)));
        let (_, margins) = wide.queries(&Array2::ones((1, COLUMNS_MAX + 1)));
        assert!(margins.iter().all(|margin| margin.width.is_infinite()));
    }
}
