//! What people and keyholders ask for.

use super::{
    Coordinator, Phase,
    verification::{frozen_view, leaves_of},
};
use crate::{
    ids::{AggregationId, Hash, ReportId},
    keys::seat::Seat,
    messages::{ENTRIES_MAX, Inclusion, Place, Reject, Response},
    roles::Time,
    transcript::{AbortReason, Endorsed, Sum, merkle},
};
use std::sync::Arc;

/// The most bytes of entries in one answer, unless a single one has more.
pub const ENTRIES_BYTES_MAX: usize = 4 << 20;

/// Whoever asks too early asks again after a quarter of the keyholders' patience, within these bounds.
const LATER_MILLIS: (u64, u64) = (100, 60_000);

impl Coordinator {
    /// Not before `at`, which may be in the past.
    pub(super) fn later(&self, now: Time, at: Time) -> Response {
        let (least, most) = LATER_MILLIS;
        let pause = (self.transcript.plan().patience_millis / 4).clamp(least, most);
        Response::Later(now.after_millis(pause).max(at))
    }

    pub(super) fn follow(&self, from: u64) -> Response {
        let Some((first, sizes)) = usize::try_from(from)
            .ok()
            .and_then(|first| Some((first, self.entry_bytes.get(first..)?)))
        else {
            return Response::Refused(Reject::Unknown);
        };
        let mut bytes = 0_usize;
        let fits = |size: &&usize| {
            bytes = bytes.saturating_add(**size);
            bytes <= ENTRIES_BYTES_MAX
        };
        let count = sizes.iter().take_while(fits).count().clamp(1, ENTRIES_MAX);
        let entries = self.entries.iter().skip(first).take(count).cloned().collect();
        Response::Entries { from, entries }
    }

    pub(super) fn campaign(&self, now: Time) -> Response {
        let endorsed = self.transcript.manifest().and_then(|(entry, _)| self.endorsed(entry));
        match (&self.manifest, endorsed) {
            (Some(manifest), Some(endorsed)) => {
                Response::Campaign { manifest: Arc::clone(manifest), endorsed }
            }
            _ if self.is_stillborn(now) => Response::Refused(Reject::EnrolmentClosed),
            _ => self.later(now, Time::default()),
        }
    }

    fn endorsed(&self, entry: &Hash) -> Option<Arc<Endorsed>> {
        self.endorsable.get(entry)?.complete.clone()
    }

    /// Why an aggregation has no result, if it will never have one.
    fn ended(&self, now: Time, id: AggregationId) -> Option<AbortReason> {
        if let Some(Phase::Aborted(reason)) = self.phase(id) {
            return Some(reason);
        }
        (self.is_stillborn(now) || self.is_stranded(now, id)).then_some(AbortReason::KeyholdersLost)
    }

    pub(super) fn opening(&self, now: Time, aggregation: AggregationId) -> Response {
        let Some((sum, plan)) =
            self.transcript.sum(aggregation).zip(self.transcript.plan().aggregation(aggregation))
        else {
            return Response::Refused(Reject::Unknown);
        };
        if let Some(reason) = self.ended(now, aggregation) {
            return Response::Aborted { aggregation, reason };
        }
        match sum.opening().and_then(|(entry, _)| self.endorsed(entry)) {
            Some(endorsed) => Response::Opening(endorsed),
            None => self.later(now, plan.opens),
        }
    }

    pub(super) fn frozen(&self, seat: Seat, aggregation: AggregationId, chunk: u32) -> Response {
        let (Some(sum), Some(batch)) = (self.transcript.sum(aggregation), self.batch(aggregation))
        else {
            return Response::Refused(Reject::Unknown);
        };
        // Refused, so that the keyholder follows and sees the end.
        if self.phase(aggregation).is_none_or(Phase::is_end) || sum.freeze().is_none() {
            return Response::Refused(Reject::NotCollecting);
        }
        if !self.transcript.live(Some(aggregation)).contains(seat) {
            return Response::Refused(Reject::NotYours);
        }
        let leaves = leaves_of(sum, chunk).unwrap_or_default();
        let reports: Option<Vec<_>> = leaves
            .iter()
            .map(|leaf| batch.report_at(leaf).and_then(|report| frozen_view(report, seat)))
            .collect();
        match reports {
            Some(reports) if !reports.is_empty() => {
                Response::Frozen { aggregation, chunk, reports }
            }
            Some(_) | None => Response::Refused(Reject::Unknown),
        }
    }

    pub(super) fn outcome(
        &mut self,
        now: Time,
        aggregation: AggregationId,
        report: Option<ReportId>,
    ) -> Response {
        let Some(plan) = self.transcript.plan().aggregation(aggregation) else {
            return Response::Refused(Reject::Unknown);
        };
        let closes = plan.closes;
        let outcome = self.transcript.sum(aggregation).and_then(Sum::outcome);
        let endorsed = outcome.and_then(|(entry, _)| self.endorsed(entry));
        match (endorsed, self.ended(now, aggregation)) {
            (Some(endorsed), _) => {
                let inclusion = report.and_then(|report| self.inclusion(aggregation, report));
                Response::Outcome { endorsed, inclusion }
            }
            (None, Some(reason)) => Response::Aborted { aggregation, reason },
            (None, None) => self.later(now, closes),
        }
    }

    fn inclusion(&mut self, id: AggregationId, report: ReportId) -> Option<Inclusion> {
        let trees = self.trees(id)?;
        let sum = self.transcript.sum(id)?;
        let index = sum.leaves()?.binary_search_by_key(&report, |leaf| leaf.id).ok()?;
        let rejections = sum.rejections()?;
        let number = u32::try_from(index).ok()?;
        let accepted = match rejections.binary_search_by_key(&number, |of| of.index) {
            Ok(_) => None,
            Err(before) => Some(place(&trees.accepted, index.checked_sub(before)?)?),
        };
        Some(Inclusion { frozen: place(&trees.frozen, index)?, accepted })
    }
}

fn place(tree: &merkle::Tree, index: usize) -> Option<Place> {
    let proof = tree.proof(index)?;
    Some(Place { index: u32::try_from(index).ok()?, proof })
}
