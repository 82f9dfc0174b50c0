//! The coordinator's machine: it answers, appends to the transcript, and leads every aggregation.
//!
//! The rules of the transcript are the transcript's: the machine proposes posts and lets [`Transcript::follow`]
//! judge. What is due next follows from the transcript, the reports and the time alone, so that a machine
//! restored from any prefix of its records goes on where that prefix ends, and never publishes other bytes.
//! It keeps no timer over a restart: silence is counted anew.
//!
//! ```text
//! admission      enrolments, reports, withdrawals, until the roster or the freeze
//! conduct        what the organiser posts next
//! verification   the leader's part of the proofs; recovered seats are replayed
//! answers        what people and keyholders ask for
//! record         the journal, and the machine back from it
//! ```

#![deny(clippy::indexing_slicing, clippy::wildcard_enum_match_arm, clippy::as_conversions)]

mod admission;
mod answers;
mod batch;
mod conduct;
mod record;
mod verification;

#[cfg(test)]
mod tests;

pub use admission::{ENROLMENTS_MAX, Gate, INVITES_MAX, WITHDRAWALS_MAX};
pub use answers::ENTRIES_BYTES_MAX;
pub use conduct::Phase;
pub use record::{Record, RestoreError};

use super::{Answer, Server, Time};
use crate::{
    campaign::{CheckedPlan, Manifest, Plan},
    codec,
    ids::{AggregationId, Hash},
    keys::{
        Label,
        seat::Seat,
        sign::{PublicKey, SigningKey},
        token::Blinded,
    },
    messages::{Peer, Reject, Request, Response},
    report::Enrolment,
    transcript::{Author, Endorsed, Entry, Post, SignedPost, Transcript, Violation},
};
use batch::Batch;
use std::{collections::BTreeMap, fmt, sync::Arc};
use thiserror::Error;
use zeroize::Zeroizing;

/// What a coordinator needs besides the plan and its journal. Secret.
pub struct Configuration {
    /// The organiser's key, as in the plan.
    pub key: SigningKey,
    /// From which the salts of the leader's promises derive; the same after a restart.
    pub secret: [u8; 32],
    /// Who may enrol.
    pub gate: Gate,
}

impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Configuration").field("gate", &self.gate).finish_non_exhaustive()
    }
}

/// Our caller has mixed things up: a bug, or another campaign's key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Misuse {
    /// The plan does not begin a transcript.
    #[error("the plan cannot be posted with this key: {0}")]
    Plan(#[from] Violation),
    /// The plan announces another gate, or another issuer's key.
    #[error(
        "the plan announces another gate: other people may enrol, or with tokens of another key"
    )]
    Gate,
    /// Too many people are invited.
    #[error("{got} invites; at most {INVITES_MAX} are possible")]
    Invites {
        /// With those there are.
        got: usize,
    },
}

/// The party that everybody asks: the leader of every aggregation, and the only author of the transcript's order.
///
/// # Security
/// Holds the leader's input shares. Without the other aggregators' shares they say nothing.
pub struct Coordinator {
    key: SigningKey,
    secret: Zeroizing<[u8; 32]>,
    gate: Gate,
    transcript: Transcript,
    entries: Vec<Arc<Entry>>,
    /// Of each entry, as it travels.
    entry_bytes: Vec<usize>,
    /// Keyholders' posts and the entries they stand in, so that a repeat is known.
    posted: BTreeMap<Hash, Hash>,
    /// Entries that keyholders endorse, and what people get once all have.
    endorsable: BTreeMap<Hash, Endorsable>,
    manifest: Option<Arc<Manifest>>,
    enrolments: BTreeMap<PublicKey, Enrolment>,
    /// Invites that have got a token, and for which blinded input.
    issued: BTreeMap<Hash, Blinded>,
    batches: Vec<Batch>,
    /// The campaign can never begin.
    stillborn: bool,
}

struct Endorsable {
    aggregation: Option<AggregationId>,
    /// As it was when the last endorsement came: later losses do not change an answer once given.
    complete: Option<Arc<Endorsed>>,
}

impl fmt::Debug for Coordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coordinator")
            .field("head", &self.transcript.head())
            .field("entries", &self.entries.len())
            .field("enrolments", &self.enrolments.len())
            .finish_non_exhaustive()
    }
}

impl Coordinator {
    /// Begins a campaign: posts the plan.
    ///
    /// # Errors
    /// [`Misuse::Plan`] if `configuration.key` is not the plan's organiser's, [`Misuse::Gate`].
    pub fn new(
        plan: &CheckedPlan,
        configuration: Configuration,
        now: Time,
    ) -> Result<(Self, Vec<Record>), Misuse> {
        let post = Post::Plan(Box::new(Plan::clone(plan)));
        let signed = SignedPost::new(plan.id(), Author::Organiser, post, &configuration.key);
        let first = Arc::new(Entry { previous: Hash([0; 32]), signed });
        if !configuration.gate.fits(plan) {
            return Err(Misuse::Gate);
        }
        let coordinator = Self::begin(Arc::clone(&first), configuration, now)?;
        Ok((coordinator, vec![Record::Entry(first)]))
    }

