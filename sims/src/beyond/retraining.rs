//! Round after round: the firm retrains on new people, and remembers some of the old ones.

use protocol::scoring::design::Design;
use protocol::scoring::logistic::Logistic;
use protocol::scoring::method::REGRESSOR_PENALTY;
use protocol::scoring::scaling::{Encoding, Scaling};
use serde::{Deserialize, Serialize};

use super::ground::{parity_flips, persons, real};
use super::{Row, SeedError};
use crate::dataset::Dataset;
use crate::firm::{FirmError, Learner};
use crate::metrics::Confusion;
use crate::population::causal::{CausalSettings, generate};

/// What varies.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rounds {
    /// New people of each round; as many again are the test people of all rounds.
    pub people: usize,
    /// How many rounds.
    pub rounds: usize,
    /// The rounds in which the collective acts, from the first to the last of them, counted from 1.
    pub acts: (usize, usize),
    /// The collective's share of the minority of its rounds.
    pub alpha: f64,
    /// M of each round in units of its `M_SP`.
    pub units: f64,
    /// How many rounds the firm remembers, one series each.
    pub windows: Vec<usize>,
    /// The firm that retrains.
    pub firm: Learner,
}

impl Rounds {
    /// Series: how much the firm remembers. x: the round. Values: the measures.
    pub(super) fn rows(&self, seed: u64) -> Result<Vec<Row>, SeedError> {
        let people = self.people * (self.rounds + 1);
        let data = generate(&CausalSettings { people, seed, ..CausalSettings::default() })?.dataset;
        let test: Vec<usize> = (self.people * self.rounds..people).collect();
        let mut reported = data.positive.clone();
        for round in
            (0..self.rounds).filter(|round| (self.acts.0..=self.acts.1).contains(&(round + 1)))
        {
            for row in self.flips(&data, self.people * round..self.people * (round + 1))? {
                reported[row] = true;
            }
        }
        let mut rows = Vec::new();
        let longest = self.windows.iter().copied().max().unwrap_or(1);
        let acting = self.windows.iter().map(|&window| (remembers(window), window, &reported));
        let idle = ("nobody acts".to_owned(), longest, &data.positive);
        for (series, window, labels) in acting.chain([idle]) {
            for round in 0..self.rounds {
                let first = (round + 1).saturating_sub(window);
                let train: Vec<usize> = (self.people * first..self.people * (round + 1)).collect();
                let measures = self.measure(&data, &train, &test, labels)?.measures()?;
                rows.push(Row::new("", &series, real(round + 1)).measured(&measures));
            }
        }
        Ok(rows)
    }

    /// Whom `rb-prob` asks among the people of one round; the first of them are the collective.
    fn flips(
        &self,
        data: &Dataset,
        round: std::ops::Range<usize>,
    ) -> Result<Vec<usize>, SeedError> {
        let rows: Vec<usize> = round.collect();
        let (minority, majority): (Vec<usize>, Vec<usize>) =
            rows.iter().partition(|&&row| data.minority[row]);
        let size = persons(self.alpha * real(minority.len()));
        let candidates: Vec<usize> =
            minority.into_iter().take(size).filter(|&row| !data.positive[row]).collect();
        let scaling = Scaling::fit(&data.records.select(&rows), Encoding::Z);
        let labels: Vec<bool> = majority.iter().map(|&row| data.positive[row]).collect();
        let records = scaling.apply(&data.records.select(&majority));
        let fit = Logistic::fit(&records, &labels, REGRESSOR_PENALTY).map_err(FirmError::from)?;
        let scores = fit.model().probabilities(&scaling.apply(&data.records.select(&candidates)));
        let mut ranked: Vec<(f64, usize)> = scores.into_iter().zip(candidates).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let budget = persons(self.units * parity_flips(data, &rows));
        Ok(ranked.into_iter().take(budget).map(|(_, row)| row).collect())
    }

    fn measure(
        &self,
        data: &Dataset,
        train: &[usize],
        test: &[usize],
        reported: &[bool],
    ) -> Result<Confusion, SeedError> {
        let labels: Vec<bool> = train.iter().map(|&row| reported[row]).collect();
        let firm = self.firm.prepare(&seen(data, train), &labels)?.fit(&labels)?;
        let pick = |values: &[bool]| -> Vec<bool> { test.iter().map(|&row| values[row]).collect() };
        let decisions = firm.decisions(&seen(data, test));
        Ok(Confusion::count(&pick(&data.minority), &pick(&data.positive), &decisions))
    }
}

fn remembers(window: usize) -> String {
    if window == 1 { "the last round".to_owned() } else { format!("the last {window} rounds") }
}

/// Records with the group.
fn seen(data: &Dataset, rows: &[usize]) -> Design {
    let group: Vec<bool> = rows.iter().map(|&row| data.minority[row]).collect();
    data.records.select(rows).with_flag("a", &group)
}
