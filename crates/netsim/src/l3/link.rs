//! One direction of a link: when a datagram arrives at its other end, or why it does not.
//!
//! A cable is two links, so that each direction can fail alone. Each kind of chance has its own
//! stream of numbers: making a link reorder changes nothing about what it loses.

use base::{Duration, Instant, Random, Share};
use event::l3::Event;

use super::bottleneck::{Bottleneck, Bound};
use super::loss::{Loss, Losses, happens};

/// What a link does to datagrams. All of it may change during a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    /// One way, once the last bit has left.
    pub delay: Duration,
    /// Up to so much more, each datagram its own part of it, evenly. It overtakes nobody, and waits
    /// for nobody beyond that.
    pub jitter: Duration,
    /// How fast bits leave; none for at once.
    pub bits_per_sec: Option<u64>,
    /// What may wait until they do.
    pub queue: Bound,
    /// What is lost by chance.
    pub loss: Loss,
    /// How many arrive damaged: the receiver's checksum drops them.
    pub corrupt: Share,
    /// How many arrive twice.
    pub duplicate: Share,
    /// How many are held back, so that later ones overtake them.
    pub reorder: Share,
    /// For how long.
    pub reorder_by: Duration,
    /// The largest datagram, in bytes.
    pub mtu: u32,
    /// Whether anything passes.
    pub condition: Condition,
}

/// Whether anything passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// It does.
    #[default]
    Open,
    /// Nothing passes, and nobody is told. One direction only: the other is another link.
    Partitioned,
    /// Nothing passes, and both ends know it.
    Down,
}

impl Default for Params {
    /// A link that does no harm, with Ethernet's 1500 bytes.
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            bits_per_sec: None,
            queue: Bound::default(),
            loss: Loss::None,
            corrupt: Share::NONE,
            duplicate: Share::NONE,
            reorder: Share::NONE,
            reorder_by: Duration::ZERO,
            mtu: 1_500,
            condition: Condition::Open,
        }
    }
}

impl Params {
    /// How much more than the delay a datagram may take, once it has left.
    fn most_late(&self) -> Duration {
        self.jitter + self.reorder_by
    }
}

/// What becomes of a datagram that a link took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transit {
    /// When its last bit has left.
    pub leaves: Instant,
    /// When it arrives.
    pub arrives: Instant,
    /// When it arrives once more.
    pub again: Option<Instant>,
    /// Whether its checksum will drop it there ([`Event::Corrupted`]).
    pub damaged: bool,
    /// Whether it was held back.
    pub held_back: bool,
}

/// What a change of a link does to the datagrams that wait before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    now: Instant,
    /// Bits per second, before and after; no bound if `None`.
    speeds: (Option<u64>, Option<u64>),
    delays: (Duration, Duration),
    /// How much more than the delay a datagram may take, before and after.
    late: (Duration, Duration),
}

impl Change {
    /// Whether it is one for any who wait.
    pub fn is_one(&self) -> bool {
        self.speeds.0 != self.speeds.1
            || self.delays.0 != self.delays.1
            || self.late.1 < self.late.0
    }

    /// When a datagram leaves that was to leave then: all that stands before it is so many bits, and
    /// they leave at the new speed.
    pub fn leaves(&self, then: Instant) -> Instant {
        let left = u128::from(then.since(self.now).as_nanos());
        let left = match self.speeds {
            (None, _) => left,
            (Some(_), None) => 0,
            (Some(before), Some(after)) => left * u128::from(before) / u128::from(after.max(1)),
        };
        let left = Duration::from_nanos(u64::try_from(left).unwrap_or(u64::MAX));
        if then > self.now { self.now + left } else { then }
    }

    /// When a datagram arrives that was to leave then, and to arrive at `arrival`.
    pub fn arrives(&self, then: Instant, arrival: Instant) -> Instant {
        if then <= self.now {
            return arrival;
        }
        let late = arrival.since(then).saturating_sub(self.delays.0).min(self.late.1);
        self.leaves(then) + self.delays.1 + late
    }
}

