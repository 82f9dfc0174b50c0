use super::*;
use std::fs;
use tempfile::TempDir;

fn place() -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("journal");
    (home, path)
}

#[test]
fn what_was_appended_is_there_after_the_owner_is_gone() {
    let (_home, path) = place();
    let mut journal = Journal::create(&path).unwrap();
    journal.append(&[b"one".to_vec(), b"two".to_vec()]).unwrap();
    journal.append::<Vec<u8>>(&[]).unwrap();
    journal.append(&[b""]).unwrap();
    drop(journal);
    let mut journal = Journal::open(&path).unwrap();
    journal.append(&[b"four"]).unwrap();
    assert_eq!(journal.records().unwrap(), [&b"one"[..], b"two", b"", b"four"]);
    assert_eq!(journal.records_from(3).unwrap(), [b"four"]);
    assert!(journal.records_from(9).unwrap().is_empty());
}

#[test]
fn one_process_owns_it_and_others_read() {
    let (_home, path) = place();
    let mut owner = Journal::create(&path).unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::Locked { .. })));
    assert!(Journal::is_owned(&path).unwrap());
    let mut reader = Journal::read(&path).unwrap();
    owner.append(&[b"one"]).unwrap();
    assert_eq!(reader.records().unwrap(), [b"one"]);
    assert!(matches!(reader.append(&[b"two"]), Err(JournalError::ReadOnly { .. })));
    drop(owner);
    assert!(!Journal::is_owned(&path).unwrap());
    Journal::open(&path).unwrap();
}

#[test]
fn a_journal_is_made_once_and_opened_only_if_it_is_one() {
    let (home, path) = place();
    assert!(matches!(Journal::open(&path), Err(JournalError::Missing { .. })));
    drop(Journal::create(&path).unwrap());
    assert!(matches!(Journal::create(&path), Err(JournalError::Exists { .. })));
    let other = home.path().join("other");
    files::create(&other, b"no journal, but long enough to be one", files::Audience::Owner)
        .unwrap();
    assert!(matches!(Journal::open(&other), Err(JournalError::Corrupt { .. })));
    let empty = home.path().join("empty");
    files::create(&empty, b"", files::Audience::Owner).unwrap();
    assert!(matches!(Journal::open(&empty), Err(JournalError::Version { got: 0, .. })));
}

#[test]
fn replaced_records_leave_no_bytes_behind() {
    let (home, path) = place();
    let mut journal = Journal::create(&path).unwrap();
    let secret = b"a secret that is to be forgotten".repeat(40);
    journal.append(&[secret.clone(), secret.clone()]).unwrap();
    let found = || {
        let files = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path());
        let holds = |path: PathBuf| fs::read(path).unwrap().windows(32).any(|w| w == &secret[..32]);
        files.filter(|path| holds(path.clone())).count()
    };
    assert_ne!(found(), 0, "the test looks in the wrong place");
    journal.replace_all(&[b"what is left"]).unwrap();
    assert_eq!(found(), 0);
    journal.append(&[b"and goes on"]).unwrap();
    assert_eq!(journal.records().unwrap(), [&b"what is left"[..], b"and goes on"]);
}

#[test]
fn a_changed_moved_or_missing_record_is_damage() {
    for damage in [
        "UPDATE record SET bytes = x'00' WHERE place = 1",
        "DELETE FROM record WHERE place = 1",
        "DELETE FROM record WHERE place = 0; UPDATE record SET place = place - 1",
    ] {
        let (_home, path) = place();
        let mut journal = Journal::create(&path).unwrap();
        journal.append(&[b"one", b"two", b"six"]).unwrap();
        journal.records().unwrap();
        journal.connection.execute_batch(damage).unwrap();
        assert!(matches!(journal.records(), Err(JournalError::Corrupt { .. })), "{damage}");
    }
}

#[test]
fn named_values_are_kept_and_replaced() {
    let (_home, path) = place();
    let mut journal = Journal::create(&path).unwrap();
    assert_eq!(journal.meta("key").unwrap(), None);
    journal.set_meta("key", b"old").unwrap();
    journal.set_meta("key", b"new").unwrap();
    assert_eq!(journal.meta("key").unwrap().unwrap(), b"new");
}

#[test]
fn a_copy_is_whole_private_and_never_written_over() {
    let (home, path) = place();
    let mut journal = Journal::create(&path).unwrap();
    journal.append(&[b"one"]).unwrap();
    journal.set_meta("key", b"value").unwrap();
    let to = home.path().join("copy");
    journal.copy(&to).unwrap();
    assert!(matches!(journal.copy(&to), Err(JournalError::Exists { .. })));
    let copy = Journal::open(&to).unwrap();
    assert_eq!(copy.records().unwrap(), [b"one"]);
    assert_eq!(copy.meta("key").unwrap().unwrap(), b"value");
}

#[test]
fn a_full_disk_changes_nothing_and_is_said_to_be_one() {
    let (_home, path) = place();
    let mut journal = Journal::create(&path).unwrap();
    journal.append(&[b"one"]).unwrap();
    // SQLite gives the same code when its own limit is reached as when the disk's is.
    let pages: i64 =
        journal.connection.query_row("PRAGMA page_count", (), |row| row.get(0)).unwrap();
    journal.connection.pragma_update(None, "max_page_count", pages + 2).unwrap();
    let error = journal.append(&[vec![7; 100_000]]).unwrap_err();
    assert!(matches!(error, JournalError::NoSpace { .. }), "{error:?}");
    assert_eq!((Problem::from(error).code, journal.records().unwrap().len()), ("DISK_FULL", 1));
}
