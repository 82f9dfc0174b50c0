//! What both programs need of a machine, and neither should have twice. No rule of the protocol is here.
//!
//! - [`files`]: private folders and files, replaced in one step and synchronised to the disk.
//! - [`journal`]: the durable list of a machine's records, owned by one process.
//! - [`quic`]: connections to a server that is known by its certificate.
//! - [`drive`]: a machine of the protocol, driven over a connection; [`stop`]: how it is told to end.
//! - [`screen`]: what a person reads and types, in words or as JSON; [`Problem`] is how a program fails.
//! - [`dates`]: the clock, and times in words.
//!
//! `protocol` knows nothing of this package; `coordinator` and `participant` do.

pub mod dates;
pub mod drive;
pub mod files;
pub mod journal;
pub mod quic;
pub mod screen;
pub mod stop;

pub use screen::Problem;
