//! One moment, from which several runs go on.
//!
//! What happened before a trigger is the same whatever the trigger's size. So it is played once,
//! and each size goes on from a copy.

use std::sync::Arc;

use engine::Shared;

use super::World;
use super::engines::Engine;
use crate::plan::Plan;

impl World<'_> {
    /// The same world again, which goes on under another plan. That plan may differ in what its
    /// faults do and how long they last, and in when the run ends; nothing that has happened or
    /// was scheduled may be another in it.
    pub(crate) fn fork<'q>(&self, plan: &'q Plan<'q>) -> World<'q> {
        let mut stats = self.stats.clone();
        stats.set_times(plan.times);
        World {
            plan,
            seed: self.seed,
            queue: self.queue.clone(),
            own: self.own,
            flights: self.flights.clone(),
            jobs: self.jobs.clone(),
            instances: self.instances.clone(),
            engines: fork_engines(&self.engines),
            net: self.net.clone(),
            clients: self.clients.clone(),
            books: self.books.clone(),
            memories: self.memories.clone(),
            sessions: self.sessions.clone(),
            turns: self.turns.clone(),
            stats,
            tap: self.tap.clone(),
            events: self.events,
            early: self.early.as_ref().map(|early| early.under(plan)),
            is_terse: self.is_terse,
        }
    }
}

/// Workers that shared their numbers share the copy of them.
fn fork_engines(engines: &[Engine]) -> Vec<Engine> {
    let mut last: Option<(&Arc<Shared>, Arc<Shared>)> = None;
    let fork = |engine: &Engine, shared| Engine {
        call: engine.call.fork(shared),
        from: engine.from,
        timers: engine.timers.clone(),
    };
    let mut forked = Vec::with_capacity(engines.len());
    for engine in engines {
        let original = engine.call.shared();
        let shared = match last.take() {
            Some((known, copy)) if Arc::ptr_eq(known, original) => copy,
            _ => Arc::new(original.snapshot()),
        };
        forked.push(fork(engine, Arc::clone(&shared)));
        last = Some((original, shared));
    }
    forked
}
