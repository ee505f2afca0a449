//! Connections over links, in virtual time: the smallest driver of [`netsim`].
//!
//! A client asks and a server answers; either may be endless. Every segment passes every link of
//! its way. A timer is pushed when a deadline moves earlier and looked at again when it comes.

use std::sync::Arc;

use base::{CallId, Duration, Instant};
use event::{Event, Scope, Sink, l4};
use netsim::l3::{Link, Params};
use netsim::l4::tcp::{Endpoint, Input, Output, Profile, Segment};
use netsim::{Party, Queue};

/// Links, and the connections over them.
pub struct Stage {
    seed: u64,
    now: Instant,
    queue: Queue<Happening>,
    somebody: Party,
    links: Vec<Link>,
    ends: Vec<End>,
    flying: Vec<Datagram>,
    free: Vec<u32>,
    tally: Tally,
    /// Which segments with data from clients are lost, besides what the links lose.
    pub losses: Losses,
    data_sent: u64,
}

/// One call and how it went. Its server stands next to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call(usize);

/// What is said on a connection, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Talk {
    /// What the client says once it is connected.
    pub ask: u64,
    /// What the server says once it has all of that.
    pub answer: u64,
}

impl Talk {
    /// The client never stops.
    pub const ENDLESS: Self = Self { ask: u64::MAX / 4, answer: 0 };
}

/// Losses without chance.
#[derive(Clone, Copy, Debug)]
pub enum Losses {
    /// None.
    None,
    /// Each so-and-so-manyth.
    Every(u64),
    /// This one, counted from 1.
    Once(u64),
}

impl Losses {
    const fn hit(self, number: u64) -> bool {
        match self {
            Self::None => false,
            Self::Every(every) => number.is_multiple_of(every),
            Self::Once(once) => number == once,
        }
    }
}

/// What happened, over all connections.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Segments sent again.
    pub resent: u64,
    /// Retransmission timeouts.
    pub stalls: u64,
    /// Recoveries without one.
    pub recoveries: u64,
}

struct End {
    tcp: Option<Endpoint>,
    profile: Arc<Profile>,
    path: Vec<u32>,
    talk: Talk,
    timer: Instant,
    began: Instant,
    connected: Option<Instant>,
    delivered: u64,
    delivered_at: Instant,
}

#[derive(Clone, Copy)]
enum Happening {
    Arrives { datagram: u32, hop: u8 },
    Timer { end: u32 },
}

#[derive(Clone, Copy)]
struct Datagram {
    to: u32,
    segment: Segment,
}

impl Stage {
    /// Nothing yet. The seed is the chance of its links.
    pub fn new(seed: u64) -> Self {
        let mut queue = Queue::new(seed);
        let somebody = queue.party("the network");
        Self {
            seed,
            now: Instant::ZERO,
            queue,
            somebody,
            links: Vec::new(),
            ends: Vec::new(),
            flying: Vec::new(),
            free: Vec::new(),
            tally: Tally::default(),
            losses: Losses::None,
            data_sent: 0,
        }
    }

    /// A link by its name, which its chance hangs on. Returns its number.
    pub fn link(&mut self, name: &str, params: Params) -> u32 {
        self.links.push(Link::new(self.seed, name, params));
        narrow(self.links.len()) - 1
    }

    /// A client calls now; its segments pass these links, and the answers those.
    pub fn call(
        &mut self,
        profile: &Arc<Profile>,
        talk: Talk,
        there: &[u32],
        back: &[u32],
    ) -> Call {
        let client = self.ends.len();
        let tcp = Endpoint::connect(self.now, profile.clone(), SCOPE, 0);
        self.ends.push(End::new(Some(tcp), profile, talk, there, self.now));
        self.ends.push(End::new(None, profile, talk, back, self.now));
        self.pump(client);
        Call(client)
    }

