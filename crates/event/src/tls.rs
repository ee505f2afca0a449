//! Keys and certificates.

use base::Duration;

use crate::Description;

/// Something that happened while two ends agreed on keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// They agreed.
    Agreed {
        /// From the first message to the last.
        took: Duration,
    },
    /// They did not.
    Failed,
}

impl Event {
    /// The series this belongs to.
    pub const fn describe(&self) -> &'static Description {
        match self {
            Self::Agreed { .. } => {
                const {
                    &Description::seconds(
                        "tls_handshake",
                        "Time until two ends had agreed on keys.",
                    )
                }
            }
            Self::Failed => {
                const { &Description::counter("tls_failures", "Handshakes that failed.") }
            }
        }
    }
}
