//! What one person keeps on this machine: a private folder, whose files are replaced in one step.
//!
//! | file | holds |
//! |---|---|
//! | `invite` | the invite's code; secret |
//! | `key` | the campaign key; secret |
//! | `settings.json` | role, keyholders that are known, what was spent before |
//! | `record.json` | the record; private |
//! | `consent.json` | what was agreed to, when |
//! | `statement.json` | what the next reports say besides the record; private |
//! | `journal` | the machine's records |
//!
//! No name of a file comes from anybody else.

use crate::{
    attendance::{Line, Statement, Statements},
    consent::Accepted,
    private::{INVITE, JOURNAL, Private},
    record::Record,
};
use host::{
    Problem,
    files::{self, Audience, FileError},
    journal::{Journal, JournalError},
};
use protocol::{
    aggregation::noise::{Rho, Role},
    campaign::limits::Limits,
    codec,
    exit::Exit,
    ids::{CampaignId, SeatSet},
    invite::Invite,
    roles::participant::CampaignKey,
};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The longest file of settings, in bytes; a record with many features is the longest.
const FILE_BYTES_MAX: usize = 4 << 20;
/// Of the files' form.
const VERSION: u32 = 1;

const KEY: &str = "key";
const SETTINGS: &str = "settings.json";
const RECORD: &str = "record.json";
const CONSENT: &str = "consent.json";
const STATEMENT: &str = "statement.json";

/// What a person has settled besides the record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Of this file.
    pub version: u32,
    /// Keyholders whom the person knows and trusts.
    pub known: SeatSet,
    /// Whether the person goes on though it knows none of them.
    pub trusts_nobody: bool,
    /// What this record was charged in earlier campaigns.
    pub spent: Rho,
    /// When this was begun, in milliseconds since 1970.
    pub begun: u64,
    /// The person has left; nothing is sent any more.
    pub left: bool,
}

impl Settings {
    /// Of somebody who has just been invited.
    pub const fn new(begun: u64, spent: Rho) -> Self {
        Self {
            version: VERSION,
            known: SeatSet::EMPTY,
            trusts_nobody: false,
            spent,
            begun,
            left: false,
        }
    }
}

/// What was agreed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// Of this file.
    pub version: u32,
    /// The manifest's hash, in hexadecimal.
    pub campaign: String,
    /// By the coordinator's clock, in milliseconds since 1970.
    pub agreed_at: u64,
    /// The words.
    pub words: String,
    /// Whether sums without noise were agreed to, in words of their own.
    pub unnoised: bool,
    /// Whether the own score in the open was agreed to, in words of its own.
    #[serde(default)]
    pub open_scores: bool,
    /// The program's version.
    pub program: String,
}

impl Consent {
    /// To this campaign.
    pub fn new(campaign: CampaignId, agreed_at: u64, accepted: Accepted) -> Self {
        let Accepted { unnoised, open_scores } = accepted;
        Self {
            version: VERSION,
            campaign: campaign.to_string(),
            agreed_at,
            words: crate::consent::AGREE.to_owned(),
            unnoised,
            open_scores,
            program: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Whether it is consent to this campaign and no other.
    pub fn is_for(&self, campaign: CampaignId) -> bool {
        self.campaign == campaign.to_string()
    }
}

/// The folder of one person in one campaign.
#[derive(Clone, Debug)]
pub struct Folder {
    private: Private,
}

impl Folder {
    /// At `path`. Nothing is made yet.
    pub const fn new(path: PathBuf) -> Self {
        let remedy = "Restore it from a backup, or begin anew with another --state.";
        Self { private: Private::new(path, FILE_BYTES_MAX, remedy) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.private.path()
    }

    /// Makes the folder, if it is not there.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn make(&self) -> Result<(), FileError> {
        self.private.make()
    }

    /// The invite that was kept.
    ///
    /// # Errors
    /// [`Problem`] if it cannot be read.
    pub fn invite(&self) -> Result<Option<Invite>, Problem> {
        self.private.invite()
    }

    /// Keeps the invite.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn keep_invite(&self, invite: &Invite) -> Result<(), Problem> {
        self.private.keep_invite(invite)
    }

    /// The campaign key; drawn from the operating system and kept when it is first asked for.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn key(&self) -> Result<CampaignKey, Problem> {
        if let Some(bytes) = self.private.read(KEY, 32)? {
            let key: [u8; 32] =
                bytes.as_slice().try_into().map_err(|_| self.private.damaged(KEY))?;
            return Ok(CampaignKey::from_bytes(key));
        }
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *key)
            .map_err(|_| Problem::bug("the operating system gives no random bytes"))?;
        files::create(&self.private.file(KEY), &*key, Audience::Owner)?;
        Ok(CampaignKey::from_bytes(*key))
    }

    /// What was settled.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn settings(&self) -> Result<Option<Settings>, Problem> {
        self.private.read_json(SETTINGS)
    }

    /// Keeps what is settled.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn keep_settings(&self, settings: &Settings) -> Result<(), Problem> {
        self.private.write_json(SETTINGS, settings)
    }

    /// The record.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn record(&self) -> Result<Option<Record>, Problem> {
        self.private.read_json(RECORD)
    }

    /// Keeps the record.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn keep_record(&self, record: &Record) -> Result<(), Problem> {
        self.private.write_json(RECORD, record)
    }

    /// What was agreed to.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn consent(&self) -> Result<Option<Consent>, Problem> {
        self.private.read_json(CONSENT)
    }

    /// Keeps what is agreed to.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn keep_consent(&self, consent: &Consent) -> Result<(), Problem> {
        self.private.write_json(CONSENT, consent)
    }

    /// What the next reports say besides the record.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn statement(&self) -> Result<Option<Statement>, Problem> {
        self.private.read_json(STATEMENT)
    }

    /// Keeps what the next reports say; a program that runs in this folder hears it.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn keep_statement(&self, statement: Statement) -> Result<(), Problem> {
        self.private.write_json(STATEMENT, &statement)
    }

    /// The journal, to be written; made if it is not there.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn journal(&self) -> Result<Journal, JournalError> {
        self.private.journal()
    }

    /// The journal's lines, beside a program that may be writing it; none if there is no journal.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn lines(&self) -> Result<Vec<Line>, Problem> {
        self.private.read_journal()?.map_or_else(|| Ok(Vec::new()), |journal| lines(&journal))
    }

    /// Overwrites and removes everything; gives the names of what was there.
    ///
    /// # Errors
    /// [`Problem`]; what could be removed is removed.
    pub fn erase(&self) -> Result<Vec<&'static str>, Problem> {
        // Nobody may be writing.
        if Journal::is_owned(&self.private.file(JOURNAL))? {
            return Err(JournalError::Locked { path: self.private.file(JOURNAL) }.into());
        }
        let mut gone = Vec::new();
        // The key goes first: without it, nothing of the rest can be used.
        for name in [
            KEY,
            RECORD,
            STATEMENT,
            INVITE,
            SETTINGS,
            CONSENT,
            JOURNAL,
            "journal-wal",
            "journal-shm",
            "journal.lock",
        ] {
            let path = self.private.file(name);
            if path.exists() {
                files::erase(&path)?;
                gone.push(name);
            }
        }
        // Whatever else the person keeps there stays.
        let _ = std::fs::remove_dir(self.path());
        Ok(gone)
    }

    /// What the person refuses, by what was settled and agreed to.
    pub fn limits(settings: &Settings, consent: Option<&Consent>) -> Limits {
        Limits {
            known_keyholders_min: u32::from(!settings.trusts_nobody),
            unnoised: consent.is_some_and(|consent| consent.unnoised),
            open_scores: consent.is_some_and(|consent| consent.open_scores),
            ..Limits::default()
        }
    }
}

