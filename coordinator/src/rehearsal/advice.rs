//! What to correct in the campaign's file, from what was played.

use protocol::{
    campaign::{CheckedPlan, SelectionMode},
    roles::Time,
    selection::open_scores::OPEN_SCORES_BELOW,
};

use super::{Advice, Rehearsal, Run, Scenario, SumPlayed};
use crate::campaign::CampaignFile;

const HOUR_MILLIS: u64 = 3_600_000;
/// People look once a day, and not every day.
const COLLECTING_MILLIS: u64 = 24 * HOUR_MILLIS;
/// Somebody who holds a key sleeps, and must be called before it is declared lost.
const PATIENCE_MILLIS: u64 = 10 * HOUR_MILLIS;
/// Keyholders must all have joined, and everybody must have been invited, within this.
const ISSUE_MILLIS: u64 = 72 * HOUR_MILLIS;

pub(super) fn of(
    rehearsal: &Rehearsal,
    file: &CampaignFile,
    plan: &CheckedPlan,
    now: Time,
) -> Vec<Advice> {
    let mut advice = Vec::new();
    for run in &rehearsal.runs {
        match run.scenario {
            Scenario::AsPlanned => {
                faulty(run, &mut advice);
                failed(run, &mut advice);
                asked(run, plan, rehearsal, &mut advice);
            }
            Scenario::KeyholderLost if rehearsal.losses_max == 0 => advice.push(consider(
                "privacy.recovery_threshold",
                "0 means that no keyholder can be lost: one broken machine ends the campaign. With five keyholders, 4 lets \
                 one be lost.",
            )),
            Scenario::KeyholderLost if !run.is_whole() => advice.push(must(
                "times.patience",
                "a lost keyholder, although one may be lost, leaves a sum without a result: collections are over before \
                 the others have waited. Make patience shorter, or collecting and closing longer.",
            )),
            Scenario::KeyholderLost | Scenario::TooFewMembers | Scenario::TooManyMembers => {}
        }
    }
    came(rehearsal, file, &mut advice);
    agreed(plan, &mut advice);
    times(plan, now, &mut advice);
    advice.sort_by_key(|advice| !advice.must);
    advice
}

fn must(key: &str, what: impl Into<String>) -> Advice {
    Advice { must: true, key: key.into(), what: what.into() }
}

fn consider(key: &str, what: impl Into<String>) -> Advice {
    Advice { must: false, key: key.into(), what: what.into() }
}

fn faulty(run: &Run, advice: &mut Vec<Advice>) {
    for SumPlayed { kind, faulty, .. } in run.sums.iter().filter(|sum| sum.faulty > 0) {
        advice.push(must(
            "feature",
            format!(
                "{faulty} people cannot report to {kind}, as their records do not fit what it sums."
            ),
        ));
    }
}

/// The first sum that has no result if all goes as planned; what depends on it has none either.
fn failed(run: &Run, advice: &mut Vec<Advice>) {
    let failed = run.sums.iter().find_map(|sum| Some((sum, sum.aborted.as_ref()?)));
    let Some((SumPlayed { kind, open_scores, .. }, why)) = failed else { return };
    let key = match kind.as_str() {
        _ if *open_scores => "selection.mode",
        "scale" | "neighbours" | "regressor" => "people.donors",
        _ => "privacy.cohort",
    };
    let instead = if *open_scores {
        "Write mode = \"histogram\", with a cohort that they reach."
    } else {
        "Bring more people, or make the cohort smaller."
    };
    advice.push(must(
        key,
        format!(
            "{kind} has no result with {} members and {} donors: {why}. {instead}",
            run.members, run.donors
        ),
    ));
}

