//! The schema: which features a record has, of which kind, within which limits.
//!
//! A record is read against the schema before anything else happens to it; what does not fit is
//! refused with the value and what is allowed, never clipped or guessed.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One feature as it is reported, with what it may hold.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Feature {
    /// Its name, unique in the schema.
    pub name: String,
    /// The unit of a number, in words ("years", "EUR per month").
    pub unit: Option<String>,
    /// What it may hold.
    pub kind: FeatureKind,
}

/// The kind of a feature.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FeatureKind {
    /// A number within `[min, max]`.
    Numeric {
        /// The least value allowed.
        min: f64,
        /// The greatest value allowed.
        max: f64,
    },
    /// A number within `[0, max]` with a long tail; `mix` takes its logarithm.
    Count {
        /// The greatest value allowed.
        max: f64,
    },
    /// One of the levels, in ascending order; encoded as the level's position.
    Ordinal {
        /// The levels, lowest first.
        levels: Vec<String>,
    },
    /// Yes or no; one 0/1 column.
    Flag,
    /// One of the levels, without an order; one 0/1 column per level.
    Categorical {
        /// The levels; their order is the order of the columns.
        levels: Vec<String>,
    },
}

/// A checked value of one feature.
///
/// What is deserialised is not checked against a schema yet: see [`Feature::accepts`].
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// Of a numeric or count-like feature; finite and within the limits.
    Number(f64),
    /// Of an ordinal or categorical feature: the level's position.
    Level(usize),
    /// Of a flag.
    Flag(bool),
}

/// What a feature allows, for a person to read.
#[derive(Clone, Debug, PartialEq)]
pub struct Allowed(String);

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a value of a feature.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The text is empty.
    #[error("is missing; allowed: {allowed}")]
    Missing {
        /// What would be accepted.
        allowed: Allowed,
    },
    /// A number was expected.
    #[error("\"{text}\" is not a number; allowed: {allowed}")]
    NotANumber {
        /// The text as found.
        text: String,
        /// What would be accepted.
        allowed: Allowed,
    },
    /// NaN or an infinity.
    #[error("\"{text}\" is not finite; allowed: {allowed}")]
    NotFinite {
        /// The text as found.
        text: String,
        /// What would be accepted.
        allowed: Allowed,
    },
    /// The number lies outside the limits.
    #[error("{value} is out of range; allowed: {allowed}")]
    OutOfRange {
        /// The number as read.
        value: f64,
        /// What would be accepted.
        allowed: Allowed,
    },
    /// The level is not in the schema.
    #[error("\"{text}\" is not a level; allowed: {allowed}")]
    UnknownLevel {
        /// The text as found.
        text: String,
        /// What would be accepted.
        allowed: Allowed,
    },
}

/// Why a list of features is not a schema.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// No features at all.
    #[error("the schema has no features")]
    Empty,
    /// Two features of one name.
    #[error("two features are called \"{name}\"")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// Limits that no number meets.
    #[error("feature \"{name}\": its range {min} to {max} is empty or not finite")]
    EmptyRange {
        /// The feature.
        name: String,
        /// The lower limit.
        min: f64,
        /// The upper limit.
        max: f64,
    },
    /// Levels that are empty or repeat.
    #[error("feature \"{name}\": its levels are empty or repeat \"{level}\"")]
    Levels {
        /// The feature.
        name: String,
        /// The level that repeats; empty if there are none.
        level: String,
    },
    /// More features or levels than the limit.
    #[error("{what} {got}, at most {limit} are allowed")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many there are.
        got: usize,
        /// [`Schema::FEATURES_MAX`] or [`Schema::LEVELS_MAX`].
        limit: usize,
    },
}

/// A checked list of features.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Schema {
    features: Vec<Feature>,
}

impl Schema {
    /// The greatest number of features.
    pub const FEATURES_MAX: usize = 65_536;
    /// The greatest number of levels of one feature.
    pub const LEVELS_MAX: usize = 4_096;

    /// Checks the features and takes them.
    ///
    /// # Errors
    /// Every [`SchemaError`].
    pub fn new(features: Vec<Feature>) -> Result<Self, SchemaError> {
        if features.is_empty() {
            return Err(SchemaError::Empty);
        }
        at_most("features:", features.len(), Self::FEATURES_MAX)?;
        let mut names = BTreeSet::new();
        for feature in &features {
            if !names.insert(feature.name.as_str()) {
                return Err(SchemaError::DuplicateName { name: feature.name.clone() });
            }
            feature.check()?;
        }
        Ok(Self { features })
    }

