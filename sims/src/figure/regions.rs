//! Where a firm's classifier decides what, before and after a collective acted.

use std::path::Path;

use ndarray::Array2;

use super::bars::Groups;
use super::contour;
use super::data::{Axis, Estimate, Interval, drawable};
use super::frame::{
    Frame, GAP, MARGIN, PANEL_FONT, Side as FrameSide, ascent, paint_heading, words,
};
use super::legend::{Entry, Key, Legend, boundary_pen, ramp};
use super::scene::{Align, Colour, Pen, Rect, Scene};
use super::style::{BEFORE_AFTER, LABELS, Marker, draw_marker};
use super::{FigureError, Files, file, render};

/// Two maps of a plane and bars of what changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Regions {
    /// What the figure is about.
    pub title: String,
    /// Data, firm, and what the collective did.
    pub caption: String,
    /// The name of the horizontal feature.
    pub x_label: String,
    /// The name of the vertical feature.
    pub y_label: String,
    /// The part of the plane that is shown.
    pub plane: Plane,
    /// The left map.
    pub before: Side,
    /// The right map.
    pub after: Side,
    /// What the bars compare, e.g. "error" and "unfairness (`EqOd`)".
    pub outcomes: Vec<Outcome>,
}

/// A rectangle of the plane; people outside it are not shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plane {
    /// What the horizontal axis covers.
    pub x: Interval,
    /// What the vertical axis covers.
    pub y: Interval,
}

/// The classifier and the people at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// The title of the map, e.g. "before".
    pub name: String,
    /// Predicted probability of the positive label, rows × columns, at the crossings of a grid
    /// over the whole plane: row 0 lies at the lowest y, column 0 at the lowest x.
    pub probability: Array2<f64>,
    /// Everyone.
    pub people: Vec<Person>,
}

/// One person on the plane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Person {
    /// The horizontal feature.
    pub x: f64,
    /// The vertical feature.
    pub y: f64,
    /// Circles are the majority, triangles the minority.
    pub group: Group,
    /// The label the firm sees.
    pub label: Label,
    /// Whether the collective asked for a flip; such people get a ring.
    pub flipped: bool,
}

/// The group of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The advantaged group.
    Majority,
    /// The group that acts.
    Minority,
}

/// The label of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// 0.
    Negative,
    /// 1.
    Positive,
}

/// One number before and after.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What stands below its two bars.
    pub name: String,
    /// The left bar.
    pub before: Estimate,
    /// The right bar.
    pub after: Estimate,
}

impl Regions {
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
        let mut scene = Scene::new(2.0 * (MARGIN + MAP_WIDTH + GAP) + BARS_WIDTH);
        let top = paint_heading(&mut scene, &self.title, &self.caption);
        let below_title = top + 1.4 * PANEL_FONT.size;
        let mut rect = Rect {
            left: MARGIN,
            top: below_title,
            right: MARGIN + MAP_WIDTH,
            bottom: below_title + MAP_HEIGHT,
        };
        let mut frame_bottom = rect.bottom;
        for side in [&self.before, &self.after] {
            let frame = self.paint_map(&mut scene, rect, side);
            frame_bottom = frame.rect.bottom;
            let at = (frame.rect.left, top + ascent(PANEL_FONT));
            scene.text(words(&side.name, at, PANEL_FONT, Align::Start));
            rect.left += MAP_WIDTH + GAP;
            rect.right = rect.left + MAP_WIDTH;
        }
        rect.left += GAP;
        rect.right = rect.left + BARS_WIDTH - GAP;
        let lowest = self.paint_outcomes(&mut scene, rect, frame_bottom).max(rect.bottom);
        let legend = Legend::rows(&self.entries(), scene.width - 2.0 * MARGIN);
        let bottom = lowest + 1.5 * GAP;
        let left = (scene.width - legend.width) / 2.0;
        legend.paint(&mut scene, (left, bottom));
        scene.height = bottom + legend.height + MARGIN / 2.0;
        Ok(scene)
    }

    fn check(&self) -> Result<(), FigureError> {
        Axis::covering(&self.x_label, self.plane.x).check()?;
        Axis::covering(&self.y_label, self.plane.y).check()?;
        self.before.check()?;
        self.after.check()?;
        for (index, outcome) in self.outcomes.iter().enumerate() {
            outcome.before.check(&outcome.name, index)?;
            outcome.after.check(&outcome.name, index)?;
        }
        if self.outcomes.is_empty() { Err(FigureError::Nothing) } else { Ok(()) }
    }

    fn paint_map(&self, scene: &mut Scene, outer: Rect, side: &Side) -> Frame {
        let x = FrameSide { label: &self.x_label, ends: self.plane.x };
        let y = FrameSide { label: &self.y_label, ends: self.plane.y };
        let frame = Frame::new(outer, x, y);
        paint_shading(scene, frame.rect, &side.probability);
        for path in contour::at_half(&side.probability) {
            let place = |&(column, row): &(f64, f64)| grid_place(frame.rect, side, column, row);
            let path: Vec<_> = path.iter().map(place).collect();
            scene.stroke(&path, boundary_pen());
        }
        let flipped_last = |person: &&Person| person.flipped;
        let (flipped, others): (Vec<&Person>, Vec<&Person>) =
            side.people.iter().partition(flipped_last);
        for person in others.into_iter().chain(flipped) {
            let at = frame.at(person.x, person.y);
            if frame.rect.holds(at) {
                person.paint(scene, at);
            }
        }
        frame.paint_axes(scene);
        frame
    }

    /// Draws the bars in line with the maps; returns where their names end.
    fn paint_outcomes(&self, scene: &mut Scene, outer: Rect, frame_bottom: f64) -> f64 {
        let categories: Vec<String> =
            self.outcomes.iter().map(|outcome| outcome.name.clone()).collect();
        let [before, after]: [Vec<Estimate>; 2] = [
            self.outcomes.iter().map(|outcome| outcome.before).collect(),
            self.outcomes.iter().map(|outcome| outcome.after).collect(),
        ];
        let groups = Groups {
            y: &Axis::from_zero(""),
            categories: &categories,
            bars: vec![(BEFORE_AFTER[0], &before), (BEFORE_AFTER[1], &after)],
        };
        let bottom = frame_bottom + groups.depth(outer.width());
        groups.paint(scene, Rect { bottom, ..outer });
        bottom
    }

    fn entries(&self) -> Vec<Entry> {
        let grey = Colour::FAINT_INK;
        let mut entries = vec![
            Entry::new(Key::Person(Marker::Circle, grey), "majority"),
            Entry::new(Key::Person(Marker::Triangle, grey), "minority"),
            Entry::new(Key::Person(Marker::Square, LABELS[0]), "negative label"),
            Entry::new(Key::Person(Marker::Square, LABELS[1]), "positive label"),
        ];
        if [&self.before, &self.after].iter().any(|side| side.people.iter().any(|p| p.flipped)) {
            entries.push(Entry::new(Key::Ring, "flipped"));
        }
        entries.push(Entry::new(Key::Boundary, "decision boundary"));
        entries.push(Entry::new(Key::Ramp(shades()), "predicted probability, 0 to 1"));
        for (colour, side) in BEFORE_AFTER.into_iter().zip([&self.before, &self.after]) {
            entries.push(Entry::new(Key::Patch(colour), &side.name));
        }
        entries
    }
}

