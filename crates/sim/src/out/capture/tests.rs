//! A capture of two ends with a bad link between them, read by `tshark`.

use std::process::Command;
use std::sync::Arc;

use base::{CallId, Duration, Instant, Random, Share};
use event::{Event, Scope, Sink};
use netsim::l3::{Address, Link, Loss, Params};
use netsim::l4::tcp::{Endpoint, Input, Output, Profile};
use netsim::{Party, Queue};

use super::*;
use crate::world::tap::packets::{Part, Speech, Ticket};

const BAD: &str = "tcp.checksum.status == 0 || ip.checksum.status == 0 || _ws.malformed \
                   || _ws.expert.severity == error";

#[test]
fn tshark_finds_nothing_malformed_in_http1_and_every_message() {
    let capture = Bench::new(Speech::Http1, &lossy(0)).exchange(&[(0, 60_000), (9_000, 300)]);

    assert_eq!(capture.tshark(BAD, &["frame.number"]), "");
    let requests = capture.tshark("http.request && !tcp.analysis.retransmission", URI);
    assert_eq!(requests, "/items/x\n".repeat(2));
    let answers = capture.tshark("http.response", &["http.response.code", "http.content_length"]);
    assert_eq!(answers.lines().count(), 2, "{answers}");
    assert!(answers.contains("200\t60000\n"), "{answers}");
}

#[test]
fn tshark_reads_http2_and_grpc() {
    for (speech, wanted) in [(Speech::Http2, "http2.headers.path"), (Speech::Grpc, "grpc")] {
        let capture = Bench::new(speech, &lossy(0)).exchange(&[(500, 40_000), (20, 14)]);

        assert_eq!(capture.tshark(BAD, &["frame.number"]), "", "{speech:?}");
        assert_ne!(capture.tshark(wanted, &["frame.number"]), "", "{speech:?}");
        let ends = capture.tshark("http2", &["http2.flags.end_stream"]);
        assert_eq!(ends.matches('1').count(), 4, "two messages each way: {ends}");
    }
}

#[test]
fn tshark_reads_grpc_messages_of_every_size() {
    let sizes = (0..=140).chain(16_370..=16_400).chain([70_000]);
    // A message without a byte is a frame's head and its own length.
    let bodies: Vec<_> = sizes.map(|size| (14 + size, 14 + size)).collect();
    let capture = Bench::new(Speech::Grpc, &lossy(0)).exchange(&bodies);

    assert_eq!(capture.tshark(BAD, &["frame.number"]), "");
    let read = capture.tshark("grpc", &["grpc.message_length"]);
    let mut read: Vec<u32> = read.split(['\n', ',']).filter_map(|n| n.parse().ok()).collect();
    read.sort_unstable();
    // Each frame more takes nine bytes for its head.
    let message = |body: u32| body - 14 - 9 * ((250 + body - 1) / (16_384 + 9));
    let mut written: Vec<u32> = bodies.iter().flat_map(|(body, _)| [message(*body); 2]).collect();
    written.sort_unstable();
    assert_eq!(read, written);
}

#[test]
fn tshark_reads_a_websocket_and_a_stream_that_stays_open() {
    for (speech, wanted, count) in
        [(Speech::Http1, "websocket", 5), (Speech::Grpc, "grpc && http2.type == 0", 5)]
    {
        let capture = Bench::new(speech, &lossy(0)).session(&[20, 200, 1_000]);

        assert_eq!(capture.tshark(BAD, &["frame.number"]), "", "{speech:?}");
        // One each way of each size but for the request of the stream; and a close frame.
        let read = capture.tshark(wanted, &["frame.number"]).lines().count();
        assert!(read >= count, "{speech:?}: {read}");
    }
    let capture = Bench::new(Speech::Http1, &lossy(0)).session(&[20]);
    assert_eq!(capture.tshark("http.response", &["http.response.code"]), "101\n");
    assert_eq!(capture.tshark("websocket.opcode == 8", &["websocket.mask"]), "1\n");
}

