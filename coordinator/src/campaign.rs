//! The file an organiser writes, and the plan that follows from it.
//!
//! TOML; `coordinator init --example` prints one with every key explained. Unknown keys are errors, and every error names the
//! line or the key and what is allowed.

pub mod file;
mod lines;
mod open;
mod refused;
mod settled;

pub use file::CampaignFile;
pub use lines::Lines;

use std::{num::NonZeroU32, path::Path, str::FromStr as _};

use host::{Problem, dates, files};
use protocol::{
    aggregation::noise::{DELTA, Rho, rho_for_epsilon},
    campaign::{
        CheckedPlan, Draft, Issue, Keyholder, Organiser, Plan, Protection, Scoring, Selection,
        Texts, VERSION,
        outline::{self, Outline, Schedule, Visits, honest_seats_max},
    },
    exit::Exit,
    invite::Address,
    keys::{sign::PublicKey, token::IssuerPublicKey, vss::SeatCounts},
    roles::Time,
    scoring::{
        cells::CentreSource,
        scaling::{Encoding, Scaling},
        schema::Schema,
    },
    selection::unit::Bins,
};

use serde::Deserialize;

use file::{FeatureText, Noise};

/// With every key explained.
pub const EXAMPLE: &str = include_str!("campaign/example.toml");

/// The code of everything that is wrong in a file.
const FILE: &str = "CAMPAIGN_FILE";
/// The longest campaign file, in bytes.
const FILE_BYTES_MAX: usize = 4 << 20;
/// Bins of a number in the `scale` aggregation.
const SCALE_BINS: u16 = 16;
/// The shortest statement that says something, in characters.
pub(crate) const STATEMENT_CHARS_MIN: usize = 40;

/// What the plan needs and no file holds.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    /// The organiser's.
    pub organiser: PublicKey,
    /// The issuer's.
    pub issuer: IssuerPublicKey,
}

fn wrong(what: impl Into<String>) -> Problem {
    Problem::new(Exit::Configuration, FILE, what)
        .safe("Nothing was made.")
        .next("Correct the file and run the same command again. Every key explained: coordinator init --example")
}

/// What an organiser has written.
#[derive(Clone, Debug, PartialEq)]
pub enum Written {
    /// All of it.
    Whole(Box<CampaignFile>),
    /// What `sims plan` has written, and nothing else.
    Planned(Box<Draft>),
}

/// Reads a campaign's file, or what `sims plan` has written of one.
///
/// # Errors
/// A problem that names the line, or what is missing.
pub fn read(path: &Path) -> Result<Written, Problem> {
    let text = text_of(path)?;
    match draft(&text) {
        Some(draft) => draft.map(Box::new).map(Written::Planned),
        None => parse(&text).map(Box::new).map(Written::Whole),
    }
    .map_err(|problem| within(path, problem))
}

/// Reads a campaign's whole file.
///
/// # Errors
/// A problem that names the line, or what is missing.
pub fn read_whole(path: &Path) -> Result<CampaignFile, Problem> {
    parse(&text_of(path)?).map_err(|problem| within(path, problem))
}

fn text_of(path: &Path) -> Result<String, Problem> {
    let text = String::from_utf8(files::read(path, FILE_BYTES_MAX)?);
    text.map_err(|_| wrong(format!("{} is no text.", path.display())))
}

/// A problem of this file's.
pub(crate) fn within(path: &Path, mut problem: Problem) -> Problem {
    if problem.code == FILE {
        problem.what = format!("{}: {}", path.display(), problem.what);
    }
    problem
}

#[derive(Deserialize)]
struct Drafted {
    planned: Draft,
}

/// Of a text that holds `[planned]` alone.
fn draft(text: &str) -> Option<Result<Draft, Problem>> {
    let table: toml::Table = toml::from_str(text).ok()?;
    if !table.keys().eq(["planned"]) {
        return None;
    }
    let drafted: Result<Drafted, _> = toml::from_str(text);
    Some(drafted.map(|of| of.planned).map_err(|error| wrong(error.to_string().trim_end())))
}

/// Reads a campaign's text.
///
/// # Errors
/// A problem that names the line, or what is missing.
pub fn parse(text: &str) -> Result<CampaignFile, Problem> {
    if let Some(problem) = toml::from_str(text).ok().and_then(|table| refused::unfinished(&table)) {
        return Err(problem);
    }
    let file: Result<CampaignFile, toml::de::Error> = toml::from_str(text);
    let mut file = file.map_err(|error| wrong(error.to_string().trim_end()))?;
    file.lines = Lines::of(text);
    Ok(file)
}

/// The schema of these features.
///
/// # Errors
/// Which feature is wrong, and why.
pub fn schema_of(features: &[FeatureText]) -> Result<Schema, Problem> {
    let features: Result<Vec<_>, _> = features.iter().map(settled::feature).collect();
    Schema::new(features?).map_err(|error| wrong(format!("feature: {error}.")))
}

