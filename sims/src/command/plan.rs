//! `sims plan`: whom to recruit and how many flips to aim at, or not to run.

use std::fs;
use std::io::Write;
use std::path::Path;

use protocol::exit::Exit;
use protocol::scoring::scaling::Encoding;

use super::progress::Bar;
use super::{REVISION, World, people, read, run};
use crate::cli::{FilterWord, GroupWord, Plan};
use crate::dataset::Dataset;
use crate::dataset::infer::{self, Named};
use crate::error::CommandError;
use crate::experiment::journal::write_atomically;
use crate::planning::aggregates::{Aggregates, Drawn};
use crate::planning::outlook::Verdict;
use crate::planning::report::{Expected, Maker, Report, Source};
use crate::planning::rule::Rule;
use crate::planning::scenario::{self, Filter, GroupUse};
use crate::planning::simulate::sides;
use crate::planning::theory::Theory;
use crate::planning::{PlanningError, Settings, Stop};

mod aggregates;
mod calibrate;
mod picture;
mod screen;

/// The share of a reference that the firm is measured on, where no description says so.
const TEST_SHARE: f64 = 0.3;

const MAKER: Maker<'_> = Maker { version: env!("CARGO_PKG_VERSION"), revision: REVISION };

pub(super) fn execute<W: Write>(
    options: &Plan,
    world: &mut World<'_, W>,
) -> Result<Exit, CommandError> {
    if options.calibrate {
        return calibrate::execute(options, world);
    }
    if let Some(file) = &options.verify {
        return verify(file, options, world);
    }
    let data = options.data.clone().unwrap_or_else(|| world.data.clone());
    if let Some(file) = &options.write_aggregates {
        return aggregates::write(file, options, &data, world);
    }
    let source = source(options)?;
    let (reference, drawn) = load(&source, &data, options.seed)?;
    let settings = settings(options, sides(&reference).0);
    let expected = Expected { compliance: options.compliance, dropout: options.dropout };
    settings.check()?;
    if !options.json {
        // The rule of thumb needs no simulation, so nobody waits for it.
        let rule = Rule::of(&reference, settings.trained)?;
        let theory = Theory::of(&reference, settings.alpha, rule.minority_trained)
            .map_err(PlanningError::from)?;
        screen::rule(world.out, (&reference, drawn.as_ref()), &source, &settings, &rule, expected)?;
        screen::theory(world.out, &theory, &settings)?;
        world.out.flush()?;
    }
    let bar = Bar::of("campaigns simulated at most");
    let people = (&reference, drawn.as_ref());
    let report = Report::make(people, &source, &settings, expected, MAKER, &bar);
    bar.finish();
    let report = report?;
    let write = |source| CommandError::Write { file: options.out.clone(), source };
    fs::create_dir_all(&options.out).map_err(write)?;
    let kept = options.out.join("plan.json");
    write_atomically(&kept, report.json().as_bytes())
        .map_err(|source| CommandError::Write { file: kept.clone(), source })?;
    let mut figures = vec![picture::figure(&report).draw(&options.out, "plan")?];
    if let Some(sensitivity) = &report.sensitivity {
        let figure = picture::sensitivity(&report, sensitivity);
        figures.push(figure.draw(&options.out, "sensitivity")?);
    }
    let campaign = report.campaign(&reference.schema);
    let file = options.out.join("campaign.toml");
    if let Some(text) = &campaign {
        write_atomically(&file, text.as_bytes())
            .map_err(|source| CommandError::Write { file: file.clone(), source })?;
    }
    if options.json {
        world.out.write_all(report.json().as_bytes())?;
    } else {
        screen::report(world.out, &report)?;
        writeln!(world.out, "\n{}", kept.display())?;
        for files in &figures {
            writeln!(world.out, "{} (and .svg)", files.png.display())?;
        }
        if campaign.is_some() {
            writeln!(world.out, "{} (go on with: coordinator init --from)", file.display())?;
        }
    }
    world.out.flush()?;
    Ok(match report.verdict {
        Verdict::Run(_) => Exit::Done,
        Verdict::OnlyIfGroupIsUsed(_) | Verdict::DoNotRun { .. } => Exit::NoSafePlan,
    })
}

