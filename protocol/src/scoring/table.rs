//! The neighbour-count table: how many donors of each label stand in each cell, and what a member
//! scores itself with.
//!
//! Without noise every donor is treated as standing on its cell's centre, and the member takes the k
//! nearest: *centre-share* (`rb-label`) and *centre distance* (`rb-dist`). With noise single counts
//! say little: *pool* adds up the member's own cell over all repetitions, and *centre distance*
//! passes over cells whose count noise alone could explain.

use ndarray::{Array2, Array3, ArrayView1, Axis};

use super::cells::{CellError, Centres};
use super::neighbours::Neighbour;
use super::scaling::Scaled;
use crate::aggregation::GridSum;

/// Why an opened table cannot be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The opened table is not of these cells.
    #[error("an opened table of {got:?} rows and cells; {expected:?} expected")]
    Shape {
        /// Rows and cells of the centres' grid.
        expected: (usize, usize),
        /// Of the table.
        got: (usize, usize),
    },
    /// The published noise is no standard deviation.
    #[error("noise of standard deviation {sigma}; allowed: 0 or above")]
    Sigma {
        /// As given.
        sigma: f64,
    },
    /// Nobody to compare with.
    #[error("k must be at least 1")]
    NoNeighbour,
    /// Records of another schema.
    #[error(transparent)]
    Cells(#[from] CellError),
}

/// Opened counts with the centres they belong to.
#[derive(Clone, Debug)]
pub struct NeighbourTable {
    centres: Centres,
    /// Repetitions × cells × 2 labels, in persons; negative where noise made it so.
    counts: Array3<f64>,
    /// Standard deviation of the published noise of one count, in persons.
    sigma: f64,
}

impl NeighbourTable {
    /// Reads an opened table. `sigma` is the standard deviation of the *published* noise of one count,
    /// 0 without noise.
    ///
    /// # Errors
    /// [`TableError::Shape`], [`TableError::Sigma`].
    pub fn new(centres: Centres, opened: &GridSum, sigma: f64) -> Result<Self, TableError> {
        let grid = centres.grid();
        let expected = (usize::from(grid.rows()), usize::from(grid.cells()));
        let got = opened.counts().dim();
        if got != expected {
            return Err(TableError::Shape { expected, got });
        }
        if !(sigma.is_finite() && sigma >= 0.0) {
            return Err(TableError::Sigma { sigma });
        }
        #[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
        let counts =
            Array3::from_shape_fn((expected.0, expected.1 / 2, 2), |(row, cell, label)| {
                opened.counts()[(row, 2 * cell + label)] as f64
            });
        Ok(Self { centres, counts, sigma })
    }

    /// The centres.
    pub const fn centres(&self) -> &Centres {
        &self.centres
    }

    /// `rb-label`: the estimated share of positives among the k nearest donors, 0 to 1 per record.
    ///
    /// Centre-share without noise, pool with noise.
    ///
    /// # Errors
    /// [`TableError::NoNeighbour`]; [`TableError::Cells`] if the records are not of the schema.
    pub fn label(&self, records: &Scaled, k: u32) -> Result<Vec<f64>, TableError> {
        if self.sigma > 0.0 { self.pool(records) } else { self.centre_share(records, k) }
    }

    /// Treats every donor as standing on its cell's centre, takes the k nearest to the record (of
    /// the last cell a part), and averages the share of positives over the repetitions.
    ///
    /// # Errors
    /// As [`NeighbourTable::label`].
    pub fn centre_share(&self, records: &Scaled, k: u32) -> Result<Vec<f64>, TableError> {
        let prior = self.prior();
        self.average(records, k, |repetition, nearest, k| {
            let count = |cell: usize, label| self.counts[(repetition, cell, label)].max(0.0);
            let people = |cell| count(cell, 0) + count(cell, 1);
            let (positives, taken) = nearest_people(nearest, people, k)
                .map(|(n, share)| (count(n.row, 1) * share, people(n.row) * share))
                .fold((0.0, 0.0), |(p, t), (positives, taken)| (p + positives, t + taken));
            if taken > 0.0 { positives / taken } else { prior }
        })
    }

