//! The keyholder's machine: follows the transcript, checks, endorses, and releases one share of each sum.
//!
//! Everything it publishes is a function of its secrets and of the transcript, goes into one slot for each
//! purpose, and is in the journal before it is sent. A slot is never filled twice: a coordinator that shows it
//! another transcript after a restart gets no second signature, noise or share, but a [`Fault`].
//!
//! It signs a freeze only after it has its own sealed share and the signature of every report, releases its part of
//! the verify key only after all live keyholders have signed that freeze, and its share only after they have
//! signed the accepted set.

#![deny(clippy::indexing_slicing, clippy::wildcard_enum_match_arm, clippy::as_conversions)]

mod ceremony;
mod duty;
mod secrets;
mod verification;

pub use secrets::Secrets;

use super::{Client, Effect, Time};
use crate::{
    ids::{AggregationId, PlanId, SeatSet},
    keys::seat::Seat,
    messages::{Reject, Request, Response},
    transcript::{Author, Entry, Post, SignedPost, Transcript, Violation},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};
use thiserror::Error;
use verification::Verification;

/// A keyholder asks at least so often within the plan's patience.
const PATIENCE_PACES: u64 = 30;

/// How a keyholder takes part.
#[derive(Clone, Copy, Debug)]
pub struct Configuration {
    /// The plan it was invited to.
    pub plan: PlanId,
    /// Its seat.
    pub seat: Seat,
    /// How long it waits at most before it asks again, in milliseconds; less if the plan's patience is short.
    pub pace_millis: u64,
    /// Whether it declares silent keyholders lost by itself, after the plan's patience. Otherwise a person does,
    /// after trying their contact: [`Keyholder::declare_lost`].
    pub declares_losses: bool,
}

/// What a keyholder's journal holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Record {
    /// Replaces all earlier ones, which must be deleted.
    Secrets(Box<Secrets>),
    /// Signed for this purpose, and therefore never to be contradicted.
    Signed(Slot, Box<SignedPost>),
    /// A person has declared keyholders lost.
    Lost(AggregationId, SeatSet),
}

/// The keyholder stops: going on could help whoever cheats. Nothing is published after it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// The transcript breaks its own rules.
    #[error("the coordinator's transcript breaks a rule: {0}")]
    Transcript(#[from] Violation),
    /// Not the plan of the invitation.
    #[error("the plan is not the one of the invitation: expected {expected}, got {got}")]
    Plan {
        /// Of the invitation.
        expected: PlanId,
        /// As shown.
        got: PlanId,
    },
    /// Something else was signed in this place before.
    #[error(
        "the coordinator asks for a second, different statement: others may have been shown another transcript"
    )]
    Equivocation,
    /// The manifest or an opening does not hold this keyholder's own keys.
    #[error("the manifest does not hold this keyholder's own keys")]
    Keys,
}

type Effects = Vec<Effect<Record, Request>>;

/// What each signed statement is for; there is one statement for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Slot {
    /// [`Post::Keys`].
    Keys,
    /// [`Post::Deal`].
    Deal,
    /// [`Post::Complaint`].
    Complaint,
    /// Endorsement of the manifest.
    Manifest,
    /// [`Post::Beacon`].
    Beacon(AggregationId),
    /// Endorsement of the opening.
    Opening(AggregationId),
    /// Endorsement of the freeze.
    Freeze(AggregationId),
    /// [`Post::VerifyKeyPart`].
    VerifyKeyPart(AggregationId),
    /// Endorsement of the accepted set.
    Accepted(AggregationId),
    /// [`Post::ShareCommitment`].
    ShareCommitment(AggregationId),
    /// [`Post::Share`].
    Share(AggregationId),
    /// Endorsement of the outcome.
    Outcome(AggregationId),
    /// [`Post::Loss`].
    Loss(AggregationId),
    /// [`Post::RecoveryShare`].
    RecoveryShare(AggregationId, Seat),
}

/// A keyholder in one campaign.
#[derive(Debug)]
pub struct Keyholder {
    configuration: Configuration,
    secrets: Option<Secrets>,
    /// Where the secrets come from if there are none yet.
    root: zeroize::Zeroizing<[u8; 32]>,
    signed: BTreeMap<Slot, SignedPost>,
    transcript: Option<Transcript>,
    verification: BTreeMap<AggregationId, Verification>,
    /// Since when an aggregation waits for others, and for whom.
    waiting: BTreeMap<AggregationId, (SeatSet, Time)>,
    lost: BTreeMap<AggregationId, SeatSet>,
    /// The coordinator was not ready, or knows better: follow first.
    must_follow: bool,
    fault: Option<Fault>,
    /// The campaign could not begin.
    dismissed: bool,
}

