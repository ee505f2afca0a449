//! One running balancer: its workers, and what they tell each other.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use base::{CallId, WorkerId};
use observe::metrics::{CallNames, Registry};
use tokio::sync::Notify;

use crate::limits::Limits;
use crate::log::Log;
use crate::options::Options;
use crate::plan::{CallPlan, Plan};
use crate::record::Recorder;
use crate::reports::Reports;

/// What the workers of an instance share besides the numbers of their calls.
#[derive(Debug)]
pub(crate) struct Instance {
    /// The ends of what clients and services may do.
    pub(crate) limits: Limits,
    /// Where all its chance comes from.
    pub(crate) seed: u64,
    /// What all workers count.
    pub(crate) registry: Registry,
    /// Where they write what they did.
    pub(crate) log: Option<Log>,
    /// Which endpoints are well.
    pub(crate) reports: Reports,
    recorder: Mutex<Option<Recorder>>,
    draining: AtomicBool,
    /// Requests that were cut at the end of the drain.
    cut: AtomicU64,
    clients_per_worker: usize,
    boxes: Vec<Mailbox>,
}

/// How many there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) workers: usize,
    /// Clients' connections on each of them.
    pub(crate) clients: usize,
}

/// Where a worker is told what another one needs it to know.
#[derive(Debug)]
struct Mailbox {
    /// By call.
    woken: Vec<AtomicBool>,
    /// The machine has run out of what idle connections could give back.
    short: AtomicBool,
    /// By call: somebody waits for a connection to an endpoint that has as many as it may.
    crowded: Vec<AtomicBool>,
    bell: Notify,
}

impl Instance {
    pub(crate) fn new(
        options: &Options,
        room: Room,
        plan: &Plan,
        log: Option<Log>,
        recorder: Option<Recorder>,
    ) -> Self {
        let by_call = || plan.calls.iter().map(|_| AtomicBool::new(false)).collect();
        let mailbox = || Mailbox {
            woken: by_call(),
            short: AtomicBool::new(false),
            crowded: by_call(),
            bell: Notify::new(),
        };
        let boxes = (0..room.workers).map(|_| mailbox()).collect();
        let registry = Registry::new(plan.calls.iter().map(names).collect());
        Self {
            limits: options.limits,
            seed: options.seed,
            registry,
            log,
            reports: Reports::new(
                room.workers,
                plan.calls.iter().map(|call| endpoint_names(call, options.number)),
            ),
            recorder: Mutex::new(recorder),
            draining: AtomicBool::new(false),
            cut: AtomicU64::new(0),
            clients_per_worker: room.clients,
            boxes,
        }
    }

    /// The decision log, for the worker that writes it.
    pub(crate) fn take_recorder(&self) -> Option<Recorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A worker should ask whose turn it is in a call.
    pub(crate) fn wake(&self, worker: WorkerId, call: CallId) {
        if let Some(mailbox) = self.boxes.get(worker.index()) {
            mailbox.put(&mailbox.woken, call);
        }
    }

    /// Somebody waits for a connection of a call, and an endpoint has no more to give: whichever
    /// worker keeps one idle should close it.
    pub(crate) fn ask_for_seats(&self, call: CallId) {
        for mailbox in &self.boxes {
            mailbox.put(&mailbox.crowded, call);
        }
    }

    /// Waits for the bell of a worker.
    pub(crate) async fn rung(&self, worker: WorkerId) {
        if let Some(mailbox) = self.boxes.get(worker.index()) {
            mailbox.bell.notified().await;
        }
    }

    /// The calls in which a worker was woken since it last asked.
    pub(crate) fn woken(&self, worker: WorkerId) -> impl Iterator<Item = CallId> {
        let mailbox = self.boxes.get(worker.index());
        mailbox.into_iter().flat_map(|mailbox| emptied(&mailbox.woken))
    }

    /// The calls in which a worker was asked for idle connections since it last looked.
    pub(crate) fn crowded(&self, worker: WorkerId) -> impl Iterator<Item = CallId> {
        let mailbox = self.boxes.get(worker.index());
        mailbox.into_iter().flat_map(|mailbox| emptied(&mailbox.crowded))
    }

    /// How many clients' connections each worker may have.
    pub(crate) fn clients_per_worker(&self) -> usize {
        self.clients_per_worker
    }

    /// Asks all other workers to let go of connections that idle.
    pub(crate) fn ask_for_idle(&self, asking: WorkerId) {
        let others = self.boxes.iter().enumerate().filter(|(at, _)| *at != asking.index());
        for (_, mailbox) in others {
            mailbox.short.store(true, Ordering::Release);
            mailbox.bell.notify_one();
        }
    }

    /// Whether a worker was asked so since it last looked.
    pub(crate) fn is_asked_for_idle(&self, worker: WorkerId) -> bool {
        let mailbox = self.boxes.get(worker.index());
        mailbox.is_some_and(|mailbox| mailbox.short.swap(false, Ordering::AcqRel))
    }

    /// Nothing new is taken any more.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        for mailbox in &self.boxes {
            mailbox.bell.notify_one();
        }
    }

    /// Whether it is shutting down.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// A request did not finish within the drain.
    pub(crate) fn on_cut(&self) {
        self.cut.fetch_add(1, Ordering::Relaxed);
    }

    /// How many did not.
    pub(crate) fn cut(&self) -> u64 {
        self.cut.load(Ordering::Relaxed)
    }
}

impl Mailbox {
    fn put(&self, flags: &[AtomicBool], call: CallId) {
        if let Some(flag) = flags.get(call.index()) {
            flag.store(true, Ordering::Release);
            self.bell.notify_one();
        }
    }
}

/// The calls whose flag was up.
fn emptied(flags: &[AtomicBool]) -> impl Iterator<Item = CallId> {
    let up = flags.iter().enumerate().filter(|(_, flag)| flag.swap(false, Ordering::AcqRel));
    up.map(|(call, _)| CallId::from_index(call))
}

/// A call for people, and its endpoints.
fn endpoint_names(call: &CallPlan, number: Option<usize>) -> (String, Vec<&str>) {
    let endpoints = call.endpoints.iter().map(|endpoint| endpoint.name.as_str());
    (of_instance(&call.in_words, number), endpoints.collect())
}

/// A call for people, where several instances may speak of it.
fn of_instance(call: &str, number: Option<usize>) -> String {
    match number {
        Some(number) => format!("{call} (instance {number})"),
        None => call.to_owned(),
    }
}

fn names(call: &CallPlan) -> CallNames {
    let endpoints = call.endpoints.iter().map(|endpoint| endpoint.name.clone());
    CallNames { call: call.name.clone(), endpoints: endpoints.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_that_share_a_process_are_told_apart() {
        let told = [None, Some(1), Some(2)].map(|number| of_instance("lb -> shop", number));

        assert_eq!(told, ["lb -> shop", "lb -> shop (instance 1)", "lb -> shop (instance 2)"]);
    }
}