impl Side {
    fn check(&self) -> Result<(), FigureError> {
        let (rows, columns) = self.probability.dim();
        if rows < 2 || columns < 2 {
            return Err(FigureError::GridSize { side: self.name.clone(), rows, columns });
        }
        let wrong = self.probability.indexed_iter().find(|(_, p)| !(0.0..=1.0).contains(*p));
        if let Some(((row, column), &value)) = wrong {
            return Err(FigureError::Probability { side: self.name.clone(), row, column, value });
        }
        let lost = |person: &Person| !drawable(person.x) || !drawable(person.y);
        match self.people.iter().position(lost) {
            Some(index) => Err(FigureError::NotFinite { series: self.name.clone(), index }),
            None => Ok(()),
        }
    }
}

impl Person {
    fn paint(&self, scene: &mut Scene, at: (f64, f64)) {
        let marker = match self.group {
            Group::Majority => Marker::Circle,
            Group::Minority => Marker::Triangle,
        };
        let colour = match self.label {
            Label::Negative => LABELS[0],
            Label::Positive => LABELS[1],
        };
        draw_marker(scene, marker, at, PERSON_RADIUS + 1.5, Colour::WHITE);
        draw_marker(scene, marker, at, PERSON_RADIUS, colour);
        if self.flipped {
            scene.ring(at, PERSON_RADIUS + 5.0, Pen::solid(Colour::INK, 2.0));
        }
    }
}

/// Light versions of the labels' colours, white where the classifier is undecided.
fn shades() -> [Colour; 3] {
    let light = |colour: Colour| colour.towards(Colour::WHITE, 0.64);
    [light(LABELS[0]), Colour::WHITE, light(LABELS[1])]
}

/// Paints each crossing's surroundings; equal neighbours in a row become one block.
fn paint_shading(scene: &mut Scene, rect: Rect, probability: &Array2<f64>) {
    let edges = |count: usize, place: usize| {
        let last = real(count - 1);
        ((real(place) - 0.5) / last).clamp(0.0, 1.0)
    };
    let (rows, columns) = probability.dim();
    for (row, line) in probability.rows().into_iter().enumerate() {
        let bottom = rect.bottom - edges(rows, row) * rect.height();
        let top = rect.bottom - edges(rows, row + 1) * rect.height();
        let shade = |p: f64| ramp(shades(), (p * SHADES).round() / SHADES);
        let colours: Vec<Colour> = line.iter().map(|&p| shade(p)).collect();
        let mut start = 0;
        for run in colours.chunk_by(|a, b| a == b) {
            let end = start + run.len();
            let left = rect.left + edges(columns, start) * rect.width();
            // One pixel more to the right and below leaves no seams between blocks.
            let right = rect.left + edges(columns, end) * rect.width();
            let block = Rect {
                left,
                top,
                right: (right + 1.0).min(rect.right),
                bottom: (bottom + 1.0).min(rect.bottom),
            };
            scene.block(block, run[0], 1.0);
            start = end;
        }
    }
}

fn grid_place(rect: Rect, side: &Side, column: f64, row: f64) -> (f64, f64) {
    let (rows, columns) = side.probability.dim();
    (
        rect.left + column / real(columns - 1) * rect.width(),
        rect.bottom - row / real(rows - 1) * rect.height(),
    )
}

fn real(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

const MAP_WIDTH: f64 = 620.0;
const MAP_HEIGHT: f64 = 580.0;
const BARS_WIDTH: f64 = 440.0;
const PERSON_RADIUS: f64 = 5.5;

/// Steps of shading from 0 to 1.
const SHADES: f64 = 40.0;
