//! The smallest campaign that opens anything.

use protocol::aggregation::Circuit;
use protocol::aggregation::noise::Role;
use protocol::campaign::{Protection, Scoring, SelectionMode};
use protocol::person::Person;
use protocol::scoring::cells::{CellShape, CentreSource};
use protocol::scoring::marginals::Marginals;
use protocol::scoring::method::Method;
use protocol::scoring::scaling::{Encoding, Scaling};
use protocol::scoring::schema::{Feature, FeatureKind, Schema, Value};
use protocol::selection::threshold::Rule;
use sims::campaign::cast::person_secret;
use sims::campaign::plan::{Script, Visits};

/// Twelve donors, twelve members and one to spare of each: the least that any plan opens.
pub(crate) const PEOPLE: usize = 26;

/// One number of each person; three keyholders, none of whom can be lost.
pub(crate) fn script(protection: Protection) -> Script {
    let kind = FeatureKind::Numeric { min: 0.0, max: 1.0 };
    let schema = Schema::new(vec![Feature { name: "x".to_owned(), unit: None, kind }]).unwrap();
    let shape = CellShape { repetitions: 2, cells: 4 };
    Script {
        protection,
        keyholders: 3,
        recovery_threshold: 0,
        honest_seats: 1,
        issuer: None,
        cohort_min: 12,
        scoring: Scoring {
            method: Method::RbLabel,
            k: 3,
            scaling: Some(Scaling::from_ranges(&schema, Encoding::Mix)),
            centres: Some(CentreSource::Marginals(Marginals::from_ranges(&schema))),
            schema,
            scale_bins: 2,
            published: Vec::new(),
        },
        rule: Rule { flip_budget: 3, no_show_milli: 0, safe_cap: 6 },
        mode: SelectionMode::PrivateHistogram,
        bins: 8,
        reference: Some(Circuit::Grid(shape.grid().unwrap())),
        epsilon: None,
        noise: None,
        visits: Visits { selection: true, confirmation: true, ..Visits::default() },
        reporters_max: 100,
    }
}

/// People of one number each, who are members and donors in turn; everything about them follows from the seed.
pub(crate) fn people(seed: u64) -> Vec<Person> {
    let person = |number| {
        let secret = person_secret(seed, number);
        Person {
            values: vec![Value::Number(f64::from(secret[0]) / 255.0)],
            positive: secret[1] < 128,
            role: if number % 2 == 0 { Role::Member } else { Role::Donor },
            accepted: None,
            complies: true,
            secret,
        }
    };
    (0..PEOPLE).map(person).collect()
}
