//! The commands of somebody who takes part. What they need of the network is a [`Drive`]: the real one, or a test's.

mod agree;
mod join;
mod leave;
mod local;
mod proof;
mod run;

#[cfg(test)]
mod tests;

pub(crate) use join::read_code;
pub(crate) use run::interrupted;

use crate::{
    attendance::{Attendance, Line, Statements},
    problems,
    screens::{campaign::Server, result::Verdict, status::Standing},
    store::{Folder, Settings},
    words::{self, Calendar},
};
use host::{
    Problem, dates,
    journal::Journal,
    screen::{Form, Screen},
};
use jiff::tz::TimeZone;
use protocol::{
    aggregation::noise::Role,
    campaign::{CheckedManifest, limits::Limits},
    ids::CampaignId,
    invite::{Invite, Target},
    roles::{
        Time,
        participant::{Admission, Configuration},
    },
};
use serde::Serialize;

/// When driving a machine stops, besides when nothing more will happen and when the person interrupts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Never: every visit is made.
    Over,
    /// Once nothing is due for some seconds.
    Idle,
    /// Once everything that can be taken back is out; also when idle.
    Left,
}

/// Why driving has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Nothing more will happen, or the campaign waits for consent.
    Over,
    /// Nothing is due for a while.
    Idle,
    /// The person has interrupted it.
    Interrupted,
}

/// What is told after every step.
pub type Told<'a, S> = &'a mut dyn FnMut(&Attendance<S>, &mut Screen, Time);

/// How a machine reaches its coordinator. Every line is durable in the journal before anything that follows it is sent.
pub trait Drive {
    /// Drives a machine from its start.
    ///
    /// # Errors
    /// [`Problem`] if the coordinator cannot be reached or the journal not be written.
    fn drive<S: Statements + Send>(
        &mut self,
        invite: &Invite,
        attendance: &mut Attendance<S>,
        files: (&mut Journal, &mut Screen),
        until: Until,
        told: Told<'_, S>,
    ) -> Result<Stop, Problem>;

    /// The coordinator's clock, as far as it is known; else this machine's.
    fn now(&self) -> Time;
}

/// One person at this machine.
#[derive(Debug)]
pub struct Desk<'a, D> {
    /// What is read and typed.
    pub screen: &'a mut Screen,
    /// What is kept.
    pub folder: Folder,
    /// In which times are shown.
    pub zone: TimeZone,
    /// The way to the coordinator.
    pub drive: &'a mut D,
}

/// The campaign of an invite for people.
fn campaign_of(invite: &Invite) -> Result<CampaignId, Problem> {
    match invite.target {
        Target::Person(campaign) => Ok(campaign),
        Target::Keyholder { .. } => Err(problems::other_target(
            "one for members and donors",
            "It makes you a keyholder: participant keyhold join",
        )),
    }
}

impl<D: Drive> Desk<'_, D> {
    fn calendar(&self) -> Calendar {
        Calendar { now: self.drive.now(), zone: self.zone.clone() }
    }

    /// The invite of a folder that was begun, with its settings.
    fn begun(&self) -> Result<(Invite, Settings), Problem> {
        match (self.folder.invite()?, self.folder.settings()?) {
            (Some(invite), Some(settings)) => Ok((invite, settings)),
            (None, _) | (_, None) => Err(problems::not_joined()),
        }
    }

    fn configuration(
        &self,
        invite: &Invite,
        role: Role,
        limits: Limits,
        settings: &Settings,
    ) -> Result<Configuration, Problem> {
        Ok(Configuration {
            campaign: campaign_of(invite)?,
            role,
            key: self.folder.key()?,
            admission: Admission::Invited(invite.secret.clone()),
            limits,
            known: settings.known,
            spent: settings.spent,
            retry: protocol::roles::participant::Retry::default(),
            checked: None,
        })
    }

    /// The machine as the folder has it.
    fn attendance(
        &self,
        invite: &Invite,
        settings: &Settings,
        lines: Vec<Line>,
    ) -> Result<Attendance<Folder>, Problem> {
        let (record, consent) = (self.folder.record()?, self.folder.consent()?);
        let role = record.as_ref().map_or(Role::Member, |record| record.role);
        let limits = Folder::limits(settings, consent.as_ref());
        let configuration = self.configuration(invite, role, limits, settings)?;
        Attendance::restore(configuration, record.as_ref(), self.folder.clone(), lines)
            .map_err(|error| problems::NotYours(error).into())
    }

    /// The machine as its journal has it now, beside a program that may be running; with the invite and settings.
    fn seen(&self) -> Result<(Attendance<Folder>, Invite, Settings), Problem> {
        let (invite, settings) = self.begun()?;
        let attendance = self.attendance(&invite, &settings, self.folder.lines()?)?;
        Ok((attendance, invite, settings))
    }

    /// The campaign that was looked at.
    fn known(&self) -> Result<(CheckedManifest, Invite, Settings), Problem> {
        let (attendance, invite, settings) = self.seen()?;
        let manifest = attendance.manifest().ok_or_else(problems::not_joined)?.clone();
        Ok((manifest, invite, settings))
    }

    fn show_standing<S: Statements>(&mut self, attendance: &Attendance<S>) -> Result<(), Problem> {
        let calendar = self.calendar();
        if let Some(standing) = Standing::new(attendance, &calendar) {
            self.screen.event("status", &standing, &standing);
        }
        if let Some(verdict) = verdict(attendance, &calendar)? {
            self.screen.event("result", &verdict, &verdict);
        }
        Ok(())
    }
}

/// What the selection asks of this person, once that is known.
fn verdict<S: Statements>(
    attendance: &Attendance<S>,
    calendar: &Calendar,
) -> Result<Option<Verdict>, Problem> {
    let asked = attendance.asked().map_err(|error| {
        Problem::bug(format!("no result follows from what was opened: {error}"))
    })?;
    Ok(attendance.manifest().zip(asked).map(|(of, asked)| Verdict::new(of, asked, calendar)))
}

fn server(invite: &Invite) -> Server {
    Server {
        address: invite.address.to_string(),
        fingerprint: words::fingerprint(&invite.certificate),
    }
}

/// This machine's clock, for programs.
#[derive(Serialize)]
struct Clock {
    /// Negative if it is behind.
    ahead_millis: i64,
}

/// A clock that is off is told, once.
pub fn warn_of_clock(screen: &mut Screen, own: Time, coordinators: Time) {
    let apart = own.as_millis().abs_diff(coordinators.as_millis());
    if apart <= dates::SKEW_MILLIS_MAX {
        return;
    }
    let signed = i64::try_from(apart).unwrap_or(i64::MAX);
    let (way, ahead_millis) =
        if own > coordinators { ("ahead", signed) } else { ("behind", -signed) };
    if screen.form() == Form::Json {
        screen.event("clock", &Clock { ahead_millis }, "");
        return;
    }
    screen.note(format!(
        "Your clock is {} {way}. Deadlines are by the coordinator's clock. Please set yours right.",
        dates::span(apart)
    ));
}
