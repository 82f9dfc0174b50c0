//! For tests: a good plan with an aggregation of every kind, and a manifest with fixed keys.

use super::{
    Aggregation, CheckedManifest, CheckedPlan, Issue, Keyholder, Kind, Manifest, Organiser, Plan,
    Protection, Scoring, SeatAggregation, SeatEntry, SeatKeys, Selection, SelectionMode, Texts,
    VERSION,
};
use crate::{
    aggregation::{Circuit, Coordinate, Gram, GramSpec, Grid, GridSpec, noise::Noise},
    audit::Case,
    ids::{AggregationId, Blob},
    keys::{
        seat::{Seat, SeatKey, SeatSecret},
        sign::SigningKey,
        token::IssuerKey,
    },
    roles::Time,
    scoring::{
        cells::{CellShape, CentreSource},
        marginals::Marginals,
        method::Method,
        scale::Scale,
        scaling::{Encoding, Scaling},
        schema::{Feature, FeatureKind, Schema, Value},
    },
    selection::{confirmation, threshold::Rule, unit::Bins},
};

/// Every kind, in the order of the plan.
pub(crate) const KINDS: [Kind; 8] = [
    Kind::AuditBefore,
    Kind::Scale,
    Kind::Neighbours,
    Kind::Regressor,
    Kind::Selection,
    Kind::Refinement,
    Kind::Confirmation,
    Kind::AuditAfter,
];

/// Bins of a number in the `scale` aggregation.
const SCALE_BINS: u16 = 5;

/// An age from 0 to 100, and yes or no.
pub(crate) fn schema() -> Schema {
    let feature = |name: &str, kind| Feature { name: name.into(), unit: None, kind };
    let age = feature("age", FeatureKind::Numeric { min: 0.0, max: 100.0 });
    Schema::new(vec![age, feature("employed", FeatureKind::Flag)]).unwrap()
}

fn bins() -> Bins {
    Bins::whole(8).unwrap()
}

/// The coordinates of [`schema`] and the label; 16 bits, so that too many reporters leave the field.
pub(crate) fn gram() -> Circuit {
    let age = Coordinate::Fixed { bits: 16, bound_milli: 3_000 };
    let coordinates = vec![age, Coordinate::Binary, Coordinate::Binary];
    Circuit::Gram(Gram::try_from(GramSpec { coordinates, norm_milli: 3_500 }).unwrap())
}

pub(crate) fn grid(rows: u16, cells: u16) -> Circuit {
    Circuit::Grid(Grid::try_from(GridSpec { rows, cells }).unwrap())
}

fn circuit(kind: Kind) -> Circuit {
    match kind {
        Kind::Scale => Circuit::Grid(Scale::new(&schema(), SCALE_BINS).unwrap().grid()),
        Kind::Neighbours => Circuit::Grid(CellShape { repetitions: 4, cells: 8 }.grid().unwrap()),
        Kind::Regressor => gram(),
        Kind::Selection | Kind::Refinement => Circuit::Grid(bins().grid()),
        Kind::Confirmation => Circuit::Grid(confirmation::Outcome::grid()),
        Kind::AuditBefore | Kind::AuditAfter => Circuit::Grid(Case::grid()),
    }
}

fn aggregations() -> Vec<Aggregation> {
    let each = KINDS.into_iter().zip(0_u16..).map(|(kind, id)| Aggregation {
        kind,
        circuit: circuit(kind),
        noise: Some(Noise { sigma_milli: 20_000, honest_seats: 1 }),
        reporters_max: 100,
        depends_on: (0..id).map(AggregationId).collect(),
        opens: Time::from_millis(1_000 * u64::from(id + 1)),
        closes: Time::from_millis(1_000 * u64::from(id + 1) + 500),
    });
    each.collect()
}

