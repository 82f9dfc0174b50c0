//! What a person is asked before it agrees: who it knows, what it says of itself, and whether it agrees to what is shown.

use super::{Desk, Drive};
use crate::{
    attendance::Statement,
    cli::Prepared,
    consent::{self, By},
    problems,
    record::{self, Checked, Record},
    screens::preview::Preview,
    store::{Folder, Settings},
};
use host::Problem;
use protocol::{
    aggregation::noise::Role,
    campaign::{CheckedManifest, Kind, limits::Limits},
    exit::Exit,
    ids::SeatSet,
    keys::seat::Seat,
};

impl<D: Drive> Desk<'_, D> {
    /// Asks everything, shows what would leave, and keeps what was agreed to. Nothing is kept without consent.
    pub(super) fn agree(
        &mut self,
        manifest: &CheckedManifest,
        settings: &mut Settings,
        prepared: &Prepared,
    ) -> Result<(), Problem> {
        settings.known = self.known_keyholders(manifest, prepared)?;
        settings.trusts_nobody = prepared.trust_nobody;
        let (record, complies) = self.record(manifest, prepared)?;
        let preview = Preview::new(manifest, record.role, settings.spent, &self.calendar());
        // Noise and open scores are asked about in words of their own.
        let limits = Limits { unnoised: true, open_scores: true, ..Folder::limits(settings, None) };
        limits
            .check(manifest, record.role, settings.known, settings.spent)
            .map_err(problems::refusal)?;
        self.screen.event("preview", &preview, &preview);
        let by = match &prepared.consent_file {
            Some(file) if prepared.yes => By::File(file),
            Some(_) | None => By::Person,
        };
        let campaign = manifest.campaign();
        let consent = consent::ask(self.screen, campaign, &preview, by, self.drive.now())?;
        self.folder.keep_record(&record)?;
        self.folder.keep_statement(Statement { complies, accepted_after: None })?;
        self.folder.keep_settings(settings)?;
        self.folder.keep_consent(&consent)
    }

    /// Which keyholders the person knows and trusts.
    fn known_keyholders(
        &mut self,
        manifest: &CheckedManifest,
        prepared: &Prepared,
    ) -> Result<SeatSet, Problem> {
        if let Some(numbers) = &prepared.know {
            return seats(manifest, numbers);
        }
        if prepared.trust_nobody {
            return Ok(SeatSet::EMPTY);
        }
        let question =
            "Which of the keyholders do you know and trust? Their numbers, or 0 for none:";
        for _ in 0..record::TRIES_MAX {
            let answer = self.screen.ask(question)?;
            let numbers: Result<Vec<u8>, _> =
                answer.split([',', ' ']).filter(|part| !part.is_empty()).map(str::parse).collect();
            match numbers.map(|numbers| seats(manifest, &numbers)) {
                Ok(Ok(known)) if !answer.is_empty() => return Ok(known),
                Ok(Err(problem)) => self.screen.note(format!("  {}", problem.what)),
                Ok(Ok(_)) | Err(_) => self.screen.note("  type numbers from the list above: 1 3"),
            }
        }
        Err(Problem::new(Exit::Usage, "ANSWER", "No keyholder was named.")
            .safe("Nothing was sent."))
    }

    /// The record and, for a member, what it will do if it is asked.
    fn record(
        &mut self,
        manifest: &CheckedManifest,
        prepared: &Prepared,
    ) -> Result<(Record, bool), Problem> {
        let schema = &manifest.scoring.schema;
        let checked = match &prepared.record {
            Some(file) => Some(Checked::new(schema, &record::read(file)?)),
            None => None,
        };
        if let Some(checked) = &checked
            && !checked.problems().is_empty()
        {
            return Err(problems::record(&checked.problems()));
        }
        let said = checked.as_ref();
        let role = if let Some(role) = said.and_then(|of| of.role) {
            role
        } else {
            self.screen.note(format!(
                "Members are of the minority, donors of the majority. The campaign's rule: {}",
                manifest.texts.group_rule
            ));
            record::role(self.screen)?
        };
        let values = match said.and_then(Checked::values) {
            Some(values) => values,
            None => record::typed(schema, self.screen)?,
        };
        let positive = if let Some(positive) = said.and_then(|of| of.positive) {
            positive
        } else {
            let label = &manifest.texts.label;
            let question = format!("Your true label, positive or negative ({label}):");
            record::yes_or_no(&question, self.screen)?
        };
        let audited = manifest.of_kind(Kind::AuditBefore).is_some();
        let accepted = match said.and_then(|of| of.accepted) {
            Some(accepted) => accepted,
            None if !audited => None,
            None => {
                let firm = &manifest.texts.firm;
                let question = format!(
                    "What has {firm} decided about you so far, positive or negative? Enter if you do not know:"
                );
                record::decision(&question, self.screen)?
            }
        };
        let complies = self.complies(manifest, role, said)?;
        Ok((Record { values, role, positive, accepted }, complies))
    }

    /// Every member is asked, whatever its label: the question says nothing about the answer to come.
    fn complies(
        &mut self,
        manifest: &CheckedManifest,
        role: Role,
        said: Option<&Checked>,
    ) -> Result<bool, Problem> {
        match said.and_then(|of| of.if_asked) {
            Some(complies) => Ok(complies),
            None if role == Role::Donor || manifest.of_kind(Kind::Confirmation).is_none() => {
                Ok(false)
            }
            None => {
                let question = "If you should be asked to report the positive label: do you mean to? yes or no; you stay free, and \
                                can say otherwise later:";
                Ok(record::yes_or_no(question, self.screen)?)
            }
        }
    }
}

/// Seats from the numbers that people see; 0 stands for none.
fn seats(manifest: &CheckedManifest, numbers: &[u8]) -> Result<SeatSet, Problem> {
    let most = manifest.seats();
    if let Some(wrong) = numbers.iter().find(|number| **number > most) {
        let what = format!("There is no keyholder {wrong}; allowed: 1 to {most}, or 0 for none.");
        return Err(Problem::new(Exit::Usage, "NO_SUCH_KEYHOLDER", what).safe("Nothing was sent."));
    }
    let seats = numbers.iter().filter_map(|number| number.checked_sub(1)).map(Seat::new);
    Ok(seats.collect())
}
