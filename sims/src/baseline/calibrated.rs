//! Calibrated equalized odds: equal costs, and scores that stay calibrated, by withholding some of
//! one group's scores.
//!
//! In the group that the classifier serves better, a share of people chosen blindly gets the group's
//! base rate as its score, and with it the decision of that rate; the share is the one that makes
//! both groups' costs equal. Costs are of scores, not of decisions: the generalized false negative
//! rate (mean of 1 - score over positive labels), the false positive rate (mean score over negative
//! labels), or half of each weighted by the group's labels.
//!
//! Source: Pleiss, Raghavan, Wu, Kleinberg, Weinberger, "On fairness and calibration", NIPS 2017,
//! algorithm 1 and equation (3), in the form that AIF360 has it: decisions by scores of at least one half. A share above 1, where
//! even the base rate is not costly enough, becomes 1. The strength multiplies the share. Costs are
//! measured on people [set apart](super::Bench::apart).
//!
//! Equal costs of one kind are not equalized odds: the other rate may part further, and often does.

use super::{Baseline, BaselineError, Bench, FirmSide};
use crate::scene::People;

/// Which cost is made equal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cost {
    FalseNegatives,
    FalsePositives,
    Weighted,
}

impl Cost {
    const fn baseline(self) -> Baseline {
        match self {
            Self::FalseNegatives => Baseline::CalibratedFnr,
            Self::FalsePositives => Baseline::CalibratedFpr,
            Self::Weighted => Baseline::CalibratedWeighted,
        }
    }

    fn of(self, group: Group) -> f64 {
        match self {
            Self::FalseNegatives => group.fnr,
            Self::FalsePositives => group.fpr,
            Self::Weighted => {
                f64::midpoint(group.fpr * (1.0 - group.base_rate), group.fnr * group.base_rate)
            }
        }
    }
}

pub(super) struct Calibrated<'a> {
    bench: &'a Bench<'a>,
    cost: Cost,
    withheld: [Withheld; 2],
}

/// One group's generalized rates.
#[derive(Clone, Copy, Debug)]
struct Group {
    base_rate: f64,
    fpr: f64,
    fnr: f64,
}

/// What one group gets in place of its scores, and how often.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Withheld {
    share: f64,
    base_rate: f64,
}

impl<'a> Calibrated<'a> {
    pub(super) fn new(bench: &'a Bench<'_>, cost: Cost) -> Result<Self, BaselineError> {
        let apart = bench.apart()?;
        let scores = apart.classifier.probabilities(&apart.people.records);
        let groups = [group(&apart.people, &scores, false)?, group(&apart.people, &scores, true)?];
        Ok(Self { bench, cost, withheld: withheld(groups, cost) })
    }
}

impl FirmSide for Calibrated<'_> {
    fn chances(&self, strength: f64, people: &People) -> Result<Vec<f64>, BaselineError> {
        self.cost.baseline().check(strength, 0.0..=1.0, "0 to 1")?;
        let decisions = self.bench.apart()?.classifier.decisions(&people.records);
        let chance = |(&a, h): (&bool, bool)| {
            let Withheld { share, base_rate } = self.withheld[usize::from(a)];
            let (own, other) = (f64::from(u8::from(h)), f64::from(u8::from(base_rate >= 0.5)));
            own + strength * share * (other - own)
        };
        Ok(people.minority.iter().zip(decisions).map(chance).collect())
    }
}

fn group(people: &People, scores: &[f64], minority: bool) -> Result<Group, BaselineError> {
    let (mut counts, mut sums) = ([0.0; 2], [0.0; 2]);
    for ((&a, &y), &score) in people.minority.iter().zip(&people.positive).zip(scores) {
        if a == minority {
            counts[usize::from(y)] += 1.0;
            sums[usize::from(y)] += score;
        }
    }
    let [negatives, positives] = counts;
    if negatives == 0.0 || positives == 0.0 {
        return Err(BaselineError::EmptyCell { minority, positive: negatives > 0.0 });
    }
    Ok(Group {
        base_rate: positives / (negatives + positives),
        fpr: sums[0] / negatives,
        fnr: 1.0 - sums[1] / positives,
    })
}