#[test]
fn tshark_counts_the_retransmissions_that_we_made() {
    let mut seen = 0;
    for loss in [2, 8] {
        for speech in [Speech::Http1, Speech::Http2] {
            let sizes = [(2_000, 200_000), (100_000, 500), (10, 20)];
            let capture = Bench::new(speech, &lossy(loss)).exchange(&sizes);

            assert_eq!(capture.tshark(BAD, &["frame.number"]), "", "{speech:?} {loss} %");
            for side in [Side::Caller, Side::Called] {
                let (ours, theirs) = (capture.sent_again(side), capture.counted_again(side));
                assert_eq!(ours, theirs, "{speech:?} {loss} % {side:?}");
                seen += ours;
            }
        }
    }
    assert!(seen > 30, "{seen}");
}

/// Where nothing newer leaves in between, tshark's own word is enough.
#[test]
fn what_is_sent_again_with_nothing_newer_tshark_calls_a_retransmission() {
    let capture = Bench::new(Speech::Http1, &lossy(8)).exchange(&[(300, 900); 60]);

    let mut seen = 0;
    for side in [Side::Caller, Side::Called] {
        let filter =
            format!("tcp.analysis.retransmission && tcp.srcport == {}", PORTS[side as usize]);
        let theirs = capture.alone(side).tshark(&filter, &["frame.number"]).lines().count();
        assert_eq!(capture.sent_again(side), theirs, "{side:?}");
        seen += theirs;
    }
    assert!(seen > 8, "{seen}");
}

#[test]
fn what_was_dropped_and_what_was_sent_again_says_why() {
    let capture = Bench::new(Speech::Http1, &lossy(5)).exchange(&[(2_000, 300_000)]);

    let comments = capture.tshark("frame.comment", &["frame.comment"]);
    assert!(comments.contains("sent again: "), "{comments}");
    assert!(comments.contains("ms later: lost by chance on a link"), "{comments}");
    let dropped = capture.packets.packets.iter().filter(|packet| packet.dropped.is_some());
    assert_eq!(comments.matches("dropped ").count(), dropped.count());
}

#[test]
fn a_capture_ends_before_it_is_too_long_and_says_what_is_missing() {
    let bench = Bench::new(Speech::Http1, &lossy(0)).exchange(&[(10, 900_000)]);
    let short = write(&bench.packets, &names(), 500_000);

    assert!(short.bytes.len() <= 500_000 && short.left_out > 0, "{}", short.bytes.len());
    let all = write(&bench.packets, &names(), usize::MAX);
    assert_eq!((all.packets, all.left_out), (short.packets + short.left_out, 0));
}

const URI: &[&str] = &["http.request.uri"];

/// Two ends, a link each way, and somebody who listens.
struct Bench {
    now: Instant,
    queue: Queue<Happening>,
    party: Party,
    links: [Link; 2],
    ends: [Option<Endpoint>; 2],
    timers: [Instant; 2],
    delivered: [u64; 2],
    profile: Arc<Profile>,
    speech: Speech,
    tap: Ears,
}

/// Passes on what the endpoints report.
struct Ears(Packets);

#[derive(Clone, Copy)]
enum Happening {
    Arrives { to: Side, segment: Segment, ticket: Ticket },
    Timer(Side),
}

struct Captured {
    packets: Packets,
    file: tempfile::NamedTempFile,
}

impl Sink for Ears {
    fn emit(&mut self, _now: Instant, _scope: Scope, event: Event) {
        if let Event::L4(event) = event {
            self.0.heard(event);
        }
    }
}

impl Bench {
    fn new(speech: Speech, params: &Params) -> Self {
        let mut queue = Queue::new(1);
        let party = queue.party("the network");
        let seed = Random::of(1, "bench", &format!("{params:?}{speech:?}")).bits();
        let link = |name| Link::new(seed, name, params.clone());
        let mut packets = Packets::new((Instant::ZERO, Instant::NEVER), u32::MAX);
        let socket =
            |instance, port| Socket { instance, address: Address(0x0a00_0001 + instance), port };
        let sockets = [socket(0, PORTS[0]), socket(1, PORTS[1])];
        packets.opened(CONNECTION, Connection { sockets, initial: INITIAL, speech });
        let profile = Arc::new(Profile::linux());
        let caller = Endpoint::connect(Instant::ZERO, profile.clone(), SCOPE, INITIAL[0]);
        Self {
            now: Instant::ZERO,
            queue,
            party,
            links: [link("there"), link("back")],
            ends: [Some(caller), None],
            timers: [Instant::NEVER; 2],
            delivered: [0; 2],
            profile,
            speech,
            tap: Ears(packets),
        }
    }

