//! What the documents say about the code: names of tests, labels, variants and limits that they quote exist.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use protocol::aggregation::{Coordinate, GramSpec, GridSpec};
use protocol::campaign::{
    AGGREGATIONS_MAX, COHORT_FLOOR, PUBLISHED_MAX, REJECTED_PERCENT_MAX, TEXT_BYTES_MAX, VERSION,
};
use protocol::codec::MESSAGE_BYTES_MAX;
use protocol::invite::CODE_BYTES_MAX;
use protocol::keys::seal::PLAINTEXT_BYTES_MAX;
use protocol::keys::vss::{SEATS_MAX, SEATS_MIN};
use protocol::messages::{CHUNK_REPORTS, ENTRIES_MAX};
use protocol::report::TOKEN_BYTES_MAX;
use protocol::roles::coordinator::{
    ENROLMENTS_MAX, ENTRIES_BYTES_MAX, INVITES_MAX, WITHDRAWALS_MAX,
};
use protocol::selection::open_scores::OPEN_SCORES_BELOW;
use protocol::selection::threshold::Rule;
use protocol::wire::{GREETING_BYTES_MAX, PARTICIPANT_ASK_BYTES_MAX};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// All sources, one after the other.
fn sources() -> String {
    fn walk(folder: &Path, text: &mut String) {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                walk(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut text = String::new();
    for package in [
        "protocol/src",
        "protocol/host/src",
        "sims/src",
        "coordinator",
        "participant/src",
        "tests/tests",
    ] {
        walk(&root().join(package), &mut text);
    }
    text
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn is_test_name(word: &str) -> bool {
    word.matches('_').count() >= 3
        && word.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
}

#[test]
fn tests_that_documents_name_exist() {
    let sources = sources();
    for document in ["docs/THREAT_MODEL.md", "docs/ARCHITECTURE.md", "docs/OPERATING.md"] {
        let text = read(document);
        let names: Vec<&str> = quoted(&text).filter(|word| is_test_name(word)).collect();
        assert!(names.len() > 10, "{document} names {} tests", names.len());
        for name in names {
            assert!(sources.contains(&format!("fn {name}(")), "{document}: {name}");
        }
    }
}

/// The rows of the table of failures, without what stands between them and around their cells.
fn failures() -> Vec<[String; 5]> {
    let text = read("docs/OPERATING.md");
    let table = text.split("| case | code | exit | screen | tests |").nth(1).unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| -> Vec<String> {
        row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    rows.map(|row| cells(row).try_into().unwrap()).collect()
}

/// The name of an exit code, from its source.
fn exit_name(code: &str) -> String {
    let table = read("protocol/src/exit.rs");
    let arm = table.split(&format!(" => {code},")).next().unwrap();
    arm.rsplit("Self::").next().unwrap().to_owned()
}

#[test]
fn every_failure_has_its_screen_its_exit_code_and_its_test() {
    let sources = sources().split_whitespace().collect::<Vec<_>>().join(" ");
    let rows = failures();
    assert!(rows.len() > 20, "{} rows", rows.len());
    for [case, code, exit, screen, tests] in rows {
        assert!(quoted(&tests).any(is_test_name), "{case} has no test");
        if exit != "-" {
            let code = quoted(&code).next().unwrap();
            // As a test of a program or of a command demands it.
            let demanded = [exit.clone(), format!("Exit::{}", exit_name(&exit))]
                .map(|exit| format!("{exit}, \"{code}\""));
            let demands = |of: &String| sources.contains(of);
            assert!(demanded.iter().any(demands), "{case}: no test demands {demanded:?}");
        }
        if let Some(screen) = quoted(&screen).next() {
            let words = read(&format!("participant/tests/screens/{screen}.txt"));
            assert!(!words.is_empty(), "{case}");
        } else {
            assert_eq!(screen, "-", "{case}");
        }
    }
}

#[test]
fn the_protocol_lists_every_label() {
    let (text, keys) = (read("docs/PROTOCOL.md"), read("protocol/src/keys.rs"));
    let labels: Vec<&str> =
        keys.split("b\"concert/v1/").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(labels.len() > 25);
    for label in &labels {
        assert!(text.contains(&format!("`concert/v1/{label}`")), "{label} is missing");
    }
    let listed = text.matches("`concert/v1/").count();
    assert_eq!(listed, labels.len(), "a label is listed that does not exist");
}

/// The variants of an enum, from its source.
fn variants(source: &str, name: &str) -> Vec<String> {
    let body = source.split(&format!("pub enum {name} {{")).nth(1).unwrap();
    let body = body.split("\n}").next().unwrap();
    let is_variant = |line: &&str| {
        line.starts_with("    ") && line.chars().nth(4).is_some_and(|c| c.is_ascii_uppercase())
    };
    body.lines()
        .filter(is_variant)
        .map(|line| line.trim().chars().take_while(char::is_ascii_alphanumeric).collect())
        .collect()
}

#[test]
fn the_protocol_lists_every_post_and_every_refusal() {
    let text = read("docs/PROTOCOL.md");
    let (posts, messages) =
        (read("protocol/src/transcript/post.rs"), read("protocol/src/messages.rs"));
    let listed = variants(&posts, "Post");
    assert_eq!(listed.len(), 22);
    for (number, name) in listed.iter().enumerate() {
        assert!(text.contains(&format!("| {number} | `{name}` |")), "post {number}, {name}");
    }
    for (source, name) in [(&messages, "Reject"), (&posts, "AbortReason")] {
        for variant in variants(source, name) {
            assert!(text.contains(&format!("| `{variant}` |")), "{name}::{variant}");
        }
    }
}

/// Every row of section 12 as the constants have it.
fn limits() -> Vec<(&'static str, String)> {
    let mib = |bytes: usize| format!("{} MiB", bytes >> 20);
    let (rows, cells) = (GridSpec::ROWS_MAX, thousands(GridSpec::CELLS_MAX.into()));
    let all = thousands(usize::try_from(GridSpec::LEN_MAX).unwrap());
    let bytes = |number: usize| format!("{} bytes", thousands(number));
    let (entries, coordinates) = (mib(ENTRIES_BYTES_MAX), GramSpec::COORDINATES_MAX);
    vec![
        ("message", mib(MESSAGE_BYTES_MAX)),
        ("entries in an answer", format!("{ENTRIES_MAX}, and {entries} unless one is longer")),
        ("reports in a chunk", CHUNK_REPORTS.to_string()),
        ("enrolments", thousands(ENROLMENTS_MAX)),
        ("invites", thousands(INVITES_MAX)),
        ("text that is read as a code", bytes(CODE_BYTES_MAX)),
        ("greeting", bytes(GREETING_BYTES_MAX)),
        ("question of a participant", mib(PARTICIPANT_ASK_BYTES_MAX)),
        ("token", bytes(TOKEN_BYTES_MAX)),
        ("withdrawals of one key in an aggregation", WITHDRAWALS_MAX.to_string()),
        ("text of a plan", bytes(TEXT_BYTES_MAX)),
        ("aggregations", AGGREGATIONS_MAX.to_string()),
        ("members with open scores", format!("fewer than {OPEN_SCORES_BELOW}")),
        ("published sample", format!("{} records", thousands(PUBLISHED_MAX))),
        ("seats", SEATS_MAX.to_string()),
        ("sealed plaintext", bytes(PLAINTEXT_BYTES_MAX)),
        ("grid", format!("{rows} rows, {cells} cells in a row, {all} in all")),
        ("Gram", format!("{coordinates} coordinates of 1 to {} bits", Coordinate::BITS.end())),
        ("rejected", format!("{REJECTED_PERCENT_MAX} in 100")),
    ]
}

/// 4,000.
fn thousands(number: usize) -> String {
    if number < 1_000 {
        return number.to_string();
    }
    format!("{},{:03}", number / 1_000, number % 1_000)
}

#[test]
fn the_protocols_limits_are_those_of_the_code() {
    let text = read("docs/PROTOCOL.md");
    let section = text.split("\n## 12. Limits\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let listed: Vec<_> = rows.skip(1).map(str::to_owned).collect();
    let expected: Vec<_> = limits().iter().map(|(what, most)| format!("{what} | {most}")).collect();
    assert_eq!(listed, expected);

    // What plans are refused by, in section 4.
    for words in [
        format!("the version is {VERSION};"),
        format!("longer than {} bytes", thousands(TEXT_BYTES_MAX)),
        format!("{SEATS_MIN} <= T <= {SEATS_MAX}"),
        format!("K >= {COHORT_FLOOR}"),
        format!("below\n{} thousandths", thousands(Rule::NO_SHOW_MILLI_BELOW.into())),
        format!("there are 1 to {AGGREGATIONS_MAX} aggregations"),
        format!("at most {} reporters", OPEN_SCORES_BELOW - 1),
    ] {
        let unfolded = |text: &str| text.replace('\n', " ");
        assert!(unfolded(&text).contains(&unfolded(&words)), "{words}");
    }
}
