//! Cuts lines and areas off at the frame of a plot.

use super::scene::Rect;

/// The parts of a path inside a rectangle.
pub(super) fn path(rect: Rect, points: &[(f64, f64)]) -> Vec<Vec<(f64, f64)>> {
    let mut parts: Vec<Vec<(f64, f64)>> = Vec::new();
    for pair in points.windows(2) {
        let Some((from, to)) = segment(rect, pair[0], pair[1]) else { continue };
        match parts.last_mut() {
            Some(part) if part.last() == Some(&from) && from == pair[0] => part.push(to),
            _ => parts.push(vec![from, to]),
        }
    }
    parts
}

/// The part of an area inside a rectangle (Sutherland and Hodgman's algorithm).
pub(super) fn area(rect: Rect, outline: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let sides: [(bool, f64, f64); 4] = [
        (true, rect.left, 1.0),
        (true, rect.right, -1.0),
        (false, rect.top, 1.0),
        (false, rect.bottom, -1.0),
    ];
    sides.into_iter().fold(outline.to_vec(), |outline, (across, limit, sign)| {
        let depth = |(x, y): (f64, f64)| sign * (if across { x } else { y } - limit);
        let next = outline.iter().cycle().skip(1);
        let mut kept = Vec::with_capacity(outline.len() + 4);
        for (&from, &to) in outline.iter().zip(next) {
            let (before, after) = (depth(from), depth(to));
            if before >= 0.0 {
                kept.push(from);
            }
            if (before >= 0.0) != (after >= 0.0) {
                kept.push(between(from, to, before / (before - after)));
            }
        }
        kept
    })
}

/// The part of a straight line inside a rectangle (Liang and Barsky's algorithm).
pub(super) fn segment(
    rect: Rect,
    from: (f64, f64),
    to: (f64, f64),
) -> Option<((f64, f64), (f64, f64))> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let limits = [
        (-dx, from.0 - rect.left),
        (dx, rect.right - from.0),
        (-dy, from.1 - rect.top),
        (dy, rect.bottom - from.1),
    ];
    let (mut enters, mut leaves) = (0.0_f64, 1.0_f64);
    for (outwards, room) in limits {
        if outwards < 0.0 {
            enters = enters.max(room / outwards);
        } else if outwards > 0.0 {
            leaves = leaves.min(room / outwards);
        } else if room < 0.0 {
            return None;
        }
    }
    (enters <= leaves).then(|| {
        let start = if enters > 0.0 { between(from, to, enters) } else { from };
        let end = if leaves < 1.0 { between(from, to, leaves) } else { to };
        (start, end)
    })
}

fn between(from: (f64, f64), to: (f64, f64), share: f64) -> (f64, f64) {
    (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECT: Rect = Rect { left: 0.0, top: 0.0, right: 10.0, bottom: 10.0 };

    #[test]
    fn a_path_that_leaves_and_returns_becomes_two() {
        let parts = path(RECT, &[(-5.0, 5.0), (5.0, 5.0), (5.0, 20.0), (8.0, 20.0), (8.0, 2.0)]);
        let expected = [vec![(0.0, 5.0), (5.0, 5.0), (5.0, 10.0)], vec![(8.0, 10.0), (8.0, 2.0)]];
        assert_eq!(parts, expected);
        assert!(path(RECT, &[(-1.0, -1.0), (-1.0, 50.0)]).is_empty());
    }

    #[test]
    fn an_area_keeps_to_the_frame() {
        let inside = area(RECT, &[(-5.0, 2.0), (15.0, 2.0), (15.0, 4.0), (-5.0, 4.0)]);
        assert!(inside.iter().all(|&at| RECT.holds(at)) && inside.len() == 4);
        assert!(area(RECT, &[(20.0, 20.0), (30.0, 20.0), (30.0, 30.0)]).is_empty());
    }
}
