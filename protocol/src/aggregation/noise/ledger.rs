//! What one person has been charged, over a whole campaign or, kept by the person, over many.
//!
//! Source: docs/PROTOCOL.md section 10: epsilon and delta are per person, added up as zCDP by role; an
//! aggregation is charged once, at its first released share.

use super::{Rho, epsilon};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;

/// Who reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// A majority participant who lends counts.
    Donor,
    /// A minority participant.
    Member,
}

/// What an aggregation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// Marginal histograms for scaling: donors.
    Scale,
    /// Neighbour counts or Gram: donors.
    Reference,
    /// Score histogram, its refinement and a top-up: members.
    Selection,
    /// Who has flipped: members.
    Confirmation,
    /// Before and after: all.
    Audit,
}

impl Purpose {
    /// Whether people of this role report to it.
    pub const fn concerns(self, role: Role) -> bool {
        match (self, role) {
            (Self::Audit, Role::Donor | Role::Member)
            | (Self::Scale | Self::Reference, Role::Donor)
            | (Self::Selection | Self::Confirmation, Role::Member) => true,
            (Self::Scale | Self::Reference, Role::Member)
            | (Self::Selection | Self::Confirmation, Role::Donor) => false,
        }
    }
}

/// The price of one aggregation for one person; [`super::Noise::charge`] makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// What for.
    pub purpose: Purpose,
    /// At the plan's honest seats.
    pub as_planned: Rho,
    /// If a single seat is honest.
    pub at_one_seat: Rho,
}

/// What a person accepts, whatever the organiser sets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Greatest epsilon of all charges together, at the plan's honest seats.
    pub epsilon_cap: f64,
    /// The delta that goes with it.
    pub delta: f64,
}

impl Limits {
    /// A cap in thousandths, at [`super::DELTA`].
    pub fn from_milli(epsilon_cap_milli: u32) -> Self {
        Self { epsilon_cap: f64::from(epsilon_cap_milli) / 1_000.0, delta: super::DELTA }
    }
}

/// All charges of one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    role: Role,
    spent: Rho,
    charges: BTreeMap<[u8; 32], Charge>,
}

/// A charge that is refused; the ledger is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// This role never reports to such an aggregation.
    #[error("a {role:?} does not report to {purpose:?}")]
    Role {
        /// Of the ledger.
        role: Role,
        /// Of the aggregation.
        purpose: Purpose,
    },
    /// The same aggregation at another price: somebody equivocates about the plan.
    #[error("the aggregation was charged before, at another price")]
    Contradiction,
    /// The cap would be exceeded.
    #[error("epsilon would be {got}, above the cap of {cap}")]
    Cap {
        /// After this charge.
        got: f64,
        /// As agreed.
        cap: f64,
    },
}

impl Ledger {
    /// Nothing charged yet.
    pub const fn new(role: Role) -> Self {
        Self::after(role, Rho::ZERO)
    }

    /// What was charged elsewhere counts against the cap, at the plan's honest seats.
    pub const fn after(role: Role, spent: Rho) -> Self {
        Self { role, spent, charges: BTreeMap::new() }
    }

    /// Charges one aggregation, identified by the hash of campaign and aggregation. Charging the same
    /// again changes nothing.
    ///
    /// # Errors
    /// [`LedgerError`]; the ledger is then unchanged.
    pub fn charge(
        &mut self,
        aggregation: [u8; 32],
        charge: Charge,
        limits: Limits,
    ) -> Result<(), LedgerError> {
        let Charge { purpose, .. } = charge;
        if !purpose.concerns(self.role) {
            return Err(LedgerError::Role { role: self.role, purpose });
        }
        match self.charges.get(&aggregation) {
            Some(before) if *before == charge => return Ok(()),
            Some(_) => return Err(LedgerError::Contradiction),
            None => {}
        }
        let got = epsilon(self.as_planned() + charge.as_planned, limits.delta);
        // A cap that is not a number refuses everything.
        if got <= limits.epsilon_cap {
            self.charges.insert(aggregation, charge);
            Ok(())
        } else {
            Err(LedgerError::Cap { got, cap: limits.epsilon_cap })
        }
    }

