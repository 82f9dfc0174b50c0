//! Grouped bars with their values written above them.

use std::path::Path;

use super::axis::covered;
use super::chart::paint_whisker;
use super::data::{Axis, Estimate, Interval, check_names};
use super::font::{self, Font};
use super::frame::{Frame, GAP, LABEL_FONT, MARGIN, Side, TICK_FONT, depth, paint_heading, words};
use super::legend::{Entry, Key, Legend};
use super::scene::{Align, Colour, Pen, Rect, Scene};
use super::style::Styles;
use super::{FigureError, Files, file, render};

/// Values by category, one bar per series in each.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    /// What the figure is about.
    pub title: String,
    /// Data, firm, repetitions, and what the whiskers are.
    pub caption: String,
    /// What the bars measure; zero is always shown.
    pub y: Axis,
    /// What stands below each group of bars.
    pub categories: Vec<String>,
    /// The bars of each group, from left to right.
    pub series: Vec<BarSeries>,
}

/// One bar in every category.
#[derive(Debug, Clone, PartialEq)]
pub struct BarSeries {
    /// As the legend shows it; it decides the colour as in [`Curves`](super::Curves).
    pub name: String,
    /// One value per category.
    pub values: Vec<Estimate>,
}

impl Bars {
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
        self.check()?;
        let styles = Styles::of(self.series.iter().map(|series| series.name.as_str()));
        let colour =
            |series: &BarSeries| styles.look(&series.name).colour.towards(Colour::WHITE, 0.2);
        let entries: Vec<Entry> = self
            .series
            .iter()
            .map(|series| Entry::new(Key::Patch(colour(series)), &series.name))
            .collect();
        let mut scene = Scene::new(WIDTH);
        let top = paint_heading(&mut scene, &self.title, &self.caption);
        let outer = Rect { left: MARGIN, top, right: WIDTH - MARGIN, bottom: HEIGHT };
        let groups = Groups {
            y: &self.y,
            categories: &self.categories,
            bars: self.series.iter().map(|one| (colour(one), one.values.as_slice())).collect(),
        };
        groups.paint(&mut scene, outer);
        let legend = Legend::rows(&entries, outer.width());
        legend.paint(&mut scene, (outer.left + (outer.width() - legend.width) / 2.0, HEIGHT + GAP));
        scene.height = HEIGHT + 2.0 * GAP + legend.height;
        Ok(scene)
    }

    fn check(&self) -> Result<(), FigureError> {
        if self.categories.is_empty() || self.series.is_empty() {
            return Err(FigureError::Nothing);
        }
        self.y.check()?;
        check_names(self.series.iter().map(|series| series.name.as_str()))?;
        for BarSeries { name, values } in &self.series {
            if values.len() != self.categories.len() {
                return Err(FigureError::ValueCount {
                    series: name.clone(),
                    expected: self.categories.len(),
                    got: values.len(),
                });
            }
            for (index, value) in values.iter().enumerate() {
                value.check(name, index)?;
            }
        }
        Ok(())
    }
}

/// Groups of bars in one frame.
pub(super) struct Groups<'a> {
    pub(super) y: &'a Axis,
    pub(super) categories: &'a [String],
    /// Colour and values of each series, one value per category.
    pub(super) bars: Vec<(Colour, &'a [Estimate])>,
}

