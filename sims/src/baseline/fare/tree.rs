//! The tree: best leaf first, by a criterion of label and group.

use protocol::scoring::design::Design;

use crate::firm::bins::{BINS_MAX, Binned, Feature, Question};

/// The greatest number of leaves.
const LEAVES_MAX: usize = 100;
/// The least number of train people in a leaf.
const LEAF_MIN: u32 = 50;
/// A split must lower the criterion, summed over people, by more than this; what is below may be rounding.
const GAIN_MIN: f64 = 1e-9;

/// People by `2 * group + label`.
type Counts = [u32; 4];

#[derive(Clone, Debug)]
enum Node {
    Leaf(usize),
    Split { question: Question, no: usize, yes: usize },
}

/// A grown tree; its first node is the root.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    leaves: usize,
}

/// A leaf that could be split.
struct Leaf {
    node: usize,
    rows: Vec<usize>,
    best: Option<Split>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Split {
    feature: usize,
    bin: u8,
    gain: f64,
}

impl Tree {
    /// Grows a tree on records, of which the first `usable` features may be asked about; `kinds` are
    /// `2 * group + label` of each record.
    pub(super) fn grow(binned: &Binned, usable: usize, kinds: &[usize], gamma: f64) -> Self {
        let leaf = |node, rows: Vec<usize>| {
            let best = best(binned, usable, kinds, &rows, gamma);
            Leaf { node, rows, best }
        };
        let mut nodes = vec![Node::Leaf(0)];
        let mut leaves = vec![leaf(0, (0..binned.rows).collect())];
        while leaves.len() < LEAVES_MAX {
            let gain = |place: &usize| leaves[*place].best.map_or(0.0, |split| split.gain);
            // Of equal gains the older leaf.
            let next = (0..leaves.len()).rev().max_by(|a, b| gain(a).total_cmp(&gain(b)));
            let Some((place, split)) = next.and_then(|place| Some((place, leaves[place].best?)))
            else {
                break;
            };
            let feature = &binned.features[split.feature];
            let (rows, node) = (std::mem::take(&mut leaves[place].rows), leaves[place].node);
            let (yes, no) = rows.into_iter().partition(|&row| {
                let code = binned.codes[row * binned.features.len() + split.feature];
                match feature {
                    Feature::Number { .. } => code >= split.bin,
                    Feature::Block { .. } => code == split.bin,
                }
            });
            let first = nodes.len();
            nodes[node] =
                Node::Split { question: feature.question(split.bin), no: first, yes: first + 1 };
            nodes.push(Node::Leaf(place));
            nodes.push(Node::Leaf(leaves.len()));
            leaves[place] = leaf(first, no);
            leaves.push(leaf(first + 1, yes));
        }
        Self { nodes, leaves: leaves.len() }
    }

    pub(super) fn leaves(&self) -> usize {
        self.leaves
    }

