//! "(reference, my record) -> score".
//!
//! - [`schema`]: what a record may hold. [`design`]: records as numbers. [`scaling`]: `mix` and `z`.
//! - [`logistic`]: the regressor behind `rb-prob`, and a firm. [`neighbours`]: exact k-NN.
//! - [`method`]: the scores themselves.

pub mod design;
pub mod logistic;
pub mod method;
pub mod neighbours;
pub mod scaling;
pub mod schema;

mod cholesky;
