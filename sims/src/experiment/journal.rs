//! Results that are kept as they come: one whole line each, read again by the next run.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::sweep::SweepError;

/// A line of results.
pub trait Kept: Serialize + DeserializeOwned {
    /// The hash of the configuration and data that it belongs to.
    fn config(&self) -> &str;
}

/// A file to which whole lines are appended.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Mutex<File>,
}

impl Journal {
    /// Opens or makes the file; returns what an earlier run left. A torn last line is cut off.
    ///
    /// # Errors
    /// [`SweepError`], but no scene's.
    pub fn open<T: Kept>(path: &Path, config: &str) -> Result<(Self, Vec<T>), SweepError> {
        let fail = |source| SweepError::Io { path: path.to_owned(), source };
        let (earlier, whole) = read(path, config)?;
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(fail)?;
        if let Some(whole) = whole {
            file.set_len(whole).map_err(fail)?;
        }
        Ok((Self { path: path.to_owned(), file: Mutex::new(file) }, earlier))
    }

    /// Writes one line.
    ///
    /// # Errors
    /// [`SweepError::Io`].
    ///
    /// # Panics
    /// Never: every line of results has a JSON form.
    pub fn append<T: Kept>(&self, result: &T) -> Result<(), SweepError> {
        let mut line = serde_json::to_vec(result).expect("a result has a JSON form");
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line).map_err(|source| SweepError::Io { path: self.path.clone(), source })
    }
}

/// Writes a whole file or nothing.
///
/// # Errors
/// The operating system's.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder =
        path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Earlier records, and the length of the file up to its last whole line if it has a torn one.
fn read<T: Kept>(path: &Path, config: &str) -> Result<(Vec<T>, Option<u64>), SweepError> {
    let bytes =
        match fs::metadata(path).and_then(|found| regular(&found)).and_then(|()| fs::read(path)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), None)),
            Err(source) => return Err(SweepError::Unreadable { path: path.to_owned(), source }),
        };
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
    let mut records = Vec::new();
    for (line, text) in bytes[..whole].split(|&byte| byte == b'\n').enumerate() {
        if text.is_empty() {
            continue;
        }
        let record: T = serde_json::from_slice(text).map_err(|source| SweepError::Corrupt {
            path: path.to_owned(),
            line: line + 1,
            source,
        })?;
        if record.config() != config {
            return Err(SweepError::Foreign {
                path: path.to_owned(),
                found: record.config().to_owned(),
                expected: config.to_owned(),
            });
        }
        records.push(record);
    }
    Ok((records, (whole < bytes.len()).then_some(whole as u64)))
}

/// A device or a pipe may have no end.
fn regular(found: &fs::Metadata) -> io::Result<()> {
    if found.is_file() {
        Ok(())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"))
    }
}
