//! Where the ticks of a numeric axis stand and what is written beside them.

use super::data::{Extent, Interval};

/// An axis with its ends, its ticks and the power of ten its labels leave out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    pub(super) ends: Interval,
    pub(super) ticks: Vec<Tick>,
    /// Labels are to be multiplied by ten to this power; 0 almost always.
    pub(super) power: i32,
}

/// One tick: its value on the axis and its label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

impl Scale {
    /// The densest round ticks between `ends` that `fits` accepts.
    ///
    /// `fits` is told the labels and which share of the axis lies between two of them.
    pub(super) fn new(ends: Interval, fits: impl Fn(&[Tick], f64) -> bool) -> Self {
        let largest = ends.low.abs().max(ends.high.abs());
        let power = match exponent(largest) {
            small if small < -3 => small,
            large if large > 6 => large,
            _ => 0,
        };
        let mut ticks = Vec::new();
        let decade = exponent(ends.span());
        'search: for tens in decade - 2..=decade + 1 {
            for mantissa in [1.0, 2.0, 2.5, 5.0] {
                let step = mantissa * 10_f64.powi(tens);
                ticks = ticks_every(step, ends, power);
                if ticks.len() < 2 || fits(&ticks, step / ends.span()) {
                    break 'search;
                }
            }
        }
        Self { ends, ticks, power }
    }

    /// Ticks at 1, 2 and 5 times the powers of ten, or at the powers alone if there are more than `most`; the ends are
    /// logarithms to base ten.
    pub(super) fn logarithmic(ends: Interval, most: usize) -> Self {
        let decades = |mantissas: &[f64]| -> Vec<Tick> {
            (exponent(10_f64.powf(ends.low))..=exponent(10_f64.powf(ends.high)))
                .flat_map(|tens| {
                    mantissas.iter().map(move |times| (times * 10_f64.powi(tens), tens))
                })
                .filter(|(number, _)| ends.holds(number.log10()))
                .map(|(number, tens)| {
                    let decimals = usize::try_from(-tens).unwrap_or(0);
                    let label = written(number, decimals, number >= 1_000.0);
                    Tick { value: number.log10(), label }
                })
                .collect()
        };
        let dense = decades(&[1.0, 2.0, 5.0]);
        let ticks = if dense.len() > most { decades(&[1.0]) } else { dense };
        Self { ends, ticks, power: 0 }
    }

    /// The share of the axis that lies below a value.
    pub(super) fn share(&self, value: f64) -> f64 {
        (value - self.ends.low) / self.ends.span()
    }

    /// The axis' name, with the power of ten its labels leave out.
    pub(super) fn title(&self, label: &str) -> String {
        if self.power == 0 {
            return label.to_owned();
        }
        let raised: String = self.power.to_string().chars().map(superscript).collect();
        format!("{label} (×10{raised})")
    }
}

/// What an axis covers, given all values along it.
pub(super) fn covered(extent: Extent, values: impl IntoIterator<Item = f64>) -> Interval {
    let seen = Interval::around(values).unwrap_or(Interval { low: 0.0, high: 1.0 });
    match extent {
        Extent::Fixed(ends) => ends,
        Extent::Data => {
            let seen = widened(seen);
            let room = seen.span() * ROOM;
            Interval { low: seen.low - room, high: seen.high + room }
        }
        Extent::FromZero => {
            let seen = widened(Interval { low: seen.low.min(0.0), high: seen.high.max(0.0) });
            let room = seen.span() * ROOM;
            Interval {
                low: if seen.low < 0.0 { seen.low - room } else { 0.0 },
                high: if seen.high > 0.0 { seen.high + room } else { 0.0 },
            }
        }
    }
}

/// The same interval, or a little one around it if it has (nearly) no length.
fn widened(seen: Interval) -> Interval {
    let largest = seen.low.abs().max(seen.high.abs());
    if seen.span() > largest * 1e-9 && seen.span() > SMALLEST {
        return seen;
    }
    let room = if largest > SMALLEST { largest * 0.1 } else { 0.5 };
    match (seen.low.abs() > SMALLEST, seen.high.abs() > SMALLEST) {
        (false, false) => Interval { low: 0.0, high: 1.0 },
        _ => Interval { low: seen.low - room, high: seen.high + room },
    }
}

