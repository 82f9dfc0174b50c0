//! The file an organiser writes, and the plan that follows from it.
//!
//! TOML; `coordinator init --example` prints one with every key explained. Unknown keys are errors, and every error names the
//! line or the key and what is allowed.

pub mod file;
mod open;

pub use file::CampaignFile;

use std::{num::NonZeroU32, path::Path, str::FromStr as _};

use host::{Problem, dates, files};
use protocol::{
    aggregation::noise::{DELTA, Rho, rho_for_epsilon},
    campaign::{
        CheckedPlan, Issue, Keyholder, Organiser, Plan, Protection, Scoring, Selection, Texts,
        VERSION,
        outline::{self, Outline, Schedule, Visits, honest_seats_max},
    },
    exit::Exit,
    invite::Address,
    keys::{sign::PublicKey, token::IssuerPublicKey, vss::SeatCounts},
    roles::Time,
    scoring::{
        cells::CentreSource,
        marginals::{Marginal, Marginals},
        method::Method,
        scaling::{Encoding, Scaling},
        schema::{Feature, FeatureKind, Schema},
    },
    selection::{threshold::Rule, unit::Bins},
};

use file::{FeatureText, KindWord, Noise};

/// With every key explained.
pub const EXAMPLE: &str = include_str!("campaign/example.toml");

/// The longest campaign file, in bytes.
const FILE_BYTES_MAX: usize = 4 << 20;
/// Bins of a number in the `scale` aggregation.
const SCALE_BINS: u16 = 16;
/// The shortest statement that says something, in characters.
const STATEMENT_CHARS_MIN: usize = 40;

/// What the plan needs and no file holds.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    /// The organiser's.
    pub organiser: PublicKey,
    /// The issuer's.
    pub issuer: IssuerPublicKey,
}

fn wrong(what: impl Into<String>) -> Problem {
    Problem::new(Exit::Configuration, "CAMPAIGN_FILE", what)
        .safe("Nothing was made.")
        .next("Correct the file and run the same command again. Every key explained: coordinator init --example")
}

/// Reads a campaign's file.
///
/// # Errors
/// A problem that names the line.
pub fn read(path: &Path) -> Result<CampaignFile, Problem> {
    let bytes = files::read(path, FILE_BYTES_MAX)?;
    let text = String::from_utf8(bytes);
    let text = text.map_err(|_| wrong(format!("{} is no text.", path.display())))?;
    parse(&text).map_err(|mut problem| {
        problem.what = format!("{}: {}", path.display(), problem.what);
        problem
    })
}

/// Reads a campaign's text.
///
/// # Errors
/// A problem that names the line.
pub fn parse(text: &str) -> Result<CampaignFile, Problem> {
    toml::from_str(text).map_err(|error: toml::de::Error| wrong(error.to_string().trim_end()))
}

