//! The simulator.

pub mod figure;
