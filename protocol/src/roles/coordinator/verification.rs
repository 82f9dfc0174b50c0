//! The leader's part of the proofs: verdicts on chunks, and the sums of the leader and of recovered seats.
//!
//! Verify states live for one report. Verdicts are in the journal; sums are not, and are added up again from the
//! reports and the recorded messages.

use super::{
    Coordinator, Phase, Record,
    batch::{Batch, chunk_hash},
};
use crate::{
    aggregation::{
        AggregateShare, Aggregator, Context, InputShare, Nonce, OutputShare, PublicShare,
        ReportShare, VerifierMessage, VerifierShare, VerifyState, noise::ShareNoise,
    },
    ids::{AggregationId, Blob},
    keys::seat::{Seat, SeatKey, VerifyKey},
    messages::{CHUNK_REPORTS, Reject, Response, VerifierChunk},
    report::{FrozenReport, Report},
    roles::Time,
    transcript::{Evidence, FrozenLeaf, Rejection, Sum},
};
use std::{collections::BTreeSet, sync::Arc};

/// How soon a keyholder asks for verdicts again: they need nobody but machines.
const WAITING_MILLIS: u64 = 200;

/// Where a seat's verifier share of a report comes from.
enum Source<'a> {
    /// From the keyholder.
    Received(&'a VerifierChunk),
    /// From a key that is public: the seat is replayed.
    Replayed(&'a SeatKey),
}

/// What every report of one aggregation is verified with.
struct Verifier<'a> {
    batch: &'a Batch,
    context: Context,
    key: VerifyKey,
    sources: Vec<(Seat, Source<'a>)>,
}

impl Coordinator {
    pub(super) fn verifier(
        &mut self,
        now: Time,
        seat: Seat,
        chunk: &Arc<VerifierChunk>,
        records: &mut Vec<Record>,
    ) -> Response {
        let id = chunk.aggregation;
        match self.check_verifier(seat, chunk) {
            Err(reject) => Response::Refused(reject),
            Ok(new) => {
                if let Some(batch) = self.batch_mut(id)
                    && new
                {
                    batch.receive(seat, Arc::clone(chunk));
                    self.progress(now);
                    records.push(Record::Verifier { seat, chunk: Arc::clone(chunk) });
                }
                self.verdicts(now, seat, id, chunk.chunk)
            }
        }
    }

    /// Whether the verifier shares are new.
    fn check_verifier(&self, seat: Seat, chunk: &VerifierChunk) -> Result<bool, Reject> {
        let id = chunk.aggregation;
        let batch = self.batch(id).ok_or(Reject::Unknown)?;
        if let Some(before) = batch.received(chunk.chunk, seat) {
            let same = before == chunk_hash(chunk);
            return if same { Ok(false) } else { Err(Reject::Contradiction) };
        }
        let (Some(Phase::Verifying), Some(sum)) = (self.phase(id), self.transcript.sum(id)) else {
            return Err(Reject::NotCollecting);
        };
        let plan = self.transcript.plan();
        if !plan.is_private() || sum.verify_key(plan.all_seats()).is_none() {
            return Err(Reject::NotCollecting);
        }
        if !self.transcript.live(Some(id)).contains(seat) {
            return Err(Reject::NotYours);
        }
        let reports = leaves_of(sum, chunk.chunk).ok_or(Reject::Unknown)?.len();
        let bytes = batch.lengths.verifier_share;
        let fits = chunk.shares.iter().flatten().all(|share| share.len() == bytes);
        if chunk.shares.len() == reports && fits { Ok(true) } else { Err(Reject::Malformed) }
    }

    pub(super) fn verdicts(
        &self,
        now: Time,
        seat: Seat,
        aggregation: AggregationId,
        chunk: u32,
    ) -> Response {
        let Some(batch) = self.batch(aggregation) else {
            return Response::Refused(Reject::Unknown);
        };
        if batch.received(chunk, seat).is_none() {
            return Response::Refused(Reject::Unknown);
        }
        match batch.messages.get(&chunk) {
            Some(messages) => Response::Verdicts { aggregation, chunk, messages: messages.clone() },
            // Refused, so that the keyholder follows: it sees the end, or whose key it must help to recover.
            None if self.must_follow(aggregation) => Response::Refused(Reject::NotCollecting),
            None => {
                let live = self.transcript.live(Some(aggregation));
                let sent = |seat: &Seat| batch.received(chunk, *seat).is_some();
                let seats = live.iter().filter(|seat| !sent(seat)).collect();
                Response::Waiting { aggregation, seats, until: now.after_millis(WAITING_MILLIS) }
            }
        }
    }

    fn must_follow(&self, id: AggregationId) -> bool {
        let unrecovered = self
            .transcript
            .sum(id)
            .is_none_or(|sum| sum.lost().iter().any(|seat| sum.recovered(seat).is_none()));
        unrecovered || self.phase(id).is_none_or(Phase::is_end)
    }

    /// Decides every chunk that has all its verifier shares.
    pub(super) fn decide_chunks(
        &mut self,
        now: Time,
        id: AggregationId,
        records: &mut Vec<Record>,
    ) {
        let Some(batch) = self.batch(id) else { return };
        if batch.pending.is_empty() || self.phase(id) != Some(Phase::Verifying) {
            return;
        }
        let chunks: Vec<u32> = batch.pending.keys().copied().collect();
        for chunk in chunks {
            let Some((messages, rejections, outputs)) = self.judge_chunk(id, chunk) else {
                continue;
            };
            let Some(batch) = self.batch_mut(id) else { return };
            if let Some(sum) = &mut batch.leader_sum {
                let whole = outputs.iter().all(|output| sum.accumulate(output).is_ok());
                debug_assert!(whole, "outputs are of this batch's circuit");
            }
            batch.decided(chunk, messages.clone(), rejections.clone());
            batch.active(now);
            records.push(Record::Verdicts { aggregation: id, chunk, messages, rejections });
        }
    }

    /// Messages, rejections and the leader's outputs of one chunk; nothing while verifier shares are missing.
    #[expect(clippy::type_complexity, reason = "taken apart at its only call")]
    fn judge_chunk(
        &self,
        id: AggregationId,
        chunk: u32,
    ) -> Option<(Vec<Option<Blob>>, Vec<Rejection>, Vec<OutputShare>)> {
        let sum = self.transcript.sum(id)?;
        let verifier = self.verifier_of(id, chunk)?;
        let leaves = leaves_of(sum, chunk)?;
        let first = usize::try_from(chunk).ok()?.checked_mul(CHUNK_REPORTS)?;
        let (mut messages, mut rejections, mut outputs) = (Vec::new(), Vec::new(), Vec::new());
        for (place, leaf) in leaves.iter().enumerate() {
            match verifier.judge(verifier.batch.report_at(leaf)?, place) {
                Ok((message, output)) => {
                    messages.push(Some(message.as_bytes().to_vec().into()));
                    outputs.push(output);
                }
                Err(evidence) => {
                    let index = u32::try_from(first + place).ok()?;
                    messages.push(None);
                    rejections.push(Rejection { index, evidence });
                }
            }
        }
        Some((messages, rejections, outputs))
    }

    fn verifier_of(&self, id: AggregationId, chunk: u32) -> Option<Verifier<'_>> {
        let (batch, sum) = (self.batch(id)?, self.transcript.sum(id)?);
        let seats = self.transcript.plan().all_seats();
        let pending = batch.pending.get(&chunk)?;
        let sources = seats.iter().map(|seat| {
            let source = match sum.recovered(seat) {
                Some(key) => Source::Replayed(key),
                None if sum.lost().contains(seat) => return None,
                None => Source::Received(pending.get(&seat)?),
            };
            Some((seat, source))
        });
        let sources = sources.collect::<Option<Vec<_>>>()?;
        let (context, key) = (sum.context()?, sum.verify_key(seats)?);
        Some(Verifier { batch, context, key, sources })
    }

    /// Reports in the clear that no honest person sends.
    pub(super) fn clear_rejections(&self, id: AggregationId) -> Vec<Rejection> {
        let (Some(batch), Some(sum)) = (self.batch(id), self.transcript.sum(id)) else {
            return Vec::new();
        };
        let leaves = (0..).zip(sum.leaves().unwrap_or_default());
        let fails = |leaf: &FrozenLeaf| {
            batch.report_at(leaf).is_none_or(|report| {
                batch.vdaf.clear_output(report.leader_share.as_slice()).is_err()
            })
        };
        leaves
            .filter(|(_, leaf)| fails(leaf))
            .map(|(index, _)| Rejection { index, evidence: Evidence::Unusable(Aggregator::Leader) })
            .collect()
    }

    /// What the leader or a recovered seat publishes; nothing if it cannot be added up.
    pub(super) fn release(&self, id: AggregationId, aggregator: Aggregator) -> Option<Blob> {
        let (batch, sum) = (self.batch(id)?, self.transcript.sum(id)?);
        let share = match (aggregator, self.transcript.plan().is_private()) {
            (Aggregator::Leader, true) => match &batch.leader_sum {
                Some(sum) => sum.clone(),
                None => self.add_up(id, Aggregator::Leader)?,
            },
            (Aggregator::Helper(_), true) => self.add_up(id, aggregator)?,
            (Aggregator::Leader, false) => batch.clear_sum(sum)?,
            (Aggregator::Helper(_), false) => batch.vdaf.aggregate_init(),
        };
        let none = ShareNoise::none(batch.vdaf.circuit());
        let released = batch.vdaf.release(&share, aggregator, sum.accepted_count()?, &none).ok()?;
        Some(released.to_bytes().into())
    }

    /// One aggregator's sum over the accepted reports, from the beginning.
    fn add_up(&self, id: AggregationId, aggregator: Aggregator) -> Option<AggregateShare> {
        let (batch, sum) = (self.batch(id)?, self.transcript.sum(id)?);
        let key = sum.verify_key(self.transcript.plan().all_seats())?;
        let verifier = Verifier { batch, context: sum.context()?, key, sources: Vec::new() };
        let mut total = batch.vdaf.aggregate_init();
        let messages = batch.messages.values().flatten();
        for (leaf, message) in sum.leaves()?.iter().zip(messages) {
            let Some(message) = message else { continue };
            let report = batch.report_at(leaf)?;
            let input = match aggregator {
                Aggregator::Leader => leader_input(report),
                Aggregator::Helper(seat) => verifier.open(report, seat, sum.recovered(seat)?)?,
            };
            let (state, _) = verifier.start(report, aggregator, &input)?;
            let message = VerifierMessage::from_bytes(message.as_slice().to_vec());
            let output = batch.vdaf.verify_next(&verifier.context, state, &message).ok()?;
            total.accumulate(&output).ok()?;
        }
        Some(total)
    }
}

