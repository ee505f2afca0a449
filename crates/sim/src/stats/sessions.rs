//! What is counted of sessions.

use base::{Duration, Instant, Rate};

/// The sessions of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct SessionStats {
    /// Open when the run began.
    pub(crate) at_start: u64,
    /// Opened by clients since then.
    pub(crate) opened: u64,
    /// That could not be opened.
    pub(crate) refused: u64,
    /// That broke while they stood.
    pub(crate) lost: u64,
    /// Tries of clients to open one anew.
    pub(crate) reconnects: u64,
    /// The most that stood at once.
    pub(crate) peak: u64,
    /// Standing when traffic ended.
    pub(crate) at_end: u64,
    /// Messages that were sent on them.
    pub(crate) messages: f64,
    /// Standing now.
    pub(crate) open: u64,
}

impl SessionStats {
    pub(super) fn stands(&mut self, now: Instant, is_new: bool) {
        self.at_start += u64::from(now == Instant::ZERO);
        self.opened += u64::from(is_new);
        self.open += 1;
        self.peak = self.peak.max(self.open);
    }

    pub(super) fn over(&mut self, stood: Duration, messages: Rate) {
        self.open = self.open.saturating_sub(1);
        self.messages += stood.as_secs_f64() * messages.as_per_sec_f64();
    }

    /// Traffic has ended.
    pub(crate) const fn close(&mut self) {
        self.at_end = self.open;
    }
}
