//! How taking part fails: for each way, what happened, what is safe, what to do next, and the exit code.

use crate::{
    record::{FieldProblem, ReadError},
    screens::status,
    words::{self, Calendar},
};
use host::Problem;
use protocol::{
    campaign::{CheckedManifest, Kind, limits::Refusal},
    exit::Exit,
    ids::AggregationId,
    invite::InviteError,
    messages::Reject,
    roles::participant::{
        AggregationStatus, End, Own, Phase, RestoreError,
        light::{Alarm, Document},
    },
    transcript::AbortReason,
};

/// A text that is no code. It shows a group of the code to the person who typed it, and nothing more.
pub fn code(error: &InviteError) -> Problem {
    let problem = Problem::new(Exit::Code, "CODE_MISTYPED", format!("No such code: {error}."));
    problem
        .safe("Nothing was sent; your code stays good.")
        .next("Compare it with what you were given, and type it again.")
}

/// A code for somebody else's part.
pub fn other_target(expected: &'static str, next: &'static str) -> Problem {
    Problem::new(Exit::Code, "CODE_FOR_OTHER", format!("This code is not {expected}."))
        .safe("Nothing was sent; the code stays good.")
        .next(next)
}

/// Files that cannot be read as a record.
impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        let what = error.to_string();
        let next = "Write one row of CSV below a row of names, or a TOML or JSON table with one value for each name.";
        match error {
            ReadError::File { .. } => Self::new(Exit::Io, "FILE_READ", what)
                .safe("Nothing was sent.")
                .next("Check the path and its permissions."),
            ReadError::TooLong { .. }
            | ReadError::Ending { .. }
            | ReadError::Text { .. }
            | ReadError::Syntax { .. }
            | ReadError::Records { .. }
            | ReadError::Repeated { .. }
            | ReadError::Nested { .. } => {
                Self::new(Exit::Data, "RECORD_FORM", what).safe("Nothing was sent.").next(next)
            }
        }
    }
}

/// A record with faults: all of them.
pub fn record(problems: &[&FieldProblem]) -> Problem {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let missing = problems.iter().any(|problem| matches!(problem, FieldProblem::Missing { .. }));
    let code = if missing { "SCHEMA_MISMATCH" } else { "VALUE_NOT_ALLOWED" };
    Problem::new(Exit::Data, code, lines.join("\n       "))
        .safe("Nothing was sent. Values are never clipped or guessed silently.")
        .next("Correct the file and run the same command again.")
}

/// The person's own limits.
pub fn refusal(refusal: Refusal) -> Problem {
    let (code, next) = match refusal {
        Refusal::Keyholders { .. } => (
            "NO_KNOWN_KEYHOLDER",
            "If you know none of the keyholders, ask people you trust whether they do. With --trust-nobody you go on all the same: then privacy rests on the organiser's word.",
        ),
        Refusal::Cohort { .. } => ("COHORT_TOO_SMALL", "Ask the organiser for a larger cohort."),
        Refusal::Epsilon { .. } => (
            "EPSILON_TOO_GREAT",
            "Ask the organiser for more noise, or take part with this record another year.",
        ),
        Refusal::Unnoised => ("NO_NOISE", "Run the same command again and read what it asks."),
        Refusal::OpenScores => (
            "OPEN_SCORES",
            "Run the same command again and read what it asks. With 12 members or more no score need be open: ask the organiser.",
        ),
        Refusal::Open => ("ANYBODY_MAY_JOIN", "Such a campaign is for simulations: sims --help"),
        Refusal::Clear | _ => {
            ("NO_CRYPTOGRAPHY", "Such a campaign is for simulations: sims --help")
        }
    };
    Problem::new(Exit::Declined, code, format!("Not within your limits: {refusal}."))
        .safe("Nothing about you was sent.")
        .next(next)
}

/// The journal is not one of this invite.
impl From<NotYours> for Problem {
    fn from(NotYours(error): NotYours) -> Self {
        Self::new(Exit::Io, "STATE_FOREIGN", format!("The state does not fit: {error}."))
            .safe("It was left as it is, and nothing was sent.")
            .next("Name the folder of this campaign with --state.")
    }
}

/// A state folder of something else.
#[derive(Clone, Copy, Debug)]
pub struct NotYours(pub RestoreError);

