//! The network layer: datagrams that were lost on the way.

use crate::Description;

/// Something that happened to a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A datagram did not arrive.
    Lost,
}

impl Event {
    /// The series this belongs to.
    pub const fn describe(&self) -> &'static Description {
        match self {
            Self::Lost => {
                const { &Description::counter("packets_lost", "Datagrams that did not arrive.") }
            }
        }
    }
}
