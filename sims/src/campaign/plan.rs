//! What a simulated campaign is, and the protocol's plan that follows.

use protocol::aggregation::noise::{DELTA, Noise, NoiseError, Rho, rho_for_epsilon};
use protocol::aggregation::{Circuit, SetupError};
use protocol::audit::Case;
use protocol::campaign::{
    Aggregation, CheckedPlan, Issue, Keyholder, Kind, Organiser, Plan, PlanError, Protection,
    Scoring, Selection, SelectionMode, Texts, VERSION,
};
use protocol::ids::AggregationId;
use protocol::keys::sign::SigningKey;
use protocol::keys::token::IssuerPublicKey;
use protocol::roles::Time;
use protocol::scoring::scale::{Scale, ScaleError};
use protocol::selection::confirmation;
use protocol::selection::open_scores::OPEN_SCORES_BELOW;
use protocol::selection::threshold::Rule;
use protocol::selection::unit::{Bins, BinsError};

use crate::network::START;

/// How long people have to enrol, in virtual milliseconds.
pub const ENROLMENT_MILLIS: u64 = 600_000;
/// How long an aggregation collects reports.
pub const COLLECTING_MILLIS: u64 = 600_000;
/// How long a keyholder may be silent.
pub const PATIENCE_MILLIS: u64 = 60_000;
/// What a step of verification, release and endorsement may take at most, for the times of later openings.
pub const CLOSING_MILLIS: u64 = 1_200_000;

/// What one audit takes of a person's zCDP budget.
pub const AUDIT_SHARE: f64 = 1.0 / 8.0;

/// A simulated campaign, but for its people.
#[derive(Clone, Debug)]
pub struct Script {
    /// Private, or the same machines without cryptography.
    pub protection: Protection,
    /// The key of tokens that people enrol with; none if anybody may enrol.
    pub issuer: Option<IssuerPublicKey>,
    /// T.
    pub keyholders: u8,
    /// t; 0 for no recovery.
    pub recovery_threshold: u8,
    /// h.
    pub honest_seats: u8,
    /// K.
    pub cohort_min: u32,
    /// Score, schema, scaling and centres.
    pub scoring: Scoring,
    /// M, cap, no-shows.
    pub rule: Rule,
    /// How it comes to be known whom to ask.
    pub mode: SelectionMode,
    /// S.
    pub bins: u16,
    /// What donors lend: nothing for `random` and for a published sample.
    pub reference: Option<Circuit>,
    /// Per person and campaign, at [`DELTA`]; without noise if none.
    pub epsilon: Option<f64>,
    /// Of the reference, in place of what `epsilon` gives.
    pub noise: Option<Noise>,
    /// What is asked of people.
    pub visits: Visits,
    /// The most people that can report.
    pub reporters_max: u32,
}

/// Which aggregations a campaign has besides the reference.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent visits")]
pub struct Visits {
    /// Whom to ask.
    pub selection: bool,
    /// Marginal histograms, instead of public ones.
    pub scale: bool,
    /// A finer histogram of the boundary bin.
    pub refinement: bool,
    /// Who flipped.
    pub confirmation: bool,
    /// Ask more if too few flipped.
    pub top_up: bool,
    /// The firm's decisions, before and after.
    pub audits: bool,
}