/// The coordinator does not admit this person.
pub fn not_admitted(reject: &Reject) -> Problem {
    let what = |text: &str| format!("{text}: {reject}.");
    let new = "Ask the organiser for a new code; correcting this one will not help.";
    match reject {
        Reject::EnrolmentClosed | Reject::IssueClosed => Problem::new(
            Exit::Deadline,
            "JOINING_CLOSED",
            what("Too late to join, by the coordinator's clock"),
        )
        .safe("Nothing about your record was sent.")
        .next("Ask the organiser whether there will be another campaign."),
        Reject::InviteExpired { at } => {
            let at = host::dates::moment(*at, &host::dates::zone());
            Problem::new(Exit::Code, "CODE_EXPIRED", format!("This code expired on {at}."))
                .safe("Nothing about your record was sent.")
                .next(new)
        }
        Reject::InviteUsed => Problem::new(
            Exit::Code,
            "CODE_USED",
            "This code was used already, by somebody else or with another key.",
        )
        .safe("Nothing about your record was sent.")
        .next(format!("If it was not you: ask who used it. {new}")),
        Reject::Invite => {
            Problem::new(Exit::Code, "CODE_UNKNOWN", "The coordinator does not know this code.")
                .safe("Nothing about your record was sent.")
                .next(new)
        }
        Reject::Token => Problem::new(
            Exit::Code,
            "CODE_NOT_TAKEN",
            what("The coordinator does not take your token"),
        )
        .safe("Nothing about your record was sent.")
        .next(new),
        other => {
            Problem::new(Exit::Temporary, "REFUSED", format!("The coordinator refuses: {other}."))
                .safe("Nothing about your record was sent.")
                .next("Run the same command again; if it is refused again, tell the organiser.")
        }
    }
}

/// The protocol was broken.
pub fn alarm(alarm: &Alarm) -> Problem {
    let code = match alarm {
        Alarm::NotIncluded { .. } => "RECEIPT_NOT_IN_TRANSCRIPT",
        Alarm::Withdrawn { .. } => "WITHDRAWN_BUT_USED",
        Alarm::Receipt { .. } => "RECEIPT_FORGED",
        Alarm::Equivocation { document: Document::Manifest } => "OTHER_PLAN",
        Alarm::Equivocation { .. } => "EQUIVOCATION",
        Alarm::Manifest => "OTHER_CAMPAIGN",
        Alarm::Issuer => "ISSUER",
        Alarm::Endorsement { .. } => "NOT_ENDORSED",
        Alarm::Contradiction { .. } | _ => "CONTRADICTION",
    };
    Problem::new(Exit::Verification, code, format!("{alarm}."))
        .safe("Do NOT follow any instruction of this campaign. Nothing more is sent.")
        .next(
            "Save what shows it: participant evidence. Then tell the keyholders, by their contact.",
        )
}

/// What a phase ends a command with; nothing if the command may go on.
pub fn of_phase(phase: &Phase) -> Option<Problem> {
    match phase {
        Phase::Refused(of) => Some(refusal(*of)),
        Phase::NotAdmitted(reject) => Some(not_admitted(reject)),
        Phase::Alarm(of) => Some(alarm(of)),
        _ => None,
    }
}

/// What a campaign that is over ends with: aggregations of this person that have no result, or were missed.
pub fn of_end(manifest: &CheckedManifest, aggregations: &[AggregationStatus]) -> Option<Problem> {
    let what = |id: AggregationId| words::aggregation(manifest, id);
    let root = |of: &&AggregationStatus| matches!(of.end, Some(End::Aborted(reason)) if !matches!(reason, AbortReason::Dependency(_)));
    if let Some(of) = aggregations.iter().find(root)
        && let Some(End::Aborted(reason)) = of.end
    {
        let needed = manifest.cohort_min;
        let said = match reason {
            AbortReason::TooFewReports { got } => format!("Closed with {got} of {needed} needed"),
            other => words::abort(other),
        };
        return Some(
            Problem::new(Exit::Aborted, "NO_RESULT", format!("{said} ({}).", what(of.id)))
                .heading("Ended")
                .safe("By design nothing was opened. Your data was not used.")
                .next(
                    "Report as you always would. The organiser may begin again with other people.",
                ),
        );
    }
    let missed = aggregations.iter().find(|of| of.own == Own::Missed)?;
    let kind = manifest.aggregation(missed.id).map(|of| of.kind);
    let next = if kind == Some(Kind::AuditAfter) {
        ""
    } else {
        "Leave participant run running, or come back when participant status says."
    };
    let what = format!(
        "You came too late for one report ({}), by the coordinator's clock.",
        what(missed.id)
    );
    Some(Problem::new(Exit::Deadline, "MISSED", what).safe("Your other reports count.").next(next))
}

/// Nothing is due, and the person does not want to wait.
pub fn waiting(next: status::Next, calendar: &Calendar) -> Problem {
    Problem::new(Exit::Waiting, "WAITING", next.words(calendar))
        .heading("Waiting")
        .safe("Everything that was due is done; you can close this.")
}

/// There is nothing in the folder.
pub fn not_joined() -> Problem {
    Problem::new(Exit::Usage, "NOT_JOINED", "You have not joined a campaign here.")
        .next("participant join; or name the folder with --state.")
}