    /// Requests and answers, one after the other, with bodies of these sizes.
    fn exchange(mut self, sizes: &[(u32, u32)]) -> Captured {
        self.pump(Side::Caller);
        if self.speech != Speech::Http1 {
            for side in [Side::Caller, Side::Called] {
                let head = Part::opening(side);
                self.say(side, Message { head, ..message(0, Part::Opening) });
            }
        }
        for (number, &(request, answer)) in (0..).zip(sizes) {
            let asks = Message { body: request, ..message(number, Part::Request { attempt: 1 }) };
            let says =
                Message { body: answer, ..message(number, Part::Answer { status: 200, tries: 1 }) };
            self.say(Side::Caller, asks);
            self.say(Side::Called, says);
        }
        self.input(Side::Caller, Input::Close);
        self.input(Side::Called, Input::Close);
        while self.step().is_some() {}
        Captured::new(self.tap.0)
    }

    /// A session with messages of these sizes each way, which its caller ends.
    fn session(mut self, sizes: &[u32]) -> Captured {
        self.pump(Side::Caller);
        if self.speech != Speech::Http1 {
            for side in [Side::Caller, Side::Called] {
                let head = Part::opening(side);
                self.say(side, Message { head, ..message(0, Part::Opening) });
            }
        }
        let opening = Part::Upgrade { attempt: 1 };
        self.say(Side::Caller, Message { head: 400, ..message(0, opening) });
        self.say(Side::Called, Message { head: 200, ..message(0, Part::Upgraded) });
        for &body in sizes {
            for side in [Side::Caller, Side::Called] {
                let head = Part::frame(self.speech, side, body);
                self.say(side, Message { head, body, ..message(0, Part::Frame) });
            }
        }
        let head = Part::farewell(self.speech, Side::Caller);
        self.say(Side::Caller, Message { head, ..message(0, Part::Farewell) });
        self.input(Side::Caller, Input::Close);
        self.input(Side::Called, Input::Close);
        while self.step().is_some() {}
        Captured::new(self.tap.0)
    }

    /// Writes a message, and waits until it has arrived.
    fn say(&mut self, side: Side, message: Message) {
        while self.ends[side as usize].is_none() {
            self.step().expect("the handshake goes on");
        }
        self.tap.0.wrote(CONNECTION, side, message);
        let wanted = self.delivered[side.peer() as usize] + message.bytes();
        self.input(side, Input::Write(message.bytes()));
        while self.delivered[side.peer() as usize] < wanted {
            self.step().expect("it arrives at last");
        }
    }

    fn step(&mut self) -> Option<()> {
        let (now, &happening) = self.queue.pop()?;
        self.now = now;
        match happening {
            Happening::Arrives { to, segment, ticket } => self.arrive(to, segment, ticket),
            Happening::Timer(side) => {
                self.timers[side as usize] = Instant::NEVER;
                if self.ends[side as usize].as_ref().is_some_and(|end| end.next_deadline() <= now) {
                    self.input(side, Input::Timer);
                }
                self.pump(side);
            }
        }
        Some(())
    }

    fn arrive(&mut self, to: Side, segment: Segment, ticket: Ticket) {
        self.tap.0.arrived(self.now, ticket);
        if self.ends[to as usize].is_none() {
            let profile = self.profile.clone();
            let end = Endpoint::accept(self.now, profile, SCOPE, INITIAL[1], &segment);
            self.ends[to as usize] = Some(end);
            return self.pump(to);
        }
        self.input(to, Input::Segment(&segment));
    }

    fn input(&mut self, side: Side, input: Input<'_>) {
        self.tap.0.turn_to(CONNECTION, side);
        if let Some(end) = &mut self.ends[side as usize] {
            end.handle(self.now, input, &mut self.tap);
        }
        self.pump(side);
    }

    fn pump(&mut self, side: Side) {
        self.tap.0.turn_to(CONNECTION, side);
        while let Some(end) = &mut self.ends[side as usize]
            && let Some(output) = end.poll_output(self.now, &mut self.tap)
        {
            match output {
                Output::Send(segment) => self.transmit(side, segment),
                Output::Delivered(bytes) => {
                    self.delivered[side as usize] += u64::from(bytes);
                    end.handle(self.now, Input::Read(bytes), &mut self.tap);
                }
                _ => {}
            }
        }
        let Some(end) = &self.ends[side as usize] else { return };
        let deadline = end.next_deadline();
        if deadline < self.timers[side as usize] {
            self.timers[side as usize] = deadline;
            self.queue.push(deadline.max(self.now), self.party, self.party, Happening::Timer(side));
        }
    }