fn ticks_every(step: f64, ends: Interval, power: i32) -> Vec<Tick> {
    let slack = 1e-6;
    let (first, last) = ((ends.low / step - slack).ceil(), (ends.high / step + slack).floor());
    let unit = 10_f64.powi(power);
    let decimals = decimals(step / unit);
    let grouped = ends.low.abs().max(ends.high.abs()) / unit >= 10_000.0;
    std::iter::successors(Some(first), |place| Some(place + 1.0))
        .take_while(|place| *place <= last)
        .take(MOST_TICKS)
        .map(|place| place * step)
        .map(|value| Tick { value, label: written(value / unit, decimals, grouped) })
        .collect()
}

fn written(value: f64, decimals: usize, grouped: bool) -> String {
    let digits = format!("{:.decimals$}", value.abs());
    let zero = digits.chars().all(|digit| matches!(digit, '0' | '.'));
    let sign = if value < 0.0 && !zero { "−" } else { "" };
    if !grouped {
        return format!("{sign}{digits}");
    }
    let (whole, rest) = digits.split_once('.').map_or((&*digits, None), |(a, b)| (a, Some(b)));
    let mut text = sign.to_owned();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(rest) = rest {
        text.push('.');
        text.push_str(rest);
    }
    text
}

/// The fewest decimals that write a step without loss.
fn decimals(step: f64) -> usize {
    let exact = |places: &usize| {
        let scaled = (0..*places).fold(step, |scaled, _| scaled * 10.0);
        (scaled - scaled.round()).abs() < 1e-6 * scaled.max(1.0) && scaled.round() >= 1.0
    };
    (0..MOST_DECIMALS).find(exact).unwrap_or(MOST_DECIMALS)
}

/// The power of ten at or below a positive number.
fn exponent(value: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "logarithms of f64 are within 400")]
    let exponent = value.max(SMALLEST).log10().floor() as i32;
    exponent
}

fn superscript(digit: char) -> char {
    match digit {
        '-' => '⁻',
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        '9' => '⁹',
        other => other,
    }
}

/// Room beyond the data at each end, as a share of the data's range.
const ROOM: f64 = 0.045;
const SMALLEST: f64 = 1e-200;
const MOST_TICKS: usize = 2000;
const MOST_DECIMALS: usize = 14;

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64) -> (Vec<String>, i32) {
        let scale = Scale::new(Interval { low, high }, |ticks, _| ticks.len() <= 6);
        (scale.ticks.into_iter().map(|tick| tick.label).collect(), scale.power)
    }

    #[test]
    fn ticks_are_round_numbers_with_just_the_decimals_they_need() {
        assert_eq!(
            labels(0.0, 0.23),
            (["0.00", "0.05", "0.10", "0.15", "0.20"].map(String::from).to_vec(), 0)
        );
        assert_eq!(labels(0.0, 12_000.0).0, ["0", "2,500", "5,000", "7,500", "10,000"]);
        assert_eq!(labels(-3.0, 3.0).0, ["−2", "0", "2"]);
        assert_eq!(
            labels(0.0, 2.4e-5),
            (["0.0", "0.5", "1.0", "1.5", "2.0"].map(String::from).to_vec(), -5)
        );
        assert_eq!(labels(0.213_600_1, 0.213_600_4).0.len(), 4);
    }

    #[test]
    fn logarithms_are_labelled_by_their_numbers() {
        let labels = |low, high, most| {
            let scale = Scale::logarithmic(Interval { low, high }, most);
            scale.ticks.into_iter().map(|tick| tick.label).collect::<Vec<_>>()
        };
        assert_eq!(labels(1.9, 4.1, 9), ["100", "200", "500", "1,000", "2,000", "5,000", "10,000"]);
        assert_eq!(labels(1.9, 4.1, 6), ["100", "1,000", "10,000"]);
        assert_eq!(labels(-1.1, 0.4, 9), ["0.1", "0.2", "0.5", "1", "2"]);
    }

    #[test]
    fn a_single_value_still_spans_an_axis() {
        for value in [0.0, 1.0, -7.0, 1e-30, 1e90] {
            for extent in [Extent::Data, Extent::FromZero] {
                let ends = covered(extent, [value]);
                assert!(ends.low < ends.high && ends.holds(value), "{value} {ends:?}");
            }
        }
        assert!(covered(Extent::FromZero, [3.0, 4.0]).low.abs() < 1e-12);
    }
}
