//! Who is invited: codes for people to use, and what the coordinator remembers of them.
//!
//! Codes go into a file of the organiser's own and nowhere else: kept are hashes and public keys. They stand in a journal
//! of their own, so that people can be invited while the campaign runs.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use host::{
    Problem,
    journal::{Journal, JournalError},
};
use protocol::{
    codec,
    exit::Exit,
    ids::Hash,
    invite::{Invite, InviteSecret, Target},
    keys::{seat::Seat, sign::PublicKey},
    roles::Time,
};
use qrcode::{EcLevel, QrCode, render::svg};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::state::Secrets;

/// What is remembered of one invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Invited {
    /// A member or donor.
    Person {
        /// Of the secret.
        hash: Hash,
        /// Until when it is good.
        expires: Time,
    },
    /// A keyholder; the latest invite of a seat counts.
    Keyholder {
        /// Which.
        seat: Seat,
        /// By which it shows its invite.
        access: PublicKey,
        /// Until when it is good, if it was not used by then.
        expires: Time,
    },
}

/// A record of an invite is short.
const RECORD_BYTES_MAX: usize = 256;

/// Everybody who is invited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// Members and donors, by the hash of their secrets.
    pub people: BTreeMap<Hash, Time>,
    /// Keyholders.
    pub keyholders: BTreeMap<Seat, (PublicKey, Time)>,
    read: usize,
}

impl Book {
    /// Reads what is new in the journal of invites; one that is not there yet has nothing. Gives the new people.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn follow(&mut self, path: &Path) -> Result<BTreeMap<Hash, Time>, JournalError> {
        let journal = match Journal::read(path) {
            Err(JournalError::Missing { .. }) => return Ok(BTreeMap::new()),
            other => other?,
        };
        let mut new = BTreeMap::new();
        for bytes in journal.records_from(self.read)? {
            let invited = codec::decode::<_, RECORD_BYTES_MAX>(&bytes);
            let corrupt = |_| JournalError::Corrupt { path: path.to_owned() };
            match invited.map_err(corrupt)? {
                Invited::Person { hash, expires } => {
                    new.insert(hash, expires);
                }
                Invited::Keyholder { seat, access, expires } => {
                    self.keyholders.insert(seat, (access, expires));
                }
            }
            self.read += 1;
        }
        self.people.extend(&new);
        Ok(new)
    }

    /// Everybody.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn read(path: &Path) -> Result<Self, JournalError> {
        let mut book = Self::default();
        book.follow(path)?;
        Ok(book)
    }
}

/// Makes one invite for each of `targets`, and remembers them; durable on return.
///
/// # Errors
/// If there is no randomness, or they cannot be kept.
pub fn invite(
    path: &Path,
    secrets: &Secrets,
    targets: &[Target],
    expires: Time,
) -> Result<Vec<Invite>, Problem> {
    let certificate = secrets.identity().fingerprint();
    let mut invites = Vec::with_capacity(targets.len());
    let mut records = Vec::with_capacity(targets.len());
    for target in targets {
        let mut bytes = Zeroizing::new([0; InviteSecret::LEN]);
        getrandom::fill(&mut *bytes).map_err(|error| {
            Problem::new(
                Exit::Temporary,
                "NO_RANDOMNESS",
                format!("No secret can be drawn: {error}."),
            )
        })?;
        let secret = InviteSecret::from_bytes(*bytes);
        records.push(codec::encode(&match target {
            Target::Person(_) => Invited::Person { hash: secret.hash(), expires },
            Target::Keyholder { seat, .. } => {
                let access = secret.access_key().public();
                Invited::Keyholder { seat: *seat, access, expires }
            }
        }));
        let address = secrets.address.clone();
        invites.push(Invite { address, certificate, target: *target, secret });
    }
    let mut journal = match Journal::open(path) {
        Err(JournalError::Missing { .. }) => Journal::create(path)?,
        other => other?,
    };
    journal.append(&records)?;
    Ok(invites)
}

/// One code a line.
pub fn list(invites: &[Invite]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    for invite in invites {
        text.push_str(&invite.code());
        text.push('\n');
    }
    text
}

