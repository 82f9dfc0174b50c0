//! What travels between a client (keyholder or participant) and the coordinator.
//!
//! Clients ask, the coordinator answers; it never calls. Every request can be repeated: the same bytes get the
//! same answer and count once. Keyholders follow the transcript; participants read endorsed entries only.

#![deny(clippy::indexing_slicing, clippy::wildcard_enum_match_arm, clippy::as_conversions)]

use crate::{
    campaign::Manifest,
    ids::{AggregationId, Blob, Hash, ReportId, SeatSet},
    invite::InviteSecret,
    keys::{
        seat::Seat,
        sign::PublicKey,
        token::{Blinded, Evaluation},
    },
    report::{Enrolment, FrozenReport, Receipt, Report, Withdrawal},
    roles::Time,
    transcript::{AbortReason, Endorsed, Entry, SignedPost, Violation},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use thiserror::Error;

/// The most entries of one answer.
pub const ENTRIES_MAX: usize = 64;

/// The most reports of one chunk: what a keyholder verifies before it hears the coordinator's verdict.
pub const CHUNK_REPORTS: usize = 128;

/// Who asks, as the transport has authenticated it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// A keyholder.
    Keyholder(Seat),
    /// Anybody else; what they send is signed.
    Participant,
}

/// What a client asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Keyholder: the transcript from this entry on.
    Follow {
        /// Counted from 0.
        from: u64,
    },
    /// Keyholder: to be appended.
    Post(Box<SignedPost>),
    /// Keyholder: a chunk of the frozen reports, with this seat's sealed shares.
    Frozen {
        /// Where.
        aggregation: AggregationId,
        /// Counted from 0, in chunks of [`CHUNK_REPORTS`].
        chunk: u32,
    },
    /// Keyholder: its verifier shares of a chunk. Answered like [`Request::Verdicts`].
    Verifier(Arc<VerifierChunk>),
    /// Keyholder: the verdicts on a chunk whose verifier shares it has sent.
    Verdicts {
        /// Where.
        aggregation: AggregationId,
        /// Which chunk.
        chunk: u32,
    },
    /// Participant: the campaign.
    Campaign,
    /// Participant: a token, for an invite. Only here is the invite shown.
    Issue {
        /// Of the invite.
        secret: InviteSecret,
        /// The pseudonym, hidden.
        blinded: Blinded,
    },
    /// Participant: takes part.
    Enrol(Box<Enrolment>),
    /// Participant: what an aggregation's reports are bound to.
    Opening(AggregationId),
    /// Participant: a report.
    Report {
        /// Where.
        aggregation: AggregationId,
        /// The report.
        report: Arc<Report>,
    },
    /// Participant: takes a report back.
    Withdraw(Box<Withdrawal>),
    /// Participant: what became of an aggregation, and of its own report.
    Outcome {
        /// Where.
        aggregation: AggregationId,
        /// Its own report, if it sent one.
        report: Option<ReportId>,
    },
}

/// A keyholder's verifier shares of one chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifierChunk {
    /// Where.
    pub aggregation: AggregationId,
    /// Which chunk.
    pub chunk: u32,
    /// For each report of it: a verifier share, or nothing if its share could not be opened or parsed.
    pub shares: Vec<Option<Blob>>,
}

