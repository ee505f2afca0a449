//! What is kept, and that keeping it changes nothing.

use super::examples::{Chosen, Doing, End, Note, Why};
use super::packets::*;
use super::*;
use crate::Options;
use crate::examples::variant;
use crate::world::{Run, World};
use event::l4;

#[test]
fn a_run_that_is_listened_to_ends_as_any_other() {
    let design = variant("incident", &[]);
    let plan = Plan::new(&design, &Options::default()).unwrap();

    let alone = World::new(&plan, 1).run();
    let heard = World::new(&plan, 1).listened(Tap::new(&plan, wanted())).run();

    assert_eq!((alone.stats.edge, alone.events), (heard.stats.edge.clone(), heard.events));
}

#[test]
fn every_period_has_its_examples_and_they_are_what_they_are_called() {
    let chosen = chosen("incident");
    let of = |period: &str, why| {
        chosen.iter().filter(|one| one.period == period && one.why == why).collect::<Vec<_>>()
    };

    assert_eq!((of("before", Why::Typical).len(), of("before", Why::Slowest).len()), (1, 2));
    assert!(!of("after", Why::Failed).is_empty());
    let typical = took(of("before", Why::Typical)[0]);
    assert!(of("before", Why::Slowest).iter().all(|one| took(one) > typical));
    for one in &chosen {
        let (_, outcome) = one.trace.ended.unwrap();
        assert_eq!(one.why == Why::Failed, matches!(outcome, Outcome::Failed(_)), "{one:?}");
    }
}

#[test]
fn an_example_is_a_tree_of_requests_tries_and_work_in_the_order_of_their_beginnings() {
    for Chosen { trace, .. } in chosen("incident") {
        assert!(matches!(trace.spans[0].doing, Doing::Request { .. }));
        for (at, span) in trace.spans.iter().enumerate().skip(1) {
            let parent = &trace.spans[span.parent.unwrap() as usize];
            assert!((span.parent.unwrap() as usize) < at && parent.began <= span.began);
            match (parent.doing, span.doing) {
                (Doing::Request { call, .. }, Doing::Attempt { call: of, .. }) => {
                    assert_eq!(call, of);
                }
                (Doing::Attempt { to, .. }, Doing::Work { at }) => assert_eq!(to, at),
                (Doing::Work { at }, Doing::Request { from, .. }) => assert_eq!(at, from),
                wrong => panic!("{wrong:?}"),
            }
        }
    }
}

#[test]
fn a_kept_example_shows_the_work_that_went_on_for_nobody() {
    let chosen = chosen("incident");
    let mut works = chosen.iter().flat_map(|one| &one.trace.spans);

    assert!(works.any(|span| {
        let left = span.notes.iter().find(|(_, note)| *note == Note::NobodyWaits);
        let answered = matches!(span.end, Some(End::Answered(_)));
        answered && left.is_some_and(|(left, _)| Some(*left) < span.ended)
    }));
}

#[test]
fn a_breakers_moves_are_kept_with_where_it_stands() {
    let recorder =
        play_under("balancer", &[("kind = \"crash\"", "kind = \"hang\""), ("1 of 3", "3 of 3")]);

    let moves = &recorder.course.moves;
    assert!(moves.iter().any(|to| to.to == event::policy::BreakerState::Open), "{moves:?}");
    assert!(moves.windows(2).all(|pair| pair[0].at <= pair[1].at));
    assert!(moves.iter().all(|to| to.call == base::CallId(1)), "{moves:?}");
    let instances: std::collections::BTreeSet<_> = moves.iter().map(|to| to.instance).collect();
    assert_eq!(instances.len(), 2, "both balancers have theirs");
}

#[test]
fn the_course_counts_each_call_and_each_node() {
    let recorder = play("balancer");

    let attempts: u32 = recorder.course.calls[1].iter().map(|window| window.attempts).sum();
    assert!(attempts > 10_000, "{attempts}");
    assert!(recorder.course.nodes.iter().flatten().any(|window| window.busy() > 0.0));
}

#[test]
fn what_is_measured_is_what_the_live_plane_would_say() {
    let recorder = play("balancer");
    let requests =
        recorder.measured.families.iter().find(|family| family.name == "plimsoll_requests");

    let family = requests.unwrap();
    assert!(family.head.starts_with("# TYPE plimsoll_requests counter\n# HELP"), "{}", family.head);
    let (sample, values) = &family.samples[0];
    assert_eq!(sample, "plimsoll_requests_total{call=\"users.lb\"}");
    assert_eq!(values.len(), recorder.measured.times.len());
}

