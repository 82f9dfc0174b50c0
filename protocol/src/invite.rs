//! Invites: one line of text that says where a coordinator is, by which certificate it is known, to what a person is
//! invited, and the secret that admits it once.
//!
//! > `concert1` + groups of base32 characters, each with its own check character; see [`Invite::code`].
//! > Bytes: a head (what for, and how the host is given), host, port, certificate, what for, secret, checksum.
//!
//! A typo is found where it was made, before anything is sent: the code stays good. When an invite ends and whether it
//! was used is not in the code; the coordinator knows it.
//!
//! Source: docs/PROTOCOL.md section 14.

#![deny(clippy::indexing_slicing, clippy::wildcard_enum_match_arm, clippy::as_conversions)]

mod address;
mod groups;

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test stops where it is wrong")]
mod tests;

pub use address::{Address, AddressError, Host, NAME_BYTES_MAX, Name};

use crate::{
    ids::{CampaignId, Hash, PlanId},
    keys::{Label, derive, digest, seat::Seat, sign::SigningKey, vss::SEATS_MAX},
};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use std::fmt;
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What every code begins with: the name, and the version of the code.
pub const PREFIX: &str = "concert1";

/// The longest text that is read as a code, in bytes; a code has at most 710, one for a short address 200.
pub const CODE_BYTES_MAX: usize = 2_048;

/// Length of the checksum in bytes: a code that is wrong in many places at once passes once in 16 million times.
const CHECKSUM_BYTES: usize = 3;

/// An invitation of one person, or of one keyholder. Secret as a whole: who holds it can use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// Where the coordinator is.
    pub address: Address,
    /// SHA-256 of the coordinator's certificate in DER form: no other one is talked to.
    pub certificate: [u8; 32],
    /// To what.
    pub target: Target,
    /// What admits.
    pub secret: InviteSecret,
}

/// What somebody is invited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To take part in a campaign.
    Person(CampaignId),
    /// To hold a seat of a plan whose campaign does not exist yet.
    Keyholder {
        /// The plan.
        plan: PlanId,
        /// The seat, as the plan names it.
        seat: Seat,
    },
}

/// What admits one person once. Wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop, Serialize, Deserialize)]
pub struct InviteSecret([u8; Self::LEN]);

impl InviteSecret {
    /// Length in bytes: it cannot be guessed, so that nothing needs to be burned after wrong guesses.
    pub const LEN: usize = 16;

    /// A new secret. `rng` must be the operating system's generator, passed in by the program.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; Self::LEN];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The secret of an invite that was kept.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// For the wire and the keystore only.
    pub const fn expose(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// What the coordinator keeps instead of the secret.
    pub fn hash(&self) -> Hash {
        Hash::of(Label::InviteSecret, &[&self.0])
    }

    /// What an invited keyholder signs its greetings with. Of it the coordinator keeps the public half, with which
    /// nobody can sign.
    pub fn access_key(&self) -> SigningKey {
        SigningKey::from_bytes(&derive(Label::AccessKey, &self.0, &[]))
    }
}

impl PartialEq for InviteSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for InviteSecret {}

impl fmt::Debug for InviteSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteSecret([redacted])")
    }
}

/// A text that is no code of an invite. Nothing was sent, and the code stays good.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InviteError {
    /// Something else than a code, or its beginning is wrong.
    #[error("the code does not begin with {PREFIX}")]
    Prefix,
    /// The code of another version.
    #[error("the code is one of version {got}; this program reads version 1")]
    Version {
        /// As typed.
        got: char,
    },
    /// Longer than any code.
    #[error("{got} bytes; a code has at most {CODE_BYTES_MAX}")]
    TooLong {
        /// Length in bytes.
        got: usize,
    },
    /// One group is wrong.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// Every group is right, and there are too few.
    #[error("the code is not complete: its end is missing")]
    Incomplete,
    /// Every group is right, and there are too many, or several are wrong in a way their checks do not show.
    #[error("the checksum does not fit: compare all groups with the code you were given")]
    Checksum,
    /// The code was made wrong.
    #[error("the code was not made by this program: it holds no possible {what}")]
    Content {
        /// Which part.
        what: &'static str,
    },
}

/// A group of a code that is wrong.
#[derive(Clone, PartialEq, Eq, Error)]
#[error("the checksum does not fit: look at the {} group, \"{}\"", ordinal(*.number), &**.text)]
pub struct GroupError {
    /// Counted from 1, after the prefix.
    pub number: usize,
    /// As typed. Part of a secret: it is shown to the person who typed it and to nobody else.
    pub text: Zeroizing<String>,
}

impl fmt::Debug for GroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupError").field("number", &self.number).finish_non_exhaustive()
    }
}

