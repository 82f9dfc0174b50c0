//! Every way the organiser's program fails: its words, and its exit code.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![expect(
    clippy::needless_raw_string_hashes,
    reason = "as the snapshots are written by their tool"
)]

mod typed;

use std::fs;

use snapbox::{data::Inline, str};

use typed::{coordinator, example};

/// What `init` says of the example with one change, and how it ends.
fn refused(from: &str, to: &str, says: Inline) {
    let home = tempfile::tempdir().unwrap();
    let text = example(home.path());
    assert!(text.contains(from), "{from}");
    fs::write(home.path().join("c.toml"), text.replacen(from, to, 1)).unwrap();
    // A rehearsal makes nothing and shows no notices first.
    let rehearse = ["rehearse", "--from", "c.toml"];
    coordinator(home.path(), &rehearse).assert().code(78).stderr_eq(says);
    let init = ["init", "--from", "c.toml", "--notices-read"];
    coordinator(home.path(), &init).assert().code(78);
    assert!(!home.path().join("data").exists());
}

#[test]
fn a_file_that_cannot_stand_names_line_value_and_what_is_allowed() {
    refused(
        "patience = \"12 h\"",
        "patience = \"2 days\"",
        str![[r#"
Rehearsing with made-up people; this takes some seconds.
Error: c.toml: line [..]: times.patience = "2 days"; allowed: less than 1 day 3 h. A lost keyholder is waited for so long at the end of one sum and again at the beginning of the next, which would have closed by then. Make it shorter, or times.collecting or times.closing longer.
Nothing was made.

hint: Correct the file and run the same command again. Every key explained: coordinator init --example

"#]],
    );
    refused(
        "donors = 200",
        "donors = 40",
        str![[r#"
Rehearsing with made-up people; this takes some seconds.
Error: c.toml: line [..]: people.donors = 40; allowed: at least 50, which is privacy.cohort. What fewer lend is never opened.
Nothing was made.

hint: Correct the file and run the same command again. Every key explained: coordinator init --example

"#]],
    );
    refused(
        "cohort = 50",
        "cohort = 5",
        str![[r#"
Rehearsing with made-up people; this takes some seconds.
Error: c.toml: line [..]: privacy.cohort: the smallest cohort is 5; at least 12 is allowed.
Nothing was made.

hint: Correct the file and run the same command again. Every key explained: coordinator init --example

"#]],
    );
    refused(
        "in 9 days",
        "in 6 days",
        str![[r#"
Rehearsing with made-up people; this takes some seconds.
Error: c.toml: line [..]: times are out of order; allowed: now, then issue_closes, then enrolment_opens, then enrolment_closes.
Nothing was made.

hint: Correct the file and run the same command again. Every key explained: coordinator init --example

"#]],
    );
    refused(
        "\nfirm = ",
        "\nfrim = ",
        str![[r#"
Error: c.toml: TOML parse error at line [..], column 1
   |
[..] | frim = "Example Rentals"
   | ^^^^
unknown field `frim`, expected one of `purpose`, `firm`, `group`, `label`
Nothing was made.

hint: Correct the file and run the same command again. Every key explained: coordinator init --example

"#]],
    );
    refused(
        "concerns = []",
        "concerns = [\"credit\", \"exam\"]",
        str![[r#"
Rehearsing with made-up people; this takes some seconds.
Error: The label has to do with credit, the integrity of exams. False statements there can be crimes or fraud, and can hurt others.
Nothing was made.

hint: Do not run this campaign. If counsel has cleared it, write honesty.concerns_statement: who has advised, and why nobody is made to say anything false.

"#]],
    );
}

#[test]
fn what_is_typed_wrongly_is_said_before_anything_is_done() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("c.toml"), example(home.path())).unwrap();
    let init = ["init", "--from", "c.toml", "--notices-read"];
    coordinator(home.path(), &init).assert().success();
    let says = |arguments: &[&str], code: i32, says: Inline| {
        coordinator(home.path(), arguments).assert().code(code).stderr_eq(says);
    };
    says(
        &["invite", "--keyholder", "--seat", "9", "--out", "o.txt"],
        2,
        str![[r#"
Error: --seat 9: the plan has seats 1 to 5.
Nothing was made.

"#]],
    );
    says(
        &["invite", "--keyholder", "--expires", "soon", "--out", "o.txt"],
        2,
        str![[r#"
Error: --expires soon: not a length of time: write "14d", "36h" or "90min"; months and years have no fixed length.
Nothing was made.

"#]],
    );
    says(
        &["run", "--linger", "often"],
        2,
        str![[r#"
Error: --linger: not a length of time: write "14d", "36h" or "90min"; months and years have no fixed length.
It was not started.

"#]],
    );
    // There is no transcript yet, but there is a journal.
    says(
        &["report", "--out", "report.docx"],
        2,
        str![[r#"
Error: report.docx says no format.
Nothing was written.

hint: Name it .html, .json or .csv, or add --format.

"#]],
    );
    coordinator(home.path(), &["report", "--out", "report.json"]).assert().success();
    says(
        &["man", "frob"],
        2,
        str![[r#"
Error: There is no command "frob".

hint: coordinator --help lists them.

"#]],
    );
    assert!(!home.path().join("o.txt").exists());

    let nobody = std::net::UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let taken = nobody.local_addr().unwrap().to_string();
    says(
        &["run", "--listen", &taken],
        69,
        str![[r#"
Error: cannot listen on 127.0.0.1:[..]: Address already in use (os error 98).
Nothing was changed.

hint: Stop the program that uses this port, or choose another address with --listen.

"#]],
    );
}

#[test]
fn a_state_that_is_missing_begun_or_damaged_is_left_as_it_is() {
    use host::journal::Journal;
    let home = tempfile::tempdir().unwrap();
    let says = |state: &str, says: Inline| {
        let status = ["--state", state, "status"];
        coordinator(home.path(), &status).assert().code(74).stderr_eq(says);
    };
    says(
        "nowhere",
        str![[r#"
Error: there is no journal at nowhere/journal

hint: Check --state, or begin: coordinator init --from campaign.toml

"#]],
    );
    let begun = home.path().join("begun");
    host::files::private_folder(&begun).unwrap();
    drop(Journal::create(&begun.join("journal")).unwrap());
    says(
        "begun",
        str![[r#"
Error: begun was begun and not finished.

hint: Remove the folder and run init again; nobody was invited yet.

"#]],
    );
    let damaged = home.path().join("damaged");
    host::files::private_folder(&damaged).unwrap();
    Journal::create(&damaged.join("journal")).unwrap().append(&[[1, 2, 3]]).unwrap();
    says(
        "damaged",
        str![[r#"
Error: damaged/journal is damaged: a record cannot be read.
It was not used, and nothing was sent.

hint: Restore it from a backup.

"#]],
    );
}
