//! Private folders and files: owner only, replaced in one step, synchronised to the disk.
//!
//! Paths come from the person's own command line or from constants, never from what another party has sent.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use protocol::exit::Exit;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::Problem;

/// Permissions that nobody but the owner may have on a private file or folder.
const OTHERS: u32 = 0o077;

/// Why a file cannot be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is no such file.
    #[error("there is no {}", .path.display())]
    Missing {
        /// Which.
        path: PathBuf,
    },
    /// It exists and is not to be replaced.
    #[error("{} exists already", .path.display())]
    Exists {
        /// Which.
        path: PathBuf,
    },
    /// Others may read or change what must be private.
    #[error("others may read or change {} (its mode is {mode:o}, it must be private)", .path.display())]
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Longer than what is read of such a file.
    #[error("{} has more than {limit} bytes", .path.display())]
    TooLong {
        /// Which.
        path: PathBuf,
        /// In bytes.
        limit: usize,
    },
    /// The disk is full.
    #[error("no space is left for {}", .path.display())]
    NoSpace {
        /// Which.
        path: PathBuf,
    },
    /// The operating system refuses to read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The operating system refuses to write.
    #[error("cannot write {}: {source}", .path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl FileError {
    fn reading(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if source.kind() == io::ErrorKind::NotFound {
            Self::Missing { path }
        } else {
            Self::Read { path, source }
        }
    }

    fn writing(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists { path },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { path },
            _ => Self::Write { path, source },
        }
    }
}

impl From<FileError> for Problem {
    fn from(error: FileError) -> Self {
        let what = error.to_string();
        match error {
            FileError::Missing { .. } => Self::new(Exit::Io, "FILE_MISSING", what)
                .next("Check the path; nothing was changed."),
            FileError::Exists { .. } => Self::new(Exit::Io, "FILE_EXISTS", what)
                .safe("It was left as it is.")
                .next("Name another file, or move the old one away first."),
            FileError::Exposed { path, .. } => Self::new(Exit::Permission, "FILE_EXPOSED", what)
                .safe("It was not used.")
                .next(format!("If nobody else has used it: chmod go= {}", path.display())),
            FileError::TooLong { .. } => Self::new(Exit::Data, "FILE_TOO_LONG", what)
                .safe("It was not used.")
                .next("Check that it is the right file."),
            FileError::NoSpace { .. } => Self::new(Exit::Io, "DISK_FULL", what)
                .safe("Stopped before sending; what was kept before is whole.")
                .next("Free some space and run the same command again."),
            FileError::Read { .. } => {
                Self::new(Exit::Io, "FILE_READ", what).next("Check the path and its permissions.")
            }
            FileError::Write { .. } => Self::new(Exit::Io, "FILE_WRITE", what)
                .safe("Nothing was sent.")
                .next("Check the path and its permissions, and run the same command again."),
        }
    }
}

/// Makes a folder that only its owner may enter, with the folders above it, or checks one that is there.
///
/// # Errors
/// [`FileError::Exposed`] if it is there and others may enter it; [`FileError::NoSpace`], [`FileError::Write`].
pub fn private_folder(path: &Path) -> Result<(), FileError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| FileError::writing(path, source))?;
    check_private(path)
}

/// Checks that nobody but the owner has any permission.
///
/// # Errors
/// [`FileError::Exposed`], [`FileError::Missing`], [`FileError::Read`].
pub fn check_private(path: &Path) -> Result<(), FileError> {
    let metadata = fs::metadata(path).map_err(|source| FileError::reading(path, source))?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & OTHERS == 0 {
        Ok(())
    } else {
        Err(FileError::Exposed { path: path.to_owned(), mode })
    }
}

/// Who may read a file that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The owner: mode 0600.
    Owner,
    /// Everybody the folder lets in: mode 0644.
    Everybody,
}

impl Audience {
    const fn mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Everybody => 0o644,
        }
    }
}

/// Writes a file that does not exist yet; durable on return.
///
/// # Errors
/// [`FileError::Exists`]; [`FileError::NoSpace`], [`FileError::Write`]: then there is no such file.
pub fn create(path: &Path, bytes: &[u8], audience: Audience) -> Result<(), FileError> {
    let failed = |source| FileError::writing(path, source);
    let mut file = open_new(path, audience).map_err(failed)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(source) = written {
        // What is half written is no file; that it cannot be removed either is not worth a second error.
        let _ = fs::remove_file(path);
        return Err(failed(source));
    }
    sync_folder(path).map_err(failed)
}

/// Writes a file, in place of one that may be there, in one step: whoever reads it, and whatever happens, finds the
/// old bytes or the new ones. Durable on return.
///
/// # Errors
/// [`FileError::NoSpace`], [`FileError::Write`]: the old file is as it was.
pub fn replace(path: &Path, bytes: &[u8], audience: Audience) -> Result<(), FileError> {
    let failed = |source| FileError::writing(path, source);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let draft = path.with_file_name(name);
    match fs::remove_file(&draft) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(failed(source)),
        Ok(()) | Err(_) => {}
    }
    create(&draft, bytes, audience)?;
    fs::rename(&draft, path).map_err(failed)?;
    sync_folder(path).map_err(failed)
}

