//! What would leave this machine, and what would have to happen for somebody to read it.

use crate::{
    notices,
    words::{self, Calendar},
};
use protocol::{
    aggregation::noise::{Rho, Role, epsilon_milli},
    campaign::{Aggregation, CheckedManifest},
    codec,
    ids::{AggregationId, Blob, Hash, ReportId},
    keys::{seal, sign::Signature},
    report::{Report, ReportBody},
};
use serde::Serialize;
use std::fmt;

/// A score in the open: its unit.
const OPEN_SCORE_BYTES: usize = 4;

/// What one report is made of, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Parts {
    /// Which report it is, by which key, signed.
    pub envelope: usize,
    /// What all of them see: hashes that tie the shares together.
    pub public_share: usize,
    /// For the coordinator: one share, which says nothing alone.
    pub coordinator_share: usize,
    /// For each keyholder: one share, sealed to its key.
    pub sealed_share: usize,
}

/// One report as it would be sent.
#[derive(Clone, Debug, Serialize)]
pub struct Leaving {
    /// The aggregation's place in the plan.
    pub aggregation: u16,
    /// What about.
    pub what: &'static str,
    /// The whole report, the same for everybody, in bytes.
    pub bytes: usize,
    /// What it is made of.
    pub parts: Parts,
    /// Whether its sum is published with noise.
    pub noise: bool,
    /// Whether it is a score, which is not summed: everybody can read it, and only candidates send one.
    pub open: bool,
    /// In milliseconds since 1970.
    pub opens: u64,
    /// In milliseconds since 1970.
    pub closes: u64,
    #[serde(skip)]
    between: String,
}

/// What leaves, what stays, and who could read it.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    /// The manifest's hash, in hexadecimal.
    pub campaign: String,
    #[serde(skip)]
    role: Role,
    /// Every report of this role.
    pub reports: Vec<Leaving>,
    /// What is never sent, by name.
    pub stays: Vec<String>,
    /// What everybody can see of this campaign, in whole sentences.
    pub in_the_open: Vec<&'static str>,
    /// K: the least people in a sum that is opened.
    pub cohort: u32,
    /// T.
    pub keyholders: u8,
    /// How many keyholders may be lost and a sum still be opened.
    pub may_be_lost: u8,
    /// How many keyholders, together with the coordinator, could read a report.
    pub readers: u8,
    /// h: keyholders assumed to keep their noise to themselves.
    pub honest: u8,
    /// Over the whole campaign if `honest` of the keyholders keep their noise to themselves, with what was spent
    /// before, in thousandths, at a delta of one in a million.
    pub epsilon_milli: u32,
    /// The same if only one of them does.
    pub epsilon_at_one_milli: u32,
    #[serde(skip)]
    firm: String,
}

/// The length of every report to one aggregation: sizes depend on the plan alone.
pub fn report_bytes(manifest: &CheckedManifest, id: AggregationId) -> Option<(usize, Parts)> {
    let lengths = manifest.vdaf(id)?.wire_lengths();
    let open = manifest.has_open_scores(id);
    let (seats, sealed_share, public, leader) = if open {
        (0, 0, OPEN_SCORE_BYTES, 0)
    } else {
        let sealed_share = lengths.helper_share + seal::OVERHEAD_BYTES;
        let seats = usize::from(manifest.seats());
        (seats, sealed_share, lengths.public_share, lengths.leader_share)
    };
    let blob = |len| Blob::from(vec![0; len]);
    let body = ReportBody {
        context: Hash([0; 32]),
        reporter: manifest.organiser.key,
        id: ReportId([0; ReportId::LEN]),
        public_share: blob(public),
        leader_share: Hash([0; 32]),
        sealed: vec![Hash([0; 32]); seats],
    };
    let report = Report {
        body,
        leader_share: blob(leader),
        sealed: vec![blob(sealed_share); seats],
        signature: Signature::ABSENT,
    };
    let bytes = codec::encode(&report).len();
    let shares = public + leader + seats * sealed_share;
    let parts = Parts {
        envelope: bytes - shares,
        public_share: public,
        coordinator_share: leader,
        sealed_share,
    };
    Some((bytes, parts))
}

