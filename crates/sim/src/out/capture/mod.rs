//! `packets.pcapng`: datagrams as they left, each on its sender's interface.
//!
//! Where they arrived they do not stand again: a reader takes what it sees twice for sent twice.
//! One that was dropped has a comment that says where it ended, and one that was sent again a
//! comment that says why.

mod pcapng;
mod speech;

use std::collections::BTreeMap;

use event::l3;
use netsim::l3::Address;
use netsim::l4::tcp::{Flags, Segment};
use wire::l3::ip;
use wire::l4::{tcp, udp};

use self::pcapng::Pcapng;
use self::speech::Said;
pub(crate) use self::speech::Words;
use crate::world::tap::packets::{
    Connection, Message, Packet, Packets, Side, Socket, Talk, What, Why,
};

/// What a capture needs to know besides its packets.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// By instance: `node/number`.
    pub(crate) instances: Vec<String>,
    /// By instance: the node alone.
    pub(crate) nodes: Vec<String>,
    pub(crate) words: Words,
}

/// A capture, and what is not in it.
#[derive(Debug)]
pub(crate) struct Capture {
    pub(crate) bytes: Vec<u8>,
    /// Packets that are in it.
    pub(crate) packets: u64,
    /// Packets for which there was no room.
    pub(crate) left_out: u64,
}

/// Writes packets down, in the order of their times. It ends before it is longer than `most`
/// bytes.
pub(crate) fn write(packets: &Packets, names: &Names, most: usize) -> Capture {
    let mut capture = Pcapng::new(concat!("plimsoll ", env!("CARGO_PKG_VERSION")));
    let interfaces = interfaces(packets, names, &mut capture);
    let mut written = 0;
    let mut bytes = Vec::new();
    for (packet, number) in packets.packets.iter().zip(0_u64..) {
        let Some(talk) = packets.connections.get(&packet.connection) else { continue };
        if capture.len() + ROOM > most {
            break;
        }
        bytes.clear();
        datagram(packet, number, talk, names, &mut bytes);
        let interface = interfaces[&talk.about.sockets[packet.from as usize].instance];
        capture.packet(packet.left, interface, &bytes, &comments(packet));
        written += 1;
    }
    let left_out = packets.left_out + (packets.packets.len() as u64 - written);
    Capture { bytes: capture.finish(), packets: written, left_out }
}

/// The longest that a packet may become: the largest datagram, and comments.
const ROOM: usize = 70_000;

/// One for each instance that sent or was sent to, in their order.
fn interfaces(packets: &Packets, names: &Names, capture: &mut Pcapng) -> BTreeMap<u32, u32> {
    let mut sockets = BTreeMap::new();
    for packet in &packets.packets {
        if let Some(talk) = packets.connections.get(&packet.connection) {
            sockets.extend(talk.about.sockets.map(|socket| (socket.instance, socket.address)));
        }
    }
    let mut open = |(instance, address): (u32, Address)| {
        let name = names.instances.get(instance as usize).map_or("?", String::as_str);
        (instance, capture.interface(name, on_wire(address)))
    };
    sockets.into_iter().map(&mut open).collect()
}

/// The bytes of a datagram, from its IPv4 head on.
fn datagram(packet: &Packet, number: u64, talk: &Talk, names: &Names, out: &mut Vec<u8>) {
    let (from, to) = ends(packet.from, &talk.about);
    let head = ip::Header {
        source: on_wire(from.address),
        destination: on_wire(to.address),
        protocol: ip::TCP,
        #[expect(clippy::cast_possible_truncation, reason = "it repeats every 2^16 datagrams")]
        identification: number as u16,
        hop_limit: HOPS,
        fragment: ip::Fragment::Never,
        payload: 0,
    };
    let speaker = Speaker { about: &talk.about, side: packet.from, names };
    match packet.what {
        What::Segment(segment) => {
            let payload = speaker.payload(talk, &segment);
            segment_head(from, to, &segment).write(head, &payload, out);
        }
        What::Datagram { message, at, bytes } => {
            speaker.datagram(from, to, head, message, (at, bytes), out);
        }
    }
}

/// In the network simulated, an address has no fixed first byte; here it is a private one (RFC
/// 1918).
const fn on_wire(address: Address) -> [u8; 4] {
    let [first, b, c, d] = address.0.to_be_bytes();
    [if first == 0 { 10 } else { first }, b, c, d]
}

fn ends(from: Side, about: &Connection) -> (Socket, Socket) {
    (about.sockets[from as usize], about.sockets[from.peer() as usize])
}

/// Who says something.
struct Speaker<'a> {
    about: &'a Connection,
    side: Side,
    names: &'a Names,
}

