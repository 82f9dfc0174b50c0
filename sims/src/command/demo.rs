//! `sims demo`: the method at work within seconds, from nothing.

use std::io::Write;

use ndarray::Array2;
use protocol::scoring::design::{Design, DesignBuilder};
use protocol::scoring::method::Method;
use protocol::scoring::scaling::Encoding;
use protocol::scoring::schema::{FeatureKind, Value};

use super::pictures::Subject;
use super::progress::Bar;
use super::{REVISION, people, table};
use crate::cli::Demo;
use crate::dataset::Dataset;
use crate::error::CommandError;
use crate::experiment::record::{Choice, json_lines};
use crate::experiment::summary::{Summary, summarise};
use crate::experiment::{Experiment, sweep};
use crate::figure::{
    Estimate, FigureError, Files, Group, Interval, Label, Outcome, Person, Plane, Regions, Side,
};
use crate::firm::Classifier;
use crate::population;
use crate::scene::{GroupSight, Scene};

/// The experiment behind the table and two of the pictures.
const EXPERIMENT: &str = include_str!("../../experiments/demo.toml");
/// The size of the collective in the table.
const ALPHA: f64 = 0.3;
/// People in two dimensions: enough that a rate is more than noise; and how many of them are drawn.
const TOY_PEOPLE: usize = 6_000;
const TOY_DRAWN: usize = 400;
/// Nodes of the decision regions along each axis.
const GRID: usize = 121;

pub(super) fn execute<W: Write>(options: &Demo, out: &mut W) -> Result<(), CommandError> {
    let experiment = Experiment::parse(EXPERIMENT)?;
    let data = people(&experiment.dataset, "".as_ref())?;
    let bar = Bar::new();
    let records = sweep::in_memory(&experiment, &data, REVISION, &bar);
    bar.finish();
    let records = records?;
    let summaries = summarise(&records);
    let pictures = draw(options, &experiment, &summaries)?;
    if options.json {
        out.write_all(&json_lines(&records))?;
        return Ok(out.flush()?);
    }
    tell(out, &data, &summaries)?;
    writeln!(out, "Pictures (each also as .svg):")?;
    for (files, says) in pictures.iter().zip(PICTURES) {
        writeln!(out, "  {}   {says}", files.png.display())?;
    }
    writeln!(out, "\nThese people are made up. On real data: sims run --help, sims sweep --help.")?;
    Ok(out.flush()?)
}

const PICTURES: [&str; 3] = [
    "a firm's decisions before and after, in two dimensions",
    "how unfairness falls with the number of flips",
    "how unfairness falls with the size of the collective",
];

fn tell<W: Write>(out: &mut W, data: &Dataset, summaries: &[Summary]) -> Result<(), CommandError> {
    let minority = data.minority.iter().filter(|&&m| m).count();
    let seeds = summaries.first().map_or(0, |s| s.eqod.count);
    writeln!(
        out,
        "A firm learns whom to accept from what {} people report; {minority} of them are a minority\n\
         that was judged more harshly. {:.0}% of the minority act together: some of those with a\n\
         negative label report a positive one. The firm retrains. Measured on people it never saw,\n\
         with their true labels; {seeds} repetitions, mean ± half of the 95% interval.\n",
        data.minority.len(),
        100.0 * ALPHA
    )?;
    let shown: Vec<&Summary> = summaries
        .iter()
        .filter(|s| s.method == "none")
        .chain(Method::ALL.iter().filter_map(|method| {
            summaries.iter().find(|s| {
                s.method == method.word()
                    && s.choice == Choice::Validation
                    && s.alpha.total_cmp(&ALPHA).is_eq()
            })
        }))
        .collect();
    writeln!(out, "{}", table::align(&table::rows(&shown)))?;
    writeln!(
        out,
        "error: share of wrong decisions. unfairness: equalized odds violation, the mean of the\n\
         groups' gaps in true and false positive rates; 0 is fair. rb-prob, rb-label, rb-dist ask\n\
         those first who would most likely have had a positive label in the majority; random asks\n\
         anyone. How many flip was chosen on data set apart, never on the people measured.\n"
    )?;
    Ok(())
}

fn draw(
    options: &Demo,
    experiment: &Experiment,
    summaries: &[Summary],
) -> Result<Vec<Files>, CommandError> {
    std::fs::create_dir_all(&options.out)
        .map_err(|source| FigureError::Write { path: options.out.clone(), source })?;
    let mut files = vec![before_and_after()?.draw(&options.out, "demo-before-after")?];
    let subject = Subject::new(summaries, experiment.firms[0].word(), "made-up people");
    if let Some(figure) = subject.flips(ALPHA) {
        files.push(figure.draw(&options.out, "demo-flips")?);
    }
    if let Some(figure) = subject.sizes(&experiment.alphas) {
        files.push(figure.draw(&options.out, "demo-size")?);
    }
    Ok(files)
}

