//! Draws a scene through plotters' backend trait: as SVG text, or as a PNG's bytes.

use std::convert::Infallible;

use plotters_backend::text_anchor::{HPos, Pos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    FontFamily, FontStyle, FontTransform,
};
use plotters_svg::SVGBackend;

use super::font::{self, Weight};
use super::raster::Raster;
use super::scene::{Align, Colour, Scene, Shape, Text, Turn};

/// Backends count in whole units; this many make a pixel, so that curves stay smooth.
pub(super) const UNITS: u32 = 4;

/// Plotters' font sizes are this many ems: its SVG backend divides by it again.
pub(super) const PLOTTERS_EM: f64 = 1.24;

/// Where plotters puts the baseline of a text anchored at its top, in ems below the anchor.
pub(super) const BASELINE: f64 = 0.76;

/// The scene as an SVG document.
pub(super) fn svg(scene: &Scene) -> String {
    let (width, height) = size(scene);
    let units = (width * UNITS, height * UNITS);
    let mut document = String::new();
    let mut backend = SVGBackend::with_string(&mut document, units);
    draw(scene, &mut backend).expect("a String takes every write");
    drop(backend);
    let inner = format!("width=\"{}\" height=\"{}\"", units.0, units.1);
    document.replacen(&inner, &format!("width=\"{width}\" height=\"{height}\""), 1)
}

/// The scene as a PNG, one pixel of the scene to one of the picture.
pub(super) fn png(scene: &Scene) -> Vec<u8> {
    let (width, height) = size(scene);
    let mut raster = Raster::new(width, height);
    draw(scene, &mut raster).expect("a raster takes every shape");
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Default);
    encoder.set_adaptive_filter(png::AdaptiveFilterType::Adaptive);
    let written =
        encoder.write_header().and_then(|mut writer| writer.write_image_data(&raster.into_bytes()));
    written.expect("a Vec takes every write, and the raster has the size the header states");
    bytes
}

/// Draws every shape of the scene in order.
fn draw<B: DrawingBackend>(
    scene: &Scene,
    backend: &mut B,
) -> Result<(), DrawingErrorKind<B::ErrorType>> {
    backend.ensure_prepared()?;
    let (width, height) = backend.get_size();
    let corner = (width.cast_signed(), height.cast_signed());
    backend.draw_rect((0, 0), corner, &Ink::new(Colour::WHITE), true)?;
    for shape in &scene.shapes {
        match shape {
            Shape::Fill { outline, colour, opacity } => {
                let ink = Ink { opacity: *opacity, ..Ink::new(*colour) };
                backend.fill_polygon(outline.iter().map(|&at| units(at)), &ink)?;
            }
            Shape::Disc { centre, radius, colour } => {
                let radius = whole(*radius).unsigned_abs();
                backend.draw_circle(units(*centre), radius, &Ink::new(*colour), true)?;
            }
            Shape::Stroke { path, width, colour } => {
                let ink = Ink { width: whole(*width).unsigned_abs(), ..Ink::new(*colour) };
                backend.draw_path(path.iter().map(|&at| units(at)), &ink)?;
            }
            Shape::Text(text) => backend.draw_text(&text.words, &Label(text), anchor(text))?,
        }
    }
    backend.present()
}

fn size(scene: &Scene) -> (u32, u32) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "figures are a few thousand pixels wide; `as` saturates"
    )]
    let pixels = |length: f64| length.ceil().max(1.0) as u32;
    (pixels(scene.width), pixels(scene.height))
}

fn units((x, y): (f64, f64)) -> BackendCoord {
    (whole(x), whole(y))
}

fn whole(pixels: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "clipped to the figure before")]
    let whole = (pixels * f64::from(UNITS)).round() as i32;
    whole
}

/// Where plotters' anchor of a text lies, given that ours lies on the baseline.
fn anchor(text: &Text) -> BackendCoord {
    let (x, y) = text.at;
    match text.turn {
        Turn::Level => units((x, y - BASELINE * text.font.size)),
        Turn::Upwards => units((x - BASELINE * text.font.size, y)),
    }
}

struct Ink {
    colour: Colour,
    opacity: f64,
    width: u32,
}

impl Ink {
    fn new(colour: Colour) -> Self {
        Self { colour, opacity: 1.0, width: 1 }
    }
}

impl BackendStyle for Ink {
    fn color(&self) -> BackendColor {
        let Colour(red, green, blue) = self.colour;
        BackendColor { alpha: self.opacity, rgb: (red, green, blue) }
    }

    fn stroke_width(&self) -> u32 {
        self.width
    }
}

/// Tells a backend how a text looks.
struct Label<'a>(&'a Text);

impl BackendTextStyle for Label<'_> {
    type FontError = Infallible;

    fn color(&self) -> BackendColor {
        Ink::new(self.0.colour).color()
    }

    fn size(&self) -> f64 {
        self.0.font.size * f64::from(UNITS) * PLOTTERS_EM
    }

    fn transform(&self) -> FontTransform {
        match self.0.turn {
            Turn::Level => FontTransform::None,
            Turn::Upwards => FontTransform::Rotate270,
        }
    }

    fn style(&self) -> FontStyle {
        match self.0.font.weight {
            Weight::Regular => FontStyle::Normal,
            Weight::Bold => FontStyle::Bold,
        }
    }

    fn anchor(&self) -> Pos {
        let h_pos = match self.0.align {
            Align::Start => HPos::Left,
            Align::Middle => HPos::Center,
            Align::End => HPos::Right,
        };
        Pos { h_pos, v_pos: VPos::Top }
    }

    fn family(&self) -> FontFamily<'_> {
        FontFamily::Name(font::FAMILY)
    }

    fn layout_box(&self, text: &str) -> Result<((i32, i32), (i32, i32)), Infallible> {
        let size = (font::width(text, self.0.font), self.0.font.size);
        Ok(((0, 0), units(size)))
    }

    /// Both backends here write text themselves, so there is no pixel to hand out.
    fn draw<E, F: FnMut(i32, i32, BackendColor) -> Result<(), E>>(
        &self,
        _: &str,
        _: BackendCoord,
        _: F,
    ) -> Result<Result<(), E>, Infallible> {
        Ok(Ok(()))
    }
}
