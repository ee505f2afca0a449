//! What sessions say while they stand.
//!
//! Client and service take turns, at equal distances. With packets each message is an event; in a run
//! of which only the verdict is wanted, one that would arrive is not: nothing but datagrams comes of
//! it. One that would not arrive is how somebody learns that his connection is gone.

use base::{Duration, Instant, Random};

use super::super::World;
use super::super::event::Event;
use super::super::slab::Handle;

impl World<'_> {
    /// Whether this run leaves out what sessions say, where it would arrive.
    pub(crate) fn leaves_out_messages(&self) -> bool {
        let is_asked_for = self.is_terse && self.net.is_some() && self.plan.network.keeps_all;
        let mut kinds = self.plan.requests.kinds.iter();
        is_asked_for
            && kinds.any(|kind| kind.holds.is_some() && kind.messages.interval() != Duration::MAX)
    }

    /// The next message, at a moment of the session's own. Where only the verdict is wanted, there is
    /// none as long as it would arrive: whoever sees that it may not asks for it here.
    pub(in crate::world) fn schedule_beat(&mut self, now: Instant, handle: Handle) {
        let Some(session) = self.sessions.get(handle) else { return };
        let interval = self.interval_of(session.kind);
        let is_idle = session.since.is_none() || interval == Duration::MAX;
        let is_scheduled = session.next_beat != Instant::NEVER;
        if is_idle || is_scheduled || self.is_terse && self.would_arrive(session.flight) {
            return;
        }
        let mut moments = Random::of(self.seed, "sessions", "beats").child(session.chance);
        let (from, over) = (session.from, self.plan.times.end.min(session.ends));
        let next = next_moment(now, interval, &mut moments);
        if next < over
            && let Some(session) = self.sessions.get_mut(handle)
        {
            session.next_beat = next;
            self.push_local(next, from, Event::Beat { session: handle });
        }
    }

    /// Client and service take turns.
    pub(in crate::world) fn on_beat(&mut self, now: Instant, handle: Handle) {
        let Some(session) = self.sessions.get_mut(handle) else { return };
        session.next_beat = Instant::NEVER;
        if session.since.is_none() {
            return;
        }
        let (flight, kind) = (session.flight, session.kind);
        let interval = self.interval_of(kind);
        let is_clients = (now.as_nanos() / interval.as_nanos().max(1)).is_multiple_of(2);
        if self.is_terse && self.would_arrive(flight) {
            // Nothing would come of it but datagrams.
        } else if is_clients {
            self.say_down(now, flight);
        } else {
            self.say_from_service(now, flight);
        }
        self.schedule_beat(now, handle);
    }

    /// Between two messages of a session of a kind.
    fn interval_of(&self, kind: u16) -> Duration {
        self.plan.requests.kinds[usize::from(kind)].messages.interval()
    }
}

/// The next of moments at equal distances, the first of them drawn: always later than now, or time
/// would stand still.
pub(super) fn next_moment(now: Instant, interval: Duration, chance: &mut Random) -> Instant {
    let interval = interval.as_nanos().max(1);
    let first = chance.below(interval);
    let past = (now.as_nanos() + interval - first) % interval;
    now + Duration::from_nanos(interval - past)
}
