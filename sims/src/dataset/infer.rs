//! A description of a CSV file nobody has described: what the two named columns do not say, its cells do.
//!
//! A column of 0 and 1 is a flag, one of numbers is a number between the least and the greatest found, any other
//! is categorical. What that gets wrong (counts with a long tail, ordered levels, codes that look like numbers)
//! can be put right in a description of one's own.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::table::find;
use super::{Dataset, DatasetError, Description, DescriptionError};

/// A categorical column may have as many texts; more are names or numbers of people.
pub const TEXTS_MAX: usize = 64;

/// A column, with the text in it that counts as 1 (minority, positive); without one it holds 0 and 1.
#[derive(Clone, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct Marked {
    /// The column's name.
    pub column: String,
    /// The text that counts as 1.
    pub text: Option<String>,
}

/// What is known of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Named<'a> {
    /// Whose 1 is the minority.
    pub group: &'a Marked,
    /// Whose 1 is the positive label.
    pub label: &'a Marked,
    /// Columns that are no features.
    pub ignored: &'a [String],
    /// The share of rows to measure on.
    pub test_share: f64,
}

/// Why a file does not describe itself.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InferError {
    /// The file cannot be read, or lacks a column.
    #[error(transparent)]
    Data(#[from] DatasetError),
    /// The group or the label is not of 0 and 1, and no text of it was named.
    #[error("{}: column \"{column}\" holds {found}; allowed: 0 and 1, or say which of them counts: {option} {column}=TEXT", .file.display())]
    Unmarked {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
        /// Its first texts.
        found: String,
        /// "--group" or "--label".
        option: &'static str,
    },
    /// The named text does not occur.
    #[error("{}: column \"{column}\" never holds \"{text}\"; it holds {found}", .file.display())]
    NeverHeld {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
        /// As named.
        text: String,
        /// Its first texts.
        found: String,
    },
    /// An empty cell.
    #[error("{}, line {line}, column \"{column}\" is empty; allowed: a value, or leave the column out: --ignore {column}", .file.display())]
    Empty {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The column.
        column: String,
    },
    /// A column of many texts.
    #[error("{}: column \"{column}\" holds more than {TEXTS_MAX} texts, such as \"{text}\" on line {line}; allowed: numbers, {TEXTS_MAX} texts at most, or leave it out: --ignore {column}", .file.display())]
    Texts {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
        /// The first text that is no number.
        text: String,
        /// Its line.
        line: u64,
    },
    /// Nothing but group and label.
    #[error("{}: no column but group and label: no features", .file.display())]
    NoFeatures {
        /// The file.
        file: PathBuf,
    },
}

/// Reads a file that is described by its own cells.
///
/// # Errors
/// Every [`InferError`].
pub fn load(file: &Path, named: &Named<'_>) -> Result<Dataset, InferError> {
    let text = describe(file, named)?;
    let description = Description::parse(&text).map_err(|problem: DescriptionError| {
        DatasetError::Description { file: file.to_owned(), problem }
    })?;
    Ok(description.load(file)?)
}

/// What one column was seen to hold.
#[derive(Debug, Default)]
struct Seen {
    /// The least and the greatest number.
    range: Option<[f64; 2]>,
    /// The first text that is no number, with its line.
    text: Option<(String, u64)>,
    /// Different texts, no more than one above the limit.
    texts: BTreeSet<String>,
}

impl Seen {
    fn add(&mut self, text: &str, line: u64) {
        match text.parse::<f64>().ok().filter(|number| number.is_finite()) {
            Some(number) => {
                let [low, high] = self.range.unwrap_or([number; 2]);
                self.range = Some([low.min(number), high.max(number)]);
            }
            None if self.text.is_none() => self.text = Some((text.to_owned(), line)),
            None => {}
        }
        if self.texts.len() <= TEXTS_MAX && !self.texts.contains(text) {
            self.texts.insert(text.to_owned());
        }
    }

    fn is_flag(&self) -> bool {
        self.texts.iter().all(|text| text == "0" || text == "1")
    }

