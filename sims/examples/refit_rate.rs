//! How fast a logistic firm retrains: 12,800 fits of 5,000 records with 10 numbers each, as `sims plan` does them.
//!
//! `cargo run --release -p sims --example refit_rate [FITS]`
//!
//! A firm is prepared for every thirteen fits (a replicate with a dozen budgets), and each later fit starts from
//! the first. Beside it, in the same run, every fit from zero; and how far the two optima are apart.

use std::io::Write;
use std::time::Instant;

use anyhow::Context;
use protocol::order;
use protocol::scoring::design::{Design, DesignBuilder};
use protocol::scoring::logistic::Logistic;
use protocol::scoring::scaling::{Encoding, Scaling};
use protocol::scoring::schema::{Feature, FeatureKind, Schema, Value};
use rayon::prelude::*;
use sims::firm::Learner;

const ROWS: usize = 5_000;
const COLUMNS: u64 = 10;
/// Fits of one replicate: nobody flips, then twelve budgets.
const PER_FIRM: usize = 13;

fn main() -> anyhow::Result<()> {
    let fits: usize = std::env::args().nth(1).map_or(Ok(12_800), |count| count.parse())?;
    let firms = fits.div_ceil(PER_FIRM);
    let (records, labels) = people()?;
    let learner = Learner::logistic();

    let start = now();
    let done: Vec<usize> = (0..firms)
        .into_par_iter()
        .map(|_| -> anyhow::Result<usize> {
            let firm = learner.prepare(&records, &labels)?;
            for budget in 1..PER_FIRM {
                firm.fit(&flipped(&labels, budget))?;
            }
            Ok(PER_FIRM)
        })
        .collect::<anyhow::Result<_>>()?;
    let warm = start.elapsed().as_secs_f64() / count(done.iter().sum());

    let scaled = Scaling::fit(&records, Encoding::Z).apply(&records);
    let sample = firms.div_ceil(10);
    let start = now();
    (0..sample).into_par_iter().try_for_each(|_| -> anyhow::Result<()> {
        for budget in 0..PER_FIRM {
            Logistic::fit(&scaled, &flipped(&labels, budget), 1.0)?;
        }
        Ok(())
    })?;
    let cold = start.elapsed().as_secs_f64() / count(sample * PER_FIRM);

    let first = Logistic::fit(&scaled, &labels, 1.0)?;
    let mut apart: f64 = 0.0;
    for budget in 1..PER_FIRM {
        let labels = flipped(&labels, budget);
        let warm = Logistic::refit(&scaled, &labels, 1.0, &first)?.model().margins(&scaled);
        let cold = Logistic::fit(&scaled, &labels, 1.0)?.model().margins(&scaled);
        apart = warm.iter().zip(cold).map(|(w, c)| (w - c).abs()).fold(apart, f64::max);
    }
    let threads = rayon::current_num_threads();
    writeln!(
        std::io::stdout(),
        "{ROWS} records x {COLUMNS} numbers on {threads} threads\n\
         refits, firms prepared: {:.0} fits/s, 12,800 in {:.1} s\n\
         every fit from zero: {:.0} fits/s; ratio {:.2}\n\
         greatest difference of a record's log-odds: {apart:.1e}",
        1.0 / warm,
        12_800.0 * warm,
        1.0 / cold,
        warm / cold
    )
    .context("standard output")
}

#[expect(clippy::disallowed_methods, reason = "a stopwatch")]
fn now() -> Instant {
    Instant::now()
}

/// Ten uniform numbers each, and a label that follows them with some noise.
fn people() -> anyhow::Result<(Design, Vec<bool>)> {
    let kind = FeatureKind::Numeric { min: 0.0, max: 1.0 };
    let feature = |place| Feature { name: format!("x{place}"), unit: None, kind: kind.clone() };
    let mut builder = DesignBuilder::new(&Schema::new((0..COLUMNS).map(feature).collect())?);
    let mut labels = Vec::new();
    for row in 0..ROWS as u64 {
        let draw = |column| order::unit(1, row, column);
        let record: Vec<Value> = (0..COLUMNS).map(|column| Value::Number(draw(column))).collect();
        builder.push(&record);
        let sum: f64 = (0..COLUMNS).map(draw).sum();
        labels.push(sum + 2.0 * draw(COLUMNS) > 6.0);
    }
    Ok((builder.finish(), labels))
}

/// Thirty more people report a positive label with each budget.
fn flipped(labels: &[bool], budget: usize) -> Vec<bool> {
    let mut left = 30 * budget;
    let flip = |&label: &bool| {
        let flips = !label && left > 0;
        left -= usize::from(flips);
        label || flips
    };
    labels.iter().map(flip).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of fits")]
fn count(fits: usize) -> f64 {
    fits as f64
}
