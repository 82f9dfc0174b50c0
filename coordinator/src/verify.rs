//! A transcript checked by itself, offline: from its bytes alone, by the rules that everybody shares. It does not read the
//! coordinator's journal and trusts nothing the coordinator keeps.

use std::path::Path;

use host::{Problem, files};
use protocol::{
    codec,
    exit::Exit,
    ids::Hash,
    transcript::{Transcript, file},
};
use serde::Serialize;

use crate::status::{abort_words, came_words, decision_words, word};

/// The longest transcript that is read, in bytes.
const TRANSCRIPT_BYTES_MAX: usize = 2 << 30;

/// What a transcript is compared with, in hexadecimal: its beginning is enough, 8 digits at least.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected<'a> {
    /// The plan's hash, as keyholders were told.
    pub plan: Option<&'a str>,
    /// The campaign's id, as people were told.
    pub campaign: Option<&'a str>,
    /// The hash of the last entry, as somebody else has it.
    pub head: Option<&'a str>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The plan's hash.
    pub plan: String,
    /// The campaign's id.
    pub campaign: Option<String>,
    /// The hash of the last entry: compare it with others'.
    pub head: String,
    /// How many entries.
    pub entries: u64,
    /// Whether everything that the plan lists has ended.
    pub complete: bool,
    /// Of the plan, in its order.
    pub sums: Vec<VerifiedSum>,
}

/// One sum of a transcript.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifiedSum {
    /// What for.
    pub kind: String,
    /// Whether it lists scores in the open instead of adding up reports.
    pub open_scores: bool,
    /// Reports in it.
    pub accepted: Option<u32>,
    /// Why it has no result.
    pub aborted: Option<String>,
    /// What was decided.
    pub decision: Option<String>,
    /// Whether all live keyholders have endorsed the result.
    pub endorsed: bool,
}

fn alarm(what: impl Into<String>) -> Problem {
    Problem::new(Exit::Verification, "TRANSCRIPT", what)
        .safe("Do not act on it.")
        .next("Compare with the transcript that others have; keep this file as evidence.")
}

/// Reads and follows a transcript.
///
/// # Errors
/// An alarm if any rule is broken, or if it is another one than expected.
pub fn read(path: &Path, expected: Expected<'_>) -> Result<(Transcript, Verified), Problem> {
    let bytes = files::read(path, TRANSCRIPT_BYTES_MAX)?;
    verify(&bytes, expected).map_err(|mut problem| {
        problem.what = format!("{}: {}", path.display(), problem.what);
        problem
    })
}

/// Follows the bytes of a transcript.
///
/// # Errors
/// An alarm.
pub fn verify(bytes: &[u8], expected: Expected<'_>) -> Result<(Transcript, Verified), Problem> {
    // What is read must be what was written: bytes that mean the same are no second transcript.
    let mut again = Vec::with_capacity(bytes.len());
    again.extend(file::HEADER);
    let transcript = file::follow(bytes, |_, entry, _| {
        let encoded = codec::encode(entry);
        again.extend(u32::try_from(encoded.len()).unwrap_or(u32::MAX).to_le_bytes());
        again.extend(encoded);
    });
    let transcript = transcript.map_err(|error| alarm(format!("{error}.")))?;
    if again != bytes {
        return Err(alarm("it is not written as transcripts are."));
    }
    if !transcript.plan().is_private() {
        return Err(alarm("it is of a simulation without cryptography, and proves nothing."));
    }
    let verified = Verified::of(&transcript);
    for (what, wanted, got) in [
        ("plan", expected.plan, Some(&verified.plan)),
        ("campaign", expected.campaign, verified.campaign.as_ref()),
        ("last entry", expected.head, Some(&verified.head)),
    ] {
        let Some(wanted) = wanted else { continue };
        let wanted = wanted.trim().to_ascii_lowercase();
        if wanted.len() < 8 || !got.is_some_and(|got| got.starts_with(&wanted)) {
            let got = got.map_or("none", String::as_str);
            return Err(alarm(format!("its {what} is {got}, expected {wanted}.")));
        }
    }
    Ok((transcript, verified))
}

