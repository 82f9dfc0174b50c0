//! A transcript as a file: a line of text, then each entry as its length and its canonical bytes.

use super::{Entry, Transcript, Violation};
use crate::codec::{self, CodecError, MESSAGE_BYTES_MAX};
use std::sync::Arc;
use thiserror::Error;

/// The first bytes of every transcript file.
pub const HEADER: &[u8] = b"concert transcript 1\n";

/// A file that is no transcript.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FileError {
    /// It does not begin as a transcript does.
    #[error("this is no transcript: it does not begin with \"concert transcript 1\"")]
    Header,
    /// It ends in the middle of an entry.
    #[error("the file ends within entry {entry}")]
    Truncated {
        /// Counted from 0.
        entry: u64,
    },
    /// An entry cannot be read.
    #[error("entry {entry}: {error}")]
    Entry {
        /// Counted from 0.
        entry: u64,
        /// Why.
        error: CodecError,
    },
    /// An entry may not stand where it stands.
    #[error("entry {entry}: {violation}")]
    Violation {
        /// Counted from 0.
        entry: u64,
        /// Which rule it breaks.
        violation: Violation,
    },
    /// There is not even a plan.
    #[error("the transcript is empty")]
    Empty,
}

/// The bytes of a file.
///
/// # Panics
/// Never: an entry that was sent is shorter than a message.
pub fn write(entries: &[Arc<Entry>]) -> Vec<u8> {
    let mut bytes = HEADER.to_vec();
    for entry in entries {
        let encoded = codec::encode(&**entry);
        let len = u32::try_from(encoded.len()).expect("an entry is shorter than a message");
        bytes.extend(len.to_le_bytes());
        bytes.extend(encoded);
    }
    bytes
}

/// Follows a file entry by entry, checking every rule; `each` sees every entry and what follows from it.
///
/// # Errors
/// The first [`FileError`].
pub fn follow(
    bytes: &[u8],
    mut each: impl FnMut(u64, &Entry, &Transcript),
) -> Result<Transcript, FileError> {
    let mut rest = bytes.strip_prefix(HEADER).ok_or(FileError::Header)?;
    let mut transcript: Option<Transcript> = None;
    let mut number = 0;
    while !rest.is_empty() {
        let truncated = FileError::Truncated { entry: number };
        let (len, after) = rest.split_first_chunk::<4>().ok_or_else(|| truncated.clone())?;
        let len = usize::try_from(u32::from_le_bytes(*len)).map_err(|_| truncated.clone())?;
        let (body, after) = after.split_at_checked(len).ok_or(truncated)?;
        let entry: Entry = codec::decode::<_, MESSAGE_BYTES_MAX>(body)
            .map_err(|error| FileError::Entry { entry: number, error })?;
        let applied = match &mut transcript {
            Some(transcript) => transcript.apply(&entry),
            None => Transcript::new(&entry).map(|first| transcript = Some(first)),
        };
        applied.map_err(|violation| FileError::Violation { entry: number, violation })?;
        if let Some(transcript) = &transcript {
            each(number, &entry, transcript);
        }
        number += 1;
        rest = after;
    }
    transcript.ok_or(FileError::Empty)
}
