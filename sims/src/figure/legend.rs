//! The key to a figure, beside the plots or below them, never on them.

use super::font::{self, Font};
use super::scene::{Align, Colour, Pen, Rect, Scene, Text, Turn};
use super::style::{Marker, PAPER_DASHES, Style, draw_marker};

/// The sample an entry shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Key {
    /// Our line of a method.
    Ours(Style),
    /// Our line of a method, with its band.
    Banded(Style),
    /// The paper's line of a method.
    Paper(Style),
    /// The paper's lines of all methods.
    AnyPaper,
    /// The horizontal line to compare with.
    Level,
    /// The horizontal line to compare with, with its band.
    BandedLevel,
    /// The paper's horizontal line to compare with.
    PaperLevel,
    /// A person of a group.
    Person(Marker, Colour),
    /// A ring around a person.
    Ring,
    /// Where a decision changes.
    Boundary,
    /// Colours from one to the other through the middle one.
    Ramp([Colour; 3]),
    /// A plain area.
    Patch(Colour),
}

impl Key {
    /// Our methods come first, then what they are compared with.
    pub(super) fn rank(self) -> u8 {
        match self {
            Self::Ours(_) | Self::Banded(_) => 0,
            Self::Level | Self::BandedLevel => 1,
            Self::AnyPaper => 2,
            Self::Paper(_) => 3,
            Self::PaperLevel => 4,
            Self::Person(..) | Self::Ring | Self::Boundary | Self::Ramp(_) | Self::Patch(_) => 5,
        }
    }
}

/// One line of a legend.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) text: String,
}

impl Entry {
    pub(super) fn new(key: Key, text: &str) -> Self {
        Self { key, text: text.to_owned() }
    }
}

/// Entries with their places, relative to the legend's upper left corner.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Legend {
    placed: Vec<Placed>,
    pub(super) width: f64,
    pub(super) height: f64,
}

#[derive(Debug, Clone, PartialEq)]
struct Placed {
    key: Key,
    lines: Vec<String>,
    /// The room for the sample.
    indent: f64,
    left: f64,
    top: f64,
}

impl Legend {
    /// One entry below the other, no wider than `room`.
    pub(super) fn column(entries: &[Entry], room: f64) -> Self {
        let mut legend = Self { placed: Vec::new(), width: 0.0, height: 0.0 };
        let indent = entries.iter().map(|entry| sample_width(entry.key)).fold(0.0, f64::max);
        for entry in entries {
            let lines = font::wrap(&entry.text, FONT, room - indent - GAP);
            let text = lines.iter().map(|line| font::width(line, FONT)).fold(0.0, f64::max);
            let height = row_height(lines.len());
            legend.width = legend.width.max(indent + GAP + text);
            let (key, top) = (entry.key, legend.height);
            legend.placed.push(Placed { key, lines, indent, left: 0.0, top });
            legend.height += height;
        }
        legend
    }

    /// Entries side by side in aligned columns, in as few and as even rows as `room` allows.
    pub(super) fn rows(entries: &[Entry], room: f64) -> Self {
        let widths = |columns: usize| -> Vec<f64> {
            let width =
                |entry: &Entry| sample_width(entry.key) + GAP + font::width(&entry.text, FONT);
            (0..columns)
                .map(|column| entries.iter().skip(column).step_by(columns).map(width))
                .map(|cells| cells.fold(0.0, f64::max))
                .collect()
        };
        let total = |widths: &[f64]| {
            widths.iter().sum::<f64>() + widths.iter().skip(1).map(|_| COLUMN_GAP).sum::<f64>()
        };
        let even = (1..entries.len()).map(|rows| entries.len().div_ceil(rows));
        let fitting = even.map(widths).find(|widths| total(widths) <= room);
        let Some(widths) = fitting else { return Self::column(entries, room) };
        let mut legend = Self { placed: Vec::new(), width: total(&widths), height: 0.0 };
        for row in entries.chunks(widths.len()) {
            let mut left = 0.0;
            for (Entry { key, text }, width) in row.iter().zip(&widths) {
                let (lines, indent) = (vec![text.clone()], sample_width(*key));
                legend.placed.push(Placed { key: *key, lines, indent, left, top: legend.height });
                left += width + COLUMN_GAP;
            }
            legend.height += row_height(1);
        }
        legend
    }

