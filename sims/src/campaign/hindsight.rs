//! A campaign in hindsight: everybody's records and keys beside its transcript.
//!
//! Only simulations and tests have such a place. From public randomness, records and campaign keys it computes what every
//! sum must hold and who is asked: by the code that people's own machines run, and by adding up in the clear.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use protocol::aggregation::noise::Role;
use protocol::aggregation::{AggregateResult, ClearError, sum_in_the_clear};
use protocol::campaign::{CheckedPlan, Decision, Kind, Undecidable};
use protocol::ids::{AggregationId, CampaignId};
use protocol::keys::sign::PublicKey;
use protocol::person::{Outcomes, Person, PersonError, View};
use protocol::roles::participant::CampaignKey;
use protocol::selection::open_scores::{OpenScore, OpenScoresError, Ranking};
use protocol::transcript::{Outcome, Sum, Transcript};

/// Somebody who may have taken part, whether or not a report of theirs counts.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The record, the campaign key, and what was said in the confirmation.
    pub person: Person,
    /// The firm's decision after it has retrained, as said in the audit after.
    pub accepted_after: Option<bool>,
}

/// Why there is no hindsight.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HindsightError {
    /// The keyholders have not endorsed a campaign.
    #[error("the transcript holds no manifest")]
    NoManifest,
    /// A report that counts is of nobody who is known.
    #[error("a report that counts in {0} is of nobody whose record is given")]
    Stranger(AggregationId),
    /// A record does not fit, or something it depends on is missing.
    #[error("{aggregation}: {error}")]
    Person {
        /// Where.
        aggregation: AggregationId,
        /// Why.
        error: PersonError,
    },
    /// The measurements do not add up.
    #[error("{aggregation}: {error}")]
    Clear {
        /// Where.
        aggregation: AggregationId,
        /// Why.
        error: ClearError,
    },
    /// Nobody can be asked by these sums.
    #[error(transparent)]
    Undecidable(#[from] Undecidable),
    /// A score in the open is of somebody who is no candidate.
    #[error("a score in {0} is of somebody who is no candidate")]
    NoCandidate(AggregationId),
    /// Scores in the open that have no ranking.
    #[error(transparent)]
    OpenScores(#[from] OpenScoresError),
}

/// What follows from everybody's records.
#[derive(Debug)]
pub struct Hindsight {
    /// Of every aggregation with an accepted set: the plaintext sum over it.
    pub sums: BTreeMap<AggregationId, AggregateResult>,
    /// By number, whose reports count where.
    pub counted: BTreeMap<AggregationId, BTreeSet<usize>>,
    /// Where scores are open, how those that are listed rank by the records of whom they are of.
    pub ranking: Option<Ranking>,
    /// By number, who is asked to flip. Empty if no selection has a result.
    pub asked: BTreeSet<usize>,
}

impl Hindsight {
    /// Looks back on a campaign; `people` holds everybody, by number.
    ///
    /// Noise is no part of it: sums with noise differ from these by it, and so may whom they ask.
    ///
    /// # Errors
    /// [`HindsightError`].
    pub fn of(transcript: &Transcript, people: &[Subject]) -> Result<Self, HindsightError> {
        let (_, manifest) = transcript.manifest().ok_or(HindsightError::NoManifest)?;
        let (plan, campaign) = (transcript.plan(), manifest.campaign());
        let known = Known { plan, campaign, people, by_key: by_key(campaign, people) };
        let mut hindsight = Self {
            sums: BTreeMap::new(),
            counted: BTreeMap::new(),
            ranking: None,
            asked: BTreeSet::new(),
        };
        let mut outcomes = Outcomes::new();
        for sum in transcript.sums() {
            hindsight.add(sum, &known, &mut outcomes)?;
        }
        hindsight.asked = known.asked(&outcomes)?;
        Ok(hindsight)
    }

    /// The sum of one kind.
    pub fn sum(&self, plan: &CheckedPlan, kind: Kind) -> Option<&AggregateResult> {
        self.sums.get(&plan.of_kind(kind)?)
    }

    /// Adds one aggregation, if a set of reports was accepted in it.
    fn add(
        &mut self,
        sum: &Sum,
        known: &Known<'_>,
        outcomes: &mut Outcomes,
    ) -> Result<(), HindsightError> {
        let (id, plan) = (sum.id(), known.plan);
        let (Some((_, opening)), Some(reporters), Some((_, published))) =
            (sum.opening(), accepted_reporters(sum), sum.outcome())
        else {
            return Ok(());
        };
        let Some(planned) = plan.aggregation(id) else { return Ok(()) };
        let person = |error| HindsightError::Person { aggregation: id, error };
        let view = View::derive(plan, opening, outcomes).map_err(person)?;
        if let Some(Decision::Ranking(listed)) = &published.decision {
            let ranking = self.rank(listed, id, known, (&view, opening.seed()))?;
            let decision = Some(Decision::Ranking(ranking.clone()));
            outcomes.insert(id, Arc::new(Outcome { decision, ..Outcome::clone(published) }));
            self.ranking = Some(ranking);
            return Ok(());
        }
        let mut counted = BTreeSet::new();
        let mut measured = Vec::with_capacity(reporters.len());
        for reporter in reporters {
            let number = *known.by_key.get(&reporter).ok_or(HindsightError::Stranger(id))?;
            let subject = known.people.get(number).ok_or(HindsightError::Stranger(id))?;
            let mut who = subject.person.clone();
            if planned.kind == Kind::AuditAfter {
                who.accepted = subject.accepted_after;
            }
            measured.push(who.measure(plan, &view).map_err(person)?);
            counted.insert(number);
        }
        let clear = |error| HindsightError::Clear { aggregation: id, error };
        let result = sum_in_the_clear(&planned.circuit, measured, &[]).map_err(clear)?;
        let decision = plan.decide(id, &result, &self.sums)?;
        let outcome = Outcome {
            context: protocol::ids::Hash(opening.context().0),
            seed: opening.seed(),
            accepted: result.reporters(),
            values: result.values(),
            decision,
            ..Outcome::clone(published)
        };
        outcomes.insert(id, Arc::new(outcome));
        self.sums.insert(id, result);
        self.counted.insert(id, counted);
        Ok(())
    }

    /// How scores in the open rank if everybody who has listed one tells the score of its record.
    fn rank(
        &mut self,
        listed: &Ranking,
        id: AggregationId,
        known: &Known<'_>,
        (view, seed): (&View, [u8; 32]),
    ) -> Result<Ranking, HindsightError> {
        let plan = known.plan;
        let mut scores = Vec::with_capacity(listed.scores.len());
        for of in &listed.scores {
            let number = *known.by_key.get(&of.reporter).ok_or(HindsightError::Stranger(id))?;
            let subject = known.people.get(number).ok_or(HindsightError::Stranger(id))?;
            let person = |error| HindsightError::Person { aggregation: id, error };
            let score = subject.person.candidate_score(plan, view).map_err(person)?;
            let score = score.ok_or(HindsightError::NoCandidate(id))?;
            scores.push(OpenScore { score, ..*of });
            self.counted.entry(id).or_default().insert(number);
        }
        Ok(Ranking::of(&scores, plan.selection.rule, &seed)?)
    }
}

struct Known<'a> {
    plan: &'a CheckedPlan,
    campaign: CampaignId,
    people: &'a [Subject],
    by_key: BTreeMap<PublicKey, usize>,
}

