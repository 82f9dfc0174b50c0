//! Exact k nearest neighbours, the ground of the scores `rb-label` and `rb-dist`.
//!
//! Distances are first approximated by matrix products in `f32` (`filter`), every row that the
//! rounding errors cannot exclude is kept (`shortlist`), and the kept rows are ranked by distances
//! computed directly in `f64`. The answer is therefore a function of the reference and of one query:
//! it does not depend on the other queries, on block sizes or on the instruction set.
//!
//! This module never approximates its answer, starts no thread and draws no random number.

mod filter;
mod shortlist;

use filter::Filter;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayRef2, Axis, Slice};
use shortlist::{Search, Shortlist, waiting_max};
use std::cmp::Ordering;

/// A reference row, as one query sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Number of the row in the reference, from 0.
    pub row: usize,
    /// Squared Euclidean distance to the query, rounded to 9 decimals, ties to even.
    pub squared_distance: f64,
}

/// Why a search was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NeighbourError {
    /// The reference has no row or no column.
    #[error("the reference has no row or no column")]
    EmptyReference,
    /// A value of the matrix handed over is infinite or not a number.
    #[error("the value in row {row}, column {column} is not finite")]
    NotFinite {
        /// Row of the first such value.
        row: usize,
        /// Its column.
        column: usize,
    },
    /// The queries have another number of columns than the reference.
    #[error("the reference has {expected} columns, the queries have {got}")]
    Columns {
        /// Columns of the reference.
        expected: usize,
        /// Columns of the queries.
        got: usize,
    },
    /// No neighbour was asked for.
    #[error("k must be at least 1")]
    NoNeighbour,
    /// More neighbours were asked for than the reference has rows.
    #[error("{k} neighbours asked for, but the reference has only {reference} rows")]
    TooFewRows {
        /// Neighbours asked for.
        k: usize,
        /// Rows of the reference.
        reference: usize,
    },
}

impl Neighbour {
    /// The order of ranking: nearer first, then the smaller row number.
    fn rank(&self, other: &Self) -> Ordering {
        let by_distance = self.squared_distance.total_cmp(&other.squared_distance);
        by_distance.then(self.row.cmp(&other.row))
    }
}

/// Rows among which neighbours are searched.
#[derive(Debug, Clone)]
pub struct NeighbourIndex {
    reference: Array2<f64>,
    filter: Filter,
}

impl NeighbourIndex {
    /// Prepares the search among the rows of `reference`, rows × columns.
    ///
    /// # Errors
    /// [`NeighbourError::EmptyReference`] and [`NeighbourError::NotFinite`].
    pub fn new(reference: &ArrayRef2<f64>) -> Result<Self, NeighbourError> {
        if reference.is_empty() {
            return Err(NeighbourError::EmptyReference);
        }
        require_finite(reference)?;
        let reference = reference.as_standard_layout().into_owned();
        let filter = Filter::new(&reference);
        Ok(Self { reference, filter })
    }

    /// Finds the `k` nearest rows of each query, nearest first: queries × `k`.
    ///
    /// `queries` is queries × columns. The squared distance is the sum of the squared differences,
    /// in `f64` and in the order of the columns, rounded to 9 decimals; rows are ranked by that
    /// rounded distance, then by row number.
    ///
    /// # Errors
    /// [`NeighbourError::NoNeighbour`], [`NeighbourError::TooFewRows`],
    /// [`NeighbourError::Columns`], and [`NeighbourError::NotFinite`] for a value of `queries`.
    pub fn nearest(
        &self,
        queries: &ArrayRef2<f64>,
        k: usize,
    ) -> Result<Array2<Neighbour>, NeighbourError> {
        let (rows, columns) = self.reference.dim();
        if k == 0 {
            return Err(NeighbourError::NoNeighbour);
        }
        if k > rows {
            return Err(NeighbourError::TooFewRows { k, reference: rows });
        }
        if queries.ncols() != columns {
            return Err(NeighbourError::Columns { expected: columns, got: queries.ncols() });
        }
        require_finite(queries)?;

        let unset = Neighbour { row: usize::MAX, squared_distance: f64::INFINITY };
        let mut nearest = Array2::from_elem((queries.nrows(), k), unset);
        let block = (WAITING_MAX / waiting_max(k)).clamp(1, QUERY_BLOCK);
        for (queries, mut nearest) in queries
            .as_standard_layout()
            .axis_chunks_iter(Axis(0), block)
            .zip(nearest.axis_chunks_iter_mut(Axis(0), block))
        {
            for (found, mut nearest) in self.shortlists(&queries, k).zip(nearest.rows_mut()) {
                nearest.iter_mut().zip(found.into_nearest()).for_each(|(to, from)| *to = from);
            }
        }
        Ok(nearest)
    }

