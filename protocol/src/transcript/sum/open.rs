//! Scores in the open: what may be posted, and the ranking that follows.

use super::{Sum, Surroundings};
use crate::{
    aggregation::noise::Role,
    campaign::{CheckedManifest, Decision},
    ids::{AggregationId, Hash},
    selection::open_scores::{OPEN_SCORES_BELOW, OpenScore, Ranking},
    transcript::{Author, FrozenLeaf, Outcome, Post, Transcript, Violation, merkle, organiser},
};
use std::collections::BTreeSet;

impl Transcript {
    /// Sums are frozen, verified and released; scores are listed. Never both.
    pub(super) fn check_mode(&self, id: AggregationId, post: &Post) -> Result<(), Violation> {
        let open = self.plan.has_open_scores(id);
        let fits = match post {
            Post::Scores { .. } => open,
            Post::Leaves { .. }
            | Post::Freeze { .. }
            | Post::VerifyKeyPart { .. }
            | Post::Rejections { .. }
            | Post::Accepted { .. }
            | Post::ShareCommitment { .. }
            | Post::Share { .. }
            | Post::RecoveryShare { .. } => !open,
            Post::Plan(_)
            | Post::Keys(_)
            | Post::Deal(_)
            | Post::Complaint { .. }
            | Post::Manifest(_)
            | Post::Roster(_)
            | Post::Begin(_)
            | Post::Beacon { .. }
            | Post::Opening(_)
            | Post::Outcome(_)
            | Post::Endorse { .. }
            | Post::Loss { .. }
            | Post::Abort { .. } => true,
        };
        if fits { Ok(()) } else { Err(Violation::Order { needs: "the plan's way of selecting" }) }
    }

    /// How many members there are, if these are too many for open scores.
    pub(crate) fn too_many_members(&self, id: AggregationId) -> Option<u32> {
        // Asked with every request: the roster is counted only where it matters.
        let roster = self.roster.as_ref().filter(|_| self.plan.has_open_scores(id))?;
        let members = roster.values().filter(|role| **role == Role::Member).count();
        (members >= OPEN_SCORES_BELOW).then(|| u32::try_from(members).unwrap_or(u32::MAX))
    }

    pub(super) fn list_scores(
        &self,
        sum: &mut Sum,
        around: &Surroundings<'_>,
        author: Author,
        scores: &[OpenScore],
    ) -> Result<(), Violation> {
        organiser(author)?;
        if sum.scores.is_some() {
            return Err(Violation::Repeated { author });
        }
        let needs = "an opening that all live keyholders endorse";
        let context = sum.context().filter(|_| around.opening_endorsed);
        let context = context.ok_or(Violation::Order { needs })?;
        let reporters: BTreeSet<_> = scores.iter().map(|score| score.reporter).collect();
        let ascending = scores.is_sorted_by(|left, right| left.id < right.id);
        if !ascending || reporters.len() != scores.len() {
            return Err(Violation::Contradiction { what: "a score that counts twice" });
        }
        let member = |score: &OpenScore| {
            let role = self.roster.as_ref().and_then(|roster| roster.get(&score.reporter));
            role == Some(&Role::Member)
        };
        if !scores.iter().all(member) {
            return Err(Violation::Contradiction { what: "a score of somebody not concerned" });
        }
        let private = self.plan.is_private();
        if private && scores.iter().any(|score| score.verify(&context).is_err()) {
            return Err(Violation::Contradiction { what: "a score that was not signed" });
        }
        let leaf = |score: &OpenScore| FrozenLeaf {
            id: score.id,
            reporter: score.reporter,
            leaf: score.leaf(&context),
        };
        sum.leaves = Some(scores.iter().map(leaf).collect());
        sum.rejections = Some(Vec::new());
        sum.scores = Some(scores.to_vec());
        Ok(())
    }
}

impl Sum {
    /// The outcome that follows from the listed scores: freeze and accepted set are these scores.
    pub(super) fn ranked(&self, manifest: &CheckedManifest) -> Result<Outcome, Violation> {
        let order = Violation::Order { needs: "the list of scores" };
        let scores = self.scores.as_ref().ok_or_else(|| order.clone())?;
        let leaves = self.accepted_leaves().ok_or_else(|| order.clone())?;
        let (_, opening) = self.opening.as_ref().ok_or(order)?;
        let seed = opening.seed();
        let unranked = |_| Violation::Contradiction { what: "scores that have no ranking" };
        let ranking = Ranking::of(scores, manifest.selection.rule, &seed).map_err(unranked)?;
        let root = merkle::root(&leaves);
        let count = u32::try_from(leaves.len()).unwrap_or(u32::MAX);
        Ok(Outcome {
            aggregation: self.id,
            context: Hash(opening.context().0),
            seed,
            frozen_root: root,
            frozen: count,
            accepted_root: root,
            accepted: count,
            values: Vec::new(),
            decision: Some(Decision::Ranking(ranking)),
        })
    }
}
