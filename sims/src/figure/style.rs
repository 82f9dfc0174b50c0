//! One look per method: colour (safe for colour-blind readers), marker and dashes, so that it also
//! reads in grey.

use std::collections::BTreeMap;
use std::f64::consts::{FRAC_PI_2, TAU};

use super::scene::{Colour, Pen, Scene};

/// The shape that marks a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    TriangleDown,
    Cross,
    Pentagon,
    Star,
    Plus,
    Hexagon,
}

/// How one method looks everywhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Style {
    pub(super) colour: Colour,
    pub(super) marker: Marker,
    pub(super) dashes: &'static [f64],
}

impl Style {
    /// Our own line.
    pub(super) fn pen(self) -> Pen {
        Pen { colour: self.colour, width: 3.0, dashes: self.dashes }
    }

    /// The paper's line for the same method.
    pub(super) fn paper_pen(self) -> Pen {
        Pen { colour: self.colour, width: 1.75, dashes: PAPER_DASHES }
    }

    pub(super) fn whisker_pen(self) -> Pen {
        Pen::solid(self.colour.towards(Colour::WHITE, 0.5), 1.5)
    }

    pub(super) fn mark(self, scene: &mut Scene, at: (f64, f64)) {
        draw_marker(scene, self.marker, at, MARKER_RADIUS + 1.75, Colour::WHITE);
        draw_marker(scene, self.marker, at, MARKER_RADIUS, self.colour);
    }

    pub(super) fn mark_hollow(self, scene: &mut Scene, at: (f64, f64)) {
        draw_marker(scene, self.marker, at, PAPER_RADIUS, self.colour);
        draw_marker(scene, self.marker, at, PAPER_RADIUS * 0.58, Colour::WHITE);
    }
}

/// The look of every series of a figure, by name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Styles(BTreeMap<String, Style>);

impl Styles {
    /// Gives each name its look: its own if it is a known method, otherwise the next that is free.
    pub(super) fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut styles: BTreeMap<String, Style> = BTreeMap::new();
        let mut others: Vec<&str> = Vec::new();
        for name in names {
            match METHODS.iter().find(|(known, _)| known.contains(&name)) {
                Some((_, style)) => _ = styles.insert(name.to_owned(), *style),
                None if !others.contains(&name) => others.push(name),
                None => {}
            }
        }
        // Colours of no known method first; when they are used up, the same ones with other markers and dashes.
        let taken: Vec<Style> = styles.values().copied().collect();
        let is_new = |style: &Style| taken.iter().all(|other| other.colour != style.colour);
        let again = (1..OTHERS.len()).flat_map(|turn| {
            (0..OTHERS.len()).map(move |place| Style {
                colour: OTHERS[place].colour,
                ..OTHERS[(place + turn * 3) % OTHERS.len()]
            })
        });
        let again = again.filter(|style| !taken.contains(style));
        let looks: Vec<Style> = OTHERS.into_iter().filter(is_new).chain(again).collect();
        for (place, name) in others.into_iter().enumerate() {
            styles.insert(name.to_owned(), looks[place % looks.len()]);
        }
        Self(styles)
    }

    pub(super) fn look(&self, name: &str) -> Style {
        self.0.get(name).copied().unwrap_or(OTHERS[0])
    }
}

/// A marker of about the same area whatever its shape.
pub(super) fn draw_marker(
    scene: &mut Scene,
    marker: Marker,
    at: (f64, f64),
    radius: f64,
    colour: Colour,
) {
    let ring = |corners: u32, size: f64, turn: f64| -> Vec<(f64, f64)> {
        (0..corners)
            .map(|corner| turn + TAU * f64::from(corner) / f64::from(corners))
            .map(|angle| (at.0 + radius * size * angle.cos(), at.1 + radius * size * angle.sin()))
            .collect()
    };
    let up = -FRAC_PI_2;
    let outline = match marker {
        Marker::Circle => return scene.disc(at, radius, colour),
        Marker::Square => ring(4, 1.26, TAU / 8.0),
        Marker::Triangle => ring(3, 1.42, up),
        Marker::TriangleDown => ring(3, 1.42, -up),
        Marker::Diamond => ring(4, 1.36, up),
        Marker::Pentagon => ring(5, 1.18, up),
        Marker::Hexagon => ring(6, 1.14, up),
        Marker::Star => {
            let (tips, dents) = (ring(5, 1.5, up), ring(5, 0.68, up + TAU / 10.0));
            tips.into_iter().zip(dents).flat_map(|(tip, dent)| [tip, dent]).collect()
        }
        Marker::Plus => cross(at, radius * 1.28, 0.0),
        Marker::Cross => cross(at, radius * 1.28, TAU / 8.0),
    };
    scene.fill(outline, colour, 1.0);
}

