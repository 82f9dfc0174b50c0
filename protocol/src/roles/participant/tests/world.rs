//! A campaign of three keyholders, and a coordinator that does what it is told.

use super::*;
use crate::{
    aggregation::{Grid, GridSpec, noise::Noise},
    audit::Case,
    campaign::{
        Aggregation, CheckedPlan, Decision, Keyholder, Kind, Manifest, Organiser, Plan, Scoring,
        SeatAggregation, SeatKeys, Selection, SelectionMode, Texts, VERSION,
    },
    ids::{Blob, ReportId},
    keys::seat::{Seat, SeatKey, SeatSecret},
    messages::Place,
    scoring::{
        cells::CentreSource,
        marginals::Marginals,
        method::Method,
        scaling::{Encoding, Scaling},
        schema::{Feature, FeatureKind, Schema},
    },
    selection::{
        open_scores::{self, OpenScore, Ranking},
        threshold::Rule,
        unit::Bins,
    },
    transcript::{Author, Deal, Entry, Outcome, SignedPost, Transcript, merkle},
};

pub(super) const AUDIT: AggregationId = AggregationId(0);
pub(super) const NEIGHBOURS: AggregationId = AggregationId(1);
pub(super) const SELECTION: AggregationId = AggregationId(2);
const SEATS: [u8; 3] = [0, 1, 2];

pub(super) fn organiser() -> SigningKey {
    SigningKey::from_bytes(&[100; 32])
}

fn identity(seat: u8) -> SigningKey {
    SigningKey::from_bytes(&[200 + seat; 32])
}

pub(super) fn seat_key(seat: u8, aggregation: AggregationId) -> SeatKey {
    let place = [u8::try_from(aggregation.0).unwrap(); 32];
    SeatSecret::from_bytes([10 + seat; 32]).key(&[0; 32], &place, Seat::new(seat))
}

fn aggregation(kind: Kind, grid: Grid, depends_on: Vec<AggregationId>) -> Aggregation {
    Aggregation {
        kind,
        circuit: Circuit::Grid(grid),
        noise: Some(Noise { sigma_milli: 20_000, honest_seats: 1 }),
        reporters_max: 100,
        depends_on,
        opens: Time::from_millis(1_000),
        closes: Time::from_millis(100_000),
    }
}

fn plan(protection: Protection) -> Plan {
    let kind = FeatureKind::Numeric { min: 0.0, max: 100.0 };
    let age = Feature { name: "age".into(), unit: None, kind };
    let schema = Schema::new(vec![age]).unwrap();
    let scoring = Scoring {
        method: Method::RbLabel,
        k: 5,
        scaling: Some(Scaling::from_ranges(&schema, Encoding::Mix)),
        centres: Some(CentreSource::Marginals(Marginals::from_ranges(&schema))),
        scale_bins: 8,
        published: vec![],
        schema,
    };
    let neighbours = Grid::try_from(GridSpec { rows: 2, cells: 4 }).unwrap();
    let bins = Bins::whole(3).unwrap();
    let text = || String::from("as agreed");
    let keyholder =
        |_| Keyholder { name: text(), contact: text(), named_by: text(), organisers_own: false };
    Plan {
        version: VERSION,
        protection,
        organiser: Organiser { name: text(), contact: text(), key: organiser().public() },
        texts: Texts { purpose: text(), firm: text(), group_rule: text(), label: text() },
        keyholders: SEATS.map(keyholder).to_vec(),
        recovery_threshold: 0,
        honest_seats: 1,
        scoring,
        selection: Selection {
            rule: Rule { flip_budget: 3, safe_cap: 5, no_show_milli: 0 },
            bins,
            top_up: false,
            mode: SelectionMode::PrivateHistogram,
        },
        cohort_min: 12,
        issue: None,
        enrolment_opens: Time::from_millis(0),
        enrolment_closes: Time::from_millis(500),
        patience_millis: 1_000,
        aggregations: vec![
            aggregation(Kind::AuditBefore, Case::grid(), vec![]),
            aggregation(Kind::Neighbours, neighbours, vec![]),
            aggregation(Kind::Selection, bins.grid(), vec![NEIGHBOURS]),
        ],
    }
}

