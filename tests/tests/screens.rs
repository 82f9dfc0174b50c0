//! How real programs fail before one another: what is said, with which exit code. docs/OPERATING.md lists every case.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::fs;
use std::process::Command;
use std::time::Duration;

use protocol::invite::{Invite, InviteSecret};
use tests::people::{Counts, made_up};
use tests::programs::Program;
use tests::stage::{Ended, Running, Signal, Stage, Terms, beat};

mod screens {
    mod another_clock;
    mod strangers;
}

const LONG: Duration = Duration::from_mins(4);

fn terms(beat: f64) -> Terms {
    Terms {
        keyholders: 3,
        recovery_threshold: 0,
        reporters_max: 40,
        donors: 13,
        flip_budget: 3,
        safe_cap: 6,
        joining: 30.0,
        enrolling: 2.0,
        collecting: 2.0,
        closing: 2.0,
        // Nobody is lost here, but everybody is stopped and started again, which may take a while.
        patience: 60.0,
        audits: false,
        beat,
        ..Terms::smallest()
    }
}

#[test]
fn every_way_to_fail_has_its_words_and_its_exit_code() {
    let stage = Stage::new(&terms(beat().unwrap())).unwrap();
    organise(&stage, &["init", "--from", "campaign.toml", "--notices-read"]);
    organise(&stage, &["invite", "--keyholder", "--out", "keyholders"]);
    stage.hand_out("keyholders", "keyholder").unwrap();
    let joining = coordinator_on_a_full_disk(&stage);
    let coordinator = run_coordinator(&stage);
    let mut watch = stage.watch().unwrap();
    let keyholders = ceremony(&stage, joining);
    let ready = watch.event(LONG, |status| status["campaign"].is_string()).unwrap();
    stage.consent(ready["campaign"].as_str().unwrap()).unwrap();
    organise(&stage, &["invite", "--count", "6", "--out", "good"]);
    organise(&stage, &["invite", "--count", "1", "--expires", "1ms", "--out", "expired"]);
    stage.hand_out("good", "good").unwrap();
    stage.hand_out("expired", "expired").unwrap();
    fs::write(stage.path("me.csv"), made_up(Counts { members: 1, donors: 0 }, 3)[0].to_csv())
        .unwrap();

    let members = joined(&stage);
    watch.event(LONG, |status| status["invites"]["used"].as_u64() == Some(3)).unwrap();
    records(&stage);
    codes(&stage);
    person_on_a_full_disk(&stage);
    let (coordinator, keyholders, members) = told_to_end(&stage, coordinator, keyholders, members);
    watch
        .event(LONG, |status| status["stage"] == "enrolment" || status["stage"] == "aggregations")
        .unwrap();
    fails(&join(&stage, "late", "good-6"), 11, "JOINING_CLOSED");
    watch.event(LONG, |status| status["stage"] == "over").unwrap();
    for (who, running) in members {
        let ended = running.end(LONG).unwrap();
        fails(&ended, 5, "NO_RESULT");
        assert!(ended.all().contains("Closed with"), "{who}: {}", ended.all());
        fails(&join(&stage, &who, &who.replace("member", "good")), 12, "JOINED_ALREADY");
    }
    drop((coordinator, keyholders));
}

/// Everybody is told to end, as a terminal and as a system do it, and goes on by the same command.
fn told_to_end(
    stage: &Stage,
    coordinator: Running,
    keyholders: Vec<Running>,
    members: Vec<(String, Running)>,
) -> (Running, Vec<Running>, Vec<(String, Running)>) {
    let signals = [Signal::Interrupt, Signal::Terminate];
    let again = |(place, (who, running)): (usize, (String, Running))| {
        running.tell(signals[place % 2]).unwrap();
        fails(&running.end(LONG).unwrap(), 75, "INTERRUPTED");
        let run = stage.start(&mut stage.participant(&who, &["run", "--json"])).unwrap();
        (who, run)
    };
    let members = members.into_iter().enumerate().map(again).collect();
    let again = |(seat, running): (usize, Running)| {
        running.tell(signals[seat % 2]).unwrap();
        let ended = running.end(LONG).unwrap();
        assert_eq!(ended.code, Some(75), "{}", ended.all());
        assert!(ended.says.contains("Stopped: "), "{}", ended.says);
        let state = format!("seat-{}", seat + 1);
        stage.start(&mut stage.participant(&state, &["keyhold", "run"])).unwrap()
    };
    let keyholders = keyholders.into_iter().enumerate().map(again).collect();
    let mut coordinator = coordinator;
    for signal in signals {
        coordinator.tell(signal).unwrap();
        let ended = coordinator.end(LONG).unwrap();
        assert_eq!((ended.code, ended.events("stopped").len()), (Some(0), 1), "{}", ended.all());
        coordinator = run_coordinator(stage);
    }
    (coordinator, keyholders, members)
}