impl CampaignFile {
    /// The example, which stands in no file of the organiser's.
    ///
    /// # Errors
    /// Never: a test reads it.
    pub fn example() -> Result<Self, Problem> {
        Ok(Self { lines: Lines::default(), ..parse(EXAMPLE)? })
    }

    /// Where people reach the coordinator.
    ///
    /// # Errors
    /// If it is no address.
    pub fn address(&self) -> Result<Address, Problem> {
        let text = &self.server.address;
        Address::from_str(text)
            .map_err(|error| self.at("server.address", &format!(" = \"{text}\": {error}")))
    }

    /// The plan, at `now`.
    ///
    /// # Errors
    /// What is wrong with it, or that such a label is refused.
    pub fn plan(&self, keys: Keys, now: Time) -> Result<CheckedPlan, Problem> {
        self.check_honesty()?;
        let schema = self.schema()?;
        let scoring = self.scoring(schema)?;
        let seats = u8::try_from(self.keyholder.len()).unwrap_or(u8::MAX);
        let threshold = self.privacy.recovery_threshold;
        let honest_seats = match self.privacy.honest_seats {
            Some(seats) => seats,
            None => honest_seats_max(SeatCounts { seats, threshold }),
        };
        let bins = Bins::whole(self.bins())
            .map_err(|error| self.at("selection.bins", &format!(" = {}: {error}", self.bins())))?;
        let times = self.times(now)?;
        let (visits, mode) = (self.visits(), self.mode()?);
        let rho = self.rho()?;
        let (donors, ranges) =
            (self.donors()?, Scaling::from_ranges(&scoring.schema, Encoding::Mix));
        // With a `scale` aggregation only the kinds of columns count here, which the ranges have as well.
        let scaling = scoring.scaling.as_ref().unwrap_or(&ranges);
        let reference = outline::reference(&scoring, scaling, donors, rho);
        let reference =
            reference.map_err(|error| self.at("selection.method", &format!(": {error}")))?;
        if reference.is_some() || self.visits.scale {
            self.check_donors(donors)?;
        }
        let outline = Outline {
            scoring: &scoring,
            bins,
            reference: reference.as_ref(),
            visits,
            mode,
            rho,
            reference_noise: None,
            honest_seats,
            reporters_max: self.people.reporters_max,
            schedule: times.schedule,
        };
        let aggregations = outline.aggregations();
        let aggregations = aggregations.map_err(|error| wrong(format!("{error}.")))?;
        let plan = Plan {
            version: VERSION,
            protection: Protection::Private,
            organiser: Organiser {
                name: self.organiser.name.clone(),
                contact: self.organiser.contact.clone(),
                key: keys.organiser,
            },
            texts: self.texts(),
            keyholders: self.keyholder.iter().map(keyholder).collect(),
            recovery_threshold: threshold,
            honest_seats,
            scoring: scoring.clone(),
            selection: Selection { rule: self.rule()?, bins, top_up: self.visits.top_up, mode },
            cohort_min: self.privacy.cohort,
            issue: Some(Issue { key: keys.issuer, closes: times.issue_closes }),
            enrolment_opens: times.enrolment_opens,
            enrolment_closes: times.schedule.enrolment_closes,
            patience_millis: times.patience_millis,
            aggregations,
        };
        CheckedPlan::new(plan).map_err(|error| self.refused(&error))
    }

    pub(crate) fn check_honesty(&self) -> Result<(), Problem> {
        let says = |text: &str| text.trim().chars().count() >= STATEMENT_CHARS_MIN;
        let honesty = &self.honesty;
        let refused = |what: String| {
            Problem::new(Exit::Configuration, "LABEL_REFUSED", what).safe("Nothing was made.")
        };
        if !says(&honesty.statement) {
            return Err(refused(format!(
                "honesty.statement has fewer than {STATEMENT_CHARS_MIN} characters: what is reported, to whom and under \
                 which terms must be written down."
            ))
            .next("Write it; members read it before they join."));
        }
        if honesty.concerns.is_empty() || honesty.concerns_statement.as_deref().is_some_and(says) {
            return Ok(());
        }
        let words: Vec<_> = honesty.concerns.iter().map(|concern| concern.words()).collect();
        Err(refused(format!(
            "The label has to do with {}. False statements there can be crimes or fraud, and can hurt others.",
            words.join(", ")
        ))
        .next(
            "Do not run this campaign. If counsel has cleared it, write honesty.concerns_statement: who has advised, and \
             why nobody is made to say anything false.",
        ))
    }

