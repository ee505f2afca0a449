//! All workers' counters together, and their names.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base::CallId;
use event::policy::{Grounds, NoRetry};
use event::{Cause, Description, l7};

use super::Cells;
use super::cells::{CallCells, EndpointCells, PerCause, STATUS_CLASSES, Table};
use super::histogram::{Histogram, Totals};
use super::series::*;
use super::text::{Format, Labels, Text};

/// What a call is called, and its endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallNames {
    /// `FROM.TO`, as in the design.
    pub call: String,
    /// The addresses, in the order of their ids.
    pub endpoints: Vec<String>,
}

/// The numbers of one call that stand now, and are no events: its driver reads them on a scrape.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Levels {
    /// Requests under way.
    pub in_flight: u32,
    /// Requests waiting.
    pub queued: u32,
    /// Half-open probes under way.
    pub probes: u32,
    /// Retries decided and not yet answered.
    pub retries_in_flight: u32,
    /// Retries that could leave now; `None` without a budget.
    pub budget: Option<f64>,
}

/// The counters of all workers of one instance, under one design.
#[derive(Debug)]
pub struct Registry {
    calls: Vec<CallNames>,
    workers: Mutex<Vec<Arc<Table>>>,
}

impl Registry {
    /// For the calls of a design, in the order of their ids.
    pub fn new(calls: Vec<CallNames>) -> Self {
        Self { calls, workers: Mutex::default() }
    }

    /// Cells for one more worker, everything at nothing. Allocates; the cells never do.
    pub fn cells(&self) -> Cells {
        let table = Arc::new(Table::new(self.calls.iter().map(|call| call.endpoints.len())));
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&table));
        Cells::new(table)
    }

    /// Everything as text. `levels` tells what stands now in a call.
    ///
    /// Counts by cause or reason are written once there is something to tell; all other series
    /// from the beginning.
    pub fn scrape(&self, format: Format, levels: impl Fn(CallId) -> Levels) -> String {
        let mut text = Text::new(format);
        self.write(&mut text, levels);
        text.finish()
    }

    /// The same into an open text, so that a driver can add families of its own.
    pub fn write(&self, text: &mut Text, levels: impl Fn(CallId) -> Levels) {
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut scrape = Scrape { calls: &self.calls, workers: &workers, text };
        scrape.requests();
        scrape.rules();
        scrape.endpoints();
        scrape.connections();
        scrape.levels(levels);
    }
}

/// One reading of all workers.
struct Scrape<'a> {
    calls: &'a [CallNames],
    workers: &'a [Arc<Table>],
    text: &'a mut Text,
}

