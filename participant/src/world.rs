//! For tests: a whole campaign in one process, with the real machines of coordinator and keyholders, on virtual time.

use crate::{
    attendance::{Attendance, Effects, Line, Order, Statement, Statements},
    record::Record,
};
use protocol::{
    aggregation::{
        Circuit,
        noise::{Noise, Rho, Role},
    },
    audit::Case,
    campaign::{
        Aggregation, CheckedManifest, CheckedPlan, Issue, Keyholder as Named, Kind, Organiser,
        Plan, Protection, Scoring, Selection, SelectionMode, Texts, VERSION, limits::Limits,
    },
    ids::AggregationId,
    invite::InviteSecret,
    keys::{seat::Seat, sign::SigningKey, token::IssuerKey},
    messages::{Peer, Request, Response},
    roles::{
        Client as _, Effect, Server as _, Time,
        coordinator::{self, Coordinator, Gate},
        keyholder::{self, Keyholder},
        participant::{Admission, CampaignKey, Configuration, Retry},
    },
    scoring::{
        cells::{CellShape, CentreSource},
        marginals::Marginals,
        method::Method,
        scaling::{Encoding, Scaling},
        schema::{Feature, FeatureKind, Schema, Value},
    },
    selection::{confirmation, threshold::Rule, unit::Bins},
};

pub(crate) const AUDIT_BEFORE: AggregationId = AggregationId(0);
pub(crate) const NEIGHBOURS: AggregationId = AggregationId(1);
pub(crate) const SELECTION: AggregationId = AggregationId(2);
pub(crate) const CONFIRMATION: AggregationId = AggregationId(3);
pub(crate) const AUDIT_AFTER: AggregationId = AggregationId(4);

/// The last token is issued and enrolment opens so long after the epoch, in milliseconds.
pub(crate) const ISSUE_CLOSES: u64 = 60_000;
/// Enrolment closes and the first aggregations open so long after the epoch, in milliseconds.
pub(crate) const OPENS: u64 = 100_000;
/// How long an aggregation collects, and how long it takes at most until its outcome stands.
pub(crate) const COLLECTS: u64 = 100_000;
/// One step of virtual time.
const STEP: u64 = 2_000;

pub(crate) fn organiser() -> SigningKey {
    SigningKey::from_bytes(&[77; 32])
}

fn issuer() -> IssuerKey {
    IssuerKey::from_seed([78; 32])
}

/// The secret of one of the invites 0 to 99; from 90 on they expire at once.
pub(crate) fn invite(number: u8) -> InviteSecret {
    InviteSecret::from_bytes([number; InviteSecret::LEN])
}

fn gate() -> Gate {
    let expires = |number| Time::from_millis(if number < 90 { ISSUE_CLOSES } else { 1 });
    let invites = (0..100).map(|number| (invite(number).hash(), expires(number)));
    Gate::Invited { issuer: Box::new(issuer()), invites: invites.collect() }
}

pub(crate) fn schema() -> Schema {
    let feature = |name: &str, unit: Option<&str>, kind| Feature {
        name: name.into(),
        unit: unit.map(Into::into),
        kind,
    };
    Schema::new(vec![
        feature("age", Some("years"), FeatureKind::Numeric { min: 18.0, max: 100.0 }),
        feature("employed", None, FeatureKind::Flag),
    ])
    .unwrap()
}

fn named(seat: u8) -> Named {
    let name = ["Ada Adler", "Ben Berg", "Cleo Castro"][usize::from(seat)];
    Named {
        name: name.into(),
        contact: format!("+41 00 000 00 0{seat}"),
        named_by: ["the organiser", "a union", "a church"][usize::from(seat)].into(),
        organisers_own: seat == 0,
    }
}

fn aggregations(noise: Option<Noise>) -> Vec<Aggregation> {
    let each = [
        (Kind::AuditBefore, Case::grid(), vec![]),
        (Kind::Neighbours, CellShape { repetitions: 2, cells: 4 }.grid().unwrap(), vec![]),
        (Kind::Selection, Bins::whole(8).unwrap().grid(), vec![NEIGHBOURS]),
        (Kind::Confirmation, confirmation::Outcome::grid(), vec![NEIGHBOURS, SELECTION]),
        (Kind::AuditAfter, Case::grid(), vec![SELECTION, CONFIRMATION]),
    ];
    let mut opens = Time::from_millis(OPENS);
    let planned = each.into_iter().map(|(kind, grid, depends_on)| {
        if !depends_on.is_empty() {
            opens = opens.after_millis(2 * COLLECTS);
        }
        Aggregation {
            kind,
            circuit: Circuit::Grid(grid),
            noise,
            reporters_max: 100,
            depends_on,
            opens,
            closes: opens.after_millis(COLLECTS),
        }
    });
    planned.collect()
}

