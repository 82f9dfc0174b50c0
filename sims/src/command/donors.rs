//! `sims donors`: how alike private scores are to exact ones, by the number of donors and by epsilon.

use std::io::Write;
use std::num::NonZeroU32;

use protocol::scoring::method::Method;
use serde::Serialize;

use super::progress::Bar;
use super::table::{align, change, plus_minus};
use super::{World, people};
use crate::cli::{CompareFirmWord, Donors, NoiseWord};
use crate::compare::aggregates::Trusted;
use crate::compare::noise::NoiseModel;
use crate::compare::summary::{Summary, summarise};
use crate::compare::{Comparison, Selection, run};
use crate::dataset::Dataset;
use crate::error::CommandError;
use crate::experiment::sweep::Progress;
use crate::figure::{Axis, Curves, Interval, Panels, Point, Series, YAxes};
use crate::firm::Learner;
use crate::scene::{Scene, SceneError};
use crate::statistics::Mean;

/// One point of the figure.
#[derive(Clone, Debug)]
struct Level {
    donors: u32,
    epsilon: Option<f64>,
    noise: NoiseWord,
    summary: Summary,
}

/// One line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    dataset: &'a str,
    method: Method,
    donors: u32,
    epsilon: Option<f64>,
    noise: &'a str,
    spearman: Option<f64>,
    overlap: f64,
    error_cost: f64,
    eqod_cost: f64,
    eqod_cost_half_width: Option<f64>,
}

pub(super) fn execute<W: Write>(
    options: &Donors,
    world: &mut World<'_, W>,
) -> Result<(), CommandError> {
    if !(0.0..=1.0).contains(&options.alpha) {
        return Err(SceneError::Alpha { alpha: options.alpha }.into());
    }
    let data = people(options.dataset.word(), options.data.as_ref().unwrap_or(&world.data))?;
    let all = everybody(&data)?;
    let mut counts: Vec<u32> =
        options.donors.iter().map(|count| count.get()).filter(|count| *count < all).collect();
    counts.push(all);
    let levels = measure(options, &data, &counts)?;
    if options.json {
        for level in &levels {
            serde_json::to_writer(&mut *world.out, &line(&data.name, level))
                .map_err(std::io::Error::from)?;
            writeln!(world.out)?;
        }
        return Ok(world.out.flush()?);
    }
    let caption = caption(options, &data.name);
    writeln!(world.out, "{caption}\n\n{}", align(&rows(&levels)))?;
    let name = format!("donors-{}", options.dataset.word());
    let files = figure(options, &levels, &caption).draw(&options.out, &name)?;
    writeln!(world.out, "{}\n{}", files.png.display(), files.svg.display())?;
    Ok(world.out.flush()?)
}

/// Majority train rows that every seed has.
fn everybody(data: &Dataset) -> Result<u32, CommandError> {
    let scene = Scene::new(data, 0)?;
    let majority = scene.train().iter().filter(|&&row| !data.minority[row]).count();
    Ok(u32::try_from(majority).unwrap_or(u32::MAX))
}

/// The same total over all runs.
struct Steps<'a> {
    bar: &'a Bar,
    before: usize,
    total: usize,
}

impl Progress for Steps<'_> {
    fn finished(&self, done: usize, _: usize) {
        self.bar.finished(self.before + done, self.total);
    }
}

fn measure(options: &Donors, data: &Dataset, counts: &[u32]) -> Result<Vec<Level>, CommandError> {
    let seeds = usize::try_from(options.seeds).unwrap_or(usize::MAX);
    let each = 2 * seeds * options.methods.len();
    let noises = [NoiseWord::Product, NoiseWord::Central];
    let total = each * counts.len() * (1 + noises.len() * options.epsilons.len());
    let bar = Bar::new();
    let (mut levels, mut before) = (Vec::new(), 0);
    let last = counts.len().saturating_sub(1);
    for (place, &count) in counts.iter().enumerate() {
        let none = std::iter::once((None, NoiseWord::Product));
        let some = options
            .epsilons
            .iter()
            .flat_map(|&epsilon| noises.iter().map(move |&noise| (Some(epsilon), noise)));
        for (epsilon, noise) in none.chain(some) {
            // Seeds differ by a few in how many majority people their train rows have.
            let donors = (place != last).then_some(count);
            let comparison = comparison(options, donors, epsilon, noise);
            let steps = Steps { bar: &bar, before, total };
            let records = run(&comparison, data, &Trusted, &steps)?;
            before += each;
            levels.extend(summarise(&records).into_iter().map(|summary| Level {
                donors: count,
                epsilon,
                noise,
                summary,
            }));
        }
    }
    bar.finish();
    Ok(levels)
}