    fn found(&self) -> String {
        let more = if self.texts.len() > 6 { ", ..." } else { "" };
        let first: Vec<&str> = self.texts.iter().take(6).map(String::as_str).collect();
        first.join(", ") + more
    }
}

/// The description, as TOML.
fn describe(file: &Path, named: &Named<'_>) -> Result<String, InferError> {
    let (header, seen) = scan(file, named)?;
    let place = |marked: &Marked| find(file, &header, std::slice::from_ref(&marked.column));
    let (group, label) = (place(named.group)?, place(named.label)?);
    for ignored in named.ignored {
        find(file, &header, std::slice::from_ref(ignored))?;
    }
    let mut text = String::new();
    let stem = file.file_stem().map_or_else(|| "reference".into(), |stem| stem.to_string_lossy());
    let base =
        file.file_name().map_or_else(|| "reference.csv".into(), |name| name.to_string_lossy());
    let mut line = |line: String| writeln!(text, "{line}").expect("a String takes everything");
    line(format!("name = {}\nfile = {}", quoted(&stem), quoted(&base)));
    line(format!("test-share = {:?}", named.test_share));
    let sides = |marked, place: usize, option| sides(file, marked, &seen[place], option);
    let (one, rest) = sides(named.group, group, "--group")?;
    let column = quoted(&named.group.column);
    line(format!("group = {{ column = {column}, minority = {one}, majority = [{rest}] }}"));
    let (one, rest) = sides(named.label, label, "--label")?;
    let column = quoted(&named.label.column);
    line(format!("label = {{ column = {column}, positive = {one}, negative = [{rest}] }}"));
    let mut features = 0;
    for (place, (name, seen)) in header.iter().zip(&seen).enumerate() {
        if place != group && place != label && !named.ignored.iter().any(|one| one == name) {
            line(format!(
                "[[feature]]\nname = {}\nkind = {{ {} }}",
                quoted(name),
                kind(file, name, seen)?
            ));
            features += 1;
        }
    }
    if features == 0 {
        return Err(InferError::NoFeatures { file: file.to_owned() });
    }
    Ok(text)
}

fn kind(file: &Path, column: &str, seen: &Seen) -> Result<String, InferError> {
    if seen.is_flag() {
        return Ok("flag = { when = \"1\", otherwise = \"0\" }".to_owned());
    }
    match (&seen.text, seen.range) {
        (None, Some([low, high])) => {
            // A constant is a number, too, and a range of one.
            let high = if low < high { high } else { low + 1.0 };
            Ok(format!("numeric = {{ min = {low:?}, max = {high:?} }}"))
        }
        (Some((text, line)), _) if seen.texts.len() > TEXTS_MAX => Err(InferError::Texts {
            file: file.to_owned(),
            column: column.to_owned(),
            text: text.clone(),
            line: *line,
        }),
        (Some(_), _) | (None, None) => Ok("categorical = { levels = \"observed\" }".to_owned()),
    }
}

/// The text that counts as 1, and all others, as TOML.
fn sides(
    file: &Path,
    marked: &Marked,
    seen: &Seen,
    option: &'static str,
) -> Result<(String, String), InferError> {
    let (file, column) = (file.to_owned(), marked.column.clone());
    let one = match &marked.text {
        Some(text) if seen.texts.contains(text) => text.clone(),
        Some(text) => {
            let text = text.clone();
            return Err(InferError::NeverHeld { file, column, text, found: seen.found() });
        }
        None if seen.is_flag() => "1".to_owned(),
        None => {
            return Err(InferError::Unmarked { file, column, found: seen.found(), option });
        }
    };
    let rest = seen.texts.iter().filter(|text| **text != one).map(|text| quoted(text));
    let rest: Vec<String> = rest.collect();
    Ok((quoted(&one), rest.join(", ")))
}

