//! Figures from summaries; nothing is computed anew.

use std::num::NonZeroU32;

use protocol::scoring::method::Method;

use crate::baseline::Baseline;
use crate::experiment::record::Choice;
use crate::experiment::summary::Summary;
use crate::figure::{
    Axis, Curves, Estimate, Interval, Level, Panels, Pareto, Point, Series, YAxes,
};
use crate::paper::{PaperFigure, PaperPoints};
use crate::statistics::Mean;

/// The size of the collective in the paper's figure of flips.
pub(super) const PAPER_ALPHA: f64 = 0.3;

/// What the pictures of one firm are about.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    /// The summaries of one firm.
    pub(super) summaries: Vec<&'a Summary>,
    /// Under the title: data set, firm, seeds.
    pub(super) caption: String,
    /// The paper's points for the data set; none if it has no such curve.
    pub(super) paper: PaperPoints,
}

impl<'a> Subject<'a> {
    pub(super) fn new(summaries: &'a [Summary], firm: &str, dataset: &str) -> Self {
        let summaries: Vec<&Summary> = summaries.iter().filter(|s| s.firm == firm).collect();
        let seeds = summaries.first().map_or(0, |s| s.eqod.count);
        let caption =
            format!("{dataset}, {firm} firm, {seeds} seeds; bands: 95% confidence interval");
        Self { summaries, caption, paper: PaperPoints::default() }
    }

    /// `EqOd` against flips for one size of the collective; `None` with fewer than two budgets.
    pub(super) fn flips(&self, alpha: f64) -> Option<Curves> {
        let series = series(|method| {
            let mut points: Vec<Point> = self
                .of(method, alpha)
                .filter(|s| s.choice != Choice::Validation)
                .map(|s| Point::at(s.flips.mean, estimate(s.eqod)))
                .collect();
            points.sort_by(|a, b| a.x.mean.total_cmp(&b.x.mean));
            points.dedup_by(|a, b| a.x.mean.total_cmp(&b.x.mean).is_eq());
            points
        });
        (series.iter().map(|s| s.points.len()).max()? > 1).then(|| Curves {
            title: format!("Unfairness against label flips, α = {alpha}"),
            caption: self.caption.clone(),
            x: Axis::from_zero("label flips M"),
            y: Axis::from_zero("equalized odds violation (EqOd)"),
            series,
            level: self.no_action(PaperFigure::Flips),
            paper: if alpha.total_cmp(&PAPER_ALPHA).is_eq() {
                self.theirs(PaperFigure::Flips)
            } else {
                Vec::new()
            },
            hollow: "paper",
        })
    }

    /// Error against `EqOd` along the flips, for one size of the collective, and along the strengths
    /// of firm-side methods.
    pub(super) fn pareto(&self, alpha: f64) -> Option<Pareto> {
        let front = |s: &'a Summary| Point { x: estimate(s.error), y: estimate(s.eqod) };
        let mut series = series(|method| {
            let mut along: Vec<&Summary> =
                self.of(method, alpha).filter(|s| s.choice != Choice::Validation).collect();
            along.sort_by(|a, b| a.flips.mean.total_cmp(&b.flips.mean));
            along.into_iter().map(front).collect()
        });
        let firm_side: Vec<Series> = Baseline::ALL
            .into_iter()
            .map(|method| Series {
                name: method.word().to_owned(),
                points: self.strengths(method).into_iter().map(front).collect(),
            })
            .filter(|series| !series.points.is_empty())
            .collect();
        let theirs_too: &[&str] =
            if firm_side.is_empty() { &[] } else { &["fare", "calibrated-eqodds"] };
        series.extend(firm_side);
        let none = self.summaries.iter().find(|s| s.method == "none")?;
        series.push(Series { name: "no action".to_owned(), points: vec![front(none)] });
        let theirs = |name: &str| {
            let points = self.paper.series(PaperFigure::Pareto, name);
            let points = points.into_iter().map(|(x, y)| Point::at(x, Estimate::exact(y)));
            Series { name: name.to_owned(), points: points.collect() }
        };
        let paper = ["collective", "base"].iter().chain(theirs_too).map(|name| theirs(name));
        (series.len() > 1).then(|| Pareto {
            title: if theirs_too.is_empty() {
                format!("Error against unfairness along the flips, α = {alpha}")
            } else {
                format!("Error against unfairness, collective of α = {alpha} and firm-side methods")
            },
            caption: self.caption.replace("bands", "whiskers"),
            x: Axis::new("error"),
            y: Axis::from_zero("equalized odds violation (EqOd)"),
            series,
            paper: paper.filter(|s| !s.points.is_empty()).collect(),
        })
    }

