//! A rehearsal as the organiser reads it.

use std::fmt::Write as _;

use host::dates;
use jiff::tz::TimeZone;
use protocol::{roles::Time, selection::open_scores::OPEN_SCORES_BELOW};

use super::{Asked, Rehearsal, Run, Scenario, SumPlayed};
use crate::status::came_words;

impl Rehearsal {
    /// The whole, on several lines.
    pub fn words(&self, zone: &TimeZone) -> String {
        let mut text = String::from(
            "REHEARSAL, as if the campaign began now. Everybody in it is made up; nothing was kept or sent.\n",
        );
        for notice in &self.in_the_open {
            let _ = write!(text, "\nIn the open: {notice}\n");
        }
        for (number, run) in (1..).zip(&self.runs) {
            let _ = write!(text, "\n{number}. {}\n", self.heading(run));
            if run.scenario == Scenario::AsPlanned {
                text.push_str("   What `coordinator run` shows:\n");
                for step in &run.steps {
                    let at = dates::moment(Time::from_millis(step.at_millis), zone);
                    let _ = writeln!(text, "   {at:<26} {}", step.screen);
                }
            }
            let _ = writeln!(text, "   {:<13} {:<26} {:<26} what came", "sum", "opened", "ended");
            for sum in &run.sums {
                let _ = writeln!(text, "   {}", row(sum, zone));
            }
            let _ = writeln!(text, "   {}", self.ending(run));
        }
        text.push_str(&self.corrections());
        text.trim_end().to_owned()
    }

    fn heading(&self, run: &Run) -> String {
        let people = format!("{} members and {} donors come", run.members, run.donors);
        match run.scenario {
            Scenario::AsPlanned => format!("As planned: {people} and stay to the end"),
            Scenario::KeyholderLost => format!(
                "A keyholder is lost: {people}, and {} is silent once the first sum collects",
                self.lost
            ),
            Scenario::TooFewMembers => {
                format!("Too few come: {people}, where each sum needs {}", self.cohort)
            }
            Scenario::TooManyMembers => format!(
                "Too many come: {people}, where scores are open for fewer than {OPEN_SCORES_BELOW} members"
            ),
        }
    }

    /// What came of it, and what it means.
    fn ending(&self, run: &Run) -> String {
        let lost = run.scenario == Scenario::KeyholderLost;
        match run.asked {
            _ if lost && run.is_whole() => {
                // Of scores in the open nothing was shared.
                let recovered = run.sums.iter().any(|sum| !sum.open_scores);
                let did = if recovered {
                    "waited, declared it lost, and recovered its part"
                } else {
                    "waited and declared it lost"
                };
                format!(
                    "Nothing is lost but time: the others {did}. {} can be lost in all.",
                    self.losses_max
                )
            }
            _ if lost && self.losses_max == 0 => {
                "No keyholder can be lost in this plan: nothing more was opened.".to_owned()
            }
            Some(Asked { candidates, asked, willing }) => format!(
                "{asked} of {candidates} members with a negative label are asked, {willing} of them do it; {} flips are wanted. \
                 With real people it will be another number.",
                self.flip_budget
            ),
            None => "Nobody is asked to report anything.".to_owned(),
        }
    }

    fn corrections(&self) -> String {
        if self.advice.is_empty() {
            return "\nNothing to correct.\n".to_owned();
        }
        let mut text = String::new();
        let musts = self.advice.iter().filter(|advice| advice.must).count();
        for (number, advice) in self.advice.iter().enumerate() {
            if number == 0 && musts > 0 {
                text.push_str("\nTo correct before the campaign can work:\n");
            } else if number == musts {
                text.push_str("\nTo think over:\n");
            }
            let _ = writeln!(text, "   {}: {}", advice.key, advice.what);
        }
        text
    }
}

fn row(sum: &SumPlayed, zone: &TimeZone) -> String {
    let moment = |millis: Option<u64>| {
        millis.map_or_else(|| "-".to_owned(), |at| dates::moment(Time::from_millis(at), zone))
    };
    let late = sum.opened_millis.map_or(0, |opened| opened.saturating_sub(sum.planned_millis));
    let came = match (&sum.aborted, sum.reports) {
        (Some(why), _) => format!("no result: {why}"),
        (None, Some(scores)) if sum.open_scores => came_words(scores, true),
        // Moments are in units of their own.
        (None, Some(reports)) if sum.sigma_milli > 0 && sum.kind != "regressor" => {
            format!("{reports} reports; each count ±{:.1}", f64::from(sum.sigma_milli) / 1_000.0)
        }
        (None, reports) => came_words(reports.unwrap_or(0), false),
    };
    let late = if late > LATE_MILLIS {
        format!("; opened {} late", dates::span(late))
    } else {
        String::new()
    };
    format!(
        "{:<13} {:<26} {:<26} {came}{late}",
        sum.kind,
        moment(sum.opened_millis),
        moment(sum.ended_millis)
    )
}

/// What keyholders' programs need to answer one another is no delay.
const LATE_MILLIS: u64 = 120_000;
