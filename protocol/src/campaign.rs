//! A campaign: everything the organiser decides, before anybody is asked for anything.
//!
//! A [`Plan`] is checked once ([`CheckedPlan`]) and its id is its hash; keyholders are invited to that id.
//! [`Manifest`] = plan + ceremony; its hash is the campaign id, which members and donors are invited to.
//! Every aggregation is enumerated here, with its circuit, noise, cohort and deadlines: nothing is added
//! later. What participants refuse whatever the organiser sets is in [`limits`].

#![deny(clippy::indexing_slicing, clippy::wildcard_enum_match_arm, clippy::as_conversions)]

mod check;
mod decision;
mod draft;
pub mod limits;
mod manifest;
pub mod outline;

#[cfg(test)]
pub(crate) mod fixture;

pub use check::{AggregationFault, CheckedPlan, PlanError, SampleNeed};
pub use decision::{Decision, Undecidable};
pub use draft::Draft;
pub use manifest::{
    CheckedManifest, Manifest, ManifestError, SeatAggregation, SeatEntry, SeatKeys,
};

use crate::{
    aggregation::{
        Circuit,
        noise::{Noise, Purpose, Role},
    },
    ids::AggregationId,
    keys::{sign::PublicKey, token::IssuerPublicKey},
    roles::Time,
    scoring::{
        cells::CentreSource,
        method::Method,
        scaling::Scaling,
        schema::{Schema, Value},
    },
    selection::{threshold::Rule, unit::Bins},
};
use serde::{Deserialize, Serialize};

/// The version of plan, messages and transcript that this crate speaks.
pub const VERSION: u16 = 1;

/// The longest text of a plan, in bytes.
pub const TEXT_BYTES_MAX: usize = 4_000;

/// The least cohort K that any plan may set: no sum over fewer people is ever opened.
pub const COHORT_FLOOR: u32 = 12;

/// The most records of a published majority sample.
pub const PUBLISHED_MAX: usize = 4_096;

/// What everybody is told before they take part in a campaign with a published sample.
pub const PUBLISHED_NOTICE: &str = "This campaign publishes records of people of the majority, with their labels: everybody \
who takes part holds them, and scores itself by them on its own machine. Nobody lends a record in private. Those people must have \
agreed to be published; nothing can take it back.";

/// The most aggregations of one campaign.
pub const AGGREGATIONS_MAX: usize = 16;

/// The greatest share of reports that may be rejected, in percent; above it the aggregation ends unopened.
pub const REJECTED_PERCENT_MAX: u64 = 10;

/// Everything the organiser decides. Public.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`VERSION`].
    pub version: u16,
    /// Whether shares, proofs and seals are used.
    pub protection: Protection,
    /// Who organises.
    pub organiser: Organiser,
    /// What people are told.
    pub texts: Texts,
    /// T keyholders, in seat order.
    pub keyholders: Vec<Keyholder>,
    /// t: how many of the other keyholders recover a lost one; 0 if none can be recovered.
    pub recovery_threshold: u8,
    /// h: seats assumed honest and unopened, by which noise is measured out.
    pub honest_seats: u8,
    /// What is reported and how candidates are scored.
    pub scoring: Scoring,
    /// How many are asked.
    pub selection: Selection,
    /// K: the least number of reports in a sum that is opened.
    pub cohort_min: u32,
    /// How invited people get the tokens they enrol with; none if anybody may enrol, for simulations.
    pub issue: Option<Issue>,
    /// When enrolment opens: not before the last token is issued.
    pub enrolment_opens: Time,
    /// When enrolment closes.
    pub enrolment_closes: Time,
    /// How long a keyholder may be silent before it can be declared lost, in milliseconds.
    pub patience_millis: u64,
    /// Every aggregation, in order of their openings.
    pub aggregations: Vec<Aggregation>,
}

/// How invited people get their tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// The key that every token is made with.
    pub key: IssuerPublicKey,
    /// When the last token is issued.
    pub closes: Time,
}

/// Whether an aggregation is private.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protection {
    /// Shares, proofs, seals and signatures.
    Private,
    /// The same machines, messages and sums without cryptography, for studies on data at hand. Programs that
    /// real people run refuse it.
    Clear,
}