impl CampaignFile {
    /// Where people reach the coordinator.
    ///
    /// # Errors
    /// If it is no address.
    pub fn address(&self) -> Result<Address, Problem> {
        let text = &self.server.address;
        Address::from_str(text)
            .map_err(|error| wrong(format!("server.address = \"{text}\": {error}.")))
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
        let bins = self.selection.bins;
        let bins = Bins::whole(bins)
            .map_err(|error| wrong(format!("selection.bins = {bins}: {error}.")))?;
        let times = self.times(now)?;
        let (visits, mode) = (self.visits(), self.mode()?);
        let rho = self.rho()?;
        let (donors, ranges) =
            (self.donors()?, Scaling::from_ranges(&scoring.schema, Encoding::Mix));
        // With a `scale` aggregation only the kinds of columns count here, which the ranges have as well.
        let scaling = scoring.scaling.as_ref().unwrap_or(&ranges);
        let reference = outline::reference(&scoring, scaling, donors, rho);
        let reference = reference.map_err(|error| wrong(format!("selection.method: {error}.")))?;
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
            selection: Selection { rule: self.rule(), bins, top_up: self.visits.top_up, mode },
            cohort_min: self.privacy.cohort,
            issue: Some(Issue { key: keys.issuer, closes: times.issue_closes }),
            enrolment_opens: times.enrolment_opens,
            enrolment_closes: times.schedule.enrolment_closes,
            patience_millis: times.patience_millis,
            aggregations,
        };
        CheckedPlan::new(plan).map_err(|error| wrong(format!("This plan is refused: {error}.")))
    }

    fn check_honesty(&self) -> Result<(), Problem> {
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

    const fn rule(&self) -> Rule {
        let selection = &self.selection;
        Rule {
            flip_budget: selection.flip_budget,
            no_show_milli: selection.no_show_milli,
            safe_cap: selection.safe_cap,
        }
    }

    const fn visits(&self) -> Visits {
        let file::Visits { confirmation, audits, scale, refinement, top_up } = self.visits;
        Visits { selection: true, scale, refinement, confirmation, top_up, audits }
    }

    fn donors(&self) -> Result<NonZeroU32, Problem> {
        NonZeroU32::new(self.people.donors)
            .ok_or_else(|| wrong("people.donors = 0: at least 1 is needed."))
    }

    fn rho(&self) -> Result<Option<Rho>, Problem> {
        match (self.privacy.epsilon, self.privacy.noise) {
            (Some(epsilon), None) if epsilon.is_finite() && epsilon > 0.0 => {
                Ok(Some(rho_for_epsilon(epsilon, DELTA)))
            }
            (Some(epsilon), None) => {
                Err(wrong(format!("privacy.epsilon = {epsilon}: a number above 0 is needed.")))
            }
            (None, Some(Noise::None)) => Ok(None),
            (None, None) => {
                Err(wrong("privacy.epsilon is missing; sums without noise need noise = \"none\"."))
            }
            (Some(_), Some(Noise::None)) => {
                Err(wrong("privacy has both an epsilon and noise = \"none\"; only one can hold."))
            }
        }
    }

    fn schema(&self) -> Result<Schema, Problem> {
        let features: Result<Vec<_>, _> = self.feature.iter().map(feature).collect();
        Schema::new(features?).map_err(|error| wrong(format!("feature: {error}.")))
    }

    fn scoring(&self, schema: Schema) -> Result<Scoring, Problem> {
        let word = &self.selection.method;
        let method = Method::from_str(word)
            .map_err(|error| wrong(format!("selection.method = \"{word}\": {error}.")))?;
        let mut marginals = Vec::from(Marginals::from_ranges(&schema));
        for (marginal, text) in marginals.iter_mut().zip(&self.feature) {
            if let Some(known) = marginal_of(text)? {
                *marginal = known;
            }
        }
        let marginals = Marginals::new(&schema, marginals);
        let marginals = marginals.map_err(|error| wrong(format!("feature weights: {error}.")))?;
        let scaling = Scaling::from_marginals(&schema, &marginals, Encoding::Mix);
        let scaling = scaling.map_err(|error| wrong(format!("feature weights: {error}.")))?;
        let scale = self.visits.scale;
        Ok(Scoring {
            method,
            k: self.selection.k,
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
            read.map_err(|error| wrong(format!("times.{key} = \"{text}\": {error}.")))
        };
        let span = |key: &str, text: &str| {
            let read = dates::parse_span(text);
            read.map_err(|error| wrong(format!("times.{key} = \"{text}\": {error}.")))
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
            return Err(wrong(
                "times are out of order: now, then issue_closes, then enrolment_opens, then enrolment_closes.",
            ));
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

fn feature(text: &FeatureText) -> Result<Feature, Problem> {
    let name = &text.name;
    let needs = |what: &str| wrong(format!("feature \"{name}\": {what}."));
    let kind = match (text.kind, text.min, text.max, &text.levels) {
        (KindWord::Numeric, Some(min), Some(max), None) => FeatureKind::Numeric { min, max },
        (KindWord::Count, None, Some(max), None) => FeatureKind::Count { max },
        (KindWord::Flag, None, None, None) => FeatureKind::Flag,
        (KindWord::Ordinal, None, None, Some(levels)) => {
            FeatureKind::Ordinal { levels: levels.clone() }
        }
        (KindWord::Categorical, None, None, Some(levels)) => {
            FeatureKind::Categorical { levels: levels.clone() }
        }
        (KindWord::Numeric, ..) => return Err(needs("numeric needs min and max, and no levels")),
        (KindWord::Count, ..) => return Err(needs("count needs max, and neither min nor levels")),
        (KindWord::Flag, ..) => return Err(needs("flag has neither min, max nor levels")),
        (KindWord::Ordinal | KindWord::Categorical, ..) => {
            return Err(needs("ordinal and categorical need levels, and neither min nor max"));
        }
    };
    Ok(Feature { name: name.clone(), unit: text.unit.clone(), kind })
}

/// What is publicly known of a feature, if the file says it.
fn marginal_of(text: &FeatureText) -> Result<Option<Marginal>, Problem> {
    let needs = |what: &str| wrong(format!("feature \"{}\": {what}.", text.name));
    let Some(weights) = text.weights.clone() else {
        return match text.values {
            None => Ok(None),
            Some(_) => Err(needs("values need weights")),
        };
    };
    Ok(Some(match (text.kind, &text.values) {
        (KindWord::Numeric | KindWord::Count, Some(values)) => {
            Marginal::Numbers { values: values.clone(), weights }
        }
        (KindWord::Numeric | KindWord::Count, None) => return Err(needs("weights need values")),
        (KindWord::Ordinal | KindWord::Categorical, None) => Marginal::Levels { weights },
        (KindWord::Flag, None) => match weights[..] {
            [no, yes] => Marginal::Flag { no, yes },
            _ => return Err(needs("weights of a flag are [no, yes]")),
        },
        (KindWord::Ordinal | KindWord::Categorical | KindWord::Flag, Some(_)) => {
            return Err(needs("only numbers have values"));
        }
    }))
}

#[cfg(test)]
mod tests;
