//! Short conversations, segment by segment.

use std::sync::Arc;

use base::{Duration, Share};
use event::l4::Event;
use netsim::l3::{Condition, Params};
use netsim::l4::tcp::{
    Backlog, Detection, End, Endpoint, Flags, Input, Keepalive, Listener, Output, Profile, State,
};

use crate::world::{CLIENT, SCOPE, SERVER, Seen, World, at, delay};

#[test]
fn a_request_its_answer_and_an_end_in_good_order() {
    let mut world = pair(Profile::rfc()).traced();
    world.exchange(100, 4_000);
    world.run_until(at(500));
    world.input(CLIENT, Input::Close);
    world.run_until(at(600));
    world.input(SERVER, Input::Close);
    world.run_until(at(300_000));

    world.expect(
        "0.0 -> S 0:0
         10.0 <- S. 0:0 ack 1
         20.0 -> P. 1:101 ack 1
         30.0 <- . 1:1461 ack 101
         30.0 <- . 1461:2921 ack 101
         30.0 <- P. 2921:4001 ack 101
         40.0 -> . 101:101 ack 2921
         240.0 -> . 101:101 ack 4001
         500.0 -> FP. 101:101 ack 4001
         510.0 <- . 4001:4001 ack 102
         600.0 <- FP. 4001:4001 ack 102
         610.0 -> . 102:102 ack 4002",
    );
    let (client, server) = (world.ends[CLIENT].news(), world.ends[SERVER].news());
    let closed = Output::Ended(End::Closed);
    assert_eq!(client, [Output::Connected, Output::PeerClosed, closed, Output::Gone]);
    assert_eq!(server, client);
    let gone = world.ends[CLIENT].outputs.last().unwrap().0;
    assert_eq!(gone, at(240_610), "TIME_WAIT");
}

#[test]
fn three_segments_after_a_gap_bring_the_lost_one_again() {
    let mut world = pair(Profile::rfc()).traced();
    world.drops = vec![5];
    world.exchange(100, 7_300);
    world.run_until(at(90));

    world.expect(
        "0.0 -> S 0:0
         10.0 <- S. 0:0 ack 1
         20.0 -> P. 1:101 ack 1
         30.0 <- . 1:1461 ack 101
         30.0 <- . 1461:2921 ack 101  Lost
         30.0 <- . 2921:4381 ack 101
         30.0 <- . 4381:5841 ack 101
         30.0 <- P. 5841:7301 ack 101
         40.0 -> . 101:101 ack 1461 sack 2921:4381
         40.0 -> . 101:101 ack 1461 sack 2921:5841
         40.0 -> . 101:101 ack 1461 sack 2921:7301
         50.0 <- . 1461:2921 ack 101
         60.0 -> . 101:101 ack 7301",
    );
}

#[test]
fn the_lost_end_of_an_answer_is_probed_for_before_the_timeout_shrinks_the_window() {
    let mut world = pair(Profile::linux()).traced();
    world.drops = vec![6];
    world.exchange(100, 4_000);
    world.run_until(at(900));

    world.expect(
        "0.0 -> S 0:0
         10.0 <- S. 0:0 ack 1
         20.0 -> P. 1:101 ack 1
         30.0 <- . 1:1449 ack 101
         30.0 <- . 1449:2897 ack 101
         30.0 <- P. 2897:4001 ack 101  Lost
         40.0 -> . 101:101 ack 2897
         270.0 <- P. 2897:4001 ack 101
         320.0 -> . 101:101 ack 4001",
    );
    assert_eq!(world.seen.stalls, 0);
    let window = world.ends[SERVER].tcp().congestion_window();
    assert_eq!(window, 10 * 1_448);
}

#[test]
fn syn_is_tried_seven_times_in_127_seconds() {
    let mut world = World::pair(1, Profile::linux(), dead(), delay(10));
    world.exchange(100, 100);
    world.run_until(at(200_000));

    let retries = world.times_of(|event| matches!(event, Event::SynRetried { .. }));
    assert_eq!(retries, [1_000, 3_000, 7_000, 15_000, 31_000, 63_000]);
    let ended = (at(127_000), Output::Ended(End::TimedOut));
    assert!(world.ends[CLIENT].outputs.contains(&ended));
}

/// Both ends wait a second: the repeated SYN arrives as the server's own time is over.
#[test]
fn a_lost_answer_to_syn_comes_again_once_though_two_ask_for_it() {
    let mut world = pair(Profile::linux()).traced();
    world.drops = vec![2];
    world.exchange(100, 100);
    world.run_until(at(1_030));

    world.expect(
        "0.0 -> S 0:0
         10.0 <- S. 0:0 ack 1  Lost
         1000.0 -> S 0:0
         1010.0 <- S. 0:0 ack 1
         1020.0 -> P. 1:101 ack 1
         1030.0 <- P. 1:101 ack 101",
    );
    let retries = world.times_of(|event| matches!(event, Event::SynRetried { .. }));
    assert_eq!(retries, [1_000, 1_010]);
}