/// Everybody of a two-dimensional minority acts; how many flip is chosen on validation rows.
pub(super) fn before_and_after() -> Result<Regions, CommandError> {
    let data = population::toy::generate(&population::toy::ToySettings {
        people: TOY_PEOPLE,
        ..Default::default()
    })?;
    let firm = crate::firm::Learner::logistic();
    let scene = Scene::new(&data, 0)?;
    let ranked = |scene: &Scene<'_>| {
        let scores = scene.scores(Method::RbProb, 1, Encoding::Mix)?;
        Ok::<_, CommandError>(scores.ranking(&scene.candidates(1.0)?))
    };
    let inner = scene.validation();
    let inner_trial = inner.firm(&firm, GroupSight::Hidden)?;
    let inner_ranking = ranked(&inner)?;
    let mut best = (f64::INFINITY, 0);
    for percent in (0..=100).step_by(5) {
        let flips = inner_ranking.len() * percent / 100;
        let eqod = inner_trial.after(&inner_ranking[..flips])?.measures.eqod;
        if eqod < best.0 {
            best = (eqod, percent);
        }
    }
    let ranking = ranked(&scene)?;
    let flips = &ranking[..ranking.len() * best.1 / 100];
    let trial = scene.firm(&firm, GroupSight::Hidden)?;
    let (before, after) = (trial.after(&[])?.measures, trial.after(flips)?.measures);
    let plane = plane(&data);
    let side = |name: &str, flips: &[usize]| {
        let classifier = trial.train(flips)?;
        Ok::<_, CommandError>(Side {
            name: name.to_owned(),
            probability: probabilities(classifier.as_ref(), &data, &plane),
            people: persons(&data, &scene, flips),
        })
    };
    Ok(Regions {
        title: "A firm's decisions before and after collective action".to_owned(),
        caption: format!(
            "made-up people; the firm does not see the group, but transit time stands in for it; \
             {} of {} candidates flip; {TOY_DRAWN} of {} people drawn",
            flips.len(),
            ranking.len(),
            scene.train().len()
        ),
        x_label: "merit (points)".to_owned(),
        y_label: "transit time (minutes)".to_owned(),
        plane,
        before: side("before", &[])?,
        after: side("after", flips)?,
        outcomes: [
            ("error", before.error, after.error),
            ("unfairness (EqOd)", before.eqod, after.eqod),
        ]
        .map(|(name, before, after)| Outcome {
            name: name.to_owned(),
            before: Estimate::exact(before),
            after: Estimate::exact(after),
        })
        .to_vec(),
    })
}

fn plane(data: &Dataset) -> Plane {
    let range = |feature: usize| {
        let numbers = data.records.column(feature);
        let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Interval { low, high }
    };
    Plane { x: range(0), y: range(1) }
}

fn persons(data: &Dataset, scene: &Scene<'_>, flips: &[usize]) -> Vec<Person> {
    let (x, y) = (data.records.column(0), data.records.column(1));
    let person = |&row: &usize| {
        let flipped = flips.contains(&row);
        Person {
            x: x[row],
            y: y[row],
            group: if data.minority[row] { Group::Minority } else { Group::Majority },
            label: if data.positive[row] || flipped { Label::Positive } else { Label::Negative },
            flipped,
        }
    };
    scene.train().iter().take(TOY_DRAWN).map(person).collect()
}

fn probabilities(classifier: &dyn Classifier, data: &Dataset, plane: &Plane) -> Array2<f64> {
    let mut grid = DesignBuilder::new(&data.schema);
    for row in 0..GRID {
        for column in 0..GRID {
            let at = |interval: &Interval, node: usize| {
                #[expect(clippy::cast_precision_loss, reason = "a few hundred nodes")]
                let share = node as f64 / (GRID - 1) as f64;
                Value::Number(interval.low + share * (interval.high - interval.low))
            };
            grid.push(&[at(&plane.x, column), at(&plane.y, row)]);
        }
    }
    debug_assert!(
        data.schema.features().iter().all(|f| matches!(f.kind, FeatureKind::Numeric { .. }))
    );
    let grid: Design = grid.finish();
    Array2::from_shape_vec((GRID, GRID), classifier.probabilities(&grid))
        .expect("one probability per node")
}
