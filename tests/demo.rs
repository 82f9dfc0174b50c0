//! `demo`: a whole campaign in one terminal, told so that a stranger can follow. The programs are the real ones.
//!
//! Everybody's words on the screen are what that party's own program has written; what is told between them is this file's.
//! `demo FOLDER` keeps the transcript there, with which everything that is told can be checked.

use std::{
    env, fs,
    io::{self, Write as _},
    mem,
    path::PathBuf,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use protocol::{campaign::Kind, transcript::file};
use serde_json::Value;
use tests::{
    people::{Counts, Subject, made_up},
    programs::Program,
    stage::{Ended, Running, Stage, Terms, beat},
};

const COUNTS: Counts = Counts { members: 18, donors: 16 };
const KEYHOLDERS: u8 = 3;
const SEED: u64 = 11;
/// Longer than anything here takes on a machine that works.
const LONG: Duration = Duration::from_mins(4);
/// Where the organiser keeps what is public.
const TRANSCRIPT: &str = "coordinator/transcript";
/// Of the terminal that it is told in, in characters.
const WIDTH: usize = 100;
/// Of one of two columns.
const COLUMN: usize = 46;

fn main() -> ExitCode {
    match play(env::args_os().nth(1).map(PathBuf::from)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "The demo stopped: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn terms(beat: f64) -> Terms {
    Terms {
        keyholders: KEYHOLDERS,
        recovery_threshold: 0,
        reporters_max: 40,
        donors: 16,
        flip_budget: 4,
        safe_cap: 7,
        joining: 11.0,
        enrolling: 4.0,
        collecting: 3.0,
        closing: 4.0,
        patience: 6.0,
        audits: false,
        beat,
        ..Terms::smallest()
    }
}

fn play(keep: Option<PathBuf>) -> Result<()> {
    tell("Preparing: building the two programs, if they are not built.")?;
    Program::Coordinator.path();
    Program::Participant.path();
    let began = Instant::now();
    let stage = Stage::new(&terms(beat()?))?;
    let people = made_up(COUNTS, SEED);
    plan(&stage)?;
    let coordinator = run_coordinator(&stage)?;
    let mut watch = stage.watch()?;
    let keyholders = ceremony(&stage)?;
    let ready = watch.event(LONG, |status| status["campaign"].is_string())?;
    let campaign = ready["campaign"].as_str().context("a campaign has an id")?;
    invite(&stage, &people, campaign)?;
    let results = everybody(&stage, &mut watch)?;
    watch.event(LONG, |status| status["stage"] == "over")?;
    opened(&stage)?;
    side_by_side(&stage, &results)?;
    verified(&stage)?;
    drop((coordinator, keyholders, watch));
    if let Some(folder) = keep {
        fs::create_dir_all(&folder)?;
        fs::copy(stage.path(TRANSCRIPT), folder.join("transcript"))?;
    }
    knowledge()?;
    tell(&format!(
        "\nAll of it took {} seconds, over QUIC on this machine.",
        began.elapsed().as_secs()
    ))
}

fn plan(stage: &Stage) -> Result<()> {
    chapter(
        "1. AN ORGANISER WRITES A PLAN",
        "A firm's classifier treats members of a minority worse. If a few of those who report a negative label report the positive \
         one, its next version leans less on the group. Best are those who resemble people of the majority with a positive label. \
         To find them, everybody's records would have to lie in one place; here they stay where they are. What is hours or days apart in \
         life is seconds apart here.",
    )?;
    let made = stage.done(
        &mut stage.coordinator(&["init", "--from", "campaign.toml", "--notices-read"]),
        LONG,
    )?;
    shown("the organiser's terminal", &made.lines, 6)
}

fn run_coordinator(stage: &Stage) -> Result<Running> {
    stage.done(&mut stage.coordinator(&["invite", "--keyholder", "--out", "keyholders"]), LONG)?;
    stage.hand_out("keyholders", "keyholder")?;
    let mut running = stage.start(&mut stage.coordinator(&["run", "--json"]))?;
    running.event(LONG, |event| event["event"] == "listening")?;
    Ok(running)
}

fn ceremony(stage: &Stage) -> Result<Vec<Running>> {
    chapter(
        "2. KEYHOLDERS MAKE KEYS",
        "Three people whom others trust, named in the plan. Each makes keys on an own machine; they read fingerprints to one another \
         over the phone. Only all three with the coordinator can open anything, and then only sums over at least 12 people.",
    )?;
    let join = |seat: u8| {
        let (state, code) = (format!("seat-{seat}"), format!("keyholder-{seat}.code"));
        let join = ["keyhold", "join", "--code-file", &code, "--accept", "--fingerprints-match"];
        Ok((state.clone(), stage.start(&mut stage.participant(&state, &join))?))
    };
    let joining: Result<Vec<_>> = (1..=KEYHOLDERS).map(join).collect();
    let mut running = Vec::new();
    for (number, (state, joining)) in joining?.into_iter().enumerate() {
        let ended = joining.end(LONG)?;
        ensure!(ended.code == Some(0), "{}", ended.all());
        if number == 0 {
            let fingerprints = ended.lines.iter().skip_while(|line| !is_fingerprint(line));
            shown("keyholder 1's terminal", &fingerprints.cloned().collect::<Vec<_>>(), 7)?;
        }
        running.push(stage.start(&mut stage.participant(&state, &["keyhold", "run"]))?);
    }
    Ok(running)
}

fn is_fingerprint(line: &str) -> bool {
    line.starts_with("  1  ") && line.contains("yours")
}

fn invite(stage: &Stage, people: &[Subject], campaign: &str) -> Result<()> {
    chapter(
        "3. INVITATIONS",
        "One code for each person, good once; it holds the coordinator's address, the fingerprint of its certificate and the \
         campaign's hash. Everybody can look before saying anything: this is what the first member sees.",
    )?;
    let count = people.len().to_string();
    stage.done(&mut stage.coordinator(&["invite", "--count", &count, "--out", "people"]), LONG)?;
    stage.hand_out("people", "person")?;
    stage.consent(campaign)?;
    for (number, person) in people.iter().enumerate() {
        fs::write(stage.path(format!("{}.csv", name(number))), person.to_csv())?;
    }
    let look = stage.done(
        &mut stage.participant("person-1", &["join", "--look", "--code-file", "person-1.code"]),
        LONG,
    )?;
    shown("member 1's terminal: participant join --look", &look.lines, 11)?;
    let preview = stage.done(&mut stage.participant("person-1", &["preview"]), LONG)?;
    shown("member 1's terminal: participant preview", &preview.lines, 18)
}

/// Everybody joins and stays; what each member is told, by number.
fn everybody(stage: &Stage, watch: &mut Running) -> Result<Vec<Option<String>>> {
    let Counts { members, donors } = COUNTS;
    chapter(
        "4. EVERYBODY TAKES PART",
        &format!(
            "{members} members and {donors} donors of the majority agree, each on an own machine. First a blind token for the code; \
             then, over a new connection at a random moment, the token for a pseudonym, so that nobody knows whose it is. Donors lend \
             their records and members their scores as shares of which any single one is random numbers."
        ),
    )?;
    thread::scope(|scope| {
        let people: Vec<_> = (0..members + donors)
            .map(|number| scope.spawn(move || takes_part(stage, number)))
            .collect();
        let mut seen = String::new();
        loop {
            let status = watch.event(LONG, |_| true)?;
            if let Some(line) = standing(&status).filter(|line| *line != seen) {
                tell(&format!("    coordinator: {line}"))?;
                seen = line;
            }
            if status["aggregations"].as_array().is_some_and(|all| all.iter().all(is_done)) {
                break;
            }
        }
        people.into_iter().map(|one| one.join().expect("nobody panics in it")).collect()
    })
}

fn is_done(aggregation: &Value) -> bool {
    ["done", "aborted"].iter().any(|end| aggregation["phase"] == *end)
}

/// Nothing between two sums.
fn standing(status: &Value) -> Option<String> {
    let all: Vec<&Value> = status["aggregations"].as_array().into_iter().flatten().collect();
    let under_way = all.iter().filter(|of| of["phase"] != "waiting" && !is_done(of));
    let sums: Vec<String> = under_way
        .map(|of| {
            let (kind, phase) = (plain(&of["kind"]), of["phase"].as_str().unwrap_or_default());
            format!("{kind}: {phase}, {}", counted(&of["reports"], "sealed report"))
        })
        .collect();
    if !sums.is_empty() {
        return Some(sums.join("; "));
    }
    let begun = all.iter().any(|of| is_done(of));
    let (used, enrolled) = (&status["invites"]["used"], &status["enrolled"]);
    (!begun).then(|| {
        format!("{}, {} enrolled", counted(used, "code") + " used", counted(enrolled, "pseudonym"))
    })
}

/// What is added up.
fn plain(kind: &Value) -> &str {
    match kind.as_str().unwrap_or_default() {
        "regressor" => "how labels follow from records, by donors",
        "selection" => "scores, by members",
        "confirmation" => "what members have done",
        other => other,
    }
}

fn counted(number: &Value, what: &str) -> String {
    let ending = if *number == 1 { "" } else { "s" };
    format!("{number} {what}{ending}")
}

fn takes_part(stage: &Stage, number: usize) -> Result<Option<String>> {
    let (who, code) = (name(number), format!("{}.code", name(number)));
    let record = format!("{who}.csv");
    let join = ["join", "--json", "--code-file", &code, "--record", &record, "--know", "1"];
    let join = [&join[..], &["--yes", "--consent-file", "consent"]].concat();
    // How it ended is said again by `run`.
    stage.ended(&mut stage.participant(&who, &join), LONG)?;
    let run = stage.ended(&mut stage.participant(&who, &["run", "--json"]), LONG)?;
    let results = run.events("result");
    Ok(results.first().and_then(|result| Some(result["asked"].as_str()?.to_owned())))
}

fn opened(stage: &Stage) -> Result<()> {
    chapter(
        "5. WHAT WAS OPENED",
        "Everything that anybody outside learns: sums. The threshold follows from them, and every keyholder has computed it again.",
    )?;
    stage.done(&mut stage.coordinator(&["report", "--out", "report.json"]), LONG)?;
    let report: Value = serde_json::from_str(&fs::read_to_string(stage.path("report.json"))?)?;
    let mut lines = vec![format!("{} on the list", counted(&report["enrolled"], "pseudonym"))];
    for sum in report["sums"].as_array().context("a report has sums")? {
        let kind = sum["kind"].as_str().unwrap_or_default();
        lines.push(format!(
            "{}: {} in the sum",
            plain(&sum["kind"]),
            counted(&sum["accepted"], "report")
        ));
        if let Some(decision) = sum["decision"].as_str() {
            lines.push(format!("  {decision}"));
        }
        if kind == "confirmation" {
            let counts = sum["counts"].as_array().into_iter().flatten();
            lines.extend(counts.map(|count| {
                format!("  {}: {}", count["what"].as_str().unwrap_or_default(), count["count"])
            }));
        }
    }
    shown("the organiser's report", &lines, 20)
}

fn side_by_side(stage: &Stage, results: &[Option<String>]) -> Result<()> {
    chapter(
        "6. TWO MEMBERS, SIDE BY SIDE",
        "Each machine lays its own record beside the published threshold. One is asked and one is not; nobody but the person at that \
         screen knows which, and both screens look alike to whoever glances at them.",
    )?;
    let told = |wanted: &str| results.iter().position(|told| told.as_deref() == Some(wanted));
    let mut columns = Vec::new();
    for wanted in ["flip", "keep"] {
        let number = told(wanted).with_context(|| format!("nobody was told \"{wanted}\""))?;
        let screen = stage.done(&mut stage.participant(&name(number), &["status"]), LONG)?;
        columns.push((format!("member {}", number + 1), result_lines(&screen)));
    }
    let [(left, one), (right, other)] = &columns[..] else { unreachable!("two were asked for") };
    tell(&format!("    {left:<COLUMN$}  | {right}"))?;
    tell(&format!("    {0}  | {0}", "-".repeat(COLUMN)))?;
    for row in 0..one.len().max(other.len()) {
        let at = |lines: &[String]| lines.get(row).cloned().unwrap_or_default();
        tell(format!("    {:<COLUMN$}  | {}", at(one), at(other)).trim_end())?;
    }
    Ok(())
}

/// The result's part of a status, in lines of a column's width.
fn result_lines(screen: &Ended) -> Vec<String> {
    let begins =
        |line: &&String| line.starts_with("You are asked") || line.starts_with("No change");
    let lines = screen.lines.iter().skip_while(|line| !begins(line));
    lines.flat_map(|line| folded(line, COLUMN)).filter(|line| !line.trim().is_empty()).collect()
}

/// A line of a screen in lines of at most so many characters. What continues stands below where the text begins, behind a
/// label if there is one.
fn folded(line: &str, width: usize) -> Vec<String> {
    if line.chars().count() <= width {
        return vec![line.to_owned()];
    }
    let (label, text) = line.split_at(text_begins(line));
    let more = if label.trim().is_empty() { 2 } else { 0 };
    paragraph(text, label, &" ".repeat(label.chars().count() + more), width)
}

/// In bytes: behind the spaces that a line begins with, and behind a label that two spaces set off.
fn text_begins(line: &str) -> usize {
    const LABEL_BYTES_MAX: usize = 24;
    let text = line.trim_start();
    let label = text.find("  ").filter(|at| *at <= LABEL_BYTES_MAX);
    line.len() - label.map_or(text, |at| text[at..].trim_start()).len()
}

/// Words in lines of at most so many characters: the first line behind `first`, the others behind `others`.
fn paragraph(text: &str, first: &str, others: &str, width: usize) -> Vec<String> {
    let (mut lines, mut line, mut begun) = (Vec::new(), first.to_owned(), false);
    for word in text.split_whitespace() {
        if begun && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(mem::replace(&mut line, others.to_owned()));
            begun = false;
        }
        if begun {
            line.push(' ');
        }
        line.push_str(word);
        begun = true;
    }
    lines.push(line);
    lines
}

fn verified(stage: &Stage) -> Result<()> {
    chapter(
        "7. ANYBODY CAN CHECK",
        "The transcript holds every signed step. It is checked by every rule, offline; and each person finds the own report in it.",
    )?;
    let verify = stage.done(&mut stage.coordinator(&["verify", TRANSCRIPT]), LONG)?;
    shown("anybody's terminal: coordinator verify transcript", &verify.lines, 10)?;
    let own = stage.done(&mut stage.participant("person-1", &["verify", TRANSCRIPT]), LONG)?;
    shown("member 1's terminal: participant verify transcript", &own.lines, 6)?;
    shown("one report, as everybody sees it in the transcript", &one_report(stage)?, 3)?;
    tell("    verify: OK")
}

/// Of the scores.
fn one_report(stage: &Stage) -> Result<Vec<String>> {
    let transcript = file::follow(&fs::read(stage.path(TRANSCRIPT))?, |_, _, _| {})?;
    let id = transcript.plan().of_kind(Kind::Selection).context("members bring scores")?;
    let leaves = transcript.sum(id).and_then(|sum| sum.leaves()).context("reports were frozen")?;
    let leaf = leaves.first().context("somebody has reported")?;
    Ok(vec![
        format!("pseudonym   {}", leaf.reporter),
        format!("report      {}", leaf.id),
        format!("its hash    {}", leaf.leaf),
    ])
}

fn knowledge() -> Result<()> {
    chapter("8. WHO KNOWS WHAT NOW", "")?;
    for line in [
        "a member or donor   its own record, label and result; the sums",
        "the coordinator     pseudonyms, roles, IP addresses and times, one random share of each report; the sums",
        "a keyholder         pseudonyms, one random share of each report; the sums",
        "everybody else      the transcript: pseudonyms, roles, proofs, the sums",
        "nobody              anybody's record or label, a score, or who was asked",
        "",
        "If the coordinator and all three keyholders cheated together, they could read reports. The firm sees what is reported to it.",
        "Sums here have no noise, so that they can be checked; a real campaign adds it. Begin with docs/OPERATING.md.",
    ] {
        for line in folded(line, WIDTH - 4) {
            tell(format!("    {line}").trim_end())?;
        }
    }
    Ok(())
}

fn name(number: usize) -> String {
    format!("person-{}", number + 1)
}

fn tell(words: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{words}")?;
    Ok(out.flush()?)
}

fn chapter(title: &str, words: &str) -> Result<()> {
    tell(&format!("\n{title}"))?;
    if words.is_empty() { Ok(()) } else { tell(&paragraph(words, "", "", WIDTH).join("\n")) }
}

/// The first lines of what a program has written.
fn shown(whose: &str, lines: &[String], most: usize) -> Result<()> {
    tell(&format!("\n    [{whose}]"))?;
    for line in lines.iter().filter(|line| !line.trim().is_empty()).take(most) {
        for line in folded(line, WIDTH - 6) {
            tell(&format!("    > {line}"))?;
        }
    }
    Ok(())
}