    /// The leaf of each record.
    pub(super) fn cells(&self, records: &Design) -> Vec<usize> {
        let (numbers, active) = (records.numbers(), records.active());
        (0..records.rows())
            .map(|row| {
                let mut at = 0;
                loop {
                    match self.nodes[at] {
                        Node::Leaf(cell) => return cell,
                        Node::Split { question, no, yes } => {
                            let says_yes = question.says_yes(&numbers.row(row), &active.row(row));
                            at = if says_yes { yes } else { no };
                        }
                    }
                }
            })
            .collect()
    }
}

/// The split that lowers the criterion most, if any does; of equal ones that of the first column.
fn best(
    binned: &Binned,
    usable: usize,
    kinds: &[usize],
    rows: &[usize],
    gamma: f64,
) -> Option<Split> {
    let width = binned.features.len();
    let mut histogram = vec![[[0; 4]; BINS_MAX + 1]; usable];
    let mut total = [0; 4];
    for &row in rows {
        let kind = kinds[row];
        total[kind] += 1;
        for (bins, &code) in histogram.iter_mut().zip(&binned.codes[row * width..]) {
            bins[usize::from(code)][kind] += 1;
        }
    }
    let before = criterion(total, gamma);
    let mut best: Option<Split> = None;
    let mut consider = |feature, bin: usize, yes: Counts| {
        let no = std::array::from_fn(|kind| total[kind] - yes[kind]);
        if size(yes) < LEAF_MIN || size(no) < LEAF_MIN {
            return;
        }
        let gain = before - criterion(yes, gamma) - criterion(no, gamma);
        if gain > best.map_or(GAIN_MIN, |best| best.gain) {
            let bin = u8::try_from(bin).expect("a feature has at most 256 bins");
            best = Some(Split { feature, bin, gain });
        }
    };
    for (i, (feature, bins)) in binned.features.iter().zip(&histogram).enumerate() {
        match feature {
            Feature::Number { thresholds, .. } => {
                let mut above = total;
                for (bin, below) in bins[..thresholds.len()].iter().enumerate() {
                    above = std::array::from_fn(|kind| above[kind] - below[kind]);
                    consider(i, bin + 1, above);
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

fn size(counts: Counts) -> u32 {
    counts.iter().sum()
}

/// `FairGini`, times the number of people.
fn criterion(counts: Counts, gamma: f64) -> f64 {
    let [_, majority_yes, minority_no, minority_yes] = counts.map(f64::from);
    let people = f64::from(size(counts));
    let gini = |part: f64| 2.0 * part * (people - part) / people;
    let (label, group) = (gini(majority_yes + minority_yes), gini(minority_no + minority_yes));
    (1.0 - gamma) * label + gamma * (people / 2.0 - group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::scoring::design::DesignBuilder;
    use protocol::scoring::schema::{Feature as Column, FeatureKind, Schema, Value};

    /// 400 people: `fair` says as much of the label as `proxy` does of the group, `proxy` says even more
    /// of the label. Per hundred: group, label, fair, proxy.
    fn people() -> (Design, Vec<usize>) {
        let flag = |name: &str| Column { name: name.into(), unit: None, kind: FeatureKind::Flag };
        let schema = Schema::new(vec![flag("fair"), flag("proxy")]).unwrap();
        let mut builder = DesignBuilder::new(&schema);
        let mut kinds = Vec::new();
        // (count, group, label, fair, proxy)
        for (count, group, label, fair, proxy) in [
            (120, 0, 1, true, false),
            (40, 0, 1, false, false),
            (20, 0, 0, true, true),
            (20, 0, 0, false, false),
            (40, 1, 1, true, true),
            (120, 1, 0, false, true),
            (20, 1, 0, true, true),
            (20, 1, 1, false, false),
        ] {
            for _ in 0..count {
                builder.push(&[Value::Flag(fair), Value::Flag(proxy)]);
                kinds.push(2 * group + label);
            }
        }
        (builder.finish(), kinds)
    }

    /// 100 people, 30 of the minority, 60 positive: Gini 0.48 of the label, 0.42 of the group.
    #[test]
    fn the_criterion_is_that_of_the_paper() {
        let counts = [20, 50, 20, 10];
        let per_person = |gamma| criterion(counts, gamma) / 100.0;
        assert!((per_person(0.0) - 0.48).abs() < 1e-12);
        assert!((per_person(1.0) - 0.08).abs() < 1e-12);
        assert!((per_person(0.25) - (0.75 * 0.48 + 0.25 * 0.08)).abs() < 1e-12);
    }

    #[test]
    fn finds_the_split_by_hand() {
        let (records, kinds) = people();
        let binned = Binned::new(&records, 256);
        let rows: Vec<usize> = (0..kinds.len()).collect();
        // Labels: 220 of 400. fair: 160 of 200 on, 60 of 200 off. proxy: 40 of 200 on, 180 of 200 off.
        // The label alone: 400 x .495 - 200 x .32 - 200 x .42 = 50 against 198 - 64 - 36 = 98.
        let split = best(&binned, 2, &kinds, &rows, 0.0).unwrap();
        assert_eq!(split.feature, 1);
        assert!((split.gain - 98.0).abs() < 1e-9, "{}", split.gain);
        // The group: 60 of 200 are of the minority with fair on, 140 off; with proxy 180 and 20.
        // fair: 25 - 0.5 (200 - 84 - 84) = 9; proxy: 49 - 0.5 (200 - 36 - 36) = -15.
        let split = best(&binned, 2, &kinds, &rows, 0.5).unwrap();
        assert_eq!(split.feature, 0);
        assert!((split.gain - 9.0).abs() < 1e-9, "{}", split.gain);
        // Without the second feature the first is left; with the group alone nothing is gained.
        assert_eq!(best(&binned, 1, &kinds, &rows, 0.0).unwrap().feature, 0);
        assert_eq!(best(&binned, 2, &kinds, &rows, 1.0), None);
    }

    #[test]
    fn cells_of_train_people_are_where_they_grew() {
        let (records, kinds) = people();
        let binned = Binned::new(&records, 256);
        let tree = Tree::grow(&binned, 2, &kinds, 0.0);
        let cells = tree.cells(&records);
        let size = |cell: usize| cells.iter().filter(|&&c| c == cell).count();
        let sizes: Vec<usize> = (0..tree.leaves()).map(size).collect();
        assert!(sizes.iter().all(|&size| size >= 50), "{sizes:?}");
        assert_eq!(sizes.iter().sum::<usize>(), 400);
        assert!(tree.leaves() >= 3);
        assert_eq!(Tree::grow(&binned, 2, &kinds, 1.0).leaves(), 1);
    }
}
