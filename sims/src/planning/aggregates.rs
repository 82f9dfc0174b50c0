//! What an organiser may have instead of a reference sample: sums over many people, in a file.
//!
//! ```toml
//! name = "loans"
//! [[feature]]
//! name = "income"
//! kind = { numeric = { min = 0, max = 9000 } }
//! [[feature]]
//! name = "owner"
//! kind = "flag"
//! [majority]
//! people = 2103           # over whom the numbers were counted
//! positive = 0.61         # the share of positive labels among them
//! [majority.mean]         # of a count feature: of ln(1 + x); of an ordinal: of the level's position from 0;
//! income = 2400           # of a flag, or of one level "feature=level": its share
//! owner = 0.4
//! [majority.covariance]   # of each with those before it (numbers, then flags and levels) and with itself
//! income = [810000]
//! owner = [120, 0.24]
//! [majority.with-label]   # covariance of each with the label
//! income = 90
//! owner = 0.03
//! [majority.histogram]    # if known: how often each value of a number occurs
//! income = { values = [1000, 2000, 4000], weights = [3, 5, 2] }
//! [minority]
//! people = 3175
//! positive = 0.477        # all else as above, if it is known
//! ```
//!
//! **What is not known of the minority** is taken from the majority: without a mean, that people with the same label
//! have the same features; with a mean, that both labels' people differ from the majority's by the same shift; without
//! a covariance, that features scatter about their label's mean as the majority's do.
//!
//! [`crate::population::moments`] draws people from it. [`opened`] makes such a file of a finished campaign.

use std::fmt::Write as _;

use ndarray::Array2;
use protocol::scoring::design::ColumnKind;
use protocol::scoring::schema::{Feature, Schema};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::dataset::{Dataset, hex};
use crate::population::moments::{self, Histogram, Likeness, Moments, coordinate};

pub mod opened;
mod read;
#[cfg(test)]
mod tests;

pub use self::read::AggregatesError;

/// Different values of a number that are written one by one; of more, as many quantiles.
const VALUES_MAX: usize = 64;
/// The share of drawn people that the firm is measured on, where the file says nothing.
const TEST_SHARE: f64 = 0.3;
/// The most people of one group.
pub const PEOPLE_MAX: usize = 1_000_000;

/// What is known of one group; numbers are those of [`Moments`].
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Over how many people.
    pub people: usize,
    /// The share of positive labels.
    pub positive: f64,
    /// Per column.
    pub mean: Option<Vec<f64>>,
    /// Columns, then the label.
    pub covariance: Option<Array2<f64>>,
    /// Per number column.
    pub histograms: Vec<Option<Histogram>>,
}

/// Checked aggregates.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregates {
    /// Whose.
    pub name: String,
    /// The features.
    pub schema: Schema,
    /// The share of people that the firm is measured on.
    pub test_share: f64,
    /// `[majority, minority]`; of the majority everything but histograms is there.
    pub groups: [Group; 2],
}

/// How people came out of aggregates.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Drawn {
    /// What was assumed because the file does not say it.
    pub assumed: Vec<String>,
    /// `[majority, minority]`: how like their moments they are.
    pub likeness: [Likeness; 2],
}

impl Aggregates {
    /// Those of a sample, exactly.
    ///
    /// # Panics
    /// If a group is empty.
    pub fn of(people: &Dataset) -> Self {
        let group = |minority: bool| {
            let rows: Vec<usize> = (0..people.minority.len())
                .filter(|&row| people.minority[row] == minority)
                .collect();
            let group = people.select(&rows);
            let columns = group.records.columns();
            let mut all = Array2::zeros((rows.len(), columns.len() + 1));
            for (number, column) in columns.iter().enumerate() {
                let values = group.records.column(number);
                for (entry, value) in all.column_mut(number).iter_mut().zip(values) {
                    *entry = coordinate(column.kind, value);
                }
            }
            for (entry, &label) in all.column_mut(columns.len()).iter_mut().zip(&group.positive) {
                *entry = f64::from(u8::from(label));
            }
            let (mean, covariance) = moments::moments(&all);
            let numbers = 0..group.records.numbers().ncols();
            let (mut mean, positive) = (mean.to_vec(), mean[columns.len()]);
            mean.truncate(columns.len());
            Group {
                people: rows.len(),
                positive,
                mean: Some(mean),
                covariance: Some(covariance),
                histograms: numbers
                    .map(|column| Some(histogram(group.records.column(column))))
                    .collect(),
            }
        };
        Self {
            name: people.name.clone(),
            schema: people.schema.clone(),
            test_share: people.test_share,
            groups: [group(false), group(true)],
        }
    }

    /// SHA-256 of what is known, in hexadecimal.
    pub fn fingerprint(&self) -> String {
        hex(&Sha256::digest(self.text(&[])))
    }

    /// Draws people; what the file does not say of the minority is taken from the majority.
    ///
    /// # Panics
    /// Never: the majority's moments are there.
    pub fn draw(&self, seed: u32) -> (Dataset, Drawn) {
        let [majority, minority] = &self.groups;
        let of_majority = Moments {
            people: majority.people,
            positive: majority.positive,
            mean: majority.mean.clone().expect("checked"),
            covariance: majority.covariance.clone().expect("checked"),
            histograms: majority.histograms.clone(),
        };
        let of_minority = minority.completed(&of_majority);
        let (people, likeness) = moments::draw(
            &format!("{} (drawn from aggregates)", self.name),
            &self.schema,
            &[of_majority, of_minority],
            seed.into(),
            self.test_share,
            self.fingerprint(),
        );
        (people, Drawn { assumed: self.assumed(), likeness })
    }

