//! Timers, most of which never matter.
//!
//! Nearly every request sets a timer and is answered long before it. All timers of an engine are
//! of a few lengths, and what is set later is mostly due later: so they wait in a line, and only
//! the first of the line is in the event queue. Those whose request has ended leave the line
//! without ever having been an event.

use std::collections::VecDeque;

use base::Instant;
use engine::l7::{Body, Input};

use super::World;
use super::event::Event;
use super::slab::Handle;

/// The timers of one engine.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers {
    /// By the time at which they are due.
    line: VecDeque<(Instant, Handle)>,
    /// The first of the line is in the event queue.
    is_armed: bool,
}

impl Timers {
    /// Puts a timer at the end of the line, if that is its place.
    fn join(&mut self, due: Instant, flight: Handle) -> bool {
        let fits = self.line.back().is_none_or(|(last, _)| *last <= due);
        if fits {
            self.line.push_back((due, flight));
        }
        fits
    }
}

impl World<'_> {
    /// Sets a timer if the flight has none that comes early enough.
    pub(super) fn arm(&mut self, handle: Handle) {
        let Some(flight) = self.flights.get_mut(handle) else { return };
        let due = flight.due();
        if due >= flight.timer {
            return;
        }
        flight.timer = due;
        let number = flight.engine();
        let engine = &mut self.engines[number as usize];
        let from = engine.from;
        if !engine.timers.join(due, handle) {
            self.push_local(due, from, Event::Timer { flight: handle });
        } else if !engine.timers.is_armed {
            engine.timers.is_armed = true;
            self.push_local(due, from, Event::Timers { engine: number });
        }
    }

    /// Tells everybody in the line whose time has come.
    pub(super) fn on_timers(&mut self, now: Instant, engine: u32) {
        let at = engine as usize;
        while let Some(&(due, flight)) = self.engines[at].timers.line.front() {
            if self.flights.get(flight).is_some() {
                if due > now {
                    let from = self.engines[at].from;
                    return self.push_local(due, from, Event::Timers { engine });
                }
                self.engines[at].timers.line.pop_front();
                self.on_timer(now, flight);
            } else {
                self.engines[at].timers.line.pop_front();
            }
        }
        self.engines[at].timers.is_armed = false;
    }

    pub(super) fn on_timer(&mut self, now: Instant, handle: Handle) {
        let Some(flight) = self.flights.get_mut(handle) else { return };
        if now >= flight.timer {
            flight.timer = Instant::NEVER;
        }
        if now >= flight.due() {
            self.tell(now, handle, Input::Time { body: Body::Kept });
        } else {
            self.arm(handle);
        }
    }
}
