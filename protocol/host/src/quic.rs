//! Connections: QUIC (RFC 9000) with TLS 1.3 (RFC 8446), the server known by the hash of its certificate.
//!
//! One bidirectional stream per question. On it, and on the first one for the greeting, each side sends one frame: its
//! length in four bytes, little-endian, then that many bytes. Every frame, queue and wait has a limit.
//!
//! - [`Link`]: a client's connection. [`connect`] makes one; there is no way to accept another certificate.
//! - [`Server`]: the other end, with [`Limits`] per source and in total. [`Service`] answers.
//!
//! Nothing is resumed and no early data is sent, so that two connections cannot be linked by a ticket.

mod frame;
mod gate;
mod limits;
mod link;
mod server;
mod tls;

#[cfg(test)]
mod tests;

pub use frame::{FrameError, read_frame};
pub use limits::Limits;
pub use link::{Fault, Link, LinkError, connect};
pub use server::{ListenError, Server, Service};
pub use tls::{Identity, IdentityError};

use std::{io, net::SocketAddr};

use quinn::VarInt;
use socket2::{Domain, Protocol, Socket, Type};

/// Of the socket, in each direction. With the usual 208 KiB a burst of 1,000 people overflows it, and what is lost is
/// sent again for minutes. The system may allow less.
const SOCKET_BYTES: usize = 4 << 20;

/// Why an end closes a connection; the number it gives to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Close {
    /// Nothing more to say.
    Done,
    /// The other end broke a rule.
    Protocol,
    /// A frame was too long.
    Frame,
    /// Nothing was asked for too long.
    Idle,
    /// Too much at once.
    Busy,
    /// The program ends.
    Ending,
}

impl Close {
    const fn code(self) -> VarInt {
        VarInt::from_u32(match self {
            Self::Done => 0,
            Self::Protocol => 1,
            Self::Frame => 2,
            Self::Idle => 3,
            Self::Busy => 4,
            Self::Ending => 5,
        })
    }
}

/// A UDP socket with large buffers, for both address families if it is bound to `[::]`.
fn socket(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // The system gives as much as it allows; less is slower, not wrong.
    let _ = socket.set_recv_buffer_size(SOCKET_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BYTES);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}