    /// Until then, or until nothing is left to happen.
    pub fn run_until(&mut self, end: Instant) {
        while self.queue.next_at().is_some_and(|at| at <= end) {
            self.step();
        }
        self.now = end;
    }

    /// One happening after the other, for as long as `goes_on` says after each, or until nothing is
    /// left to happen.
    pub fn run_while(&mut self, mut goes_on: impl FnMut(&Self) -> bool) {
        while self.step() && goes_on(self) {}
    }

    /// What time it is.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Until a call has its whole answer, or nothing is left to happen.
    pub fn run_to_answer(&mut self, call: Call) {
        while !self.is_answered(call) && self.step() {}
    }

    /// Whether a call has its whole answer.
    pub fn is_answered(&self, call: Call) -> bool {
        let client = &self.ends[call.0];
        client.delivered >= client.talk.answer
    }

    /// How long it took until the connection stood, if it does.
    pub fn connect_time(&self, call: Call) -> Option<Duration> {
        let client = &self.ends[call.0];
        client.connected.map(|at| at.since(client.began))
    }

    /// From the call to the last byte of the answer that has arrived.
    pub fn answer_time(&self, call: Call) -> Duration {
        let client = &self.ends[call.0];
        client.delivered_at.since(client.began)
    }

    /// How many bytes of the client's have arrived in order.
    pub fn received(&self, call: Call) -> u64 {
        self.ends[call.0 + 1].delivered
    }

    /// The client's congestion window in bytes.
    pub fn window(&self, call: Call) -> u32 {
        self.ends[call.0].tcp.as_ref().map_or(0, Endpoint::congestion_window)
    }

    /// What happened so far.
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// Whether anything happened.
    fn step(&mut self) -> bool {
        let Some((now, &happening)) = self.queue.pop() else { return false };
        self.now = now;
        match happening {
            Happening::Arrives { datagram, hop } => self.arrive(datagram, hop),
            Happening::Timer { end } => self.on_timer(end as usize),
        }
        true
    }

    fn on_timer(&mut self, at: usize) {
        let end = &mut self.ends[at];
        if end.timer <= self.now {
            end.timer = Instant::NEVER;
        }
        if let Some(tcp) = &mut end.tcp
            && tcp.next_deadline() <= self.now
        {
            tcp.handle(self.now, Input::Timer, &mut self.tally);
        }
        self.pump(at);
    }

    /// Does what an end wants, and sets its timer.
    fn pump(&mut self, at: usize) {
        while let Some(tcp) = &mut self.ends[at].tcp
            && let Some(output) = tcp.poll_output(self.now, &mut self.tally)
        {
            match output {
                Output::Send(segment) => self.transmit(at, segment),
                Output::Connected => self.on_connected(at),
                Output::Delivered(bytes) => self.on_delivered(at, bytes),
                _ => {}
            }
        }
        self.set_timer(at);
    }

    fn set_timer(&mut self, at: usize) {
        let end = &mut self.ends[at];
        let Some(tcp) = &end.tcp else { return };
        let deadline = tcp.next_deadline();
        if deadline < end.timer {
            end.timer = deadline;
            let timer = Happening::Timer { end: narrow(at) };
            self.queue.push(deadline.max(self.now), self.somebody, self.somebody, timer);
        }
    }

    fn on_connected(&mut self, at: usize) {
        let end = &mut self.ends[at];
        end.connected = Some(self.now);
        if is_client(at) {
            end.write(self.now, end.talk.ask, &mut self.tally);
        }
    }

    fn on_delivered(&mut self, at: usize, bytes: u32) {
        let end = &mut self.ends[at];
        let before = end.delivered;
        end.delivered += u64::from(bytes);
        end.delivered_at = self.now;
        if let Some(tcp) = &mut end.tcp {
            tcp.handle(self.now, Input::Read(bytes), &mut self.tally);
        }
        let has_all = before < end.talk.ask && end.delivered >= end.talk.ask;
        if !is_client(at) && has_all {
            end.write(self.now, end.talk.answer, &mut self.tally);
        }
    }

