//! The usual aggregations of a campaign, with their noise and times: what nobody has to write out.
//!
//! Organisers' programs and simulations make their plans here; [`super::CheckedPlan`] judges what comes out.

use super::{Aggregation, Kind, Scoring, SelectionMode};
use crate::{
    aggregation::{
        Circuit, SetupError,
        noise::{Noise, NoiseError, Rho},
    },
    audit::Case,
    ids::AggregationId,
    keys::vss::SeatCounts,
    roles::Time,
    scoring::{
        cells::CellShape,
        method::Method,
        ridge::{self, Protected, RidgeError},
        scale::{Scale, ScaleError},
        scaling::Scaling,
    },
    selection::{confirmation, open_scores::OPEN_SCORES_BELOW, unit::Bins},
};
use std::num::NonZeroU32;
use thiserror::Error;

/// What one audit takes of a person's budget, in 64ths.
pub const AUDIT_SIXTY_FOURTHS: u8 = 8;

/// Which aggregations a campaign has besides the reference.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent visits")]
pub struct Visits {
    /// Whom to ask.
    pub selection: bool,
    /// Marginal histograms, instead of public ones.
    pub scale: bool,
    /// A finer histogram of the boundary bin.
    pub refinement: bool,
    /// Who flipped.
    pub confirmation: bool,
    /// Ask more if too few flipped.
    pub top_up: bool,
    /// The firm's decisions, before and after.
    pub audits: bool,
}

/// When reports are collected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Schedule {
    /// The first aggregations open when enrolment closes.
    pub enrolment_closes: Time,
    /// How long each collects reports.
    pub collecting_millis: u64,
    /// What verification, release and endorsement may take, before what depends on a result opens.
    pub closing_millis: u64,
    /// When the audit after opens at the earliest: the firm must have retrained.
    pub audit_after: Option<Time>,
}

impl Schedule {
    /// What patience must be below where keyholders can be lost, in milliseconds: [`super::Plan::patience_below_millis`] of
    /// any plan with this schedule.
    pub fn patience_below_millis(&self) -> u64 {
        let Self { collecting_millis, closing_millis, .. } = *self;
        collecting_millis.min(collecting_millis.saturating_add(closing_millis).div_ceil(2))
    }
}

/// Everything that the aggregations follow from.
#[derive(Clone, Copy, Debug)]
pub struct Outline<'a> {
    /// Its schema and the bins of `scale`.
    pub scoring: &'a Scoring,
    /// Of the score histogram.
    pub bins: Bins,
    /// What donors lend, by [`reference()`]; nothing for `random` and for a published sample.
    pub reference: Option<&'a Circuit>,
    /// What is asked of people.
    pub visits: Visits,
    /// How it comes to be known whom to ask.
    pub mode: SelectionMode,
    /// What a person is charged in the whole campaign; without noise if none.
    pub rho: Option<Rho>,
    /// Of the reference, in place of what `rho` gives.
    pub reference_noise: Option<Noise>,
    /// h.
    pub honest_seats: u8,
    /// The most people that can report.
    pub reporters_max: u32,
    /// When.
    pub schedule: Schedule,
}