impl Verified {
    fn of(transcript: &Transcript) -> Self {
        let plan = transcript.plan();
        let sums: Vec<_> = plan
            .enumerated()
            .filter_map(|(id, of)| {
                let sum = transcript.sum(id)?;
                let outcome = sum.outcome();
                let endorsed = |(entry, _): (&Hash, _)| transcript.is_endorsed(entry);
                Some(VerifiedSum {
                    kind: word(of.kind).to_owned(),
                    open_scores: plan.has_open_scores(id),
                    accepted: outcome.map(|(_, outcome)| outcome.accepted),
                    aborted: sum.aborted().map(|reason| abort_words(reason, plan)),
                    decision: outcome
                        .and_then(|(_, outcome)| outcome.decision.as_ref())
                        .map(decision_words),
                    endorsed: outcome.is_some_and(endorsed),
                })
            })
            .collect();
        Self {
            plan: plan.id().to_string(),
            campaign: transcript.manifest().map(|(_, manifest)| manifest.campaign().to_string()),
            head: transcript.head().to_string(),
            entries: transcript.len(),
            complete: sums.iter().all(|sum| sum.endorsed || sum.aborted.is_some()),
            sums,
        }
    }

    /// For people.
    pub fn words(&self) -> String {
        let mut lines = vec![
            format!("every rule holds: {} entries", self.entries),
            format!("plan       {}", self.plan),
            format!("campaign   {}", self.campaign.as_deref().unwrap_or("not yet")),
            format!("last entry {}", self.head),
        ];
        for sum in &self.sums {
            let came = sum.accepted.map(|accepted| came_words(accepted, sum.open_scores));
            let state = match (&sum.aborted, came, sum.endorsed) {
                (Some(why), ..) => why.clone(),
                (None, Some(came), true) => format!("{came}, endorsed"),
                (None, Some(came), false) => {
                    format!("{came}, NOT YET ENDORSED: do not act on it")
                }
                (None, None, _) => "not yet".to_owned(),
            };
            let decision =
                sum.decision.as_ref().map_or_else(String::new, |words| format!(" · {words}"));
            lines.push(format!("  {:<13} {state}{decision}", sum.kind));
        }
        if !self.complete {
            lines.push("It is not complete: ask others for their last entry.".to_owned());
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::{Report, page},
        state::Secrets,
        world::{Shelf, play},
    };

    fn transcript() -> Vec<u8> {
        let secrets = Secrets::generate("vote.example:4433".parse().unwrap()).unwrap();
        file::write(play(&secrets, &Shelf::default()).machine().entries())
    }

    #[test]
    fn a_transcript_is_verified_and_every_tampered_byte_is_an_alarm() {
        let bytes = transcript();
        let (followed, verified) = verify(&bytes, Expected::default()).unwrap();
        assert!(verified.complete && verified.words().contains("14 reports, endorsed"));

        // A thousand places over the whole file, each with another wrong value.
        let mut missed = Vec::new();
        for number in 0..1_000_usize {
            let mut tampered = bytes.clone();
            let place = number * (bytes.len() - 1) / 999;
            tampered[place] ^= 1 << (number % 8);
            match verify(&tampered, Expected::default()) {
                Ok(_) => missed.push(place),
                Err(problem) => assert_eq!(problem.exit, Exit::Verification),
            }
        }
        assert_eq!(missed, [0_usize; 0]);

        let cut = verify(&bytes[..bytes.len() - 1], Expected::default()).unwrap_err();
        assert_eq!((cut.exit, cut.heading), (Exit::Verification, "ALARM"));

        let head = verified.head.clone();
        let plan = verified.plan.get(..8);
        let expected = Expected { plan, campaign: verified.campaign.as_deref(), head: Some(&head) };
        verify(&bytes, expected).unwrap();
        let other = Expected { head: Some("00000000"), ..Expected::default() };
        assert_eq!(verify(&bytes, other).unwrap_err().exit, Exit::Verification);

        // A report of it holds sums, and nothing of one person.
        let report = Report::of(&followed);
        assert_eq!(report.enrolled, Some(14));
        let page = page(&report);
        assert!(page.contains("14 reports of 14"), "{page}");
        let keys = followed.roster().unwrap().keys();
        for key in keys {
            let hex = Hash(*key.as_bytes()).to_string();
            assert!(!page.contains(&hex) && !report.to_json().contains(&hex));
        }
    }
}
