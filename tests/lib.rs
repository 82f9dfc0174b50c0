//! What tests of the whole workspace share, and the demo; nothing depends on this package.
//!
//! - [`programs`]: the real programs, built. [`people`]: made-up people with records. [`stage`]: a campaign of processes.

pub mod people;
pub mod programs;
pub mod stage;
