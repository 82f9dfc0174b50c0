//! What a keyholder keeps on this machine: a private folder with its invite, what its person has agreed to, and the
//! journal that holds its secrets.

use super::holder::Permission;
use crate::private::{JOURNAL, Private};
use host::{
    Problem,
    drive::Keep,
    journal::{Journal, JournalError},
};
use protocol::{codec, ids::SeatSet, invite::Invite, roles::keyholder::Record};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

const FILE_BYTES_MAX: usize = 64 << 10;
const VERSION: u32 = 1;

const STANDING: &str = "seat.json";
const LOST: &str = "lost.json";

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
    private: Private,
}

impl SeatFolder {
    /// At `path`. Nothing is made yet.
    pub const fn new(path: PathBuf) -> Self {
        let remedy = "Restore it: participant keyhold import-key";
        Self { private: Private::new(path, FILE_BYTES_MAX, remedy) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.private.path()
    }

    /// The invite, if there is one.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn invite(&self) -> Result<Option<Invite>, Problem> {
        self.private.invite()
    }

    /// Makes the folder and keeps the invite.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn begin(&self, invite: &Invite) -> Result<(), Problem> {
        self.private.make()?;
        self.private.keep_invite(invite)
    }

    /// What the person has agreed to.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn standing(&self) -> Result<Standing, Problem> {
        Ok(self.private.read_json(STANDING)?.unwrap_or_default())
    }

    /// Keeps what the person has agreed to.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn keep_standing(&self, standing: Standing) -> Result<(), Problem> {
        self.private.write_json(STANDING, &standing)
    }

    /// Whom the person has declared lost; nobody if that cannot be read.
    pub fn lost(&self) -> SeatSet {
        self.private.read_json(LOST).ok().flatten().unwrap_or_default()
    }

    /// Keeps whom the person declares lost; a program that runs in this folder hears it.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn keep_lost(&self, lost: SeatSet) -> Result<(), Problem> {
        self.private.write_json(LOST, &lost)
    }

    /// The journal, to be written; made if it is not there.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn journal(&self) -> Result<Kept, Problem> {
        let journal = self.private.journal()?;
        let records = self.decode(&journal)?;
        Ok(Kept { journal, records })
    }

    /// The journal's records, beside a program that may be writing it; none if there is no journal.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn records(&self) -> Result<Vec<Record>, Problem> {
        self.private.read_journal()?.map_or_else(|| Ok(Vec::new()), |journal| self.decode(&journal))
    }

    fn decode(&self, journal: &Journal) -> Result<Vec<Record>, Problem> {
        let bytes: Vec<Zeroizing<Vec<u8>>> =
            journal.records()?.into_iter().map(Zeroizing::new).collect();
        let records =
            bytes.iter().map(|bytes| codec::decode::<Record, { codec::MESSAGE_BYTES_MAX }>(bytes));
        records.collect::<Result<_, _>>().map_err(|_| self.private.damaged(JOURNAL))
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
