//! From a description as typed to one that means something.

use std::collections::BTreeMap;

use protocol::scoring::schema::{Feature, FeatureKind, Schema, SchemaError};

use super::raw::{self, Kind, Levels, Others, Text};
use super::{Description, Filter, FilterRule, Missing, Reading, Rule, Source, Split};

/// Why a text is not a description of a table of people.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptionError {
    /// Not TOML, a key that is unknown or absent, or a value of another type.
    #[error("the description cannot be read: {0}")]
    Toml(#[from] Box<toml::de::Error>),
    /// The share of test rows is no share.
    #[error("test-share = {got}: it must lie above 0 and below 1")]
    TestShare {
        /// The value found.
        got: f64,
    },
    /// Features, groups or labels that make no schema.
    #[error("{part}: {problem}")]
    Schema {
        /// The part: "group", "label" or "features".
        part: &'static str,
        /// What is wrong with it.
        problem: SchemaError,
    },
    /// One of two lists is empty.
    #[error("[{part}]: the list \"{list}\" is empty")]
    EmptyList {
        /// "group" or "label".
        part: &'static str,
        /// The name of the list.
        list: &'static str,
    },
    /// A feature has no name, or a pattern next to one.
    #[error("feature {number}: give either \"name\" or \"columns\" (with no \"column\")")]
    FeatureName {
        /// Its position, from 1.
        number: usize,
    },
    /// A pattern of columns is no pattern.
    #[error("columns = \"{pattern}\": write it as \"e{{0..1023}}\", the lower number first")]
    Pattern {
        /// The pattern.
        pattern: String,
    },
    /// A flag has no rule, or several.
    #[error(
        "feature \"{feature}\": a flag has either \"when\" (and \"otherwise\"), or one of \
         \"below\" and \"at-least\" with the limits \"min\" and \"max\" of the number"
    )]
    FlagRule {
        /// The feature.
        feature: String,
    },
    /// Edges of bins that do not ascend.
    #[error("feature \"{feature}\": at least two edges in ascending order make bins")]
    Edges {
        /// The feature.
        feature: String,
    },
    /// A filter has no rule, or several.
    #[error(
        "filter on \"{column}\": give one of \"keep\", \"drop\", or \"min\" and \"max\" (either may \
         be left out)"
    )]
    FilterRule {
        /// The column.
        column: String,
    },
}

pub(super) fn parse(text: &str) -> Result<Description, DescriptionError> {
    let raw: raw::Description = toml::from_str(text).map_err(Box::new)?;
    if !(raw.test_share > 0.0 && raw.test_share < 1.0) {
        return Err(DescriptionError::TestShare { got: raw.test_share });
    }
    let group = split(
        "group",
        source(raw.group.column.into_vec(), raw.group.recode),
        ("minority", raw.group.minority.into_vec()),
        ("majority", raw.group.majority.into_vec()),
    )?;
    let label = split(
        "label",
        source(raw.label.column.into_vec(), raw.label.recode),
        ("positive", raw.label.positive.into_vec()),
        ("negative", raw.label.negative.into_vec()),
    )?;
    let filters = raw.filters.into_iter().map(filter).collect::<Result<_, _>>()?;
    let mut features = Vec::new();
    for (position, feature) in raw.features.into_iter().enumerate() {
        features.extend(readings(position + 1, feature)?);
    }
    let description = Description {
        name: raw.name,
        file: raw.file,
        test_share: raw.test_share,
        group,
        drops_other_groups: raw.group.others == Others::Drop,
        label,
        filters,
        missing: Missing { texts: raw.missing.texts.into_vec(), policy: raw.missing.policy },
        features,
    };
    description.check_features()?;
    Ok(description)
}

impl Description {
    /// All that can be known of the schema before the file is read.
    fn check_features(&self) -> Result<(), DescriptionError> {
        let features = self.features.iter().map(|reading| {
            let mut feature = reading.feature.clone();
            if reading.rule == Rule::Observed {
                feature.kind = FeatureKind::Flag;
            }
            feature
        });
        schema("features", features.collect())
    }
}

fn schema(part: &'static str, features: Vec<Feature>) -> Result<(), DescriptionError> {
    Schema::new(features).map(|_| ()).map_err(|problem| DescriptionError::Schema { part, problem })
}

fn source(columns: Vec<String>, recode: BTreeMap<String, Text>) -> Source {
    let recode = recode.into_iter().map(|(from, to)| (from, to.into_string())).collect();
    Source { columns, recode }
}

