//! Who hears what the deciding code and the network say.

use base::Instant;
use event::{Event, Scope, Sink};

use super::Tap;
use crate::stats::Stats;

/// Those who count, and whoever wants more than counts.
pub(super) struct Ears<'w> {
    pub(super) stats: &'w mut Stats,
    pub(super) tap: &'w mut Tap,
}

impl Sink for Ears<'_> {
    #[inline]
    fn emit(&mut self, now: Instant, scope: Scope, event: Event) {
        self.tap.heard(now, scope, event);
        self.stats.emit(now, scope, event);
    }
}
