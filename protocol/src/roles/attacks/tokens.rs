//! Invites and tokens: used twice, guessed, forged, out of time, made with a key of their own, and linked.

use super::*;
use crate::{
    aggregation::{
        Measurement,
        noise::{Rho, Role},
    },
    campaign::{CheckedManifest, limits::Limits},
    codec,
    ids::Blob,
    invite::InviteSecret,
    keys::{
        sign::SigningKey,
        token::{Blinded, IssuerKey},
    },
    messages::Reject,
    person::Outcomes,
    report::Enrolment,
    roles::participant::{
        Admission, CampaignKey, Configuration, Effects, Measurer, MeasurerError, Participant,
        Phase, Record, Retry, light::Alarm,
    },
    selection::unit::Unit,
    transcript::Opening,
};
use fixture::{INVITE_EXPIRES, ISSUE_CLOSES, OPENS, invite};

const INVITED: Setup = Setup { invited: true, ..THREE };

/// When the keyholders have held their ceremony.
const BEGUN: Time = Time::from_millis(50_000);

fn world() -> World {
    let mut world = World::new(INVITED);
    world.run_until(BEGUN);
    world
}

fn refusal(response: Response) -> Reject {
    let Response::Refused(reject) = response else { panic!("not refused: {response:?}") };
    reject
}

/// A record that has nothing to report.
struct Nothing;

impl Measurer for Nothing {
    fn measure(
        &mut self,
        _: &CheckedManifest,
        _: &Opening,
        _: &Outcomes,
    ) -> Result<Option<Measurement>, MeasurerError> {
        Ok(None)
    }

    fn open_score(
        &mut self,
        _: &CheckedManifest,
        _: &Opening,
        _: &Outcomes,
    ) -> Result<Option<Unit>, MeasurerError> {
        Ok(None)
    }
}

/// A real participant, its journal, and all it has sent and heard.
struct Person {
    configuration: Configuration,
    machine: Participant<Nothing>,
    wake: Time,
    journal: Vec<Record>,
    sent: Vec<(Time, Request)>,
    heard: Vec<Response>,
}

type Tamper<'a> = &'a dyn Fn(Response) -> Response;

impl Person {
    fn new(world: &World, key: u8, secret: InviteSecret) -> Self {
        let configuration = Configuration {
            campaign: world.manifest().campaign(),
            role: Role::Member,
            key: CampaignKey::from_bytes([key; 32]),
            admission: Admission::Invited(secret),
            limits: Limits { unnoised: true, ..Limits::default() },
            known: SeatSet::all(1),
            spent: Rho::ZERO,
            retry: Retry { first_millis: 500, max_millis: 5_000 },
            checked: None,
        };
        let machine = Participant::new(configuration.clone(), Nothing);
        let (journal, sent, heard) = (vec![], vec![], vec![]);
        Self { configuration, machine, wake: world.now, journal, sent, heard }
    }

    /// Everybody acts until `end`; the person consents when asked to.
    fn run(&mut self, world: &mut World, end: Time, tamper: Tamper<'_>) {
        while self.wake <= end {
            world.run_until(self.wake.max(world.now));
            self.wake = Time::MAX;
            let mut effects = self.machine.wake(world.now);
            while let Some(request) = self.take(effects) {
                self.sent.push((world.now, request.clone()));
                let response = tamper(world.tell(request));
                self.heard.push(response.clone());
                effects = self.machine.receive(world.now, response);
                if self.machine.phase() == Phase::AwaitingConsent {
                    effects.extend(self.machine.consent(world.now, self.configuration.campaign));
                }
            }
        }
        world.run_until(end);
    }

    fn take(&mut self, effects: Effects) -> Option<Request> {
        let mut sent = None;
        for effect in effects {
            match effect {
                Effect::Persist(record) => self.journal.push(record),
                Effect::Wake(at) => self.wake = at,
                Effect::Send(request) => sent = Some(request),
            }
        }
        sent
    }

    fn honest(&mut self, world: &mut World, end: Time) {
        self.run(world, end, &|response| response);
    }

    /// What it has sent of this kind, as bytes, with the time of the first.
    fn sent_of(&self, of: fn(&Request) -> bool) -> Option<(Time, Vec<u8>)> {
        let (time, request) = self.sent.iter().find(|(_, request)| of(request))?;
        Some((*time, codec::encode(request)))
    }
}

const fn is_issue(request: &Request) -> bool {
    matches!(request, Request::Issue { .. })
}

const fn is_enrol(request: &Request) -> bool {
    matches!(request, Request::Enrol(_))
}

