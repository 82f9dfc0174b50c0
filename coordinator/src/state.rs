//! What a coordinator keeps, and where: one folder of its owner's alone.
//!
//! ```text
//! journal      the machine's records; keys, certificate and address beside them
//! invites      who is invited: hashes of secrets, never the secrets
//! status.json  where the campaign stands, for `coordinator status`
//! transcript   everything public, for everybody
//! ```

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr as _,
};

use host::{
    Problem, files,
    journal::{Journal, JournalError},
    quic::Identity,
};
use protocol::{
    codec::{self, MESSAGE_BYTES_MAX},
    exit::Exit,
    ids::Hash,
    invite::Address,
    keys::{sign::SigningKey, token::IssuerKey},
    roles::{
        Time,
        coordinator::{Configuration, Coordinator, Gate, Record},
    },
};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The longest record: a message with little around it.
const RECORD_BYTES_MAX: usize = MESSAGE_BYTES_MAX + 4_096;

/// A coordinator's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    folder: PathBuf,
}

/// What must not leave the coordinator. Secret.
pub struct Secrets {
    organiser: Zeroizing<[u8; 32]>,
    leader: Zeroizing<[u8; 32]>,
    issuer: Zeroizing<[u8; 32]>,
    certificate: Vec<u8>,
    certificate_key: Zeroizing<Vec<u8>>,
    /// Where people reach this coordinator. Not secret.
    pub address: Address,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("address", &self.address).finish_non_exhaustive()
    }
}

const ORGANISER: &str = "organiser";
const LEADER: &str = "leader";
const ISSUER: &str = "issuer";
const CERTIFICATE: &str = "certificate";
const CERTIFICATE_KEY: &str = "certificate-key";
const ADDRESS: &str = "address";

impl State {
    /// In this folder, or in the default one; nothing is made.
    pub fn at(folder: Option<&Path>) -> Self {
        let folder = folder.map_or_else(|| files::default_state("coordinator"), Path::to_owned);
        Self { folder }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The machine's journal.
    pub fn journal(&self) -> PathBuf {
        self.folder.join("journal")
    }

    /// Who is invited.
    pub fn invites(&self) -> PathBuf {
        self.folder.join("invites")
    }

    /// Where the campaign stands.
    pub fn status(&self) -> PathBuf {
        self.folder.join("status.json")
    }

    /// Everything public.
    pub fn transcript(&self) -> PathBuf {
        self.folder.join("transcript")
    }

    /// Begins: a new journal with the secrets and the machine's first records.
    ///
    /// # Errors
    /// If there is one already, or it cannot be written.
    pub fn create(&self, secrets: &Secrets, records: &[Record]) -> Result<(), Problem> {
        files::private_folder(&self.folder)?;
        let mut journal = Journal::create(&self.journal())?;
        secrets.save(&mut journal)?;
        // Last: a journal without records was not finished.
        journal.append(&records.iter().map(codec::encode).collect::<Vec<_>>())?;
        Ok(())
    }

    /// Becomes the owner of the journal.
    ///
    /// # Errors
    /// If there is none, or it is in use.
    pub fn open(&self) -> Result<Opened, Problem> {
        self.opened(Journal::open(&self.journal()))
    }

    /// Reads the journal, beside the process that owns it.
    ///
    /// # Errors
    /// If there is none.
    pub fn read(&self) -> Result<Opened, Problem> {
        self.opened(Journal::read(&self.journal()))
    }

    fn opened(&self, journal: Result<Journal, JournalError>) -> Result<Opened, Problem> {
        let journal = journal.map_err(|error| match error {
            JournalError::Missing { .. } => Problem::from(error)
                .next("Check --state, or begin: coordinator init --from campaign.toml"),
            other => other.into(),
        })?;
        let read: Result<Vec<Record>, _> = journal
            .records()?
            .iter()
            .map(|bytes| codec::decode::<_, RECORD_BYTES_MAX>(bytes))
            .collect();
        let records = read.map_err(|_| self.damaged("a record cannot be read"))?;
        if records.is_empty() {
            let what = format!("{} was begun and not finished.", self.folder.display());
            return Err(Problem::new(Exit::Io, "STATE_UNFINISHED", what)
                .next("Remove the folder and run init again; nobody was invited yet."));
        }
        let secrets = Secrets::load(&journal, self)?;
        Ok(Opened { journal, records, secrets })
    }

    fn damaged(&self, what: &str) -> Problem {
        let what = format!("{} is damaged: {what}.", self.journal().display());
        Problem::new(Exit::Io, "STATE_DAMAGED", what)
            .safe("It was not used, and nothing was sent.")
            .next("Restore it from a backup.")
    }
}

/// A journal with what is in it.
#[derive(Debug)]
pub struct Opened {
    /// To append to.
    pub journal: Journal,
    /// Of the machine, in order.
    pub records: Vec<Record>,
    /// Keys and certificate.
    pub secrets: Secrets,
}

impl Opened {
    /// The machine back from its records, with these invites.
    ///
    /// # Errors
    /// If the records are not a coordinator's.
    pub fn machine(
        &self,
        invites: BTreeMap<Hash, Time>,
        now: Time,
    ) -> Result<Coordinator, Problem> {
        let machine = Coordinator::restore(&self.records, self.secrets.configuration(invites), now);
        machine.map_err(|error| {
            Problem::new(Exit::Io, "STATE_DAMAGED", format!("The journal is damaged: {error}."))
                .safe("It was not used, and nothing was sent.")
                .next("Restore it from a backup.")
        })
    }
}

impl Secrets {
    /// New ones, from the operating system's generator; a self-signed certificate with them.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn generate(address: Address) -> Result<Self, Problem> {
        let failed = |error: &dyn fmt::Display| {
            Problem::new(
                Exit::Temporary,
                "NO_RANDOMNESS",
                format!("No secrets can be drawn: {error}."),
            )
        };
        let draw = || {
            let mut bytes = Zeroizing::new([0; 32]);
            getrandom::fill(&mut *bytes).map_err(|error| failed(&error)).map(|()| bytes)
        };
        let made = rcgen::generate_simple_self_signed(["concert".to_owned()]);
        let made = made.map_err(|error| failed(&error))?;
        Ok(Self {
            organiser: draw()?,
            leader: draw()?,
            issuer: draw()?,
            certificate: made.cert.der().to_vec(),
            certificate_key: Zeroizing::new(made.signing_key.serialize_der()),
            address,
        })
    }

