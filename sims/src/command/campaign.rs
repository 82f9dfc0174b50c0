//! `sims run --protocol clear|private`: a whole campaign, then the firm retrains.

use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};

use protocol::aggregation::{Grid, GridSpec, SetupError};
use protocol::audit::Verdict;
use protocol::campaign::{PUBLISHED_NOTICE, Protection, SelectionMode};
use protocol::scoring::method::Method;
use protocol::scoring::scaling::Encoding;
use protocol::selection::open_scores;
use protocol::transcript::file;
use rayon::prelude::*;

use super::progress::Bar;
use super::run::learner;
use super::{REVISION, World, people, table};
use crate::campaign::play::{ordinary, rough};
use crate::campaign::study::{Extra, Studied, Study, StudyError};
use crate::cli::{AskingWord, Campaign, NetworkWord, Run};
use crate::dataset::Dataset;
use crate::error::CommandError;
use crate::experiment::record::{Asked, Cell, Choice, Record, Stamp, json_lines};
use crate::experiment::summary::{Summary, summarise};
use crate::experiment::sweep::Progress;
use crate::network::Setting;
use crate::population::causal::{self, CausalSettings};
use crate::scene::{GroupSight, Outcome, Scene, SceneError};

/// What one seed gave, ready to be written.
struct Line {
    before: Outcome,
    after: Outcome,
    random: Outcome,
    studied: Studied,
}

pub(super) fn execute<W: Write>(
    options: &Run,
    protection: Protection,
    world: &mut World<'_, W>,
) -> Result<(), CommandError> {
    if !(0.0..=1.0).contains(&options.alpha) {
        return Err(SceneError::Alpha { alpha: options.alpha }.into());
    }
    let study = study(options, protection).map_err(StudyError::from)?;
    let data = drawn(options, world)?;
    let bar = Bar::new();
    let lines = play(&study, options, &data, &bar);
    bar.finish();
    let lines = lines?;
    if let (Some(path), Some(last)) = (&options.campaign.transcript, lines.last()) {
        let bytes = file::write(&last.studied.played.entries);
        fs::write(path, bytes)
            .map_err(|source| CommandError::Write { file: path.clone(), source })?;
    }
    let records = records(options, &data, &lines);
    if options.json {
        world.out.write_all(&json_lines(&records))?;
        return Ok(world.out.flush()?);
    }
    show(options, &study, &data, &lines, &records, world.out)
}

fn study(options: &Run, protection: Protection) -> Result<Study, SetupError> {
    let Campaign { epsilon, keyholders, threshold, cohort, no_shows, cap, people, table, .. } =
        options.campaign;
    let Campaign { published, selection, scale, refine, top_up, .. } = options.campaign;
    let flips = u32::try_from(options.flips).unwrap_or(u32::MAX);
    let spec = table.map(|table| GridSpec { rows: table.rows, cells: table.cells });
    Ok(Study {
        protection,
        keyholders: (keyholders, threshold),
        cohort_min: cohort,
        method: options.method,
        k: u32::try_from(options.k).unwrap_or(u32::MAX),
        alpha: options.alpha,
        flips,
        no_show_milli: no_shows,
        safe_cap: cap.unwrap_or_else(|| flips.saturating_mul(2)),
        epsilon: epsilon.0,
        table: spec.map(Grid::try_from).transpose()?,
        people_max: people,
        visits: Extra { scale, refinement: refine, top_up },
        mode: match selection {
            AskingWord::Histogram => SelectionMode::PrivateHistogram,
            AskingWord::OpenScores => SelectionMode::OpenScores,
        },
        published,
        learner: learner(options.firm),
        sight: if options.hide_group { GroupSight::Hidden } else { GroupSight::Visible },
    })
}

/// The data set; of synthetic people as many as the campaign asks for.
fn drawn<W>(options: &Run, world: &World<'_, W>) -> Result<Dataset, CommandError> {
    let data = people(&options.dataset, options.data.as_ref().unwrap_or(&world.data))?;
    let Some(wanted) = options.campaign.people.filter(|_| options.dataset == "synthetic") else {
        return Ok(data);
    };
    let scene = Scene::new(&data, 0)?;
    let members = scene.members(options.alpha)?.len();
    let donors = scene.train().iter().filter(|&&row| !data.minority[row]).count();
    let there = NonZeroUsize::new(members + donors).unwrap_or(NonZeroUsize::MIN);
    // A tenth more, as another draw has another share of each.
    let people = (data.minority.len() * wanted * 11 / 10).div_ceil(there.get());
    let people = people.max(data.minority.len().min(wanted));
    Ok(causal::generate(&CausalSettings { people, ..CausalSettings::default() })?.dataset)
}