/// One direction of a link.
#[derive(Clone, Debug)]
pub struct Link {
    params: Params,
    bottleneck: Bottleneck,
    /// What was not held back arrives in order.
    last_arrival: Instant,
    losses: Losses,
    chance: Chance,
}

/// A stream for each kind of chance.
#[derive(Clone, Debug)]
struct Chance {
    jitter: Random,
    corrupt: Random,
    duplicate: Random,
    reorder: Random,
}

impl Link {
    /// A link with its own chance, by its name.
    pub fn new(seed: u64, name: &str, params: Params) -> Self {
        let stream = |purpose| Random::of(seed, name, purpose);
        Self {
            params,
            bottleneck: Bottleneck::default(),
            last_arrival: Instant::ZERO,
            losses: Losses::new(stream("loss")),
            chance: Chance {
                jitter: stream("jitter"),
                corrupt: stream("corrupt"),
                duplicate: stream("duplicate"),
                reorder: stream("reorder"),
            },
        }
    }

    /// What it does to datagrams.
    pub const fn params(&self) -> &Params {
        &self.params
    }

    /// From now on it does this.
    ///
    /// What has left stays as it was decided: a datagram on its way keeps its delay and its jitter,
    /// and where these have become less, others overtake it, as they do where a route heals. What
    /// waits leaves at the new speed, and has the new delay and no more than the new jitter: whoever
    /// awaits its arrival has to ask [`Change::arrives`].
    pub fn set(&mut self, now: Instant, params: Params) -> Change {
        let change = Change {
            now,
            speeds: (self.params.bits_per_sec, params.bits_per_sec),
            delays: (self.params.delay, params.delay),
            late: (self.params.most_late(), params.most_late()),
        };
        let last_leaves = self.bottleneck.change(&change);
        let next_leaves = change.leaves(last_leaves).max(now);
        let last_arrival = change.arrives(last_leaves, self.last_arrival);
        self.last_arrival = last_arrival.min(next_leaves + params.delay + params.jitter);
        self.params = params;
        change
    }

    /// How many bytes wait to leave, and how many datagrams.
    pub fn backlog(&mut self, now: Instant) -> (u64, usize) {
        self.bottleneck.backlog(now)
    }

    /// A datagram of so many bytes, headers included, wants to pass.
    ///
    /// # Errors
    ///
    /// Why it does not arrive. Nobody else learns of it.
    #[inline]
    pub fn send(&mut self, now: Instant, bytes: u32) -> Result<Transit, Event> {
        self.admit(bytes)?;
        let leaves = self.leaves(now, bytes)?;
        if self.losses.next(&self.params.loss) {
            return Err(Event::Lost);
        }
        let held_back = happens(&mut self.chance.reorder, self.params.reorder);
        let arrives = self.arrival(leaves, held_back);
        let twice = happens(&mut self.chance.duplicate, self.params.duplicate);
        Ok(Transit {
            leaves,
            arrives,
            again: twice.then_some(arrives),
            damaged: happens(&mut self.chance.corrupt, self.params.corrupt),
            held_back,
        })
    }

    const fn admit(&self, bytes: u32) -> Result<(), Event> {
        match self.params.condition {
            Condition::Partitioned => Err(Event::Partitioned),
            Condition::Down => Err(Event::LinkDown),
            Condition::Open if bytes > self.params.mtu => Err(Event::TooBig),
            Condition::Open => Ok(()),
        }
    }

    #[inline]
    fn leaves(&mut self, now: Instant, bytes: u32) -> Result<Instant, Event> {
        let Some(bits_per_sec) = self.params.bits_per_sec else {
            return Ok(now);
        };
        let bound = self.params.queue;
        self.bottleneck.pass(now, bytes, bits_per_sec, bound).ok_or(Event::QueueFull)
    }

