//! The simulator: the method on real data, with a firm that retrains.

pub mod dataset;
pub mod experiment;
pub mod figure;
pub mod firm;
pub mod metrics;
pub mod reference;
pub mod scene;
pub mod statistics;
