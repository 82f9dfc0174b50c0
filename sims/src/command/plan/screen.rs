//! A plan as an organiser reads it.

use std::io::{self, Write};

use super::super::table::align;
use crate::dataset::Dataset;
use crate::planning::Settings;
use crate::planning::outlook::{Choice, Outlook, Reason, Verdict, WORSE_MAX};
use crate::planning::report::{Report, Source};
use crate::planning::rule::{Recruits, Rule, START, Within};
use crate::planning::scenario::GroupUse;
use crate::planning::simulate::{Drawing, drawing, sides};
use crate::statistics::Share;

/// What is known before any simulation.
pub(super) fn rule(
    out: &mut impl Write,
    reference: &Dataset,
    source: &Source,
    settings: &Settings,
    rule: &Rule,
) -> io::Result<()> {
    let trained = settings.trained;
    writeln!(
        out,
        "{}: {} people; the firm is taken to train on {trained} like these\n",
        reference.name,
        reference.minority.len(),
    )?;
    let mut rows =
        vec![["", "people", "positive labels (95% interval)"].map(str::to_owned).to_vec()];
    for (name, base) in ["majority", "minority"].into_iter().zip(rule.groups) {
        let Share { value, low, high } = base.positive;
        rows.push(vec![name.to_owned(), base.people.to_string(), within(value, low, high)]);
    }
    let Within { value, low, high } = rule.gap;
    rows.push(vec!["gap".to_owned(), String::new(), within(value, low, high)]);
    write!(out, "{}", align(&rows))?;
    if rule.full.value <= 0.0 {
        return writeln!(out, "\nThe minority has no lower share of positive labels here.");
    }
    let Within { value, low, high } = rule.full;
    let [first, second] = START.map(|share| rule.flips(share));
    writeln!(
        out,
        "\nRule of thumb\n  \
         M_SP, as many flips as would level the labels: {value:.0} ({low:.0} to {high:.0})\n  \
         start with M between {first} and {second}; above {value:.0} only if you know that the firm does not use {}",
        group_word(source)
    )?;
    if low <= 0.0 {
        writeln!(out, "  the gap may be chance: use a larger reference before you plan anything")?;
    }
    if matches!(drawing(reference, trained), Drawing::Resampled { .. }) {
        let pool = sides(reference).0;
        writeln!(
            out,
            "  the firm trains on more people than the reference can give ({pool}): they are drawn repeatedly"
        )?;
    }
    writeln!(out)
}

/// All else.
pub(super) fn report(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let Settings { alpha, method, target, harm, .. } = &report.settings;
    if report.rule.full.value > 0.0 {
        writeln!(
            out,
            "Simulated campaigns: {:.0}% of the minority join, who is asked is by {method}.\n\
             P(target): EqOd falls by {:.0}% or more. P(worse): it rises by more than {harm}.\n\
             One campaign: 19 of 20 campaigns change EqOd by that much.",
            100.0 * alpha,
            100.0 * target,
        )?;
        for outlook in &report.outlooks {
            write!(out, "\n{}", scenario(outlook))?;
        }
        writeln!(out)?;
    }
    verdict(out, report)?;
    writeln!(
        out,
        "\nWhat an audit can show (8 of 10 times, at 5%): decisions needed from each group with each true label"
    )?;
    let mut rows = vec![
        ["difference of a rate", "a gap, once", "a change, two audits"].map(str::to_owned).to_vec(),
    ];
    for audit in &report.audits {
        let difference = format!("{:.3}", f64::from(audit.milli) / 1_000.0);
        rows.push(vec![difference, audit.gap.to_string(), audit.change.to_string()]);
    }
    write!(out, "{}", indented(&align(&rows)))?;
    writeln!(
        out,
        "\nplan {} · seed {} · reference sha-256 {}.. · sims {} {}",
        report.config,
        report.settings.seed,
        &report.fingerprint[..12.min(report.fingerprint.len())],
        report.version,
        report.revision
    )
}

