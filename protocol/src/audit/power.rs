//! How many decisions an audit needs, so that nobody promises what cannot be checked.
//!
//! A difference `d` of rates is seen with a power of 80 % at two-sided 5 % if it is `1.96 + 0.84 = 2.8`
//! standard errors. One audit compares two rates, a change compares four. With rates of .4 and .6 each has
//! a sampling variance of `.24 / n`, and `n = 2.8^2 (2 x .24) / d^2` is 377 for a gap of .10. Rates nearer 0
//! or 1 need fewer people, rates of .5 4 % more; the same people asked twice fewer.

/// `1.96 + 0.84`, squared.
const DEVIATIONS_SQUARED: f64 = 7.84;
/// `p (1 - p)` at .4 and .6.
const RATE_VARIANCE: f64 = 0.24;
/// `p^2 + (1 - p)^2` at the same: what noise of variance 1 in both counts adds, times `n^2`.
const NOISE_WEIGHT: f64 = 0.52;

/// What is to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// A gap between the groups, once.
    Gap,
    /// A change of the gap between two independent audits.
    Change,
}

/// Decisions needed **in each group x label cell** to see a difference of `milli` thousandths in one rate,
/// with published noise of `sigma_milli` thousandths in each count; `None` for a difference of 0.
pub fn decisions_needed(question: Question, milli: u16, sigma_milli: u32) -> Option<u64> {
    if milli == 0 {
        return None;
    }
    let rates = match question {
        Question::Gap => 2.0,
        Question::Change => 4.0,
    };
    let (gap, sigma) = (f64::from(milli) / 1_000.0, f64::from(sigma_milli) / 1_000.0);
    let scale = DEVIATIONS_SQUARED * rates / (gap * gap);
    // n^2 = scale (variance n + noise), solved for n.
    let half = scale * RATE_VARIANCE / 2.0;
    let noise = scale * NOISE_WEIGHT * sigma * sigma;
    Some(ceiling(half + (half * half + noise).sqrt()))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positive, and `as` saturates"
)]
fn ceiling(people: f64) -> u64 {
    people.ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_published_numbers() {
        let needed =
            |question| [50, 100, 150, 200].map(|d| decisions_needed(question, d, 0).unwrap());
        assert_eq!(needed(Question::Gap), [1_506, 377, 168, 95]);
        assert_eq!(needed(Question::Change), [3_011, 753, 335, 189]);
        assert_eq!(decisions_needed(Question::Gap, 0, 0), None);
    }

    #[test]
    fn noise_needs_more() {
        let n = decisions_needed(Question::Gap, 100, 10_000).unwrap();
        assert!(n > 377);
        let n = f64::from(u32::try_from(n).unwrap());
        let error = (2.0 * (0.24 / n + 0.52 * 100.0 / (n * n))).sqrt();
        assert!((0.1 / error - 2.8).abs() < 0.005, "{n}");
    }
}
