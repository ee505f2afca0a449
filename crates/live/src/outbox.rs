//! Bytes that are to be written: some made here, some lent from an inbox.
//!
//! A head is made, a body is passed on. To copy a large body behind its head would cost more than
//! a second piece in the same system call, to send a small one as a second piece costs more than
//! to copy it. The caller decides; this keeps the order and the place.

use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use crate::event_loop::Stream;

/// What waits to be written: made bytes, then lent ones, then made ones again.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    made: Vec<u8>,
    written: usize,
    /// Where in `made` the lent bytes come, and how many of them are left.
    lent: Option<Lent>,
}

#[derive(Clone, Copy, Debug)]
struct Lent {
    after: usize,
    left: usize,
}

impl Outbox {
    /// Nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.lent.is_none() && self.written == self.made.len()
    }

    /// Where to write what is made.
    pub(crate) fn made(&mut self) -> &mut Vec<u8> {
        if self.lent.is_none() && self.written == self.made.len() {
            self.made.clear();
            self.written = 0;
        }
        &mut self.made
    }

    /// The next `count` bytes are the first of the inbox that will be handed to
    /// [`Outbox::poll_flush`]. Once at a time.
    pub(crate) fn lend(&mut self, count: usize) {
        debug_assert!(self.lent.is_none(), "only one stretch at a time");
        self.lent = (count > 0).then_some(Lent { after: self.made.len(), left: count });
    }

    /// Forgets all, and does not stay larger than `size`.
    pub(crate) fn clear(&mut self, size: usize) {
        self.made.clear();
        self.made.shrink_to(size);
        (self.written, self.lent) = (0, None);
    }

    /// Writes until nothing waits. Says how much was written this time, and how much of the lent
    /// bytes: the caller consumes those, whether it is ready or not.
    pub(crate) fn poll_flush(
        &mut self,
        cx: &Context<'_>,
        socket: &mut Stream,
        lender: &[u8],
    ) -> (Flushed, Poll<io::Result<()>>) {
        let mut flushed = Flushed::default();
        let outcome = loop {
            if self.is_empty() {
                break Poll::Ready(Ok(()));
            }
            let lent = lender.get(flushed.lent..).unwrap_or_default();
            match self.poll_write(cx, socket, lent) {
                Poll::Ready(Ok(count)) => {
                    flushed.all += count;
                    flushed.lent += self.advance(count);
                }
                Poll::Ready(Err(error)) => break Poll::Ready(Err(error)),
                Poll::Pending => break Poll::Pending,
            }
        };
        (flushed, outcome)
    }

    fn poll_write(
        &self,
        cx: &Context<'_>,
        socket: &mut Stream,
        lender: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = match self.lent {
            None => ready!(socket.poll_write(cx, &self.made[self.written..]))?,
            Some(Lent { after, left }) => {
                let (before, behind) = self.made.split_at(after);
                let before = before.get(self.written..).unwrap_or_default();
                let lent = lender.get(..left).unwrap_or(lender);
                let pieces = [before, lent, behind].map(IoSlice::new);
                let from = usize::from(before.is_empty());
                ready!(socket.poll_write_vectored(cx, &pieces[from..]))?
            }
        };
        if count == 0 {
            Poll::Ready(Err(io::ErrorKind::WriteZero.into()))
        } else {
            Poll::Ready(Ok(count))
        }
    }

    /// So many bytes have left; how many of them were lent?
    fn advance(&mut self, mut count: usize) -> usize {
        let Some(Lent { after, left }) = self.lent else {
            self.written += count;
            return 0;
        };
        let before = count.min(after - self.written.min(after));
        self.written += before;
        count -= before;
        let lent = count.min(left);
        if lent < left {
            self.lent = Some(Lent { after, left: left - lent });
            return lent;
        }
        self.lent = None;
        self.written += count - lent;
        lent
    }
}

/// What a flush got rid of, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flushed {
    /// Made and lent.
    pub(crate) all: usize,
    /// Lent.
    pub(crate) lent: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wherever_a_write_stops_nothing_is_lost_or_doubled() {
        for first in 1..10 {
            let mut outbox = Outbox::default();
            outbox.made().extend_from_slice(b"abc");
            outbox.lend(4);
            outbox.made().extend_from_slice(b"xyz");

            let lent = outbox.advance(first);
            let rest = outbox.advance(10 - first);

            assert_eq!(lent + rest, 4, "{first}");
            assert!(outbox.is_empty(), "{first}");
        }
    }
}
