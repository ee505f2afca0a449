//! The endpoints that may be chosen, by weight.

use alloc::vec::Vec;

use base::Random;

/// Fit endpoints with their weights. Rebuilt when fitness changes, read for every choice.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    entries: Vec<Entry>,
    total: u64,
    /// Whether all weights are equal, so that a position is a lot.
    even: bool,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    endpoint: u16,
    weight: u32,
    /// The weights of all before it, in order of endpoints.
    before: u64,
}

impl Pool {
    /// Fills the pool anew, in the memory it has. Endpoints in rising order; those of weight 0
    /// never get a turn and are left out.
    pub fn refill(&mut self, endpoints: impl IntoIterator<Item = (u16, u32)>) {
        self.entries.clear();
        self.total = 0;
        for (endpoint, weight) in endpoints {
            if weight > 0 {
                self.entries.push(Entry { endpoint, weight, before: self.total });
                self.total += u64::from(weight);
            }
        }
        self.even = self.entries.windows(2).all(|pair| pair[0].weight == pair[1].weight);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether there is any endpoint besides this one.
    pub fn has_other_than(&self, endpoint: u16) -> bool {
        self.entries.len() > 1 || self.entries.first().is_some_and(|only| only.endpoint != endpoint)
    }

    /// All endpoints with their weights.
    pub fn entries(&self) -> impl Iterator<Item = (u16, u32)> {
        self.entries.iter().map(|entry| (entry.endpoint, entry.weight))
    }

    /// One at random by weight, none of `without`.
    pub(super) fn draw(
        &self,
        random: &mut Random,
        without: [Option<u16>; 2],
    ) -> Option<(u16, u32)> {
        if without == [None, None] {
            return self.draw_any(random);
        }
        let mut gaps = without.map(|endpoint| endpoint.and_then(|endpoint| self.find(endpoint)));
        if gaps[0].map(|gap| gap.before) > gaps[1].map(|gap| gap.before) {
            gaps.swap(0, 1);
        }
        if gaps[0].is_some_and(|one| gaps[1].is_some_and(|two| one.endpoint == two.endpoint)) {
            gaps[0] = None;
        }
        let left = self.total - gaps.iter().flatten().map(|gap| u64::from(gap.weight)).sum::<u64>();
        if left == 0 {
            return None;
        }
        let mut lot = random.below(left);
        for gap in gaps.into_iter().flatten() {
            if lot >= gap.before {
                lot += u64::from(gap.weight);
            }
        }
        let drawn = self.at(lot);
        Some((drawn.endpoint, drawn.weight))
    }

    #[inline]
    fn draw_any(&self, random: &mut Random) -> Option<(u16, u32)> {
        if self.total == 0 {
            return None;
        }
        let drawn = self.at(random.below(self.total));
        Some((drawn.endpoint, drawn.weight))
    }

    /// The one whose turn it is. A heavier endpoint's turns are spread: turns go over the weights in
    /// steps near their golden section, which visit every lot as often.
    pub(super) fn in_turn(&self, turn: u64, avoid: Option<u16>) -> Option<u16> {
        if self.entries.is_empty() {
            return None;
        }
        let count = self.entries.len() as u64;
        let position =
            if self.even { index(turn % count) } else { self.position(spread(turn, self.total)) };
        let chosen = self.entries[position].endpoint;
        if Some(chosen) != avoid {
            return Some(chosen);
        }
        Some(self.entries[(position + 1) % self.entries.len()].endpoint)
    }

    fn find(&self, endpoint: u16) -> Option<Entry> {
        let at = self.entries.binary_search_by_key(&endpoint, |entry| entry.endpoint).ok()?;
        Some(self.entries[at])
    }

    fn at(&self, lot: u64) -> Entry {
        self.entries[self.position(lot)]
    }

    fn position(&self, lot: u64) -> usize {
        if self.even {
            index(lot / u64::from(self.entries[0].weight))
        } else {
            self.entries.partition_point(|entry| entry.before <= lot) - 1
        }
    }
}

/// A step that shares no factor with `total` and lies near its golden section: consecutive turns
/// land far apart, and in `total` turns every lot comes once.
fn spread(turn: u64, total: u64) -> u64 {
    let golden = u64::try_from(u128::from(total) * 618 / 1_000).unwrap_or(1).max(1);
    let step = (golden..).find(|&step| gcd(step, total) == 1).unwrap_or(1);
    u64::try_from(u128::from(turn % total) * u128::from(step) % u128::from(total)).unwrap_or(0)
}

const fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[expect(clippy::cast_possible_truncation, reason = "below the number of entries")]
const fn index(lot: u64) -> usize {
    lot as usize
}
