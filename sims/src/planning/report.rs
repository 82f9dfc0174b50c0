//! A whole plan: what it was made from, what it says, and enough to make it again.

use std::path::PathBuf;

use protocol::audit::power::{Question, decisions_needed};
use protocol::campaign::Draft;
use protocol::scoring::schema::Schema;
use protocol::selection::threshold::Rule;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::aggregates::Drawn;
use super::outlook::{Choice, Level, Outlook, Verdict};
use super::rule::{self, Recruits};
use super::sensitivity::Sensitivity;
use super::simulate::{drawing, simulate};
use super::theory::Theory;
use super::{PlanningError, Settings};
use crate::dataset::infer::Marked;
use crate::dataset::{Dataset, hex};
use crate::experiment::sweep::Progress;

/// Where the reference comes from.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A built-in word, or the path of a description.
    Dataset(String),
    /// Aggregates, from which people are drawn by the plan's seed.
    Aggregates(PathBuf),
    /// A file that describes itself.
    File {
        /// The CSV file.
        file: PathBuf,
        /// Whose 1 is the minority.
        group: Marked,
        /// Whose 1 is the positive label.
        label: Marked,
        /// Columns that are no features.
        ignored: Vec<String>,
    },
}

/// What the organiser expects of those who join.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The share of those asked that flips.
    pub compliance: f64,
    /// The share of members that is gone before anybody is asked.
    pub dropout: f64,
}

/// How many decisions an audit needs to see a difference, in each group with each true label.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Audit {
    /// The difference of one rate, in thousandths.
    pub milli: u16,
    /// For a gap between the groups, once.
    pub gap: u64,
    /// For a change of it between two audits of different people.
    pub change: u64,
}

/// A whole plan.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Of this program.
    pub version: String,
    /// The revision it was built from.
    pub revision: String,
    /// Where the reference came from.
    pub source: Source,
    /// Its name.
    pub name: String,
    /// SHA-256 of its bytes.
    pub fingerprint: String,
    /// How many people it has.
    pub people: usize,
    /// If they were drawn from aggregates: how.
    pub drawn: Option<Drawn>,
    /// What the numbers depend on.
    pub settings: Settings,
    /// The first 16 hexadecimal digits of SHA-256 over settings and fingerprint.
    pub config: String,
    /// What is expected of members.
    pub expected: Expected,
    /// The rule of thumb.
    pub rule: rule::Rule,
    /// What theory promises.
    pub theory: Theory,
    /// Every scenario.
    pub outlooks: Vec<Outlook>,
    /// Which assumption matters most; none if there is no gap to close.
    pub sensitivity: Option<Sensitivity>,
    /// What to do.
    pub verdict: Verdict,
    /// Members to recruit for the verdict's M.
    pub recruits: Option<Recruits>,
    /// What an audit can show.
    pub audits: Vec<Audit>,
}

/// Which program made a plan.
#[derive(Clone, Copy, Debug)]
pub struct Maker<'a> {
    /// Of the program.
    pub version: &'a str,
    /// The revision it was built from.
    pub revision: &'a str,
}

/// Differences of rates that an audit might be asked to see, in thousandths.
const AUDITED: [u16; 4] = [50, 100, 150, 200];

impl Report {
    /// Makes a plan.
    ///
    /// `drawn` says how the reference came out of aggregates, if it did.
    ///
    /// # Errors
    /// Every [`PlanningError`].
    pub fn make(
        (reference, drawn): (&Dataset, Option<&Drawn>),
        source: &Source,
        settings: &Settings,
        expected: Expected,
        maker: Maker<'_>,
        progress: &dyn Progress,
    ) -> Result<Self, PlanningError> {
        settings.check()?;
        expected.check()?;
        let rule = rule::Rule::of(reference, settings.trained)?;
        let budgets: Vec<usize> = settings.shares.iter().map(|&share| rule.flips(share)).collect();
        let drawing = drawing(reference, settings.trained);
        let outlooks: Vec<Outlook> =
            simulate(reference, settings, &settings.beside(), &budgets, progress)?
                .iter()
                .map(|runs| Outlook::of(runs, settings, &budgets, drawing))
                .collect();
        let verdict = Verdict::of(&rule, &outlooks, settings.confidence);
        let sensitivity = questioned(&outlooks, &verdict)
            .map(|budget| Sensitivity::of(reference, settings, &rule, budget, progress))
            .transpose()?;
        let recruits =
            |choice: Choice| rule.recruits(choice.budget, expected.compliance, expected.dropout);
        Ok(Self {
            version: maker.version.to_owned(),
            revision: maker.revision.to_owned(),
            source: source.clone(),
            name: reference.name.clone(),
            fingerprint: reference.fingerprint.clone(),
            people: reference.minority.len(),
            drawn: drawn.cloned(),
            settings: settings.clone(),
            config: config(settings, &reference.fingerprint),
            expected,
            rule,
            theory: Theory::of(reference, settings.alpha, rule.minority_trained)?,
            sensitivity,
            recruits: verdict.choice().map(recruits),
            audits: audits(&outlooks, &verdict, settings.confidence),
            verdict,
            outlooks,
        })
    }

