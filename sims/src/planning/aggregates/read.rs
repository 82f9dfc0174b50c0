//! A file of aggregates, read and checked; whatever is refused is named with its line, its value and what is allowed.

use std::collections::BTreeMap;

use ndarray::Array2;
use protocol::scoring::design::ColumnKind;
use protocol::scoring::schema::{Feature, FeatureKind, Schema, SchemaError};
use serde::Deserialize;
use toml::Spanned;

use super::{Aggregates, Group, PEOPLE_MAX, TEST_SHARE, column_names, number_names, quoted};
use crate::population::moments::Histogram;

/// Why a file holds no aggregates.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AggregatesError {
    /// Not TOML, a key that is unknown or absent, or a value of another type.
    #[error("{0}")]
    Toml(#[from] Box<toml::de::Error>),
    /// The features make no schema.
    #[error("features: {0}")]
    Schema(#[from] SchemaError),
    /// A value that nobody can have.
    #[error("line {line}: {key} is {got}; allowed: {allowed}")]
    Value {
        /// The line, from 1.
        line: usize,
        /// Where, e.g. "majority.mean.income".
        key: String,
        /// As found.
        got: String,
        /// What would be accepted.
        allowed: String,
    },
    /// Something is missing.
    #[error("{key} is missing: {why}")]
    Missing {
        /// Where.
        key: String,
        /// What it is needed for.
        why: &'static str,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FileText {
    name: String,
    #[serde(default)]
    test_share: Option<Spanned<f64>>,
    feature: Vec<Feature>,
    majority: GroupText,
    minority: GroupText,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct GroupText {
    people: Spanned<u64>,
    positive: Spanned<f64>,
    mean: Option<BTreeMap<String, Spanned<f64>>>,
    covariance: Option<BTreeMap<String, Spanned<Vec<f64>>>>,
    with_label: Option<BTreeMap<String, Spanned<f64>>>,
    #[serde(default)]
    histogram: BTreeMap<String, Spanned<HistogramText>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HistogramText {
    values: Vec<f64>,
    weights: Vec<f64>,
}

impl Aggregates {
    /// Reads a file's text.
    ///
    /// # Errors
    /// Every [`AggregatesError`].
    pub fn parse(text: &str) -> Result<Self, AggregatesError> {
        let file: FileText = toml::from_str(text).map_err(Box::new)?;
        let schema = Schema::new(file.feature)?;
        let reader = Reader { text, schema: &schema, columns: column_names(&schema) };
        let test_share = match &file.test_share {
            None => TEST_SHARE,
            Some(share) => reader.checked("test-share", share, "above 0, below 1", |&share| {
                share > 0.0 && share < 1.0
            })?,
        };
        let groups =
            [reader.group("majority", &file.majority)?, reader.group("minority", &file.minority)?];
        if groups[0].covariance.is_none() {
            let why = "without it features say nothing about the label, and no firm can learn";
            return Err(AggregatesError::Missing { key: "majority.covariance".to_owned(), why });
        }
        Ok(Self { name: file.name, schema, test_share, groups })
    }
}

/// Reads parts of a file with where they stand.
struct Reader<'a> {
    text: &'a str,
    schema: &'a Schema,
    columns: Vec<String>,
}

impl Reader<'_> {
    fn line<T>(&self, of: &Spanned<T>) -> usize {
        1 + self.text[..of.span().start.min(self.text.len())].matches('\n').count()
    }

    fn wrong<T>(&self, key: &str, of: &Spanned<T>, got: String, allowed: &str) -> AggregatesError {
        let line = self.line(of);
        AggregatesError::Value { line, key: key.to_owned(), got, allowed: allowed.to_owned() }
    }

    fn checked<T: Copy + std::fmt::Display>(
        &self,
        key: &str,
        of: &Spanned<T>,
        allowed: &str,
        holds: impl Fn(&T) -> bool,
    ) -> Result<T, AggregatesError> {
        let value = *of.get_ref();
        if holds(&value) { Ok(value) } else { Err(self.wrong(key, of, value.to_string(), allowed)) }
    }

    fn group(&self, word: &str, text: &GroupText) -> Result<Group, AggregatesError> {
        let most = PEOPLE_MAX as u64;
        let people =
            self.checked(&format!("{word}.people"), &text.people, "1 to 1000000", |people| {
                (1..=most).contains(people)
            })?;
        let positive = self.checked(
            &format!("{word}.positive"),
            &text.positive,
            "a share above 0 and below 1",
            |&share| share > 0.0 && share < 1.0,
        )?;
        let mean = text.mean.as_ref().map(|mean| self.mean(word, mean)).transpose()?;
        let covariance = match (&text.covariance, &text.with_label) {
            (None, None) => None,
            (Some(rows), Some(label)) => Some(self.covariance(word, rows, label, positive)?),
            (rows, _) => {
                let key = if rows.is_none() { "covariance" } else { "with-label" };
                let why = "covariance and with-label are only of use together";
                return Err(AggregatesError::Missing { key: format!("{word}.{key}"), why });
            }
        };
        if covariance.is_some() && mean.is_none() {
            let key = format!("{word}.mean");
            return Err(AggregatesError::Missing {
                key,
                why: "there is a covariance, about nothing",
            });
        }
        let people = usize::try_from(people).unwrap_or(usize::MAX);
        let histograms = self.histograms(word, &text.histogram)?;
        Ok(Group { people, positive, mean, covariance, histograms })
    }

    /// One entry for each of `names`, and no other.
    fn each<'t, T>(
        &self,
        key: &str,
        table: &'t BTreeMap<String, Spanned<T>>,
        names: &[String],
    ) -> Result<Vec<&'t Spanned<T>>, AggregatesError> {
        if let Some((name, of)) = table.iter().find(|(name, _)| !names.contains(name)) {
            let allowed = names.join(", ");
            return Err(self.wrong(key, of, format!("given for \"{name}\""), &allowed));
        }
        let missing = "each of these needs an entry: one for every number, flag and level";
        let entry = |name: &String| {
            let key = format!("{key}.{}", quoted(name));
            table.get(name).ok_or(AggregatesError::Missing { key, why: missing })
        };
        names.iter().map(entry).collect()
    }

    fn mean(
        &self,
        word: &str,
        table: &BTreeMap<String, Spanned<f64>>,
    ) -> Result<Vec<f64>, AggregatesError> {
        let key = format!("{word}.mean");
        let kinds = self.schema.columns().into_iter().map(|column| column.kind);
        let entries = self.each(&key, table, &self.columns)?;
        let pairs = entries.into_iter().zip(kinds).zip(&self.columns);
        let means: Vec<f64> = pairs
            .map(|((mean, kind), name)| {
                let indicator = kind == ColumnKind::Indicator;
                let allowed = if indicator { "a share, 0 to 1" } else { "a finite number" };
                self.checked(&format!("{key}.{name}"), mean, allowed, |mean| {
                    mean.is_finite() && (!indicator || (0.0..=1.0).contains(mean))
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(means)
    }

    fn covariance(
        &self,
        word: &str,
        table: &BTreeMap<String, Spanned<Vec<f64>>>,
        with_label: &BTreeMap<String, Spanned<f64>>,
        positive: f64,
    ) -> Result<Array2<f64>, AggregatesError> {
        let key = format!("{word}.covariance");
        let names = &self.columns;
        let rows = self.each(&key, table, names)?;
        let last = rows.len();
        let mut all = Array2::zeros((last + 1, last + 1));
        all[(last, last)] = positive * (1.0 - positive);
        let key_label = format!("{word}.with-label");
        for (i, of) in self.each(&key_label, with_label, names)?.into_iter().enumerate() {
            let place = format!("{key_label}.{}", names[i]);
            let entry = self.checked(&place, of, "a finite number", |entry| entry.is_finite())?;
            all[(i, last)] = entry;
            all[(last, i)] = entry;
        }
        for (i, row) in rows.iter().enumerate() {
            let (place, entries) = (format!("{key}.{}", names[i]), row.get_ref());
            if entries.len() != i + 1 {
                let allowed = format!("{} numbers: with {}", i + 1, names[..=i].join(", "));
                return Err(self.wrong(
                    &place,
                    row,
                    format!("{} numbers", entries.len()),
                    &allowed,
                ));
            }
            for (j, &entry) in entries.iter().enumerate() {
                if !entry.is_finite() || (i == j && entry < 0.0) {
                    let allowed = "finite numbers, the last (its variance) 0 or above";
                    return Err(self.wrong(&place, row, entry.to_string(), allowed));
                }
                all[(i, j)] = entry;
                all[(j, i)] = entry;
            }
        }
        Ok(all)
    }

    fn histograms(
        &self,
        word: &str,
        table: &BTreeMap<String, Spanned<HistogramText>>,
    ) -> Result<Vec<Option<Histogram>>, AggregatesError> {
        let names = number_names(self.schema);
        if let Some((name, of)) = table.iter().find(|(name, _)| !names.contains(name)) {
            let key = format!("{word}.histogram");
            let got = format!("given for \"{name}\"");
            return Err(self.wrong(&key, of, got, &format!("numbers: {}", names.join(", "))));
        }
        let read = |name: &String| {
            let Some(of) = table.get(name) else { return Ok(None) };
            let HistogramText { values, weights } = of.get_ref().clone();
            let feature = self.schema.features().iter().find(|feature| feature.name == *name);
            let holds = feature.is_some_and(|feature| fits(feature, &values, &weights));
            if holds {
                return Ok(Some(Histogram { values, weights }));
            }
            let allowed = feature.map_or_else(String::new, |feature| match &feature.kind {
                FeatureKind::Ordinal { levels } => format!("positions 0 to {}", levels.len() - 1),
                _ => feature.allowed().to_string(),
            });
            let allowed =
                format!("ascending values ({allowed}), as many weights, none below 0, not all 0");
            let got = format!("{} values, {} weights", values.len(), weights.len());
            Err(self.wrong(&format!("{word}.histogram.{name}"), of, got, &allowed))
        };
        names.iter().map(read).collect()
    }
}

/// Whether these can be values of a number and how often they occur.
fn fits(feature: &Feature, values: &[f64], weights: &[f64]) -> bool {
    let within = |value: &f64| match &feature.kind {
        FeatureKind::Ordinal { levels } => {
            #[expect(clippy::cast_precision_loss, reason = "levels are few")]
            let most = (levels.len() - 1) as f64;
            (0.0..=most).contains(value) && value.fract().abs() < f64::EPSILON
        }
        _ => feature.number(*value).is_ok(),
    };
    values.len() == weights.len()
        && values.iter().all(within)
        && values.windows(2).all(|pair| pair[0] < pair[1])
        && weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0)
        && weights.iter().sum::<f64>() > 0.0
}