    /// Takes over a charge that was made before, from a journal: what is given away stays charged, whatever
    /// the cap is now.
    pub fn restore(&mut self, aggregation: [u8; 32], charge: Charge) {
        self.charges.insert(aggregation, charge);
    }

    /// The sum of all charges at each plan's honest seats, with what was charged elsewhere.
    pub fn as_planned(&self) -> Rho {
        self.spent + self.charges.values().map(|charge| charge.as_planned).sum()
    }

    /// The sum of all charges if a single seat was honest each time.
    pub fn at_one_seat(&self) -> Rho {
        self.charges.values().map(|charge| charge.at_one_seat).sum()
    }

    /// Whose ledger it is.
    pub const fn role(&self) -> Role {
        self.role
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { epsilon_cap: 8.0, delta: 1e-6 };

    fn charge(purpose: Purpose, rho: f64) -> Charge {
        Charge { purpose, as_planned: Rho::new(rho), at_one_seat: Rho::new(2.0 * rho) }
    }

    #[test]
    fn roles_pay_for_what_they_report_to() {
        let mut donor = Ledger::new(Role::Donor);
        let mut member = Ledger::new(Role::Member);
        let all = [
            (Purpose::Scale, true, false),
            (Purpose::Reference, true, false),
            (Purpose::Selection, false, true),
            (Purpose::Confirmation, false, true),
            (Purpose::Audit, true, true),
        ];
        for (id, (purpose, donors, members)) in (0..).zip(all) {
            let price = charge(purpose, 0.1);
            assert_eq!(donor.charge([id; 32], price, LIMITS).is_ok(), donors, "{purpose:?}");
            assert_eq!(member.charge([id; 32], price, LIMITS).is_ok(), members, "{purpose:?}");
        }
        assert_eq!(donor.as_planned(), Rho::new(0.3));
        assert_eq!(member.at_one_seat(), Rho::new(0.6));
    }

    #[test]
    fn an_aggregation_is_charged_once_and_at_one_price() {
        let mut ledger = Ledger::new(Role::Donor);
        for _ in 0..3 {
            assert_eq!(ledger.charge([1; 32], charge(Purpose::Audit, 0.1), LIMITS), Ok(()));
        }
        assert_eq!(ledger.as_planned(), Rho::new(0.1));
        assert_eq!(
            ledger.charge([1; 32], charge(Purpose::Audit, 0.2), LIMITS),
            Err(LedgerError::Contradiction)
        );
    }

    #[test]
    fn what_was_spent_elsewhere_counts_against_the_cap() {
        let limits = Limits::from_milli(8_000);
        assert_eq!(limits, LIMITS);
        let price = charge(Purpose::Audit, 0.1);
        let mut ledger = Ledger::after(Role::Donor, Rho::new(50.0));
        assert!(matches!(ledger.charge([1; 32], price, limits), Err(LedgerError::Cap { .. })));
        ledger.restore([1; 32], price);
        assert_eq!(ledger.as_planned(), Rho::new(50.1));
        assert_eq!(ledger.charge([1; 32], price, limits), Ok(()));
    }

    #[test]
    fn the_cap_holds_across_charges_and_a_refusal_changes_nothing() {
        let mut ledger = Ledger::new(Role::Donor);
        let mut granted = 0;
        for id in 0..100 {
            let before = ledger.clone();
            match ledger.charge([id; 32], charge(Purpose::Audit, 0.1), LIMITS) {
                Ok(()) => granted += 1,
                Err(LedgerError::Cap { got, cap }) => {
                    assert!(got > cap);
                    assert_eq!(ledger, before);
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert!(epsilon(ledger.as_planned(), 1e-6) <= 8.0);
        assert!(epsilon(ledger.as_planned() + Rho::new(0.1), 1e-6) > 8.0);
        assert!(granted > 5);
        let nan = Limits { epsilon_cap: f64::NAN, ..LIMITS };
        assert!(ledger.charge([200; 32], charge(Purpose::Audit, 0.0), nan).is_err());
    }
}
