//! One coordinator, five keyholders and a thousand people: `cargo bench --package tests --bench load -- 1000`.
//!
//! Coordinator and keyholders are the real programs; people are tasks of this process, on one thread, that drive the program's own
//! machines over connections of their own; only the manifest's keys and proofs are checked once for all of them, because each
//! would do that on a machine of its own. They come in bursts, 200 at once. It prints what people wait for, what the
//! coordinator's memory comes to, and who has used how much of the processors: all of them share those of one machine.

use std::{
    collections::BTreeMap,
    fs,
    ops::ControlFlow,
    sync::{
        Arc, OnceLock,
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
    campaign::{CheckedManifest, limits::Limits},
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
    programs::Program,
    stage::{Running, Stage, Terms, beat},
};
use tokio::{runtime::Builder, task::LocalSet};

const LONG: Duration = Duration::from_mins(10);
const DEADLINE: Duration = Duration::from_secs(20);
/// Dials at once.
const DIALS: usize = 200;
/// From one burst of people to the next.
const BURST: Duration = Duration::from_secs(2);
const KEYHOLDERS: u8 = 5;
/// Of the system's clock, by which it counts what processes use.
const TICKS_PER_SEC: f64 = 100.0;

fn terms(people: usize) -> Result<Terms> {
    let number = u32::try_from(people).context("too many people")?;
    let bursts = people.div_ceil(DIALS);
    Ok(Terms {
        keyholders: KEYHOLDERS,
        recovery_threshold: 4,
        reporters_max: number.max(24),
        donors: number / 2,
        flip_budget: (number / 20).max(1),
        safe_cap: (number / 10).max(2),
        // The ceremony and the idle connections before, and a while for the last burst.
        joining: 12.0 + f64::from(u32::try_from(bursts)?) * BURST.as_secs_f64(),
        enrolling: 10.0,
        collecting: 5.0,
        closing: 6.0,
        // Below what each sum collects for, as everybody demands where a keyholder can be lost.
        patience: 4.5,
        audits: false,
        beat: beat()?,
        ..Terms::smallest()
    })
}

fn main() -> Result<()> {
    // Cargo adds its own arguments.
    let people = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(1_000_usize);
    let counts = Counts { members: people / 2, donors: people - people / 2 };
    // Built before a campaign's times begin to run.
    Program::Coordinator.path();
    Program::Participant.path();
    let terms = terms(people)?;
    println_out(&format!("a beat of {:.1} s", terms.beat))?;
    let stage = Stage::on_disk(&terms)?;
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
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        dials(&invites[0], &coordinator).await?;
        let before = memory(&coordinator, "VmRSS")?;
        session(&invites, &made_up(counts, 5)).await?;
        println_out(&format!(
            "coordinator: {before} kB before, {} kB at its peak",
            memory(&coordinator, "VmHWM")?
        ))
    })?;
    let of_keyholders: Result<Vec<f64>> = keyholders.iter().map(|of| processor(of.id())).collect();
    println_out(&format!(
        "processors: coordinator {:.1} s, each keyholder {:.1} s, all people together {:.1} s",
        processor(coordinator.id())?,
        of_keyholders?.iter().sum::<f64>() / f64::from(KEYHOLDERS),
        processor(std::process::id())?,
    ))?;
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

/// Seconds of processors that a process has used, as the system counts them.
fn processor(process: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("no name")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    // utime and stime, the fields 14 and 15 of proc_pid_stat(5).
    let ticks =
        |field: usize| -> Result<f64> { Ok(fields.get(field).context("no field")?.parse()?) };
    Ok((ticks(11)? + ticks(12)?) / TICKS_PER_SEC)
}

/// What one person has waited for.
#[derive(Clone, Debug, Default)]
struct Waited {
    /// From the first dial until the campaign was there, verified.
    looked: Option<Duration>,
    /// From the first dial until there was a token: what `participant join` takes.
    joined: Option<Duration>,
    /// Since everybody's beginning, until a member knew what is asked of it.
    result: Option<Duration>,
    /// Since everybody's beginning, until everything had ended.
    done: Option<Duration>,
    /// Connections that failed.
    failures: usize,
    /// How it ended, if not well.
    end: String,
}

/// What people share.
#[derive(Debug, Default)]
struct Seen {
    manifest: OnceLock<Arc<CheckedManifest>>,
    /// Those with every report in.
    whole: AtomicUsize,
}

