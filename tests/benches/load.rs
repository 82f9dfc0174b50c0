//! One coordinator, five keyholders and a thousand people: `cargo bench --package tests --bench load -- 1000`.
//!
//! Coordinator and keyholders are the real programs; people are tasks of this process that drive the program's own machines over
//! connections of their own. It prints what people wait for, and what the coordinator's memory comes to.

use std::{
    fs,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use host::{
    drive::{Drive, Keep, Watch},
    journal::JournalError,
    quic::{Link, LinkError, connect},
    stop::Stop,
};
use participant::{
    attendance::{Attendance, Line, Order, Statement},
    record::Record,
};
use protocol::{
    campaign::limits::Limits,
    ids::{CampaignId, SeatSet},
    invite::{Invite, Target},
    roles::{
        Time,
        participant::{Admission, CampaignKey, Configuration, Phase, Retry},
    },
    wire::Hello,
};
use tests::{
    people::{Counts, Subject, made_up},
    stage::{Running, Stage, Terms},
};
use tokio::{runtime::Builder, task::LocalSet};

const LONG: Duration = Duration::from_mins(10);
const DEADLINE: Duration = Duration::from_secs(20);
const DIALS: usize = 200;
const KEYHOLDERS: u8 = 5;

fn main() -> Result<()> {
    // Cargo adds its own arguments.
    let people = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(1_000_usize);
    let counts = Counts { members: people / 2, donors: people - people / 2 };
    let number = u32::try_from(people).context("too many people")?;
    let stage = Stage::on_disk(&Terms {
        keyholders: KEYHOLDERS,
        recovery_threshold: 4,
        reporters_max: number,
        donors: number / 2,
        flip_budget: number / 20,
        safe_cap: number / 10,
        joining: 30.0,
        enrolling: 8.0,
        collecting: 6.0,
        closing: 8.0,
        patience: 5.5,
        beat: 1.0,
    })?;
    organise(&stage, &["init", "--from", "campaign.toml", "--notices-read"])?;
    organise(&stage, &["invite", "--keyholder", "--out", "keyholders"])?;
    stage.hand_out("keyholders", "keyholder")?;
    let mut coordinator =
        stage.start(&mut stage.coordinator(&["run", "--json", "--per-source", "4096"]))?;
    coordinator.event(LONG, |event| event["event"] == "listening")?;
    let mut watch = stage.watch()?;
    let keyholders = ceremony(&stage)?;
    watch.event(LONG, |status| status["campaign"].is_string())?;
    organise(&stage, &["invite", "--count", &people.to_string(), "--out", "people"])?;
    let codes = fs::read_to_string(stage.path("people"))?;
    let invites: Vec<Invite> = codes.lines().map(Invite::parse).collect::<Result<_, _>>()?;
    ensure!(invites.len() == people, "{} codes for {people} people", invites.len());
    let before = memory(&coordinator, "VmRSS")?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        session(&invites, &made_up(counts, 5)).await?;
        println_out(&format!(
            "coordinator: {before} kB before, {} kB at its peak",
            memory(&coordinator, "VmHWM")?
        ))?;
        dials(&invites[0], &coordinator).await
    })?;
    drop((watch, keyholders));
    Ok(())
}

fn println_out(words: &str) -> Result<()> {
    use std::io::Write as _;
    Ok(writeln!(std::io::stdout(), "{words}")?)
}

fn organise(stage: &Stage, arguments: &[&str]) -> Result<()> {
    stage.done(&mut stage.coordinator(arguments), LONG).map(|_| ())
}