fn scoring() -> Scoring {
    let schema = schema();
    let published = [(20.0, false), (30.0, false), (40.0, true), (60.0, true), (80.0, true)];
    let record = |(age, label)| (vec![Value::Number(age), Value::Flag(label)], label);
    Scoring {
        method: Method::RbLabel,
        k: 3,
        scaling: Some(Scaling::from_ranges(&schema, Encoding::Mix)),
        centres: Some(CentreSource::Marginals(Marginals::from_ranges(&schema))),
        scale_bins: SCALE_BINS,
        published: published.map(record).to_vec(),
        schema,
    }
}

/// Of [`plan`].
pub(crate) fn issuer() -> IssuerKey {
    IssuerKey::from_seed([150; 32])
}

/// A plan that everything is right with: four keyholders, none of whom can be lost, and every kind with noise.
pub(crate) fn plan() -> Plan {
    let text = || String::from("as agreed");
    let keyholder = |seat: u8| Keyholder {
        name: text(),
        contact: text(),
        named_by: text(),
        organisers_own: seat == 0,
    };
    let key = SigningKey::from_bytes(&[100; 32]).public();
    Plan {
        version: VERSION,
        protection: Protection::Private,
        organiser: Organiser { name: text(), contact: text(), key },
        texts: Texts { purpose: text(), firm: text(), group_rule: text(), label: text() },
        keyholders: (0..4).map(keyholder).collect(),
        recovery_threshold: 0,
        honest_seats: 1,
        scoring: scoring(),
        selection: Selection {
            rule: Rule { flip_budget: 5, safe_cap: 20, no_show_milli: 0 },
            bins: bins(),
            top_up: false,
            mode: SelectionMode::PrivateHistogram,
        },
        cohort_min: 12,
        issue: Some(Issue { key: issuer().public(), closes: Time::from_millis(200) }),
        enrolment_opens: Time::from_millis(200),
        enrolment_closes: Time::from_millis(500),
        patience_millis: 400,
        aggregations: aggregations(),
    }
}

/// The plan with open scores, and without what does not go with them.
pub(crate) fn open_plan() -> Plan {
    let mut plan = plan();
    plan.selection.mode = SelectionMode::OpenScores;
    let selection = of_kind(&mut plan, Kind::Selection);
    (selection.noise, selection.reporters_max) = (None, 11);
    plan.aggregations.retain(|of| of.kind != Kind::Refinement);
    for (place, aggregation) in (0..).zip(&mut plan.aggregations) {
        aggregation.depends_on.retain(|on| on.0 < place);
    }
    plan
}

/// The aggregation of one kind, to be changed.
pub(crate) fn of_kind(plan: &mut Plan, kind: Kind) -> &mut Aggregation {
    plan.aggregations.iter_mut().find(|of| of.kind == kind).unwrap()
}

/// The plan with keys that fit together.
pub(crate) fn manifest(plan: Plan) -> CheckedManifest {
    let key = |seat: u8, place: u8| -> SeatKey {
        SeatSecret::from_bytes([10 + seat; 32]).key(&[0; 32], &[place; 32], Seat::new(seat))
    };
    let entry = |seat: u8| {
        let identity = SigningKey::from_bytes(&[200 + seat; 32]).public();
        let keys = SeatKeys { identity, sealing: key(seat, 99).public().to_bytes() };
        let aggregations = (0..).zip(&plan.aggregations).map(|(place, _)| {
            let key = key(seat, place);
            SeatAggregation {
                public_key: key.public().to_bytes(),
                commitments: Blob::from(vec![]),
                verify_key_part: key.verify_key_part().commitment(),
                beacon_part: key.beacon_part().commitment(),
            }
        });
        SeatEntry { keys, aggregations: aggregations.collect() }
    };
    let seats = (0..plan.seats()).map(entry).collect();
    CheckedManifest::new(Manifest { plan, seats }).unwrap()
}

/// The plan, checked.
pub(crate) fn checked(plan: Plan) -> CheckedPlan {
    CheckedPlan::new(plan).unwrap()
}