/// The statement of a folder, read again whenever a report is made.
impl Statements for Folder {
    fn current(&self) -> Statement {
        // Without a statement nothing is claimed.
        Self::statement(self).ok().flatten().unwrap_or_default()
    }
}

/// The lines of a journal.
///
/// # Errors
/// [`Problem`] if it is damaged.
pub fn lines(journal: &Journal) -> Result<Vec<Line>, Problem> {
    let decode = |bytes: &Vec<u8>| codec::decode::<Line, { codec::MESSAGE_BYTES_MAX }>(bytes);
    let lines: Result<_, _> = journal.records()?.iter().map(decode).collect();
    lines.map_err(|_| {
        Problem::new(Exit::Io, "STATE_DAMAGED", "The journal holds a line that cannot be read.")
            .safe("It was not used, and nothing was sent.")
            .next("Use the version of the program that wrote it.")
    })
}

/// A role in the words of a file.
pub const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Donor => "donor",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world;
    use std::{fs, os::unix::fs::PermissionsExt as _};

    fn folder() -> (tempfile::TempDir, Folder) {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::new(home.path().join("state"));
        folder.make().unwrap();
        (home, folder)
    }

    #[test]
    fn everything_is_kept_for_its_owner_alone_and_read_again() {
        let (_home, folder) = folder();
        let record = world::record(3, Role::Member);
        let settings = Settings::new(5, Rho::new(0.25));
        let accepted = Accepted { unnoised: true, open_scores: false };
        let consent = Consent::new(CampaignId([9; 32]), 7, accepted);
        let statement = Statement { complies: true, accepted_after: None };
        let key = *folder.key().unwrap().expose();
        folder.keep_record(&record).unwrap();
        folder.keep_settings(&settings).unwrap();
        folder.keep_consent(&consent).unwrap();
        folder.keep_statement(statement).unwrap();
        drop(folder.journal().unwrap());
        assert!(folder.record().unwrap() == Some(record));
        assert_eq!(folder.settings().unwrap(), Some(settings));
        assert_eq!(folder.consent().unwrap(), Some(consent));
        assert_eq!(folder.current(), statement);
        assert_eq!(*folder.key().unwrap().expose(), key, "a key is drawn once");
        for entry in fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        }
        let mode = fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700);
    }

    #[test]
    fn what_is_erased_is_gone() {
        let (_home, folder) = folder();
        folder.key().unwrap();
        folder.keep_record(&world::record(3, Role::Member)).unwrap();
        let journal = folder.journal().unwrap();
        assert_eq!(folder.erase().unwrap_err().code, "STATE_LOCKED", "it is in use");
        drop(journal);
        let gone = folder.erase().unwrap();
        assert!(
            gone.contains(&"key") && gone.contains(&"record.json") && gone.contains(&"journal")
        );
        assert!(!folder.path().exists());
        assert!(folder.lines().unwrap().is_empty());
    }

    #[test]
    fn damaged_files_are_not_used() {
        let (_home, folder) = folder();
        let path = folder.path().join(SETTINGS);
        files::create(&path, b"{\"version\":1,\"more\":2}", Audience::Owner).unwrap();
        assert_eq!(folder.settings().unwrap_err().code, "STATE_DAMAGED");
        files::create(&folder.path().join(KEY), &[1; 31], Audience::Owner).unwrap();
        assert_eq!(folder.key().unwrap_err().code, "STATE_DAMAGED");
        fs::set_permissions(folder.path().join(KEY), fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(folder.key().unwrap_err().code, "FILE_EXPOSED");
    }
}
