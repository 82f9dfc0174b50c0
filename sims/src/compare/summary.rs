//! Comparisons summed up over seeds.

use protocol::scoring::method::Method;

use super::Record;
use crate::statistics::Mean;

/// One method over all seeds.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The score.
    pub method: Method,
    /// See [`Record::spearman`]; over the seeds where it is defined.
    pub spearman: Option<Mean>,
    /// See [`Record::overlap`].
    pub overlap: Mean,
    /// See [`Record::error_exact`].
    pub error_exact: Mean,
    /// See [`Record::error_private`].
    pub error_private: Mean,
    /// See [`Record::eqod_exact`].
    pub eqod_exact: Mean,
    /// See [`Record::eqod_private`].
    pub eqod_private: Mean,
    /// Private minus exact error, seed by seed.
    pub error_cost: Mean,
    /// Private minus exact `EqOd`, seed by seed.
    pub eqod_cost: Mean,
}

/// Sums up over seeds, in the order of the records.
pub fn summarise(records: &[Record]) -> Vec<Summary> {
    records.chunk_by(|a, b| a.method == b.method).filter_map(summary).collect()
}

fn summary(records: &[Record]) -> Option<Summary> {
    let of = |value: fn(&Record) -> f64| Mean::of(&records.iter().map(value).collect::<Vec<_>>());
    let defined: Vec<f64> = records.iter().filter_map(|r| r.spearman).collect();
    Some(Summary {
        method: records.first()?.method,
        spearman: Mean::of(&defined),
        overlap: of(|r| r.overlap)?,
        error_exact: of(|r| r.error_exact)?,
        error_private: of(|r| r.error_private)?,
        eqod_exact: of(|r| r.eqod_exact)?,
        eqod_private: of(|r| r.eqod_private)?,
        error_cost: of(|r| r.error_private - r.error_exact)?,
        eqod_cost: of(|r| r.eqod_private - r.eqod_exact)?,
    })
}
