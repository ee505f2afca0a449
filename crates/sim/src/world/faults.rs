//! What the incident does to the instances and to the traffic.

use base::{CallId, Instant, Random, Share};
use event::Cause;
use model::fault::{Fault, LAME_DUCK};
use model::service::{Condition, Started};

use super::World;
use super::engines::engines_on;
use super::event::Event;
use super::instance::Role;
use super::job::State;
use super::slab::Handle;
use crate::plan::{Planned, What};

impl World<'_> {
    /// A fault that is there from the start begins with the run.
    pub(super) fn schedule_first(&mut self, number: usize) {
        let at = self.plan.faults[number].course.at;
        self.schedule_fault(at, number);
    }

    pub(super) fn on_fault(&mut self, now: Instant, number: usize) {
        let plan = self.plan;
        self.refresh_network(now);
        match &plan.faults[number].what {
            What::Network(_) => {}
            What::Instances(instances) | What::Routes { instances, .. } => {
                for &instance in instances {
                    self.refresh(now, instance);
                }
            }
            What::Traffic(node) => {
                let mut clients = plan.requests.clients.iter();
                let pace = pace(&plan.faults, *node, now);
                if let Some(client) = clients.position(|client| client.node == *node) {
                    self.set_pace(now, client, pace);
                }
            }
        }
        if let Some(next) = plan.faults[number].course.next_change(now) {
            self.schedule_fault(next, number);
        }
    }

    fn schedule_fault(&mut self, at: Instant, number: usize) {
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        self.push_own(at, Event::Fault { number });
    }

    /// Brings an instance into the state that all its faults together give it.
    fn refresh(&mut self, now: Instant, at: u32) {
        let condition = condition(&self.plan.faults, at, now);
        let instance = &mut self.instances[at as usize];
        let (was_down, is_down) = (instance.down, condition.down);
        instance.down = is_down;
        instance.clock.set_jump(jump(&self.plan.faults, at, now));
        instance.misroutes = misroutes(&self.plan.faults, at, now);
        let mut awakes = false;
        if let Role::Server(Some(service)) = &mut instance.role {
            awakes = service.condition().hangs && !condition.hangs;
            service.set_condition(condition);
        }
        let drained = drains(&self.plan.faults, at, now);
        let begins = drained != Instant::NEVER && instance.drains == Instant::NEVER;
        instance.drains = drained;
        if begins {
            self.dismiss_sessions(now, at, LAME_DUCK);
        }
        if is_down != was_down {
            self.update_book(now, at);
        }
        let descriptors = descriptors(self.plan, at, now);
        self.set_process(now, at, !is_down, descriptors);
        if is_down && !was_down {
            self.crash(now, at);
        } else if awakes {
            self.awake(now, at);
        }
    }

    /// The process is gone: what it had breaks off, and what it knew is forgotten.
    fn crash(&mut self, now: Instant, at: u32) {
        let jobs = self.jobs_at(at, |_| true);
        // Those who wait go first: a place that is given back would still send one of them.
        for &job in &jobs {
            self.leave_unsent(now, job);
        }
        for job in jobs {
            self.leave_children(now, job);
            self.break_off(now, job, Cause::Reset);
        }
        self.leave_splices(now, at);
        let silent = is_lost(&self.plan.faults, at, now);
        self.crash_kernel(now, at, silent);
        let instance = &mut self.instances[at as usize];
        instance.present = 0;
        match &mut instance.role {
            Role::Server(Some(service)) => service.crash(),
            Role::Cache(cache) => cache.crash(),
            Role::Client | Role::Relay | Role::Server(None) => {}
        }
        self.forget(now, at);
    }

    /// Breakers, budgets and beliefs start anew.
    fn forget(&mut self, now: Instant, at: u32) {
        let plan = self.plan;
        let node = self.instances[at as usize].node;
        for call in plan.design.calls_from(node) {
            self.renew(now, call, at);
        }
    }

    fn renew(&mut self, now: Instant, call: CallId, at: u32) {
        let fresh = engines_on(self.plan, call, at, self.seed, now);
        let first = self.plan.engine(call, at, 0);
        let last = first + u32::from(self.plan.engines_each(call));
        self.memories.retain(|engine, _| !(first..last).contains(engine));
        for (engine, fresh) in self.engines[first as usize..].iter_mut().zip(fresh) {
            engine.call = fresh.call;
        }
    }

    /// The process goes on after a pause: what stood still takes its time from now.
    fn awake(&mut self, now: Instant, at: u32) {
        for job in self.jobs_at(at, |state| state == State::Stuck) {
            let Some(chance) = self.jobs.get(job).map(|job| job.chance) else { continue };
            if let Role::Server(Some(service)) = &self.instances[at as usize].role {
                let until = service.resume(now, chance);
                self.start_work(now, Started { request: job, until });
            }
        }
    }

    /// Whether a balancer sends a request for the node of this call elsewhere.
    pub(super) fn is_misrouted(&self, now: Instant, at: u32, call: CallId, chance: u64) -> bool {
        if !self.instances[at as usize].misroutes {
            return false;
        }
        let to = self.plan.design.call(call).to;
        let faults = self.plan.faults.iter().filter(|planned| planned.what.is_route(at, to));
        let missed = faults.map(|planned| match planned.fault {
            Fault::Misroute { rate } => 1.0 - rate.as_f64() * planned.course.size(now),
            _ => 1.0,
        });
        let drawn = Random::of(self.seed, "balancers", "misroute").child(chance).unit();
        drawn < 1.0 - missed.product::<f64>()
    }

    pub(super) fn jobs_at(&self, at: u32, fits: impl Fn(State) -> bool) -> Vec<Handle> {
        let here = self.jobs.iter().filter(|(_, job)| {
            job.instance == at && job.state != State::Travelling && fits(job.state)
        });
        // By name, as it were: where they are in the list hangs on strangers.
        let mut here: Vec<_> = here.map(|(handle, job)| (job.chance, job.engine, handle)).collect();
        here.sort_unstable();
        here.into_iter().map(|(_, _, handle)| handle).collect()
    }
}

