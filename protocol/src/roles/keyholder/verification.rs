//! Checking the frozen reports, then verifying them with the other aggregators, chunk by chunk.
//!
//! Nothing here is in the journal: all of it is computed again from the endorsed freeze and the secrets, to the
//! same bytes. Verify states are kept for one chunk only.

use super::Keyholder;
use crate::{
    aggregation::{
        AggregateShare, Aggregator, Context, Nonce, PublicShare, ReportShare, Vdaf,
        VerifierMessage, VerifyState,
    },
    campaign::CheckedManifest,
    ids::{AggregationId, Blob},
    keys::seat::Seat,
    messages::{CHUNK_REPORTS, Request, VerifierChunk},
    report::{FrozenReport, share_hash},
    transcript::{Evidence, FrozenLeaf, Rejection, Sum, Transcript},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What is known about the reports of one aggregation.
#[derive(Debug, Default)]
pub(super) struct Verification {
    /// Checked against the freeze, in the order of the leaves.
    reports: Vec<FrozenReport>,
    /// Chunks with verdicts.
    decided: u32,
    /// The chunk under way.
    pending: Option<Pending>,
    sum: Option<AggregateShare>,
    /// Rejected, with the own verifier share; none for a share that could not be used.
    rejected: BTreeMap<u32, Option<Blob>>,
    /// The coordinator's verdict on some report contradicts the own check.
    disagrees: bool,
}

#[derive(Debug)]
struct Pending {
    request: Arc<VerifierChunk>,
    states: Vec<Option<VerifyState>>,
    sent: bool,
}

impl Verification {
    /// The sum over all accepted reports, once all chunks are decided.
    pub(super) const fn sum(&self) -> Option<&AggregateShare> {
        self.sum.as_ref()
    }
}

/// Chunks of so many reports.
fn chunks(reports: usize) -> u32 {
    u32::try_from(reports.div_ceil(CHUNK_REPORTS)).unwrap_or(u32::MAX)
}

/// One report as this seat checks it before it signs a freeze.
struct Check<'a> {
    manifest: &'a CheckedManifest,
    context: Context,
    seat: Seat,
    public_share_bytes: usize,
}

impl Check<'_> {
    fn holds(&self, leaf: &FrozenLeaf, report: &FrozenReport) -> bool {
        let body = &report.body;
        let same = report.leaf() == leaf.leaf
            && body.id == leaf.id
            && body.reporter == leaf.reporter
            && body.context.0 == self.context.0;
        if !self.manifest.is_private() {
            return same;
        }
        let own = body.sealed.get(usize::from(self.seat.index()));
        same && body.sealed.len() == usize::from(self.manifest.seats())
            && body.public_share.len() == self.public_share_bytes
            && own == Some(&share_hash(&report.sealed))
            && body.verify(&report.signature).is_ok()
    }
}

impl Keyholder {
    /// What verification needs from the coordinator next.
    pub(super) fn verification_duty(
        &mut self,
        transcript: &Transcript,
        sum: &Sum,
    ) -> Option<Request> {
        let leaves = sum.leaves()?;
        sum.freeze()?;
        let aggregation = sum.id();
        let state = self.verification.entry(aggregation).or_default();
        if state.reports.len() < leaves.len() {
            return Some(Request::Frozen { aggregation, chunk: chunks(state.reports.len()) });
        }
        if !transcript.plan().is_private() || state.decided >= chunks(leaves.len()) {
            return None;
        }
        sum.verify_key(transcript.plan().all_seats())?;
        if state.pending.is_none() {
            let pending = self.verify_chunk(transcript, sum)?;
            self.verification.entry(aggregation).or_default().pending = Some(pending);
        }
        let pending = self.verification.get_mut(&aggregation)?.pending.as_mut()?;
        let again = std::mem::replace(&mut pending.sent, true);
        Some(if again {
            Request::Verdicts { aggregation, chunk: pending.request.chunk }
        } else {
            Request::Verifier(Arc::clone(&pending.request))
        })
    }

    /// The coordinator does not know the chunk under way: what was sent was lost.
    pub(super) fn resend(&mut self) {
        for state in self.verification.values_mut() {
            if let Some(pending) = &mut state.pending {
                pending.sent = false;
            }
        }
    }

    /// Takes the next chunk of reports, if every one of them is what the freeze says.
    pub(super) fn take_frozen(
        &mut self,
        aggregation: AggregationId,
        chunk: u32,
        reports: Vec<FrozenReport>,
    ) -> bool {
        let Some(transcript) = &self.transcript else { return false };
        let Some((leaves, check)) = check_of(transcript, aggregation, self.configuration.seat)
        else {
            return false;
        };
        let Some(state) = self.verification.get_mut(&aggregation) else { return false };
        let start = state.reports.len();
        let expected = leaves.len().saturating_sub(start).min(CHUNK_REPORTS);
        if chunk != chunks(start) || reports.len() != expected {
            return false;
        }
        let holds = leaves.iter().skip(start).zip(&reports).all(|(leaf, of)| check.holds(leaf, of));
        if holds {
            state.reports.extend(reports);
        }
        holds
    }

    /// Whether it has checked every report of the freeze.
    pub(super) fn holds_all(&self, transcript: &Transcript, sum: &Sum) -> bool {
        let Some(leaves) = sum.leaves() else { return false };
        let held = self.verification.get(&sum.id()).map_or(0, |state| state.reports.len());
        debug_assert!(transcript.has_begun(), "a freeze follows the manifest");
        held == leaves.len()
    }

