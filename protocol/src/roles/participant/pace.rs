//! When to ask for what: one request at a time, at bounded, growing intervals.
//!
//! The clock only paces. Whether something is too late is the coordinator's to say, and a clock that is set back
//! or forth delays a request by no more than the greatest interval.

use crate::{ids::AggregationId, roles::Time};
use std::collections::{BTreeMap, BTreeSet};

/// How often a request is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How long to wait for an answer at first, and at least before asking again, in milliseconds.
    pub first_millis: u64,
    /// The longest wait, whatever the coordinator says, in milliseconds.
    pub max_millis: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { first_millis: 2_000, max_millis: 600_000 }
    }
}

impl Retry {
    const fn first(self) -> u64 {
        if self.first_millis == 0 { 1 } else { self.first_millis }
    }

    fn max(self) -> u64 {
        self.max_millis.max(self.first())
    }

    fn interval(self, silences: u32) -> u64 {
        let factor = 1_u64.checked_shl(silences).unwrap_or(u64::MAX);
        self.first().saturating_mul(factor).min(self.max())
    }

    /// Whether `time` has come, or cannot have been set by this clock.
    fn is_due(self, now: Time, time: Time) -> bool {
        time <= now || time > now.after_millis(self.max())
    }
}

/// What is to be asked, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    Campaign,
    Issue,
    Enrol,
    Withdraw(AggregationId),
    Report(AggregationId),
    Opening(AggregationId),
    Outcome(AggregationId),
}

impl Task {
    /// The aggregation it is about.
    pub(super) const fn aggregation(self) -> Option<AggregationId> {
        match self {
            Self::Campaign | Self::Issue | Self::Enrol => None,
            Self::Withdraw(id) | Self::Report(id) | Self::Opening(id) | Self::Outcome(id) => {
                Some(id)
            }
        }
    }
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Ask(Task, Time),
    WakeAt(Time),
    Nothing,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    next: Time,
    silences: u32,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    task: Task,
    deadline: Time,
    repeated: bool,
}

/// Decides when to ask for what.
#[derive(Clone, Debug)]
pub(super) struct Pacer {
    retry: Retry,
    paces: BTreeMap<Task, Pace>,
    pending: Option<Pending>,
    /// Until then, a refusal may be the answer to an earlier copy of another request.
    ambiguous_until: Time,
}

impl Pacer {
    pub(super) const fn new(retry: Retry) -> Self {
        Self { retry, paces: BTreeMap::new(), pending: None, ambiguous_until: Time::from_millis(0) }
    }

    /// What was asked and not answered yet.
    pub(super) fn pending(&self) -> Option<Task> {
        self.pending.map(|pending| pending.task)
    }

    /// Whether a refusal could be meant for something else than what was asked last: refusals do not name what
    /// they refuse, and an earlier request was sent more often than it was answered.
    pub(super) fn is_ambiguous(&self, now: Time) -> bool {
        now < self.ambiguous_until
    }

    /// Chooses among what is wanted. The same request is repeated until it is answered or no longer wanted.
    pub(super) fn next(&mut self, now: Time, wanted: &BTreeSet<Task>) -> Next {
        self.paces.retain(|task, _| wanted.contains(task));
        match self.pending {
            Some(Pending { task, .. }) if !wanted.contains(&task) => self.forget(now),
            Some(Pending { deadline, .. }) if !self.retry.is_due(now, deadline) => {
                return Next::WakeAt(deadline);
            }
            Some(Pending { task, .. }) => {
                let pace = self.paces.entry(task).or_default();
                pace.silences = pace.silences.saturating_add(1);
                return self.ask(now, task);
            }
            None => {}
        }
        let next = |task: &Task| self.paces.get(task).map_or(now, |pace| pace.next);
        if let Some(task) = wanted.iter().find(|task| self.retry.is_due(now, next(task))) {
            return self.ask(now, *task);
        }
        wanted.iter().map(next).min().map_or(Next::Nothing, Next::WakeAt)
    }

    fn ask(&mut self, now: Time, task: Task) -> Next {
        let pace = self.paces.entry(task).or_default();
        let deadline = now.after_millis(self.retry.interval(pace.silences));
        let repeated = self.pending.is_some();
        self.pending = Some(Pending { task, deadline, repeated });
        Next::Ask(task, deadline)
    }

    /// It was answered; if it is still wanted, ask again at `at`, within bounds.
    pub(super) fn answered(&mut self, now: Time, at: Time) {
        let Some(Pending { task, repeated, .. }) = self.pending.take() else { return };
        if repeated {
            self.ambiguous_until = now.after_millis(self.retry.first());
        }
        let earliest = now.after_millis(self.retry.first());
        let latest = now.after_millis(self.retry.max());
        self.paces.insert(task, Pace { next: at.clamp(earliest, latest), silences: 0 });
    }

    /// It was refused; if it is still wanted, ask again, but ever less often.
    pub(super) fn refused(&mut self, now: Time) {
        let Some(task) = self.pending() else { return };
        let silences = self.paces.get(&task).map_or(0, |pace| pace.silences);
        self.answered(now, now.after_millis(self.retry.interval(silences)));
        if let Some(pace) = self.paces.get_mut(&task) {
            pace.silences = silences.saturating_add(1);
        }
    }

    /// It was not sent, or is not wanted any more.
    pub(super) fn forget(&mut self, now: Time) {
        if self.pending.take().is_some() {
            self.ambiguous_until = now.after_millis(self.retry.first());
        }
    }
}
