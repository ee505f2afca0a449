//! What is to come later, roughly in order.
//!
//! The cost of a heap grows with all that is in it, and from some size on every step of it misses
//! the cache. Here an event is put into a bucket and not looked at again until that bucket's time has
//! nearly come: the idea of the ladder queue (Tang, Goh and Thng, ACM TOMACS 15(3), 2005), with the
//! fixed steps of a hierarchical timing wheel (Varghese and Lauck, SOSP 1987).
//!
//! A time is read as eleven digits of six bits. A level holds what differs from `base` first in its
//! digit, a bucket for each value of it:
//!
//! ```text
//!   level 2   [     |  ..  |     |  ..  ]   a bucket is 4,096 ns wide
//!   level 1   [  |..|  |  ]                 64 ns
//!   level 0   [||||]                        1 ns
//!             ^ base
//! ```
//!
//! All of a lower level comes before anything of a higher one. So the next bucket is the first of
//! the lowest level that has any; if it holds few events they are taken out, else they are divided
//! among the levels below.

use alloc::vec::Vec;

use base::Instant;

use super::Entry;

/// Events in buckets by their time.
#[derive(Debug)]
pub(super) struct Ladder<E> {
    /// No event is earlier. Only ever later, while there are any.
    base: u64,
    /// From the narrowest buckets to the widest; those that were never needed are not there.
    levels: Vec<Level<E>>,
    /// Chunks that have been emptied.
    spare: Vec<Chunk<E>>,
    len: usize,
}

#[derive(Clone, Debug)]
struct Level<E> {
    /// A bit for each bucket that is not empty.
    occupied: u64,
    buckets: Vec<Bucket<E>>,
}

/// A bucket grows by whole chunks, which other buckets use again: room that was needed once, where
/// many events stood, is not held by each bucket that they pass.
type Bucket<E> = Vec<Chunk<E>>;
type Chunk<E> = Vec<Entry<E>>;

/// Bits of a digit.
const DIGIT: u32 = 6;
/// Values of a digit.
const BUCKETS: u64 = 1 << DIGIT;
/// Events of a chunk.
const CHUNK: usize = 128;

/// Without the chunks that are empty: a copy of them would have no room.
impl<E: Clone> Clone for Ladder<E> {
    fn clone(&self) -> Self {
        Self { base: self.base, levels: self.levels.clone(), spare: Vec::new(), len: self.len }
    }
}

impl<E> Ladder<E> {
    pub(super) const fn new() -> Self {
        Self { base: 0, levels: Vec::new(), spare: Vec::new(), len: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Before it nothing can be put in.
    pub(super) const fn base(&self) -> Instant {
        Instant::from_nanos(self.base)
    }

    /// An empty ladder takes what happens from then on.
    pub(super) fn start_at(&mut self, base: Instant) {
        debug_assert!(self.len == 0, "what is there was put in by another base");
        self.base = base.as_nanos();
    }

    /// One more, not before [`Ladder::base`].
    pub(super) fn push(&mut self, entry: Entry<E>) {
        let at = entry.at.as_nanos();
        debug_assert!(at >= self.base, "it would come too late");
        let level = (at ^ self.base).checked_ilog2().unwrap_or(0) / DIGIT;
        let digit = (at >> (DIGIT * level)) % BUCKETS;
        while self.levels.len() <= level as usize {
            self.levels.push(Level::new());
        }
        let level = &mut self.levels[level as usize];
        level.occupied |= 1 << digit;
        let bucket = &mut level.buckets[usize::try_from(digit).unwrap_or(0)];
        match bucket.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(entry),
            _ => {
                let mut chunk = self.spare.pop().unwrap_or_else(|| Chunk::with_capacity(CHUNK));
                chunk.push(entry);
                bucket.push(chunk);
            }
        }
        self.len += 1;
    }

    /// Takes out the events that come next and gives them in any order, `most` at once, or more if
    /// they all happen in one nanosecond. Says until when nothing is left.
    pub(super) fn take(&mut self, most: usize, mut give: impl FnMut(Entry<E>)) -> Option<Instant> {
        loop {
            let (level, first) = self.next_bucket()?;
            let width = 1_u64 << (level * DIGIT as usize);
            let mut bucket = core::mem::take(&mut self.levels[level].buckets[first]);
            let count = bucket.iter().map(Vec::len).sum::<usize>();
            self.len -= count;
            let is_next = count <= most || width == 1;
            for mut chunk in bucket.drain(..) {
                for entry in chunk.drain(..) {
                    if is_next { give(entry) } else { self.push(entry) }
                }
                self.spare.push(chunk);
            }
            // Divided, it has nothing that belongs here. Its list of chunks is used again.
            self.levels[level].buckets[first] = bucket;
            if is_next {
                return Some(Instant::from_nanos(self.base | (width - 1)));
            }
        }
    }

    /// The first bucket of the lowest level that has any. Time begins anew where it does.
    fn next_bucket(&mut self) -> Option<(usize, usize)> {
        let level = self.levels.iter().position(|level| level.occupied != 0)?;
        let first = self.levels[level].occupied.trailing_zeros();
        self.levels[level].occupied &= !(1 << first);
        let width = 1_u64 << (level * DIGIT as usize);
        // In two steps: the widest level has no digit above it.
        self.base = self.base / width / BUCKETS * BUCKETS * width + u64::from(first) * width;
        Some((level, first as usize))
    }
}

impl<E> Level<E> {
    fn new() -> Self {
        Self { occupied: 0, buckets: (0..BUCKETS).map(|_| Bucket::new()).collect() }
    }
}
