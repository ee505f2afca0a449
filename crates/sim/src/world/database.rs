//! Databases: what was acknowledged, which copies have it, and what is lost with a primary.

use base::{Instant, NodeId, Random};
use config::Design;
use config::design::{Node, NodeKind};
use model::fault::Fault;
use model::replica::Book;

use super::slab::Handle;
use super::{World, cache};
use crate::plan::{Plan, Planned, What};

/// A book for each database, where anybody could notice what is in it: where there are copies, or
/// where somebody keeps answers.
pub(super) fn books(design: &Design, seed: u64) -> Vec<Option<Book>> {
    let anybody_keeps = cache::anybody_keeps(design);
    let book = |node: &Node| {
        let NodeKind::Database(database) = &node.kind else { return None };
        let lags: Vec<_> = database.replicas.iter().map(|&(_, lag)| lag).collect();
        let is_noticed = anybody_keeps || !lags.is_empty();
        is_noticed.then(|| Book::new(&lags, Random::of(seed, &node.name, "lag")))
    };
    design.nodes.iter().map(book).collect()
}

impl World<'_> {
    /// A database has done its work for a job: it has read, or it has written.
    pub(super) fn read_or_write(&mut self, now: Instant, handle: Handle) {
        let Some(job) = self.jobs.get_mut(handle) else { return };
        let node = self.plan.instances[job.instance as usize].node;
        let Some(book) = &mut self.books[node.index()] else { return };
        if self.plan.requests.kinds[usize::from(job.kind)].is_safe {
            let quality = book.read(now, job.item, self.plan.copy(job.instance));
            job.quality = job.quality.and(quality);
            job.vintage.knows = job.vintage.knows.min(book.knows(now, job.item, quality));
        } else {
            book.write(now, job.item, job.chance);
            job.vintage.knows = job.vintage.knows.min(now);
        }
    }

    /// An instance went down or came back. Its database loses what only it had when its region is
    /// lost, or when it never comes back; else its disk keeps it.
    pub(super) fn update_book(&mut self, now: Instant, at: u32) {
        let node = self.plan.instances[at as usize].node;
        if self.plan.copy(at).is_some() || self.books[node.index()].is_none() {
            return;
        }
        let are_down = self.is_primary_down(node);
        let is_lost = is_lost(&self.plan.faults, at, now) && self.has_copies(node);
        let Some(book) = &mut self.books[node.index()] else { return };
        match (are_down, is_lost) {
            (true, true) => self.stats.edge.lost_writes += book.lose(now),
            (true, false) => book.stop_shipping(now),
            (false, _) => book.ship_on(now),
        }
    }

    fn is_primary_down(&self, node: NodeId) -> bool {
        let instances = (0_u32..).zip(&self.instances).filter(|(_, other)| other.node == node);
        let mut primaries = instances.filter(|(at, _)| self.plan.copy(*at).is_none());
        primaries.all(|(_, instance)| instance.down)
    }

    fn has_copies(&self, node: NodeId) -> bool {
        match &self.plan.design.node(node).kind {
            NodeKind::Database(database) => !database.replicas.is_empty(),
            _ => false,
        }
    }
}

/// A fault has taken the instance and its disk.
fn is_lost(faults: &[Planned], at: u32, now: Instant) -> bool {
    faults.iter().any(|planned| {
        let takes_all = match planned.fault {
            Fault::RegionLoss => true,
            Fault::Crash => planned.course.lasts.is_none(),
            _ => false,
        };
        takes_all
            && planned.course.is_there(now)
            && matches!(&planned.what, What::Instances(hit) if hit.contains(&at))
    })
}

impl Plan<'_> {
    /// Which copy of its database an instance is; nothing if it is the primary.
    pub(crate) fn copy(&self, at: u32) -> Option<usize> {
        let instance = self.instances[at as usize];
        let NodeKind::Database(database) = &self.design.node(instance.node).kind else {
            return None;
        };
        database.replicas.iter().position(|(region, _)| *region == instance.region)
    }
}

#[cfg(test)]
mod tests;
