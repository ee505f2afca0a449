//! Ports to connect from, towards one destination: they run out.
//!
//! A connection that was closed from this side keeps its port for as long as `TIME_WAIT` lasts. So
//! short connections to one address cannot be more than ports divided by that time, per second.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use base::Instant;
use event::l4::Event;

/// Ports towards one address and port.
#[derive(Clone, Debug)]
pub struct Ports {
    /// Never used so far.
    fresh: RangeInclusive<u16>,
    free: Vec<u16>,
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
        Self { fresh: range, free: Vec::new(), lingering: VecDeque::new() }
    }

    /// A port for a new connection.
    ///
    /// # Errors
    ///
    /// [`Event::PortsExhausted`] if all are in use or linger.
    pub fn take(&mut self, now: Instant) -> Result<u16, Event> {
        if let Some(&(until, port)) = self.lingering.front()
            && until <= now
        {
            self.lingering.pop_front();
            return Ok(port);
        }
        self.free.pop().or_else(|| self.fresh.next()).ok_or(Event::PortsExhausted)
    }

    /// A connection has gone without a trace.
    pub fn release(&mut self, port: u16) {
        self.free.push(port);
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
    fn linux_has_28_232_of_them() {
        let mut ports = Ports::default();

        let count = (0..40_000).filter(|_| ports.take(Instant::ZERO).is_ok()).count();

        assert_eq!(count, 28_232);
    }
}