/// Reads a private file of at most `limit` bytes; what was read is wiped when dropped.
///
/// # Errors
/// [`FileError::Exposed`], [`FileError::TooLong`], [`FileError::Missing`], [`FileError::Read`].
pub fn read_private(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, FileError> {
    check_private(path)?;
    read(path, limit).map(Zeroizing::new)
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// [`FileError::TooLong`], [`FileError::Missing`], [`FileError::Read`].
pub fn read(path: &Path, limit: usize) -> Result<Vec<u8>, FileError> {
    let failed = |source| FileError::reading(path, source);
    let file = File::open(path).map_err(failed)?;
    let len = file.metadata().map_err(failed)?.len();
    let too_long = || FileError::TooLong { path: path.to_owned(), limit };
    if len > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(too_long());
    }
    // Whole at once, so that no shorter copy of a secret is left behind by a growing vector.
    let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(limit).saturating_add(1));
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > limit { Err(too_long()) } else { Ok(bytes) }
}

/// Overwrites a file with zeros, then removes it; one that is not there is no error. A disk may keep copies that no
/// program reaches.
///
/// # Errors
/// [`FileError::Write`].
pub fn erase(path: &Path) -> Result<(), FileError> {
    let failed = |source| FileError::writing(path, source);
    let mut file = match OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(failed(source)),
    };
    let mut left = file.metadata().map_err(failed)?.len();
    let zeros = [0; 4_096];
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(zeros.len());
        file.write_all(zeros.split_at(now).0).map_err(failed)?;
        left -= now as u64;
    }
    file.sync_all().map_err(failed)?;
    fs::remove_file(path).map_err(failed)?;
    sync_folder(path).map_err(failed)
}

/// Where a program keeps its state unless it is told otherwise: `concert/PROGRAM` in the person's data folder
/// (`XDG_DATA_HOME`, else `~/.local/share`). Nothing is made.
pub fn default_state(program: &str) -> PathBuf {
    let data = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::home_dir().map(|home| home.join(".local/share")));
    data.unwrap_or_default().join("concert").join(program)
}

fn open_new(path: &Path, audience: Audience) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(audience.mode()).open(path)
}

/// A name is durable once its folder is.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fs::Permissions;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn folders_and_files_are_the_owners_alone() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a/b");
        private_folder(&folder).unwrap();
        let file = folder.join("key");
        create(&file, b"secret", Audience::Owner).unwrap();
        assert_eq!(
            [mode(&home.path().join("a")), mode(&folder), mode(&file)],
            [0o700, 0o700, 0o600]
        );
        assert_eq!(*read_private(&file, 6).unwrap(), b"secret");
    }

    #[test]
    fn what_others_may_read_is_not_used() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("key");
        create(&file, b"secret", Audience::Owner).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read_private(&file, 99), Err(FileError::Exposed { mode: 0o640, .. })));
        fs::set_permissions(home.path(), Permissions::from_mode(0o701)).unwrap();
        assert!(matches!(private_folder(home.path()), Err(FileError::Exposed { mode: 0o701, .. })));
    }

    #[test]
    fn a_file_is_replaced_whole_and_never_created_twice() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("state");
        create(&file, b"old", Audience::Owner).unwrap();
        assert!(matches!(create(&file, b"new", Audience::Owner), Err(FileError::Exists { .. })));
        assert_eq!(read(&file, 9).unwrap(), b"old");
        // A draft that an earlier process left behind is no obstacle.
        create(&home.path().join("state.new"), b"half", Audience::Owner).unwrap();
        replace(&file, b"new", Audience::Owner).unwrap();
        assert_eq!((read(&file, 9).unwrap(), mode(&file)), (b"new".to_vec(), 0o600));
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn more_than_the_limit_is_not_read() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("long");
        create(&file, &[7; 10], Audience::Everybody).unwrap();
        assert_eq!(read(&file, 10).unwrap().len(), 10);
        assert!(matches!(read(&file, 9), Err(FileError::TooLong { limit: 9, .. })));
        assert!(matches!(read(&home.path().join("none"), 9), Err(FileError::Missing { .. })));
    }

    #[test]
    fn what_is_erased_is_gone_and_may_be_gone_before() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("key");
        create(&file, &[7; 10_000], Audience::Owner).unwrap();
        // A second name of the same bytes shows that they were overwritten.
        let other = home.path().join("other");
        fs::hard_link(&file, &other).unwrap();
        erase(&file).unwrap();
        erase(&file).unwrap();
        assert!(!file.exists());
        assert_eq!(read(&other, 10_000).unwrap(), [0; 10_000]);
    }

    #[test]
    fn a_full_disk_is_said_to_be_one() {
        let error = FileError::writing(Path::new("x"), io::ErrorKind::StorageFull.into());
        assert!(matches!(error, FileError::NoSpace { .. }));
        let problem = Problem::from(error);
        assert_eq!((problem.exit, problem.code), (Exit::Io, "DISK_FULL"));
    }
}
