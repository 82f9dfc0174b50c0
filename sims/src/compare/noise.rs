//! How much noise an epsilon costs, as the protocol adds it and as one trusted party would.

use protocol::aggregation::Circuit;
use protocol::aggregation::noise::{Noise, NoiseError, Rho, rho_for_epsilon};

use protocol::campaign::outline::AUDIT_SIXTY_FOURTHS;
use statrs::distribution::{ContinuousCDF, Normal};

/// Delta of every epsilon.
pub const DELTA: f64 = 1e-6;
/// T: keyholders, each of which adds noise.
pub(super) const SEATS: u8 = 5;
/// h: of these, how many are taken to be honest.
pub(super) const HONEST_SEATS: u8 = 2;

/// Whose noise, and for which epsilon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseModel {
    epsilon: f64,
    source: Source,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Source {
    Product,
    /// The protocol's, in a campaign with audits before and after.
    Campaign,
    Central,
}

impl NoiseModel {
    /// The protocol's: a report is replaced, five seats add discrete Gaussian noise of which two alone
    /// suffice, so that sqrt(5/2) times as much is published. Epsilon covers this one aggregation.
    pub const fn product(epsilon: f64) -> Self {
        Self { epsilon, source: Source::Product }
    }

    /// The same with epsilon for each donor over a whole campaign: two audits take a quarter of the zCDP budget.
    pub const fn campaign(epsilon: f64) -> Self {
        Self { epsilon, source: Source::Campaign }
    }

    /// One trusted party's, for comparison: a donor is added or removed, and one sigma suffices, by the
    /// analytic Gaussian mechanism (Balle and Wang, ICML 2018).
    pub const fn central(epsilon: f64) -> Self {
        Self { epsilon, source: Source::Central }
    }

    /// The noise of one aggregation.
    ///
    /// # Errors
    /// [`NoiseError`] if no noise reaches the epsilon.
    pub fn plan(&self, circuit: &Circuit) -> Result<Planned, NoiseError> {
        match self.source {
            Source::Product | Source::Campaign => {
                let whole = rho_for_epsilon(self.epsilon, DELTA);
                let rho = match self.source {
                    Source::Campaign => {
                        let audit = f64::from(AUDIT_SIXTY_FOURTHS) / 64.0;
                        Rho::new(whole.get() * (1.0 - 2.0 * audit))
                    }
                    Source::Product | Source::Central => whole,
                };
                let noise = Noise::for_rho(circuit, rho, HONEST_SEATS)?;
                Ok(Planned { noise: Some(noise), seats: SEATS })
            }
            Source::Central => {
                let sigma = added_or_removed(circuit) * gaussian_sigma(self.epsilon, DELTA);
                let milli = (sigma * 1_000.0).ceil();
                if !(1.0..=f64::from(u32::MAX)).contains(&milli) {
                    return Err(NoiseError::Unreachable);
                }
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "just seen to lie within 1 and the greatest u32"
                )]
                let sigma_milli = milli as u32;
                Ok(Planned { noise: Some(Noise { sigma_milli, honest_seats: 1 }), seats: 1 })
            }
        }
    }
}

/// What the seats of one aggregation add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    noise: Option<Noise>,
    seats: u8,
}

impl Planned {
    /// No noise.
    pub const fn none() -> Self {
        Self { noise: None, seats: 0 }
    }

    /// As it stands in a plan.
    pub const fn noise(self) -> Option<Noise> {
        self.noise
    }

    /// Whether one trusted party adds it.
    pub const fn is_central(self) -> bool {
        self.seats == 1
    }

    /// Every seat with the noise it samples from.
    pub fn each_seat(self) -> impl Iterator<Item = (u8, Noise)> {
        self.noise.into_iter().flat_map(move |noise| (0..self.seats).map(move |seat| (seat, noise)))
    }

    /// Standard deviation of what all seats add together: `sigma sqrt(T / h)`.
    pub fn published_sigma(self) -> f64 {
        self.noise.map_or(0.0, |noise| {
            let ratio = f64::from(self.seats) / f64::from(noise.honest_seats);
            f64::from(noise.sigma_milli) / 1_000.0 * ratio.sqrt()
        })
    }
}

/// L2 sensitivity to one report more or less: by one replaced it is sqrt(2) times as much, for the
/// grid as for the Gram.
fn added_or_removed(circuit: &Circuit) -> f64 {
    circuit.sensitivity() / 2.0_f64.sqrt()
}

/// The least sigma of a Gaussian mechanism of sensitivity 1.
///
/// Source: Balle and Wang, "Improving the Gaussian Mechanism for Differential Privacy", Theorem 8:
/// `delta = Phi(1/(2s) - epsilon s) - e^epsilon Phi(-1/(2s) - epsilon s)`.
fn gaussian_sigma(epsilon: f64, delta: f64) -> f64 {
    let normal = Normal::standard();
    let reached = |sigma: f64| {
        let (near, far) = (0.5 / sigma, epsilon * sigma);
        normal.cdf(near - far) - epsilon.exp() * normal.cdf(-near - far)
    };
    let (mut low, mut high) = (1e-3, 1e6);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if reached(middle) <= delta { high = middle } else { low = middle }
    }
    high
}

/// More than the bits of a float.
const HALVINGS: u32 = 80;

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::aggregation::{Grid, GridSpec};

    fn circuit() -> Circuit {
        Circuit::Grid(Grid::try_from(GridSpec { rows: 16, cells: 32 }).unwrap())
    }

    #[test]
    fn central_noise_agrees_with_published_values() {
        for (epsilon, expected) in [(0.5, 8.06), (1.0, 4.23), (2.0, 2.23), (4.0, 1.19), (8.0, 0.65)]
        {
            let sigma = gaussian_sigma(epsilon, DELTA);
            assert!((sigma - expected).abs() < 0.006, "epsilon {epsilon}: {sigma}");
        }
        let planned = NoiseModel::central(1.0).plan(&circuit()).unwrap();
        assert!((planned.published_sigma() - 4.0 * 4.225).abs() < 0.05);
        assert_eq!(planned.each_seat().count(), 1);
    }

    #[test]
    fn the_protocol_publishes_more_noise_than_it_counts() {
        let planned = NoiseModel::product(1.0).plan(&circuit()).unwrap();
        let noise = planned.noise().unwrap();
        let sigma = f64::from(noise.sigma_milli) / 1_000.0;
        assert!((planned.published_sigma() / sigma - 2.5_f64.sqrt()).abs() < 1e-12);
        assert_eq!(planned.each_seat().count(), 5);
        let rho = noise.rho(&circuit(), 2).unwrap();
        assert!(rho <= rho_for_epsilon(1.0, DELTA));
        let central = NoiseModel::central(1.0).plan(&circuit()).unwrap().published_sigma();
        assert!(planned.published_sigma() > 2.0 * central);
    }

    #[test]
    fn an_epsilon_out_of_reach_is_refused() {
        assert!(NoiseModel::product(0.0).plan(&circuit()).is_err());
        assert!(NoiseModel::central(1e-12).plan(&circuit()).is_ok());
    }
}
