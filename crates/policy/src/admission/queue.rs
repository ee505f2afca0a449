//! Who waits, and whose turn it is.

use alloc::collections::VecDeque;

use base::Instant;

use super::OVERLOAD_AFTER;

/// A place in a queue. Its owner gives it back with [`Queue::leave`] if it stops waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    serial: u64,
    slot: u64,
}

/// One worker's waiting requests. The bound on their number is the instance's and is kept by the
/// one who knows all workers.
#[derive(Clone, Debug)]
pub struct Queue<T> {
    /// Slots in order of arrival. Invariant: neither the first nor the last is empty.
    slots: VecDeque<Option<Waiting<T>>>,
    /// The number of the first slot; slots are numbered on and on.
    first: u64,
    waiting: u32,
    serial: u64,
    /// Since when there has always been somebody waiting.
    standing_since: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Waiting<T> {
    serial: u64,
    item: T,
    until: Instant,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { slots: VecDeque::new(), first: 0, waiting: 0, serial: 0, standing_since: None }
    }
}

impl<T> Queue<T> {
    /// How many wait.
    pub const fn len(&self) -> u32 {
        self.waiting
    }

    /// Whether nobody waits.
    pub const fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Somebody waits; past `until` their turn is worth nothing to them.
    pub fn join(&mut self, now: Instant, until: Instant, item: T) -> Ticket {
        self.serial += 1;
        let ticket = Ticket { serial: self.serial, slot: self.first + self.slots.len() as u64 };
        self.slots.push_back(Some(Waiting { serial: self.serial, item, until }));
        self.waiting += 1;
        self.standing_since.get_or_insert(now);
        ticket
    }

    /// The holder of a ticket waits no longer. `None` if their turn had come already.
    pub fn leave(&mut self, ticket: Ticket) -> Option<T> {
        if !self.holds(ticket) {
            return None;
        }
        let slot = usize::try_from(ticket.slot - self.first).ok()?;
        let left = self.slots.get_mut(slot)?.take();
        self.taken();
        left.map(|waiting| waiting.item)
    }

    /// Whether the holder of a ticket still waits.
    pub fn holds(&self, ticket: Ticket) -> bool {
        let slot = ticket.slot.checked_sub(self.first).and_then(|slot| usize::try_from(slot).ok());
        let place = slot.and_then(|slot| self.slots.get(slot)?.as_ref());
        place.is_some_and(|waiting| waiting.serial == ticket.serial)
    }

    /// Whose turn it is: the first come, or under overload the newest. Those for whom it is too
    /// late are passed over; they leave by themselves.
    pub fn next(&mut self, now: Instant) -> Option<T> {
        let in_time = |place: &&mut Option<Waiting<T>>| {
            place.as_ref().is_some_and(|waiting| waiting.until > now)
        };
        let place = if self.is_overloaded(now) {
            self.slots.iter_mut().rev().find(in_time)
        } else {
            self.slots.iter_mut().find(in_time)
        };
        let next = place?.take();
        self.taken();
        next.map(|waiting| waiting.item)
    }

    /// Whether the queue has been standing for so long that the newest goes first.
    pub fn is_overloaded(&self, now: Instant) -> bool {
        self.standing_since.is_some_and(|since| now.since(since) >= OVERLOAD_AFTER)
    }

    /// A place was emptied: keep the ends occupied.
    fn taken(&mut self) {
        self.waiting -= 1;
        while matches!(self.slots.front(), Some(None)) {
            self.slots.pop_front();
            self.first += 1;
        }
        while matches!(self.slots.back(), Some(None)) {
            self.slots.pop_back();
        }
        if self.waiting == 0 {
            self.standing_since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_came_first_goes_first() {
        let mut queue = three_waiting();

        assert_eq!([T0; 4].map(|now| queue.next(now)), [Some(1), Some(2), Some(3), None]);
    }

    #[test]
    fn under_overload_the_newest_goes_first() {
        let mut queue = three_waiting();

        assert_eq!(queue.next(T0 + OVERLOAD_AFTER), Some(3));
    }

    #[test]
    fn an_empty_moment_ends_the_overload() {
        let mut queue = three_waiting();
        while queue.next(T0).is_some() {}

        queue.join(T0 + OVERLOAD_AFTER, LATE, 4);

        assert!(!queue.is_overloaded(T0 + OVERLOAD_AFTER));
    }

    #[test]
    fn nobody_is_called_when_it_is_too_late_for_them() {
        let mut queue = Queue::default();
        let dead = queue.join(T0, Instant::from_millis(5), 1);
        queue.join(T0, LATE, 2);

        assert_eq!(queue.next(Instant::from_millis(5)), Some(2));
        assert_eq!(queue.next(Instant::from_millis(5)), None);
        assert_eq!(queue.leave(dead), Some(1));
        assert!(queue.is_empty());
    }

    #[test]
    fn a_ticket_is_good_once() {
        let mut queue = three_waiting();
        let ticket = queue.join(T0, LATE, 4);

        assert!(queue.holds(ticket));
        assert_eq!(queue.leave(ticket), Some(4));
        queue.join(T0, LATE, 5);
        assert!(!queue.holds(ticket));
        assert_eq!(queue.leave(ticket), None, "another one stands there now");
    }

    proptest! {
        #[test]
        fn everybody_leaves_exactly_once(steps in prop::collection::vec((0_u8..4, 0_usize..20), 0..200)) {
            let mut queue = Queue::default();
            let (mut tickets, mut joined, mut left) = (Vec::new(), 0_u32, Vec::new());
            for (at, (step, which)) in steps.into_iter().enumerate() {
                let now = Instant::from_millis(at as u64 * 30);
                match step {
                    0 | 1 => {
                        tickets.push(queue.join(now, LATE, joined));
                        joined += 1;
                    }
                    2 => left.extend(queue.next(now)),
                    _ => if !tickets.is_empty() {
                        left.extend(queue.leave(tickets.swap_remove(which % tickets.len())));
                    },
                }
                prop_assert_eq!(u32::try_from(left.len()).unwrap() + queue.len(), joined);
            }
            while let Some(item) = queue.next(T0) {
                left.push(item);
            }
            left.sort_unstable();
            prop_assert_eq!(left, (0..joined).collect::<Vec<_>>());
        }
    }

    const T0: Instant = Instant::ZERO;
    const LATE: Instant = Instant::from_secs(1_000);

    fn three_waiting() -> Queue<i32> {
        let mut queue = Queue::default();
        for item in 1..=3 {
            queue.join(T0, LATE, item);
        }
        queue
    }
}
