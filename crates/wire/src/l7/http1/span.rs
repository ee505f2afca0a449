//! Where a part of a head lies, in four bytes.
//!
//! A head is kept as offsets and not as borrowed slices: it can then live beside the buffer it
//! describes, across waits and retries, without a lifetime. Offsets are 16 bits wide because
//! [`Limits`](super::Limits) never lets a head grow past 64 KiB.

/// A range of bytes, counted from the start of the buffer that was parsed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u16,
    pub(super) end: u16,
}

impl Span {
    pub(super) const EMPTY: Self = Self { start: 0, end: 0 };

    /// Offsets past 64 KiB are clamped; no head within its limits has any.
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start: offset(start), end: offset(end) }
    }

    /// The bytes it names. Empty when `bytes` is not the buffer that was parsed and too short.
    pub(super) fn bytes(self, bytes: &[u8]) -> &[u8] {
        bytes.get(usize::from(self.start)..usize::from(self.end)).unwrap_or_default()
    }

    /// The text it names. Only for parts that were checked to be ASCII.
    pub(super) fn text(self, bytes: &[u8]) -> &str {
        core::str::from_utf8(self.bytes(bytes)).unwrap_or_default()
    }

    pub(super) fn is_empty(self) -> bool {
        self.start == self.end
    }
}

fn offset(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}
