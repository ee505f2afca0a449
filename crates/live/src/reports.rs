//! Which endpoints are well, as one line each for whoever runs this, and for `/readyz`.
//!
//! Every worker has its own belief. An endpoint is down once all of them believe so, and up again
//! with the first that does not; it is left out as soon as one of them leaves it out. One that
//! comes and goes is told a few times a minute at most, and then how it stands.

use std::cell::RefMut;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use base::{CallId, Duration, Instant, WorkerId};
use event::{Event, Scope, Sink, policy};
use observe::metrics::Cells;

use crate::log::say;

/// What is known of all endpoints of an instance.
#[derive(Debug)]
pub(crate) struct Reports {
    calls: Vec<Call>,
    /// A bit for each worker.
    everybody: u64,
    /// Something has yet to be said.
    behind: AtomicBool,
}

#[derive(Debug)]
struct Call {
    endpoints: Vec<Endpoint>,
    /// The workers that have somebody to ask.
    serving: AtomicU64,
}

#[derive(Debug)]
struct Endpoint {
    /// `FROM -> TO: HOST:PORT`.
    name: String,
    /// The workers that believe it to be down, by its checks.
    down: AtomicU64,
    /// Those that leave it out, by its answers.
    out: AtomicU64,
    told: Mutex<Told>,
}

/// What was said of an endpoint.
#[derive(Debug, Default)]
struct Told {
    state: State,
    /// When the current minute began, and how many lines it has had.
    since: Instant,
    lines: u32,
    /// Changes since the last line.
    changes: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Well,
    Out,
    Down,
}

/// Hears every decision of a worker: the counters do, and what is about endpoints is reported.
pub(crate) struct Ears<'a> {
    pub(crate) cells: RefMut<'a, Cells>,
    pub(crate) reports: &'a Reports,
    pub(crate) worker: WorkerId,
}

impl Reports {
    /// For so many workers; calls as people read them, with their endpoints.
    pub(crate) fn new<'a>(
        workers: usize,
        calls: impl Iterator<Item = (impl AsRef<str>, Vec<&'a str>)>,
    ) -> Self {
        let endpoint = |call: &str, name: &str| Endpoint {
            name: format!("{call}: {name}"),
            down: AtomicU64::new(0),
            out: AtomicU64::new(0),
            told: Mutex::default(),
        };
        let everybody = u64::MAX >> (64 - workers.clamp(1, 64));
        let calls = calls.map(|(call, names)| Call {
            endpoints: names.into_iter().map(|name| endpoint(call.as_ref(), name)).collect(),
            serving: AtomicU64::new(everybody),
        });
        Self { calls: calls.collect(), everybody, behind: AtomicBool::new(false) }
    }

    /// Whether a request of any call has somebody to go to, on any worker. That an endpoint is down
    /// does not say so: where checks would leave nobody, the engine may not believe them.
    pub(crate) fn is_serving(&self) -> bool {
        self.calls.iter().any(|call| call.serving.load(Ordering::Acquire) != 0)
    }

    /// Whether a call has somebody to ask on a worker.
    pub(crate) fn note_serving(&self, worker: WorkerId, call: CallId, serving: bool) {
        if let Some(call) = self.calls.get(call.index()) {
            set(&call.serving, bit(worker), serving);
        }
    }

    /// Says what there was no room for.
    pub(crate) fn catch_up(&self, now: Instant) {
        if !self.behind.swap(false, Ordering::AcqRel) {
            return;
        }
        for call in &self.calls {
            for endpoint in &call.endpoints {
                self.tell(now, call, endpoint, false);
            }
        }
    }

    fn note(&self, now: Instant, worker: WorkerId, scope: Scope, event: policy::Event) {
        let Some((call, at)) = self.calls.get(scope.call.index()).zip(scope.endpoint) else {
            return;
        };
        let Some(endpoint) = call.endpoints.get(at.index()) else {
            return;
        };
        let bit = bit(worker);
        match event {
            policy::Event::HealthChanged { up } => set(&endpoint.down, bit, !up),
            policy::Event::Ejected => set(&endpoint.out, bit, true),
            policy::Event::Returned => set(&endpoint.out, bit, false),
            _ => return,
        }
        self.tell(now, call, endpoint, true);
    }

    fn tell(&self, now: Instant, call: &Call, endpoint: &Endpoint, is_news: bool) {
        let mut told = endpoint.told.lock().unwrap_or_else(PoisonError::into_inner);
        let state = endpoint.state(self.everybody);
        if state == told.state && (is_news || told.changes == 0) {
            return;
        }
        if is_news {
            told.changes += 1;
        }
        match told.line(now, state) {
            Some(line) => {
                let more = if call.is_down(self.everybody) { ALL_ARE_ASKED } else { "" };
                say(&format!("{} {line}{more}", endpoint.name));
            }
            None => self.behind.store(true, Ordering::Release),
        }
    }
}

