//! One tree after another from histograms of gradients.
//!
//! A node's histogram holds, per feature and bin, the sums of first and second derivatives of the
//! loss. A block of indicators costs one addition a record: the records with an indicator off are
//! the node's total less those with it on. The larger of two children is the parent less the
//! smaller one. Buffers outlive the trees.

use std::ops::Range;

use super::loss::{Sums, differentiate, plus, sum};
use crate::firm::bins::{BINS_MAX, Binned, Feature, Question};

/// Per feature, the sums of each bin. The one above 256 is never used: it keeps equal bins of
/// different features from competing for the same lines of cache.
type Histogram = Vec<[Sums; BINS_MAX + 1]>;

/// A penalty of 1 on the squared leaf weights, halved.
const LAMBDA: f64 = 1.0;
/// A child needs this sum of second derivatives.
const CHILD_WEIGHT_MIN: f64 = 1.0;
/// A split needs more gain than this; what is below may be rounding.
const GAIN_MIN: f64 = 1e-6;

/// A node of a tree; a tree's first node is its root.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// What is added to the log-odds.
    Leaf(f64),
    /// The next node, by the answer.
    Split { question: Question, no: usize, yes: usize },
}

/// The best split of a node.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Split {
    feature: usize,
    bin: u8,
    gain: f64,
    /// Sums over the records that say yes.
    yes: Sums,
}

/// Grows trees on the same records, moving their log-odds along.
pub(super) struct Grower<'a> {
    binned: &'a Binned,
    depth: u32,
    rate: f64,
    /// Per record: derivatives of the loss at its log-odds.
    derivatives: Vec<Sums>,
    margins: Vec<f64>,
    /// What each record's derivatives are multiplied by; by 1 if there are none.
    weights: Option<&'a [f64]>,
    /// Every record once, those of a node side by side.
    rows: Vec<u32>,
    scratch: Vec<u32>,
    spare: Vec<Histogram>,
    nodes: Vec<Node>,
}

impl<'a> Grower<'a> {
    /// Starts with the log-odds `base` for every record.
    pub(super) fn new(binned: &'a Binned, depth: u32, rate: f64, base: f64) -> Self {
        Self {
            binned,
            depth,
            rate,
            derivatives: vec![[0.0; 2]; binned.rows],
            margins: vec![base; binned.rows],
            weights: None,
            rows: Vec::with_capacity(binned.rows),
            scratch: vec![0; binned.rows],
            spare: Vec::new(),
            nodes: Vec::new(),
        }
    }

    /// The same with a weight for each record.
    pub(super) fn weighted(self, weights: &'a [f64]) -> Self {
        Self { weights: Some(weights), ..self }
    }

    /// The log-odds of every record after the trees so far.
    #[cfg(test)]
    pub(super) fn margins(&self) -> &[f64] {
        &self.margins
    }

    /// Grows one tree.
    pub(super) fn tree(&mut self, labels: &[bool]) -> Vec<Node> {
        differentiate(&self.margins, labels, &mut self.derivatives);
        if let Some(weights) = self.weights {
            for (sums, weight) in self.derivatives.iter_mut().zip(weights) {
                *sums = sums.map(|derivative| derivative * weight);
            }
        }
        let total = sum(&self.derivatives);
        let rows = u32::try_from(self.binned.rows).expect("checked when the records were binned");
        self.rows.clear();
        self.rows.extend(0..rows);
        let all = 0..self.rows.len();
        let histogram = self.count(all.clone());
        self.grow(all, self.depth, total, histogram);
        std::mem::take(&mut self.nodes)
    }

    /// Grows the node of the records `range` and what is below it, `levels` at most.
    fn grow(&mut self, range: Range<usize>, levels: u32, total: Sums, histogram: Histogram) {
        let node = self.nodes.len();
        let Some(split) = best(&self.binned.features, &histogram, total) else {
            self.spare.push(histogram);
            let weight = self.leaf(total);
            for &row in &self.rows[range] {
                self.margins[row as usize] += weight;
            }
            return;
        };
        let question = self.binned.features[split.feature].question(split.bin);
        self.nodes.push(Node::Split { question, no: node + 1, yes: node + 2 });
        let no = minus(total, split.yes);
        if levels == 1 {
            self.spare.push(histogram);
            let weights = [self.leaf(no), self.leaf(split.yes)];
            let says_yes = says_yes(self.binned, split);
            for &row in &self.rows[range] {
                self.margins[row as usize] += weights[usize::from(says_yes(row))];
            }
            return;
        }
        let middle = self.part(range.clone(), split);
        let (left, right) = (range.start..middle, middle..range.end);
        let left_is_smaller = left.len() <= right.len();
        let smaller = self.count(if left_is_smaller { left.clone() } else { right.clone() });
        let mut larger = histogram;
        subtract(&self.binned.features, &mut larger, &smaller);
        let (below_no, below_yes) =
            if left_is_smaller { (smaller, larger) } else { (larger, smaller) };
        self.grow(left, levels - 1, no, below_no);
        let after = self.nodes.len();
        self.nodes[node] = Node::Split { question, no: node + 1, yes: after };
        self.grow(right, levels - 1, split.yes, below_yes);
    }

    /// Adds a leaf.
    fn leaf(&mut self, total: Sums) -> f64 {
        let weight = -total[0] / (total[1] + LAMBDA) * self.rate;
        let weight = if total[1] < CHILD_WEIGHT_MIN { 0.0 } else { weight };
        self.nodes.push(Node::Leaf(weight));
        weight
    }

