//! Scores.

pub mod neighbours;