    /// Offers every row to every query of one block.
    fn shortlists<'a>(
        &'a self,
        queries: &'a ArrayRef2<f64>,
        k: usize,
    ) -> impl Iterator<Item = Shortlist<'a>> {
        let reference = self.reference.as_slice().expect("stored in row-major order");
        let search = Search { reference, slacks: self.filter.slacks(), k };
        let (augmented, margins) = self.filter.queries(queries);
        let mut shortlists: Vec<_> = queries
            .as_slice()
            .expect("handed over in row-major order")
            .chunks_exact(self.reference.ncols())
            .zip(margins)
            .map(|(query, margin)| Shortlist::new(search, query, margin))
            .collect();
        let mut products = Array2::zeros((queries.nrows(), ROW_BLOCK));
        for (block, rows) in self.filter.rows().axis_chunks_iter(Axis(0), ROW_BLOCK).enumerate() {
            let mut products = products.slice_axis_mut(Axis(1), Slice::from(..rows.nrows()));
            general_mat_mul(1.0, &augmented, &rows.t(), 0.0, &mut products);
            for (shortlist, approximations) in shortlists.iter_mut().zip(products.rows()) {
                let approximations =
                    approximations.to_slice().expect("the products are in row-major order");
                shortlist.offer(block * ROW_BLOCK, approximations);
            }
        }
        shortlists.into_iter()
    }
}

/// # Errors
/// [`NeighbourError::NotFinite`] at the first value that is infinite or not a number.
fn require_finite(matrix: &ArrayRef2<f64>) -> Result<(), NeighbourError> {
    for (row, values) in matrix.outer_iter().enumerate() {
        if let Some(column) = values.iter().position(|value| !value.is_finite()) {
            return Err(NeighbourError::NotFinite { row, column });
        }
    }
    Ok(())
}