fn learner(options: &Donors) -> Learner {
    match options.firm {
        CompareFirmWord::Logistic => Learner::logistic(),
        CompareFirmWord::Boosted => Learner::boosted(),
    }
}

fn comparison(
    options: &Donors,
    donors: Option<u32>,
    epsilon: Option<f64>,
    noise: NoiseWord,
) -> Comparison {
    Comparison {
        methods: options.methods.clone(),
        flips: options.flips,
        alpha: options.alpha,
        k: options.k,
        learner: learner(options),
        seeds: options.seeds,
        noise: epsilon.map(|epsilon| match noise {
            NoiseWord::Product => NoiseModel::campaign(epsilon),
            NoiseWord::Central => NoiseModel::central(epsilon),
        }),
        donors,
        selection: Selection::Exact,
    }
}

fn line<'a>(dataset: &'a str, level: &Level) -> Line<'a> {
    let summary = &level.summary;
    Line {
        dataset,
        method: summary.method,
        donors: level.donors,
        epsilon: level.epsilon,
        noise: level.epsilon.map_or("none", |_| level.noise.word()),
        spearman: summary.spearman.map(|mean| mean.mean),
        overlap: summary.overlap.mean,
        error_cost: summary.error_cost.mean,
        eqod_cost: summary.eqod_cost.mean,
        eqod_cost_half_width: summary.eqod_cost.half_width,
    }
}

fn caption(options: &Donors, dataset: &str) -> String {
    let firm = learner(options).word();
    format!(
        "{dataset}, {firm} firm, α = {}, M = {}, seeds 0 to {} (mean and 95% interval). Lines: the protocol's noise, \
         epsilon for each donor over a campaign with two audits (delta 1e-6). Hollow markers: one trusted party's \
         noise, a donor added or removed, the whole epsilon on this one release.",
        options.alpha,
        options.flips,
        options.seeds - 1
    )
}

fn rows(levels: &[Level]) -> Vec<Vec<String>> {
    let header =
        ["score", "donors", "epsilon", "noise", "Spearman", "overlap", "error lost", "EqOd lost"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(levels.iter().map(|level| {
        let summary = &level.summary;
        vec![
            summary.method.to_string(),
            level.donors.to_string(),
            level.epsilon.map_or_else(|| "none".to_owned(), |epsilon| epsilon.to_string()),
            level.epsilon.map_or("none", |_| level.noise.word()).to_owned(),
            summary.spearman.map_or_else(|| "undefined".to_owned(), plus_minus),
            plus_minus(summary.overlap),
            change(Some(summary.error_cost)),
            change(Some(summary.eqod_cost)),
        ]
    }));
    rows
}

fn figure(options: &Donors, levels: &[Level], caption: &str) -> Panels {
    let panels = options.methods.iter().flat_map(|&method| {
        let likeness =
            panel(options, levels, method, "Spearman with the exact score", |s| s.spearman);
        let cost =
            panel(options, levels, method, "EqOd, private minus exact", |s| Some(s.eqod_cost));
        [likeness, cost]
    });
    Panels {
        title: "What noise costs, by the number of donors".to_owned(),
        caption: caption.to_owned(),
        columns: NonZeroU32::new(2).unwrap_or(NonZeroU32::MIN),
        y_axes: YAxes::Own,
        panels: panels.map(Into::into).collect(),
    }
}

fn panel(
    options: &Donors,
    levels: &[Level],
    method: Method,
    y: &str,
    of: fn(&Summary) -> Option<Mean>,
) -> Curves {
    let series = |epsilon: Option<f64>, noise: NoiseWord| {
        let points = levels.iter().filter_map(|level| {
            let same = level.epsilon == epsilon && level.noise == noise;
            let mean = (same && level.summary.method == method).then(|| of(&level.summary))??;
            let half = mean.half_width.unwrap_or(0.0);
            let within = Interval { low: mean.mean - half, high: mean.mean + half };
            let estimate = match noise {
                NoiseWord::Product => crate::figure::Estimate::within(mean.mean, within),
                NoiseWord::Central => crate::figure::Estimate::exact(mean.mean),
            };
            Some(Point::at(f64::from(level.donors).log10(), estimate))
        });
        let name =
            epsilon.map_or_else(|| "no noise".to_owned(), |epsilon| format!("ε = {epsilon}"));
        Series { name, points: points.collect() }
    };
    let each = |noise| options.epsilons.iter().map(move |&epsilon| series(Some(epsilon), noise));
    Curves {
        title: method.to_string(),
        caption: String::new(),
        x: Axis::logarithmic("donors"),
        y: Axis::new(y),
        series: std::iter::once(series(None, NoiseWord::Product))
            .chain(each(NoiseWord::Product))
            .collect(),
        level: None,
        paper: each(NoiseWord::Central).collect(),
        hollow: "one trusted party",
    }
}
