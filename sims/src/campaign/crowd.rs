//! The people of a simulated campaign, and what they know of the firm.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use protocol::aggregation::Measurement;
use protocol::aggregation::noise::Role;
use protocol::campaign::{CheckedManifest, Kind};
use protocol::ids::AggregationId;
use protocol::person::{Outcomes, Person, PersonError, View};
use protocol::roles::participant::{Measurer, MeasurerError};
use protocol::selection::unit::Unit;
use protocol::transcript::Opening;

/// Decisions of a firm on everybody, after these people (by number) reported the positive label.
pub type Firm<'a> = Box<dyn Fn(&BTreeSet<usize>) -> Vec<bool> + 'a>;

/// Everybody, in one place: only a simulation has this.
pub struct Crowd<'a> {
    people: Vec<Person>,
    /// What follows from an opening for everybody, computed once.
    views: RefCell<BTreeMap<[u8; 32], Rc<View>>>,
    /// Who has flipped so far.
    flipped: RefCell<BTreeSet<usize>>,
    /// What everybody has measured, for the plaintext sum.
    measured: RefCell<BTreeMap<(AggregationId, usize), Measurement>>,
    /// What candidates have sent in the open.
    scored: RefCell<BTreeMap<usize, Unit>>,
    /// Who was still there when flips were confirmed, or when scores were sent in the open.
    confirmed: RefCell<BTreeSet<usize>>,
    firm: Option<Firm<'a>>,
    after: RefCell<Option<Vec<bool>>>,
    keeps: bool,
    /// Measurements in place of those that follow from the records, for studies of one aggregation.
    fixed: Option<Vec<Measurement>>,
}

impl std::fmt::Debug for Crowd<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Crowd").field("people", &self.people.len()).finish_non_exhaustive()
    }
}

impl<'a> Crowd<'a> {
    /// People, and the firm that decides on them anew once they have flipped.
    pub fn new(people: Vec<Person>, firm: Option<Firm<'a>>) -> Self {
        Self {
            people,
            views: RefCell::default(),
            flipped: RefCell::default(),
            confirmed: RefCell::default(),
            measured: RefCell::default(),
            scored: RefCell::default(),
            firm,
            after: RefCell::default(),
            fixed: None,
            keeps: false,
        }
    }

    /// Donors of which only these measurements are known.
    pub fn of_measurements(people: Vec<Person>, fixed: Vec<Measurement>) -> Self {
        Self { fixed: Some(fixed), ..Self::new(people, None) }
    }

    /// Everybody, by number.
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// How many there are in one role.
    pub fn count(&self, role: Role) -> usize {
        self.people.iter().filter(|person| person.role == role).count()
    }

    /// Who was asked and reported the positive label, by number.
    pub fn flipped(&self) -> BTreeSet<usize> {
        self.flipped.borrow().clone()
    }

    /// Learns what the selection has decided: whoever is asked and complies flips.
    ///
    /// # Errors
    /// [`PersonError`].
    pub fn decide(
        &self,
        manifest: &CheckedManifest,
        outcomes: &Outcomes,
        number: usize,
    ) -> Result<bool, PersonError> {
        let (plan, campaign) = (manifest.plan(), manifest.campaign());
        let view = self.view([0; 32], || View::of_decision(plan, campaign, outcomes))?;
        let Some(person) = self.people.get(number) else { return Ok(false) };
        let asked = person.is_asked(plan, &view)?;
        if asked && person.complies {
            self.flipped.borrow_mut().insert(number);
        }
        Ok(asked)
    }

    fn view(
        &self,
        context: [u8; 32],
        derive: impl FnOnce() -> Result<View, PersonError>,
    ) -> Result<Rc<View>, PersonError> {
        if let Some(view) = self.views.borrow().get(&context) {
            return Ok(Rc::clone(view));
        }
        let view = Rc::new(derive()?);
        self.views.borrow_mut().insert(context, Rc::clone(&view));
        Ok(view)
    }