fn ceremony(stage: &Stage) -> Result<Vec<Running>> {
    let join = |seat: u8| {
        let (state, code) = (format!("seat-{seat}"), format!("keyholder-{seat}.code"));
        let join = ["keyhold", "join", "--code-file", &code, "--accept", "--fingerprints-match"];
        Ok((state.clone(), stage.start(&mut stage.participant(&state, &join))?))
    };
    let joining: Result<Vec<_>> = (1..=KEYHOLDERS).map(join).collect();
    let seated = joining?.into_iter().map(|(state, joining)| {
        ensure!(joining.end(LONG)?.code == Some(0), "{state} has no seat");
        stage.start(&mut stage.participant(&state, &["keyhold", "run"]))
    });
    seated.collect()
}

/// In kB, as the system counts it.
fn memory(of: &Running, what: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", of.id()))?;
    let line = status.lines().find(|line| line.starts_with(what)).context("no such line")?;
    Ok(line.split_whitespace().nth(1).context("no number")?.parse()?)
}

/// What one person has waited for.
#[derive(Clone, Copy, Debug, Default)]
struct Waited {
    /// Until the campaign was there, verified.
    looked: Option<Duration>,
    /// From then until there was a token.
    admitted: Option<Duration>,
    done: Option<Duration>,
}

async fn session(invites: &[Invite], people: &[Subject]) -> Result<()> {
    let began = Instant::now();
    let seen = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = invites
        .iter()
        .zip(people)
        .enumerate()
        .map(|(number, (invite, person))| {
            let (invite, person, seen) = (invite.clone(), person.clone(), Arc::clone(&seen));
            tokio::task::spawn_local(
                async move { one(number, &invite, &person, began, &seen).await },
            )
        })
        .collect();
    let mut waited = Vec::new();
    for task in tasks {
        waited.push(task.await??);
    }
    let lost = waited.iter().filter(|of| of.done.is_none()).count();
    println_out(&format!(
        "{} people, join to result: {:.1} s, {lost} lost, {} with every report in",
        invites.len(),
        began.elapsed().as_secs_f64(),
        seen.load(Ordering::Relaxed),
    ))?;
    for (what, of) in [
        ("campaign shown", waited.iter().filter_map(|of| of.looked).collect::<Vec<_>>()),
        ("token in hand", waited.iter().filter_map(|of| of.admitted).collect()),
    ] {
        println_out(&format!("{what}: {}", percentiles(of)))?;
    }
    Ok(())
}

fn percentiles(mut of: Vec<Duration>) -> String {
    of.sort();
    let at = |percent: usize| of.get((of.len() * percent / 100).min(of.len().saturating_sub(1)));
    let millis = |of: Option<&Duration>| of.map_or(0, Duration::as_millis);
    format!("{} in all, p50 {} ms, p99 {} ms", of.len(), millis(at(50)), millis(at(99)))
}

