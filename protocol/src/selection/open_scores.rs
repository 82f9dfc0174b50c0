//! Fewer than 12 members: scores in the open, under pseudonyms.
//!
//! A candidate signs its score and reports it as it would report shares; nobody else sends anything. When the
//! aggregation closes, all scores stand in the transcript, and the ranking follows: everybody can recompute it, and
//! each candidate finds its own key.
//!
//! # Security
//! It reveals that each key has a negative label, its score, and whether it is asked; and of every other member that
//! it has a positive label or stays silent. No noise protects any of this. People must be told: [`NOTICE`].
//!
//! Source: docs/PROTOCOL.md section 9.

#![deny(clippy::indexing_slicing, clippy::wildcard_enum_match_arm, clippy::as_conversions)]

use super::{
    ScoredCandidate, ranking,
    threshold::{Rule, ThresholdError},
    unit::Unit,
};
use crate::{
    aggregation::Context,
    ids::{Blob, Hash, ReportId},
    keys::sign::{BadSignature, PublicKey, Signature, SigningKey},
    report::{self, Report, ReportBody, share_hash},
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// From this many members on, scores are summed in private instead.
pub const OPEN_SCORES_BELOW: usize = 12;

/// What everybody is told before they take part in a campaign with open scores.
pub const NOTICE: &str = "Scores are open in this campaign, because it has fewer than 12 members. Whoever sends a \
score says that its label is negative. The coordinator, the keyholders and everybody who reads the transcript see, \
for each pseudonym, its score and whether it is asked to flip. Members who send none are taken to have a positive \
label. Unless scores are random, whoever knows a member's features, such as the firm, can compute its score and so \
tell which pseudonym is whose. No noise hides any of this.";

/// What one candidate sends, as it stands in the transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenScore {
    /// Of its report.
    pub id: ReportId,
    /// The candidate's key in this campaign.
    pub reporter: PublicKey,
    /// Greater is asked sooner.
    pub score: Unit,
    /// Of the report's body; absent without cryptography.
    pub signature: Signature,
}

/// Who is asked where scores are open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranking {
    /// All scores, first asked first.
    pub scores: Vec<OpenScore>,
    /// How many of them are asked.
    pub asked: u32,
}

/// Scores that are not ranked in the open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenScoresError {
    /// As many as can have a private sum.
    #[error("{got} open scores; allowed: fewer than {OPEN_SCORES_BELOW}")]
    TooMany {
        /// How many.
        got: usize,
    },
    /// One key, two scores.
    #[error("a key has two scores")]
    Repeated,
    /// An impossible rule.
    #[error(transparent)]
    Rule(#[from] ThresholdError),
}

/// The report of a score: its public share is the score, and there is nothing secret in it.
pub(crate) fn report(context: &Context, id: ReportId, score: Unit, key: &SigningKey) -> Report {
    let unsigned = OpenScore { id, reporter: key.public(), score, signature: Signature::ABSENT };
    let body = unsigned.body(context);
    let signature = body.sign(key);
    Report { body, leader_share: Blob::from(Vec::new()), sealed: Vec::new(), signature }
}

impl OpenScore {
    /// The score of a report; nothing if the report is none of a score.
    pub fn of(report: &Report) -> Option<Self> {
        let ReportBody { id, reporter, .. } = report.body;
        let bytes = report.body.public_share.as_slice().try_into().ok()?;
        let score = Unit::from_step(u32::from_le_bytes(bytes));
        let whole = report.leader_share.is_empty() && report.sealed.is_empty();
        whole.then_some(Self { id, reporter, score, signature: report.signature })
    }

    /// What was signed.
    pub fn body(&self, context: &Context) -> ReportBody {
        ReportBody {
            context: Hash(context.0),
            reporter: self.reporter,
            id: self.id,
            public_share: Blob::from(self.score.step().to_le_bytes().to_vec()),
            leader_share: share_hash(&Blob::from(Vec::new())),
            sealed: Vec::new(),
        }
    }

    /// The leaf of its report.
    pub fn leaf(&self, context: &Context) -> Hash {
        report::leaf(&self.body(context), &self.signature)
    }

    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, context: &Context) -> Result<(), BadSignature> {
        self.body(context).verify(&self.signature)
    }
}

