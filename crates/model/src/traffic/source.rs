//! When the next request arrives.

use alloc::vec::Vec;

use base::{Duration, Instant, Random};

use super::Arrivals;
use crate::distribution::exponential;

/// The requests of one client, one after the other, whatever becomes of them.
///
/// Ask for [`Source::next_arrival`], come back then, ask [`Source::arrived`] for the one after. A spike
/// changes the pace through [`Source::set_pace`]; the draws stay the same.
#[derive(Clone, Debug)]
pub struct Source {
    kind: Kind,
    random: Random,
    /// How many times the usual traffic.
    pace: f64,
    /// When `owed` was last brought up to date.
    since: Instant,
    /// How much has to pass until the next one: in requests, at a rate of `rate * pace`.
    owed: f64,
}

#[derive(Clone, Debug)]
enum Kind {
    Poisson { rate: f64 },
    Constant { rate: f64 },
    Bursty(Bursty),
    Replayed { times: Vec<Duration>, next: usize },
}

/// A Poisson process whose rate changes between two values (Markov-modulated, in the sense of
/// Fischer and Meier-Hellstern, 1993). Outside bursts it is half of the mean.
#[derive(Clone, Debug)]
struct Bursty {
    high: f64,
    low: f64,
    /// Mean lengths in seconds.
    burst: f64,
    calm: f64,
    in_burst: bool,
    changes: Instant,
    dwell: Random,
}

/// The rate between bursts, in terms of the mean.
const CALM: f64 = 0.5;

impl Source {
    /// The first request is one interval after the start of the clock, or when the replay says.
    pub fn new(arrivals: &Arrivals, random: Random) -> Self {
        let kind = match arrivals {
            Arrivals::Poisson(rate) => Kind::Poisson { rate: rate.as_per_sec_f64() },
            Arrivals::Constant(rate) => Kind::Constant { rate: rate.as_per_sec_f64() },
            Arrivals::Bursty { mean, peak, .. } if *peak <= 1.0 => {
                Kind::Poisson { rate: mean.as_per_sec_f64() }
            }
            Arrivals::Bursty { mean, peak, burst } => Kind::Bursty(Bursty::new(
                mean.as_per_sec_f64(),
                *peak,
                burst.as_secs_f64(),
                random.child(DWELL),
            )),
            Arrivals::Replayed(times) => Kind::Replayed { times: times.clone(), next: 0 },
        };
        let mut source = Self { kind, random, pace: 1.0, since: Instant::ZERO, owed: 0.0 };
        source.owed = source.draw();
        source
    }

    /// When the next request arrives; [`Instant::NEVER`] if none does as things are.
    pub fn next_arrival(&mut self) -> Instant {
        if let Kind::Replayed { times, next } = &self.kind {
            return times.get(*next).map_or(Instant::NEVER, |&time| Instant::ZERO + time);
        }
        loop {
            let due = self.due();
            if due == Instant::NEVER {
                // Bursts that nobody sees would change for ever.
                return due;
            }
            match &mut self.kind {
                Kind::Bursty(bursty) if bursty.changes < due => {
                    let at = bursty.changes;
                    let before = bursty.rate();
                    bursty.change();
                    self.owed = (self.owed - seconds(at, self.since) * before * self.pace).max(0.0);
                    self.since = self.since.max(at);
                }
                _ => return due,
            }
        }
    }

    /// The request that was due `now` has arrived.
    pub fn arrived(&mut self, now: Instant) {
        if let Kind::Replayed { next, .. } = &mut self.kind {
            *next += 1;
        }
        self.since = now;
        self.owed = self.draw();
    }

    /// From now on so many times the usual traffic. A replay keeps its times. The next arrival may
    /// be another: ask [`Source::next_arrival`] again.
    pub fn set_pace(&mut self, now: Instant, pace: f64) {
        let passed = seconds(now, self.since) * self.rate();
        self.owed = (self.owed - passed).max(0.0);
        self.since = now.max(self.since);
        self.pace = pace.max(0.0);
    }

    fn draw(&mut self) -> f64 {
        match self.kind {
            Kind::Constant { .. } | Kind::Replayed { .. } => 1.0,
            Kind::Poisson { .. } | Kind::Bursty(_) => exponential(&mut self.random),
        }
    }

    fn due(&self) -> Instant {
        let rate = self.rate();
        if rate <= 0.0 {
            return Instant::NEVER;
        }
        self.since + Duration::from_secs_f64(self.owed / rate)
    }

    fn rate(&self) -> f64 {
        let rate = match &self.kind {
            Kind::Poisson { rate } | Kind::Constant { rate } => *rate,
            Kind::Bursty(bursty) => bursty.rate(),
            Kind::Replayed { .. } => 0.0,
        };
        rate * self.pace
    }
}