    fn save(&self, journal: &mut Journal) -> Result<(), JournalError> {
        let address = self.address.to_string();
        for (name, bytes) in [
            (ORGANISER, &self.organiser[..]),
            (LEADER, &self.leader[..]),
            (ISSUER, &self.issuer[..]),
            (CERTIFICATE, &self.certificate),
            (CERTIFICATE_KEY, &self.certificate_key),
            (ADDRESS, address.as_bytes()),
        ] {
            journal.set_meta(name, bytes)?;
        }
        Ok(())
    }

    fn load(journal: &Journal, state: &State) -> Result<Self, Problem> {
        let value = |name| -> Result<Zeroizing<Vec<u8>>, Problem> {
            let bytes = journal.meta(name)?.ok_or_else(|| state.damaged("a key is missing"))?;
            Ok(Zeroizing::new(bytes))
        };
        let key = |name| -> Result<Zeroizing<[u8; 32]>, Problem> {
            let bytes = value(name)?;
            let key = bytes.as_slice().try_into().map_err(|_| state.damaged("a key is cut"))?;
            Ok(Zeroizing::new(key))
        };
        let address = value(ADDRESS)?;
        let address =
            std::str::from_utf8(&address).ok().and_then(|text| Address::from_str(text).ok());
        Ok(Self {
            organiser: key(ORGANISER)?,
            leader: key(LEADER)?,
            issuer: key(ISSUER)?,
            certificate: value(CERTIFICATE)?.to_vec(),
            certificate_key: value(CERTIFICATE_KEY)?,
            address: address.ok_or_else(|| state.damaged("the address cannot be read"))?,
        })
    }

    /// The organiser's key.
    pub fn organiser(&self) -> SigningKey {
        SigningKey::from_bytes(&self.organiser)
    }

    /// The issuer's key.
    pub fn issuer(&self) -> IssuerKey {
        IssuerKey::from_seed(*self.issuer)
    }

    /// The certificate with its key.
    pub fn identity(&self) -> Identity {
        Identity::new(self.certificate.clone(), self.certificate_key.clone())
    }

    /// What the machine needs.
    pub fn configuration(&self, invites: BTreeMap<Hash, Time>) -> Configuration {
        Configuration {
            key: self.organiser(),
            secret: *self.leader,
            gate: Gate::Invited { issuer: Box::new(self.issuer()), invites },
        }
    }
}
