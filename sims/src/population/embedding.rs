//! Waterbirds-like embeddings: not the photographs, but Gaussian clouds in their proportions.
//!
//! Label `y`: the bird is a waterbird. Group: the place, water or land. How many of each
//! (y, water) is as in the train images of Waterbirds: (0, 0) 3,525; (0, 1) 186; (1, 0) 54;
//! (1, 1) 1,030. A record is
//!
//! ```text
//! x = (bird / 2) (2 y - 1) u + (place / 2) (2 water - 1) v + N
//! ```
//!
//! with unit vectors `u` orthogonal to `v` spread evenly over all coordinates, and `N` coordinates
//! with mean 0, variance 1, bounded by ±6 (sums of twelve uniforms). `bird` and `place` are the
//! distances between the means, in standard deviations. Each coordinate lies within
//! `6 + (bird + place) / (2 sqrt(d))` by construction.
//!
//! The place alone tells the bird for all but 240 of 4,795 (.05), so a firm that also sees the bird
//! errs far less often than that on people like these (about .01). The customary figure for these
//! data, the mean error over the four cells, is about .07.
//!
//! The minority is the land by default: it has the wanted label (waterbird) far less often (.015
//! against .85), and only it has enough candidates for the paper's 700 flips at alpha = 0.3.
//! [`Minority::Water`] is the same people with the groups exchanged; flips then widen the gap.

use protocol::scoring::design::DesignBuilder;
use protocol::scoring::schema::{FeatureKind, Schema, Value};
use serde::{Deserialize, Serialize};

use super::{Draws, PopulationError, Stream, check_seed, check_within, feature, fingerprint, push};
use crate::dataset::Dataset;

/// Waterbirds' train images: (waterbird, on water, how many).
const CELLS: [(bool, bool, usize); 4] =
    [(false, false, 3_525), (false, true, 186), (true, false, 54), (true, true, 1_030)];
const GAUSSIAN_BOUND: f64 = 6.0;

/// Which place is the minority's.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Minority {
    /// Land, where waterbirds are rare.
    #[default]
    Land,
    /// Water, where most birds are waterbirds.
    Water,
}

/// How many features, and how far apart the clouds.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct EmbeddingSettings {
    /// How many features: even, 2 to 4,096.
    pub features: u16,
    /// Between the means of the two birds, in standard deviations.
    pub bird: f64,
    /// Between the means of the two places, in standard deviations.
    pub place: f64,
    /// Which place is the minority's.
    pub minority: Minority,
    /// Other seed, other people; below 2^32.
    pub seed: u64,
}

impl Default for EmbeddingSettings {
    fn default() -> Self {
        Self { features: 64, bird: 4.1, place: 4.0, minority: Minority::Land, seed: 0 }
    }
}

/// Draws the birds, in an order that tells nothing.
///
/// # Errors
/// [`PopulationError::Seed`], [`PopulationError::Setting`].
pub fn generate(settings: &EmbeddingSettings) -> Result<Dataset, PopulationError> {
    check_seed(settings.seed)?;
    let count = settings.features;
    check_within("features", f64::from(count), 2.0, 4_096.0)?;
    check_within("odd features", f64::from(count % 2), 0.0, 0.0)?;
    check_within("bird", settings.bird, 0.0, 100.0)?;
    check_within("place", settings.place, 0.0, 100.0)?;
    let schema = schema(settings);
    let cells: Vec<(bool, bool)> = CELLS
        .iter()
        .flat_map(|&(bird, place, count)| std::iter::repeat_n((bird, place), count))
        .collect();
    let mut records = DesignBuilder::new(&schema);
    let (mut minority, mut positive) = (vec![], vec![]);
    for row in shuffled(settings.seed, cells.len()) {
        let (waterbird, water) = cells[row];
        push(&mut records, schema.features(), &embed(settings, row, waterbird, water));
        minority.push(match settings.minority {
            Minority::Land => !water,
            Minority::Water => water,
        });
        positive.push(waterbird);
    }
    Ok(Dataset {
        name: "waterbirds-like (synthetic)".to_owned(),
        schema,
        records: records.finish(),
        minority,
        positive,
        test_share: 0.3,
        fingerprint: fingerprint("waterbirds-like 2", settings),
        counterfactual: None,
    })
}

