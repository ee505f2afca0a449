//! The window that grows by a segment a round trip (RFC 5681, 3.1).

/// What was acknowledged since the window last grew, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewReno {
    credit: u32,
}

impl NewReno {
    pub(super) const fn new() -> Self {
        Self { credit: 0 }
    }

    /// How much the window grows: a segment for every window's worth (equation 3, as RFC 3465
    /// counts it).
    #[inline]
    pub(super) const fn growth(&mut self, window: u32, counted: u32, mss: u32) -> u32 {
        self.credit += counted;
        if self.credit < window {
            return 0;
        }
        self.credit -= window;
        mss
    }

    /// Half of what was under way, but two segments (equation 4).
    pub(super) fn threshold(in_flight: u32, mss: u32) -> u32 {
        (in_flight / 2).max(2 * mss)
    }
}
