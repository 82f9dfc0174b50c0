//! One participant against a scripted coordinator: the honest path, restarts, silence, lies, arbitrary answers.

#![allow(clippy::indexing_slicing, reason = "an index out of range fails the test, as it should")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for the one case it is about")]

use super::*;
use crate::{
    aggregation::{Circuit, Measurement},
    campaign::Protection,
    ids::Hash,
    messages::Inclusion,
    report::Receipt,
    selection::unit::Unit,
    transcript::{AbortReason, Endorsed, Post},
};
use light::Document;
use world::{AUDIT, NEIGHBOURS, SELECTION, World, organiser};

mod arbitrary;
mod lies;
mod open;
mod path;
mod world;

const NOBODY: u16 = 0;

/// Always the same cell in every row, or the same score.
#[derive(Clone, Copy, Debug)]
struct Fixed(u16);

impl Measurer for Fixed {
    fn measure(
        &mut self,
        manifest: &CheckedManifest,
        opening: &Opening,
        _: &Outcomes,
    ) -> Result<Option<Measurement>, MeasurerError> {
        let planned = manifest.aggregation(opening.aggregation).ok_or(MeasurerError::Record)?;
        let Circuit::Grid(grid) = &planned.circuit else { return Err(MeasurerError::Record) };
        let cells = vec![self.0; usize::from(grid.rows())];
        Ok(Some(Measurement::Grid(grid.measure(&cells)?)))
    }

    /// [`NOBODY`] is no candidate.
    fn open_score(
        &mut self,
        _: &CheckedManifest,
        _: &Opening,
        _: &Outcomes,
    ) -> Result<Option<Unit>, MeasurerError> {
        Ok((self.0 != NOBODY).then(|| Unit::from_step(u32::from(self.0))))
    }
}

fn configuration(world: &World) -> Configuration {
    Configuration {
        campaign: world.checked.campaign(),
        role: Role::Member,
        key: CampaignKey::from_bytes([42; 32]),
        admission: Admission::Open,
        limits: Limits { clear: true, open: true, ..Limits::default() },
        known: SeatSet::all(1),
        spent: Rho::ZERO,
        retry: Retry { first_millis: 10, max_millis: 1_000 },
        checked: None,
    }
}

/// A participant with its journal, its clock and everything it has sent.
struct Run {
    machine: Participant<Fixed>,
    now: Time,
    wake: Option<Time>,
    journal: Vec<Record>,
    sent: Vec<Request>,
}

impl Run {
    fn new(configuration: Configuration) -> Self {
        Self {
            machine: Participant::new(configuration, Fixed(2)),
            now: Time::from_millis(0),
            wake: None,
            journal: vec![],
            sent: vec![],
        }
    }

    /// Carries effects out; gives what was sent.
    fn take(&mut self, effects: Effects) -> Option<Request> {
        let mut sent = None;
        for effect in effects {
            match effect {
                Effect::Persist(record) => {
                    assert!(sent.is_none(), "durable before it is sent");
                    self.journal.push(record);
                }
                Effect::Send(request) => {
                    assert!(sent.is_none(), "one request at a time");
                    self.sent.push(request.clone());
                    sent = Some(request);
                }
                Effect::Wake(time) => self.wake = Some(time),
            }
        }
        sent
    }

    fn start(&mut self) -> Option<Request> {
        let effects = self.machine.start(self.now);
        self.take(effects)
    }

    fn consent(&mut self) -> Option<Request> {
        let campaign = self.machine.configuration.campaign;
        let effects = self.machine.consent(self.now, campaign);
        self.take(effects)
    }

    fn receive(&mut self, response: Response) -> Option<Request> {
        let effects = self.machine.receive(self.now, response);
        self.take(effects)
    }

    /// Lets the time pass to the next timer.
    fn wake(&mut self) -> Option<Request> {
        self.now = self.wake.take()?;
        let effects = self.machine.wake(self.now);
        self.take(effects)
    }

    /// Goes on until `done`, with answers by `answer`: nothing is silence. Consents when asked to.
    fn until(
        &mut self,
        mut request: Option<Request>,
        mut answer: impl FnMut(&Request) -> Option<Response>,
        done: impl Fn(&Self) -> bool,
    ) {
        for _ in 0..2_000 {
            if done(self) {
                return;
            }
            request = match request.and_then(|request| answer(&request)) {
                Some(response) => self.receive(response),
                None if self.machine.phase() == Phase::AwaitingConsent => self.consent(),
                None => self.wake(),
            };
        }
        panic!("no end: {:?}", self.machine.status());
    }

    /// To the end, against an honest coordinator.
    fn finish(&mut self, world: &mut World) {
        let first = self.start();
        self.until(first, |request| Some(world.answer(request)), Self::is_over);
    }

    /// To the end, with some answers replaced.
    fn lied_to(world: &mut World, lie: impl Fn(&World, &Request) -> Option<Response>) -> Self {
        let mut run = Self::new(configuration(world));
        let first = run.start();
        let answer = |request: &Request| {
            let truth = world.answer(request);
            Some(lie(world, request).unwrap_or(truth))
        };
        run.until(first, answer, Self::is_over);
        run
    }

    fn is_over(&self) -> bool {
        self.machine.phase().is_terminal()
    }

    fn own(&self, id: AggregationId) -> Own {
        self.machine.state.tracks[&id].own.clone()
    }

    /// Stops after `records` records and goes on from the journal.
    fn restart(&self, measurer: Fixed) -> Self {
        let configuration = self.machine.configuration.clone();
        let machine = Participant::restore(configuration, measurer, self.journal.clone());
        Self {
            machine: machine.unwrap(),
            now: self.now,
            wake: None,
            journal: self.journal.clone(),
            sent: self.sent.clone(),
        }
    }
}
