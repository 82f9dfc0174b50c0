//! What the program says, word for word, and how it ends.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![expect(
    clippy::needless_raw_string_hashes,
    reason = "as the snapshots are written by their tool"
)]

mod typed;

use std::{fmt::Write, fs, path::Path};

use snapbox::{cmd::cargo_bin, str};

use typed::{coordinator, example};

fn home() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// The example, changed.
fn campaign(home: &Path, from: &str, to: &str) {
    rewritten(home, &[(from, to)]);
}

fn rewritten(home: &Path, changes: &[(&str, &str)]) {
    let mut text = example(home);
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    fs::write(home.join("campaign.toml"), text).unwrap();
}

/// The example for few people, without noise and donors.
const FEW: [(&str, &str); 6] = [
    ("cohort = 50", "cohort = 12"),
    ("epsilon = 4.0", "noise = \"none\""),
    ("method = \"rb-prob\"", "method = \"random\""),
    ("audits = true", "audits = false"),
    ("reporters_max = 600", "reporters_max = 30"),
    ("flip_budget = 40", "flip_budget = 3"),
];

const INIT: [&str; 4] = ["init", "--from", "campaign.toml", "--notices-read"];

#[test]
fn what_a_campaign_lays_open_is_said_before_anything_is_made() {
    let home = home();
    campaign(home.path(), "mode = \"histogram\"", "mode = \"open-scores\"");
    let ended = coordinator(home.path(), &INIT).assert().code(78);
    let says = String::from_utf8(ended.get_output().stderr.clone()).unwrap();
    for part in
        ["In the open: Scores are open in this campaign", "visits.confirmation", "Nothing was made"]
    {
        assert!(says.contains(part), "{part}: {says}");
    }
    assert!(!home.path().join("data").exists());
}