impl Ranking {
    /// Ranks scores: as many are asked as the rule says, rounded down. Ties fall by [`ranking`] under the first eight
    /// bytes of the public randomness; a candidate's row is the place of its key in ascending order, so that the
    /// order of arrival does not matter.
    ///
    /// # Errors
    /// Every [`OpenScoresError`].
    pub fn of(
        scores: &[OpenScore],
        rule: Rule,
        public_seed: &[u8; 32],
    ) -> Result<Self, OpenScoresError> {
        if scores.len() >= OPEN_SCORES_BELOW {
            return Err(OpenScoresError::TooMany { got: scores.len() });
        }
        let mut by_key = scores.to_vec();
        by_key.sort_unstable_by_key(|score| score.reporter);
        if by_key.iter().zip(by_key.iter().skip(1)).any(|(a, b)| a.reporter == b.reporter) {
            return Err(OpenScoresError::Repeated);
        }
        let candidate = |(row, score): (usize, &OpenScore)| ScoredCandidate {
            row,
            score: f64::from(score.score.step()),
        };
        let candidates: Vec<_> = by_key.iter().enumerate().map(candidate).collect();
        let mut first = [0; 8];
        first.iter_mut().zip(public_seed).for_each(|(to, from)| *to = *from);
        let seed = u64::from_le_bytes(first);
        let order = ranking(&candidates, seed);
        let scores: Vec<_> = order.iter().filter_map(|row| by_key.get(*row).copied()).collect();
        let wanted = u32::try_from(rule.target()? >> 32).unwrap_or(u32::MAX);
        let there = u32::try_from(scores.len()).unwrap_or(u32::MAX);
        Ok(Self { scores, asked: wanted.min(there) })
    }

    /// Whether this key is asked.
    pub fn asks(&self, reporter: &PublicKey) -> bool {
        let asked = usize::try_from(self.asked).unwrap_or(usize::MAX);
        self.scores.iter().take(asked).any(|score| score.reporter == *reporter)
    }

    /// The leaves of its reports, ascending by id, as they are frozen.
    pub fn leaves(&self, context: &Context) -> Vec<Hash> {
        let mut scores = self.scores.clone();
        scores.sort_unstable_by_key(|score| score.id);
        scores.iter().map(|score| score.leaf(context)).collect()
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test stops where it is wrong")]
mod tests {
    use super::*;
    use crate::scoring::method::Method;

    const CONTEXT: Context = Context([5; 32]);
    const RULE: Rule = Rule { flip_budget: 2, no_show_milli: 0, safe_cap: 4 };

    fn key(number: u8) -> SigningKey {
        SigningKey::from_bytes(&[number; 32])
    }

    fn people(scores: &[f64]) -> Vec<OpenScore> {
        let score = |(number, u): (u8, &f64)| {
            let unit = Unit::of(Method::RbProb, *u, 1).unwrap();
            let id = ReportId([number; 16]);
            OpenScore::of(&report(&CONTEXT, id, unit, &key(number))).unwrap()
        };
        (0..).zip(scores).map(score).collect()
    }

    #[test]
    fn the_highest_are_asked_whatever_the_order() {
        let mut people = people(&[0.1, 0.9, 0.5, 0.5]);
        let first = Ranking::of(&people, RULE, &[3; 32]).unwrap();
        assert_eq!(first.scores[0].reporter, key(1).public());
        assert!(first.asks(&key(1).public()) && !first.asks(&key(0).public()));
        people.reverse();
        assert_eq!(Ranking::of(&people, RULE, &[3; 32]).unwrap(), first);
        let over = Rule { no_show_milli: 400, ..RULE };
        assert_eq!(Ranking::of(&people, over, &[3; 32]).unwrap().asked, 3);
        let capped = Rule { no_show_milli: 900, ..RULE };
        assert_eq!(Ranking::of(&people, capped, &[3; 32]).unwrap().asked, 4);
    }

    #[test]
    fn equal_scores_fall_by_the_public_randomness() {
        let people = people(&[0.5; 6]);
        let first = |seed: u8| Ranking::of(&people, RULE, &[seed; 32]).unwrap().scores[0].reporter;
        let winners: std::collections::BTreeSet<_> = (0..40).map(first).collect();
        assert!(winners.len() > 3, "{}", winners.len());
    }

    #[test]
    fn many_and_repeated_are_refused() {
        let many = people(&[0.5; 12]);
        let verdict = Ranking::of(&many, RULE, &[0; 32]);
        assert_eq!(verdict, Err(OpenScoresError::TooMany { got: 12 }));
        let mut twice = people(&[0.5; 2]);
        twice[1].reporter = twice[0].reporter;
        assert_eq!(Ranking::of(&twice, RULE, &[0; 32]), Err(OpenScoresError::Repeated));
    }

    #[test]
    fn a_score_is_signed_for_its_context() {
        let score = people(&[0.25])[0];
        assert_eq!(score.verify(&CONTEXT), Ok(()));
        assert_eq!(score.verify(&Context([6; 32])), Err(BadSignature));
        let higher = OpenScore { score: Unit::from_step(u32::MAX), ..score };
        assert_eq!(higher.verify(&CONTEXT), Err(BadSignature));
        assert_ne!(higher.leaf(&CONTEXT), score.leaf(&CONTEXT));
    }

    #[test]
    fn the_leaf_is_that_of_the_report() {
        let sent = report(&CONTEXT, ReportId([1; 16]), Unit::from_step(7), &key(1));
        assert!(sent.is_whole());
        assert_eq!(OpenScore::of(&sent).unwrap().leaf(&CONTEXT), sent.leaf());
        let mut longer = sent;
        longer.leader_share = Blob::from(vec![0]);
        assert_eq!(OpenScore::of(&longer), None);
    }
}
