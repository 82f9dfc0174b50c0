//! Where an opened aggregate comes from: the seam between scoring and the protocol's machines.

use std::convert::Infallible;
use std::rc::Rc;

use protocol::aggregation::noise::{NoiseError, Role};
use protocol::aggregation::{AggregateResult, Circuit, ClearError, Measurement, sum_in_the_clear};
use protocol::campaign::{COHORT_FLOOR, Kind, Protection, Scoring, SelectionMode};
use protocol::keys::{self, Label};
use protocol::person::Person;
use protocol::scoring::method::Method;
use protocol::scoring::scaling::{Encoding, Scaling};
use protocol::scoring::schema::{Feature, FeatureKind, Schema};
use protocol::selection::threshold::Rule;

use super::noise::Planned;
use crate::campaign::adversary::Mischief;
use crate::campaign::cast::person_secret;
use crate::campaign::crowd::Crowd;
use crate::campaign::plan::{Script, Visits};
use crate::campaign::play::{PlayError, ordinary, play};

/// One aggregation to be carried out.
#[derive(Debug)]
pub struct Batch<'a> {
    /// By which measurements are proved and summed.
    pub circuit: &'a Circuit,
    /// One per donor, in no order that matters.
    pub measurements: Vec<Measurement>,
    /// What the seats add.
    pub noise: Planned,
    /// Of everything random in it.
    pub seed: [u8; 32],
}

