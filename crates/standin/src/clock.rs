//! The one clock of all stand-ins of a run.

use base::{Duration, Instant};

/// Real time, counted from the start of a run.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: tokio::time::Instant,
}

impl Clock {
    /// Starts now. Stand-ins that belong together share it.
    pub fn start() -> Self {
        Self { start: tokio::time::Instant::now() }
    }

    /// Starts at a moment that has come or will come, so that several runs can begin together. It
    /// is [`Instant::ZERO`] until then.
    pub fn starting_at(start: std::time::Instant) -> Self {
        Self { start: tokio::time::Instant::from_std(start) }
    }

    /// How late it is.
    pub fn now(self) -> Instant {
        Instant::ZERO + Duration::from(self.start.elapsed())
    }

    /// Waits until then; for ever at [`Instant::NEVER`]. Up to a millisecond late: that is how
    /// finely the event loop measures.
    pub async fn sleep_until(self, until: Instant) {
        if until == Instant::NEVER {
            return std::future::pending().await;
        }
        tokio::time::sleep_until(self.start + until.since(Instant::ZERO).into()).await;
    }

    /// What comes of `future`, unless it takes longer.
    pub(crate) async fn within<T>(
        self,
        until: Instant,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = self.sleep_until(until) => None,
        }
    }
}
