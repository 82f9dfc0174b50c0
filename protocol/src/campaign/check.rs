//! What every plan must satisfy, whoever reads it.

use super::{
    AGGREGATIONS_MAX, Aggregation, COHORT_FLOOR, Kind, PUBLISHED_MAX, Plan, Protection, Scoring,
    SelectionMode, TEXT_BYTES_MAX, VERSION,
};
use crate::{
    aggregation::{Circuit, Parties, SetupError, Vdaf},
    audit, codec,
    ids::{AggregationId, PlanId, SeatSet},
    keys::{
        Label, digest,
        vss::{SEATS_MAX, SEATS_MIN, SeatCounts, Sharing},
    },
    roles::Time,
    scoring::method::Method,
    selection::{confirmation, open_scores::OPEN_SCORES_BELOW, threshold::Rule},
};
use std::{collections::BTreeSet, fmt, ops::Deref};
use thiserror::Error;

/// A plan that cannot be carried out, or that nobody should take part in.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Another version of the protocol.
    #[error("the plan is of version {got}; this program speaks version {VERSION}")]
    Version {
        /// As in the plan.
        got: u16,
    },
    /// A text is empty or too long.
    #[error("{what} has {got} bytes; 1 to {TEXT_BYTES_MAX} are allowed")]
    Text {
        /// Which one.
        what: &'static str,
        /// Its length.
        got: usize,
    },
    /// T.
    #[error("{got} keyholders; {SEATS_MIN} to {SEATS_MAX} are possible")]
    Keyholders {
        /// As in the plan.
        got: usize,
    },
    /// t.
    #[error(
        "{got} keyholders are to recover a lost one of {seats}; 2 to {seats} - 1 can, or 0 for no recovery"
    )]
    Threshold {
        /// t.
        got: u8,
        /// T.
        seats: u8,
    },
    /// The organiser's own seats.
    #[error("{got} of {seats} keyholders are named by the organiser; at most half may be")]
    OrganisersOwn {
        /// Of the organiser.
        got: usize,
        /// T.
        seats: u8,
    },
    /// h.
    #[error("{got} seats are assumed honest; with these numbers 1 to {max} may be")]
    HonestSeats {
        /// h.
        got: u8,
        /// The most that withstand the corrupt and lost seats the plan tolerates.
        max: u8,
    },
    /// K.
    #[error("the smallest cohort is {got}; at least {COHORT_FLOOR} is allowed")]
    Cohort {
        /// K.
        got: u32,
    },
    /// M and the cap.
    #[error(
        "{flip_budget} flips are aimed at, with a cap of {safe_cap} and {no_show_milli} thousandths of no-shows; the budget must be 1 to the cap, no-shows below 1,000"
    )]
    Selection {
        /// M.
        flip_budget: u32,
        /// The cap.
        safe_cap: u32,
        /// The rate.
        no_show_milli: u16,
    },
    /// Tokens cannot be made, or people could be told apart by when they enrol.
    #[error(
        "tokens need a key that is one, and times in order: the last token is issued, then enrolment opens, then it closes"
    )]
    Issue,
    /// A loss takes longer to bear than sums are open.
    #[error(
        "a keyholder may be silent for {got_millis} ms before it counts as lost; less than {below_millis} ms are allowed, so that with one lost every sum still opens before it closes"
    )]
    Patience {
        /// As in the plan.
        got_millis: u64,
        /// [`Plan::patience_below_millis`].
        below_millis: u64,
    },
    /// Scaling, centres or sample do not fit the schema, or there is nothing to score by.
    #[error("{what} does not fit the schema, or is missing or too long")]
    Scoring {
        /// Which.
        what: &'static str,
    },
    /// The published sample gives no scores, and nothing is lent in its place.
    #[error("{method} needs {needed} in the published sample, which has {got}")]
    Sample {
        /// How candidates are scored.
        method: Method,
        /// k, or 1 of each label for `rb-prob`.
        needed: SampleNeed,
        /// How many there are of those.
        got: usize,
    },
    /// More are to be asked later, but nothing counts who has flipped.
    #[error("a top-up needs a confirmation, which counts the flips so far; there is none")]
    TopUp,
    /// Too many or no aggregations.
    #[error("{got} aggregations; 1 to {AGGREGATIONS_MAX} are possible")]
    Aggregations {
        /// How many.
        got: usize,
    },
    /// One aggregation is impossible.
    #[error("{id}: {fault}")]
    Aggregation {
        /// Which.
        id: AggregationId,
        /// Why.
        fault: AggregationFault,
    },
}

