//! Where a person stands, and when to come back.

use crate::{
    attendance::{Attendance, Statements},
    words::{self, Calendar},
};
use protocol::{
    campaign::CheckedManifest,
    ids::AggregationId,
    roles::{
        Time,
        participant::{AggregationStatus, End, Own, Phase, light::Counted},
    },
};
use serde::Serialize;
use std::fmt;

/// One aggregation, as a person sees it.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Its place in the plan.
    pub aggregation: u16,
    /// What about.
    pub what: &'static str,
    /// Where the own report stands.
    pub own: &'static str,
    /// The short name of the receipt, if there is one.
    pub receipt: Option<String>,
    /// What has come of it, once it has ended.
    pub end: Option<String>,
    /// Whether the own report is in the opened sum, once it has ended with one.
    pub counted: Option<bool>,
    /// In milliseconds since 1970.
    pub opens: u64,
    /// In milliseconds since 1970.
    pub closes: u64,
}

/// When this person has something to do again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "when")]
pub enum Next {
    /// Something waits for this machine now.
    Now {
        /// Until then, in milliseconds since 1970.
        until: u64,
    },
    /// Come back then.
    Later {
        /// In milliseconds since 1970.
        from: u64,
        /// In milliseconds since 1970.
        until: u64,
    },
    /// A result will come; there is nothing to send for it.
    Result {
        /// Not before then, in milliseconds since 1970.
        from: u64,
    },
    /// Nothing more.
    Never,
}

impl Next {
    /// What waits for this person at `now`, by the plan's times.
    pub fn of(manifest: &CheckedManifest, aggregations: &[AggregationStatus], now: Time) -> Self {
        let planned = |id: AggregationId| manifest.aggregation(id);
        let open = || aggregations.iter().filter(|of| of.end.is_none());
        let due = |own: &Own| matches!(own, Own::Undecided | Own::Sending(_) | Own::Withdrawing(_));
        let visits = open().filter(|of| due(&of.own)).filter_map(|of| planned(of.id));
        let next = visits.filter(|of| of.closes > now).min_by_key(|of| of.opens);
        if let Some(next) = next {
            let until = next.closes.as_millis();
            return if next.opens <= now {
                Self::Now { until }
            } else {
                Self::Later { from: next.opens.as_millis(), until }
            };
        }
        let results = open().filter_map(|of| planned(of.id)).map(|of| of.closes);
        results.min().map_or(Self::Never, |from| Self::Result { from: from.as_millis() })
    }

    /// In words.
    pub fn words(self, calendar: &Calendar) -> String {
        let date = |millis| calendar.moment(Time::from_millis(millis));
        match self {
            Self::Now { until } => {
                format!(
                    "Your machine has something to send now, until {}: participant run",
                    date(until)
                )
            }
            Self::Later { from, until } => {
                format!("Come back between {} and {}: participant run", date(from), date(until))
            }
            Self::Result { from } => {
                format!(
                    "Nothing to send. A result can be read after {}: participant run",
                    date(from)
                )
            }
            Self::Never => "Nothing more to do.".to_owned(),
        }
    }
}

/// Where a person stands.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// The campaign's hash, in hexadecimal.
    pub campaign: String,
    /// In one word.
    pub phase: &'static str,
    #[serde(skip)]
    words: String,
    /// Each aggregation of this role and what they depend on.
    pub aggregations: Vec<Line>,
    /// When to come back.
    pub next: Next,
    #[serde(skip)]
    next_words: String,
}

/// A phase in one word, and in a sentence.
pub fn phase(phase: &Phase, calendar: &Calendar) -> (&'static str, String) {
    match phase {
        Phase::Joining => ("joining", "The campaign is being looked up.".into()),
        Phase::AwaitingConsent => {
            ("awaiting-consent", "You have not agreed yet. Nothing about you was sent.".into())
        }
        Phase::Admitting => {
            ("admitting", "You have agreed; a token is asked for with your code.".into())
        }
        Phase::Admitted(at) => (
            "admitted",
            format!(
                "You have a token. Your key is enrolled at a random time, over a connection of its own, so that it tells nothing about \
                 your code: {}.",
                calendar.moment(*at)
            ),
        ),
        Phase::Enrolling => ("enrolling", "You have agreed; your key is being enrolled.".into()),
        Phase::Reporting => ("reporting", "You take part.".into()),
        Phase::Done => ("done", "Everything has ended.".into()),
        Phase::Refused(refusal) => ("refused", format!("Not within your limits: {refusal}.")),
        Phase::NotAdmitted(reject) => ("not-admitted", format!("Not admitted: {reject}.")),
        Phase::Alarm(alarm) => ("alarm", format!("ALARM: {alarm}. Nothing more is sent.")),
    }
}

