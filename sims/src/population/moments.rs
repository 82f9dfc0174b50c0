//! People that have the moments of others: means, variances and correlations of features and label, group by group.
//!
//! Nobody is copied; whatever is not in those numbers is made up. Within a group the label comes first, exactly as
//! many positive ones as its rate says. Then, one after the other, every block of indicators and every number is
//! drawn from its best linear prediction by all that was drawn before: an indicator, or one level of several, with
//! the predicted chance, a number with normal noise of what the prediction leaves over. The predictions are the rows
//! of one Cholesky factor, so that drawn people have the moments, but for
//!
//! - chances that would lie outside 0 to 1 and are cut,
//! - numbers that then take the values of a histogram, by rank, or are cut to their range,
//! - the chance of finitely many draws.
//!
//! What these move is moved back: the difference between given and drawn correlations is added to those that are
//! drawn from, [`ROUNDS`] times, and the nearest people are kept. The remaining difference is told ([`Likeness`]).
//!
//! **Correlations that no people can have**, as noise makes them, are all shrunk by one share, the least that leaves
//! something that people can have ([`Likeness::shrunk`]).

use ndarray::{Array1, Array2, Axis, Slice};
use protocol::scoring::design::{ColumnKind, DesignBuilder};
use protocol::scoring::schema::Schema;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::columns::{Columns, position};
use self::factor::{factor, shrink, shrinkage};
use super::{Draws, Stream};
use crate::dataset::Dataset;

mod columns;
mod factor;
#[cfg(test)]
mod tests;

/// How often given and drawn correlations are compared.
pub const ROUNDS: usize = 12;

/// A difference of correlations that is counted.
pub const FAR: f64 = 0.1;

/// How often each value of a number occurs.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Ascending; a level's position for an ordinal.
    pub values: Vec<f64>,
    /// One per value, not negative, not all 0.
    pub weights: Vec<f64>,
}

/// What is known of one group, in coordinates: a count's is `ln(1 + x)`, an ordinal's its position.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// How many people to draw.
    pub people: usize,
    /// The share of positive labels among them.
    pub positive: f64,
    /// Per column of the schema; that of an indicator is a share.
    pub mean: Vec<f64>,
    /// (Columns + 1) x (columns + 1), the label last, symmetric. The variance of an indicator is not read, as its mean
    /// says it.
    pub covariance: Array2<f64>,
    /// Per number column; without one, the majority's shape is taken, or a normal distribution.
    pub histograms: Vec<Option<Histogram>>,
}

/// How like the given moments the drawn people are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Likeness {
    /// The greatest difference of a feature's correlation with the label.
    pub with_label: f64,
    /// The greatest difference of a correlation between two features.
    pub between: f64,
    /// By which share all correlations were shrunk, as no people can have the given ones.
    pub shrunk: f64,
    /// Correlations that differ by more than [`FAR`].
    pub far: usize,
    /// The share of drawn numbers that lay outside their range and stand at its end.
    pub at_ends: f64,
}

impl Likeness {
    /// With these differences of correlations; the label comes first.
    fn with(self, off: &Array2<f64>) -> Self {
        let greatest = |of_label: bool| {
            let some = off.indexed_iter().filter(|((i, j), _)| (*i == 0 || *j == 0) == of_label);
            some.fold(0.0_f64, |most, (_, off)| most.max(off.abs()))
        };
        let far = off.iter().filter(|off| off.abs() > FAR).count() / 2;
        Self { with_label: greatest(true), between: greatest(false), far, ..self }
    }

    const fn greatest(&self) -> f64 {
        self.with_label.max(self.between)
    }
}

/// A number as its coordinate, as the encoding `mix` has it before it is scaled.
pub fn coordinate(kind: ColumnKind, value: f64) -> f64 {
    match kind {
        ColumnKind::Count => value.ln_1p(),
        ColumnKind::Number | ColumnKind::Indicator => value,
    }
}

fn number(kind: ColumnKind, coordinate: f64) -> f64 {
    match kind {
        ColumnKind::Count => coordinate.exp_m1(),
        ColumnKind::Number | ColumnKind::Indicator => coordinate,
    }
}

