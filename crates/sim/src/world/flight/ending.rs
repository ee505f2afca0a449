//! How a request ends, and what becomes of it where it came from.

use base::Instant;
use config::design::OnFailure;
use engine::l7::Request;
use event::Cause;
use model::quality::Quality;

use super::super::World;
use super::super::cache::{Told, Vintage};
use super::super::job::State;
use super::super::slab::Handle;
use super::{Flight, Parent, Start};
use crate::stats::{Ended, Outcome, mix};

impl World<'_> {
    pub(super) fn end(&mut self, now: Instant, handle: Handle, ended: Ended) {
        let Some(flight) = self.flights.get(handle) else { return };
        let (arrived, quality) = (flight.exchange.arrived(), flight.quality);
        match flight.parent {
            Parent::Client { id } => {
                let ended = Ended { cause: ended.cause.or(self.stranded(flight, ended)), ..ended };
                self.flights.forget(handle);
                self.end_for_client(now, handle, (id, arrived, quality), ended);
            }
            Parent::Job(job) => {
                let Some(flight) = self.flights.remove(handle) else { return };
                self.tap.request_ended(now, handle, ended, None);
                self.unlink(job, handle, flight.sibling);
                if self.jobs.get(job).is_some_and(|job| job.state == State::Holding) {
                    return self.way_broke(now, job);
                }
                self.end_for_job(now, job, &flight, ended);
            }
            Parent::Connection(client) => {
                let job = flight.job;
                self.flights.forget(handle);
                if let Some(job) = job {
                    self.jobs.forget(job);
                }
                self.on_spliced_end(now, client, ended.cause.is_some());
            }
            Parent::Session { session, .. } => {
                self.flights.forget(handle);
                let outcome = ended.cause.map_or(Outcome::Answered(quality), Outcome::Failed);
                self.tap.request_ended(now, handle, ended, Some(outcome));
                self.session_broke(now, session, arrived, ended);
            }
        }
    }

    fn end_for_client(
        &mut self,
        now: Instant,
        handle: Handle,
        (id, arrived, quality): (u64, Instant, Quality),
        ended: Ended,
    ) {
        let outcome = match ended.cause.or(failing(ended.status)) {
            Some(cause) => Outcome::Failed(cause),
            None => Outcome::Answered(quality),
        };
        self.tap.request_ended(now, handle, ended, Some(outcome));
        self.stats.answered(now, arrived, id, outcome);
    }

    /// A balancer has answered by itself that it knows no way: it has no call that could tell.
    fn stranded(&self, flight: &Flight, ended: Ended) -> Option<Cause> {
        if ended.status != Cause::NoRoute.status() {
            return None;
        }
        let call = self.engines[flight.engine as usize].call.id();
        let (design, requests) = (&self.plan.design, &self.plan.requests);
        requests.is_stranded(design, design.call(call).to, flight.kind).then_some(Cause::NoRoute)
    }

    fn end_for_job(&mut self, now: Instant, job: Handle, flight: &Flight, ended: Ended) {
        self.count_tries(job, flight);
        let Some(failed) = ended.cause.or(failing(ended.status)) else {
            let (item, quality, vintage) = (flight.item, flight.quality, flight.vintage);
            self.remember(now, flight.engine, flight.kind, Told { item, quality, vintage });
            return self.child_told(now, job, quality, vintage);
        };
        if let Some(kept) = self.recall(now, flight.engine, flight.item) {
            let vintage = Vintage { knows: kept.knows, made: kept.made };
            return self.child_told(now, job, kept.quality, vintage);
        }
        let call = self.plan.design.call(self.engines[flight.engine as usize].call.id());
        match &call.on_failure.value {
            OnFailure::Omit => self.child_ended(now, job, None, Quality::Partial),
            OnFailure::Fallback(node) if flight.fallbacks < MOST_FALLBACKS => {
                let to = |id: &base::CallId| self.plan.design.call(*id).to == *node;
                match self.plan.design.calls_from(call.from).find(to) {
                    Some(instead) => self.fall_back(now, job, flight, instead),
                    None => self.child_ended(now, job, Some(failed.status()), Quality::Complete),
                }
            }
            _ => self.child_ended(now, job, Some(failed.status()), Quality::Complete),
        }
    }

    fn fall_back(&mut self, now: Instant, job: Handle, flight: &Flight, instead: base::CallId) {
        let call = self.plan.requests.variant(instead, flight.kind);
        let from = self.engines[flight.engine as usize].from;
        let client_attempt = self.jobs.get(job).map_or(1, |job| self.client_attempt(job));
        let engine = self.plan.engine(call, from, self.plan.engine_number(call, flight.kind, 0));
        let start = Start {
            engine,
            parent: Parent::Job(job),
            kind: flight.kind,
            item: flight.item,
            chance: mix(flight.chance),
            request: Request { client_attempt, ..self.request_of(flight.kind) },
            fallbacks: flight.fallbacks + 1,
            holds: false,
            astray: false,
        };
        self.begin(now, start);
    }
}

/// An answer that says that it is a failure.
fn failing(status: u16) -> Option<Cause> {
    (status >= 400).then_some(Cause::of_status(status))
}

/// Nobody follows fallbacks further: a circle of them would have no end.
const MOST_FALLBACKS: u8 = 8;
