//! What is allowed where a form alone allows more.

use std::cell::RefCell;
use std::collections::BTreeSet;

use protocol::campaign::{AGGREGATIONS_MAX, COHORT_FLOOR, PUBLISHED_MAX, TEXT_BYTES_MAX, VERSION};
use protocol::keys::vss::SEATS_MAX;
use protocol::messages::{CHUNK_REPORTS, ENTRIES_MAX};
use protocol::scoring::schema::Schema;
use protocol::selection::open_scores::OPEN_SCORES_BELOW;

/// Limits, and which of them were asked for.
pub(crate) struct Limits {
    all: Vec<(&'static str, String)>,
    used: RefCell<BTreeSet<String>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { all: [of_messages(), of_plans()].concat(), used: RefCell::default() }
    }
}

impl Limits {
    pub(crate) fn of(&self, place: &str) -> String {
        self.used.borrow_mut().insert(place.to_owned());
        self.all
            .iter()
            .find(|(of, _)| *of == place)
            .map_or_else(String::new, |(_, text)| text.clone())
    }

    pub(crate) fn are_all_used(&self) {
        let used = self.used.borrow();
        let unused: Vec<_> = self.all.iter().filter(|(of, _)| !used.contains(*of)).collect();
        assert!(unused.is_empty(), "limits of nothing: {unused:?}");
    }
}

/// What is allowed where the form alone allows more; every name must be in the layouts.
fn of_messages() -> Vec<(&'static str, String)> {
    let each_seat = "one for each seat".to_owned();
    let version = format!("{VERSION}");
    vec![
        ("Hello.version", version.clone()),
        ("Greeting.version", version.clone()),
        ("Plan.version", version),
        ("Greeting.now", "Unix milliseconds".to_owned()),
        ("Is.Time", "Unix milliseconds".to_owned()),
        ("Is.Seat", format!("0 to {}", SEATS_MAX - 1)),
        ("Is.SeatSet", "bit n: seat n, the lowest first".to_owned()),
        ("Is.AggregationId", format!("place in the plan, 0 to {}", AGGREGATIONS_MAX - 1)),
        ("Is.PublicKey", "Ed25519".to_owned()),
        ("Is.Unit", "of 2^32 steps".to_owned()),
        ("Entries.entries", format!("at most {ENTRIES_MAX}")),
        ("Frozen.reports", format!("at most {CHUNK_REPORTS}")),
        ("Verdicts.messages", format!("at most {CHUNK_REPORTS}, in the order of the leaves")),
        ("VerifierChunk.shares", format!("at most {CHUNK_REPORTS}, in the order of the leaves")),
        ("Enrolment.token", "64, or 0 where anybody enrols".to_owned()),
        ("ReportBody.sealed", format!("{each_seat}; none with open scores")),
        ("Report.sealed", format!("{each_seat}; none with open scores")),
        ("ReportBody.public_share", "a score's step with open scores, 4 bytes".to_owned()),
        ("Report.leader_share", "empty with open scores".to_owned()),
        ("Deal.keys", "one for each aggregation".to_owned()),
        ("Deal.shares", "by other seat, then by aggregation; 80 bytes each".to_owned()),
        ("SeatAggregation.commitments", "t points of 32 bytes".to_owned()),
        ("SeatAggregation.public_key", "a point".to_owned()),
        ("SeatKeys.sealing", "a point".to_owned()),
        ("Post.Roster", "ascending by key, at most 100,000".to_owned()),
        ("Is.Signature", "Ed25519: R, then S".to_owned()),
        ("RecoveryShare.value", "a scalar".to_owned()),
        ("Threshold.chance", "of 2^32; the greatest is everybody".to_owned()),
        ("numbers.values", "ascending, a weight each".to_owned()),
        ("Leaves.leaves", "ascending by id".to_owned()),
        ("Rejections.rejections", "ascending by index".to_owned()),
        ("Scores.scores", format!("ascending by id, fewer than {OPEN_SCORES_BELOW}")),
        ("Ranking.scores", format!("first asked first, fewer than {OPEN_SCORES_BELOW}")),
        ("Opening.beacon", "live seats, ascending".to_owned()),
        ("Outcome.values", "row by row; none with open scores".to_owned()),
        ("Verification.verifier_shares", "the leader's, then the seats'".to_owned()),
        ("Endorsed.endorsements", "live seats".to_owned()),
    ]
}

/// The same of plans.
fn of_plans() -> Vec<(&'static str, String)> {
    let text = format!("1 to {} bytes", thousands(TEXT_BYTES_MAX));
    let each_seat = "one for each seat".to_owned();
    let seats = format!("3 to {SEATS_MAX}, one for each seat");
    vec![
        ("Organiser.name", text.clone()),
        ("Organiser.contact", text.clone()),
        ("Texts.purpose", text.clone()),
        ("Texts.firm", text.clone()),
        ("Texts.group_rule", text.clone()),
        ("Texts.label", text.clone()),
        ("Keyholder.name", text.clone()),
        ("Keyholder.contact", text.clone()),
        ("Keyholder.named_by", text),
        ("Plan.keyholders", seats),
        ("Plan.recovery_threshold", "t: 0, or 2 to T - 1".to_owned()),
        ("Plan.honest_seats", "h: 1 or more".to_owned()),
        ("Plan.cohort_min", format!("K: at least {COHORT_FLOOR}")),
        ("Plan.aggregations", format!("1 to {AGGREGATIONS_MAX}, each kind at most once")),
        ("Scoring.published", format!("at most {}; record, label", thousands(PUBLISHED_MAX))),
        ("Scoring.schema", format!("1 to {}", thousands(Schema::FEATURES_MAX))),
        ("ordinal.levels", format!("1 to {}", thousands(Schema::LEVELS_MAX))),
        ("categorical.levels", format!("1 to {}", thousands(Schema::LEVELS_MAX))),
        ("Rule.flip_budget", "M: 1 to the cap".to_owned()),
        ("Rule.no_show_milli", "thousandths, below 1,000".to_owned()),
        ("BinsSpec.count", "1 to 8,191".to_owned()),
        ("BinsSpec.high", "at most 2^32, a step for each bin".to_owned()),
        ("GridSpec.rows", "1 to 256".to_owned()),
        ("GridSpec.cells", "2 to 8,192; 65,536 in all".to_owned()),
        ("GramSpec.coordinates", "1 to 256".to_owned()),
        ("GramSpec.norm_milli", "at least 1,000".to_owned()),
        ("Fixed.bits", "2 to 16".to_owned()),
        ("Aggregation.depends_on", "earlier ones".to_owned()),
        ("Manifest.seats", each_seat),
        ("SeatEntry.aggregations", "one for each aggregation".to_owned()),
    ]
}

/// 4,000.
fn thousands(number: usize) -> String {
    if number < 1_000 {
        number.to_string()
    } else {
        format!("{},{:03}", number / 1_000, number % 1_000)
    }
}
