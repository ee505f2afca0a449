//! What is counted for each cache.

use model::cache::Found;

/// The counts of one cache, all instances together, after the warm-up and while traffic arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CacheStats {
    /// Requests for what it could have.
    pub(crate) asked: u64,
    /// Those that it answered at once.
    pub(crate) hits: u64,
    /// Those that waited for what another was asking for.
    pub(crate) collapsed: u64,
    /// Those that got an old answer because there was no other.
    pub(crate) stale: u64,
}

impl CacheStats {
    pub(super) fn on_asked(&mut self, found: Found) {
        self.asked += 1;
        self.hits += u64::from(matches!(found, Found::Fresh(_)));
        self.collapsed += u64::from(matches!(found, Found::Waits));
    }

    /// All of another run's.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.asked += other.asked;
        self.hits += other.hits;
        self.collapsed += other.collapsed;
        self.stale += other.stale;
    }

    /// The share that it answered at once; nothing if nobody asked.
    pub(crate) fn hit_ratio(&self) -> Option<f64> {
        (self.asked > 0).then(|| self.hits as f64 / self.asked as f64)
    }
}
