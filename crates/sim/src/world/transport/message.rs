//! A message is a delay.

use base::Instant;

use super::super::World;
use super::super::event::Event;
use super::super::slab::Handle;

impl World<'_> {
    /// Something that travels.
    pub(super) fn push_message(&mut self, now: Instant, from: u32, to: u32, event: Event) {
        let (sender, receiver) =
            (self.instances[from as usize].party, self.instances[to as usize].party);
        self.queue.push(now + self.plan.delay(from, to), sender, receiver, event);
    }

    /// A try leaves for its instance.
    pub(super) fn depart_as_message(&mut self, now: Instant, handle: Handle) {
        let Some(job) = self.jobs.get(handle) else { return };
        let (caller, target) = (job.caller, job.instance);
        let from = self.engines[job.engine as usize].from;
        if self.instances[target as usize].accepts(now) {
            // The connection stands. To one who is down no byte will ever be written.
            self.tell_sent(now, caller);
        }
        self.push_message(now, from, target, Event::Reach { job: handle });
    }
}
