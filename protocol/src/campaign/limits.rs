//! What a participant refuses, whatever the organiser sets.

use super::CheckedManifest;
use crate::{
    aggregation::noise::{Rho, Role, epsilon_milli},
    ids::SeatSet,
};
use thiserror::Error;

/// One person's limits; the defaults are the strictest that a usual campaign meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "permissions that a person gives one by one")]
pub struct Limits {
    /// The least cohort K.
    pub cohort_min: u32,
    /// The greatest epsilon of the whole campaign at the plan's honest seats, in thousandths, delta 1e-6.
    pub epsilon_max_milli: u32,
    /// How many keyholders the person must know and trust.
    pub known_keyholders_min: u32,
    /// Whether sums without noise are accepted: a count of one may then be this person.
    pub unnoised: bool,
    /// Whether a member accepts open scores: others see its label, its score and whether it is asked.
    pub open_scores: bool,
    /// Whether a campaign without cryptography is accepted; for simulations only.
    pub clear: bool,
    /// Whether a campaign that anybody can enrol in, any number of times, is accepted; for simulations only.
    pub open: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cohort_min: super::COHORT_FLOOR,
            epsilon_max_milli: 8_000,
            known_keyholders_min: 1,
            unnoised: false,
            open_scores: false,
            clear: false,
            open: false,
        }
    }
}

/// Why a person does not take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// K is too small.
    #[error("sums over {got} people may be opened; at least {min} are asked for")]
    Cohort {
        /// K of the plan.
        got: u32,
        /// The person's limit.
        min: u32,
    },
    /// Too much would be given away.
    #[error(
        "the campaign costs an epsilon of {got_milli} thousandths; at most {max_milli} are accepted"
    )]
    Epsilon {
        /// Of the campaign, for this role, with what was charged before.
        got_milli: u32,
        /// The person's limit.
        max_milli: u32,
    },
    /// Too few familiar keyholders.
    #[error("{got} of the keyholders are known; at least {min} must be")]
    Keyholders {
        /// Known ones.
        got: u32,
        /// The person's limit.
        min: u32,
    },
    /// Sums without noise.
    #[error("sums are opened without noise: a count of one may be this person's")]
    Unnoised,
    /// Open scores.
    #[error("scores are open: others see this person's label, its score and whether it is asked")]
    OpenScores,
    /// No cryptography.
    #[error("the campaign uses no cryptography")]
    Clear,
    /// No invites.
    #[error("anybody can enrol, any number of times: one person could be most of a sum")]
    Open,
}

impl Limits {
    /// Checks a manifest; `spent` is what this record was charged in earlier campaigns, `known` the keyholders
    /// whom the person knows and trusts.
    ///
    /// # Errors
    /// The first [`Refusal`].
    pub fn check(
        &self,
        manifest: &CheckedManifest,
        role: Role,
        known: SeatSet,
        spent: Rho,
    ) -> Result<(), Refusal> {
        if !manifest.is_private() && !self.clear {
            return Err(Refusal::Clear);
        }
        if manifest.issue.is_none() && !self.open {
            return Err(Refusal::Open);
        }
        if manifest.cohort_min < self.cohort_min {
            return Err(Refusal::Cohort { got: manifest.cohort_min, min: self.cohort_min });
        }
        let familiar = known.iter().filter(|seat| manifest.all_seats().contains(*seat)).count();
        let got = u32::try_from(familiar).unwrap_or(u32::MAX);
        if got < self.known_keyholders_min {
            return Err(Refusal::Keyholders { got, min: self.known_keyholders_min });
        }
        let mut total = spent;
        for (id, aggregation) in manifest.enumerated().filter(|(_, of)| of.kind.concerns(role)) {
            match aggregation.noise {
                // Nothing is summed: what is given away is not counted in epsilon.
                None if manifest.has_open_scores(id) => {
                    if !self.open_scores {
                        return Err(Refusal::OpenScores);
                    }
                }
                None if self.unnoised => {}
                None => return Err(Refusal::Unnoised),
                Some(noise) => {
                    let charge = noise.charge(&aggregation.circuit, aggregation.kind.purpose());
                    total = total + charge.map_err(|_| Refusal::Unnoised)?.as_planned;
                }
            }
        }
        let got_milli = epsilon_milli(total);
        if got_milli > self.epsilon_max_milli {
            return Err(Refusal::Epsilon { got_milli, max_milli: self.epsilon_max_milli });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
