//! A plan as figures: one panel per scenario; what matters most.

use std::num::NonZeroU32;

use crate::figure::{
    Axis, Curves, Estimate, Interval, Level, Panel, Panels, Point, Series, Swing, Tornado, YAxes,
};
use crate::planning::outlook::Outlook;
use crate::planning::report::Report;
use crate::planning::rule::Within;
use crate::planning::sensitivity::{Effect, Sensitivity};

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
    let mut ranked = vec![nobody];
    for level in &outlook.levels {
        let budget = u32::try_from(level.budget).map_or(f64::INFINITY, f64::from);
        let Within { low, high, .. } = level.change.predicted;
        let change = Estimate::within(level.change.mean, Interval { low, high });
        ranked.push(Point::at(budget, change));
    }
    let last = ranked.last().map_or(0.0, |point| point.x.mean);
    let goal = Estimate::exact(-settings.target * outlook.eqod_before);
    let mut series = vec![Series { name: settings.method.word().to_owned(), points: ranked }];
    for method in settings.beside() {
        let points = outlook.levels.iter().filter_map(|level| {
            let budget = u32::try_from(level.budget).map_or(f64::INFINITY, f64::from);
            let other = level.beside.iter().find(|other| other.method == method)?;
            Some(Point::at(budget, Estimate::exact(other.change)))
        });
        let points: Vec<Point> = [nobody].into_iter().chain(points).collect();
        if points.len() > 1 {
            series.push(Series { name: method.word().to_owned(), points });
        }
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

/// How the change of `EqOd` moves as one assumption after the other is changed.
pub(super) fn sensitivity(report: &Report, of: &Sensitivity) -> Tornado {
    let swings = of.assumptions.iter().map(|assumption| {
        let bar = |(word, effect): &(String, Effect)| {
            let Within { value, low, high } = effect.change;
            let note = format!("{:.0}%", 100.0 * effect.met.value);
            (word.clone(), Estimate::within(value, Interval { low, high }), note)
        };
        let bars = assumption.settings.iter().map(bar).collect();
        Swing { name: assumption.name.clone(), bars }
    });
    let goal = report
        .outlooks
        .first()
        .map(|outlook| ("target".to_owned(), -report.settings.target * outlook.eqod_before));
    Tornado {
        title: format!("Which assumption matters most for M = {}: {}", of.budget, report.name),
        caption: format!(
            "Assumed: {}, {:.0}% of the minority join. One assumption is changed at a time, M stays. Whiskers: 95% interval of the mean. Plan {}, seed {}.",
            of.scenario.words(),
            100.0 * report.settings.alpha,
            report.config,
            report.settings.seed
        ),
        x: Axis::from_zero("mean change of EqOd"),
        expected: ("as assumed".to_owned(), of.expected.change.value),
        target: goal,
        notes: "P(target)".to_owned(),
        swings: swings.collect(),
    }
}