/// Queries and rows of one matrix product: it stays in the second-level cache, and a row of it does
/// not share cache sets with the next one.
const QUERY_BLOCK: usize = 512;
const ROW_BLOCK: usize = 256;
/// Rows that may wait in all shortlists of a block together; it bounds the memory where `k` is large.
const WAITING_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{array, concatenate};
    use proptest::prelude::*;

    /// Every distance, sorted whole.
    fn by_brute_force(
        reference: &Array2<f64>,
        queries: &Array2<f64>,
        k: usize,
    ) -> Array2<Neighbour> {
        let nearest = queries.rows().into_iter().flat_map(|query| {
            let mut all: Vec<_> = (reference.rows().into_iter().enumerate())
                .map(|(row, values)| {
                    let sum = (values.iter().zip(query)).fold(0.0, |sum, (x, y)| {
                        let difference = x - y;
                        sum + difference * difference
                    });
                    let squared_distance = (sum * 1e9).round_ties_even() / 1e9;
                    Neighbour { row, squared_distance }
                })
                .collect();
            all.sort_by(|a, b| {
                (a.squared_distance, a.row).partial_cmp(&(b.squared_distance, b.row)).unwrap()
            });
            all.truncate(k);
            all
        });
        Array2::from_shape_vec((queries.nrows(), k), nearest.collect()).unwrap()
    }

    fn assert_exact(reference: &Array2<f64>, queries: &Array2<f64>, k: usize) {
        let index = NeighbourIndex::new(reference).unwrap();
        let nearest = index.nearest(queries, k).unwrap();
        assert_eq!(nearest, by_brute_force(reference, queries, k));
    }

    /// Uniform values in [0, 1), the same in every run.
    fn uniform(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed;
        move || {
            // SplitMix64.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            f64::from(u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap()) / 4_294_967_296.0
        }
    }

    /// Values close to a standard normal distribution.
    fn gaussian(shape: (usize, usize), seed: u64) -> Array2<f64> {
        let mut uniform = uniform(seed);
        Array2::from_shape_simple_fn(shape, || (0..12).map(|_| uniform()).sum::<f64>() - 6.0)
    }

    /// Columns that are 1 in one row of `rarity`, brought to mean 0 and deviation 1.
    fn rare_flags(shape: (usize, usize), rarity: f64, seed: u64) -> Array2<f64> {
        let mut uniform = uniform(seed);
        let share = 1.0 / rarity;
        Array2::from_shape_simple_fn(shape, || {
            let flag = f64::from(u8::from(uniform() < share));
            (flag - share) / (share * (1.0 - share)).sqrt()
        })
    }

    #[test]
    fn finds_what_brute_force_finds_in_gaussian_data() {
        for (columns, k) in [(1, 7), (2, 10), (10, 1), (10, 10), (30, 20), (100, 50)] {
            assert_exact(&gaussian((1500, columns), 1), &gaussian((40, columns), 2), k);
        }
    }

    #[test]
    fn finds_all_rows_in_order_when_k_is_their_number() {
        assert_exact(&gaussian((700, 5), 3), &gaussian((9, 5), 4), 700);
    }

    #[test]
    fn finds_many_rows_for_many_queries() {
        let k = 1500;
        assert!(WAITING_MAX / waiting_max(k) < QUERY_BLOCK);
        assert_exact(&gaussian((2000, 2), 36), &gaussian((QUERY_BLOCK, 2), 37), k);
    }

    #[test]
    fn finds_the_only_row() {
        assert_exact(&gaussian((1, 3), 5), &gaussian((4, 3), 6), 1);
    }

    #[test]
    fn a_row_is_its_own_nearest_unless_an_earlier_row_equals_it() {
        let distinct = gaussian((600, 4), 7);
        let reference = concatenate![Axis(0), distinct, distinct];
        let nearest = NeighbourIndex::new(&reference).unwrap().nearest(&reference, 2).unwrap();
        for (row, nearest) in nearest.rows().into_iter().enumerate() {
            let first = row % 600;
            let expected = [first, first + 600].map(|row| Neighbour { row, squared_distance: 0.0 });
            assert_eq!(nearest.to_vec(), expected);
        }
    }

    #[test]
    fn ties_go_to_the_smaller_row_number() {
        for value in [0.0, 0.1, -1e6, 1e-200, 1e200] {
            let identical = Array2::from_elem((1000, 3), value);
            assert_exact(&identical, &Array2::from_elem((2, 3), value), 10);
            assert_exact(&identical, &gaussian((2, 3), 8), 10);
        }
    }

    /// The tie classes of such columns are far larger than `k`, and a tie in `f64` is none in `f32`.
    #[test]
    fn cuts_no_tie_among_standardised_rare_flags() {
        for rarity in [3.0, 20.0, 400.0] {
            let reference = rare_flags((3000, 12), rarity, 9);
            assert_exact(&reference, &rare_flags((40, 12), rarity, 10), 10);
            assert_exact(&(reference * 0.3), &(rare_flags((40, 12), rarity, 11) * 0.3), 3);
        }
    }

    /// Steps of 1e-7 differ by 1e-14 in squared distance and tie once rounded to 9 decimals.
    #[test]
    fn distances_that_round_alike_are_ties() {
        let mut uniform = uniform(12);
        let reference = Array2::from_shape_simple_fn((2000, 2), || uniform() * 1e-7);
        assert_exact(&reference, &reference, 5);
        let nearly = NeighbourIndex::new(&reference).unwrap().nearest(&reference, 1).unwrap();
        assert!(nearly.iter().all(|nearest| nearest.row == 0));
    }

    #[test]
    fn stays_exact_far_from_the_origin() {
        for offset in [1e6, -1e9, 1e12] {
            let reference = gaussian((1200, 6), 13) + offset;
            assert_exact(&reference, &(gaussian((30, 6), 14) + offset), 10);
        }
    }

    #[test]
    fn stays_exact_between_distant_clusters() {
        let (near, far) = (gaussian((500, 3), 15), gaussian((500, 3), 16) + 1e7);
        let reference = concatenate![Axis(0), near, far];
        let queries = concatenate![Axis(0), gaussian((10, 3), 17), gaussian((10, 3), 18) + 1e7];
        assert_exact(&reference, &queries, 10);
    }

    #[test]
    fn stays_exact_at_any_magnitude() {
        for magnitude in [1e-300, 1e-150, 1e-30, 1e-4, 1e19, 1e60, 1e145, 1e154, 1e300] {
            let reference = gaussian((400, 3), 19) * magnitude;
            assert_exact(&reference, &(gaussian((5, 3), 20) * magnitude), 10);
            assert_exact(&reference, &gaussian((5, 3), 21), 10);
            assert_exact(&gaussian((400, 3), 22), &(gaussian((5, 3), 23) * magnitude), 10);
        }
        let (most, least) = (f64::MAX, f64::MIN);
        assert_exact(&array![[most], [least], [1.0]], &array![[least], [0.0]], 3);
        assert_exact(&array![[most], [most], [least]], &array![[least], [0.0]], 3);
        assert_exact(&Array2::from_elem((7, 1), most), &array![[most], [0.0]], 3);
    }

    #[test]
    fn one_outlier_changes_nothing() {
        let mut reference = gaussian((1000, 4), 24);
        reference[[17, 2]] = 1e15;
        assert_exact(&reference, &gaussian((20, 4), 25), 10);
    }

    #[test]
    fn answers_do_not_depend_on_the_batch() {
        let index = NeighbourIndex::new(&gaussian((3000, 11), 26)).unwrap();
        let queries = gaussian((QUERY_BLOCK + 7, 11), 27);
        let together = index.nearest(&queries, 10).unwrap();
        for (query, together) in queries.outer_iter().zip(together.outer_iter()) {
            let alone = index.nearest(&query.insert_axis(Axis(0)), 10).unwrap();
            assert_eq!(alone.row(0), together);
        }
    }

    #[test]
    fn the_memory_layout_of_the_arguments_does_not_matter() {
        let (reference, queries) = (gaussian((300, 6), 28), gaussian((20, 6), 29));
        let expected = by_brute_force(&reference, &queries, 4);
        let reference = reference.t().as_standard_layout().into_owned();
        let queries = queries.t().as_standard_layout().into_owned();
        let index = NeighbourIndex::new(&reference.t()).unwrap();
        assert_eq!(index.nearest(&queries.t(), 4).unwrap(), expected);
    }

    #[test]
    fn no_query_has_no_answer() {
        let index = NeighbourIndex::new(&gaussian((3, 2), 30)).unwrap();
        assert_eq!(index.nearest(&Array2::zeros((0, 2)), 3).unwrap().dim(), (0, 3));
    }

    #[test]
    fn refuses_an_empty_reference() {
        for shape in [(0, 3), (3, 0)] {
            let refused = NeighbourIndex::new(&Array2::zeros(shape)).unwrap_err();
            assert_eq!(refused, NeighbourError::EmptyReference);
        }
    }

    #[test]
    fn refuses_values_that_are_not_finite() {
        let index = NeighbourIndex::new(&gaussian((5, 3), 31)).unwrap();
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut matrix = gaussian((5, 3), 32);
            matrix[[4, 1]] = value;
            let refused = NeighbourError::NotFinite { row: 4, column: 1 };
            assert_eq!(NeighbourIndex::new(&matrix).unwrap_err(), refused);
            assert_eq!(index.nearest(&matrix, 1).unwrap_err(), refused);
        }
    }

    #[test]
    fn refuses_a_k_it_cannot_serve() {
        let reference = gaussian((5, 3), 33);
        let index = NeighbourIndex::new(&reference).unwrap();
        assert_eq!(index.nearest(&reference, 0), Err(NeighbourError::NoNeighbour));
        let refused = NeighbourError::TooFewRows { k: 6, reference: 5 };
        assert_eq!(index.nearest(&reference, 6), Err(refused));
    }

    #[test]
    fn refuses_queries_of_another_width() {
        let index = NeighbourIndex::new(&gaussian((5, 3), 34)).unwrap();
        let refused = NeighbourError::Columns { expected: 3, got: 2 };
        assert_eq!(index.nearest(&gaussian((5, 2), 35), 1), Err(refused));
    }

    /// Few distinct values, hence many duplicates and ties; steps that `f32` cannot represent.
    fn small_grid() -> impl Strategy<Value = (Array2<f64>, Array2<f64>, usize)> {
        (1_usize..400, 1_usize..5, 1_usize..6, 1_u8..4).prop_flat_map(
            |(rows, columns, queries, levels)| {
                let values = |count| prop::collection::vec(0..=levels, count * columns);
                let steps = prop::sample::select(vec![1.0, 0.1, 1.0 / 3.0, 1e-5, 1e5 / 7.0]);
                (values(rows), values(queries), 1..=rows, steps).prop_map(
                    move |(reference, wanted, k, step)| {
                        let matrix = |count, values: Vec<u8>| {
                            Array2::from_shape_vec((count, columns), values).unwrap()
                        };
                        (
                            matrix(rows, reference).mapv(|level| f64::from(level) * step),
                            matrix(queries, wanted).mapv(|level| f64::from(level) * step),
                            k,
                        )
                    },
                )
            },
        )
    }

    proptest! {
        #[test]
        fn finds_what_brute_force_finds_on_small_grids((reference, queries, k) in small_grid()) {
            assert_exact(&reference, &queries, k);
        }
    }
}