fn ordinal(number: usize) -> String {
    let suffix = match (number % 10, number % 100) {
        (1, tens) if tens != 11 => "st",
        (2, tens) if tens != 12 => "nd",
        (3, tens) if tens != 13 => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

impl Invite {
    /// One line to be read, typed and pasted: groups joined by hyphens, in lower case.
    pub fn code(&self) -> Zeroizing<String> {
        self.written("-")
    }

    /// The same code without hyphens and in upper case, which a QR symbol holds in its alphanumeric mode: 5.5 bits
    /// a character. With a short address it has 170 to 195 characters, which is a symbol of version 6 at level L.
    pub fn qr_text(&self) -> Zeroizing<String> {
        let mut text = self.written("");
        text.make_ascii_uppercase();
        text
    }

    fn written(&self, separator: &str) -> Zeroizing<String> {
        let groups = groups::encode(&self.to_bytes(), separator);
        Zeroizing::new([PREFIX, &groups].join(separator))
    }

    /// Reads a code as it was typed, pasted or scanned: upper or lower case, with or without spaces, line breaks and
    /// hyphens, with o for 0 and i or l for 1.
    ///
    /// # Errors
    /// [`InviteError`]; a wrong character or two neighbours swapped are always found, and their group named.
    pub fn parse(text: &str) -> Result<Self, InviteError> {
        if text.len() > CODE_BYTES_MAX {
            return Err(InviteError::TooLong { got: text.len() });
        }
        let mut rest = text.chars();
        for expected in PREFIX.chars() {
            let typed = rest.find(|typed| !groups::is_separator(*typed));
            match typed {
                Some(typed)
                    if *groups::plain(typed.encode_utf8(&mut [0; 4]))
                        == *groups::plain(expected.encode_utf8(&mut [0; 4])) => {}
                Some(got) if expected == '1' && got.is_ascii_digit() => {
                    return Err(InviteError::Version { got });
                }
                _ => return Err(InviteError::Prefix),
            }
        }
        let read = groups::decode(rest.as_str()).and_then(|bytes| Self::from_bytes(&bytes));
        // Separators that still stand where they were printed say more than counting from the left.
        read.map_err(|error| {
            groups::first_wrong_as_typed(rest.as_str()).map_or(error, InviteError::Group)
        })
    }

    fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Enough for the longest, so that no copy is left behind by growing.
        let mut bytes = Zeroizing::new(Vec::with_capacity(512));
        let (for_keyholder, campaign) = match &self.target {
            Target::Person(campaign) => (0, &campaign.0),
            Target::Keyholder { plan, .. } => (1, &plan.0),
        };
        let put_host = |bytes: &mut Vec<u8>, kind: u8, host: &[u8]| {
            bytes.push(for_keyholder << 2 | kind);
            bytes.extend_from_slice(host);
        };
        match self.address.host() {
            Host::Name(name) => {
                put_host(&mut bytes, 0, &[name_length(name)]);
                bytes.extend_from_slice(name.as_str().as_bytes());
            }
            Host::V4(number) => put_host(&mut bytes, 1, &number.octets()),
            Host::V6(number) => put_host(&mut bytes, 2, &number.octets()),
        }
        bytes.extend_from_slice(&self.address.port().to_le_bytes());
        bytes.extend_from_slice(&self.certificate);
        bytes.extend_from_slice(campaign);
        if let Target::Keyholder { seat, .. } = self.target {
            bytes.push(seat.index());
        }
        bytes.extend_from_slice(self.secret.expose());
        let checksum = checksum(&bytes);
        bytes.extend_from_slice(&checksum);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, InviteError> {
        let (body, sum) =
            bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(InviteError::Incomplete)?;
        let mut parts = Parts(body);
        let read = parts.invite();
        let right = *sum == checksum(body);
        match read {
            // Where its parts end is known before the checksum: a missing end is told from a wrong one.
            Err(InviteError::Incomplete) if !right => Err(InviteError::Incomplete),
            _ if !right => Err(InviteError::Checksum),
            Ok(_) if !parts.0.is_empty() => Err(InviteError::Content { what: "end" }),
            read => read,
        }
    }
}

fn name_length(name: &Name) -> u8 {
    u8::try_from(name.as_str().len()).expect("a checked name has at most 253 bytes")
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest = digest(Label::Invite, &[bytes]);
    *digest.first_chunk().expect("a digest is longer")
}

/// What is left to read of a code's bytes.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], InviteError> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(InviteError::Incomplete)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], InviteError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(InviteError::Incomplete)?;
        self.0 = rest;
        Ok(*bytes)
    }

    fn invite(&mut self) -> Result<Invite, InviteError> {
        let [head] = self.array()?;
        let host = self.host(head & 3)?;
        let port = u16::from_le_bytes(self.array()?);
        let address =
            Address::new(host, port).map_err(|_| InviteError::Content { what: "port" })?;
        let certificate = self.array()?;
        let target = match head >> 2 {
            0 => Target::Person(CampaignId(self.array()?)),
            1 => Target::Keyholder { plan: PlanId(self.array()?), seat: self.seat()? },
            _ => return Err(InviteError::Content { what: "kind" }),
        };
        let secret = InviteSecret(self.array()?);
        Ok(Invite { address, certificate, target, secret })
    }

    fn host(&mut self, kind: u8) -> Result<Host, InviteError> {
        match kind {
            0 => {
                let [length] = self.array()?;
                let name = str::from_utf8(self.bytes(length.into())?).ok();
                let canonical = |name: &&str| !name.bytes().any(|byte| byte.is_ascii_uppercase());
                let name = name.filter(canonical).and_then(|name| name.parse().ok());
                name.map(Host::Name).ok_or(InviteError::Content { what: "host" })
            }
            1 => Ok(Host::V4(self.array::<4>()?.into())),
            2 => Ok(Host::V6(self.array::<16>()?.into())),
            _ => Err(InviteError::Content { what: "host" }),
        }
    }

    fn seat(&mut self) -> Result<Seat, InviteError> {
        let [index] = self.array()?;
        if index < SEATS_MAX {
            Ok(Seat::new(index))
        } else {
            Err(InviteError::Content { what: "seat" })
        }
    }
}
