//! A keyholder's everything under a passphrase, in one file.
//!
//! > `concert keyholder 1\n`, salt (16 bytes), then the bundle locked with the key that Argon2id makes of passphrase and
//! > salt, the text and the salt being bound to it.

use super::store::Bundle;
use argon2::{Algorithm, Argon2, Params, Version};
use host::Problem;
use protocol::{codec, exit::Exit, keys::locked};
use thiserror::Error;
use zeroize::Zeroizing;

/// The first bytes of such a file.
const HEADER: &[u8] = b"concert keyholder 1\n";
const SALT_BYTES: usize = 16;
/// A passphrase that is shorter is refused, in characters.
pub const PASSPHRASE_CHARS_MIN: usize = 12;
/// Of Argon2id (RFC 9106 section 4, the second recommended option): 64 MiB, three passes, one lane.
const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;

/// A file that cannot be made or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The passphrase is too short.
    #[error("the passphrase has {got} characters; at least {PASSPHRASE_CHARS_MIN} are asked for")]
    Short {
        /// Its length.
        got: usize,
    },
    /// The file is no such file.
    #[error("this is no exported keyholder's key")]
    Header,
    /// Another passphrase, or a changed file.
    #[error("the passphrase does not fit, or the file was changed")]
    Passphrase,
    /// There is not enough memory to stretch the passphrase.
    #[error("the passphrase cannot be stretched: 64 MiB of memory are needed")]
    Memory,
}

impl From<ExportError> for Problem {
    fn from(error: ExportError) -> Self {
        let what = format!("{error}.");
        match error {
            ExportError::Short { .. } => Self::new(Exit::Usage, "PASSPHRASE_SHORT", what)
                .safe("Nothing was written.")
                .next("Take five or more words."),
            ExportError::Header => Self::new(Exit::Data, "NOT_AN_EXPORT", what)
                .safe("Nothing was changed.")
                .next("Check that it is the right file."),
            ExportError::Passphrase => Self::new(Exit::Permission, "PASSPHRASE_WRONG", what)
                .safe("Nothing was changed.")
                .next("Try again. Without the passphrase the file is worth nothing."),
            ExportError::Memory => {
                Self::new(Exit::Temporary, "NO_MEMORY", what).safe("Nothing was changed.")
            }
        }
    }
}

fn key(passphrase: &str, salt: &[u8]) -> Result<Zeroizing<[u8; 32]>, ExportError> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).map_err(|_| ExportError::Memory)?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut *key)
        .map_err(|_| ExportError::Memory)?;
    Ok(key)
}

/// The file's bytes. `salt` must be fresh from the operating system.
///
/// # Errors
/// [`ExportError::Short`], [`ExportError::Memory`].
pub fn lock(
    bundle: &Bundle,
    passphrase: &str,
    salt: [u8; SALT_BYTES],
) -> Result<Vec<u8>, ExportError> {
    let got = passphrase.chars().count();
    if got < PASSPHRASE_CHARS_MIN {
        return Err(ExportError::Short { got });
    }
    let about = [HEADER, &salt].concat();
    let plaintext = Zeroizing::new(codec::encode(bundle));
    let locked = locked::lock(&*key(passphrase, &salt)?, &about, &plaintext);
    Ok([about, locked].concat())
}

/// What a file holds.
///
/// # Errors
/// [`ExportError`].
pub fn unlock(bytes: &[u8], passphrase: &str) -> Result<Bundle, ExportError> {
    let rest = bytes.strip_prefix(HEADER).ok_or(ExportError::Header)?;
    let (salt, locked) = rest.split_at_checked(SALT_BYTES).ok_or(ExportError::Header)?;
    let about = [HEADER, salt].concat();
    let plaintext = locked::unlock(&*key(passphrase, salt)?, &about, locked);
    let plaintext = plaintext.map_err(|_| ExportError::Passphrase)?;
    codec::decode::<Bundle, { codec::MESSAGE_BYTES_MAX }>(&plaintext)
        .map_err(|_| ExportError::Header)
}
