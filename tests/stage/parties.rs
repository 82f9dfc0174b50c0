//! What the parties of every staged campaign do alike, from the plan to the first codes.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{Ended, Running, Stage};
use crate::people::Subject;

/// A keyholder.
#[derive(Debug)]
pub struct Seated {
    /// How it has taken its seat.
    pub joined: Ended,
    /// Its machine, which is left running.
    pub running: Running,
}

impl Stage {
    /// The coordinator's program, which listens; `linger` after the campaign it ends by itself.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn run_coordinator(&self, linger: &str, within: Duration) -> Result<Running> {
        let mut run = self.coordinator(&["run", "--linger", linger, "--json"]);
        let mut running = self.start(&mut run)?;
        running.event(within, |event| event["event"] == "listening")?;
        Ok(running)
    }

    /// Makes the codes of the keyholders, and says how many.
    ///
    /// # Errors
    /// If there is no plan.
    pub fn appoint(&self, within: Duration) -> Result<usize> {
        let mut invite = self.coordinator(&["invite", "--keyholder", "--out", "keyholders"]);
        self.done(&mut invite, within)?;
        self.hand_out("keyholders", "keyholder")
    }

    /// So many keyholders bring keys, compare and endorse, by seat. Needs a coordinator that listens.
    ///
    /// # Errors
    /// If anybody fails.
    pub fn ceremony(&self, seats: usize, within: Duration) -> Result<Vec<Seated>> {
        let join = |seat: usize| {
            let (state, code) = (format!("seat-{seat}"), format!("keyholder-{seat}.code"));
            let join =
                ["keyhold", "join", "--code-file", &code, "--accept", "--fingerprints-match"];
            Ok((self.start(&mut self.participant(&state, &join))?, state))
        };
        let joining: Result<Vec<_>> = (1..=seats).map(join).collect();
        let seated = joining?.into_iter().map(|(joining, state)| {
            let joined = joining.end(within)?;
            ensure!(joined.code == Some(0), "{state}: {}", joined.all());
            let run = ["keyhold", "run", "--json"];
            Ok(Seated { joined, running: self.start(&mut self.participant(&state, &run))? })
        });
        seated.collect()
    }

    /// Invites these people as soon as there is a campaign, whose id it gives. Of `person-N`, counted from 1, there are then
    /// `person-N.code` and `person-N.csv`.
    ///
    /// # Errors
    /// If there comes no campaign.
    pub fn invite(
        &self,
        watch: &mut Running,
        people: &[Subject],
        within: Duration,
    ) -> Result<String> {
        let ready = watch.event(within, |status: &Value| status["campaign"].is_string())?;
        let count = people.len().to_string();
        let mut invite = self.coordinator(&["invite", "--count", &count, "--out", "people"]);
        self.done(&mut invite, within)?;
        ensure!(self.hand_out("people", "person")? == people.len(), "a code for each");
        for (number, person) in (1..).zip(people) {
            fs::write(self.path(format!("person-{number}.csv")), person.to_csv())?;
        }
        ready["campaign"].as_str().map(str::to_owned).context("it is a text")
    }
}