/// All rows in an order of their own, drawn at a slot behind those of the features.
fn shuffled(seed: u64, count: usize) -> Vec<usize> {
    let mut keyed: Vec<(f64, usize)> = (0..count)
        .map(|row| (Draws { seed, stream: Stream::Embedding, row }.uniform(1 << 16), row))
        .collect();
    keyed.sort_by(|one, two| one.0.total_cmp(&two.0).then(one.1.cmp(&two.1)));
    keyed.into_iter().map(|(_, row)| row).collect()
}

fn embed(settings: &EmbeddingSettings, row: usize, waterbird: bool, water: bool) -> Vec<Value> {
    let draws = Draws { seed: settings.seed, stream: Stream::Embedding, row };
    let side = |on: bool| if on { 0.5 } else { -0.5 };
    let unit = 1.0 / f64::from(settings.features).sqrt();
    (0..settings.features)
        .map(|j| {
            // u = (1, 1, 1, 1, ..) and v = (1, -1, 1, -1, ..), over the square root of d.
            let sign = if j % 2 == 0 { 1.0 } else { -1.0 };
            let mean = settings.bird * side(waterbird) + sign * settings.place * side(water);
            Value::Number(mean * unit + draws.gaussian(u32::from(j)))
        })
        .collect()
}

fn schema(settings: &EmbeddingSettings) -> Schema {
    let spread = (settings.bird + settings.place) / (2.0 * f64::from(settings.features).sqrt());
    let max = (GAUSSIAN_BOUND + spread).ceil();
    let features = (0..settings.features)
        .map(|j| feature(&format!("e{j}"), None, FeatureKind::Numeric { min: -max, max }));
    Schema::new(features.collect()).expect("numbered names, one range that is not empty")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_within, equalized_odds, error, rate, train};
    use super::*;

    #[test]
    fn one_seed_is_one_population() {
        let settings = EmbeddingSettings { features: 4, ..EmbeddingSettings::default() };
        let (one, two) = (generate(&settings).unwrap(), generate(&settings).unwrap());
        let other = generate(&EmbeddingSettings { seed: 1, ..settings.clone() }).unwrap();
        assert_eq!((&one.records, &one.positive), (&two.records, &two.positive));
        assert_ne!(one.records, other.records);
        assert_ne!(one.fingerprint, other.fingerprint);
        let water = generate(&EmbeddingSettings { minority: Minority::Water, ..settings }).unwrap();
        assert_eq!(water.records, one.records);
        assert!(water.minority.iter().zip(&one.minority).all(|(w, l)| w != l));
    }

    #[test]
    fn cells_are_those_of_waterbirds() {
        let data = generate(&EmbeddingSettings::default()).unwrap();
        for (positive, water, count) in CELLS {
            let people = data.positive.iter().zip(&data.minority);
            assert_eq!(people.filter(|&(&y, &a)| (y, a) == (positive, !water)).count(), count);
        }
        assert_eq!((data.records.rows(), data.records.columns().len()), (4_795, 64));
    }

    #[test]
    fn refuses_an_odd_number_of_features() {
        let odd = EmbeddingSettings { features: 5, ..EmbeddingSettings::default() };
        assert!(matches!(generate(&odd), Err(PopulationError::Setting { .. })));
    }

    #[test]
    fn a_logistic_firm_errs_where_bird_and_place_differ() {
        let (mut odds, mut errors, mut by_cell) = (0.0, 0.0, 0.0);
        for seed in 0..20 {
            let settings = EmbeddingSettings { seed, ..EmbeddingSettings::default() };
            let data = generate(&settings).unwrap();
            let trained = train(&data, seed);
            odds += equalized_odds(&data, &trained) / 20.0;
            errors += error(&data, &trained) / 20.0;
            for minority in [false, true] {
                by_cell += rate(&data, &trained, minority, false) / 80.0;
                by_cell += (1.0 - rate(&data, &trained, minority, true)) / 80.0;
            }
        }
        assert_within("equalized odds violation", odds, 0.09, 0.15);
        assert_within("error", errors, 0.005, 0.015);
        assert_within("mean error of the four cells", by_cell, 0.05, 0.08);
    }
}
