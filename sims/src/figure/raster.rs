//! A backend that paints smooth pixels in memory: areas, lines and letters are all filled outlines.

use std::convert::Infallible;
use std::f64::consts::TAU;

use plotters_backend::text_anchor::HPos;
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    FontStyle, FontTransform,
};

use super::font::{self, Font};
use super::render::{BASELINE, PLOTTERS_EM, UNITS};

type Painted = Result<(), DrawingErrorKind<Infallible>>;

/// A white picture to paint on, in backend units of which `UNITS` make a pixel.
pub(super) struct Raster {
    width: usize,
    height: usize,
    /// Red, green and blue of each pixel, row by row, 0 to 255.
    bytes: Vec<u8>,
}

impl Raster {
    pub(super) fn new(width: u32, height: u32) -> Self {
        let [width, height] = [width, height].map(|side| side as usize);
        Self { width, height, bytes: vec![255; 3 * width * height] }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Fills closed outlines (in pixels) where their winding number is not zero.
    fn fill(&mut self, outlines: &[Vec<(f64, f64)>], colour: BackendColor) {
        let edges: Vec<Edge> = outlines.iter().flat_map(|outline| edges(outline)).collect();
        let top = edges.iter().map(|edge| edge.top).fold(f64::INFINITY, f64::min);
        let bottom = edges.iter().map(|edge| edge.bottom).fold(f64::NEG_INFINITY, f64::max);
        let mut coverage = vec![0.0; self.width];
        for row in index(top)..index(bottom.ceil()).min(self.height) {
            coverage.fill(0.0);
            for sample in 0..SAMPLES {
                let y = real(row) + (f64::from(sample) + 0.5) / f64::from(SAMPLES);
                cover(&edges, y, &mut coverage);
            }
            self.blend(row, &coverage, colour);
        }
    }

    fn blend(&mut self, row: usize, coverage: &[f64], colour: BackendColor) {
        let start = 3 * self.width * row;
        let pixels = self.bytes[start..start + 3 * self.width].chunks_exact_mut(3);
        let (red, green, blue) = colour.rgb;
        for (pixel, cover) in pixels.zip(coverage).filter(|(_, cover)| **cover > 0.0) {
            let share = (cover / f64::from(SAMPLES) * colour.alpha).clamp(0.0, 1.0);
            for (byte, ink) in pixel.iter_mut().zip([red, green, blue]) {
                let mixed = f64::from(*byte) * (1.0 - share) + f64::from(ink) * share;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a mean of two bytes is a byte"
                )]
                let mixed = mixed.round() as u8;
                *byte = mixed;
            }
        }
    }
}

impl DrawingBackend for Raster {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        let [width, height] =
            [self.width, self.height].map(|side| u32::try_from(side).unwrap_or(u32::MAX));
        (width * UNITS, height * UNITS)
    }

    fn ensure_prepared(&mut self) -> Painted {
        Ok(())
    }

    fn present(&mut self) -> Painted {
        Ok(())
    }

    fn draw_pixel(&mut self, at: BackendCoord, colour: BackendColor) -> Painted {
        self.draw_rect(at, (at.0 + 1, at.1 + 1), &colour, true)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Painted {
        let corners = [from, (to.0, from.1), to, (from.0, to.1)];
        if fill {
            self.fill_polygon(corners, style)
        } else {
            self.draw_path(corners.into_iter().chain([from]), style)
        }
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Painted {
        let path: Vec<(f64, f64)> = path.into_iter().map(pixels).collect();
        let half = f64::from(style.stroke_width()) / f64::from(UNITS) / 2.0;
        let mut outlines: Vec<_> =
            path.windows(2).filter_map(|ends| bar(ends[0], ends[1], half)).collect();
        let joints = path.iter().skip(1).take(path.len().saturating_sub(2));
        outlines.extend(joints.map(|&joint| circle(joint, half)));
        self.fill(&outlines, style.color());
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Painted {
        self.draw_path([from, to], style)
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        centre: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Painted {
        let outline = circle(pixels(centre), f64::from(radius) / f64::from(UNITS));
        if fill {
            self.fill(&[outline], style.color());
        } else {
            let half = f64::from(style.stroke_width()) / f64::from(UNITS) / 2.0;
            let next = outline.iter().cycle().skip(1);
            let bars = outline.iter().zip(next).filter_map(|(&a, &b)| bar(a, b, half));
            self.fill(&bars.collect::<Vec<_>>(), style.color());
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Painted {
        self.fill(&[corners.into_iter().map(pixels).collect()], style.color());
        Ok(())
    }

    /// Writes from the bundled typeface at the baseline SVG uses, with true side bearings.
    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        at: BackendCoord,
    ) -> Painted {
        let size = style.size() / PLOTTERS_EM / f64::from(UNITS);
        let font = match style.style() {
            FontStyle::Bold => Font::bold(size),
            FontStyle::Normal | FontStyle::Oblique | FontStyle::Italic => Font::regular(size),
        };
        let start = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Center => -font::width(text, font) / 2.0,
            HPos::Right => -font::width(text, font),
        };
        let (x, y) = pixels(at);
        let turn = |(right, down): (f64, f64)| {
            let (right, down) = (right + start, down + BASELINE * size);
            match style.transform() {
                FontTransform::None => (x + right, y + down),
                FontTransform::Rotate90 => (x - down, y + right),
                FontTransform::Rotate180 => (x - right, y - down),
                FontTransform::Rotate270 => (x + down, y - right),
            }
        };
        let outlines: Vec<Vec<_>> = font::outlines(text, font)
            .into_iter()
            .map(|outline| outline.into_iter().map(turn).collect())
            .collect();
        self.fill(&outlines, style.color());
        Ok(())
    }
}

/// A side of an outline that crosses rows.
struct Edge {
    top: f64,
    bottom: f64,
    x_at_top: f64,
    slope: f64,
    /// 1 downwards, -1 upwards.
    winding: i32,
}

fn edges(outline: &[(f64, f64)]) -> impl Iterator<Item = Edge> + '_ {
    let next = outline.iter().cycle().skip(1);
    outline.iter().zip(next).filter(|(a, b)| (a.1 - b.1).abs() > 0.0).map(|(a, b)| {
        let (upper, lower, winding) = if a.1 < b.1 { (a, b, 1) } else { (b, a, -1) };
        let slope = (lower.0 - upper.0) / (lower.1 - upper.1);
        Edge { top: upper.1, bottom: lower.1, x_at_top: upper.0, slope, winding }
    })
}

/// Adds the inside of the outlines along the horizontal line `y` to each pixel's coverage.
fn cover(edges: &[Edge], y: f64, coverage: &mut [f64]) {
    let mut crossings: Vec<(f64, i32)> = edges
        .iter()
        .filter(|edge| edge.top <= y && y < edge.bottom)
        .map(|edge| (edge.x_at_top + (y - edge.top) * edge.slope, edge.winding))
        .collect();
    crossings.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut winding = 0;
    for pair in crossings.windows(2) {
        winding += pair[0].1;
        if winding != 0 {
            span(pair[0].0, pair[1].0, coverage);
        }
    }
}

fn span(from: f64, to: f64, coverage: &mut [f64]) {
    let (from, to) = (from.max(0.0), to.min(real(coverage.len())));
    if from >= to {
        return;
    }
    let first = index(from);
    for (column, cover) in (first..index(to.ceil())).zip(&mut coverage[first..]) {
        *cover += to.min(real(column) + 1.0) - from.max(real(column));
    }
}

/// A straight stroke as a rectangle, always wound the same way; none if it has no length.
fn bar(from: (f64, f64), to: (f64, f64), half: f64) -> Option<Vec<(f64, f64)>> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy);
    (length > 0.0).then(|| {
        let (nx, ny) = (-dy / length * half, dx / length * half);
        vec![
            (from.0 - nx, from.1 - ny),
            (to.0 - nx, to.1 - ny),
            (to.0 + nx, to.1 + ny),
            (from.0 + nx, from.1 + ny),
        ]
    })
}

