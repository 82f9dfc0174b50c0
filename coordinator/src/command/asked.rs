//! `init` without a file: every answer is checked at once, and asked again if it cannot stand.

use std::{fmt::Display, str::FromStr as _};

use host::{Problem, dates, screen::Screen};
use protocol::{
    campaign::{COHORT_FLOOR, Draft, TEXT_BYTES_MAX, outline::Schedule},
    invite::Address,
    keys::vss::{SEATS_MAX, SeatCounts, Sharing},
    roles::Time,
};

use crate::{
    campaign::{self, CampaignFile, STATEMENT_CHARS_MIN, file::FeatureText},
    notices::Concern,
};

/// Everything that the example has, asked; what is not asked is the example's. What a simulation has settled stands.
pub(super) fn asked(
    screen: &mut Screen,
    planned: Option<Draft>,
    now: Time,
) -> Result<CampaignFile, Problem> {
    let mut file = CampaignFile::example()?;
    if let Some(draft) = &planned {
        screen.note(format!(
            "`sims plan` has settled: {} flips wanted, at most {} people asked, {} features. Recruit at least {} members.",
            draft.rule.flip_budget,
            draft.rule.safe_cap,
            draft.schema.features().len(),
            draft.recruit
        ));
        (file.selection, file.feature) = (campaign::file::Selection::default(), Vec::new());
    }
    file.organiser.name = text(screen, "Who organises it? A name people know:")?;
    file.organiser.contact = text(screen, "How can people reach you?")?;
    file.server.address =
        until(screen, "Host and UDP port of this machine, such as vote.example:4433:", |answer| {
            let address = Address::from_str(answer).map_err(|error| error.to_string());
            address.map(|_| answer.to_owned())
        })?;
    file.texts.purpose = text(screen, "What is it for?")?;
    file.texts.firm = text(screen, "Which firm's classifier is it about?")?;
    file.texts.group = text(screen, "Who counts as the minority?")?;
    file.texts.label = text(screen, "What is the positive label?")?;
    file.honesty.statement =
        until(screen, "What is reported, to whom and under which terms?", statement)?;
    concerns(screen, &mut file)?;
    keyholders(screen, &mut file)?;
    people(screen, &mut file, planned.is_some())?;
    times(screen, &mut file, now)?;
    if planned.is_none() {
        features(screen, &mut file)?;
    }
    file.planned = planned;
    Ok(file)
}

/// Asks until an answer can stand.
fn until<T>(
    screen: &mut Screen,
    question: impl Display,
    check: impl Fn(&str) -> Result<T, String>,
) -> Result<T, Problem> {
    loop {
        let answer = screen.ask(&question)?;
        match check(&answer) {
            Ok(good) => return Ok(good),
            Err(why) => screen.note(format!("\"{answer}\": {why}.")),
        }
    }
}

fn some_text(answer: &str) -> Result<String, String> {
    match answer.len() {
        0 => Err("nothing was typed".to_owned()),
        len if len > TEXT_BYTES_MAX => {
            Err(format!("{len} bytes; allowed: at most {TEXT_BYTES_MAX}"))
        }
        _ => Ok(answer.to_owned()),
    }
}

fn text(screen: &mut Screen, question: impl Display) -> Result<String, Problem> {
    until(screen, question, some_text)
}

fn statement(answer: &str) -> Result<String, String> {
    let chars = answer.chars().count();
    if chars < STATEMENT_CHARS_MIN {
        return Err(format!("{chars} characters; allowed: at least {STATEMENT_CHARS_MIN}"));
    }
    some_text(answer)
}

/// A number from `least` to `most`; an empty line is `usual`.
fn number(
    screen: &mut Screen,
    question: &str,
    usual: u32,
    [least, most]: [u32; 2],
) -> Result<u32, Problem> {
    let usual = usual.clamp(least, most);
    until(screen, format!("{question} [{usual}]"), |answer| match answer.parse() {
        _ if answer.is_empty() => Ok(usual),
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        Ok(_) | Err(_) if most == u32::MAX => {
            Err(format!("allowed: whole numbers from {least} on"))
        }
        Ok(_) | Err(_) => Err(format!("allowed: whole numbers from {least} to {most}")),
    })
}

