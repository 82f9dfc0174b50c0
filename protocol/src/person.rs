//! A person's own side: what it measures in each aggregation, and whether it is asked to flip.
//!
//! [`View`] is everything public that follows from a plan and its outcomes; computing it once serves any number
//! of people. [`Person`] holds the record, which leaves only as a [`Measurement`], to be shared or, in
//! simulations, to be summed in the clear.

#![deny(clippy::indexing_slicing, clippy::wildcard_enum_match_arm, clippy::as_conversions)]

use crate::{
    aggregation::{
        AggregateResult, Circuit, Grid, MeasureError, Measurement,
        noise::{self, Role},
    },
    audit::Case,
    campaign::{CheckedManifest, CheckedPlan, Decision, Kind},
    ids::{AggregationId, CampaignId},
    keys::{Label, sign::PublicKey, stream},
    roles::participant::{CampaignKey, Measurer, MeasurerError},
    scoring::{
        cells::{CellError, CellShape, CentreSource, Centres},
        design::{Design, DesignBuilder},
        lent::{Lending, Lent, LentError},
        marginals::MarginalError,
        method::{MajorityReference, Method, REGRESSOR_PENALTY, ScoreError},
        scale::{Scale, ScaleError},
        scaling::{Encoding, Scaled, Scaling},
        schema::Value,
    },
    selection::{
        confirmation,
        lottery::lottery_draw,
        unit::{Unit, UnitError},
    },
    transcript::{Opening, Outcome},
};
use std::{collections::BTreeMap, fmt, num::NonZeroU32, sync::Arc};
use thiserror::Error;

/// Verified outcomes, by aggregation.
pub type Outcomes = BTreeMap<AggregationId, Arc<Outcome>>;

