//! Draws one sample of each kind of figure, and hard cases, from invented data.
//!
//! `cargo run --release -p sims --example figure_samples FOLDER`

use std::num::NonZeroU32;
use std::path::Path;

use anyhow::Context;
use ndarray::Array2;
use sims::figure::{
    Axis, BarSeries, Bars, Curves, Estimate, Group, Interval, Label, Level, Outcome, Panels,
    Pareto, Person, Plane, Point, Regions, Series, Side, YAxes,
};

fn main() -> anyhow::Result<()> {
    let folder = std::env::args_os().nth(1).context("name a folder for the pictures")?;
    let folder = Path::new(&folder);
    size_curves().draw(folder, "curves")?;
    size_panels().draw(folder, "panels")?;
    pareto().draw(folder, "pareto")?;
    pareto_panels().draw(folder, "pareto-panels")?;
    regions().draw(folder, "regions")?;
    bars().draw(folder, "bars")?;
    for (name, figure) in hard_curves().into_iter().chain(hard_ranges()) {
        figure.draw(folder, name)?;
    }
    hard_bars().draw(folder, "hard-bars")?;
    Ok(())
}

fn estimate(mean: f64, half: f64) -> Estimate {
    Estimate::within(mean, Interval { low: mean - half, high: mean + half })
}

fn line(name: &str, points: impl IntoIterator<Item = (f64, f64, f64)>) -> Series {
    let points = points.into_iter().map(|(x, mean, half)| Point::at(x, estimate(mean, half)));
    Series { name: name.to_owned(), points: points.collect() }
}