/// Why nothing was opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AggregateError {
    /// The plaintext sum refused.
    #[error(transparent)]
    Clear(#[from] ClearError),
    /// The noise cannot be sampled.
    #[error(transparent)]
    Noise(#[from] NoiseError),
    /// The campaign of this one aggregation ended without a result.
    #[error(transparent)]
    Play(#[from] Box<PlayError>),
}

/// Opens aggregates.
pub trait Aggregates: Sync {
    /// Sums the measurements and the noise of every seat.
    ///
    /// # Errors
    /// Every [`AggregateError`].
    fn open(&self, batch: Batch<'_>) -> Result<AggregateResult, AggregateError>;
}

/// One trusted party that sees every measurement: what the machines' sums must agree with, and whoever adds one
/// sigma of noise in studies of it.
#[derive(Clone, Copy, Debug)]
pub struct Trusted;

impl Aggregates for Trusted {
    fn open(&self, batch: Batch<'_>) -> Result<AggregateResult, AggregateError> {
        let Batch { circuit, measurements, noise, seed } = batch;
        let seats = noise.each_seat().map(|(seat, planned)| {
            planned.sample(circuit, &mut keys::stream(Label::SeatNoise, &seed, &[&[seat]]))
        });
        let noise = seats.collect::<Result<Vec<_>, _>>()?;
        Ok(sum_in_the_clear(circuit, measurements, &noise)?)
    }
}

/// The protocol's machines on a simulated network: a campaign of five keyholders with one aggregation.
#[derive(Clone, Copy, Debug)]
pub struct Machines {
    protection: Protection,
}

impl Machines {
    /// With or without cryptography; the sums are the same.
    pub const fn new(protection: Protection) -> Self {
        Self { protection }
    }

    fn script(self, circuit: &Circuit, donors: usize, noise: Planned) -> Script {
        let kind = FeatureKind::Flag;
        let nothing = Feature { name: "nothing".to_owned(), unit: None, kind };
        let schema = Schema::new(vec![nothing]).expect("one flag is a schema");
        let scaling = Scaling::from_ranges(&schema, Encoding::Mix);
        let marginals = protocol::scoring::marginals::Marginals::from_ranges(&schema);
        let centres = protocol::scoring::cells::CentreSource::Marginals(marginals);
        let donors = u32::try_from(donors).unwrap_or(u32::MAX);
        Script {
            protection: self.protection,
            issuer: None,
            keyholders: super::noise::SEATS,
            recovery_threshold: 4,
            honest_seats: super::noise::HONEST_SEATS,
            cohort_min: COHORT_FLOOR,
            scoring: Scoring {
                schema,
                method: Method::Random,
                k: 1,
                scaling: Some(scaling),
                centres: Some(centres),
                scale_bins: 2,
                published: Vec::new(),
            },
            rule: Rule { flip_budget: 1, no_show_milli: 0, safe_cap: 1 },
            mode: SelectionMode::PrivateHistogram,
            bins: 2,
            reference: Some(circuit.clone()),
            epsilon: None,
            noise: noise.noise(),
            visits: Visits::default(),
            reporters_max: donors.max(COHORT_FLOOR),
        }
    }
}

impl Aggregates for Machines {
    fn open(&self, batch: Batch<'_>) -> Result<AggregateResult, AggregateError> {
        if batch.noise.is_central() {
            return Trusted.open(batch);
        }
        let Batch { circuit, measurements, noise, seed } = batch;
        let (first, _) = seed.as_chunks::<8>();
        let seed = u64::from_le_bytes(first[0]);
        let script = self.script(circuit, measurements.len(), noise);
        let people = (0..measurements.len()).map(|number| Person {
            values: Vec::new(),
            positive: false,
            role: Role::Donor,
            accepted: None,
            complies: false,
            secret: person_secret(seed, number),
        });
        let crowd = Rc::new(Crowd::of_measurements(people.collect(), measurements));
        let mischief = Mischief::default();
        let Ok((played, transcript)) =
            play::<Infallible>(&script, &crowd, seed, mischief, ordinary, |_| Ok(()))
                .map_err(Box::new)?;
        let kind = match circuit {
            Circuit::Gram(_) => Kind::Regressor,
            Circuit::Grid(_) | Circuit::StandardGrid(_) => Kind::Neighbours,
        };
        Ok(played.result(&transcript, kind).map_err(Box::new)?)
    }
}

#[cfg(test)]
mod tests {
    use protocol::aggregation::{Grid, GridSpec};
    use protocol::scoring::ridge::{self, Protected};

    use super::*;

    fn batch(circuit: &Circuit, seed: u8) -> Batch<'_> {
        let measurements = (0..40_u16)
            .map(|person| match circuit {
                Circuit::Gram(gram) => {
                    let values: Vec<u32> =
                        (0..gram.coordinates().len()).map(|i| u32::from(person) >> i & 1).collect();
                    Measurement::Gram(gram.measurement(&values).unwrap())
                }
                Circuit::Grid(grid) | Circuit::StandardGrid(grid) => {
                    let cells = [person % grid.cells(), person / 3 % grid.cells()];
                    Measurement::Grid(grid.measure(&cells).unwrap())
                }
            })
            .collect();
        Batch { circuit, measurements, noise: Planned::none(), seed: [seed; 32] }
    }

    #[test]
    fn machines_open_what_a_trusted_party_would() {
        let grid = Grid::try_from(GridSpec { rows: 2, cells: 6 }).unwrap();
        let schema = Schema::new(vec![Feature {
            name: "one".to_owned(),
            unit: None,
            kind: FeatureKind::Numeric { min: 0.0, max: 1.0 },
        }])
        .unwrap();
        let scaling = Scaling::from_ranges(&schema, Encoding::Mix);
        let gram = ridge::gram(&scaling, &[], Protected::No).unwrap();
        for circuit in [Circuit::Grid(grid), Circuit::StandardGrid(grid), Circuit::Gram(gram)] {
            let trusted = Trusted.open(batch(&circuit, 1)).unwrap();
            for protection in [Protection::Clear, Protection::Private] {
                let opened = Machines::new(protection).open(batch(&circuit, 1)).unwrap();
                assert_eq!(opened, trusted, "{protection:?}");
            }
        }
    }

    #[test]
    fn the_keyholders_noise_is_in_the_sum_and_repeats() {
        let grid = Grid::try_from(GridSpec { rows: 2, cells: 6 }).unwrap();
        let circuit = Circuit::Grid(grid);
        let noisy = |seed| {
            let noise = super::super::noise::NoiseModel::product(1.0).plan(&circuit).unwrap();
            let batch = Batch { noise, ..batch(&circuit, seed) };
            Machines::new(Protection::Clear).open(batch).unwrap()
        };
        let plain = Trusted.open(batch(&circuit, 1)).unwrap();
        assert_ne!(noisy(1), plain);
        assert_eq!(noisy(1), noisy(1));
        assert_ne!(noisy(1), noisy(2));
    }
}
