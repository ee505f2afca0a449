//! Endpoints, links and the event queue: the smallest driver of the network.
//!
//! A connection has two ends, and each end sends along a list of links. Timers are pushed when a
//! deadline moves earlier, and looked at again when they come: one that moved later costs nothing.

use std::fmt::Write as _;
use std::sync::Arc;

use base::{CallId, Duration, Instant};
use event::{Event, Scope, Sink, l3, l4};
use netsim::l3::{Link, Params};
use netsim::l4::tcp::{Endpoint, Flags, Input, Listener, Output, Profile, Segment, State};
use netsim::{Party, Queue};

pub struct World {
    pub now: Instant,
    queue: Queue<Happening>,
    somebody: Party,
    pub links: Vec<Link>,
    pub ends: Vec<End>,
    flying: Vec<Datagram>,
    free: Vec<u32>,
    pub seen: Seen,
    /// A line for each segment, if somebody wants to read them.
    pub trace: Option<String>,
    /// Who may connect, if that is limited.
    pub listener: Option<Listener<usize>>,
    /// The segments that are lost, counted from 1 as they are sent.
    pub drops: Vec<u64>,
    /// Of the clients' segments with data, every so many is lost; 0 for none.
    pub drop_every: u64,
    data_sent: u64,
    /// Where sequence numbers begin.
    pub initial: u32,
    seed: u64,
}

/// Two ends of a connection stand next to each other: the client's number is even.
pub struct End {
    pub tcp: Option<Endpoint>,
    profile: Arc<Profile>,
    path: Vec<usize>,
    timer: Instant,
    pub delivered: u64,
    pub delivered_at: Instant,
    pub outputs: Vec<(Instant, Output)>,
    /// Whether the application takes what arrives.
    pub reads: bool,
    /// Writes so much once the connection stands.
    pub says: u64,
    /// Writes so much once all of that has arrived.
    pub answers: Option<(u64, u64)>,
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
    damaged: bool,
}

/// What was reported.
#[derive(Default)]
pub struct Seen {
    pub events: Vec<(Instant, l4::Event)>,
    pub retransmitted: u64,
    pub stalls: u64,
    pub recoveries: u64,
    pub lost: u64,
    pub sent: u64,
    pub keeps: bool,
}