/// Draws people of two groups, `[majority, minority]`; each group's are one run of rows.
///
/// # Panics
/// If moments are not of the schema's columns.
pub fn draw(
    name: &str,
    schema: &Schema,
    groups: &[Moments; 2],
    seed: u64,
    test_share: f64,
    fingerprint: String,
) -> (Dataset, [Likeness; 2]) {
    let columns = Columns::of(schema);
    let [majority, minority] = groups;
    let first = Group { columns: &columns, moments: majority, seed, first: 0 }.draw(None);
    let shape = (majority, &first);
    let group = Group { columns: &columns, moments: minority, seed, first: majority.people };
    let second = group.draw(Some(shape));
    let mut builder = DesignBuilder::new(schema);
    let (mut of_minority, mut positive) = (Vec::new(), Vec::new());
    for (is_minority, people) in [(false, &first), (true, &second)] {
        for (row, &label) in people.values.outer_iter().zip(&people.labels) {
            builder.push(&columns.record(schema, &row.to_vec()));
            of_minority.push(is_minority);
            positive.push(label);
        }
    }
    let dataset = Dataset {
        name: name.to_owned(),
        schema: schema.clone(),
        records: builder.finish(),
        minority: of_minority,
        positive,
        test_share,
        fingerprint,
        counterfactual: None,
    };
    (dataset, [first.likeness, second.likeness])
}

/// One group to be drawn.
struct Group<'a> {
    columns: &'a Columns,
    moments: &'a Moments,
    seed: u64,
    /// The first row's number.
    first: usize,
}

/// One group as drawn.
#[derive(Clone, Debug)]
struct People {
    labels: Vec<bool>,
    /// People x columns: numbers as they are reported, indicators as 0 and 1.
    values: Array2<f64>,
    /// People x number columns: coordinates before they took a histogram's values.
    latent: Array2<f64>,
    likeness: Likeness,
}

/// What people are drawn from, in the order of drawing; moved from round to round.
#[derive(Clone, Debug)]
struct Working {
    mean: Vec<f64>,
    sd: Vec<f64>,
    correlation: Array2<f64>,
}