fn scenario(outlook: &Outlook) -> String {
    let header = [
        "M",
        "of M_SP",
        "flips",
        "P(target)",
        "P(worse)",
        "EqOd",
        "one campaign",
        "error",
        "of majority",
        "of minority",
        "EqOd at random",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for level in &outlook.levels {
        let Within { low, high, .. } = level.change.predicted;
        let [majority, minority] = level.group_error;
        rows.push(vec![
            level.budget.to_string(),
            format!("{}", level.share),
            format!("{:.0}", level.flips),
            percent(level.met),
            percent(level.worse),
            signed(level.change.mean),
            format!("{} to {}", signed(low), signed(high)),
            signed(level.error),
            signed(majority),
            signed(minority),
            signed(level.random),
        ]);
    }
    format!(
        "{}: EqOd {:.3}, error {:.3} without a campaign; {} campaigns simulated\n{}",
        outlook.scenario.words(),
        outlook.eqod_before,
        outlook.error_before,
        outlook.replicates,
        indented(&align(&rows))
    )
}

fn verdict(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let Settings { target, confidence, .. } = report.settings;
    let group = group_word(&report.source);
    match &report.verdict {
        Verdict::Run(choice) => {
            writeln!(
                out,
                "Recommended: M = {} ({} x M_SP). {}.",
                choice.budget,
                choice.share,
                odds(choice, "every scenario above", target)
            )?;
            recruits(out, report)
        }
        Verdict::OnlyIfGroupIsUsed(choice) => {
            let hidden = report.outlooks.iter().filter(|o| o.scenario.group == GroupUse::Unused);
            let most = hidden
                .flat_map(|outlook| &outlook.levels)
                .map(|level| level.met.value)
                .fold(0.0, f64::max);
            writeln!(
                out,
                "Do not run, unless the firm's model uses {group}: where it does not, P(target) is {:.0}% at most.\n\
                 If you know that it does: M = {} ({} x M_SP). {}. Plan again with --group-use used.",
                100.0 * most,
                choice.budget,
                choice.share,
                odds(choice, "every scenario that uses it", target)
            )?;
            recruits(out, report)
        }
        Verdict::DoNotRun { reason } => match reason {
            Reason::NoGap => writeln!(
                out,
                "Do not run: by this reference the minority is not worse off, so there is nothing to level."
            ),
            Reason::Harm => writeln!(
                out,
                "Do not run: every M makes EqOd worse in more than {:.0}% of campaigns in some scenario.",
                100.0 * WORSE_MAX
            ),
            Reason::Target => writeln!(
                out,
                "Do not run: no harmless M has P(target) of {:.0}% in every scenario.",
                100.0 * confidence
            ),
        },
    }
}

fn odds(choice: &Choice, scenarios: &str, target: f64) -> String {
    format!(
        "In {scenarios} EqOd falls by {:.0}% or more in {:.0}% of campaigns, and gets worse in at most {:.0}%",
        100.0 * target,
        100.0 * choice.met,
        100.0 * choice.worse
    )
}

fn recruits(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let Some(Recruits { people, share }) = report.recruits else { return Ok(()) };
    let expected = report.expected;
    writeln!(
        out,
        "Recruit at least {people:.0} members, {:.0}% of the minority that the firm trains on (if {:.0}% drop out before and {:.0}% of those asked flip).",
        100.0 * share,
        100.0 * expected.dropout,
        100.0 * expected.compliance
    )?;
    let alpha = report.settings.alpha;
    if share > 1.0 {
        writeln!(out, "That is more people than there are: this M is out of reach.")?;
    } else if share > alpha {
        writeln!(
            out,
            "That is more than the {:.0}% the simulation let join; plan again with --alpha {share:.2}.",
            100.0 * alpha
        )?;
    }
    Ok(())
}

/// What the group is called: its column, where that is known.
fn group_word(source: &Source) -> String {
    match source {
        Source::File { group, .. } => format!("\"{}\"", group.column),
        Source::Dataset(_) => "the group".to_owned(),
    }
}

fn within(value: f64, low: f64, high: f64) -> String {
    format!("{value:.3} ({low:.3} to {high:.3})")
}

fn percent(share: Share) -> String {
    format!("{:.0}%", 100.0 * share.value)
}

fn signed(value: f64) -> String {
    format!("{value:+.3}")
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |text, line| text + "  " + line + "\n")
}