    /// Adds up the counts of the record's own cell over the repetitions: the share of positives,
    /// drawn towards the share among all donors by a weight of `max(5, 2 sigma)` persons.
    ///
    /// # Errors
    /// [`TableError::Cells`] if the records are not of the schema.
    pub fn pool(&self, records: &Scaled) -> Result<Vec<f64>, TableError> {
        let (prior, smoothing) = (self.prior(), (2.0 * self.sigma).max(SMOOTHING_MIN));
        let cells = self.centres.cells(records)?;
        let share = |cells: ArrayView1<'_, u16>| {
            let own = |label: usize| -> f64 {
                let own = cells.iter().enumerate();
                own.map(|(r, &cell)| self.counts[(r, usize::from(cell), label)]).sum()
            };
            let positives = own(1).max(0.0);
            let people = positives + own(0).max(0.0);
            (positives + smoothing * prior) / (people + smoothing)
        };
        Ok(cells.outer_iter().map(share).collect())
    }

    /// `rb-dist`: minus the estimated mean distance to the k nearest donors with a positive label, in
    /// units of the scaling.
    ///
    /// Treats every such donor as standing on its cell's centre, averaged over the repetitions. With
    /// noise a cell counts only above `2 sigma` (the fullest one if there is none).
    ///
    /// # Errors
    /// As [`NeighbourTable::label`].
    pub fn distance(&self, records: &Scaled, k: u32) -> Result<Vec<f64>, TableError> {
        let fullest: Vec<f64> = self
            .counts
            .index_axis(Axis(2), 1)
            .outer_iter()
            .map(|row| row.iter().copied().fold(f64::NEG_INFINITY, f64::max))
            .collect();
        self.average(records, k, |repetition, nearest, k| {
            let floor = 2.0 * self.sigma;
            let positives = |cell: usize| {
                let count = self.counts[(repetition, cell, 1)];
                let fullest = fullest[repetition];
                let seen = count > floor || (fullest <= floor && count >= fullest);
                if seen { count.max(0.0) } else { 0.0 }
            };
            let (sum, taken) = nearest_people(nearest, positives, k)
                .map(|(n, share)| (n.squared_distance.sqrt(), positives(n.row) * share))
                .fold((0.0, 0.0), |(s, t), (distance, people)| (s + distance * people, t + people));
            let farthest = nearest[nearest.len() - 1].squared_distance.sqrt();
            if taken > 0.0 { -sum / taken } else { -farthest }
        })
    }

    /// The mean over repetitions of `estimate(repetition, cells by distance, k)`, per record.
    fn average(
        &self,
        records: &Scaled,
        k: u32,
        estimate: impl Fn(usize, &ArrayView1<'_, Neighbour>, f64) -> f64,
    ) -> Result<Vec<f64>, TableError> {
        if k == 0 {
            return Err(TableError::NoNeighbour);
        }
        let repetitions = self.counts.len_of(Axis(0));
        let mut scores = Vec::with_capacity(records.rows());
        for block in records.to_dense().axis_chunks_iter(Axis(0), RECORD_BLOCK) {
            let mut sums = vec![0.0; block.nrows()];
            let block: Array2<f64> = block.to_owned();
            for repetition in 0..repetitions {
                let nearest = self.centres.by_distance(repetition, &block)?;
                for (sum, nearest) in sums.iter_mut().zip(nearest.outer_iter()) {
                    *sum += estimate(repetition, &nearest, f64::from(k));
                }
            }
            let count = f64::from(self.centres.shape().repetitions);
            scores.extend(sums.into_iter().map(|sum| sum / count));
        }
        Ok(scores)
    }

    /// The share of positives among all donors, 0 to 1.
    fn prior(&self) -> f64 {
        let total = |label| self.counts.index_axis(Axis(2), label).sum().max(0.0);
        let (negative, positive) = (total(0), total(1));
        if negative + positive > 0.0 { positive / (negative + positive) } else { 0.5 }
    }
}

/// The cells that hold the k nearest people, nearest first, each with the share of it that is taken.
fn nearest_people(
    nearest: &ArrayView1<'_, Neighbour>,
    people: impl Fn(usize) -> f64,
    k: f64,
) -> impl Iterator<Item = (Neighbour, f64)> {
    let mut left = k;
    nearest.iter().copied().map_while(move |cell| {
        if left <= 0.0 {
            return None;
        }
        let here = people(cell.row);
        let share = if here > left { left / here } else { 1.0 };
        left -= here * share;
        Some((cell, share))
    })
}

/// The least weight, in persons, of the share among all donors in a pooled share.
const SMOOTHING_MIN: f64 = 5.0;
/// Records whose distances to all centres are kept at a time.
const RECORD_BLOCK: usize = 256;

#[cfg(test)]
mod tests {
    use super::super::cells::CellShape;
    use super::super::cells::tests::{centres, people};
    use super::*;
    use crate::aggregation::{AggregateResult, Circuit, Measurement, sum_in_the_clear};

    const SHAPE: CellShape = CellShape { repetitions: 2, cells: 6 };

    fn opened(centres: &Centres, donors: &Scaled, labels: &[bool]) -> GridSum {
        let marks = centres.marks(donors, labels).unwrap();
        let measured = marks
            .outer_iter()
            .map(|row| Measurement::Grid(centres.grid().measure(&row.to_vec()).unwrap()));
        let circuit = Circuit::Grid(centres.grid());
        match sum_in_the_clear(&circuit, measured, &[]).unwrap() {
            AggregateResult::Grid(sum) => sum,
            AggregateResult::Gram(_) => panic!("the sum of a grid is a grid"),
        }
    }

    fn table(sigma: f64) -> (NeighbourTable, Scaled, Vec<bool>) {
        let (centres, donors) = (centres(SHAPE, 1), people(40));
        let labels: Vec<bool> = (0..40).map(|i| i % 3 == 0).collect();
        let sum = opened(&centres, &donors, &labels);
        (NeighbourTable::new(centres, &sum, sigma).unwrap(), donors, labels)
    }