fn circle(centre: (f64, f64), radius: f64) -> Vec<(f64, f64)> {
    (0..CIRCLE_SIDES)
        .map(|side| TAU * f64::from(side) / f64::from(CIRCLE_SIDES))
        .map(|angle| (centre.0 + radius * angle.cos(), centre.1 + radius * angle.sin()))
        .collect()
}

fn pixels((x, y): BackendCoord) -> (f64, f64) {
    (f64::from(x) / f64::from(UNITS), f64::from(y) / f64::from(UNITS))
}

fn real(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The pixel that holds a coordinate, 0 for those before the first.
fn index(coordinate: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates at both ends, which is what is meant"
    )]
    let index = coordinate as usize;
    index
}

/// Lines sampled in each row of pixels; along a line coverage is exact.
const SAMPLES: u32 = 8;

const CIRCLE_SIDES: u32 = 40;

#[cfg(test)]
mod tests {
    use super::*;

    const INK: BackendColor = BackendColor { alpha: 1.0, rgb: (0, 0, 0) };

    fn reds(raster: Raster) -> Vec<u8> {
        raster.into_bytes().chunks_exact(3).map(|pixel| pixel[0]).collect()
    }

    #[test]
    fn a_pixel_takes_the_share_of_ink_that_covers_it() {
        let mut raster = Raster::new(3, 2);
        raster.draw_rect((2, 0), (8, 4), &INK, true).unwrap();
        assert_eq!(reds(raster), [128, 0, 255, 255, 255, 255]);
        let mut raster = Raster::new(1, 1);
        let translucent = BackendColor { alpha: 0.2, ..INK };
        raster.draw_rect((-40, 0), (40, 2), &translucent, true).unwrap();
        assert_eq!(reds(raster), [230]);
    }

    #[test]
    fn an_outline_that_crosses_itself_is_covered_once() {
        let mut raster = Raster::new(1, 1);
        let translucent = BackendColor { alpha: 0.5, ..INK };
        let square = vec![(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
        raster.fill(&[square.clone(), square], translucent);
        assert_eq!(reds(raster), [128]);
    }

    #[test]
    fn shapes_beyond_every_edge_are_cut_off() {
        let mut raster = Raster::new(2, 2);
        raster.draw_circle((4, 4), 400, &INK, true).unwrap();
        assert_eq!(reds(raster), [0; 4]);
        let mut raster = Raster::new(2, 2);
        raster.draw_circle((400, -400), 40, &INK, true).unwrap();
        raster.draw_path([(-90, -9), (-9, -90)], &INK).unwrap();
        assert_eq!(reds(raster), [255; 4]);
    }
}
