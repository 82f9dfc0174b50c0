//! "(reference, my record) -> score".
//!
//! - [`schema`]: what a record may hold. [`design`]: records as numbers. [`scaling`]: `mix` and `z`.
//! - [`logistic`]: the regressor behind `rb-prob`, and a firm. [`neighbours`]: exact k-NN.
//! - [`method`]: the scores themselves, from a reference that lies open.
//! - [`marginals`], [`scale`]: how features are distributed, in public. [`cells`]: random centres.
//! - [`table`], [`ridge`]: scores from counts and from moments. [`lent`]: all of it behind one entry,
//!   "(public aggregates, my coordinates) -> score".

pub mod cells;
pub mod design;
pub mod lent;
pub mod logistic;
pub mod marginals;
pub mod method;
pub mod neighbours;
pub mod ridge;
pub mod scale;
pub mod scaling;
pub mod schema;
pub mod table;

mod cholesky;