/// Asks for a token as a program that follows no rule would.
fn issue(secret: InviteSecret, key: u8, world: &World) -> Request {
    let person = Person::new(world, key, secret.clone());
    Request::Issue { secret, blinded: blinded(&person) }
}

fn blinded(person: &Person) -> Blinded {
    let mut copy = Participant::new(person.configuration.clone(), Nothing);
    assert!(!copy.start(Time::default()).is_empty());
    let input = crate::report::token_input(person.configuration.campaign, &copy.reporter());
    let mut rng = crate::keys::stream(
        crate::keys::Label::Blinding,
        person.configuration.key.expose(),
        &[b"a test"],
    );
    crate::keys::token::Blinding::new(input, &mut rng).blinded()
}

fn enrolment(world: &World, key: &SigningKey, token: &[u8]) -> Request {
    let campaign = world.manifest().campaign();
    Request::Enrol(Box::new(Enrolment::new(
        campaign,
        key,
        Role::Member,
        Blob::from(token.to_vec()),
    )))
}

#[test]
fn an_invited_person_enrols_with_its_token_at_a_moment_of_its_own() {
    let mut world = world();
    let mut people: Vec<Person> = (0..14).map(|n| Person::new(&world, n, invite(n))).collect();
    for person in &mut people {
        let end = world.now.after_millis(100);
        person.honest(&mut world, end);
        let Phase::Admitted(moment) = person.machine.phase() else {
            panic!("{:?}", person.machine.phase())
        };
        assert!(moment >= ISSUE_CLOSES && moment < Time::from_millis(90_000));
        assert_eq!(person.sent_of(is_enrol), None, "before enrolment opens");
    }
    let end = OPENS.after_millis(20_000);
    people.sort_by_key(|person| person.wake);
    let mut moments = Vec::new();
    for person in &mut people {
        let wake = person.wake;
        person.honest(&mut world, wake);
        let (time, _) = person.sent_of(is_enrol).unwrap();
        moments.push(time);
    }
    world.run_until(end);
    assert_eq!(world.coordinator.transcript().roster().unwrap().len(), 14);
    moments.dedup();
    assert!(moments.len() > 10, "moments differ");
}

#[test]
fn an_invite_gives_one_token_whatever_is_asked_with_it() {
    let mut world = world();
    let first = issue(invite(0), 1, &world);
    let answer = codec::encode(&world.tell(first.clone()));
    let journal = world.journal.len();
    assert_eq!(codec::encode(&world.tell(first.clone())), answer, "a repeat");
    assert_eq!(refusal(world.tell(issue(invite(0), 2, &world))), Reject::InviteUsed);
    assert_eq!(world.journal.len(), journal, "neither is a new one");
    assert_eq!(world.coordinator.issued(), 1);
    // The same after the coordinator's crash, and after the time for it.
    let mut world = world.fork(journal, SeatSet::all(3));
    assert_eq!(refusal(world.tell(issue(invite(0), 2, &world))), Reject::InviteUsed);
    world.run_until(ISSUE_CLOSES);
    assert_eq!(codec::encode(&world.tell(first)), answer);
}

#[test]
fn guesses_leave_no_trace() {
    let mut world = world();
    let Request::Issue { blinded, .. } = issue(invite(0), 0, &world) else { unreachable!() };
    let before = world.state();
    for guess in 0..1_000_u128 {
        let secret = InviteSecret::from_bytes(guess.to_le_bytes());
        if guess != 0 {
            let request = Request::Issue { secret, blinded };
            assert_eq!(refusal(world.tell(request)), Reject::Invite);
        }
    }
    assert_eq!((world.state(), world.coordinator.issued()), (before, 0));
}

#[test]
fn tokens_are_not_issued_out_of_time() {
    let mut world = world();
    let late = issue(invite(100), 0, &world);
    let ask = issue(invite(0), 0, &world);
    world.run_until(INVITE_EXPIRES);
    assert_eq!(refusal(world.tell(late)), Reject::InviteExpired { at: INVITE_EXPIRES });
    world.run_until(ISSUE_CLOSES);
    assert_eq!(refusal(world.tell(ask)), Reject::IssueClosed);
    let mut early = World::new(INVITED);
    let request = Request::Issue { secret: invite(0), blinded: blinded_element() };
    assert!(matches!(early.tell(request), Response::Later(_)), "no campaign yet");
    let mut open = World::open(THREE, 14);
    let request = Request::Issue { secret: invite(0), blinded: blinded_element() };
    assert_eq!(refusal(open.tell(request)), Reject::NotYours);
}

fn blinded_element() -> Blinded {
    codec::decode::<Blinded, 32>(fixture::issuer().public().as_bytes()).unwrap()
}

