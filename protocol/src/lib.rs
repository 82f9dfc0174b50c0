//! The shared core of concert.
pub mod scoring;
