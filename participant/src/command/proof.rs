//! `verify` and `evidence`: what a person can check again, and show to others.

use super::{Desk, Drive};
use crate::{
    attendance::{Attendance, Line},
    cli, problems,
    store::Folder,
    words,
};
use host::{Problem, files};
use protocol::{
    campaign::CheckedManifest,
    codec,
    exit::Exit,
    ids::{AggregationId, Hash},
    roles::participant::{End, Phase, Record, light::Counted},
    transcript::{Transcript, file},
};
use serde::Serialize;
use std::{fs, path::Path};

/// The longest transcript that is read, in bytes.
const TRANSCRIPT_BYTES_MAX: u64 = 1 << 30;

#[derive(Serialize)]
struct Verified {
    aggregation: u16,
    what: &'static str,
    receipt: String,
    /// Whether the report is in the opened sum; nothing if it is not open yet.
    counted: Option<bool>,
}

/// Everything that others need to see what happened, in hexadecimal where it is bytes of the protocol.
#[derive(Serialize)]
struct Shown {
    schema: u32,
    campaign: String,
    pseudonym: String,
    alarm: Option<String>,
    /// Lines of the journal: the manifest, openings, receipts, outcomes and the alarm. No line holds a feature, a label
    /// or a key; what was said besides the record is left out.
    journal: Vec<String>,
    /// The messages that have raised the alarm, as they came.
    messages: Vec<String>,
}

impl<D: Drive> Desk<'_, D> {
    /// `participant verify`.
    ///
    /// # Errors
    /// [`Exit::Verification`]: an alarm.
    pub fn verify(&mut self, options: &cli::Verify) -> Result<(), Problem> {
        let (attendance, ..) = self.seen()?;
        if let Phase::Alarm(alarm) = attendance.machine().phase() {
            return Err(problems::alarm(&alarm));
        }
        let manifest = attendance.manifest().ok_or_else(problems::not_joined)?.clone();
        let transcript = match &options.transcript {
            Some(path) => Some(follow(path, &manifest)?),
            None => None,
        };
        let mut receipts = 0;
        for of in attendance.status().aggregations {
            let Some(leaf) = attendance.receipt(of.id) else { continue };
            receipts += 1;
            if let Some(transcript) = &transcript {
                is_listed(transcript, of.id, leaf)?;
            }
            let what = words::aggregation(&manifest, of.id);
            let counted = match of.end {
                Some(End::Result { counted, .. }) => Some(counted == Counted::Accepted),
                Some(End::Aborted(_)) => Some(false),
                None => None,
            };
            let receipt = words::receipt(&leaf);
            let state = match counted {
                Some(true) if manifest.has_open_scores(of.id) => "is in the open ranking",
                Some(true) => "is in the sum that was opened",
                Some(false) => "is in no sum",
                None => "is in; the sum is not open yet",
            };
            let words = format!("{what}: receipt {receipt} {state}");
            self.screen.event(
                "verified",
                &Verified { aggregation: of.id.0, what, receipt, counted },
                words,
            );
        }
        self.screen.note(match (receipts, &transcript) {
            (0, None) => "There is no receipt yet: nothing to verify.",
            (0, Some(_)) => "The transcript keeps every rule. There is no receipt of yours to look for in it.",
            (_, Some(_)) => "Everything holds, and the transcript keeps every rule.",
            (_, None) => "Everything that you have been shown holds. With the published transcript: participant verify FILE",
        });
        Ok(())
    }

    /// `participant evidence`.
    ///
    /// # Errors
    /// [`Problem`] if the file cannot be written.
    ///
    /// # Panics
    /// Never: texts serialise.
    pub fn evidence(&mut self, options: &cli::Evidence) -> Result<(), Problem> {
        let (attendance, invite, _) = self.seen()?;
        let lines = self.folder.lines()?;
        let mut shown = Shown {
            schema: 1,
            campaign: super::campaign_of(&invite)?.to_string(),
            pseudonym: words::hex(attendance.machine().reporter().as_bytes()),
            alarm: alarm_of(&attendance),
            journal: Vec::new(),
            messages: Vec::new(),
        };
        for line in &lines {
            match line {
                Line::Machine(record) => {
                    shown.journal.push(words::hex(&codec::encode::<Record>(record)));
                }
                Line::Evidence(message) => shown.messages.push(words::hex(message.as_slice())),
                Line::Said(..) => {}
            }
        }
        let bytes = serde_json::to_vec_pretty(&shown).expect("texts serialise");
        files::replace(&options.out, &bytes, files::Audience::Owner)?;
        self.screen.note(format!(
            "Written to {}: {} lines and {} messages. It holds your pseudonym; whoever gets it can see which reports were yours, not what they said.",
            options.out.display(),
            shown.journal.len(),
            shown.messages.len()
        ));
        Ok(())
    }
}

fn alarm_of(attendance: &Attendance<Folder>) -> Option<String> {
    match attendance.machine().phase() {
        Phase::Alarm(alarm) => Some(alarm.to_string()),
        _ => None,
    }
}

/// Follows a published transcript by every rule.
fn follow(path: &Path, manifest: &CheckedManifest) -> Result<Transcript, Problem> {
    let failed = |source: std::io::Error| {
        let what = format!("Cannot read {}: {source}.", path.display());
        Problem::new(Exit::Io, "FILE_READ", what).next("Check the path.")
    };
    let length = fs::metadata(path).map_err(failed)?.len();
    if length > TRANSCRIPT_BYTES_MAX {
        let what = format!("{} has more than {TRANSCRIPT_BYTES_MAX} bytes.", path.display());
        return Err(Problem::new(Exit::Data, "FILE_TOO_LONG", what));
    }
    let bytes = fs::read(path).map_err(failed)?;
    let transcript = file::follow(&bytes, |_, _, _| {}).map_err(|error| {
        Problem::new(
            Exit::Verification,
            "TRANSCRIPT_BROKEN",
            format!("{}: {error}.", path.display()),
        )
        .safe("Do NOT follow any instruction of this campaign.")
        .next("Get the transcript again, from a keyholder. If it is the same: participant evidence")
    })?;
    match transcript.manifest() {
        Some((_, of)) if of.campaign() == manifest.campaign() => Ok(transcript),
        Some(_) | None => Err(Problem::new(
            Exit::Verification,
            "OTHER_PLAN",
            "The transcript is one of another campaign: others were given a different plan.",
        )
        .safe("Do NOT follow any instruction of this campaign.")
        .next("Check that it is the right file. If it is: participant evidence")),
    }
}

/// Whether a report is among the frozen ones of a transcript.
fn is_listed(transcript: &Transcript, id: AggregationId, leaf: Hash) -> Result<(), Problem> {
    let leaves = transcript.sum(id).and_then(|sum| sum.leaves());
    let Some(leaves) = leaves else { return Ok(()) };
    if leaves.iter().any(|of| of.leaf == leaf) {
        return Ok(());
    }
    let what = format!("Your receipt {} is not in the transcript.", words::receipt(&leaf));
    Err(Problem::new(Exit::Verification, "RECEIPT_NOT_IN_TRANSCRIPT", what)
        .safe("Do NOT follow any instruction of this campaign.")
        .next(
            "Save what shows it: participant evidence. Then tell the keyholders, by their contact.",
        ))
}
