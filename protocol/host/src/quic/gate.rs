//! Who is let in: counts per source and in total, given back when they are dropped.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use super::Limits;

/// So many sources are remembered when they have nothing under way; more, and those that have waited longest for nothing
/// are forgotten.
const SOURCES_MAX: usize = 65_536;

/// Whom limits are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source(IpAddr);

impl Source {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self(Ipv6Addr::new(a, b, c, d & 0xff00, 0, 0, 0, 0).into())
            }
            v4 @ IpAddr::V4(_) => Self(v4),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    handshakes: usize,
    connections: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Tally {
    counts: Counts,
    /// Of questions, in thousandths; refilled as time goes by.
    tokens_milli: u64,
    refilled: Instant,
}

#[derive(Debug, Default)]
struct Book {
    total: Counts,
    sources: BTreeMap<Source, Tally>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Handshake,
    Connection,
    Bytes,
}

impl Counts {
    const fn of(&mut self, kind: Kind) -> &mut usize {
        match kind {
            Kind::Handshake => &mut self.handshakes,
            Kind::Connection => &mut self.connections,
            Kind::Bytes => &mut self.bytes,
        }
    }
}

/// How a caller is met.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Goes on while this is held.
    Enter(Held),
    /// Has to show first that it receives what is sent to its address.
    Prove,
    /// Not answered now.
    Ignore,
}

/// A count that is given back when dropped.
#[derive(Debug)]
pub(super) struct Held {
    gate: Gate,
    source: Source,
    kind: Kind,
    amount: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut book = self.gate.book();
        *book.total.of(self.kind) -= self.amount;
        if let Some(tally) = book.sources.get_mut(&self.source) {
            *tally.counts.of(self.kind) -= self.amount;
        }
    }
}

/// The counts of one server.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    limits: Limits,
    book: Arc<Mutex<Book>>,
}

impl Gate {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, book: Arc::default() }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("nobody panics while counting")
    }

    /// A caller whose address is `proven` or not yet.
    pub(super) fn handshake(&self, source: Source, proven: Proven) -> Verdict {
        let under_way = self.book().total.handshakes;
        if proven == Proven::No && under_way >= self.limits.unproven_handshakes {
            return Verdict::Prove;
        }
        let Limits { handshakes, handshakes_per_source, .. } = self.limits;
        match self.take(source, Kind::Handshake, 1, [handshakes, handshakes_per_source]) {
            Some(held) => Verdict::Enter(held),
            None => Verdict::Ignore,
        }
    }

    /// A participant's connection.
    pub(super) fn connection(&self, source: Source) -> Option<Held> {
        let Limits { connections, connections_per_source, .. } = self.limits;
        self.take(source, Kind::Connection, 1, [connections, connections_per_source])
    }

    /// Bytes of a question that is to be read.
    pub(super) fn bytes(&self, source: Source, amount: usize) -> Option<Held> {
        let Limits { bytes_in_flight, bytes_in_flight_per_source, .. } = self.limits;
        self.take(source, Kind::Bytes, amount, [bytes_in_flight, bytes_in_flight_per_source])
    }

    fn take(&self, source: Source, kind: Kind, amount: usize, most: [usize; 2]) -> Option<Held> {
        let mut book = self.book();
        let [total, each] = most;
        let Book { total: counts, sources } = &mut *book;
        let tally = tally(sources, &self.limits, source, Instant::now());
        if *counts.of(kind) + amount > total || *tally.counts.of(kind) + amount > each {
            return None;
        }
        *counts.of(kind) += amount;
        *tally.counts.of(kind) += amount;
        drop(book);
        Some(Held { gate: self.clone(), source, kind, amount })
    }

    /// One more question at `now`: how long it has to wait until it is within the source's rate.
    pub(super) fn question(&self, source: Source, now: Instant) -> Duration {
        let mut book = self.book();
        let tally = tally(&mut book.sources, &self.limits, source, now);
        let per_sec = u64::from(self.limits.requests_per_source_sec.max(1));
        let most = u64::from(self.limits.requests_per_source_burst.max(1)) * 1_000;
        let passed = now.saturating_duration_since(tally.refilled);
        let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        let earned = millis.saturating_mul(per_sec);
        if earned > 0 {
            tally.tokens_milli = tally.tokens_milli.saturating_add(earned).min(most);
            tally.refilled = now;
        }
        match tally.tokens_milli.checked_sub(1_000) {
            Some(left) => {
                tally.tokens_milli = left;
                Duration::ZERO
            }
            None => Duration::from_millis((1_000 - tally.tokens_milli).div_ceil(per_sec)),
        }
    }
}

