//! Gradient boosting of trees on histograms, as `XGBoost`'s `hist` does it.
//!
//! Logistic loss, trees grown level by level to a fixed depth, first guess the share of positive
//! labels; `XGBoost`'s defaults otherwise (lambda 1, gamma 0, least child weight 1).
//!
//! Source: Chen, Guestrin, "`XGBoost`: a scalable tree boosting system", KDD 2016.

use ndarray::ArrayView1;
use protocol::scoring::design::Design;

use self::loss::logistic;
use self::tree::{Grower, Node};
use super::bins::{BINS_MAX, Binned};
use super::{
    Classifier, Firm, FirmError, check_labels, check_records, check_setting, check_weighted,
};

mod loss;
mod tree;

const TREES_MAX: u32 = 10_000;
const DEPTH_MAX: u32 = 16;

pub(super) struct BoostedFirm {
    binned: Binned,
    trees: u32,
    depth: u32,
    rate: f64,
}

impl BoostedFirm {
    pub(super) fn new(
        records: &Design,
        trees: u32,
        depth: u32,
        rate: f64,
        bins: u32,
    ) -> Result<Self, FirmError> {
        check_setting("number of trees", trees, (1..=TREES_MAX).contains(&trees), "1 to 10000")?;
        check_setting("depth", depth, (1..=DEPTH_MAX).contains(&depth), "1 to 16")?;
        check_setting("learning rate", rate, rate > 0.0 && rate <= 1.0, "above 0, at most 1")?;
        let allowed = usize::try_from(bins).ok().filter(|b| (2..=BINS_MAX).contains(b));
        check_setting("number of bins", bins, allowed.is_some(), "2 to 256")?;
        check_records(records)?;
        Ok(Self { binned: Binned::new(records, allowed.unwrap_or(BINS_MAX)), trees, depth, rate })
    }

    fn base(labels: &[bool]) -> f64 {
        let count = |wanted: bool| labels.iter().filter(|&&label| label == wanted).count();
        #[expect(clippy::cast_precision_loss, reason = "counts of records are far below 2^53")]
        let odds = count(true) as f64 / count(false) as f64;
        odds.ln()
    }

    fn weighted_base(labels: &[bool], weights: &[f64]) -> f64 {
        let sum = |wanted: bool| -> f64 {
            labels.iter().zip(weights).filter(|&(&label, _)| label == wanted).map(|(_, w)| w).sum()
        };
        (sum(true) / sum(false)).ln()
    }

    fn grow(&self, mut grower: Grower<'_>, labels: &[bool]) -> Vec<Vec<Node>> {
        (0..self.trees).map(|_| grower.tree(labels)).collect()
    }
}

impl Firm for BoostedFirm {
    fn fit(&self, labels: &[bool]) -> Result<Box<dyn Classifier>, FirmError> {
        check_labels(self.binned.rows, labels)?;
        let base = Self::base(labels);
        let grower = Grower::new(&self.binned, self.depth, self.rate, base);
        Ok(Box::new(BoostedClassifier { base, trees: self.grow(grower, labels) }))
    }

    // As `XGBoost`: both derivatives are multiplied, so that the least child weight counts weights.
    fn fit_weighted(
        &self,
        labels: &[bool],
        weights: &[f64],
    ) -> Result<Box<dyn Classifier>, FirmError> {
        check_weighted(self.binned.rows, labels, weights)?;
        let base = Self::weighted_base(labels, weights);
        let grower = Grower::new(&self.binned, self.depth, self.rate, base).weighted(weights);
        Ok(Box::new(BoostedClassifier { base, trees: self.grow(grower, labels) }))
    }
}

struct BoostedClassifier {
    /// The log-odds before any tree.
    base: f64,
    trees: Vec<Vec<Node>>,
}

