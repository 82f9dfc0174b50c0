//! `sims replay`: follows a transcript step by step, checking every rule.

use std::fs;
use std::io::Write;

use protocol::aggregation::Aggregator;
use protocol::campaign::{Decision, Kind, Plan, SelectionMode};
use protocol::ids::AggregationId;
use protocol::selection::open_scores::Ranking;
use protocol::transcript::{Author, Entry, Outcome, Post, Transcript, file};
use serde::Serialize;

use super::World;
use crate::campaign::play::why;
use crate::cli::Replay;
use crate::error::CommandError;

/// One entry, in words.
#[derive(Serialize)]
struct Step {
    entry: u64,
    hash: String,
    author: String,
    what: String,
}

pub(super) fn execute<W: Write>(
    options: &Replay,
    world: &mut World<'_, W>,
) -> Result<(), CommandError> {
    let path = &options.transcript;
    let bytes =
        fs::read(path).map_err(|source| CommandError::Read { file: path.clone(), source })?;
    let limit = options.entries.unwrap_or(u64::MAX);
    let mut steps = Vec::new();
    let transcript = file::follow(&bytes, |number, entry, transcript| {
        if number < limit {
            steps.push(step(number, entry, transcript));
        }
    })
    .map_err(|error| CommandError::Transcript { file: path.clone(), error })?;
    for step in &steps {
        if options.json {
            serde_json::to_writer(&mut *world.out, step).map_err(std::io::Error::from)?;
            writeln!(world.out)?;
        } else {
            let Step { entry, author, what, hash } = step;
            writeln!(world.out, "{entry:>5}  {hash:.8}  {author:<11}  {what}")?;
        }
    }
    if !options.json {
        writeln!(
            world.out,
            "\n{} entries, every rule kept; the last is {}",
            transcript.len(),
            transcript.head()
        )?;
        for sum in transcript.sums() {
            writeln!(world.out, "  {}", end(&transcript, sum.id()))?;
        }
    }
    Ok(world.out.flush()?)
}

fn step(number: u64, entry: &Entry, transcript: &Transcript) -> Step {
    let author = match entry.signed.author {
        Author::Organiser => "organiser".to_owned(),
        Author::Keyholder(seat) => seat.to_string(),
    };
    Step {
        entry: number,
        hash: entry.hash().to_string(),
        author,
        what: words(&entry.signed.post, transcript),
    }
}

fn name(transcript: &Transcript, id: AggregationId) -> &'static str {
    transcript.plan().aggregation(id).map_or("nothing", |of| match of.kind {
        Kind::Scale => "scale",
        Kind::Neighbours => "neighbours",
        Kind::Regressor => "regressor",
        Kind::Selection => "selection",
        Kind::Refinement => "refinement",
        Kind::Confirmation => "confirmation",
        Kind::AuditBefore => "audit before",
        Kind::AuditAfter => "audit after",
    })
}

fn whose(aggregator: Aggregator) -> String {
    match aggregator {
        Aggregator::Leader => "the coordinator".to_owned(),
        Aggregator::Helper(seat) => seat.to_string(),
    }
}