impl Group<'_> {
    /// `shape`: moments and people of the group whose histograms are taken where this one has none.
    fn draw(&self, shape: Option<(&Moments, &People)>) -> People {
        let given = self.given();
        let shrunk = shrinkage(&given.correlation);
        let possible = Working { correlation: shrink(&given.correlation, shrunk), ..given.clone() };
        let mut working = possible.clone();
        let mut best: Option<People> = None;
        for _ in 0..ROUNDS {
            let mut people = self.people(&working, shape);
            let drawn = self.drawn(&people);
            let off = &given.correlation - &drawn.correlation;
            people.likeness = Likeness { shrunk, ..people.likeness.with(&off) };
            self.go_on(&mut working, &possible, &drawn);
            let nearer = |best: &People| people.likeness.greatest() < best.likeness.greatest();
            if best.as_ref().is_none_or(nearer) {
                best = Some(people);
            }
        }
        best.expect("there is at least one round")
    }

    /// Moves what is drawn from by what was missing.
    fn go_on(&self, working: &mut Working, wanted: &Working, drawn: &Working) {
        let missing = &wanted.correlation - &drawn.correlation;
        working.correlation = (&working.correlation + &missing).mapv(|r| r.clamp(-1.0, 1.0));
        working.correlation.diag_mut().fill(1.0);
        for (k, &column) in self.columns.order().iter().enumerate() {
            // The mean and spread of an indicator follow from its chances.
            if column < self.columns.numbers() && drawn.sd[k] > 0.0 {
                working.mean[k] += wanted.mean[k] - drawn.mean[k];
                working.sd[k] *= (wanted.sd[k] / drawn.sd[k]).clamp(0.5, 2.0);
            }
        }
    }

    /// The given moments in the order of drawing.
    fn given(&self) -> Working {
        let Moments { positive, mean, covariance, .. } = self.moments;
        let order = self.columns.order();
        let labels = self.columns.kinds.len();
        let of = |column: usize| if column == labels { *positive } else { mean[column] };
        let means: Vec<f64> = order.iter().map(|&column| of(column)).collect();
        let sd: Vec<f64> = order
            .iter()
            .map(|&column| {
                let variance = if column < self.columns.numbers() {
                    covariance[(column, column)]
                } else {
                    of(column) * (1.0 - of(column))
                };
                variance.max(0.0).sqrt()
            })
            .collect();
        let correlation = Array2::from_shape_fn((order.len(), order.len()), |(i, j)| {
            let scale = sd[i] * sd[j];
            if i == j {
                1.0
            } else if scale > 0.0 {
                // Beyond 1 is impossible, however far beyond.
                (covariance[(order[i], order[j])] / scale).clamp(-2.0, 2.0)
            } else {
                0.0
            }
        });
        Working { mean: means, sd, correlation }
    }

    fn people(&self, working: &Working, shape: Option<(&Moments, &People)>) -> People {
        let count = self.moments.people;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a number of people, rounded"
        )]
        let positives = (self.moments.positive * count as f64).round() as usize;
        let labels: Vec<bool> = (0..count).map(|row| row < positives).collect();
        let lower = factor(&working.correlation).0;
        let rows: Vec<Vec<f64>> = (0..count)
            .into_par_iter()
            .map(|row| self.person(working, &lower, row, labels[row]))
            .collect();
        let columns = self.columns.kinds.len();
        let flat: Vec<f64> = rows.into_iter().flatten().collect();
        let mut values = Array2::from_shape_vec((count, columns), flat).expect("a row per person");
        let latent = values.slice_axis(Axis(1), Slice::from(..self.columns.numbers())).to_owned();
        let mut ends = 0;
        for column in 0..self.columns.numbers() {
            let shaped = self.shaped(column, &latent, shape);
            for (value, (shaped, at_end)) in values.column_mut(column).iter_mut().zip(shaped) {
                *value = shaped;
                ends += usize::from(at_end);
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "people are far below 2^53")]
        let at_ends = ends as f64 / (count * self.columns.numbers()).max(1) as f64;
        let likeness = Likeness { at_ends, ..Likeness::default() };
        People { labels, values, latent, likeness }
    }

    /// One person: indicators, and coordinates of numbers, by column.
    fn person(&self, working: &Working, lower: &Array2<f64>, row: usize, label: bool) -> Vec<f64> {
        let Working { mean, sd, .. } = working;
        let draws = Draws { seed: self.seed, stream: Stream::Moments, row: self.first + row };
        let (numbers, columns) = (self.columns.numbers(), self.columns.kinds.len());
        // What was drawn less what was predicted, in units of what the prediction left over.
        let mut surprise = vec![0.0; columns + 1];
        let mut values = vec![0.0; columns];
        let predict = |surprise: &[f64], k: usize, known: usize| {
            let by: f64 = lower.row(k).iter().take(known).zip(surprise).map(|(l, s)| l * s).sum();
            mean[k] + sd[k] * by
        };
        surprise[0] = (f64::from(u8::from(label)) - mean[0]) / sd[0];
        for block in &self.columns.blocks {
            // Columns behind the label come first: indicators follow it in their own order.
            let place = |column: usize| column - numbers + 1;
            let first = place(block.start);
            let chances: Vec<f64> =
                block.clone().map(|column| predict(&surprise, place(column), first)).collect();
            let chance = draws.uniform(position(block.start));
            if let Some(on) = drawn_level(&chances, chance) {
                values[block.start + on] = 1.0;
            }
            for column in block.clone() {
                let k = place(column);
                let left = sd[k] * lower[(k, k)];
                if left > 0.0 {
                    surprise[k] = (values[column] - predict(&surprise, k, k)) / left;
                }
            }
        }
        for (column, value) in values.iter_mut().enumerate().take(numbers) {
            let k = columns - numbers + 1 + column;
            surprise[k] = draws.gaussian(position(column));
            *value = predict(&surprise, k, k + 1);
        }
        values
    }

    /// The numbers of one column, each with whether it lay outside the range.
    fn shaped(
        &self,
        column: usize,
        latent: &Array2<f64>,
        shape: Option<(&Moments, &People)>,
    ) -> Vec<(f64, bool)> {
        let own: Vec<f64> = latent.column(column).to_vec();
        if let Some(histogram) = &self.moments.histograms[column] {
            let sorted = ascending(&own);
            return own
                .iter()
                .map(|&one| (histogram.at(share_below(&sorted, one)), false))
                .collect();
        }
        let borrowed = shape.and_then(|(moments, people)| {
            Some((moments.histograms[column].as_ref()?, people.latent.column(column).to_vec()))
        });
        if let Some((histogram, others)) = borrowed {
            let sorted = ascending(&others);
            return own
                .iter()
                .map(|&one| (histogram.at(share_below(&sorted, one)), false))
                .collect();
        }
        let (kind, (min, max)) = (self.columns.kinds[column], self.columns.ranges[column]);
        let plain = |&one: &f64| {
            let value = number(kind, one);
            let value = if self.columns.ordinal[column] { value.round() } else { value };
            (value.clamp(min, max), value < min || value > max)
        };
        own.iter().map(plain).collect()
    }

    /// The moments of drawn people, in the order of drawing.
    fn drawn(&self, people: &People) -> Working {
        let columns = self.columns.kinds.len();
        let order = self.columns.order();
        let mut all = Array2::zeros((people.labels.len(), order.len()));
        for (k, &column) in order.iter().enumerate() {
            for (row, entry) in all.column_mut(k).iter_mut().enumerate() {
                *entry = if column == columns {
                    f64::from(u8::from(people.labels[row]))
                } else {
                    coordinate(self.columns.kinds[column], people.values[(row, column)])
                };
            }
        }
        let (mean, covariance) = moments(&all);
        let sd: Vec<f64> = covariance.diag().iter().map(|v| v.max(0.0).sqrt()).collect();
        let correlation = Array2::from_shape_fn(covariance.dim(), |(i, j)| {
            let scale = sd[i] * sd[j];
            if i == j {
                1.0
            } else if scale > 1e-12 {
                covariance[(i, j)] / scale
            } else {
                0.0
            }
        });
        Working { mean: mean.to_vec(), sd, correlation }
    }
}

