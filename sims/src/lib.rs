//! The simulator: the method on real data, with a firm that retrains.

pub mod dataset;
pub mod figure;
pub mod firm;
pub mod population;
