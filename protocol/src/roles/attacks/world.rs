//! A campaign in one process: everything sent is on record, and what is on its way can be changed.

use super::{
    Arc, Author, Client, Effect, Entry, FIVE, Hash, Lie, Peer, Post, Reporter, Request, Response,
    Seat, SeatSet, Server, Setup, SignedPost, Sum, Target, Time, Transcript, fixture, keyholder,
};
use crate::{
    aggregation::{Aggregator, noise::Role},
    campaign::CheckedManifest,
    codec,
    ids::AggregationId,
    keys::sign::SigningKey,
    report::Report,
    roles::coordinator::{Configuration, Coordinator, Phase, Record},
};
use fixture::{CELLS, COLLECTING_MILLIS, OPENS, PATIENCE_MILLIS};
use keyholder::{Fault, Keyholder, Slot};
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
};

pub(super) const FIRST: AggregationId = AggregationId(0);

/// When everything of the first aggregation has ended.
pub(super) fn ended() -> Time {
    OPENS.after_millis(COLLECTING_MILLIS + 6 * PATIENCE_MILLIS)
}

pub(super) fn seats(of: impl IntoIterator<Item = u8>) -> SeatSet {
    of.into_iter().map(Seat::new).collect()
}

pub(super) fn configuration(setup: Setup) -> Configuration {
    Configuration { key: fixture::organiser(), secret: [9; 32], gate: setup.gate() }
}

/// The answer to somebody who asks for the entries from `at` on, if `forged` stand from `from` on instead.
pub(super) fn diverted(
    at: u64,
    honest: Vec<Arc<Entry>>,
    from: u64,
    forged: &[Arc<Entry>],
) -> Vec<Arc<Entry>> {
    let before = usize::try_from(from.saturating_sub(at)).unwrap();
    let known = usize::try_from(at.saturating_sub(from)).unwrap();
    if before > honest.len() {
        return honest;
    }
    honest.into_iter().take(before).chain(forged.iter().skip(known).cloned()).collect()
}

type Requests = Box<dyn FnMut(Seat, Request) -> Request>;
type Responses = Box<dyn FnMut(Seat, Response) -> Response>;

/// A keyholder with its journal and the time it wants to be woken.
pub(super) struct Party {
    pub(super) seat: Seat,
    pub(super) machine: Keyholder,
    pub(super) journal: Vec<keyholder::Record>,
    wake: Time,
    pub(super) posts: Vec<SignedPost>,
}

impl Party {
    /// The secret key of its identity, as a corrupt keyholder has it.
    fn identity(&self) -> SigningKey {
        let secrets = self.journal.iter().find_map(|record| match record {
            keyholder::Record::Secrets(secrets) => Some(codec::encode(&**secrets)),
            _ => None,
        });
        SigningKey::from_bytes(secrets.unwrap().first_chunk().unwrap())
    }

    pub(super) const fn fault(&self) -> Option<&Fault> {
        self.machine.fault()
    }

    /// Whatever it has signed so far, in this life and earlier ones: one statement for each purpose.
    pub(super) fn statements(&self) -> BTreeMap<Slot, SignedPost> {
        let mut statements = BTreeMap::new();
        for record in &self.journal {
            if let keyholder::Record::Signed(slot, signed) = record {
                let before = statements.insert(*slot, SignedPost::clone(signed));
                assert_eq!(before, None, "{:?} signed twice for {slot:?}", self.seat);
            }
        }
        statements
    }

    /// Everything it has ever sent is one of its statements, to the byte.
    pub(super) fn assert_consistent(&self) {
        let statements = self.statements();
        for post in &self.posts {
            assert!(statements.values().any(|of| of == post), "{:?}: {post:?}", self.seat);
        }
    }
}

/// One campaign, or one side of a forked one.
pub(super) struct World {
    pub(super) setup: Setup,
    pub(super) now: Time,
    pub(super) coordinator: Coordinator,
    /// The coordinator's.
    pub(super) journal: Vec<Record>,
    pub(super) parties: Vec<Party>,
    pub(super) absent: SeatSet,
    pub(super) sent: Vec<(Peer, Request)>,
    requests: Option<Requests>,
    responses: Option<Responses>,
    /// Checked before each request of a keyholder is answered.
    pub(super) guard: fn(&Transcript, Seat, &Request),
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("now", &self.now).finish_non_exhaustive()
    }
}

