//! How an ending is told in words.

/// What there is to say about how it ends: without an incident there is nothing to recover from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// After an incident.
    Recovery,
    /// On an ordinary day.
    Objective,
}

impl Ending {
    /// What is predicted, before "in 9 of 10 runs".
    pub(super) fn would(self) -> &'static str {
        match self {
            Self::Recovery => "recovers",
            Self::Objective => "keeps its objective",
        }
    }

    /// What became of it; nothing is known of what was stopped.
    pub(super) fn is(self, well: Option<bool>) -> &'static str {
        match (self, well) {
            (Self::Recovery, Some(true)) => "recovered",
            (Self::Recovery, Some(false)) => "did not recover",
            (Self::Recovery, None) => "stopped before it was known whether it recovers",
            (Self::Objective, Some(true)) => "kept its objective",
            (Self::Objective, Some(false)) => "did not keep its objective",
            (Self::Objective, None) => "stopped before it was known whether it keeps its objective",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_had_no_incident_is_not_said_to_have_recovered() {
        let told = [Some(true), Some(false), None].map(|well| Ending::Objective.is(well));

        assert!(told.iter().all(|told| !told.contains("recover")), "{told:?}");
        assert!(!Ending::Objective.would().contains("recover"));
    }
}
