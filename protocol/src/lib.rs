//! The shared core of concert.
pub mod keys;
pub mod scoring;