impl World {
    pub(super) fn new(setup: Setup) -> Self {
        let plan = setup.plan();
        let now = Time::default();
        let (coordinator, journal) = Coordinator::new(&plan, configuration(setup), now).unwrap();
        let mut world = Self::of(setup, now, coordinator, journal);
        for seat in plan.all_seats().iter() {
            world.join(seat, &fixture::root(seat), vec![]);
        }
        world
    }

    fn of(setup: Setup, now: Time, coordinator: Coordinator, journal: Vec<Record>) -> Self {
        Self {
            setup,
            now,
            coordinator,
            journal,
            parties: vec![],
            absent: SeatSet::EMPTY,
            sent: vec![],
            requests: None,
            responses: None,
            guard: |_, _, _| (),
        }
    }

    /// Another life of the coordinator, from its first `records` records, with the keyholders of `present` from
    /// their journals; nobody else is there.
    pub(super) fn fork(&self, records: usize, present: SeatSet) -> Self {
        let journal = self.journal[..records].to_vec();
        let coordinator =
            Coordinator::restore(&journal, configuration(self.setup), self.now).unwrap();
        let mut fork = Self::of(self.setup, self.now, coordinator, journal);
        for party in self.parties.iter().filter(|party| present.contains(party.seat)) {
            fork.join(party.seat, &fixture::root(party.seat), party.journal.clone());
        }
        fork
    }

    pub(super) fn join(&mut self, seat: Seat, root: &[u8; 32], journal: Vec<keyholder::Record>) {
        let configuration = fixture::keyholder(&self.setup.plan(), seat);
        let machine = Keyholder::restore(configuration, root, &journal);
        let party = Party { seat, machine, journal, wake: self.now, posts: vec![] };
        self.parties.push(party);
    }

    pub(super) fn tamper(&mut self, responses: impl FnMut(Seat, Response) -> Response + 'static) {
        self.responses = Some(Box::new(responses));
    }

    pub(super) fn tamper_requests(
        &mut self,
        requests: impl FnMut(Seat, Request) -> Request + 'static,
    ) {
        self.requests = Some(Box::new(requests));
    }

    pub(super) fn ask(&mut self, from: Peer, request: Request) -> Response {
        self.sent.push((from, request.clone()));
        let answer = self.coordinator.handle(self.now, from, request);
        self.journal.extend(answer.records);
        answer.response
    }

    pub(super) fn tell(&mut self, request: Request) -> Response {
        self.ask(Peer::Participant, request)
    }

    fn relay(&mut self, seat: Seat, request: Request) -> Response {
        (self.guard)(self.coordinator.transcript(), seat, &request);
        let request = match &mut self.requests {
            Some(tamper) => tamper(seat, request),
            None => request,
        };
        let response = self.ask(Peer::Keyholder(seat), request);
        match &mut self.responses {
            Some(tamper) => tamper(seat, response),
            None => response,
        }
    }

    pub(super) fn perform(
        &mut self,
        place: usize,
        effects: Vec<Effect<keyholder::Record, Request>>,
    ) {
        let mut queue = VecDeque::from(effects);
        while let Some(effect) = queue.pop_front() {
            let party = &mut self.parties[place];
            if self.absent.contains(party.seat) {
                return;
            }
            match effect {
                Effect::Persist(record) => party.journal.push(record),
                Effect::Wake(at) => party.wake = at,
                Effect::Send(request) => {
                    if let Request::Post(post) = &request {
                        party.posts.push(SignedPost::clone(post));
                    }
                    let seat = party.seat;
                    let response = self.relay(seat, request);
                    queue.extend(self.parties[place].machine.receive(self.now, response));
                }
            }
        }
    }

    /// Lets everybody act until `end`.
    pub(super) fn run_until(&mut self, end: Time) {
        self.run_while(end, |_| true);
    }

    /// The same, but stops as soon as `more` does not hold any longer.
    pub(super) fn run_while(&mut self, end: Time, more: impl Fn(&Self) -> bool) {
        while more(self) {
            let (records, wake) = self.coordinator.wake(self.now);
            self.journal.extend(records);
            let due = (0..self.parties.len())
                .filter(|place| !self.absent.contains(self.parties[*place].seat))
                .min_by_key(|place| self.parties[*place].wake);
            let at = due.map_or(Time::MAX, |place| self.parties[place].wake);
            let next = at.min(wake);
            if next > end {
                self.now = end;
                return;
            }
            self.now = self.now.max(next);
            if let (Some(place), true) = (due, at <= self.now) {
                self.parties[place].wake = Time::MAX;
                let effects = self.parties[place].machine.wake(self.now);
                self.perform(place, effects);
            }
        }
    }

