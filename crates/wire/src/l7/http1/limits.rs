//! How much of a message head is read before it is refused.

/// Bounds on one head or trailer section. A peer that exceeds one gets a typed
/// [`Refusal`](super::Refusal): 414 for the request line, 431 for the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the request or status line, without its line end. RFC 9112 section 3 asks for at
    /// least 8,000.
    pub line: usize,
    /// Bytes of the whole head, first byte to the empty line. More than [`Limits::MAX_HEAD`]
    /// counts as that.
    pub head: usize,
    /// Field lines in a head. More than [`Limits::MAX_FIELDS`] counts as that.
    pub fields: usize,
    /// Bytes of a trailer section. More than [`Limits::MAX_HEAD`] counts as that.
    pub trailers: usize,
}

impl Limits {
    /// No head is longer than this, in bytes: offsets into it are 16 bits wide.
    pub const MAX_HEAD: usize = u16::MAX as usize;
    /// No head has more field lines than this: their places are kept in a fixed array.
    pub const MAX_FIELDS: usize = 128;

    pub(super) fn head(&self) -> usize {
        self.head.min(Self::MAX_HEAD)
    }

    pub(super) fn fields(&self) -> usize {
        self.fields.min(Self::MAX_FIELDS)
    }

    pub(super) fn trailers(&self) -> usize {
        self.trailers.min(Self::MAX_HEAD)
    }
}

impl Default for Limits {
    /// The line RFC 9112 asks for, a head four times as long, a hundred fields as Apache and
    /// hyper have it, and trailers half as long as a line.
    fn default() -> Self {
        Self { line: 8_192, head: 32_768, fields: 100, trailers: 4_096 }
    }
}