fn split(
    part: &'static str,
    source: Source,
    first: (&'static str, Vec<String>),
    second: (&'static str, Vec<String>),
) -> Result<Split, DescriptionError> {
    if source.columns.is_empty() {
        return Err(DescriptionError::EmptyList { part, list: "column" });
    }
    for (list, texts) in [&first, &second] {
        if texts.is_empty() {
            return Err(DescriptionError::EmptyList { part, list });
        }
    }
    let count = first.1.len();
    let levels = first.1.into_iter().chain(second.1).collect();
    let texts =
        Feature { name: part.to_owned(), unit: None, kind: FeatureKind::Categorical { levels } };
    schema(part, vec![texts.clone()])?;
    Ok(Split { source, texts, first: count })
}

fn filter(raw: raw::Filter) -> Result<Filter, DescriptionError> {
    let raw::Filter { column, keep, drop, min, max } = raw;
    let rule = match (keep, drop, min, max) {
        (Some(texts), None, None, None) => FilterRule::Keep(texts.into_vec()),
        (None, Some(texts), None, None) => FilterRule::Drop(texts.into_vec()),
        (None, None, min, max) if min.is_some() || max.is_some() => FilterRule::Within {
            min: min.unwrap_or(f64::NEG_INFINITY),
            max: max.unwrap_or(f64::INFINITY),
        },
        _ => return Err(DescriptionError::FilterRule { column }),
    };
    Ok(Filter { column, rule })
}

/// The features of one entry: one, or one per column of its pattern.
fn readings(number: usize, raw: raw::Feature) -> Result<Vec<Reading>, DescriptionError> {
    let raw::Feature { name, column, columns, recode, unit, kind } = raw;
    let names = match (name, columns, &column) {
        (Some(name), None, _) => vec![name],
        (None, Some(pattern), None) => expand(&pattern)?,
        _ => return Err(DescriptionError::FeatureName { number }),
    };
    let recode = source(Vec::new(), recode).recode;
    let column = column.map(raw::Texts::into_vec);
    if column.as_ref().is_some_and(Vec::is_empty) {
        return Err(DescriptionError::FeatureName { number });
    }
    names
        .into_iter()
        .map(|name| {
            let columns = column.clone().unwrap_or_else(|| vec![name.clone()]);
            let source = Source { columns, recode: recode.clone() };
            let (kind, rule) = rule(&name, unit.as_ref(), kind.clone())?;
            Ok(Reading { source, feature: Feature { name, unit: unit.clone(), kind }, rule })
        })
        .collect()
}

/// `e{0..3}` is e0, e1, e2, e3.
fn expand(pattern: &str) -> Result<Vec<String>, DescriptionError> {
    let bad = || DescriptionError::Pattern { pattern: pattern.to_owned() };
    let (before, rest) = pattern.split_once('{').ok_or_else(bad)?;
    let (range, after) = rest.split_once('}').ok_or_else(bad)?;
    let (first, last) = range.split_once("..").ok_or_else(bad)?;
    let first: usize = first.parse().map_err(|_| bad())?;
    let last: usize = last.parse().map_err(|_| bad())?;
    if last < first || last - first >= Schema::FEATURES_MAX {
        return Err(bad());
    }
    Ok((first..=last).map(|i| format!("{before}{i}{after}")).collect())
}

fn rule(
    name: &str,
    unit: Option<&String>,
    kind: Kind,
) -> Result<(FeatureKind, Rule), DescriptionError> {
    Ok(match kind {
        Kind::Numeric { min, max } => (FeatureKind::Numeric { min, max }, Rule::Direct),
        Kind::Count { max } => (FeatureKind::Count { max }, Rule::Direct),
        Kind::Ordinal { levels } => {
            (FeatureKind::Ordinal { levels: levels.into_vec() }, Rule::Direct)
        }
        Kind::Categorical { levels: Levels::Word(raw::LevelsWord::Observed) } => {
            (FeatureKind::Categorical { levels: Vec::new() }, Rule::Observed)
        }
        Kind::Categorical { levels: Levels::Listed(levels) } => {
            let levels = raw::Texts::Many(levels).into_vec();
            (FeatureKind::Categorical { levels }, Rule::Direct)
        }
        Kind::Flag { when, otherwise, below, at_least, min, max } => {
            let fail = || DescriptionError::FlagRule { feature: name.to_owned() };
            let (when, otherwise) = (when.into_vec(), otherwise.into_vec());
            let number = |min, max| number(name, unit, min, max);
            let rule = match (when.is_empty(), below, at_least, min, max) {
                (false, None, None, None, None) if otherwise.is_empty() => {
                    Rule::When { texts: when }
                }
                (false, None, None, None, None) => among(name, when, otherwise)?,
                (true, Some(limit), None, Some(min), Some(max)) if otherwise.is_empty() => {
                    Rule::Below { number: number(min, max)?, limit }
                }
                (true, None, Some(limit), Some(min), Some(max)) if otherwise.is_empty() => {
                    Rule::AtLeast { number: number(min, max)?, limit }
                }
                _ => return Err(fail()),
            };
            (FeatureKind::Flag, rule)
        }
        Kind::Bins { edges } => {
            let ascending = edges.windows(2).all(|pair| pair[0] < pair[1]);
            let (Some(&min), Some(&max), true) = (edges.first(), edges.last(), ascending) else {
                return Err(DescriptionError::Edges { feature: name.to_owned() });
            };
            let levels = edges.windows(2).map(|pair| format!("{}..{}", pair[0], pair[1])).collect();
            let number = number(name, unit, min, max)?;
            (FeatureKind::Categorical { levels }, Rule::Bins { number, edges })
        }
    })
}

fn among(name: &str, when: Vec<String>, otherwise: Vec<String>) -> Result<Rule, DescriptionError> {
    let yes = when.len();
    let levels = when.into_iter().chain(otherwise).collect();
    let texts =
        Feature { name: name.to_owned(), unit: None, kind: FeatureKind::Categorical { levels } };
    schema("features", vec![texts.clone()])?;
    Ok(Rule::Among { texts, yes })
}

fn number(
    name: &str,
    unit: Option<&String>,
    min: f64,
    max: f64,
) -> Result<Feature, DescriptionError> {
    let kind = FeatureKind::Numeric { min, max };
    let feature = Feature { name: name.to_owned(), unit: unit.cloned(), kind };
    schema("features", vec![feature.clone()])?;
    Ok(feature)
}
