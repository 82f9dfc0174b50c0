//! From a CSV file to a [`Dataset`], row by row.
//!
//! The file is read once, or twice where levels are to be observed; only what the data set holds is
//! kept.

use std::collections::BTreeSet;
use std::path::Path;

use protocol::scoring::design::DesignBuilder;
use protocol::scoring::schema::{Allowed, Feature, FeatureKind, Schema, Value, ValueError};

use super::Dataset;
use super::description::{Description, Reading, Rule};
use super::error::DatasetError;
use super::table::Table;

impl Description {
    /// Loads the table at `path`; rows keep the order of the file after filtering.
    ///
    /// # Errors
    /// Every [`DatasetError`] but [`DatasetError::Description`].
    pub fn load(&self, path: &Path) -> Result<Dataset, DatasetError> {
        let features = self.observe(path)?;
        let schema = Schema::new(features)
            .map_err(|problem| DatasetError::Schema { file: path.to_owned(), problem })?;
        let mut table = Table::open(self, path)?;
        let mut builder = DesignBuilder::new(&schema);
        let (mut minority, mut positive) = (Vec::new(), Vec::new());
        let mut values = Vec::with_capacity(self.features.len());
        while let Some(person) = table.advance()? {
            values.clear();
            for (number, (reading, feature)) in
                self.features.iter().zip(schema.features()).enumerate()
            {
                let value = reading.value(feature, table.cell(number));
                values.push(value.map_err(|problem| table.bad_value(number, problem))?);
            }
            builder.push(&values);
            minority.push(person.minority);
            positive.push(person.positive);
        }
        self.check_groups(path, &minority)?;
        Ok(Dataset {
            name: self.name().to_owned(),
            schema,
            records: builder.finish(),
            minority,
            positive,
            test_share: self.test_share(),
            fingerprint: table.fingerprint(),
            counterfactual: None,
        })
    }

    /// The features, with the levels that occur where the description asks for them.
    fn observe(&self, path: &Path) -> Result<Vec<Feature>, DatasetError> {
        let mut features: Vec<Feature> = self.features.iter().map(|r| r.feature.clone()).collect();
        let observed: Vec<usize> =
            (0..features.len()).filter(|&n| self.features[n].rule == Rule::Observed).collect();
        if observed.is_empty() {
            return Ok(features);
        }
        let mut seen = vec![BTreeSet::new(); observed.len()];
        let mut table = Table::open(self, path)?;
        while table.advance()?.is_some() {
            for (&number, seen) in observed.iter().zip(&mut seen) {
                let text = table.cell(number);
                if text.is_empty() {
                    let allowed = self.features[number].allowed();
                    return Err(table.bad_value(number, ValueError::Missing { allowed }));
                }
                if !seen.contains(text) {
                    seen.insert(text.to_owned());
                }
            }
        }
        if seen.iter().any(BTreeSet::is_empty) {
            return Err(DatasetError::NoRows { file: path.to_owned() });
        }
        for (number, seen) in observed.into_iter().zip(seen) {
            features[number].kind = FeatureKind::Categorical { levels: sorted(seen) };
        }
        Ok(features)
    }

    fn check_groups(&self, path: &Path, minority: &[bool]) -> Result<(), DatasetError> {
        if minority.is_empty() {
            return Err(DatasetError::NoRows { file: path.to_owned() });
        }
        let (of_minority, of_majority) = self.group.lists();
        for (group, present, texts) in [
            ("minority", minority.contains(&true), of_minority),
            ("majority", minority.contains(&false), of_majority),
        ] {
            if !present {
                return Err(DatasetError::EmptyGroup {
                    file: path.to_owned(),
                    group,
                    column: self.group.source.columns.join("|"),
                    allowed: texts.join(", "),
                });
            }
        }
        Ok(())
    }
}

impl Reading {
    /// What the source may hold, where that is not what the feature may hold.
    pub(super) fn allowed(&self) -> Allowed {
        let levels = |levels: Vec<String>| {
            let kind = FeatureKind::Categorical { levels };
            Feature { kind, ..self.feature.clone() }.allowed()
        };
        match &self.rule {
            Rule::Direct => self.feature.allowed(),
            Rule::Observed => levels(vec!["any text".to_owned()]),
            Rule::Among { texts, .. } => texts.allowed(),
            Rule::When { texts } => {
                levels(texts.iter().cloned().chain(["any other text".to_owned()]).collect())
            }
            Rule::Below { number, .. }
            | Rule::AtLeast { number, .. }
            | Rule::Bins { number, .. } => number.allowed(),
        }
    }

    /// Reads a text as a value of `feature`, this reading's own with its levels filled in.
    fn value(&self, feature: &Feature, text: &str) -> Result<Value, ValueError> {
        match &self.rule {
            Rule::Direct | Rule::Observed => feature.parse(text),
            Rule::Among { texts, yes } => match texts.parse(text)? {
                Value::Level(level) => Ok(Value::Flag(level < *yes)),
                Value::Number(_) | Value::Flag(_) => unreachable!("a list of texts has levels"),
            },
            Rule::When { texts } => {
                if text.is_empty() {
                    return Err(ValueError::Missing { allowed: self.allowed() });
                }
                Ok(Value::Flag(texts.iter().any(|t| t == text)))
            }
            Rule::Below { number, limit } => Ok(Value::Flag(read(number, text)? < *limit)),
            Rule::AtLeast { number, limit } => Ok(Value::Flag(read(number, text)? >= *limit)),
            Rule::Bins { number, edges } => {
                let value = read(number, text)?;
                let bins = edges.len() - 1;
                let bin = edges.partition_point(|&edge| edge <= value) - 1;
                Ok(Value::Level(bin.min(bins - 1)))
            }
        }
    }
}

fn read(number: &Feature, text: &str) -> Result<f64, ValueError> {
    match number.parse(text)? {
        Value::Number(value) => Ok(value),
        Value::Level(_) | Value::Flag(_) => unreachable!("a numeric feature reads numbers"),
    }
}

/// In numeric order if all are whole numbers, else in the order of their bytes.
fn sorted(levels: BTreeSet<String>) -> Vec<String> {
    let mut levels: Vec<String> = levels.into_iter().collect();
    if levels.iter().all(|level| level.parse::<i64>().is_ok()) {
        levels.sort_by_key(|level| level.parse::<i64>().ok());
    }
    levels
}
