//! One instance of a cache.
//!
//! ```text
//!   ask ──► Found::Fresh                     answer at once
//!    │
//!    ├────► Found::Miss ── ask upstream ──► keep ──┬──► released: they get the same answer
//!    │                          │ it failed        │
//!    │                          └──► stale ────────┘
//!    └────► Found::Waits                     somebody asks already
//! ```
//!
//! A cache is warm because it was asked before. One that starts anew is not, and what stands behind
//! it gets all the requests that it usually never sees: so a design has to be able to do without
//! its caches for a while, or let only one miss a key through.

mod lru;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use base::{Bytes, Duration, Instant};

use self::lru::Lru;
use crate::clock::Reading;
use crate::quality::Quality;
use crate::traffic::Item;

/// What a cache does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// How much it keeps. Answers count with the bytes of their bodies, and with at least one.
    pub size: Bytes,
    /// How long an answer is fresh.
    pub fresh: Duration,
    /// How much longer it serves where there is no other (RFC 5861, section 4).
    pub stale_if_error: Option<Duration>,
    /// One miss a key is under way at a time.
    pub collapse: bool,
}

/// An answer that can be given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The size of its body.
    pub bytes: Bytes,
    /// When it was made, by the clock of whoever made it (`Date`).
    pub made: Reading,
    /// How good it was.
    pub quality: Quality,
    /// Up to when it knows what was written.
    pub knows: Instant,
}

/// What a cache has to say to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Found {
    /// This, at once.
    Fresh(Kept),
    /// Nothing: whoever asked has to ask upstream, and to tell [`Cache::landed`].
    Miss,
    /// Nothing, but somebody asks upstream already. Whoever asked is told with the others.
    Waits,
}

/// One instance of a cache. `W` is whatever its driver calls a request that waits.
#[derive(Clone, Debug)]
pub struct Cache<W> {
    params: Params,
    kept: Lru<Entry>,
    /// Who asks upstream for a key, and who waits for it. Only where misses are collapsed.
    under_way: BTreeMap<Item, (W, Vec<W>)>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    kept: Kept,
    /// When it came, by the cache's own clock.
    came: Reading,
    /// How old it was then.
    age: Duration,
}

impl<W: Copy + PartialEq> Cache<W> {
    /// Empty.
    pub const fn new(params: Params) -> Self {
        Self { params, kept: Lru::new(params.size.0), under_way: BTreeMap::new() }
    }

    /// Somebody asks for an item. `clock` is what the cache's own clock shows.
    pub fn ask(&mut self, clock: Reading, item: Item, who: W) -> Found {
        if let Some(entry) = self.kept.peek(item).filter(|entry| self.is_fresh(entry, clock)) {
            self.kept.touch(item);
            return Found::Fresh(entry.kept);
        }
        if !self.params.collapse {
            return Found::Miss;
        }
        match self.under_way.get_mut(&item) {
            None => {
                self.under_way.insert(item, (who, Vec::new()));
                Found::Miss
            }
            Some((_, waiting)) => {
                waiting.push(who);
                Found::Waits
            }
        }
    }

    /// An answer came from upstream.
    pub fn keep(&mut self, clock: Reading, item: Item, kept: Kept) {
        // RFC 9111, section 4.2.3: what the two clocks say, as far as it makes the answer older.
        let age = clock.since(kept.made);
        self.kept.keep(item, kept.bytes.0.max(1), Entry { kept, came: clock, age });
    }

    /// Upstream failed: an older answer, if there is one that may still be given. `most` is the
    /// greatest age that the call itself allows.
    pub fn stale(&mut self, clock: Reading, item: Item, most: Option<Duration>) -> Option<Kept> {
        let own = self.params.stale_if_error.map(|longer| self.params.fresh + longer);
        let most = own.max(most)?;
        let entry = self.kept.peek(item).filter(|entry| entry.age(clock) <= most)?;
        self.kept.touch(item);
        Some(Kept { quality: entry.kept.quality.and(Quality::Stale), ..entry.kept })
    }

    /// What `who` asked upstream for is here, or will not come. Those who waited for it are told.
    pub fn landed(&mut self, item: Item, who: W) -> Vec<W> {
        match self.under_way.get(&item) {
            Some((leads, _)) if *leads == who => {
                self.under_way.remove(&item).map(|(_, waiting)| waiting).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    /// `who` gave up. If it asked upstream for others too, the first of them has to do it now.
    pub fn gave_up(&mut self, item: Item, who: W) -> Option<W> {
        let (leads, waiting) = self.under_way.get_mut(&item)?;
        if *leads != who {
            waiting.retain(|waits| *waits != who);
            return None;
        }
        if waiting.is_empty() {
            self.under_way.remove(&item);
            return None;
        }
        *leads = waiting.remove(0);
        Some(*leads)
    }

    /// The item was written (RFC 9111, section 4.4).
    pub fn forget(&mut self, item: Item) {
        self.kept.forget(item);
    }

    /// The process is gone and with it all it had.
    pub fn crash(&mut self) {
        self.kept = Lru::new(self.params.size.0);
        self.under_way.clear();
    }

    /// How much it keeps.
    pub const fn held(&self) -> Bytes {
        Bytes(self.kept.held())
    }

    fn is_fresh(&self, entry: &Entry, clock: Reading) -> bool {
        entry.age(clock) < self.params.fresh
    }
}

impl Entry {
    fn age(&self, clock: Reading) -> Duration {
        self.age + clock.since(self.came)
    }
}

#[cfg(test)]
mod tests;