impl Preview {
    /// For one role; `spent` is what this record was charged in earlier campaigns.
    pub fn new(manifest: &CheckedManifest, role: Role, spent: Rho, calendar: &Calendar) -> Self {
        let concerned = || manifest.enumerated().filter(|(_, of)| of.kind.concerns(role));
        let leaving = |(id, planned): (AggregationId, &Aggregation)| {
            let (bytes, parts) = report_bytes(manifest, id)?;
            let (opens, closes) = (planned.opens, planned.closes);
            Some(Leaving {
                aggregation: id.0,
                what: words::aggregation(manifest, id),
                bytes,
                parts,
                noise: planned.noise.is_some(),
                open: manifest.has_open_scores(id),
                opens: opens.as_millis(),
                closes: closes.as_millis(),
                between: format!("{} to {}", calendar.date(opens), calendar.date(closes)),
            })
        };
        let charges = concerned().filter_map(|(_, planned)| {
            planned.noise?.charge(&planned.circuit, planned.kind.purpose()).ok()
        });
        let (mut planned, mut at_one) = (spent, spent);
        for charge in charges {
            planned = planned + charge.as_planned;
            at_one = at_one + charge.at_one_seat;
        }
        let features = manifest.scoring.schema.features().iter().map(|of| of.name.clone());
        let reports: Vec<Leaving> = concerned().filter_map(leaving).collect();
        let shows_itself = reports.iter().any(|report| report.open);
        let own = ["your label", "your score", "the firm's decision", "whether you are asked"];
        let rest = own.into_iter().filter(|what| !shows_itself || *what == "the firm's decision");
        Self {
            campaign: manifest.campaign().to_string(),
            role,
            reports,
            stays: features.chain(rest.map(str::to_owned)).collect(),
            in_the_open: notices::in_the_open(manifest),
            cohort: manifest.cohort_min,
            keyholders: manifest.seats(),
            may_be_lost: manifest.lost_max(),
            readers: manifest.corrupt_max() + 1,
            honest: manifest.honest_seats,
            epsilon_milli: epsilon_milli(planned),
            epsilon_at_one_milli: epsilon_milli(at_one),
            firm: manifest.texts.firm.clone(),
        }
    }

    /// Whether some sum is published as it is: then a count of one may be this person.
    pub fn is_unnoised(&self) -> bool {
        self.reports.iter().any(|report| !report.noise && !report.open)
    }

    /// Whether this person's own score can be in the open.
    pub fn has_open_scores(&self) -> bool {
        self.reports.iter().any(|report| report.open)
    }

    /// Whether any report of this person goes into a sum.
    fn is_summed(&self) -> bool {
        self.reports.iter().any(|report| !report.open)
    }

    /// "all 3", "3 of the 5".
    fn of_all(&self, count: u8) -> String {
        let all = self.keyholders;
        if count >= all { format!("all {all}") } else { format!("{count} of the {all}") }
    }
}

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "LEAVES THIS MACHINE as {}, in the same sizes from everybody",
            words::role(self.role)
        )?;
        for report in &self.reports {
            let bytes = words::thousands(report.bytes);
            let alone = if report.open { ", only if your label is negative" } else { "" };
            writeln!(f, "  {bytes:>8} bytes  {}, {}{alone}", report.what, report.between)?;
        }
        if self.reports.is_empty() {
            writeln!(f, "  no report: this campaign asks nobody in your role for one")?;
        }
        if self.is_summed() {
            let each = if self.has_open_scores() { "Each other" } else { "Each" };
            writeln!(
                f,
                "  {each} report is split into shares: one for the coordinator, one sealed to each of the {} keyholders.",
                self.keyholders
            )?;
        }
        writeln!(
            f,
            "  Once: a token and a fresh key. With every message: your IP address and the time, for the coordinator to see."
        )?;
        writeln!(f, "\nSTAYS HERE\n  {}", self.stays.join(", "))?;
        if !self.in_the_open.is_empty() {
            writeln!(f, "\nIN THE OPEN")?;
        }
        for notice in &self.in_the_open {
            writeln!(f, "  {notice}")?;
        }
        if self.is_summed() { self.who_could_read(f) } else { Ok(()) }
    }
}

impl Preview {
    /// Of what is summed.
    fn who_could_read(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (keyholders, cohort) = (self.keyholders, self.cohort);
        writeln!(f, "\nWHO COULD READ {}", if self.has_open_scores() { "THE REST" } else { "IT" })?;
        let openers = if self.may_be_lost == 0 {
            format!("all {keyholders} keyholders")
        } else {
            let enough = self.keyholders - self.may_be_lost;
            format!("all {keyholders} keyholders, or {enough} once the others are lost,")
        };
        writeln!(
            f,
            "  Only sums of at least {cohort} people are opened, and {openers} must act for any of them."
        )?;
        let readers = self.of_all(self.readers);
        writeln!(
            f,
            "  If the coordinator AND {readers} keyholders cheat together, they can read your reports."
        )?;
        if self.is_unnoised() {
            writeln!(
                f,
                "  WITHOUT NOISE: at least one sum is published as it is. A count of one in it may be you."
            )?;
        }
        if self.reports.iter().any(|report| report.noise) {
            let planned = words::epsilon(self.epsilon_milli);
            let at_one = words::epsilon(self.epsilon_at_one_milli);
            let honest = self.of_all(self.honest);
            writeln!(
                f,
                "  Sums are published with noise. All together they cost you an epsilon of {planned} if {honest} keyholders keep their noise to themselves,"
            )?;
            writeln!(
                f,
                "  {at_one} if only one does (delta one in a million; 0 tells nothing, above 8 is refused)."
            )?;
        }
        if self.has_open_scores() {
            // Said of scores in the open already.
            return Ok(());
        }
        writeln!(
            f,
            "  Whoever holds your features, such as {}, can compute from what is published whether you would have been asked.",
            self.firm
        )
    }
}

