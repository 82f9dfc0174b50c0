//! A private folder: files that are read within a limit and replaced in one step, and a journal.
//!
//! No name of a file comes from anybody else.

use host::{
    Problem,
    files::{self, Audience, FileError},
    journal::{Journal, JournalError},
};
use protocol::{
    exit::Exit,
    invite::{CODE_BYTES_MAX, Invite},
};
use serde::{Serialize, de::DeserializeOwned};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The file of the invite's code.
pub(crate) const INVITE: &str = "invite";
/// The machine's journal.
pub(crate) const JOURNAL: &str = "journal";

/// A folder for its owner's eyes.
#[derive(Clone, Debug)]
pub(crate) struct Private {
    path: PathBuf,
    /// The longest file of settings, in bytes.
    bytes_max: usize,
    /// What to do about a damaged file.
    remedy: &'static str,
}

impl Private {
    /// At `path`; nothing is made yet.
    pub(crate) const fn new(path: PathBuf, bytes_max: usize, remedy: &'static str) -> Self {
        Self { path, bytes_max, remedy }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn make(&self) -> Result<(), FileError> {
        files::private_folder(&self.path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A file, if it is there.
    pub(crate) fn read(
        &self,
        name: &str,
        limit: usize,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Problem> {
        match files::read_private(&self.file(name), limit) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(FileError::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Problem> {
        let Some(bytes) = self.read(name, self.bytes_max)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|_| self.damaged(name))
    }

    pub(crate) fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<(), Problem> {
        let bytes = serde_json::to_vec(value).map(Zeroizing::new);
        let bytes = bytes.expect("flags, numbers, texts and lists serialise");
        Ok(files::replace(&self.file(name), &bytes, Audience::Owner)?)
    }

    pub(crate) fn invite(&self) -> Result<Option<Invite>, Problem> {
        let Some(bytes) = self.read(INVITE, CODE_BYTES_MAX)? else { return Ok(None) };
        let text = std::str::from_utf8(&bytes).map_err(|_| self.damaged(INVITE))?;
        Invite::parse(text).map(Some).map_err(|_| self.damaged(INVITE))
    }

    pub(crate) fn keep_invite(&self, invite: &Invite) -> Result<(), Problem> {
        Ok(files::replace(&self.file(INVITE), invite.code().as_bytes(), Audience::Owner)?)
    }

    /// The journal, to be written; made if it is not there.
    pub(crate) fn journal(&self) -> Result<Journal, JournalError> {
        let path = self.file(JOURNAL);
        match Journal::open(&path) {
            Err(JournalError::Missing { .. }) => Journal::create(&path),
            other => other,
        }
    }

    /// The journal, beside a program that may be writing it, if it is there.
    pub(crate) fn read_journal(&self) -> Result<Option<Journal>, Problem> {
        match Journal::read(&self.file(JOURNAL)) {
            Ok(journal) => Ok(Some(journal)),
            Err(JournalError::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn damaged(&self, name: &str) -> Problem {
        let what = format!("{} is not what this program has written.", self.file(name).display());
        Problem::new(Exit::Io, "STATE_DAMAGED", what)
            .safe("It was not used, and nothing was sent.")
            .next(self.remedy)
    }
}