fn source(options: &Plan) -> Result<Source, CommandError> {
    if let Some(file) = &options.aggregates {
        return Ok(Source::Aggregates(file.clone()));
    }
    match (&options.reference, &options.group, &options.label, &options.dataset) {
        (Some(file), Some(group), Some(label), _) => Ok(Source::File {
            file: file.clone(),
            group: group.clone(),
            label: label.clone(),
            ignored: options.ignore.clone(),
        }),
        (_, _, _, Some(word)) => Ok(Source::Dataset(word.clone())),
        (_, _, _, None) => Err(CommandError::NoReference),
    }
}

/// The reference, and how it was drawn if it was; by `seed`.
fn load(source: &Source, data: &Path, seed: u32) -> Result<(Dataset, Option<Drawn>), CommandError> {
    match source {
        Source::Dataset(word) => Ok((people(word, data)?, None)),
        Source::Aggregates(file) => {
            let wrong = |error| CommandError::Aggregates { file: file.clone(), error };
            let (people, drawn) = Aggregates::parse(&read(file)?).map_err(wrong)?.draw(seed);
            Ok((people, Some(drawn)))
        }
        Source::File { file, group, label, ignored } => {
            let named = Named { group, label, ignored, test_share: TEST_SHARE };
            Ok((infer::load(file, &named)?, None))
        }
    }
}

/// `pool`: how many people the reference can give the firm.
fn settings(options: &Plan, pool: usize) -> Settings {
    let learners: Vec<_> = options.firms.iter().map(|&word| run::learner(word)).collect();
    let groups: Vec<GroupUse> = options
        .group_use
        .iter()
        .map(|word| match word {
            GroupWord::Used => GroupUse::Used,
            GroupWord::Unused => GroupUse::Unused,
            GroupWord::Proxy => GroupUse::Proxy,
        })
        .collect();
    let filters: Vec<Filter> = options
        .filters
        .iter()
        .map(|word| match word {
            FilterWord::None => Filter::Nothing,
            FilterWord::Prune => Filter::Prune,
        })
        .collect();
    Settings {
        seed: options.seed,
        alpha: options.alpha,
        method: options.method,
        k: options.k,
        encoding: Encoding::Mix,
        trained: options.trained.unwrap_or(pool),
        shares: options.grid.clone(),
        scenarios: scenario::all(&learners, &groups, &filters, &options.carried_out),
        target: options.target,
        harm: options.harm,
        confidence: options.confidence,
        stop: Stop { most: options.replicates, ..Stop::default() },
    }
}

fn verify<W: Write>(
    file: &Path,
    options: &Plan,
    world: &mut World<'_, W>,
) -> Result<Exit, CommandError> {
    let kept: Report = serde_json::from_str(&read(file)?)
        .map_err(|source| CommandError::PlanFile { file: file.to_owned(), source })?;
    let data = options.data.clone().unwrap_or_else(|| world.data.clone());
    let (reference, drawn) = load(&kept.source, &data, kept.settings.seed)?;
    let bar = Bar::of("campaigns simulated at most");
    let people = (&reference, drawn.as_ref());
    let again = Report::make(people, &kept.source, &kept.settings, kept.expected, MAKER, &bar);
    bar.finish();
    if let Some(difference) = kept.differs(&again?) {
        return Err(CommandError::PlanDiffers { file: file.to_owned(), difference });
    }
    writeln!(
        world.out,
        "{}: every digit is the same (plan {}, made by version {} {}, checked by {} {})",
        file.display(),
        kept.config,
        kept.version,
        kept.revision,
        MAKER.version,
        MAKER.revision
    )?;
    world.out.flush()?;
    Ok(Exit::Done)
}
