//! Carries packets between two devices, as late and as badly as the links say.
//!
//! One thread waits for a packet or for the next arrival, whichever is first. It decides about a
//! packet when it has read it, so the links' delays begin then; what the thread itself is late adds
//! to them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsFd;
use std::thread::{self, JoinHandle};
use std::time;

use base::{Duration, Instant};
use netsim::l3::Link;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::error::Error;
use crate::tun::Tun;

/// A cable in use. It is pulled when this is dropped.
#[derive(Debug)]
pub struct Cable {
    /// Closing it ends the thread.
    plug: Option<PipeWriter>,
    carrier: Option<JoinHandle<()>>,
}

impl Cable {
    /// Begins to carry: the first link from the first end to the second, the second link back.
    ///
    /// # Errors
    ///
    /// If there are no descriptors or threads left.
    pub fn plug(ends: [Tun; 2], links: [Link; 2]) -> Result<Self, Error> {
        let cannot = |why| Error::new("plug a cable", why);
        let (end, plug) = io::pipe().map_err(cannot)?;
        let carrier = Carrier {
            ends,
            links,
            began: time::Instant::now(),
            under_way: BinaryHeap::new(),
            sent: 0,
            buffer: vec![0; LARGEST],
        };
        let carry = move || carrier.carry_until(&end);
        let carrier = thread::Builder::new().name("cable".into()).spawn(carry).map_err(cannot)?;
        Ok(Self { plug: Some(plug), carrier: Some(carrier) })
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        drop(self.plug.take());
        if let Some(carrier) = self.carrier.take() {
            let _panicked = carrier.join();
        }
    }
}

struct Carrier {
    ends: [Tun; 2],
    links: [Link; 2],
    began: time::Instant,
    under_way: BinaryHeap<Reverse<Packet>>,
    sent: u64,
    buffer: Vec<u8>,
}

/// Ordered by arrival, and then by when it was sent.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Packet {
    arrives: Instant,
    number: u64,
    to: usize,
    bytes: Vec<u8>,
}

impl Carrier {
    fn carry_until(mut self, end: &PipeReader) {
        // Being late is what spoils a measurement; whether it is allowed is up to the system.
        let _not_allowed = rustix::process::nice(-15);
        while self.wait(end) {
            if self.take().is_err() {
                return;
            }
            self.deliver();
        }
    }

    /// Until there is something to do. Whether the cable is still plugged in.
    fn wait(&self, end: &PipeReader) -> bool {
        let patience = self.under_way.peek().map(|Reverse(next)| {
            let left = next.arrives.since(self.now()).as_nanos();
            Timespec {
                tv_sec: (left / 1_000_000_000).cast_signed(),
                tv_nsec: (left % 1_000_000_000).cast_signed(),
            }
        });
        let [left, right] = &self.ends;
        let mut watched = [left.as_fd(), right.as_fd(), end.as_fd()]
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        let woken = poll(&mut watched, patience.as_ref());
        let is_pulled = !watched[2].revents().is_empty();
        !is_pulled && woken.is_ok_and(|_| true) || woken == Err(rustix::io::Errno::INTR)
    }

    fn take(&mut self) -> io::Result<()> {
        for from in [0, 1] {
            while let Some(bytes) = self.ends[from].receive(&mut self.buffer)? {
                self.send(from, bytes);
            }
        }
        Ok(())
    }

    fn send(&mut self, from: usize, bytes: usize) {
        let length = u32::try_from(bytes).unwrap_or(u32::MAX);
        let now = self.now();
        let Ok(transit) = self.links[from].send(now, length) else { return };
        let mut packet = self.buffer[..bytes].to_vec();
        if transit.damaged
            && let Some(last) = packet.last_mut()
        {
            *last = !*last;
        }
        for arrives in [Some(transit.arrives), transit.again].into_iter().flatten() {
            self.sent += 1;
            let bytes = packet.clone();
            let packet = Packet { arrives, number: self.sent, to: from ^ 1, bytes };
            self.under_way.push(Reverse(packet));
        }
    }

    fn deliver(&mut self) {
        let now = self.now();
        while let Some(Reverse(next)) = self.under_way.peek()
            && next.arrives <= now
        {
            self.ends[next.to].deliver(&next.bytes);
            self.under_way.pop();
        }
    }

    fn now(&self) -> Instant {
        Instant::ZERO + Duration::from(self.began.elapsed())
    }
}

/// No IP packet is larger.
const LARGEST: usize = 65_535;
