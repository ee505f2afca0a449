//! What a sender says about the connection itself.

use super::list::elements;
use super::refusal::Refusal;
use super::version::Version;

/// The options of all `Connection` fields of a message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Options {
    close: bool,
    keep_alive: bool,
    pub(super) upgrade: bool,
    /// It names fields, which go no further.
    pub(super) nominates: bool,
    count: usize,
}

impl Options {
    /// Reads one `Connection` field.
    ///
    /// # Errors
    ///
    /// There are more than [`MOST`].
    pub(super) fn add(&mut self, value: &[u8]) -> Result<(), Refusal> {
        for option in elements(value) {
            self.count += 1;
            if option.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if option.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade = true;
            } else {
                self.nominates = true;
            }
        }
        if self.count > MOST { Err(Refusal::TooManyOptions) } else { Ok(()) }
    }

    /// May the connection carry another message (RFC 9112 section 9.3)?
    pub(super) fn is_persistent(self, version: Version) -> bool {
        !self.close && (self.keep_alive || version == Version::Http11)
    }
}

/// Each option may name a field and is compared with all of them, so their number is bounded.
const MOST: usize = 32;