    fn transmit(&mut self, from: Side, segment: Segment) {
        let ticket = self.tap.0.left(self.now, &segment);
        match self.links[from as usize].send(self.now, segment.bytes()) {
            Ok(transit) => {
                let arrives = Happening::Arrives { to: from.peer(), segment, ticket };
                self.queue.push(transit.arrives, self.party, self.party, arrives);
            }
            Err(why) => self.tap.0.dropped(self.now, ticket, why),
        }
    }
}

impl Captured {
    fn new(packets: Packets) -> Self {
        let capture = write(&packets, &names(), usize::MAX);
        assert_eq!(capture.left_out, 0);
        let file = tempfile::Builder::new().suffix(".pcapng").tempfile().unwrap();
        std::fs::write(file.path(), capture.bytes).unwrap();
        Self { packets, file }
    }

    /// The fields of the packets that a filter lets through, a line each.
    fn tshark(&self, filter: &str, fields: &[&str]) -> String {
        let fields = fields.iter().flat_map(|field| ["-e", field]);
        run(
            self.file.path(),
            &["-Y", filter, "-T", "fields"].into_iter().chain(fields).collect::<Vec<_>>(),
        )
    }

    /// What one interface saw.
    fn alone(&self, side: Side) -> Self {
        let file = tempfile::Builder::new().suffix(".pcapng").tempfile().unwrap();
        let filter = format!("frame.interface_name == \"{}\"", names().instances[side as usize]);
        run(self.file.path(), &["-Y", &filter, "-w", file.path().to_str().unwrap()]);
        Self { packets: self.packets.clone(), file }
    }

    fn sent_again(&self, side: Side) -> usize {
        let from = |packet: &&Packet| packet.from == side;
        let again = self.packets.packets.iter().filter(from);
        again.filter(|packet| packet.why.is_again() || packet.why == Why::SynRetry).count()
    }

    /// What tshark finds on the sender's interface alone. The second loss of a window looks to it
    /// as if the segment had been overtaken on its way; before it left, none can have been.
    fn counted_again(&self, side: Side) -> usize {
        let again = "(tcp.analysis.retransmission || tcp.analysis.fast_retransmission \
                     || tcp.analysis.spurious_retransmission || tcp.analysis.out_of_order)";
        let filter = format!("{again} && tcp.srcport == {}", PORTS[side as usize]);
        self.alone(side).tshark(&filter, &["frame.number"]).lines().count()
    }
}

fn run(file: &std::path::Path, arguments: &[&str]) -> String {
    let mut tshark = Command::new("tshark");
    tshark.args(["-r".as_ref(), file]);
    tshark.args(["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]);
    // Off by default, and then any lost segment of a long message is called malformed.
    tshark.args(["-o", "tcp.reassemble_out_of_order:TRUE"]);
    let output = tshark.args(arguments).output().expect("`cargo xtask setup` installs tshark");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn message(number: u32, part: Part) -> Message {
    let id = u64::from(number) + 1;
    Message { id, part, kind: 0, stream: 2 * number + 1, head: 250, body: 0, cut: None }
}

fn names() -> Names {
    let words = Words { kinds: vec![("GET".to_owned(), "/items/x".to_owned())] };
    let nodes = vec!["users".to_owned(), "svc".to_owned()];
    Names { instances: vec!["users/0".to_owned(), "svc/0".to_owned()], nodes, words }
}

fn lossy(percent: u32) -> Params {
    let loss = if percent == 0 {
        Loss::None
    } else {
        Loss::Independent(Share::from_millionths(percent * 10_000))
    };
    Params {
        delay: Duration::from_millis(10),
        bits_per_sec: Some(50_000_000),
        loss,
        ..Params::default()
    }
}

const CONNECTION: u64 = 5;
const PORTS: [u16; 2] = [40_000, 80];
const INITIAL: [u32; 2] = [1_000_000, 4_294_960_000];
const SCOPE: Scope = Scope { call: CallId(0), endpoint: None };
