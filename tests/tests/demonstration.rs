//! The demo, run as a stranger runs it: what it tells is true of the transcript that it leaves, and can be read in a terminal.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::fs;
use std::process::Command;

use protocol::campaign::Kind;
use protocol::transcript::{Transcript, file};

/// Of the terminal, in characters.
const WIDTH: usize = 100;

#[test]
fn what_the_demo_tells_is_what_the_transcript_holds() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Command::new(env!("CARGO_BIN_EXE_demo")).arg(folder.path()).output().unwrap();
    let told = String::from_utf8(demo.stdout).unwrap();
    assert!(demo.status.success(), "{told}{}", String::from_utf8_lossy(&demo.stderr));
    let bytes = fs::read(folder.path().join("transcript")).unwrap();
    let transcript = file::follow(&bytes, |_, _, _| {}).unwrap();

    for chapter in 1..=8 {
        assert!(told.contains(&format!("\n{chapter}. ")), "chapter {chapter} is missing");
    }
    let plan = transcript.plan();
    let campaign = transcript.manifest().unwrap().1.campaign();
    for id in [plan.id().to_string(), campaign.to_string(), transcript.head().to_string()] {
        assert!(told.contains(&id), "{id}");
    }
    sums(&told, &transcript);
    let reported = transcript.sum(plan.of_kind(Kind::Selection).unwrap()).unwrap();
    let leaf = reported.leaves().unwrap()[0];
    for part in [leaf.reporter.to_string(), leaf.id.to_string(), leaf.leaf.to_string()] {
        assert!(told.contains(&part), "{part}");
    }
    assert!(told.contains("    verify: OK\n"));
    readable(&told);
}

/// As they were opened.
fn sums(told: &str, transcript: &Transcript) {
    let plan = transcript.plan();
    let number = |words: &str| -> usize {
        let line = told.lines().find(|line| line.contains(words));
        let line = line.unwrap_or_else(|| panic!("\"{words}\" is not told"));
        let digits = line.split(|of: char| !of.is_ascii_digit()).find(|of| !of.is_empty());
        digits.unwrap().parse().unwrap()
    };
    assert_eq!(number(" on the list"), transcript.roster().unwrap().len());
    for (kind, words) in [
        (Kind::Regressor, "by donors: "),
        (Kind::Selection, "by members: "),
        (Kind::Confirmation, "have done: "),
    ] {
        let (_, outcome) = transcript.sum(plan.of_kind(kind).unwrap()).unwrap().outcome().unwrap();
        let said = format!("{words}{} reports in the sum", outcome.accepted);
        assert!(told.contains(&said), "{said}");
    }
    let counts = transcript.opened(plan.of_kind(Kind::Confirmation).unwrap()).unwrap().values();
    let said = ["asked and flipped: ", "asked and kept: ", "  not asked: ", "no candidates: "];
    for (words, count) in said.into_iter().zip(counts) {
        assert_eq!(i64::try_from(number(words)).unwrap(), count, "{words}");
    }
}

/// No line is broken by the terminal, and the two screens stand side by side.
fn readable(told: &str) {
    for line in told.lines() {
        assert!(line.chars().count() <= WIDTH && !line.ends_with(' '), "{line:?}");
        assert!(!line.contains(" 1 pseudonyms") && !line.contains(" 1 reports"), "{line}");
    }
    let screens = told.split("\n6. ").nth(1).unwrap().split("\n7. ").next().unwrap();
    let rows: Vec<&str> = screens.lines().filter(|line| line.contains(" | ")).collect();
    let place = |row: &str| row.chars().position(|of| of == '|').unwrap();
    assert!(rows.len() > 10 && rows.iter().all(|row| place(row) == place(rows[0])), "{screens}");
    assert!(rows[2].contains("You are asked") && rows[2].contains("No change"), "{}", rows[2]);
}
