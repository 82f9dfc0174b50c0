//! FARE: a fair decision tree turns people into cells, and the firm learns from cells alone.
//!
//! The tree grows by the split that lowers `(1 - gamma) Gini(label) + gamma (1/2 - Gini(group))` most, best
//! leaf first, up to a number of leaves of a least size. It wants leaves pure in the label and mixed
//! in the group. Whoever learns from cells alone can be no more unfair than the cells. The strength
//! is gamma; with 1 nothing is gained by any split, and everybody is in one cell.
//!
//! Source: Jovanović, Balunović, Dimitrov, Vechev, "FARE: provably fair representation learning with
//! practical certificates", ICML 2023, section 5 (`FairGini`, for statistical parity). Ours differs: a
//! categorical feature splits one level from the others (theirs: an ordering of levels); numbers
//! are cut at 256 quantiles at most; a cell is a level of one categorical feature (theirs: its median
//! record, from which it can be told all the same); the downstream learner is the firm's (theirs: a
//! network with one hidden layer); all train people grow the tree, and no certificate is computed (theirs keeps half of them for it); leaves
//! number at most 100 with 50 people at least (theirs: a grid of both). As theirs, the tree does not see the group.

use protocol::scoring::design::{Design, DesignBuilder};
use protocol::scoring::schema::{Feature as Column, FeatureKind, Schema, Value};

use self::tree::Tree;
use super::{Baseline, BaselineError, Bench, FirmSide, certain};
use crate::firm::bins::{BINS_MAX, Binned};
use crate::scene::{GroupSight, People};

mod tree;

pub(super) struct Fare<'a> {
    bench: &'a Bench<'a>,
    binned: Binned,
    /// Features that the tree may ask about.
    usable: usize,
}

impl<'a> Fare<'a> {
    pub(super) fn new(bench: &'a Bench<'_>) -> Self {
        let binned = Binned::new(&bench.train.records, BINS_MAX);
        let features = binned.features.len();
        let usable = match bench.sight {
            // The group is the last column, and a block of its own.
            GroupSight::Visible => features - 1,
            GroupSight::Hidden => features,
        };
        Self { bench, binned, usable }
    }
}

impl FirmSide for Fare<'_> {
    fn chances(&self, strength: f64, people: &People) -> Result<Vec<f64>, BaselineError> {
        Baseline::Fare.check(strength, 0.0..=1.0, "0 to 1")?;
        let train = &self.bench.train;
        let kinds: Vec<usize> = train
            .minority
            .iter()
            .zip(&train.positive)
            .map(|(&a, &y)| 2 * usize::from(a) + usize::from(y))
            .collect();
        let tree = Tree::grow(&self.binned, self.usable, &kinds, strength);
        let cells = |records: &Design| as_design(&tree.cells(records), tree.leaves());
        let firm = self.bench.learner.prepare(&cells(&train.records), &train.positive)?;
        let decisions = firm.fit(&train.positive)?.decisions(&cells(&people.records));
        Ok(certain(&decisions))
    }
}

/// Cells as the levels of one feature.
fn as_design(cells: &[usize], count: usize) -> Design {
    let levels = (0..count).map(|cell| cell.to_string()).collect();
    let kind = FeatureKind::Categorical { levels };
    let column = Column { name: "cell".to_owned(), unit: None, kind };
    let schema = Schema::new(vec![column]).expect("there is a cell, and fewer than the limit");
    let mut builder = DesignBuilder::new(&schema);
    for &cell in cells {
        builder.push(&[Value::Level(cell)]);
    }
    builder.finish()
}
