//! The deciding halves of calls: one for each worker of each instance of the caller.

use std::sync::Arc;

use base::{Instant, Random, WorkerId};
use engine::{CallSpec, Carrier, Shared};

use super::timers::Timers;
use crate::plan::Plan;

pub(super) struct Engine {
    pub(super) call: engine::Call,
    /// The instance that it runs on.
    pub(super) from: u32,
    pub(super) timers: Timers,
}

impl Engine {
    /// Whether it is carried by us.
    pub(super) fn is_ours(&self) -> bool {
        self.call.rules().carrier == Carrier::Plimsoll
    }
}

/// The engines of a call: one for each worker of each instance of the caller.
pub(super) fn engines_of(plan: &Plan<'_>, call: base::CallId, seed: u64) -> Vec<Engine> {
    let from = plan.design.call(call).from;
    (0..plan.instance_count(from))
        .flat_map(|number| engines_on(plan, call, plan.instance(from, number), seed, Instant::ZERO))
        .collect()
}

/// The engines of a call on one instance, which share its numbers, as its process has when it
/// starts.
pub(super) fn engines_on(
    plan: &Plan<'_>,
    call: base::CallId,
    from: u32,
    seed: u64,
    starts: Instant,
) -> Vec<Engine> {
    let shared = Arc::new(Shared::new(starts, &plan.design.call(call).rules));
    let number = plan.instances[from as usize].number;
    let name = plan.design.call_name(call);
    let engine = |worker: u16| {
        let (rules, endpoints) = plan.choice(call, from, worker);
        let spec = CallSpec {
            id: call,
            worker: WorkerId(worker),
            rules,
            endpoints: &endpoints,
            random: Random::of(seed, &format!("{name}/{number}/{worker}"), "call"),
        };
        let call = engine::Call::new(starts, spec, Arc::clone(&shared));
        Engine { call, from, timers: Timers::default() }
    };
    (0..plan.engines_each(call)).map(engine).collect()
}