/// The machine is gone with its process, so that nobody answers for it.
fn is_lost(faults: &[Planned], at: u32, now: Instant) -> bool {
    faults.iter().any(|planned| {
        let hits = matches!(&planned.what, What::Instances(hit) if hit.contains(&at));
        hits && planned.fault == Fault::RegionLoss && planned.course.is_there(now)
    })
}

/// How many descriptors an instance may use.
fn descriptors(plan: &crate::plan::Plan<'_>, at: u32, now: Instant) -> Option<u32> {
    let usual = plan.design.node(plan.instances[at as usize].node).descriptors;
    let left = plan.faults.iter().filter_map(|planned| match (&planned.what, &planned.fault) {
        (What::Instances(hit), Fault::Descriptors { left })
            if hit.contains(&at) && planned.course.is_there(now) =>
        {
            Some(*left)
        }
        _ => None,
    });
    left.chain(usual).min()
}

/// What all faults together make of an instance.
fn condition(faults: &[Planned], at: u32, now: Instant) -> Condition {
    let mut condition = Condition::WELL;
    for planned in faults {
        let hits = matches!(&planned.what, What::Instances(hit) if hit.contains(&at));
        let size = planned.course.size(now);
        let is_there = hits && planned.course.is_there(now);
        match planned.fault {
            _ if !is_there => {}
            Fault::Slow { times } => condition.slow *= 1.0 + (times - 1.0) * size,
            Fault::Error { rate, status } => condition.errors = Some((part(rate, size), status)),
            Fault::Hang => condition.hangs = true,
            Fault::Crash | Fault::Restart { .. } | Fault::RegionLoss => condition.down = true,
            _ => {}
        }
    }
    condition
}

/// Since when an instance is being taken out.
fn drains(faults: &[Planned], at: u32, now: Instant) -> Instant {
    let hits = faults.iter().filter(|planned| {
        planned.fault == Fault::Drain
            && planned.course.is_there(now)
            && matches!(&planned.what, What::Instances(hit) if hit.contains(&at))
    });
    hits.map(|planned| planned.course.at).min().unwrap_or(Instant::NEVER)
}

/// How far all faults together have moved an instance's clock, in nanoseconds.
fn jump(faults: &[Planned], at: u32, now: Instant) -> i64 {
    let hits = faults
        .iter()
        .filter(|fault| matches!(&fault.what, What::Instances(hit) if hit.contains(&at)));
    let by = |planned: &Planned| match planned.fault {
        Fault::ClockJump { by_nanos } if planned.course.is_there(now) => by_nanos,
        _ => 0,
    };
    hits.map(by).fold(0, i64::saturating_add)
}

/// Whether an instance may send requests to the wrong place.
fn misroutes(faults: &[Planned], at: u32, now: Instant) -> bool {
    faults.iter().any(|planned| {
        let hits =
            matches!(&planned.what, What::Routes { instances, .. } if instances.contains(&at));
        hits && planned.course.is_there(now)
    })
}

/// How many times its usual traffic a client sends.
fn pace(faults: &[Planned], node: base::NodeId, now: Instant) -> f64 {
    let hits =
        faults.iter().filter(|fault| matches!(fault.what, What::Traffic(hit) if hit == node));
    hits.map(|planned| match planned.fault {
        Fault::Spike { times } => 1.0 + (times - 1.0) * planned.course.size(now),
        _ => 1.0,
    })
    .product()
}

fn part(rate: Share, size: f64) -> Share {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the rate")]
    let millionths = (f64::from(rate.as_millionths()) * size) as u32;
    Share::from_millionths(millionths)
}

#[cfg(test)]
mod tests;
