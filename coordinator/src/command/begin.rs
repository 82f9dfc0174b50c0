//! `init`: from a file, or from answers, to a plan.

use std::fmt::Display;

use host::{Problem, dates, screen::Screen};
use protocol::{exit::Exit, roles::coordinator::Coordinator};
use serde::Serialize;
use std::collections::BTreeMap;

use crate::{
    campaign::{self, CampaignFile, Keys},
    cli,
    notices::{BEFORE, Concern},
    state::{Secrets, State},
    status::word,
};

/// What is typed to go on.
const READ: &str = "I have read this";

#[derive(Serialize)]
struct Made<'a> {
    plan: String,
    state: &'a str,
    certificate: String,
    keyholders: usize,
}

pub(super) fn init(
    state: &State,
    options: &cli::Init,
    screen: &mut Screen,
) -> Result<Exit, Problem> {
    if options.example {
        screen.say(campaign::EXAMPLE.trim_end());
        return Ok(Exit::Done);
    }
    if state.journal().exists() {
        let what = format!("{} holds a campaign already.", state.folder().display());
        return Err(Problem::new(Exit::Io, "STATE_EXISTS", what)
            .safe("It was left as it is.")
            .next("Go on with it: coordinator run. Or name another folder with --state."));
    }
    let mut file = options.from.as_deref().map(campaign::read).transpose()?;
    screen.note(BEFORE);
    for notice in file.iter().flat_map(CampaignFile::in_the_open) {
        screen.note(format!("In the open: {notice}\n"));
    }
    if !options.notices_read && !screen.agrees(format!("Type \"{READ}\" to go on:"), READ)? {
        return Err(Problem::new(Exit::Declined, "DECLINED", "You did not go on.")
            .safe("Nothing was made."));
    }
    let file = match file.take() {
        Some(file) => file,
        None => asked(screen)?,
    };
    let address = file.address()?;
    let now = dates::now();
    let secrets = Secrets::generate(address)?;
    let keys = Keys { organiser: secrets.organiser().public(), issuer: secrets.issuer().public() };
    let plan = file.plan(keys, now)?;
    let begun = Coordinator::new(&plan, secrets.configuration(BTreeMap::new()), now);
    let (_, records) =
        begun.map_err(|error| Problem::bug(format!("The plan cannot begin: {error}.")))?;
    state.create(&secrets, &records)?;

    let zone = dates::zone();
    let folder = state.folder().display().to_string();
    let fingerprint = secrets.identity().fingerprint();
    let certificate =
        fingerprint.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let mut words = vec![
        format!("plan        {}", plan.id()),
        format!("state       {folder} (only you can read it; back it up)"),
        format!("certificate {certificate}"),
    ];
    for of in &plan.aggregations {
        let [opens, closes] = [of.opens, of.closes].map(|time| dates::moment(time, &zone));
        words.push(format!("  {:<13} {opens} to {closes}", word(of.kind)));
    }
    words.push(format!("Next: coordinator invite --keyholder --out keyholders.txt, then coordinator run. Tell the {} keyholders the plan's hash by voice.", plan.seats()));
    let made = Made {
        plan: plan.id().to_string(),
        state: &folder,
        certificate,
        keyholders: plan.keyholders.len(),
    };
    screen.event("made", &made, words.join("\n"));
    Ok(Exit::Done)
}

