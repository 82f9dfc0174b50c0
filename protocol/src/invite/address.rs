//! Where a coordinator is reached: a host and a port.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::{fmt, str::FromStr};
use thiserror::Error;

/// The longest name of a host, in bytes (RFC 1035 section 2.3.4).
pub const NAME_BYTES_MAX: usize = 253;

/// The longest label of a name, in bytes (the same section).
const LABEL_BYTES_MAX: usize = 63;

/// A host and a port of it; prints as it is typed, `vote.example:4433` or `[::1]:4433`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    host: Host,
    port: u16,
}

/// A host, by name or by number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name, in lower case.
    Name(Name),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, without a zone.
    V6(Ipv6Addr),
}

/// A host's name that has been checked: labels of letters, digits and inner hyphens, joined by dots.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(Box<str>);

impl Name {
    /// In lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The port is missing, no number, or 0.
    #[error("an address ends in a colon and a port, 1 to 65535: vote.example:4433")]
    Port,
    /// Nothing before the colon, or more than a name may have.
    #[error("a host's name has {got} bytes; 1 to {NAME_BYTES_MAX} are possible")]
    Length {
        /// In bytes.
        got: usize,
    },
    /// Neither a name nor a number.
    #[error(
        "a host is a name of letters, digits, hyphens and dots, or an IP address, IPv6 in brackets: \
         vote.example, 203.0.113.7, [2001:db8::7]"
    )]
    Host,
}

impl Address {
    /// Of a host and a port other than 0.
    ///
    /// # Errors
    /// [`AddressError::Port`].
    pub fn new(host: Host, port: u16) -> Result<Self, AddressError> {
        match port {
            0 => Err(AddressError::Port),
            port => Ok(Self { host, port }),
        }
    }

    /// By name or by number.
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// Of UDP; never 0.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for Name {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() || text.len() > NAME_BYTES_MAX {
            return Err(AddressError::Length { got: text.len() });
        }
        let is_label = |label: &str| {
            (1..=LABEL_BYTES_MAX).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        // A name whose last label is a number is read as an IPv4 address by some resolvers.
        let last = text.rsplit('.').next().unwrap_or(text);
        let numeric = last.bytes().all(|byte| byte.is_ascii_digit());
        if numeric || !text.split('.').all(is_label) {
            return Err(AddressError::Host);
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::Port)?;
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| digits).ok_or(AddressError::Port)?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = if let Some(number) = bracketed {
            Host::V6(number.parse().map_err(|_| AddressError::Host)?)
        } else if let Ok(number) = host.parse() {
            Host::V4(number)
        } else {
            Host::Name(host.parse()?)
        };
        Self::new(host, port)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name.as_str()),
            Self::V4(number) => number.fmt(f),
            Self::V6(number) => write!(f, "[{number}]"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_print_as_they_are_typed() {
        for text in ["vote.example:4433", "203.0.113.7:1", "[2001:db8::7]:65535", "localhost:9"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert_eq!("Vote.EXAMPLE:1".parse::<Address>().unwrap().to_string(), "vote.example:1");
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_is_wrong() {
        let long = format!("{}:1", "a.".repeat(127) + "ab");
        let cases = [
            ("vote.example", AddressError::Port),
            ("vote.example:", AddressError::Port),
            ("vote.example:0", AddressError::Port),
            ("vote.example:+1", AddressError::Port),
            ("vote.example:65536", AddressError::Port),
            (":1", AddressError::Length { got: 0 }),
            (long.as_str(), AddressError::Length { got: 256 }),
            ("a..b:1", AddressError::Host),
            ("-a.b:1", AddressError::Host),
            ("a_b:1", AddressError::Host),
            ("1.2.3:1", AddressError::Host),
            ("300.1.1.1:1", AddressError::Host),
            ("2001:db8::7:1", AddressError::Host),
            ("[2001:db8::7%1]:1", AddressError::Host),
            ("bücher.example:1", AddressError::Host),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Address>(), Err(expected), "{text}");
        }
    }
}