/// Runs the ceremony by the rules of the transcript.
fn ceremony(plan: Plan) -> (Manifest, Endorsed) {
    let id = CheckedPlan::new(plan.clone()).unwrap().id();
    let by_organiser = |post| SignedPost::new(id, Author::Organiser, post, &organiser());
    let by = |seat: u8, post| {
        SignedPost::new(id, Author::Keyholder(Seat::new(seat)), post, &identity(seat))
    };
    let signed = by_organiser(Post::Plan(Box::new(plan)));
    let mut transcript = Transcript::new(&Entry { previous: Hash([0; 32]), signed }).unwrap();
    for seat in SEATS {
        let sealing = seat_key(seat, AggregationId(99)).public().to_bytes();
        let keys = SeatKeys { identity: identity(seat).public(), sealing };
        transcript.follow(by(seat, Post::Keys(keys))).unwrap();
    }
    for seat in SEATS {
        let keys = [AUDIT, NEIGHBOURS, SELECTION].map(|id| {
            let key = seat_key(seat, id);
            SeatAggregation {
                public_key: key.public().to_bytes(),
                commitments: Blob::from(vec![]),
                verify_key_part: key.verify_key_part().commitment(),
                beacon_part: key.beacon_part().commitment(),
            }
        });
        let deal = Deal { keys: keys.to_vec(), shares: vec![vec![]; 3] };
        transcript.follow(by(seat, Post::Deal(deal))).unwrap();
    }
    let manifest = transcript.assemble().unwrap();
    let campaign = CheckedManifest::new(manifest.clone()).unwrap().campaign();
    let entry = transcript.follow(by_organiser(Post::Manifest(campaign))).unwrap().hash();
    for seat in SEATS {
        transcript.follow(by(seat, Post::Endorse { entry })).unwrap();
    }
    (manifest, transcript.endorsed(&entry).unwrap())
}

/// The coordinator and all keyholders, as far as a participant sees them.
#[derive(Clone)]
pub(super) struct World {
    pub(super) manifest: Arc<Manifest>,
    pub(super) checked: CheckedManifest,
    pub(super) endorsed: Arc<Endorsed>,
    pub(super) reports: BTreeMap<AggregationId, Arc<Report>>,
    pub(super) closed: bool,
}

impl World {
    pub(super) fn new(protection: Protection) -> Self {
        Self::of(plan(protection))
    }

    /// Scores are open, and this person's has two below it and two above.
    pub(super) fn open() -> Self {
        let mut plan = plan(Protection::Private);
        plan.selection.mode = SelectionMode::OpenScores;
        let selection = &mut plan.aggregations[usize::from(SELECTION.0)];
        (selection.noise, selection.reporters_max) = (None, 11);
        Self::of(plan)
    }

    fn of(plan: Plan) -> Self {
        let (manifest, endorsed) = ceremony(plan);
        let checked = CheckedManifest::new(manifest.clone()).unwrap();
        let (manifest, endorsed) = (Arc::new(manifest), Arc::new(endorsed));
        Self { manifest, checked, endorsed, reports: BTreeMap::new(), closed: true }
    }

    pub(super) fn endorse(&self, post: Post) -> Endorsed {
        self.endorse_after(Hash([7; 32]), post)
    }

    /// Another place in the list makes another entry.
    pub(super) fn endorse_after(&self, previous: Hash, post: Post) -> Endorsed {
        let id = self.checked.plan_id();
        let signed = SignedPost::new(id, Author::Organiser, post, &organiser());
        let entry = Entry { previous, signed };
        let endorse = Post::Endorse { entry: entry.hash() };
        let endorsements = SEATS.map(|seat| {
            let author = Author::Keyholder(Seat::new(seat));
            let signed = SignedPost::new(id, author, endorse.clone(), &identity(seat));
            (Seat::new(seat), signed.signature)
        });
        let endorsements = endorsements.to_vec();
        Endorsed { entry, endorsements, lost: SeatSet::EMPTY, losses: vec![] }
    }

    pub(super) fn opening(&self, aggregation: AggregationId) -> Opening {
        let planned = self.checked.aggregation(aggregation).unwrap();
        let result =
            |on: &AggregationId| self.endorse(Post::Outcome(Arc::new(self.outcome(*on).0))).hash();
        let part = |seat| (Seat::new(seat), seat_key(seat, aggregation).beacon_part().reveal());
        Opening {
            aggregation,
            campaign: self.checked.campaign(),
            results: planned.depends_on.iter().map(result).collect(),
            beacon: SEATS.map(part).to_vec(),
            closes: planned.closes,
        }
    }