    /// As it is kept: pretty JSON with a line break at the end.
    ///
    /// # Panics
    /// Never: every field has a JSON form.
    pub fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("every field has a JSON form");
        text.push('\n');
        text
    }

    /// The file an organiser's campaign starts with, as TOML; `None` if the plan is not to run.
    ///
    /// At most `M_SP` people are asked, or M if that is more, so that not even everybody's compliance overshoots.
    ///
    /// # Panics
    /// Never: every field has a TOML form.
    pub fn campaign(&self, schema: &Schema) -> Option<String> {
        let (Verdict::Run(choice), Some(recruits)) = (&self.verdict, self.recruits) else {
            return None;
        };
        let whole = |number: f64| format!("{number:.0}").parse::<u32>().unwrap_or(u32::MAX);
        let flips = whole(count(choice.budget));
        let no_shows = (1_000.0 * (1.0 - self.expected.compliance)).clamp(0.0, 999.0);
        let planned = Draft {
            simulated: self.config.clone(),
            recruit: whole(recruits.people),
            method: self.settings.method,
            k: whole(count(self.settings.k)),
            rule: Rule {
                flip_budget: flips,
                no_show_milli: u16::try_from(whole(no_shows)).unwrap_or(999),
                safe_cap: flips.max(whole(self.rule.full.value)),
            },
            schema: schema.clone(),
        };
        let text = toml::to_string(&CampaignFile { planned }).expect("every field has a TOML form");
        Some(format!(
            "# What sims plan settles of a campaign. Add the rest, or let it be asked for: coordinator init --from FILE\n{text}"
        ))
    }

    /// Where another plan of the same source says something else, but for the program that made it: the first
    /// such key, with what this one holds and what the other.
    ///
    /// # Panics
    /// Never: every field has a JSON form.
    pub fn differs(&self, other: &Self) -> Option<Difference> {
        let value = |report: &Self| {
            let mut value = serde_json::to_value(report).expect("every field has a JSON form");
            for key in ["version", "revision"] {
                value[key].take();
            }
            value
        };
        first_difference("", &value(self), &value(other))
    }
}

/// What of a campaign's file is written here.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct CampaignFile {
    /// What follows from the simulation.
    pub planned: Draft,
}

#[expect(clippy::cast_precision_loss, reason = "numbers of people are far below 2^53")]
fn count(people: usize) -> f64 {
    people as f64
}

/// Where two plans differ.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Difference {
    /// The key, e.g. "/outlooks/0/levels/2/met/value".
    pub key: String,
    /// What the first holds there, as JSON.
    pub expected: String,
    /// What the second holds.
    pub got: String,
}

fn first_difference(
    key: &str,
    one: &serde_json::Value,
    other: &serde_json::Value,
) -> Option<Difference> {
    use serde_json::Value::{Array, Object};
    match (one, other) {
        (Object(a), Object(b)) if a.keys().eq(b.keys()) => a
            .iter()
            .find_map(|(name, value)| first_difference(&format!("{key}/{name}"), value, &b[name])),
        (Array(a), Array(b)) if a.len() == b.len() => {
            let pairs = a.iter().zip(b).enumerate();
            pairs.into_iter().find_map(|(place, (value, other))| {
                first_difference(&format!("{key}/{place}"), value, other)
            })
        }
        (one, other) if one == other => None,
        (one, other) => Some(Difference {
            key: key.to_owned(),
            expected: one.to_string(),
            got: other.to_string(),
        }),
    }
}

impl Expected {
    fn check(self) -> Result<(), PlanningError> {
        let limits = [
            ("compliance", self.compliance, self.compliance > 0.0 && self.compliance <= 1.0),
            ("1 - dropout", 1.0 - self.dropout, self.dropout >= 0.0 && self.dropout < 1.0),
        ];
        let allowed = "above 0, at most 1";
        limits
            .into_iter()
            .find(|limit| !limit.2)
            .map_or(Ok(()), |(name, got, _)| Err(PlanningError::Setting { name, got, allowed }))
    }
}

fn config(settings: &Settings, fingerprint: &str) -> String {
    let json = serde_json::to_vec(settings).expect("every field has a JSON form");
    let digest = Sha256::new().chain_update(json).chain_update(fingerprint).finalize();
    hex(&digest)[..16].to_owned()
}

