//! Ours beside the paper's, in tables.

use protocol::scoring::method::Method;

use crate::command::pictures::{PAPER_ALPHA, Pair, Subject};
use crate::command::table::{change, plus_minus};
use crate::experiment::record::Choice;
use crate::experiment::summary::Summary;
use crate::paper::PaperFigure;
use crate::report::Table;
use crate::statistics::Mean;

/// `paper → ours ± half (difference)`; ours alone where the paper has no point.
fn cell(paper: Option<f64>, ours: Option<Mean>) -> String {
    let Some(ours) = ours else { return String::new() };
    paper.map_or_else(
        || plus_minus(ours),
        |paper| format!("{paper:.3} → {} ({:+.3})", plus_minus(ours), ours.mean - paper),
    )
}

fn header(first: &str, methods: &[&str]) -> Vec<String> {
    std::iter::once(first).chain(methods.iter().copied()).map(str::to_owned).collect()
}

fn methods(subject: &Subject<'_>) -> Vec<&'static str> {
    let there = |word: &&str| subject.summaries.iter().any(|s| s.method == **word);
    Method::ALL.map(Method::word).into_iter().filter(there).collect()
}

fn paper_at(subject: &Subject<'_>, figure: PaperFigure, method: &str, x: f64) -> Option<f64> {
    let points = subject.paper.series(figure, method);
    points.into_iter().find(|point| point.0.total_cmp(&x).is_eq()).map(|point| point.1)
}

/// `EqOd` against flips at the paper's size of the collective.
pub(super) fn flips(subject: &Subject<'_>) -> Table {
    let methods = methods(subject);
    let mut budgets: Vec<f64> = subject
        .summaries
        .iter()
        .filter(|s| s.method != "none" && s.choice == Choice::Flips)
        .map(|s| s.asked)
        .collect();
    budgets.sort_by(f64::total_cmp);
    budgets.dedup();
    let none = cell(subject.paper.base(PaperFigure::Flips), subject.none().map(|s| s.eqod));
    let mut rows = vec![vec!["0 (no action)".to_owned(), none]];
    rows[0].resize(methods.len() + 1, String::new());
    for m in budgets {
        let mut row = vec![m.to_string()];
        for method in &methods {
            let ours = subject
                .of(method, PAPER_ALPHA)
                .find(|s| s.choice == Choice::Flips && s.asked.total_cmp(&m).is_eq());
            row.push(cell(paper_at(subject, PaperFigure::Flips, method, m), ours.map(|s| s.eqod)));
        }
        rows.push(row);
    }
    Table {
        title: "Unfairness (EqOd) against label flips, α = 0.3".to_owned(),
        says: String::new(),
        header: header("M", &methods),
        rows,
    }
}

/// `EqOd` against the size of the collective: M by the test set, as in the paper, and by validation.
pub(super) fn sizes(subject: &Subject<'_>, alphas: &[f64]) -> [Table; 2] {
    let methods = methods(subject);
    let table = |title: &str, says: &str, of: &dyn Fn(&str, f64) -> String| Table {
        title: title.to_owned(),
        says: says.to_owned(),
        header: header("α", &methods),
        rows: alphas
            .iter()
            .map(|&alpha| {
                let cells = methods.iter().map(|method| of(method, alpha));
                std::iter::once(alpha.to_string()).chain(cells).collect()
            })
            .collect(),
    };
    [
        table(
            "Best unfairness (EqOd) over M against α: the paper's optimistic curve",
            "M is the one with the least mean EqOd on the test set itself.",
            &|method, alpha| {
                let ours = subject.best(method, alpha).map(|s| s.eqod);
                cell(paper_at(subject, PaperFigure::Size, method, alpha), ours)
            },
        ),
        table(
            "Unfairness (EqOd) against α, M chosen on validation data",
            "What a collective can expect that has no test set to look at; the paper has no such curve.",
            &|method, alpha| cell(None, subject.validated(method, alpha).map(|s| s.eqod)),
        ),
    ]
}

/// How far ours lies from the paper's, curve by curve; no rows if the paper has no such curve.
pub(super) fn agreement(subject: &Subject<'_>, figure: PaperFigure) -> Vec<Vec<String>> {
    let pairs = subject.pairs(figure);
    let name = match figure {
        PaperFigure::Flips => "EqOd against M",
        PaperFigure::Size => "best EqOd against α",
        PaperFigure::Pareto => "error against EqOd",
    };
    pairs
        .chunk_by(|a, b| a.method == b.method)
        .filter_map(|pairs| {
            let difference = |pair: &Pair| pair.ours.mean - pair.paper;
            let mean = Mean::of(&pairs.iter().map(difference).collect::<Vec<_>>())?.mean;
            let most = pairs.iter().map(difference).max_by(|a, b| a.abs().total_cmp(&b.abs()))?;
            let within = pairs.iter().filter(|pair| {
                pair.ours.half_width.is_some_and(|half| difference(pair).abs() <= half)
            });
            Some(vec![
                name.to_owned(),
                pairs[0].method.to_owned(),
                format!("{} of {}", within.count(), pairs.len()),
                format!("{mean:+.3}"),
                format!("{most:+.3}"),
            ])
        })
        .collect()
}

/// The table of [`agreement`].
pub(super) fn agreements(rows: Vec<Vec<String>>) -> Table {
    let names = [
        "curve",
        "series",
        "the paper's points within our 95% interval",
        "mean difference",
        "greatest difference",
    ];
    Table {
        title: "How far ours lies from the paper's".to_owned(),
        says: "Difference: ours minus the paper's, in EqOd.".to_owned(),
        header: names.map(str::to_owned).to_vec(),
        rows,
    }
}

/// The paper's Pareto points, each beside our point of the same series with the nearest `EqOd`.
pub(super) fn pareto(subject: &Subject<'_>) -> Table {
    let mut rows = Vec::new();
    for (theirs, ours) in [
        ("base", "none"),
        ("collective", "rb-prob"),
        ("collective", "random"),
        ("calibrated-eqodds", "withhold"),
        ("fare", "fare"),
    ] {
        let candidates: Vec<&Summary> = subject
            .summaries
            .iter()
            .copied()
            .filter(|s| s.method == ours && s.choice != Choice::Validation)
            .collect();
        for (error, eqod) in subject.paper.series(PaperFigure::Pareto, theirs) {
            let gap = |s: &&Summary| (s.eqod.mean - eqod).abs();
            let nearest = candidates.iter().copied().min_by(|a, b| gap(a).total_cmp(&gap(b)));
            let Some(near) = nearest else { continue };
            let setting = match near.choice {
                Choice::Flips => format!("M = {}", near.asked),
                Choice::Share => format!("{} of the candidates", near.asked),
                Choice::Strength => format!("strength {}", near.asked),
                Choice::Validation => String::new(),
            };
            let setting = if ours == "none" { String::new() } else { setting };
            rows.push(vec![
                theirs.to_owned(),
                format!("{error:.3}, {eqod:.3}"),
                if ours == "none" { "no action".to_owned() } else { ours.to_owned() },
                setting,
                format!("{} ({:+.3})", plus_minus(near.error), near.error.mean - error),
                format!("{} ({:+.3})", plus_minus(near.eqod), near.eqod.mean - eqod),
            ]);
        }
    }
    let names = [
        "the paper's series",
        "its error, EqOd",
        "ours",
        "at",
        "our error (difference)",
        "our EqOd (difference)",
    ];
    Table {
        title: "The paper's Pareto points, each beside ours with the nearest EqOd".to_owned(),
        says: "The paper's collective does not say which score it shows; its calibrated EqOdds looks like withholding \
               (with probability t everybody gets the base rate of its group)."
            .to_owned(),
        header: names.map(str::to_owned).to_vec(),
        rows,
    }
}

/// Error and `EqOd` of every firm-side method at every strength.
pub(super) fn front(subject: &Subject<'_>) -> Table {
    let at_strength = subject.summaries.iter().filter(|s| s.choice == Choice::Strength);
    let rows = at_strength.map(|s| {
        vec![s.method.clone(), s.asked.to_string(), plus_minus(s.error), plus_minus(s.eqod)]
    });
    Table {
        title: "Firm-side methods at every strength".to_owned(),
        says: String::new(),
        header: ["method", "strength", "error", "EqOd"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}

/// Everybody at the M or strength with the least mean `EqOd` on the test rows themselves.
pub(super) fn best(subject: &Subject<'_>) -> Table {
    let mut words: Vec<&str> = Vec::new();
    for s in &subject.summaries {
        if !words.contains(&s.method.as_str()) {
            words.push(&s.method);
        }
    }
    let least = |word: &str| {
        let of = subject.summaries.iter().filter(|s| s.method == word);
        of.filter(|s| s.choice != Choice::Validation)
            .min_by(|a, b| a.eqod.mean.total_cmp(&b.eqod.mean))
    };
    let row = |word: &&str| {
        let s = least(word)?;
        let setting = match s.choice {
            _ if *word == "none" => String::new(),
            Choice::Flips => format!("M = {}", s.asked),
            Choice::Share => format!("{} of the candidates", s.asked),
            Choice::Strength | Choice::Validation => format!("strength {}", s.asked),
        };
        let name = if *word == "none" { "no action" } else { word };
        Some(vec![name.to_owned(), setting, plus_minus(s.error), plus_minus(s.eqod)])
    };
    Table {
        title: "The least EqOd on test rows: the collective (α = 0.3) and firm-side methods"
            .to_owned(),
        says: "M or strength was looked for on the rows that it is measured on: optimistic for everybody alike."
            .to_owned(),
        header: ["method", "at", "error", "EqOd"].map(str::to_owned).to_vec(),
        rows: words.iter().filter_map(row).collect(),
    }
}

/// Everybody with M or strength chosen on validation data, against each other.
pub(super) fn chosen(subject: &Subject<'_>) -> Table {
    let there = subject.summaries.iter();
    let chosen = there.filter(|s| s.method == "none" || s.choice == Choice::Validation);
    let rows = chosen.map(|s| {
        let name = if s.method == "none" { "no action" } else { &s.method };
        let against = s.eqod_against_none.filter(|_| s.method != "none");
        vec![name.to_owned(), plus_minus(s.error), plus_minus(s.eqod), change(against)]
    });
    Table {
        title: "Chosen on validation data: the collective (α = 0.3) and firm-side methods"
            .to_owned(),
        says: "M or strength has the least EqOd on validation rows.".to_owned(),
        header: ["method", "error", "EqOd", "EqOd against no action"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}
