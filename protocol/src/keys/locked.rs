//! Bytes under a key that a person keeps, such as one stretched from a passphrase.

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use thiserror::Error;
use zeroize::Zeroizing;

/// How much longer locked bytes are than what they hold.
pub const OVERHEAD_BYTES: usize = 16;

/// The bytes cannot be unlocked with this key, or were changed. No more is said, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the bytes cannot be unlocked")]
pub struct Locked;

/// Locks `plaintext`; `about` is bound to it and stays readable.
///
/// # Security
/// `key` must be used once: the nonce is zero. A fresh salt under the passphrase gives a fresh key.
///
/// # Panics
/// Never: no plaintext in memory is longer than the cipher's 256 GiB.
pub fn lock(key: &[u8; 32], about: &[u8], plaintext: &[u8]) -> Vec<u8> {
    ChaCha20Poly1305::new(key.into())
        .encrypt(&Nonce::from([0; 12]), Payload { msg: plaintext, aad: about })
        .expect("far shorter than the cipher's limit")
}

/// Opens what [`lock`] made; wiped when dropped.
///
/// # Errors
/// [`Locked`], whatever the reason.
pub fn unlock(key: &[u8; 32], about: &[u8], locked: &[u8]) -> Result<Zeroizing<Vec<u8>>, Locked> {
    ChaCha20Poly1305::new(key.into())
        .decrypt(&Nonce::from([0; 12]), Payload { msg: locked, aad: about })
        .map(Zeroizing::new)
        .map_err(|_| Locked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_locked_opens_with_its_key_and_its_words_only() {
        let locked = lock(&[1; 32], b"about", b"secret");
        assert_eq!(locked.len(), 6 + OVERHEAD_BYTES);
        assert_eq!(*unlock(&[1; 32], b"about", &locked).unwrap(), b"secret");
        assert_eq!(unlock(&[2; 32], b"about", &locked), Err(Locked));
        assert_eq!(unlock(&[1; 32], b"other", &locked), Err(Locked));
        for place in 0..locked.len() {
            let mut changed = locked.clone();
            *changed.get_mut(place).unwrap() ^= 1;
            assert_eq!(unlock(&[1; 32], b"about", &changed), Err(Locked), "{place}");
        }
        assert_eq!(unlock(&[1; 32], b"about", locked.get(..15).unwrap()), Err(Locked));
    }
}
