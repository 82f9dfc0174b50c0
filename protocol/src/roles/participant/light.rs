//! Endorsed documents, verified without reading the transcript: the one place that decides what people act on.
//!
//! Source: docs/PROTOCOL.md section 8.

use crate::{
    aggregation::{AggregateResult, Context},
    campaign::{CheckedManifest, Decision, Manifest},
    ids::{AggregationId, CampaignId, Hash, SeatSet},
    keys::seat::{BeaconPart, Seat},
    messages::{Inclusion, Place},
    selection::open_scores::{OpenScore, Ranking},
    transcript::{Endorsed, EndorsementError, Opening, Outcome, Post, merkle},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use thiserror::Error;

/// The coordinator, or a keyholder, has broken the protocol towards this person. Nothing more is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Alarm {
    /// The manifest is not the one of the invite, or no good.
    #[error("the campaign is not the one of the invite")]
    Manifest,
    /// The token was not made with the campaign's key: a key for few people would tell them apart.
    #[error("the token was made with another key than the campaign's: it would tell you apart")]
    Issuer,
    /// Not all live keyholders stand behind a document.
    #[error("{document} is not endorsed by the keyholders: {error}")]
    Endorsement {
        /// Which.
        document: Document,
        /// Why.
        error: EndorsementError,
    },
    /// An endorsed document contradicts the plan or itself.
    #[error("{document} contradicts the plan")]
    Contradiction {
        /// Which.
        document: Document,
    },
    /// Two endorsed documents where there may be one: different people are told different things.
    #[error("there are two versions of {document}, both endorsed by the keyholders")]
    Equivocation {
        /// Which.
        document: Document,
    },
    /// A receipt that is none.
    #[error("the receipt for the report to {aggregation} is forged or for another report")]
    Receipt {
        /// Where.
        aggregation: AggregationId,
    },
    /// There is a receipt, and the report is not in the freeze.
    #[error("the report to {aggregation} was received and then left out")]
    NotIncluded {
        /// Where.
        aggregation: AggregationId,
    },
    /// It was taken back, and is in the freeze.
    #[error("the report to {aggregation} was taken back and then used")]
    Withdrawn {
        /// Where.
        aggregation: AggregationId,
    },
}

/// What keyholders endorse and people read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Document {
    /// Of the campaign.
    Manifest,
    /// Of an aggregation.
    Opening(AggregationId),
    /// Of an aggregation.
    Outcome(AggregationId),
}

impl std::fmt::Display for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Manifest => f.write_str("the manifest"),
            Self::Opening(id) => write!(f, "the opening of {id}"),
            Self::Outcome(id) => write!(f, "the outcome of {id}"),
        }
    }
}

/// What became of one report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Counted {
    /// It is in the sum.
    Accepted,
    /// It was frozen and does not count: an aggregator could not use it, or its proof did not hold.
    Rejected,
    /// It is not shown to be in the freeze.
    Absent,
}

/// The campaign that an invite names.
///
/// # Errors
/// [`Alarm`].
pub fn campaign(
    manifest: &Manifest,
    endorsed: &Endorsed,
    expected: CampaignId,
    held: Option<&Arc<CheckedManifest>>,
) -> Result<Arc<CheckedManifest>, Alarm> {
    let manifest = checked(manifest, held).ok_or(Alarm::Manifest)?;
    if manifest.campaign() != expected {
        return Err(Alarm::Manifest);
    }
    let document = Document::Manifest;
    let post = verify(&manifest, endorsed, document)?;
    if *post == Post::Manifest(expected) {
        Ok(manifest)
    } else {
        Err(Alarm::Contradiction { document })
    }
}

/// A manifest, checked; `held` is one that the caller has checked before, so that many people on one machine share
/// one.
pub(super) fn checked(
    manifest: &Manifest,
    held: Option<&Arc<CheckedManifest>>,
) -> Option<Arc<CheckedManifest>> {
    if let Some(held) = held.filter(|held| held.is_of(manifest)) {
        return Some(Arc::clone(held));
    }
    CheckedManifest::new(manifest.clone()).ok().map(Arc::new)
}

/// The opening of an aggregation; `results` are the entries of the outcomes it depends on, in the plan's order.
///
/// # Errors
/// [`Alarm`]; if all keyholders stand behind other results, [`Alarm::Equivocation`].
pub fn opening<'a>(
    manifest: &CheckedManifest,
    aggregation: AggregationId,
    endorsed: &'a Endorsed,
    results: &[Hash],
) -> Result<&'a Opening, Alarm> {
    let document = Document::Opening(aggregation);
    verify(manifest, endorsed, document)?;
    let Post::Opening(opening) = &endorsed.entry.signed.post else {
        return Err(Alarm::Contradiction { document });
    };
    let planned = manifest.aggregation(aggregation).map(|of| of.closes);
    if opening.aggregation != aggregation
        || opening.campaign != manifest.campaign()
        || planned != Some(opening.closes)
        || !keeps_promises(manifest, opening, endorsed)
    {
        return Err(Alarm::Contradiction { document });
    }
    if opening.results == results { Ok(opening) } else { Err(Alarm::Equivocation { document }) }
}

