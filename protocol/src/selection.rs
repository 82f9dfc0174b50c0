//! Selection: who is asked to flip.
//!
//! Whoever sees all scores takes the [`top_m`], or with a handful of people [`open_scores`]. In a
//! campaign nobody sees them: members mark the bin of their score ([`mod@unit`]) in a private sum, whose
//! histogram gives a [`threshold`] that everybody recomputes, and each member decides alone
//! ([`lottery`] in the boundary bin). [`refinement`] looks into the boundary bin once more;
//! [`confirmation`] counts what was done, and how many more may be asked.

pub mod confirmation;
pub mod lottery;
pub mod open_scores;
pub mod refinement;
mod tail;
pub mod threshold;
pub mod unit;

use crate::order::{self, Purpose};

/// One candidate's score: a member with a negative label that could be asked to flip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoredCandidate {
    /// The candidate's row number in the loaded table.
    pub row: usize,
    /// The estimated likelihood of a positive counterfactual label; greater is asked sooner.
    pub score: f64,
}

/// The `flip_budget` candidates asked to flip, first asked first; all of them if there are fewer.
///
/// Published rule: score descending, then [`order::key`] of [`Purpose::Ties`] ascending, then row
/// number ascending. Scores are compared by `f64::total_cmp` and are finite by construction.
pub fn top_m(candidates: &[ScoredCandidate], flip_budget: usize, seed: u64) -> Vec<usize> {
    ranking(candidates, seed).into_iter().take(flip_budget).collect()
}

/// All candidates in the order in which they are asked, by the rule of [`top_m`].
pub fn ranking(candidates: &[ScoredCandidate], seed: u64) -> Vec<usize> {
    let mut keyed: Vec<(f64, u64, usize)> = candidates
        .iter()
        .map(|c| (c.score, order::row_key(seed, Purpose::Ties, c.row), c.row))
        .collect();
    keyed.sort_unstable_by(|a, b| {
        b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)).then_with(|| a.2.cmp(&b.2))
    });
    keyed.into_iter().map(|(_, _, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(scores: &[f64]) -> Vec<ScoredCandidate> {
        scores.iter().enumerate().map(|(row, &score)| ScoredCandidate { row, score }).collect()
    }

    #[test]
    fn asks_the_highest_scores_first() {
        assert_eq!(top_m(&candidates(&[0.1, 0.9, 0.5]), 2, 0), [1, 2]);
    }

    #[test]
    fn breaks_ties_by_the_published_key() {
        let asked = top_m(&candidates(&[1.0; 50]), 50, 3);
        assert_eq!(asked, order::order(3, Purpose::Ties, 0..50));
        assert_ne!(asked, top_m(&candidates(&[1.0; 50]), 50, 4));
    }

    #[test]
    fn a_budget_above_the_candidates_asks_all() {
        assert_eq!(top_m(&candidates(&[0.1, 0.2]), 9, 0), [1, 0]);
    }
}