impl Scrape<'_> {
    /// L7: what callers asked for and saw.
    fn requests(&mut self) {
        self.per_call(REQUESTS, |call| &call.requests);
        self.per_call(ATTEMPTS, |call| &call.attempts);
        self.amplification();
        self.call_histogram(LATENCY, |call| &call.latency);
        self.answers();
        self.call_causes(&FAILURES, |call| &call.failures);
        self.unrouted();
    }

    /// What the rules decided.
    fn rules(&mut self) {
        self.retries();
        self.refused();
        self.call_causes(SHED, |call| &call.shed);
        self.per_call(QUEUED, |call| &call.queued);
        self.call_histogram(QUEUE_WAIT, |call| &call.queue_wait);
        self.per_call(SPILLED, |call| &call.spilled);
        self.per_call(FAILED_OPEN, |call| &call.failed_open);
        self.breakers();
    }

    /// How each endpoint does.
    fn endpoints(&mut self) {
        self.per_endpoint(&ENDPOINT_ATTEMPTS, |endpoint| &endpoint.attempts);
        self.endpoint_histogram(ATTEMPT_LATENCY, |endpoint| &endpoint.latency);
        self.endpoint_causes(&ATTEMPT_FAILURES, |endpoint| &endpoint.failures);
        self.per_endpoint(EJECTIONS, |endpoint| &endpoint.ejections);
        self.per_endpoint(RETURNS, |endpoint| &endpoint.returns);
        self.health();
    }

    /// L4 and below.
    fn connections(&mut self) {
        self.process(ACCEPTED, |table| &table.process.accepted);
        self.process_causes(TURNED_AWAY, |table| &table.process.turned_away);
        self.process(LET_GO, |table| &table.process.let_go);
        self.process(&CLIENT_RESETS, |table| &table.process.resets);
        self.process(&CLIENT_CLOSED, |table| &table.process.closed);
        self.endpoint_histogram(CONNECT, |endpoint| &endpoint.connect);
        self.endpoint_causes(CONNECT_FAILURES, |endpoint| &endpoint.connect_failures);
        self.per_endpoint(REUSED, |endpoint| &endpoint.reused);
        self.per_endpoint(RESETS, |endpoint| &endpoint.resets);
        self.per_endpoint(CLOSED, |endpoint| &endpoint.closed);
        self.process(LOST, |table| &table.process.lost);
        self.text.family(AGREED);
        histogram(self.text, &[], self.workers.iter().map(|table| &table.process.agreed));
        self.process(DISAGREED, |table| &table.process.disagreed);
    }

    /// What stands now.
    fn levels(&mut self, levels: impl Fn(CallId) -> Levels) {
        let levels: Vec<_> =
            (0..self.calls.len()).map(|at| levels(CallId::from_index(at))).collect();
        let mut family = |description, value: fn(&Levels) -> Option<f64>| {
            self.text.family(description);
            for (names, levels) in self.calls.iter().zip(&levels) {
                if let Some(value) = value(levels) {
                    self.text.gauge(&[("call", &names.call)], value);
                }
            }
        };
        family(&IN_FLIGHT, |levels| Some(levels.in_flight.into()));
        family(&QUEUE, |levels| Some(levels.queued.into()));
        family(&PROBES, |levels| Some(levels.probes.into()));
        family(&RETRIES_IN_FLIGHT, |levels| Some(levels.retries_in_flight.into()));
        family(&BUDGET, |levels| levels.budget);
    }

    fn amplification(&mut self) {
        self.text.family(&AMPLIFICATION);
        for (at, names) in self.calls.iter().enumerate() {
            let requests = self.total(|table| &table.calls[at].requests);
            let attempts = self.total(|table| &table.calls[at].attempts);
            if requests > 0 {
                self.text.gauge(&[("call", &names.call)], attempts as f64 / requests as f64);
            }
        }
    }

    fn answers(&mut self) {
        self.text.family(&ANSWERS);
        for (at, names) in self.calls.iter().enumerate() {
            for (class, status) in CLASSES.into_iter().enumerate() {
                let count = self.total(|table| &table.calls[at].answers[class]);
                self.some(&[("call", &names.call), ("status", status)], count);
            }
        }
    }

    fn unrouted(&mut self) {
        self.text.family(UNROUTED);
        for (at, (cause, status)) in l7::UNROUTED.into_iter().enumerate() {
            let count = self.total(|table| &table.process.unrouted[at]);
            let ([cause, layer], status) = (cause_labels(cause), status.to_string());
            self.some(&[cause, layer, ("status", &status)], count);
        }
    }

    fn retries(&mut self) {
        self.text.family(RETRIES);
        for (at, names) in self.calls.iter().enumerate() {
            for (cause, grounds) in causes_and_grounds() {
                let (row, column) = (cause.index(), grounds.index());
                let count = self.total(|table| &table.calls[at].retries[row][column]);
                let [cause, layer] = cause_labels(cause);
                let grounds = ("grounds", grounds.name());
                self.some(&[("call", &names.call), cause, layer, grounds], count);
            }
        }
    }

    fn refused(&mut self) {
        self.text.family(REFUSED);
        for (at, names) in self.calls.iter().enumerate() {
            for reason in NoRetry::ALL {
                let count = self.total(|table| &table.calls[at].refused[reason.index()]);
                self.some(&[("call", &names.call), ("reason", reason.name())], count);
            }
        }
    }

    /// Each worker has a breaker of its own.
    fn breakers(&mut self) {
        self.text.family(BREAKER);
        for (at, names) in self.calls.iter().enumerate() {
            for (worker, table) in self.workers.iter().enumerate() {
                let state = table.calls[at].breaker.load(Ordering::Relaxed);
                let worker = worker.to_string();
                self.text.gauge(&[("call", &names.call), ("worker", &worker)], state as f64);
            }
        }
    }

    /// Each worker has a belief of its own.
    fn health(&mut self) {
        self.text.family(UP);
        self.each_endpoint(|scrape, call, endpoint, labels| {
            for (worker, table) in scrape.workers.iter().enumerate() {
                let up = table.calls[call].endpoints[endpoint].up.load(Ordering::Relaxed);
                let worker = worker.to_string();
                scrape.text.gauge(&[labels[0], labels[1], ("worker", &worker)], up as f64);
            }
        });
    }

    fn process(&mut self, description: &Description, cell: fn(&Table) -> &AtomicU64) {
        self.text.family(description);
        let count = self.total(|table| cell(table));
        self.text.counter(&[], count);
    }

    fn process_causes(&mut self, description: &Description, cells: fn(&Table) -> &PerCause) {
        self.text.family(description);
        for cause in Cause::ALL {
            let count = self.total(|table| &cells(table)[cause.index()]);
            self.some(&cause_labels(cause), count);
        }
    }

    fn per_call(&mut self, description: &Description, cell: fn(&CallCells) -> &AtomicU64) {
        self.text.family(description);
        for (at, names) in self.calls.iter().enumerate() {
            let count = self.total(|table| cell(&table.calls[at]));
            self.text.counter(&[("call", &names.call)], count);
        }
    }

    fn call_causes(&mut self, description: &Description, cells: fn(&CallCells) -> &PerCause) {
        self.text.family(description);
        for (at, names) in self.calls.iter().enumerate() {
            for cause in Cause::ALL {
                let count = self.total(|table| &cells(&table.calls[at])[cause.index()]);
                let [cause, layer] = cause_labels(cause);
                self.some(&[("call", &names.call), cause, layer], count);
            }
        }
    }

    fn call_histogram(&mut self, description: &Description, cell: fn(&CallCells) -> &Histogram) {
        self.text.family(description);
        for (at, names) in self.calls.iter().enumerate() {
            let counted = self.workers.iter().map(|table| cell(&table.calls[at]));
            histogram(self.text, &[("call", &names.call)], counted);
        }
    }

    fn per_endpoint(&mut self, description: &Description, cell: fn(&EndpointCells) -> &AtomicU64) {
        self.text.family(description);
        self.each_endpoint(|scrape, call, endpoint, labels| {
            let count = scrape.total(|table| cell(&table.calls[call].endpoints[endpoint]));
            scrape.text.counter(labels, count);
        });
    }

    fn endpoint_causes(
        &mut self,
        description: &Description,
        cells: fn(&EndpointCells) -> &PerCause,
    ) {
        self.text.family(description);
        self.each_endpoint(|scrape, call, endpoint, labels| {
            for cause in Cause::ALL {
                let at = cause.index();
                let count =
                    scrape.total(|table| &cells(&table.calls[call].endpoints[endpoint])[at]);
                let [cause, layer] = cause_labels(cause);
                scrape.some(&[labels[0], labels[1], cause, layer], count);
            }
        });
    }

    fn endpoint_histogram(
        &mut self,
        description: &Description,
        cell: fn(&EndpointCells) -> &Histogram,
    ) {
        self.text.family(description);
        self.each_endpoint(|scrape, call, endpoint, labels| {
            let counted =
                scrape.workers.iter().map(|table| cell(&table.calls[call].endpoints[endpoint]));
            histogram(scrape.text, labels, counted);
        });
    }

    fn each_endpoint(
        &mut self,
        mut write: impl FnMut(&mut Self, usize, usize, &[(&str, &str); 2]),
    ) {
        let calls = self.calls;
        for (call, names) in calls.iter().enumerate() {
            for (endpoint, address) in names.endpoints.iter().enumerate() {
                write(self, call, endpoint, &[("call", &names.call), ("endpoint", address)]);
            }
        }
    }

    fn total<'t>(&'t self, cell: impl Fn(&'t Table) -> &'t AtomicU64) -> u64 {
        self.workers.iter().map(|table| cell(table).load(Ordering::Relaxed)).sum()
    }

    /// A counter that is worth a line only when it has counted.
    fn some(&mut self, labels: Labels<'_>, count: u64) {
        if count > 0 {
            self.text.counter(labels, count);
        }
    }
}

fn histogram<'a>(
    text: &mut Text,
    labels: Labels<'_>,
    counted: impl Iterator<Item = &'a Histogram>,
) {
    let mut totals = Totals::default();
    counted.for_each(|histogram| totals.add(histogram));
    text.histogram(labels, totals.cumulative(), totals.count(), totals.sum());
}

const fn cause_labels(cause: Cause) -> [(&'static str, &'static str); 2] {
    [("cause", cause.name()), ("layer", cause.layer().name())]
}

fn causes_and_grounds() -> impl Iterator<Item = (Cause, Grounds)> {
    Cause::ALL.into_iter().flat_map(|cause| Grounds::ALL.map(|grounds| (cause, grounds)))
}

const CLASSES: [&str; STATUS_CLASSES] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