    /// Every donor moved to its centre, then all of them sorted by distance, one by one.
    fn on_centres(table: &NeighbourTable, repetition: usize, record: &Scaled) -> Vec<(f64, bool)> {
        let nearest = table.centres.by_distance(repetition, &record.to_dense()).unwrap();
        let mut people = Vec::new();
        for cell in nearest.row(0) {
            for (label, positive) in [(0, false), (1, true)] {
                let mut count = table.counts[(repetition, cell.row, label)];
                while count > 0.5 {
                    people.push((cell.squared_distance.sqrt(), positive));
                    count -= 1.0;
                }
            }
        }
        people
    }

    #[test]
    fn without_noise_the_nearest_stand_on_their_centres() {
        let (table, donors, _) = table(0.0);
        let scores = table.distance(&donors, 7).unwrap();
        let shares = table.label(&donors, 40).unwrap();
        for (row, score) in scores.iter().enumerate() {
            let record = people(40).select(row);
            let mean: f64 = (0..2)
                .map(|repetition| {
                    let positives = on_centres(&table, repetition, &record);
                    let nearest = positives.iter().filter(|p| p.1).take(7);
                    nearest.map(|p| p.0).sum::<f64>() / 7.0
                })
                .sum::<f64>()
                / 2.0;
            assert!((score + mean).abs() < 1e-9, "{score} {mean}");
            // All forty are the nearest forty: 14 positives.
            assert!((shares[row] - 14.0 / 40.0).abs() < 1e-9);
        }
    }

    #[test]
    fn of_the_last_cell_a_part_is_taken() {
        let (table, donors, _) = table(0.0);
        let shares = table.label(&donors, 1).unwrap();
        let cells = table.centres.cells(&donors).unwrap();
        // A donor's own cell holds at least itself: the nearest one is a share of that cell.
        for (share, cells) in shares.iter().zip(cells.outer_iter()) {
            let of = |r: usize, label| table.counts[(r, usize::from(cells[r]), label)];
            let mean = (0..2).map(|r| of(r, 1) / (of(r, 0) + of(r, 1))).sum::<f64>() / 2.0;
            assert!((share - mean).abs() < 1e-9);
        }
    }

    #[test]
    fn pool_adds_up_the_own_cell_and_is_drawn_to_the_share_of_all() {
        let (table, donors, _) = table(4.0);
        let scores = table.label(&donors, 7).unwrap();
        let cells = table.centres.cells(&donors).unwrap();
        for (score, cells) in scores.iter().zip(cells.outer_iter()) {
            let own = |label| -> f64 {
                (0..2).map(|r| table.counts[(r, usize::from(cells[r]), label)]).sum()
            };
            // Smoothing max(5, 2 * 4) = 8; 14 of 40 donors are positive.
            let expected = (own(1) + 8.0 * 0.35) / (own(0) + own(1) + 8.0);
            assert!((score - expected).abs() < 1e-9, "{score} {expected}");
        }
    }

    #[test]
    fn counts_that_noise_explains_are_passed_over() {
        let (quiet, donors, _) = table(0.0);
        let (mut loud, ..) = table(1.0);
        // One cell of each repetition holds more than 2 sigma: the only one to be seen.
        for (repetition, mut counts) in loud.counts.outer_iter_mut().enumerate() {
            counts.fill(-3.0);
            counts[(repetition, 1)] = 9.0;
        }
        let scores = loud.distance(&donors, 7).unwrap();
        let dense = donors.to_dense();
        let nearest = [0, 1].map(|r| quiet.centres.by_distance(r, &dense).unwrap());
        for (row, score) in scores.iter().enumerate() {
            let to = |r: usize| {
                let found = nearest[r].row(row).into_iter().find(|n| n.row == r);
                found.map_or(f64::NAN, |n| n.squared_distance.sqrt())
            };
            assert!((score + f64::midpoint(to(0), to(1))).abs() < 1e-9);
        }
        loud.counts.fill(-3.0);
        assert!(loud.distance(&donors, 7).unwrap().iter().all(|score| score.is_finite()));
        assert!(loud.label(&donors, 7).unwrap().iter().all(|score| (0.0..=1.0).contains(score)));
    }

    #[test]
    fn refuses_another_table() {
        let (table, donors, labels) = table(0.0);
        let other = centres(CellShape { repetitions: 2, cells: 7 }, 1);
        let sum = opened(&other, &donors, &labels);
        let refused = NeighbourTable::new(table.centres.clone(), &sum, 0.0).unwrap_err();
        assert_eq!(refused, TableError::Shape { expected: (2, 12), got: (2, 14) });
        let sum = opened(&table.centres, &donors, &labels);
        let sigma = NeighbourTable::new(table.centres.clone(), &sum, -1.0).unwrap_err();
        assert_eq!(sigma, TableError::Sigma { sigma: -1.0 });
        assert_eq!(table.label(&donors, 0), Err(TableError::NoNeighbour));
    }
}