    /// Best `EqOd` against the size of the collective; `None` with fewer than two sizes.
    pub(super) fn sizes(&self, alphas: &[f64]) -> Option<Panels> {
        if alphas.len() < 2 {
            return None;
        }
        let panel = |title: &str, series: Vec<Series>| Curves {
            title: title.to_owned(),
            caption: String::new(),
            x: Axis::from_zero("collective size α (share of the minority)"),
            y: Axis::from_zero("equalized odds violation (EqOd)"),
            series,
            level: self.no_action(PaperFigure::Size),
            paper: Vec::new(),
            hollow: "paper",
        };
        let along = |pick: &dyn Fn(&str, f64) -> Option<&'a Summary>| {
            series(|method| {
                let at =
                    |&alpha: &f64| pick(method, alpha).map(|s| Point::at(alpha, estimate(s.eqod)));
                alphas.iter().filter_map(at).collect()
            })
        };
        let optimistic = Curves {
            paper: self.theirs(PaperFigure::Size),
            ..panel(
                "M by the test set (the paper's choice, optimistic)",
                along(&|method, alpha| self.best(method, alpha)),
            )
        };
        let mut panels = vec![optimistic.into()];
        let honest = along(&|method, alpha| self.validated(method, alpha));
        if !honest.is_empty() {
            panels.push(panel("M by validation data", honest).into());
        }
        Some(Panels {
            title: "Unfairness against the size of the collective".to_owned(),
            caption: self.caption.clone(),
            columns: NonZeroU32::MIN.saturating_add(1),
            y_axes: YAxes::Shared,
            panels,
        })
    }

    /// A firm-side method's curve, from the least strength to the greatest.
    fn strengths(&self, method: Baseline) -> Vec<&'a Summary> {
        let mut along: Vec<&Summary> = self
            .summaries
            .iter()
            .copied()
            .filter(|s| s.method == method.word() && s.choice == Choice::Strength)
            .collect();
        along.sort_by(|a, b| a.asked.total_cmp(&b.asked));
        along
    }

    /// The budget with the least mean `EqOd`: it was looked for on the test rows.
    pub(super) fn best(&self, method: &str, alpha: f64) -> Option<&'a Summary> {
        self.of(method, alpha)
            .filter(|s| s.choice != Choice::Validation)
            .min_by(|a, b| a.eqod.mean.total_cmp(&b.eqod.mean))
    }

    /// The budget that was chosen on validation rows.
    pub(super) fn validated(&self, method: &str, alpha: f64) -> Option<&'a Summary> {
        self.of(method, alpha).find(|s| s.choice == Choice::Validation)
    }

    /// Nobody acted.
    pub(super) fn none(&self) -> Option<&'a Summary> {
        self.summaries.iter().copied().find(|s| s.method == "none")
    }

    pub(super) fn of(&self, method: &str, alpha: f64) -> impl Iterator<Item = &'a Summary> {
        self.summaries
            .iter()
            .copied()
            .filter(move |s| s.method == method && s.alpha.total_cmp(&alpha).is_eq())
    }

    fn theirs(&self, figure: PaperFigure) -> Vec<Series> {
        series(|method| {
            let points = self.paper.series(figure, method);
            points.into_iter().map(|(x, eqod)| Point::at(x, Estimate::exact(eqod))).collect()
        })
    }

    /// Ours beside the paper's, where it has a point at one of our `x`: figure, method, x, paper's
    /// `EqOd`, ours, half of our 95% interval.
    pub(super) fn beside(&self) -> String {
        let mut lines = vec!["figure,method,x,paper,ours,half_width".to_owned()];
        for (figure, name) in [(PaperFigure::Flips, "flips"), (PaperFigure::Size, "size")] {
            for pair in self.pairs(figure) {
                let Pair { method, x, paper, ours } = pair;
                let (mean, half) = (ours.mean, ours.half_width.unwrap_or(f64::NAN));
                lines.push(format!("{name},{method},{x},{paper:.4},{mean:.4},{half:.4}"));
            }
        }
        lines.push(String::new());
        lines.join("\n")
    }

    /// The paper's points of one figure that ours has as well.
    pub(super) fn pairs(&self, figure: PaperFigure) -> Vec<Pair> {
        let at = |s: &&Summary, x: f64| match figure {
            PaperFigure::Flips => {
                s.alpha.total_cmp(&PAPER_ALPHA).is_eq()
                    && s.choice == Choice::Flips
                    && s.asked.total_cmp(&x).is_eq()
            }
            PaperFigure::Size => s.alpha.total_cmp(&x).is_eq() && s.choice == Choice::Share,
            PaperFigure::Pareto => false,
        };
        let mut pairs = Vec::new();
        for method in Method::ALL.map(Method::word) {
            for (x, paper) in self.paper.series(figure, method) {
                let ours = self
                    .summaries
                    .iter()
                    .filter(|s| s.method == method && at(s, x))
                    .min_by(|a, b| a.eqod.mean.total_cmp(&b.eqod.mean));
                if let Some(ours) = ours {
                    pairs.push(Pair { method, x, paper, ours: ours.eqod });
                }
            }
        }
        pairs
    }

    fn no_action(&self, figure: PaperFigure) -> Option<Level> {
        let none = self.summaries.iter().find(|s| s.method == "none")?;
        Some(Level {
            name: "no action".to_owned(),
            value: estimate(none.eqod),
            paper: self.paper.base(figure),
        })
    }
}

/// One point of the paper's, and ours at the same place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    /// The score.
    pub(super) method: &'static str,
    /// Flips, or the size of the collective.
    pub(super) x: f64,
    /// The paper's `EqOd`.
    pub(super) paper: f64,
    /// Our `EqOd`.
    pub(super) ours: Mean,
}

/// One series per method that has points.
fn series(points: impl Fn(&str) -> Vec<Point>) -> Vec<Series> {
    Method::ALL
        .into_iter()
        .map(Method::word)
        .map(|method| Series { name: method.to_owned(), points: points(method) })
        .filter(|series| !series.points.is_empty())
        .collect()
}

/// A mean as figures want it; an interval never reaches below zero unfairness.
pub(super) fn estimate(mean: Mean) -> Estimate {
    mean.half_width.map_or_else(
        || Estimate::exact(mean.mean),
        |half| {
            let (low, high) = ((mean.mean - half).max(0.0), mean.mean + half);
            Estimate::within(mean.mean, Interval { low, high })
        },
    )
}