#[test]
fn a_packet_knows_why_it_was_sent_and_what_became_of_it() {
    let mut packets = Packets::new((at(10), at(20)), 3);
    packets.opened(7, connection());
    packets.wrote(7, Side::Caller, message(1, 100));
    packets.turn_to(7, Side::Caller);
    let early = packets.left(at(9), &segment(0, 50));
    let first = packets.left(at(10), &segment(50, 50));
    packets.heard(l4::Event::Stalled { waited: Duration::from_millis(200) });
    packets.heard(l4::Event::Retransmitted { bytes: 50 });
    let again = packets.left(at(19), &segment(50, 50));
    packets.heard(l4::Event::TailProbed);
    packets.heard(l4::Event::Retransmitted { bytes: 50 });
    packets.left(at(19), &segment(50, 50));
    let beyond = packets.left(at(19), &segment(100, 50));
    packets.dropped(at(11), first, l3::Event::QueueFull);
    packets.arrived(at(21), again);

    assert_eq!((early, beyond, packets.left_out), (Ticket::NONE, Ticket::NONE, 1));
    let why: Vec<_> = packets.packets.iter().map(|packet| packet.why).collect();
    assert_eq!(why, [packets::Why::First, packets::Why::Timeout, packets::Why::TailProbeAgain]);
    assert_eq!(packets.packets[0].dropped, Some((at(11), l3::Event::QueueFull)));
    assert_eq!(packets.packets[1].arrived, [Some(at(21)), None]);
}

#[test]
fn a_range_of_a_stream_finds_its_messages_also_beyond_four_gibibytes() {
    let mut packets = Packets::new((at(0), at(9)), 10);
    packets.opened(7, connection());
    packets.turn_to(7, Side::Caller);
    packets.left(at(0), &segment(0, 1));
    for id in 0..5 {
        packets.wrote(7, Side::Caller, message(id, 1 << 30));
    }
    packets.wrote(7, Side::Caller, message(5, 10));

    let talk = &packets.connections[&7];
    let ids = |begin: u64, bytes| -> Vec<_> {
        let at = u32::try_from(begin & u64::from(u32::MAX)).unwrap();
        let found = talk.messages(Side::Caller, at, bytes);
        found.map(|(offset, message)| (offset, message.id)).collect()
    };
    assert_eq!(ids((5 << 30) - 5, 10), [(5 - (1 << 30), 4), (5, 5)]);
    assert_eq!(ids(3 << 30, 1), [(0, 3)]);
}

fn play(name: &str) -> Recorder {
    play_under(name, &[])
}

fn play_under(name: &str, changes: &[(&str, &str)]) -> Recorder {
    let design = variant(name, changes);
    let plan = Plan::new(&design, &Options::default()).unwrap();
    let run: Run = World::new(&plan, 1).listened(Tap::new(&plan, wanted())).run();
    run.tap.into_recorder().unwrap()
}

fn chosen(name: &str) -> Vec<Chosen> {
    play(name).examples.take_chosen()
}

fn took(one: &Chosen) -> Duration {
    one.trace.ended.unwrap().0.since(one.trace.arrived)
}

fn wanted() -> Wanted {
    let period = |name: &str, secs| Period {
        name: name.to_owned(),
        begin: Instant::from_secs(secs),
        typical: Duration::from_millis(100),
    };
    Wanted {
        periods: vec![period("before", 5), period("during", 60), period("after", 90)],
        packets: (Instant::ZERO, Instant::ZERO),
        most_packets: 0,
        measure_every: Duration::from_secs(1),
    }
}

fn connection() -> Connection {
    let socket = |instance| Socket { instance, address: netsim::l3::Address(instance), port: 80 };
    Connection { sockets: [socket(1), socket(2)], initial: [0; 2], speech: Speech::Http1 }
}

fn message(id: u64, bytes: u32) -> Message {
    Message {
        id,
        part: Part::Request { attempt: 1 },
        kind: 0,
        stream: 1,
        head: 0,
        body: bytes,
        cut: None,
    }
}

fn segment(seq: u32, len: u32) -> Segment {
    Segment { seq, len, ..Segment::default() }
}

fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}
