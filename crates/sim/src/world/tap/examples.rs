//! Requests with everything that was done for them: tries, work, waiting, and the decisions.
//!
//! Each client's request is followed, and when it has ended it is either kept as an example or
//! forgotten. A kept one is followed further, until the last work for it is over: work that goes
//! on when nobody waits is what a retry storm is made of.

mod choice;
mod trace;

use std::collections::BTreeMap;

use base::{CallId, Instant};
use event::{Cause, Event, Scope, l4, l7};

use self::choice::Choice;
pub(crate) use self::choice::{Period, Why};
pub(crate) use self::trace::{Doing, End, Note, Span, Trace};
use super::super::slab::{Handle, Slab};
use super::packets::Side;
use crate::stats::{Ended, Outcome, mix};

/// The requests that are followed, and those that were chosen.
#[derive(Debug)]
pub(crate) struct Examples {
    traces: Slab<Trace>,
    /// By slot of a flight: whose request it is.
    flights: Vec<Option<(Handle, FlightMark)>>,
    /// By slot of a job: whose work it is.
    jobs: Vec<Option<(Handle, JobMark)>>,
    /// By connection: the jobs whose tries went by it.
    aboard: BTreeMap<u64, Vec<Handle>>,
    choices: Vec<Choice>,
}

/// A request begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// Of a client's request: what tells it from all others.
    pub(crate) id: u64,
    pub(crate) kind: u16,
    pub(crate) call: CallId,
    pub(crate) from: u32,
}

/// An example, and why it was chosen.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    /// The period in which it arrived.
    pub(crate) period: String,
    pub(crate) why: Why,
    pub(crate) trace: Trace,
}

#[derive(Clone, Copy, Debug)]
struct FlightMark {
    trace: Handle,
    span: u32,
    /// The try that is under way.
    attempt: Option<u32>,
    status: Option<u16>,
}

#[derive(Clone, Copy, Debug)]
struct JobMark {
    trace: Handle,
    attempt: u32,
    work: Option<u32>,
}

/// The most requests that are followed at once. Those that come then are not.
const MOST_FOLLOWED: usize = 100_000;
/// The most spans of one request: a storm of retries over several layers has thousands.
const MOST_SPANS: usize = 400;
/// A long answer over a bad network is repaired a thousand times: so many are told of each try.
const MOST_REPAIRS: usize = 20;
/// The most unanswered requests that are kept at the end.
const UNANSWERED: usize = 3;

impl Examples {
    pub(super) fn new(periods: Vec<Period>) -> Self {
        Self {
            traces: Slab::new(),
            flights: Vec::new(),
            jobs: Vec::new(),
            aboard: BTreeMap::new(),
            choices: periods.into_iter().map(Choice::new).collect(),
        }
    }

    pub(super) fn client_asked(&mut self, now: Instant, flight: Handle, asked: Asked) {
        if self.traces.len() >= MOST_FOLLOWED {
            return;
        }
        let trace = self.traces.insert(Trace {
            id: asked.id,
            kind: asked.kind,
            arrived: now,
            ended: None,
            spans: Vec::new(),
            left_out: 0,
            holders: 0,
        });
        self.begin_request(now, trace, None, flight, asked);
    }

    pub(super) fn job_asked(&mut self, now: Instant, job: Handle, flight: Handle, asked: Asked) {
        let Some(mark) = found(&self.jobs, job) else { return };
        let parent = mark.work.unwrap_or(mark.attempt);
        self.begin_request(now, mark.trace, Some(parent), flight, asked);
    }

    pub(super) fn tried(&mut self, now: Instant, flight: Handle, job: Handle, number: u8, to: u32) {
        let Some(mark) = found(&self.flights, flight) else { return };
        let Some(request) = self.span(mark.trace, mark.span) else { return };
        let Doing::Request { call, from } = request.doing else { return };
        let doing = Doing::Attempt { call, number, from, to };
        let Some(attempt) = self.begin(now, mark.trace, Some(mark.span), doing) else { return };
        set(&mut self.flights, flight, FlightMark { attempt: Some(attempt), status: None, ..mark });
        set(&mut self.jobs, job, JobMark { trace: mark.trace, attempt, work: None });
    }

