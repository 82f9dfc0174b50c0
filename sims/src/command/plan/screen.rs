//! A plan as an organiser reads it.

use std::io::{self, Write};

use protocol::scoring::method::Method;

use super::super::table::align;
use super::aggregates;
use crate::dataset::Dataset;
use crate::planning::Settings;
use crate::planning::aggregates::Drawn;
use crate::planning::outlook::{
    Beside, Change, Choice, Level, Outlook, Reason, Verdict, WORSE_MAX,
};
use crate::planning::report::{Expected, Report, Source};
use crate::planning::rule::{Recruits, Rule, START, Within};
use crate::planning::scenario::{Filter, GroupUse};
use crate::planning::sensitivity::{Effect, Sensitivity};
use crate::planning::simulate::{Drawing, drawing, sides};
use crate::planning::theory::{SUCCESS, Theory};
use crate::statistics::Share;

/// What is known before any simulation.
pub(super) fn rule(
    out: &mut impl Write,
    (reference, drawn): (&Dataset, Option<&Drawn>),
    source: &Source,
    settings: &Settings,
    rule: &Rule,
    expected: Expected,
) -> io::Result<()> {
    let trained = settings.trained;
    writeln!(
        out,
        "{}: {} people; the firm is taken to train on {trained} like these\n",
        reference.name,
        reference.minority.len(),
    )?;
    if let Some(drawn) = drawn {
        aggregates::show(out, drawn)?;
    }
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
    let [fewest, most] =
        [first, second].map(|flips| rule.recruits(flips, expected.compliance, expected.dropout));
    writeln!(
        out,
        "  recruit {:.0} to {:.0} members for that, {:.0}% to {:.0}% of the minority (if {:.0}% drop out before and {:.0}% of those asked flip)",
        fewest.people,
        most.people,
        100.0 * fewest.share,
        100.0 * most.share,
        100.0 * expected.dropout,
        100.0 * expected.compliance
    )?;
    writeln!(
        out,
        "  to know M_SP to a fifth of it takes {:.0} reference people of each group",
        rule.needed(0.2)
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

/// What theory promises, as a hint.
pub(super) fn theory(out: &mut impl Write, theory: &Theory, settings: &Settings) -> io::Result<()> {
    let Theory { tau, alpha, success, members, slack } = *theory;
    writeln!(
        out,
        "Theory, as a hint (a promise for infinitely many people and a firm without error)\n  \
         all else equal the group moves a minority member's chance of a positive label by {tau:.3} on average\n  \
         {:.0}% of decisions no longer depend on the group if {:.0}% of the minority join; with {:.0}% {} promised\n  \
         what {members:.0} members can know from their own data is uncertain by {slack:.2} at least\n",
        100.0 * SUCCESS,
        100.0 * alpha,
        100.0 * settings.alpha,
        if success > 0.0 {
            format!("{:.0}% are", 100.0 * success)
        } else {
            "nothing is".to_owned()
        }
    )
}

/// All else.
pub(super) fn report(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let Settings { alpha, method, target, harm, .. } = &report.settings;
    if report.rule.full.value > 0.0 {
        writeln!(
            out,
            "Simulated campaigns: {:.0}% of the minority join, who is asked is by {method}.\n\
             P(target): EqOd falls by {:.0}% or more. P(worse): it rises by more than {harm}.\n\
             8 of 10: from the tenth to the ninetieth percentile of campaigns among these people.\n\
             One campaign: 19 of 20 campaigns among other people of the kind change EqOd by that much.",
            100.0 * alpha,
            100.0 * target,
        )?;
        for outlook in &report.outlooks {
            write!(out, "\n{}", scenario(outlook, &report.settings))?;
        }
        writeln!(out)?;
    }
    verdict(out, report)?;
    if let Some(of) = &report.sensitivity {
        scores(out, report, of.budget)?;
        sensitivity(out, of)?;
    }
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
    writeln!(out, "  two audits of the same people need fewer")?;
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

fn scenario(outlook: &Outlook, settings: &Settings) -> String {
    let mut header = [
        "M",
        "of M_SP",
        "flips",
        "P(target)",
        "P(worse)",
        "EqOd",
        "8 of 10",
        "one campaign",
        "error",
        "of majority",
        "of minority",
    ]
    .map(str::to_owned)
    .to_vec();
    let beside = settings.beside();
    header.extend(beside.iter().map(|&method| match method {
        Method::Random => "EqOd at random".to_owned(),
        Method::RbProb | Method::RbLabel | Method::RbDist => format!("EqOd by {method}"),
    }));
    let filters = outlook.scenario.filter != Filter::Nothing;
    header.extend(filters.then(|| "caught".to_owned()));
    let mut rows = vec![header];
    for level in &outlook.levels {
        let Change { tenth, ninetieth, predicted: Within { low, high, .. }, .. } = level.change;
        let [majority, minority] = level.group_error;
        let mut row = vec![
            level.budget.to_string(),
            format!("{}", level.share),
            format!("{:.0}", level.flips),
            percent(level.met),
            percent(level.worse),
            signed(level.change.mean),
            format!("{} to {}", signed(tenth), signed(ninetieth)),
            format!("{} to {}", signed(low), signed(high)),
            signed(level.error),
            signed(majority),
            signed(minority),
        ];
        row.extend(beside.iter().map(|&method| {
            let other = other(level, method);
            other.map_or_else(|| "-".to_owned(), |other| signed(other.change))
        }));
        row.extend(filters.then(|| format!("{:.0}%", 100.0 * level.caught)));
        rows.push(row);
    }
    format!(
        "{}: EqOd {:.3}, error {:.3} without a campaign; {} campaigns simulated\n{}",
        outlook.scenario.words(),
        outlook.eqod_before,
        outlook.error_before,
        outlook.replicates,
        indented(&align(&rows)) + &left_out(&outlook.left_out)
    )
}

fn other(level: &Level, method: Method) -> Option<&Beside> {
    level.beside.iter().find(|other| other.method == method)
}

fn left_out(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |text, line| text + "  could not be simulated: " + line + "\n")
}

/// The other scores beside the planned one, for one M.
fn scores(out: &mut impl Write, report: &Report, budget: usize) -> io::Result<()> {
    let Settings { method, .. } = report.settings;
    let beside = report.settings.beside();
    writeln!(
        out,
        "\nScores side by side for M = {budget}: mean change of EqOd; in brackets, by how much it differs from that by {method}\n\
         among the same people (95% interval of the mean)"
    )?;
    let header = std::iter::once(&method).chain(&beside).map(|method| method.word().to_owned());
    let mut rows = vec![std::iter::once(String::new()).chain(header).collect()];
    for outlook in &report.outlooks {
        let Some(level) = outlook.levels.iter().find(|level| level.budget == budget) else {
            continue;
        };
        let cell = |&method: &Method| {
            other(level, method).map_or_else(
                || "-".to_owned(),
                |Beside { change, beyond: Within { low, high, .. }, .. }| {
                    format!("{} ({} to {})", signed(*change), signed(*low), signed(*high))
                },
            )
        };
        let first = [outlook.scenario.words(), signed(level.change.mean)];
        rows.push(first.into_iter().chain(beside.iter().map(cell)).collect());
    }
    write!(out, "{}", indented(&align(&rows)))
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

/// How the verdict's M fares if an assumption does not hold.
fn sensitivity(out: &mut impl Write, of: &Sensitivity) -> io::Result<()> {
    let row = |word: String, effect: &Effect| {
        let Within { value, low, high } = effect.change;
        let change = format!("{} ({} to {})", signed(value), signed(low), signed(high));
        vec![word, change, percent(effect.met), percent(effect.worse)]
    };
    writeln!(
        out,
        "\nWhat matters most for M = {}: assumed is {}; one assumption is changed at a time",
        of.budget,
        of.scenario.words()
    )?;
    let header = ["", "EqOd (95% interval)", "P(target)", "P(worse)"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.push(row("as assumed".to_owned(), &of.expected));
    for assumption in &of.assumptions {
        rows.push(vec![assumption.name.clone()]);
        let changed = assumption.settings.iter();
        rows.extend(changed.map(|(word, effect)| row(format!("  {word}"), effect)));
    }
    write!(out, "{}", indented(&align(&rows)))?;
    write!(out, "{}", left_out(&of.left_out))
}

/// What the group is called: its column, where that is known.
fn group_word(source: &Source) -> String {
    match source {
        Source::File { group, .. } => format!("\"{}\"", group.column),
        Source::Dataset(_) | Source::Aggregates(_) => "the group".to_owned(),
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
