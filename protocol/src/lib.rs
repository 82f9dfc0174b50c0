//! The shared core of concert.
pub mod aggregation;
pub mod keys;
pub mod scoring;
