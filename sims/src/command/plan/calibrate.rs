//! `sims plan --calibrate`: predictions beside campaigns that then took place.

use std::fs;
use std::io::Write;

use protocol::exit::Exit;

use super::super::progress::Bar;
use super::super::table::align;
use super::super::{REVISION, World};
use super::settings;
use crate::cli::Plan;
use crate::error::CommandError;
use crate::figure::{Axis, Curves, Estimate, Interval, Point, Series};
use crate::planning::calibrate::{
    Basis, Calibrated, Calibration, MINORITY_SHARES, PENALTIES, Pair, Slope,
};
use crate::planning::scenario::Scenario;
use crate::planning::{Settings, Stop};
use crate::statistics::{Mean, Share};

/// People of a reference, and of those among whom the campaign takes place.
const PEOPLE: usize = 2_000;
/// R.
const REPLICATES: u32 = 24;
/// M in units of `M_SP`, besides 0.
const CALIBRATED: [f64; 2] = [0.25, 0.5];

pub(super) fn execute<W: Write>(
    options: &Plan,
    world: &mut World<'_, W>,
) -> Result<Exit, CommandError> {
    let settings = Settings {
        shares: CALIBRATED.to_vec(),
        scenarios: Scenario::usual().into_iter().take(1).collect(),
        stop: Stop { batch: REPLICATES, most: REPLICATES, ..Stop::default() },
        ..settings(options, PEOPLE)
    };
    settings.check()?;
    let calibration = Calibration {
        draws: options.draws,
        people: PEOPLE,
        replicates: REPLICATES,
        seed: options.seed,
        basis: if options.from_moments { Basis::Moments } else { Basis::Sample },
        settings,
    };
    let bar = Bar::of("populations");
    let calibrated = calibration.run(&bar);
    bar.finish();
    let calibrated = calibrated?;
    if options.json {
        serde_json::to_writer(&mut *world.out, &calibrated).map_err(std::io::Error::from)?;
        writeln!(world.out)?;
        world.out.flush()?;
        return Ok(Exit::Done);
    }
    show(world.out, &calibration, &calibrated)?;
    let write = |source| CommandError::Write { file: options.out.clone(), source };
    fs::create_dir_all(&options.out).map_err(write)?;
    let files = figure(&calibration, &calibrated).draw(&options.out, "calibration")?;
    writeln!(world.out, "\n{}\n{}", files.png.display(), files.svg.display())?;
    world.out.flush()?;
    Ok(Exit::Done)
}

fn show(
    out: &mut impl Write,
    calibration: &Calibration,
    calibrated: &Calibrated,
) -> Result<(), CommandError> {
    let Calibration { draws, people, replicates, seed, basis, settings } = calibration;
    let [low, high] = PENALTIES;
    let [few, many] = MINORITY_SHARES;
    writeln!(
        out,
        "{draws} made-up populations (penalty {low} to {high}, minority {few} to {many}), {people} people in the reference and as \
         many in the campaign,\nlogistic firm that uses the group, R = {replicates}, alpha {}, {}, seed {seed}{}, sims {REVISION}\n",
        settings.alpha,
        settings.method,
        match basis {
            Basis::Sample => "",
            Basis::Moments => ", plans see moments only",
        }
    )?;
    let mut rows = vec![
        [
            "M / M_SP",
            "campaigns within the 95% interval",
            "slope of realised on predicted",
            "by chance in predictions",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    for level in &calibrated.levels {
        rows.push(vec![
            format!("{}", level.share),
            covered(level.coverage),
            format!("{:.3}", level.slope),
            format!("{:.3}", level.by_chance),
        ]);
    }
    rows.push(vec![
        "both".to_owned(),
        covered(calibrated.coverage),
        sloped(calibrated.slope_without_zero),
        format!("{:.3}", calibrated.slope_without_zero.by_chance),
    ]);
    rows.push(vec![
        "both and 0".to_owned(),
        String::new(),
        sloped(calibrated.slope),
        format!("{:.3}", calibrated.slope.by_chance),
    ]);
    write!(out, "{}", align(&rows))?;
    writeln!(
        out,
        "\nrealised minus predicted: {:+.4} on average, standard deviation {:.4}",
        calibrated.bias, calibrated.deviation
    )?;
    Ok(())
}

fn sloped(slope: Slope) -> String {
    format!("{:.3} ± {:.3}", slope.value, slope.half_width)
}

fn covered(share: Share) -> String {
    let Share { value, low, high } = share;
    format!("{:.1}% ({:.1} to {:.1})", 100.0 * value, 100.0 * low, 100.0 * high)
}

/// Realised against predicted change, for a tenth of the draws at a time.
fn figure(calibration: &Calibration, calibrated: &Calibrated) -> Curves {
    let shares = calibration.settings.shares.iter();
    let mut series: Vec<Series> = shares
        .map(|&share| Series {
            name: format!("M = {share} M_SP"),
            points: tenths(&calibrated.pairs, share),
        })
        .collect();
    let ends = series.iter().flat_map(|one| &one.points).map(|point| point.x.mean);
    let low = ends.fold(0.0, f64::min);
    let ideal = [low, 0.0].map(|x| Point::at(x, Estimate::exact(x))).to_vec();
    series.push(Series { name: "as predicted".to_owned(), points: ideal });
    Curves {
        title: "Realised change of unfairness against the predicted one".to_owned(),
        caption: format!(
            "{} made-up populations, one campaign each for every M; means of a tenth of them, by prediction, with 95% intervals. \
             Seed {}.",
            calibration.draws, calibration.seed
        ),
        x: Axis::from_zero("predicted change of EqOd"),
        y: Axis::from_zero("realised change of EqOd"),
        series,
        level: None,
        paper: Vec::new(),
        hollow: "paper",
    }
}

/// Means over the draws from the least prediction to the greatest, a tenth at a time.
fn tenths(pairs: &[Pair], share: f64) -> Vec<Point> {
    let mut level: Vec<&Pair> =
        pairs.iter().filter(|pair| pair.share.total_cmp(&share).is_eq()).collect();
    level.sort_by(|a, b| a.predicted.value.total_cmp(&b.predicted.value));
    let points = level.chunks(level.len().div_ceil(10).max(2)).filter_map(|tenth| {
        let of = |value: fn(&Pair) -> f64| {
            Mean::of(&tenth.iter().map(|pair| value(pair)).collect::<Vec<f64>>())
        };
        let (x, y) = (of(|pair| pair.predicted.value)?, of(|pair| pair.realised)?);
        let half = y.half_width?;
        let interval = Interval { low: y.mean - half, high: y.mean + half };
        Some(Point::at(x.mean, Estimate::within(y.mean, interval)))
    });
    points.collect()
}
