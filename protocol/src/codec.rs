//! Wire form: the one module that knows how values become bytes.
//!
//! Fixed-width little-endian integers, lengths as `u64`, enum variants as `u32` in order of declaration, no
//! field names, no padding. Decoding has a hard limit, allocates no more than it, and refuses bytes
//! that are left over. Shares are uniform, so fixed width is their smallest form as well.
//!
//! Implemented with bincode 2.0.1, which is pinned and unmaintained; nothing else names it.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian, standard};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

/// The longest message, in bytes; the limit of a transport's frame.
pub const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// Bytes that are no value of the expected type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CodecError {
    /// Longer than allowed.
    #[error("{got} bytes, at most {limit} are allowed")]
    TooLong {
        /// Bytes received.
        got: usize,
        /// The limit of this type.
        limit: usize,
    },
    /// Not the bytes of such a value.
    #[error("not the bytes of such a value")]
    Malformed,
    /// Followed by something else.
    #[error("{left} bytes are left over")]
    Trailing {
        /// How many.
        left: usize,
    },
}

const fn configuration<const LIMIT: usize>() -> Configuration<LittleEndian, Fixint, Limit<LIMIT>> {
    standard().with_little_endian().with_fixed_int_encoding().with_limit::<LIMIT>()
}

/// The canonical bytes of a value.
///
/// # Panics
/// If the type serialises a sequence of unknown length or a map; no type of this crate does.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let plain = standard().with_little_endian().with_fixed_int_encoding();
    bincode::serde::encode_to_vec(value, plain)
        .expect("messages hold only sequences of known length")
}

/// Reads exactly one value of at most `LIMIT` bytes.
///
/// # Errors
/// [`CodecError`].
pub fn decode<T: DeserializeOwned, const LIMIT: usize>(bytes: &[u8]) -> Result<T, CodecError> {
    if bytes.len() > LIMIT {
        return Err(CodecError::TooLong { got: bytes.len(), limit: LIMIT });
    }
    let (value, used) = bincode::serde::decode_from_slice(bytes, configuration::<LIMIT>())
        .map_err(|_| CodecError::Malformed)?;
    match bytes.len() - used {
        0 => Ok(value),
        left => Err(CodecError::Trailing { left }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Blob, ReportId};
    use proptest::prelude::*;

    type Sample = (u16, Option<bool>, Vec<u32>, Blob, ReportId, String);

    #[test]
    fn layout_is_as_documented() {
        let bytes = encode(&(0x0102_u16, Some(true), vec![7_u32], Blob::from(vec![9])));
        let expected = [
            &[2, 1, 1, 1][..],
            &[1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0],
            &[1, 0, 0, 0, 0, 0, 0, 0, 9],
        ];
        assert_eq!(bytes, expected.concat());
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_without_allocating() {
        let huge = u64::MAX.to_le_bytes();
        assert_eq!(decode::<Vec<u32>, 1_000>(&huge), Err(CodecError::Malformed));
        assert_eq!(decode::<Blob, 1_000>(&huge), Err(CodecError::Malformed));
        assert_eq!(decode::<Blob, 10>(&[0; 11]), Err(CodecError::TooLong { got: 11, limit: 10 }));
        assert_eq!(decode::<u16, 10>(&[0; 3]), Err(CodecError::Trailing { left: 1 }));
    }

    proptest! {
        #[test]
        fn values_survive_and_prefixes_do_not(
            number in any::<u16>(), flag in any::<Option<bool>>(), list in any::<Vec<u32>>(),
            blob in any::<Vec<u8>>(), id in any::<[u8; 16]>(), text in ".{0,9}",
        ) {
            let value: Sample = (number, flag, list, blob.into(), ReportId(id), text);
            let bytes = encode(&value);
            prop_assert_eq!(decode::<Sample, 100_000>(&bytes), Ok(value));
            for cut in 0..bytes.len() {
                prop_assert!(decode::<Sample, 100_000>(&bytes[..cut]).is_err());
            }
        }

        #[test]
        fn any_bytes_decode_or_are_refused(bytes in any::<Vec<u8>>()) {
            if let Ok(value) = decode::<Sample, 100_000>(&bytes) {
                prop_assert_eq!(encode(&value), bytes);
            }
        }
    }
}