    pub(super) fn manifest(&self) -> CheckedManifest {
        self.coordinator.transcript().manifest().unwrap().1.clone()
    }

    pub(super) fn sum(&self) -> &Sum {
        self.sum_of(FIRST)
    }

    pub(super) fn sum_of(&self, id: AggregationId) -> &Sum {
        self.coordinator.transcript().sum(id).unwrap()
    }

    pub(super) fn phase(&self) -> Option<Phase> {
        self.coordinator.phase(FIRST)
    }

    /// Through the ceremony, enrolment of `members`, and the first opening.
    pub(super) fn open(setup: Setup, members: u8) -> Self {
        let mut world = Self::new(setup);
        world.run_until(Time::from_millis(50_000));
        let manifest = world.manifest();
        for number in 0..members {
            let enrolment = Reporter::new(number, Role::Member).enrolment(&manifest);
            let response = world.tell(Request::Enrol(Box::new(enrolment)));
            assert!(matches!(response, Response::Enrolled(_)), "{response:?}");
        }
        world.run_until(OPENS.after_millis(20_000));
        assert_eq!(world.phase(), Some(Phase::Collecting));
        world
    }

    /// The same, with a report of each.
    pub(super) fn reported(setup: Setup, members: u8) -> Self {
        let mut world = Self::open(setup, members);
        for number in 0..members {
            let response = world.send(FIRST, world.make(FIRST, number));
            assert!(matches!(response, Response::Receipt { .. }), "{response:?}");
        }
        world
    }

    pub(super) fn make(&self, aggregation: AggregationId, number: u8) -> Report {
        let (manifest, context) = (self.manifest(), self.sum_of(aggregation).context().unwrap());
        let to = Target { manifest: &manifest, aggregation, context };
        let cell = u16::from(number) % CELLS;
        Reporter::new(number, Role::Member).report(&to, 0, cell, Lie::Honest)
    }

    pub(super) fn send(&mut self, aggregation: AggregationId, report: Report) -> Response {
        self.tell(Request::Report { aggregation, report: Arc::new(report) })
    }

    pub(super) fn party(&self, seat: Seat) -> &Party {
        self.parties.iter().find(|party| party.seat == seat).unwrap()
    }

    /// Where the coordinator's record of the first such post is.
    pub(super) fn place_of(&self, wanted: impl Fn(&Post) -> bool) -> usize {
        let is = |record: &Record| match record {
            Record::Entry(entry) => wanted(&entry.signed.post),
            _ => false,
        };
        self.journal.iter().position(is).unwrap()
    }

    /// Signs as a corrupt keyholder.
    pub(super) fn signed_by(&self, seat: Seat, post: Post) -> SignedPost {
        let plan = self.setup.plan().id();
        SignedPost::new(plan, Author::Keyholder(seat), post, &self.party(seat).identity())
    }

    /// Signs as a corrupt coordinator.
    pub(super) fn signed_by_organiser(&self, post: Post) -> SignedPost {
        SignedPost::new(self.setup.plan().id(), Author::Organiser, post, &fixture::organiser())
    }

    /// Nobody has released a share, not even the leader.
    pub(super) fn assert_unopened(&self) {
        let sum = self.sum();
        assert!(sum.outcome().is_none());
        for party in &self.parties {
            assert!(!sum.has_share(Aggregator::Helper(party.seat)), "{:?}", party.seat);
            let share = |slot: &Slot| matches!(slot, Slot::Share(FIRST));
            assert!(!party.statements().keys().any(share), "{:?}", party.seat);
        }
        assert!(!sum.has_share(Aggregator::Leader));
    }

    /// What stands in the transcript, in one hash; and what the coordinator holds besides.
    pub(super) fn state(&self) -> (Hash, usize, usize, usize) {
        let of = &self.coordinator;
        (of.transcript().head(), of.enrolled(), of.reports(FIRST), self.journal.len())
    }
}

#[test]
fn without_an_attack_the_sum_is_opened() {
    let mut world = World::reported(FIVE, 14);
    world.run_until(ended());
    assert_eq!(world.sum().outcome().unwrap().1.accepted, 14);
    for party in &world.parties {
        assert_eq!(party.fault(), None);
        party.assert_consistent();
    }
}