/// Everything that the example has, asked; what is not asked is the example's.
fn asked(screen: &mut Screen) -> Result<CampaignFile, Problem> {
    let mut file = campaign::parse(campaign::EXAMPLE)?;
    let mut ask = |question: &str, to: &mut String| -> Result<(), Problem> {
        *to = loop {
            let answer = screen.ask(question)?;
            if !answer.is_empty() {
                break answer;
            }
        };
        Ok(())
    };
    ask("Who organises it? A name people know:", &mut file.organiser.name)?;
    ask("How can people reach you?", &mut file.organiser.contact)?;
    ask("Host and UDP port of this machine, such as vote.example:4433:", &mut file.server.address)?;
    file.address()?;
    ask("What is it for?", &mut file.texts.purpose)?;
    ask("Which firm's classifier is it about?", &mut file.texts.firm)?;
    ask("Who counts as the minority?", &mut file.texts.group)?;
    ask("What is the positive label?", &mut file.texts.label)?;
    ask("What is reported, to whom and under which terms?", &mut file.honesty.statement)?;
    concerns(screen, &mut file)?;
    keyholders(screen, &mut file)?;
    file.privacy.cohort =
        number(screen, "No sum over fewer people is opened (12 at least)", file.privacy.cohort)?;
    file.people.donors = number(screen, "How many donors do you expect?", file.people.donors)?;
    file.people.reporters_max =
        number(screen, "How many people can report at most?", file.people.reporters_max)?;
    file.selection.flip_budget = number(
        screen,
        "How many flips are wanted? (from `sims plan`)",
        file.selection.flip_budget,
    )?;
    file.selection.safe_cap =
        number(screen, "How many people may be asked at most?", file.selection.safe_cap)?;
    for (question, to) in [
        ("Until when are tokens issued?", &mut file.times.issue_closes),
        ("When does enrolment close?", &mut file.times.enrolment_closes),
        ("How long does each collection last?", &mut file.times.collecting),
    ] {
        let answer = screen.ask(format!("{question} [{to}]"))?;
        if !answer.is_empty() {
            *to = answer;
        }
    }
    features(screen, &mut file)?;
    Ok(file)
}

fn number<T: Display + std::str::FromStr + Copy>(
    screen: &mut Screen,
    question: &str,
    usual: T,
) -> Result<T, Problem> {
    loop {
        let answer = screen.ask(format!("{question} [{usual}]"))?;
        match answer.parse() {
            _ if answer.is_empty() => return Ok(usual),
            Ok(number) => return Ok(number),
            Err(_) => screen.note(format!("\"{answer}\" is no such number.")),
        }
    }
}

fn concerns(screen: &mut Screen, file: &mut CampaignFile) -> Result<(), Problem> {
    screen.note("Which of these has the label to do with? Any of them is refused without a written statement.");
    for concern in Concern::ALL {
        screen.note(format!("  {:<16} {}", concern.word(), concern.words()));
    }
    let answer = screen.ask("Their words, with commas between them, or nothing:")?;
    let words = answer.split(',').map(str::trim).filter(|word| !word.is_empty());
    for word in words {
        let concern = Concern::ALL.into_iter().find(|of| of.word() == word).ok_or_else(|| {
            Problem::new(Exit::Usage, "CONCERN", format!("\"{word}\" is none of these."))
                .safe("Nothing was made.")
        })?;
        file.honesty.concerns.push(concern);
    }
    if !file.honesty.concerns.is_empty() {
        let statement =
            screen.ask("Who has advised, and why is nobody made to say anything false?")?;
        file.honesty.concerns_statement = Some(statement);
    }
    Ok(())
}

fn keyholders(screen: &mut Screen, file: &mut CampaignFile) -> Result<(), Problem> {
    let count = number(screen, "How many keyholders?", 5_u8)?;
    let one = file.keyholder.first().cloned();
    file.keyholder.clear();
    for seat in 1..=count {
        let Some(mut keyholder) = one.clone() else { break };
        keyholder.name = screen.ask(format!("Keyholder {seat}: name?"))?;
        keyholder.contact = screen.ask(format!("Keyholder {seat}: public contact?"))?;
        keyholder.named_by = screen.ask(format!("Keyholder {seat}: named by which group?"))?;
        keyholder.organisers_own = keyholder.named_by == file.organiser.name;
        file.keyholder.push(keyholder);
    }
    let usual = if count > 3 { count - 1 } else { 0 };
    file.privacy.recovery_threshold =
        number(screen, "How many of them recover a lost one? (0: none can be lost)", usual)?;
    Ok(())
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
        match toml::from_str::<Line>(&format!("feature = {{ {line} }}")) {
            Ok(Line { feature }) => file.feature.push(feature),
            Err(error) => screen.note(error.message()),
        }
    }
}

#[derive(serde::Deserialize)]
struct Line {
    feature: campaign::file::FeatureText,
}