impl Standing {
    /// From the machine; nothing before the campaign is known.
    pub fn new<S: Statements>(attendance: &Attendance<S>, calendar: &Calendar) -> Option<Self> {
        let manifest = attendance.manifest()?;
        let status = attendance.status();
        let line = |of: &AggregationStatus| {
            let planned = manifest.aggregation(of.id)?;
            let open = manifest.has_open_scores(of.id);
            let (end, counted) = of.end.map_or((None, None), |end| ended(end, open));
            Some(Line {
                aggregation: of.id.0,
                what: words::aggregation(manifest, of.id),
                own: words::standing(&of.own),
                receipt: attendance.receipt(of.id).map(|receipt| words::receipt(&receipt)),
                end,
                counted: counted.filter(|_| of.own != Own::NotConcerned),
                opens: planned.opens.as_millis(),
                closes: planned.closes.as_millis(),
            })
        };
        let (word, words) = phase(&status.phase, calendar);
        let next = match &status.phase {
            Phase::Admitting => {
                Next::Now { until: manifest.issue.map_or(0, |issue| issue.closes.as_millis()) }
            }
            Phase::Admitted(at) if *at > calendar.now => {
                Next::Later { from: at.as_millis(), until: manifest.enrolment_closes.as_millis() }
            }
            Phase::Admitted(_) | Phase::Enrolling => {
                Next::Now { until: manifest.enrolment_closes.as_millis() }
            }
            Phase::Joining
            | Phase::AwaitingConsent
            | Phase::Reporting
            | Phase::Done
            | Phase::Refused(_)
            | Phase::NotAdmitted(_)
            | Phase::Alarm(_) => {
                if status.phase.is_terminal() {
                    Next::Never
                } else {
                    Next::of(manifest, &status.aggregations, calendar.now)
                }
            }
        };
        Some(Self {
            campaign: manifest.campaign().to_string(),
            phase: word,
            words,
            aggregations: status.aggregations.iter().filter_map(line).collect(),
            next,
            next_words: next.words(calendar),
        })
    }
}

fn ended(end: End, open_scores: bool) -> (Option<String>, Option<bool>) {
    match end {
        End::Result { counted, .. } => {
            let what = if open_scores { "ranked" } else { "opened" };
            (Some(what.to_owned()), Some(counted == Counted::Accepted))
        }
        End::Aborted(reason) => (Some(words::abort(reason)), None),
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.words)?;
        for Line { what, own, receipt, end, counted, .. } in &self.aggregations {
            write!(f, "  {what}: {own}")?;
            if let Some(receipt) = receipt {
                write!(f, ", receipt {receipt}")?;
            }
            match (end, counted) {
                (Some(end), Some(true)) => write!(f, "; {end}, yours is counted")?,
                (Some(end), Some(false) | None) => write!(f, "; {end}")?,
                (None, _) => {}
            }
            writeln!(f)?;
        }
        writeln!(f, "{}", self.next_words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        seen::pinned,
        world::{self, World, play},
    };
    use jiff::tz::TimeZone;

    #[test]
    fn a_status_says_what_is_in_and_when_to_come_back() {
        let mut world = World::new(world::plan());
        let mut desks = world::people(&world);
        let calendar = |world: &World| Calendar { now: world.now(), zone: TimeZone::UTC };
        let received = |desk: &world::Desk<_>| {
            desk.attendance
                .status()
                .aggregations
                .iter()
                .any(|of| matches!(of.own, Own::Received(_)))
        };
        play(&mut world, &mut desks, |_, desks| desks.iter().all(received));
        let standing = Standing::new(&desks[0].attendance, &calendar(&world)).unwrap();
        pinned("status-reporting", &standing.to_string());
        assert!(
            matches!(standing.next, Next::Later { from: 300_000, until: 400_000 }),
            "{:?}",
            standing.next
        );
        play(&mut world, &mut desks, |_, desks| {
            desks.iter().all(|desk| desk.attendance.machine().phase() == Phase::Done)
        });
        let standing = Standing::new(&desks[0].attendance, &calendar(&world)).unwrap();
        pinned("status-done", &standing.to_string());
        assert_eq!(standing.next, Next::Never);
        assert!(standing.aggregations.iter().all(|line| line.counted != Some(false)));
    }
}