async fn session(invites: &[Invite], people: &[Subject]) -> Result<()> {
    let began = Instant::now();
    let seen = Arc::new(Seen::default());
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
    let mut lost: BTreeMap<&str, usize> = BTreeMap::new();
    for of in waited.iter().filter(|of| of.done.is_none()) {
        *lost.entry(&of.end).or_default() += 1;
    }
    println_out(&format!(
        "{} people, {} with every report in, {} connections that failed, lost: {lost:?}",
        invites.len(),
        seen.whole.load(Ordering::Relaxed),
        waited.iter().map(|of| of.failures).sum::<usize>(),
    ))?;
    let last = |of: fn(&Waited) -> Option<Duration>| waited.iter().filter_map(of).max();
    let secs = |of: Option<Duration>| of.unwrap_or_default().as_secs_f64();
    println_out(&format!(
        "from the first dial to the last member's result: {:.1} s; until everything had ended: {:.1} s",
        secs(last(|of| of.result)),
        secs(last(|of| of.done)),
    ))?;
    for (what, of) in [
        ("campaign shown", waited.iter().filter_map(|of| of.looked).collect::<Vec<_>>()),
        ("joined, token in hand", waited.iter().filter_map(|of| of.joined).collect()),
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

/// Joins with its burst, and stays to the end.
async fn one(
    number: usize,
    invite: &Invite,
    person: &Subject,
    began: Instant,
    seen: &Seen,
) -> Result<Waited> {
    let Target::Person(campaign) = invite.target else { anyhow::bail!("a keyholder's code") };
    tokio::time::sleep(BURST * u32::try_from(number / DIALS)?).await;
    let mut key = [0; 32];
    key[..8].copy_from_slice(&u64::try_from(number)?.to_le_bytes());
    let mut watcher = Watcher {
        campaign,
        waited: Waited::default(),
        everybody: began,
        began: Instant::now(),
        whole: false,
    };
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
        checked: seen.manifest.get().cloned(),
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
    seen.manifest.get_or_init(|| Arc::new(manifest.clone()));
    watcher.waited.looked = Some(watcher.began.elapsed());
    let known = person.person(&manifest.scoring.schema, key)?;
    let (values, role) = (known.values.clone(), known.role);
    let record = Record { values, role, positive: known.positive, accepted: None };
    let statement = Statement { complies: person.complies, accepted_after: None };
    let mut attendance = Attendance::restore(
        configuration(SeatSet::EMPTY),
        Some(&record),
        statement,
        memory.0.clone(),
    )?;
    attendance.order(Order::Consent(campaign));
    watcher.whole = true;
    road.start(&mut attendance, &mut memory, &mut watcher).await?;
    let phase = attendance.status().phase;
    watcher.waited.end = format!("{phase:?}");
    if phase == Phase::Done {
        watcher.waited.done = Some(began.elapsed());
        seen.whole.fetch_add(usize::from(is_whole(&attendance, &manifest)), Ordering::Relaxed);
    }
    Ok(watcher.waited)
}

/// Whether there is a receipt for every report that this person could make.
fn is_whole(of: &Attendance<Statement>, manifest: &CheckedManifest) -> bool {
    let role = of.machine().measurer().person().map(|person| person.role);
    of.status().aggregations.iter().all(|status| {
        let kind = manifest.aggregation(status.id).map(|aggregation| aggregation.kind);
        let concerned = kind.zip(role).is_some_and(|(kind, role)| kind.concerns(role));
        !concerned || of.receipt(status.id).is_some()
    })
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
    everybody: Instant,
    began: Instant,
    whole: bool,
}

impl Watch<Attendance<Statement>> for Watcher {
    fn step(&mut self, machine: &Attendance<Statement>, _: Time) -> ControlFlow<()> {
        let phase = machine.machine().phase();
        if matches!(phase, Phase::Admitted(_)) && self.waited.joined.is_none() {
            self.waited.joined = Some(self.began.elapsed());
        }
        if self.waited.result.is_none() && matches!(machine.asked(), Ok(Some(_))) {
            self.waited.result = Some(self.everybody.elapsed());
        }
        let looked = !self.whole && machine.manifest().is_some();
        if looked || phase.is_terminal() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn trouble(&mut self, _: &LinkError, _: u64) {
        self.waited.failures += 1;
    }

    fn skewed(&mut self, ahead_millis: i64) {
        assert!(ahead_millis.abs() > 120_000, "{}: the clocks agree", self.campaign);
    }
}

/// Many connections at once, all of which then stay for a moment.
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
