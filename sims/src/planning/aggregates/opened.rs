//! Aggregates out of the transcript of a finished campaign, for the next one's plan: what donors' moments (the
//! `regressor` aggregation) say of the majority, and the audit before of the minority. Nobody is asked again.

use ndarray::Array2;
use protocol::aggregation::{AggregateResult, GramSum};
use protocol::audit::{Audit, AuditError};
use protocol::campaign::Kind;
use protocol::ids::AggregationId;
use protocol::scoring::design::ColumnKind;
use protocol::scoring::marginals::{Marginal, MarginalError, Marginals};
use protocol::scoring::ridge::{self, Protected, RidgeError};
use protocol::scoring::scale::{Scale, ScaleError};
use protocol::scoring::scaling::{Encoding, Scaling, ScalingSpec};
use protocol::scoring::schema::FeatureKind;
use protocol::transcript::Transcript;

use super::{Aggregates, Group, TEST_SHARE};
use crate::population::moments::Histogram;
use crate::statistics::NORMAL;

/// Why a transcript holds no aggregates of people.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenedError {
    /// The campaign did not have it.
    #[error("this campaign has no {what}; needed: the moments of rb-prob's donors, and audits")]
    Absent {
        /// What.
        what: &'static str,
    },
    /// No result.
    #[error("the {what} was not opened")]
    NotOpened {
        /// Which aggregation.
        what: &'static str,
    },
    /// Rates of too few people.
    #[error(
        "the audit counts fewer than 10 minority people with some label and decision: too few for a rate"
    )]
    Withheld,
    /// Noise hides what is needed.
    #[error(
        "the share of donors with a positive label came out as {share}: there is too much noise"
    )]
    Noise {
        /// As summed.
        share: f64,
    },
    /// The audit cannot be read.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The moments cannot be read.
    #[error(transparent)]
    Moments(#[from] RidgeError),
    /// The scale cannot be read.
    #[error(transparent)]
    Scale(#[from] ScaleError),
    /// The scale says nothing of a feature.
    #[error(transparent)]
    Marginal(#[from] MarginalError),
}

/// What is known, and what whoever uses it must know.
///
/// # Errors
/// Every [`OpenedError`].
pub fn of(transcript: &Transcript) -> Result<(Aggregates, Vec<String>), OpenedError> {
    let plan = transcript.plan();
    let schema = plan.scoring.schema.clone();
    let marginals = marginals(transcript)?;
    let scaling = match (&plan.scoring.scaling, &marginals) {
        (Some(scaling), _) => scaling.clone(),
        (None, Some(marginals)) => Scaling::from_marginals(&schema, marginals, Encoding::Mix)?,
        (None, None) => return Err(OpenedError::Absent { what: "scaling" }),
    };
    let mut notes = Vec::new();
    let majority = donors(transcript, &scaling, marginals.as_ref(), &mut notes)?;
    let minority = audited(transcript, &mut notes)?;
    let minority = Group { histograms: vec![None; majority.histograms.len()], ..minority };
    notes.push(
        "people: those who reported. Their ratio decides M_SP: put the firm's numbers there, if you know them."
            .to_owned(),
    );
    let name = plan.texts.firm.clone();
    Ok((Aggregates { name, schema, test_share: TEST_SHARE, groups: [majority, minority] }, notes))
}

/// How features are distributed, if donors reported that.
fn marginals(transcript: &Transcript) -> Result<Option<Marginals>, OpenedError> {
    let plan = transcript.plan();
    let Some(id) = plan.of_kind(Kind::Scale) else { return Ok(None) };
    let Some(AggregateResult::Grid(sum)) = transcript.opened(id) else {
        return Err(OpenedError::NotOpened { what: "scale" });
    };
    Ok(Some(Scale::new(&plan.scoring.schema, plan.scoring.scale_bins)?.marginals(&sum)?))
}

/// The majority by its donors' moments, in coordinates that are not scaled.
fn donors(
    transcript: &Transcript,
    scaling: &Scaling,
    marginals: Option<&Marginals>,
    notes: &mut Vec<String>,
) -> Result<Group, OpenedError> {
    let what = "regressor (donors' moments)";
    let plan = transcript.plan();
    let id = plan.of_kind(Kind::Regressor).ok_or(OpenedError::Absent { what })?;
    let Some(AggregateResult::Gram(sum)) = transcript.opened(id) else {
        return Err(OpenedError::NotOpened { what });
    };
    noted(transcript, id, &sum, scaling, notes);
    let moments = ridge::moments(&sum, &plan.scoring.schema.blocks())?;
    let count = f64::from(sum.reporters());
    let ScalingSpec { kinds, mean: centre, sd: unit, .. } = ScalingSpec::from(scaling.clone());
    let columns = kinds.len();
    let first = |j: usize| moments[(0, j + 1)] / count;
    let positive = first(columns);
    if !(positive > 0.0 && positive < 1.0) {
        return Err(OpenedError::Noise { share: positive });
    }
    let mut moved = 0;
    let mut within = |value: f64, low: f64, high: f64| {
        moved += usize::from(value < low || value > high);
        value.clamp(low, high)
    };
    let mut mean: Vec<f64> = (0..columns).map(|j| centre[j] + unit[j] * first(j)).collect();
    for (share, _) in
        mean.iter_mut().zip(&kinds).filter(|(_, kind)| **kind == ColumnKind::Indicator)
    {
        *share = within(*share, 0.0, 1.0);
    }
    let scale = |j: usize| unit.get(j).copied().unwrap_or(1.0);
    let around = |i: usize, j: usize| moments[(i + 1, j + 1)] / count - first(i) * first(j);
    // Noise of standard deviation sigma moves the eigenvalues of a sum of m coordinates by about 2 sigma sqrt(m).
    let noise = plan.aggregation(id).and_then(|of| of.noise);
    let sigma = noise.map_or(0.0, |noise| noise.published_sigma(plan.seats()));
    let coordinates = f64::from(u32::try_from(columns + 1).unwrap_or(u32::MAX));
    let noise = 2.0 * sigma * coordinates.sqrt() / count;
    let kept = |j: usize| {
        let own = around(j, j).max(0.0);
        if j == columns || noise <= 0.0 { 1.0 } else { (own / (own + noise)).sqrt() }
    };
    let mut covariance = Array2::from_shape_fn((columns + 1, columns + 1), |(i, j)| {
        let kept = if i == j { 1.0 } else { kept(i) * kept(j) };
        kept * scale(i) * scale(j) * around(i, j)
    });
    for variance in covariance.diag_mut() {
        *variance = within(*variance, 0.0, f64::INFINITY);
    }
    if moved > 0 {
        notes.push(format!(
            "{moved} shares or variances came out below 0 or above 1 by noise, and stand at that end."
        ));
    }
    let people = usize::try_from(sum.reporters()).unwrap_or(usize::MAX);
    let histograms = histograms(transcript, marginals);
    Ok(Group { people, positive, mean: Some(mean), covariance: Some(covariance), histograms })
}

/// What the moments are worth.
fn noted(
    transcript: &Transcript,
    id: AggregationId,
    sum: &GramSum,
    scaling: &Scaling,
    notes: &mut Vec<String>,
) {
    let plan = transcript.plan();
    if let Some(noise) = plan.aggregation(id).and_then(|of| of.noise) {
        let sigma = noise.published_sigma(plan.seats());
        let each = NORMAL * sigma / f64::from(sum.reporters());
        notes.push(format!(
            "Published with noise: each mean and covariance is uncertain by {each:.3} (95%), where a number's spread is about 1. Covariances are shrunk as if every spread were larger by what noise may do to it, so that noise makes no feature a sure sign."
        ));
    }
    let whole = ridge::gram(scaling, &plan.scoring.schema.blocks(), Protected::No);
    if whole.is_ok_and(|whole| *sum.gram() != whole) {
        notes.push(
            "Numbers far from the middle were drawn in before they were summed: spreads are somewhat too small."
                .to_owned(),
        );
    }
}

const fn is_number(kind: &FeatureKind) -> bool {
    !matches!(kind, FeatureKind::Flag | FeatureKind::Categorical { .. })
}

/// Per number, what the `scale` aggregation opened.
fn histograms(transcript: &Transcript, marginals: Option<&Marginals>) -> Vec<Option<Histogram>> {
    let features = transcript.plan().scoring.schema.features();
    let numbers = features.iter().enumerate().filter(|(_, feature)| is_number(&feature.kind));
    let real = |weights: &[u32]| weights.iter().copied().map(f64::from).collect();
    let own = |(place, _)| match marginals?.features().get::<usize>(place)? {
        Marginal::Numbers { values, weights } => {
            Some(Histogram { values: values.clone(), weights: real(weights) })
        }
        Marginal::Levels { weights } => {
            let values = (0..u32::MAX).map(f64::from).take(weights.len()).collect();
            Some(Histogram { values, weights: real(weights) })
        }
        Marginal::Flag { .. } => None,
    };
    numbers.map(own).collect()
}

/// Size and rate of the minority, by the audit before.
fn audited(transcript: &Transcript, notes: &mut Vec<String>) -> Result<Group, OpenedError> {
    let what = "audit before";
    let plan = transcript.plan();
    let id = plan.of_kind(Kind::AuditBefore).ok_or(OpenedError::Absent { what })?;
    let Some(AggregateResult::Grid(sum)) = transcript.opened(id) else {
        return Err(OpenedError::NotOpened { what });
    };
    let audit = Audit::open(&sum, plan.published_sigma_milli(id).unwrap_or(0))?;
    let [_, [negative, positive]] = audit.published();
    let both = |counts: [Option<i64>; 2]| Some(counts[0]? + counts[1]?);
    let (Some(negative), Some(positive)) = (both(negative), both(positive)) else {
        return Err(OpenedError::Withheld);
    };
    notes.push("Of the minority only size and rate are known, by the audit before.".to_owned());
    let people = usize::try_from(negative + positive).unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "people are far below 2^53")]
    let rate = positive as f64 / (negative + positive) as f64;
    Ok(Group { people, positive: rate, mean: None, covariance: None, histograms: Vec::new() })
}