/// Why a script is no campaign.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// The plan is refused.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A circuit cannot be built.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// No such bins.
    #[error(transparent)]
    Bins(#[from] BinsError),
    /// No such noise.
    #[error(transparent)]
    Noise(#[from] NoiseError),
    /// Marginal histograms do not fit a grid.
    #[error(transparent)]
    Scale(#[from] ScaleError),
}

impl Script {
    /// The protocol's plan, organised by `organiser`.
    ///
    /// # Errors
    /// Every [`ScriptError`].
    pub fn plan(&self, organiser: &SigningKey) -> Result<CheckedPlan, ScriptError> {
        let bins = Bins::whole(self.bins)?;
        let enrolment_closes = START.after_millis(ENROLMENT_MILLIS);
        let issue_closes = START.after_millis(ENROLMENT_MILLIS / 2);
        let plan = Plan {
            version: VERSION,
            protection: self.protection,
            organiser: Organiser {
                name: "simulated organiser".into(),
                contact: "none: a simulation".into(),
                key: organiser.public(),
            },
            texts: Texts {
                purpose: "a simulation".into(),
                firm: "a simulated firm".into(),
                group_rule: "as in the data set".into(),
                label: "as in the data set".into(),
            },
            keyholders: (0..self.keyholders).map(keyholder).collect(),
            recovery_threshold: self.recovery_threshold,
            honest_seats: self.honest_seats,
            scoring: self.scoring.clone(),
            selection: Selection {
                rule: self.rule,
                bins,
                top_up: self.visits.top_up,
                mode: self.mode,
            },
            cohort_min: self.cohort_min,
            issue: self.issuer.map(|key| Issue { key, closes: issue_closes }),
            enrolment_opens: if self.issuer.is_some() { issue_closes } else { START },
            enrolment_closes,
            patience_millis: PATIENCE_MILLIS,
            aggregations: self.aggregations(bins, enrolment_closes)?,
        };
        Ok(CheckedPlan::new(plan)?)
    }

    fn aggregations(&self, bins: Bins, from: Time) -> Result<Vec<Aggregation>, ScriptError> {
        let circuits = self.circuits(bins)?;
        let kinds: Vec<Kind> = circuits.iter().map(|(kind, _)| *kind).collect();
        let place = |kind: Kind| {
            let place = kinds.iter().position(|other| *other == kind)?;
            Some(AggregationId(u16::try_from(place).ok()?))
        };
        let mut opens = from;
        let mut list = Vec::new();
        for (kind, circuit) in circuits {
            let depends_on: Vec<AggregationId> = match kind {
                Kind::Neighbours | Kind::Regressor => vec![Kind::Scale],
                Kind::Selection => vec![Kind::Scale, Kind::Neighbours, Kind::Regressor],
                Kind::Refinement => {
                    vec![Kind::Scale, Kind::Neighbours, Kind::Regressor, Kind::Selection]
                }
                Kind::Confirmation => vec![
                    Kind::Scale,
                    Kind::Neighbours,
                    Kind::Regressor,
                    Kind::Selection,
                    Kind::Refinement,
                ],
                // The firm retrains on what was reported after the decision.
                Kind::AuditAfter => vec![Kind::Selection, Kind::Refinement, Kind::Confirmation],
                Kind::Scale | Kind::AuditBefore => Vec::new(),
            }
            .into_iter()
            .filter_map(place)
            .collect();
            // What depends on nothing is asked for in one visit.
            if !depends_on.is_empty() {
                opens = opens.after_millis(COLLECTING_MILLIS + CLOSING_MILLIS);
            }
            let open = kind == Kind::Selection && self.mode == SelectionMode::OpenScores;
            let noise = if open { None } else { self.noise(kind, &circuit)? };
            let closes = opens.after_millis(COLLECTING_MILLIS);
            let few = u32::try_from(OPEN_SCORES_BELOW - 1).unwrap_or(u32::MAX);
            let reporters_max = if open { few } else { self.reporters_max };
            list.push(Aggregation {
                kind,
                circuit,
                noise,
                reporters_max,
                depends_on,
                opens,
                closes,
            });
        }
        Ok(list)
    }

    fn circuits(&self, bins: Bins) -> Result<Vec<(Kind, Circuit)>, ScriptError> {
        let Visits { selection, scale, refinement, confirmation, audits, top_up: _ } = self.visits;
        let scale = scale
            .then(|| Scale::new(&self.scoring.schema, self.scoring.scale_bins))
            .transpose()?
            .map(|scale| (Kind::Scale, Circuit::Grid(scale.grid())));
        let reference = self.reference.as_ref().map(|circuit| {
            let kind = match circuit {
                Circuit::Gram(_) => Kind::Regressor,
                Circuit::Grid(_) | Circuit::StandardGrid(_) => Kind::Neighbours,
            };
            (kind, circuit.clone())
        });
        let one = |wanted: bool, kind, grid| wanted.then_some((kind, Circuit::Grid(grid)));
        let flips = confirmation::Outcome::grid();
        let all = [
            one(audits, Kind::AuditBefore, Case::grid()),
            scale,
            reference,
            one(selection, Kind::Selection, bins.grid()),
            one(refinement, Kind::Refinement, bins.grid()),
            one(confirmation, Kind::Confirmation, flips),
            one(audits, Kind::AuditAfter, Case::grid()),
        ];
        Ok(all.into_iter().flatten().collect())
    }

    /// The noise of one aggregation: a donor's budget goes to the reference and the audits, a member's to
    /// selection, confirmation and the audits.
    fn noise(&self, kind: Kind, circuit: &Circuit) -> Result<Option<Noise>, ScriptError> {
        if let (Some(noise), Kind::Neighbours | Kind::Regressor) = (self.noise, kind) {
            return Ok(Some(noise));
        }
        let Some(epsilon) = self.epsilon else { return Ok(None) };
        let total = rho_for_epsilon(epsilon, DELTA).get();
        let Visits { scale, refinement, confirmation, audits, .. } = self.visits;
        let audit = if audits { AUDIT_SHARE } else { 0.0 };
        let left = 1.0 - 2.0 * audit;
        let confirm = if confirmation { 0.25 * left } else { 0.0 };
        let passes = if refinement { 2.0 } else { 1.0 };
        let share = match kind {
            Kind::AuditBefore | Kind::AuditAfter => audit,
            Kind::Confirmation => confirm,
            Kind::Selection | Kind::Refinement => (left - confirm) / passes,
            Kind::Scale => 0.25 * left,
            Kind::Neighbours | Kind::Regressor if scale => 0.75 * left,
            Kind::Neighbours | Kind::Regressor => left,
        };
        let rho = Rho::new(total * share * (1.0 - 1e-6));
        Ok(Some(Noise::for_rho(circuit, rho, self.honest_seats)?))
    }
}

fn keyholder(number: u8) -> Keyholder {
    Keyholder {
        name: format!("simulated keyholder {number}"),
        contact: "none: a simulation".into(),
        named_by: "a simulated group".into(),
        organisers_own: false,
    }
}