    fn transmit(&mut self, from: usize, segment: Segment) {
        let counts = is_client(from) && segment.len > 0;
        self.data_sent += u64::from(counts);
        if counts && self.losses.hit(self.data_sent) {
            return;
        }
        let datagram = Datagram { to: narrow(from ^ 1), segment };
        let id = self.free.pop().unwrap_or_else(|| {
            self.flying.push(datagram);
            narrow(self.flying.len()) - 1
        });
        self.flying[id as usize] = datagram;
        self.forward(from, id, 0);
    }

    fn forward(&mut self, from: usize, id: u32, hop: u8) {
        let link = self.ends[from].path[usize::from(hop)] as usize;
        let bytes = self.flying[id as usize].segment.bytes();
        match self.links[link].send(self.now, bytes) {
            Ok(transit) => {
                let arrives = Happening::Arrives { datagram: id, hop };
                self.queue.push(transit.arrives, self.somebody, self.somebody, arrives);
            }
            Err(_) => self.free.push(id),
        }
    }

    fn arrive(&mut self, id: u32, hop: u8) {
        let Datagram { to, segment } = self.flying[id as usize];
        let (to, from) = (to as usize, to as usize ^ 1);
        if usize::from(hop) + 1 < self.ends[from].path.len() {
            return self.forward(from, id, hop + 1);
        }
        self.free.push(id);
        let end = &mut self.ends[to];
        if let Some(tcp) = &mut end.tcp {
            tcp.handle(self.now, Input::Segment(&segment), &mut self.tally);
        } else {
            let profile = end.profile.clone();
            end.tcp = Some(Endpoint::accept(self.now, profile, SCOPE, 0, &segment));
        }
        self.pump(to);
    }
}

impl End {
    fn new(
        tcp: Option<Endpoint>,
        profile: &Arc<Profile>,
        talk: Talk,
        path: &[u32],
        began: Instant,
    ) -> Self {
        Self {
            tcp,
            profile: profile.clone(),
            path: path.to_vec(),
            talk,
            timer: Instant::NEVER,
            began,
            connected: None,
            delivered: 0,
            delivered_at: began,
        }
    }

    fn write(&mut self, now: Instant, bytes: u64, tally: &mut Tally) {
        if let Some(tcp) = &mut self.tcp
            && bytes > 0
        {
            tcp.handle(now, Input::Write(bytes), tally);
        }
    }
}

impl Sink for Tally {
    #[inline]
    fn emit(&mut self, _now: Instant, _scope: Scope, event: Event) {
        let Event::L4(event) = event else { return };
        self.resent += u64::from(matches!(event, l4::Event::Retransmitted { .. }));
        self.stalls += u64::from(matches!(event, l4::Event::Stalled { .. }));
        self.recoveries += u64::from(matches!(event, l4::Event::LossFound));
    }
}

const fn is_client(end: usize) -> bool {
    end & 1 == 0
}

/// Nobody simulates four billion of anything at once.
#[expect(clippy::cast_possible_truncation, reason = "memory ends long before")]
const fn narrow(number: usize) -> u32 {
    number as u32
}

const SCOPE: Scope = Scope { call: CallId(0), endpoint: None };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_takes_a_round_trip_to_connect_and_another_to_be_answered() {
        let mut stage = Stage::new(1);
        let way = Params { delay: Duration::from_millis(10), ..Params::default() };
        let (there, back) = (stage.link("there", way.clone()), stage.link("back", way));
        let talk = Talk { ask: 100, answer: 100 };
        let call = stage.call(&Arc::new(Profile::linux()), talk, &[there], &[back]);
        stage.run_to_answer(call);

        assert_eq!(stage.connect_time(call), Some(Duration::from_millis(20)));
        assert_eq!(stage.answer_time(call), Duration::from_millis(40));
        assert_eq!(stage.received(call), 100);
    }
}
