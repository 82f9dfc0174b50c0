//! Figures: from plain data to `NAME.svg` and `NAME.png`.
//!
//! A figure never recomputes anything: means and intervals come in, shapes go out, and the same
//! data gives the same bytes. Each kind lays out one list of shapes, which one function draws
//! through plotters' backend trait, as SVG text and as pixels. Texts are never laid over data:
//! legends stand beside or below the plots, and grow with what they must say.

mod axis;
mod bars;
mod chart;
mod clip;
mod contour;
mod curves;
mod data;
mod error;
mod file;
mod font;
mod frame;
mod legend;
mod panels;
mod raster;
mod regions;
mod render;
mod scene;
mod style;
mod tornado;

#[cfg(test)]
mod tests;

pub use bars::{BarSeries, Bars};
pub use curves::{Curves, Pareto};
pub use data::{Axis, Estimate, Extent, Interval, Level, Point, Series};
pub use error::FigureError;
pub use file::Files;
pub use panels::{Panel, Panels, YAxes};
pub use regions::{Group, Label, Outcome, Person, Plane, Regions, Side};
pub use tornado::{Swing, Tornado};
