//! What stands between the record and the machine: the record as the protocol's [`Person`], and what it says later.

use protocol::{
    aggregation::Measurement,
    campaign::{CheckedManifest, Kind},
    ids::AggregationId,
    person::{Outcomes, Person},
    roles::participant::{Configuration, Measurer, MeasurerError},
    selection::unit::Unit,
    transcript::Opening,
};
use serde::{Deserialize, Serialize};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use crate::record::Record;

/// What a report says that the record does not give. Secret like the record.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Whether the person has reported the positive label, if it was asked to.
    pub complies: bool,
    /// The firm's decision after it has retrained, if it is known.
    pub accepted_after: Option<bool>,
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Statement([redacted])")
    }
}

/// Where a person's statements are looked up at the moment a report is made.
pub trait Statements {
    /// What the person says now.
    fn current(&self) -> Statement;
}

impl Statements for Statement {
    fn current(&self) -> Statement {
        *self
    }
}

/// A statement that others can change while the machine runs.
impl Statements for Arc<Mutex<Statement>> {
    fn current(&self) -> Statement {
        *self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A person's own side of a campaign: the record, and what was said in reports that are made.
pub struct Own<S> {
    person: Option<Person>,
    statements: S,
    /// Said in reports that were prepared: they say it again after a restart.
    fixed: RefCell<BTreeMap<AggregationId, Statement>>,
    /// Said in the last measurement.
    used: RefCell<BTreeMap<AggregationId, Statement>>,
}

impl<S> fmt::Debug for Own<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Own([redacted])")
    }
}

/// Whether reports of this kind say more than the record.
const fn asks_more(kind: Kind) -> bool {
    match kind {
        Kind::Confirmation | Kind::AuditAfter => true,
        Kind::Scale
        | Kind::Neighbours
        | Kind::Regressor
        | Kind::Selection
        | Kind::Refinement
        | Kind::AuditBefore => false,
    }
}

impl<S> Own<S> {
    pub(super) fn new(
        configuration: &Configuration,
        record: Option<&Record>,
        statements: S,
    ) -> Self {
        let person = record.map(|record| Person {
            values: record.values.clone(),
            positive: record.positive,
            role: record.role,
            accepted: record.accepted,
            complies: false,
            secret: *configuration.key.expose(),
        });
        Self { person, statements, fixed: RefCell::default(), used: RefCell::default() }
    }

    /// The person, if there is a record.
    pub const fn person(&self) -> Option<&Person> {
        self.person.as_ref()
    }

    /// What a prepared report has said is said again; whether that is new.
    pub(super) fn fix(&self, id: AggregationId, statement: Statement) -> bool {
        self.fixed.borrow_mut().insert(id, statement) != Some(statement)
    }

    /// The next report is a new one.
    pub(super) fn forget(&self, id: AggregationId) {
        self.fixed.borrow_mut().remove(&id);
    }

    /// What the last measurement for this aggregation said besides the record.
    pub(super) fn used(&self, id: AggregationId) -> Option<Statement> {
        self.used.borrow().get(&id).copied()
    }
}

impl<S: Statements> Measurer for Own<S> {
    fn measure(
        &mut self,
        manifest: &CheckedManifest,
        opening: &Opening,
        outcomes: &Outcomes,
    ) -> Result<Option<Measurement>, MeasurerError> {
        let person = self.person.as_ref().ok_or(MeasurerError::Record)?;
        let id = opening.aggregation;
        let kind = manifest.aggregation(id).map(|of| of.kind);
        let Some(kind) = kind.filter(|kind| asks_more(*kind)) else {
            return measured(person.clone(), manifest, opening, outcomes);
        };
        let fixed = self.fixed.borrow().get(&id).copied();
        let said = fixed.unwrap_or_else(|| self.statements.current());
        self.used.borrow_mut().insert(id, said);
        let mut person = person.clone();
        person.complies = said.complies;
        if kind == Kind::AuditAfter {
            person.accepted = said.accepted_after;
        }
        measured(person, manifest, opening, outcomes)
    }

    fn open_score(
        &mut self,
        manifest: &CheckedManifest,
        opening: &Opening,
        outcomes: &Outcomes,
    ) -> Result<Option<Unit>, MeasurerError> {
        let person = self.person.as_mut().ok_or(MeasurerError::Record)?;
        Measurer::open_score(person, manifest, opening, outcomes)
    }
}

/// [`Person`] has two methods of one name: this is the one of [`Measurer`].
fn measured(
    mut person: Person,
    manifest: &CheckedManifest,
    opening: &Opening,
    outcomes: &Outcomes,
) -> Result<Option<Measurement>, MeasurerError> {
    Measurer::measure(&mut person, manifest, opening, outcomes)
}