/// Joins at a moment of its own within the first seconds, as people do, and stays to the end.
async fn one(
    number: usize,
    invite: &Invite,
    person: &Subject,
    began: Instant,
    seen: &AtomicUsize,
) -> Result<Waited> {
    let Target::Person(campaign) = invite.target else { anyhow::bail!("a keyholder's code") };
    let spread = Duration::from_millis(u64::try_from(number)? * 8);
    tokio::time::sleep(spread).await;
    let mut key = [0; 32];
    key[..8].copy_from_slice(&u64::try_from(number)?.to_le_bytes());
    let mut watcher =
        Watcher { campaign, waited: Waited::default(), began: Instant::now(), whole: false };
    let hello = |_: &_| Hello::participant(campaign);
    let road = Drive {
        address: &invite.address,
        certificate: &invite.certificate,
        hello: &hello,
        deadline: DEADLINE,
        patience: LONG,
        horizon_millis: u64::MAX,
        stop: Stop::default(),
    };
    let configuration = |known| Configuration {
        campaign,
        role: person.role,
        key: CampaignKey::from_bytes(key),
        admission: Admission::Invited(invite.secret.clone()),
        limits: Limits { unnoised: true, known_keyholders_min: 0, ..Limits::default() },
        known,
        spent: protocol::aggregation::noise::Rho::ZERO,
        retry: Retry::default(),
        checked: None,
    };
    let mut memory = Memory(Vec::new());
    // First the campaign, whose schema the record is laid beside.
    let mut looking = Attendance::restore(
        configuration(SeatSet::EMPTY),
        None::<&Record>,
        Statement::default(),
        Vec::new(),
    )?;
    road.start(&mut looking, &mut memory, &mut watcher).await?;
    let manifest = looking.manifest().context("no campaign")?.clone();
    watcher.waited.looked = Some(watcher.began.elapsed());
    let known = person.person(&manifest.scoring.schema, key)?;
    let record = Record {
        values: known.values.clone(),
        role: known.role,
        positive: known.positive,
        accepted: None,
    };
    let statement = Statement { complies: person.complies, accepted_after: None };
    let mut attendance = Attendance::restore(
        configuration(SeatSet::EMPTY),
        Some(&record),
        statement,
        memory.0.clone(),
    )?;
    attendance.order(Order::Consent(campaign));
    watcher.whole = true;
    watcher.began = Instant::now();
    road.start(&mut attendance, &mut memory, &mut watcher).await?;
    let status = attendance.status();
    if status.phase == Phase::Done {
        watcher.waited.done = Some(began.elapsed());
        let concerned = status.aggregations.iter().filter(|of| {
            let kind = manifest.aggregation(of.id).map(|of| of.kind);
            kind.is_some_and(|kind| kind.concerns(person.role))
        });
        let all = concerned.clone().all(|of| attendance.receipt(of.id).is_some());
        seen.fetch_add(usize::from(all), Ordering::Relaxed);
    }
    Ok(watcher.waited)
}

struct Memory(Vec<Line>);

impl Keep<Line> for Memory {
    fn keep(&mut self, lines: &[Line]) -> Result<(), JournalError> {
        self.0.extend_from_slice(lines);
        Ok(())
    }
}

struct Watcher {
    campaign: CampaignId,
    waited: Waited,
    began: Instant,
    whole: bool,
}

impl Watch<Attendance<Statement>> for Watcher {
    fn step(&mut self, machine: &Attendance<Statement>, _: Time) -> ControlFlow<()> {
        let phase = machine.machine().phase();
        if matches!(phase, Phase::Admitted(_)) && self.waited.admitted.is_none() {
            self.waited.admitted = Some(self.began.elapsed());
        }
        let looked = !self.whole && machine.manifest().is_some();
        if looked || phase.is_terminal() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn trouble(&mut self, _: &LinkError, _: u64) {}

    fn skewed(&mut self, ahead_millis: i64) {
        assert!(ahead_millis.abs() > 120_000, "{}: the clocks agree", self.campaign);
    }
}

/// Many connections at once, all of which then stay.
async fn dials(invite: &Invite, coordinator: &Running) -> Result<()> {
    let Target::Person(campaign) = invite.target else { anyhow::bail!("a keyholder's code") };
    let before = memory(coordinator, "VmRSS")?;
    let dial = |_| {
        let (address, certificate) = (invite.address.clone(), invite.certificate);
        tokio::task::spawn_local(async move {
            let began = Instant::now();
            let hello = |_: &_| Hello::participant(campaign);
            let link = connect(&address, &certificate, DEADLINE, hello).await?;
            Ok::<(Link, Duration), LinkError>((link, began.elapsed()))
        })
    };
    let dialling: Vec<_> = (0..DIALS).map(dial).collect();
    let (mut links, mut waited) = (Vec::new(), Vec::new());
    for one in dialling {
        let (link, took) = one.await??;
        links.push(link);
        waited.push(took);
    }
    println_out(&format!("{DIALS} dials at once: {}", percentiles(waited)))?;
    let after = memory(coordinator, "VmRSS")?;
    println_out(&format!(
        "an idle connection: {} kB of the coordinator's memory",
        after.saturating_sub(before) / u64::try_from(links.len())?
    ))
}