fn cross(at: (f64, f64), arm: f64, turn: f64) -> Vec<(f64, f64)> {
    let half = arm * 0.36;
    let quarter = [(half, -half), (arm, -half), (arm, half)];
    (0..4)
        .map(|side| turn + TAU / 4.0 * f64::from(side))
        .flat_map(|angle| {
            let (sin, cos) = angle.sin_cos();
            quarter.map(|(x, y)| (at.0 + x * cos - y * sin, at.1 + x * sin + y * cos))
        })
        .collect()
}

pub(super) const MARKER_RADIUS: f64 = 7.0;

/// Smaller than our markers, on which it lies where both agree.
const PAPER_RADIUS: f64 = 6.0;

pub(super) const PAPER_DASHES: &[f64] = &[5.0, 4.0];

const SOLID: &[f64] = &[];
const LONG: &[f64] = &[18.0, 6.0];
const LONG_SHORT: &[f64] = &[16.0, 5.0, 5.0, 5.0];
const SHORT: &[f64] = &[9.0, 5.0];
const DOTS: &[f64] = &[4.0, 5.0];

const BLACK: Colour = Colour(0, 0, 0);
const ORANGE: Colour = Colour(230, 159, 0);
const SKY: Colour = Colour(86, 180, 233);
const GREEN: Colour = Colour(0, 158, 115);
const YELLOW: Colour = Colour(214, 196, 40);
const BLUE: Colour = Colour(0, 114, 178);
const VERMILLION: Colour = Colour(213, 94, 0);
const PURPLE: Colour = Colour(204, 121, 167);
const WINE: Colour = Colour(136, 34, 85);
const OLIVE: Colour = Colour(110, 110, 30);
const INDIGO: Colour = Colour(51, 34, 136);
const BROWN: Colour = Colour(120, 78, 50);
const TEAL: Colour = Colour(68, 170, 153);

/// What the two labels of a person look like, [negative, positive]: light and dark in grey.
pub(super) const LABELS: [Colour; 2] = [ORANGE, Colour(0, 94, 158)];

/// What was before and what is after; dark enough apart for a grey print.
pub(super) const BEFORE_AFTER: [Colour; 2] = [Colour(198, 198, 198), Colour(84, 84, 84)];

const fn style(colour: Colour, marker: Marker, dashes: &'static [f64]) -> Style {
    Style { colour, marker, dashes }
}

/// Methods that look the same in every figure (Okabe and Ito's colours, then Tol's).
const METHODS: [(&[&str], Style); 13] = [
    (&["rb-prob"], style(BLUE, Marker::Circle, SOLID)),
    (&["rb-label"], style(VERMILLION, Marker::Square, LONG)),
    (&["rb-dist"], style(GREEN, Marker::Triangle, LONG_SHORT)),
    (&["random"], style(PURPLE, Marker::Diamond, SHORT)),
    (&["none", "no action", "base"], style(BLACK, Marker::Star, DOTS)),
    (&["fare"], style(ORANGE, Marker::TriangleDown, SHORT)),
    (&["calibrated-eqodds"], style(SKY, Marker::Pentagon, LONG)),
    (&["reweighing"], style(INDIGO, Marker::Hexagon, SOLID)),
    (&["massaging"], style(WINE, Marker::Plus, LONG_SHORT)),
    (&["equalized-odds"], style(YELLOW, Marker::Pentagon, SOLID)),
    (&["calibrated-fnr"], style(OLIVE, Marker::Diamond, LONG)),
    (&["withhold"], style(BROWN, Marker::Square, DOTS)),
    (&["reductions-equalized-odds"], style(TEAL, Marker::Cross, LONG_SHORT)),
];

/// For all others, in the order in which they come.
const OTHERS: [Style; 8] = [
    style(INDIGO, Marker::Hexagon, SOLID),
    style(ORANGE, Marker::Cross, LONG),
    style(SKY, Marker::TriangleDown, SHORT),
    style(WINE, Marker::Plus, LONG_SHORT),
    style(YELLOW, Marker::Pentagon, SOLID),
    style(OLIVE, Marker::Diamond, LONG),
    style(BROWN, Marker::Square, DOTS),
    style(PURPLE, Marker::Star, LONG_SHORT),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_method_looks_the_same_in_every_company() {
        let alone = Styles::of(["rb-dist"]).look("rb-dist");
        let crowd = Styles::of(["a", "random", "b", "rb-dist"]);
        assert_eq!(crowd.look("rb-dist"), alone);
        assert_ne!(crowd.look("a"), crowd.look("b"));
    }

    #[test]
    fn twenty_methods_look_different() {
        let names: Vec<String> = (0..13).map(|index| format!("m{index}")).collect();
        let known = METHODS.iter().map(|(names, _)| names[0]);
        let all: Vec<&str> = names.iter().map(String::as_str).chain(known).collect();
        let styles = Styles::of(all.iter().copied());
        for (place, name) in all.iter().enumerate() {
            let twin = all[..place].iter().find(|other| styles.look(other) == styles.look(name));
            assert_eq!(twin, None, "{name}");
        }
    }
}
