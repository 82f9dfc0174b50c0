//! A keyholder's machine that goes as far as its person has agreed to: it looks, then makes its keys, then, once all
//! fingerprints were compared, endorses the campaign and does its part in every sum.
//!
//! What is held back is only not sent: the machine has it in its journal and sends the same bytes later.

use protocol::{
    ids::SeatSet,
    messages::{Request, Response},
    roles::{
        Client, Effect, Time,
        keyholder::{Fault, Keyholder, Record},
    },
    transcript::{Post, Transcript},
};

/// What the person has agreed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// To read the plan.
    Look,
    /// To bring keys to the ceremony.
    Keys,
    /// To hold the seat: fingerprints were compared.
    All,
}

/// What waits for the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Whether to hold the seat.
    Plan,
    /// Whether all fingerprints are those that were read aloud.
    Fingerprints,
}

type Effects = Vec<Effect<Record, Request>>;

/// One keyholder in one campaign.
pub struct Holder {
    machine: Keyholder,
    permission: Permission,
    pace_millis: u64,
    held: Option<Held>,
    /// The endorsement of the manifest was sent, and answered.
    endorsed: Endorsed,
    /// Looks up whom the person has declared lost.
    losses: Box<dyn Fn() -> SeatSet + Send>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Endorsed {
    No,
    Sent,
    Yes,
}

impl std::fmt::Debug for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Holder")
            .field("permission", &self.permission)
            .field("held", &self.held)
            .finish_non_exhaustive()
    }
}

impl Holder {
    /// `pace_millis` is the machine's; `losses` says whom the person has declared lost so far.
    pub fn new(
        machine: Keyholder,
        permission: Permission,
        pace_millis: u64,
        losses: Box<dyn Fn() -> SeatSet + Send>,
    ) -> Self {
        Self { machine, permission, pace_millis, held: None, endorsed: Endorsed::No, losses }
    }

    /// The machine inside.
    pub const fn machine(&self) -> &Keyholder {
        &self.machine
    }

    /// The transcript, as far as it was followed.
    pub const fn transcript(&self) -> Option<&Transcript> {
        self.machine.transcript()
    }

    /// What waits for the person.
    pub const fn held(&self) -> Option<Held> {
        self.held
    }

    /// Why the machine has stopped, if it has.
    pub const fn fault(&self) -> Option<&Fault> {
        self.machine.fault()
    }

    /// Whether this keyholder has endorsed the campaign and the coordinator has it.
    pub fn has_endorsed(&self) -> bool {
        self.endorsed == Endorsed::Yes || self.transcript().is_some_and(Transcript::has_begun)
    }

    /// The person agrees to more. What was held back is sent at the next wake.
    pub fn permit(&mut self, permission: Permission) {
        self.permission = permission;
        self.held = None;
    }

    /// Holds back what the person has not agreed to.
    fn filter(&mut self, now: Time, effects: Effects) -> Effects {
        let begun = self.transcript().is_some_and(Transcript::has_begun);
        let mut out = Vec::with_capacity(effects.len());
        for effect in effects {
            if let Effect::Send(Request::Post(signed)) = &effect {
                let endorses = matches!(signed.post, Post::Endorse { .. });
                let held = match self.permission {
                    Permission::Look => Some(Held::Plan),
                    Permission::Keys if endorses && !begun => Some(Held::Fingerprints),
                    Permission::Keys | Permission::All => None,
                };
                if held.is_some() {
                    self.held = held;
                    out.push(Effect::Wake(now.after_millis(self.pace_millis)));
                    continue;
                }
                if endorses && !begun {
                    self.endorsed = Endorsed::Sent;
                }
            }
            out.push(effect);
        }
        out
    }

    /// Declares lost whom the person names, where somebody waits for them.
    fn declare(&mut self, now: Time) -> Effects {
        let named = (self.losses)();
        if named.is_empty() {
            return Vec::new();
        }
        let waits = |silent: &SeatSet| silent.iter().any(|seat| named.contains(seat));
        let silent: Vec<_> = self.machine.silent(now);
        let due = silent.into_iter().filter(|(_, silent)| waits(silent));
        due.flat_map(|(id, _)| self.machine.declare_lost(id, named)).collect()
    }
}

impl Client for Holder {
    type Record = Record;

    fn start(&mut self, now: Time) -> Effects {
        let effects = self.machine.start(now);
        self.filter(now, effects)
    }

    fn receive(&mut self, now: Time, response: Response) -> Effects {
        if self.endorsed == Endorsed::Sent && matches!(response, Response::Posted(_)) {
            self.endorsed = Endorsed::Yes;
        }
        let effects = self.machine.receive(now, response);
        self.filter(now, effects)
    }

    fn wake(&mut self, now: Time) -> Effects {
        let mut effects = self.declare(now);
        effects.extend(self.machine.wake(now));
        self.filter(now, effects)
    }
}
