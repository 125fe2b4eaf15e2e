//! Randomness that a seed decides, the same on every machine.

use rand::RngCore;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A source of choices. Two of the same seed make the same ones.
///
/// ```
/// use kstreams::testing::simulation::Random;
///
/// let mut random = Random::new(7);
/// let station = *random.pick(&["Loop", "Howard"]);
/// assert_eq!(*Random::new(7).pick(&["Loop", "Howard"]), station);
/// assert!(random.below(10) < 10);
/// ```
#[derive(Debug, Clone)]
pub struct Random(ChaCha8Rng);

impl Random {
    /// The choices of this seed.
    pub fn new(seed: u64) -> Self {
        Random(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number from zero up to, not including, `end`; zero if `end` is.
    pub fn below(&mut self, end: u64) -> u64 {
        // The bias of the remainder is far below what any schedule could show.
        if end == 0 { 0 } else { self.any() % end }
    }

    /// A number from `least` to `most`, both inclusive.
    pub fn between(&mut self, least: i64, most: i64) -> i64 {
        let span = most.abs_diff(least).saturating_add(1);
        least.min(most).saturating_add_unsigned(self.below(span))
    }

    /// True `times` times out of `of`.
    pub fn chance(&mut self, times: u64, of: u64) -> bool {
        self.below(of) < times
    }

    /// One of these.
    ///
    /// # Panics
    /// If there are none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        assert!(!of.is_empty(), "there is nothing to pick from");
        &of[self.below(of.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_stay_within_their_bounds() {
        let mut random = Random::new(1);
        for _ in 0..1_000 {
            assert!((-3..=3).contains(&random.between(-3, 3)));
            assert!(random.below(5) < 5);
        }
        assert_eq!(random.below(0), 0);
        assert!(!random.chance(0, 10) && random.chance(10, 10));
    }
}
