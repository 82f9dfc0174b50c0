//! The simulator: the method on real data, with a firm that retrains.
//!
//! - [`dataset`], [`population`]: people, real and made up. [`scene`]: one seed's split, collective,
//!   scores and flips. [`firm`]: learners that retrain. [`metrics`], [`statistics`]: what it came to.
//! - [`baseline`]: what a firm could do itself. [`compare`]: exact scores against private ones.
//! - [`beyond`]: what the paper could not do.
//! - [`experiment`]: everything that varies, on all cores, resumable. [`reference`](mod@reference): regression
//!   cases. [`paper`]: the paper's points. [`figure`]: pictures. [`report`]: one page of them. [`cli`], [`command`], [`error`]: the program `sims`.
//! - [`planning`]: how many must flip, before anybody does.
//! - [`network`]: a server, its clients, and all that goes wrong between them.

pub mod baseline;
pub mod beyond;
pub mod campaign;
pub mod cli;
pub mod command;
pub mod compare;
pub mod dataset;
pub mod error;
pub mod experiment;
pub mod figure;
pub mod firm;
pub mod metrics;
pub mod network;
pub mod paper;
pub mod planning;
pub mod population;
pub mod reference;
pub mod report;
pub mod scene;
pub mod statistics;