/// Whether the public randomness is what the manifest has promised, of all live keyholders: not even all of them
/// together can choose it later.
fn keeps_promises(manifest: &CheckedManifest, opening: &Opening, endorsed: &Endorsed) -> bool {
    let kept = |(seat, part): &(Seat, [u8; 32])| {
        let promise = manifest.seat_aggregation(*seat, opening.aggregation);
        promise.is_some_and(|of| BeaconPart::from_bytes(*part).commitment() == of.beacon_part)
    };
    let revealed: SeatSet = opening.beacon.iter().map(|(seat, _)| *seat).collect();
    opening.beacon.is_sorted_by(|(left, _), (right, _)| left < right)
        && opening.beacon.iter().all(kept)
        && manifest.all_seats().without(endorsed.lost).is_within(revealed)
}

/// The outcome of an aggregation; `context` is that of the opening, if it is known.
///
/// # Errors
/// [`Alarm`]; if all keyholders stand behind another opening's outcome, [`Alarm::Equivocation`].
pub fn outcome<'a>(
    manifest: &CheckedManifest,
    aggregation: AggregationId,
    endorsed: &'a Endorsed,
    context: Option<&Context>,
) -> Result<&'a Arc<Outcome>, Alarm> {
    let document = Document::Outcome(aggregation);
    let contradiction = Alarm::Contradiction { document };
    verify(manifest, endorsed, document)?;
    let Post::Outcome(outcome) = &endorsed.entry.signed.post else {
        return Err(contradiction);
    };
    let enough = manifest.has_open_scores(aggregation) || outcome.accepted >= manifest.cohort_min;
    if outcome.aggregation != aggregation || !enough || outcome.accepted > outcome.frozen {
        return Err(contradiction);
    }
    if context.is_some_and(|context| context.0 != outcome.context.0) {
        return Err(Alarm::Equivocation { document });
    }
    if fits(manifest, outcome) { Ok(outcome) } else { Err(contradiction) }
}

/// Whether an outcome is one that its aggregation can have: a sum of its circuit, or rightly ranked scores.
pub(super) fn fits(manifest: &CheckedManifest, outcome: &Outcome) -> bool {
    if manifest.has_open_scores(outcome.aggregation) {
        return is_rightly_ranked(manifest, outcome);
    }
    let ranks = matches!(outcome.decision, Some(Decision::Ranking(_)));
    !ranks && result(manifest, outcome).is_some()
}

/// Whether the ranking holds the very scores of the roots, signed, in the order and to the number that follow from
/// the plan: what keyholders check before they endorse it, people check again.
fn is_rightly_ranked(manifest: &CheckedManifest, outcome: &Outcome) -> bool {
    let Some(Decision::Ranking(ranking)) = &outcome.decision else { return false };
    let context = Context(outcome.context.0);
    let again = Ranking::of(&ranking.scores, manifest.selection.rule, &outcome.seed);
    let signed = |score: &OpenScore| !manifest.is_private() || score.verify(&context).is_ok();
    let leaves = ranking.leaves(&context);
    let (root, count) = (merkle::root(&leaves), u32::try_from(leaves.len()).ok());
    again.as_ref() == Ok(ranking)
        && ranking.scores.iter().all(signed)
        && [outcome.frozen_root, outcome.accepted_root] == [root, root]
        && [Some(outcome.frozen), Some(outcome.accepted)] == [count, count]
        && outcome.values.is_empty()
}

/// What the sum of an outcome says.
pub fn result(manifest: &CheckedManifest, outcome: &Outcome) -> Option<AggregateResult> {
    let vdaf = manifest.vdaf(outcome.aggregation)?;
    vdaf.result(outcome.values.clone(), outcome.accepted).ok()
}

/// What became of the report with this leaf. A place that does not hold counts as none.
pub fn counted(outcome: &Outcome, leaf: Hash, inclusion: Option<&Inclusion>) -> Counted {
    let Some(Inclusion { frozen, accepted }) = inclusion else { return Counted::Absent };
    let holds = |root: &Hash, count: u32, place: &Place| {
        let [count, index] =
            [count, place.index].map(|of| usize::try_from(of).unwrap_or(usize::MAX));
        merkle::includes(root, count, index, leaf, &place.proof)
    };
    if !holds(&outcome.frozen_root, outcome.frozen, frozen) {
        return Counted::Absent;
    }
    match accepted {
        None => Counted::Rejected,
        Some(place) if holds(&outcome.accepted_root, outcome.accepted, place) => Counted::Accepted,
        Some(_) => Counted::Absent,
    }
}

fn verify<'a>(
    manifest: &CheckedManifest,
    endorsed: &'a Endorsed,
    document: Document,
) -> Result<&'a Post, Alarm> {
    let aggregation = match document {
        Document::Manifest => None,
        Document::Opening(id) | Document::Outcome(id) => Some(id),
    };
    endorsed.verify(manifest, aggregation).map_err(|error| Alarm::Endorsement { document, error })
}
