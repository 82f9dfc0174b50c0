//! Drives a machine that asks over a [`Link`]: persist, send, receive, wake, and again.
//!
//! What the machine wants kept is durable before what it wants sent leaves. A connection that breaks is made anew after
//! a pause that grows, is drawn at random and has a limit; the machine's requests can be repeated. Time is the
//! coordinator's, which every answer carries. What must not be linked by a connection gets one of its own.

use std::{
    fmt,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use protocol::{
    codec,
    invite::Address,
    messages::Request,
    roles::{Client, Effect, Time},
    wire::{Ask, Exporter, Hello, Unwelcome},
};
use serde::Serialize;
use thiserror::Error;
use tokio::time::sleep;

use crate::{
    Problem, dates,
    journal::{Journal, JournalError},
    quic::{Link, LinkError, connect},
    stop::Stop,
};

/// The first pause before a question is repeated, and the longest one.
const PAUSE_MILLIS: (u64, u64) = (500, 60_000);

/// A connection that has nothing to do for longer is closed, and made anew when there is.
const LINGER_MILLIS: u64 = 20_000;

/// Where to keep what a machine must not forget.
pub trait Keep<R> {
    /// Keeps these records, in order, all of them or none; durable on return.
    ///
    /// # Errors
    /// [`JournalError`]: nothing is sent any more, and the process ends.
    fn keep(&mut self, records: &[R]) -> Result<(), JournalError>;
}

/// Appends each record's canonical bytes.
impl<R: Serialize> Keep<R> for Journal {
    fn keep(&mut self, records: &[R]) -> Result<(), JournalError> {
        self.append(&records.iter().map(codec::encode).collect::<Vec<_>>())
    }
}

/// Watches a machine while it is driven.
pub trait Watch<M> {
    /// After every step: the machine has changed, or may have. A break ends the drive.
    fn step(&mut self, machine: &M, now: Time) -> ControlFlow<()>;

    /// The coordinator cannot be asked; it is asked again in so many milliseconds.
    fn trouble(&mut self, error: &LinkError, again_in_millis: u64);

    /// This machine's clock is so far off, in milliseconds: positive if it is ahead.
    fn skewed(&mut self, ahead_millis: i64);
}

/// How to reach the coordinator, and when to give up.
pub struct Drive<'a> {
    /// As in the invite.
    pub address: &'a Address,
    /// As in the invite.
    pub certificate: &'a [u8; 32],
    /// The greeting of a connection, from what its TLS exporter gives.
    pub hello: &'a dyn Fn(&Exporter) -> Hello,
    /// For a connection to be made, and for one answer.
    pub deadline: Duration,
    /// How long the coordinator may stay unreachable in one go; zero to end at the first failure.
    pub patience: Duration,
    /// If the machine has nothing to do for longer, the drive ends.
    pub horizon_millis: u64,
    /// Ends the drive: the person, or the system.
    pub stop: Stop,
}

impl fmt::Debug for Drive<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drive").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Why a drive ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// [`Watch::step`] said so.
    Watched,
    /// Nothing is to be done until then, which is beyond the horizon; [`Time::MAX`] if never again.
    Asleep(Time),
    /// The person or the system ended it. It goes on when it is started again.
    Stopped,
}

/// Why a drive failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DriveError {
    /// The coordinator was not reached, or may not be asked.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// What must be kept was not.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl From<DriveError> for Problem {
    fn from(error: DriveError) -> Self {
        match error {
            DriveError::Link(error) => error.into(),
            DriveError::Journal(error) => error.into(),
        }
    }
}

impl Drive<'_> {
    /// Drives a machine that was made or restored, from its start.
    ///
    /// # Errors
    /// [`DriveError`].
    pub async fn start<M: Client>(
        &self,
        machine: &mut M,
        keep: &mut impl Keep<M::Record>,
        watch: &mut impl Watch<M>,
    ) -> Result<Ended, DriveError> {
        let mut road = Road::new(self);
        // The coordinator's clock is known first: by its own, a machine might believe that it comes too late.
        match road.reach(watch).await? {
            ControlFlow::Break(ended) => Ok(ended),
            ControlFlow::Continue(()) => {
                let first = machine.start(road.now());
                road.run(machine, first, keep, watch).await
            }
        }
    }

    /// Goes on with what a machine wants after its person has decided something.
    ///
    /// # Errors
    /// [`DriveError`].
    pub async fn go_on<M: Client>(
        &self,
        machine: &mut M,
        first: Vec<Effect<M::Record, Request>>,
        keep: &mut impl Keep<M::Record>,
        watch: &mut impl Watch<M>,
    ) -> Result<Ended, DriveError> {
        Road::new(self).run(machine, first, keep, watch).await
    }
}

