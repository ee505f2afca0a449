//! Long transfers over one bottleneck: the same dumbbell as `fidelity/ns3/dumbbell.cc`.
//!
//! Each flow has a way of its own to the bottleneck and from it, 1 Gbit/s and 1 ms; the bottleneck
//! is 20 Mbit/s and 20 ms, with a queue of 100 packets and independent loss towards the receivers.

use std::fmt;
use std::sync::Arc;

use base::{Duration, Instant, Random, Share};
use netsim::l3::{Bound, Loss, Params};
use netsim::l4::tcp::Profile;

use super::stage::{Call, Stage, Talk, Tally};

/// What is run.
#[derive(Clone, Copy, Debug)]
pub struct Dumbbell {
    /// Senders, each with its receiver.
    pub flows: u32,
    /// On the bottleneck, towards the receivers.
    pub loss: Share,
    /// How long is measured.
    pub secs: u64,
    /// How long before that.
    pub warm_up: u64,
}

impl fmt::Display for Dumbbell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flows = if self.flows == 1 { "flow" } else { "flows" };
        write!(f, "{} {flows}, loss {}", self.flows, self.loss)
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Carried {
    /// Payload bytes of each flow that arrived in order after the warm-up.
    pub measured: Vec<u64>,
    /// Those of all flows, from the beginning.
    pub all: u64,
    /// What happened to the connections.
    pub tally: Tally,
}

impl Carried {
    /// What all flows got together, in bits per second of payload.
    pub fn goodput(&self, dumbbell: &Dumbbell) -> f64 {
        self.measured.iter().sum::<u64>() as f64 * 8.0 / dumbbell.secs as f64
    }
}

/// The payload that fits through the bottleneck, in bits per second.
pub fn capacity(profile: &Profile) -> f64 {
    let options = if profile.timestamps { 12.0 } else { 0.0 };
    let payload = f64::from(profile.mss);
    BITS_PER_SEC as f64 * payload / (payload + options + 40.0)
}

const BITS_PER_SEC: u64 = 20_000_000;

impl Dumbbell {
    /// Runs it with one seed.
    pub fn run(&self, seed: u64, profile: &Arc<Profile>) -> Carried {
        let mut stage = Stage::new(seed);
        let calls = self.call(&mut stage, seed, profile);
        let received =
            |stage: &Stage| calls.iter().map(|&call| stage.received(call)).collect::<Vec<_>>();
        let warm = Instant::from_secs(self.warm_up);
        stage.run_until(warm);
        let before = received(&stage);
        stage.run_until(warm + Duration::from_secs(self.secs));
        let after = received(&stage);
        let measured = after.iter().zip(before).map(|(after, before)| after - before).collect();
        Carried { measured, all: after.iter().sum(), tally: stage.tally() }
    }

    /// Everybody calls within the first second.
    fn call(&self, stage: &mut Stage, seed: u64, profile: &Arc<Profile>) -> Vec<Call> {
        let loss = Loss::Independent(self.loss);
        let there = stage.link("there", Params { loss, ..bottleneck() });
        let back = stage.link("back", bottleneck());
        let mut chance = Random::of(seed, "dumbbell", "starts");
        let mut starts: Vec<_> = (0..self.flows).map(|_| chance.below(1_000)).collect();
        starts.sort_unstable();
        let call = |(flow, start): (usize, u64)| {
            stage.run_until(Instant::from_millis(start));
            let [enter, leave, enter_back, leave_back] = ["in", "out", "in back", "out back"]
                .map(|side| stage.link(&format!("{side} {flow}"), access()));
            let (there, back) = ([enter, there, leave], [enter_back, back, leave_back]);
            stage.call(profile, Talk::ENDLESS, &there, &back)
        };
        starts.into_iter().enumerate().map(call).collect()
    }
}

fn access() -> Params {
    Params {
        delay: Duration::from_millis(1),
        bits_per_sec: Some(1_000_000_000),
        ..Params::default()
    }
}

fn bottleneck() -> Params {
    Params {
        delay: Duration::from_millis(20),
        bits_per_sec: Some(BITS_PER_SEC),
        queue: Bound { bytes: u64::MAX, packets: 100 },
        ..Params::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_flow_is_written_as_one() {
        let load = |flows| Dumbbell { flows, loss: Share::percent(1), secs: 1, warm_up: 0 };

        assert_eq!(load(1).to_string(), "1 flow, loss 1%");
        assert_eq!(load(10).to_string(), "10 flows, loss 1%");
    }

    #[test]
    fn ten_flows_fill_the_bottleneck() {
        let dumbbell = Dumbbell { flows: 10, loss: Share::NONE, secs: 20, warm_up: 5 };
        let profile = Profile::rfc();
        let carried = dumbbell.run(1, &Arc::new(profile.clone()));

        let share = carried.goodput(&dumbbell) / capacity(&profile);
        assert!((0.98..1.001).contains(&share), "{share}");
    }
}