impl Batch {
    fn clear_sum(&self, sum: &Sum) -> Option<AggregateShare> {
        let rejected: BTreeSet<u32> = sum.rejections()?.iter().map(|of| of.index).collect();
        let mut total = self.vdaf.aggregate_init();
        for (_, leaf) in (0..).zip(sum.leaves()?).filter(|(index, _)| !rejected.contains(index)) {
            let report = self.report_at(leaf)?;
            let output = self.vdaf.clear_output(report.leader_share.as_slice()).ok()?;
            total.accumulate(&output).ok()?;
        }
        Some(total)
    }
}

impl Verifier<'_> {
    /// The verdict on one report, with the leader's output if it is accepted.
    fn judge(
        &self,
        report: &Report,
        place: usize,
    ) -> Result<(VerifierMessage, OutputShare), Evidence> {
        let unusable = |aggregator| move || Evidence::Unusable(aggregator);
        let (state, own) = self
            .start(report, Aggregator::Leader, &leader_input(report))
            .ok_or_else(unusable(Aggregator::Leader))?;
        let mut shares = vec![own];
        for (seat, source) in &self.sources {
            let share = self.share_of(report, place, *seat, source);
            shares.push(share.ok_or_else(unusable(Aggregator::Helper(*seat)))?);
        }
        let vdaf = &self.batch.vdaf;
        let message = vdaf.verifier_shares_to_message(&self.context, &shares).ok();
        let public_share = public_share(report);
        let joint = vdaf.check_joint_randomness(&public_share, &shares).is_ok();
        let Some(message) = message.filter(|_| joint) else {
            let bytes = |share: &VerifierShare| Blob::from(share.as_bytes().to_vec());
            return Err(Evidence::Verification {
                body: Box::new(report.body.clone()),
                signature: report.signature,
                verifier_shares: shares.iter().map(bytes).collect(),
            });
        };
        // Succeeds whenever the checks above do.
        let output = vdaf.verify_next(&self.context, state, &message);
        output.map(|output| (message, output)).map_err(|_| Evidence::Unusable(Aggregator::Leader))
    }

    fn share_of(
        &self,
        report: &Report,
        place: usize,
        seat: Seat,
        source: &Source<'_>,
    ) -> Option<VerifierShare> {
        match source {
            Source::Received(chunk) => {
                let share = chunk.shares.get(place)?.as_ref()?;
                Some(VerifierShare::from_bytes(share.as_slice().to_vec()))
            }
            Source::Replayed(key) => {
                let input = self.open(report, seat, key)?;
                self.start(report, Aggregator::Helper(seat), &input).map(|(_, share)| share)
            }
        }
    }

    /// A recovered seat's share, opened as its keyholder would have.
    fn open(&self, report: &Report, seat: Seat, key: &SeatKey) -> Option<InputShare> {
        frozen_view(report, seat)?.open(key, &self.context, seat)
    }

    fn start(
        &self,
        report: &Report,
        aggregator: Aggregator,
        input_share: &InputShare,
    ) -> Option<(VerifyState, VerifierShare)> {
        let (nonce, public_share) = (Nonce(report.body.id.0), public_share(report));
        let view = ReportShare { nonce: &nonce, public_share: &public_share, input_share };
        self.batch.vdaf.verify_init(&self.context, &self.key, aggregator, view).ok()
    }
}

/// A report as one keyholder gets it.
pub(super) fn frozen_view(report: &Report, seat: Seat) -> Option<FrozenReport> {
    let sealed = match report.sealed.as_slice() {
        [] => Blob::from(Vec::new()),
        sealed => sealed.get(usize::from(seat.index()))?.clone(),
    };
    Some(FrozenReport { body: report.body.clone(), sealed, signature: report.signature })
}

/// The leaves of one chunk.
pub(super) fn leaves_of(sum: &Sum, chunk: u32) -> Option<&[FrozenLeaf]> {
    sum.leaves()?.chunks(CHUNK_REPORTS).nth(usize::try_from(chunk).ok()?)
}

fn leader_input(report: &Report) -> InputShare {
    InputShare::from_bytes(report.leader_share.as_slice().to_vec().into())
}

fn public_share(report: &Report) -> PublicShare {
    PublicShare::from_bytes(report.body.public_share.as_slice().to_vec())
}
