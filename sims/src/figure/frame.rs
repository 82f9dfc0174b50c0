//! The frame of a plot: margins for its labels, a grid, axes, and the way from data to pixels.

use super::axis::{Scale, Tick};
use super::data::Interval;
use super::font::{self, Font};
use super::scene::{Align, Colour, Pen, Rect, Scene, Text, Turn};

/// What one axis is called and what it covers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Side<'a> {
    pub(super) label: &'a str,
    pub(super) ends: Interval,
}

/// A frame with its two scales and labels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frame {
    pub(super) rect: Rect,
    pub(super) x: Scale,
    pub(super) y: Scale,
    x_title: Vec<String>,
    y_title: Vec<String>,
    outer: Rect,
}

impl Frame {
    /// Fits a frame with its labels into `outer`.
    pub(super) fn new(outer: Rect, x: Side<'_>, y: Side<'_>) -> Self {
        let height = outer.height() - TOP - depth(0);
        let y_scale = y_scale(y.ends, height - font::line_height(LABEL_FONT));
        let widest = y_scale.ticks.iter().map(|tick| font::width(&tick.label, TICK_FONT));
        let y_title = font::wrap(&y_scale.title(y.label), LABEL_FONT, height);
        let left = outer.left
            + block_height(&y_title, LABEL_FONT)
            + GAP
            + widest.fold(0.0, f64::max).ceil()
            + TICK
            + 6.0;
        let right = outer.right - RIGHT;
        let x_scale = x_scale(x.ends, right - left);
        let x_title = font::wrap(&x_scale.title(x.label), LABEL_FONT, right - left);
        let below = depth(x_title.len());
        let rect = Rect { left, top: outer.top + TOP, right, bottom: outer.bottom - below };
        let y_scale = self::y_scale(y.ends, rect.height());
        Self { rect, x: x_scale, y: y_scale, x_title, y_title, outer }
    }

    /// The place of a pair of values.
    pub(super) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let rect = self.rect;
        (rect.left + self.x.share(x) * rect.width(), rect.bottom - self.y.share(y) * rect.height())
    }

    pub(super) fn paint_grid(&self, scene: &mut Scene) {
        let (rect, pen) = (self.rect, Pen::solid(Colour::GRID, 1.25));
        for tick in &self.x.ticks {
            let x = self.at(tick.value, 0.0).0;
            scene.line((x, rect.top), (x, rect.bottom), pen);
        }
        for tick in &self.y.ticks {
            let y = self.at(0.0, tick.value).1;
            scene.line((rect.left, y), (rect.right, y), pen);
        }
        if self.y.ends.low < 0.0 && self.y.ends.high > 0.0 {
            let y = self.at(0.0, 0.0).1;
            scene.line((rect.left, y), (rect.right, y), Pen::solid(Colour::AXIS, 1.25));
        }
    }

    /// The frame itself, ticks and all labels.
    pub(super) fn paint_axes(&self, scene: &mut Scene) {
        let (rect, pen) = (self.rect, Pen::solid(Colour::AXIS, 1.5));
        scene.outline(rect, pen);
        for Tick { value, label } in &self.x.ticks {
            let x = self.at(*value, 0.0).0;
            scene.line((x, rect.bottom), (x, rect.bottom + TICK), pen);
            let y = rect.bottom + TICK + 6.0 + 2.0 * font::half_capital(TICK_FONT);
            scene.text(words(label, (x, y), TICK_FONT, Align::Middle));
        }
        for Tick { value, label } in &self.y.ticks {
            let y = self.at(0.0, *value).1;
            scene.line((rect.left - TICK, y), (rect.left, y), pen);
            let at = (rect.left - TICK - 6.0, y + font::half_capital(TICK_FONT));
            scene.text(words(label, at, TICK_FONT, Align::End));
        }
        let middle = f64::midpoint(rect.left, rect.right);
        let first =
            self.outer.bottom + ascent(LABEL_FONT) - block_height(&self.x_title, LABEL_FONT);
        scene.lines(&self.x_title, &words("", (middle, first), LABEL_FONT, Align::Middle));
        let at = (self.outer.left + ascent(LABEL_FONT), f64::midpoint(rect.top, rect.bottom));
        let upwards = Text { turn: Turn::Upwards, ..words("", at, LABEL_FONT, Align::Middle) };
        scene.lines(&self.y_title, &upwards);
    }
}

/// Writes title and caption across the top; returns where the rest may begin.
pub(super) fn paint_heading(scene: &mut Scene, title: &str, caption: &str) -> f64 {
    let room = scene.width - 2.0 * MARGIN;
    let mut top = MARGIN;
    for (text, font, colour) in
        [(title, TITLE_FONT, Colour::INK), (caption, CAPTION_FONT, Colour::FAINT_INK)]
    {
        let lines = font::wrap(text, font, room);
        let first = words("", (MARGIN, top + ascent(font)), font, Align::Start);
        scene.lines(&lines, &Text { colour, ..first });
        top += block_height(&lines, font);
    }
    if top > MARGIN { top + GAP } else { top }
}

/// The height of ticks, their labels and a label of so many lines, below a frame.
pub(super) fn depth(label_lines: usize) -> f64 {
    let lines = u32::try_from(label_lines).map_or(0.0, f64::from);
    TICK + GAP + TICK_FONT.size + lines * font::line_height(LABEL_FONT)
}

/// Level text in ink.
pub(super) fn words(text: &str, at: (f64, f64), font: Font, align: Align) -> Text {
    Text { at, words: text.to_owned(), font, colour: Colour::INK, align, turn: Turn::Level }
}

pub(super) fn block_height(lines: &[String], font: Font) -> f64 {
    lines.iter().map(|_| font::line_height(font)).sum()
}

/// From the top of a line to its baseline.
pub(super) fn ascent(font: Font) -> f64 {
    font.size
}

fn x_scale(ends: Interval, width: f64) -> Scale {
    Scale::new(ends, |ticks, share| {
        let apart = share * width;
        apart >= 80.0
            && ticks.windows(2).all(|pair| {
                let [a, b] = [&pair[0], &pair[1]].map(|tick| font::width(&tick.label, TICK_FONT));
                f64::midpoint(a, b) + 32.0 <= apart
            })
    })
}

fn y_scale(ends: Interval, height: f64) -> Scale {
    Scale::new(ends, |_, share| share * height >= 50.0)
}

pub(super) const TITLE_FONT: Font = Font::bold(27.0);
pub(super) const PANEL_FONT: Font = Font::bold(22.0);
pub(super) const CAPTION_FONT: Font = Font::regular(20.0);
pub(super) const LABEL_FONT: Font = Font::regular(21.0);
pub(super) const TICK_FONT: Font = Font::regular(18.5);

/// Around a whole figure.
pub(super) const MARGIN: f64 = 32.0;
/// Between things that belong together.
pub(super) const GAP: f64 = 14.0;

const TICK: f64 = 7.0;
const TOP: f64 = 12.0;
const RIGHT: f64 = 22.0;