/// What a method needs of a published sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleNeed {
    /// `rb-label`: so many records.
    Records(u32),
    /// `rb-dist`: so many records with a positive label.
    Positives(u32),
    /// `rb-prob`: a record of each label.
    EachLabel,
}

impl fmt::Display for SampleNeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(k) => write!(f, "k = {k} records"),
            Self::Positives(k) => write!(f, "k = {k} records with a positive label"),
            Self::EachLabel => f.write_str("a record of each label"),
        }
    }
}

/// Why one aggregation of a plan is impossible.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AggregationFault {
    /// Its kind stands twice in the plan.
    #[error("there is another one of its kind")]
    Repeated,
    /// The circuit is none for this kind.
    #[error("its circuit does not measure what such an aggregation is for")]
    Circuit,
    /// The circuit cannot be built.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// It depends on itself or on a later one.
    #[error("it depends on {0}, which does not come before it")]
    DependsOn(AggregationId),
    /// It closes before it opens, or opens before enrolment closes.
    #[error("its times are out of order: enrolment closes, then it opens, then it closes")]
    Times,
    /// Fewer reporters than a cohort.
    #[error("at most {got} people may report, which is below the cohort")]
    Reporters {
        /// As in the plan.
        got: u32,
    },
    /// A top-up without the histogram it needs, or after a refinement, which it does not go with.
    #[error("a top-up needs a confirmation that depends on the selection, and no refinement")]
    TopUp,
    /// Noise is measured out for other honest seats than the plan's, or cannot be sampled.
    #[error("its noise cannot be used with this plan")]
    Noise,
    /// It does not go with open scores.
    #[error(
        "open scores have 1 to 11 members, no noise, no refinement and no top-up: there is no histogram"
    )]
    OpenScores,
}

/// A plan that has been checked, with its id.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedPlan {
    plan: Plan,
    id: PlanId,
}

impl Deref for CheckedPlan {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.plan
    }
}

impl CheckedPlan {
    /// Checks a plan.
    ///
    /// # Errors
    /// The first [`PlanError`].
    pub fn new(plan: Plan) -> Result<Self, PlanError> {
        plan.check_frame()?;
        plan.check_seats()?;
        plan.check_scoring()?;
        if plan.aggregations.is_empty() || plan.aggregations.len() > AGGREGATIONS_MAX {
            return Err(PlanError::Aggregations { got: plan.aggregations.len() });
        }
        let mut kinds = BTreeSet::new();
        for (id, aggregation) in (0..).map(AggregationId).zip(&plan.aggregations) {
            let fault = |fault| PlanError::Aggregation { id, fault };
            if !kinds.insert(aggregation.kind) {
                return Err(fault(AggregationFault::Repeated));
            }
            plan.check_aggregation(id, aggregation).map_err(fault)?;
        }
        if plan.selection.top_up && !kinds.contains(&Kind::Confirmation) {
            return Err(PlanError::TopUp);
        }
        plan.check_patience()?;
        let id = PlanId(digest(Label::Plan, &[&codec::encode(&plan)]));
        Ok(Self { plan, id })
    }

    /// The hash of its canonical bytes.
    pub const fn id(&self) -> PlanId {
        self.id
    }

    /// One aggregation, if there is such.
    pub fn aggregation(&self, id: AggregationId) -> Option<&Aggregation> {
        self.plan.aggregations.get(id.index())
    }

    /// Whether scores are sent to this aggregation in the open, and nothing is summed.
    pub fn has_open_scores(&self, id: AggregationId) -> bool {
        let selects = self.aggregation(id).is_some_and(|of| of.kind == Kind::Selection);
        selects && self.selection.mode == SelectionMode::OpenScores
    }

