//! Fewer than 12 people: scores in the open, under pseudonyms.
//!
//! # Security
//! It reveals that each key has a negative label, its score, and whether it is asked. People must be told.

use thiserror::Error;

use super::{
    ScoredCandidate,
    threshold::{Rule, ThresholdError},
    top_m,
    unit::Unit,
};

/// From this many on, scores are summed in private instead.
pub const OPEN_SCORES_BELOW: usize = 12;

/// What one candidate sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenScore {
    /// The candidate's public key in this campaign.
    pub key: [u8; 32],
    /// Greater is asked sooner.
    pub score: Unit,
}

/// A list that is not ranked in the open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenScoresError {
    /// As many as can have a private sum.
    #[error("{got} open scores; allowed: fewer than 12")]
    TooMany {
        /// How many.
        got: usize,
    },
    /// One key, two scores.
    #[error("a key has two scores")]
    Repeated,
    /// An impossible rule.
    #[error(transparent)]
    Rule(#[from] ThresholdError),
}

/// The keys asked, first asked first: as many as the rule says, rounded down, by [`top_m`]. A candidate's
/// row is the place of its key in ascending order, so that the order of arrival does not matter.
///
/// # Errors
/// Every [`OpenScoresError`].
pub fn asked(
    scores: &[OpenScore],
    rule: Rule,
    seed: u64,
) -> Result<Vec<[u8; 32]>, OpenScoresError> {
    if scores.len() >= OPEN_SCORES_BELOW {
        return Err(OpenScoresError::TooMany { got: scores.len() });
    }
    let mut scores = scores.to_vec();
    scores.sort_unstable_by_key(|score| score.key);
    if scores.iter().zip(scores.iter().skip(1)).any(|(a, b)| a.key == b.key) {
        return Err(OpenScoresError::Repeated);
    }
    let candidate = |(row, score): (usize, &OpenScore)| ScoredCandidate {
        row,
        score: f64::from(score.score.step()),
    };
    let candidates: Vec<_> = scores.iter().enumerate().map(candidate).collect();
    let wanted = usize::try_from(rule.target()? >> 32).unwrap_or(usize::MAX);
    Ok(top_m(&candidates, wanted, seed).into_iter().map(|row| scores[row].key).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scoring::method::Method;

    fn people(scores: &[f64]) -> Vec<OpenScore> {
        let score = |score| Unit::of(Method::RbProb, score, 1).unwrap();
        (0..).zip(scores).map(|(key, u)| OpenScore { key: [key; 32], score: score(*u) }).collect()
    }

    const RULE: Rule = Rule { flip_budget: 2, no_show_milli: 0, safe_cap: 4 };

    #[test]
    fn the_highest_are_asked_whatever_the_order() {
        let mut people = people(&[0.1, 0.9, 0.5, 0.5]);
        let first = asked(&people, RULE, 3).unwrap();
        assert_eq!(first.first(), Some(&[1; 32]));
        people.reverse();
        assert_eq!(asked(&people, RULE, 3).unwrap(), first);
        let over = Rule { no_show_milli: 400, ..RULE };
        assert_eq!(asked(&people, over, 3).unwrap().len(), 3);
        let capped = Rule { no_show_milli: 900, ..RULE };
        assert_eq!(asked(&people, capped, 3).unwrap().len(), 4);
    }

    #[test]
    fn many_and_repeated_are_refused() {
        let many = people(&[0.5; 12]);
        assert_eq!(asked(&many, RULE, 0), Err(OpenScoresError::TooMany { got: 12 }));
        let mut twice = people(&[0.5; 2]);
        twice[1].key = twice[0].key;
        assert_eq!(asked(&twice, RULE, 0), Err(OpenScoresError::Repeated));
    }
}
