//! What holds for every kind of figure, on invented data.

use std::fs;
use std::num::NonZeroU32;
use std::path::Path;

use ndarray::Array2;

use super::*;

fn estimate(mean: f64) -> Estimate {
    Estimate::within(mean, Interval { low: mean - 0.01, high: mean + 0.02 })
}

fn series(name: &str) -> Series {
    let points = [0.0, 0.1, 0.2, 0.3].map(|x| Point::at(x, estimate(0.2 - x / 2.0)));
    Series { name: name.to_owned(), points: points.to_vec() }
}

fn curves() -> Curves {
    Curves {
        title: "Fairness & size".to_owned(),
        caption: "invented, 10 seeds".to_owned(),
        x: Axis::from_zero("collective size α"),
        y: Axis::from_zero("best EqOd"),
        series: vec![series("rb-prob"), series("rb-label"), series("mine")],
        level: Some(Level {
            name: "no action".to_owned(),
            value: estimate(0.2),
            paper: Some(0.21),
        }),
        paper: vec![series("rb-prob"), series("theirs")],
        hollow: "paper",
    }
}

fn pareto() -> Pareto {
    let front = |name: &str| {
        let points = [0.1, 0.2].map(|x| Point { x: estimate(x), y: estimate(0.3 - x) });
        Series { name: name.to_owned(), points: points.to_vec() }
    };
    Pareto {
        title: "Trade-off".to_owned(),
        caption: String::new(),
        x: Axis::new("error"),
        y: Axis::new("EqOd"),
        series: vec![front("rb-prob"), front("fare")],
        paper: vec![front("fare")],
    }
}

fn panels() -> Panels {
    Panels {
        title: "Two ways to choose M".to_owned(),
        caption: "invented".to_owned(),
        columns: NonZeroU32::MIN.saturating_add(1),
        y_axes: YAxes::Shared,
        panels: vec![curves().into(), pareto().into(), curves().into()],
    }
}

fn side(name: &str) -> Side {
    let wave = |(row, column): (usize, usize)| if row > column { 0.9 } else { 0.2 };
    let person = |x: f64, group: Group, label: Label| Person {
        x,
        y: 1.0 - x,
        group,
        label,
        flipped: group == Group::Minority,
    };
    let people = vec![
        person(0.3, Group::Majority, Label::Negative),
        person(0.7, Group::Minority, Label::Positive),
        person(9.0, Group::Majority, Label::Positive),
    ];
    Side { name: name.to_owned(), probability: Array2::from_shape_fn((9, 12), wave), people }
}

fn regions() -> Regions {
    let unit = Interval { low: 0.0, high: 1.0 };
    Regions {
        title: "A toy".to_owned(),
        caption: "invented".to_owned(),
        x_label: "first feature".to_owned(),
        y_label: "second feature".to_owned(),
        plane: Plane { x: unit, y: unit },
        before: side("before"),
        after: side("after"),
        outcomes: ["error", "unfairness"]
            .map(|name| Outcome {
                name: name.to_owned(),
                before: estimate(0.25),
                after: 0.125.into(),
            })
            .to_vec(),
    }
}

fn bars() -> Bars {
    let series = |name: &str| BarSeries {
        name: name.to_owned(),
        values: vec![estimate(0.1), estimate(-0.2), 0.0.into()],
    };
    Bars {
        title: "By group".to_owned(),
        caption: "invented".to_owned(),
        y: Axis::new("difference"),
        categories: ["first", "second", "third"].map(str::to_owned).to_vec(),
        series: vec![series("rb-prob"), series("random")],
    }
}

