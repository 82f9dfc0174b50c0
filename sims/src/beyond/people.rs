//! Who gains and who pays: by what people did, and by a second attribute.

use protocol::scoring::method::Method;
use serde::{Deserialize, Serialize};

use super::ground::{Ground, real};
use super::{Row, SeedError};
use crate::dataset::Dataset;
use crate::firm::Learner;
use crate::scene::GroupSight;

/// Whose decisions change.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Gains {
    /// The collective's share of the minority train rows.
    pub alpha: f64,
    /// M in units of `M_SP`.
    pub units: f64,
    /// The firm that retrains.
    pub firm: Learner,
}

impl Gains {
    /// Series: a kind of people. Values: shares with a positive decision before and after, and of those whose
    /// decision became better or worse.
    pub(super) fn rows(&self, data: &Dataset, seed: u64) -> Result<Vec<Row>, SeedError> {
        let ground = Ground::new(data, seed)?;
        let scene = &ground.scene;
        let members = scene.members(self.alpha)?;
        let ranking = ground.scores(Method::RbProb)?.ranking(&scene.candidates(self.alpha)?);
        let flips = &ranking[..ground.budget(self.units, ranking.len())];
        let trial = scene.firm(&self.firm, GroupSight::Visible)?;
        let of = |rows: &[usize], wanted: &dyn Fn(usize) -> bool| -> Vec<usize> {
            rows.iter().copied().filter(|&row| wanted(row)).collect()
        };
        let group = |minority: bool, positive: bool| {
            move |row: usize| data.minority[row] == minority && data.positive[row] == positive
        };
        let negative = group(true, false);
        let kinds = [
            ("members who flipped", flips.to_vec()),
            ("other members, y=0", of(&members, &|row| negative(row) && !flips.contains(&row))),
            (
                "outsiders, y=0",
                of(scene.train(), &|row| {
                    negative(row) && members.binary_search(&row).is_err() && !members.contains(&row)
                }),
            ),
            ("new minority, y=0", of(scene.test(), &negative)),
            ("new minority, y=1", of(scene.test(), &group(true, true))),
            ("new majority, y=0", of(scene.test(), &group(false, false))),
            ("new majority, y=1", of(scene.test(), &group(false, true))),
        ];
        let mut rows = Vec::new();
        for (series, people) in kinds {
            let before = trial.decide(&[], &people)?;
            let after = trial.decide(flips, &people)?;
            let of_all = |count: usize| real(count) / real(people.len().max(1));
            let change = |from: bool| {
                before.iter().zip(&after).filter(|&(&b, &a)| b == from && a != from).count()
            };
            let yes = |decisions: &[bool]| decisions.iter().filter(|&&yes| yes).count();
            rows.push(
                Row::new(&data.name, series, 0.0)
                    .with("before", of_all(yes(&before)))
                    .with("after", of_all(yes(&after)))
                    .with("gained", of_all(change(false)))
                    .with("lost", of_all(change(true))),
            );
        }
        Ok(rows)
    }
}

/// A second attribute.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cells {
    /// The collective's share of the minority train rows.
    pub alpha: f64,
    /// M in units of `M_SP`.
    pub units: f64,
    /// The firm that retrains.
    pub firm: Learner,
    /// By data set: its second attribute.
    pub second: Vec<Second>,
}

/// A 0/1 column, and what to call people by it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Second {
    /// The data set's word.
    pub dataset: String,
    /// The column.
    pub column: String,
    /// People with 1.
    pub yes: String,
    /// People with 0.
    pub no: String,
    /// The minority (a = 1) in a word.
    pub minority: String,
    /// The majority in a word.
    pub majority: String,
}

impl Cells {
    /// Panels: who acts. Series: a cell. Values: rates before and after, and their changes.
    pub(super) fn rows(&self, data: &Dataset, seed: u64) -> Result<Vec<Row>, SeedError> {
        let Some(second) = self.second.iter().find(|second| second.dataset == data.name) else {
            return Err(SeedError::Column { column: data.name.clone() });
        };
        let columns = data.records.columns();
        let place = columns.iter().position(|column| column.name == second.column);
        let place = place.ok_or_else(|| SeedError::Column { column: second.column.clone() })?;
        let has: Vec<bool> = data.records.column(place).iter().map(|&value| value > 0.5).collect();
        let ground = Ground::new(data, seed)?;
        let scores = ground.scores(Method::RbProb)?;
        let members = ground.scene.candidates(self.alpha)?;
        let narrow: Vec<usize> = members.iter().copied().filter(|&row| !has[row]).collect();
        let trial = ground.scene.firm(&self.firm, GroupSight::Visible)?;
        let before = trial.decide(&[], ground.scene.test())?;
        let mut rows = Vec::new();
        let all = format!("{}: all {} act", data.name, second.minority);
        let only = format!("{}: only {} {} act", data.name, second.minority, second.no);
        for (panel, candidates) in [(all, members), (only, narrow)] {
            let ranking = scores.ranking(&candidates);
            let flips = &ranking[..ground.budget(self.units, ranking.len())];
            let after = trial.decide(flips, ground.scene.test())?;
            let people = Judged { data, rows: ground.scene.test(), before: &before, after: &after };
            for minority in [true, false] {
                for attribute in [false, true] {
                    let group = if minority { &second.minority } else { &second.majority };
                    let kind = if attribute { &second.yes } else { &second.no };
                    let row = Row::new(&panel, &format!("{group} {kind}"), 0.0);
                    let within =
                        |row: usize| data.minority[row] == minority && has[row] == attribute;
                    rows.push(people.cell(row, within));
                }
            }
        }
        Ok(rows)
    }
}

/// People with decisions before and after.
struct Judged<'a> {
    data: &'a Dataset,
    rows: &'a [usize],
    before: &'a [bool],
    after: &'a [bool],
}

impl Judged<'_> {
    /// Rates of one cell; a rate that nobody has is left out.
    fn cell(&self, mut row: Row, within: impl Fn(usize) -> bool) -> Row {
        for (name, positive) in [("tpr", true), ("fpr", false)] {
            let cell = |person: usize| within(person) && self.data.positive[person] == positive;
            let places: Vec<usize> =
                (0..self.rows.len()).filter(|&place| cell(self.rows[place])).collect();
            if places.is_empty() {
                continue;
            }
            let rate = |decisions: &[bool]| {
                real(places.iter().filter(|&&place| decisions[place]).count()) / real(places.len())
            };
            let (before, after) = (rate(self.before), rate(self.after));
            row = row
                .with(&format!("{name} before"), before)
                .with(&format!("{name} after"), after)
                .with(&format!("{name} change"), after - before)
                .with(&format!("{name} people"), real(places.len()));
        }
        row
    }
}