    /// What is assumed because it is not known.
    fn assumed(&self) -> Vec<String> {
        let [majority, minority] = &self.groups;
        let mut assumed = Vec::new();
        match (&minority.mean, &minority.covariance) {
            (None, _) => assumed.push(
                "minority people have the features of majority people with the same label, so that a firm that does not use the group treats both alike: believe no scenario in which it is unused"
                    .to_owned(),
            ),
            (Some(_), None) => assumed.push(
                "minority people's features scatter and go with the label as the majority's do, about means of their own"
                    .to_owned(),
            ),
            (Some(_), Some(_)) => {}
        }
        let unknown = |group: &Group| group.histograms.iter().any(Option::is_none);
        if unknown(majority) {
            assumed.push("numbers without a histogram are normal".to_owned());
        } else if unknown(minority) {
            assumed.push("the minority's numbers have the shape of the majority's".to_owned());
        }
        assumed
    }

    /// As a file; `comments` come first.
    ///
    /// # Panics
    /// Never: a schema has a TOML form.
    pub fn text(&self, comments: &[String]) -> String {
        #[derive(Serialize)]
        struct Head<'a> {
            name: &'a str,
            #[serde(rename = "test-share")]
            test_share: f64,
            feature: &'a [Feature],
        }
        let mut text: String =
            comments.iter().fold(String::new(), |text, line| text + "# " + line + "\n");
        let head =
            Head { name: &self.name, test_share: self.test_share, feature: self.schema.features() };
        text += &toml::to_string(&head).expect("a schema has a TOML form");
        let names = column_names(&self.schema);
        for (word, group) in ["majority", "minority"].into_iter().zip(&self.groups) {
            group.write(&mut text, word, &names, &number_names(&self.schema));
        }
        text
    }
}

impl Group {
    /// What is not known, taken from the majority: see the module.
    fn completed(&self, majority: &Moments) -> Moments {
        let (p, own) = (majority.positive, self.positive);
        let columns = majority.mean.len();
        // By how much people with a positive label differ from those with a negative one.
        let apart = |column: usize| majority.covariance[(column, columns)] / (p * (1.0 - p));
        let mean = self.mean.clone().unwrap_or_else(|| {
            (0..columns).map(|j| majority.mean[j] + (own - p) * apart(j)).collect()
        });
        let between = own * (1.0 - own);
        let covariance = self.covariance.clone().unwrap_or_else(|| {
            Array2::from_shape_fn((columns + 1, columns + 1), |(i, j)| match (i, j) {
                (i, j) if i == columns && j == columns => between,
                (i, j) if i == columns || j == columns => between * apart(i.min(j)),
                (i, j) => {
                    let within = majority.covariance[(i, j)] - p * (1.0 - p) * apart(i) * apart(j);
                    within + between * apart(i) * apart(j)
                }
            })
        });
        let histograms = self.histograms.clone();
        Moments { people: self.people, positive: own, mean, covariance, histograms }
    }

    fn write(&self, text: &mut String, word: &str, columns: &[String], numbers: &[String]) {
        let mut line = |line: String| writeln!(text, "{line}").expect("a String takes everything");
        line(format!("\n[{word}]\npeople = {}\npositive = {:?}", self.people, self.positive));
        if let Some(mean) = &self.mean {
            line(format!("\n[{word}.mean]"));
            for (name, value) in columns.iter().zip(mean) {
                line(format!("{} = {value:?}", quoted(name)));
            }
        }
        if let Some(covariance) = &self.covariance {
            line(format!("\n[{word}.covariance]"));
            for (row, name) in columns.iter().enumerate() {
                let entries: Vec<f64> = (0..=row).map(|j| covariance[(row, j)]).collect();
                line(format!("{} = {entries:?}", quoted(name)));
            }
            line(format!("\n[{word}.with-label]"));
            for (row, name) in columns.iter().enumerate() {
                line(format!("{} = {:?}", quoted(name), covariance[(row, columns.len())]));
            }
        }
        if self.histograms.iter().any(Option::is_some) {
            line(format!("\n[{word}.histogram]"));
        }
        for (name, histogram) in numbers.iter().zip(&self.histograms) {
            if let Some(Histogram { values, weights }) = histogram {
                line(format!(
                    "{} = {{ values = {values:?}, weights = {weights:?} }}",
                    quoted(name)
                ));
            }
        }
    }
}

/// Columns by name, as a [`protocol::scoring::design::Design`] has them.
fn column_names(schema: &Schema) -> Vec<String> {
    schema.columns().into_iter().map(|column| column.name).collect()
}

fn number_names(schema: &Schema) -> Vec<String> {
    let columns = schema.columns().into_iter();
    columns
        .filter(|column| column.kind != ColumnKind::Indicator)
        .map(|column| column.name)
        .collect()
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Values that occur, or quantiles of as many.
fn histogram(mut values: Vec<f64>) -> Histogram {
    values.sort_by(f64::total_cmp);
    let count = |values: &[f64]| {
        let mut counted: Vec<(f64, f64)> = Vec::new();
        for &value in values {
            match counted.last_mut() {
                Some((last, weight)) if last.total_cmp(&value).is_eq() => *weight += 1.0,
                Some(_) | None => counted.push((value, 1.0)),
            }
        }
        counted
    };
    let mut counted = count(&values);
    if counted.len() > VALUES_MAX {
        // The middle of each of equally many people.
        let place = |part: usize| (2 * part + 1) * values.len() / (2 * VALUES_MAX);
        let middles: Vec<f64> = (0..VALUES_MAX).map(|part| values[place(part)]).collect();
        counted = count(&middles);
    }
    let (values, weights) = counted.into_iter().unzip();
    Histogram { values, weights }
}