    /// All aggregations with their ids.
    pub fn enumerated(&self) -> impl Iterator<Item = (AggregationId, &Aggregation)> {
        (0..).map(AggregationId).zip(&self.plan.aggregations)
    }

    /// The aggregation of one kind.
    pub fn of_kind(&self, kind: Kind) -> Option<AggregationId> {
        self.enumerated().find(|(_, aggregation)| aggregation.kind == kind).map(|(id, _)| id)
    }

    /// The cryptography of one aggregation.
    pub fn vdaf(&self, id: AggregationId) -> Option<Vdaf> {
        let aggregation = self.aggregation(id)?;
        let parties = Parties { helpers: self.seats(), reporters_max: aggregation.reporters_max };
        Vdaf::new(aggregation.circuit.clone(), parties).ok()
    }
}

impl Plan {
    /// T.
    pub fn seats(&self) -> u8 {
        u8::try_from(self.keyholders.len()).unwrap_or(u8::MAX)
    }

    /// All seats.
    pub fn all_seats(&self) -> SeatSet {
        SeatSet::all(self.seats().min(SEATS_MAX))
    }

    /// How many seats may be lost in one aggregation: `T - t`, none without recovery.
    pub fn lost_max(&self) -> u8 {
        match self.recovery_threshold {
            0 => 0,
            threshold => self.seats().saturating_sub(threshold),
        }
    }

    /// c: how many keyholders may collude with the coordinator and still learn sums only:
    /// `min(t - 1, 2t - T - 1)`; `T - 1` without recovery.
    pub fn corrupt_max(&self) -> u8 {
        let (seats, threshold) = (self.seats(), self.recovery_threshold);
        match threshold {
            0 => seats.saturating_sub(1),
            _ => (threshold - 1).min((2 * threshold).saturating_sub(seats.saturating_add(1))),
        }
    }

    /// What patience must be below, in milliseconds; nothing where no keyholder can be lost.
    ///
    /// A loss counts in one aggregation at a time. Others wait for a lost keyholder when one ends, for its share, and again
    /// when the next one that depends on it begins, for its part of the opening; by then it must not have closed.
    pub fn patience_below_millis(&self) -> Option<u64> {
        let to_close =
            |of: &Aggregation, from: Time| of.closes.as_millis().saturating_sub(from.as_millis());
        let each = self.aggregations.iter().map(|of| {
            let before = of.depends_on.iter().filter_map(|on| self.aggregations.get(on.index()));
            let halves = before.map(|on| to_close(of, on.closes).div_ceil(2));
            halves.min().unwrap_or(u64::MAX).min(to_close(of, of.opens))
        });
        each.min().filter(|_| self.lost_max() > 0)
    }

    fn check_patience(&self) -> Result<(), PlanError> {
        match (self.patience_millis, self.patience_below_millis()) {
            (got_millis, Some(below_millis)) if got_millis >= below_millis => {
                Err(PlanError::Patience { got_millis, below_millis })
            }
            _ => Ok(()),
        }
    }

    /// How a seat key is shared; `None` without recovery.
    pub fn sharing(&self) -> Option<Sharing> {
        Sharing::new(SeatCounts { seats: self.seats(), threshold: self.recovery_threshold }).ok()
    }

    /// Whether shares, proofs, seals and signatures are used.
    pub fn is_private(&self) -> bool {
        self.protection == Protection::Private
    }

