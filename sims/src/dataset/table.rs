//! The rows of a CSV file that a description keeps.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use protocol::scoring::schema::{Feature, FeatureKind, Value, ValueError};
use sha2::{Digest, Sha256};

use super::description::{Description, FilterRule, MissingPolicy, Source, Split};
use super::error::DatasetError;

/// An open file, at one of its rows.
pub(super) struct Table<'a> {
    description: &'a Description,
    file: &'a Path,
    reader: csv::Reader<Hashing<File>>,
    header: csv::StringRecord,
    record: csv::StringRecord,
    group: usize,
    label: usize,
    filters: Vec<usize>,
    features: Vec<usize>,
}

/// What a kept row says besides the features.
#[derive(Clone, Copy, Debug)]
pub(super) struct Person {
    pub(super) minority: bool,
    pub(super) positive: bool,
}

impl<'a> Table<'a> {
    pub(super) fn open(description: &'a Description, file: &'a Path) -> Result<Self, DatasetError> {
        let open = File::open(file).map_err(|error| DatasetError::unreadable(file, &error))?;
        let input = Hashing { inner: open, hash: Sha256::new() };
        let mut reader = csv::ReaderBuilder::new().buffer_capacity(1 << 16).from_reader(input);
        let mut header =
            reader.headers().map_err(|error| DatasetError::from_csv(file, 1, &error))?.clone();
        header.trim();
        let find = |columns: &[String]| find(file, &header, columns);
        let group = find(&description.group.source.columns)?;
        let label = find(&description.label.source.columns)?;
        let filters = description
            .filters
            .iter()
            .map(|filter| find(std::slice::from_ref(&filter.column)))
            .collect::<Result<_, _>>()?;
        let features = description
            .features
            .iter()
            .map(|reading| find(&reading.source.columns))
            .collect::<Result<_, _>>()?;
        let record = csv::StringRecord::new();
        Ok(Self { description, file, reader, header, record, group, label, filters, features })
    }

    /// Goes on to the next row that is kept.
    pub(super) fn advance(&mut self) -> Result<Option<Person>, DatasetError> {
        loop {
            let line = self.reader.position().line();
            match self.reader.read_record(&mut self.record) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => return Err(DatasetError::from_csv(self.file, line, &error)),
            }
            if !self.passes_filters()? {
                continue;
            }
            let Some(minority) = self.minority()? else { continue };
            if self.has_missing()? {
                continue;
            }
            return Ok(Some(Person { minority, positive: self.positive()? }));
        }
    }

    /// The text of a feature in this row, recoded.
    pub(super) fn cell(&self, number: usize) -> &str {
        self.text(&self.description.features[number].source, self.features[number])
    }

    /// An error at this row.
    pub(super) fn bad_value(&self, number: usize, problem: ValueError) -> DatasetError {
        self.bad_cell(self.features[number], problem)
    }

    /// SHA-256 of what has been read: of the whole file, behind its last row.
    pub(super) fn fingerprint(self) -> String {
        hex(&self.reader.into_inner().hash.finalize())
    }

    fn text<'b>(&'b self, source: &'b Source, column: usize) -> &'b str {
        let text = self.record[column].trim();
        source.recode.get(text).map_or(text, String::as_str)
    }

    fn passes_filters(&self) -> Result<bool, DatasetError> {
        for (filter, &column) in self.description.filters.iter().zip(&self.filters) {
            let text = self.record[column].trim();
            let passes = match &filter.rule {
                FilterRule::Keep(texts) => texts.iter().any(|t| t == text),
                FilterRule::Drop(texts) => !texts.iter().any(|t| t == text),
                FilterRule::Within { min, max } => {
                    // A missing number lies within no limits.
                    if text.is_empty() {
                        return Ok(false);
                    }
                    let value = any_number()
                        .parse(text)
                        .map_err(|problem| self.bad_cell(column, problem))?;
                    matches!(value, Value::Number(value) if *min <= value && value <= *max)
                }
            };
            if !passes {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn minority(&self) -> Result<Option<bool>, DatasetError> {
        let group = &self.description.group;
        match group.side(self.text(&group.source, self.group)) {
            Ok(side) => Ok(Some(side)),
            Err(_) if self.description.drops_other_groups => Ok(None),
            Err(problem) => Err(DatasetError::UnknownGroup {
                file: self.file.to_owned(),
                line: self.line(),
                column: self.header[self.group].to_owned(),
                problem,
            }),
        }
    }

    fn positive(&self) -> Result<bool, DatasetError> {
        let label = &self.description.label;
        label.side(self.text(&label.source, self.label)).map_err(|problem| {
            DatasetError::UnknownLabel {
                file: self.file.to_owned(),
                line: self.line(),
                column: self.header[self.label].to_owned(),
                problem,
            }
        })
    }

    /// Whether the row is left out for a missing value.
    fn has_missing(&self) -> Result<bool, DatasetError> {
        let missing = &self.description.missing;
        if missing.policy == MissingPolicy::Level {
            return Ok(false);
        }
        for (number, reading) in self.description.features.iter().enumerate() {
            let text = self.record[self.features[number]].trim();
            if !text.is_empty() && !missing.texts.iter().any(|t| t == text) {
                continue;
            }
            match missing.policy {
                MissingPolicy::Drop => return Ok(true),
                MissingPolicy::Refuse => {
                    let allowed = reading.allowed();
                    return Err(self.bad_value(number, ValueError::Missing { allowed }));
                }
                MissingPolicy::Level => {}
            }
        }
        Ok(false)
    }

    fn bad_cell(&self, column: usize, problem: ValueError) -> DatasetError {
        DatasetError::BadValue {
            file: self.file.to_owned(),
            line: self.line(),
            column: self.header[column].to_owned(),
            problem,
        }
    }

    fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }
}

impl Split {
    /// Whether the text is of the first list.
    fn side(&self, text: &str) -> Result<bool, ValueError> {
        match self.texts.parse(text)? {
            Value::Level(level) => Ok(level < self.first),
            Value::Number(_) | Value::Flag(_) => unreachable!("a list of texts has levels"),
        }
    }

    /// Both lists.
    pub(super) fn lists(&self) -> (&[String], &[String]) {
        match &self.texts.kind {
            FeatureKind::Categorical { levels } => levels.split_at(self.first),
            _ => unreachable!("a list of texts is categorical"),
        }
    }
}

/// A file that is hashed while it is read.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String does not fail");
        text
    })
}

fn any_number() -> Feature {
    let kind = FeatureKind::Numeric { min: f64::MIN, max: f64::MAX };
    Feature { name: String::new(), unit: None, kind }
}

/// The column of the first name that the header has.
pub(super) fn find(
    file: &Path,
    header: &csv::StringRecord,
    columns: &[String],
) -> Result<usize, DatasetError> {
    for column in columns {
        let mut found = header.iter().enumerate().filter(|(_, name)| name == column);
        match (found.next(), found.next()) {
            (Some((position, _)), None) => return Ok(position),
            (Some(_), Some(_)) => {
                let column = column.clone();
                return Err(DatasetError::RepeatedColumn { file: file.to_owned(), column });
            }
            (None, _) => {}
        }
    }
    let near = |name: &str| columns.iter().map(|c| distance(c, name)).min().unwrap_or(usize::MAX);
    let closest = header
        .iter()
        .map(|name| (near(name), name))
        .min()
        .filter(|&(distance, name)| distance <= 2.max(name.len() / 3))
        .map(|(_, name)| name.to_owned());
    Err(DatasetError::MissingColumn { file: file.to_owned(), columns: columns.to_vec(), closest })
}

/// Letters to change, add or remove, not counting case.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}
