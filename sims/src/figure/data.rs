//! The plain data every figure is made of.

use super::FigureError;

/// A closed range of numbers: a confidence interval, or what an axis covers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end, not below `low`.
    pub high: f64,
}

impl Interval {
    pub(super) fn span(self) -> f64 {
        self.high - self.low
    }

    pub(super) fn holds(self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// The least interval that holds every value; none if there is no value.
    pub(super) fn around(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        values.into_iter().fold(None, |sofar: Option<Self>, value| {
            Some(sofar.map_or(Self { low: value, high: value }, |seen| Self {
                low: seen.low.min(value),
                high: seen.high.max(value),
            }))
        })
    }
}

/// A number with what is known about its uncertainty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The number itself.
    pub mean: f64,
    /// Its interval; it need not hold the mean (a percentile bootstrap's may not).
    pub interval: Option<Interval>,
}

impl Estimate {
    /// A number without uncertainty.
    pub fn exact(mean: f64) -> Self {
        Self { mean, interval: None }
    }

    /// A number with its interval.
    pub fn within(mean: f64, interval: Interval) -> Self {
        Self { mean, interval: Some(interval) }
    }

    /// Every number in it, for ranges.
    pub(super) fn values(self) -> impl Iterator<Item = f64> {
        let ends = self.interval.map_or([self.mean; 2], |ends| [ends.low, ends.high]);
        [self.mean].into_iter().chain(ends)
    }

    pub(super) fn check(self, series: &str, index: usize) -> Result<(), FigureError> {
        if self.values().any(|value| !drawable(value)) {
            return Err(FigureError::NotFinite { series: series.to_owned(), index });
        }
        match self.interval {
            Some(Interval { low, high }) if low > high => {
                Err(FigureError::Inverted { series: series.to_owned(), index, low, high })
            }
            _ => Ok(()),
        }
    }
}

impl From<f64> for Estimate {
    fn from(mean: f64) -> Self {
        Self::exact(mean)
    }
}

/// One marker of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Where it stands along the x axis; an interval becomes a horizontal whisker.
    pub x: Estimate,
    /// Where it stands along the y axis.
    pub y: Estimate,
}

impl Point {
    /// A point whose x is chosen, not measured.
    pub fn at(x: f64, y: Estimate) -> Self {
        Self { x: Estimate::exact(x), y }
    }
}

/// One method's points, in the order in which its line joins them.
///
/// The name decides the colour, marker and dashes: see [`Curves`](super::Curves).
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The method, as the legend shows it.
    pub name: String,
    /// At least one point.
    pub points: Vec<Point>,
}

impl Series {
    pub(super) fn check(&self) -> Result<(), FigureError> {
        if self.points.is_empty() {
            return Err(FigureError::EmptySeries { series: self.name.clone() });
        }
        for (index, point) in self.points.iter().enumerate() {
            point.x.check(&self.name, index)?;
            point.y.check(&self.name, index)?;
        }
        Ok(())
    }
}

/// A horizontal line to compare with: what happens if nobody acts.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// As the legend shows it, e.g. "no action".
    pub name: String,
    /// Its height; an interval becomes a grey band.
    pub value: Estimate,
    /// The same line in the paper, if it shows one.
    pub paper: Option<f64>,
}

/// What an axis is called and how far it reaches.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The quantity with its unit.
    pub label: String,
    /// How far it reaches.
    pub extent: Extent,
    /// Whether its values are powers of ten, and its ticks write the numbers that they stand for.
    pub logarithmic: bool,
}

impl Axis {
    /// An axis that reaches as far as the data, with a little room.
    pub fn new(label: &str) -> Self {
        Self { label: label.to_owned(), extent: Extent::Data, logarithmic: false }
    }

    /// An axis of logarithms to base ten, which reaches as far as the data.
    pub fn logarithmic(label: &str) -> Self {
        Self { logarithmic: true, ..Self::new(label) }
    }

    /// An axis that also shows zero; it starts there unless a number is negative.
    pub fn from_zero(label: &str) -> Self {
        Self { extent: Extent::FromZero, ..Self::new(label) }
    }

    /// An axis that covers exactly `interval`; what lies outside is cut off at the frame.
    pub fn covering(label: &str, interval: Interval) -> Self {
        Self { extent: Extent::Fixed(interval), ..Self::new(label) }
    }

    pub(super) fn check(&self) -> Result<(), FigureError> {
        match self.extent {
            Extent::Fixed(Interval { low, high })
                if !(drawable(low) && drawable(high) && low < high) =>
            {
                Err(FigureError::AxisExtent { label: self.label.clone(), low, high })
            }
            Extent::Fixed(_) | Extent::Data | Extent::FromZero => Ok(()),
        }
    }
}

/// How far an axis reaches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Extent {
    /// As far as the data, with a little room.
    Data,
    /// As [`Extent::Data`], and zero is shown.
    FromZero,
    /// Exactly this.
    Fixed(Interval),
}

/// Whether a coordinate can be drawn: finite, and differences of two such numbers are finite too.
pub(super) fn drawable(value: f64) -> bool {
    value.abs() <= LARGEST
}

pub(super) fn check_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), FigureError> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(FigureError::RepeatedSeries { series: name.to_owned() });
        }
    }
    Ok(())
}

const LARGEST: f64 = 1e100;