/// The M whose assumptions are questioned: the verdict's, else the one that does most in the first scenario.
fn questioned(outlooks: &[Outlook], verdict: &Verdict) -> Option<usize> {
    let does_most = || {
        let levels = outlooks.first()?.levels.iter().filter(|level| level.budget > 0);
        let by_change = |a: &&Level, b: &&Level| a.change.mean.total_cmp(&b.change.mean);
        levels.min_by(by_change).map(|level| level.budget)
    };
    verdict.choice().map(|choice| choice.budget).or_else(does_most)
}

/// For usual differences, and for the least fall that the verdict's M brings where it is likely to help.
fn audits(outlooks: &[Outlook], verdict: &Verdict, confidence: f64) -> Vec<Audit> {
    let mut milli = AUDITED.to_vec();
    if let Some(choice) = verdict.choice() {
        let levels = outlooks.iter().flat_map(|outlook| &outlook.levels);
        let likely = levels.filter(|l| l.budget == choice.budget && l.met.value >= confidence);
        let least = likely.map(|level| -level.change.mean).fold(1.0, f64::min);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a difference of rates, at most 1; `as` saturates"
        )]
        milli.push((1_000.0 * least).round() as u16);
    }
    milli.sort_unstable();
    milli.dedup();
    let needed = |question, milli| decisions_needed(question, milli, 0);
    milli
        .into_iter()
        .filter_map(|milli| {
            let gap = needed(Question::Gap, milli)?;
            Some(Audit { milli, gap, change: needed(Question::Change, milli)? })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use protocol::scoring::method::Method;
    use protocol::scoring::scaling::Encoding;

    use super::*;
    use crate::planning::scenario::Scenario;
    use crate::planning::{Silent, Stop};
    use crate::population::causal::{CausalSettings, generate};

    fn make(seed: u32, revision: &str) -> Report {
        let people = CausalSettings { people: 600, ..CausalSettings::default() };
        let reference = generate(&people).unwrap().dataset;
        let settings = Settings {
            seed,
            alpha: 0.5,
            method: Method::RbProb,
            k: 20,
            encoding: Encoding::Mix,
            trained: 420,
            shares: vec![0.25, 0.5],
            scenarios: Scenario::usual()[..1].to_vec(),
            target: 0.5,
            harm: 0.02,
            confidence: 0.0,
            stop: Stop { batch: 4, most: 4, half_width: 0.0 },
        };
        let expected = Expected { compliance: 0.8, dropout: 0.2 };
        let maker = Maker { version: "1", revision };
        let source = Source::Dataset("synthetic".to_owned());
        Report::make((&reference, None), &source, &settings, expected, maker, &Silent).unwrap()
    }

    #[test]
    fn a_kept_plan_is_the_same_when_made_again() {
        let plan = make(1, "a");
        let kept: Report = serde_json::from_str(&plan.json()).unwrap();
        assert_eq!(kept, plan);
        assert_eq!(kept.differs(&make(1, "b")), None, "the program is no part of the numbers");
        assert_ne!(kept.config, make(2, "a").config);
    }

    #[test]
    fn a_changed_digit_is_found_where_it_stands() {
        let plan = make(1, "a");
        let mut other = plan.clone();
        other.outlooks[0].levels[1].error += 1e-15;
        let difference = plan.differs(&other).unwrap();
        assert_eq!(difference.key, "/outlooks/0/levels/1/error");
        assert_ne!(difference.expected, difference.got);
    }

    #[test]
    fn a_campaign_file_holds_what_was_planned() {
        let people = CausalSettings { people: 600, ..CausalSettings::default() };
        let schema = generate(&people).unwrap().dataset.schema;
        let plan = make(1, "a");
        let text = plan.campaign(&schema).unwrap();
        let CampaignFile { planned } = toml::from_str(&text).unwrap();
        let choice = plan.verdict.choice().unwrap();
        assert_eq!(planned.rule.flip_budget as usize, choice.budget);
        assert_eq!(planned.rule.no_show_milli, 200);
        assert!(f64::from(planned.rule.safe_cap) >= plan.rule.full.value.floor());
        assert_eq!((planned.simulated, planned.schema), (plan.config.clone(), schema.clone()));
        let verdict = Verdict::DoNotRun { reason: super::super::outlook::Reason::Harm };
        assert_eq!(Report { verdict, ..plan }.campaign(&schema), None);
    }

    #[test]
    fn an_audit_is_told_what_it_needs() {
        let plan = make(1, "a");
        let tenth = plan.audits.iter().find(|audit| audit.milli == 100).unwrap();
        assert_eq!((tenth.gap, tenth.change), (377, 753));
        assert_eq!(plan.recruits.is_some(), plan.verdict.choice().is_some());
    }
}