/// The way to the coordinator during one drive.
struct Road<'a> {
    drive: &'a Drive<'a>,
    link: Option<Link>,
    /// Of this machine's clock.
    ahead_millis: i64,
    told: Told,
    /// In a row, and since when.
    failures: u32,
    failing: Option<Instant>,
}

/// Whether the person knows that the clock is off.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Yes,
    No,
}

/// What the machine has asked for.
struct Due {
    request: Option<Request>,
    wake: Option<Time>,
}

impl<'a> Road<'a> {
    const fn new(drive: &'a Drive<'a>) -> Self {
        Self { drive, link: None, ahead_millis: 0, told: Told::No, failures: 0, failing: None }
    }

    /// By the coordinator's clock, as far as it is known.
    fn now(&self) -> Time {
        let here = i64::try_from(dates::now().as_millis()).unwrap_or(i64::MAX);
        let there = here.saturating_sub(self.ahead_millis);
        Time::from_millis(u64::try_from(there).unwrap_or(0))
    }

    fn correct<M>(&mut self, there: Time, watch: &mut impl Watch<M>) {
        let millis = |time: Time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        self.ahead_millis = millis(dates::now()).saturating_sub(millis(there));
        if self.told == Told::No && self.ahead_millis.unsigned_abs() > dates::SKEW_MILLIS_MAX {
            self.told = Told::Yes;
            watch.skewed(self.ahead_millis);
        }
    }

    async fn run<M: Client>(
        mut self,
        machine: &mut M,
        first: Vec<Effect<M::Record, Request>>,
        keep: &mut impl Keep<M::Record>,
        watch: &mut impl Watch<M>,
    ) -> Result<Ended, DriveError> {
        let mut due = Due { request: None, wake: None };
        let mut effects = first;
        loop {
            carry_out(effects, &mut due, keep)?;
            if watch.step(machine, self.now()).is_break() {
                return Ok(Ended::Watched);
            }
            if self.drive.stop.is_set() {
                return Ok(Ended::Stopped);
            }
            effects = if let Some(request) = &due.request {
                match self.ask(request, watch).await? {
                    ControlFlow::Break(ended) => return Ok(ended),
                    ControlFlow::Continue(Some(response)) => {
                        due.request = None;
                        machine.receive(self.now(), response)
                    }
                    // The machine may want something else by now.
                    ControlFlow::Continue(None) if due.wake.is_some_and(|at| at <= self.now()) => {
                        machine.wake(self.now())
                    }
                    ControlFlow::Continue(None) => Vec::new(),
                }
            } else {
                let wake = due.wake.take().unwrap_or(Time::MAX);
                match self.sleep_until(wake).await {
                    Some(ended) => return Ok(ended),
                    None => machine.wake(self.now()),
                }
            };
        }
    }

    /// Nothing is due before `wake`.
    async fn sleep_until(&mut self, wake: Time) -> Option<Ended> {
        let left = wake.as_millis().saturating_sub(self.now().as_millis());
        if left > self.drive.horizon_millis {
            return Some(Ended::Asleep(wake));
        }
        if left > LINGER_MILLIS {
            self.link = None;
        }
        self.pause(left).await.then_some(Ended::Stopped)
    }

    /// Whether it was stopped meanwhile.
    async fn pause(&self, millis: u64) -> bool {
        let mut stop = self.drive.stop.clone();
        tokio::select! {
            () = sleep(Duration::from_millis(millis)) => false,
            () = stop.wait() => true,
        }
    }

    /// An answer; nothing after a failure that may pass.
    async fn ask<M>(
        &mut self,
        request: &Request,
        watch: &mut impl Watch<M>,
    ) -> Result<ControlFlow<Ended, Option<protocol::messages::Response>>, DriveError> {
        let alone = stands_alone(request);
        if alone {
            self.link = None;
        }
        let mut stop = self.drive.stop.clone();
        let answer = tokio::select! {
            answer = self.exchange(request) => answer,
            () = stop.wait() => return Ok(ControlFlow::Break(Ended::Stopped)),
        };
        match answer {
            Ok((there, response)) => {
                self.failures = 0;
                self.failing = None;
                self.correct(there, watch);
                if alone {
                    self.link = None;
                }
                Ok(ControlFlow::Continue(Some(response)))
            }
            Err(error) => match self.failed(error, watch).await? {
                ControlFlow::Break(ended) => Ok(ControlFlow::Break(ended)),
                ControlFlow::Continue(()) => Ok(ControlFlow::Continue(None)),
            },
        }
    }