#[test]
fn a_syn_that_comes_twice_is_answered_twice_and_each_time_is_counted() {
    let profile = Arc::new(Profile::linux());
    let mut client = Endpoint::connect(at(0), profile.clone(), SCOPE, 0);
    let Some(Output::Send(syn)) = client.poll_output(at(0), &mut ()) else { panic!("a SYN") };
    let mut server = Endpoint::accept(at(10), profile, SCOPE, 0, &syn);
    let mut seen = Seen { keeps: true, ..Seen::default() };

    let mut answers = Vec::new();
    for ms in [10, 12, 12, 17] {
        if ms > 10 {
            server.handle(at(ms), Input::Segment(&syn), &mut seen);
        }
        while let Some(Output::Send(answer)) = server.poll_output(at(ms), &mut seen) {
            assert!(answer.flags.has(Flags::SYN_ACK));
            answers.push(ms);
        }
    }
    assert_eq!(answers, [10, 12, 17], "one answer is enough at 12 ms");
    let retries = seen.events.iter().map(|(at, event)| (at.as_nanos() / 1_000_000, *event));
    let retry = |retry| Event::SynRetried { retry };
    assert_eq!(retries.collect::<Vec<_>>(), [(12, retry(1)), (17, retry(2))]);
}

#[test]
fn a_peer_that_vanishes_is_given_up_after_the_user_timeout() {
    let user_timeout = Some(Duration::from_secs(5));
    let mut world = pair(Profile { user_timeout, ..Profile::linux() });
    world.exchange(100, 100);
    world.run_until(at(1_000));
    world.links[0].set(world.now, dead());
    world.input(CLIENT, Input::Write(100));
    world.run_until(at(100_000));

    let (ended_at, end) = world.ends[CLIENT].outputs[2];
    assert_eq!((ended_at, end), (at(6_000), Output::Ended(End::TimedOut)));
}

#[test]
fn without_a_user_timeout_linux_tries_for_a_quarter_of_an_hour() {
    let mut world = pair(Profile::linux());
    world.exchange(100, 100);
    world.run_until(at(1_000));
    world.links[0].set(world.now, dead());
    world.input(CLIENT, Input::Write(100));
    world.run_until(at(3_000_000));

    let ended = world.times_of(|event| *event == Event::GivenUp);
    assert!((900_000..1_000_000).contains(&ended[0]), "924.6 s and round trips: {ended:?}");
}

#[test]
fn an_idle_peer_that_is_gone_is_noticed_by_keepalive_alone() {
    let probe =
        Keepalive { idle: Duration::from_secs(60), interval: Duration::from_secs(10), probes: 3 };
    let mut world = pair(Profile { keepalive: Some(probe), ..Profile::linux() });
    world.exchange(100, 100);
    world.run_until(at(65_000));
    assert_eq!(world.ends[CLIENT].tcp().state(), State::Established, "it has answered");

    let now = world.now;
    for link in &mut world.links {
        link.set(now, dead());
    }
    world.run_until(at(300_000));
    let given_up = world.times_of(|event| *event == Event::GivenUp);
    assert_eq!(given_up, [150_050, 150_060], "both ends, after three unanswered questions");
}

#[test]
fn a_peer_that_does_not_read_is_asked_and_goes_on_when_it_reads() {
    let mut world = pair(Profile { receive_buffer: 10_000, ..Profile::linux() });
    world.ends[SERVER].reads = false;
    world.ends[CLIENT].says = 50_000;
    world.pump(CLIENT);
    world.run_until(at(30_000));
    assert_eq!(world.ends[SERVER].delivered, 10_000);
    assert!(world.times_of(|event| *event == Event::WindowProbed).len() >= 5);

    world.ends[SERVER].reads = true;
    world.input(SERVER, Input::Read(10_000));
    world.run_until(at(32_000));
    assert_eq!(world.ends[SERVER].delivered, 50_000);
    assert_eq!(world.seen.stalls, 0);
}

#[test]
fn one_side_may_close_and_still_be_answered() {
    let mut world = pair(Profile::linux());
    world.exchange(100, 50_000);
    world.run_until(at(25));
    world.input(CLIENT, Input::Shutdown);
    world.run_until(at(1_000));

    assert_eq!(world.ends[CLIENT].delivered, 50_000);
    let (client, server) = (world.ends[CLIENT].tcp(), world.ends[SERVER].tcp());
    assert_eq!((client.state(), server.state()), (State::FinWait2, State::CloseWait));
}