#[test]
fn nobody_enrols_before_all_tokens_are_issued() {
    let mut world = world();
    let mut person = Person::new(&world, 0, invite(0));
    person.honest(&mut world, BEGUN.after_millis(100));
    let Some(Record::Issued(token)) =
        person.journal.iter().find(|record| matches!(record, Record::Issued(_))).cloned()
    else {
        panic!("no token")
    };
    let key = person.configuration.key.signing_key(person.configuration.campaign);
    let request = enrolment(&world, &key, token.as_bytes());
    let before = world.state();
    let Response::Later(at) = world.tell(request.clone()) else { panic!("enrolled") };
    assert_eq!((world.state(), at), (before, ISSUE_CLOSES));
    world.run_until(ISSUE_CLOSES);
    assert!(matches!(world.tell(request), Response::Enrolled(_)));
    // The token of one key, shown by another one; no token; one that is made up.
    let thief = SigningKey::from_bytes(&[99; 32]);
    for stolen in [&token.as_bytes()[..], &[], &[7; 64], &[7; 600]] {
        assert_eq!(refusal(world.tell(enrolment(&world, &thief, stolen))), Reject::Token);
    }
    assert_eq!(world.coordinator.enrolled(), 1);
}

/// An issuer could mark people with keys of their own: who sees that says no more.
#[test]
fn a_token_of_another_key_raises_the_alarm() {
    let mut world = world();
    // The same person, as it is answered honestly: what it sends is known from it.
    let mut twin = Person::new(&world, 0, invite(0));
    twin.honest(&mut world, BEGUN.after_millis(100));
    let asked = twin.sent.iter().find_map(|(_, request)| match request {
        Request::Issue { blinded, .. } => Some(*blinded),
        _ => None,
    });
    let marking = IssuerKey::from_seed([66; 32]).evaluate(&asked.unwrap()).unwrap();
    let tamper = |response| match response {
        Response::Issued(_) => Response::Issued(Box::new(marking)),
        other => other,
    };
    let mut person = Person::new(&world, 0, invite(0));
    person.run(&mut world, ended(), &tamper);
    assert_eq!(person.machine.phase(), Phase::Alarm(Alarm::Issuer));
    assert_eq!(person.sent_of(is_enrol), None);
    assert!(!person.journal.iter().any(|record| matches!(record, Record::Issued(_))));
}

#[test]
fn a_restart_anywhere_asks_for_the_same_token_at_the_same_moment() {
    let mut world = world();
    let mut person = Person::new(&world, 3, invite(3));
    person.honest(&mut world, BEGUN.after_millis(100));
    for kept in 0..=person.journal.len() {
        let mut again = Person::new(&world, 3, invite(3));
        again.journal = person.journal[..kept].to_vec();
        again.machine =
            Participant::restore(again.configuration.clone(), Nothing, again.journal.clone())
                .unwrap();
        let end = world.now.after_millis(100);
        again.honest(&mut world, end);
        assert_eq!(again.machine.phase(), person.machine.phase());
        if let Some((_, asked)) = again.sent_of(is_issue) {
            assert_eq!(asked, person.sent_of(is_issue).unwrap().1);
        }
    }
    assert_eq!(world.coordinator.issued(), 1);
}

/// At the level of bytes: what enrolment sends and what the coordinator keeps of it have nothing in common with what
/// was sent and answered when the token was issued. Times and addresses are another matter.
#[test]
fn what_enrols_holds_nothing_of_what_was_issued() {
    let mut world = world();
    let mut people: Vec<Person> = (20..40).map(|n| Person::new(&world, n, invite(n))).collect();
    for person in &mut people {
        let end = world.now.after_millis(100);
        person.honest(&mut world, end);
    }
    people.sort_by_key(|person| person.wake);
    let mut seen = Vec::new();
    for person in &mut people {
        let wake = person.wake;
        person.honest(&mut world, wake);
        let (_, asked) = person.sent_of(is_issue).unwrap();
        let answered = person.heard.iter().find(|of| matches!(of, Response::Issued(_))).unwrap();
        let (_, enrolled) = person.sent_of(is_enrol).unwrap();
        seen.push(([asked, codec::encode(answered)].concat(), enrolled));
    }
    for (issued, _) in &seen {
        for (_, enrolled) in &seen {
            // Eight bytes in a row are no chance; lengths and other zeros of the codec are not looked at.
            let common = issued.windows(8).find(|part| {
                part.iter().filter(|byte| **byte != 0).count() > 4
                    && enrolled.windows(8).any(|of| of == *part)
            });
            assert_eq!(common, None);
        }
    }
}