/// What does not fit the schema is found on the own machine.
fn records(stage: &Stage) {
    let looked = ["join", "--look", "--code-file", "good-1.code"];
    stage.done(&mut stage.participant("first", &looked), LONG).unwrap();
    let good = fs::read_to_string(stage.path("me.csv")).unwrap();
    fs::write(stage.path("other.csv"), good.replace("priors_count", "prior_count")).unwrap();
    let row = good.lines().nth(1).unwrap();
    let rest = row.split_once(',').unwrap().1;
    fs::write(stage.path("old.csv"), good.replace(row, &format!("212,{rest}"))).unwrap();
    let check = |file| {
        stage.ended(&mut stage.participant("first", &["check", file, "--json"]), LONG).unwrap()
    };
    let ended = check("other.csv");
    fails(&ended, 65, "SCHEMA_MISMATCH");
    assert!(ended.all().contains("closest: \\\"prior_count\\\""), "{}", ended.all());
    let ended = check("old.csv");
    fails(&ended, 65, "VALUE_NOT_ALLOWED");
    assert!(ended.all().contains("212"), "{}", ended.all());
}

/// Codes that are no good, in every way.
fn codes(stage: &Stage) {
    let good = fs::read_to_string(stage.path("good-2.code")).unwrap();
    let place = good.len() / 2;
    let other = if good.as_bytes()[place] == b'q' { 'p' } else { 'q' };
    let mut mistyped = good.clone();
    mistyped.replace_range(place..=place, &other.to_string());
    stage.private("mistyped.code", &mistyped).unwrap();
    let invite = Invite::parse(&good).unwrap();
    let altered = |name: &str, change: &dyn Fn(&mut Invite)| {
        let mut invite = invite.clone();
        change(&mut invite);
        stage.private(&format!("{name}.code"), &invite.code()).unwrap();
    };
    altered("guessed", &|invite| invite.secret = InviteSecret::from_bytes([7; 16]));
    altered("stranger", &|invite| invite.certificate = [7; 32]);

    fails(&join(stage, "mistyped", "mistyped"), 10, "CODE_MISTYPED");
    fails(&join(stage, "guessed", "guessed"), 10, "CODE_UNKNOWN");
    fails(&join(stage, "elapsed", "expired-1"), 10, "CODE_EXPIRED");
    fails(&join(stage, "stranger", "stranger"), 77, "WRONG_CERTIFICATE");
    fails(&join(stage, "second", "good-3"), 10, "CODE_USED");
    fails(&join(stage, "keyholder", "keyholder-1"), 10, "CODE_FOR_OTHER");
}

/// A command that is given as many blocks of 512 bytes for each file that it writes.
fn within_blocks(stage: &Stage, blocks: u32, of: Program, arguments: &[&str]) -> Command {
    let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    shell(stage, &limited, of, arguments)
}

fn shell(stage: &Stage, script: &str, of: Program, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(of.path()).args(arguments);
    command.current_dir(stage.path(".")).env("NO_COLOR", "1").env("TZ", "UTC");
    command
}

/// It ends before it answers what it could not keep. Nothing is lost: the same command goes on where there is room, and so do
/// the keyholders, who call again.
fn coordinator_on_a_full_disk(stage: &Stage) -> Vec<Running> {
    // Its write-ahead log is full in the middle of the ceremony.
    let run = ["--state", "coordinator", "run", "--json"];
    let mut run = within_blocks(stage, 66, Program::Coordinator, &run);
    let mut running = stage.start(&mut run).unwrap();
    running.event(LONG, |event| event["event"] == "listening").unwrap();
    let joining: Vec<_> = (1..=3).map(|seat| keyholder_joins(stage, seat)).collect();
    let ended = running.end(LONG).unwrap();
    assert_eq!(ended.code, Some(74), "{}", ended.all());
    let last: serde_json::Value = serde_json::from_str(ended.lines.last().unwrap()).unwrap();
    assert_eq!(last["safe"], "Stopped before sending; what was kept before is whole.");
    joining
}

