//! Bytes that were read and not yet used.

use std::io;
use std::task::{Context, Poll};

use crate::buffers::Buffers;
use crate::event_loop::Stream;

/// A buffer that is filled at its end and used from its start. It has memory of its own only while
/// something is in it.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Inbox {
    /// What is there.
    pub(crate) fn filled(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Nothing is there.
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// How much is there.
    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    /// The first `count` bytes were used.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Takes out `count` bytes that lie `at` bytes behind the start; what is before them stays.
    pub(crate) fn cut(&mut self, at: usize, count: usize) {
        let from = (self.start + at).min(self.end);
        let to = (from + count).min(self.end);
        if to == self.end {
            self.end = from;
            return;
        }
        self.bytes.copy_within(to..self.end, from);
        self.end -= to - from;
    }

    /// Forgets all, and gives its memory back.
    pub(crate) fn clear(&mut self, spare: &Buffers) {
        (self.start, self.end) = (0, 0);
        self.tidy(spare);
    }

    /// Gives its memory back if nothing is in it.
    pub(crate) fn tidy(&mut self, spare: &Buffers) {
        if self.is_empty() && !self.bytes.is_empty() {
            spare.give(std::mem::take(&mut self.bytes));
        }
    }

    /// Reads once, behind what is there, if there may be anything. Makes room first: by moving, else
    /// by growing. `Ok(0)` is the peer's end.
    pub(crate) fn poll_fill(
        &mut self,
        cx: &Context<'_>,
        socket: &mut Stream,
        spare: &Buffers,
    ) -> Poll<io::Result<usize>> {
        if socket.poll_read_ready(cx).is_pending() {
            self.tidy(spare);
            return Poll::Pending;
        }
        self.make_room(spare);
        let polled = socket.poll_read(cx, &mut self.bytes[self.end..]);
        match polled {
            Poll::Ready(Ok(count @ 1..)) => self.end += count,
            _ => self.tidy(spare),
        }
        polled
    }

    fn make_room(&mut self, spare: &Buffers) {
        if self.end < self.bytes.len() {
            return;
        }
        if self.bytes.is_empty() {
            self.bytes = spare.take();
            return;
        }
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.bytes.len() {
            self.bytes.resize(self.bytes.len() * 2, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write;

    use super::*;
    use crate::event_loop::tests::{pair, within_a_loop};

    #[test]
    fn who_waits_for_the_next_message_keeps_no_memory_for_it_but_what_is_there_of_it() {
        within_a_loop(async |events| {
            let (mut stream, mut peer) = pair(events).await;
            let (mut inbox, spare) = (Inbox::default(), Buffers::default());
            peer.write_all(b"message").unwrap();
            poll_fn(|cx| inbox.poll_fill(cx, &mut stream, &spare)).await.unwrap();
            let mut memory_of_who_waits = |inbox: &mut Inbox| {
                let cx = Context::from_waker(std::task::Waker::noop());
                assert!(inbox.poll_fill(&cx, &mut stream, &spare).is_pending());
                inbox.bytes.len()
            };

            inbox.consume(3);
            assert!(memory_of_who_waits(&mut inbox) > 0);
            assert_eq!(inbox.filled(), b"sage");

            inbox.consume(4);
            assert_eq!(memory_of_who_waits(&mut inbox), 0);
        });
    }

    #[test]
    fn what_is_before_a_cut_stays_and_what_is_behind_moves_up() {
        let mut inbox = with(b"headbodynext");

        inbox.cut(4, 4);

        assert_eq!(inbox.filled(), b"headnext");
    }

    #[test]
    fn room_is_made_by_moving_before_it_is_made_by_growing() {
        let mut inbox = with(b"abcdef");
        inbox.consume(4);

        inbox.make_room(&Buffers::default());
        assert_eq!((inbox.filled(), inbox.bytes.len()), (&b"ef"[..], 6));

        inbox.end = 6;
        inbox.make_room(&Buffers::default());
        assert!(inbox.bytes.len() > 6);
    }

    fn with(bytes: &[u8]) -> Inbox {
        Inbox { bytes: bytes.to_vec(), start: 0, end: bytes.len() }
    }
}