impl Keyholder {
    /// A new keyholder. `root` must come from the operating system's generator.
    pub fn new(configuration: Configuration, root: &[u8; 32]) -> Self {
        Self {
            configuration,
            secrets: None,
            root: (*root).into(),
            signed: BTreeMap::new(),
            transcript: None,
            verification: BTreeMap::new(),
            waiting: BTreeMap::new(),
            lost: BTreeMap::new(),
            must_follow: false,
            fault: None,
            dismissed: false,
        }
    }

    /// A keyholder from its journal. `root` is used only if the journal is empty.
    pub fn restore(configuration: Configuration, root: &[u8; 32], records: &[Record]) -> Self {
        let mut keyholder = Self::new(configuration, root);
        for record in records {
            match record {
                Record::Secrets(secrets) => keyholder.secrets = Some(Secrets::clone(secrets)),
                Record::Signed(slot, signed) => {
                    keyholder.signed.insert(*slot, SignedPost::clone(signed));
                }
                Record::Lost(id, lost) => {
                    keyholder.lost.insert(*id, *lost);
                }
            }
        }
        keyholder
    }

    /// The transcript as this keyholder has followed it.
    pub const fn transcript(&self) -> Option<&Transcript> {
        self.transcript.as_ref()
    }

    /// Why it has stopped, if it has.
    pub const fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// Whether every aggregation has ended.
    pub fn is_done(&self) -> bool {
        let ended = |transcript: &Transcript| {
            transcript.complaint().is_some()
                || transcript.has_begun()
                    && transcript.sums().iter().all(|sum| duty::has_ended(transcript, sum))
        };
        self.dismissed || self.transcript.as_ref().is_some_and(ended)
    }

    /// Declares keyholders lost in one aggregation, after a person has tried to reach them. Once for each
    /// aggregation, with all of them; a second, different set is not signed.
    pub fn declare_lost(&mut self, id: AggregationId, lost: SeatSet) -> Effects {
        if self.lost.contains_key(&id) {
            return Vec::new();
        }
        self.lost.insert(id, lost);
        vec![Effect::Persist(Record::Lost(id, lost))]
    }

    /// Which keyholders have been silent for longer than the plan's patience, and where.
    pub fn silent(&self, now: Time) -> Vec<(AggregationId, SeatSet)> {
        let Some(transcript) = &self.transcript else { return Vec::new() };
        let patience = transcript.plan().patience_millis;
        let overdue = self
            .waiting
            .iter()
            .filter(|(_, (seats, since))| !seats.is_empty() && now >= since.after_millis(patience));
        overdue.map(|(id, (seats, _))| (*id, *seats)).collect()
    }

    /// Signs a post for its slot, or repeats what was signed there.
    fn sign(&mut self, slot: Slot, post: Post, out: &mut Effects) -> Option<SignedPost> {
        if let Some(signed) = self.signed.get(&slot) {
            if signed.post != post {
                self.fault = Some(Fault::Equivocation);
                return None;
            }
            return Some(signed.clone());
        }
        let identity = self.secrets.as_ref()?.identity();
        let author = Author::Keyholder(self.configuration.seat);
        let signed = SignedPost::new(self.configuration.plan, author, post, &identity);
        out.push(Effect::Persist(Record::Signed(slot, Box::new(signed.clone()))));
        self.signed.insert(slot, signed.clone());
        Some(signed)
    }

    /// Takes entries that follow those it knows; others change nothing. Whether they do follow.
    fn follow(&mut self, now: Time, from: u64, entries: &[Arc<Entry>]) -> bool {
        let known = self.transcript.as_ref().map_or(0, Transcript::len);
        if from != known {
            return false;
        }
        for entry in entries {
            let verdict = match &mut self.transcript {
                Some(transcript) => transcript.apply(entry),
                None => Transcript::new(entry).map(|transcript| self.transcript = Some(transcript)),
            };
            if let Err(violation) = verdict {
                self.fault = Some(violation.into());
                return true;
            }
        }
        let expected = self.configuration.plan;
        let got = self.transcript.as_ref().map(|transcript| transcript.plan().id());
        if let Some(got) = got
            && got != expected
        {
            self.fault = Some(Fault::Plan { expected, got });
        }
        self.must_follow = false;
        if !entries.is_empty() {
            self.note_silence(now);
        }
        true
    }

