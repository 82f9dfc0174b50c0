//! The program as it is typed, in a home of its own.

use std::path::Path;

use snapbox::cmd::{Command, cargo_bin};

pub(crate) fn coordinator(home: &Path, arguments: &[&str]) -> Command {
    Command::new(cargo_bin("coordinator"))
        .args(arguments)
        .current_dir(home)
        .env("XDG_DATA_HOME", home.join("data"))
        .env("TZ", "UTC")
        .env("NO_COLOR", "1")
}

/// The campaign file that the program explains itself by.
pub(crate) fn example(home: &Path) -> String {
    let example = coordinator(home, &["init", "--example"]).output().unwrap().stdout;
    String::from_utf8(example).unwrap()
}
