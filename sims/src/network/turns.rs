//! What happens at one point in time: a node's input and the effects it asks for.

use std::convert::Infallible;

use protocol::roles::{Effect, Time};

use super::queue::{Due, Parcel};
use super::{
    Body, Chances, Client, ClientId, CrashCause, Entry, Event, LossCause, Message, Moment, Node,
    Parties, START, Server, Simulation, State, Turn, Violation, Way,
};

/// A run and whoever watches it.
pub(super) struct Run<'a, P: Parties, V> {
    pub(super) simulation: &'a mut Simulation<P>,
    pub(super) observe: &'a mut dyn FnMut(&Moment<'_, P>) -> Result<(), V>,
}

/// Where in a list of effects a node crashes by chance, if it does: before the effect of this number.
struct Fate(Option<usize>);

impl<P: Parties, V> Run<'_, P, V> {
    pub(super) fn happen(&mut self, due: Due) -> Result<(), Violation<V>> {
        match due {
            Due::Start(node) => self.start(node),
            Due::Wake(node, _) => self.wake(node),
            Due::Arrive(place) => self.arrive(place),
            Due::Leave(client) => {
                if self.simulation.world.state(Node::Client(client)) == State::Left {
                    return Ok(());
                }
                self.simulation.world.unplug(Node::Client(client), State::Left);
                self.tell(Event::Left { client }, Body::None)
            }
            Due::Step(number) => {
                let step = self.simulation.setting.faults.clock_steps[number];
                let status = self.simulation.world.status_mut(Node::Client(step.client));
                status.skew_millis = status.skew_millis.saturating_add(step.by_millis);
                let (client, by_millis) = (step.client, step.by_millis);
                self.tell(Event::ClockStepped { client, by_millis }, Body::None)
            }
        }
    }

    fn start(&mut self, node: Node) -> Result<(), Violation<V>> {
        let event = match self.simulation.world.state(node) {
            State::Waiting => Event::Started { node },
            State::Down => Event::Restarted { node },
            State::Up | State::Left => return Ok(()),
        };
        let Simulation { world, parties, .. } = &mut *self.simulation;
        match node {
            Node::Server => {
                let station = &mut world.server;
                station.machine = Some(parties.server(station.journal.records()));
            }
            Node::Client(id) => {
                let station = &mut world.clients[id.index()];
                station.machine = Some(parties.client(id, station.journal.records()));
            }
        }
        world.status_mut(node).state = State::Up;
        self.tell(event, Body::None)?;
        match node {
            Node::Server => self.server_turn(None, |machine, now| silent(machine.start(now))),
            Node::Client(id) => self.client_turn(id, Client::start),
        }
    }

    fn wake(&mut self, node: Node) -> Result<(), Violation<V>> {
        self.simulation.world.status_mut(node).timer += 1;
        self.tell(Event::Woke { node }, Body::None)?;
        match node {
            Node::Server => self.server_turn(None, |machine, now| silent(machine.wake(now))),
            Node::Client(id) => self.client_turn(id, Client::wake),
        }
    }

    fn arrive(&mut self, place: usize) -> Result<(), Violation<V>> {
        let (message, parcel) = self.simulation.queue.open(place);
        let client = message.client;
        let receiver = match parcel {
            Parcel::Request(_) => Node::Server,
            Parcel::Response(_) => Node::Client(client),
        };
        if self.cut(client) {
            return self.lose(message, LossCause::Partition);
        }
        if self.simulation.world.state(receiver) != State::Up {
            return self.lose(message, LossCause::NotUp);
        }
        self.tell(Event::Delivered(message), body(&parcel))?;
        match parcel {
            Parcel::Request(request) => {
                self.server_turn(Some(client), |machine, now| machine.handle(now, client, request))
            }
            Parcel::Response(response) => {
                self.client_turn(client, |machine, now| machine.receive(now, response))
            }
        }
    }

    /// Gives a client that is up one input, and does what it wants done.
    fn client_turn(
        &mut self,
        id: ClientId,
        input: impl FnOnce(&mut P::Client, Time) -> Vec<Effect<P::ClientRecord, P::Request>>,
    ) -> Result<(), Violation<V>> {
        let (node, now) = (Node::Client(id), self.simulation.now);
        let station = &mut self.simulation.world.clients[id.index()];
        let Some(machine) = station.machine.as_mut() else { return Ok(()) };
        let effects = input(machine, station.status.local(now));
        let fate = self.fate(effects.len(), |chances| chances.client_crash);
        for (number, effect) in effects.into_iter().enumerate() {
            if fate.0 == Some(number) {
                return self.crash(node, CrashCause::Chance);
            }
            match effect {
                Effect::Persist(record) => {
                    if self.write_fails(node) {
                        return self.fail_write(node);
                    }
                    let records = self.simulation.world.clients[id.index()].journal.append(record);
                    self.tell(Event::Persisted { node, records }, Body::None)?;
                }
                Effect::Send(request) => self.send(id, Parcel::Request(request))?,
                Effect::Wake(at) => self.set_timer(node, at),
            }
            if self.planned_crash(node) {
                return self.crash(node, CrashCause::Planned);
            }
        }
        self.settle(node, &fate)
    }

    /// Gives the server, if it is up, one input, and does what it wants done.
    fn server_turn(
        &mut self,
        asker: Option<ClientId>,
        input: impl FnOnce(&mut P::Server, Time) -> Turn<P::ServerRecord, P::Response>,
    ) -> Result<(), Violation<V>> {
        let (node, now) = (Node::Server, self.simulation.now);
        let Some(machine) = self.simulation.world.server.machine.as_mut() else { return Ok(()) };
        let Turn { records, wake, response } = input(machine, now);
        let count = records.len() + usize::from(wake.is_some()) + usize::from(response.is_some());
        let fate = self.fate(count, |chances| chances.server_crash);
        let effects = records
            .into_iter()
            .map(Effect::Persist)
            .chain(wake.map(Effect::Wake))
            .chain(response.map(Effect::Send));
        for (number, effect) in effects.enumerate() {
            if fate.0 == Some(number) {
                return self.crash(node, CrashCause::Chance);
            }
            match (effect, asker) {
                (Effect::Persist(record), _) => {
                    if self.write_fails(node) {
                        return self.fail_write(node);
                    }
                    let records = self.simulation.world.server.journal.append(record);
                    self.tell(Event::Persisted { node, records }, Body::None)?;
                }
                (Effect::Wake(at), _) => self.set_timer(node, at),
                (Effect::Send(response), Some(id)) => self.send(id, Parcel::Response(response))?,
                (Effect::Send(_), None) => unreachable!("only `handle` can make a response"),
            }
            if self.planned_crash(node) {
                return self.crash(node, CrashCause::Planned);
            }
        }
        self.settle(node, &fate)
    }

    fn settle(&mut self, node: Node, fate: &Fate) -> Result<(), Violation<V>> {
        if fate.0.is_some() {
            return self.crash(node, CrashCause::Chance);
        }
        self.tell(Event::Settled { node }, Body::None)
    }

    fn send(
        &mut self,
        client: ClientId,
        mut parcel: Parcel<P::Request, P::Response>,
    ) -> Result<(), Violation<V>> {
        self.simulation.messages += 1;
        let parties = &self.simulation.parties;
        let (way, label) = match &parcel {
            Parcel::Request(request) => (Way::Request, parties.request_label(request)),
            Parcel::Response(response) => (Way::Response, parties.response_label(response)),
        };
        let message = Message { number: self.simulation.messages, client, way, label };
        self.tell(Event::Sent(message), body(&parcel))?;
        if let Parcel::Request(request) = &parcel
            && self.chance(Chance::Tampering)
        {
            let roll = self.simulation.streams.tampering.bits();
            if let Some(garbled) = self.simulation.parties.tamper(request, roll) {
                parcel = Parcel::Request(garbled);
                self.tell(Event::Tampered(message), body(&parcel))?;
            }
        }
        self.route(message, parcel)
    }

    fn route(
        &mut self,
        message: Message,
        parcel: Parcel<P::Request, P::Response>,
    ) -> Result<(), Violation<V>> {
        if self.cut(message.client) {
            return self.lose(message, LossCause::Partition);
        }
        if self.chance(Chance::Duplication) {
            let copy = match &parcel {
                Parcel::Request(request) => Parcel::Request(request.clone()),
                Parcel::Response(response) => Parcel::Response(response.clone()),
            };
            self.tell(Event::Duplicated(message), Body::None)?;
            let faults = &self.simulation.setting.faults;
            let later = self.simulation.streams.delay.within(faults.copy_delay);
            self.post(message, copy, later);
        }
        if self.simulation.setting.faults.lost.contains(&message.number) {
            return self.lose(message, LossCause::Planned);
        }
        if self.chance(Chance::Loss(message.way)) {
            return self.lose(message, LossCause::Chance);
        }
        self.post(message, parcel, 0);
        Ok(())
    }

    fn post(&mut self, message: Message, parcel: Parcel<P::Request, P::Response>, later: u64) {
        let Simulation { queue, streams, setting, now, .. } = &mut *self.simulation;
        let delay = streams.delay.within(setting.faults.delay);
        queue.post(now.after_millis(delay).after_millis(later), message, parcel);
    }

    fn lose(&mut self, message: Message, cause: LossCause) -> Result<(), Violation<V>> {
        self.tell(Event::Lost { message, cause }, Body::None)
    }

    fn fail_write(&mut self, node: Node) -> Result<(), Violation<V>> {
        self.tell(Event::WriteFailed { node }, Body::None)?;
        self.crash(node, CrashCause::Write)
    }

    fn crash(&mut self, node: Node, cause: CrashCause) -> Result<(), Violation<V>> {
        let Simulation { world, queue, streams, setting, now, .. } = &mut *self.simulation;
        world.unplug(node, State::Down);
        let downtime = streams.crash.within(setting.faults.downtime);
        queue.push(now.after_millis(downtime), Due::Start(node));
        self.tell(Event::Crashed { node, cause }, Body::None)
    }

    /// Counts an effect as done; true if the node is to crash right after it.
    fn planned_crash(&mut self, node: Node) -> bool {
        let status = self.simulation.world.status_mut(node);
        status.effects += 1;
        status.crashes.contains(&status.effects)
    }

    fn write_fails(&mut self, node: Node) -> bool {
        self.simulation.world.begin_write(node) || self.chance(Chance::Write)
    }

    /// Sets the timer by the node's own clock; a time that has passed is now.
    fn set_timer(&mut self, node: Node, local: Time) {
        let Simulation { world, queue, now, .. } = &mut *self.simulation;
        let status = world.status_mut(node);
        status.timer += 1;
        if local < Time::MAX {
            queue.push(status.true_time(local).max(*now), Due::Wake(node, status.timer));
        }
    }

    fn cut(&self, client: ClientId) -> bool {
        let now = self.simulation.now;
        self.simulation.cuts.iter().any(|cut| cut.holds(client, now))
    }

    /// Draws whether, and where in `count` effects, a node crashes by chance.
    fn fate(&mut self, count: usize, chance: fn(&Chances) -> f64) -> Fate {
        let probability =
            if self.calm() { 0.0 } else { chance(&self.simulation.setting.faults.chances) };
        let stream = &mut self.simulation.streams.crash;
        if !stream.happens(probability) {
            return Fate(None);
        }
        let number = stream.up_to(u64::try_from(count).expect("a list's length"));
        Fate(Some(usize::try_from(number).expect("at most a list's length")))
    }

    fn chance(&mut self, chance: Chance) -> bool {
        if self.calm() {
            return false;
        }
        let Simulation { streams, setting, .. } = &mut *self.simulation;
        let chances = &setting.faults.chances;
        match chance {
            Chance::Loss(Way::Request) => streams.loss.happens(chances.request_loss),
            Chance::Loss(Way::Response) => streams.loss.happens(chances.response_loss),
            Chance::Duplication => streams.duplication.happens(chances.duplication),
            Chance::Tampering => streams.tampering.happens(chances.tampering),
            Chance::Write => streams.write.happens(chances.failed_write),
        }
    }

    fn calm(&self) -> bool {
        let from = self.simulation.setting.faults.calm_from_millis;
        from.is_some_and(|millis| self.simulation.now >= START.after_millis(millis))
    }

    fn tell(&mut self, event: Event, body: Body<'_, P>) -> Result<(), Violation<V>> {
        let Simulation { events, log, now, world, seed, .. } = &mut *self.simulation;
        *events += 1;
        let at = *now;
        if let Some(log) = log {
            log.push(Entry { at, event });
        }
        let seen = (self.observe)(&Moment { at, event, body, world });
        seen.map_err(|violation| Violation { seed: *seed, number: *events, at, event, violation })
    }
}

/// What may happen to one message or write.
#[derive(Clone, Copy)]
enum Chance {
    Loss(Way),
    Duplication,
    Tampering,
    Write,
}

fn body<P: Parties>(parcel: &Parcel<P::Request, P::Response>) -> Body<'_, P> {
    match parcel {
        Parcel::Request(request) => Body::Request(request),
        Parcel::Response(response) => Body::Response(response),
    }
}

/// A turn that cannot answer, as one that does not.
fn silent<Record, Response>(turn: Turn<Record, Infallible>) -> Turn<Record, Response> {
    Turn {
        records: turn.records,
        wake: turn.wake,
        response: turn.response.map(|never| match never {}),
    }
}
