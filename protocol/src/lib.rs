//! The shared core of concert: what every party must compute alike.
//!
//! - [`scoring`]: schema, encodings and the scores `rb-prob`, `rb-label`, `rb-dist`, `random`.
//! - [`selection`]: which candidates are asked to flip.
//! - [`order`]: published pseudo-random orders, for splits, collectives and ties.
//! - [`exit`]: the exit codes that all programs share.
//!
//! Everything here is a pure function of its arguments: no clock, file, socket, log or global
//! randomness, so that the programs, the simulator and an auditor agree to the last bit.

pub mod exit;
pub mod order;
pub mod scoring;
pub mod selection;
