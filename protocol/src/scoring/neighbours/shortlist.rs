//! The rows that may still be among the nearest of one query.

use super::Neighbour;
use super::filter::Margin;

/// What all queries of a search share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search<'a> {
    /// The values of the reference, row by row.
    pub(super) reference: &'a [f64],
    /// `4κ|x|²` of each row, see [`super::filter`].
    pub(super) slacks: &'a [f64],
    pub(super) k: usize,
}

/// The rows that may still be among the nearest `k` of one query.
///
/// Rows are offered with approximate distances, block after block. Two facts lower the threshold:
/// the `k`-th smallest upper bound of the waiting rows, and, once the waiting rows are too many, the
/// `k`-th ranked distance.
#[derive(Debug)]
pub(super) struct Shortlist<'a> {
    search: Search<'a>,
    query: &'a [f64],
    margin: Margin,
    /// Rows above it are not among the nearest.
    threshold: f32,
    waiting: Vec<(usize, f32)>,
    waiting_max: usize,
    ranked: Vec<Neighbour>,
}

impl<'a> Shortlist<'a> {
    pub(super) fn new(search: Search<'a>, query: &'a [f64], margin: Margin) -> Self {
        let waiting_max = waiting_max(search.k);
        Self {
            search,
            query,
            margin,
            threshold: f32::INFINITY,
            waiting: Vec::with_capacity(waiting_max),
            waiting_max,
            ranked: Vec::new(),
        }
    }

    /// Offers the rows from number `first` on, by their approximate distances.
    pub(super) fn offer(&mut self, first: usize, approximations: &[f32]) {
        // Most groups hold nothing; where one does, most of its lanes hold nothing.
        let (groups, rest) = approximations.as_chunks::<GROUP>();
        let mut start = first;
        for group in groups {
            if any_at_most(group, self.threshold) {
                let (lanes, _) = group.as_chunks::<LANES>();
                for (number, lanes) in lanes.iter().enumerate() {
                    if any_at_most(lanes, self.threshold) {
                        self.admit(start + number * LANES, lanes);
                    }
                }
            }
            start += GROUP;
        }
        self.admit(start, rest);
    }

    fn admit(&mut self, first: usize, approximations: &[f32]) {
        for (row, &approximation) in (first..).zip(approximations) {
            if approximation <= self.threshold {
                self.waiting.push((row, approximation));
                if self.waiting.len() == self.waiting_max {
                    self.tighten();
                    if self.waiting.len() > self.waiting_max / 2 {
                        self.rank();
                    }
                }
            }
        }
    }

    /// Drops the waiting rows that cannot be among the nearest by their approximations.
    fn tighten(&mut self) {
        let last = self.search.k - 1;
        if last < self.waiting.len() {
            let slack = |row: usize| self.search.slacks.get(row).copied().unwrap_or(f64::INFINITY);
            let mut uppers: Vec<f64> =
                self.waiting.iter().map(|&(row, value)| f64::from(value) + slack(row)).collect();
            let (_, upper, _) = uppers.select_nth_unstable_by(last, f64::total_cmp);
            self.threshold = self.threshold.min(self.margin.above_approximate(*upper));
        }
        let threshold = self.threshold;
        self.waiting.retain(|&(_, value)| value <= threshold);
    }

    /// Ranks the waiting rows by their distances in `f64` and keeps the best `k`.
    fn rank(&mut self) {
        let Search { reference, k, .. } = self.search;
        let query = self.query;
        self.ranked.extend(self.waiting.drain(..).map(|(row, _)| {
            let values = reference.chunks_exact(query.len()).nth(row);
            let values = values.expect("the rows offered are those of the reference");
            Neighbour { row, squared_distance: squared_distance(values, query) }
        }));
        if self.ranked.len() >= k {
            let (_, last, _) = self.ranked.select_nth_unstable_by(k - 1, Neighbour::rank);
            self.threshold = self.threshold.min(self.margin.above_ranked(last.squared_distance));
            self.ranked.truncate(k);
        }
    }

    /// The nearest rows among all that were offered, nearest first.
    pub(super) fn into_nearest(mut self) -> Vec<Neighbour> {
        self.tighten();
        self.rank();
        self.ranked.sort_unstable_by(Neighbour::rank);
        self.ranked
    }
}

/// How many rows may wait before the threshold is computed anew: more than twice the `k` that may
/// have to stay, and few, so that the threshold follows the rows closely.
pub(super) fn waiting_max(k: usize) -> usize {
    2 * k + 16
}

/// Whether a value is at most the threshold. No early exit, so that it compiles to vectors.
fn any_at_most<const N: usize>(values: &[f32; N], threshold: f32) -> bool {
    values.iter().fold(0, |hits, &value| hits | u32::from(value <= threshold)) > 0
}

/// The squared distance that is ranked: summed in the order of the columns, rounded to 9 decimals.
fn squared_distance(row: &[f64], query: &[f64]) -> f64 {
    let sum: f64 = row.iter().zip(query).map(|(x, y)| (x - y) * (x - y)).sum();
    (sum * 1e9).round_ties_even() / 1e9
}

/// Rows compared with the threshold at once.
const GROUP: usize = 64;
const LANES: usize = 8;
