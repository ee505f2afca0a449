//! Ports to connect from, towards one destination: they run out.
//!
//! A connection that was closed from this side keeps its port for as long as `TIME_WAIT` lasts. So
//! short connections to one address cannot be more than ports divided by that time, per second.
//!
//! A port that came back is taken again after all others: the peer may still have half a connection
//! with it, and would take the new one for that. Kernels see to it by chance (RFC 6056, 3.3), which
//! is not as sure.

use alloc::collections::VecDeque;
use core::ops::RangeInclusive;

use base::Instant;
use event::l4::Event;

/// Ports towards one address and port.
#[derive(Clone, Debug)]
pub struct Ports {
    /// Never used so far.
    fresh: RangeInclusive<u16>,
    /// Used before; the one that has been free for longest is first.
    free: VecDeque<u16>,
    /// Linger until then; in order of that time.
    lingering: VecDeque<(Instant, u16)>,
}

impl Default for Ports {
    /// Linux's `ip_local_port_range`: 28,232 ports.
    fn default() -> Self {
        Self::new(32_768..=60_999)
    }
}

impl Ports {
    /// All of these are free.
    pub const fn new(range: RangeInclusive<u16>) -> Self {
        Self { fresh: range, free: VecDeque::new(), lingering: VecDeque::new() }
    }

    /// A port for a new connection.
    ///
    /// # Errors
    ///
    /// [`Event::PortsExhausted`] if all are in use or linger.
    pub fn take(&mut self, now: Instant) -> Result<u16, Event> {
        while let Some((_, port)) = self.lingering.pop_front_if(|(until, _)| *until <= now) {
            self.free.push_back(port);
        }
        self.fresh.next().or_else(|| self.free.pop_front()).ok_or(Event::PortsExhausted)
    }

    /// A connection has gone without a trace.
    pub fn release(&mut self, port: u16) {
        self.free.push_back(port);
    }

    /// A connection is in `TIME_WAIT`, until then. Times must not go back.
    pub fn linger(&mut self, port: u16, until: Instant) {
        self.lingering.push_back((until, port));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_run_out_and_come_back_when_their_time_is_over() {
        let mut ports = Ports::new(1..=2);
        let taken = [(); 3].map(|()| ports.take(Instant::ZERO));
        assert_eq!(taken, [Ok(1), Ok(2), Err(Event::PortsExhausted)]);

        ports.linger(1, Instant::from_secs(60));
        assert_eq!(ports.take(Instant::from_secs(59)), Err(Event::PortsExhausted));
        assert_eq!(ports.take(Instant::from_secs(60)), Ok(1));

        ports.release(2);
        assert_eq!(ports.take(Instant::from_secs(60)), Ok(2));
    }

    #[test]
    fn a_port_that_came_back_is_taken_again_after_all_others() {
        let mut ports = Ports::new(1..=4);
        let take = |ports: &mut Ports, at| ports.take(Instant::from_secs(at)).unwrap();
        for port in [1, 2, 3] {
            assert_eq!(take(&mut ports, 0), port);
        }
        ports.release(2);
        ports.linger(1, Instant::from_secs(60));
        ports.release(3);

        let taken = [0; 3].map(|at| take(&mut ports, at));
        assert_eq!(taken, [4, 2, 3]);

        ports.release(2);
        let taken = [60; 2].map(|at| take(&mut ports, at));
        assert_eq!(taken, [2, 1], "2 came back at once, 1 after its time");
    }

    #[test]
    fn linux_has_28_232_of_them() {
        let mut ports = Ports::default();

        let count = (0..40_000).filter(|_| ports.take(Instant::ZERO).is_ok()).count();

        assert_eq!(count, 28_232);
    }
}