fn concerns(screen: &mut Screen, file: &mut CampaignFile) -> Result<(), Problem> {
    screen.note("Which of these has the label to do with? Any of them is refused without a written statement.");
    for concern in Concern::ALL {
        screen.note(format!("  {:<16} {}", concern.word(), concern.words()));
    }
    file.honesty.concerns =
        until(screen, "Their words, with commas between them, or nothing:", |answer| {
            let words = answer.split(',').map(str::trim).filter(|word| !word.is_empty());
            let known = |word: &str| Concern::ALL.into_iter().find(|of| of.word() == word);
            words
                .map(|word| known(word).ok_or_else(|| format!("\"{word}\" is none of these")))
                .collect()
        })?;
    if file.honesty.concerns.is_empty() {
        return Ok(());
    }
    let question =
        "Who has advised, and why is nobody made to say anything false? An empty line ends here:";
    file.honesty.concerns_statement = until(screen, question, |answer| {
        if answer.is_empty() { Ok(None) } else { statement(answer).map(Some) }
    })?;
    // Nothing more is asked for a label that is refused.
    file.check_honesty()
}

fn keyholders(screen: &mut Screen, file: &mut CampaignFile) -> Result<(), Problem> {
    let seats_max = u32::from(SEATS_MAX);
    let count = number(screen, "How many keyholders?", 5, [3, seats_max])?;
    let example = file.keyholder.first().cloned();
    file.keyholder.clear();
    let mut own = 0;
    for seat in 1..=count {
        let Some(mut keyholder) = example.clone() else { break };
        keyholder.name = text(screen, format!("Keyholder {seat}: name?"))?;
        keyholder.contact = text(screen, format!("Keyholder {seat}: public contact?"))?;
        let organiser = file.organiser.name.clone();
        let question = format!("Keyholder {seat}: named by which group?");
        keyholder.named_by = until(screen, question, |answer| {
            let named = some_text(answer)?;
            if named == organiser && 2 * (own + 1) > count {
                return Err("at most half of the keyholders may be named by the organiser".into());
            }
            Ok(named)
        })?;
        keyholder.organisers_own = keyholder.named_by == file.organiser.name;
        own += u32::from(keyholder.organisers_own);
        file.keyholder.push(keyholder);
    }
    let seats = u8::try_from(count).unwrap_or(SEATS_MAX);
    let usual = if seats > 3 { seats - 1 } else { 0 };
    let question = format!("How many of them recover a lost one? (0: none can be lost) [{usual}]");
    file.privacy.recovery_threshold = until(screen, question, |answer| {
        let threshold = if answer.is_empty() { Ok(usual) } else { answer.parse() };
        let possible =
            |of: &u8| *of == 0 || Sharing::new(SeatCounts { seats, threshold: *of }).is_ok();
        let threshold = threshold.ok().filter(possible);
        threshold.ok_or_else(|| format!("allowed: 0, or 2 to {}", seats - 1))
    })?;
    Ok(())
}

fn people(screen: &mut Screen, file: &mut CampaignFile, planned: bool) -> Result<(), Problem> {
    let from = |least: u32| [least, u32::MAX];
    let cohort = number(
        screen,
        "No sum over fewer people is opened:",
        file.privacy.cohort,
        from(COHORT_FLOOR),
    )?;
    file.privacy.cohort = cohort;
    file.people.donors =
        number(screen, "How many donors do you expect?", file.people.donors, from(cohort))?;
    file.people.reporters_max = number(
        screen,
        "How many people can report at most?",
        file.people.reporters_max,
        from(file.people.donors.max(cohort)),
    )?;
    if planned {
        return Ok(());
    }
    let selection = &mut file.selection;
    let usual = selection.flip_budget.unwrap_or(1);
    let budget = number(screen, "How many flips are wanted? (from `sims plan`)", usual, from(1))?;
    let usual = selection.safe_cap.unwrap_or(budget);
    let cap = number(screen, "How many people may be asked at most?", usual, from(budget))?;
    (selection.flip_budget, selection.safe_cap) = (Some(budget), Some(cap));
    Ok(())
}