#[test]
fn an_answer_to_somebody_who_has_left_is_reset() {
    let mut world = pair(Profile::linux());
    world.exchange(100, 50_000);
    world.run_until(at(25));
    world.input(CLIENT, Input::Close);
    world.run_until(at(1_000));

    assert!(world.ends[SERVER].news().contains(&Output::Ended(End::Reset)));
    assert!(world.ends[CLIENT].news().contains(&Output::Ended(End::Aborted)));
}

#[test]
fn nobody_listens_and_the_caller_knows_at_once() {
    let mut world = pair(Profile::linux());
    let Some(Output::Send(syn)) =
        world.ends[CLIENT].tcp.as_mut().and_then(|client| client.poll_output(at(0), &mut ()))
    else {
        panic!("a SYN");
    };
    let answer = syn.answer_of_a_stranger().unwrap();
    world.input(CLIENT, Input::Segment(&answer));

    assert_eq!(world.ends[CLIENT].news(), [Output::Ended(End::Refused), Output::Gone]);
}

#[test]
fn a_caller_whom_nobody_accepts_believes_that_it_is_connected_and_waits() {
    let mut world = World::new(1);
    let links = [world.link("there", delay(10)), world.link("back", delay(10))];
    let profile = Arc::new(Profile::linux());
    world.listener = Some(Listener::new(Backlog { half_open: 8, whole: 0 }));
    for client in [0, 2] {
        world.connect(&profile, &links[..1], &links[1..]);
        world.ends[client].says = 100;
        world.ends[client + 1].answers = Some((100, 100));
        world.pump(client);
    }
    world.run_until(at(2_000));
    assert_eq!(world.ends[0].delivered, 100);
    assert_eq!((world.ends[2].tcp().state(), world.ends[2].delivered), (State::Established, 0));

    assert_eq!(world.listener.as_mut().unwrap().accept(), Some(1));
    world.run_until(at(10_000));
    assert_eq!(world.ends[2].delivered, 100);
    let overflows = world.times_of(|event| *event == Event::AcceptOverflow);
    assert!(overflows.len() > 2, "each try of the data, and each answer to a repeated SYN-ACK");
}

#[test]
fn both_may_call_at_once() {
    let mut world = pair(Profile::rfc());
    let profile = Arc::new(Profile::rfc());
    world.ends[SERVER].tcp = Some(Endpoint::connect(at(0), profile, SCOPE, 1_000));
    world.ends[SERVER].says = 200;
    world.exchange(100, 0);
    world.pump(SERVER);
    world.run_until(at(3_000));

    assert_eq!([world.ends[CLIENT].delivered, world.ends[SERVER].delivered], [200, 100]);
}

#[test]
fn a_network_that_reorders_a_little_costs_nothing_once_it_is_known_to() {
    let resent = |detection| {
        let reorder = Params {
            reorder: Share::percent(20),
            reorder_by: Duration::from_millis(4),
            bits_per_sec: Some(20_000_000),
            ..delay(10)
        };
        let profile = Profile { detection, ..Profile::linux() };
        let mut world = World::pair(1, profile, reorder, delay(10));
        world.ends[CLIENT].says = 4_000_000;
        world.pump(CLIENT);
        world.run_until(at(10_000));
        assert_eq!(world.ends[SERVER].delivered, 4_000_000);
        world.seen.retransmitted
    };

    let (rack, sack) = (resent(Detection::Rack), resent(Detection::Sack));
    assert!(rack < 5, "{rack}");
    assert!(sack > 20, "counting to three takes each late segment for lost: {sack}");
}

#[test]
fn a_narrower_way_is_a_black_hole_until_somebody_says_so() {
    let mut world = pair(Profile::linux());
    world.exchange(100, 100);
    world.run_until(at(1_000));
    world.links[0].set(world.now, Params { mtu: 1_400, ..delay(10) });
    world.input(CLIENT, Input::Write(50_000));
    world.run_until(at(5_000));
    assert_eq!(world.ends[SERVER].delivered, 100);

    world.input(CLIENT, Input::TooBig(1_400));
    world.run_until(at(30_000));
    assert_eq!(world.ends[SERVER].delivered, 50_100);
}

#[test]
fn a_server_that_forgot_everything_resets_those_who_go_on_talking() {
    let mut world = pair(Profile::linux());
    world.exchange(100, 100);
    world.run_until(at(1_000));
    let Some(client) = world.ends[CLIENT].tcp.as_mut() else { panic!("a client") };
    client.handle(at(1_000), Input::Write(100), &mut ());
    let Some(Output::Send(request)) = client.poll_output(at(1_000), &mut ()) else {
        panic!("a request");
    };
    let answer = request.answer_of_a_stranger().unwrap();
    world.input(CLIENT, Input::Segment(&answer));

    assert!(world.ends[CLIENT].news().contains(&Output::Ended(End::Reset)));
}

fn pair(profile: Profile) -> World {
    World::pair(1, profile, delay(10), delay(10))
}

fn dead() -> Params {
    Params { condition: Condition::Partitioned, ..Params::default() }
}
