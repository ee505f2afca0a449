//! Caches, and callers that remember what they were told.
//!
//! A cache answers what it has at once. A miss goes on as it would at a balancer; with `collapse`,
//! whoever misses the same key meanwhile waits for that answer. When upstream fails, an older answer
//! serves, as far as the cache's own rules or those of its call allow.

use base::{Bytes, CallId, Duration, Instant};
use config::design::{Cache as Design, NodeKind, OnFailure};
use model::cache::{Cache, Found, Kept, Params};
use model::clock::Reading;
use model::quality::Quality;
use model::traffic::Item;

use super::World;
use super::instance::Role;
use super::job::State;
use super::slab::Handle;

/// How up to date an answer is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Vintage {
    /// Up to when it knows what was written; for ever, if nothing that is written is in it.
    pub(super) knows: Instant,
    /// When it was made, by the clock of whoever made it.
    pub(super) made: Reading,
}

impl Vintage {
    pub(super) const NONE: Self = Self { knows: Instant::NEVER, made: Reading::NONE };

    /// Of an answer that is made of two.
    pub(super) fn and(self, other: Self) -> Self {
        Self { knows: self.knows.min(other.knows), made: self.made.max(other.made) }
    }
}

/// An instance of a cache as it starts: empty.
pub(super) fn cold(design: &Design) -> Cache<Handle> {
    Cache::new(Params {
        size: design.size,
        fresh: design.fresh,
        stale_if_error: design.stale_if_error,
        collapse: design.collapse,
    })
}

/// What a caller remembers that is no cache: the last good answer of each key, whatever the size,
/// to be used when there is no other.
fn memory() -> Cache<Handle> {
    Cache::new(Params {
        size: Bytes(u64::MAX),
        fresh: Duration::ZERO,
        stale_if_error: None,
        collapse: false,
    })
}

impl World<'_> {
    /// A request has reached a cache.
    pub(super) fn ask_cache(&mut self, now: Instant, handle: Handle) {
        let Some(job) = self.jobs.get_mut(handle) else { return };
        let (kind, instance) = (&self.plan.requests.kinds[usize::from(job.kind)], job.instance);
        if !kind.is_kept {
            return self.relay(now, handle);
        }
        let instance = &mut self.instances[instance as usize];
        let Role::Cache(cache) = &mut instance.role else { return };
        let found = cache.ask(instance.clock.read(now), job.item, handle);
        self.stats.asked_cache(now, instance.node, found);
        match found {
            Found::Fresh(kept) => self.give(now, handle, kept),
            Found::Miss => self.relay(now, handle),
            Found::Waits => job.state = State::Collapsed,
        }
    }

    /// What a cache asked upstream for has come, or will not.
    pub(super) fn upstream_ended(&mut self, now: Instant, handle: Handle, failed: Option<u16>) {
        let Some(job) = self.jobs.get(handle) else { return };
        let kind = &self.plan.requests.kinds[usize::from(job.kind)];
        let most = self.most_age(job.instance, job.kind);
        let instance = &mut self.instances[job.instance as usize];
        let (node, clock) = (instance.node, instance.clock.read(now));
        let Role::Cache(cache) = &mut instance.role else { return };
        if !kind.is_kept {
            if failed.is_none() {
                cache.forget(job.item);
            }
            return self.respond(now, handle, failed.unwrap_or(WELL));
        }
        let waiting = cache.landed(job.item, handle);
        let answer = match failed {
            None => {
                let kept = kept(kind.response, job.quality, job.vintage);
                cache.keep(clock, job.item, kept);
                Ok(kept)
            }
            // RFC 5861, section 4: what counts as an error.
            Some(status @ 500..) => {
                let stale = cache.stale(clock, job.item, most);
                self.stats.gave_stale(now, node, stale.map_or(0, |_| 1 + waiting.len() as u64));
                stale.ok_or(status)
            }
            Some(status) => Err(status),
        };
        for each in waiting.into_iter().chain([handle]) {
            match answer {
                Ok(kept) => self.give(now, each, kept),
                Err(status) => self.respond(now, each, status),
            }
        }
    }

    /// Somebody at a cache is gone. If others waited for what it had asked for, one of them asks.
    pub(super) fn left_cache(&mut self, now: Instant, instance: u32, item: Item, who: Handle) {
        let Role::Cache(cache) = &mut self.instances[instance as usize].role else { return };
        if let Some(next) = cache.gave_up(item, who) {
            self.relay(now, next);
        }
    }

    /// A caller remembers a good answer, if its call says that an old one may serve.
    pub(super) fn remember(&mut self, now: Instant, engine: u32, kind: u16, told: Told) {
        if self.stale_age(engine).is_none() {
            return;
        }
        let kind = &self.plan.requests.kinds[usize::from(kind)];
        let from = self.engines[engine as usize].from;
        let clock = self.instances[from as usize].clock.read(now);
        if kind.is_kept {
            let kept = kept(kind.response, told.quality, told.vintage);
            self.memories.entry(engine).or_insert_with(memory).keep(clock, told.item, kept);
        }
    }

    /// What a caller remembers that is not too old, when its call failed.
    pub(super) fn recall(&mut self, now: Instant, engine: u32, item: Item) -> Option<Kept> {
        let most = self.stale_age(engine)?;
        let from = self.engines[engine as usize].from;
        let clock = self.instances[from as usize].clock.read(now);
        self.memories.get_mut(&engine)?.stale(clock, item, Some(most))
    }

    /// Answers with what was kept.
    fn give(&mut self, now: Instant, handle: Handle, kept: Kept) {
        let Some(job) = self.jobs.get_mut(handle) else { return };
        let is_old =
            self.books.iter().flatten().any(|book| book.is_newer_than(kept.knows, job.item));
        let older = if is_old { Quality::Stale } else { Quality::Complete };
        job.quality = kept.quality.and(older);
        job.vintage = Vintage { knows: kept.knows, made: kept.made };
        self.respond(now, handle, WELL);
    }

    /// The greatest age that a call allows of an answer that serves in place of another; a cache
    /// has its own way.
    fn stale_age(&self, engine: u32) -> Option<Duration> {
        let engine = &self.engines[engine as usize];
        let is_cache = matches!(self.instances[engine.from as usize].role, Role::Cache(_));
        if is_cache { None } else { allowed_age(self.plan.design, engine.call.id()) }
    }

    /// The same for a cache's call upstream.
    fn most_age(&self, instance: u32, kind: u16) -> Option<Duration> {
        let call = self.plan.requests.route(self.instances[instance as usize].node, kind)?;
        allowed_age(self.plan.design, call)
    }
}

/// What a caller was told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) item: Item,
    pub(super) quality: Quality,
    pub(super) vintage: Vintage,
}

const WELL: u16 = 200;

fn kept(bytes: Bytes, quality: Quality, vintage: Vintage) -> Kept {
    Kept { bytes, made: vintage.made, quality, knows: vintage.knows }
}

fn allowed_age(design: &config::Design, call: CallId) -> Option<Duration> {
    match design.call(call).on_failure.value {
        OnFailure::Stale(age) => Some(age),
        _ => None,
    }
}

/// Whether anybody keeps answers, who would have to know when they are too old.
pub(super) fn anybody_keeps(design: &config::Design) -> bool {
    let is_cache = |node: &config::design::Node| matches!(node.kind, NodeKind::Cache(_));
    let remembers =
        |call: &config::design::Call| matches!(call.on_failure.value, OnFailure::Stale(_));
    design.nodes.iter().any(is_cache) || design.calls.iter().any(remembers)
}

#[cfg(test)]
mod tests;