fn asked(run: &Run, plan: &CheckedPlan, rehearsal: &Rehearsal, advice: &mut Vec<Advice>) {
    let Some(asked) = run.asked else { return };
    let wanted = usize::try_from(rehearsal.flip_budget).unwrap_or(usize::MAX);
    let selection = run.sums.iter().find(|sum| sum.kind == "selection");
    let sigma = selection.map_or(0, |SumPlayed { sigma_milli, .. }| *sigma_milli);
    let cap = usize::try_from(plan.selection.rule.safe_cap).unwrap_or(usize::MAX);
    if asked.candidates < wanted {
        let instead = if plan.selection.mode == SelectionMode::PrivateHistogram {
            "Recruit more, or want fewer.".to_owned()
        } else {
            format!("Want fewer: scores are open for fewer than {OPEN_SCORES_BELOW} members only.")
        };
        advice.push(must(
            "selection.flip_budget",
            format!(
                "{wanted} flips are wanted, but of {} made-up members only {} have the negative label. {instead}",
                run.members, asked.candidates
            ),
        ));
    } else if asked.asked > cap {
        advice.push(consider(
            "selection.safe_cap",
            format!(
                "{} people were asked, above the cap of {cap}: noise can do that.",
                asked.asked
            ),
        ));
    } else if sigma > 0 && asked.willing * 4 < wanted * 3 {
        advice.push(consider(
            "selection.safe_cap",
            format!(
                "{} of the {wanted} flips that are wanted happen: the cap of {cap} is kept in spite of noise of {:.1} people \
                 in each score bin. A larger cohort, fewer bins or a larger cap bring more.",
                asked.willing,
                f64::from(sigma) / 1_000.0
            ),
        ));
    }
}

fn came(rehearsal: &Rehearsal, file: &CampaignFile, advice: &mut Vec<Advice>) {
    let Some(run) = rehearsal.runs.first() else { return };
    let all = run.members + run.donors;
    let most = usize::try_from(file.people.reporters_max).unwrap_or(usize::MAX);
    if file.visits.audits && all > most {
        advice.push(must(
            "people.reporters_max",
            format!("{all} people come and everybody reports in an audit, but only {most} can."),
        ));
    }
    if let Some(refusal) = &run.refusal {
        advice.push(must(
            "privacy.epsilon",
            format!("nobody takes part, as people's programs refuse it: {refusal}."),
        ));
    }
}

/// What people must accept in words that they type, and may not.
fn agreed(plan: &CheckedPlan, advice: &mut Vec<Advice>) {
    if plan.enumerated().any(|(id, of)| of.noise.is_none() && !plan.has_open_scores(id)) {
        advice.push(consider(
            "privacy.noise",
            "everybody in a sum without noise must first type that a count of one may be them; some will rather leave.",
        ));
    }
    if plan.selection.mode == SelectionMode::OpenScores {
        advice.push(consider(
            "selection.mode",
            format!(
                "each member must first type that others may see its score; some will rather leave. From {OPEN_SCORES_BELOW} \
                 members on, nobody has to: mode = \"histogram\", with a cohort that they reach."
            ),
        ));
    }
}

fn times(plan: &CheckedPlan, now: Time, advice: &mut Vec<Advice>) {
    let short = plan.aggregations.iter().map(|of| of.closes.as_millis() - of.opens.as_millis());
    if short.min().is_some_and(|millis| millis < COLLECTING_MILLIS) {
        advice.push(consider(
            "times.collecting",
            "less than a day: people who look once a day miss a sum, and are then not in it.",
        ));
    }
    if plan.patience_millis < PATIENCE_MILLIS && plan.lost_max() > 0 {
        advice.push(consider(
            "times.patience",
            "less than 10 h: a keyholder that sleeps can be declared lost, and is then out of that sum.",
        ));
    }
    let issue = plan.issue.map_or(plan.enrolment_closes, |issue| issue.closes);
    if issue.as_millis().saturating_sub(now.as_millis()) < ISSUE_MILLIS {
        advice.push(consider(
            "times.issue_closes",
            "less than three days: until then all keyholders must have joined and everybody must have been invited and have \
             answered.",
        ));
    }
}