    /// The histogram of the records `range`.
    fn count(&mut self, range: Range<usize>) -> Histogram {
        let features = &self.binned.features;
        let mut histogram =
            self.spare.pop().unwrap_or_else(|| vec![[[0.0; 2]; BINS_MAX + 1]; features.len()]);
        for (bins, feature) in histogram.iter_mut().zip(features) {
            bins[..feature.bins()].fill([0.0; 2]);
        }
        let width = features.len();
        for &row in &self.rows[range] {
            let row = row as usize;
            let sums = self.derivatives[row];
            let codes = &self.binned.codes[row * width..][..width];
            for (bins, &code) in histogram.iter_mut().zip(codes) {
                let bin = &mut bins[usize::from(code)];
                *bin = plus(*bin, sums);
            }
        }
        histogram
    }

    /// Puts the records that say no first; the number of the first one that says yes.
    fn part(&mut self, range: Range<usize>, split: Split) -> usize {
        let says_yes = says_yes(self.binned, split);
        let (mut no, mut yes) = (range.start, 0);
        // Both are written and one is kept: no branch to mispredict.
        for i in range.clone() {
            let row = self.rows[i];
            let says_yes = says_yes(row);
            self.rows[no] = row;
            self.scratch[yes] = row;
            no += usize::from(!says_yes);
            yes += usize::from(says_yes);
        }
        self.rows[no..range.end].copy_from_slice(&self.scratch[..yes]);
        no
    }
}

/// Whether a record's bin is `split.bin`, or for a number also above.
fn says_yes(binned: &Binned, split: Split) -> impl Fn(u32) -> bool {
    let (feature, width) = (split.feature, binned.features.len());
    let more = match binned.features[feature] {
        Feature::Number { .. } => u8::MAX - split.bin,
        Feature::Block { .. } => 0,
    };
    // One comparison for both: bins below wrap round to above.
    move |row| binned.codes[row as usize * width + feature].wrapping_sub(split.bin) <= more
}

/// The split of most gain, if any is allowed; of equal ones that of the first column.
fn best(features: &[Feature], histogram: &Histogram, total: Sums) -> Option<Split> {
    let alone = score(total);
    let mut best: Option<Split> = None;
    let mut least = GAIN_MIN;
    let mut consider = |feature, bin, yes| {
        let no = minus(total, yes);
        if yes[1] < CHILD_WEIGHT_MIN || no[1] < CHILD_WEIGHT_MIN {
            return;
        }
        let gain = score(yes) + score(no) - alone;
        if gain > least {
            least = gain;
            let bin = u8::try_from(bin).expect("a feature has at most 256 bins");
            best = Some(Split { feature, bin, gain, yes });
        }
    };
    for (i, (feature, bins)) in features.iter().zip(histogram).enumerate() {
        match feature {
            Feature::Number { thresholds, .. } => {
                let mut below = [0.0; 2];
                for (bin, &sums) in bins[..thresholds.len()].iter().enumerate() {
                    below = plus(below, sums);
                    consider(i, bin + 1, minus(total, below));
                }
            }
            Feature::Block { count, .. } => {
                for (bin, &on) in bins[..*count].iter().enumerate() {
                    consider(i, bin, on);
                }
            }
        }
    }
    best
}

/// The loss a leaf saves, twice.
fn score([first, second]: Sums) -> f64 {
    first * first / (second + LAMBDA)
}

fn subtract(features: &[Feature], from: &mut Histogram, what: &Histogram) {
    for ((from, what), feature) in from.iter_mut().zip(what).zip(features) {
        for (from, what) in from[..feature.bins()].iter_mut().zip(what) {
            *from = minus(*from, *what);
        }
    }
}

fn minus(a: Sums, b: Sums) -> Sums {
    [a[0] - b[0], a[1] - b[1]]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sixteen records, half positive: derivatives ±1/2 and 1/4. The number is below its threshold
    /// for eight, of which six are positive; the first indicator is on for four, all positive.
    #[test]
    fn finds_the_split_of_most_gain_by_hand() {
        let features = [
            Feature::Number { column: 0, thresholds: vec![0.5] },
            Feature::Block { block: 0, first: 1, count: 2 },
        ];
        let mut histogram = vec![[[0.0; 2]; BINS_MAX + 1]; 2];
        histogram[0][..2].copy_from_slice(&[[-2.0, 2.0], [2.0, 2.0]]);
        histogram[1][..3].copy_from_slice(&[[-2.0, 1.0], [1.0, 1.0], [1.0, 2.0]]);
        // Number: 4/3 + 4/3 - 0 = 8/3. First indicator: 4/2 + 4/4 = 3. Second: 1/2 + 1/4.
        let split = best(&features, &histogram, [0.0, 4.0]).unwrap();
        assert_eq!(split, Split { feature: 1, bin: 0, gain: 3.0, yes: [-2.0, 1.0] });
        // Without the indicators' block the number is left.
        let split = best(&features[..1], &histogram, [0.0, 4.0]).unwrap();
        assert_eq!((split.bin, split.yes), (1, [2.0, 2.0]));
        assert!((split.gain - 8.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn splits_off_no_child_that_weighs_less_than_one() {
        let features = [Feature::Number { column: 0, thresholds: vec![0.5] }];
        let mut histogram = vec![[[0.0; 2]; BINS_MAX + 1]];
        histogram[0][..2].copy_from_slice(&[[-1.5, 0.75], [1.5, 3.25]]);
        assert_eq!(best(&features, &histogram, [0.0, 4.0]), None);
    }
}
