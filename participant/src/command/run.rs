//! `run`: every visit, or only the one that is due.

use super::{Desk, Drive, Stop, Until, campaign_of, verdict};
use crate::{
    attendance::{Attendance, Order},
    cli, problems,
    screens::status::{Next, Standing},
    store::{self, Folder},
    words::Calendar,
};
use host::{Problem, screen::Screen};
use protocol::{exit::Exit, roles::Time};

impl<D: Drive> Desk<'_, D> {
    /// `participant run`.
    ///
    /// # Errors
    /// [`Problem`], also if the campaign has ended without a result.
    pub fn run(&mut self, options: &cli::Run) -> Result<(), Problem> {
        let (invite, mut settings) = self.begun()?;
        if settings.left {
            return Err(left());
        }
        let mut journal = self.folder.journal()?;
        if self.folder.consent()?.is_none() {
            let manifest = self.look(&invite, &settings, &mut journal)?;
            self.show_campaign(&manifest, &invite);
            self.agree(&manifest, &mut settings, &options.prepared)?;
        }
        let mut attendance = self.attendance(&invite, &settings, store::lines(&journal)?)?;
        attendance.order(Order::Consent(campaign_of(&invite)?));
        let until = if options.no_wait { Until::Idle } else { Until::Over };
        let mut told = Told { zone: self.zone.clone(), shown: false };
        let files = (&mut journal, &mut *self.screen);
        let stop =
            self.drive.drive(&invite, &mut attendance, files, until, &mut |of, screen, now| {
                told.step(of, screen, now);
            })?;
        self.screen.settle();
        let calendar = self.calendar();
        let standing = Standing::new(&attendance, &calendar);
        if let Some(standing) = &standing {
            self.screen.event("status", standing, standing);
        }
        if !told.shown
            && let Some(verdict) = verdict(&attendance, &calendar)?
        {
            self.screen.event("result", &verdict, &verdict);
        }
        let status = attendance.status();
        if let Some(problem) = problems::of_phase(&status.phase) {
            return Err(problem);
        }
        match stop {
            Stop::Interrupted => Err(interrupted()),
            Stop::Over => match attendance.manifest() {
                Some(manifest) => {
                    problems::of_end(manifest, &status.aggregations).map_or(Ok(()), Err)
                }
                None => Ok(()),
            },
            Stop::Idle => {
                let next = standing.map_or(Next::Never, |standing| standing.next);
                Err(problems::waiting(next, &calendar))
            }
        }
    }
}

/// What was said while it runs.
struct Told {
    zone: jiff::tz::TimeZone,
    shown: bool,
}

impl Told {
    fn step(&mut self, attendance: &Attendance<Folder>, screen: &mut Screen, now: Time) {
        let calendar = Calendar { now, zone: self.zone.clone() };
        if !self.shown
            && let Ok(Some(verdict)) = verdict(attendance, &calendar)
        {
            screen.event("result", &verdict, &verdict);
            self.shown = true;
        }
        if let Some(standing) = Standing::new(attendance, &calendar) {
            screen.live("waiting", &standing, standing.next.words(&calendar));
        }
    }
}

fn left() -> Problem {
    Problem::new(Exit::Declined, "LEFT", "You have left this campaign.")
        .heading("Left")
        .safe("Nothing is sent any more.")
        .next("participant erase wipes what is kept here.")
}

pub(crate) fn interrupted() -> Problem {
    Problem::new(Exit::Temporary, "INTERRUPTED", "Stopped by you.")
        .heading("Stopped")
        .safe("What was sent is kept and counts once.")
        .next("Run the same command again to go on.")
}
