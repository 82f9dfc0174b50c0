//! A record in a file: one row of CSV, or the keys of a TOML or JSON table.

use super::Field;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use std::{
    collections::BTreeSet,
    fmt,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The longest file that is read as a record, in bytes.
pub const RECORD_BYTES_MAX: u64 = 4 << 20;

/// A file that does not hold one record. Says nothing of what it holds.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is far too long for one record.
    #[error("{} has more than {RECORD_BYTES_MAX} bytes; a record is one row", .file.display())]
    TooLong {
        /// The file.
        file: PathBuf,
    },
    /// Its name does not say what it is.
    #[error("{} is not called .csv, .toml or .json", .file.display())]
    Ending {
        /// The file.
        file: PathBuf,
    },
    /// It is not text.
    #[error("{} is not text in UTF-8", .file.display())]
    Text {
        /// The file.
        file: PathBuf,
    },
    /// It is not what its name says.
    #[error("{} cannot be read as {kind}{}", .file.display(), super::On(*.line))]
    Syntax {
        /// The file.
        file: PathBuf,
        /// CSV, TOML or JSON.
        kind: &'static str,
        /// The line where it stops to make sense, counted from 1.
        line: Option<u64>,
    },
    /// No or several records.
    #[error("{} holds {got} records; a record is one row below a row of names", .file.display())]
    Records {
        /// The file.
        file: PathBuf,
        /// How many; two stands for more.
        got: usize,
    },
    /// Which of the two counts cannot be guessed.
    #[error("{} names \"{name}\" twice", .file.display())]
    Repeated {
        /// The file.
        file: PathBuf,
        /// The column or key.
        name: String,
    },
    /// A list or table where a value is expected.
    #[error("{}: \"{name}\" is no single value", .file.display())]
    Nested {
        /// The file.
        file: PathBuf,
        /// The key.
        name: String,
    },
}

/// Reads the fields of one record, as written.
///
/// # Errors
/// [`ReadError`].
pub fn read(file: &Path) -> Result<Vec<Field>, ReadError> {
    let ending = file.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase);
    let parse = match ending.as_deref() {
        Some("csv") => csv,
        Some("toml") => toml,
        Some("json") => json,
        Some(_) | None => return Err(ReadError::Ending { file: file.to_owned() }),
    };
    let text = text(file)?;
    let fields = parse(file, text.strip_prefix('\u{feff}').unwrap_or(&text))?;
    let mut seen = BTreeSet::new();
    match fields.iter().find(|field| !seen.insert(&field.name)) {
        Some(Field { name, .. }) => {
            Err(ReadError::Repeated { file: file.to_owned(), name: name.clone() })
        }
        None => Ok(fields),
    }
}

fn text(file: &Path) -> Result<Zeroizing<String>, ReadError> {
    let owned = || file.to_owned();
    let failed = |source| ReadError::File { file: owned(), source };
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(file)
        .and_then(|opened| opened.take(RECORD_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    if bytes.len() as u64 > RECORD_BYTES_MAX {
        return Err(ReadError::TooLong { file: owned() });
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| ReadError::Text { file: owned() })?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn csv(file: &Path, text: &str) -> Result<Vec<Field>, ReadError> {
    let owned = || file.to_owned();
    let syntax = |error: &csv::Error| ReadError::Syntax {
        file: owned(),
        kind: "CSV",
        line: error.position().map(csv::Position::line),
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let names = reader.headers().map_err(|error| syntax(&error))?.clone();
    let mut rows = reader.into_records();
    let row = match rows.next() {
        None => return Err(ReadError::Records { file: owned(), got: 0 }),
        Some(row) => row.map_err(|error| syntax(&error))?,
    };
    if rows.next().is_some() {
        return Err(ReadError::Records { file: owned(), got: 2 });
    }
    let line = row.position().map(csv::Position::line);
    let fields = names.iter().zip(&row).map(|(name, text)| Field {
        name: name.to_owned(),
        text: Zeroizing::new(text.to_owned()),
        line,
    });
    Ok(fields.collect())
}

fn toml(file: &Path, text: &str) -> Result<Vec<Field>, ReadError> {
    type Table = std::collections::BTreeMap<String, toml::Spanned<toml::Value>>;
    let line_of = |at: usize| {
        let before = text.get(..at)?;
        u64::try_from(before.matches('\n').count() + 1).ok()
    };
    let table: Table = toml::from_str(text).map_err(|error| ReadError::Syntax {
        file: file.to_owned(),
        kind: "TOML",
        line: error.span().and_then(|span| line_of(span.start)),
    })?;
    let fields = table.into_iter().map(|(name, value)| {
        let line = line_of(value.span().start);
        let text = match value.into_inner() {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => {
                return Err(ReadError::Nested { file: file.to_owned(), name });
            }
        };
        Ok(Field { name, text: Zeroizing::new(text), line })
    });
    fields.collect()
}

/// The entries of a JSON object, repeated keys included.
struct Entries(Vec<(String, serde_json::Value)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with one value for each name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

fn json(file: &Path, text: &str) -> Result<Vec<Field>, ReadError> {
    let Entries(entries) = serde_json::from_str(text).map_err(|error| ReadError::Syntax {
        file: file.to_owned(),
        kind: "JSON",
        line: u64::try_from(error.line()).ok().filter(|line| *line > 0),
    })?;
    let fields = entries.into_iter().map(|(name, value)| {
        let text = match value {
            serde_json::Value::Null => String::new(),
            serde_json::Value::Bool(flag) => flag.to_string(),
            serde_json::Value::Number(number) => number.to_string(),
            serde_json::Value::String(text) => text,
            serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
                return Err(ReadError::Nested { file: file.to_owned(), name });
            }
        };
        Ok(Field { name, text: Zeroizing::new(text), line: None })
    });
    fields.collect()
}