/// The width and height in a PNG's header.
fn png_size(path: &Path) -> (u32, u32) {
    let bytes = fs::read(path).unwrap();
    assert_eq!(bytes[..8], *b"\x89PNG\r\n\x1a\n");
    assert_eq!(bytes[12..16], *b"IHDR");
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

/// Draws twice and checks both files; returns the picture's size.
fn drawn(draw: impl Fn(&Path, &str) -> Result<Files, FigureError>, words: &[&str]) -> (u32, u32) {
    let folder = tempfile::tempdir().unwrap();
    let files = draw(folder.path(), "a.b").unwrap();
    assert_eq!(files.svg, folder.path().join("a.b.svg"));
    assert_eq!(files.png, folder.path().join("a.b.png"));
    let svg = fs::read_to_string(&files.svg).unwrap();
    for word in words {
        assert!(
            svg.contains(&format!("\n{word}\n")) || svg.contains(&format!(">\n{word}")),
            "{word}"
        );
    }
    let again = draw(folder.path(), "again").unwrap();
    assert_eq!(svg, fs::read_to_string(again.svg).unwrap());
    assert_eq!(fs::read(&files.png).unwrap(), fs::read(again.png).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "no temporary file stays");
    let size = png_size(&files.png);
    assert!(svg.starts_with(&format!("<svg width=\"{}\" height=\"{}\" ", size.0, size.1)));
    size
}

#[test]
fn curves_show_every_name_and_label() {
    let words = [
        "Fairness &amp; size",
        "invented, 10 seeds",
        "collective size α",
        "best EqOd",
        "rb-prob",
        "rb-label",
        "mine",
        "no action",
        "paper",
        "theirs (paper)",
        "no action (paper)",
    ];
    assert_eq!(drawn(|folder, name| curves().draw(folder, name), &words), (1400, 900));
}

#[test]
fn a_long_legend_stands_below_and_adds_height() {
    let name = "a method with a name that is too long for the right-hand side";
    let long = Curves { series: vec![series(name)], ..curves() };
    let size = drawn(|folder, file| long.draw(folder, file), &[name]);
    assert!(size.0 == 1400 && size.1 > 900, "{size:?}");
}

#[test]
fn pareto_fronts_show_every_name_and_label() {
    let words = ["Trade-off", "error", "EqOd", "rb-prob", "fare", "paper"];
    assert_eq!(drawn(|folder, name| pareto().draw(folder, name), &words), (1400, 900));
}

#[test]
fn panels_share_one_legend() {
    let words = ["Two ways to choose M", "Fairness &amp; size", "Trade-off", "rb-prob", "fare"];
    drawn(|folder, name| panels().draw(folder, name), &words);
    assert_eq!(panels().svg().unwrap().matches("\nrb-prob\n").count(), 1);
}

#[test]
fn regions_show_people_and_outcomes() {
    let words = [
        "before",
        "after",
        "first feature",
        "second feature",
        "error",
        "unfairness",
        "0.250",
        "0.125",
        "majority",
        "minority",
        "flipped",
        "decision boundary",
    ];
    drawn(|folder, name| regions().draw(folder, name), &words);
}

#[test]
fn bars_show_their_values() {
    let words = ["first", "second", "third", "difference", "rb-prob", "random", "0.100", "−0.200"];
    drawn(|folder, name| bars().draw(folder, name), &words);
}

fn tornado() -> Tornado {
    let bar = |word: &str, mean: f64| (word.to_owned(), estimate(mean), "met in 9%".to_owned());
    let swing = |name: &str, bars| Swing { name: name.to_owned(), bars };
    Tornado {
        title: "What matters most".to_owned(),
        caption: "invented".to_owned(),
        x: Axis::from_zero("change of EqOd"),
        expected: ("as planned".to_owned(), -0.1),
        target: Some(("target".to_owned(), -0.12)),
        notes: "target".to_owned(),
        swings: vec![
            swing("who joins: 30%", vec![bar("15% join", -0.05), bar("60% join", -0.15)]),
            swing("an assumption whose name takes several lines", vec![bar("other", -0.1)]),
        ],
    }
}

#[test]
fn a_tornado_shows_every_assumption_and_setting() {
    let words =
        ["What matters most", "15% join", "60% join", "as planned", "target", "met in 9%", "other"];
    drawn(|folder, name| tornado().draw(folder, name), &words);
    let nothing = Tornado { swings: Vec::new(), ..tornado() };
    assert!(matches!(nothing.svg(), Err(FigureError::Nothing)));
    let taller = Tornado { swings: [tornado().swings, tornado().swings].concat(), ..tornado() };
    let height = |figure: &Tornado| drawn(|folder, name| figure.draw(folder, name), &[]).1;
    assert!(height(&taller) > height(&tornado()));
}

#[test]
fn a_number_that_is_not_finite_is_named() {
    for wrong in [f64::NAN, f64::INFINITY, -1e300] {
        let mut figure = curves();
        figure.series[1].points[2].y.mean = wrong;
        let error = figure.svg().unwrap_err();
        assert!(
            matches!(&error, FigureError::NotFinite { series, index: 2 } if series == "rb-label"),
            "{error}"
        );
        let mut figure = panels();
        if let Panel::Pareto(pareto) = &mut figure.panels[1] {
            pareto.paper[0].points[0].x = wrong.into();
        }
        assert!(matches!(figure.svg(), Err(FigureError::NotFinite { index: 0, .. })));
        let mut figure = bars();
        figure.series[0].values[1] = wrong.into();
        assert!(matches!(figure.svg(), Err(FigureError::NotFinite { index: 1, .. })));
        let mut figure = regions();
        figure.after.people[2].y = wrong;
        assert!(matches!(figure.svg(), Err(FigureError::NotFinite { index: 2, .. })));
    }
}

#[test]
fn data_that_make_no_figure_are_refused() {
    let mut figure = curves();
    figure.series[2].points.clear();
    let error = figure.svg().unwrap_err();
    assert!(matches!(error, FigureError::EmptySeries { series } if series == "mine"));

    let figure = Curves { series: vec![series("x"), series("x")], ..curves() };
    assert!(matches!(figure.svg(), Err(FigureError::RepeatedSeries { .. })));

    let mut figure = curves();
    figure.series[0].points[3].y.interval = Some(Interval { low: 2.0, high: 1.0 });
    assert!(matches!(figure.svg(), Err(FigureError::Inverted { index: 3, .. })));

    let figure = Curves { x: Axis::covering("x", Interval { low: 1.0, high: 1.0 }), ..curves() };
    assert!(matches!(figure.svg(), Err(FigureError::AxisExtent { .. })));

    let nothing = Panels { panels: Vec::new(), ..panels() };
    assert!(matches!(nothing.svg(), Err(FigureError::Nothing)));

    let mut figure = bars();
    figure.series[1].values.pop();
    let error = figure.svg().unwrap_err();
    assert!(matches!(error, FigureError::ValueCount { expected: 3, got: 2, .. }));

    let mut figure = regions();
    figure.before.probability[[4, 5]] = 1.01;
    let error = figure.svg().unwrap_err();
    assert!(matches!(error, FigureError::Probability { row: 4, column: 5, .. }), "{error}");

    figure.before.probability = Array2::zeros((1, 7));
    assert!(matches!(figure.svg(), Err(FigureError::GridSize { rows: 1, columns: 7, .. })));
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let error = curves().draw(&missing, "size").unwrap_err();
    assert!(error.to_string().contains("size.svg"), "{error}");
    assert!(matches!(error, FigureError::Write { path, .. } if path == missing.join("size.svg")));
}

#[test]
fn a_figure_replaces_its_older_self_and_leaves_it_if_refused() {
    let folder = tempfile::tempdir().unwrap();
    let files = bars().draw(folder.path(), "bars").unwrap();
    let before = fs::read(&files.svg).unwrap();
    assert!(Bars { categories: Vec::new(), ..bars() }.draw(folder.path(), "bars").is_err());
    assert_eq!(fs::read(&files.svg).unwrap(), before);
    Bars { title: "Newer".to_owned(), ..bars() }.draw(folder.path(), "bars").unwrap();
    assert_ne!(fs::read(&files.svg).unwrap(), before);
}

#[test]
fn a_name_is_one_plain_file_name() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["", "..", "a/b", "/tmp/x"] {
        let error = curves().draw(folder.path(), name).unwrap_err();
        assert!(matches!(error, FigureError::Name { .. }), "{name:?}");
    }
}

#[test]
fn extreme_numbers_are_drawn_inside_the_frame() {
    for scale in [1e-90, 1e-7, 1.0, 1e7, 1e90] {
        let mut figure = curves();
        for point in figure.series.iter_mut().flat_map(|series| &mut series.points) {
            point.x.mean *= scale;
            point.y = (point.y.mean * -scale).into();
        }
        figure.y = Axis::covering("y", Interval { low: -0.1, high: 0.1 });
        assert!(!figure.svg().unwrap().contains("2147483647"), "{scale}: saturated coordinate");
        figure.y = Axis::new("y");
        figure.svg().unwrap();
    }
}