    pub(super) fn reached(&mut self, now: Instant, job: Handle) {
        let Some(mark) = found(&self.jobs, job) else { return };
        let Some(attempt) = self.span(mark.trace, mark.attempt) else { return };
        let (Doing::Attempt { to, .. }, is_over) = (attempt.doing, attempt.ended.is_some()) else {
            return;
        };
        let work = self.begin(now, mark.trace, Some(mark.attempt), Doing::Work { at: to });
        set(&mut self.jobs, job, JobMark { work, ..mark });
        if is_over {
            self.note(now, job, Note::NobodyWaits);
        }
    }

    /// The try of a job goes by this connection.
    pub(super) fn boarded(&mut self, connection: u64, job: Handle) {
        if self.try_of(job).is_some() {
            let mut aboard = self.aboard.remove(&connection).unwrap_or_default();
            aboard.retain(|&other| self.try_of(other).is_some());
            aboard.push(job);
            self.aboard.insert(connection, aboard);
        }
    }

    /// Something of a connection was lost: every try on it may have to wait.
    pub(super) fn repaired(
        &mut self,
        now: Instant,
        (connection, side): (u64, Side),
        event: l4::Event,
    ) {
        let Some(aboard) = self.aboard.get(&connection) else { return };
        for job in aboard.clone() {
            if let Some(span) = self.try_of(job)
                && span.notes.len() < MOST_REPAIRS
            {
                span.notes.push((now, Note::Repaired(side, event)));
            }
        }
    }

    pub(super) fn forgotten(&mut self, connection: u64) {
        self.aboard.remove(&connection);
    }

    /// The try that a job is for, as long as its caller waits.
    fn try_of(&mut self, job: Handle) -> Option<&mut Span> {
        let mark = found(&self.jobs, job)?;
        self.span(mark.trace, mark.attempt).filter(|span| span.ended.is_none())
    }

    pub(super) fn note(&mut self, now: Instant, job: Handle, note: Note) {
        let Some(mark) = found(&self.jobs, job) else { return };
        let Some(work) = mark.work else { return };
        if let Some(span) = self.span(mark.trace, work) {
            span.notes.push((now, note));
        }
    }

    pub(super) fn work_ended(&mut self, now: Instant, job: Handle, end: End) {
        let Some(mark) = found(&self.jobs, job) else { return };
        self.jobs[job.slot() as usize] = None;
        if let Some(work) = mark.work {
            self.end(now, mark.trace, work, end);
        }
    }

    pub(super) fn answer_came(&mut self, flight: Handle, status: u16) {
        if let Some(mark) = found(&self.flights, flight) {
            set(&mut self.flights, flight, FlightMark { status: Some(status), ..mark });
        }
    }

    pub(super) fn heard(&mut self, now: Instant, flight: Handle, scope: Scope, event: Event) {
        let Some(mark) = found(&self.flights, flight) else { return };
        let is_own = |span: &&mut Span| matches!(span.doing, Doing::Request { call, .. } if call == scope.call);
        match event {
            Event::L7(l7::Event::AttemptEnded { cause, .. }) => {
                self.attempt_ended(now, flight, mark, cause);
            }
            Event::Policy(decision) => {
                if let Some(span) = self.span(mark.trace, mark.span).filter(is_own) {
                    span.notes.push((now, Note::Decided(decision)));
                }
            }
            _ => {}
        }
    }

    pub(super) fn request_ended(
        &mut self,
        now: Instant,
        flight: Handle,
        ended: Ended,
        outcome: Option<Outcome>,
    ) {
        let Some(mark) = found(&self.flights, flight) else { return };
        self.attempt_ended(now, flight, mark, ended.cause);
        self.flights[flight.slot() as usize] = None;
        let end = ended.cause.map_or(End::Answered(ended.status), End::Failed);
        self.end(now, mark.trace, mark.span, end);
        if let Some(outcome) = outcome {
            self.client_answered(now, mark.trace, outcome);
        }
    }

    /// The chosen ones, in the order in which they arrived, and in each period the typical first.
    pub(crate) fn take_chosen(&mut self) -> Vec<Chosen> {
        let waiting = self.traces.iter().filter(|(_, trace)| trace.ended.is_none());
        let waiting: Vec<_> = waiting.map(|(_, trace)| trace.clone()).take(UNANSWERED).collect();
        let mut chosen = Vec::new();
        for choice in core::mem::take(&mut self.choices) {
            for (why, candidate) in choice.all() {
                if let Some(trace) = self.traces.get(candidate.trace) {
                    let (period, trace) = (choice.period.name.clone(), trace.clone());
                    chosen.push(Chosen { period, why, trace });
                }
            }
        }
        let last =
            chosen.last().map_or_else(|| "at the end".to_owned(), |last| last.period.clone());
        chosen.extend(waiting.into_iter().map(|trace| Chosen {
            period: last.clone(),
            why: Why::Unanswered,
            trace,
        }));
        chosen
    }

