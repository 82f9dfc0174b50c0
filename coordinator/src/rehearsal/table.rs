//! The machines of a whole campaign at one table: the office, keyholders and people, on virtual time.
//!
//! Nothing is sent and nobody waits: time goes on to the next moment at which somebody has something to do.

use host::{drive::Keep, journal::JournalError};
use protocol::{
    campaign::CheckedManifest,
    keys::seat::Seat,
    messages::{Peer, Request, Response},
    person::Person,
    roles::{
        Client as _, Effect, Time,
        coordinator::Record,
        keyholder::{self, Keyholder},
        participant::{self, Participant, Phase},
    },
};

use crate::office::Office;

/// How soon a keyholder's program asks for what is new.
const PACE_MILLIS: u64 = 5_000;

/// Somebody who asks the office.
pub(crate) struct Guest {
    peer: Peer,
    machine: Machine,
    request: Option<Request>,
    /// When it comes, or has something to do.
    wake: Time,
    begun: bool,
    /// Gone for good, or not back yet.
    away: bool,
}

enum Machine {
    Keyholder(Box<Keyholder>),
    Person(Box<Participant<Person>>),
}

impl Guest {
    /// A keyholder, with what its secrets derive from.
    pub(crate) fn keyholder(configuration: keyholder::Configuration, root: &[u8; 32]) -> Self {
        let seat = configuration.seat;
        let machine = Machine::Keyholder(Box::new(Keyholder::new(configuration, root)));
        Self::new(Peer::Keyholder(seat), machine, Time::default())
    }

    /// A person who comes at this time.
    pub(crate) fn person(
        configuration: participant::Configuration,
        person: Person,
        comes: Time,
    ) -> Self {
        let machine = Machine::Person(Box::new(Participant::new(configuration, person)));
        Self::new(Peer::Participant, machine, comes)
    }

    const fn new(peer: Peer, machine: Machine, wake: Time) -> Self {
        Self { peer, machine, request: None, wake, begun: false, away: false }
    }

    /// The machine of a member or donor.
    pub(crate) fn participant(&self) -> Option<&Participant<Person>> {
        match &self.machine {
            Machine::Person(machine) => Some(machine),
            Machine::Keyholder(_) => None,
        }
    }

    fn take<R>(&mut self, effects: Vec<Effect<R, Request>>) {
        for effect in effects {
            match effect {
                Effect::Persist(_) => {}
                Effect::Send(request) => self.request = Some(request),
                Effect::Wake(at) => self.wake = at,
            }
        }
    }

    fn step(&mut self, now: Time, response: Option<Response>) {
        if response.is_none() {
            // Whoever does not ask to be woken again has nothing more to do.
            self.wake = Time::MAX;
        }
        let begins = !std::mem::replace(&mut self.begun, true);
        match &mut self.machine {
            Machine::Keyholder(machine) => {
                let effects = match response {
                    Some(response) => machine.receive(now, response),
                    None if begins => machine.start(now),
                    None => machine.wake(now),
                };
                self.take(effects);
            }
            Machine::Person(machine) => {
                let mut effects = match response {
                    Some(response) => machine.receive(now, response),
                    None if begins => machine.start(now),
                    None => machine.wake(now),
                };
                // It has read everything and agrees.
                if machine.phase() == Phase::AwaitingConsent
                    && let Some(campaign) = machine.manifest().map(CheckedManifest::campaign)
                {
                    effects.extend(machine.consent(now, campaign));
                }
                self.take(effects);
            }
        }
    }

    fn question(&mut self, now: Time) -> Option<Request> {
        if self.away {
            return None;
        }
        if self.request.is_none() && self.wake <= now {
            self.step(now, None);
        }
        self.request.take()
    }
}

/// Everybody.
pub(crate) struct Table<K> {
    /// The coordinator.
    pub(crate) office: Office<K>,
    /// Who asks it: keyholders first, in the order of their seats.
    pub(crate) guests: Vec<Guest>,
    /// The virtual time.
    pub(crate) now: Time,
}

impl<K: Keep<Record>> Table<K> {
    /// Everybody who has something to ask does, until nobody has more at this time.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was answered; who asked will ask again.
    pub(crate) fn round(&mut self) -> Result<(), JournalError> {
        loop {
            let entries = self.office.machine().entries().len();
            let now = self.now;
            let mut asked = Vec::new();
            let mut questions = Vec::new();
            for (place, guest) in self.guests.iter_mut().enumerate() {
                if let Some(request) = guest.question(now) {
                    asked.push(place);
                    questions.push((guest.peer, request));
                }
            }
            let responses = self.office.turn(now, questions)?;
            for (place, response) in asked.into_iter().zip(responses) {
                if let Some(guest) = self.guests.get_mut(place) {
                    guest.step(now, Some(response));
                }
            }
            if self.office.machine().entries().len() > entries {
                self.tell_keyholders();
            }
            if !self.guests.iter().any(|guest| guest.request.is_some() && !guest.away) {
                return Ok(());
            }
            self.now = now.after_millis(1);
        }
    }

    /// There is something new. Keyholders ask every few seconds; the times they would ask in vain are left out.
    fn tell_keyholders(&mut self) {
        let soon = self.now.after_millis(PACE_MILLIS);
        for guest in &mut self.guests {
            if matches!(guest.machine, Machine::Keyholder(_)) && guest.begun {
                guest.wake = guest.wake.min(soon);
            }
        }
    }

    /// When somebody next has something to do.
    pub(crate) fn next(&self) -> Time {
        let present = self.guests.iter().filter(|guest| !guest.away);
        let first = present.map(|guest| guest.wake).min().unwrap_or(Time::MAX);
        first.min(self.office.due()).max(self.now.after_millis(1))
    }

    /// This keyholder is not heard of any more.
    pub(crate) fn lose(&mut self, seat: Seat) {
        if let Some(guest) = self.guests.get_mut(usize::from(seat.index())) {
            guest.away = true;
        }
    }
}