/// It stops before anything is sent: where no file may grow, and where the system can give one, on a full disk.
fn person_on_a_full_disk(stage: &Stage) {
    let join = ["--state", "full/state", "join", "--json", "--code-file", "good-1.code"];
    let mut command = within_blocks(stage, 1, Program::Participant, &join);
    let ended = stage.ended(&mut command, LONG).unwrap();
    fails(&ended, 74, "STATE_FAILED");
    // A file system of 60 kB in a name space of its own, which not every system allows.
    let allowed = Command::new("unshare").args(["-Urm", "true"]).output();
    if !allowed.is_ok_and(|of| of.status.success()) {
        return;
    }
    let mounted = "mkdir small; exec unshare -Urm sh -c \
                   'mount -t tmpfs -o size=60k none small && exec \"$@\"' sh \"$@\"";
    let join = ["--state", "small/state", "join", "--json", "--code-file", "good-1.code"];
    let mut command = shell(stage, mounted, Program::Participant, &join);
    let ended = stage.ended(&mut command, LONG).unwrap();
    fails(&ended, 74, "DISK_FULL");
}

/// Three people, where twelve are needed: each has its token, and waits for its moment to enrol.
fn joined(stage: &Stage) -> Vec<(String, Running)> {
    let names: Vec<_> = (3..=5).map(|number| (format!("member-{number}"), number)).collect();
    let joining =
        names.into_iter().map(|(who, number)| (start(stage, &who, &format!("good-{number}")), who));
    let joining: Vec<_> = joining.collect();
    let running = joining.into_iter().map(|(joining, who)| {
        joining.end(LONG).unwrap();
        let run = stage.start(&mut stage.participant(&who, &["run", "--json"])).unwrap();
        (who, run)
    });
    running.collect()
}

fn start(stage: &Stage, who: &str, code: &str) -> Running {
    let code = format!("{code}.code");
    let join = ["join", "--json", "--code-file", &code, "--record", "me.csv", "--know", "1"];
    let join = [&join[..], &["--yes", "--consent-file", "consent"]].concat();
    stage.start(&mut stage.participant(who, &join)).unwrap()
}

fn join(stage: &Stage, who: &str, code: &str) -> Ended {
    start(stage, who, code).end(LONG).unwrap()
}

fn fails(ended: &Ended, exit: i32, code: &str) {
    assert_eq!(ended.code, Some(exit), "{code}: {}", ended.all());
    let last = ended.lines.last().unwrap();
    let last: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!((&last["code"], &last["exit"]), (&code.into(), &exit.into()), "{}", ended.all());
    assert!(!last["safe"].as_str().unwrap().is_empty(), "{code} says what is safe");
}

fn organise(stage: &Stage, arguments: &[&str]) {
    stage.done(&mut stage.coordinator(arguments), LONG).unwrap();
}

fn run_coordinator(stage: &Stage) -> Running {
    let mut running = stage.start(&mut stage.coordinator(&["run", "--json"])).unwrap();
    running.event(LONG, |event| event["event"] == "listening").unwrap();
    running
}

fn keyholder_joins(stage: &Stage, seat: u8) -> Running {
    let (state, code) = (format!("seat-{seat}"), format!("keyholder-{seat}.code"));
    let join = ["keyhold", "join", "--code-file", &code, "--accept", "--fingerprints-match"];
    stage.start(&mut stage.participant(&state, &join)).unwrap()
}

fn ceremony(stage: &Stage, joining: Vec<Running>) -> Vec<Running> {
    let seated = (1..).zip(joining).map(|(seat, joining)| {
        let ended = joining.end(LONG).unwrap();
        assert_eq!(ended.code, Some(0), "{}", ended.all());
        let state = format!("seat-{seat}");
        stage.start(&mut stage.participant(&state, &["keyhold", "run"])).unwrap()
    });
    seated.collect()
}