    /// What to do next: one request, or a pause.
    fn advance(&mut self, now: Time, mut out: Effects) -> Effects {
        if self.fault.is_some() || self.dismissed || self.is_done() && self.is_clean() {
            return out;
        }
        self.forget(&mut out);
        self.declare_silent(now, &mut out);
        let request = if self.must_follow { None } else { self.due(&mut out) };
        if self.fault.is_some() {
            return out;
        }
        let from = self.transcript.as_ref().map_or(0, Transcript::len);
        out.push(Effect::Send(request.unwrap_or(Request::Follow { from })));
        out.push(Effect::Wake(now.after_millis(self.pace())));
        out
    }

    fn declare_silent(&mut self, now: Time, out: &mut Effects) {
        if !self.configuration.declares_losses {
            return;
        }
        let max = self.transcript.as_ref().map_or(0, |of| of.plan().lost_max());
        for (id, seats) in self.silent(now) {
            // More than can be lost together are not lost but busy, or the aggregation will end.
            if seats.len() <= u32::from(max) {
                out.extend(self.declare_lost(id, seats));
            }
        }
    }
}

impl Client for Keyholder {
    type Record = Record;

    fn start(&mut self, now: Time) -> Effects {
        self.advance(now, Vec::new())
    }

    fn receive(&mut self, now: Time, response: Response) -> Effects {
        if self.fault.is_some() {
            return Vec::new();
        }
        match response {
            Response::Entries { from, entries } => {
                let useful = self.must_follow || !entries.is_empty();
                if !self.follow(now, from, &entries) || !useful {
                    // Nothing new and nothing due: that is asked again at the next wake, not at once.
                    return self.pause(now);
                }
            }
            Response::Posted(_) => {
                let from = self.transcript.as_ref().map_or(0, Transcript::len);
                let pace = now.after_millis(self.pace());
                return vec![Effect::Send(Request::Follow { from }), Effect::Wake(pace)];
            }
            // What is not taken is asked for again, but not at once: the answer would be the same.
            Response::Frozen { aggregation, chunk, reports } => {
                if !self.take_frozen(aggregation, chunk, reports) {
                    return self.pause_until(now, Time::MAX);
                }
            }
            Response::Verdicts { aggregation, chunk, messages } => {
                if !self.take_verdicts(aggregation, chunk, &messages) {
                    return self.pause_until(now, Time::MAX);
                }
            }
            Response::Later(at) => return self.pause_until(now, at),
            Response::Waiting { aggregation, seats, until } => {
                self.note_waiting(now, aggregation, seats);
                return self.pause_until(now, until);
            }
            // There will be no campaign.
            Response::Refused(Reject::EnrolmentClosed) => {
                self.dismissed = true;
                return Vec::new();
            }
            Response::Refused(reason) => {
                if reason == Reject::Unknown {
                    self.resend();
                }
                self.must_follow = true;
                return self.pause(now);
            }
            Response::Campaign { .. }
            | Response::Issued(_)
            | Response::Enrolled(_)
            | Response::Opening(_)
            | Response::Receipt { .. }
            | Response::Withdrawn { .. }
            | Response::Outcome { .. }
            | Response::Aborted { .. } => {
                self.must_follow = true;
                return self.pause(now);
            }
        }
        self.advance(now, Vec::new())
    }

    fn wake(&mut self, now: Time) -> Effects {
        self.advance(now, Vec::new())
    }
}

impl Keyholder {
    /// How long it waits before it asks again: its own pace, but well within the plan's patience, so that a campaign of
    /// seconds is not slower than its keyholders are allowed to be.
    fn pace(&self) -> u64 {
        let patience = self.transcript.as_ref().map(|of| of.plan().patience_millis);
        let soon = patience.map_or(u64::MAX, |millis| (millis / PATIENCE_PACES).max(1));
        self.configuration.pace_millis.min(soon)
    }

    fn pause(&self, now: Time) -> Effects {
        vec![Effect::Wake(now.after_millis(self.pace()))]
    }

    /// Asks again at `at`, within its own pace; and follows first, as others may have acted meanwhile.
    fn pause_until(&mut self, now: Time, at: Time) -> Effects {
        self.must_follow = true;
        let latest = now.after_millis(self.pace());
        vec![Effect::Wake(at.min(latest).max(now.after_millis(1)))]
    }
}
