//! The ways that datagrams take: links of the network with what an incident does to them.

use base::{Duration, Instant, Share};
use event::l3;
use model::fault::Fault;
use netsim::l3::{Bound, Change, Condition, GilbertElliott, Link, Loss, Params, Transit};

/// One direction of a way.
#[derive(Clone, Debug)]
pub(super) struct Way {
    link: Link,
    /// What it does on an ordinary day.
    base: Params,
    /// New connections do not pass: they are answered with a reset, or with nothing.
    firewall: Option<Firewall>,
    /// A datagram that takes longer than this was delayed: its arrival is an event of its own.
    usual: Duration,
}

/// What becomes of new connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Firewall {
    Drop,
    Reject,
}

/// All that an incident does to a way at one time.
#[derive(Clone, Debug)]
pub(super) struct Harm {
    params: Params,
    firewall: Option<Firewall>,
}

impl Way {
    pub(super) fn new(seed: u64, name: &str, base: Params) -> Self {
        // A queue, jitter or a long way is looked at when it is over, so that what comes from
        // several sides meets in the right order.
        let is_short = base.jitter.is_zero() && base.delay <= SHORT;
        let usual = if is_short { base.delay + SERIALISED } else { Duration::ZERO };
        let link = Link::new(seed, name, base.clone());
        Self { link, base, firewall: None, usual }
    }

    /// A way that does nothing unless an incident makes it.
    pub(super) fn harmless(seed: u64, name: &str) -> Self {
        Self::new(seed, name, Params { mtu: u32::MAX, ..Params::default() })
    }

    /// A datagram wants to pass.
    pub(super) fn send(
        &mut self,
        now: Instant,
        bytes: u32,
        is_new: bool,
    ) -> Result<Transit, l3::Event> {
        if is_new && self.firewall.is_some() {
            return Err(l3::Event::Filtered);
        }
        self.link.send(now, bytes)
    }

    /// What is told to who wants to make a new connection.
    pub(super) const fn firewall(&self) -> Option<Firewall> {
        self.firewall
    }

    /// How long the datagrams that wait will take to leave.
    pub(super) fn queueing(&mut self, now: Instant) -> Duration {
        let Some(speed) = self.link.params().bits_per_sec else { return Duration::ZERO };
        let (bytes, _) = self.link.backlog(now);
        Duration::from_nanos((bytes * 8_000_000_000).checked_div(speed).unwrap_or(0))
    }

    /// Whether a datagram went as quickly as ever, so that nobody can have overtaken it.
    pub(super) fn is_usual(&self, sent: Instant, arrives: Instant) -> bool {
        arrives.since(sent) <= self.usual
    }

    pub(super) const fn is_down(&self) -> bool {
        matches!(self.link.params().condition, Condition::Down)
    }

    /// No harm so far.
    pub(super) fn unharmed(&self) -> Harm {
        Harm { params: self.base.clone(), firewall: None }
    }

    /// From now on it does this. What that changes for those who wait, if it does.
    pub(super) fn set(&mut self, now: Instant, harm: Harm) -> Option<Change> {
        self.firewall = harm.firewall;
        if *self.link.params() == harm.params {
            return None;
        }
        Some(self.link.set(now, harm.params)).filter(Change::is_one)
    }
}

/// Longer than any way within a region, shorter than any between two.
const SHORT: Duration = Duration::from_millis(1);
/// The largest datagram leaves a card of 10 Gbit/s in 1.2 microseconds.
const SERIALISED: Duration = Duration::from_nanos(1_500);

impl Harm {
    /// Adds a fault, of which a part is there.
    pub(super) fn add(&mut self, fault: &Fault, size: f64) {
        let part =
            |share: Share| Share::from_millionths(scaled(share.as_millionths().into(), size));
        let time = |by: Duration| Duration::from_secs_f64(by.as_secs_f64() * size);
        let params = &mut self.params;
        match *fault {
            Fault::Loss { loss, burst } => {
                params.loss = also(&params.loss, Loss::in_bursts(part(loss), burst));
            }
            Fault::Delay { by } => params.delay += time(by),
            Fault::Jitter { by } => params.jitter += time(by),
            Fault::Bandwidth { bits_per_sec } => self.narrow(bits_per_sec, size),
            Fault::Nic { speed } => {
                let slowed = params.bits_per_sec.map(|bits| bits as f64 * speed.as_f64());
                self.narrow(slowed.map_or(u64::MAX, whole), size);
            }
            Fault::Duplicate { rate } => params.duplicate = either(params.duplicate, part(rate)),
            Fault::Reorder { rate, by } => {
                params.reorder = either(params.reorder, part(rate));
                params.reorder_by = params.reorder_by.max(by);
            }
            Fault::Corrupt { rate } => params.corrupt = either(params.corrupt, part(rate)),
            Fault::Mtu { bytes } => params.mtu = params.mtu.min(bytes),
            Fault::Firewall { reject } => {
                self.firewall = Some(if reject { Firewall::Reject } else { Firewall::Drop });
            }
            Fault::LinkDown => params.condition = Condition::Down,
            Fault::Partition { .. } | Fault::RegionLoss => self.part(),
            _ => {}
        }
    }