    fn verify_chunk(&self, transcript: &Transcript, sum: &Sum) -> Option<Pending> {
        let (id, seat) = (sum.id(), self.configuration.seat);
        let key = self.secrets.as_ref()?.of(id)?.key()?;
        let vdaf = transcript.plan().vdaf(id)?;
        let verify_key = sum.verify_key(transcript.plan().all_seats())?;
        let context = sum.context()?;
        let state = self.verification.get(&id)?;
        let (mut states, mut shares) = (Vec::new(), Vec::new());
        let start = usize::try_from(state.decided).ok()? * CHUNK_REPORTS;
        for report in state.reports.iter().skip(start).take(CHUNK_REPORTS) {
            let public_share =
                PublicShare::from_bytes(report.body.public_share.as_slice().to_vec());
            let verified = report.open(&key, &context, seat).and_then(|input_share| {
                let nonce = Nonce(report.body.id.0);
                let view = ReportShare {
                    nonce: &nonce,
                    public_share: &public_share,
                    input_share: &input_share,
                };
                vdaf.verify_init(&context, &verify_key, Aggregator::Helper(seat), view).ok()
            });
            let (kept, share) = verified.unzip();
            states.push(kept);
            shares.push(share.map(|share| Blob::from(share.as_bytes().to_vec())));
        }
        let request = VerifierChunk { aggregation: id, chunk: state.decided, shares };
        Some(Pending { request: Arc::new(request), states, sent: false })
    }

    /// Takes the verdicts on the chunk under way, and adds up what they accept.
    pub(super) fn take_verdicts(
        &mut self,
        aggregation: AggregationId,
        chunk: u32,
        messages: &[Option<Blob>],
    ) -> bool {
        let Some(transcript) = &self.transcript else { return false };
        let Some(sum) = transcript.sum(aggregation) else { return false };
        let (Some(vdaf), Some(context)) = (transcript.plan().vdaf(aggregation), sum.context())
        else {
            return false;
        };
        let Some(state) = self.verification.get_mut(&aggregation) else { return false };
        let fits = state.pending.as_ref().is_some_and(|pending| {
            pending.request.chunk == chunk && pending.states.len() == messages.len()
        });
        if fits && let Some(pending) = state.pending.take() {
            // Others were busy with this chunk: patience begins again, everywhere.
            self.waiting.clear();
            state.decide(&vdaf, &context, pending, messages);
        }
        fits
    }

    /// Whether the published rejections and the accepted set are those of its own verification.
    pub(super) fn agrees(&self, transcript: &Transcript, sum: &Sum) -> bool {
        let (Some(rejections), Some(leaves)) = (sum.rejections(), sum.leaves()) else {
            return false;
        };
        if !transcript.plan().is_private() {
            return true;
        }
        let Some(state) = self.verification.get(&sum.id()) else { return false };
        if state.disagrees || state.decided < chunks(leaves.len()) {
            return false;
        }
        let indices: BTreeSet<u32> = rejections.iter().map(|of| of.index).collect();
        indices.iter().eq(state.rejected.keys())
            && rejections.iter().all(|of| state.confirms(self.configuration.seat, of))
    }
}

fn check_of(
    transcript: &Transcript,
    aggregation: AggregationId,
    seat: Seat,
) -> Option<(&[FrozenLeaf], Check<'_>)> {
    let sum = transcript.sum(aggregation)?;
    let (_, manifest) = transcript.manifest()?;
    let lengths = manifest.vdaf(aggregation)?.wire_lengths();
    let check =
        Check { manifest, context: sum.context()?, seat, public_share_bytes: lengths.public_share };
    Some((sum.leaves()?, check))
}

impl Verification {
    fn decide(
        &mut self,
        vdaf: &Vdaf,
        context: &Context,
        pending: Pending,
        messages: &[Option<Blob>],
    ) {
        let first = u32::try_from(CHUNK_REPORTS).unwrap_or(u32::MAX).saturating_mul(self.decided);
        let sum = self.sum.get_or_insert_with(|| vdaf.aggregate_init());
        let own = pending.states.into_iter().zip(&pending.request.shares);
        for ((index, message), (state, share)) in (first..).zip(messages).zip(own) {
            let Some(message) = message else {
                self.rejected.insert(index, share.clone());
                continue;
            };
            let message = VerifierMessage::from_bytes(message.as_slice().to_vec());
            let output = state.and_then(|state| vdaf.verify_next(context, state, &message).ok());
            let added = output.is_some_and(|output| sum.accumulate(&output).is_ok());
            self.disagrees |= !added;
        }
        self.decided += 1;
    }

    /// Whether a published rejection says of this seat what this seat has said itself.
    fn confirms(&self, seat: Seat, rejection: &Rejection) -> bool {
        let Some(own) = self.rejected.get(&rejection.index) else { return false };
        match &rejection.evidence {
            Evidence::Unusable(aggregator) => {
                *aggregator != Aggregator::Helper(seat) || own.is_none()
            }
            Evidence::Verification { verifier_shares, .. } => {
                verifier_shares.get(usize::from(seat.index()) + 1) == own.as_ref()
            }
        }
    }
}