    fn begin(
        first: Arc<Entry>,
        configuration: Configuration,
        now: Time,
    ) -> Result<Self, Violation> {
        let Configuration { key, secret, gate } = configuration;
        let transcript = Transcript::new(&first)?;
        if key.public() != transcript.plan().organiser.key {
            return Err(Violation::Signature { author: Author::Organiser });
        }
        let plan = transcript.plan();
        let batches = plan.enumerated().map(|(id, _)| {
            Batch::new(plan.vdaf(id).expect("the plan was checked by building it"), now)
        });
        Ok(Self {
            key,
            secret: Zeroizing::new(secret),
            gate,
            batches: batches.collect(),
            entry_bytes: vec![codec::encode(&*first).len()],
            entries: vec![first],
            posted: BTreeMap::new(),
            endorsable: BTreeMap::new(),
            manifest: None,
            enrolments: BTreeMap::new(),
            issued: BTreeMap::new(),
            stillborn: false,
            transcript,
        })
    }

    /// The machine goes on at `now`, after a pause of its own: nobody was silent while nobody was heard.
    pub fn resume(&mut self, now: Time) {
        self.progress(now);
    }

    /// Keyholders do one thing after the other: whatever is new anywhere shows that they are there. What they can
    /// do is finite, so that waiting for them is as well.
    fn progress(&mut self, now: Time) {
        for batch in &mut self.batches {
            batch.active(now);
        }
    }

    /// Everything public so far.
    pub const fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// The same, entry by entry.
    pub fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// How many have enrolled.
    pub fn enrolled(&self) -> usize {
        self.enrolments.len()
    }

    /// How many reports an aggregation has, withdrawn ones not counted.
    pub fn reports(&self, id: AggregationId) -> usize {
        self.batch(id).map_or(0, Batch::len)
    }

    /// Whether nothing can happen any more: the campaign could not begin, or every aggregation has ended.
    pub fn is_over(&self) -> bool {
        let unborn = self.stillborn || self.transcript.complaint().is_some();
        unborn
            || self
                .transcript
                .plan()
                .enumerated()
                .all(|(id, _)| self.phase(id).is_some_and(Phase::is_end))
    }

    fn batch(&self, id: AggregationId) -> Option<&Batch> {
        self.batches.get(id.index())
    }

    fn batch_mut(&mut self, id: AggregationId) -> Option<&mut Batch> {
        self.batches.get_mut(id.index())
    }

    /// Posts as the organiser.
    fn publish(
        &mut self,
        now: Time,
        post: Post,
        records: &mut Vec<Record>,
    ) -> Result<Hash, Violation> {
        let plan = self.transcript.plan().id();
        let signed = SignedPost::new(plan, Author::Organiser, post, &self.key);
        self.append(now, signed, records)
    }

    /// Takes a post, if the transcript does.
    fn append(
        &mut self,
        now: Time,
        signed: SignedPost,
        records: &mut Vec<Record>,
    ) -> Result<Hash, Violation> {
        let entry = Arc::new(self.transcript.follow(signed)?);
        records.push(Record::Entry(Arc::clone(&entry)));
        Ok(self.note(now, entry))
    }

    /// Keeps an entry that the transcript has just taken.
    fn note(&mut self, now: Time, entry: Arc<Entry>) -> Hash {
        let hash = self.transcript.head();
        let signed = &entry.signed;
        if let Author::Keyholder(_) = signed.author {
            self.posted.insert(post_hash(signed), hash);
            self.progress(now);
        }
        if let Post::Manifest(_) = signed.post {
            let manifest = self.transcript.manifest();
            self.manifest = manifest.map(|(_, manifest)| Arc::new(manifest.to_manifest()));
        }
        let about = if let Post::Endorse { entry } = &signed.post {
            self.endorsable.get(entry).and_then(|of| of.aggregation)
        } else {
            aggregation_of(&signed.post)
        };
        if is_endorsed_by_keyholders(&signed.post) {
            self.endorsable.insert(hash, Endorsable { aggregation: about, complete: None });
        }
        if matches!(signed.post, Post::Endorse { .. } | Post::Loss { .. }) {
            for (entry, of) in &mut self.endorsable {
                if of.complete.is_none() {
                    of.complete = self.transcript.endorsed(entry).map(Arc::new);
                }
            }
        }
        if let Some(batch) = about.and_then(|id| self.batch_mut(id)) {
            batch.active(now);
        }
        self.entry_bytes.push(codec::encode(&*entry).len());
        self.entries.push(entry);
        hash
    }