    /// Whether `values` is one allowed value for each feature.
    pub fn admits(&self, values: &[Value]) -> bool {
        let features = self.features.iter();
        values.len() == features.len()
            && features.zip(values).all(|(feature, value)| feature.accepts(*value))
    }

    /// The features, in order.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Feature {
    /// Reads a value, exactly as written but for surrounding spaces.
    ///
    /// # Errors
    /// Every [`ValueError`]; each says what is allowed.
    pub fn parse(&self, text: &str) -> Result<Value, ValueError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ValueError::Missing { allowed: self.allowed() });
        }
        match &self.kind {
            FeatureKind::Numeric { .. } | FeatureKind::Count { .. } => {
                let value = text.parse::<f64>().map_err(|_| ValueError::NotANumber {
                    text: text.to_owned(),
                    allowed: self.allowed(),
                })?;
                self.number(value)
            }
            FeatureKind::Ordinal { levels } | FeatureKind::Categorical { levels } => levels
                .iter()
                .position(|level| level == text)
                .map(Value::Level)
                .ok_or_else(|| self.unknown(text)),
            FeatureKind::Flag => match text {
                "0" | "no" | "false" => Ok(Value::Flag(false)),
                "1" | "yes" | "true" => Ok(Value::Flag(true)),
                _ => Err(self.unknown(text)),
            },
        }
    }

    /// Checks a number that is already one.
    ///
    /// # Errors
    /// [`ValueError::NotFinite`], [`ValueError::OutOfRange`]; [`ValueError::UnknownLevel`] if the
    /// feature is not a number.
    pub fn number(&self, value: f64) -> Result<Value, ValueError> {
        let Some((min, max)) = self.range() else {
            return Err(self.unknown(&value.to_string()));
        };
        if !value.is_finite() {
            return Err(ValueError::NotFinite { text: value.to_string(), allowed: self.allowed() });
        }
        if value < min || value > max {
            return Err(ValueError::OutOfRange { value, allowed: self.allowed() });
        }
        Ok(Value::Number(value))
    }

    /// The limits of a numeric or count-like feature.
    pub fn range(&self) -> Option<(f64, f64)> {
        match self.kind {
            FeatureKind::Numeric { min, max } => Some((min, max)),
            FeatureKind::Count { max } => Some((0.0, max)),
            FeatureKind::Ordinal { .. } | FeatureKind::Flag | FeatureKind::Categorical { .. } => {
                None
            }
        }
    }

    /// Whether this is a value of the feature: of its kind and within its limits.
    pub fn accepts(&self, value: Value) -> bool {
        match (&self.kind, value) {
            (FeatureKind::Numeric { .. } | FeatureKind::Count { .. }, Value::Number(number)) => {
                self.number(number).is_ok()
            }
            (
                FeatureKind::Ordinal { levels } | FeatureKind::Categorical { levels },
                Value::Level(level),
            ) => level < levels.len(),
            (FeatureKind::Flag, Value::Flag(_)) => true,
            (_, Value::Number(_) | Value::Level(_) | Value::Flag(_)) => false,
        }
    }

    /// What the feature allows, in words.
    pub fn allowed(&self) -> Allowed {
        let unit = self.unit.as_ref().map_or_else(String::new, |unit| format!(" {unit}"));
        Allowed(match &self.kind {
            FeatureKind::Numeric { min, max } => format!("{min} to {max}{unit}"),
            FeatureKind::Count { max } => format!("0 to {max}{unit}"),
            FeatureKind::Flag => "0 or 1".to_owned(),
            FeatureKind::Ordinal { levels } | FeatureKind::Categorical { levels } => {
                const SHOWN: usize = 12;
                let text = levels
                    .iter()
                    .take(SHOWN)
                    .map(|level| format!("\"{level}\""))
                    .collect::<Vec<_>>()
                    .join(", ");
                match levels.len().checked_sub(SHOWN) {
                    None | Some(0) => text,
                    Some(more) => format!("{text} and {more} more"),
                }
            }
        })
    }

    fn unknown(&self, text: &str) -> ValueError {
        ValueError::UnknownLevel { text: text.to_owned(), allowed: self.allowed() }
    }

    fn check(&self) -> Result<(), SchemaError> {
        match &self.kind {
            FeatureKind::Ordinal { levels } | FeatureKind::Categorical { levels } => {
                let fail = |level: &str| SchemaError::Levels {
                    name: self.name.clone(),
                    level: level.to_owned(),
                };
                if levels.is_empty() {
                    return Err(fail(""));
                }
                at_most("levels:", levels.len(), Schema::LEVELS_MAX)?;
                let mut seen = BTreeSet::new();
                levels.iter().find(|level| !seen.insert(*level)).map_or(Ok(()), |l| Err(fail(l)))
            }
            FeatureKind::Flag => Ok(()),
            FeatureKind::Numeric { .. } | FeatureKind::Count { .. } => {
                let (min, max) = self.range().expect("these two kinds have a range");
                if min.is_finite() && max.is_finite() && min < max {
                    Ok(())
                } else {
                    Err(SchemaError::EmptyRange { name: self.name.clone(), min, max })
                }
            }
        }
    }
}

