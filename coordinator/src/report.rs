//! What came of a campaign, from its transcript: one page that holds everything itself, JSON and CSV. Sums only: of scores in
//! the open, which are about one person each, it has how many there are.

mod page;

pub use page::page;

use protocol::{
    aggregation::AggregateResult,
    audit::{Audit, Changes, Estimates, PUBLISHED_MIN},
    campaign::Kind,
    ids::AggregationId,
    transcript::Transcript,
};
use serde::Serialize;

use crate::status::{abort_words, decision_words, word};

/// What came of a campaign.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The plan's hash.
    pub plan: String,
    /// The campaign's id.
    pub campaign: Option<String>,
    /// The hash of the transcript's last entry.
    pub head: String,
    /// Who organised it, about which firm and why.
    pub organiser: String,
    /// Whose classifier.
    pub firm: String,
    /// Why.
    pub purpose: String,
    /// Who held keys, by whom they were named, and whether they were lost in any sum.
    pub keyholders: Vec<KeyholderReport>,
    /// Everybody enrolled.
    pub enrolled: Option<usize>,
    /// K.
    pub cohort: u32,
    /// Of the plan, in its order.
    pub sums: Vec<SumReport>,
    /// The firm's decisions, before and after, with what changed.
    pub audits: Audits,
}

/// One keyholder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyholderReport {
    /// As in the plan.
    pub name: String,
    /// As in the plan.
    pub named_by: String,
    /// In how many sums it was certified as lost.
    pub lost: usize,
}

/// One sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SumReport {
    /// What for.
    pub kind: String,
    /// Whether it lists scores in the open instead of adding up reports: the transcript has them, and no report does.
    pub open_scores: bool,
    /// Reports at the freeze.
    pub frozen: Option<u32>,
    /// Reports in the sum.
    pub accepted: Option<u32>,
    /// Standard deviation of the noise in each count, in thousandths; 0 for none.
    pub sigma_milli: u32,
    /// Why it has no result.
    pub aborted: Option<String>,
    /// What was decided.
    pub decision: Option<String>,
    /// The counts, each with its name; those of an audit that are too small are withheld.
    pub counts: Vec<Count>,
}

/// One count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Of what.
    pub what: String,
    /// With noise, so that it can be below 0; none if withheld.
    pub count: Option<i64>,
}

/// What the audits say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Audits {
    /// Before the firm retrained.
    pub before: Option<Estimates>,
    /// After.
    pub after: Option<Estimates>,
    /// After minus before.
    pub changes: Option<Changes>,
}

impl Report {
    /// Of a transcript that was followed.
    pub fn of(transcript: &Transcript) -> Self {
        let plan = transcript.plan();
        let sums = plan.enumerated().map(|(id, _)| sum(transcript, id)).collect();
        let keyholders = plan.all_seats().iter().zip(&plan.keyholders).map(|(seat, keyholder)| {
            let lost = transcript.sums().iter().filter(|sum| sum.lost().contains(seat)).count();
            KeyholderReport {
                name: keyholder.name.clone(),
                named_by: keyholder.named_by.clone(),
                lost,
            }
        });
        Self {
            plan: plan.id().to_string(),
            campaign: transcript.manifest().map(|(_, manifest)| manifest.campaign().to_string()),
            head: transcript.head().to_string(),
            organiser: plan.organiser.name.clone(),
            firm: plan.texts.firm.clone(),
            purpose: plan.texts.purpose.clone(),
            keyholders: keyholders.collect(),
            enrolled: transcript.roster().map(std::collections::BTreeMap::len),
            cohort: plan.cohort_min,
            sums,
            audits: audits(transcript),
        }
    }

    /// For programs.
    ///
    /// # Panics
    /// Never: texts and numbers serialise.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("texts and numbers serialise") + "\n"
    }

    /// A line for each count: `sum,what,count`; the last is empty if it is withheld.
    ///
    /// # Panics
    /// Never: a vector takes everything.
    pub fn to_csv(&self) -> Vec<u8> {
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(["sum", "what", "count"]).expect("a vector takes everything");
        for sum in &self.sums {
            for Count { what, count } in &sum.counts {
                let count = count.map_or_else(String::new, |count| count.to_string());
                table.write_record([&sum.kind, what, &count]).expect("a vector takes everything");
            }
        }
        table.into_inner().expect("a vector takes everything")
    }
}

