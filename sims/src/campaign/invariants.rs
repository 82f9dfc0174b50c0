//! What must hold after every event of every campaign, whatever goes wrong: invariants I1 to I9.
//!
//! The watch sees the disks of all nodes and every message, and knows what honest people measured: only a simulation
//! has such a place. It keeps cursors, so that an event costs what is new in it.

use std::collections::{BTreeMap, BTreeSet};

use protocol::aggregation::{Context, Measurement, sum_in_the_clear};
use protocol::campaign::Decision;
use protocol::ids::{AggregationId, Hash, ReportId};
use protocol::keys::sign::PublicKey;
use protocol::messages::{Request, Response};
use protocol::roles::{coordinator, participant};
use protocol::selection::open_scores::OpenScore;
use protocol::transcript::{Author, FrozenLeaf, Outcome, Post};

use super::adversary::Mischief;
use super::cast::{Cast, ClientRecord};
use super::crowd::Crowd;
use crate::network::{Body, ClientId, Ended, Event, Moment, Node, World};

/// An invariant that does not hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Breach {
    /// Somebody counts twice.
    #[error("I1: somebody counts twice in {0}")]
    CountsTwice(AggregationId),
    /// The sum is not that of the accepted reports.
    #[error("I2: the sum of {0} is not the plaintext sum over its accepted reports")]
    WrongSum(AggregationId),
    /// Too few people in a sum, or a second set.
    #[error("I3: {0} is frozen for fewer than a cohort, or twice")]
    Cohort(AggregationId),
    /// A receipt without a place in the freeze, or a place without a report.
    #[error("I4: receipts and the freeze of {0} do not agree")]
    Receipts(AggregationId),
    /// Reports that are bound to different openings.
    #[error("I5: a report to {0} is bound to another opening")]
    Context(AggregationId),
    /// A report that was taken back is in the freeze.
    #[error("I6: a report to {0} was taken back and is in the freeze")]
    Withdrawn(AggregationId),
    /// The journal is no prefix of one story.
    #[error("I7: the coordinator's journal is not a prefix of its transcript")]
    Journal,
    /// Somebody sent what they had not agreed to, or not prepared.
    #[error(
        "I8: a participant sent something before it consented, or a report it had not prepared"
    )]
    Unasked,
    /// The campaign did not end.
    #[error("I9: the campaign did not end")]
    Endless,
}

/// Looks at everything.
#[derive(Debug, Default)]
pub struct Watch {
    seats: u32,
    mischief: Mischief,
    seed: u64,
    head: Option<Hash>,
    contexts: BTreeMap<AggregationId, Hash>,
    /// Reports on the coordinator's disk: leaf by id.
    received: BTreeMap<(AggregationId, ReportId), Hash>,
    withdrawn: BTreeSet<(AggregationId, ReportId)>,
    /// Leaves with a receipt that was sent.
    receipts: BTreeSet<(AggregationId, Hash)>,
    /// Honest reports: who made them.
    prepared: BTreeMap<Hash, (AggregationId, usize)>,
    consented: BTreeSet<ClientId>,
    frozen: BTreeMap<AggregationId, Vec<FrozenLeaf>>,
    rejected: BTreeMap<AggregationId, BTreeSet<u32>>,
    /// Sums that were compared with the plaintext.
    compared: u32,
}

impl Watch {
    /// Looks at the campaign of a cast.
    pub fn new(seats: u8, seed: u64, mischief: Mischief) -> Self {
        Self { seats: u32::from(seats), mischief, seed, ..Self::default() }
    }

    /// How many sums were compared with the plaintext sum of the accepted reports.
    pub const fn compared(&self) -> u32 {
        self.compared
    }