impl Call {
    /// Whether all checks fail, so that nobody believes them.
    fn is_down(&self, everybody: u64) -> bool {
        self.endpoints.iter().all(|endpoint| endpoint.state(everybody) == State::Down)
    }
}

impl Endpoint {
    fn state(&self, everybody: u64) -> State {
        if self.down.load(Ordering::Acquire) == everybody {
            State::Down
        } else if self.out.load(Ordering::Acquire) != 0 {
            State::Out
        } else {
            State::Well
        }
    }
}

impl Told {
    /// What to say now; nothing if it has been said often enough for now.
    fn line(&mut self, now: Instant, state: State) -> Option<String> {
        if now.since(self.since) >= MINUTE {
            (self.since, self.lines) = (now, 0);
        }
        if self.lines >= LINES_PER_MINUTE {
            return None;
        }
        self.lines += 1;
        let mut line = match (self.state, state) {
            (_, State::Down) => "is down: its checks fail".to_owned(),
            (_, State::Out) => "is left out for a while: its answers fail".to_owned(),
            (State::Out, State::Well) => "is asked again".to_owned(),
            (_, State::Well) => "is up again".to_owned(),
        };
        if self.changes > 1 {
            let _never_fails = write!(line, " (after {} changes)", self.changes);
        }
        (self.state, self.changes) = (state, 0);
        Some(line)
    }
}

impl Sink for Ears<'_> {
    fn emit(&mut self, now: Instant, scope: Scope, event: Event) {
        if let Event::Policy(event) = event {
            self.reports.note(now, self.worker, scope, event);
        }
        self.cells.emit(now, scope, event);
    }
}

fn bit(worker: WorkerId) -> u64 {
    1 << worker.0.min(63)
}

fn set(mask: &AtomicU64, bit: u64, on: bool) {
    if on {
        mask.fetch_or(bit, Ordering::AcqRel);
    } else {
        mask.fetch_and(!bit, Ordering::AcqRel);
    }
}

const ALL_ARE_ASKED: &str = "; none is left, so checks are not believed and all are asked";
const MINUTE: Duration = Duration::from_secs(60);
/// Of one endpoint: enough for a restart or two.
const LINES_PER_MINUTE: u32 = 6;

#[cfg(test)]
mod tests {
    use base::EndpointId;

    use super::*;

    #[test]
    fn an_endpoint_is_down_once_all_workers_believe_so_and_up_with_the_first_that_does_not() {
        let reports = Reports::new(2, [("lb -> svc", vec!["a", "b"])].into_iter());
        let note = |worker, endpoint, up| {
            let scope = Scope { call: CallId(0), endpoint: Some(EndpointId(endpoint)) };
            let changed = policy::Event::HealthChanged { up };
            reports.note(Instant::ZERO, WorkerId(worker), scope, changed);
            reports.calls[0].endpoints[usize::from(endpoint)].state(reports.everybody)
        };

        let states = [note(0, 0, false), note(1, 0, false), note(0, 1, false), note(1, 0, true)];

        assert_eq!(states, [State::Well, State::Down, State::Well, State::Well]);
    }

    #[test]
    fn a_call_is_down_with_its_last_endpoint_and_up_with_the_first() {
        let reports = Reports::new(1, [("lb -> svc", vec!["a", "b"])].into_iter());
        let note = |endpoint, up| {
            let scope = Scope { call: CallId(0), endpoint: Some(EndpointId(endpoint)) };
            let changed = policy::Event::HealthChanged { up };
            reports.note(Instant::ZERO, WorkerId(0), scope, changed);
            reports.calls[0].is_down(reports.everybody)
        };

        assert_eq!([note(0, false), note(1, false), note(0, true)], [false, true, false]);
    }

    #[test]
    fn an_instance_serves_as_long_as_one_worker_has_somebody_to_ask_for_one_call() {
        let calls = [("lb -> a", vec!["a"]), ("lb -> b", vec!["b"])];
        let reports = Reports::new(2, calls.into_iter());
        let note = |worker, call, serving| {
            reports.note_serving(WorkerId(worker), CallId(call), serving);
            reports.is_serving()
        };

        let serving = [note(0, 0, false), note(1, 0, false), note(0, 1, false), note(1, 1, false)];

        assert_eq!(serving, [true, true, true, false]);
        assert!(note(1, 0, true));
    }

    #[test]
    fn one_that_comes_and_goes_is_told_a_few_times_and_then_how_it_stands() {
        let mut told = Told::default();
        let mut change = |ms, state| {
            told.changes += 1;
            told.line(Instant::from_millis(ms), state)
        };

        let lines: Vec<_> = (0..100)
            .filter_map(|at| change(at, if at % 2 == 0 { State::Down } else { State::Well }))
            .collect();

        assert_eq!(lines.len(), LINES_PER_MINUTE as usize);
        assert_eq!(lines[0], "is down: its checks fail");
        assert_eq!(lines[1], "is up again");
        let later = told.line(Instant::from_secs(61), State::Down);
        assert_eq!(later.as_deref(), Some("is down: its checks fail (after 94 changes)"));
    }
}
