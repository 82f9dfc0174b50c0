//! The shared core of concert: what every party must compute alike.
//!
//! - [`scoring`]: schema, encodings and the regressors and neighbours behind the scores.
//! - [`selection`]: which candidates are asked to flip.
//! - [`order`]: published pseudo-random orders, for splits, collectives and ties.
//! - [`aggregation`]: one private aggregation, whatever is measured; [`keys`]: seat keys and sealing.
//! - [`campaign`]: plan and manifest; [`report`]: what people send; [`transcript`]: what stands in public, and its rules.
//! - [`messages`]: what travels; [`codec`] its bytes; [`ids`] its names.
//! - [`invite`]: the code that people are invited by; [`wire`]: what each connection begins with, and its envelopes.
//! - [`person`]: a person's own side: what it measures and whether it is asked.
//! - [`audit`]: the firm's decisions counted in private, and what they say about its fairness.
//! - [`roles`]: what the parties' state machines have in common.
//! - [`exit`]: the exit codes that all programs share.
//!
//! Everything here is a pure function of its arguments: no clock, file, socket, log or global
//! randomness.

pub mod aggregation;
pub mod audit;
pub mod campaign;
pub mod codec;
pub mod exit;
pub mod ids;
pub mod invite;
pub mod keys;
pub mod messages;
pub mod order;
pub mod person;
pub mod report;
pub mod roles;
pub mod scoring;
pub mod selection;
pub mod transcript;
pub mod wire;