fn times(screen: &mut Screen, file: &mut CampaignFile, now: Time) -> Result<(), Problem> {
    screen.note("Times are \"in 3 days\" from now, or such as 2026-12-01T18:00:00+01:00; spans are \"2 days\", \"6 h\".");
    let moment = |screen: &mut Screen, question: &str, usual: &str, after: Time| {
        until(screen, format!("{question} [{usual}]"), |answer| {
            let answer = if answer.is_empty() { usual } else { answer };
            match dates::parse_moment(answer, now) {
                Ok(time) if time > after => Ok((answer.to_owned(), time)),
                Ok(_) => Err("that is too early".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        })
    };
    let times = &mut file.times;
    let (issue_closes, issued) =
        moment(screen, "Until when are tokens issued?", &times.issue_closes, now)?;
    let (enrolment_closes, _) =
        moment(screen, "When does enrolment close?", &times.enrolment_closes, issued)?;
    (times.issue_closes, times.enrolment_closes) = (issue_closes, enrolment_closes);
    let (collecting, collecting_millis) =
        span(screen, "How long does each collection last?", &times.collecting, u64::MAX)?;
    let (closing, closing_millis) =
        span(screen, "How long may opening a sum take?", &times.closing, u64::MAX)?;
    let schedule =
        Schedule { enrolment_closes: now, collecting_millis, closing_millis, audit_after: None };
    let below = match file.privacy.recovery_threshold {
        0 => u64::MAX,
        _ => schedule.patience_below_millis(),
    };
    let question = "How long may a keyholder be silent before it can be declared lost?";
    let (patience, _) = span(screen, question, &times.patience, below)?;
    (times.collecting, times.closing, times.patience) = (collecting, closing, patience);
    Ok(())
}

/// A span as it was typed, and in milliseconds.
fn span(
    screen: &mut Screen,
    question: &str,
    usual: &str,
    below: u64,
) -> Result<(String, u64), Problem> {
    until(screen, format!("{question} [{usual}]"), |answer| {
        let answer = if answer.is_empty() { usual } else { answer };
        match dates::parse_span(answer) {
            Ok(0) => Err("allowed: more than nothing".to_owned()),
            Ok(millis) if millis >= below => {
                Err(format!("allowed: less than {}", dates::span(below)))
            }
            Ok(millis) => Ok((answer.to_owned(), millis)),
            Err(error) => Err(error.to_string()),
        }
    })
}

fn features(screen: &mut Screen, file: &mut CampaignFile) -> Result<(), Problem> {
    screen.note(
        "What a record holds: one TOML table for each feature, as in the example, without [[feature]]. For instance:\n  \
         name = \"age\", unit = \"years\", kind = \"numeric\", min = 18, max = 100\nAn empty line ends the list.",
    );
    file.feature.clear();
    loop {
        let line = screen.ask(format!("Feature {}:", file.feature.len() + 1))?;
        if line.is_empty() && !file.feature.is_empty() {
            return Ok(());
        }
        let parsed: Result<Line, _> = toml::from_str(&format!("feature = {{ {line} }}"));
        let text = match parsed {
            Ok(Line { feature }) => feature,
            Err(error) => {
                screen.note(error.message());
                continue;
            }
        };
        let mut all = file.feature.clone();
        all.push(text);
        match campaign::schema_of(&all) {
            Ok(_) => file.feature = all,
            Err(problem) => screen.note(problem.what),
        }
    }
}

#[derive(serde::Deserialize)]
struct Line {
    feature: FeatureText,
}
