//! Solving with a symmetric positive definite matrix.

use ndarray::{Array1, Array2, ArrayView1, Axis, Slice};

/// The lower triangle `L` of `A = L L^T`.
#[derive(Clone, Debug)]
pub(super) struct Cholesky {
    lower: Array2<f64>,
}

impl Cholesky {
    /// Factorises the matrix, of which only the lower triangle is read; `None` if it is not
    /// positive definite to working precision.
    pub(super) fn new(mut matrix: Array2<f64>) -> Option<Self> {
        for i in 0..matrix.nrows() {
            let (above, mut rest) = matrix.view_mut().split_at(Axis(0), i);
            let mut row = rest.row_mut(0);
            for j in 0..i {
                let other = above.row(j);
                let dot = first(&row.view(), j).dot(&first(&other, j));
                row[j] = (row[j] - dot) / other[j];
            }
            let pivot = row[i] - first(&row.view(), i).dot(&first(&row.view(), i));
            if !(pivot.is_finite() && pivot > 0.0) {
                return None;
            }
            row[i] = pivot.sqrt();
        }
        Some(Self { lower: matrix })
    }

    /// The `x` of `A x = b`.
    pub(super) fn solve(&self, right: &Array1<f64>) -> Array1<f64> {
        let mut x = right.clone();
        for i in 0..x.len() {
            let dot = first(&self.lower.row(i), i).dot(&first(&x.view(), i));
            x[i] = (x[i] - dot) / self.lower[(i, i)];
        }
        for i in (0..x.len()).rev() {
            x[i] /= self.lower[(i, i)];
            let value = x[i];
            for (earlier, l) in x.iter_mut().zip(self.lower.row(i)).take(i) {
                *earlier -= l * value;
            }
        }
        x
    }
}

fn first<'a>(values: &ArrayView1<'a, f64>, count: usize) -> ArrayView1<'a, f64> {
    values.slice_axis_move(Axis(0), Slice::from(..count))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn solves_a_system_worked_by_hand() {
        let matrix = array![[4.0, 0.0, 0.0], [2.0, 5.0, 0.0], [0.0, 2.0, 2.0]];
        let solution = Cholesky::new(matrix).unwrap().solve(&array![8.0, 18.0, 10.0]);
        // [[4,2,0],[2,5,2],[0,2,2]] (1, 2, 3) = (8, 18, 10)
        assert!((&solution - &array![1.0, 2.0, 3.0]).iter().all(|d| d.abs() < 1e-12));
    }

    #[test]
    fn refuses_an_indefinite_matrix() {
        assert!(Cholesky::new(array![[1.0, 0.0], [2.0, 1.0]]).is_none());
    }
}
