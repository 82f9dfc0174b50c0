//! What a server allows, per source and in total.

use std::time::Duration;

/// A server's limits. A source is an IPv4 address or an IPv6 network of 56 bits: as much as one household is given.
/// Many people can share one, behind one router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of participants, in total. Keyholders come on top: whoever floods does not shut them out.
    pub connections: usize,
    /// Connections of one source.
    pub connections_per_source: usize,
    /// Handshakes and greetings under way, in total.
    pub handshakes: usize,
    /// Handshakes and greetings under way with one source.
    pub handshakes_per_source: usize,
    /// From so many handshakes under way on, a caller must first show that it receives what is sent to its address.
    pub unproven_handshakes: usize,
    /// Questions of one source a second, over a while; keyholders' are not counted.
    pub requests_per_source_sec: u32,
    /// Questions of one source at once.
    pub requests_per_source_burst: u32,
    /// Questions under way on one connection.
    pub streams_per_connection: u32,
    /// Bytes of questions that are being read, in total.
    pub bytes_in_flight: usize,
    /// Bytes of questions of one source that are being read.
    pub bytes_in_flight_per_source: usize,
    /// For the handshake, and again for the greeting.
    pub handshake: Duration,
    /// For one frame to come in, or to be taken.
    pub frame: Duration,
    /// Without a sign of the other end.
    pub silence: Duration,
    /// Without a question of a participant.
    pub idle: Duration,
    /// Without a question of a keyholder.
    pub idle_keyholder: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            connections_per_source: 512,
            handshakes: 1_024,
            handshakes_per_source: 512,
            unproven_handshakes: 32,
            requests_per_source_sec: 200,
            requests_per_source_burst: 1_000,
            streams_per_connection: 4,
            bytes_in_flight: 64 << 20,
            bytes_in_flight_per_source: 16 << 20,
            handshake: Duration::from_secs(10),
            frame: Duration::from_secs(30),
            silence: Duration::from_mins(1),
            idle: Duration::from_mins(2),
            idle_keyholder: Duration::from_hours(1),
        }
    }
}
