//! Means over seeds and shares of people, with intervals.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// A mean with its 95% confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// Half the width of the 95% interval by Student's t; `None` for a single value.
    pub half_width: Option<f64>,
    /// How many values.
    pub count: usize,
}

impl Mean {
    /// The mean of one value per seed; `None` if there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "numbers of seeds are small")]
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let half_width = (values.len() > 1).then(|| {
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (count - 1.0);
            quantile(count - 1.0) * (variance / count).sqrt()
        });
        Some(Self { mean, half_width, count: values.len() })
    }

    /// The mean of differences, value by value: both sides saw the same seeds.
    pub fn of_differences(values: &[f64], against: &[f64]) -> Option<Self> {
        let differences: Vec<f64> = values.iter().zip(against).map(|(v, a)| v - a).collect();
        Self::of(&differences)
    }
}

/// A share of a count with its 95% confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Share {
    /// `part / whole`.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Share {
    /// `part` of `whole`, by Wilson's score interval; `None` of nothing.
    ///
    /// Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    pub fn of(part: usize, whole: usize) -> Option<Self> {
        if whole == 0 {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
        let (part, n) = (part as f64, whole as f64);
        let value = part / n;
        let square = NORMAL * NORMAL;
        let middle = (value + square / (2.0 * n)) / (1.0 + square / n);
        let half = NORMAL / (1.0 + square / n)
            * (value * (1.0 - value) / n + square / (4.0 * n * n)).sqrt();
        Some(Self { value, low: (middle - half).max(0.0), high: (middle + half).min(1.0) })
    }

    /// This share minus another of independent people: the difference, its lower and its upper end.
    ///
    /// Source: Newcombe, "Interval estimation for the difference between independent proportions",
    /// 1998, method 10.
    pub fn minus(self, other: Self) -> (f64, f64, f64) {
        let difference = self.value - other.value;
        let below = (self.value - self.low).hypot(other.high - other.value);
        let above = (self.high - self.value).hypot(other.value - other.low);
        (difference, difference - below, difference + above)
    }
}

/// The value below which a sorted share `at` of the values lies, by linear interpolation; `None` of nothing.
pub fn quantile_of(values: &[f64], at: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place among few values"
    )]
    let (below, weight) = {
        let place = at.clamp(0.0, 1.0) * last as f64;
        (place.floor() as usize, place.fract())
    };
    let above = (below + 1).min(last);
    Some(sorted[below] + weight * (sorted[above] - sorted[below]))
}

/// 97.5% of a normal distribution lie below.
pub(crate) const NORMAL: f64 = 1.959_963_984_540_054;

/// The 97.5% quantile of Student's t.
fn quantile(freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |t| t.inverse_cdf(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_a_table_of_students_t() {
        let mean = Mean::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert!((mean.mean - 3.0).abs() < 1e-12);
        // t(.975, 4) = 2.776445; sd / sqrt(5) = sqrt(2.5 / 5)
        assert!((mean.half_width.unwrap() - 2.776_445 * 0.5_f64.sqrt()).abs() < 1e-5);
    }

    #[test]
    fn one_seed_has_no_interval() {
        assert_eq!(Mean::of(&[1.0]).unwrap().half_width, None);
        assert_eq!(Mean::of(&[]), None);
    }

    #[test]
    fn a_share_agrees_with_published_intervals() {
        let close = |got: f64, expected: f64| assert!((got - expected).abs() < 5e-5, "{got}");
        // Newcombe 1998, table II: 56/70 - 48/80, method 10.
        let (one, other) = (Share::of(56, 70).unwrap(), Share::of(48, 80).unwrap());
        let (difference, low, high) = one.minus(other);
        close(difference, 0.2);
        close(low, 0.0524);
        close(high, 0.3339);
        // Wilson's interval of 81/263.
        let share = Share::of(81, 263).unwrap();
        close(share.low, 0.2553);
        close(share.high, 0.3662);
        assert_eq!(Share::of(0, 0), None);
    }

    #[test]
    fn a_quantile_lies_between_its_neighbours() {
        let values = [3.0, 1.0, 2.0, 4.0];
        assert_eq!(quantile_of(&values, 0.5), Some(2.5));
        assert_eq!((quantile_of(&values, 0.0), quantile_of(&values, 1.0)), (Some(1.0), Some(4.0)));
        assert_eq!(quantile_of(&[], 0.5), None);
    }

    #[test]
    fn pairs_by_seed() {
        let difference = Mean::of_differences(&[1.5, 2.5], &[1.0, 2.0]).unwrap();
        assert_eq!((difference.mean, difference.half_width), (0.5, Some(0.0)));
    }
}
