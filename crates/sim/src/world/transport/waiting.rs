//! Requests that wait for a connection to an endpoint, because there may be no more of them.
//!
//! Most take any that has room for them. Those that share theirs with nobody, a session or what a
//! balancer of connections passes through, wait until one may be made: on one that stands they
//! would take others down with them when they end.

use std::collections::VecDeque;

use super::super::slab::Handle;
use super::connection::Stream;

/// The requests of one engine, each since its turn: a number that grows over all engines of an
/// instance.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    sharing: VecDeque<(u64, Stream)>,
    alone: VecDeque<(u64, Stream)>,
}

impl Waiting {
    pub(super) fn push(&mut self, turn: u64, stream: Stream, is_alone: bool) {
        let queue = if is_alone { &mut self.alone } else { &mut self.sharing };
        queue.push_back((turn, stream));
    }

    /// The turn of whoever has waited longest.
    pub(super) fn first_turn(&self) -> Option<u64> {
        let turn = |queue: &VecDeque<(u64, Stream)>| queue.front().map(|(turn, _)| *turn);
        turn(&self.sharing).into_iter().chain(turn(&self.alone)).min()
    }

    /// Who has waited longest, for a connection that is yet to be made.
    pub(super) fn pop(&mut self) -> Option<Stream> {
        let first = self.first_turn()?;
        let is_alone = self.alone.front().is_some_and(|(turn, _)| *turn == first);
        let queue = if is_alone { &mut self.alone } else { &mut self.sharing };
        queue.pop_front().map(|(_, stream)| stream)
    }

    /// Who has waited longest of those that take a connection that stands.
    pub(super) fn pop_sharing(&mut self) -> Option<Stream> {
        self.sharing.pop_front().map(|(_, stream)| stream)
    }

    /// Whether it waited. It no longer does.
    pub(super) fn remove(&mut self, job: Handle) -> bool {
        let found = [&mut self.sharing, &mut self.alone].into_iter().find_map(|queue| {
            let at = queue.iter().position(|(_, stream)| stream.job == job)?;
            queue.remove(at)
        });
        found.is_some()
    }
}