/// The share of scores to withhold in each group, the majority first.
fn withheld(groups: [Group; 2], cost: Cost) -> [Withheld; 2] {
    let costs = groups.map(|group| cost.of(group));
    let trivial = groups.map(|Group { base_rate, .. }| {
        cost.of(Group { base_rate, fpr: base_rate, fnr: 1.0 - base_rate })
    });
    let cheaper = usize::from(costs[1] < costs[0]);
    let [this, other] = [costs[cheaper], costs[1 - cheaper]];
    let room = trivial[cheaper] - this;
    // Without room no share makes the group pay more.
    let share = if room > 0.0 { ((other - this) / room).min(1.0) } else { 0.0 };
    let mut withheld = groups.map(|group| Withheld { share: 0.0, base_rate: group.base_rate });
    withheld[cheaper].share = share;
    withheld
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::tests::vectors;

    /// Majority: base rate 0.5, generalized FPR and FNR 0.3. Minority: 0.4, FPR 0.2, FNR 0.4.
    const GROUPS: [Group; 2] = [
        Group { base_rate: 0.5, fpr: 0.3, fnr: 0.3 },
        Group { base_rate: 0.4, fpr: 0.2, fnr: 0.4 },
    ];

    #[test]
    fn makes_costs_equal_by_hand() {
        let shares = |cost| withheld(GROUPS, cost).map(|group| group.share);
        // FNR: the majority pays 0.3 against 0.4, and 0.5 if all is withheld: (0.4 - 0.3) / 0.2.
        let close = |found: [f64; 2], wanted: [f64; 2]| {
            assert!(
                (found[0] - wanted[0]).abs() + (found[1] - wanted[1]).abs() < 1e-12,
                "{found:?}"
            );
        };
        close(shares(Cost::FalseNegatives), [0.5, 0.0]);
        // FPR: the minority pays 0.2 against 0.3, and 0.4 if all is withheld.
        close(shares(Cost::FalsePositives), [0.0, 0.5]);
        // Weighted: 0.15 against (0.12 + 0.16) / 2 = 0.14, and 0.24 if all is withheld.
        close(shares(Cost::Weighted), [0.0, 0.1]);
    }

    #[test]
    fn a_share_is_never_above_one() {
        let [majority, minority] = GROUPS;
        let costly = Group { fnr: 0.9, ..minority };
        assert!((withheld([majority, costly], Cost::FalseNegatives)[0].share - 1.0).abs() < 1e-12);
        let useless = Group { fnr: 0.5, ..majority };
        let found = withheld([useless, costly], Cost::FalseNegatives)[0].share;
        assert!(found.abs() < 1e-12);
    }

    #[test]
    fn agrees_with_aif360() {
        let cases = vectors("calibrated");
        assert!(cases.len() >= 6);
        for case in cases {
            let list =
                |name: &str| -> Vec<f64> { serde_json::from_value(case[name].clone()).unwrap() };
            let flags = |name: &str| -> Vec<bool> { list(name).iter().map(|&v| v > 0.5).collect() };
            let (minority, positive, scores) = (flags("group"), flags("label"), list("score"));
            let cost = match case["cost"].as_str().unwrap() {
                "fnr" => Cost::FalseNegatives,
                "fpr" => Cost::FalsePositives,
                _ => Cost::Weighted,
            };
            let records = crate::baseline::tests::nothing(minority.len());
            let people = People { records, minority, positive };
            let groups = [false, true].map(|a| group(&people, &scores, a).unwrap());
            let found = withheld(groups, cost);
            for (found, name) in found.iter().zip(["majority", "minority"]) {
                // Theirs may lie outside, to the effect of the end.
                let rate = case[format!("{name}_mix_rate")].as_f64().unwrap().clamp(0.0, 1.0);
                let base = case[format!("{name}_base_rate")].as_f64().unwrap();
                assert!((found.share - rate).abs() < 1e-12, "{found:?} {rate}");
                assert!((found.base_rate - base).abs() < 1e-12, "{found:?} {base}");
            }
        }
    }
}