#[test]
fn a_campaign_is_made_from_the_example_once() {
    let home = home();
    campaign(home.path(), "cohort = 50", "cohort = 50");
    let made = coordinator(home.path(), &INIT).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let words = String::from_utf8(made.stdout).unwrap();
    assert!(words.starts_with("plan        ") && words.contains("audit-after"), "{words}");
    assert!(
        String::from_utf8_lossy(&made.stderr).contains("Before you begin."),
        "the notices are shown"
    );
    let again = coordinator(home.path(), &INIT).assert().code(74);
    again.stderr_eq(str![[r#"
Error: [..]/data/concert/coordinator holds a campaign already.
It was left as it is.

hint: Go on with it: coordinator run. Or name another folder with --state.

"#]]);

    coordinator(home.path(), &["invite", "--out", "codes.txt"]).assert().code(3).stderr_eq(str![[
        r#"
Error: The campaign has no id yet: not all keyholders have joined.
Nothing was made.

hint: Keep coordinator run going until all have joined; then invite people.

"#
    ]]);
    assert!(!home.path().join("codes.txt").exists());

    let invite = ["invite", "--keyholder", "--out", "codes.txt", "--sheet", "sheet.html"];
    coordinator(home.path(), &invite).assert().success().stdout_eq(str![[r#"
5 codes for keyholders in codes.txt, good until [..] UTC, one use each. Only you can read the file; give each code to one person, in person or over a channel that you both trust.

"#]]);
    let codes = fs::read_to_string(home.path().join("codes.txt")).unwrap();
    assert_eq!(codes.lines().filter(|line| line.starts_with("concert1")).count(), 5);
    coordinator(home.path(), &invite).assert().code(74).stderr_eq(str![[r#"
Error: codes.txt exists already
It was left as it is.

hint: Name another file, or move the old one away first.

"#]]);

    let status = coordinator(home.path(), &["status"]).output().unwrap();
    let words = String::from_utf8(status.stdout).unwrap();
    assert!(words.starts_with("NOT RUNNING"), "{words}");
    assert!(words.contains("ceremony: 0/5 keyholders have joined"), "{words}");
    let status = coordinator(home.path(), &["status", "--json"]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!((&json["schema"], &json["stage"]), (&1.into(), &"ceremony".into()));

    coordinator(home.path(), &["backup", "--out", "copy"]).assert().success();
    let status = coordinator(home.path(), &["--state", "copy", "status"]).output().unwrap();
    assert!(status.status.success());

    coordinator(home.path(), &["destroy", "--receipt", "receipt.txt"])
        .stdin("no\n")
        .assert()
        .code(4);
    let plan = json["plan"].as_str().unwrap();
    coordinator(home.path(), &["destroy", "--receipt", "receipt.txt"])
        .stdin(format!("{}\n", &plan[..8]))
        .assert()
        .success();
    assert!(fs::read_to_string(home.path().join("receipt.txt")).unwrap().contains(plan));
    assert!(!home.path().join("data/concert/coordinator/journal").exists());
}

#[test]
fn without_the_notices_read_nothing_is_made() {
    let home = home();
    campaign(home.path(), "cohort = 50", "cohort = 50");
    let declined = coordinator(home.path(), &["init", "--from", "campaign.toml"]).stdin("yes\n");
    let said = declined.output().unwrap();
    assert_eq!(said.status.code(), Some(4));
    assert!(
        String::from_utf8_lossy(&said.stderr)
            .ends_with("Error: You did not go on.\nNothing was made.\n")
    );
    assert!(!home.path().join("data").exists());
}

#[test]
fn a_wrong_key_names_its_line_in_words_and_as_json() {
    let home = home();
    campaign(home.path(), "firm = ", "frim = ");
    let said = coordinator(home.path(), &[&INIT[..], &["--json"]].concat()).output().unwrap();
    assert_eq!(said.status.code(), Some(78));
    let json: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!((&json["code"], &json["exit"]), (&"CAMPAIGN_FILE".into(), &78.into()));
    assert!(json["what"].as_str().unwrap().contains("unknown field `frim`"), "{json}");
}

#[test]
fn a_label_of_high_stakes_is_refused() {
    let home = home();
    campaign(home.path(), "concerns = []", "concerns = [\"credit\"]");
    let said = coordinator(home.path(), &INIT).output().unwrap();
    assert_eq!(said.status.code(), Some(78));
    let words = String::from_utf8(said.stderr).unwrap();
    assert!(
        words.contains(
            "Error: The label has to do with credit. False statements there can be crimes"
        ),
        "{words}"
    );
}

#[test]
fn what_is_not_there_or_no_transcript_is_said() {
    let home = home();
    coordinator(home.path(), &["status"]).assert().code(74);
    coordinator(home.path(), &["run"]).assert().code(74).stderr_eq(str![[r#"
Error: there is no journal at [..]/data/concert/coordinator/journal

hint: Check --state, or begin: coordinator init --from campaign.toml

"#]]);
    fs::write(home.path().join("t"), "nothing").unwrap();
    coordinator(home.path(), &["verify", "t"]).assert().code(6).stderr_eq(str![[r#"
ALARM: t: this is no transcript: it does not begin with "concert transcript 1".
Do not act on it.

hint: Compare with the transcript that others have; keep this file as evidence.

"#]]);
    coordinator(home.path(), &["verify", "none"]).assert().code(74);
    coordinator(home.path(), &["frobnicate"]).assert().code(2);
    coordinator(home.path(), &["man"]).assert().success();
    coordinator(home.path(), &["completions", "fish"]).assert().success();
}

#[test]
fn decisions_before_and_after_are_compared_with_intervals_and_power() {
    let home = home();
    let table = |accepted: [usize; 4]| {
        let mut text = String::from("minority,positive,accepted\n");
        for (cell, accepted) in accepted.into_iter().enumerate() {
            for row in 0..400 {
                writeln!(text, "{},{},{}", cell / 2, cell % 2, u8::from(row < accepted)).unwrap();
            }
        }
        text
    };
    fs::write(home.path().join("b.csv"), table([100, 320, 20, 160])).unwrap();
    fs::write(home.path().join("a.csv"), table([100, 320, 80, 300])).unwrap();
    let audit = ["audit", "--before", "b.csv", "--after", "a.csv"];
    let said = coordinator(home.path(), &audit).output().unwrap();
    let words = String::from_utf8(said.stdout).unwrap();
    assert!(words.starts_with("equalized odds violation: -0.250"), "{words}");
    assert!(words.contains(": improved") && words.contains("decisions are needed"), "{words}");
    fs::write(home.path().join("a.csv"), "minority,positive,accepted\n1,0,7\n").unwrap();
    coordinator(home.path(), &audit).assert().code(65).stderr_eq(str![[r#"
Error: a.csv: line 2: accepted = 7; allowed: 0 or 1.
Nothing was counted.

hint: The columns are minority, positive and accepted, each 0 or 1, one person a line.

"#]]);
}

#[test]
fn it_runs_until_it_is_told_to_end_and_owns_its_state() {
    use std::io::{BufRead as _, BufReader};
    let home = home();
    campaign(home.path(), "cohort = 50", "cohort = 50");
    coordinator(home.path(), &INIT).assert().success();
    for _ in 0..2 {
        let mut running = std::process::Command::new(cargo_bin("coordinator"))
            .args(["run", "--json", "--listen", "127.0.0.1:0"])
            .env("XDG_DATA_HOME", home.path().join("data"))
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        assert!(first.contains("\"event\":\"listening\""), "{first}");
        coordinator(home.path(), &["run", "--listen", "127.0.0.1:0"]).assert().code(75);
        let status = coordinator(home.path(), &["status"]).output().unwrap();
        assert!(!String::from_utf8(status.stdout).unwrap().contains("NOT RUNNING"));
        // Told as a terminal tells it.
        let told =
            std::process::Command::new("kill").arg("-INT").arg(running.id().to_string()).status();
        assert!(told.unwrap().success());
        assert_eq!(running.wait().unwrap().code(), Some(0));
        let last = lines.last().unwrap().unwrap();
        assert!(last.contains("\"event\":\"stopped\""), "{last}");
    }
    let transcript = home.path().join("data/concert/coordinator/transcript");
    coordinator(home.path(), &["verify", transcript.to_str().unwrap()]).assert().success();
}

#[test]
fn a_rehearsal_shows_the_whole_campaign_and_leaves_nothing() {
    let home = home();
    rewritten(home.path(), &FEW);
    let rehearse = ["rehearse", "--from", "campaign.toml"];
    let page = [&rehearse[..], &["--report", "report.html"]].concat();
    coordinator(home.path(), &page).assert().success().stdout_eq(str![[r#"
REHEARSAL, as if the campaign began now. Everybody in it is made up; nothing was kept or sent.

1. As planned: 14 members and 0 donors come and stay to the end
   What `coordinator run` shows:
   [..] ceremony: 0/5 keyholders have joined · enrolment opens [..] (in 7 days)
   [..] invites 0 used, 14 open · keyholders 5/5 up, can lose 1 · enrolment opens [..] (in 6 days 23 h)
   [..] enrolled 0 (each sum needs 12) · keyholders 5/5 up, can lose 1 · enrolment closes [..] (in 1 day 23 h)
   [..] selection collecting, 0 reports (needs 12) · keyholders 5/5 up, can lose 1 · selection closes [..] (in 1 day 23 h)
   [..] selection freezing, 14 reports (needs 12) · keyholders 5/5 up, can lose 1 · confirmation opens [..] (in 6 h)
   [..] between two sums · keyholders 5/5 up, can lose 1 · confirmation opens [..] (in 5 h 59 min)
   [..] confirmation collecting, 0 reports (needs 12) · keyholders 5/5 up, can lose 1 · confirmation closes [..] (in 1 day 23 h)
   [..] confirmation freezing, 14 reports (needs 12) · keyholders 5/5 up, can lose 1
   [..] over · keyholders 5/5 up, can lose 1
   sum           opened                     ended                      what came
   selection     [..] 14 reports
   confirmation  [..] 14 reports
   [..] of 10 members with a negative label are asked, [..] of them do it; 3 flips are wanted. With real people it will be another number.

2. A keyholder is lost: 12 members and 0 donors come, and keyholder 5 (C. Example) is silent once the first sum collects
   sum           opened                     ended                      what came
   selection     [..] 12 reports
   confirmation  [..] 12 reports; opened 18 h late
   Nothing is lost but time: the others waited, declared it lost, and recovered its part. 1 can be lost in all.

3. Too few come: 11 members and 0 donors come, where each sum needs 12
   sum           opened                     ended                      what came
   selection     [..] no result: closed with 11 of 12 needed; by design nothing was opened
   confirmation  - [..] no result: selection, which it needs, has no result
   Nobody is asked to report anything.

To think over:
   privacy.noise: everybody in a sum without noise must first type that a count of one may be them; some will rather leave.

"#]]);
    assert!(!home.path().join("data").exists(), "the state folder was not touched");
    let page = fs::read_to_string(home.path().join("report.html")).unwrap();
    assert!(page.contains("<p>REHEARSAL: nobody in this is real. "), "{page}");
    assert!(page.contains("14 reports of 14 that were sent in time"), "{page}");

    let few = [&rehearse[..], &["--members", "5", "--json"]].concat();
    let said = coordinator(home.path(), &few).output().unwrap();
    assert_eq!(said.status.code(), Some(78));
    let lines: Vec<serde_json::Value> = String::from_utf8(said.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [rehearsal, problem] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((&rehearsal["schema"], &rehearsal["event"]), (&1.into(), &"rehearsal".into()));
    assert_eq!(rehearsal["runs"][0]["members"], 5);
    assert_eq!(
        (&rehearsal["advice"][0]["key"], &rehearsal["advice"][0]["must"]),
        (&"privacy.cohort".into(), &true.into())
    );
    assert_eq!((&problem["code"], &problem["exit"]), (&"REHEARSAL".into(), &78.into()));
}

/// Answers to everything that `init` asks; wrong ones are followed by what is said to them.
const ANSWERS: [(&str, &str); 40] = [
    ("I have read this", ""),
    ("", "nothing was typed"),
    ("Neighbours", ""),
    ("neighbours.example", ""),
    ("vote.example", "\"vote.example\": "),
    ("vote.example:4433", ""),
    ("Fairer screening", ""),
    ("Example Rentals", ""),
    ("Whoever rents with support", ""),
    ("Would recommend the flat", ""),
    ("An opinion.", "11 characters; allowed: at least 40"),
    ("A member reports its own opinion in the firm's satisfaction form.", ""),
    ("horoscopes", "\"horoscopes\" is none of these"),
    ("", ""),
    ("2", "allowed: whole numbers from 3 to 15"),
    ("3", ""),
    ("Law Clinic", ""),
    ("clinic.example", ""),
    ("Neighbours", ""),
    ("Council", ""),
    ("council.example", ""),
    ("Neighbours", "at most half of the keyholders may be named by the organiser"),
    ("Students", ""),
    ("Library", ""),
    ("library.example", ""),
    ("City", ""),
    ("3", "allowed: 0, or 2 to 2"),
    ("2", ""),
    ("11", "allowed: whole numbers from 12 on"),
    ("12", ""),
    ("11", "allowed: whole numbers from 12 on"),
    ("12", ""),
    ("100", ""),
    ("0", "allowed: whole numbers from 1 on"),
    ("3", ""),
    ("", ""),
    ("in 2 days", ""),
    ("in 1 day", "that is too early"),
    ("in 3 days", ""),
    ("1 day", ""),
];
const MORE: [(&str, &str); 7] = [
    ("soon", "\"soon\": "),
    ("2 h", ""),
    ("13 h", "allowed: less than 13 h"),
    ("6 h", ""),
    ("name = \"age\", kind = \"numeric\", min = 18", "numeric needs min and max"),
    ("name = \"age\", kind = \"numeric\", min = 18, max = 100", ""),
    ("", ""),
];

fn lines<'a>(answers: impl Iterator<Item = &'a (&'a str, &'a str)>) -> String {
    answers.fold(String::new(), |typed, (answer, _)| typed + answer + "\n")
}

#[test]
fn everything_is_asked_and_wrong_answers_are_asked_again() {
    let home = home();
    let all = || ANSWERS.iter().chain(&MORE);
    let typed = lines(all());
    let asked = coordinator(home.path(), &["init"]).stdin(typed).output().unwrap();
    let says = String::from_utf8(asked.stderr).unwrap();
    assert!(asked.status.success(), "{says}");
    let mut rest = says.as_str();
    for (answer, why) in all() {
        let place = rest.find(why).unwrap_or_else(|| panic!("{answer}: {why} is not in {rest}"));
        rest = &rest[place + why.len()..];
    }
    assert!(home.path().join("data/concert/coordinator/journal").exists());
    let made = String::from_utf8(asked.stdout).unwrap();
    assert!(made.contains("Tell the 3 keyholders"), "{made}");
}

#[test]
fn a_label_that_is_refused_ends_the_questions() {
    let until_label = lines(ANSWERS[..12].iter());
    for (typed, code) in [("credit, exam\n\n", 78), ("credit\nBecause.\n\n", 78)] {
        let home = home();
        let asked = coordinator(home.path(), &["init"]).stdin(until_label.clone() + typed);
        let asked = asked.output().unwrap();
        let says = String::from_utf8(asked.stderr).unwrap();
        assert_eq!(asked.status.code(), Some(code), "{says}");
        assert!(says.contains("Error: The label has to do with credit"), "{says}");
        assert!(!home.path().join("data").exists());
    }
}

#[test]
fn completions_and_manual_know_every_command() {
    let home = home();
    let said = |arguments: &[&str]| {
        let said = coordinator(home.path(), arguments).output().unwrap();
        assert!(said.status.success(), "{arguments:?}");
        String::from_utf8(said.stdout).unwrap()
    };
    let commands = [
        "init",
        "rehearse",
        "invite",
        "run",
        "status",
        "verify",
        "report",
        "audit",
        "backup",
        "destroy",
        "completions",
        "man",
    ];
    let page = said(&["man"]);
    assert!(page.starts_with(".ie") && page.contains(".TH coordinator 1"), "{page}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = said(&["completions", shell]);
        for command in commands {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    for command in commands {
        assert!(
            page.contains(&format!("coordinator\\-{command}(1)")),
            "{command} is not in {page}"
        );
        let help = said(&[command, "--help"]);
        assert!(help.contains(&format!("Usage: coordinator {command}")), "{help}");
        let own = said(&["man", command]);
        assert!(own.contains(&format!(".TH coordinator-{command} 1")), "{own}");
    }
}

#[test]
fn a_backup_is_gone_on_from() {
    let home = home();
    campaign(home.path(), "cohort = 50", "cohort = 50");
    coordinator(home.path(), &INIT).assert().success();
    let invite = ["invite", "--keyholder", "--out", "codes.txt"];
    coordinator(home.path(), &invite).assert().success();
    let status = |state: &str| {
        let said =
            coordinator(home.path(), &["--state", state, "status", "--json"]).output().unwrap();
        let mut json: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
        json["at_millis"].take();
        json
    };
    let before = status("data/concert/coordinator");
    coordinator(home.path(), &["backup", "--out", "copy"]).assert().success().stdout_eq(str![[r#"
copy holds a whole copy, with the campaign's keys. Never run both: one journal must not be continued twice.

"#]]);
    coordinator(home.path(), &["backup", "--out", "copy"]).assert().code(74).stderr_eq(str![[r#"
Error: copy exists already
It was left as it is.

hint: Name another file, or move the old one away first.

"#]]);
    fs::remove_dir_all(home.path().join("data")).unwrap();
    assert_eq!(status("copy"), before);
    // The copy invites with the same keys, and makes the same campaign.
    let again = ["--state", "copy", "invite", "--keyholder", "--seat", "2", "--out", "again.txt"];
    coordinator(home.path(), &again).assert().success();
    let group = |file: &str| {
        let codes = fs::read_to_string(home.path().join(file)).unwrap();
        codes.lines().next().unwrap().split('-').nth(1).unwrap().to_owned()
    };
    assert_eq!(group("codes.txt"), group("again.txt"), "address and certificate stand first");
}