impl Speaker<'_> {
    fn payload(&self, talk: &Talk, segment: &Segment) -> Vec<u8> {
        let begin = segment.offset(self.about.initial[self.side as usize]);
        let mut payload = Vec::with_capacity(segment.len as usize);
        for (offset, message) in talk.messages(self.side, begin, segment.len) {
            // What of it lies in this segment.
            let from = u64::try_from(-offset).unwrap_or(0);
            let room = u64::from(segment.len) - payload.len() as u64;
            let to = (from + room).min(message.bytes());
            let at = message.cut.map_or(0, |(at, _)| at);
            self.say(message, at + from, at + to, &mut payload);
        }
        // What was written before anybody listened.
        payload.resize(segment.len as usize, b'~');
        payload
    }

    /// Fragments but the first carry no UDP head (RFC 791, 3.2).
    fn datagram(
        &self,
        from: Socket,
        to: Socket,
        head: ip::Header,
        message: Message,
        (at, bytes): (u32, u32),
        out: &mut Vec<u8>,
    ) {
        let mut payload = Vec::new();
        self.say(message, 0, message.bytes(), &mut payload);
        let mut whole = Vec::new();
        let header = udp::Header { source: from.port, destination: to.port };
        header.write(head, &payload, &mut whole);
        let begin = (at as usize).min(whole.len());
        let end = (begin + bytes as usize).min(whole.len());
        let is_whole = begin == 0 && end == whole.len();
        #[expect(clippy::cast_possible_truncation, reason = "a datagram has at most 2^16 bytes")]
        let fragment = ip::Fragment::Part { at: begin as u16, more: end < whole.len() };
        #[expect(clippy::cast_possible_truncation, reason = "all fragments of a message have one")]
        let identification = message.id as u16;
        ip::Header {
            protocol: ip::UDP,
            identification,
            fragment: if is_whole { ip::Fragment::Never } else { fragment },
            payload: u16::try_from(end - begin).unwrap_or(u16::MAX),
            ..head
        }
        .write(out);
        out.extend_from_slice(&whole[begin..end]);
    }

    fn say(&self, message: Message, from: u64, to: u64, out: &mut Vec<u8>) {
        let called = self.about.sockets[Side::Called as usize].instance;
        let host = self.names.nodes.get(called as usize).map_or("?", String::as_str);
        let said = Said { message, speech: self.about.speech, side: self.side, host };
        self.names.words.write(said, from, to, out);
    }
}

fn segment_head(from: Socket, to: Socket, segment: &Segment) -> OwnedHeader {
    let is_syn = segment.flags.has(Flags::SYN);
    let scale = if is_syn { 0 } else { SCALE };
    OwnedHeader {
        header: tcp::Header {
            source: from.port,
            destination: to.port,
            seq: segment.seq,
            ack: if segment.flags.has(Flags::ACK) { segment.ack } else { 0 },
            flags: segment.flags.bits(),
            window: u16::try_from(segment.window >> scale).unwrap_or(u16::MAX),
            mss: is_syn.then_some(MSS),
            scale: is_syn.then_some(SCALE),
            sack_permitted: is_syn,
            timestamps: (segment.timestamp != 0).then_some((segment.timestamp, segment.echo)),
            sack: &[],
        },
        sack: segment.sack.iter().collect(),
    }
}

/// A head with the ranges that it points to.
struct OwnedHeader {
    header: tcp::Header<'static>,
    sack: Vec<(u32, u32)>,
}

impl OwnedHeader {
    fn write(&self, head: ip::Header, payload: &[u8], out: &mut Vec<u8>) {
        tcp::Header { sack: &self.sack, ..self.header }.write(head, payload, out);
    }
}

/// Why it is remarkable, in words.
fn comments(packet: &Packet) -> Vec<String> {
    let mut comments = Vec::new();
    comments.extend(reason(packet.why).map(str::to_owned));
    if let Some((at, why)) = packet.dropped {
        let after = at.since(packet.left).as_millis_f64();
        comments.push(format!("dropped {after:.3} ms later: {}", drop_reason(why)));
    }
    if packet.arrived[1].is_some() {
        comments.push("arrived twice".to_owned());
    }
    comments
}

const fn reason(why: Why) -> Option<&'static str> {
    match why {
        Why::First => None,
        Why::LossFound => Some("sent again: later data was acknowledged, so this was lost"),
        Why::Timeout => Some("sent again: nothing came back for a whole retransmission timeout"),
        Why::TailProbe => Some("sent early, as a probe: does the last data need sending again?"),
        Why::TailProbeAgain => Some("sent again, as a probe: nobody acknowledged the last data"),
        Why::SynRetry => Some("sent again: the handshake went no further"),
        Why::WindowProbe => Some("a question: does the peer take more?"),
        Why::Keepalive => Some("a question: is the peer still there?"),
    }
}

const fn drop_reason(why: l3::Event) -> &'static str {
    match why {
        l3::Event::Lost => "lost by chance on a link",
        l3::Event::QueueFull => "the queue before a link was full",
        l3::Event::Corrupted => "damaged on the way, and its checksum said so",
        l3::Event::TooBig => "larger than a link takes",
        l3::Event::HopLimit => "went round in a circle until its hop limit",
        l3::Event::NoRoute => "a router knew no way",
        l3::Event::Partitioned => "met a partition",
        l3::Event::LinkDown => "the link was down",
        l3::Event::Filtered => "a firewall dropped it",
        l3::Event::Duplicated => "it was a copy",
        l3::Event::Reordered => "it was overtaken",
    }
}

/// Routers that a datagram may pass, as Linux sends it.
const HOPS: u8 = 64;
/// By how many bits windows are scaled: enough for the eight megabytes that fit (RFC 7323, 2.3).
const SCALE: u8 = 7;
/// Of Ethernet's 1500 bytes.
const MSS: u16 = 1_460;

#[cfg(test)]
mod tests;