fn sum(transcript: &Transcript, id: AggregationId) -> SumReport {
    let plan = transcript.plan();
    let kind = plan.aggregation(id).map_or(Kind::Scale, |of| of.kind);
    let of = transcript.sum(id);
    let endorsed =
        of.and_then(|sum| sum.outcome()).filter(|(entry, _)| transcript.is_endorsed(entry));
    let outcome = endorsed.map(|(_, outcome)| outcome);
    let aborted = of.and_then(protocol::transcript::Sum::aborted);
    SumReport {
        kind: word(kind).to_owned(),
        open_scores: plan.has_open_scores(id),
        frozen: outcome.map(|outcome| outcome.frozen),
        accepted: outcome.map(|outcome| outcome.accepted),
        sigma_milli: plan.published_sigma_milli(id).unwrap_or(0),
        aborted: aborted.map(|reason| abort_words(reason, plan)),
        decision: outcome.and_then(|outcome| outcome.decision.as_ref()).map(decision_words),
        counts: outcome.map_or_else(Vec::new, |_| counts(transcript, id, kind)),
    }
}

fn counts(transcript: &Transcript, id: AggregationId, kind: Kind) -> Vec<Count> {
    let Some(AggregateResult::Grid(grid)) = transcript.opened(id) else { return Vec::new() };
    let named = |names: &[&str], values: &[Option<i64>]| {
        let each = names.iter().zip(values);
        each.map(|(what, count)| Count { what: (*what).to_owned(), count: *count }).collect()
    };
    let cells: Vec<Option<i64>> = grid.counts().iter().copied().map(Some).collect();
    match kind {
        Kind::AuditBefore | Kind::AuditAfter => {
            let sigma_milli = transcript.plan().published_sigma_milli(id).unwrap_or(0);
            let Ok(audit) = Audit::open(&grid, sigma_milli) else { return Vec::new() };
            let published = audit.published();
            let [n, p] = published[0];
            let [minority_n, minority_p] = published[1];
            let cells = [n, p, minority_n, minority_p].concat();
            named(&AUDIT_CELLS, &[&cells[..], &[audit.unknown()]].concat())
        }
        Kind::Confirmation => named(&CONFIRMATION_CELLS, &cells),
        Kind::Selection | Kind::Refinement => {
            let last = cells.len().saturating_sub(1);
            let name = |place| {
                if place == last {
                    "not a candidate".to_owned()
                } else {
                    format!("score bin {place}")
                }
            };
            (0..).zip(cells).map(|(place, count)| Count { what: name(place), count }).collect()
        }
        // Tables and moments are for machines: the transcript has them.
        Kind::Scale | Kind::Neighbours | Kind::Regressor => Vec::new(),
    }
}

/// In the order of `protocol::audit::Case::cell`.
const AUDIT_CELLS: [&str; 9] = [
    "majority, negative label, refused",
    "majority, negative label, accepted",
    "majority, positive label, refused",
    "majority, positive label, accepted",
    "minority, negative label, refused",
    "minority, negative label, accepted",
    "minority, positive label, refused",
    "minority, positive label, accepted",
    "no decision known",
];

/// In the order of `protocol::selection::confirmation::Outcome`.
const CONFIRMATION_CELLS: [&str; 4] =
    ["asked and flipped", "asked and kept", "not asked", "no candidates"];

fn audits(transcript: &Transcript) -> Audits {
    let estimates = |kind| {
        let id = transcript.plan().of_kind(kind)?;
        let (entry, _) = transcript.sum(id)?.outcome()?;
        let AggregateResult::Grid(grid) = transcript.opened(id)? else { return None };
        let sigma_milli = transcript.plan().published_sigma_milli(id)?;
        let audit = Audit::open(&grid, sigma_milli).ok()?;
        transcript.is_endorsed(entry).then(|| audit.estimates())
    };
    let (before, after) = (estimates(Kind::AuditBefore), estimates(Kind::AuditAfter));
    let changes = before.zip(after).map(|(before, after)| Changes::between(&before, &after));
    Audits { before, after, changes }
}

/// Said wherever counts are withheld.
pub fn withheld_words() -> String {
    format!(
        "Audit counts below {PUBLISHED_MIN} are withheld, and with each the other decision of the same group and label. This is a \
         rule of statistics; privacy comes from noise alone."
    )
}
