//! People as data: records, groups, true labels.

use protocol::scoring::design::Design;
use protocol::scoring::schema::Schema;

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
