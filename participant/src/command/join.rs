//! `join`: reads a code, shows the campaign, asks, and takes the first steps.

use super::{Desk, Drive, Until, campaign_of, server};
use crate::{
    attendance::{Attendance, Order},
    cli, problems,
    record::Record,
    screens::campaign::Campaign,
    store::{self, Settings},
};
use host::{Problem, dates, journal::Journal, screen::SecretFrom};
use protocol::{
    aggregation::noise::{DELTA, Rho, Role, rho_for_epsilon},
    campaign::{CheckedManifest, limits::Limits},
    exit::Exit,
    invite::Invite,
    roles::{Time, participant::Phase},
};
use std::path::Path;

/// Reads a code from where it is, and from nowhere else.
pub(crate) fn read_code(
    screen: &mut host::screen::Screen,
    code: &cli::Code,
) -> Result<Invite, Problem> {
    let from = match &code.code_file {
        None => SecretFrom::Person("Your code:".to_owned()),
        Some(file) if file == Path::new("-") => SecretFrom::Input,
        Some(file) => SecretFrom::File(file.clone()),
    };
    let text = screen.secret(&from)?;
    Invite::parse(&text).map_err(|error| problems::code(&error))
}

impl<D: Drive> Desk<'_, D> {
    /// `participant join`.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn join(&mut self, options: &cli::Join) -> Result<(), Problem> {
        let (invite, mut settings) = self.invited(options)?;
        if let Some(problem) = self.joined_already(&invite, &settings)? {
            return Err(problem);
        }
        let mut journal = self.folder.journal()?;
        let manifest = self.look(&invite, &settings, &mut journal)?;
        self.show_campaign(&manifest, &invite);
        if options.look {
            self.screen.note(
                "Nothing about you was sent. Next: participant check FILE, participant preview, participant run.",
            );
            return Ok(());
        }
        if self.folder.consent()?.is_none() {
            self.agree(&manifest, &mut settings, &options.prepared)?;
        }
        self.visit(&invite, &settings, &mut journal)
    }

    /// The invite and settings to go on with: those of an unfinished join, or new ones.
    fn invited(&mut self, options: &cli::Join) -> Result<(Invite, Settings), Problem> {
        let kept = if self.folder.path().exists() {
            self.folder.invite()?.zip(self.folder.settings()?)
        } else {
            None
        };
        match kept {
            Some(kept) if options.code.code_file.is_none() => Ok(kept),
            Some((invite, settings)) => {
                if read_code(self.screen, &options.code)? == invite {
                    return Ok((invite, settings));
                }
                let what = format!("{} is of another invite.", self.folder.path().display());
                Err(Problem::new(Exit::Usage, "STATE_OTHER", what)
                    .safe("Nothing was sent or changed; both codes are as they were.")
                    .next("Name another folder with --state for a second campaign."))
            }
            None => {
                let invite = read_code(self.screen, &options.code)?;
                campaign_of(&invite)?;
                let spent = options
                    .prepared
                    .spent
                    .map_or(Rho::ZERO, |epsilon| rho_for_epsilon(epsilon, DELTA));
                let settings = Settings::new(self.drive.now().as_millis(), spent);
                self.folder.make()?;
                self.folder.keep_settings(&settings)?;
                self.folder.keep_invite(&invite)?;
                Ok((invite, settings))
            }
        }
    }

    /// Whoever has joined is told so; whoever was interrupted goes on.
    fn joined_already(
        &mut self,
        invite: &Invite,
        settings: &Settings,
    ) -> Result<Option<Problem>, Problem> {
        let attendance = self.attendance(invite, settings, self.folder.lines()?)?;
        if matches!(attendance.machine().phase(), Phase::Reporting | Phase::Done) {
            self.show_standing(&attendance)?;
            let receipt = attendance.first_receipt().map_or_else(String::new, |leaf| {
                format!("; receipt {} (counted once)", crate::words::receipt(&leaf))
            });
            let what = format!("You already joined{receipt}.");
            return Ok(Some(
                Problem::new(Exit::Already, "JOINED_ALREADY", what)
                    .heading("Joined")
                    .safe("Nothing was sent again.")
                    .next("participant run"),
            ));
        }
        if self.folder.consent()?.is_some() {
            let begun = dates::moment(Time::from_millis(settings.begun), &self.zone);
            self.screen.note(format!("Found an unfinished join from {begun}. Continuing."));
        }
        Ok(None)
    }

    /// Learns of the campaign and verifies it. Says nothing about the person.
    pub(super) fn look(
        &mut self,
        invite: &Invite,
        settings: &Settings,
        journal: &mut Journal,
    ) -> Result<CheckedManifest, Problem> {
        // The person's limits are checked once there is something to decide.
        let anything = Limits {
            known_keyholders_min: 0,
            unnoised: true,
            open_scores: true,
            epsilon_max_milli: u32::MAX,
            ..Limits::default()
        };
        let configuration = self.configuration(invite, Role::Member, anything, settings)?;
        let lines = store::lines(journal)?;
        let mut attendance =
            Attendance::restore(configuration, None::<&Record>, self.folder.clone(), lines)
                .map_err(problems::NotYours)?;
        let files = (&mut *journal, &mut *self.screen);
        self.drive.drive(invite, &mut attendance, files, Until::Idle, &mut |_, _, _| {})?;
        if let Some(problem) = problems::of_phase(&attendance.machine().phase()) {
            return Err(problem);
        }
        attendance.manifest().cloned().ok_or_else(|| {
            Problem::new(Exit::Waiting, "NOT_YET", "The campaign is not ready yet.")
                .heading("Waiting")
                .safe("Nothing about you was sent.")
                .next("Run the same command again later.")
        })
    }

    pub(super) fn show_campaign(&mut self, manifest: &CheckedManifest, invite: &Invite) {
        let shown = Campaign::new(manifest, server(invite), &self.calendar());
        self.screen.event("campaign", &shown, &shown);
    }

    /// Does what is due now.
    fn visit(
        &mut self,
        invite: &Invite,
        settings: &Settings,
        journal: &mut Journal,
    ) -> Result<(), Problem> {
        let mut attendance = self.attendance(invite, settings, store::lines(journal)?)?;
        attendance.order(Order::Consent(campaign_of(invite)?));
        let files = (&mut *journal, &mut *self.screen);
        self.drive.drive(invite, &mut attendance, files, Until::Idle, &mut |_, _, _| {})?;
        self.show_standing(&attendance)?;
        if let Some(problem) = problems::of_phase(&attendance.machine().phase()) {
            return Err(problem);
        }
        self.screen.note(
            "You can close this. Leave participant run running, or come back when it says; participant status asks nobody.",
        );
        Ok(())
    }
}
