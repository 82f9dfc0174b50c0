//! How a number moves as one assumption after the other is changed: bars from what is expected, by assumption.

use std::path::Path;

use super::axis::covered;
use super::data::{Axis, Estimate, Interval};
use super::font::{self, Font};
use super::frame::{
    Frame, GAP, LABEL_FONT, MARGIN, Side, TICK_FONT, block_height, depth, paint_heading, words,
};
use super::legend::{Entry, Key, Legend, level_pen};
use super::scene::{Align, Colour, Pen, Rect, Scene};
use super::{FigureError, Files, file, render};

/// Assumptions, each with bars for what else may hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Tornado {
    /// What the figure is about.
    pub title: String,
    /// What is assumed, and what whiskers are.
    pub caption: String,
    /// What the bars reach to; zero is always shown.
    pub x: Axis,
    /// From where they start: its name for the legend, and the number.
    pub expected: (String, f64),
    /// A line to compare with, with its name; usually a target.
    pub target: Option<(String, f64)>,
    /// What the words at the right say.
    pub notes: String,
    /// From above to below.
    pub swings: Vec<Swing>,
}

/// One assumption.
#[derive(Debug, Clone, PartialEq)]
pub struct Swing {
    /// What is assumed.
    pub name: String,
    /// What else may hold, where the number then is, and words for the right.
    pub bars: Vec<(String, Estimate, String)>,
}

impl Tornado {
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
        let mut scene = Scene::new(WIDTH);
        let top = paint_heading(&mut scene, &self.title, &self.caption);
        let columns = self.columns();
        let rows = self.rows(columns.names);
        let height: f64 = rows.iter().map(|row| row.height).sum();
        let plot = Rect {
            left: columns.plot,
            top: top + font::line_height(TICK_FONT),
            right: columns.notes,
            bottom: top + font::line_height(TICK_FONT) + height + TOP + depth(1),
        };
        let frame = self.frame(plot, height);
        frame.paint_grid(&mut scene);
        let note =
            words(&self.notes, (columns.notes, top + TICK_FONT.size), TICK_FONT, Align::Start);
        scene.text(note);
        let mut y = frame.rect.top;
        for row in &rows {
            if row.starts {
                row.paint_name(&mut scene, &frame, columns.notes, y);
            }
            self.paint_bar(&mut scene, &frame, &columns, (row, y));
            y += row.height;
        }
        frame.paint_axes(&mut scene);
        self.paint_lines(&mut scene, &frame);
        let legend = Legend::rows(&self.entries(), WIDTH - 2.0 * MARGIN);
        let below = plot.bottom + 1.5 * GAP;
        legend.paint(&mut scene, ((WIDTH - legend.width) / 2.0, below));
        scene.height = below + legend.height + MARGIN / 2.0;
        Ok(scene)
    }

    fn check(&self) -> Result<(), FigureError> {
        if self.swings.iter().all(|swing| swing.bars.is_empty()) {
            return Err(FigureError::Nothing);
        }
        self.x.check()?;
        Estimate::exact(self.expected.1).check(&self.expected.0, 0)?;
        if let Some((name, value)) = &self.target {
            Estimate::exact(*value).check(name, 0)?;
        }
        for (name, value, _) in self.swings.iter().flat_map(|swing| &swing.bars) {
            value.check(name, 0)?;
        }
        Ok(())
    }

    /// Where the columns start: names at the margin, settings end where the plot starts.
    fn columns(&self) -> Columns {
        let bars = || self.swings.iter().flat_map(|swing| &swing.bars);
        let widest = |texts: &mut dyn Iterator<Item = f64>| texts.fold(0.0, f64::max).ceil();
        let settings = widest(&mut bars().map(|bar| font::width(&bar.0, LABEL_FONT)));
        let head = font::width(&self.notes, TICK_FONT);
        let notes = widest(&mut bars().map(|bar| font::width(&bar.2, TICK_FONT))).max(head);
        let names = NAMES;
        Columns {
            names,
            plot: MARGIN + names + settings + 2.0 * GAP,
            notes: WIDTH - MARGIN - notes,
        }
    }

    fn rows(&self, room: f64) -> Vec<Line<'_>> {
        let of = |swing: &'_ Swing| -> Vec<(f64, Vec<String>)> {
            let name = font::wrap(&swing.name, NAME_FONT, room - GAP);
            let least = block_height(&name, NAME_FONT) + GAP;
            let count = real(swing.bars.len());
            // A long name needs the room of its lines even if there is one bar.
            let height = (least / count).max(ROW);
            swing.bars.iter().map(|_| (height, name.clone())).collect()
        };
        let mut lines = Vec::new();
        for swing in &self.swings {
            for (place, (height, name)) in of(swing).into_iter().enumerate() {
                let bar = &swing.bars[place];
                lines.push(Line { name, bar, height, starts: place == 0 });
            }
        }
        lines
    }

    fn frame(&self, plot: Rect, height: f64) -> Frame {
        let bars = self.swings.iter().flat_map(|swing| &swing.bars);
        let target = self.target.iter().map(|target| target.1);
        let values = bars.flat_map(|bar| bar.1.values()).chain(target).chain([self.expected.1]);
        let x = Side { label: &self.x.label, ends: covered(self.x.extent, values) };
        let y = Side { label: "", ends: Interval { low: 0.0, high: height } };
        let mut frame = Frame::new(plot, x, y);
        frame.y.ticks.clear();
        frame
    }

    fn paint_bar(
        &self,
        scene: &mut Scene,
        frame: &Frame,
        columns: &Columns,
        (row, top): (&Line<'_>, f64),
    ) {
        let (word, value, note) = row.bar;
        let middle = top + ROW / 2.0;
        let baseline = |font: Font| middle + font::half_capital(font);
        let at = (frame.rect.left - GAP, baseline(LABEL_FONT));
        scene.text(words(word, at, LABEL_FONT, Align::End));
        scene.text(words(note, (columns.notes, baseline(TICK_FONT)), TICK_FONT, Align::Start));
        let [from, to] = [self.expected.1, value.mean].map(|x| frame.at(x, 0.0).0);
        let half = BAR / 2.0;
        let rect = Rect {
            left: from.min(to),
            right: from.max(to),
            top: middle - half,
            bottom: middle + half,
        };
        let colour = if value.mean > self.expected.1 { LESS } else { MORE };
        scene.block(rect, colour, 1.0);
        if let Some(Interval { low, high }) = value.interval {
            let [low, high] = [low, high].map(|x| frame.at(x, 0.0).0);
            let pen = Pen::solid(Colour::INK, 2.0);
            scene.line((low, middle), (high, middle), pen);
            for x in [low, high] {
                scene.line((x, middle - CAP), (x, middle + CAP), pen);
            }
        }
        scene.disc((to, middle), 5.0, Colour::INK);
    }

    fn paint_lines(&self, scene: &mut Scene, frame: &Frame) {
        let mut upright = |x: f64, pen: Pen| {
            let x = frame.at(x, 0.0).0;
            scene.line((x, frame.rect.top), (x, frame.rect.bottom), pen);
        };
        upright(self.expected.1, Pen::solid(Colour::INK, 2.0));
        if let Some((_, value)) = self.target {
            upright(value, level_pen());
        }
    }

    fn entries(&self) -> Vec<Entry> {
        let mut entries = vec![
            Entry::new(Key::Patch(MORE), "falls further than assumed"),
            Entry::new(Key::Patch(LESS), "falls less, or rises"),
        ];
        if let Some((name, _)) = &self.target {
            entries.push(Entry::new(Key::Level, name));
        }
        entries.push(Entry::new(Key::Patch(Colour::INK), &self.expected.0));
        entries
    }
}