    /// Twelve other reports, and the participant's own last, if it is in.
    pub(super) fn outcome(&self, aggregation: AggregationId) -> (Outcome, Option<Inclusion>) {
        if self.checked.has_open_scores(aggregation) {
            return self.ranked(aggregation);
        }
        let own = self.reports.get(&aggregation);
        let others = (0..12_u8).map(|i| Hash([i; 32]));
        let leaves: Vec<Hash> = others.chain(own.map(|report| report.leaf())).collect();
        let count = u32::try_from(leaves.len()).unwrap();
        let vdaf = self.checked.vdaf(aggregation).unwrap();
        let values = vec![3; vdaf.circuit().output_len()];
        let result = vdaf.result(values.clone(), count).unwrap();
        let outcome = Outcome {
            aggregation,
            context: Hash(self.opening(aggregation).context().0),
            frozen_root: merkle::root(&leaves),
            frozen: count,
            accepted_root: merkle::root(&leaves),
            accepted: count,
            seed: self.opening(aggregation).seed(),
            values,
            decision: self.checked.decide(aggregation, &result, &BTreeMap::new()).unwrap(),
        };
        let inclusion = merkle::proof(&leaves, 12).map(|proof| {
            let place = Place { index: 12, proof };
            Inclusion { frozen: place.clone(), accepted: Some(place) }
        });
        (outcome, inclusion)
    }

    fn ranked(&self, aggregation: AggregationId) -> (Outcome, Option<Inclusion>) {
        let opening = self.opening(aggregation);
        let (context, seed) = (opening.context(), opening.seed());
        let other = |number: u8| {
            let key = SigningKey::from_bytes(&[number; 32]);
            let score = Unit::from_step(u32::from(number) * 1_000 % 3_001);
            open_scores::report(&context, ReportId([number; 16]), score, &key)
        };
        let own = self.reports.get(&aggregation).map(|report| Report::clone(report));
        let reports: Vec<Report> = (1..5).map(other).chain(own.clone()).collect();
        let scores: Vec<_> = reports.iter().filter_map(OpenScore::of).collect();
        let ranking = Ranking::of(&scores, self.checked.selection.rule, &seed).unwrap();
        let leaves = ranking.leaves(&context);
        let count = u32::try_from(leaves.len()).unwrap();
        let (frozen_root, accepted_root) = (merkle::root(&leaves), merkle::root(&leaves));
        let (frozen, accepted) = (count, count);
        let outcome = Outcome {
            aggregation,
            context: Hash(context.0),
            seed,
            frozen_root,
            frozen,
            accepted_root,
            accepted,
            values: vec![],
            decision: Some(Decision::Ranking(ranking)),
        };
        let index = own.and_then(|own| leaves.iter().position(|leaf| *leaf == own.leaf()));
        let inclusion = index.map(|index| {
            let proof = merkle::proof(&leaves, index).unwrap();
            let place = Place { index: u32::try_from(index).unwrap(), proof };
            Inclusion { frozen: place.clone(), accepted: Some(place) }
        });
        (outcome, inclusion)
    }

    pub(super) fn receipt(&self, aggregation: AggregationId, leaf: Hash) -> Receipt {
        Receipt::new(&organiser(), &self.opening(aggregation).context(), leaf)
    }

    /// What an honest coordinator says.
    pub(super) fn answer(&mut self, request: &Request) -> Response {
        match request {
            Request::Campaign => {
                let (manifest, endorsed) = (Arc::clone(&self.manifest), Arc::clone(&self.endorsed));
                Response::Campaign { manifest, endorsed }
            }
            Request::Enrol(enrolment) => {
                enrolment.verify(self.checked.campaign()).unwrap();
                Response::Enrolled(enrolment.reporter)
            }
            Request::Opening(id) => {
                Response::Opening(Arc::new(self.endorse(Post::Opening(self.opening(*id)))))
            }
            Request::Report { aggregation, report } => {
                let valid = report.body.verify(&report.signature).is_ok();
                assert_eq!(valid, self.checked.is_private());
                assert!(report.is_whole());
                let first = self.reports.entry(*aggregation).or_insert_with(|| Arc::clone(report));
                assert_eq!(first, report, "a repeat is the same to the byte");
                let receipt = self.receipt(*aggregation, report.leaf());
                Response::Receipt { aggregation: *aggregation, receipt }
            }
            Request::Withdraw(withdrawal) => {
                withdrawal.verify(self.checked.campaign()).unwrap();
                self.reports.remove(&withdrawal.aggregation);
                Response::Withdrawn { aggregation: withdrawal.aggregation, id: withdrawal.id }
            }
            Request::Outcome { aggregation, .. } if self.closed => {
                let (outcome, inclusion) = self.outcome(*aggregation);
                let endorsed = Arc::new(self.endorse(Post::Outcome(Arc::new(outcome))));
                Response::Outcome { endorsed, inclusion }
            }
            Request::Outcome { .. } => Response::Later(Time::from_millis(0)),
            other => panic!("not a participant's request: {other:?}"),
        }
    }
}
