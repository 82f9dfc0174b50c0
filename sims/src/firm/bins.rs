//! Records as one byte per feature: what histograms are indexed by.

use ndarray::{ArrayView1, Axis};
use protocol::scoring::design::Design;

/// Bins of a feature: as many as a byte tells apart.
pub(crate) const BINS_MAX: usize = 256;

/// What a split asks of a record; who says yes goes right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Question {
    /// Whether a number is at least `threshold`.
    AtLeast { column: usize, threshold: f64 },
    /// Whether an indicator is on.
    On { block: usize, column: u32 },
}

impl Question {
    /// The answer of a record with these numbers, and these indicators on.
    pub(crate) fn says_yes(
        self,
        numbers: &ArrayView1<'_, f64>,
        active: &ArrayView1<'_, u32>,
    ) -> bool {
        match self {
            Self::AtLeast { column, threshold } => numbers[column] >= threshold,
            Self::On { block, column } => active[block] == column,
        }
    }
}

/// A number column, or (part of) a block of indicators.
#[derive(Debug)]
pub(crate) enum Feature {
    /// The bin of a number is how many of the ascending `thresholds` it reaches.
    Number { column: usize, thresholds: Vec<f64> },
    /// The bin of the column that is on, counted from `first`; `count` if none of these is.
    Block { block: usize, first: u32, count: usize },
}

impl Feature {
    pub(crate) fn bins(&self) -> usize {
        match self {
            Self::Number { thresholds, .. } => thresholds.len() + 1,
            Self::Block { count, .. } => count + 1,
        }
    }

    /// The question of a split at `bin`: numbers of this bin or above, indicators of just this bin.
    pub(crate) fn question(&self, bin: u8) -> Question {
        match self {
            &Self::Block { block, first, .. } => {
                Question::On { block, column: first + u32::from(bin) }
            }
            Self::Number { column, thresholds } => {
                Question::AtLeast { column: *column, threshold: thresholds[usize::from(bin) - 1] }
            }
        }
    }
}

/// Records × features, one byte each, row by row.
#[derive(Debug)]
pub(crate) struct Binned {
    pub(crate) features: Vec<Feature>,
    pub(crate) codes: Vec<u8>,
    pub(crate) rows: usize,
}

impl Binned {
    pub(crate) fn new(records: &Design, bins: usize) -> Self {
        let numbers = records.numbers();
        let mut features: Vec<Feature> = numbers
            .axis_iter(Axis(1))
            .enumerate()
            .map(|(column, values)| Feature::Number {
                column,
                thresholds: thresholds(values.to_vec(), bins),
            })
            .collect();
        for (block, columns) in records.blocks().iter().enumerate() {
            // One bin is for records in which all of these indicators are off.
            for first in columns.clone().step_by(BINS_MAX - 1) {
                let count = (columns.end - first).min(BINS_MAX - 1);
                let first = u32::try_from(first).expect("a design's columns fit 32 bits");
                features.push(Feature::Block { block, first, count });
            }
        }
        let (rows, width) = (records.rows(), features.len());
        let mut codes = vec![0; rows * width];
        let active = records.active();
        for (i, feature) in features.iter().enumerate() {
            let codes = codes.iter_mut().skip(i).step_by(width.max(1));
            match feature {
                Feature::Number { column, thresholds } => {
                    for (code, value) in codes.zip(numbers.column(*column)) {
                        *code = byte(thresholds.partition_point(|t| t <= value));
                    }
                }
                Feature::Block { block, first, count } => {
                    for (code, &on) in codes.zip(active.column(*block)) {
                        // ABSENT, and columns of the block's other parts, lie outside.
                        let bin = on.checked_sub(*first).map_or(*count, |bin| bin as usize);
                        *code = byte(bin.min(*count));
                    }
                }
            }
        }
        Self { features, codes, rows }
    }
}

/// Ascending thresholds that cut values into at most `bins` bins: between each two distinct values
/// if they are few, otherwise at quantiles.
fn thresholds(mut values: Vec<f64>, bins: usize) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let mut distinct = values.clone();
    distinct.dedup();
    if distinct.len() > bins {
        let quantile = |i: usize| values[i * values.len() / bins];
        let mut uppers: Vec<f64> = (1..bins).map(quantile).filter(|&v| v > values[0]).collect();
        uppers.dedup();
        return uppers
            .into_iter()
            .map(|upper| between(distinct[distinct.partition_point(|&v| v < upper) - 1], upper))
            .collect();
    }
    distinct.windows(2).map(|pair| between(pair[0], pair[1])).collect()
}

/// Above `lower` and at most `upper`.
fn between(lower: f64, upper: f64) -> f64 {
    let middle = f64::midpoint(lower, upper);
    if middle > lower { middle } else { upper }
}

fn byte(bin: usize) -> u8 {
    u8::try_from(bin).expect("a feature has at most 256 bins")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_between_few_distinct_values() {
        assert_eq!(thresholds(vec![3.0, 1.0, 3.0, 2.0], 256), [1.5, 2.5]);
        assert_eq!(thresholds(vec![7.0; 5], 256), [0.0; 0]);
    }

    #[test]
    fn cuts_many_values_at_quantiles() {
        let values = (0..100).map(f64::from).collect();
        assert_eq!(thresholds(values, 4), [24.5, 49.5, 74.5]);
        let tail = (0..100).map(|v| f64::from(if v < 80 { 0 } else { v })).collect();
        assert_eq!(thresholds(tail, 10), [40.0, 89.5]);
    }

    #[test]
    fn a_threshold_separates_neighbouring_floats() {
        let upper = 1.0_f64.next_up();
        assert!(between(1.0, upper) > 1.0 && between(1.0, upper) <= upper);
    }
}
