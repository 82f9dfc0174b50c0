//! What members, donors and keyholders run.
//!
//! - [`attendance`]: one person in one campaign, sans-IO: machine, record, and what is said later.
//! - [`record`]: a person's record as written, against the campaign's schema.

pub mod attendance;
pub mod cli;
pub mod command;
pub mod consent;
pub mod notices;
pub mod problems;
pub mod record;
pub mod screens;
pub mod store;
pub mod words;

#[cfg(test)]
mod seen;
#[cfg(test)]
mod world;
