//! A machine's journal: its records in order, durable before anything that depends on them is sent.
//!
//! One `SQLite` file, written ahead and fully synchronised: what was appended survives the end of the process and of
//! the power. A lock file names the one process that owns it; others may read. A record carries a checksum, so
//! that a damaged disk is noticed and not believed.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use protocol::exit::Exit;
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior,
    params,
};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::{Problem, files};

/// `SQLite`'s `application_id`: "conc".
const APPLICATION: i32 = 0x636f_6e63;
/// Of the tables.
const VERSION: i32 = 1;
/// How long a reader waits for a writer.
const BUSY_MILLIS: u64 = 5_000;

/// Why a journal cannot be used. After a failed write the process stops: its machine knows more than its journal.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JournalError {
    /// There is none.
    #[error("there is no journal at {}", .path.display())]
    Missing {
        /// Where.
        path: PathBuf,
    },
    /// There is one already.
    #[error("there is a journal at {} already", .path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// Another process owns it.
    #[error("another process is using {}", .path.display())]
    Locked {
        /// Where.
        path: PathBuf,
    },
    /// The disk is full.
    #[error("no space is left for {}", .path.display())]
    NoSpace {
        /// Where.
        path: PathBuf,
    },
    /// It may not be written.
    #[error("{} cannot be written", .path.display())]
    ReadOnly {
        /// Where.
        path: PathBuf,
    },
    /// The bytes on the disk are not those that were written.
    #[error("{} is damaged", .path.display())]
    Corrupt {
        /// Where.
        path: PathBuf,
    },
    /// Of another version of the program, or of another program.
    #[error("{} is of version {got}; this program reads version {VERSION}", .path.display())]
    Version {
        /// Where.
        path: PathBuf,
        /// As found.
        got: i32,
    },
    /// Others may read it, or its folder cannot be used.
    #[error(transparent)]
    File(#[from] files::FileError),
    /// Anything else that the store says.
    #[error("{}: {source}", .path.display())]
    Store {
        /// Where.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The lock file cannot be used.
    #[error("{}: {source}", .path.display())]
    Lock {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl From<JournalError> for Problem {
    fn from(error: JournalError) -> Self {
        let what = error.to_string();
        let again = "Run the same command again; it goes on where it stopped.";
        match error {
            JournalError::Missing { .. } => {
                Self::new(Exit::Io, "STATE_MISSING", what).next("Check --state, or begin first.")
            }
            JournalError::Exists { .. } => Self::new(Exit::Io, "STATE_EXISTS", what)
                .safe("It was left as it is.")
                .next("Name another folder with --state, or go on with the one that is there."),
            JournalError::Locked { .. } => Self::new(Exit::Temporary, "STATE_LOCKED", what)
                .safe("Nothing was changed.")
                .next("Wait for the other process, or stop it."),
            JournalError::NoSpace { .. } => Self::new(Exit::Io, "DISK_FULL", what)
                .safe("Stopped before sending; what was kept before is whole.")
                .next(format!("Free some space. {again}")),
            JournalError::ReadOnly { .. } => Self::new(Exit::Io, "STATE_READ_ONLY", what)
                .safe("Stopped before sending; what was kept before is whole.")
                .next(format!("Make the folder writable. {again}")),
            JournalError::Corrupt { .. } => Self::new(Exit::Io, "STATE_DAMAGED", what)
                .safe("It was not used, and nothing was sent.")
                .next("Restore it from a backup. Do not begin anew with the same key."),
            JournalError::Version { .. } => Self::new(Exit::Configuration, "STATE_VERSION", what)
                .safe("It was left as it is.")
                .next("Use the version of the program that wrote it."),
            JournalError::File(error) => error.into(),
            JournalError::Store { .. } | JournalError::Lock { .. } => {
                Self::new(Exit::Io, "STATE_FAILED", what)
                    .safe("Stopped before sending; what was kept before is whole.")
                    .next(again)
            }
        }
    }
}

/// The records of one machine, and a few named values. Owned by one process at a time.
#[derive(Debug)]
pub struct Journal {
    connection: Connection,
    path: PathBuf,
    /// Held until the process ends or the journal is dropped; none for who only reads.
    _owner: Option<File>,
}

impl Journal {
    /// Makes an empty journal at `path`, in a folder that is there; readable by its owner only.
    ///
    /// # Errors
    /// [`JournalError::Exists`] and whatever prevents writing.
    pub fn create(path: &Path) -> Result<Self, JournalError> {
        let owner = lock(path)?;
        files::create(path, &[], files::Audience::Owner).map_err(|error| match error {
            files::FileError::Exists { path } => JournalError::Exists { path },
            other => JournalError::File(other),
        })?;
        let journal = Self::connect(path, Some(owner), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let tables = format!(
            "PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};
             CREATE TABLE record (place INTEGER PRIMARY KEY, checksum BLOB NOT NULL, bytes BLOB NOT NULL) STRICT;
             CREATE TABLE meta (name TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT, WITHOUT ROWID;"
        );
        journal.keep_safely()?;
        journal.wrap(journal.connection.execute_batch(&tables))?;
        files::sync_folder(path).map_err(|source| journal.lock_error(source))?;
        Ok(journal)
    }

    /// Opens a journal and becomes its owner.
    ///
    /// # Errors
    /// [`JournalError::Missing`], [`JournalError::Locked`], [`JournalError::Version`] and whatever the disk says.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        check(path)?;
        let owner = lock(path)?;
        let journal = Self::connect(path, Some(owner), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        journal.check_version()?;
        journal.keep_safely()?;
        Ok(journal)
    }

    /// Opens a journal to read it, beside the process that owns it. Writing fails with
    /// [`JournalError::ReadOnly`].
    ///
    /// # Errors
    /// [`JournalError::Missing`], [`JournalError::Version`] and whatever the disk says.
    pub fn read(path: &Path) -> Result<Self, JournalError> {
        check(path)?;
        let journal = Self::connect(path, None, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        journal.check_version()?;
        Ok(journal)
    }

    /// Whether some process owns the journal now.
    ///
    /// # Errors
    /// [`JournalError::Lock`].
    pub fn is_owned(path: &Path) -> Result<bool, JournalError> {
        match lock(path) {
            Ok(_) => Ok(false),
            Err(JournalError::Locked { .. }) => Ok(true),
            Err(other) => Err(other),
        }
    }

    fn connect(path: &Path, owner: Option<File>, flags: OpenFlags) -> Result<Self, JournalError> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let failed = |source| typed(path, source);
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(Duration::from_millis(BUSY_MILLIS)).map_err(failed)?;
        Ok(Self { connection, path: path.to_owned(), _owner: owner })
    }

    fn check_version(&self) -> Result<(), JournalError> {
        let pragma = |name| {
            self.wrap(self.connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0)))
        };
        let (application, got) = (pragma("application_id")?, pragma("user_version")?);
        if application == APPLICATION && got == VERSION {
            return Ok(());
        }
        // An empty file is what a crash within `create` leaves.
        Err(JournalError::Version { path: self.path.clone(), got })
    }

    /// Durable when a transaction returns; deleted bytes are overwritten.
    fn keep_safely(&self) -> Result<(), JournalError> {
        let set = |name, value: &str| self.wrap(self.connection.pragma_update(None, name, value));
        set("journal_mode", "WAL")?;
        set("synchronous", "FULL")?;
        set("secure_delete", "ON")?;
        set("cell_size_check", "ON")
    }

    /// Appends records, in order, all of them or none; durable on return.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was appended, and the process must stop.
    pub fn append<R: AsRef<[u8]>>(&mut self, records: &[R]) -> Result<(), JournalError> {
        if records.is_empty() {
            return Ok(());
        }
        self.transaction(|transaction| {
            let last: Option<i64> =
                transaction.query_row("SELECT max(place) FROM record", (), |row| row.get(0))?;
            insert(transaction, last.map_or(0, |last| last + 1), records)
        })
    }

    /// Puts these records in place of all others, which are overwritten on the disk; durable on return. A disk may
    /// keep copies that no program reaches.
    ///
    /// # Errors
    /// [`JournalError`]: the records are as they were, and the process must stop.
    pub fn replace_all<R: AsRef<[u8]>>(&mut self, records: &[R]) -> Result<(), JournalError> {
        self.transaction(|transaction| {
            transaction.execute("DELETE FROM record", ())?;
            insert(transaction, 0, records)
        })?;
        self.forget_deleted()
    }

    /// Moves what was written ahead into the file and empties the former, which may hold deleted bytes.
    fn forget_deleted(&self) -> Result<(), JournalError> {
        let moved = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()));
        self.wrap(moved)
    }

    /// All records, in order.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] if one is missing or is not what was written.
    pub fn records(&self) -> Result<Vec<Vec<u8>>, JournalError> {
        self.records_from(0)
    }

    /// The records from a place on, counted from 0, in order: what is new since the others were read.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] if one is missing or is not what was written.
    pub fn records_from(&self, first: usize) -> Result<Vec<Vec<u8>>, JournalError> {
        let rows = self.wrap(self.rows(first))?;
        let mut records = Vec::with_capacity(rows.len());
        for (expected, Row { place, checksum: sum, bytes }) in (first..).zip(rows) {
            if usize::try_from(place) != Ok(expected) || sum != checksum(place, &bytes) {
                return Err(JournalError::Corrupt { path: self.path.clone() });
            }
            records.push(bytes);
        }
        Ok(records)
    }

    fn rows(&self, first: usize) -> rusqlite::Result<Vec<Row>> {
        let sql = "SELECT place, checksum, bytes FROM record WHERE place >= ? ORDER BY place";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([i64::try_from(first).unwrap_or(i64::MAX)], |row| {
            Ok(Row { place: row.get(0)?, checksum: row.get(1)?, bytes: row.get(2)? })
        })?;
        rows.collect()
    }

    /// A named value.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, JournalError> {
        let sql = "SELECT bytes FROM meta WHERE name = ?";
        self.wrap(self.connection.query_row(sql, [name], |row| row.get(0)).optional())
    }

    /// Keeps a named value in place of an earlier one; durable on return.
    ///
    /// # Errors
    /// [`JournalError`]: the value is as it was.
    pub fn set_meta(&mut self, name: &str, bytes: &[u8]) -> Result<(), JournalError> {
        self.transaction(|transaction| {
            let sql = "INSERT INTO meta (name, bytes) VALUES (?, ?)
                       ON CONFLICT (name) DO UPDATE SET bytes = excluded.bytes";
            transaction.execute(sql, params![name, bytes]).map(drop)
        })
    }

    /// Writes a whole copy to a new file, while the journal may be in use.
    ///
    /// # Errors
    /// [`JournalError::Exists`] if `to` is there; else whatever the disk says.
    pub fn copy(&self, to: &Path) -> Result<(), JournalError> {
        files::create(to, &[], files::Audience::Owner).map_err(|error| match error {
            files::FileError::Exists { path } => JournalError::Exists { path },
            other => JournalError::File(other),
        })?;
        // Into the empty file just made, so that its mode is the owner's alone from the beginning.
        let name = to.to_str().ok_or_else(|| {
            let source = io::Error::from(io::ErrorKind::InvalidFilename);
            JournalError::File(files::FileError::Write { path: to.to_owned(), source })
        })?;
        let copied = self.connection.execute("VACUUM INTO ?", [name]);
        copied.map_err(|source| typed(to, source))?;
        let synced = File::open(to).and_then(|file| file.sync_all());
        synced.and_then(|()| files::sync_folder(to)).map_err(|source| self.lock_error(source))
    }

    fn transaction(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), JournalError> {
        let all = || -> rusqlite::Result<()> {
            let transaction =
                self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            work(&transaction)?;
            transaction.commit()
        };
        all().map_err(|source| typed(&self.path, source))
    }

    fn wrap<T>(&self, result: rusqlite::Result<T>) -> Result<T, JournalError> {
        result.map_err(|source| typed(&self.path, source))
    }

    fn lock_error(&self, source: io::Error) -> JournalError {
        JournalError::Lock { path: self.path.clone(), source }
    }
}