    pub(super) fn paint(&self, scene: &mut Scene, (left, top): (f64, f64)) {
        for Placed { key, lines, indent, left: dx, top: dy } in &self.placed {
            let (x, y) = (left + dx, top + dy + row_height(1) / 2.0);
            paint_sample(scene, *key, (x + (indent - sample_width(*key)) / 2.0, y));
            let first = Text {
                at: (x + indent + GAP, y + font::half_capital(FONT)),
                words: String::new(),
                font: FONT,
                colour: Colour::INK,
                align: Align::Start,
                turn: Turn::Level,
            };
            scene.lines(lines, &first);
        }
    }
}

fn row_height(lines: usize) -> f64 {
    let more = u32::try_from(lines.saturating_sub(1)).map_or(0.0, f64::from);
    ROW + more * font::line_height(FONT)
}

fn sample_width(key: Key) -> f64 {
    match key {
        Key::Ours(_)
        | Key::Banded(_)
        | Key::Paper(_)
        | Key::AnyPaper
        | Key::Level
        | Key::BandedLevel
        | Key::PaperLevel => 72.0,
        Key::Person(..) | Key::Ring => 26.0,
        Key::Boundary | Key::Patch(_) => 40.0,
        Key::Ramp(_) => 96.0,
    }
}

/// Draws a sample whose left end, half way up, is at `(left, y)`.
fn paint_sample(scene: &mut Scene, key: Key, (left, y): (f64, f64)) {
    let right = left + sample_width(key);
    let middle = (f64::midpoint(left, right), y);
    let band = |half: f64| Rect { left, top: y - half, right, bottom: y + half };
    match key {
        Key::Ours(style) | Key::Banded(style) => {
            if matches!(key, Key::Banded(_)) {
                scene.block(band(9.0), style.colour, super::chart::BAND_OPACITY);
            }
            scene.line((left, y), (right, y), style.pen());
            style.mark(scene, middle);
        }
        Key::Paper(style) => {
            scene.line((left, y), (right, y), style.paper_pen());
            style.mark_hollow(scene, middle);
        }
        Key::AnyPaper => {
            let grey =
                Style { colour: Colour::FAINT_INK, marker: Marker::Circle, dashes: PAPER_DASHES };
            scene.line((left, y), (right, y), grey.paper_pen());
            grey.mark_hollow(scene, middle);
        }
        Key::Level => scene.line((left, y), (right, y), level_pen()),
        Key::BandedLevel => {
            scene.block(band(9.0), Colour::INK, LEVEL_OPACITY);
            scene.line((left, y), (right, y), level_pen());
        }
        Key::PaperLevel => scene.line((left, y), (right, y), paper_level_pen()),
        Key::Person(marker, colour) => draw_marker(scene, marker, middle, 8.0, colour),
        Key::Ring => {
            scene.ring(middle, 10.0, Pen::solid(Colour::INK, 2.0));
        }
        Key::Boundary => scene.line((left, y), (right, y), boundary_pen()),
        Key::Ramp(colours) => {
            paint_ramp(scene, band(9.0), colours);
            scene.outline(band(9.0), Pen::solid(Colour::AXIS, 1.0));
        }
        Key::Patch(colour) => {
            scene.block(band(10.0), colour, 1.0);
            scene.outline(band(10.0), Pen::solid(Colour::INK, 1.0));
        }
    }
}

fn paint_ramp(scene: &mut Scene, rect: Rect, colours: [Colour; 3]) {
    let steps = 24;
    for step in 0..steps {
        let share = |step: u32| f64::from(step) / f64::from(steps);
        let left = rect.left + rect.width() * share(step);
        let colour = ramp(colours, f64::midpoint(share(step), share(step + 1)));
        scene.block(Rect { left, ..rect }, colour, 1.0);
    }
}

/// The colour at `share` (0 to 1) of the way from the first to the last.
pub(super) fn ramp([low, middle, high]: [Colour; 3], share: f64) -> Colour {
    if share < 0.5 {
        low.towards(middle, 2.0 * share)
    } else {
        middle.towards(high, 2.0 * share - 1.0)
    }
}

pub(super) fn level_pen() -> Pen {
    Pen { colour: Colour::INK, width: 2.5, dashes: &[12.0, 6.0] }
}

pub(super) fn paper_level_pen() -> Pen {
    Pen { colour: Colour::FAINT_INK, width: 1.75, dashes: &[2.5, 4.0] }
}

pub(super) fn boundary_pen() -> Pen {
    Pen::solid(Colour::INK, 2.5)
}

/// Of the band around a level.
pub(super) const LEVEL_OPACITY: f64 = 0.13;

pub(super) const FONT: Font = Font::regular(19.0);

const ROW: f64 = 34.0;
const GAP: f64 = 12.0;
const COLUMN_GAP: f64 = 40.0;
