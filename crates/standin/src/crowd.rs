//! Open-loop traffic: requests arrive when they arrive, whatever became of the ones before.
//!
//! A client that waits for its answer before it asks again slows down together with the service,
//! and so hides what it should measure. Here each request has its intended time, and latency
//! counts from that.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use base::{Instant, Random};
use model::traffic::{RequestKind, Source};
use tokio::task::JoinSet;

use crate::{Caller, Clock, Question, Seen};

/// Who asks for what.
pub struct CrowdSpec {
    /// When requests arrive.
    pub source: Source,
    /// What they ask for; shares add up to the whole.
    pub requests: Vec<RequestKind>,
    /// Chooses among them, and hangs on the number of a request alone: the simulator draws the
    /// same.
    pub random: Random,
    /// Who carries them.
    pub caller: Rc<Caller>,
}

/// Traffic of one client of the design.
pub struct Crowd {
    clock: Clock,
    source: RefCell<Source>,
    questions: Vec<(u64, Question)>,
    random: Random,
    caller: Rc<Caller>,
    offered: Cell<u64>,
}

impl Crowd {
    /// Nobody asks yet.
    pub fn new(clock: Clock, spec: CrowdSpec) -> Self {
        let questions = spec.requests.iter();
        Self {
            clock,
            source: RefCell::new(spec.source),
            questions: questions
                .map(|kind| (kind.share.as_millionths().into(), question(kind)))
                .collect(),
            random: spec.random,
            caller: spec.caller,
            offered: Cell::new(0),
        }
    }

    /// Asks until then, and tells what was seen, each as it ends. Returns when all have ended.
    pub async fn run(&self, until: Instant, tell: impl Fn(Seen)) {
        let mut asked = JoinSet::new();
        loop {
            let next = self.source.borrow_mut().next_arrival().min(until);
            tokio::select! {
                () = self.clock.sleep_until(next) => {}
                Some(seen) = asked.join_next() => {
                    seen.into_iter().for_each(&tell);
                    continue;
                }
            }
            if next >= until {
                break;
            }
            self.source.borrow_mut().arrived(next);
            self.offered.set(self.offered.get() + 1);
            let (caller, question) = (Rc::clone(&self.caller), self.draw());
            asked.spawn_local(async move { caller.ask(next, &question).await });
        }
        while let Some(seen) = asked.join_next().await {
            seen.into_iter().for_each(&tell);
        }
    }

    /// From now on so many times the usual traffic.
    pub fn set_pace(&self, pace: f64) {
        self.source.borrow_mut().set_pace(self.clock.now(), pace);
    }

    /// Requests that have arrived so far.
    pub fn offered(&self) -> u64 {
        self.offered.get()
    }

    fn draw(&self) -> Question {
        let whole = self.questions.iter().map(|(share, _)| share).sum();
        let mut left = self.random.child(self.offered.get()).below(whole);
        for (share, question) in &self.questions {
            if left < *share {
                return question.clone();
            }
            left -= share;
        }
        Question::default()
    }
}

fn question(kind: &RequestKind) -> Question {
    Question {
        method: kind.method.clone(),
        path: kind.path.replace("{key}", "1"),
        request: kind.request.0,
        response: kind.response.0,
        idempotent: kind.is_idempotent(),
    }
}
