//! A plan as a figure: one panel per scenario.

use std::num::NonZeroU32;

use crate::figure::{Axis, Curves, Estimate, Interval, Level, Panel, Panels, Point, Series, YAxes};
use crate::planning::outlook::Outlook;
use crate::planning::report::Report;
use crate::planning::rule::Within;
use protocol::scoring::method::Method;

/// The change of `EqOd` against M, in every scenario.
pub(super) fn figure(report: &Report) -> Panels {
    let settings = &report.settings;
    let columns = if report.outlooks.len() == 1 { 1 } else { 2 };
    Panels {
        title: format!("What a campaign of M flips does to unfairness: {}", report.name),
        caption: format!(
            "{} people, {:.0}% of the minority join; a panel for each thing the firm may be like. Bands: 19 of 20 campaigns end within. M_SP = {:.0}. Plan {}, seed {}.",
            settings.trained,
            100.0 * settings.alpha,
            report.rule.full.value,
            report.config,
            settings.seed
        ),
        columns: NonZeroU32::new(columns).unwrap_or(NonZeroU32::MIN),
        y_axes: YAxes::Shared,
        panels: report.outlooks.iter().map(|outlook| panel(report, outlook)).collect(),
    }
}

fn panel(report: &Report, outlook: &Outlook) -> Panel {
    let settings = &report.settings;
    let nobody = Point::at(0.0, Estimate::exact(0.0));
    let (mut ranked, mut random) = (vec![nobody], vec![nobody]);
    for level in &outlook.levels {
        let budget = u32::try_from(level.budget).map_or(f64::INFINITY, f64::from);
        let Within { low, high, .. } = level.change.predicted;
        let change = Estimate::within(level.change.mean, Interval { low, high });
        ranked.push(Point::at(budget, change));
        random.push(Point::at(budget, Estimate::exact(level.random)));
    }
    let last = ranked.last().map_or(0.0, |point| point.x.mean);
    let goal = Estimate::exact(-settings.target * outlook.eqod_before);
    let mut series = vec![Series { name: settings.method.word().to_owned(), points: ranked }];
    if settings.method != Method::Random {
        series.push(Series { name: Method::Random.word().to_owned(), points: random });
    }
    series.push(Series {
        name: "target".to_owned(),
        points: vec![Point::at(0.0, goal), Point::at(last, goal)],
    });
    Panel::Curves(Curves {
        title: outlook.scenario.words(),
        caption: best(report, outlook),
        x: Axis::from_zero("M: flips asked for"),
        y: Axis::from_zero("change of EqOd"),
        series,
        level: Some(Level { name: "no campaign".to_owned(), value: 0.0.into(), paper: None }),
        paper: Vec::new(),
        hollow: "paper",
    })
}

/// What the verdict's M does here, or the M that helps most.
fn best(report: &Report, outlook: &Outlook) -> String {
    let chosen = report.verdict.choice().map(|choice| choice.budget);
    let level = outlook
        .levels
        .iter()
        .find(|level| Some(level.budget) == chosen)
        .or_else(|| outlook.levels.iter().max_by(|a, b| a.met.value.total_cmp(&b.met.value)));
    level.map_or_else(String::new, |level| {
        format!(
            "EqOd {:.3} without a campaign. M = {}: target met in {:.0}% of campaigns, worse in {:.0}%",
            outlook.eqod_before,
            level.budget,
            100.0 * level.met.value,
            100.0 * level.worse.value
        )
    })
}
