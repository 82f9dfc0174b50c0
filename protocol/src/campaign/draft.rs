//! What a simulation settles of a campaign, before there are keys, keyholders and dates.
//!
//! In an organiser's file it is one table, so that everything else can stand beside it.

use serde::{Deserialize, Serialize};

use crate::{
    scoring::{method::Method, schema::Schema},
    selection::threshold::Rule,
};

/// The settled part of a [`super::Plan`]. Public.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// The simulation it follows from: 16 hexadecimal digits.
    pub simulated: String,
    /// How many members to recruit, at least.
    pub recruit: u32,
    /// The score.
    pub method: Method,
    /// k, neighbours.
    pub k: u32,
    /// M, the cap and the expected no-shows.
    pub rule: Rule,
    /// The features of a record; limits are those of the reference and want to be looked at.
    pub schema: Schema,
}
