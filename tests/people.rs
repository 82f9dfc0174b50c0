//! Made-up people with records like those of COMPAS, the same from a seed on every machine.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use protocol::{
    aggregation::noise::Role,
    person::Person,
    scoring::schema::{Schema, Value},
};

/// The features of a campaign among these people, as a coordinator's file has them.
pub const FEATURES: &str = r#"
[[feature]]
name = "age"
unit = "years"
kind = "numeric"
min = 18
max = 96
[[feature]]
name = "priors_count"
kind = "count"
max = 38
[[feature]]
name = "juv_fel_count"
kind = "count"
max = 20
[[feature]]
name = "felony"
kind = "flag"
[[feature]]
name = "sex"
kind = "categorical"
levels = ["Male", "Female"]
"#;

/// What somebody writes into a file.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Member or donor.
    pub role: Role,
    /// By feature, as written.
    pub record: Vec<(&'static str, String)>,
    /// The true label.
    pub positive: bool,
    /// What the firm has decided so far; unknown to some.
    pub decision: Option<bool>,
    /// Whether it means to report the positive label if it is asked.
    pub complies: bool,
}

impl Subject {
    /// As the one row of a CSV file that `participant` reads.
    pub fn to_csv(&self) -> String {
        let (mut names, mut values) = (String::new(), String::new());
        for (name, value) in &self.record {
            let _ = write!(names, "{name},");
            let _ = write!(values, "{value},");
        }
        let role = match self.role {
            Role::Member => "member",
            Role::Donor => "donor",
        };
        let label = if self.positive { "positive" } else { "negative" };
        let answer = if self.complies { "yes" } else { "no" };
        let decision = decision_word(self.decision);
        format!("{names}role,label,decision,if_asked\n{values}{role},{label},{decision},{answer}\n")
    }

    /// The same person with its campaign key, as the protocol sees it.
    ///
    /// # Errors
    /// If the record does not fit the schema.
    pub fn person(&self, schema: &Schema, secret: [u8; 32]) -> Result<Person> {
        let value = |name: &str| -> Result<Value> {
            let written = self.record.iter().find(|(known, _)| *known == name);
            let (_, text) = written.with_context(|| format!("no {name}"))?;
            let feature = schema.features().iter().find(|feature| feature.name == name);
            Ok(feature.with_context(|| format!("no feature {name}"))?.parse(text)?)
        };
        let values: Result<Vec<Value>> =
            schema.features().iter().map(|feature| value(&feature.name)).collect();
        Ok(Person {
            values: values?,
            positive: self.positive,
            role: self.role,
            accepted: self.decision,
            complies: self.complies,
            secret,
        })
    }
}

/// As it is written and typed.
pub const fn decision_word(decision: Option<bool>) -> &'static str {
    match decision {
        Some(true) => "positive",
        Some(false) => "negative",
        None => "unknown",
    }
}

/// How many people of each role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Of the minority.
    pub members: usize,
    /// Of the majority.
    pub donors: usize,
}

/// Made-up people, members first. Labels follow age and priors, with some chance, and are worse for members.
pub fn made_up(counts: Counts, seed: u64) -> Vec<Subject> {
    let mut dice = Dice(seed);
    let number = counts.members + counts.donors;
    (0..number).map(|place| one(place < counts.members, &mut dice)).collect()
}

fn one(member: bool, dice: &mut Dice) -> Subject {
    let age = 18 + dice.below(50).min(dice.below(50));
    let priors = dice.below(12).min(dice.below(12)) + u64::from(member);
    let juvenile = dice.below(6).saturating_sub(4);
    let (felony, sex) = (dice.below(3) < 2, ["Male", "Female"][usize::from(dice.below(5) == 0)]);
    let points = 30 + age / 2 + dice.below(30);
    let against = 6 * priors + 8 * juvenile + u64::from(felony) * 5 + u64::from(member) * 8;
    Subject {
        role: if member { Role::Member } else { Role::Donor },
        record: vec![
            ("age", age.to_string()),
            ("priors_count", priors.to_string()),
            ("juv_fel_count", juvenile.to_string()),
            ("felony", felony.to_string()),
            ("sex", sex.to_owned()),
        ],
        positive: points > 38 + against,
        decision: (!age.is_multiple_of(10)).then_some(priors + juvenile < 4),
        complies: dice.below(8) > 0,
    }
}

/// The same numbers on every machine.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// A number below `limit`, which is above 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