/// One report as it was or will be sent, to the byte.
#[derive(Clone, Debug, Serialize)]
pub struct Exact {
    /// The aggregation's place in the plan.
    pub aggregation: u16,
    /// What about.
    pub what: &'static str,
    /// Its length.
    pub bytes: usize,
    /// Of all of it, in hexadecimal.
    pub sha256: String,
    /// The report, in hexadecimal.
    pub report: String,
}

impl Exact {
    /// Of a report's bytes.
    pub fn new(aggregation: AggregationId, what: &'static str, report: &[u8]) -> Self {
        Self {
            aggregation: aggregation.0,
            what,
            bytes: report.len(),
            sha256: words::hex(&<sha2::Sha256 as sha2::Digest>::digest(report)),
            report: words::hex(report),
        }
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} bytes, SHA-256 {}",
            self.what,
            words::thousands(self.bytes),
            self.sha256
        )?;
        let digits = self.report.as_bytes();
        for (place, line) in (0_usize..).step_by(32).zip(digits.chunks(64)) {
            write!(f, "  {place:08x} ")?;
            for pair in line.chunks(2) {
                write!(f, " {}", String::from_utf8_lossy(pair))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        seen::pinned,
        world::{self, World},
    };
    use jiff::tz::TimeZone;
    use protocol::{
        campaign::{Kind, Plan},
        roles::Time,
    };

    fn preview(plan: Plan, role: Role) -> Preview {
        let calendar = Calendar { now: Time::from_millis(40_000), zone: TimeZone::UTC };
        Preview::new(&World::new(plan).manifest, role, Rho::ZERO, &calendar)
    }

    #[test]
    fn a_preview_is_computed_from_the_campaign() {
        let member = preview(world::plan(), Role::Member);
        pinned("preview-member", &member.to_string());
        let donor = preview(world::unnoised(), Role::Donor);
        pinned("preview-donor-without-noise", &donor.to_string());
        assert!(!member.is_unnoised() && donor.is_unnoised());
        assert_eq!((member.readers, member.cohort, member.keyholders), (3, 12, 3));
        assert!(member.epsilon_milli > donor.epsilon_milli);
        let wider = Plan { cohort_min: 40, ..world::plan() };
        assert!(preview(wider, Role::Member).to_string().contains("at least 40 people"));
    }

    #[test]
    fn what_is_in_the_open_is_said_to_everybody_and_asked_of_members() {
        let member = preview(world::open(), Role::Member);
        pinned("preview-member-with-open-scores", &member.to_string());
        assert!(member.has_open_scores() && !member.is_unnoised());
        let stays = member.stays.join(" ");
        assert!(stays.contains("age") && !stays.contains("label") && !stays.contains("score"));
        let donor = preview(world::open(), Role::Donor);
        assert!(!donor.has_open_scores());
        assert_eq!(donor.in_the_open, member.in_the_open);
        assert!(donor.stays.contains(&"your label".to_owned()));
        assert!(preview(world::plan(), Role::Member).in_the_open.is_empty());
        // Nothing else is asked: there are no sums to speak of.
        let mut alone = world::open();
        alone.aggregations.retain(|of| of.kind == Kind::Selection);
        let member = preview(alone.clone(), Role::Member).to_string();
        assert!(!member.contains("WHO COULD READ") && !member.contains("shares"), "{member}");
        assert!(preview(alone, Role::Donor).to_string().contains("no report: "));
    }

    #[test]
    fn what_was_spent_before_counts() {
        let calendar = Calendar { now: Time::from_millis(40_000), zone: TimeZone::UTC };
        let world = World::new(world::plan());
        let with = |spent| {
            Preview::new(&world.manifest, Role::Member, Rho::new(spent), &calendar).epsilon_milli
        };
        assert!(with(0.5) > with(0.0));
    }

    #[test]
    fn bytes_are_shown_with_their_hash() {
        let shown = Exact::new(AggregationId(2), "scores", &[0xab; 40]);
        assert_eq!(shown.sha256.len(), 64);
        let text = shown.to_string();
        assert!(text.starts_with("scores: 40 bytes, SHA-256 "), "{text}");
        assert_eq!(text.lines().count(), 3);
        assert!(text.ends_with("00000020  ab ab ab ab ab ab ab ab\n"), "{text}");
    }
}
