//! Our side of `tests/peers/sweep.py`, which starts it and says when to measure.
//!
//! Arguments: `DATA EXPERIMENT ANSWER`: the folder of data sets, a file that describes a sweep, and
//! where to write. For each line read, the whole sweep is run once, from loaded data to its records,
//! and the seconds that took are written. At the end of input, `ANSWER` receives as JSON the records
//! of the last sweep and, for seed 0, the firm's least objective at no action and after the median
//! budget by `rb-prob`, with the rows that flipped.

use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use protocol::scoring::logistic::Logistic;
use protocol::scoring::method::Method;
use protocol::scoring::scaling::{Encoding, Scaling};
use serde_json::{Value, json};
use sims::dataset::{self, Dataset};
use sims::experiment::Experiment;
use sims::experiment::sweep::{self, Progress};
use sims::scene::Scene;

struct Silent;

impl Progress for Silent {
    fn finished(&self, _: usize, _: usize) {}
}

fn main() -> Result<()> {
    // `cargo bench` adds `--bench`, `cargo test --all-targets` nothing.
    let arguments: Vec<String> = env::args().skip(1).filter(|given| given != "--bench").collect();
    let [folder, experiment, answer] = arguments.as_slice() else {
        if arguments.is_empty() {
            return Ok(writeln!(io::stdout(), "run it by tests/peers/run sweep")?);
        }
        bail!("expected DATA EXPERIMENT ANSWER");
    };
    let experiment = Experiment::parse(&fs::read_to_string(experiment)?)?;
    let description = dataset::builtin(&experiment.dataset).context("no built-in data set")?;
    let file = Path::new(folder).join("adult/adult.csv");
    let data = description.load(&file)?;

    let mut records = None;
    for line in io::stdin().lines() {
        line?;
        let start = Instant::now();
        records = Some(sweep::in_memory(&experiment, &data, "bench", &Silent)?);
        writeln!(io::stdout(), "{}", start.elapsed().as_secs_f64())?;
    }
    let records = records.context("no round was asked for")?;
    let answers = json!({ "records": records, "objectives": objectives(&experiment, &data)? });
    fs::write(answer, answers.to_string()).with_context(|| format!("writing {answer}"))
}

/// Seed 0: each fit's flipped rows and least objective, at penalty 1, fitted as the firm fits.
fn objectives(experiment: &Experiment, data: &Dataset) -> Result<Vec<Value>> {
    let scene = Scene::new(data, 0)?;
    let alpha = *experiment.alphas.first().context("no alpha")?;
    let flips = *experiment.flips.get(experiment.flips.len() / 2).context("no budget")?;
    let scores = scene.scores(Method::RbProb, experiment.k, experiment.encoding)?;
    let ranking = scores.ranking(&scene.candidates(alpha)?);
    let flipped = ranking.get(..flips).context("too few candidates")?;

    let train = scene.train();
    let pick = |values: &[bool]| -> Vec<bool> { train.iter().map(|&row| values[row]).collect() };
    let records = data.records.select(train).with_flag("a", &pick(&data.minority));
    let records = Scaling::fit(&records, Encoding::Z).apply(&records);
    let mut labels = pick(&data.positive);
    let unflipped = Logistic::fit(&records, &labels, 1.0)?;
    for row in flipped {
        labels[train.binary_search(row).ok().context("a candidate is no train row")?] = true;
    }
    let after = Logistic::refit(&records, &labels, 1.0, &unflipped)?;
    Ok(vec![
        json!({ "cell": "no action", "flipped": [], "objective": unflipped.objective() }),
        json!({
            "cell": format!("rb-prob, M = {flips}"),
            "flipped": flipped,
            "objective": after.objective(),
        }),
    ])
}