fn scan(file: &Path, named: &Named<'_>) -> Result<(csv::StringRecord, Vec<Seen>), InferError> {
    let fail = |line: u64| move |error: csv::Error| DatasetError::from_csv(file, line, &error);
    let open = File::open(file).map_err(|error| DatasetError::unreadable(file, &error))?;
    let mut reader = csv::ReaderBuilder::new().from_reader(open);
    let mut header = reader.headers().map_err(fail(1))?.clone();
    header.trim();
    let mut seen: Vec<Seen> = header.iter().map(|_| Seen::default()).collect();
    let mut record = csv::StringRecord::new();
    loop {
        let line = reader.position().line();
        if !reader.read_record(&mut record).map_err(fail(line))? {
            return Ok((header, seen));
        }
        let line = record.position().map_or(line, csv::Position::line);
        for ((column, cell), seen) in header.iter().zip(&record).zip(&mut seen) {
            if named.ignored.iter().any(|one| one == column) {
                continue;
            }
            if cell.trim().is_empty() {
                let (file, column) = (file.to_owned(), column.to_owned());
                return Err(InferError::Empty { file, line, column });
            }
            seen.add(cell.trim(), line);
        }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const TABLE: &str = "\
id,sex,age,owner,city,paid
a1,Female,20,0,\"New, York\",yes
b2,Male,21.5,1,Rome,no
c3,Other,50,1,Rome,yes
d4,Female,33,0,Oslo,no
";

    fn marked(column: &str, text: Option<&str>) -> Marked {
        Marked { column: column.to_owned(), text: text.map(str::to_owned) }
    }

    fn load_table(table: &str, group: &Marked, label: &Marked) -> Result<Dataset, InferError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("people.csv");
        fs::write(&file, table).unwrap();
        let ignored = ["id".to_owned()];
        load(&file, &Named { group, label, ignored: &ignored, test_share: 0.3 })
    }

    #[test]
    fn a_file_says_what_its_columns_are() {
        let (group, label) = (marked("sex", Some("Female")), marked("paid", Some("yes")));
        let data = load_table(TABLE, &group, &label).unwrap();
        let columns: Vec<&str> = data.records.columns().iter().map(|c| c.name.as_str()).collect();
        assert_eq!(columns, ["age", "owner", "city=New, York", "city=Oslo", "city=Rome"]);
        assert_eq!(data.minority, [true, false, false, true]);
        assert_eq!(data.positive, [true, false, true, false]);
        assert_eq!(data.records.column(0), [20.0, 21.5, 50.0, 33.0]);
        assert_eq!(data.name, "people");
    }

    #[test]
    fn asks_which_text_counts() {
        let (group, label) = (marked("sex", None), marked("paid", Some("yes")));
        let error = load_table(TABLE, &group, &label).unwrap_err().to_string();
        assert!(
            error.ends_with(
                "column \"sex\" holds Female, Male, Other; allowed: 0 and 1, or say which of \
                 them counts: --group sex=TEXT"
            ),
            "{error}"
        );
        let error = load_table(TABLE, &marked("sex", Some("F")), &label).unwrap_err().to_string();
        assert!(error.contains("never holds \"F\"; it holds Female, Male, Other"), "{error}");
    }

    #[test]
    fn says_where_a_cell_is_empty_and_which_column_is_no_feature() {
        let (group, label) = (marked("sex", Some("Female")), marked("paid", Some("yes")));
        let error = load_table(&TABLE.replace("Rome,no", ",no"), &group, &label).unwrap_err();
        assert!(matches!(&error, InferError::Empty { line: 3, column, .. } if column == "city"));
        let mut names = TABLE.to_owned();
        for person in 0..70 {
            writeln!(names, "x,Male,30,1,Town {person},no").unwrap();
        }
        let error = load_table(&names, &group, &label).unwrap_err();
        assert!(matches!(&error, InferError::Texts { line: 2, column, .. } if column == "city"));
        let error = load_table(TABLE, &marked("sexx", None), &label).unwrap_err();
        assert!(error.to_string().contains("did you mean \"sex\"?"), "{error}");
    }
}
