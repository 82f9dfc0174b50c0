//! What is allowed where a form alone allows more.

use std::cell::RefCell;
use std::collections::BTreeSet;

use protocol::aggregation::{Coordinate, GramSpec, GridSpec};
use protocol::campaign::{AGGREGATIONS_MAX, COHORT_FLOOR, PUBLISHED_MAX, TEXT_BYTES_MAX, VERSION};
use protocol::codec;
use protocol::keys::seal::OVERHEAD_BYTES;
use protocol::keys::token::TOKEN_BYTES;
use protocol::keys::vss::{SEATS_MAX, SEATS_MIN};
use protocol::messages::{CHUNK_REPORTS, ENTRIES_MAX};
use protocol::roles::coordinator::ENROLMENTS_MAX;
use protocol::scoring::schema::Schema;
use protocol::selection::open_scores::OPEN_SCORES_BELOW;
use protocol::selection::threshold::Rule;
use protocol::selection::unit::{BinsSpec, Unit};

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
    let unit = codec::encode(&Unit::from_step(0)).len();
    let sealed = 32 + OVERHEAD_BYTES;
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
        ("Is.Unit", format!("of 2^{} steps", Unit::STEPS.ilog2())),
        ("Entries.entries", format!("at most {ENTRIES_MAX}")),
        ("Frozen.reports", format!("at most {CHUNK_REPORTS}")),
        ("Verdicts.messages", format!("at most {CHUNK_REPORTS}, in the order of the leaves")),
        ("VerifierChunk.shares", format!("at most {CHUNK_REPORTS}, in the order of the leaves")),
        ("Enrolment.token", format!("{TOKEN_BYTES}, or 0 where anybody enrols")),
        ("ReportBody.sealed", format!("{each_seat}; none with open scores")),
        ("Report.sealed", format!("{each_seat}; none with open scores")),
        ("ReportBody.public_share", format!("a score's step with open scores, {unit} bytes")),
        ("Report.leader_share", "empty with open scores".to_owned()),
        ("Deal.keys", "one for each aggregation".to_owned()),
        ("Deal.shares", format!("by other seat, then by aggregation; {sealed} bytes each")),
        ("SeatAggregation.commitments", "t points of 32 bytes".to_owned()),
        ("SeatAggregation.public_key", "a point".to_owned()),
        ("SeatKeys.sealing", "a point".to_owned()),
        ("Post.Roster", format!("ascending by key, at most {}", thousands(ENROLMENTS_MAX))),
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
    let levels = format!("1 to {}", thousands(Schema::LEVELS_MAX));
    let (cells, all) = (thousands(GridSpec::CELLS_MAX), thousands(GridSpec::LEN_MAX));
    let (narrow, wide) = (Coordinate::BITS.start(), Coordinate::BITS.end());
    let steps = Unit::STEPS.ilog2();
    let each_seat = "one for each seat".to_owned();
    let seats = format!("{SEATS_MIN} to {SEATS_MAX}, one for each seat");
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
        ("ordinal.levels", levels.clone()),
        ("categorical.levels", levels),
        ("Rule.flip_budget", "M: 1 to the cap".to_owned()),
        (
            "Rule.no_show_milli",
            format!("thousandths, below {}", thousands(Rule::NO_SHOW_MILLI_BELOW)),
        ),
        ("BinsSpec.count", format!("1 to {}", thousands(BinsSpec::COUNT_MAX))),
        ("BinsSpec.high", format!("at most 2^{steps}, a step for each bin")),
        ("GridSpec.rows", format!("1 to {}", GridSpec::ROWS_MAX)),
        ("GridSpec.cells", format!("{} to {cells}; {all} in all", GridSpec::CELLS_MIN)),
        ("GramSpec.coordinates", format!("1 to {}", GramSpec::COORDINATES_MAX)),
        ("GramSpec.norm_milli", format!("at least {}", thousands(GramSpec::NORM_MILLI_MIN))),
        ("Fixed.bits", format!("{narrow} to {wide}")),
        ("Aggregation.depends_on", "earlier ones".to_owned()),
        ("Manifest.seats", each_seat),
        ("SeatEntry.aggregations", "one for each aggregation".to_owned()),
    ]
}

/// 4,000.
fn thousands<N: TryInto<usize>>(number: N) -> String {
    let number: usize = number.try_into().ok().expect("limits are small");
    if number < 1_000 {
        number.to_string()
    } else {
        format!("{},{:03}", number / 1_000, number % 1_000)
    }
}
