//! What somebody outside did to the system: the faults of an incident.

use crate::Description;

/// A fault began or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The incident's entry of this number began.
    FaultBegan(u16),
    /// The incident's entry of this number ended.
    FaultEnded(u16),
}

impl Event {
    /// The series this belongs to.
    pub const fn describe(&self) -> &'static Description {
        match self {
            Self::FaultBegan(_) => {
                const { &Description::counter("faults_begun", "Faults of the incident that began.") }
            }
            Self::FaultEnded(_) => {
                const { &Description::counter("faults_ended", "Faults of the incident that ended.") }
            }
        }
    }
}
