//! Curves over a number that was varied, and Pareto fronts, each alone in a figure.

use std::path::Path;

use super::chart::{Chart, Spread};
use super::data::{Axis, Level, Series};
use super::frame::{GAP, MARGIN, paint_heading};
use super::legend::Legend;
use super::scene::{Rect, Scene};
use super::style::Styles;
use super::{FigureError, Files, file, render};

/// A quantity against a number that was varied, one line per method.
///
/// Intervals are bands, or whiskers for lines of fewer than four points; if all have whiskers,
/// each line is moved a few pixels sideways so that they do not hide each other. The look of a line
/// follows from its name: `rb-prob`, `rb-label`, `rb-dist`, `random`, `none`, `fare` and
/// `calibrated-eqodds` look the same in every figure; all others differ by their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Curves {
    /// What the figure is about.
    pub title: String,
    /// Data, firm, repetitions, and what the bands are.
    pub caption: String,
    /// What was varied.
    pub x: Axis,
    /// What came out.
    pub y: Axis,
    /// Our lines, the most important first: it lies on top.
    pub series: Vec<Series>,
    /// What to compare with, e.g. "no action".
    pub level: Option<Level>,
    /// The paper's points: hollow markers in the colour of our series of the same name.
    pub paper: Vec<Series>,
    /// What the hollow markers are: "paper", or what else ours is compared with.
    pub hollow: &'static str,
}

impl Curves {
    /// Writes `NAME.svg` and `NAME.png` into `folder`, which must exist.
    ///
    /// # Errors
    /// Data that cannot be drawn, or [`FigureError::Write`] with the path.
    pub fn draw(&self, folder: &Path, name: &str) -> Result<Files, FigureError> {
        file::write(&self.scene()?, folder, name)
    }

    /// The figure as an SVG document.
    ///
    /// # Errors
    /// Data that cannot be drawn.
    pub fn svg(&self) -> Result<String, FigureError> {
        Ok(render::svg(&self.scene()?))
    }

    fn scene(&self) -> Result<Scene, FigureError> {
        alone(&self.title, &self.caption, self.chart())
    }

    pub(super) fn chart(&self) -> Chart<'_> {
        Chart {
            x: &self.x,
            y: &self.y,
            series: &self.series,
            paper: &self.paper,
            hollow: self.hollow,
            level: self.level.as_ref(),
            spread: Spread::Band,
        }
    }
}

/// Error against unfairness: each point is one setting of a method, uncertain both ways.
#[derive(Debug, Clone, PartialEq)]
pub struct Pareto {
    /// What the figure is about.
    pub title: String,
    /// Data, firm, repetitions, and what the whiskers are.
    pub caption: String,
    /// One of the two, usually the error.
    pub x: Axis,
    /// The other, usually the unfairness.
    pub y: Axis,
    /// Our points, joined in their order; "no action" is a series of one point.
    pub series: Vec<Series>,
    /// The paper's points: hollow markers in the colour of our series of the same name.
    pub paper: Vec<Series>,
}

impl Pareto {
    /// Writes `NAME.svg` and `NAME.png` into `folder`, which must exist.
    ///
    /// # Errors
    /// Data that cannot be drawn, or [`FigureError::Write`] with the path.
    pub fn draw(&self, folder: &Path, name: &str) -> Result<Files, FigureError> {
        file::write(&self.scene()?, folder, name)
    }

    /// The figure as an SVG document.
    ///
    /// # Errors
    /// Data that cannot be drawn.
    pub fn svg(&self) -> Result<String, FigureError> {
        Ok(render::svg(&self.scene()?))
    }

    fn scene(&self) -> Result<Scene, FigureError> {
        alone(&self.title, &self.caption, self.chart())
    }

    pub(super) fn chart(&self) -> Chart<'_> {
        Chart {
            x: &self.x,
            y: &self.y,
            series: &self.series,
            paper: &self.paper,
            hollow: "paper",
            level: None,
            spread: Spread::Whiskers,
        }
    }
}

/// One chart with its legend to the right, or below if it is wide or long.
fn alone(title: &str, caption: &str, chart: Chart<'_>) -> Result<Scene, FigureError> {
    chart.check()?;
    let styles = Styles::of(chart.names());
    let entries = chart.entries(&styles);
    let mut scene = Scene::new(WIDTH);
    let top = paint_heading(&mut scene, title, caption);
    let bottom = HEIGHT - MARGIN;
    let beside = Legend::column(&entries, LEGEND_WIDTH_MAX);
    let fits = entries.iter().all(|entry| entry.text.chars().count() <= LEGEND_TEXT_MAX)
        && beside.height <= bottom - top;
    let plot = Rect { left: MARGIN, top, right: WIDTH - MARGIN, bottom };
    let (plot, legend, at) = if fits {
        let left = plot.right - beside.width;
        (Rect { right: left - GAP, ..plot }, beside, (left, top + GAP))
    } else {
        let below = Legend::rows(&entries, plot.width());
        let at = (plot.left + (plot.width() - below.width) / 2.0, bottom + GAP);
        (plot, below, at)
    };
    chart.paint(&mut scene, &chart.frame(plot, None), &styles);
    legend.paint(&mut scene, at);
    scene.height = if fits { HEIGHT } else { HEIGHT + GAP + legend.height };
    Ok(scene)
}

const WIDTH: f64 = 1400.0;
const HEIGHT: f64 = 900.0;

/// A legend beside the plot may take this much of the width, with texts of this many letters.
const LEGEND_WIDTH_MAX: f64 = 400.0;
const LEGEND_TEXT_MAX: usize = 26;