/// A campaign that real people could be asked into.
pub(crate) fn plan() -> Plan {
    let schema = schema();
    let noise = Noise { sigma_milli: 20_000, honest_seats: 1 };
    Plan {
        version: VERSION,
        protection: Protection::Private,
        organiser: Organiser {
            name: "Fair Ratings Network".into(),
            contact: "fair@ratings.example".into(),
            key: organiser().public(),
        },
        texts: Texts {
            purpose: "drivers of a minority get worse ratings for the same work".into(),
            firm: "Ride AG".into(),
            group_rule: "you count as minority if you were not born here".into(),
            label: "whether you rate your own last month as good, in the app's weekly question"
                .into(),
        },
        keyholders: (0..3).map(named).collect(),
        recovery_threshold: 0,
        honest_seats: 1,
        scoring: Scoring {
            method: Method::RbLabel,
            k: 5,
            scaling: Some(Scaling::from_ranges(&schema, Encoding::Mix)),
            centres: Some(CentreSource::Marginals(Marginals::from_ranges(&schema))),
            scale_bins: 8,
            published: vec![],
            schema,
        },
        selection: Selection {
            rule: Rule { flip_budget: 4, safe_cap: 8, no_show_milli: 0 },
            bins: Bins::whole(8).unwrap(),
            top_up: false,
            mode: SelectionMode::PrivateHistogram,
        },
        cohort_min: 12,
        issue: Some(Issue { key: issuer().public(), closes: Time::from_millis(ISSUE_CLOSES) }),
        enrolment_opens: Time::from_millis(ISSUE_CLOSES),
        enrolment_closes: Time::from_millis(OPENS),
        patience_millis: 20_000,
        aggregations: aggregations(Some(noise)),
    }
}

/// The same without noise.
pub(crate) fn unnoised() -> Plan {
    Plan { aggregations: aggregations(None), ..plan() }
}

/// Fewer than 12 members, whose scores are in the open, and a published sample instead of what donors lend.
pub(crate) fn open() -> Plan {
    let mut plan = plan();
    let kept = |kind| !matches!(kind, Kind::Neighbours | Kind::Confirmation);
    plan.aggregations.retain(|of| kept(of.kind));
    for of in &mut plan.aggregations {
        let selected = of.kind == Kind::AuditAfter;
        of.depends_on = if selected { vec![AggregationId(1)] } else { vec![] };
        if of.kind == Kind::Selection {
            (of.noise, of.reporters_max) = (None, 11);
        }
    }
    plan.selection.mode = SelectionMode::OpenScores;
    let published = (10..20).map(|number| record(number, Role::Donor));
    plan.scoring.published = published.map(|of| (of.values.clone(), of.positive)).collect();
    plan
}

/// One of the people: members from number 0, with a negative label unless the number is divisible by three.
pub(crate) fn record(number: u8, role: Role) -> Record {
    Record {
        values: vec![
            Value::Number(20.0 + f64::from(number) * 3.0),
            Value::Flag(number.is_multiple_of(2)),
        ],
        role,
        positive: number.is_multiple_of(3),
        accepted: Some(number.is_multiple_of(4)),
    }
}

/// Coordinator and keyholders.
struct Office {
    coordinator: Coordinator,
    keyholders: Vec<Keyholder>,
    now: Time,
}

impl Office {
    fn step(&mut self) {
        self.now = self.now.after_millis(STEP);
        for (seat, keyholder) in (0..).map(Seat::new).zip(&mut self.keyholders) {
            let mut effects = keyholder.wake(self.now);
            while let Some(request) = sent(effects) {
                let answer = self.coordinator.handle(self.now, Peer::Keyholder(seat), request);
                effects = keyholder.receive(self.now, answer.response);
            }
        }
        self.coordinator.wake(self.now);
    }
}

/// The coordinator of a plan, before the ceremony.
pub(crate) fn coordinator(plan: &CheckedPlan, now: Time) -> Coordinator {
    let configuration =
        coordinator::Configuration { key: organiser(), secret: [5; 32], gate: gate() };
    Coordinator::new(plan, configuration, now).unwrap().0
}

/// A campaign after its ceremony.
pub(crate) struct World {
    pub(crate) manifest: CheckedManifest,
    office: Office,
}

impl World {
    pub(crate) fn new(plan: Plan) -> Self {
        let plan = CheckedPlan::new(plan).unwrap();
        let now = Time::from_millis(1_000);
        let coordinator = coordinator(&plan, now);
        let keyholder = |seat: Seat| {
            let configuration = keyholder::Configuration {
                plan: plan.id(),
                seat,
                pace_millis: STEP,
                declares_losses: false,
            };
            Keyholder::new(configuration, &[40 + seat.index(); 32])
        };
        let keyholders = plan.all_seats().iter().map(keyholder).collect();
        let mut office = Office { coordinator, keyholders, now };
        for _ in 0..30 {
            office.step();
            let transcript = office.coordinator.transcript();
            if let (true, Some((_, manifest))) = (transcript.has_begun(), transcript.manifest()) {
                return Self { manifest: manifest.clone(), office };
            }
        }
        panic!("the ceremony does not end");
    }

