//! How many segments a second one core delivers: flows over one bottleneck, three links each way.
//!
//! `cargo run --release -p plimsoll-netsim --example dumbbell [FLOWS] [LOSS in millionths] [SECONDS]`
//!
//! Time is processor time, so that a busy machine does not change the figure.

#![allow(clippy::cast_possible_truncation, clippy::unwrap_used, dead_code, unreachable_pub)]
#![allow(missing_docs)]

extern crate plimsoll_netsim as netsim;

#[path = "../tests/tcp/world.rs"]
mod world;

use std::sync::Arc;

use base::{Duration, Share};
use netsim::l3::{Bound, Loss, Params};
use netsim::l4::tcp::{Algorithm, Counting, Detection, Profile};
use world::{World, at};

fn main() {
    let argument = |n, default| std::env::args().nth(n).map_or(default, |a| a.parse().unwrap());
    let (flows, loss, secs) = (argument(1, 10), argument(2, 1_000), argument(3, 60));
    let cubic = Profile::linux();
    let newreno = Profile {
        algorithm: Algorithm::NewReno,
        counting: Counting::Acks,
        detection: Detection::Sack,
        ..Profile::linux()
    };
    for (name, profile) in [("linux: CUBIC and RACK", cubic), ("NewReno and SACK", newreno)] {
        let mut world = dumbbell(profile, flows, Share::from_millionths(loss));
        let before = processor_seconds();
        world.run_until(at(u64::from(secs) * 1_000));
        let took = processor_seconds() - before;
        let bytes: u64 = world.ends.iter().map(|end| end.delivered).sum();
        let segments = bytes as f64 / 1_448.0;
        println!(
            "{name}: {segments:.0} segments delivered, {} sent again, {:.1} Mbit/s, {took:.2} s: {:.2} million segments/s",
            world.seen.retransmitted,
            bytes as f64 * 8e-6 / f64::from(secs),
            segments / took / 1e6,
        );
    }
}

/// Access links of 1 Gbit/s and 1 ms on both sides of one of 100 Mbit/s and 20 ms.
fn dumbbell(profile: Profile, flows: u32, loss: Share) -> World {
    let mut world = World::new(1);
    world.seen.keeps = false;
    let access = Params {
        delay: Duration::from_millis(1),
        bits_per_sec: Some(1_000_000_000),
        ..Params::default()
    };
    let middle = Params {
        delay: Duration::from_millis(20),
        bits_per_sec: Some(100_000_000),
        queue: Bound { bytes: u64::MAX, packets: 400 },
        ..Params::default()
    };
    let there = world.link("there", Params { loss: Loss::Independent(loss), ..middle.clone() });
    let back = world.link("back", middle);
    let profile = Arc::new(profile);
    for flow in 0..flows {
        let links = ["in", "out", "out back", "in back"]
            .map(|side| world.link(&format!("{side} {flow}"), access.clone()));
        let [enter, leave, enter_back, leave_back] = links;
        let client =
            world.connect(&profile, &[enter, there, leave], &[enter_back, back, leave_back]);
        world.ends[client].says = u64::MAX / 4;
        world.pump(client);
    }
    world
}

/// Processor time of this process so far.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}
