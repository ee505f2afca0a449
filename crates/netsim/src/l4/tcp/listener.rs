//! Who waits to be accepted, and who is turned away because too many do.
//!
//! Two queues, as in Linux: half-open connections, and whole ones that the application has not
//! accepted. When the second is full, handshakes are dropped without a word: the caller believes
//! that it is connected, or tries again a second later.

use alloc::collections::VecDeque;

use event::l4::Event;

/// How many may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Half-open (`tcp_max_syn_backlog`).
    pub half_open: u32,
    /// Whole, not accepted: the argument of `listen`, at most `somaxconn`.
    pub whole: u32,
}

impl Default for Backlog {
    /// Linux's `tcp_max_syn_backlog` with enough memory, and `somaxconn` since 5.4.
    fn default() -> Self {
        Self { half_open: 4_096, whole: 4_096 }
    }
}

/// A listening port. `K` says which connection is meant.
///
/// Ask it before an endpoint is made for a SYN, and before the endpoint is given the
/// acknowledgement that completes its handshake. What it refuses is dropped.
#[derive(Clone, Debug)]
pub struct Listener<K> {
    backlog: Backlog,
    half_open: u32,
    whole: VecDeque<K>,
}

impl<K> Listener<K> {
    /// Nobody waits.
    pub const fn new(backlog: Backlog) -> Self {
        Self { backlog, half_open: 0, whole: VecDeque::new() }
    }

    /// A SYN for a new connection.
    ///
    /// # Errors
    ///
    /// Why it is dropped. Linux drops it, too, when the queue of whole connections is full.
    pub fn on_syn(&mut self) -> Result<(), Event> {
        if self.half_open >= self.backlog.half_open {
            return Err(Event::SynOverflow);
        }
        if self.is_full() {
            return Err(Event::AcceptOverflow);
        }
        self.half_open += 1;
        Ok(())
    }

    /// The acknowledgement that completes a handshake.
    ///
    /// # Errors
    ///
    /// Why it is dropped. The connection stays half-open, and its answer is sent again.
    pub fn on_handshake(&mut self, connection: K) -> Result<(), Event> {
        if self.is_full() {
            return Err(Event::AcceptOverflow);
        }
        self.half_open = self.half_open.saturating_sub(1);
        self.whole.push_back(connection);
        Ok(())
    }

    /// A half-open connection has ended: its endpoint was never connected.
    pub const fn on_given_up(&mut self) {
        self.half_open = self.half_open.saturating_sub(1);
    }

    /// The application takes the connection that has waited longest.
    pub fn accept(&mut self) -> Option<K> {
        self.whole.pop_front()
    }

    /// How many are half-open, and how many wait to be accepted.
    pub fn waiting(&self) -> (u32, usize) {
        (self.half_open, self.whole.len())
    }

    /// Linux lets one more in than was asked for.
    fn is_full(&self) -> bool {
        self.whole.len() > self.backlog.whole as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_when_too_many_are_half_open_is_dropped() {
        let mut listener = Listener::<u32>::new(Backlog { half_open: 2, whole: 10 });

        let answers = [(); 3].map(|()| listener.on_syn());
        assert_eq!(answers, [Ok(()), Ok(()), Err(Event::SynOverflow)]);

        listener.on_given_up();
        assert_eq!(listener.on_syn(), Ok(()));
    }

    #[test]
    fn an_application_that_does_not_accept_turns_whole_handshakes_away() {
        let mut listener = Listener::new(Backlog { half_open: 10, whole: 1 });
        for _ in 0..3 {
            assert_eq!(listener.on_syn(), Ok(()));
        }

        let whole = [7, 8, 9].map(|connection| listener.on_handshake(connection));
        assert_eq!(whole, [Ok(()), Ok(()), Err(Event::AcceptOverflow)]);
        assert_eq!(listener.on_syn(), Err(Event::AcceptOverflow));

        assert_eq!(listener.accept(), Some(7));
        assert_eq!(listener.on_handshake(9), Ok(()));
        assert_eq!(listener.waiting(), (0, 2));
    }
}