/// Whether a caller has shown that it receives what is sent to its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proven {
    Yes,
    No,
}

fn tally<'a>(
    sources: &'a mut BTreeMap<Source, Tally>,
    limits: &Limits,
    source: Source,
    now: Instant,
) -> &'a mut Tally {
    if sources.len() >= SOURCES_MAX && !sources.contains_key(&source) {
        sources.retain(|_, tally| tally.counts != Counts::default());
    }
    sources.entry(source).or_insert_with(|| Tally {
        counts: Counts::default(),
        tokens_milli: u64::from(limits.requests_per_source_burst) * 1_000,
        refilled: now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(last: u8) -> Source {
        Source::of(IpAddr::from([192, 0, 2, last]))
    }

    fn gate() -> Gate {
        Gate::new(Limits {
            connections: 3,
            connections_per_source: 2,
            handshakes: 3,
            handshakes_per_source: 2,
            unproven_handshakes: 1,
            requests_per_source_sec: 10,
            requests_per_source_burst: 2,
            ..Limits::default()
        })
    }

    #[test]
    fn one_source_does_not_take_everything_and_gives_back_what_it_took() {
        let gate = gate();
        let first = gate.connection(source(1)).unwrap();
        let _second = gate.connection(source(1)).unwrap();
        assert!(gate.connection(source(1)).is_none());
        let _third = gate.connection(source(2)).unwrap();
        assert!(gate.connection(source(2)).is_none(), "the total is reached");
        drop(first);
        assert!(gate.connection(source(2)).is_some());
    }

    #[test]
    fn strangers_prove_their_address_once_handshakes_pile_up() {
        let gate = gate();
        let Verdict::Enter(_held) = gate.handshake(source(1), Proven::No) else { unreachable!() };
        assert!(matches!(gate.handshake(source(2), Proven::No), Verdict::Prove));
        let Verdict::Enter(_held) = gate.handshake(source(1), Proven::Yes) else { unreachable!() };
        assert!(matches!(gate.handshake(source(1), Proven::Yes), Verdict::Ignore));
        assert!(matches!(gate.handshake(source(2), Proven::Yes), Verdict::Enter(_)));
    }

    #[test]
    fn questions_wait_until_they_are_within_the_rate() {
        let (gate, start) = (gate(), Instant::now());
        let wait = |millis| gate.question(source(1), start + Duration::from_millis(millis));
        assert_eq!([wait(0), wait(0)], [Duration::ZERO; 2]);
        assert_eq!(wait(0), Duration::from_millis(100));
        assert_eq!(wait(40), Duration::from_millis(60));
        assert_eq!(wait(100), Duration::ZERO);
        assert_ne!(wait(100), Duration::ZERO);
        assert_eq!(gate.question(source(2), start), Duration::ZERO, "others are not held up");
        // A long pause earns no more than a burst.
        assert_eq!([wait(60_000), wait(60_000)], [Duration::ZERO; 2]);
        assert_ne!(wait(60_000), Duration::ZERO);
    }

    #[test]
    fn a_household_is_one_source() {
        let of = |text: &str| Source::of(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:aa01::1"), of("2001:db8:1:aaff:9::2"));
        assert_ne!(of("2001:db8:1:aa01::1"), of("2001:db8:1:ab01::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
