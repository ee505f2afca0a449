//! Whatever the network does: every byte, once, in order, or an error; and never a silent wait.

use std::sync::Arc;

use base::{Duration, Instant, Share};
use netsim::l3::{Bound, Loss, Params};
use netsim::l4::tcp::{
    Algorithm, Detection, End, Endpoint, Flags, Input, Output, Profile, SackBlocks, Segment, State,
};
use proptest::prelude::*;

use crate::world::{CLIENT, SCOPE, SERVER, World, at};

proptest! {
    #[test]
    fn everything_arrives_once_or_somebody_is_told_and_nobody_waits_for_nothing(
        profile in profile(),
        there in network(),
        back in network(),
        sizes in (1_u64..200_000, 0_u64..200_000),
        initial in prop_oneof![Just(0), Just(u32::MAX - 5_000), any::<u32>()],
        reads_late in any::<bool>(),
        seed in 0_u64..1_000,
    ) {
        let mut world = World::new(seed);
        world.initial = initial;
        let links = [world.link("there", there), world.link("back", back)];
        world.connect(&Arc::new(profile), &links[..1], &links[1..]);
        world.ends.iter_mut().for_each(|end| end.reads = !reads_late);
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

#[derive(Clone, Debug)]
enum Blow {
    Segment { seq: i32, ack: i32, len: u32, window: u32, flags: u8, blocks: Vec<(i32, i32)> },
    Write(u64),
    Read(u32),
    Timer(u64),
    Shutdown,
    Close,
    Abort,
    Unreachable,
    TooBig(u32),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases * 2))]

    #[test]
    fn no_segment_however_wrong_breaks_an_endpoint(
        profile in profile(),
        blows in prop::collection::vec(blow(), 1..40),
        is_client in any::<bool>(),
    ) {
        let profile = Arc::new(profile);
        let mut tcp = Endpoint::connect(at(0), profile.clone(), SCOPE, INITIAL);
        let syn = tcp.poll_output(at(0), &mut ()).and_then(segment).expect("a SYN");
        let mut peer = Endpoint::accept(at(0), profile.clone(), SCOPE, INITIAL, &syn);
        let answer = peer.poll_output(at(0), &mut ()).and_then(segment).expect("an answer");
        tcp.handle(at(0), Input::Segment(&answer), &mut ());
        let mut tcp = if is_client { tcp } else { peer };
        let mut now = at(1);
        for blow in blows {
            match blow {
                Blow::Segment { seq, ack, len, window, flags, blocks } => {
                    let around = |offset: i32| INITIAL.wrapping_add_signed(offset);
                    let mut sack = SackBlocks::default();
                    blocks.iter().for_each(|&(start, end)| sack.push(around(start), around(end)));
                    let flags = FLAGS[usize::from(flags)];
                    let (seq, ack, timestamp) = (around(seq), around(ack), 1);
                    let segment =
                        Segment { seq, ack, window, len, timestamp, echo: 1, sack, flags };
                    tcp.handle(now, Input::Segment(&segment), &mut ());
                }
                Blow::Write(bytes) => tcp.handle(now, Input::Write(bytes), &mut ()),
                Blow::Read(bytes) => tcp.handle(now, Input::Read(bytes), &mut ()),
                Blow::Timer(ms) => {
                    now += Duration::from_millis(ms);
                    tcp.handle(now, Input::Timer, &mut ());
                }
                Blow::Shutdown => tcp.handle(now, Input::Shutdown, &mut ()),
                Blow::Close => tcp.handle(now, Input::Close, &mut ()),
                Blow::Abort => tcp.handle(now, Input::Abort, &mut ()),
                Blow::Unreachable => tcp.handle(now, Input::Unreachable, &mut ()),
                Blow::TooBig(mtu) => tcp.handle(now, Input::TooBig(mtu), &mut ()),
            }
            let outputs = (0..2_000).take_while(|_| tcp.poll_output(now, &mut ()).is_some());
            prop_assert!(outputs.count() < 2_000, "it comes to an end: {tcp:?}");
            prop_assert!(!waits_for_nothing(&tcp), "{tcp:?}");
        }
    }
}

fn blow() -> impl Strategy<Value = Blow> {
    let offset = || prop_oneof![4 => -10..20_000_i32, 1 => any::<i32>()];
    let segment = (
        offset(),
        offset(),
        prop_oneof![Just(0_u32), 1..1_460_u32],
        prop_oneof![Just(0_u32), 0..100_000_u32, any::<u32>()],
        prop_oneof![4 => Just(0_u8), 1 => 0..6_u8],
        prop::collection::vec((offset(), offset()), 0..4),
    )
        .prop_map(|(seq, ack, len, window, flags, blocks)| Blow::Segment {
            seq,
            ack,
            len,
            window,
            flags,
            blocks,
        });
    prop_oneof![
        12 => segment,
        3 => (0..50_000_u64).prop_map(Blow::Write),
        2 => (0..50_000_u32).prop_map(Blow::Read),
        4 => (0..5_000_u64).prop_map(Blow::Timer),
        1 => prop_oneof![
            Just(Blow::Shutdown),
            Just(Blow::Close),
            Just(Blow::Abort),
            Just(Blow::Unreachable),
            (0..2_000_u32).prop_map(Blow::TooBig)
        ],
    ]
}

const FLAGS: [Flags; 6] =
    [Flags::ACK, Flags::FIN_ACK, Flags::SYN, Flags::SYN_ACK, Flags::RST, Flags::RST_ACK];
const INITIAL: u32 = u32::MAX - 3_000;

fn segment(output: Output) -> Option<Segment> {
    match output {
        Output::Send(segment) => Some(segment),
        _ => None,
    }
}

/// Runs until nothing happens any more. Each end closes when it has said and heard everything.
fn run(world: &mut World, sizes: (u64, u64)) -> Result<(), TestCaseError> {
    let (mut closed, mut read, mut reads_at) = ([false; 2], [0; 2], at(0));
    while world.now < at(7_200_000) {
        let has_ended = world.step().is_none();
        if has_ended || world.now >= reads_at {
            reads_at = world.now + Duration::from_millis(500);
            if !read_all(world, &mut read) && has_ended {
                break;
            }
        }
        for (end, expects) in [(CLIENT, sizes.1), (SERVER, sizes.0)] {
            let has_all = world.ends[end].tcp.as_ref().is_some_and(is_up)
                && world.ends[end].delivered == expects
                && world.ends[end].answers.is_none();
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

/// Applications that read late take everything now. Whether there was anything.
fn read_all(world: &mut World, read: &mut [u64; 2]) -> bool {
    let mut any = false;
    for end in [CLIENT, SERVER] {
        if world.ends[end].reads {
            continue;
        }
        let unread = world.ends[end].delivered - read[end];
        read[end] += unread;
        any |= unread > 0;
        world.input(end, Input::Read(unread as u32));
    }
    any
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