    pub(crate) fn now(&self) -> Time {
        self.office.now
    }

    pub(crate) fn answer(&mut self, request: Request) -> Response {
        let Office { coordinator, now, .. } = &mut self.office;
        let answer = coordinator.handle(*now, Peer::Participant, request);
        coordinator.wake(*now);
        answer.response
    }

    /// A little later: keyholders have done what was due.
    pub(crate) fn step(&mut self) {
        self.office.step();
    }

    pub(crate) fn configuration(&self, role: Role, key: u8) -> Configuration {
        Configuration {
            campaign: self.manifest.campaign(),
            role,
            key: CampaignKey::from_bytes([key; 32]),
            admission: Admission::Invited(invite(key)),
            limits: Limits {
                epsilon_max_milli: 100_000,
                open_scores: self.manifest.selection.mode == SelectionMode::OpenScores,
                ..Limits::default()
            },
            known: [Seat::new(1)].into_iter().collect(),
            spent: Rho::ZERO,
            retry: Retry { first_millis: STEP, max_millis: 600_000 },
            checked: None,
        }
    }
}

fn sent<R>(effects: Vec<Effect<R, Request>>) -> Option<Request> {
    effects.into_iter().find_map(|effect| match effect {
        Effect::Send(request) => Some(request),
        Effect::Persist(_) | Effect::Wake(_) => None,
    })
}

/// One person at its machine.
pub(crate) struct Desk<S> {
    pub(crate) configuration: Configuration,
    pub(crate) record: Record,
    pub(crate) statements: S,
    pub(crate) attendance: Attendance<S>,
    /// Its journal.
    pub(crate) lines: Vec<Line>,
    /// Every report that it has sent, as bytes, repeats included.
    pub(crate) sent: Vec<(AggregationId, Vec<u8>)>,
    started: bool,
}

impl<S: Statements + Clone> Desk<S> {
    pub(crate) fn new(configuration: Configuration, record: Record, statements: S) -> Self {
        let attendance =
            Attendance::restore(configuration.clone(), Some(&record), statements.clone(), vec![]);
        let mut attendance = attendance.unwrap();
        attendance.order(Order::Consent(configuration.campaign));
        Self {
            configuration,
            record,
            statements,
            attendance,
            lines: vec![],
            sent: vec![],
            started: false,
        }
    }

    /// The process ends and begins again.
    pub(crate) fn restart(&mut self) {
        let (configuration, statements) = (self.configuration.clone(), self.statements.clone());
        let lines = self.lines.clone();
        self.attendance =
            Attendance::restore(configuration, Some(&self.record), statements, lines).unwrap();
        self.attendance.order(Order::Consent(self.configuration.campaign));
        self.started = false;
    }

    /// Takes its turn; `heard` may spoil an answer.
    pub(crate) fn turn(&mut self, world: &mut World, heard: &mut impl FnMut(Response) -> Response) {
        let now = world.now();
        let mut effects = if self.started {
            self.attendance.wake(now)
        } else {
            self.started = true;
            self.attendance.start(now)
        };
        while let Some(request) = self.take(effects) {
            let response = heard(world.answer(request));
            effects = self.attendance.receive(now, response);
        }
    }

    fn take(&mut self, effects: Effects) -> Option<Request> {
        let mut request = None;
        for effect in effects {
            match effect {
                Effect::Persist(line) => self.lines.push(line),
                Effect::Send(send) => {
                    if let Request::Report { aggregation, report } = &send {
                        self.sent.push((*aggregation, protocol::codec::encode(&**report)));
                    }
                    request = Some(send);
                }
                Effect::Wake(_) => {}
            }
        }
        request
    }
}

/// Thirteen members and twelve donors, who flip if they are asked.
pub(crate) fn people(world: &World) -> Vec<Desk<Statement>> {
    let flips = Statement { complies: true, accepted_after: Some(true) };
    let members = (0..13).map(|number| (number, Role::Member));
    let donors = (13..25).map(|number| (number, Role::Donor));
    let desk = |(number, role)| {
        Desk::new(world.configuration(role, number + 1), record(number, role), flips)
    };
    members.chain(donors).map(desk).collect()
}

/// Lets time pass until `done`.
pub(crate) fn play<S: Statements + Clone>(
    world: &mut World,
    desks: &mut [Desk<S>],
    done: impl Fn(&World, &[Desk<S>]) -> bool,
) {
    for _ in 0..1_000 {
        if done(world, desks) {
            return;
        }
        world.step();
        for desk in &mut *desks {
            desk.turn(world, &mut |response| response);
        }
    }
    panic!("the campaign does not come that far");
}
