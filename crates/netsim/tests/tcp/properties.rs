//! Whatever the network does: every byte, once, in order, or an error; and never a silent wait.

use std::sync::Arc;

use base::{Duration, Instant, Share};
use netsim::l3::{Bound, Loss, Params};
use netsim::l4::tcp::{Algorithm, Detection, End, Endpoint, Input, Output, Profile, State};
use proptest::prelude::*;

use crate::world::{CLIENT, SERVER, World, at};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn everything_arrives_once_or_somebody_is_told_and_nobody_waits_for_nothing(
        profile in profile(),
        there in network(),
        back in network(),
        sizes in (0_u64..200_000, 0_u64..200_000),
        initial in prop_oneof![Just(0), Just(u32::MAX - 5_000), any::<u32>()],
        seed in 0_u64..1_000,
    ) {
        let mut world = World::new(seed);
        world.initial = initial;
        let links = [world.link("there", there), world.link("back", back)];
        world.connect(&Arc::new(profile), &links[..1], &links[1..]);
        world.exchange(sizes.0, sizes.1);
        run(&mut world, sizes)?;

        if !has_failed(&world, CLIENT) && !has_failed(&world, SERVER) {
            prop_assert_eq!(world.ends[SERVER].delivered, sizes.0);
            prop_assert_eq!(world.ends[CLIENT].delivered, sizes.1);
            for end in [CLIENT, SERVER] {
                prop_assert_eq!(world.ends[end].tcp().state(), State::Closed);
                prop_assert!(world.ends[end].news().contains(&Output::Ended(End::Closed)));
            }
        }
    }
}

/// Runs until nothing happens any more. Each end closes when it has said and heard everything.
fn run(world: &mut World, sizes: (u64, u64)) -> Result<(), TestCaseError> {
    let mut closed = [false; 2];
    while world.step().is_some() && world.now < at(7_200_000) {
        for (end, expects) in [(CLIENT, sizes.1), (SERVER, sizes.0)] {
            let has_all = world.ends[end].tcp.as_ref().is_some_and(is_up)
                && world.ends[end].delivered == expects
                && world.ends[end].answers.is_none_or(|(after, _)| after == 0);
            if has_all && !closed[end] {
                closed[end] = true;
                world.input(end, Input::Shutdown);
            }
            if let Some(tcp) = &world.ends[end].tcp {
                prop_assert!(!waits_for_nothing(tcp), "{tcp:?}");
            }
            prop_assert!(world.ends[end].delivered <= expects);
        }
    }
    Ok(())
}

fn is_up(tcp: &Endpoint) -> bool {
    !matches!(tcp.state(), State::SynSent | State::SynReceived)
}

/// It owes somebody something, and no clock will wake it.
fn waits_for_nothing(tcp: &Endpoint) -> bool {
    let owes = match tcp.state() {
        State::Closed => false,
        State::SynSent | State::SynReceived | State::TimeWait => true,
        State::FinWait1 | State::Closing | State::LastAck => true,
        _ => tcp.unacknowledged() > 0,
    };
    owes && tcp.next_deadline() == Instant::NEVER
}

fn has_failed(world: &World, end: usize) -> bool {
    let failed = |output: &Output| matches!(output, Output::Ended(why) if *why != End::Closed);
    world.ends[end].tcp.is_none() || world.ends[end].news().iter().any(failed)
}

fn profile() -> impl Strategy<Value = Profile> {
    let base = prop_oneof![Just(Profile::linux()), Just(Profile::rfc())];
    let algorithm = prop_oneof![Just(Algorithm::NewReno), Just(Algorithm::Cubic)];
    let detection = prop_oneof![Just(Detection::Sack), Just(Detection::Rack)];
    let mss = prop_oneof![Just(536_u32), Just(1_448)];
    (base, algorithm, detection, mss, any::<bool>(), any::<bool>(), 3_000_u32..300_000).prop_map(
        |(base, algorithm, detection, mss, tail_probe, nagle, receive_buffer)| Profile {
            algorithm,
            detection,
            mss,
            tail_probe,
            nagle,
            receive_buffer,
            ..base
        },
    )
}

fn network() -> impl Strategy<Value = Params> {
    let share = |most: u32| prop_oneof![Just(0), 0..most].prop_map(Share::percent);
    let speed = prop_oneof![Just(None), (100_000_u64..100_000_000).prop_map(Some)];
    (0_u64..100, 0_u64..20, speed, 2_u32..50, share(30), share(20), share(30), share(10)).prop_map(
        |(delay, jitter, bits_per_sec, packets, loss, duplicate, reorder, corrupt)| Params {
            delay: Duration::from_millis(delay),
            jitter: Duration::from_millis(jitter),
            bits_per_sec,
            queue: Bound { bytes: u64::MAX, packets },
            loss: Loss::Independent(loss),
            duplicate,
            reorder,
            reorder_by: Duration::from_millis(delay / 2 + 1),
            corrupt,
            ..Params::default()
        },
    )
}
