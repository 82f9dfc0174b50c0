//! What the selection asks of a member. Both screens have the same parts, in the same order, of the same weight: who
//! looks over a shoulder, or counts lines, learns nothing, and nobody is talked into anything.

use super::campaign::report_until;
use crate::{
    attendance::Asked,
    words::{self, Calendar},
};
use protocol::campaign::{CheckedManifest, Kind, SelectionMode};
use serde::Serialize;
use std::fmt;

/// The result for one member.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// What is asked.
    pub asked: Asked,
    /// Whom to report to.
    pub firm: String,
    /// What is reported, and how.
    pub label: String,
    /// By when, in milliseconds since 1970, if the campaign says.
    pub report_until: Option<u64>,
    /// Whether the campaign counts who has done so.
    pub confirmed: bool,
    /// Whether scores were in the open.
    pub open: bool,
    #[serde(skip)]
    until: String,
}

impl Verdict {
    /// What follows from the campaign for somebody who is asked this.
    pub fn new(manifest: &CheckedManifest, asked: Asked, calendar: &Calendar) -> Self {
        let until = report_until(manifest);
        Self {
            asked,
            firm: manifest.texts.firm.clone(),
            label: manifest.texts.label.clone(),
            report_until: until.map(protocol::roles::Time::as_millis),
            confirmed: manifest.of_kind(Kind::Confirmation).is_some(),
            open: manifest.selection.mode == SelectionMode::OpenScores,
            until: until.map_or_else(
                || "before the firm learns again; ask the organiser".to_owned(),
                |time| calendar.moment(time),
            ),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, why) = match self.asked {
            Asked::Flip => (
                format!(
                    "You are asked to report the {} label instead of the {} one.",
                    words::label(true),
                    words::label(false)
                ),
                if self.open {
                    "The open ranking, which everybody can see, asks your key."
                } else {
                    "The published rule, applied on this machine to your record, does ask you."
                },
            ),
            Asked::Keep => (
                "No change is asked of you: report your label exactly as you would have."
                    .to_owned(),
                if self.open {
                    "The open ranking, which everybody can see, asks others."
                } else {
                    "The published rule, applied on this machine to your record, asks nothing."
                },
            ),
        };
        writeln!(f, "{first}")?;
        writeln!(f, "  Why    {why}")?;
        let how = format!("to {}, as always: {}", self.firm, self.label);
        writeln!(f, "  How    {}", words::beside(&how, 9))?;
        writeln!(f, "  When   until {}", self.until)?;
        writeln!(
            f,
            "  Risk   The firm sees what you report, may object to it, and may act on it."
        )?;
        writeln!(
            f,
            "  Right  You are free to do otherwise. Nobody sees which, and nothing follows."
        )?;
        if self.confirmed {
            writeln!(f, "  Then   Done so? participant confirm. Rather not? participant decline.")
        } else {
            writeln!(f, "  Then   Nothing. This campaign does not ask whether you have done so.")
        }
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
    use protocol::roles::Time;

    #[test]
    fn open_results_weigh_the_same_too() {
        let calendar = Calendar { now: Time::from_millis(600_000), zone: TimeZone::UTC };
        let world = World::new(world::open());
        let shown = |asked| Verdict::new(&world.manifest, asked, &calendar).to_string();
        let (flip, keep) = (shown(Asked::Flip), shown(Asked::Keep));
        assert!(flip.contains("the open ranking") || flip.contains("The open ranking"), "{flip}");
        assert!(flip.contains("does not ask whether"), "{flip}");
        assert_eq!(flip.lines().count(), keep.lines().count());
        for (flip, keep) in flip.lines().zip(keep.lines()) {
            assert!(flip.len().abs_diff(keep.len()) <= 3, "{flip}\n{keep}");
        }
    }

    fn verdict(asked: Asked) -> String {
        let calendar = Calendar { now: Time::from_millis(600_000), zone: TimeZone::UTC };
        Verdict::new(&World::new(world::plan()).manifest, asked, &calendar).to_string()
    }

    #[test]
    fn both_results_have_the_same_length_and_the_same_weight() {
        let (flip, keep) = (verdict(Asked::Flip), verdict(Asked::Keep));
        pinned("result-flip", &flip);
        pinned("result-keep", &keep);
        assert_eq!(flip.lines().count(), keep.lines().count());
        let lines = || flip.lines().zip(keep.lines());
        let same = lines().filter(|(flip, keep)| flip == keep).count();
        assert_eq!(same, 5, "how, when, risk, right and what then are the same words");
        for (flip, keep) in lines() {
            let words = |line: &str| line.split_whitespace().count();
            assert!(words(flip).abs_diff(words(keep)) <= 1, "{flip}\n{keep}");
            assert!(flip.len().abs_diff(keep.len()) <= 3, "{flip}\n{keep}");
        }
    }
}