fn words(post: &Post, transcript: &Transcript) -> String {
    let of = |id: &AggregationId| name(transcript, *id);
    match post {
        Post::Plan(plan) => planned(plan),
        Post::Keys(keys) => format!("keys: identity {:.8}", keys.identity.to_string()),
        Post::Deal(deal) => format!("deals its keys for {} aggregations", deal.keys.len()),
        Post::Complaint { dealer } => format!("complains about {dealer}: the campaign ends"),
        Post::Manifest(id) => format!("manifest: campaign {:.8}", id.to_string()),
        Post::Roster(roster) => format!("roster: {} people", roster.len()),
        Post::Begin(id) => format!("{}: begins", of(id)),
        Post::Beacon { aggregation, .. } => {
            format!("{}: reveals its part of the public randomness", of(aggregation))
        }
        Post::Opening(opening) => format!("{}: open for reports", of(&opening.aggregation)),
        Post::Leaves { aggregation, leaves } => {
            format!("{}: lists {} reports", of(aggregation), leaves.len())
        }
        Post::Freeze { aggregation, count, .. } => {
            format!("{}: freezes {count} reports", of(aggregation))
        }
        Post::VerifyKeyPart { aggregation, .. } => {
            format!("{}: reveals its part of the verify key", of(aggregation))
        }
        Post::Rejections { aggregation, rejections } => {
            format!("{}: rejects {} reports", of(aggregation), rejections.len())
        }
        Post::Accepted { aggregation, count, .. } => {
            format!("{}: accepts {count} reports", of(aggregation))
        }
        Post::ShareCommitment { aggregation, aggregator, .. } => {
            format!("{}: promises the share of {}", of(aggregation), whose(*aggregator))
        }
        Post::Share { aggregation, aggregator, .. } => {
            format!("{}: releases the share of {}", of(aggregation), whose(*aggregator))
        }
        Post::Outcome(outcome) => opened(of(&outcome.aggregation), outcome),
        Post::Endorse { entry } => format!("endorses {:.8}", entry.to_string()),
        Post::Loss { aggregation, lost } => {
            format!("{}: certifies that {lost} is lost", of(aggregation))
        }
        Post::RecoveryShare { aggregation, lost, .. } => {
            format!("{}: gives its share of the key of {lost}", of(aggregation))
        }
        Post::Abort { aggregation, reason } => {
            format!("{}: ends without a result: {}", of(aggregation), why(*reason))
        }
        Post::Scores { aggregation, scores } => {
            format!("{}: lists {} open scores", of(aggregation), scores.len())
        }
    }
}

fn planned(plan: &Plan) -> String {
    let mode = match plan.selection.mode {
        SelectionMode::PrivateHistogram => "",
        SelectionMode::OpenScores => ", scores in the open",
    };
    let published = match plan.scoring.published.len() {
        0 => String::new(),
        count => format!(", {count} published records"),
    };
    format!(
        "plan: {} keyholders, {} aggregations, no sum over fewer than {}{published}{mode}",
        plan.keyholders.len(),
        plan.aggregations.len(),
        plan.cohort_min
    )
}

fn opened(name: &str, outcome: &Outcome) -> String {
    let decided = match &outcome.decision {
        None => String::new(),
        Some(Decision::Threshold(asked)) => {
            let coarse = asked.coarse;
            let chance = f64::from(coarse.chance) / f64::from(u32::MAX);
            format!("; asked: above bin {}, and in it with chance {chance:.3}", coarse.bin)
        }
        Some(Decision::Ranking(ranking)) => {
            let Ranking { scores, asked } = ranking;
            return format!("{name}: ranks {} open scores; asked: the first {asked}", scores.len());
        }
    };
    format!("{name}: opens the sum over {} reports{decided}", outcome.accepted)
}

fn result(outcome: &Outcome) -> String {
    match &outcome.decision {
        Some(Decision::Ranking(ranking)) => format!("{} open scores, ranked", ranking.scores.len()),
        Some(Decision::Threshold(_)) | None => format!("a sum over {} reports", outcome.accepted),
    }
}

fn end(transcript: &Transcript, id: AggregationId) -> String {
    let name = name(transcript, id);
    let Some(sum) = transcript.sum(id) else { return name.to_owned() };
    match (sum.aborted(), sum.outcome()) {
        (Some(reason), _) => format!("{name}: no result, {}", why(reason)),
        (None, Some((entry, outcome))) if transcript.is_endorsed(entry) => {
            format!("{name}: {}, endorsed by all live keyholders", result(outcome))
        }
        (None, Some((_, outcome))) => {
            format!("{name}: {}, which not all live keyholders endorse", result(outcome))
        }
        (None, None) => format!("{name}: not opened"),
    }
}
