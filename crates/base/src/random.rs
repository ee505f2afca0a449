//! Chance that can be repeated: streams of numbers that hang on a name, not on an order.
//!
//! A stream is a key and a counter (SplitMix64: the mixer of Steele, Lea and Flood, "Fast
//! splittable pseudorandom number generators", OOPSLA 2014). The key comes from the seed and from
//! the name of who draws and what for. So a new component, or one more draw elsewhere, changes no
//! other component's numbers.

/// A stream of random numbers, the same on every platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Random {
    state: u64,
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// The stream of `who` for one `purpose` under a seed.
    pub fn of(seed: u64, who: &str, purpose: &str) -> Self {
        Self { state: mix(mix(mix(seed ^ GOLDEN) ^ hash_name(who)) ^ hash_name(purpose)) }
    }

    /// The stream's `index`-th child: for one stream a request, an instance, a worker.
    #[must_use]
    pub fn child(&self, index: u64) -> Self {
        Self { state: mix(self.state ^ mix(index.wrapping_add(GOLDEN))) }
    }

    /// Sixty-four fair bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// A whole number below `end`; 0 when `end` is 0.
    ///
    /// Multiply-and-shift: the bias is below `end` / 2^64.
    #[inline]
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(end)) >> 64) as u64
    }

    /// A number in `[0, 1)`, one of 2^53.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }
}

/// A hash of a name that is the same everywhere and always (FNV-1a, mixed).
pub fn hash_name(name: &str) -> u64 {
    let fnv = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(fnv)
}

#[inline]
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_pinned_because_run_hashes_hang_on_them() {
        let mut random = Random::of(1, "users", "arrivals");

        let first = [random.bits(), random.bits(), random.bits()];

        let again = Random::of(1, "users", "arrivals").bits();
        assert_eq!(first[0], again);
        assert_eq!(first, PINNED);
    }

    #[test]
    fn streams_of_other_names_seeds_and_purposes_differ() {
        let streams = [
            Random::of(1, "users", "arrivals"),
            Random::of(2, "users", "arrivals"),
            Random::of(1, "api", "arrivals"),
            Random::of(1, "users", "keys"),
            Random::of(1, "users", "arrivals").child(1),
        ]
        .map(|mut stream| stream.bits());

        for (at, one) in streams.iter().enumerate() {
            assert!(!streams[at + 1..].contains(one));
        }
    }

    #[test]
    fn below_stays_below_and_is_fair_within_five_sigma() {
        let mut random = Random::of(7, "dice", "test");
        let mut seen = [0_i64; 6];

        for _ in 0..60_000 {
            seen[usize::try_from(random.below(6)).unwrap()] += 1;
        }

        assert!(seen.iter().all(|count| (count - 10_000).abs() < 5 * 92), "{seen:?}");
    }

    const PINNED: [u64; 3] =
        [17_111_416_075_172_008_699, 10_366_003_098_036_390_660, 13_588_018_023_575_059_745];
}
