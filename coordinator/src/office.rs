//! The protocol's machine on a thread of its own, its journal, and the people who ask it.
//!
//! Questions that come together are answered together: one transaction of the journal for all of them, then their answers.
//! Nothing is answered before what it depends on is durable, so that an end at any moment loses nothing. The network
//! has its own thread; verification does not hold it up.

mod desk;

pub use desk::{Desk, Front, Job};

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use host::{Problem, dates, drive::Keep, files, journal::JournalError};
use protocol::{
    keys::seat::Seat,
    messages::{Peer, Request, Response},
    roles::{
        Server as _, Time,
        coordinator::{Coordinator, Phase, Record},
    },
    transcript::file,
};

use crate::{invites::Book, state::State, status::Status};

/// Questions of one transaction.
const BATCH_MAX: usize = 256;

/// How often new invites are looked for and the status is written.
const ROUND_MILLIS: u64 = 1_000;

/// The machine with its journal.
#[derive(Debug)]
pub struct Office<K> {
    machine: Coordinator,
    keep: K,
    /// Never goes back, whatever the clock does.
    now: Time,
    wake: Time,
    /// When each keyholder last asked.
    seen: BTreeMap<Seat, Time>,
}

impl<K: Keep<Record>> Office<K> {
    /// A machine that was made or restored, at `now`.
    ///
    /// # Errors
    /// [`JournalError`]: what is due at once was not kept.
    pub fn new(mut machine: Coordinator, keep: K, now: Time) -> Result<Self, JournalError> {
        machine.resume(now);
        let mut office = Self { machine, keep, now, wake: now, seen: BTreeMap::new() };
        office.turn(now, Vec::new())?;
        Ok(office)
    }

    /// Answers these questions, in order, after everything they depend on is durable.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was answered, and the process must end.
    pub fn turn(
        &mut self,
        now: Time,
        questions: Vec<(Peer, Request)>,
    ) -> Result<Vec<Response>, JournalError> {
        self.now = self.now.max(now);
        let now = self.now;
        let mut records = Vec::new();
        let mut responses = Vec::with_capacity(questions.len());
        for (peer, request) in questions {
            if let Peer::Keyholder(seat) = peer {
                self.seen.insert(seat, now);
            }
            let answer = self.machine.handle(now, peer, request);
            records.extend(answer.records);
            responses.push(answer.response);
        }
        let (more, wake) = self.machine.wake(now);
        records.extend(more);
        self.wake = wake;
        if !records.is_empty() {
            self.keep.keep(&records)?;
        }
        Ok(responses)
    }

    /// The machine.
    pub const fn machine(&self) -> &Coordinator {
        &self.machine
    }

    /// When it has something to do, asked or not.
    pub const fn due(&self) -> Time {
        self.wake
    }

    /// When each keyholder last asked.
    pub const fn seen(&self) -> &BTreeMap<Seat, Time> {
        &self.seen
    }
}

/// Everything that the office's thread works with.
#[derive(Debug)]
pub struct Hours<K> {
    /// The machine.
    pub office: Office<K>,
    /// Who is invited.
    pub book: Book,
    /// Where things are.
    pub state: State,
    /// What the network and the screen see.
    pub front: Arc<Front>,
}

impl<K: Keep<Record>> Hours<K> {
    /// Answers until nobody can ask any more.
    ///
    /// # Errors
    /// If something cannot be kept: then nothing was answered, and the process must end.
    pub fn serve(mut self, questions: &Receiver<Job>) -> Result<(), Problem> {
        let mut round = dates::now();
        let mut written = 0;
        self.look_around()?;
        loop {
            let now = dates::now();
            let until = self.office.wake.min(round);
            let wait = until.as_millis().saturating_sub(now.as_millis());
            let jobs = match questions.recv_timeout(Duration::from_millis(wait)) {
                Ok(first) => batch(first, questions),
                Err(RecvTimeoutError::Timeout) => Vec::new(),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            self.answer(jobs)?;
            if dates::now() >= round {
                self.look_around()?;
                round = dates::now().after_millis(ROUND_MILLIS);
                written = self.publish(written)?;
            }
        }
        self.look_around()?;
        self.write_transcript()
    }

    fn answer(&mut self, jobs: Vec<Job>) -> Result<(), Problem> {
        // Whoever is quicker than the next round must not be told that there is no such invite.
        if jobs.iter().any(|job| self.is_stranger(&job.request)) {
            self.admit()?;
        }
        let (questions, replies): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|job| ((job.peer, job.request), job.reply)).unzip();
        let responses = self.office.turn(dates::now(), questions)?;
        for (reply, response) in replies.into_iter().zip(responses) {
            // Whoever has gone meanwhile asks again.
            let _ = reply.send((self.office.now, response));
        }
        self.front.greet_as(self.office.machine());
        Ok(())
    }

    /// Whether it comes with an invite that was not read yet, or does not exist.
    fn is_stranger(&self, request: &Request) -> bool {
        matches!(request, Request::Issue { secret, .. } if !self.book.people.contains_key(&secret.hash()))
    }

    /// Reads new invites.
    fn admit(&mut self) -> Result<(), Problem> {
        let new = self.book.follow(&self.state.invites())?;
        if !new.is_empty() {
            self.office.machine.admit(&new).map_err(|error| Problem::bug(error.to_string()))?;
        }
        self.front.invite(&self.book.keyholders);
        Ok(())
    }

    /// New invites, and the status for everybody to see.
    fn look_around(&mut self) -> Result<(), Problem> {
        self.admit()?;
        let status =
            Status::of(self.office.machine(), self.office.seen(), &self.book, self.office.now);
        files::replace(&self.state.status(), status.to_json().as_bytes(), files::Audience::Owner)?;
        self.front.show(status);
        Ok(())
    }

    /// Writes the transcript whenever another aggregation has ended.
    fn publish(&self, written: usize) -> Result<usize, Problem> {
        let machine = self.office.machine();
        let ended = machine.transcript().plan().enumerated();
        let ended = ended.filter(|(id, _)| machine.phase(*id).is_some_and(Phase::is_end));
        let ended = ended.count();
        if ended != written {
            self.write_transcript()?;
        }
        Ok(ended)
    }

    fn write_transcript(&self) -> Result<(), Problem> {
        let bytes = file::write(self.office.machine().entries());
        Ok(files::replace(&self.state.transcript(), &bytes, files::Audience::Everybody)?)
    }
}

fn batch(first: Job, questions: &Receiver<Job>) -> Vec<Job> {
    let mut jobs = vec![first];
    jobs.extend(questions.try_iter().take(BATCH_MAX - 1));
    jobs
}

#[cfg(test)]
mod tests;
