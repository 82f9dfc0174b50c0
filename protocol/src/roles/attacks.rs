//! Attacks: whole campaigns with real machines, and somebody among coordinator, keyholders and reporters who lies.
//!
//! What is in the way lies with the coordinator: [`world::World::tamper`] changes requests on their way in and
//! answers on their way out, and a [`world::World`] can be forked, so that keyholders are shown two transcripts.

#![allow(clippy::indexing_slicing, reason = "an index out of range fails the test, as it should")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for the one case it is about")]

mod beacon;
mod bytes;
mod contents;
mod forks;
mod keys;
mod losses;
mod ranking;
mod releases;
mod replays;
mod tokens;
mod world;

use super::{Client, Effect, Server, Time, fixture, keyholder};
use crate::{
    ids::{AggregationId, Hash, SeatSet},
    keys::seat::Seat,
    messages::{Peer, Request, Response},
    transcript::{Author, Entry, Post, SignedPost, Sum, Transcript, Violation},
};
use fixture::{FIVE, Lie, Reporter, Setup, THREE, Target};
use std::sync::Arc;
use world::{FIRST, World, ended, seats};