/// Why there are no such aggregations.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum OutlineError {
    /// A circuit cannot be built.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// No such noise.
    #[error(transparent)]
    Noise(#[from] NoiseError),
    /// Marginal histograms do not fit a grid.
    #[error(transparent)]
    Scale(#[from] ScaleError),
    /// No regression over these coordinates.
    #[error(transparent)]
    Ridge(#[from] RidgeError),
}

/// What donors lend, for a score that is not exact over a published sample and knows the scaling beforehand.
///
/// # Errors
/// [`OutlineError::Setup`], [`OutlineError::Ridge`].
pub fn reference(
    scoring: &Scoring,
    scaling: &Scaling,
    donors: NonZeroU32,
    rho: Option<Rho>,
) -> Result<Option<Circuit>, OutlineError> {
    if !scoring.published.is_empty() {
        return Ok(None);
    }
    Ok(match scoring.method {
        Method::Random => None,
        Method::RbProb => {
            let protected = if rho.is_some() { Protected::ByNoise } else { Protected::No };
            Some(Circuit::Gram(ridge::gram(scaling, &scoring.schema.blocks(), protected)?))
        }
        Method::RbLabel | Method::RbDist => {
            let shape = match rho {
                None => CellShape::without_noise(donors),
                Some(_) => CellShape::with_noise(donors),
            };
            Some(Circuit::Grid(shape.grid()?))
        }
    })
}

/// The most seats that can be assumed honest: `T - c - (T - t)`, 1 without recovery. Impossible numbers give at least
/// one, and are refused with the plan.
pub fn honest_seats_max(of: SeatCounts) -> u8 {
    let SeatCounts { seats, threshold } = of;
    match threshold {
        0 => 1,
        t => {
            let corrupt = (t - 1).min(t.saturating_mul(2).saturating_sub(seats.saturating_add(1)));
            seats.saturating_sub(corrupt).saturating_sub(seats.saturating_sub(t)).max(1)
        }
    }
}

impl Outline<'_> {
    /// The aggregations, in the order of their openings. What depends on nothing is asked for in one visit.
    ///
    /// # Errors
    /// [`OutlineError`].
    pub fn aggregations(&self) -> Result<Vec<Aggregation>, OutlineError> {
        let Schedule { enrolment_closes, collecting_millis, closing_millis, audit_after } =
            self.schedule;
        let circuits = self.circuits()?;
        let kinds: Vec<Kind> = circuits.iter().map(|(kind, _)| *kind).collect();
        let place = |kind: Kind| {
            let place = kinds.iter().position(|other| *other == kind)?;
            Some(AggregationId(u16::try_from(place).ok()?))
        };
        let mut opens = enrolment_closes;
        let mut list = Vec::new();
        for (kind, circuit) in circuits {
            let depends_on: Vec<_> = depends_on(kind).iter().copied().filter_map(place).collect();
            if !depends_on.is_empty() {
                opens = opens.after_millis(collecting_millis).after_millis(closing_millis);
            }
            if kind == Kind::AuditAfter {
                opens = opens.max(audit_after.unwrap_or_default());
            }
            let open = kind == Kind::Selection && self.mode == SelectionMode::OpenScores;
            let noise = if open { None } else { self.noise(kind, &circuit)? };
            let closes = opens.after_millis(collecting_millis);
            let few = u32::try_from(OPEN_SCORES_BELOW - 1).unwrap_or(u32::MAX);
            let reporters_max = if open { few } else { self.reporters_max };
            list.push(Aggregation {
                kind,
                circuit,
                noise,
                reporters_max,
                depends_on,
                opens,
                closes,
            });
        }
        Ok(list)
    }

    fn circuits(&self) -> Result<Vec<(Kind, Circuit)>, OutlineError> {
        let Visits { selection, scale, refinement, confirmation, audits, top_up: _ } = self.visits;
        let scale = scale
            .then(|| Scale::new(&self.scoring.schema, self.scoring.scale_bins))
            .transpose()?
            .map(|scale| (Kind::Scale, Circuit::Grid(scale.grid())));
        let reference = self.reference.map(|circuit| {
            let kind = match circuit {
                Circuit::Gram(_) => Kind::Regressor,
                Circuit::Grid(_) | Circuit::StandardGrid(_) => Kind::Neighbours,
            };
            (kind, circuit.clone())
        });
        let one = |wanted: bool, kind, grid| wanted.then_some((kind, Circuit::Grid(grid)));
        let flips = confirmation::Outcome::grid();
        let all = [
            one(audits, Kind::AuditBefore, Case::grid()),
            scale,
            reference,
            one(selection, Kind::Selection, self.bins.grid()),
            one(refinement, Kind::Refinement, self.bins.grid()),
            one(confirmation, Kind::Confirmation, flips),
            one(audits, Kind::AuditAfter, Case::grid()),
        ];
        Ok(all.into_iter().flatten().collect())
    }

    /// The noise of one aggregation: a donor's budget goes to the reference and the audits, a member's to
    /// selection, confirmation and the audits. Shares are counted in 64ths of what is charged in all.
    fn noise(&self, kind: Kind, circuit: &Circuit) -> Result<Option<Noise>, OutlineError> {
        if let (Some(noise), Kind::Neighbours | Kind::Regressor) = (self.reference_noise, kind) {
            return Ok(Some(noise));
        }
        let Some(rho) = self.rho else { return Ok(None) };
        let Visits { scale, refinement, confirmation, audits, .. } = self.visits;
        let left = 64 - if audits { 2 * AUDIT_SIXTY_FOURTHS } else { 0 };
        let confirm = if confirmation { left / 4 } else { 0 };
        let share = match kind {
            Kind::AuditBefore | Kind::AuditAfter => AUDIT_SIXTY_FOURTHS,
            Kind::Confirmation => confirm,
            Kind::Selection | Kind::Refinement if refinement => (left - confirm) / 2,
            Kind::Selection | Kind::Refinement => left - confirm,
            Kind::Scale => left / 4,
            Kind::Neighbours | Kind::Regressor if scale => left - left / 4,
            Kind::Neighbours | Kind::Regressor => left,
        };
        Ok(Some(Noise::for_rho(circuit, rho.sixty_fourths(share), self.honest_seats)?))
    }
}

/// What must have a result before, where it is part of the campaign.
const fn depends_on(kind: Kind) -> &'static [Kind] {
    const LENT: [Kind; 3] = [Kind::Scale, Kind::Neighbours, Kind::Regressor];
    match kind {
        Kind::Neighbours | Kind::Regressor => &[Kind::Scale],
        Kind::Selection => &LENT,
        Kind::Refinement => &[LENT[0], LENT[1], LENT[2], Kind::Selection],
        Kind::Confirmation => &[LENT[0], LENT[1], LENT[2], Kind::Selection, Kind::Refinement],
        // The firm retrains on what was reported after the decision.
        Kind::AuditAfter => &[Kind::Selection, Kind::Refinement, Kind::Confirmation],
        Kind::Scale | Kind::AuditBefore => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aggregation::noise::{DELTA, rho_for_epsilon},
        keys::{Label, stream},
        scoring::{
            design::DesignBuilder,
            scaling::Encoding,
            schema::{Feature, FeatureKind, Schema, Value},
        },
    };

    /// Whoever cannot lend is missing, and not at random.
    #[test]
    fn a_record_with_everything_on_can_be_lent() {
        let feature = |name: &str, kind| Feature { name: name.into(), unit: None, kind };
        let levels = ["alone", "together"].map(String::from).to_vec();
        let schema = Schema::new(vec![
            feature("age", FeatureKind::Numeric { min: 0.0, max: 100.0 }),
            feature("employed", FeatureKind::Flag),
            feature("household", FeatureKind::Categorical { levels }),
        ])
        .unwrap();
        let scaling = Scaling::from_ranges(&schema, Encoding::Mix);
        let mut record = DesignBuilder::new(&schema);
        record.push(&[Value::Number(100.0), Value::Flag(true), Value::Level(1)]);
        let record = scaling.apply(&record.finish());
        let scoring = Scoring {
            schema,
            method: Method::RbProb,
            k: 3,
            scaling: Some(scaling.clone()),
            centres: None,
            scale_bins: 8,
            published: Vec::new(),
        };
        for rho in [None, Some(rho_for_epsilon(4.0, DELTA))] {
            let donors = NonZeroU32::new(20).unwrap();
            let circuit = reference(&scoring, &scaling, donors, rho).unwrap();
            let Some(Circuit::Gram(gram)) = circuit else { panic!("{circuit:?}") };
            let row = ridge::centred(&gram, &record, &[true]).row(0).to_vec();
            let mut rng = stream(Label::Rounding, &[0; 32], &[]);
            assert!(gram.measure(&row, &mut rng).is_ok(), "{gram:?}");
        }
    }

    #[test]
    fn no_more_seats_are_assumed_honest_than_withstand_loss_and_collusion() {
        let most = |seats, threshold| honest_seats_max(SeatCounts { seats, threshold });
        assert_eq!([most(5, 4), most(7, 6), most(7, 5), most(3, 0)], [2, 2, 3, 1]);
    }
}