/// Where columns stand, in pixels.
struct Columns {
    /// The width of the assumptions' names.
    names: f64,
    plot: f64,
    notes: f64,
}

/// One bar with what stands beside it.
struct Line<'a> {
    name: Vec<String>,
    bar: &'a (String, Estimate, String),
    height: f64,
    /// Whether it is the first of its assumption.
    starts: bool,
}

impl Line<'_> {
    /// The assumption's name at the margin, below a line up to `right` unless it is the first.
    fn paint_name(&self, scene: &mut Scene, frame: &Frame, right: f64, y: f64) {
        if y > frame.rect.top {
            scene.line((MARGIN, y), (right, y), Pen::solid(Colour::GRID, 1.25));
        }
        let baseline = y + ROW / 2.0 + font::half_capital(NAME_FONT);
        let first = words("", (MARGIN, baseline), NAME_FONT, Align::Start);
        scene.lines(&self.name, &first);
    }
}

fn real(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

const WIDTH: f64 = 1400.0;
const NAMES: f64 = 260.0;
const NAME_FONT: Font = Font::bold(20.0);
const ROW: f64 = 40.0;
const BAR: f64 = 22.0;
const CAP: f64 = 6.0;
const TOP: f64 = 12.0;
/// Blue and orange that colour-blind readers tell apart, also in grey.
const MORE: Colour = Colour(86, 148, 200);
const LESS: Colour = Colour(238, 178, 92);