    /// Nothing passes, and nobody is told.
    pub(super) fn part(&mut self) {
        if self.params.condition != Condition::Down {
            self.params.condition = Condition::Partitioned;
        }
    }

    /// To this speed when all of the fault is there; on the way to it, evenly in time per bit.
    fn narrow(&mut self, bits_per_sec: u64, size: f64) {
        let usual = self.params.bits_per_sec.map_or(0.0, |bits| 1.0 / bits as f64);
        let slowed = usual + (1.0 / bits_per_sec.max(1) as f64 - usual) * size;
        if slowed > usual {
            self.params.bits_per_sec = Some(whole(1.0 / slowed));
            self.params.queue = Bound::default();
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "speeds are positive")]
fn whole(value: f64) -> u64 {
    value.max(1.0) as u64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the whole")]
fn scaled(millionths: f64, size: f64) -> u32 {
    (millionths * size) as u32
}

/// Both by chance, each on its own.
fn either(a: Share, b: Share) -> Share {
    let missed = (1.0 - a.as_f64()) * (1.0 - b.as_f64());
    Share::from_millionths(scaled(1e6, 1.0 - missed))
}

/// Losses that were there, and these. Of two kinds of bursts the longer ones remain, and as much is
/// lost as by both.
fn also(there: &Loss, more: Loss) -> Loss {
    match (*there, more) {
        (loss, Loss::None) | (Loss::None, loss) => loss,
        (Loss::Independent(a), Loss::Independent(b)) => Loss::Independent(either(a, b)),
        (Loss::Bursty(bursts), Loss::Independent(loss))
        | (Loss::Independent(loss), Loss::Bursty(bursts)) => Loss::Bursty(GilbertElliott {
            good: either(bursts.good, loss),
            bad: either(bursts.bad, loss),
            ..bursts
        }),
        (Loss::Bursty(a), Loss::Bursty(b)) => {
            let share = either(share(there.mean()), share(more.mean()));
            let longer = a.recovers.min(b.recovers).as_f64().recip();
            Loss::in_bursts(share, scaled(longer, 1.0))
        }
    }
}

fn share(part: f64) -> Share {
    Share::from_millionths(scaled(1e6, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_losses_are_less_than_their_sum() {
        let mut harm = way().unharmed();
        harm.add(&Fault::Loss { loss: Share::percent(50), burst: 1 }, 1.0);
        harm.add(&Fault::Loss { loss: Share::percent(50), burst: 1 }, 1.0);

        assert_eq!(harm.params.loss, Loss::Independent(Share::percent(75)));
    }

    #[test]
    fn bursts_and_other_losses_lose_what_both_would() {
        let bursts = Fault::Loss { loss: Share::percent(10), burst: 5 };
        for other in [Fault::Loss { loss: Share::percent(50), burst: 1 }, bursts.clone()] {
            let mut harm = way().unharmed();
            harm.add(&bursts, 1.0);
            harm.add(&other, 1.0);

            let Fault::Loss { loss, .. } = other else { continue };
            let both = 1.0 - 0.9 * (1.0 - loss.as_f64());
            assert!((harm.params.loss.mean() - both).abs() < 0.001, "{:?}", harm.params.loss);
            assert!(matches!(harm.params.loss, Loss::Bursty(_)), "{:?}", harm.params.loss);
        }
    }

    #[test]
    fn a_fault_that_grows_is_half_there_in_the_middle() {
        let mut harm = way().unharmed();
        harm.add(&Fault::Delay { by: Duration::from_millis(10) }, 0.5);
        harm.add(&Fault::Bandwidth { bits_per_sec: 1_000 }, 0.5);

        assert_eq!(harm.params.delay, Duration::from_millis(5));
        assert_eq!(harm.params.bits_per_sec, Some(2_000), "half as long a time for each bit");
    }

    #[test]
    fn only_what_went_on_as_ever_needs_no_look_on_the_way() {
        let card = Params { delay: Duration::from_micros(125), ..Params::default() };
        let mut way = Way::new(1, "card", card);
        let arrives = |way: &mut Way| way.send(Instant::ZERO, 1_500, false).map(|it| it.arrives);
        let usual = arrives(&mut way).unwrap();
        assert!(way.is_usual(Instant::ZERO, usual));

        let mut harm = way.unharmed();
        harm.add(&Fault::Delay { by: Duration::from_millis(1) }, 1.0);
        way.set(Instant::ZERO, harm);
        let late = arrives(&mut way).unwrap();
        assert!(!way.is_usual(Instant::ZERO, late));
    }

    fn way() -> Way {
        Way::harmless(1, "somewhere")
    }
}