    async fn exchange(
        &mut self,
        request: &Request,
    ) -> Result<(Time, protocol::messages::Response), LinkError> {
        let ask = Ask { request: request.clone() };
        let deadline = self.drive.deadline;
        let reply = self.linked().await?.ask(&ask, deadline).await?;
        Ok((reply.now, reply.response))
    }

    async fn linked(&mut self) -> Result<&Link, LinkError> {
        let link = if let Some(link) = self.link.take().filter(Link::is_open) {
            link
        } else {
            let Drive { address, certificate, deadline, hello, .. } = *self.drive;
            connect(address, certificate, deadline, hello).await?
        };
        Ok(self.link.insert(link))
    }

    /// A connection, and the coordinator's clock.
    async fn reach<M>(
        &mut self,
        watch: &mut impl Watch<M>,
    ) -> Result<ControlFlow<Ended>, DriveError> {
        loop {
            let mut stop = self.drive.stop.clone();
            let reached = tokio::select! {
                linked = self.linked() => linked.map(Link::greeted),
                () = stop.wait() => return Ok(ControlFlow::Break(Ended::Stopped)),
            };
            match reached {
                Ok(there) => {
                    self.correct(there, watch);
                    return Ok(ControlFlow::Continue(()));
                }
                Err(error) => {
                    if let ControlFlow::Break(ended) = self.failed(error, watch).await? {
                        return Ok(ControlFlow::Break(ended));
                    }
                }
            }
        }
    }

    /// Waits before the next attempt, or gives up.
    async fn failed<M>(
        &mut self,
        error: LinkError,
        watch: &mut impl Watch<M>,
    ) -> Result<ControlFlow<Ended>, DriveError> {
        self.link = None;
        let since = *self.failing.get_or_insert_with(Instant::now);
        if !error.is_transient() || since.elapsed() >= self.drive.patience {
            return Err(error.into());
        }
        let pause = match error {
            LinkError::Unwelcome(Unwelcome::Busy { until }) => {
                let left = until.as_millis().saturating_sub(self.now().as_millis());
                left.min(PAUSE_MILLIS.1) + jittered(PAUSE_MILLIS.0)
            }
            _ => jittered(longest(self.failures)),
        };
        self.failures += 1;
        watch.trouble(&error, pause);
        let stopped = self.pause(pause).await;
        Ok(if stopped { ControlFlow::Break(Ended::Stopped) } else { ControlFlow::Continue(()) })
    }
}

/// Keeps what is to be kept before what is to be sent can be; both are in this order in the machine's list.
fn carry_out<R>(
    effects: Vec<Effect<R, Request>>,
    due: &mut Due,
    keep: &mut impl Keep<R>,
) -> Result<(), JournalError> {
    let mut records = Vec::new();
    for effect in effects {
        match effect {
            Effect::Persist(record) => records.push(record),
            Effect::Send(request) => due.request = Some(request),
            Effect::Wake(at) => due.wake = Some(at),
        }
    }
    if records.is_empty() { Ok(()) } else { keep.keep(&records) }
}

/// Whether a request has a connection to itself: whoever sees both must not link the invite with the key.
const fn stands_alone(request: &Request) -> bool {
    match request {
        Request::Issue { .. } | Request::Enrol(_) => true,
        Request::Follow { .. }
        | Request::Post(_)
        | Request::Frozen { .. }
        | Request::Verifier(_)
        | Request::Verdicts { .. }
        | Request::Campaign
        | Request::Opening(_)
        | Request::Report { .. }
        | Request::Withdraw(_)
        | Request::Outcome { .. } => false,
    }
}

/// The longest pause after so many failures in a row.
fn longest(failures: u32) -> u64 {
    let (first, most) = PAUSE_MILLIS;
    first.saturating_mul(1_u64.checked_shl(failures).unwrap_or(u64::MAX)).min(most)
}

/// Between half of it and all of it, at random: many callers that were cut off together do not return together.
fn jittered(millis: u64) -> u64 {
    let roll = getrandom::u64().unwrap_or(u64::MAX) % (millis / 2 + 1);
    millis - roll
}

#[cfg(test)]
mod tests;
