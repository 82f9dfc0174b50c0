//! Means over seeds, with intervals.

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
    fn pairs_by_seed() {
        let difference = Mean::of_differences(&[1.5, 2.5], &[1.0, 2.0]).unwrap();
        assert_eq!((difference.mean, difference.half_width), (0.5, Some(0.0)));
    }
}
