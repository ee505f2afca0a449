//! Which requests of a stretch of the run are kept as examples of it.

use base::{Duration, Instant};

use super::super::super::slab::Handle;
use crate::stats::Outcome;

/// A stretch of the run that gets examples of its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Period {
    /// What it is called.
    pub(crate) name: String,
    /// It lasts until the next one begins.
    pub(crate) begin: Instant,
    /// How long a good answer typically takes in it.
    pub(crate) typical: Duration,
}

/// Why an example was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// It took about as long as half of them.
    Typical,
    /// No good answer took longer.
    Slowest,
    /// It failed, of this cause; which of those, chance decides.
    Failed,
    /// It was never answered.
    Unanswered,
}

/// The examples of one period.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) period: Period,
    typical: Option<Candidate>,
    slowest: Vec<Candidate>,
    /// One for each cause.
    failed: Vec<(usize, Candidate)>,
}

/// The lower its score, the better it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    score: u64,
    /// Of two that fit equally, one is as good as the other: chance decides, always the same way.
    lot: u64,
    pub(super) trace: Handle,
}

impl Choice {
    pub(super) const fn new(period: Period) -> Self {
        Self { period, typical: None, slowest: Vec::new(), failed: Vec::new() }
    }

    /// Takes a request if it fits better than one that was taken before; says which are taken no
    /// more.
    pub(super) fn offer(
        &mut self,
        trace: Handle,
        took: Duration,
        lot: u64,
        outcome: Outcome,
    ) -> Vec<Handle> {
        let candidate = |score| Candidate { score, lot, trace };
        if let Outcome::Failed(cause) = outcome {
            return self.offer_failed(cause.index(), candidate(0));
        }
        let mut dropped = Vec::new();
        let typical = candidate(took.as_nanos().abs_diff(self.period.typical.as_nanos()));
        if self.typical.is_none_or(|other| typical < other) {
            dropped.extend(self.typical.replace(typical).map(|other| other.trace));
        }
        self.slowest.push(candidate(u64::MAX - took.as_nanos()));
        self.slowest.sort_unstable();
        if self.slowest.len() > SLOWEST {
            let last = self.slowest.pop().map(|other| other.trace);
            dropped.extend(last.filter(|&last| last != trace));
        }
        dropped
    }

    fn offer_failed(&mut self, cause: usize, candidate: Candidate) -> Vec<Handle> {
        if let Some((_, taken)) = self.failed.iter_mut().find(|(other, _)| *other == cause) {
            if candidate < *taken {
                return vec![core::mem::replace(taken, candidate).trace];
            }
        } else if self.failed.len() < CAUSES {
            self.failed.push((cause, candidate));
        }
        Vec::new()
    }

    #[expect(clippy::cast_possible_truncation, reason = "a handful")]
    pub(super) fn holders(&self, trace: Handle) -> u8 {
        self.all().filter(|(_, candidate)| candidate.trace == trace).count() as u8
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Why, Candidate)> {
        let typical = self.typical.iter().map(|&candidate| (Why::Typical, candidate));
        let slowest = self.slowest.iter().map(|&candidate| (Why::Slowest, candidate));
        let failed = self.failed.iter().map(|&(_, candidate)| (Why::Failed, candidate));
        typical.chain(slowest).chain(failed)
    }
}

const SLOWEST: usize = 2;
const CAUSES: usize = 3;