fn at_most(what: &'static str, got: usize, limit: usize) -> Result<(), SchemaError> {
    if got > limit { Err(SchemaError::TooMany { what, got, limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feature(kind: FeatureKind) -> Feature {
        Feature { name: "f".into(), unit: Some("years".into()), kind }
    }

    fn levels(names: &[&str]) -> Vec<String> {
        names.iter().map(|&n| n.to_owned()).collect()
    }

    #[test]
    fn reads_each_kind() {
        let age = feature(FeatureKind::Numeric { min: 18.0, max: 100.0 });
        assert_eq!(age.parse(" 42 "), Ok(Value::Number(42.0)));
        let grade = feature(FeatureKind::Ordinal { levels: levels(&["C", "B", "A"]) });
        assert_eq!(grade.parse("A"), Ok(Value::Level(2)));
        assert_eq!(feature(FeatureKind::Flag).parse("1"), Ok(Value::Flag(true)));
    }

    #[test]
    fn accepts_values_of_its_kind_and_limits_only() {
        let age = feature(FeatureKind::Numeric { min: 18.0, max: 100.0 });
        let grade = feature(FeatureKind::Ordinal { levels: levels(&["C", "B"]) });
        assert!(age.accepts(Value::Number(18.0)) && grade.accepts(Value::Level(1)));
        for value in [f64::NAN, 17.9, 101.0].map(Value::Number) {
            assert!(!age.accepts(value), "{value:?}");
        }
        assert!(!grade.accepts(Value::Level(2)) && !grade.accepts(Value::Flag(true)));
        assert!(!feature(FeatureKind::Flag).accepts(Value::Number(1.0)));
    }

    #[test]
    fn refuses_with_the_value_and_what_is_allowed() {
        let age = feature(FeatureKind::Numeric { min: 18.0, max: 100.0 });
        let texts =
            ["212", "abc", "NaN", "-inf", ""].map(|t| age.parse(t).unwrap_err().to_string());
        assert_eq!(
            texts,
            [
                "212 is out of range; allowed: 18 to 100 years",
                "\"abc\" is not a number; allowed: 18 to 100 years",
                "\"NaN\" is not finite; allowed: 18 to 100 years",
                "\"-inf\" is not finite; allowed: 18 to 100 years",
                "is missing; allowed: 18 to 100 years",
            ]
        );
        let colour = feature(FeatureKind::Categorical { levels: levels(&["red", "blue"]) });
        assert_eq!(
            colour.parse("green").unwrap_err().to_string(),
            "\"green\" is not a level; allowed: \"red\", \"blue\""
        );
    }

    #[test]
    fn refuses_schemas_that_mean_nothing() {
        let bad = |kind| Schema::new(vec![feature(kind)]).unwrap_err();
        assert_eq!(Schema::new(vec![]), Err(SchemaError::Empty));
        assert!(matches!(
            bad(FeatureKind::Numeric { min: 1.0, max: 1.0 }),
            SchemaError::EmptyRange { .. }
        ));
        assert!(matches!(
            bad(FeatureKind::Count { max: f64::INFINITY }),
            SchemaError::EmptyRange { .. }
        ));
        assert!(matches!(
            bad(FeatureKind::Categorical { levels: levels(&["a", "a"]) }),
            SchemaError::Levels { .. }
        ));
        assert!(matches!(
            Schema::new(vec![feature(FeatureKind::Flag), feature(FeatureKind::Flag)]),
            Err(SchemaError::DuplicateName { .. })
        ));
    }
}
