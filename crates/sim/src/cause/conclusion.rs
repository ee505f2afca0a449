//! The causes in one sentence.

use super::ordinary::Ordinary;
use super::{Search, Told};

impl Search<'_> {
    pub(super) fn conclude(
        &self,
        ordinary: &Ordinary<'_>,
        triggers: &[Told],
        sustaining: &[Told],
    ) -> String {
        let first = sustaining.first();
        let enough = first.filter(|told| told.cures);
        if ordinary.runs.iter().filter(|run| run.recovered()).count() * 2 < ordinary.runs.len() {
            let alas = "It fails without any incident";
            return match (enough, first) {
                (Some(told), _) => format!("{alas}, because of {}.", told.noun),
                (None, Some(told)) => format!(
                    "{alas}; {} has a part in it, and no change that was tried saves it.",
                    told.noun
                ),
                (None, None) => format!("{alas}, and no change that was tried saves it."),
            };
        }
        let fault = if triggers.is_empty() {
            "The incident".to_owned()
        } else {
            triggers.iter().map(|told| told.noun.as_str()).collect::<Vec<_>>().join(", ")
        };
        let stays = self.plan.times.fault_ends.is_none();
        match (self.is_well(), stays, enough.or(first)) {
            (true, _, None) => format!("{fault} began it, and nothing keeps it up."),
            (true, _, Some(told)) => {
                format!("{fault} began it, and it lasted longer because of {}.", told.noun)
            }
            (false, true, Some(told)) if told.cures => {
                format!("{fault} is there to the end, and is not borne because of {}.", told.noun)
            }
            (false, true, Some(told)) => format!(
                "{fault} is there to the end, and no change that was tried makes up for it; {} has a \
                 part in it.",
                told.noun
            ),
            (false, true, None) => format!(
                "{fault} is there to the end, and no change that was tried makes up for it."
            ),
            (false, false, Some(told)) if told.cures => {
                format!("{fault} began it, and it is kept up by {}.", told.noun)
            }
            (false, false, Some(told)) => format!(
                "{fault} began it; {} has a part in what keeps it up, and no change that was tried \
                 ends it.",
                told.noun
            ),
            (false, false, None) => {
                format!("{fault} began it, and no change that was tried shows what keeps it up.")
            }
        }
    }
}