/// Means and population covariances of columns.
///
/// # Panics
/// Without a row.
pub(crate) fn moments(rows: &Array2<f64>) -> (Array1<f64>, Array2<f64>) {
    let mean = rows.mean_axis(Axis(0)).expect("there is at least one row");
    let centred = rows - &mean;
    #[expect(clippy::cast_precision_loss, reason = "people are far below 2^53")]
    let count = rows.nrows() as f64;
    (mean, centred.t().dot(&centred) / count)
}

/// Which of several levels is on, or whether a flag is: `chance` is uniform.
fn drawn_level(chances: &[f64], chance: f64) -> Option<usize> {
    if let [flag] = chances {
        return (chance <= *flag).then_some(0);
    }
    let total: f64 = chances.iter().map(|chance| chance.max(0.0)).sum();
    let mut left = chance * total;
    let mut last = 0;
    for (level, of) in chances.iter().enumerate().filter(|(_, of)| **of > 0.0) {
        left -= of;
        last = level;
        if left <= 0.0 {
            break;
        }
    }
    Some(last)
}

fn ascending(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The share of ascending values below, its own half included.
fn share_below(sorted: &[f64], value: f64) -> f64 {
    let below = sorted.partition_point(|one| *one < value);
    let upto = sorted.partition_point(|one| *one <= value);
    #[expect(clippy::cast_precision_loss, reason = "people are far below 2^53")]
    let share = (below + upto) as f64 / (2 * sorted.len().max(1)) as f64;
    share
}

impl Histogram {
    /// The value below which a share of the weight lies.
    fn at(&self, share: f64) -> f64 {
        let mut left = share * self.weights.iter().sum::<f64>();
        let mut last = self.values[0];
        for (&value, &weight) in self.values.iter().zip(&self.weights).filter(|(_, w)| **w > 0.0) {
            left -= weight;
            last = value;
            if left < 0.0 {
                break;
            }
        }
        last
    }
}