fn exact(name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Series {
    let points = points.into_iter().map(|(x, mean)| Point::at(x, mean.into()));
    Series { name: name.to_owned(), points: points.collect() }
}

/// Falls from 0.22 to a floor.
fn falling(alpha: f64, floor: f64) -> f64 {
    floor + (0.22 - floor) * (-(alpha / 0.15).powi(2)).exp()
}

const ALPHAS: [f64; 9] = [0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4];

fn methods(spread: f64) -> Vec<Series> {
    [("rb-prob", 0.062), ("rb-label", 0.055), ("rb-dist", 0.079), ("random", 0.17)]
        .map(|(name, floor)| {
            let at = |alpha| (alpha, falling(alpha, floor), spread * (1.0 + alpha));
            line(name, ALPHAS.map(at))
        })
        .to_vec()
}

fn paper() -> Vec<Series> {
    [("rb-prob", 0.06), ("rb-label", 0.066)]
        .map(|(name, floor)| {
            exact(name, ALPHAS.map(|alpha| (alpha, falling(alpha, floor) + 0.012)))
        })
        .to_vec()
}

fn no_action() -> Level {
    Level { name: "no action".to_owned(), value: estimate(0.221, 0.008), paper: None }
}

fn size_curves() -> Curves {
    Curves {
        title: "Best EqOd against the size of the collective".to_owned(),
        caption: "COMPAS, boosted firm, 10 seeds; bands: 95% confidence interval".to_owned(),
        x: Axis::from_zero("collective size α (share of the minority)"),
        y: Axis::from_zero("best EqOd"),
        series: methods(0.008),
        level: Some(no_action()),
        paper: paper(),
        hollow: "paper",
    }
}

fn size_panels() -> Panels {
    let left =
        Curves { title: "M by the test set".to_owned(), caption: String::new(), ..size_curves() };
    let right = Curves {
        title: "M by validation data".to_owned(),
        series: methods(0.014),
        paper: Vec::new(),
        ..left.clone()
    };
    Panels {
        title: "Best EqOd against the size of the collective".to_owned(),
        caption: size_curves().caption,
        columns: NonZeroU32::MIN.saturating_add(1),
        y_axes: YAxes::Shared,
        panels: vec![left.into(), right.into()],
    }
}

fn front(name: &str, points: &[(f64, f64)]) -> Series {
    let point = |&(error, unfairness): &(f64, f64)| Point {
        x: estimate(error, 0.004),
        y: estimate(unfairness, 0.009),
    };
    Series { name: name.to_owned(), points: points.iter().map(point).collect() }
}

fn pareto() -> Pareto {
    let fare = [(0.3276, 0.2281), (0.3377, 0.2032), (0.3687, 0.1667), (0.4047, 0.1176)];
    let calibrated = [(0.3308, 0.2065), (0.3551, 0.1743), (0.4084, 0.0957), (0.4692, 0.0174)];
    Pareto {
        title: "Error against unfairness".to_owned(),
        caption: "COMPAS, boosted firm, 10 seeds; whiskers: 95% confidence interval".to_owned(),
        x: Axis::new("error"),
        y: Axis::from_zero("EqOd"),
        series: vec![
            front("rb-prob", &[(0.3349, 0.22), (0.3374, 0.16), (0.3377, 0.099), (0.3437, 0.065)]),
            front("fare", &fare),
            front("calibrated-eqodds", &calibrated),
            front("no action", &[(0.332, 0.2136)]),
        ],
        paper: vec![exact("rb-prob", [(0.34, 0.2205), (0.342, 0.155), (0.346, 0.08)])],
    }
}

fn pareto_panels() -> Panels {
    let panel =
        |title: &str| Pareto { title: title.to_owned(), caption: String::new(), ..pareto() };
    Panels {
        title: "Error against unfairness on four data sets".to_owned(),
        caption: "10 seeds; whiskers: 95% confidence interval".to_owned(),
        columns: NonZeroU32::MIN.saturating_add(2),
        y_axes: YAxes::Own,
        panels: ["COMPAS", "Adult", "ACS Income", "HSLS"].map(|name| panel(name).into()).to_vec(),
    }
}

/// A plane where the classifier follows `x + tilt * wave`.
fn side(name: &str, tilt: f64, flips: bool) -> Side {
    let along = |place: usize| f64::from(u32::try_from(place).unwrap_or(0)) / 79.0 * 6.0 - 3.0;
    let probability = Array2::from_shape_fn((80, 80), |(row, column)| {
        let (x, y) = (along(column), along(row));
        1.0 / (1.0 + (-2.2 * (x + tilt * y + 0.5 * (1.7 * y).sin())).exp())
    });
    let people = (0..220_u32).map(|index| {
        let step = f64::from(index);
        let minority = index % 4 == 0;
        let x = 2.7 * (step * 12.9898).sin() - if minority { 0.6 } else { 0.0 };
        let y = 2.7 * (step * 78.233).sin();
        let flipped = minority && x > -1.2 && x < 0.2;
        Person {
            x,
            y,
            group: if minority { Group::Minority } else { Group::Majority },
            label: if x > 0.1 || (flips && flipped) { Label::Positive } else { Label::Negative },
            flipped: flips && flipped,
        }
    });
    Side { name: name.to_owned(), probability, people: people.collect() }
}

fn regions() -> Regions {
    let ends = Interval { low: -3.0, high: 3.0 };
    Regions {
        title: "What a collective of 30% of the minority changes".to_owned(),
        caption: "Two features, logistic firm; ringed members reported the positive label"
            .to_owned(),
        x_label: "feature 1".to_owned(),
        y_label: "feature 2".to_owned(),
        plane: Plane { x: ends, y: ends },
        before: side("before", 0.1, false),
        after: side("after", 0.7, true),
        outcomes: vec![
            Outcome {
                name: "error".to_owned(),
                before: estimate(0.142, 0.01),
                after: estimate(0.151, 0.012),
            },
            Outcome {
                name: "unfairness (EqOd)".to_owned(),
                before: estimate(0.214, 0.015),
                after: 0.063.into(),
            },
        ],
    }
}

fn bars() -> Bars {
    let series = |name: &str, values: [f64; 4]| BarSeries {
        name: name.to_owned(),
        values: values.map(|value| estimate(value, 0.01)).to_vec(),
    };
    Bars {
        title: "EqOd by data set at α = 0.3".to_owned(),
        caption: "Boosted firm, 10 seeds; whiskers: 95% confidence interval".to_owned(),
        y: Axis::from_zero("EqOd"),
        categories: ["COMPAS", "Adult", "ACS Income", "HSLS"].map(str::to_owned).to_vec(),
        series: vec![
            series("none", [0.2136, 0.081, 0.176, 0.12]),
            series("random", [0.18, 0.07, 0.15, 0.1]),
            series("rb-prob", [0.0644, 0.026, 0.0202, 0.05]),
        ],
    }
}

/// Cases that break a careless layout.
fn hard_curves() -> Vec<(&'static str, Curves)> {
    let long = "a very long description of a method that nobody would print in a legend, number";
    let few = |name: &str, shift: f64| line(name, [(0.1, 0.2 + shift, 0.02), (0.3, 0.1, 0.03)]);
    let many = (0..10_u32).map(|index| {
        let floor = 0.02 * f64::from(index);
        let at = |alpha| (alpha, falling(alpha, floor), 0.004);
        line(&format!("method {index} of many"), ALPHAS.map(at))
    });
    let ten = Curves { level: Some(no_action()), ..plain("Ten series", many.collect()) };
    let verbose = Curves {
        caption: format!("{long} {long} {long}"),
        y: Axis::from_zero(long),
        ..plain(long, methods(0.01).into_iter().map(|series| renamed(series, long)).collect())
    };
    let clipped = Curves {
        y: Axis::covering("EqOd", Interval { low: 0.05, high: 0.15 }),
        x: Axis::covering("α", Interval { low: 0.03, high: 0.33 }),
        ..size_curves()
    };
    let sparse = vec![few("rb-prob", 0.0), few("rb-label", 0.0), few("rb-dist", 0.01)];
    vec![
        ("hard-one-point", plain("One point", vec![line("rb-prob", [(0.2, 0.1, 0.02)])])),
        ("hard-ten-series", ten),
        ("hard-long-legend", verbose),
        ("hard-few-points", plain("Few points", sparse)),
        ("hard-clipped", clipped),
    ]
}

/// Ranges that break careless ticks.
fn hard_ranges() -> Vec<(&'static str, Curves)> {
    let wide = |place: u32| (f64::from(place) * 1500.0, 0.2 / f64::from(place + 1), 0.01);
    let tiny = |place: u32| (f64::from(place), 0.2136 + 1e-7 * f64::from(place), 2e-8);
    let near_zero = |place: u32| (f64::from(place) * 1e-6, 3e-5 * f64::from(place), 4e-6);
    let below = |place: u32| (f64::from(place) - 4.0, (f64::from(place)).sin() - 0.4, 0.2);
    let wide = Curves {
        x: Axis::from_zero("flip budget M"),
        level: Some(Level { paper: Some(0.19), ..no_action() }),
        paper: vec![exact("rb-unknown", [(2000.0, 0.1), (9000.0, 0.05)])],
        ..plain("A wide x", vec![line("rb-prob", (0..9).map(wide))])
    };
    let tiny = plain("A tiny range", vec![line("x", (0..6).map(tiny))]);
    let below = plain("Negative numbers", vec![line("rb-prob", (0..9).map(below))]);
    vec![
        ("hard-wide-x", wide),
        ("hard-tiny-range", Curves { y: Axis::new("EqOd"), ..tiny }),
        ("hard-near-zero", plain("Near zero", vec![line("rb-dist", (0..9).map(near_zero))])),
        ("hard-negative", Curves { x: Axis::new("x"), ..below }),
    ]
}

fn plain(title: &str, series: Vec<Series>) -> Curves {
    Curves { title: title.to_owned(), series, level: None, paper: Vec::new(), ..size_curves() }
}

fn renamed(series: Series, prefix: &str) -> Series {
    Series { name: format!("{prefix} {}", series.name), ..series }
}

fn hard_bars() -> Bars {
    let series = (0..8_u32).map(|index| BarSeries {
        name: format!("method {index}"),
        values: (0..5).map(|place| estimate(f64::from(place * index) - 9.0, 2.0)).collect(),
    });
    let category = |name: u32| format!("a category with a long name, {name}");
    Bars { categories: (0..5).map(category).collect(), series: series.collect(), ..bars() }
}
