//! `sims compare`: exact scores against private ones.

use std::io::Write;

use protocol::campaign::Protection;

use super::progress::Bar;
use super::table::{align, change, plus_minus};
use super::{World, people, pictures};
use crate::cli::{AggregationWord, Compare, CompareFirmWord, NoiseWord, SelectionWord};
use crate::compare::aggregates::Machines;
use crate::compare::noise::NoiseModel;
use crate::compare::summary::{Summary, summarise};
use crate::compare::{Comparison, Selection, run};
use crate::error::CommandError;
use crate::figure::{Axis, BarSeries, Bars, Estimate};
use crate::firm::Learner;
use crate::scene::SceneError;
use crate::statistics::Mean;

pub(super) fn execute<W: Write>(
    options: &Compare,
    world: &mut World<'_, W>,
) -> Result<(), CommandError> {
    if !(0.0..=1.0).contains(&options.alpha) {
        return Err(SceneError::Alpha { alpha: options.alpha }.into());
    }
    let comparison = comparison(options);
    let data = people(options.dataset.word(), options.data.as_ref().unwrap_or(&world.data))?;
    let machines = Machines::new(match options.protocol {
        AggregationWord::Clear => Protection::Clear,
        AggregationWord::Private => Protection::Private,
    });
    let bar = Bar::new();
    let records = run(&comparison, &data, &machines, &bar);
    bar.finish();
    let records = records?;
    if options.json {
        for record in &records {
            serde_json::to_writer(&mut *world.out, record).map_err(std::io::Error::from)?;
            writeln!(world.out)?;
        }
        return Ok(world.out.flush()?);
    }
    let summaries = summarise(&records);
    let caption = caption(options, &comparison, &data.name);
    writeln!(world.out, "{caption}\n\n{}", align(&rows(&summaries)))?;
    let name = format!("compare-{}", options.dataset.word());
    let files = figure(&summaries, &caption).draw(&options.out, &name)?;
    writeln!(world.out, "{}\n{}", files.png.display(), files.svg.display())?;
    Ok(world.out.flush()?)
}

fn comparison(options: &Compare) -> Comparison {
    // A method that is named twice is compared once.
    let mut methods = Vec::new();
    for method in &options.methods {
        if !methods.contains(method) {
            methods.push(*method);
        }
    }
    Comparison {
        methods,
        flips: options.flips,
        alpha: options.alpha,
        k: options.k,
        learner: match options.firm {
            CompareFirmWord::Logistic => Learner::logistic(),
            CompareFirmWord::Boosted => Learner::boosted(),
        },
        seeds: options.seeds,
        noise: options.epsilon.map(|epsilon| match options.noise {
            NoiseWord::Product => NoiseModel::product(epsilon),
            NoiseWord::Central => NoiseModel::central(epsilon),
        }),
        donors: options.donors.map(std::num::NonZeroU32::get),
        selection: match options.selection {
            SelectionWord::Exact => Selection::Exact,
            SelectionWord::Histogram => Selection::Histogram,
        },
    }
}

fn caption(options: &Compare, comparison: &Comparison, dataset: &str) -> String {
    let noise = options.epsilon.map_or_else(
        || "no noise".to_owned(),
        |epsilon| format!("{} noise, ε = {epsilon}", options.noise.word()),
    );
    let donors = options.donors.map_or_else(|| "all".to_owned(), |count| count.to_string());
    format!(
        "{dataset}, {} firm, α = {}, M = {}, {donors} donors, {noise}, seeds 0 to {} \
         (mean and 95% interval)",
        comparison.learner.word(),
        options.alpha,
        options.flips,
        options.seeds - 1
    )
}

fn rows(summaries: &[Summary]) -> Vec<Vec<String>> {
    let header = [
        "score",
        "Spearman",
        "overlap",
        "error, exact",
        "private",
        "difference",
        "EqOd, exact",
        "private",
        "difference",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(summaries.iter().map(|s| {
        vec![
            s.method.to_string(),
            s.spearman.map_or_else(|| "undefined".to_owned(), plus_minus),
            plus_minus(s.overlap),
            plus_minus(s.error_exact),
            plus_minus(s.error_private),
            change(Some(s.error_cost)),
            plus_minus(s.eqod_exact),
            plus_minus(s.eqod_private),
            change(Some(s.eqod_cost)),
        ]
    }));
    rows
}

fn figure(summaries: &[Summary], caption: &str) -> Bars {
    let series = |name: &str, of: fn(&Summary) -> Mean| BarSeries {
        name: name.to_owned(),
        values: summaries.iter().map(|s| pictures::estimate(of(s))).collect::<Vec<Estimate>>(),
    };
    Bars {
        title: "Unfairness after exact and after private scores".to_owned(),
        caption: caption.to_owned(),
        y: Axis::from_zero("equalized odds violation (EqOd)"),
        categories: summaries.iter().map(|s| s.method.to_string()).collect(),
        series: vec![series("exact", |s| s.eqod_exact), series("private", |s| s.eqod_private)],
    }
}
