//! `withdraw`: takes back what can be taken back.

use super::{Desk, Drive, Stop, Until, campaign_of, run::interrupted};
use crate::{
    attendance::{Attendance, Order},
    problems,
    store::{self, Folder},
    words,
};
use host::Problem;
use protocol::roles::participant::{End, Own, Phase, light::Counted};
use serde::Serialize;

/// What became of one report.
#[derive(Serialize)]
struct Left {
    aggregation: u16,
    what: &'static str,
    /// Whether it is in no sum.
    out: bool,
    /// Over how many people the sum is that it is in.
    sum_of: Option<u32>,
}

impl<D: Drive> Desk<'_, D> {
    /// `participant withdraw`.
    ///
    /// # Errors
    /// [`Problem`] if the coordinator cannot be reached: nothing is taken back then.
    pub fn withdraw(&mut self) -> Result<(), Problem> {
        let (invite, mut settings) = self.begun()?;
        let mut journal = self.folder.journal()?;
        let mut attendance = self.attendance(&invite, &settings, store::lines(&journal)?)?;
        let phase = attendance.machine().phase();
        if matches!(phase, Phase::Reporting) && self.folder.consent()?.is_some() {
            attendance.order(Order::Consent(campaign_of(&invite)?));
            attendance.order(Order::Leave);
            let files = (&mut journal, &mut *self.screen);
            let stop = self.drive.drive(
                &invite,
                &mut attendance,
                files,
                Until::Left,
                &mut |_, _, _| {},
            )?;
            if stop == Stop::Interrupted {
                return Err(interrupted());
            }
            if let Some(problem) = problems::of_phase(&attendance.machine().phase()) {
                return Err(problem);
            }
            if !attendance.has_left() {
                return Err(Problem::new(
                    protocol::exit::Exit::Temporary,
                    "NOT_OUT_YET",
                    "The coordinator has not said yet that everything is out.",
                )
                .next("Run the same command again."));
            }
        }
        settings.left = true;
        self.folder.keep_settings(&settings)?;
        self.tell(&attendance);
        Ok(())
    }

    fn tell(&mut self, attendance: &Attendance<Folder>) {
        let mut inside = false;
        for of in attendance.status().aggregations {
            let Some(manifest) = attendance.manifest() else { continue };
            let what = words::aggregation(manifest, of.id);
            let open = manifest.has_open_scores(of.id);
            let sum_of = match (&of.own, of.end) {
                (Own::NotConcerned, _) => continue,
                (_, Some(End::Result { counted: Counted::Accepted, .. })) => {
                    attendance.machine().outcomes().get(&of.id).map(|outcome| outcome.accepted)
                }
                (Own::Kept(..), None) => Some(0),
                (_, Some(End::Result { .. } | End::Aborted(_)) | None) => None,
            };
            let line = Left { aggregation: of.id.0, what, out: sum_of.is_none(), sum_of };
            let words = match sum_of {
                None => format!("{what}: you are not in it."),
                Some(_) if open => {
                    format!("{what}: your score stands in the open already and cannot be removed.")
                }
                Some(0) => {
                    format!("{what}: closed already; your share is in it and cannot be removed.")
                }
                Some(people) => format!(
                    "{what}: your share is already inside a sum of {people} and cannot be removed."
                ),
            };
            inside |= sum_of.is_some();
            self.screen.event("left", &line, words);
        }
        let first =
            if inside { "You have left." } else { "You have left; nothing of you is in any sum." };
        self.screen.note(format!(
            "{first} Nothing more is sent, and nobody is told. participant erase wipes what is kept here."
        ));
    }
}