/// Who organises a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organiser {
    /// A name people know.
    pub name: String,
    /// How to reach them.
    pub contact: String,
    /// Signs everything the coordinator publishes.
    pub key: PublicKey,
}

/// What people are told about a campaign; plain text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Texts {
    /// Why it is done.
    pub purpose: String,
    /// Whose classifier it is about.
    pub firm: String,
    /// Who counts as the minority.
    pub group_rule: String,
    /// What the positive label is, to whom it is reported and under which terms.
    pub label: String,
}

/// A keyholder as the plan names it: not pseudonymous.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyholder {
    /// A person's or an organisation's name.
    pub name: String,
    /// A public contact, to be tried before the keyholder is declared lost.
    pub contact: String,
    /// The group that named it.
    pub named_by: String,
    /// Whether that group is the organiser; true for at most half of the seats.
    pub organisers_own: bool,
}

/// What is reported and how candidates are scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scoring {
    /// The features of a record.
    pub schema: Schema,
    /// The score.
    pub method: Method,
    /// k, neighbours.
    pub k: u32,
    /// How records become coordinates; none if that follows from the `scale` aggregation.
    pub scaling: Option<Scaling>,
    /// Where cell centres come from; none if that follows from the `scale` aggregation.
    pub centres: Option<CentreSource>,
    /// Bins of a number in the `scale` aggregation.
    pub scale_bins: u16,
    /// A published majority sample, records and labels, if scores are exact over it (the mode `published`).
    pub published: Vec<(Vec<Value>, bool)>,
}

/// How many are asked, and how finely scores are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// M, the cap and the expected no-shows.
    pub rule: Rule,
    /// Of the score histogram.
    pub bins: Bins,
    /// Whether more are asked if the confirmation counts fewer flips than were aimed at.
    pub top_up: bool,
    /// How it comes to be known whom to ask.
    pub mode: SelectionMode,
}

/// How it comes to be known whom to ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SelectionMode {
    /// Members mark the bin of their score, or that they are no candidate, in a private sum; each decides by the
    /// public threshold.
    #[default]
    PrivateHistogram,
    /// Fewer than 12 members: candidates send their score in the open. It reveals negative labels and who is asked;
    /// people are told so, and refuse unless their limits allow it.
    OpenScores,
}

/// One private sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aggregation {
    /// What for.
    pub kind: Kind,
    /// What is measured and how it is proved.
    pub circuit: Circuit,
    /// The noise of each keyholder's share; none only if the plan says so to everybody.
    pub noise: Option<Noise>,
    /// The most reports, in persons.
    pub reporters_max: u32,
    /// Results that must stand before it opens.
    pub depends_on: Vec<AggregationId>,
    /// When it opens at the earliest.
    pub opens: Time,
    /// When its reports are frozen.
    pub closes: Time,
}

/// What an aggregation is for; each at most once in a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// Marginal histograms, for scaling and cell centres: donors.
    Scale,
    /// Neighbour counts (`rb-label`, `rb-dist`): donors.
    Neighbours,
    /// Gram message (`rb-prob`): donors.
    Regressor,
    /// Score histogram: members.
    Selection,
    /// A finer histogram of the boundary bin: members.
    Refinement,
    /// Who really flipped: members.
    Confirmation,
    /// Group, label and the firm's decision, before: all.
    AuditBefore,
    /// The same after the firm has retrained: all.
    AuditAfter,
}

impl Kind {
    /// What a person is charged for.
    pub const fn purpose(self) -> Purpose {
        match self {
            Self::Scale => Purpose::Scale,
            Self::Neighbours | Self::Regressor => Purpose::Reference,
            Self::Selection | Self::Refinement => Purpose::Selection,
            Self::Confirmation => Purpose::Confirmation,
            Self::AuditBefore | Self::AuditAfter => Purpose::Audit,
        }
    }

    /// Whether people of this role report to it.
    pub const fn concerns(self, role: Role) -> bool {
        self.purpose().concerns(role)
    }
}