    fn begin_request(
        &mut self,
        now: Instant,
        trace: Handle,
        parent: Option<u32>,
        flight: Handle,
        asked: Asked,
    ) {
        let doing = Doing::Request { call: asked.call, from: asked.from };
        if let Some(span) = self.begin(now, trace, parent, doing) {
            let mark = FlightMark { trace, span, attempt: None, status: None };
            set(&mut self.flights, flight, mark);
        }
    }

    fn begin(
        &mut self,
        now: Instant,
        trace: Handle,
        parent: Option<u32>,
        doing: Doing,
    ) -> Option<u32> {
        let trace = self.traces.get_mut(trace)?;
        if trace.spans.len() >= MOST_SPANS {
            trace.left_out += 1;
            return None;
        }
        let span = Span { parent, doing, began: now, ended: None, end: None, notes: Vec::new() };
        trace.spans.push(span);
        u32::try_from(trace.spans.len() - 1).ok()
    }

    fn span(&mut self, trace: Handle, span: u32) -> Option<&mut Span> {
        self.traces.get_mut(trace)?.spans.get_mut(span as usize)
    }

    fn end(&mut self, now: Instant, trace: Handle, span: u32, end: End) {
        if let Some(span) = self.span(trace, span).filter(|span| span.ended.is_none()) {
            (span.ended, span.end) = (Some(now), Some(end));
        }
    }

    /// The try that was under way is over for its caller; whoever works on it may not know.
    fn attempt_ended(
        &mut self,
        now: Instant,
        flight: Handle,
        mark: FlightMark,
        cause: Option<Cause>,
    ) {
        let Some(attempt) = mark.attempt else { return };
        let end = match (cause, mark.status) {
            (Some(cause), _) => End::Failed(cause),
            (None, Some(status)) => End::Answered(status),
            (None, None) => End::Left,
        };
        set(&mut self.flights, flight, FlightMark { attempt: None, status: None, ..mark });
        self.end(now, mark.trace, attempt, end);
        let Some(trace) = self.traces.get_mut(mark.trace) else { return };
        let works = trace.spans[attempt as usize + 1..]
            .iter_mut()
            .filter(|span| span.parent == Some(attempt) && span.ended.is_none());
        works.for_each(|work| work.notes.push((now, Note::NobodyWaits)));
    }

    fn client_answered(&mut self, now: Instant, handle: Handle, outcome: Outcome) {
        let Some(trace) = self.traces.get_mut(handle) else { return };
        trace.ended = Some((now, outcome));
        let (arrived, id) = (trace.arrived, trace.id);
        let period = self.choices.partition_point(|choice| choice.period.begin <= arrived);
        let Some(choice) = period.checked_sub(1).map(|at| &mut self.choices[at]) else {
            self.traces.remove(handle);
            return;
        };
        let dropped = choice.offer(handle, now.since(arrived), mix(id), outcome);
        let holders = choice.holders(handle);
        if let Some(trace) = self.traces.get_mut(handle) {
            trace.holders = holders;
        }
        if holders == 0 {
            self.traces.remove(handle);
        }
        for other in dropped {
            self.let_go(other);
        }
    }

    fn let_go(&mut self, other: Handle) {
        let Some(trace) = self.traces.get_mut(other) else { return };
        trace.holders = trace.holders.saturating_sub(1);
        if trace.holders == 0 {
            self.traces.remove(other);
        }
    }
}

fn found<T: Copy>(marks: &[Option<(Handle, T)>], whose: Handle) -> Option<T> {
    let (of, mark) = (*marks.get(whose.slot() as usize)?)?;
    (of == whose).then_some(mark)
}

fn set<T: Copy>(marks: &mut Vec<Option<(Handle, T)>>, whose: Handle, mark: T) {
    let slot = whose.slot() as usize;
    if marks.len() <= slot {
        marks.resize(slot + 1, None);
    }
    marks[slot] = Some((whose, mark));
}
