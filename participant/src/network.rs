//! The real way to the coordinator.

use crate::{
    attendance::{Attendance, Statements},
    command::{Drive, Stop, Told, Until, warn_of_clock},
};
use host::{
    Problem, dates,
    drive::{Drive as Road, Ended, Watch},
    journal::Journal,
    quic::LinkError,
    screen::Screen,
    stop,
};
use protocol::{
    exit::Exit,
    invite::{Invite, Target},
    roles::Time,
    wire::Hello,
};
use std::{ops::ControlFlow, time::Duration};
use tokio::runtime::{Builder, Runtime};

/// For a connection to be made, and for one answer.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// How long somebody who waits puts up with a coordinator that cannot be reached.
const PATIENCE: Duration = Duration::from_hours(7 * 24);
/// Nothing due for so long is idle, in milliseconds.
const IDLE_MILLIS: u64 = 10_000;

/// Connections of this process.
#[derive(Debug)]
pub struct Network {
    runtime: Runtime,
    ahead_millis: i64,
}

impl Network {
    /// Nothing is opened yet.
    ///
    /// # Errors
    /// If the system gives no way to wait for connections.
    pub fn new() -> Result<Self, Problem> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| {
            Problem::new(
                Exit::Unreachable,
                "NO_SOCKET",
                format!("Cannot wait for connections: {error}."),
            )
            .safe("Nothing was sent.")
        })?;
        Ok(Self { runtime, ahead_millis: 0 })
    }

    /// Where connections are made.
    pub const fn runtime(&self) -> &Runtime {
        &self.runtime
    }
}

/// Tells what happens on the way, and when to stop.
struct Watcher<'a, 'b, S> {
    screen: &'a mut Screen,
    until: Until,
    told: Told<'b, S>,
    ahead_millis: i64,
}

impl<S: Statements> Watch<Attendance<S>> for Watcher<'_, '_, S> {
    fn step(&mut self, machine: &Attendance<S>, now: Time) -> ControlFlow<()> {
        (self.told)(machine, self.screen, now);
        let over = machine.machine().phase().is_terminal();
        if over || self.until == Until::Left && machine.has_left() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn trouble(&mut self, error: &LinkError, again_in_millis: u64) {
        self.screen.note(format!("{error}; again in {}.", dates::span(again_in_millis.max(1_000))));
    }

    fn skewed(&mut self, ahead_millis: i64) {
        self.ahead_millis = ahead_millis;
        let own = dates::now();
        warn_of_clock(self.screen, own, corrected(own, ahead_millis));
    }
}

/// The coordinator's clock.
fn corrected(own: Time, ahead_millis: i64) -> Time {
    let millis = own.as_millis();
    let apart = ahead_millis.unsigned_abs();
    Time::from_millis(if ahead_millis < 0 {
        millis.saturating_add(apart)
    } else {
        millis.saturating_sub(apart)
    })
}

impl Drive for Network {
    fn drive<S: Statements + Send>(
        &mut self,
        invite: &Invite,
        attendance: &mut Attendance<S>,
        (journal, screen): (&mut Journal, &mut Screen),
        until: Until,
        told: Told<'_, S>,
    ) -> Result<Stop, Problem> {
        let Target::Person(campaign) = invite.target else {
            return Err(Problem::bug("a keyholder's invite was used for a person"));
        };
        let hello = |_: &_| Hello::participant(campaign);
        let mut watcher = Watcher { screen, until, told, ahead_millis: self.ahead_millis };
        let ended = self.runtime.block_on(async {
            let stop = stop::Stop::on_signals().map_err(|error| Problem::bug(error.to_string()))?;
            let (patience, horizon_millis) = match until {
                Until::Over => (PATIENCE, u64::MAX),
                Until::Idle | Until::Left => (Duration::ZERO, IDLE_MILLIS),
            };
            let road = Road {
                address: &invite.address,
                certificate: &invite.certificate,
                hello: &hello,
                deadline: DEADLINE,
                patience,
                horizon_millis,
                stop,
            };
            Ok::<_, Problem>(road.start(attendance, journal, &mut watcher).await?)
        })?;
        self.ahead_millis = watcher.ahead_millis;
        Ok(match ended {
            Ended::Stopped => Stop::Interrupted,
            Ended::Asleep(at) if at < Time::MAX => Stop::Idle,
            Ended::Watched | Ended::Asleep(_) => Stop::Over,
        })
    }

    fn now(&self) -> Time {
        corrected(dates::now(), self.ahead_millis)
    }
}
