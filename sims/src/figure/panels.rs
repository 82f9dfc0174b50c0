//! Small multiples: several charts in a grid with one legend.

use std::num::NonZeroU32;
use std::path::Path;

use super::axis::covered;
use super::chart::Chart;
use super::data::Interval;
use super::font;
use super::frame::{
    CAPTION_FONT, GAP, MARGIN, PANEL_FONT, ascent, block_height, paint_heading, words,
};
use super::legend::{Entry, Legend};
use super::scene::{Align, Colour, Rect, Scene, Text};
use super::style::Styles;
use super::{Curves, FigureError, Files, Pareto, file, render};

/// One chart of several; its title and caption stand above it.
#[derive(Debug, Clone, PartialEq)]
pub enum Panel {
    /// Curves.
    Curves(Curves),
    /// Pareto fronts.
    Pareto(Pareto),
}

impl Panel {
    fn chart(&self) -> Chart<'_> {
        match self {
            Self::Curves(curves) => curves.chart(),
            Self::Pareto(pareto) => pareto.chart(),
        }
    }

    fn heading(&self) -> (&str, &str) {
        match self {
            Self::Curves(Curves { title, caption, .. })
            | Self::Pareto(Pareto { title, caption, .. }) => (title, caption),
        }
    }
}

impl From<Curves> for Panel {
    fn from(curves: Curves) -> Self {
        Self::Curves(curves)
    }
}

impl From<Pareto> for Panel {
    fn from(pareto: Pareto) -> Self {
        Self::Pareto(pareto)
    }
}

/// Whether heights can be compared across panels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YAxes {
    /// All panels cover the same y.
    Shared,
    /// Each panel covers what it shows.
    Own,
}

/// Charts side by side and row by row; the same name looks the same in all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Panels {
    /// What the figure is about.
    pub title: String,
    /// What holds for all panels.
    pub caption: String,
    /// Panels in a row.
    pub columns: NonZeroU32,
    /// Whether heights can be compared across panels.
    pub y_axes: YAxes,
    /// Row by row.
    pub panels: Vec<Panel>,
}

impl Panels {
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
        if self.panels.is_empty() {
            return Err(FigureError::Nothing);
        }
        let charts: Vec<Chart<'_>> = self.panels.iter().map(Panel::chart).collect();
        charts.iter().try_for_each(Chart::check)?;
        let styles = Styles::of(charts.iter().flat_map(Chart::names));
        let columns = (self.columns.get() as usize).min(self.panels.len());
        let (panel_width, plot_height) = panel_size(columns);
        let count = f64::from(u32::try_from(columns).unwrap_or(u32::MAX));
        let mut scene = Scene::new(panel_width * count + GAP * (count - 1.0) + 2.0 * MARGIN);
        let mut top = paint_heading(&mut scene, &self.title, &self.caption);
        let shared = self.shared_ends(&charts);
        for (panels, charts) in self.panels.chunks(columns).zip(charts.chunks(columns)) {
            let mut rect = Rect { left: MARGIN, top, right: MARGIN + panel_width, bottom: top };
            let heads: Vec<Head> = panels.iter().map(|panel| head(panel, panel_width)).collect();
            rect.top += heads.iter().map(Head::height).fold(0.0, f64::max);
            rect.bottom = rect.top + plot_height;
            for (chart, head) in charts.iter().zip(&heads) {
                let frame = chart.frame(rect, shared);
                head.paint(&mut scene, (frame.rect.left, rect.top));
                chart.paint(&mut scene, &frame, &styles);
                rect.left += panel_width + GAP;
                rect.right += panel_width + GAP;
            }
            top = rect.bottom + 1.5 * GAP;
        }
        let legend = Legend::rows(&entries(&charts, &styles), scene.width - 2.0 * MARGIN);
        let left = (scene.width - legend.width) / 2.0;
        legend.paint(&mut scene, (left, top));
        scene.height = top + legend.height + MARGIN / 2.0;
        Ok(scene)
    }

    fn shared_ends(&self, charts: &[Chart<'_>]) -> Option<Interval> {
        match self.y_axes {
            YAxes::Own => None,
            YAxes::Shared => Interval::around(charts.iter().flat_map(|chart| {
                let Interval { low, high } = covered(chart.y.extent, chart.y_values());
                [low, high]
            })),
        }
    }
}

/// The width of a panel and the height of its plot, for so many columns.
fn panel_size(columns: usize) -> (f64, f64) {
    match columns {
        1 => (1100.0, 640.0),
        2 => (740.0, 540.0),
        3 => (600.0, 480.0),
        _ => (520.0, 440.0),
    }
}

/// Title and caption of one panel.
struct Head {
    title: Vec<String>,
    caption: Vec<String>,
}

fn head(panel: &Panel, width: f64) -> Head {
    let (title, caption) = panel.heading();
    let room = width - 110.0;
    let title = font::wrap(title, PANEL_FONT, room);
    Head { title, caption: font::wrap(caption, CAPTION_FONT, room) }
}

impl Head {
    fn height(&self) -> f64 {
        block_height(&self.title, PANEL_FONT) + block_height(&self.caption, CAPTION_FONT)
    }

    /// Writes the lines so that the last ends just above `bottom`.
    fn paint(&self, scene: &mut Scene, (left, bottom): (f64, f64)) {
        let top = bottom - self.height();
        let first = words("", (left, top + ascent(PANEL_FONT)), PANEL_FONT, Align::Start);
        scene.lines(&self.title, &first);
        let top = top + block_height(&self.title, PANEL_FONT);
        let first = words("", (left, top + ascent(CAPTION_FONT)), CAPTION_FONT, Align::Start);
        scene.lines(&self.caption, &Text { colour: Colour::FAINT_INK, ..first });
    }
}

/// Every different entry once, lines of methods before levels and the paper's.
fn entries(charts: &[Chart<'_>], styles: &Styles) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for entry in charts.iter().flat_map(|chart| chart.entries(styles)) {
        if !entries.iter().any(|seen| seen.text == entry.text) {
            entries.push(entry);
        }
    }
    entries.sort_by_key(|entry| entry.key.rank());
    entries
}