/// Why a person has no measurement or no score.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum PersonError {
    /// A result that it depends on is missing, or of another circuit.
    #[error("the result of {0} is missing or is not what the plan says")]
    Result(AggregationId),
    /// The plan has no aggregation of this id, or no reference for its method.
    #[error("the plan has no reference for its method, or no such aggregation")]
    Plan,
    /// The record does not fit the schema.
    #[error("the record does not fit the plan's schema")]
    Record,
    /// Cells cannot be drawn.
    #[error(transparent)]
    Cells(#[from] CellError),
    /// The opened marginals cannot be read.
    #[error(transparent)]
    Scale(#[from] ScaleError),
    /// Marginals do not give a scaling.
    #[error(transparent)]
    Marginals(#[from] MarginalError),
    /// Nothing can be lent or scored.
    #[error(transparent)]
    Lent(#[from] LentError),
    /// The published sample gives no scores.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// The score has no place in the histogram.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// The circuit does not hold the measurement.
    #[error(transparent)]
    Measure(#[from] MeasureError),
}

/// What a member is scored from.
#[derive(Clone, Debug)]
enum Reference {
    /// Opened sums of what donors lent.
    Lent(Box<Lent>),
    /// Records that the plan publishes.
    Published { records: Scaled, labels: Vec<bool> },
    /// Nothing: `random`.
    Nothing,
}

/// Everything public that a person needs for one aggregation.
#[derive(Debug)]
pub struct View {
    kind: Kind,
    circuit: Circuit,
    scaling: Option<Scaling>,
    lending: Option<Lending>,
    reference: Option<Reference>,
    /// Who is asked, once that is decided.
    asked: Option<Decision>,
    /// Public randomness of the selection: one draw and one `random` score serve every pass.
    lottery: [u8; 32],
    context: [u8; 32],
    campaign: CampaignId,
}

impl View {
    /// Derives what follows from a plan, an opening and the outcomes so far.
    ///
    /// # Errors
    /// [`PersonError`] if a result is missing or nothing follows from it.
    pub fn derive(
        plan: &CheckedPlan,
        opening: &Opening,
        outcomes: &Outcomes,
    ) -> Result<Self, PersonError> {
        let id = opening.aggregation;
        let aggregation = plan.aggregation(id).ok_or(PersonError::Plan)?;
        let mut view = Self {
            kind: aggregation.kind,
            circuit: aggregation.circuit.clone(),
            scaling: None,
            lending: None,
            reference: None,
            asked: None,
            lottery: opening.seed(),
            context: opening.context().0,
            campaign: opening.campaign,
        };
        match aggregation.kind {
            Kind::Scale | Kind::AuditBefore | Kind::AuditAfter => {}
            Kind::Neighbours | Kind::Regressor => {
                let scaling = scaling(plan, outcomes)?;
                view.lending = Some(lending(plan, id, &scaling, opening.seed(), outcomes)?);
                view.scaling = Some(scaling);
            }
            Kind::Selection | Kind::Refinement | Kind::Confirmation => {
                view.score_by(plan, outcomes)?;
            }
        }
        Ok(view)
    }

    /// What the selection decided, for a member who only wants to know whether it is asked.
    ///
    /// # Errors
    /// As for [`View::derive`].
    pub fn of_decision(
        plan: &CheckedPlan,
        campaign: CampaignId,
        outcomes: &Outcomes,
    ) -> Result<Self, PersonError> {
        let id = plan.of_kind(Kind::Selection).ok_or(PersonError::Plan)?;
        let circuit = plan.aggregation(id).ok_or(PersonError::Plan)?.circuit.clone();
        let mut view = Self {
            kind: Kind::Selection,
            circuit,
            scaling: None,
            lending: None,
            reference: None,
            asked: None,
            lottery: [0; 32],
            context: [0; 32],
            campaign,
        };
        view.score_by(plan, outcomes)?;
        Ok(view)
    }

    fn score_by(&mut self, plan: &CheckedPlan, outcomes: &Outcomes) -> Result<(), PersonError> {
        let scaling = scaling(plan, outcomes)?;
        self.reference = Some(reference(plan, &scaling, outcomes)?);
        self.scaling = Some(scaling);
        // A pass measures by those before it, also if its own outcome is known by now.
        let passes: &[Kind] = match self.kind {
            Kind::Refinement => &[Kind::Selection],
            Kind::Confirmation => &[Kind::Refinement, Kind::Selection],
            Kind::Scale
            | Kind::Neighbours
            | Kind::Regressor
            | Kind::Selection
            | Kind::AuditBefore
            | Kind::AuditAfter => &[Kind::Confirmation, Kind::Refinement, Kind::Selection],
        };
        self.asked = passes.iter().find_map(|&kind| {
            let outcome = outcomes.get(&plan.of_kind(kind)?)?;
            outcome.decision.clone()
        });
        if let Some(first) = plan.of_kind(Kind::Selection).and_then(|id| outcomes.get(&id)) {
            self.lottery = first.seed;
        }
        Ok(())
    }
}

fn result(
    plan: &CheckedPlan,
    outcomes: &Outcomes,
    id: AggregationId,
) -> Result<AggregateResult, PersonError> {
    let outcome = outcomes.get(&id).ok_or(PersonError::Result(id))?;
    let vdaf = plan.vdaf(id).ok_or(PersonError::Plan)?;
    vdaf.result(outcome.values.clone(), outcome.accepted).map_err(|_| PersonError::Result(id))
}

/// The plan's scaling, or the one that follows from the opened marginals.
fn scaling(plan: &CheckedPlan, outcomes: &Outcomes) -> Result<Scaling, PersonError> {
    if let Some(scaling) = &plan.scoring.scaling {
        return Ok(scaling.clone());
    }
    let CentreSource::Marginals(marginals) = source(plan, outcomes)? else {
        return Err(PersonError::Plan);
    };
    Ok(Scaling::from_marginals(&plan.scoring.schema, &marginals, Encoding::Mix)?)
}

fn source(plan: &CheckedPlan, outcomes: &Outcomes) -> Result<CentreSource, PersonError> {
    if let Some(source) = &plan.scoring.centres {
        return Ok(source.clone());
    }
    let id = plan.of_kind(Kind::Scale).ok_or(PersonError::Plan)?;
    let AggregateResult::Grid(sum) = result(plan, outcomes, id)? else {
        return Err(PersonError::Result(id));
    };
    let scale = Scale::new(&plan.scoring.schema, plan.scoring.scale_bins)?;
    Ok(CentreSource::Marginals(scale.marginals(&sum)?))
}

fn lending(
    plan: &CheckedPlan,
    id: AggregationId,
    scaling: &Scaling,
    seed: [u8; 32],
    outcomes: &Outcomes,
) -> Result<Lending, PersonError> {
    match &plan.aggregation(id).ok_or(PersonError::Plan)?.circuit {
        Circuit::Gram(gram) => {
            let blocks = plan.scoring.schema.blocks();
            Ok(Lending::Regressor { gram: gram.clone(), blocks })
        }
        Circuit::Grid(grid) | Circuit::StandardGrid(grid) => {
            let shape = CellShape { repetitions: grid.rows(), cells: grid.cells() / 2 };
            let (schema, source) = (&plan.scoring.schema, source(plan, outcomes)?);
            Ok(Lending::Neighbours(Centres::draw(schema, &source, scaling, shape, &seed)?))
        }
    }
}

fn reference(
    plan: &CheckedPlan,
    scaling: &Scaling,
    outcomes: &Outcomes,
) -> Result<Reference, PersonError> {
    let kind = match plan.scoring.method {
        Method::Random => return Ok(Reference::Nothing),
        Method::RbProb => Kind::Regressor,
        Method::RbLabel | Method::RbDist => Kind::Neighbours,
    };
    let Some(id) = plan.of_kind(kind) else {
        let published = &plan.scoring.published;
        if published.is_empty() {
            return Err(PersonError::Plan);
        }
        let mut records = DesignBuilder::new(&plan.scoring.schema);
        for (record, _) in published {
            records.push(record);
        }
        let labels = published.iter().map(|(_, label)| *label).collect();
        return Ok(Reference::Published { records: scaling.apply(&records.finish()), labels });
    };
    let opened = result(plan, outcomes, id)?;
    let seed = outcomes.get(&id).ok_or(PersonError::Result(id))?.seed;
    let lending = lending(plan, id, scaling, seed, outcomes)?;
    let sigma = noise::from_milli(plan.published_sigma_milli(id).ok_or(PersonError::Plan)?);
    Ok(Reference::Lent(Box::new(lending.open(&opened, sigma)?)))
}

/// One person: a record, what it knows of the firm's decision, and what it is willing to do. Secret.
#[derive(Clone)]
pub struct Person {
    /// One checked value for each feature of the schema.
    pub values: Vec<Value>,
    /// The true label.
    pub positive: bool,
    /// Member or donor, and hence the group.
    pub role: Role,
    /// The firm's decision, if known.
    pub accepted: Option<bool>,
    /// Whether it reports the positive label if asked.
    pub complies: bool,
    /// The campaign key, from which everything private that must repeat derives.
    pub secret: [u8; 32],
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person([redacted])")
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.secret);
        self.values.fill(Value::Flag(false));
    }
}

impl Measurer for Person {
    fn measure(
        &mut self,
        manifest: &CheckedManifest,
        opening: &Opening,
        outcomes: &Outcomes,
    ) -> Result<Option<Measurement>, MeasurerError> {
        let view = View::derive(manifest, opening, outcomes)?;
        Ok(Some(Self::measure(self, manifest, &view)?))
    }

    fn open_score(
        &mut self,
        manifest: &CheckedManifest,
        opening: &Opening,
        outcomes: &Outcomes,
    ) -> Result<Option<Unit>, MeasurerError> {
        let view = View::derive(manifest, opening, outcomes)?;
        Ok(self.candidate_score(manifest, &view)?)
    }
}

impl Person {
    /// What this person measures in the aggregation of `view`.
    ///
    /// # Errors
    /// [`PersonError`].
    pub fn measure(&self, plan: &CheckedPlan, view: &View) -> Result<Measurement, PersonError> {
        match view.kind {
            Kind::Scale => {
                let scale = Scale::new(&plan.scoring.schema, plan.scoring.scale_bins)?;
                mark(view, &scale.cells(&self.values)?)
            }
            Kind::Neighbours | Kind::Regressor => {
                let lending = view.lending.as_ref().ok_or(PersonError::Plan)?;
                let record = self.scaled(plan, view)?;
                let rounding = |_| stream(Label::Rounding, &self.secret, &[&view.context]);
                let measured = lending.measure(&record, &[self.positive], rounding)?;
                measured.into_iter().next().ok_or(PersonError::Record)
            }
            Kind::Selection => {
                let score = self.candidate_score(plan, view)?;
                mark(view, &[plan.selection.bins.cell(score)])
            }
            Kind::Refinement => {
                let threshold = view.asked.as_ref().and_then(Decision::threshold);
                let threshold = threshold.ok_or(PersonError::Plan)?;
                let (bins, boundary) = (plan.selection.bins, threshold.coarse.bin);
                let fine = bins.within(boundary, bins.count()).map_err(|_| PersonError::Plan)?;
                let inside = |score: &Unit| bins.bin(*score) == boundary;
                let score = self.candidate_score(plan, view)?.filter(inside);
                mark(view, &[fine.cell(score)])
            }
            Kind::Confirmation => mark(view, &[self.stands(plan, view)?.cell()]),
            Kind::AuditBefore | Kind::AuditAfter => mark(view, &[self.case().cell()]),
        }
    }

    /// Whether this member is asked to flip; `false` for everybody who is no candidate.
    ///
    /// # Errors
    /// [`PersonError`], among others if nothing is decided yet.
    pub fn is_asked(&self, plan: &CheckedPlan, view: &View) -> Result<bool, PersonError> {
        let threshold = match view.asked.as_ref().ok_or(PersonError::Plan)? {
            Decision::Ranking(ranking) => {
                return Ok(ranking.asks(&self.reporter(view.campaign)));
            }
            Decision::Threshold(threshold) => threshold,
        };
        let Some(score) = self.candidate_score(plan, view)? else { return Ok(false) };
        let draw = lottery_draw(&self.secret, &view.lottery);
        Ok(threshold.decides(plan.selection.bins, score, draw))
    }

    /// The pseudonym.
    fn reporter(&self, campaign: CampaignId) -> PublicKey {
        CampaignKey::from_bytes(self.secret).signing_key(campaign).public()
    }

    fn stands(
        &self,
        plan: &CheckedPlan,
        view: &View,
    ) -> Result<confirmation::Outcome, PersonError> {
        Ok(if self.positive || self.role != Role::Member {
            confirmation::Outcome::NotCandidate
        } else if !self.is_asked(plan, view)? {
            confirmation::Outcome::NotAsked
        } else if self.complies {
            confirmation::Outcome::Flipped
        } else {
            confirmation::Outcome::Declined
        })
    }

    fn case(&self) -> Case {
        let minority = self.role == Role::Member;
        self.accepted.map_or(Case::Unknown, |accepted| Case::Decided {
            minority,
            positive: self.positive,
            accepted,
        })
    }

    /// The score of a candidate: a member with a negative label. `None` for everybody else.
    ///
    /// # Errors
    /// [`PersonError`].
    pub fn candidate_score(
        &self,
        plan: &CheckedPlan,
        view: &View,
    ) -> Result<Option<Unit>, PersonError> {
        if self.positive || self.role != Role::Member {
            return Ok(None);
        }
        let (method, k) = (plan.scoring.method, plan.scoring.k);
        let count = NonZeroU32::new(k).ok_or(PersonError::Plan)?;
        let record = self.scaled(plan, view)?;
        let (scores, greatest) = match view.reference.as_ref().ok_or(PersonError::Plan)? {
            Reference::Nothing => return Ok(Some(Unit::random(&self.secret, &view.lottery))),
            Reference::Lent(lent) => (lent.score(method, count, &record)?, 1),
            Reference::Published { records, labels } => {
                let reference = MajorityReference { records, labels, penalty: REGRESSOR_PENALTY };
                let neighbours = usize::try_from(k).map_err(|_| PersonError::Plan)?;
                (reference.score(method, neighbours, &record, &[0], 0)?, k)
            }
        };
        let score = scores.first().ok_or(PersonError::Record)?;
        Ok(Some(Unit::of(method, *score, greatest)?))
    }

    fn scaled(&self, plan: &CheckedPlan, view: &View) -> Result<Scaled, PersonError> {
        let scaling = view.scaling.as_ref().ok_or(PersonError::Plan)?;
        Ok(scaling.apply(&design(plan, &self.values)?))
    }
}

fn design(plan: &CheckedPlan, values: &[Value]) -> Result<Design, PersonError> {
    let schema = &plan.scoring.schema;
    if !schema.admits(values) {
        return Err(PersonError::Record);
    }
    let mut builder = DesignBuilder::new(schema);
    builder.push(values);
    Ok(builder.finish())
}

fn mark(view: &View, cells: &[u16]) -> Result<Measurement, PersonError> {
    match &view.circuit {
        Circuit::Grid(grid) | Circuit::StandardGrid(grid) => marks(*grid, cells),
        Circuit::Gram(_) => Err(PersonError::Plan),
    }
}

fn marks(grid: Grid, cells: &[u16]) -> Result<Measurement, PersonError> {
    Ok(Measurement::Grid(grid.measure(cells)?))
}

#[cfg(test)]
mod tests;
