//! Lines, bands and markers in one frame: what curves and Pareto fronts have in common.

use super::FigureError;
use super::axis::{Scale, covered};
use super::clip;
use super::data::{Axis, Interval, Level, Point, Series, check_names, drawable};
use super::frame::{Frame, Side};
use super::legend::{Entry, Key, LEVEL_OPACITY, level_pen, paper_level_pen};
use super::scene::{Colour, Pen, Rect, Scene};
use super::style::Styles;

/// Ticks that an axis of logarithms has room for.
const LOGARITHMIC_TICKS: usize = 8;

/// Everything in one frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chart<'a> {
    pub(super) x: &'a Axis,
    pub(super) y: &'a Axis,
    pub(super) series: &'a [Series],
    pub(super) paper: &'a [Series],
    pub(super) hollow: &'static str,
    pub(super) level: Option<&'a Level>,
    pub(super) spread: Spread,
}

/// How intervals are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spread {
    /// As a band along the line, or as whiskers if the line has few points.
    Band,
    /// As whiskers in both directions.
    Whiskers,
}

impl Chart<'_> {
    pub(super) fn check(&self) -> Result<(), FigureError> {
        if self.series.is_empty() && self.paper.is_empty() {
            return Err(FigureError::Nothing);
        }
        self.x.check()?;
        self.y.check()?;
        for together in [self.series, self.paper] {
            together.iter().try_for_each(Series::check)?;
            check_names(together.iter().map(|series| series.name.as_str()))?;
        }
        let Some(level) = self.level else { return Ok(()) };
        level.value.check(&level.name, 0)?;
        match level.paper {
            Some(paper) if !drawable(paper) => {
                Err(FigureError::NotFinite { series: level.name.clone(), index: 0 })
            }
            _ => Ok(()),
        }
    }

    /// The names whose looks this chart needs, ours first.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.series.iter().chain(self.paper).map(|series| series.name.as_str())
    }

    pub(super) fn y_values(&self) -> impl Iterator<Item = f64> {
        let points = self.points().flat_map(|point| point.y.values());
        let level = self.level.into_iter();
        points.chain(level.flat_map(|level| level.value.values().chain(level.paper)))
    }

    /// A frame for this chart; `y_ends` lets charts share an axis.
    pub(super) fn frame(&self, outer: Rect, y_ends: Option<Interval>) -> Frame {
        let x_values = self.points().flat_map(|point| point.x.values());
        let ends = covered(self.x.extent, x_values);
        let x = Side { label: &self.x.label, ends };
        let y_ends = y_ends.unwrap_or_else(|| covered(self.y.extent, self.y_values()));
        let mut frame = Frame::new(outer, x, Side { label: &self.y.label, ends: y_ends });
        if self.x.logarithmic {
            frame.x = Scale::logarithmic(ends, LOGARITHMIC_TICKS);
        }
        frame
    }

    pub(super) fn entries(&self, styles: &Styles) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for series in self.series {
            let style = styles.look(&series.name);
            let key = if self.banded(series) { Key::Banded(style) } else { Key::Ours(style) };
            entries.push(Entry::new(key, &series.name));
        }
        if let Some(level) = self.level {
            let banded = level.value.interval.is_some();
            let key = if banded { Key::BandedLevel } else { Key::Level };
            entries.push(Entry::new(key, &level.name));
        }
        let ours = |series: &&Series| self.series.iter().any(|own| own.name == series.name);
        if self.paper.iter().any(|series| ours(&series)) {
            entries.push(Entry::new(Key::AnyPaper, self.hollow));
        }
        for series in self.paper.iter().filter(|series| !ours(series)) {
            let key = Key::Paper(styles.look(&series.name));
            entries.push(Entry::new(key, &format!("{} ({})", series.name, self.hollow)));
        }
        if let Some(level) = self.level.filter(|level| level.paper.is_some()) {
            entries.push(Entry::new(Key::PaperLevel, &format!("{} (paper)", level.name)));
        }
        entries
    }

    /// Draws the chart; earlier series lie on top of later ones.
    pub(super) fn paint(&self, scene: &mut Scene, frame: &Frame, styles: &Styles) {
        frame.paint_grid(scene);
        if let Some(interval) = self.level.and_then(|level| level.value.interval) {
            let [high, low] = [interval.high, interval.low].map(|y| frame.at(0.0, y).1);
            let Rect { left, right, .. } = frame.rect;
            let corners = [(left, high), (right, high), (right, low), (left, low)];
            scene.fill(clip::area(frame.rect, &corners), Colour::INK, LEVEL_OPACITY);
        }
        for (place, series) in self.series.iter().enumerate().rev() {
            if self.banded(series) {
                let colour = styles.look(&series.name).colour;
                let outline = self.band(place, frame);
                scene.fill(clip::area(frame.rect, &outline), colour, BAND_OPACITY);
                let edge = Pen::solid(colour.towards(Colour::WHITE, 0.5), 1.0);
                for side in outline.chunks(series.points.len()) {
                    for part in clip::path(frame.rect, side) {
                        scene.stroke(&part, edge);
                    }
                }
            }
        }
        frame.paint_axes(scene);
        self.paint_level(scene, frame);
        let papers: Vec<_> = self
            .paper
            .iter()
            .rev()
            .map(|one| (styles.look(&one.name), means(frame, one)))
            .collect();
        for (style, line) in &papers {
            for part in clip::path(frame.rect, line) {
                scene.stroke(&part, style.paper_pen());
            }
        }
        // A lone point, such as "no action", would vanish below the lines that start from it.
        let alone = |place: &usize| self.series[*place].points.len() == 1;
        let (points, lines): (Vec<usize>, Vec<usize>) =
            (0..self.series.len()).rev().partition(alone);
        for place in lines.into_iter().chain(points) {
            self.paint_series(scene, frame, styles, place);
        }
        for (style, line) in &papers {
            for &spot in line.iter().filter(|spot| frame.rect.holds(**spot)) {
                style.mark_hollow(scene, spot);
            }
        }
    }

    fn points(&self) -> impl Iterator<Item = &Point> {
        self.series.iter().chain(self.paper).flat_map(|series| &series.points)
    }

    fn banded(&self, series: &Series) -> bool {
        self.spread == Spread::Band
            && series.points.len() >= BAND_POINTS_MIN
            && series.points.iter().any(|point| point.y.interval.is_some())
    }

    /// Where a point of a series is drawn. Whiskers at the same x would hide each other, so if no
    /// series has a band, each is moved a few pixels to its own side.
    fn place(&self, place: usize, frame: &Frame, x: f64, y: f64) -> (f64, f64) {
        let at = frame.at(x, y);
        let several = self.series.len() > 1 && self.spread == Spread::Band;
        if !several || self.series.iter().any(|series| !whiskered(series) || self.banded(series)) {
            return at;
        }
        let count = |count: usize| u32::try_from(count).map_or(0.0, f64::from);
        (at.0 + (count(place) - (count(self.series.len()) - 1.0) / 2.0) * DODGE, at.1)
    }

    fn band(&self, place: usize, frame: &Frame) -> Vec<(f64, f64)> {
        let points = &self.series[place].points;
        let ends = |point: &Point| {
            point.y.interval.unwrap_or(Interval { low: point.y.mean, high: point.y.mean })
        };
        let upper = points.iter().map(|point| frame.at(point.x.mean, ends(point).high));
        let lower = points.iter().rev().map(|point| frame.at(point.x.mean, ends(point).low));
        upper.chain(lower).collect()
    }

    fn paint_level(&self, scene: &mut Scene, frame: &Frame) {
        let Some(level) = self.level else { return };
        let lines = [(Some(level.value.mean), level_pen()), (level.paper, paper_level_pen())];
        for (value, pen) in lines {
            if let Some(value) = value.filter(|value| frame.y.ends.holds(*value)) {
                let y = frame.at(0.0, value).1;
                scene.line((frame.rect.left, y), (frame.rect.right, y), pen);
            }
        }
    }

    fn paint_series(&self, scene: &mut Scene, frame: &Frame, styles: &Styles, place: usize) {
        let series = &self.series[place];
        let style = styles.look(&series.name);
        let at = |x: f64, y: f64| self.place(place, frame, x, y);
        let line: Vec<_> =
            series.points.iter().map(|point| at(point.x.mean, point.y.mean)).collect();
        for part in clip::path(frame.rect, &line) {
            scene.stroke(&part, style.pen());
        }
        let mut whisker = |from: (f64, f64), to: (f64, f64)| {
            paint_whisker(scene, frame.rect, from, to, style.whisker_pen());
        };
        for Point { x, y } in &series.points {
            if let Some(Interval { low, high }) = y.interval.filter(|_| !self.banded(series)) {
                whisker(at(x.mean, low), at(x.mean, high));
            }
            if let Some(Interval { low, high }) = x.interval {
                whisker(at(low, y.mean), at(high, y.mean));
            }
        }
        for &spot in line.iter().filter(|spot| frame.rect.holds(**spot)) {
            style.mark(scene, spot);
        }
    }
}

fn whiskered(series: &Series) -> bool {
    series.points.iter().any(|point| point.y.interval.is_some())
}

/// Where the means of a series stand.
fn means(frame: &Frame, series: &Series) -> Vec<(f64, f64)> {
    series.points.iter().map(|point| frame.at(point.x.mean, point.y.mean)).collect()
}

/// A straight whisker with a cap at each end that is inside the frame.
pub(super) fn paint_whisker(
    scene: &mut Scene,
    rect: Rect,
    from: (f64, f64),
    to: (f64, f64),
    pen: Pen,
) {
    let Some((start, end)) = clip::segment(rect, from, to) else { return };
    scene.line(start, end, pen);
    let upright = (from.0 - to.0).abs() < (from.1 - to.1).abs();
    let (dx, dy) = if upright { (CAP, 0.0) } else { (0.0, CAP) };
    for (x, y) in [from, to].into_iter().filter(|end| rect.holds(*end)) {
        scene.line((x - dx, y - dy), (x + dx, y + dy), pen);
    }
}

pub(super) const BAND_OPACITY: f64 = 0.18;

/// With fewer points a band would suggest more than was measured.
const BAND_POINTS_MIN: usize = 4;
const DODGE: f64 = 17.0;
const CAP: f64 = 5.0;
