//! A member's draw in the lottery of the boundary bin.

use rand_core::Rng;

use crate::keys::{self, Label};

/// A uniform number from the member's secret campaign key and the public randomness of the campaign.
///
/// One draw serves the threshold and a top-up: a greater chance asks whom a smaller one asked, and more.
///
/// # Security
/// The secret must be fixed (by its public key) before the context is known: otherwise a member picks
/// the key that wins.
pub fn lottery_draw(secret: &[u8; 32], context: &[u8; 32]) -> u32 {
    keys::stream(Label::Lottery, secret, &[context]).next_u32()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_repeat_and_are_spread() {
        let draw = |person: u32, context| {
            let mut secret = [0; 32];
            secret[..4].copy_from_slice(&person.to_le_bytes());
            lottery_draw(&secret, &[context; 32])
        };
        assert_eq!(draw(1, 0), draw(1, 0));
        assert_ne!(draw(1, 0), draw(1, 1));
        let below = (0..4_000).filter(|&person| draw(person, 0) < 1 << 30).count();
        // A quarter; one standard error is 27.
        assert!((890..1_110).contains(&below), "{below}");
    }
}