struct Row {
    place: i64,
    checksum: Vec<u8>,
    bytes: Vec<u8>,
}

fn insert<R: AsRef<[u8]>>(
    transaction: &Transaction<'_>,
    first: i64,
    records: &[R],
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO record (place, checksum, bytes) VALUES (?, ?, ?)";
    let mut statement = transaction.prepare_cached(sql)?;
    for (place, record) in (first..).zip(records) {
        let bytes = record.as_ref();
        statement.execute(params![place, checksum(place, bytes), bytes])?;
    }
    Ok(())
}

/// Binds a record to its place; against damage, not against people.
fn checksum(place: i64, bytes: &[u8]) -> Vec<u8> {
    let digest = Sha256::new().chain_update(place.to_le_bytes()).chain_update(bytes).finalize();
    digest.iter().take(8).copied().collect()
}

fn check(path: &Path) -> Result<(), JournalError> {
    files::check_private(path).map_err(|error| match error {
        files::FileError::Missing { path } => JournalError::Missing { path },
        other => JournalError::File(other),
    })
}

fn lock(path: &Path) -> Result<File, JournalError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let failed = |source| JournalError::Lock { path: path.to_owned(), source };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(name)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

fn typed(path: &Path, source: rusqlite::Error) -> JournalError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => JournalError::NoSpace { path },
        Some(ErrorCode::ReadOnly) => JournalError::ReadOnly { path },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            JournalError::Corrupt { path }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => JournalError::Locked { path },
        Some(_) | None => JournalError::Store { path, source },
    }
}

#[cfg(test)]
mod tests;