    fn check_frame(&self) -> Result<(), PlanError> {
        if self.version != VERSION {
            return Err(PlanError::Version { got: self.version });
        }
        let texts = [
            ("the organiser's name", &self.organiser.name),
            ("the organiser's contact", &self.organiser.contact),
            ("the purpose", &self.texts.purpose),
            ("the firm", &self.texts.firm),
            ("the group's rule", &self.texts.group_rule),
            ("the label's meaning", &self.texts.label),
        ];
        let named = self.keyholders.iter().flat_map(|keyholder| {
            [
                ("a keyholder's name", &keyholder.name),
                ("a keyholder's contact", &keyholder.contact),
                ("who named a keyholder", &keyholder.named_by),
            ]
        });
        for (what, text) in texts.into_iter().chain(named) {
            if text.is_empty() || text.len() > TEXT_BYTES_MAX {
                return Err(PlanError::Text { what, got: text.len() });
            }
        }
        if self.cohort_min < COHORT_FLOOR {
            return Err(PlanError::Cohort { got: self.cohort_min });
        }
        let Rule { flip_budget, safe_cap, no_show_milli } = self.selection.rule;
        if flip_budget == 0 || flip_budget > safe_cap || no_show_milli >= Rule::NO_SHOW_MILLI_BELOW
        {
            return Err(PlanError::Selection { flip_budget, safe_cap, no_show_milli });
        }
        if self.enrolment_opens >= self.enrolment_closes {
            return Err(PlanError::Issue);
        }
        if let Some(issue) = self.issue
            && (!issue.key.is_element() || issue.closes > self.enrolment_opens)
        {
            return Err(PlanError::Issue);
        }
        Ok(())
    }

    fn check_seats(&self) -> Result<(), PlanError> {
        let got = self.keyholders.len();
        if !(usize::from(SEATS_MIN)..=usize::from(SEATS_MAX)).contains(&got) {
            return Err(PlanError::Keyholders { got });
        }
        let (seats, threshold) = (self.seats(), self.recovery_threshold);
        if threshold != 0 && self.sharing().is_none() {
            return Err(PlanError::Threshold { got: threshold, seats });
        }
        let own = self.keyholders.iter().filter(|keyholder| keyholder.organisers_own).count();
        if 2 * own > got {
            return Err(PlanError::OrganisersOwn { got: own, seats });
        }
        let max = seats.saturating_sub(self.corrupt_max()).saturating_sub(self.lost_max());
        if !(1..=max).contains(&self.honest_seats) {
            return Err(PlanError::HonestSeats { got: self.honest_seats, max });
        }
        Ok(())
    }

    fn check_scoring(&self) -> Result<(), PlanError> {
        let has = |kind| self.aggregations.iter().any(|of| of.kind == kind);
        let schema = &self.scoring.schema;
        let fault = |what| Err(PlanError::Scoring { what });
        let scaling = match &self.scoring.scaling {
            Some(scaling) => scaling.check(schema).is_ok(),
            None => has(Kind::Scale),
        };
        if !scaling {
            return fault("the scaling");
        }
        let centres = match &self.scoring.centres {
            Some(source) => source.check(schema).is_ok(),
            None => has(Kind::Scale) || !has(Kind::Neighbours),
        };
        if !centres {
            return fault("the source of cell centres");
        }
        let published = &self.scoring.published;
        if published.len() > PUBLISHED_MAX || !published.iter().all(|(of, _)| schema.admits(of)) {
            return fault("the published sample");
        }
        let scored = match self.scoring.method {
            Method::Random => true,
            Method::RbProb => has(Kind::Regressor) || !published.is_empty(),
            Method::RbLabel | Method::RbDist => {
                self.scoring.k > 0 && (has(Kind::Neighbours) || !published.is_empty())
            }
        };
        if !has(Kind::Selection) {
            return Ok(());
        }
        if scored { self.check_sample(has) } else { fault("what candidates are scored by") }
    }

    /// Where nothing is lent, every candidate must find a score in the published sample: otherwise nobody could report.
    fn check_sample(&self, has: impl Fn(Kind) -> bool) -> Result<(), PlanError> {
        let Scoring { method, k, published, .. } = &self.scoring;
        let positives = published.iter().filter(|(_, positive)| *positive).count();
        let (needed, lent, got, least) = match method {
            Method::Random => return Ok(()),
            Method::RbLabel => (SampleNeed::Records(*k), Kind::Neighbours, published.len(), *k),
            Method::RbDist => (SampleNeed::Positives(*k), Kind::Neighbours, positives, *k),
            Method::RbProb => {
                let fewer = positives.min(published.len() - positives);
                (SampleNeed::EachLabel, Kind::Regressor, fewer, 1)
            }
        };
        let enough = u32::try_from(got).is_ok_and(|got| got >= least);
        if enough || has(lent) {
            Ok(())
        } else {
            Err(PlanError::Sample { method: *method, needed, got })
        }
    }