/// What the coordinator answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Response {
    /// Entries from the place asked for; fewer than [`ENTRIES_MAX`] if there are no more now.
    Entries {
        /// The place of the first.
        from: u64,
        /// In order.
        entries: Vec<Arc<Entry>>,
    },
    /// The post stands in the transcript, now or before.
    Posted(Hash),
    /// A chunk of the frozen reports, in the order of the leaves.
    Frozen {
        /// Where.
        aggregation: AggregationId,
        /// Which chunk.
        chunk: u32,
        /// Its reports.
        reports: Vec<FrozenReport>,
    },
    /// The verdicts on a chunk: the verifier message of each report, or nothing if it is rejected.
    Verdicts {
        /// Where.
        aggregation: AggregationId,
        /// Which chunk.
        chunk: u32,
        /// In the order of the leaves.
        messages: Vec<Option<Blob>>,
    },
    /// The campaign, with its manifest's endorsement.
    Campaign {
        /// Whose hash is the campaign id.
        manifest: Arc<Manifest>,
        /// That all keyholders know it.
        endorsed: Arc<Endorsed>,
    },
    /// What becomes a token, the same for a repeat.
    Issued(Box<Evaluation>),
    /// Enrolled, now or before.
    Enrolled(PublicKey),
    /// What reports are bound to.
    Opening(Arc<Endorsed>),
    /// The report is in, now or before.
    Receipt {
        /// Where.
        aggregation: AggregationId,
        /// For the very bytes that were sent.
        receipt: Receipt,
    },
    /// The report is out, now or before.
    Withdrawn {
        /// Where.
        aggregation: AggregationId,
        /// Which.
        id: ReportId,
    },
    /// What became of an aggregation.
    Outcome {
        /// The outcome.
        endorsed: Arc<Endorsed>,
        /// That the report asked about was frozen and, unless rejected, accepted.
        inclusion: Option<Inclusion>,
    },
    /// The aggregation ended without a result.
    Aborted {
        /// Where.
        aggregation: AggregationId,
        /// Why.
        reason: AbortReason,
    },
    /// Not yet: ask again at this time.
    Later(Time),
    /// Keyholder: no verdicts yet, because others have not sent their verifier shares. The coordinator's word: a
    /// keyholder is declared lost only after it was tried to be reached.
    Waiting {
        /// Where.
        aggregation: AggregationId,
        /// For whom.
        seats: SeatSet,
        /// When to ask again.
        until: Time,
    },
    /// Refused, with the reason; nothing has changed.
    Refused(Reject),
}

/// Where a report stands among the frozen and the accepted ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inclusion {
    /// Its place in the freeze.
    pub frozen: Place,
    /// Its place in the accepted set; nothing if it was rejected.
    pub accepted: Option<Place>,
}

/// A place in a Merkle tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Counted from 0.
    pub index: u32,
    /// What leads to the root.
    pub proof: Vec<Hash>,
}

/// Why the coordinator refuses a request. Its sender hears; the campaign goes on.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Reject {
    /// A signature does not hold.
    #[error("the signature does not hold")]
    Signature,
    /// The post may not stand in the transcript now.
    #[error("the post breaks a rule of the transcript: {reason}")]
    Post {
        /// In words; the rules are public.
        reason: String,
    },
    /// Not enrolled, or not concerned by this aggregation.
    #[error("this key may not report here")]
    NotConcerned,
    /// Enrolment is over.
    #[error("enrolment is closed")]
    EnrolmentClosed,
    /// No token of this key.
    #[error("the token is not one of this key")]
    Token,
    /// No such invite.
    #[error("the invite is not known")]
    Invite,
    /// The invite was good until then.
    #[error("the invite has expired")]
    InviteExpired {
        /// When it did.
        at: Time,
    },
    /// A token for another blinded input was issued for this invite.
    #[error("the invite was used by somebody else, or with another key")]
    InviteUsed,
    /// No token is issued any more.
    #[error("tokens are no longer issued")]
    IssueClosed,
    /// Another report of this key is in; the first counts.
    #[error("another report of this key was received before; the first one counts")]
    Duplicate,
    /// The report's id is taken or was withdrawn.
    #[error("a report with this id was received or withdrawn before")]
    ReportId,
    /// The report is not one for this aggregation, or its parts do not fit together.
    #[error("the report does not fit the aggregation's opening")]
    Malformed,
    /// Too early or too late.
    #[error("not now: the aggregation is not collecting reports")]
    NotCollecting,
    /// No such aggregation, chunk or entry.
    #[error("there is no such thing")]
    Unknown,
    /// As many as were planned have reported.
    #[error("as many reports as were planned have been received")]
    Full,
    /// A keyholder contradicts itself: other bytes than it sent before.
    #[error("other bytes were received before; the first ones count")]
    Contradiction,
    /// Only a participant or only a keyholder may ask this.
    #[error("this is not yours to ask")]
    NotYours,
}

impl From<&Violation> for Reject {
    fn from(violation: &Violation) -> Self {
        Self::Post { reason: violation.to_string() }
    }
}
