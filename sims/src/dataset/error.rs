//! Why a file is not the table of people its description says.

use std::io;
use std::path::{Path, PathBuf};

use protocol::scoring::schema::{SchemaError, ValueError};

use super::description::DescriptionError;

/// Why a table of people could not be loaded.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// The file cannot be opened or read.
    #[error("{}: {problem}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        problem: io::ErrorKind,
    },
    /// The description itself is wrong.
    #[error("{}: {problem}", file.display())]
    Description {
        /// The file of the description.
        file: PathBuf,
        /// What is wrong with it.
        problem: DescriptionError,
    },
    /// No column has the name, or any of the names.
    #[error(
        "{}: no column \"{}\"{}", file.display(), columns.join("\" or \""),
        closest.as_ref().map_or_else(String::new, |name| format!("; did you mean \"{name}\"?"))
    )]
    MissingColumn {
        /// The file.
        file: PathBuf,
        /// The names that would do.
        columns: Vec<String>,
        /// The name in the file that is nearest, if one is near.
        closest: Option<String>,
    },
    /// Two columns have the name, so that neither is meant.
    #[error("{}: two columns are called \"{column}\"", file.display())]
    RepeatedColumn {
        /// The file.
        file: PathBuf,
        /// The name.
        column: String,
    },
    /// A line has more or fewer values than the header.
    #[error("{}, line {line}: {got} values, the header has {expected}", file.display())]
    RowLength {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Columns of the header.
        expected: u64,
        /// Values of the line.
        got: u64,
    },
    /// A line is not UTF-8 text.
    #[error("{}, line {line}: not UTF-8 text", file.display())]
    NotText {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
    },
    /// A value is not one of its feature, or not the number that a filter asks for.
    #[error("{}, line {line}, column \"{column}\": {problem}", file.display())]
    BadValue {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The column.
        column: String,
        /// The value and what is allowed.
        problem: ValueError,
    },
    /// A value of the group column is of neither group.
    #[error("{}, line {line}, group column \"{column}\": {problem}", file.display())]
    UnknownGroup {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The column.
        column: String,
        /// The value and what is allowed.
        problem: ValueError,
    },
    /// A value of the label column is neither positive nor negative.
    #[error("{}, line {line}, label column \"{column}\": {problem}", file.display())]
    UnknownLabel {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The column.
        column: String,
        /// The value and what is allowed.
        problem: ValueError,
    },
    /// No row is left after filtering.
    #[error("{}: no rows are left after filtering", file.display())]
    NoRows {
        /// The file.
        file: PathBuf,
    },
    /// Nobody is of one of the groups.
    #[error("{}: no row is of the {group} ({column} = {allowed})", file.display())]
    EmptyGroup {
        /// The file.
        file: PathBuf,
        /// "minority" or "majority".
        group: &'static str,
        /// The group's column.
        column: String,
        /// The values that would make a row of it.
        allowed: String,
    },
    /// The levels that occur make no schema.
    #[error("{}: {problem}", file.display())]
    Schema {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        problem: SchemaError,
    },
}

impl DatasetError {
    pub(super) fn unreadable(file: &Path, problem: &io::Error) -> Self {
        Self::Unreadable { file: file.to_owned(), problem: problem.kind() }
    }

    pub(super) fn from_csv(file: &Path, line: u64, error: &csv::Error) -> Self {
        let file = file.to_owned();
        let at = error.position().map_or(line, csv::Position::line);
        match error.kind() {
            csv::ErrorKind::Io(problem) => Self::Unreadable { file, problem: problem.kind() },
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                Self::RowLength { file, line: at, expected: *expected_len, got: *len }
            }
            csv::ErrorKind::Utf8 { .. } => Self::NotText { file, line: at },
            _ => Self::Unreadable { file, problem: io::ErrorKind::InvalidData },
        }
    }
}