impl Bursty {
    fn new(mean: f64, peak: f64, burst: f64, mut dwell: Random) -> Self {
        // The share of time in bursts that makes the mean come out right.
        let share = (1.0 - CALM) / (peak - CALM);
        let calm = burst * (1.0 - share) / share;
        let changes = Instant::ZERO + Duration::from_secs_f64(calm * exponential(&mut dwell));
        Self { high: mean * peak, low: mean * CALM, burst, calm, in_burst: false, changes, dwell }
    }

    fn rate(&self) -> f64 {
        if self.in_burst { self.high } else { self.low }
    }

    fn change(&mut self) {
        self.in_burst = !self.in_burst;
        let mean = if self.in_burst { self.burst } else { self.calm };
        let dwell = Duration::from_secs_f64(mean * exponential(&mut self.dwell));
        self.changes += dwell.max(Duration::from_nanos(1));
    }
}

/// The child stream that decides how long bursts last.
const DWELL: u64 = 1;

fn seconds(until: Instant, from: Instant) -> f64 {
    until.since(from).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use base::Rate;

    use super::*;

    #[test]
    fn the_mean_rate_is_the_one_that_was_asked_for() {
        let bursty = Arrivals::Bursty {
            mean: Rate::per_sec(100),
            peak: 5.0,
            burst: Duration::from_millis(5),
        };
        // Five sigma: of 100,000 independent arrivals, and of some 22,000 bursts.
        for (arrivals, tolerance) in
            [(Arrivals::Poisson(Rate::per_sec(100)), 1_600), (bursty, 3_500), (CONSTANT, 1)]
        {
            let count = arrivals_until(&mut source(&arrivals), Instant::from_secs(1_000));

            assert!(count.abs_diff(100_000) <= tolerance, "{arrivals:?}: {count}");
        }
    }

    #[test]
    fn bursts_make_arrivals_less_even_than_poisson() {
        let bursty =
            Arrivals::Bursty { mean: Rate::per_sec(100), peak: 5.0, burst: Duration::from_secs(1) };
        let dispersion = |arrivals: &Arrivals| {
            let mut source = source(arrivals);
            let counts: Vec<f64> = (1..=1_000)
                .map(|second| arrivals_until(&mut source, Instant::from_secs(second)) as f64)
                .collect();
            let mean = counts.iter().sum::<f64>() / 1e3;
            counts.iter().map(|count| (count - mean) * (count - mean)).sum::<f64>() / 1e3 / mean
        };

        let poisson = dispersion(&Arrivals::Poisson(Rate::per_sec(100)));

        assert!((0.75..1.25).contains(&poisson), "variance is the mean: {poisson}");
        assert!(dispersion(&bursty) > 10.0);
    }

    #[test]
    fn a_spike_changes_the_pace_from_the_moment_it_comes() {
        let mut source = source(&CONSTANT);
        let before = source.next_arrival();
        source.set_pace(Instant::from_millis(5), 5.0);

        assert_eq!(before, Instant::from_millis(10));
        assert_eq!(source.next_arrival(), Instant::from_millis(6));
    }

    #[test]
    fn traffic_that_stops_goes_on_where_it_was() {
        let mut source = source(&CONSTANT);
        source.set_pace(Instant::from_millis(4), 0.0);
        let silent = source.next_arrival();
        source.set_pace(Instant::from_secs(1), 1.0);

        assert_eq!((silent, source.next_arrival()), (Instant::NEVER, Instant::from_millis(1_006)));
    }

    #[test]
    fn bursts_that_are_stopped_go_on_in_the_present() {
        let mut source = source(&Arrivals::Bursty {
            mean: Rate::per_sec(100),
            peak: 5.0,
            burst: Duration::from_millis(5),
        });
        source.set_pace(Instant::from_millis(4), 0.0);
        let silent = source.next_arrival();
        source.set_pace(Instant::from_secs(10), 1.0);

        assert_eq!(silent, Instant::NEVER);
        assert!(source.next_arrival() > Instant::from_secs(10));
    }

    #[test]
    fn a_replay_comes_when_it_came() {
        let times = [5, 7, 7].map(Duration::from_millis).to_vec();
        let mut source = source(&Arrivals::Replayed(times));
        let mut seen = Vec::new();
        while source.next_arrival() != Instant::NEVER {
            let now = source.next_arrival();
            seen.push(now.as_nanos() / 1_000_000);
            source.arrived(now);
        }

        assert_eq!(seen, [5, 7, 7]);
    }

    const CONSTANT: Arrivals = Arrivals::Constant(Rate::per_sec(100));

    fn source(arrivals: &Arrivals) -> Source {
        Source::new(arrivals, Random::of(1, "users", "arrivals"))
    }

    fn arrivals_until(source: &mut Source, end: Instant) -> u64 {
        let mut count = 0;
        while source.next_arrival() <= end {
            let now = source.next_arrival();
            source.arrived(now);
            count += 1;
        }
        count
    }
}
