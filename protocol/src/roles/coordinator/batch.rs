//! What the coordinator keeps of one aggregation besides its transcript.

use crate::{
    aggregation::{AggregateShare, Aggregator, Vdaf, WireLengths},
    codec,
    ids::{Blob, Hash, ReportId},
    keys::{Label, seat::Seat, sign::PublicKey},
    messages::VerifierChunk,
    report::{Report, Withdrawal},
    roles::Time,
    transcript::{Rejection, merkle::Tree},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub(super) struct Batch {
    pub(super) vdaf: Vdaf,
    pub(super) lengths: WireLengths,
    /// By id, which is the order of the leaves.
    pub(super) reports: BTreeMap<ReportId, Arc<Report>>,
    /// Of each reporter: its report's id and leaf. Outlives the reports.
    pub(super) reporters: BTreeMap<PublicKey, (ReportId, Hash)>,
    withdrawals: BTreeMap<PublicKey, BTreeSet<ReportId>>,
    banned: BTreeSet<ReportId>,
    /// When something last happened here.
    pub(super) since: Time,
    /// Of all verifier shares that came, so that other bytes are told from the same.
    received: BTreeMap<(u32, Seat), Hash>,
    /// Verifier shares of chunks that are not decided.
    pub(super) pending: BTreeMap<u32, BTreeMap<Seat, Arc<VerifierChunk>>>,
    pub(super) messages: BTreeMap<u32, Vec<Option<Blob>>>,
    /// Ascending by index.
    pub(super) rejections: BTreeMap<u32, Rejection>,
    /// Over the chunks decided so far; nothing after a restart.
    pub(super) leader_sum: Option<AggregateShare>,
    /// Of the leader and of recovered seats, as they are published.
    pub(super) released: BTreeMap<Aggregator, Blob>,
    pub(super) trees: Option<Arc<Trees>>,
}

/// What shows people the place of their report.
pub(super) struct Trees {
    pub(super) frozen: Tree,
    pub(super) accepted: Tree,
}

impl Batch {
    pub(super) fn new(vdaf: Vdaf, now: Time) -> Self {
        Self {
            lengths: vdaf.wire_lengths(),
            leader_sum: Some(vdaf.aggregate_init()),
            vdaf,
            reports: BTreeMap::new(),
            reporters: BTreeMap::new(),
            withdrawals: BTreeMap::new(),
            banned: BTreeSet::new(),
            since: now,
            received: BTreeMap::new(),
            pending: BTreeMap::new(),
            messages: BTreeMap::new(),
            rejections: BTreeMap::new(),
            released: BTreeMap::new(),
            trees: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.reporters.len()
    }

    pub(super) fn active(&mut self, now: Time) {
        self.since = self.since.max(now);
    }

    pub(super) fn keep(&mut self, report: Arc<Report>) {
        self.reporters.insert(report.body.reporter, (report.body.id, report.leaf()));
        self.reports.insert(report.body.id, report);
    }

    /// Whether no new report may have this id.
    pub(super) fn has_id(&self, id: &ReportId) -> bool {
        self.reports.contains_key(id) || self.banned.contains(id)
    }

    pub(super) fn withdraw(&mut self, withdrawal: &Withdrawal) {
        let Withdrawal { reporter, id, .. } = withdrawal;
        if self.reporters.get(reporter).is_some_and(|(own, _)| own == id) {
            self.reporters.remove(reporter);
            self.reports.remove(id);
        }
        self.banned.insert(*id);
        self.withdrawals.entry(*reporter).or_default().insert(*id);
    }

    pub(super) fn has_withdrawn(&self, reporter: &PublicKey, id: &ReportId) -> bool {
        self.withdrawals.get(reporter).is_some_and(|ids| ids.contains(id))
    }

    pub(super) fn withdrawals_of(&self, reporter: &PublicKey) -> usize {
        self.withdrawals.get(reporter).map_or(0, BTreeSet::len)
    }

    /// The hash of what a seat has sent for a chunk, if it has.
    pub(super) fn received(&self, chunk: u32, seat: Seat) -> Option<Hash> {
        self.received.get(&(chunk, seat)).copied()
    }

    pub(super) fn receive(&mut self, seat: Seat, chunk: Arc<VerifierChunk>) {
        self.received.insert((chunk.chunk, seat), chunk_hash(&chunk));
        self.pending.entry(chunk.chunk).or_default().insert(seat, chunk);
    }

    pub(super) fn decided(
        &mut self,
        chunk: u32,
        messages: Vec<Option<Blob>>,
        rejections: Vec<Rejection>,
    ) {
        self.pending.remove(&chunk);
        self.messages.insert(chunk, messages);
        self.rejections.extend(rejections.into_iter().map(|of| (of.index, of)));
    }

    /// Drops what nobody needs once the aggregation has ended.
    pub(super) fn forget(&mut self) {
        self.reports.clear();
        self.pending.clear();
        self.leader_sum = None;
    }
}

pub(super) fn chunk_hash(chunk: &VerifierChunk) -> Hash {
    Hash::of(Label::Post, &[&codec::encode(chunk)])
}
