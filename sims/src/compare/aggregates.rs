//! Where an opened aggregate comes from: the seam between scoring and the protocol's state machines.

use protocol::aggregation::noise::NoiseError;
use protocol::aggregation::{AggregateResult, Circuit, ClearError, Measurement, sum_in_the_clear};
use protocol::keys::{self, Label};

use super::noise::Planned;

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
    /// The sum in the clear refused.
    #[error(transparent)]
    Clear(#[from] ClearError),
    /// The seats' noise cannot be sampled.
    #[error(transparent)]
    Noise(#[from] NoiseError),
}

/// Opens aggregates.
pub trait Aggregates: Sync {
    /// Sums the measurements and the noise of every seat.
    ///
    /// # Errors
    /// Every [`AggregateError`].
    fn open(&self, batch: Batch<'_>) -> Result<AggregateResult, AggregateError>;
}

/// `--protocol clear`: one process adds everything up, with the protocol's own measurements and noise.
#[derive(Clone, Copy, Debug)]
pub struct Clear;

impl Aggregates for Clear {
    fn open(&self, batch: Batch<'_>) -> Result<AggregateResult, AggregateError> {
        let Batch { circuit, measurements, noise, seed } = batch;
        let seats = noise.each_seat().map(|(seat, planned)| {
            planned.sample(circuit, &mut keys::stream(Label::SeatNoise, &seed, &[&[seat]]))
        });
        let noise = seats.collect::<Result<Vec<_>, _>>()?;
        Ok(sum_in_the_clear(circuit, measurements, &noise)?)
    }
}