/// A page to print and cut: a QR symbol with its code under it, for each invite. Holds everything itself.
///
/// # Errors
/// Never for invites of this program: their codes fit a symbol.
pub fn sheet(invites: &[Invite], note: &str) -> Result<Zeroizing<String>, Problem> {
    let mut page = Zeroizing::new(String::from(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Invites</title>\n<style>\n\
         body { font: 11pt sans-serif; margin: 1cm }\n\
         figure { display: inline-block; width: 8cm; margin: 0 0.4cm 0.8cm 0; break-inside: avoid; vertical-align: top }\n\
         svg { width: 6cm; height: 6cm }\n\
         code { font-size: 8pt; overflow-wrap: anywhere }\n</style>\n",
    ));
    for invite in invites {
        let picture = symbol(invite)?;
        let picture = picture.render::<svg::Color<'_>>().min_dimensions(200, 200).build();
        let picture = Zeroizing::new(picture);
        // The declaration of XML has no place within a page.
        let picture = picture.split_once("?>").map_or(picture.as_str(), |(_, svg)| svg);
        let code = invite.code();
        // A string takes everything.
        let _ = writeln!(
            page,
            "<figure>{picture}<figcaption><p>{note}</p><code>{}</code></figcaption></figure>",
            code.as_str()
        );
    }
    Ok(page)
}

/// The symbol in half blocks, for a terminal.
///
/// # Errors
/// Never for invites of this program.
pub fn blocks(invite: &Invite) -> Result<Zeroizing<String>, Problem> {
    let symbol = symbol(invite)?;
    let picture = symbol.render::<qrcode::render::unicode::Dense1x2>().quiet_zone(true).build();
    Ok(Zeroizing::new(picture))
}

fn symbol(invite: &Invite) -> Result<QrCode, Problem> {
    QrCode::with_error_correction_level(invite.qr_text().as_bytes(), EcLevel::M)
        .map_err(|error| Problem::bug(format!("The code does not fit a QR symbol: {error}.")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::ids::{CampaignId, PlanId};
    use std::fs;

    #[test]
    fn codes_are_given_out_and_only_hashes_are_kept() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("invites");
        let secrets = Secrets::generate("vote.example:4433".parse().unwrap()).unwrap();
        let person = Target::Person(CampaignId([3; 32]));
        let seat = Target::Keyholder { plan: PlanId([4; 32]), seat: Seat::new(2) };
        let expires = Time::from_millis(5);
        let mut book = Book::default();
        assert!(book.follow(&path).unwrap().is_empty());
        let invites = invite(&path, &secrets, &[person, person, seat], expires).unwrap();
        let again = Invite::parse(list(&invites).lines().nth(1).unwrap()).unwrap();
        assert_eq!(again, invites[1]);
        let new = book.follow(&path).unwrap();
        assert_eq!(new.get(&again.secret.hash()), Some(&expires));
        assert_eq!(new.len(), 2);
        let access = invites[2].secret.access_key().public();
        assert_eq!(book.keyholders.get(&Seat::new(2)), Some(&(access, expires)));
        // Later invites are found, earlier ones not told again; the latest of a seat counts.
        let later = invite(&path, &secrets, &[seat], expires).unwrap();
        assert!(book.follow(&path).unwrap().is_empty());
        assert_eq!(book.keyholders[&Seat::new(2)].0, later[0].secret.access_key().public());
        assert_eq!(book, Book::read(&path).unwrap());
        for file in fs::read_dir(home.path()).unwrap() {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            let secret = &invites[0].secret.expose()[..];
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
    }

    #[test]
    fn a_sheet_shows_every_code_and_a_symbol_of_it() {
        let home = tempfile::tempdir().unwrap();
        let secrets = Secrets::generate("[2001:db8::7]:4433".parse().unwrap()).unwrap();
        let targets = [Target::Person(CampaignId([3; 32])); 3];
        let invites = invite(&home.path().join("invites"), &secrets, &targets, Time::MAX).unwrap();
        let page = sheet(&invites, "Good until Friday").unwrap();
        for invite in &invites {
            assert!(page.contains(invite.code().as_str()));
        }
        assert_eq!(
            (page.matches("<svg").count(), page.matches("Good until Friday").count()),
            (3, 3)
        );
        assert!(!page.contains("http://") || page.contains("www.w3.org/2000/svg"));
        assert!(blocks(&invites[0]).unwrap().lines().count() > 20);
    }
}