impl Sink for Seen {
    fn emit(&mut self, now: Instant, _scope: Scope, event: Event) {
        let Event::L4(event) = event else { return };
        self.retransmitted += u64::from(matches!(event, l4::Event::Retransmitted { .. }));
        self.stalls += u64::from(matches!(event, l4::Event::Stalled { .. }));
        self.recoveries += u64::from(matches!(event, l4::Event::LossFound));
        if self.keeps {
            self.events.push((now, event));
        }
    }
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut queue = Queue::new(seed);
        let somebody = queue.party("the network");
        Self {
            now: Instant::ZERO,
            queue,
            somebody,
            links: Vec::new(),
            ends: Vec::new(),
            flying: Vec::new(),
            free: Vec::new(),
            seen: Seen { keeps: true, ..Seen::default() },
            trace: None,
            listener: None,
            drops: Vec::new(),
            drop_every: 0,
            data_sent: 0,
            initial: 0,
            seed,
        }
    }

    /// Two ends with a link each way.
    pub fn pair(seed: u64, profile: Profile, there: Params, back: Params) -> Self {
        let mut world = Self::new(seed);
        let there = world.link("there", there);
        let back = world.link("back", back);
        world.connect(&Arc::new(profile), &[there], &[back]);
        world
    }

    pub fn traced(mut self) -> Self {
        self.trace = Some(String::new());
        self
    }

    /// Compares what was sent with a table: milliseconds, direction, segment.
    #[track_caller]
    pub fn expect(&self, table: &str) {
        let lines = |text: &str| text.lines().map(|l| l.trim().to_owned()).collect::<Vec<_>>();
        let trace = self.trace.as_ref().expect("it is traced");
        assert_eq!(lines(trace.trim()), lines(table.trim()), "sent:\n{trace}");
    }

    /// The times in milliseconds at which this was reported.
    pub fn times_of(&self, is_it: impl Fn(&l4::Event) -> bool) -> Vec<u64> {
        let events = self.seen.events.iter().filter(|(_, event)| is_it(event));
        events.map(|(at, _)| at.as_nanos() / 1_000_000).collect()
    }

    /// The client says something, and the server answers when it has all of it.
    pub fn exchange(&mut self, says: u64, answer: u64) {
        self.ends[CLIENT].says = says;
        self.ends[SERVER].answers = Some((says, answer));
        self.pump(CLIENT);
    }

    pub fn link(&mut self, name: &str, params: Params) -> usize {
        self.links.push(Link::new(self.seed, name, params));
        self.links.len() - 1
    }

    /// A client calls. Returns its number; its server is the next.
    pub fn connect(&mut self, profile: &Arc<Profile>, there: &[usize], back: &[usize]) -> usize {
        let client = self.ends.len();
        let tcp = Endpoint::connect(self.now, profile.clone(), SCOPE, self.initial);
        self.ends.push(End::new(Some(tcp), profile, there));
        self.ends.push(End::new(None, profile, back));
        client
    }

    /// Sends what is to be sent at the beginning, and after inputs from outside.
    pub fn pump(&mut self, at: usize) {
        while let Some(tcp) = &mut self.ends[at].tcp
            && let Some(output) = tcp.poll_output(self.now, &mut self.seen)
        {
            match output {
                Output::Send(segment) => self.transmit(at, segment),
                other => self.on_news(at, other),
            }
        }
        self.set_timer(at);
    }

    pub fn input(&mut self, at: usize, input: Input<'_>) {
        if let Some(tcp) = &mut self.ends[at].tcp {
            tcp.handle(self.now, input, &mut self.seen);
        }
        self.pump(at);
    }

    /// Runs until then, or until nothing is left to happen.
    pub fn run_until(&mut self, end: Instant) {
        while self.queue.next_at().is_some_and(|at| at <= end) {
            self.step();
        }
        self.now = end;
    }

    /// The next thing happens; nothing if there is none.
    pub fn step(&mut self) -> Option<()> {
        let (now, &happening) = self.queue.pop()?;
        self.now = now;
        match happening {
            Happening::Arrives { datagram, hop } => self.arrive(datagram, hop),
            Happening::Timer { end } => self.on_timer(end as usize),
        }
        Some(())
    }

    fn on_timer(&mut self, at: usize) {
        let end = &mut self.ends[at];
        if end.timer <= self.now {
            end.timer = Instant::NEVER;
        }
        if let Some(tcp) = &mut end.tcp
            && tcp.next_deadline() <= self.now
        {
            tcp.handle(self.now, Input::Timer, &mut self.seen);
        }
        self.pump(at);
    }

    fn set_timer(&mut self, at: usize) {
        let end = &mut self.ends[at];
        let Some(tcp) = &end.tcp else { return };
        let deadline = tcp.next_deadline();
        if deadline < end.timer {
            end.timer = deadline;
            let timer = Happening::Timer { end: at as u32 };
            self.queue.push(deadline.max(self.now), self.somebody, self.somebody, timer);
        }
    }

    fn on_news(&mut self, at: usize, output: Output) {
        if self.seen.keeps {
            self.ends[at].outputs.push((self.now, output));
        }
        match output {
            Output::Connected => {
                let says = core::mem::take(&mut self.ends[at].says);
                self.write(at, says);
            }
            Output::Delivered(bytes) => self.on_delivered(at, bytes),
            _ => {}
        }
    }

    fn on_delivered(&mut self, at: usize, bytes: u32) {
        let end = &mut self.ends[at];
        end.delivered += u64::from(bytes);
        end.delivered_at = self.now;
        if end.reads
            && let Some(tcp) = &mut end.tcp
        {
            tcp.handle(self.now, Input::Read(bytes), &mut self.seen);
        }
        if let Some((after, answer)) = end.answers
            && end.delivered >= after
        {
            end.answers = None;
            self.write(at, answer);
        }
    }

    fn write(&mut self, at: usize, bytes: u64) {
        if let Some(tcp) = &mut self.ends[at].tcp {
            tcp.handle(self.now, Input::Write(bytes), &mut self.seen);
        }
    }

    fn transmit(&mut self, from: usize, segment: Segment) {
        self.seen.sent += 1;
        let datagram = Datagram { to: (from ^ 1) as u32, segment, damaged: false };
        let id = match self.free.pop() {
            Some(id) => {
                self.flying[id as usize] = datagram;
                id
            }
            None => {
                self.flying.push(datagram);
                self.flying.len() as u32 - 1
            }
        };
        self.forward(from, id, 0);
    }

    fn is_next_of_every(&mut self, from: usize, segment: &Segment) -> bool {
        let counts = from & 1 == 0 && segment.len > 0;
        self.data_sent += u64::from(counts);
        counts && self.drop_every > 0 && self.data_sent.is_multiple_of(self.drop_every)
    }

    fn forward(&mut self, from: usize, id: u32, hop: u8) {
        let segment = self.flying[id as usize].segment;
        let link = self.ends[from].path[usize::from(hop)];
        let mut outcome = self.links[link].send(self.now, segment.bytes());
        if self.drops.contains(&self.seen.sent) || self.is_next_of_every(from, &segment) {
            outcome = Err(l3::Event::Lost);
        }
        if let Some(trace) = &mut self.trace {
            let (who, at) = (["->", "<-"][from & 1], self.now.as_nanos() as f64 / 1e6);
            let fate = outcome.map_or_else(|drop| std::format!("  {drop:?}"), |_| String::new());
            let _ = writeln!(trace, "{at:.1} {who} {segment}{fate}");
        }
        match outcome {
            Ok(transit) => {
                self.flying[id as usize].damaged |= transit.damaged;
                let arrives = Happening::Arrives { datagram: id, hop };
                self.queue.push(transit.arrives, self.somebody, self.somebody, arrives);
                if let Some(again) = transit.again {
                    let copy = self.flying[id as usize];
                    self.flying.push(copy);
                    let datagram = self.flying.len() as u32 - 1;
                    let arrives = Happening::Arrives { datagram, hop };
                    self.queue.push(again, self.somebody, self.somebody, arrives);
                }
            }
            Err(_) => {
                self.seen.lost += 1;
                self.free.push(id);
            }
        }
    }

    fn arrive(&mut self, id: u32, hop: u8) {
        let Datagram { to, segment, damaged } = self.flying[id as usize];
        let (to, from) = (to as usize, to as usize ^ 1);
        if damaged {
            return self.free.push(id);
        }
        if usize::from(hop) + 1 < self.ends[from].path.len() {
            return self.forward(from, id, hop + 1);
        }
        self.free.push(id);
        if to & 1 == 1
            && let Err(refused) = self.ask_listener(to, &segment)
        {
            return self.seen.emit(self.now, SCOPE, Event::L4(refused));
        }
        if self.ends[to].tcp.is_none() && to & 1 == 1 {
            let profile = self.ends[to].profile.clone();
            let tcp = Endpoint::accept(self.now, profile, SCOPE, self.initial, &segment);
            self.ends[to].tcp = Some(tcp);
            return self.pump(to);
        }
        self.input(to, Input::Segment(&segment));
    }

    /// Whether the listener lets this segment through.
    fn ask_listener(&mut self, to: usize, segment: &Segment) -> Result<(), l4::Event> {
        let Some(listener) = &mut self.listener else { return Ok(()) };
        match &self.ends[to].tcp {
            None => listener.on_syn(),
            Some(tcp) if tcp.state() == State::SynReceived && !segment.flags.has(Flags::SYN) => {
                listener.on_handshake(to)
            }
            Some(_) => Ok(()),
        }
    }
}

impl End {
    fn new(tcp: Option<Endpoint>, profile: &Arc<Profile>, path: &[usize]) -> Self {
        Self {
            tcp,
            profile: profile.clone(),
            path: path.to_vec(),
            timer: Instant::NEVER,
            delivered: 0,
            delivered_at: Instant::ZERO,
            outputs: Vec::new(),
            reads: true,
            says: 0,
            answers: None,
        }
    }

    pub fn tcp(&self) -> &Endpoint {
        self.tcp.as_ref().expect("it has begun")
    }

    /// The outputs other than data, without their times.
    pub fn news(&self) -> Vec<Output> {
        let is_news = |output: &Output| !matches!(output, Output::Delivered(_));
        self.outputs.iter().map(|(_, output)| *output).filter(is_news).collect()
    }
}

pub const CLIENT: usize = 0;
pub const SERVER: usize = 1;

/// A link with nothing but a delay.
pub fn delay(ms: u64) -> Params {
    Params { delay: Duration::from_millis(ms), ..Params::default() }
}

pub fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

pub const SCOPE: Scope = Scope { call: CallId(0), endpoint: None };