    fn check_aggregation(
        &self,
        id: AggregationId,
        aggregation: &Aggregation,
    ) -> Result<(), AggregationFault> {
        let fits = match (aggregation.kind, &aggregation.circuit) {
            (Kind::Regressor, Circuit::Gram(_))
            | (Kind::Scale, Circuit::Grid(_) | Circuit::StandardGrid(_)) => true,
            (
                Kind::Selection | Kind::Refinement,
                Circuit::Grid(grid) | Circuit::StandardGrid(grid),
            ) => *grid == self.selection.bins.grid(),
            (Kind::Confirmation, Circuit::Grid(grid) | Circuit::StandardGrid(grid)) => {
                *grid == confirmation::Outcome::grid()
            }
            (
                Kind::AuditBefore | Kind::AuditAfter,
                Circuit::Grid(grid) | Circuit::StandardGrid(grid),
            ) => *grid == audit::Case::grid(),
            (Kind::Neighbours, Circuit::Grid(grid) | Circuit::StandardGrid(grid)) => {
                grid.cells() % 2 == 0
            }
            (Kind::Regressor, Circuit::Grid(_) | Circuit::StandardGrid(_))
            | (_, Circuit::Gram(_)) => false,
        };
        if !fits {
            return Err(AggregationFault::Circuit);
        }
        if aggregation.kind == Kind::Confirmation && self.selection.top_up {
            let kind = |on: &AggregationId| self.aggregations.get(on.index()).map(|of| of.kind);
            let on: Vec<_> = aggregation.depends_on.iter().filter_map(kind).collect();
            let refined = self.aggregations.iter().any(|of| of.kind == Kind::Refinement);
            if refined || !on.contains(&Kind::Selection) {
                return Err(AggregationFault::TopUp);
            }
        }
        if let Some(later) = aggregation.depends_on.iter().find(|on| **on >= id) {
            return Err(AggregationFault::DependsOn(*later));
        }
        if aggregation.opens < self.enrolment_closes || aggregation.closes <= aggregation.opens {
            return Err(AggregationFault::Times);
        }
        let open = self.selection.mode == SelectionMode::OpenScores;
        if open && !self.goes_with_open_scores(aggregation) {
            return Err(AggregationFault::OpenScores);
        }
        let summed = !open || aggregation.kind != Kind::Selection;
        if summed && aggregation.reporters_max < self.cohort_min {
            return Err(AggregationFault::Reporters { got: aggregation.reporters_max });
        }
        let parties = Parties { helpers: self.seats(), reporters_max: aggregation.reporters_max };
        Vdaf::new(aggregation.circuit.clone(), parties)?;
        if let Some(noise) = aggregation.noise {
            noise
                .charge(&aggregation.circuit, aggregation.kind.purpose())
                .map_err(|_| AggregationFault::Noise)?;
            if noise.honest_seats != self.honest_seats {
                return Err(AggregationFault::Noise);
            }
        }
        Ok(())
    }
}

impl Plan {
    /// What open scores rule out: whatever rests on a histogram, noise that would protect nobody, and many people.
    fn goes_with_open_scores(&self, aggregation: &Aggregation) -> bool {
        let Aggregation { kind, noise, reporters_max, .. } = aggregation;
        let few = (1..OPEN_SCORES_BELOW).contains(&usize::try_from(*reporters_max).unwrap_or(0));
        match kind {
            Kind::Selection => few && noise.is_none(),
            Kind::Refinement => false,
            Kind::Confirmation => !self.selection.top_up,
            Kind::Scale
            | Kind::Neighbours
            | Kind::Regressor
            | Kind::AuditBefore
            | Kind::AuditAfter => true,
        }
    }
}

#[cfg(test)]
mod tests;
