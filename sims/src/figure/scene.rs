//! A list of shapes in pixels, drawn later by any backend; laying out a figure only fills it.

use std::f64::consts::TAU;

use super::font::{self, Font};

/// A colour without transparency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour(pub(super) u8, pub(super) u8, pub(super) u8);

impl Colour {
    pub(super) const WHITE: Self = Self(255, 255, 255);
    pub(super) const INK: Self = Self(34, 34, 34);
    pub(super) const FAINT_INK: Self = Self(85, 85, 85);
    pub(super) const GRID: Self = Self(228, 228, 228);
    pub(super) const AXIS: Self = Self(110, 110, 110);

    /// The mixture with `share` (0 to 1) of `other`.
    pub(super) fn towards(self, other: Self, share: f64) -> Self {
        let mix = |from: u8, to: u8| {
            let mixed = f64::from(from) + (f64::from(to) - f64::from(from)) * share.clamp(0.0, 1.0);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a mean of two bytes is a byte"
            )]
            let byte = mixed.round() as u8;
            byte
        };
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }
}

/// A rectangle; y grows downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Rect {
    pub(super) fn width(self) -> f64 {
        self.right - self.left
    }

    pub(super) fn height(self) -> f64 {
        self.bottom - self.top
    }

    pub(super) fn holds(self, (x, y): (f64, f64)) -> bool {
        (self.left..=self.right).contains(&x) && (self.top..=self.bottom).contains(&y)
    }

    fn corners(self) -> Vec<(f64, f64)> {
        vec![
            (self.left, self.top),
            (self.right, self.top),
            (self.right, self.bottom),
            (self.left, self.bottom),
        ]
    }
}

/// Which part of the text stands at its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Start,
    Middle,
    End,
}

/// Which way a text reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// From left to right.
    Level,
    /// From bottom to top.
    Upwards,
}

/// One line of text; `at` lies on its baseline.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Text {
    pub(super) at: (f64, f64),
    pub(super) words: String,
    pub(super) font: Font,
    pub(super) colour: Colour,
    pub(super) align: Align,
    pub(super) turn: Turn,
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pen {
    pub(super) colour: Colour,
    pub(super) width: f64,
    /// Lengths of strokes and gaps in turn; empty for a solid line.
    pub(super) dashes: &'static [f64],
}

impl Pen {
    pub(super) fn solid(colour: Colour, width: f64) -> Self {
        Self { colour, width, dashes: &[] }
    }
}

/// One thing to draw, in pixels.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Fill { outline: Vec<(f64, f64)>, colour: Colour, opacity: f64 },
    Disc { centre: (f64, f64), radius: f64, colour: Colour },
    Stroke { path: Vec<(f64, f64)>, width: f64, colour: Colour },
    Text(Text),
}

/// Shapes in the order in which they cover each other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scene {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) shapes: Vec<Shape>,
}

impl Scene {
    /// An empty scene; its height is set when everything has found its place.
    pub(super) fn new(width: f64) -> Self {
        Self { width, height: 0.0, shapes: Vec::new() }
    }

    pub(super) fn fill(&mut self, outline: Vec<(f64, f64)>, colour: Colour, opacity: f64) {
        if outline.len() > 2 {
            self.shapes.push(Shape::Fill { outline, colour, opacity });
        }
    }

    pub(super) fn block(&mut self, rect: Rect, colour: Colour, opacity: f64) {
        self.fill(rect.corners(), colour, opacity);
    }

    pub(super) fn disc(&mut self, centre: (f64, f64), radius: f64, colour: Colour) {
        self.shapes.push(Shape::Disc { centre, radius, colour });
    }

    pub(super) fn ring(&mut self, centre: (f64, f64), radius: f64, pen: Pen) {
        let corner = |side: u32| {
            let (sin, cos) = (TAU * f64::from(side) / f64::from(RING_SIDES)).sin_cos();
            (centre.0 + radius * cos, centre.1 + radius * sin)
        };
        let path: Vec<_> = (0..=RING_SIDES + 1).map(corner).collect();
        self.stroke(&path, pen);
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), pen: Pen) {
        self.stroke(&[from, to], pen);
    }

    /// The outline of a rectangle, corners closed.
    pub(super) fn outline(&mut self, rect: Rect, pen: Pen) {
        let half = pen.width / 2.0;
        let (left, right) = (rect.left - half, rect.right + half);
        self.line((left, rect.top), (right, rect.top), pen);
        self.line((left, rect.bottom), (right, rect.bottom), pen);
        self.line((rect.left, rect.top), (rect.left, rect.bottom), pen);
        self.line((rect.right, rect.top), (rect.right, rect.bottom), pen);
    }

    pub(super) fn stroke(&mut self, path: &[(f64, f64)], pen: Pen) {
        let Pen { colour, width, dashes } = pen;
        let pieces = if dashes.is_empty() { vec![path.to_vec()] } else { cut(path, dashes) };
        let drawn = pieces.into_iter().filter(|piece| piece.len() > 1);
        self.shapes.extend(drawn.map(|path| Shape::Stroke { path, width, colour }));
    }

    /// Writes lines one below the other, the first with its baseline at `at`.
    pub(super) fn lines(&mut self, lines: &[String], first: &Text) {
        let step = font::line_height(first.font);
        let mut at = first.at;
        for words in lines {
            let words = words.clone();
            self.shapes.push(Shape::Text(Text { at, words, ..first.clone() }));
            match first.turn {
                Turn::Level => at.1 += step,
                Turn::Upwards => at.0 += step,
            }
        }
    }

    pub(super) fn text(&mut self, text: Text) {
        self.shapes.push(Shape::Text(text));
    }
}

/// The visible pieces of a dashed path.
fn cut(path: &[(f64, f64)], dashes: &[f64]) -> Vec<Vec<(f64, f64)>> {
    let mut pieces = Vec::new();
    let mut piece: Vec<(f64, f64)> = path.first().copied().into_iter().collect();
    let mut lengths = dashes.iter().copied().cycle();
    let mut left = lengths.next().unwrap_or(f64::INFINITY);
    let mut on = true;
    for pair in path.windows(2) {
        let [from, to] = [pair[0], pair[1]];
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let share = done / length;
            let here = (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share);
            if on {
                piece.push(here);
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece = vec![here];
            }
            on = !on;
            left = lengths.next().unwrap_or(f64::INFINITY);
        }
        left -= length - done;
        if on {
            piece.push(to);
        }
    }
    pieces.push(piece);
    pieces
}

const RING_SIDES: u32 = 32;