    fn texts(&self) -> Texts {
        let honesty = &self.honesty;
        let mut label = format!("{}\n{}", self.texts.label.trim(), honesty.statement.trim());
        if let Some(statement) = &honesty.concerns_statement {
            label = format!("{label}\n{}", statement.trim());
        }
        let mut purpose = self.texts.purpose.clone();
        if let Some(published) = &self.published {
            purpose = format!("{}\nPublished records: {}", purpose.trim(), published.agreed.trim());
        }
        Texts {
            purpose,
            firm: self.texts.firm.clone(),
            group_rule: self.texts.group.clone(),
            label,
        }
    }

    const fn visits(&self) -> Visits {
        let file::Visits { confirmation, audits, scale, refinement, top_up } = self.visits;
        Visits { selection: true, scale, refinement, confirmation, top_up, audits }
    }

    fn donors(&self) -> Result<NonZeroU32, Problem> {
        NonZeroU32::new(self.people.donors)
            .ok_or_else(|| self.at("people.donors", " = 0; allowed: at least 1"))
    }

    /// What they lend is a sum like any other.
    fn check_donors(&self, expected: NonZeroU32) -> Result<(), Problem> {
        let cohort = self.privacy.cohort;
        if expected.get() >= cohort {
            return Ok(());
        }
        let what = format!(
            " = {expected}; allowed: at least {cohort}, which is privacy.cohort. What fewer lend is never opened"
        );
        Err(self.at("people.donors", &what))
    }

    fn rho(&self) -> Result<Option<Rho>, Problem> {
        match (self.privacy.epsilon, self.privacy.noise) {
            (Some(epsilon), None) if epsilon.is_finite() && epsilon > 0.0 => {
                Ok(Some(rho_for_epsilon(epsilon, DELTA)))
            }
            (Some(epsilon), None) => {
                let what = format!(" = {epsilon}; allowed: a number above 0");
                Err(self.at("privacy.epsilon", &what))
            }
            (None, Some(Noise::None)) => Ok(None),
            (None, None) => {
                let what = ".epsilon is missing; sums without noise need noise = \"none\"";
                Err(self.at("privacy", what))
            }
            (Some(_), Some(Noise::None)) => {
                Err(wrong("privacy has both an epsilon and noise = \"none\"; only one can hold."))
            }
        }
    }

    fn scoring(&self, schema: Schema) -> Result<Scoring, Problem> {
        let method = self.method()?;
        let marginals = self.marginals(&schema)?;
        let scaling = Scaling::from_marginals(&schema, &marginals, Encoding::Mix);
        let scaling = scaling.map_err(|error| wrong(format!("feature weights: {error}.")))?;
        let scale = self.visits.scale;
        Ok(Scoring {
            method,
            k: self.neighbours()?,
            scaling: (!scale).then_some(scaling),
            centres: (!scale).then_some(CentreSource::Marginals(marginals)),
            scale_bins: SCALE_BINS,
            published: self.published(&schema, method)?,
            schema,
        })
    }

    fn times(&self, now: Time) -> Result<Times, Problem> {
        let moment = |key: &str, text: &str| {
            let read = dates::parse_moment(text, now);
            let key = format!("times.{key}");
            read.map_err(|error| self.at(&key, &format!(" = \"{text}\": {error}")))
        };
        let span = |key: &str, text: &str| {
            let read = dates::parse_span(text);
            let key = format!("times.{key}");
            read.map_err(|error| self.at(&key, &format!(" = \"{text}\": {error}")))
        };
        let times = &self.times;
        let issue_closes = moment("issue_closes", &times.issue_closes)?;
        let enrolment_opens = match &times.enrolment_opens {
            Some(text) => moment("enrolment_opens", text)?,
            None => issue_closes,
        };
        let audit_after = times.audit_after.as_deref();
        let schedule = Schedule {
            enrolment_closes: moment("enrolment_closes", &times.enrolment_closes)?,
            collecting_millis: span("collecting", &times.collecting)?,
            closing_millis: span("closing", &times.closing)?,
            audit_after: audit_after.map(|text| moment("audit_after", text)).transpose()?,
        };
        if issue_closes <= now
            || enrolment_opens < issue_closes
            || schedule.enrolment_closes <= enrolment_opens
        {
            let what = " are out of order; allowed: now, then issue_closes, then enrolment_opens, then enrolment_closes";
            return Err(self.at("times", what));
        }
        let patience_millis = span("patience", &times.patience)?;
        Ok(Times { issue_closes, enrolment_opens, schedule, patience_millis })
    }
}

struct Times {
    issue_closes: Time,
    enrolment_opens: Time,
    schedule: Schedule,
    patience_millis: u64,
}

fn keyholder(text: &file::KeyholderText) -> Keyholder {
    Keyholder {
        name: text.name.clone(),
        contact: text.contact.clone(),
        named_by: text.named_by.clone(),
        organisers_own: text.organisers_own,
    }
}

#[cfg(test)]
mod tests;