impl Known<'_> {
    /// By what their own machines would compute.
    fn asked(&self, outcomes: &Outcomes) -> Result<BTreeSet<usize>, HindsightError> {
        let decided = self.plan.of_kind(Kind::Selection).filter(|id| outcomes.contains_key(id));
        let Some(id) = decided else { return Ok(BTreeSet::new()) };
        let failed = |error| HindsightError::Person { aggregation: id, error };
        let view = View::of_decision(self.plan, self.campaign, outcomes).map_err(failed)?;
        let mut asked = BTreeSet::new();
        let members = self.people.iter().enumerate();
        for (number, subject) in members.filter(|(_, of)| of.person.role == Role::Member) {
            if subject.person.is_asked(self.plan, &view).map_err(failed)? {
                asked.insert(number);
            }
        }
        Ok(asked)
    }
}

fn by_key(campaign: CampaignId, people: &[Subject]) -> BTreeMap<PublicKey, usize> {
    let key = |subject: &Subject| {
        CampaignKey::from_bytes(subject.person.secret).signing_key(campaign).public()
    };
    people.iter().enumerate().map(|(number, subject)| (key(subject), number)).collect()
}

fn accepted_reporters(sum: &Sum) -> Option<Vec<PublicKey>> {
    let rejected: BTreeSet<u32> =
        sum.rejections()?.iter().map(|rejection| rejection.index).collect();
    let leaves = (0..).zip(sum.leaves()?);
    Some(leaves.filter(|(i, _)| !rejected.contains(i)).map(|(_, leaf)| leaf.reporter).collect())
}
