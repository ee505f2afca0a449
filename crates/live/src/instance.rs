//! One running balancer: its workers, and what they tell each other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use base::{CallId, WorkerId};
use observe::metrics::{CallNames, Registry};
use tokio::sync::Notify;

use crate::limits::Limits;
use crate::log::Log;
use crate::plan::{CallPlan, Plan};
use crate::record::Recorder;
use crate::running::Options;

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
    recorder: Mutex<Option<Recorder>>,
    draining: AtomicBool,
    boxes: Vec<Mailbox>,
}

/// Where a worker is told that somebody's turn may have come.
#[derive(Debug)]
struct Mailbox {
    /// By call.
    woken: Vec<AtomicBool>,
    bell: Notify,
}

impl Instance {
    pub(crate) fn new(
        options: &Options,
        workers: usize,
        plan: &Plan,
        log: Option<Log>,
        recorder: Option<Recorder>,
    ) -> Self {
        let mailbox = || Mailbox {
            woken: plan.calls.iter().map(|_| AtomicBool::new(false)).collect(),
            bell: Notify::new(),
        };
        let boxes = (0..workers).map(|_| mailbox()).collect();
        let registry = Registry::new(plan.calls.iter().map(names).collect());
        Self {
            limits: options.limits,
            seed: options.seed,
            registry,
            log,
            recorder: Mutex::new(recorder),
            draining: AtomicBool::new(false),
            boxes,
        }
    }

    /// The decision log, for the worker that writes it.
    pub(crate) fn take_recorder(&self) -> Option<Recorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A worker should ask whose turn it is in a call.
    pub(crate) fn wake(&self, worker: WorkerId, call: CallId) {
        let Some(mailbox) = self.boxes.get(worker.index()) else {
            return;
        };
        if let Some(woken) = mailbox.woken.get(call.index()) {
            woken.store(true, Ordering::Release);
            mailbox.bell.notify_one();
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
        let woken = self.boxes.get(worker.index()).map(|mailbox| mailbox.woken.iter());
        let asked = woken.into_iter().flatten().enumerate();
        asked
            .filter(|(_, woken)| woken.swap(false, Ordering::AcqRel))
            .map(|(call, _)| CallId::from_index(call))
    }

    /// How many clients' connections each worker may have.
    pub(crate) fn clients_per_worker(&self) -> usize {
        self.limits.clients.map_or(usize::MAX, |clients| clients.div_ceil(self.boxes.len()))
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
}

fn names(call: &CallPlan) -> CallNames {
    let endpoints = call.endpoints.iter().map(|endpoint| endpoint.name.clone());
    CallNames { call: call.name.clone(), endpoints: endpoints.collect() }
}
