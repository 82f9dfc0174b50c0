//! What is said of a question's answer, and whether a run supports it.
//!
//! A finding is a sentence with what must hold in the rows for it to be said: one value lies above, below or near
//! a number or another value. Values are compared seed by seed, and the 95% interval of the difference must lie on
//! the right side. Nothing is said more exactly than it is checked: numbers come from the run.

use serde::{Deserialize, Serialize};

use super::{Row, SeedRows, is_share};
use crate::statistics::{Mean, Share};

/// One sentence, and what it rests on.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The sentence; without numbers, as they are the run's.
    pub says: String,
    /// All of it must hold.
    pub expect: Vec<Expectation>,
}

/// What must hold of one value.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The name of the value.
    pub value: String,
    /// See [`Row::panel`].
    #[serde(default)]
    pub panel: String,
    /// See [`Row::series`].
    pub series: String,
    /// See [`Row::x`].
    #[serde(default)]
    pub x: f64,
    /// On which side it lies.
    pub is: Side,
    /// Of what.
    pub than: Than,
    /// By how much at least; how far away at most, if it is near.
    #[serde(default)]
    pub by: f64,
}

/// On which side a value lies.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The difference is positive.
    Above,
    /// It is negative.
    Below,
    /// It is small.
    Near,
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Than {
    /// A number.
    Number(f64),
    /// Another value under the same seed; what is left out is as in the first.
    Other(Other),
}

/// Another value.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Other {
    /// The name of the value.
    pub value: Option<String>,
    /// See [`Row::panel`].
    pub panel: Option<String>,
    /// See [`Row::series`].
    pub series: Option<String>,
    /// See [`Row::x`].
    pub x: Option<f64>,
    /// What it is multiplied by; 1 unless given.
    pub times: Option<f64>,
}

/// Whether a run supports a finding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Support {
    /// All that was expected holds.
    Supported,
    /// Some of it does not, or not beyond its interval.
    NotSupported,
    /// Some of it is not in the run.
    NotChecked,
}

/// A finding with what a run says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The sentence.
    pub says: String,
    /// Whether the run supports it.
    pub support: Support,
    /// One for each expectation.
    pub numbers: Vec<Numbers>,
}

/// What a run has of one expectation.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    /// Which setting, in words.
    pub of: String,
    /// The name of the value.
    pub name: String,
    /// The value; none if the run has no such setting.
    pub value: Option<Mean>,
    /// What it is compared with, in words, with the difference; none for a comparison with a number.
    pub against: Option<(String, Mean)>,
    /// Whether it is as expected.
    pub support: Support,
}

impl Finding {
    /// Compares with the rows of a run, of all of its data sets.
    pub fn check(&self, seeds: &[SeedRows]) -> Checked {
        let numbers: Vec<Numbers> = self.expect.iter().map(|one| one.check(seeds)).collect();
        let any = |support| numbers.iter().any(|one| one.support == support);
        let support = if any(Support::NotSupported) {
            Support::NotSupported
        } else if any(Support::NotChecked) {
            Support::NotChecked
        } else {
            Support::Supported
        };
        Checked { says: self.says.clone(), support, numbers }
    }
}

impl Expectation {
    fn check(&self, seeds: &[SeedRows]) -> Numbers {
        let pairs: Vec<(f64, f64)> = seeds.iter().filter_map(|seed| self.pair(seed)).collect();
        let values: Vec<f64> = pairs.iter().map(|pair| pair.0).collect();
        let differences: Vec<f64> = pairs.iter().map(|pair| pair.0 - pair.1).collect();
        let value = Mean::of(&values);
        let difference = Mean::of(&differences);
        let ends = match self.than {
            // Whether something happens under each seed: counts, for which a t interval is too sure.
            Than::Number(number) if is_share(&self.value) => share_ends(&values, number),
            Than::Number(_) | Than::Other(_) => difference.and_then(|difference| {
                let half = difference.half_width?;
                Some((difference.mean - half, difference.mean + half))
            }),
        };
        let support = match (value, ends) {
            (None, _) => Support::NotChecked,
            (Some(_), Some(ends)) if self.holds(ends) => Support::Supported,
            (Some(_), _) => Support::NotSupported,
        };
        let against = match &self.than {
            Than::Number(_) => None,
            Than::Other(other) => difference.map(|difference| (other.words(), difference)),
        };
        Numbers { of: self.words(), name: self.value.clone(), value, against, support }
    }

    /// Whether a difference within these ends is as expected.
    fn holds(&self, (low, high): (f64, f64)) -> bool {
        match self.is {
            Side::Above => low > self.by,
            Side::Below => high < -self.by,
            Side::Near => low.abs().max(high.abs()) <= self.by,
        }
    }

    /// The value and what it is compared with, under one seed.
    fn pair(&self, seed: &SeedRows) -> Option<(f64, f64)> {
        let value = find(seed, (&self.panel, &self.series, self.x), &self.value)?;
        let other = match &self.than {
            Than::Number(number) => *number,
            Than::Other(other) => {
                let setting = (
                    other.panel.as_ref().unwrap_or(&self.panel).as_str(),
                    other.series.as_ref().unwrap_or(&self.series).as_str(),
                    other.x.unwrap_or(self.x),
                );
                let name = other.value.as_ref().unwrap_or(&self.value);
                other.times.unwrap_or(1.0) * find(seed, setting, name)?
            }
        };
        Some((value, other))
    }