impl Groups<'_> {
    pub(super) fn paint(&self, scene: &mut Scene, outer: Rect) {
        let names = self.names(outer.width());
        // Names stand where tick labels would.
        let below = self.depth(outer.width()) - depth(0);
        let frame = self.frame(Rect { bottom: outer.bottom - below, ..outer });
        frame.paint_grid(scene);
        for (place, name) in names.iter().enumerate() {
            let middle = frame.at(real(place) + 0.5, 0.0).0;
            let at = (middle, frame.rect.bottom + GAP / 2.0 + LABEL_FONT.size);
            scene.lines(name, &words("", at, LABEL_FONT, Align::Middle));
        }
        let drawn: Vec<Bar> =
            (0..self.categories.len()).flat_map(|category| self.group(&frame, category)).collect();
        let fits = |font: &Font| {
            drawn.iter().all(|bar| font::width(&bar.label(), *font) <= bar.rect.width())
        };
        let font = [TICK_FONT, NARROW_FONT].into_iter().find(fits);
        for bar in &drawn {
            bar.paint(scene, &frame);
            if let Some(font) = font {
                bar.paint_label(scene, &frame, font);
            }
        }
        frame.paint_axes(scene);
    }

    /// The height of the categories' names below the frame, in a plot this wide.
    pub(super) fn depth(&self, width: f64) -> f64 {
        let deepest = self.names(width).iter().map(Vec::len).max().unwrap_or(1);
        GAP + real(deepest) * font::line_height(LABEL_FONT)
    }

    fn names(&self, width: f64) -> Vec<Vec<String>> {
        let room = width / real(self.categories.len()) - 3.0 * GAP;
        self.categories.iter().map(|name| font::wrap(name, LABEL_FONT, room)).collect()
    }

    /// The frame, with room above the highest bar for its value.
    fn frame(&self, outer: Rect) -> Frame {
        let values = self.bars.iter().flat_map(|(_, values)| *values);
        let seen = covered(self.y.extent, values.flat_map(|value| value.values()).chain([0.0]));
        let more = seen.span() * 0.06;
        let ends = Interval {
            low: if seen.low < 0.0 { seen.low - more } else { seen.low },
            high: if seen.high > 0.0 { seen.high + more } else { seen.high },
        };
        let categories = Interval { low: 0.0, high: real(self.categories.len()) };
        let x = Side { label: "", ends: categories };
        let mut frame = Frame::new(outer, x, Side { label: &self.y.label, ends });
        frame.x.ticks.clear();
        frame
    }

    fn group(&self, frame: &Frame, category: usize) -> Vec<Bar> {
        let width = GROUP_SHARE / real(self.bars.len());
        let start = real(category) + (1.0 - GROUP_SHARE) / 2.0;
        let bars = self.bars.iter().enumerate().map(|(place, (colour, values))| {
            let value = values[category];
            let left = start + width * real(place);
            let clamped = |y: f64| y.clamp(frame.y.ends.low, frame.y.ends.high);
            let from = frame.at(left, clamped(value.mean.max(0.0)));
            let to = frame.at(left + width, clamped(value.mean.min(0.0)));
            let inset = if self.bars.len() > 1 { 2.0 } else { 0.0 };
            let rect =
                Rect { left: from.0 + inset, top: from.1, right: to.0 - inset, bottom: to.1 };
            Bar { rect, colour: *colour, value }
        });
        bars.collect()
    }
}

struct Bar {
    rect: Rect,
    colour: Colour,
    value: Estimate,
}

impl Bar {
    fn label(&self) -> String {
        let mean = self.value.mean;
        match mean.abs() {
            small if small < 10.0 => format!("{mean:.3}"),
            middle if middle < 1000.0 => format!("{mean:.1}"),
            _ => format!("{mean:.0}"),
        }
        .replace('-', "−")
    }

    fn paint(&self, scene: &mut Scene, frame: &Frame) {
        scene.block(self.rect, self.colour, 1.0);
        if self.rect.height() >= 1.0 {
            scene.outline(self.rect, Pen::solid(Colour::INK, 1.25));
        }
        // A whisker without length would be a speck on the bar's end.
        if let Some(Interval { low, high }) = self.value.interval.filter(|ends| ends.span() > 0.0) {
            let x = f64::midpoint(self.rect.left, self.rect.right);
            let at = |y: f64| (x, frame.at(0.0, y).1);
            for (colour, width) in [(Colour::WHITE, 5.0), (Colour::INK, 2.0)] {
                let pen = Pen::solid(colour, width);
                paint_whisker(scene, frame.rect, at(low), at(high), pen);
            }
        }
    }

    /// Writes the value beyond the bar and its whisker.
    fn paint_label(&self, scene: &mut Scene, frame: &Frame, font: Font) {
        let ends = Interval::around(self.value.values().chain([0.0]));
        let ends = ends.unwrap_or(Interval { low: 0.0, high: 0.0 });
        let [top, bottom] = [ends.high, ends.low].map(|y| frame.at(0.0, y).1);
        let y = if self.value.mean < 0.0 {
            bottom + 8.0 + 2.0 * font::half_capital(font)
        } else {
            top - 8.0
        };
        let x = f64::midpoint(self.rect.left, self.rect.right);
        if frame.rect.holds((x, y)) {
            scene.text(words(&self.label(), (x, y), font, Align::Middle));
        }
    }
}

fn real(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Of the values above narrow bars.
const NARROW_FONT: Font = Font::regular(15.0);
const WIDTH: f64 = 1400.0;
const HEIGHT: f64 = 820.0;

/// The share of a category's width its bars take.
const GROUP_SHARE: f64 = 0.74;
