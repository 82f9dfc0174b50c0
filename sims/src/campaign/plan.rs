//! What a simulated campaign is, and the protocol's plan that follows.

use protocol::aggregation::Circuit;
use protocol::aggregation::noise::{DELTA, Noise, rho_for_epsilon};
pub use protocol::campaign::outline::Visits;
use protocol::campaign::outline::{Outline, OutlineError, Schedule};
use protocol::campaign::{
    Aggregation, CheckedPlan, Issue, Keyholder, Organiser, Plan, PlanError, Protection, Scoring,
    Selection, SelectionMode, Texts, VERSION,
};
use protocol::keys::sign::SigningKey;
use protocol::keys::token::IssuerPublicKey;
use protocol::roles::Time;
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

/// Why a script is no campaign.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// The plan is refused.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// No such bins.
    #[error(transparent)]
    Bins(#[from] BinsError),
    /// The aggregations cannot be made.
    #[error(transparent)]
    Outline(#[from] OutlineError),
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
        let outline = Outline {
            scoring: &self.scoring,
            bins,
            reference: self.reference.as_ref(),
            visits: self.visits,
            mode: self.mode,
            rho: self.epsilon.map(|epsilon| rho_for_epsilon(epsilon, DELTA)),
            reference_noise: self.noise,
            honest_seats: self.honest_seats,
            reporters_max: self.reporters_max,
            schedule: Schedule {
                enrolment_closes: from,
                collecting_millis: COLLECTING_MILLIS,
                closing_millis: CLOSING_MILLIS,
                audit_after: None,
            },
        };
        Ok(outline.aggregations()?)
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