    fn post(
        &mut self,
        now: Time,
        seat: Seat,
        signed: SignedPost,
        records: &mut Vec<Record>,
    ) -> Response {
        if signed.author != Author::Keyholder(seat) {
            return Response::Refused(Reject::NotYours);
        }
        if let Some(entry) = self.posted.get(&post_hash(&signed)) {
            return Response::Posted(*entry);
        }
        match self.append(now, signed, records) {
            Ok(entry) => Response::Posted(entry),
            Err(violation) => Response::Refused(Reject::from(&violation)),
        }
    }

    fn keyholder(
        &mut self,
        now: Time,
        seat: Seat,
        request: Request,
        records: &mut Vec<Record>,
    ) -> Response {
        match request {
            Request::Follow { .. } if self.stillborn => Response::Refused(Reject::EnrolmentClosed),
            Request::Follow { from } => self.follow(from),
            Request::Post(signed) => self.post(now, seat, *signed, records),
            Request::Frozen { aggregation, chunk } => self.frozen(seat, aggregation, chunk),
            Request::Verifier(chunk) => self.verifier(now, seat, &chunk, records),
            Request::Verdicts { aggregation, chunk } => {
                self.verdicts(now, seat, aggregation, chunk)
            }
            Request::Campaign
            | Request::Issue { .. }
            | Request::Enrol(_)
            | Request::Opening(_)
            | Request::Report { .. }
            | Request::Withdraw(_)
            | Request::Outcome { .. } => Response::Refused(Reject::NotYours),
        }
    }

    fn participant(&mut self, now: Time, request: Request, records: &mut Vec<Record>) -> Response {
        match request {
            Request::Campaign => self.campaign(now),
            Request::Issue { secret, blinded } => self.issue(now, &secret, blinded, records),
            Request::Enrol(enrolment) => self.enrol(now, *enrolment, records),
            Request::Opening(id) => self.opening(now, id),
            Request::Report { aggregation, report } => self.report(aggregation, report, records),
            Request::Withdraw(withdrawal) => self.withdraw(*withdrawal, records),
            Request::Outcome { aggregation, report } => self.outcome(now, aggregation, report),
            Request::Follow { .. }
            | Request::Post(_)
            | Request::Frozen { .. }
            | Request::Verifier(_)
            | Request::Verdicts { .. } => Response::Refused(Reject::NotYours),
        }
    }
}

impl Server for Coordinator {
    type Record = Record;

    fn handle(&mut self, now: Time, from: Peer, request: Request) -> Answer<Record> {
        let mut records = Vec::new();
        // What time has made due comes first: a report at the deadline finds the freeze.
        self.advance(now, &mut records);
        let before = records.len();
        let verified = if let Request::Verifier(chunk) = &request {
            Some((chunk.aggregation, chunk.chunk))
        } else {
            None
        };
        let mut response = match from {
            Peer::Keyholder(seat) => self.keyholder(now, seat, request, &mut records),
            Peer::Participant => self.participant(now, request, &mut records),
        };
        if records.len() > before {
            self.advance(now, &mut records);
        }
        // The last verifier shares of a chunk decide it: the same answer as to the next request.
        if let (Peer::Keyholder(seat), Some((aggregation, chunk))) = (from, verified)
            && matches!(response, Response::Later(_))
        {
            response = self.verdicts(now, seat, aggregation, chunk);
        }
        Answer { records, response }
    }

    fn wake(&mut self, now: Time) -> (Vec<Record>, Time) {
        let mut records = Vec::new();
        self.advance(now, &mut records);
        (records, self.next_wake(now))
    }
}

fn post_hash(signed: &SignedPost) -> Hash {
    Hash::of(Label::Post, &[&codec::encode(signed)])
}

/// Which aggregation a post names.
fn aggregation_of(post: &Post) -> Option<AggregationId> {
    match post {
        Post::Begin(id) => Some(*id),
        Post::Opening(opening) => Some(opening.aggregation),
        Post::Outcome(outcome) => Some(outcome.aggregation),
        Post::Beacon { aggregation, .. }
        | Post::Leaves { aggregation, .. }
        | Post::Freeze { aggregation, .. }
        | Post::VerifyKeyPart { aggregation, .. }
        | Post::Rejections { aggregation, .. }
        | Post::Accepted { aggregation, .. }
        | Post::ShareCommitment { aggregation, .. }
        | Post::Share { aggregation, .. }
        | Post::Loss { aggregation, .. }
        | Post::RecoveryShare { aggregation, .. }
        | Post::Abort { aggregation, .. }
        | Post::Scores { aggregation, .. } => Some(*aggregation),
        Post::Plan(_)
        | Post::Keys(_)
        | Post::Deal(_)
        | Post::Complaint { .. }
        | Post::Manifest(_)
        | Post::Roster(_)
        | Post::Endorse { .. } => None,
    }
}

const fn is_endorsed_by_keyholders(post: &Post) -> bool {
    matches!(
        post,
        Post::Manifest(_)
            | Post::Opening(_)
            | Post::Freeze { .. }
            | Post::Accepted { .. }
            | Post::Outcome(_)
    )
}
