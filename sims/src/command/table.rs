//! Tables that a stranger reads.

use crate::experiment::summary::Summary;
use crate::statistics::Mean;

/// `0.123 ± 0.004`
pub(super) fn plus_minus(mean: Mean) -> String {
    mean.half_width
        .map_or_else(|| format!("{:.3}", mean.mean), |half| format!("{:.3} ± {half:.3}", mean.mean))
}

/// `-0.123 ± 0.004`, or nothing.
pub(super) fn change(mean: Option<Mean>) -> String {
    mean.map_or_else(String::new, |mean| {
        let sign = if mean.mean < 0.0 { "" } else { "+" };
        format!("{sign}{}", plus_minus(mean))
    })
}

/// One line per row, columns as wide as their widest cell.
pub(super) fn align(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell: &String| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    rows.iter().fold(String::new(), |mut text, row| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("   ").trim_end());
        text.push('\n');
        text
    })
}

/// The rows of a table of summaries, with its header.
pub(super) fn rows(summaries: &[&Summary]) -> Vec<Vec<String>> {
    let header =
        ["who acts", "flips", "error", "unfairness (EqOd)", "against no action", "against random"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for s in summaries {
        let name = match s.strength {
            Some(strength) => format!("the firm: {}, strength {:.2}", s.method, strength.mean),
            None if s.method == "none" => "nobody (no action)".to_owned(),
            None => s.method.clone(),
        };
        let against_none =
            if s.method == "none" { String::new() } else { change(s.eqod_against_none) };
        let against_random =
            if s.method == "random" { String::new() } else { change(s.eqod_against_random) };
        rows.push(vec![
            name,
            format!("{:.0}", s.flips.mean),
            plus_minus(s.error),
            plus_minus(s.eqod),
            against_none,
            against_random,
        ]);
    }
    rows
}
