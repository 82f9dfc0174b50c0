//! What follows from an opened sum for the members: the threshold above which they are asked.
//!
//! A pure function of plan and aggregates: every live keyholder computes it again before it endorses an outcome,
//! and members act on nothing else.

use super::{CheckedPlan, Kind};
use crate::{
    aggregation::AggregateResult,
    ids::AggregationId,
    selection::{
        confirmation::Confirmation,
        open_scores::Ranking,
        refinement::Refined,
        threshold::{Histogram, Threshold, published_sigma_milli},
        unit::Bins,
    },
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;

/// Who is asked to flip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decision {
    /// By a threshold over the bins of the plan, and of the boundary bin after a second pass.
    Threshold(Refined),
    /// The first of these, where scores are open.
    Ranking(Ranking),
}

impl Decision {
    /// The threshold; nothing if scores are open.
    pub const fn threshold(&self) -> Option<Refined> {
        match self {
            Self::Threshold(refined) => Some(*refined),
            Self::Ranking(_) => None,
        }
    }
}

/// A sum from which no threshold follows: the plan is wrong, or somebody has opened something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no threshold follows from this sum")]
pub struct Undecidable;

impl CheckedPlan {
    /// What follows from the sum of `id`; `earlier` holds the results it depends on. `None` for sums that
    /// decide nothing.
    ///
    /// # Errors
    /// [`Undecidable`].
    pub fn decide(
        &self,
        id: AggregationId,
        result: &AggregateResult,
        earlier: &BTreeMap<AggregationId, AggregateResult>,
    ) -> Result<Option<Decision>, Undecidable> {
        let kind = self.aggregation(id).ok_or(Undecidable)?.kind;
        let (rule, bins) = (self.selection.rule, self.selection.bins);
        match kind {
            Kind::Selection if self.has_open_scores(id) => Err(Undecidable),
            Kind::Selection => {
                let coarse = self.histogram(id, result, bins)?;
                let coarse = rule.threshold(&coarse).map_err(|_| Undecidable)?;
                Ok(Some(Decision::Threshold(Refined { coarse, fine: None })))
            }
            Kind::Refinement => {
                let first = self.of_kind(Kind::Selection).ok_or(Undecidable)?;
                let coarse =
                    self.histogram(first, earlier.get(&first).ok_or(Undecidable)?, bins)?;
                let boundary = rule.threshold(&coarse).map_err(|_| Undecidable)?;
                let fine = bins.within(boundary.bin, bins.count()).map_err(|_| Undecidable)?;
                let fine = self.histogram(id, result, fine)?;
                let asked = rule.refine(&coarse, boundary, &fine).map_err(|_| Undecidable)?;
                Ok(Some(Decision::Threshold(asked)))
            }
            Kind::Confirmation if self.selection.top_up => {
                let coarse = self.topped_up(id, result, earlier)?;
                Ok(Some(Decision::Threshold(Refined { coarse, fine: None })))
            }
            Kind::Scale
            | Kind::Neighbours
            | Kind::Regressor
            | Kind::Confirmation
            | Kind::AuditBefore
            | Kind::AuditAfter => Ok(None),
        }
    }

    /// The second threshold, by the same draws as the first: whoever was asked stays asked.
    fn topped_up(
        &self,
        id: AggregationId,
        result: &AggregateResult,
        earlier: &BTreeMap<AggregationId, AggregateResult>,
    ) -> Result<Threshold, Undecidable> {
        let (rule, bins) = (self.selection.rule, self.selection.bins);
        let selection = self.of_kind(Kind::Selection).ok_or(Undecidable)?;
        let marked = earlier.get(&selection).ok_or(Undecidable)?;
        let histogram = self.histogram(selection, marked, bins)?;
        let first = rule.threshold(&histogram).map_err(|_| Undecidable)?;
        let AggregateResult::Grid(sum) = result else { return Err(Undecidable) };
        let sigma_milli = self.published_sigma_milli(id).ok_or(Undecidable)?;
        let standing = Confirmation::open(sum, sigma_milli).ok_or(Undecidable)?.standing(rule);
        let topped = rule.top_up(&histogram, first, standing).map_err(|_| Undecidable)?;
        Ok(topped.threshold)
    }

    fn histogram(
        &self,
        id: AggregationId,
        result: &AggregateResult,
        bins: Bins,
    ) -> Result<Histogram, Undecidable> {
        let AggregateResult::Grid(sum) = result else { return Err(Undecidable) };
        let counts = bins.counts(sum).map_err(|_| Undecidable)?;
        let sigma_milli = self.published_sigma_milli(id).ok_or(Undecidable)?;
        Ok(Histogram { bins, counts, reporters: sum.reporters(), sigma_milli })
    }

    /// Standard deviation of what is published in one aggregation, in thousandths of its centred units; 0 without
    /// noise.
    pub fn published_sigma_milli(&self, id: AggregationId) -> Option<u32> {
        self.aggregation(id)?
            .noise
            .map_or(Some(0), |noise| published_sigma_milli(noise, self.seats()))
    }
}
