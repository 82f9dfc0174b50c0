//! A whole campaign in one process: the protocol's own machines on virtual time and a simulated network.
//!
//! - [`plan`]: a campaign file as researchers write one, made into the protocol's plan.
//! - [`cast`]: the machines of coordinator, keyholders, members and donors, wired to the network.
//! - [`crowd`]: the people behind them, and the firm that decides on them.
//! - [`invariants`]: what must hold after every event. [`adversary`]: who lies and what is broken on purpose.
//! - [`play`]: runs it, and says what came of it. [`study`]: among the people of a data set, with a firm.
//! - [`hindsight`]: what everybody's records say beside a transcript, also one that real programs have written.
//!
//! Every run is a pure function of (script, people, setting, seed). There is no second implementation of a rule
//! here: what is decided is decided by the machines that real people run.

pub mod adversary;
pub mod cast;
pub mod crowd;
pub mod hindsight;
pub mod invariants;
pub mod plan;
pub mod play;
pub mod study;

#[cfg(test)]
mod tests;