fn play(
    study: &Study,
    options: &Run,
    data: &Dataset,
    bar: &Bar,
) -> Result<Vec<Line>, CommandError> {
    let total = usize::try_from(options.seeds).unwrap_or(usize::MAX);
    bar.finished(0, total);
    let done = AtomicUsize::new(0);
    let lines: Vec<Result<Line, StudyError>> = (0..options.seeds)
        .into_par_iter()
        .map(|seed| {
            let line = one(study, options.campaign.network, data, seed);
            bar.finished(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            line
        })
        .collect();
    let numbered = (0..).zip(lines);
    numbered
        .map(|(seed, line)| line.map_err(|error| CommandError::Campaign { seed, error }))
        .collect()
}

fn one(study: &Study, network: NetworkWord, data: &Dataset, seed: u64) -> Result<Line, StudyError> {
    let setting = match network {
        NetworkWord::Calm => Setting::calm,
        NetworkWord::Ordinary => ordinary,
        NetworkWord::Rough => rough,
    };
    let studied = study.seed(data, seed, setting)?;
    let scene = Scene::new(data, seed)?;
    let trial = scene.firm(&study.learner, study.sight)?;
    let scores = scene.scores(Method::Random, 1, Encoding::Mix)?;
    let ranking = scores.ranking(&scene.candidates(study.alpha)?);
    let flips: Vec<usize> = ranking.into_iter().take(studied.flipped).collect();
    let random = trial.after(&flips)?;
    Ok(Line { before: studied.before, after: studied.after, random, studied })
}

fn records(options: &Run, data: &Dataset, lines: &[Line]) -> Vec<Record> {
    let stamp = Stamp {
        config: String::new(),
        revision: REVISION.to_owned(),
        dataset: data.name.clone(),
        k: options.k,
    };
    let word = learner(options.firm).word();
    let mut records = Vec::new();
    for method in ["none", options.method.word(), "random"] {
        if records.iter().any(|record: &Record| record.method == method) {
            continue;
        }
        for (seed, line) in (0..).zip(lines) {
            let asked = if method == "none" { 0 } else { options.flips };
            #[expect(clippy::cast_precision_loss, reason = "budgets are far below 2^53")]
            let asked = asked as f64;
            let cell = Cell {
                seed,
                firm: word.to_owned(),
                method: method.to_owned(),
                alpha: options.alpha,
                choice: Choice::Flips,
                asked,
            };
            let studied = &line.studied;
            let (flips, outcome) = match method {
                "none" => (0, &line.before),
                "random" if options.method != Method::Random => (studied.flipped, &line.random),
                _ => (studied.flipped, &line.after),
            };
            let (members, candidates) = (studied.members, studied.candidates);
            let people = Asked { members, candidates, flips };
            records.push(Record::new(&stamp, cell, people, outcome));
        }
    }
    records
}

fn show<W: Write>(
    options: &Run,
    study: &Study,
    data: &Dataset,
    lines: &[Line],
    records: &[Record],
    out: &mut W,
) -> Result<(), CommandError> {
    let summaries = summarise(records);
    let shown: Vec<&Summary> = summaries.iter().collect();
    let protection = match study.protection {
        Protection::Private => "private",
        Protection::Clear => "clear",
    };
    let epsilon = study.epsilon.map_or_else(|| "none".to_owned(), |epsilon| epsilon.to_string());
    writeln!(
        out,
        "{}, {} firm, α = {}, seeds 0 to {} (mean ± half of the 95% interval)\n\
         protocol {protection}, {} keyholders, epsilon {epsilon} for each person over the campaign\n",
        data.name,
        study.learner.word(),
        options.alpha,
        options.seeds.saturating_sub(1),
        study.keyholders.0,
    )?;
    if study.mode == SelectionMode::OpenScores {
        writeln!(out, "{}\n", open_scores::NOTICE)?;
    }
    if study.published > 0 {
        writeln!(out, "{PUBLISHED_NOTICE}\nPublished here: {} records.\n", study.published)?;
    }
    writeln!(out, "{}", table::align(&table::rows(&shown)))?;
    let header = ["seed", "members", "donors", "asked", "flipped", "messages", "hours", "audit"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for (seed, line) in (0..).zip(lines) {
        rows.push(row(seed, &line.studied));
    }
    write!(out, "{}", table::align(&rows))?;
    if let Some(path) = &options.campaign.transcript {
        writeln!(out, "\nfollow it: sims replay {}", path.display())?;
    }
    Ok(out.flush()?)
}

fn row(seed: u64, studied: &Studied) -> Vec<String> {
    let verdict = studied.audit.and_then(|changes| changes.eqod);
    let verdict = verdict.map_or("too few people to say", |change| match change.verdict {
        Verdict::Improved => "improved",
        Verdict::NoEvidence => "no evidence",
        Verdict::Worse => "worse",
    });
    #[expect(clippy::cast_precision_loss, reason = "a campaign takes hours")]
    let hours = studied.cost.virtual_millis as f64 / 3_600_000.0;
    vec![
        seed.to_string(),
        studied.members.to_string(),
        studied.donors.to_string(),
        studied.asked.to_string(),
        studied.flipped.to_string(),
        studied.cost.messages.to_string(),
        format!("{hours:.1}"),
        verdict.to_owned(),
    ]
}
