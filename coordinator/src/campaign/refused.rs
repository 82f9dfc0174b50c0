//! What is wrong with a campaign's file, by line and key.

use host::{Problem, dates};
use protocol::campaign::{AggregationFault, PlanError};

use super::{CampaignFile, wrong};

/// The tables of a file, and what they say.
const TABLES: [(&str, &str); 8] = [
    ("organiser", "who organises it, and how to reach them"),
    ("server", "where people reach this machine"),
    ("texts", "what people are told"),
    ("honesty", "what is reported, to whom and under which terms"),
    ("keyholder", "three to fifteen people or organisations that people know"),
    ("privacy", "the cohort, epsilon, and how a lost keyholder is recovered"),
    ("people", "how many can report, and how many donors are expected"),
    ("times", "when what happens"),
];
/// What `sims plan` settles.
const SETTLED: [(&str, &str); 2] =
    [("selection", "how many are asked"), ("feature", "what a record holds")];

/// What a file that is TOML has no table for; nothing if it has them all.
pub(super) fn unfinished(table: &toml::Table) -> Option<Problem> {
    let planned = table.contains_key("planned");
    let settled = SETTLED.iter().filter(|_| !planned);
    let missing = TABLES.iter().chain(settled).filter(|(name, _)| !table.contains_key(*name));
    let missing: Vec<_> = missing.map(|(name, what)| format!("\n  [{name}]  {what}")).collect();
    if missing.is_empty() {
        return None;
    }
    let done = if planned {
        "`sims plan` has settled how many are asked and what a record holds; still "
    } else {
        ""
    };
    let what = format!("{done}missing:{}", missing.concat());
    Some(wrong(what).next(
        "coordinator init --example prints these tables, with words. Of a file with [planned] alone, coordinator init --from FILE \
         asks for the rest.",
    ))
}

impl CampaignFile {
    /// What is wrong with the value of one key; `what` follows the key.
    pub(super) fn at(&self, key: &str, what: &str) -> Problem {
        wrong(format!("{}{key}{what}.", self.lines.before(key)))
    }

    /// A plan that is refused, by the key that mends it.
    pub(super) fn refused(&self, error: &PlanError) -> Problem {
        let key = match error {
            PlanError::Patience { below_millis, .. } => {
                return self.at(
                    "times.patience",
                    &format!(
                        " = \"{}\"; allowed: less than {}. A lost keyholder is waited for so long at the end of one sum and again \
                         at the beginning of the next, which would have closed by then. Make it shorter, or times.collecting or \
                         times.closing longer",
                        self.times.patience,
                        dates::span(*below_millis)
                    ),
                );
            }
            PlanError::Text { what, .. } => match *what {
                "the organiser's name" => "organiser.name",
                "the organiser's contact" => "organiser.contact",
                "the purpose" => "texts.purpose",
                "the firm" => "texts.firm",
                "the group's rule" => "texts.group",
                "the label's meaning" => "texts.label",
                _ => "keyholder",
            },
            PlanError::Keyholders { .. } | PlanError::OrganisersOwn { .. } => "keyholder",
            PlanError::Threshold { .. } => "privacy.recovery_threshold",
            PlanError::HonestSeats { .. } => "privacy.honest_seats",
            PlanError::Cohort { .. } => "privacy.cohort",
            PlanError::Selection { .. } => "selection.flip_budget",
            PlanError::Issue => "times.issue_closes",
            PlanError::Scoring { .. } | PlanError::Sample { .. } => "selection.method",
            PlanError::Aggregation { fault: AggregationFault::Reporters { .. }, .. } => {
                "people.reporters_max"
            }
            PlanError::Aggregation { fault: AggregationFault::Times, .. } => "times.collecting",
            PlanError::TopUp | PlanError::Aggregation { fault: AggregationFault::TopUp, .. } => {
                "visits.top_up"
            }
            _ => return wrong(format!("This plan is refused: {error}.")),
        };
        self.at(key, &format!(": {error}"))
    }
}
