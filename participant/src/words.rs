//! Names and numbers as people read them.

use host::dates;
use jiff::tz::TimeZone;
use protocol::{
    aggregation::noise::Role,
    campaign::{CheckedPlan, Kind},
    ids::{AggregationId, Hash},
    roles::{Time, participant::Own},
    transcript::AbortReason,
};

/// Now and here, to say when something is.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// By the coordinator's clock.
    pub now: Time,
    /// Of whoever reads.
    pub zone: TimeZone,
}

impl Calendar {
    /// "Tue 1 Dec 2026 18:00 CET (in 2 days 4 h)".
    pub fn moment(&self, time: Time) -> String {
        dates::moment_from(time, self.now, &self.zone)
    }

    /// "Tue 1 Dec 2026 18:00 CET".
    pub fn date(&self, time: Time) -> String {
        dates::moment(time, &self.zone)
    }
}

/// An organiser's text beside its label: its lines stand below one another in this column, so that none of them can look like one
/// of the program's own, and what would steer the terminal is shown as a replacement character.
pub fn beside(text: &str, column: usize) -> String {
    let visible = |of: char| if of.is_control() { char::REPLACEMENT_CHARACTER } else { of };
    let lines = text.lines().map(|line| line.chars().map(visible).collect::<String>());
    lines.collect::<Vec<_>>().join(&format!("\n{}", " ".repeat(column)))
}

/// What an aggregation is about.
pub const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Scale => "how features are spread, from donors",
        Kind::Neighbours => "who lives near whom with which label, from donors",
        Kind::Regressor => "how the label follows from features, from donors",
        Kind::Selection => "scores, to decide who is asked",
        Kind::Refinement => "scores near the threshold, once more",
        Kind::Confirmation => "what was reported to the firm",
        Kind::AuditBefore => "the firm's decisions so far",
        Kind::AuditAfter => "the firm's decisions after it has learnt again",
    }
}

/// What one aggregation of a plan is about.
pub fn aggregation(plan: &CheckedPlan, id: AggregationId) -> &'static str {
    if plan.has_open_scores(id) {
        return "scores in the open, to decide who is asked";
    }
    plan.aggregation(id).map_or("a sum", |of| kind(of.kind))
}

/// A role, with its article.
pub const fn role(role: Role) -> &'static str {
    match role {
        Role::Member => "a member",
        Role::Donor => "a donor",
    }
}

/// A label.
pub const fn label(positive: bool) -> &'static str {
    if positive { "positive" } else { "negative" }
}

/// Where a person stands in one aggregation.
pub const fn standing(own: &Own) -> &'static str {
    match own {
        Own::NotConcerned => "not yours: you only read the result",
        Own::Undecided => "not reported yet",
        Own::Nothing => "nothing to report",
        Own::Sending(_) => "on its way",
        Own::Received(_) => "received",
        Own::Withdrawing(_) => "being taken back",
        Own::Withdrawn => "taken back, or never sent",
        Own::Kept(..) => "too late to be taken back",
        Own::Missed => "missed: it was closed",
        Own::Refused(_) => "refused by the coordinator",
        Own::Faulty(_) => "not sent: this machine cannot make the report",
    }
}

/// Why an aggregation ended without a result.
pub fn abort(reason: AbortReason) -> String {
    match reason {
        AbortReason::TooFewReports { got } => {
            format!("closed with {got} reports, too few; nothing was opened")
        }
        AbortReason::TooManyMembers { got } => {
            format!("{got} members are too many for open scores; nothing was asked")
        }
        AbortReason::TooManyRejected { rejected, frozen } => {
            format!("{rejected} of {frozen} reports were no good; nothing was opened")
        }
        AbortReason::KeyholdersLost => "too many keyholders are lost; nothing was opened".into(),
        AbortReason::Implausible => "the sum was impossible and was thrown away".into(),
        AbortReason::Dependency(AggregationId(on)) => {
            format!("number {on}, which it depends on, has no result")
        }
        AbortReason::Stopped => "stopped by the organiser; nothing was opened".into(),
    }
}

/// 16 bytes of a fingerprint, to be read aloud: "12ab 34cd ...".
pub fn fingerprint(bytes: &[u8; 32]) -> String {
    let groups = bytes.chunks(2).take(8);
    groups.map(hex).collect::<Vec<_>>().join(" ")
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            digits.extend(char::from_digit(half.into(), 16));
        }
    }
    digits
}

/// The short name of a receipt: "9f3c-22ab".
pub fn receipt(leaf: &Hash) -> String {
    let digits = leaf.to_string();
    format!("{}-{}", &digits[..4], &digits[4..8])
}

/// "4,128".
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// An epsilon in thousandths: "3.92".
pub fn epsilon(milli: u32) -> String {
    let hundredths = milli.div_ceil(10);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_organiser_writes_looks_like_no_line_of_the_program_and_steers_no_terminal() {
        let text = "Whether it is good\n  Campaign    forged\u{1b}[2K\r";
        assert_eq!(
            beside(text, 4),
            "Whether it is good\n      Campaign    forged\u{fffd}[2K\u{fffd}"
        );
        assert_eq!(beside("plain", 4), "plain");
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!([7, 999, 1_000, 1_234_567].map(thousands), ["7", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 3_912, 4_000, 12_345].map(epsilon), ["0.00", "3.92", "4.00", "12.35"]);
        assert_eq!(receipt(&Hash([0x9f; 32])), "9f9f-9f9f");
        assert_eq!(fingerprint(&[0xab; 32]), "abab abab abab abab abab abab abab abab");
    }
}
