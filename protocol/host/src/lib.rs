//! What both programs need of a machine, and neither should have twice. No rule of the protocol is here.
//!
//! - [`files`]: private folders and files, replaced in one step and synchronised to the disk.
//! - [`journal`]: the durable list of a machine's records, owned by one process.
//! - [`screen`]: what a person reads and types, in words or as JSON; [`Problem`] is how a program fails.
//! - [`dates`]: the clock, and times in words.
//!
//! `protocol` knows nothing of this package; `coordinator` and `participant` do.

pub mod dates;
pub mod files;
pub mod journal;
pub mod screen;

pub use screen::Problem;