    #[inline]
    fn arrival(&mut self, leaves: Instant, held_back: bool) -> Instant {
        let jitter = self.params.jitter.as_nanos();
        let late = if jitter == 0 { 0 } else { self.chance.jitter.below(jitter) };
        let arrives = leaves + self.params.delay + Duration::from_nanos(late);
        if held_back {
            return arrives + self.params.reorder_by;
        }
        self.last_arrival = self.last_arrival.max(arrives);
        self.last_arrival
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_datagram_takes_its_bits_and_the_way() {
        let mut link = link(Params {
            delay: Duration::from_millis(10),
            bits_per_sec: Some(12_000_000),
            ..Params::default()
        });

        let arrivals = [0, 0, 5].map(|ms| arrival(&mut link, ms, 1_500));

        assert_eq!(arrivals, [Ok(11_000), Ok(12_000), Ok(16_000)], "1 ms each to leave, 10 to go");
    }

    #[test]
    fn who_finds_the_queue_full_is_dropped_and_room_comes_back_with_time() {
        let mut link = link(Params {
            bits_per_sec: Some(12_000_000),
            queue: Bound { bytes: 3_000, packets: 100 },
            ..Params::default()
        });

        let burst = [0; 5].map(|ms| arrival(&mut link, ms, 1_500).is_ok());

        assert_eq!(burst, [true, true, true, false, false], "one leaves, two wait");
        assert_eq!(link.backlog(Instant::ZERO), (3_000, 2));
        assert_eq!(arrival(&mut link, 1, 1_500), Ok(4_000));
    }

    #[test]
    fn one_direction_can_fail_alone_and_says_why() {
        let cut = |condition| {
            let params = Params { condition, ..Params::default() };
            link(params).send(Instant::ZERO, 100).map(|transit| transit.arrives)
        };

        assert_eq!(cut(Condition::Open), Ok(Instant::ZERO));
        assert_eq!(cut(Condition::Partitioned), Err(Event::Partitioned));
        assert_eq!(cut(Condition::Down), Err(Event::LinkDown));
    }

    #[test]
    fn what_is_too_big_does_not_pass() {
        let mut link = link(Params { mtu: 1_400, ..Params::default() });

        assert_eq!(arrival(&mut link, 0, 1_401), Err(Event::TooBig));
        assert_eq!(arrival(&mut link, 0, 1_400), Ok(0));
    }

    #[test]
    fn who_is_held_back_is_overtaken_by_those_within_the_time() {
        let mut link = link(Params {
            reorder: Share::WHOLE,
            reorder_by: Duration::from_millis(3),
            ..Params::default()
        });
        let first = arrival(&mut link, 0, 100);
        link.set(Instant::ZERO, Params::default());

        assert_eq!([first, arrival(&mut link, 2, 100)], [Ok(3_000), Ok(2_000)]);
    }

    #[test]
    fn what_waits_leaves_at_the_new_speed_and_what_has_left_keeps_its_delay() {
        let slow = Params {
            delay: Duration::from_millis(50),
            bits_per_sec: Some(1_200_000),
            ..Params::default()
        };
        let mut link = link(slow.clone());
        let sent = [0; 3].map(|ms| link.send(Instant::from_millis(ms), 1_500).unwrap());
        assert_eq!(sent.map(|it| it.arrives.as_nanos() / 1_000_000), [60, 70, 80]);

        // Ten times as fast, when one has left and the second has half of its bits behind it.
        let fast =
            Params { delay: Duration::from_millis(5), bits_per_sec: Some(12_000_000), ..slow };
        let change = link.set(Instant::from_millis(15), fast);

        let arrivals = sent.map(|it| change.arrives(it.leaves, it.arrives).as_nanos() / 1_000);
        assert_eq!(arrivals, [60_000, 15_500 + 5_000, 16_500 + 5_000]);
        assert_eq!(arrival(&mut link, 15, 1_500), Ok(17_500 + 5_000), "behind those that wait");
    }

    #[test]
    fn a_line_without_a_bound_has_no_queue_any_more() {
        let slow = Params { bits_per_sec: Some(12_000), ..Params::default() };
        let mut link = link(slow);
        let sent = [0; 3].map(|ms| link.send(Instant::from_millis(ms), 1_500).unwrap());

        let change = link.set(Instant::from_secs(1), Params::default());

        let arrivals = sent.map(|it| change.arrives(it.leaves, it.arrives).as_nanos());
        assert_eq!(arrivals, [1_000_000_000; 3]);
        assert_eq!(link.backlog(Instant::from_secs(1)), (0, 0));
    }

    #[test]
    fn jitter_that_has_ended_holds_nothing_of_what_is_sent_afterwards() {
        let uneven = Params { jitter: Duration::from_secs(60), ..Params::default() };
        let mut link = link(uneven);
        let late = (0..100).map(|ms| arrival(&mut link, ms, 100).unwrap()).max().unwrap();

        link.set(Instant::from_millis(100), Params::default());

        assert!(late > 50_000_000, "one of a hundred draws the most of it: {late}");
        assert_eq!([100, 101].map(|ms| arrival(&mut link, ms, 100)), [Ok(100_000), Ok(101_000)]);
    }

    #[test]
    fn what_waits_when_jitter_ends_has_none_of_it() {
        let narrow = Params { bits_per_sec: Some(12_000_000), ..Params::default() };
        let mut link = link(Params { jitter: Duration::from_secs(60), ..narrow.clone() });
        let sent = [0; 3].map(|ms| link.send(Instant::from_millis(ms), 1_500).unwrap());

        let change = link.set(Instant::from_nanos(1_500_000), narrow);

        assert!(change.is_one());
        let arrivals = sent.map(|it| change.arrives(it.leaves, it.arrives));
        assert_eq!(arrivals, [sent[0].arrives, sent[1].leaves, sent[2].leaves]);
    }

    #[test]
    fn reordering_changes_nothing_about_what_is_lost() {
        let lost = |reorder| {
            let loss = Loss::Independent(Share::percent(20));
            let mut link = link(Params { loss, reorder, ..Params::default() });
            (0..100).map(|ms| arrival(&mut link, ms, 100).is_err()).collect::<Vec<_>>()
        };

        assert_eq!(lost(Share::NONE), lost(Share::percent(50)));
    }

    proptest! {
        #[test]
        fn jitter_overtakes_nobody_of_its_setting_and_stays_within_its_bound(
            settings in vec((0_u64..9, 0_u64..9, vec(0_u64..20, 1..20)), 1..9),
        ) {
            let mut link = link(Params::default());
            let mut now = 0;
            for (delay, jitter, gaps) in settings {
                link.set(Instant::from_millis(now), uneven(delay, jitter));
                let mut last = 0;
                for gap in gaps {
                    now += gap;
                    let arrives = arrival(&mut link, now, 100).expect("nothing is lost");
                    prop_assert!(arrives >= last);
                    prop_assert!(arrives >= (now + delay) * 1_000);
                    prop_assert!(arrives <= (now + delay + jitter) * 1_000);
                    last = arrives;
                }
            }
        }
    }

    fn uneven(delay: u64, jitter: u64) -> Params {
        let (delay, jitter) = (Duration::from_millis(delay), Duration::from_millis(jitter));
        Params { delay, jitter, ..Params::default() }
    }

    fn link(params: Params) -> Link {
        Link::new(1, "a link", params)
    }

    /// In microseconds.
    fn arrival(link: &mut Link, ms: u64, bytes: u32) -> Result<u64, Event> {
        let transit = link.send(Instant::from_millis(ms), bytes)?;
        Ok(transit.arrives.as_nanos() / 1_000)
    }
}
