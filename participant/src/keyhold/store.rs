//! What a keyholder keeps on this machine: a private folder with its invite, what its person has agreed to, and the
//! journal that holds its secrets.

use super::holder::Permission;
use host::{
    Problem,
    drive::Keep,
    files::{self, Audience, FileError},
    journal::{Journal, JournalError},
};
use protocol::{
    codec,
    exit::Exit,
    ids::SeatSet,
    invite::{CODE_BYTES_MAX, Invite},
    roles::keyholder::Record,
};
use serde::{Deserialize, Serialize};
use std::{fmt, path::PathBuf};
use zeroize::Zeroizing;

const FILE_BYTES_MAX: usize = 64 << 10;
const VERSION: u32 = 1;

const INVITE: &str = "invite";
const STANDING: &str = "seat.json";
const LOST: &str = "lost.json";
const JOURNAL: &str = "journal";

/// What the person has agreed to so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// Of this file.
    pub version: u32,
    /// The person holds the seat.
    pub accepted: bool,
    /// The person has compared all fingerprints.
    pub compared: bool,
}

impl Default for Standing {
    fn default() -> Self {
        Self { version: VERSION, accepted: false, compared: false }
    }
}

impl Standing {
    /// How far the machine may go.
    pub const fn permission(self) -> Permission {
        match (self.accepted, self.compared) {
            (true, true) => Permission::All,
            (true, false) => Permission::Keys,
            (false, _) => Permission::Look,
        }
    }
}

/// Everything that makes somebody this keyholder. Secret.
#[derive(Serialize, Deserialize)]
pub struct Bundle {
    /// The invite's code.
    pub code: String,
    /// What the person has agreed to.
    pub standing: (bool, bool),
    /// The journal.
    pub records: Vec<Record>,
}

impl Drop for Bundle {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.code);
    }
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bundle([redacted])")
    }
}

/// The folder of one keyholder.
#[derive(Clone, Debug)]
pub struct SeatFolder {
    path: PathBuf,
}

impl SeatFolder {
    /// At `path`. Nothing is made yet.
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    pub const fn path(&self) -> &PathBuf {
        &self.path
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn read(&self, name: &str, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, Problem> {
        match files::read_private(&self.file(name), limit) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(FileError::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn damaged(&self, name: &str) -> Problem {
        let what = format!("{} is not what this program has written.", self.file(name).display());
        Problem::new(Exit::Io, "STATE_DAMAGED", what)
            .safe("It was not used, and nothing was sent.")
            .next("Restore it: participant keyhold import-key")
    }

    /// The invite, if there is one.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn invite(&self) -> Result<Option<Invite>, Problem> {
        let Some(bytes) = self.read(INVITE, CODE_BYTES_MAX)? else { return Ok(None) };
        let text = std::str::from_utf8(&bytes).map_err(|_| self.damaged(INVITE))?;
        Invite::parse(text).map(Some).map_err(|_| self.damaged(INVITE))
    }

    /// Makes the folder and keeps the invite.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn begin(&self, invite: &Invite) -> Result<(), Problem> {
        files::private_folder(&self.path)?;
        Ok(files::replace(&self.file(INVITE), invite.code().as_bytes(), Audience::Owner)?)
    }

    /// What the person has agreed to.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn standing(&self) -> Result<Standing, Problem> {
        let Some(bytes) = self.read(STANDING, FILE_BYTES_MAX)? else {
            return Ok(Standing::default());
        };
        serde_json::from_slice(&bytes).map_err(|_| self.damaged(STANDING))
    }

    /// Keeps what the person has agreed to.
    ///
    /// # Errors
    /// [`Problem`].
    ///
    /// # Panics
    /// Never: flags serialise.
    pub fn keep_standing(&self, standing: Standing) -> Result<(), Problem> {
        let bytes = serde_json::to_vec(&standing).expect("flags serialise");
        Ok(files::replace(&self.file(STANDING), &bytes, Audience::Owner)?)
    }

    /// Whom the person has declared lost; nobody if that cannot be read.
    pub fn lost(&self) -> SeatSet {
        let bytes = self.read(LOST, FILE_BYTES_MAX).ok().flatten();
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Keeps whom the person declares lost; a program that runs in this folder hears it.
    ///
    /// # Errors
    /// [`Problem`].
    ///
    /// # Panics
    /// Never: a set of seats serialises.
    pub fn keep_lost(&self, lost: SeatSet) -> Result<(), Problem> {
        let bytes = serde_json::to_vec(&lost).expect("a set of seats serialises");
        Ok(files::replace(&self.file(LOST), &bytes, Audience::Owner)?)
    }

    /// The journal, to be written; made if it is not there.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn journal(&self) -> Result<Kept, Problem> {
        let path = self.file(JOURNAL);
        let journal = match Journal::open(&path) {
            Err(JournalError::Missing { .. }) => Journal::create(&path)?,
            other => other?,
        };
        let records = self.decode(&journal)?;
        Ok(Kept { journal, records })
    }

    /// The journal's records, beside a program that may be writing it; none if there is no journal.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn records(&self) -> Result<Vec<Record>, Problem> {
        match Journal::read(&self.file(JOURNAL)) {
            Ok(journal) => self.decode(&journal),
            Err(JournalError::Missing { .. }) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    fn decode(&self, journal: &Journal) -> Result<Vec<Record>, Problem> {
        let bytes: Vec<Zeroizing<Vec<u8>>> =
            journal.records()?.into_iter().map(Zeroizing::new).collect();
        let records =
            bytes.iter().map(|bytes| codec::decode::<Record, { codec::MESSAGE_BYTES_MAX }>(bytes));
        records.collect::<Result<_, _>>().map_err(|_| self.damaged(JOURNAL))
    }
}

/// A keyholder's journal: secrets replace those before them, on the disk too.
#[derive(Debug)]
pub struct Kept {
    journal: Journal,
    records: Vec<Record>,
}

impl Kept {
    /// What it holds, in order.
    pub fn records(&self) -> &[Record] {
        &self.records
    }
}

const fn is_secret(record: &Record) -> bool {
    matches!(record, Record::Secrets(_))
}

impl Keep<Record> for Kept {
    fn keep(&mut self, records: &[Record]) -> Result<(), JournalError> {
        let encode = |record: &Record| Zeroizing::new(codec::encode(record));
        if !records.iter().any(is_secret) {
            let bytes: Vec<_> = records.iter().map(encode).collect();
            self.journal.append(&bytes)?;
            self.records.extend_from_slice(records);
            return Ok(());
        }
        let newest = records.iter().rposition(is_secret);
        let mut all: Vec<Record> =
            self.records.iter().filter(|record| !is_secret(record)).cloned().collect();
        let kept = (0..)
            .zip(records)
            .filter(|(place, record)| !is_secret(record) || Some(*place) == newest);
        all.extend(kept.map(|(_, record)| record.clone()));
        let bytes: Vec<_> = all.iter().map(encode).collect();
        self.journal.replace_all(&bytes)?;
        self.records = all;
        Ok(())
    }
}
