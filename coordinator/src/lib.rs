//! The organiser's side of a campaign: from its plan to its report. The program `coordinator` is a thin shell over this.
//!
//! - [`cli`]: what can be typed. [`command`]: what it does.
//! - [`campaign`]: the file an organiser writes, and the plan that follows from it. [`notices`]: what organisers are told.
//! - [`state`]: what is kept, and where. [`invites`]: who is invited.
//! - [`rehearsal`]: the same with made-up people, in one process.
//! - [`office`]: the protocol's machine on a thread of its own, its journal, and the people who ask it.
//! - [`status`]: where a campaign stands. [`verify`]: a transcript, checked by itself. [`report`]: what came of it.
//!
//! No rule of the protocol is here: the machine and the transcript are `protocol`'s.

pub mod campaign;
pub mod cli;
pub mod command;
pub mod invites;
pub mod notices;
pub mod office;
pub mod rehearsal;
pub mod report;
pub mod state;
pub mod status;
pub mod verify;

#[cfg(test)]
pub(crate) mod world;
