//! `sims run`: one configuration.

use std::io::Write;

use protocol::campaign::Protection;
use protocol::scoring::method::Method;
use protocol::scoring::scaling::Encoding;

use super::progress::Bar;
use super::{REVISION, World, campaign, people, table};
use crate::baseline::Baseline;
use crate::cli::{BeyondWord, EncodingWord, FirmSideWord, FirmWord, ProtocolWord, Run};
use crate::error::CommandError;
use crate::experiment::record::{Choice, json_lines};
use crate::experiment::summary::{Summary, summarise};
use crate::experiment::{Beyond, Experiment, sweep};
use crate::firm::Learner;
use crate::scene::SceneError;

pub(super) fn execute<W: Write>(
    options: &Run,
    world: &mut World<'_, W>,
) -> Result<(), CommandError> {
    match options.protocol {
        ProtocolWord::None => {}
        ProtocolWord::Clear => return campaign::execute(options, Protection::Clear, world),
        ProtocolWord::Private => return campaign::execute(options, Protection::Private, world),
    }
    let experiment = experiment(options);
    if !(0.0..=1.0).contains(&options.alpha) {
        return Err(SceneError::Alpha { alpha: options.alpha }.into());
    }
    experiment.check()?;
    let data = people(&options.dataset, options.data.as_ref().unwrap_or(&world.data))?;
    let bar = Bar::new();
    let records = sweep::in_memory(&experiment, &data, REVISION, &bar);
    bar.finish();
    let records = records?;
    if options.json {
        world.out.write_all(&json_lines(&records))?;
        return Ok(world.out.flush()?);
    }
    let summaries = summarise(&records);
    // Of a firm-side method the strength that validation people chose.
    let mut shown: Vec<&Summary> =
        summaries.iter().filter(|s| s.choice != Choice::Strength).collect();
    // Nobody, then the collective, then the firm.
    shown.sort_by_key(|s| (s.strength.is_some(), s.method != "none"));
    writeln!(
        world.out,
        "{}, {} firm, α = {}, seeds 0 to {} (mean ± half of the 95% interval)\n",
        data.name,
        experiment.firms[0].word(),
        options.alpha,
        options.seeds - 1
    )?;
    write!(world.out, "{}", table::align(&table::rows(&shown)))?;
    if !experiment.firm_side.is_empty() {
        writeln!(
            world.out,
            "\nThe firm's methods: strength by validation people, mean over seeds; every strength with --json."
        )?;
    }
    Ok(world.out.flush()?)
}

/// The methods named, each once.
fn firm_side(words: &[FirmSideWord]) -> Vec<Baseline> {
    let named = |method: &Baseline| {
        words.iter().any(|&word| match word {
            FirmSideWord::All => true,
            FirmSideWord::One(one) => one == *method,
        })
    };
    Baseline::ALL.into_iter().filter(named).collect()
}

fn experiment(options: &Run) -> Experiment {
    let mut methods = vec![options.method];
    if options.method != Method::Random {
        methods.push(Method::Random);
    }
    Experiment {
        name: "run".to_owned(),
        dataset: options.dataset.clone(),
        seeds: options.seeds,
        methods,
        alphas: vec![options.alpha],
        flips: vec![options.flips],
        shares: Vec::new(),
        beyond: match options.beyond {
            BeyondWord::Refuse => Beyond::Refuse,
            BeyondWord::FlipAll => Beyond::FlipAll,
        },
        validate: !options.firm_side.is_empty(),
        firm_side: firm_side(&options.firm_side),
        strengths: std::collections::BTreeMap::new(),
        k: options.k,
        majority: None,
        encoding: match options.encoding {
            EncodingWord::Mix => Encoding::Mix,
            EncodingWord::Z => Encoding::Z,
        },
        group_visible: !options.hide_group,
        firms: vec![learner(options.firm)],
    }
}

/// The learner of a word.
pub(super) fn learner(word: FirmWord) -> Learner {
    match word {
        FirmWord::Logistic => Learner::logistic(),
        FirmWord::Boosted => Learner::boosted(),
        FirmWord::Mlp => Learner::mlp(0),
        FirmWord::NoisyDescent => Learner::noisy_descent(0),
    }
}
