//! People as data: records, groups, true labels.

mod description;
mod error;
pub mod fetch;
pub mod infer;
mod load;
mod table;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::Path;

use protocol::scoring::design::Design;
use protocol::scoring::schema::Schema;

pub use self::description::{Description, DescriptionError};
pub use self::error::DatasetError;
pub(crate) use self::table::hex;

/// A loaded and filtered table of people; row numbers are its order.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Its name: a built-in word, or the name in a description.
    pub name: String,
    /// The features as checked, without the group.
    pub schema: Schema,
    /// The features as numbers, without the group.
    pub records: Design,
    /// Per row: whether the person is of the minority (`a = 1`).
    pub minority: Vec<bool>,
    /// Per row: whether the true label is positive (`y = 1`).
    pub positive: Vec<bool>,
    /// The share of rows set apart as test rows.
    pub test_share: f64,
    /// SHA-256 of what it was loaded from, in hexadecimal; the same bytes, the same people.
    pub fingerprint: String,
    /// The records had everybody been of the majority, where that is known (synthetic people only).
    pub counterfactual: Option<Design>,
}

impl Dataset {
    /// The people of `rows`, in that order; a row may come several times.
    ///
    /// # Panics
    /// If a row number is not below the number of people.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let pick = |flags: &[bool]| rows.iter().map(|&row| flags[row]).collect();
        Self {
            name: self.name.clone(),
            schema: self.schema.clone(),
            records: self.records.select(rows),
            minority: pick(&self.minority),
            positive: pick(&self.positive),
            test_share: self.test_share,
            fingerprint: self.fingerprint.clone(),
            counterfactual: self.counterfactual.as_ref().map(|records| records.select(rows)),
        }
    }
}

/// The words of the descriptions that are built in.
pub const BUILT_IN: [&str; 5] = ["compas", "adult", "acs", "hsls", "waterbirds"];

/// The description of a built-in word.
///
/// # Panics
/// If that description is wrong; a test reads them all.
pub fn builtin(word: &str) -> Option<Description> {
    let text = match word {
        "compas" => include_str!("../datasets/compas.toml"),
        "adult" => include_str!("../datasets/adult.toml"),
        "acs" => include_str!("../datasets/acs.toml"),
        "hsls" => include_str!("../datasets/hsls.toml"),
        "waterbirds" => include_str!("../datasets/waterbirds.toml"),
        _ => return None,
    };
    Some(Description::parse(text).expect("built-in descriptions are checked by a test"))
}

impl Description {
    /// Reads a description from a TOML file of the user's own.
    ///
    /// # Errors
    /// [`DatasetError::Unreadable`], [`DatasetError::Description`].
    pub fn read(path: &Path) -> Result<Self, DatasetError> {
        let text =
            fs::read_to_string(path).map_err(|error| DatasetError::unreadable(path, &error))?;
        Self::parse(&text)
            .map_err(|problem| DatasetError::Description { file: path.to_owned(), problem })
    }
}
