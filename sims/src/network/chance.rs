//! Draws: one stream for each purpose, so that one kind of fault does not move the others' draws.

use protocol::order::splitmix64;

use super::Span;

/// What is drawn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    Arrival,
    Delay,
    Loss,
    Duplication,
    Tampering,
    Crash,
    Write,
    Clock,
    Dropout,
    Partition,
}

/// A stream of `SplitMix64` under (seed, purpose). It decides faults and protects nobody.
#[derive(Clone, Debug)]
pub(super) struct Stream(u64);

impl Stream {
    pub(super) fn new(seed: u64, purpose: Purpose) -> Self {
        let number = match purpose {
            Purpose::Arrival => 1,
            Purpose::Delay => 2,
            Purpose::Loss => 3,
            Purpose::Duplication => 4,
            Purpose::Tampering => 5,
            Purpose::Crash => 6,
            Purpose::Write => 7,
            Purpose::Clock => 8,
            Purpose::Dropout => 9,
            Purpose::Partition => 10,
        };
        Self(splitmix64(splitmix64(seed) ^ number))
    }

    pub(super) fn bits(&mut self) -> u64 {
        let bits = splitmix64(self.0);
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        bits
    }

    /// True with this probability; what cannot or must happen draws nothing.
    pub(super) fn happens(&mut self, probability: f64) -> bool {
        if probability <= 0.0 || probability >= 1.0 {
            return probability >= 1.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit the mantissa")]
        let draw = (self.bits() >> 11) as f64 / 9_007_199_254_740_992.0;
        draw < probability
    }

    /// Uniform in `0..=greatest`, up to a bias of `greatest` in 2^64.
    pub(super) fn up_to(&mut self, greatest: u64) -> u64 {
        if greatest == 0 {
            return 0;
        }
        let wide = (u128::from(self.bits()) * (u128::from(greatest) + 1)) >> 64;
        u64::try_from(wide).expect("at most `greatest`, since the bits are below 2^64")
    }

    /// Uniform in the span, in milliseconds.
    pub(super) fn within(&mut self, span: Span) -> u64 {
        span.min_millis + self.up_to(span.max_millis - span.min_millis)
    }

    /// `count` of the numbers `0..among`, any such set being as probable as any other.
    pub(super) fn sample(&mut self, count: usize, among: u32) -> Vec<u32> {
        let mut keyed: Vec<(u64, u32)> = (0..among).map(|number| (self.bits(), number)).collect();
        keyed.sort_unstable();
        keyed.into_iter().take(count).map(|(_, number)| number).collect()
    }
}

/// The nearest whole number of persons to `share` of `among`.
pub(super) fn share_of(share: f64, among: u32) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share is validated to lie in [0, 1], so the product fits"
    )]
    let count = (share * f64::from(among)).round() as usize;
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_their_probability_and_span() {
        let mut stream = Stream::new(7, Purpose::Loss);
        let hits = (0..100_000).filter(|_| stream.happens(0.1)).count();
        assert!((9_600..10_400).contains(&hits), "{hits} of 100,000 at 0.1");
        let mut seen = [0_u32; 5];
        for _ in 0..10_000 {
            let span = Span { min_millis: 3, max_millis: 7 };
            seen[usize::try_from(stream.within(span) - 3).unwrap()] += 1;
        }
        assert!(seen.iter().all(|count| (1_800..2_200).contains(count)), "{seen:?}");
        assert!(!stream.happens(0.0) && stream.happens(1.0));
    }

    #[test]
    fn purposes_and_seeds_draw_apart() {
        let first = Stream::new(1, Purpose::Loss).bits();
        assert_ne!(first, Stream::new(1, Purpose::Delay).bits());
        assert_ne!(first, Stream::new(2, Purpose::Loss).bits());
        assert_eq!(first, Stream::new(1, Purpose::Loss).bits());
    }
}
