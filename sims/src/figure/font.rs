//! The bundled typeface: how wide a text is, where it may break, and the outlines of its letters.

use std::sync::LazyLock;

use ab_glyph::{Font as _, FontRef, OutlineCurve, Point};

/// What SVG asks a viewer for. Verdana has nearly the same widths where `DejaVu` is missing.
pub(super) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// How heavy the letters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// A size and weight of the one typeface.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Font {
    /// The em in pixels.
    pub(super) size: f64,
    pub(super) weight: Weight,
}

impl Font {
    pub(super) const fn regular(size: f64) -> Self {
        Self { size, weight: Weight::Regular }
    }

    pub(super) const fn bold(size: f64) -> Self {
        Self { size, weight: Weight::Bold }
    }
}

/// From one baseline to the next.
pub(super) fn line_height(font: Font) -> f64 {
    (font.size * 1.3).round()
}

/// From the baseline to the middle of a capital or a figure.
pub(super) fn half_capital(font: Font) -> f64 {
    font.size * 0.365
}

/// The width of one line of text in pixels.
pub(super) fn width(text: &str, font: Font) -> f64 {
    place(text, font).1
}

/// Breaks a text into lines no wider than `room`: at spaces, and inside a word only if it must.
pub(super) fn wrap(text: &str, font: Font, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if width(&longer, font) <= room {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for letter in word.chars() {
            line.push(letter);
            if width(&line, font) > room && line.chars().nth(1).is_some() {
                line.pop();
                lines.push(std::mem::replace(&mut line, letter.to_string()));
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// The closed outlines of a line of text in pixels, from its start on the baseline at (0, 0).
pub(super) fn outlines(text: &str, font: Font) -> Vec<Vec<(f64, f64)>> {
    let face = face(font.weight);
    let unit = font.size / em(face);
    let mut contours = Vec::new();
    for (x, glyph) in place(text, font).0 {
        let Some(outline) = face.outline(glyph) else { continue };
        let mut contour: Vec<(f64, f64)> = Vec::new();
        let mut end = None;
        for curve in &outline.curves {
            let points = flatten(curve);
            if end != points.first().copied() && !contour.is_empty() {
                contours.push(std::mem::take(&mut contour));
            }
            end = points.last().copied();
            contour.extend(points.iter().map(|&(px, py)| (x + px * unit, -py * unit)));
        }
        contours.push(contour);
    }
    contours
}

/// Each letter with its start, and where the text ends, in pixels.
fn place(text: &str, font: Font) -> (Vec<(f64, ab_glyph::GlyphId)>, f64) {
    let face = face(font.weight);
    let unit = font.size / em(face);
    let mut x = 0.0;
    let mut previous = None;
    let mut placed = Vec::new();
    for letter in text.chars() {
        let glyph = face.glyph_id(letter);
        if let Some(previous) = previous {
            x += f64::from(face.kern_unscaled(previous, glyph)) * unit;
        }
        placed.push((x, glyph));
        x += f64::from(face.h_advance_unscaled(glyph)) * unit;
        previous = Some(glyph);
    }
    (placed, x)
}

/// A curve of an outline as points, both ends included, in font units.
fn flatten(curve: &OutlineCurve) -> Vec<(f64, f64)> {
    let at = |point: &Point| (f64::from(point.x), f64::from(point.y));
    let steps = || (0..=STEPS).map(|step| f64::from(step) / f64::from(STEPS));
    let weigh = |terms: &[(f64, &Point)]| {
        terms.iter().fold((0.0, 0.0), |(x, y), (weight, point)| {
            (x + weight * f64::from(point.x), y + weight * f64::from(point.y))
        })
    };
    match curve {
        OutlineCurve::Line(a, b) => vec![at(a), at(b)],
        OutlineCurve::Quad(a, b, c) => steps()
            .map(|t| (t, 1.0 - t))
            .map(|(t, s)| weigh(&[(s * s, a), (2.0 * s * t, b), (t * t, c)]))
            .collect(),
        OutlineCurve::Cubic(a, b, c, d) => steps()
            .map(|t| (t, 1.0 - t))
            .map(|(t, s)| {
                weigh(&[(s * s * s, a), (3.0 * s * s * t, b), (3.0 * s * t * t, c), (t * t * t, d)])
            })
            .collect(),
    }
}

fn face(weight: Weight) -> &'static FontRef<'static> {
    match weight {
        Weight::Regular => &REGULAR,
        Weight::Bold => &BOLD,
    }
}

fn em(face: &FontRef<'_>) -> f64 {
    f64::from(face.units_per_em().expect("the bundled fonts state their em; a test reads both"))
}

/// Line pieces for one curve of a letter: at 30 px they are under a pixel long.
const STEPS: u32 = 6;

static REGULAR: LazyLock<FontRef<'static>> =
    LazyLock::new(|| parse(include_bytes!("../../assets/DejaVuSans.ttf")));

static BOLD: LazyLock<FontRef<'static>> =
    LazyLock::new(|| parse(include_bytes!("../../assets/DejaVuSans-Bold.ttf")));

fn parse(bytes: &'static [u8]) -> FontRef<'static> {
    FontRef::try_from_slice(bytes).expect("the bundled fonts parse; a test reads both")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bundled_fonts_have_the_letters_of_a_figure() {
        for weight in [Weight::Regular, Weight::Bold] {
            for letter in "αε±–−×⁻⁰¹²³⁴⁵⁶⁷⁸⁹Az".chars() {
                assert_ne!(face(weight).glyph_id(letter).0, 0, "{letter}");
            }
            assert!(!outlines("Ag", Font { size: 20.0, weight }).is_empty());
        }
    }

    #[test]
    fn wraps_at_spaces_and_breaks_only_words_that_cannot_fit() {
        let font = Font::regular(20.0);
        assert_eq!(wrap("one two", font, 60.0), ["one", "two"]);
        assert_eq!(wrap("one two", font, 600.0), ["one two"]);
        let broken = wrap("incomprehensibilities", font, 60.0);
        assert!(broken.len() > 1 && broken.iter().all(|line| width(line, font) <= 60.0));
        assert_eq!(broken.concat(), "incomprehensibilities");
    }
}
