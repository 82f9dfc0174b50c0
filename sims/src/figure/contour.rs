//! The line along which a grid of probabilities is one half.

use std::collections::BTreeMap;

use ndarray::Array2;

/// A crossing of the line with a side of a cell: the grid point it starts from, and its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Crossing {
    /// Between a point and its right neighbour.
    Along { row: usize, column: usize },
    /// Between a point and the one above it.
    Up { row: usize, column: usize },
}

/// Every connected line at one half, as (column, row) positions between grid points.
pub(super) fn at_half(grid: &Array2<f64>) -> Vec<Vec<(f64, f64)>> {
    let mut links: BTreeMap<Crossing, Vec<Crossing>> = BTreeMap::new();
    let (rows, columns) = grid.dim();
    for row in 0..rows.saturating_sub(1) {
        for column in 0..columns.saturating_sub(1) {
            for (from, to) in in_cell(grid, row, column) {
                links.entry(from).or_default().push(to);
                links.entry(to).or_default().push(from);
            }
        }
    }
    let mut lines = Vec::new();
    // Open lines first, from an end; what is left are rings.
    let ends: Vec<Crossing> =
        links.iter().filter(|(_, next)| next.len() == 1).map(|(end, _)| *end).collect();
    for start in ends {
        lines.extend(follow(&mut links, start));
    }
    while let Some((&start, _)) = links.first_key_value() {
        lines.extend(follow(&mut links, start));
    }
    let place = |crossing: Crossing| position(grid, crossing);
    lines.into_iter().map(|line| line.into_iter().map(place).collect()).collect()
}

/// Takes one line out of the links; none if it was taken before.
fn follow(links: &mut BTreeMap<Crossing, Vec<Crossing>>, start: Crossing) -> Option<Vec<Crossing>> {
    let mut line = vec![start];
    let mut here = start;
    while let Some(next) = links.get_mut(&here).and_then(Vec::pop) {
        if let Some(back) = links.get_mut(&next)
            && let Some(place) = back.iter().position(|other| *other == here)
        {
            back.swap_remove(place);
        }
        line.push(next);
        here = next;
    }
    links.retain(|_, next| !next.is_empty());
    (line.len() > 1).then_some(line)
}

/// The line's pieces in the cell above and to the right of a grid point.
fn in_cell(grid: &Array2<f64>, row: usize, column: usize) -> Vec<(Crossing, Crossing)> {
    let high = |row: usize, column: usize| grid[[row, column]] >= 0.5;
    let corners = [
        high(row, column),
        high(row, column + 1),
        high(row + 1, column + 1),
        high(row + 1, column),
    ];
    let [below, right, above, left] = [
        Crossing::Along { row, column },
        Crossing::Up { row, column: column + 1 },
        Crossing::Along { row: row + 1, column },
        Crossing::Up { row, column },
    ];
    let crossed: Vec<Crossing> = [below, right, above, left]
        .into_iter()
        .enumerate()
        .filter(|(side, _)| corners[*side] != corners[(side + 1) % 4])
        .map(|(_, crossing)| crossing)
        .collect();
    match crossed[..] {
        [from, to] => vec![(from, to)],
        [_, _, _, _] => {
            // A saddle: the middle decides which two corners belong together.
            let sum = grid[[row, column]]
                + grid[[row, column + 1]]
                + grid[[row + 1, column]]
                + grid[[row + 1, column + 1]];
            if (sum >= 2.0) == corners[0] {
                vec![(below, right), (left, above)]
            } else {
                vec![(below, left), (right, above)]
            }
        }
        _ => Vec::new(),
    }
}

fn position(grid: &Array2<f64>, crossing: Crossing) -> (f64, f64) {
    let real = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let share = |from: f64, to: f64| (0.5 - from) / (to - from);
    match crossing {
        Crossing::Along { row, column } => {
            let share = share(grid[[row, column]], grid[[row, column + 1]]);
            (real(column) + share, real(row))
        }
        Crossing::Up { row, column } => {
            let share = share(grid[[row, column]], grid[[row + 1, column]]);
            (real(column), real(row) + share)
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn an_upright_border_is_one_line() {
        let grid = array![[0.0, 1.0], [0.25, 1.0], [0.0, 1.0]];
        let lines = at_half(&grid);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0], [(0.5, 0.0), (1.0 / 3.0, 1.0), (0.5, 2.0)]);
    }

    #[test]
    fn a_peak_is_ringed_and_a_saddle_has_two_lines() {
        let peak = at_half(&array![[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]);
        assert_eq!(peak.len(), 1);
        assert_eq!(peak[0].first(), peak[0].last());
        assert_eq!(at_half(&array![[1.0, 0.0], [0.0, 1.0]]).len(), 2);
        assert!(at_half(&array![[0.0, 0.1], [0.2, 0.3]]).is_empty());
    }
}