    /// Checks one event.
    ///
    /// # Errors
    /// The [`Breach`] that it shows.
    pub fn see(&mut self, moment: &Moment<'_, Cast<'_>>) -> Result<(), Breach> {
        match (&moment.event, &moment.body) {
            (Event::Persisted { node: Node::Server, records }, _) => {
                let journal = moment.world.server_journal().records();
                journal
                    .get(records - 1)
                    .map_or(Ok(()), |record| self.coordinator(record, moment.world))
            }
            (Event::Persisted { node: Node::Client(id), records }, _) => {
                let journal = moment.world.client_journal(*id).records();
                if let Some(record) = journal.get(records - 1) {
                    self.client(*id, record);
                }
                Ok(())
            }
            (Event::Sent(message), Body::Request(request)) => self.request(message.client, request),
            (Event::Sent(_), Body::Response(response)) => {
                if let Response::Receipt { aggregation, receipt } = response {
                    self.receipts.insert((*aggregation, receipt.leaf));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn client(&mut self, id: ClientId, record: &ClientRecord) {
        let ClientRecord::Participant(record) = record else { return };
        let number = id.0.saturating_sub(self.seats) as usize;
        match &**record {
            participant::Record::Consented(_) => {
                self.consented.insert(id);
            }
            participant::Record::Prepared { aggregation, leaf, .. } => {
                self.prepared.insert(*leaf, (*aggregation, number));
            }
            _ => {}
        }
    }

    fn request(&self, id: ClientId, request: &Request) -> Result<(), Breach> {
        if id.0 < self.seats || matches!(request, Request::Campaign) {
            return Ok(());
        }
        let number = (id.0 - self.seats) as usize;
        let honest = self.mischief.character(self.seed, number).lies.is_none();
        let prepared = match request {
            Request::Report { report, .. } if honest => {
                self.prepared.get(&report.leaf()).is_some_and(|(_, of)| *of == number)
            }
            _ => true,
        };
        if self.consented.contains(&id) && prepared { Ok(()) } else { Err(Breach::Unasked) }
    }

    fn coordinator(
        &mut self,
        record: &coordinator::Record,
        world: &World<Cast<'_>>,
    ) -> Result<(), Breach> {
        match record {
            coordinator::Record::Entry(entry) => {
                // The first entry follows nothing.
                let expected = self.head.unwrap_or(Hash([0; 32]));
                if entry.previous != expected {
                    return Err(Breach::Journal);
                }
                self.head = Some(entry.hash());
                self.post(entry.signed.author, &entry.signed.post, world)
            }
            coordinator::Record::Report { aggregation, report } => {
                if self.contexts.get(aggregation) != Some(&report.body.context) {
                    return Err(Breach::Context(*aggregation));
                }
                self.received.insert((*aggregation, report.body.id), report.leaf());
                Ok(())
            }
            coordinator::Record::Withdrawn(withdrawal) => {
                self.withdrawn.insert((withdrawal.aggregation, withdrawal.id));
                Ok(())
            }
            coordinator::Record::Issued { .. }
            | coordinator::Record::Enrolled(_)
            | coordinator::Record::Verifier { .. }
            | coordinator::Record::Verdicts { .. } => Ok(()),
        }
    }

    fn post(&mut self, _: Author, post: &Post, world: &World<Cast<'_>>) -> Result<(), Breach> {
        match post {
            Post::Opening(opening) => {
                self.contexts.insert(opening.aggregation, Hash(opening.context().0));
                Ok(())
            }
            Post::Leaves { aggregation, leaves } => self.leaves(*aggregation, leaves, world),
            Post::Rejections { aggregation, rejections } => {
                let indices = rejections.iter().map(|rejection| rejection.index);
                self.rejected.entry(*aggregation).or_default().extend(indices);
                Ok(())
            }
            Post::Scores { aggregation, scores } => {
                let id = *aggregation;
                let context = Context(self.contexts.get(&id).ok_or(Breach::Context(id))?.0);
                let leaf = |score: &OpenScore| FrozenLeaf {
                    id: score.id,
                    reporter: score.reporter,
                    leaf: score.leaf(&context),
                };
                let leaves: Vec<FrozenLeaf> = scores.iter().map(leaf).collect();
                self.rejected.insert(id, BTreeSet::new());
                self.leaves(id, &leaves, world)
            }
            Post::Outcome(outcome) => self.outcome(outcome, world),
            _ => Ok(()),
        }
    }

    fn leaves(
        &mut self,
        id: AggregationId,
        leaves: &[FrozenLeaf],
        world: &World<Cast<'_>>,
    ) -> Result<(), Breach> {
        let reporters: BTreeSet<PublicKey> = leaves.iter().map(|leaf| leaf.reporter).collect();
        let ids: BTreeSet<ReportId> = leaves.iter().map(|leaf| leaf.id).collect();
        if reporters.len() != leaves.len() || ids.len() != leaves.len() {
            return Err(Breach::CountsTwice(id));
        }
        // Scores in the open are no sum: there is no cohort to hide in.
        let cohort = world.server().map_or(0, |office| {
            let plan = office.coordinator().transcript().plan();
            if plan.has_open_scores(id) { 0 } else { plan.cohort_min as usize }
        });
        if leaves.len() < cohort || self.frozen.contains_key(&id) {
            return Err(Breach::Cohort(id));
        }
        if leaves.iter().any(|leaf| self.withdrawn.contains(&(id, leaf.id))) {
            return Err(Breach::Withdrawn(id));
        }
        let known = |leaf: &FrozenLeaf| self.received.get(&(id, leaf.id)) == Some(&leaf.leaf);
        let there: BTreeSet<Hash> = leaves.iter().map(|leaf| leaf.leaf).collect();
        let kept = self
            .received
            .iter()
            .filter(|((of, report), _)| *of == id && !self.withdrawn.contains(&(id, *report)))
            .all(|(_, leaf)| !self.receipts.contains(&(id, *leaf)) || there.contains(leaf));
        if !leaves.iter().all(known) || !kept {
            return Err(Breach::Receipts(id));
        }
        self.frozen.insert(id, leaves.to_vec());
        Ok(())
    }

    /// The sum is that of what honest people measured; whoever sends garbage is not in it.
    fn outcome(&mut self, outcome: &Outcome, world: &World<Cast<'_>>) -> Result<(), Breach> {
        let id = outcome.aggregation;
        let wrong = Breach::WrongSum(id);
        let office = world.server().ok_or(wrong)?;
        let plan = office.coordinator().transcript().plan();
        let planned = plan.aggregation(id).ok_or(wrong)?;
        if plan.has_open_scores(id) {
            return self.ranking(outcome, office.crowd());
        }
        if planned.noise.is_some() {
            return Ok(());
        }
        let rejected = self.rejected.get(&id).ok_or(wrong)?;
        let accepted = (0..).zip(self.frozen.get(&id).ok_or(wrong)?);
        let measured: Option<Vec<Measurement>> = accepted
            .filter(|(index, _)| !rejected.contains(index))
            .map(|(_, leaf)| {
                let (_, number) = self.prepared.get(&leaf.leaf)?;
                office.crowd().measured(id, *number)
            })
            .collect();
        let plain = sum_in_the_clear(&planned.circuit, measured.ok_or(wrong)?, &[]);
        let plain = plain.map_err(|_| wrong)?;
        if plain.values() != outcome.values || plain.reporters() != outcome.accepted {
            return Err(wrong);
        }
        self.compared += 1;
        Ok(())
    }

    /// Every score is the one that its candidate computed, none ranks below a lower one, and as many are asked as
    /// the plan says.
    fn ranking(&mut self, outcome: &Outcome, crowd: &Crowd<'_>) -> Result<(), Breach> {
        let wrong = Breach::WrongSum(outcome.aggregation);
        let Some(Decision::Ranking(ranking)) = &outcome.decision else { return Err(wrong) };
        let context = Context(outcome.context.0);
        let honest = |score: &OpenScore| {
            let made = self.prepared.get(&score.leaf(&context));
            made.is_none_or(|(_, number)| crowd.scored(*number) == Some(score.score))
        };
        let descending = ranking.scores.is_sorted_by(|left, right| left.score >= right.score);
        let listed = self.frozen.get(&outcome.aggregation).map_or(usize::MAX, Vec::len);
        let whole = ranking.scores.len() == listed && ranking.asked as usize <= listed;
        if !descending || !whole || !ranking.scores.iter().all(honest) {
            return Err(wrong);
        }
        self.compared += 1;
        Ok(())
    }

    /// Checks how a run has ended.
    ///
    /// # Errors
    /// [`Breach::Endless`] if an aggregation is still open, or somebody who is there still waits.
    pub fn end(&self, _: &Ended, world: &World<Cast<'_>>) -> Result<(), Breach> {
        let office = world.server().ok_or(Breach::Endless)?;
        if !office.coordinator().is_over() {
            return Err(Breach::Endless);
        }
        let waits = world.ids().skip(self.seats as usize).any(|id| {
            let machine = world.client(id).and_then(super::cast::Machine::participant);
            machine.is_some_and(|machine| !machine.phase().is_terminal())
        });
        if waits { Err(Breach::Endless) } else { Ok(()) }
    }
}