    fn keep(&self, aggregation: AggregationId, number: usize, measured: &Measurement) {
        if self.keeps {
            self.measured.borrow_mut().insert((aggregation, number), measured.clone());
        }
    }

    /// What a person has measured, if the crowd keeps it.
    pub fn measured(&self, aggregation: AggregationId, number: usize) -> Option<Measurement> {
        self.measured.borrow().get(&(aggregation, number)).cloned()
    }

    /// Keeps what everybody measures.
    #[must_use]
    pub fn keeping(self) -> Self {
        Self { keeps: true, ..self }
    }

    /// The firm's decision on one person after everybody who flips has flipped.
    fn decision_after(&self, number: usize) -> Option<bool> {
        let mut after = self.after.borrow_mut();
        let firm = self.firm.as_ref()?;
        let decisions = after.get_or_insert_with(|| firm(&self.flipped.borrow()));
        decisions.get(number).copied()
    }

    fn open_score(
        &self,
        manifest: &CheckedManifest,
        opening: &Opening,
        outcomes: &Outcomes,
        number: usize,
    ) -> Result<Option<Unit>, PersonError> {
        let plan = manifest.plan();
        let view = self.view(opening.context().0, || View::derive(plan, opening, outcomes))?;
        let person = self.people.get(number).ok_or(PersonError::Record)?;
        let score = person.candidate_score(plan, &view)?;
        // There is no confirmation: who has sent a score is who hears the answer.
        self.confirmed.borrow_mut().insert(number);
        if let Some(score) = score.filter(|_| self.keeps) {
            self.scored.borrow_mut().insert(number, score);
        }
        Ok(score)
    }

    /// The score that a person has sent in the open, if the crowd keeps it.
    pub fn scored(&self, number: usize) -> Option<Unit> {
        self.scored.borrow().get(&number).copied()
    }

    fn measure(
        &self,
        manifest: &CheckedManifest,
        opening: &Opening,
        outcomes: &Outcomes,
        number: usize,
    ) -> Result<Measurement, PersonError> {
        if let Some(fixed) = &self.fixed {
            return fixed.get(number).cloned().ok_or(PersonError::Record);
        }
        let plan = manifest.plan();
        let view = self.view(opening.context().0, || View::derive(plan, opening, outcomes))?;
        let person = self.people.get(number).ok_or(PersonError::Record)?;
        let kind = plan.aggregation(opening.aggregation).map(|of| of.kind);
        if kind == Some(Kind::Confirmation) {
            self.confirmed.borrow_mut().insert(number);
        }
        if kind == Some(Kind::AuditAfter) {
            if self.after.borrow().is_none() {
                for number in self.confirmed.borrow().iter() {
                    self.decide(manifest, outcomes, *number)?;
                }
            }
            let mut later = person.clone();
            later.accepted = self.decision_after(number);
            return later.measure(plan, &view);
        }
        person.measure(plan, &view)
    }
}

/// One person's record, for its machine.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// Everybody.
    pub crowd: Rc<Crowd<'a>>,
    /// Which one.
    pub number: usize,
}

impl Measurer for Place<'_> {
    fn measure(
        &mut self,
        manifest: &CheckedManifest,
        opening: &Opening,
        outcomes: &Outcomes,
    ) -> Result<Option<Measurement>, MeasurerError> {
        let measured = self.crowd.measure(manifest, opening, outcomes, self.number);
        let measured = measured.map_err(MeasurerError::Person)?;
        self.crowd.keep(opening.aggregation, self.number, &measured);
        Ok(Some(measured))
    }

    fn open_score(
        &mut self,
        manifest: &CheckedManifest,
        opening: &Opening,
        outcomes: &Outcomes,
    ) -> Result<Option<Unit>, MeasurerError> {
        let score = self.crowd.open_score(manifest, opening, outcomes, self.number);
        score.map_err(MeasurerError::Person)
    }
}