impl BoostedClassifier {
    fn margins(&self, records: &Design) -> Vec<f64> {
        let (numbers, active) = (records.numbers(), records.active());
        let rows = (0..records.rows()).map(|i| (numbers.row(i), active.row(i)));
        rows.map(|(numbers, active)| {
            self.base + self.trees.iter().map(|tree| added(tree, &numbers, &active)).sum::<f64>()
        })
        .collect()
    }
}

impl Classifier for BoostedClassifier {
    fn probabilities(&self, records: &Design) -> Vec<f64> {
        self.margins(records).into_iter().map(logistic).collect()
    }

    // The sign of the log-odds: `p >= 0.5` without the rounding of the exponential.
    fn decisions(&self, records: &Design) -> Vec<bool> {
        self.margins(records).into_iter().map(|margin| margin >= 0.0).collect()
    }
}

/// What a tree adds to a record's log-odds.
fn added(tree: &[Node], numbers: &ArrayView1<'_, f64>, active: &ArrayView1<'_, u32>) -> f64 {
    let mut at = 0;
    loop {
        match tree[at] {
            Node::Leaf(weight) => return weight,
            Node::Split { question, no, yes } => {
                at = if question.says_yes(numbers, active) { yes } else { no };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firm::Learner;
    use protocol::scoring::design::DesignBuilder;
    use protocol::scoring::schema::{Feature, FeatureKind, Schema, Value};

    /// Records, labels and `XGBoost`'s probabilities, written by `boosted_vectors.py` beside it.
    fn vectors() -> (Design, Vec<bool>, Vec<f64>) {
        let (records, labels, [probabilities, _, _]) = all_vectors();
        (records, labels, probabilities)
    }

    /// The same with weights, and the probabilities of `XGBoost` with them.
    fn all_vectors() -> (Design, Vec<bool>, [Vec<f64>; 3]) {
        let number = FeatureKind::Numeric { min: 0.0, max: 100.0 };
        let levels = ["0", "1", "2", "3"].map(String::from).to_vec();
        let feature = |name: &str, kind| Feature { name: name.into(), unit: None, kind };
        let schema = Schema::new(vec![
            feature("age", number.clone()),
            feature("hours", number.clone()),
            feature("gain", number),
            feature("level", FeatureKind::Categorical { levels }),
        ]);
        let mut builder = DesignBuilder::new(&schema.unwrap());
        let (mut labels, mut columns) = (Vec::new(), [const { Vec::new() }; 3]);
        for line in include_str!("boosted_vectors.csv").lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let number = |i: usize| Value::Number(fields[i].parse().unwrap());
            let level = Value::Level(fields[3].parse().unwrap());
            builder.push(&[number(0), number(1), number(2), level]);
            labels.push(fields[4] == "1");
            for (column, field) in columns.iter_mut().zip(&fields[5..]) {
                column.push(field.parse().unwrap());
            }
        }
        (builder.finish(), labels, columns)
    }

    fn learner(trees: u32) -> Learner {
        Learner::Boosted { trees, depth: 3, rate: 0.1, bins: 256 }
    }

    #[test]
    fn agrees_with_xgboost() {
        let (records, labels, wanted) = vectors();
        let firm = learner(50).prepare(&records, &labels).unwrap();
        let found = firm.fit(&labels).unwrap().probabilities(&records);
        for (row, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
            assert!((found - wanted).abs() < 1e-4, "row {row}: {found}, XGBoost {wanted}");
        }
        assert_eq!(found.len(), 200);
    }

    #[test]
    fn agrees_with_xgboost_where_records_have_weights() {
        let (records, labels, [_, weights, wanted]) = all_vectors();
        let firm = learner(50).prepare(&records, &labels).unwrap();
        let found = firm.fit_weighted(&labels, &weights).unwrap().probabilities(&records);
        for (row, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
            assert!((found - wanted).abs() < 1e-4, "row {row}: {found}, XGBoost {wanted}");
        }
        assert_eq!(
            firm.fit_weighted(&labels, &weights[1..]).err(),
            Some(FirmError::Weights { expected: 200, got: 199 })
        );
        let only: Vec<f64> = labels.iter().map(|&label| f64::from(u8::from(label))).collect();
        let refused = firm.fit_weighted(&labels, &only).err();
        assert_eq!(refused, Some(FirmError::OneClass { positive: true }));
    }

    #[test]
    fn weights_of_one_change_nothing() {
        let (records, labels, _) = vectors();
        let firm = learner(30).prepare(&records, &labels).unwrap();
        let weighted = firm.fit_weighted(&labels, &[1.0; 200]).unwrap().probabilities(&records);
        assert_eq!(weighted, firm.fit(&labels).unwrap().probabilities(&records));
    }

    #[test]
    fn each_tree_lowers_the_loss_on_the_train_records() {
        let (records, labels, _) = vectors();
        let binned = Binned::new(&records, 256);
        let mut grower = Grower::new(&binned, 3, 0.1, BoostedFirm::base(&labels));
        let loss = |margins: &[f64]| -> f64 {
            let signed = margins.iter().zip(&labels).map(|(&m, &l)| if l { m } else { -m });
            signed.map(|m| -logistic(m).ln()).sum()
        };
        let mut before = loss(grower.margins());
        for _ in 0..50 {
            grower.tree(&labels);
            let after = loss(grower.margins());
            assert!(after < before, "{after} after {before}");
            before = after;
        }
    }

    #[test]
    fn trees_say_of_train_records_what_growing_them_did() {
        let (records, labels, _) = vectors();
        let binned = Binned::new(&records, 256);
        let mut grower = Grower::new(&binned, 4, 0.3, 0.25);
        let trees = (0..30).map(|_| grower.tree(&labels)).collect();
        let margins = BoostedClassifier { base: 0.25, trees }.margins(&records);
        for (a, b) in margins.iter().zip(grower.margins()) {
            assert!((a - b).abs() < 1e-12, "{a} {b}");
        }
    }

    #[test]
    fn the_same_labels_give_the_same_classifier() {
        let (records, labels, _) = vectors();
        let firm = learner(20).prepare(&records, &labels).unwrap();
        let first = firm.fit(&labels).unwrap().probabilities(&records);
        let flipped: Vec<bool> = labels.iter().enumerate().map(|(i, &l)| l || i < 9).collect();
        assert_ne!(firm.fit(&flipped).unwrap().probabilities(&records), first);
        assert_eq!(firm.fit(&labels).unwrap().probabilities(&records), first);
    }

    #[test]
    fn a_block_may_have_more_levels_than_bins() {
        let levels = (0..600).map(|level| level.to_string()).collect();
        let kind = FeatureKind::Categorical { levels };
        let schema = Schema::new(vec![Feature { name: "town".into(), unit: None, kind }]).unwrap();
        let mut builder = DesignBuilder::new(&schema);
        let towns: Vec<usize> = (0..200).map(|i| [0, 254, 255, 599][i % 4]).collect();
        for &town in &towns {
            builder.push(&[Value::Level(town)]);
        }
        let (records, labels) = (builder.finish(), towns.iter().map(|town| town % 2 == 1));
        let labels: Vec<bool> = labels.collect();
        let firm = learner(20).prepare(&records, &labels).unwrap();
        assert_eq!(firm.fit(&labels).unwrap().decisions(&records), labels);
    }

    #[test]
    fn refuses_wrong_settings_and_labels() {
        let (records, labels, _) = vectors();
        let shallow = Learner::Boosted { trees: 10, depth: 0, rate: 0.1, bins: 256 };
        assert_eq!(
            shallow.prepare(&records, &labels).err(),
            Some(FirmError::Setting { what: "depth", value: 0.0, allowed: "1 to 16" })
        );
        let firm = learner(1).prepare(&records, &labels).unwrap();
        let refused = |labels: &[bool]| firm.fit(labels).err();
        assert_eq!(refused(&labels[1..]), Some(FirmError::Labels { expected: 200, got: 199 }));
        assert_eq!(refused(&[true; 200]), Some(FirmError::OneClass { positive: true }));
    }
}