    fn words(&self) -> String {
        let panel = (!self.panel.is_empty()).then(|| self.panel.clone());
        let x = (self.x.abs() > 0.0).then(|| self.x.to_string());
        let parts = [panel, Some(self.series.clone()), x];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

impl Other {
    fn words(&self) -> String {
        let times = self.times.map(|times| format!("{times} times"));
        let x = self.x.map(|x| x.to_string());
        let parts = [times, self.panel.clone(), self.series.clone(), x, self.value.clone()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

fn find(seed: &SeedRows, (panel, series, x): (&str, &str, f64), value: &str) -> Option<f64> {
    let is = |row: &&Row| row.panel == panel && row.series == series && row.x.total_cmp(&x).is_eq();
    seed.rows.iter().find(is)?.values.get(value).copied()
}

/// Wilson's interval of a share of seeds, minus a number.
fn share_ends(values: &[f64], number: f64) -> Option<(f64, f64)> {
    let part = values.iter().filter(|&&value| value > 0.5).count();
    let Share { low, high, .. } = Share::of(part, values.len())?;
    Some((low - number, high - number))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Under each seed: `a` at 0 and 1, and whether it was halved.
    fn seeds(values: &[(f64, f64, f64)]) -> Vec<SeedRows> {
        let rows = |&(zero, one, halved): &(f64, f64, f64)| {
            vec![
                Row::new("p", "s", 0.0).with("a", zero),
                Row::new("p", "s", 1.0).with("a", one).with("halved", halved),
            ]
        };
        let seed = |(seed, values)| SeedRows {
            config: String::new(),
            revision: String::new(),
            dataset: "d".to_owned(),
            seed,
            rows: rows(values),
        };
        (0..).zip(values).map(seed).collect()
    }

    fn finding(expect: &str) -> Finding {
        toml::from_str(&format!("says = \"So it is.\"\nexpect = [{expect}]")).unwrap()
    }

    fn support(expect: &str, values: &[(f64, f64, f64)]) -> Support {
        finding(expect).check(&seeds(values)).support
    }

    const FALLS: &str = "{ value = \"a\", panel = \"p\", series = \"s\", x = 1.0, is = \"below\", than = { x = 0.0 } }";

    #[test]
    fn a_difference_counts_beyond_its_interval_alone() {
        let clear = [(0.3, 0.2, 1.0), (0.5, 0.41, 1.0), (0.1, 0.0, 1.0)];
        assert_eq!(support(FALLS, &clear), Support::Supported);
        // Means are the same, but seeds disagree.
        let vague = [(0.3, 0.1, 1.0), (0.5, 0.55, 1.0), (0.1, -0.04, 1.0)];
        assert_eq!(support(FALLS, &vague), Support::NotSupported);
        let rises = [(0.2, 0.3, 1.0), (0.41, 0.5, 1.0), (0.0, 0.1, 1.0)];
        assert_eq!(support(FALLS, &rises), Support::NotSupported);
        assert_eq!(support(FALLS, &clear[..1]), Support::NotSupported, "one seed shows nothing");
    }

    #[test]
    fn distances_and_multiples_count() {
        let values = [(0.3, 0.2, 1.0), (0.5, 0.41, 1.0), (0.1, 0.0, 1.0)];
        let by = |by: &str| FALLS.replace("} }", &format!("}}, by = {by} }}"));
        assert_eq!(support(&by("0.05"), &values), Support::Supported);
        assert_eq!(support(&by("0.2"), &values), Support::NotSupported);
        let near = by("0.2").replace("below", "near");
        assert_eq!(support(&near, &values), Support::Supported);
        assert_eq!(support(&near.replace("0.2", "0.05"), &values), Support::NotSupported);
        let halves = FALLS.replace("x = 0.0", "x = 0.0, times = 0.5");
        assert_eq!(support(&halves, &values), Support::NotSupported);
    }

    #[test]
    fn what_is_not_in_the_run_is_not_checked() {
        let values = [(0.3, 0.2, 1.0), (0.5, 0.41, 1.0), (0.1, 0.0, 1.0)];
        let elsewhere = FALLS.replace("\"p\"", "\"q\"");
        assert_eq!(support(&elsewhere, &values), Support::NotChecked);
        assert_eq!(support(&format!("{FALLS}, {elsewhere}"), &values), Support::NotChecked);
        let rises = FALLS.replace("below", "above");
        assert_eq!(support(&format!("{rises}, {elsewhere}"), &values), Support::NotSupported);
    }

    #[test]
    fn a_share_of_few_seeds_is_not_taken_for_sure() {
        let halved = "{ value = \"halved\", panel = \"p\", series = \"s\", x = 1.0, is = \"above\", than = 0.5 }";
        let all = |count: usize| vec![(0.3, 0.1, 1.0); count];
        assert_eq!(support(halved, &all(3)), Support::NotSupported);
        assert_eq!(support(halved, &all(10)), Support::Supported);
        let checked = finding(halved).check(&seeds(&all(10)));
        assert_eq!(checked.numbers[0].of, "p, s, 1");
        assert_eq!(checked.numbers[0].against, None);
    }
}