/// Consent was not given yet.
pub fn no_consent() -> Problem {
    Problem::new(Exit::Declined, "NO_CONSENT", "You have not agreed yet.")
        .safe("Nothing about you was sent.")
        .next("participant run")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{command::interrupted, seen::pinned};
    use host::{
        dates,
        journal::JournalError,
        quic::{Fault, LinkError},
    };
    use protocol::{
        ids::CampaignId,
        invite::{Address, Invite, InviteSecret, Target},
        roles::Time,
        wire::{FRAME_BYTES_MAX, Unwelcome},
    };

    fn address() -> Address {
        "vote.example:4433".parse().unwrap()
    }

    /// A code with one wrong letter in its third group.
    fn mistyped() -> Problem {
        let target = Target::Person(CampaignId([2; 32]));
        let secret = InviteSecret::from_bytes([7; InviteSecret::LEN]);
        let invite = Invite { address: address(), certificate: [7; 32], target, secret };
        let right = invite.code().as_str().to_owned();
        let mut groups: Vec<String> = right.split('-').map(str::to_owned).collect();
        let wrong = if groups[3].starts_with('q') { "z" } else { "q" };
        groups[3].replace_range(..1, wrong);
        code(&Invite::parse(&groups.join("-")).unwrap_err())
    }

    fn on_the_way() -> Vec<(LinkError, Exit, &'static str)> {
        let tried = ["[2001:db8::1]:4433", "192.0.2.1:4433"].map(|of| of.parse().unwrap());
        let unreachable =
            LinkError::Unreachable { address: address(), tried: tried.to_vec(), secs: 10 };
        let too_long = Fault::TooLong { got: FRAME_BYTES_MAX + 1, limit: FRAME_BYTES_MAX };
        let busy = Unwelcome::Busy { until: Time::default() };
        let stranger = LinkError::WrongCertificate { address: address() };
        vec![
            (stranger, Exit::Permission, "WRONG_CERTIFICATE"),
            (unreachable, Exit::Unreachable, "UNREACHABLE"),
            (LinkError::Version { got: Some(9) }, Exit::Configuration, "VERSION"),
            (LinkError::Protocol { fault: too_long }, Exit::Unreachable, "ANSWER_MALFORMED"),
            (LinkError::TimedOut { secs: 10 }, Exit::Temporary, "CONNECTION_LOST"),
            (LinkError::Unwelcome(Unwelcome::OtherCampaign), Exit::Code, "OTHER_CAMPAIGN"),
            (LinkError::Unwelcome(Unwelcome::Seat), Exit::Code, "CODE_SEAT"),
            (LinkError::Unwelcome(busy), Exit::Temporary, "BUSY"),
        ]
    }

    #[test]
    fn every_alarm_has_its_screen() {
        use protocol::{ids::SeatSet, transcript::EndorsementError};
        let (aggregation, document) = (AggregationId(2), Document::Outcome(AggregationId(2)));
        let error = EndorsementError::Missing { missing: SeatSet::all(2) };
        for (of, code) in [
            (Alarm::Manifest, "OTHER_CAMPAIGN"),
            (Alarm::Issuer, "ISSUER"),
            (Alarm::Endorsement { document, error }, "NOT_ENDORSED"),
            (Alarm::Contradiction { document }, "CONTRADICTION"),
            (Alarm::Equivocation { document: Document::Manifest }, "OTHER_PLAN"),
            (Alarm::Equivocation { document }, "EQUIVOCATION"),
            (Alarm::NotIncluded { aggregation }, "RECEIPT_NOT_IN_TRANSCRIPT"),
            (Alarm::Withdrawn { aggregation }, "WITHDRAWN_BUT_USED"),
        ] {
            let problem = alarm(&of);
            assert_eq!((problem.exit, problem.code), (Exit::Verification, code), "{problem}");
            let name = format!("alarm-{}", code.to_lowercase().replace('_', "-"));
            pinned(&name, &problem.to_string());
        }
    }

    #[test]
    fn every_failure_on_the_way_has_its_screen() {
        let on_the_way = on_the_way().into_iter();
        let mut cases: Vec<(Problem, Exit, &str)> =
            on_the_way.map(|(error, exit, code)| (error.into(), exit, code)).collect();
        let full = JournalError::NoSpace { path: "concert/participant/journal".into() };
        let expired = Reject::InviteExpired { at: Time::default() };
        cases.extend([
            (full.into(), Exit::Io, "DISK_FULL"),
            (mistyped(), Exit::Code, "CODE_MISTYPED"),
            (not_admitted(&expired), Exit::Code, "CODE_EXPIRED"),
            (interrupted(), Exit::Temporary, "INTERRUPTED"),
            (not_admitted(&Reject::Token), Exit::Code, "CODE_NOT_TAKEN"),
            (not_admitted(&Reject::Malformed), Exit::Temporary, "REFUSED"),
            (not_joined(), Exit::Usage, "NOT_JOINED"),
        ]);
        let moment = dates::moment(Time::default(), &dates::zone());
        for (problem, exit, code) in cases {
            assert_eq!((problem.exit, problem.code), (exit, code), "{problem}");
            let name = format!("error-{}", code.to_lowercase().replace('_', "-"));
            pinned(&name, &problem.to_string().replace(&moment, "Thu 1 Jan 1970 00:00 UTC"));
        }
    }
}
