//! Users who do not wait: requests leave at their time, whether or not earlier ones were answered.
//!
//! Latency counts from the time at which a request should have left. Counted from when it did
//! leave, a proxy that stalls would hide the requests that its stall kept waiting. Arrivals are
//! random with a fixed seed, so every proxy gets the same ones. Every answer is compared with what
//! the upstream sends, byte by byte.

mod arrivals;
mod connection;
mod idle;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::poll::{self, Interest, Poller, Slots};
use crate::processes;
use arrivals::Arrivals;
use connection::{Connection, Progress};

pub use idle::hold;

/// What to send, and what to watch meanwhile.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The proxy.
    pub to: SocketAddr,
    /// Asked for in turn.
    pub paths: Vec<String>,
    /// Connections that are kept, or the most open at once if each request has its own.
    pub connections: usize,
    /// Requests per second; `None`: each connection sends its next one when it has its answer.
    pub rate: Option<f64>,
    /// Each request has a connection of its own.
    pub fresh: bool,
    /// How long to measure.
    pub measured: Duration,
    /// How long to send before that.
    pub warm_up: Duration,
    /// The processes of the proxy.
    pub processes: Vec<u32>,
}

/// Sends the load and returns what was seen.
///
/// # Errors
///
/// When the proxy cannot be reached at all.
pub fn run(plan: &Plan) -> io::Result<Value> {
    poll::raise_file_limit();
    // The default lets a timer be 50 us late: more than a proxy takes.
    rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?;
    Load::new(plan)?.run()
}

struct Load<'a> {
    plan: &'a Plan,
    poller: Poller,
    connections: Slots<Connection>,
    open: usize,
    /// Connections that wait for a request: the longest idle first, so that all are used.
    idle: VecDeque<usize>,
    /// Requests that wait for a connection, by the time at which they should have left.
    waiting: VecDeque<Instant>,
    arrivals: Arrivals,
    requests: Vec<Vec<u8>>,
    bodies: Vec<Vec<u8>>,
    turn: usize,
    begin: Instant,
    end: Instant,
    scratch: Box<[u8]>,
    seen: Seen,
}

/// Counts over the measured time; `sent` counts everything.
struct Seen {
    sent: u64,
    answered: u64,
    /// Answered within the measured time.
    within: u64,
    failed: u64,
    wrong: u64,
    latency: Histogram<u64>,
    processor_begin: Option<u64>,
    processor_end: Option<u64>,
}

impl<'a> Load<'a> {
    fn new(plan: &'a Plan) -> io::Result<Self> {
        let now = Instant::now();
        let begin = now + plan.warm_up;
        let mut load = Self {
            plan,
            poller: Poller::new()?,
            connections: Slots::new(),
            open: 0,
            idle: VecDeque::new(),
            waiting: VecDeque::new(),
            arrivals: Arrivals::new(now, plan.rate),
            requests: plan.paths.iter().map(|path| connection::request(path, plan.fresh)).collect(),
            bodies: plan.paths.iter().map(|path| connection::expected(path)).collect(),
            turn: 0,
            begin,
            end: begin + plan.measured,
            scratch: vec![0; 64 * 1024].into_boxed_slice(),
            seen: Seen::new()?,
        };
        if !plan.fresh {
            for _ in 0..plan.connections {
                let slot = load.connect()?;
                load.idle.push_back(slot);
            }
        }
        Ok(load)
    }

    fn run(mut self) -> io::Result<Value> {
        let mut ready = Vec::new();
        let give_up = self.end + GRACE;
        loop {
            let now = Instant::now();
            self.look_at_the_clock(now);
            self.send_what_is_due(now);
            if now >= self.end && (self.nothing_under_way() || now >= give_up) {
                break;
            }
            self.poller.wait(Some(self.pause(now)), &mut ready)?;
            for &token in &ready {
                self.on_ready(token);
            }
        }
        // What could not even leave has failed as well.
        self.seen.failed += self.waiting.len() as u64;
        Ok(self.seen.report(self.plan.measured))
    }

    /// The processor time of the proxy is read at both ends of the measured time.
    fn look_at_the_clock(&mut self, now: Instant) {
        let processes = &self.plan.processes;
        if now >= self.begin {
            self.seen.processor_begin.get_or_insert_with(|| processes::processor_ns(processes));
        }
        if now >= self.end {
            self.seen.processor_end.get_or_insert_with(|| processes::processor_ns(processes));
        }
    }

    fn send_what_is_due(&mut self, now: Instant) {
        if now < self.end {
            self.waiting.extend(self.arrivals.until(now));
        }
        loop {
            let due = match (self.plan.rate, self.waiting.front()) {
                (Some(_), Some(due)) => *due,
                (None, _) if now < self.end => now,
                _ => return,
            };
            let Some(slot) = self.take_connection() else {
                return;
            };
            self.waiting.pop_front();
            self.send(slot, due);
        }
    }

    fn take_connection(&mut self) -> Option<usize> {
        if !self.plan.fresh {
            return self.idle.pop_front();
        }
        if self.open >= self.plan.connections {
            return None;
        }
        let slot = self.connect();
        self.seen.failed += u64::from(slot.is_err());
        slot.ok()
    }

    fn connect(&mut self) -> io::Result<usize> {
        let slot = self.connections.insert(Connection::open(self.plan.to)?);
        if let Some(connection) = self.connections.get_mut(slot) {
            self.poller.add(connection.socket(), slot, Interest::Read)?;
        }
        self.open += 1;
        Ok(slot)
    }

    fn send(&mut self, slot: usize, due: Instant) {
        let which = self.turn;
        self.turn = (self.turn + 1) % self.requests.len();
        self.seen.sent += 1;
        let Some(connection) = self.connections.get_mut(slot) else {
            return;
        };
        if connection.send(&self.requests[which], which, due).is_err() {
            self.on_broken(slot);
        }
    }

    fn on_ready(&mut self, slot: usize) {
        let Some(connection) = self.connections.get_mut(slot) else {
            return;
        };
        match connection.read(&mut self.scratch, &self.bodies) {
            Progress::Waiting => {}
            Progress::Answered { due, right } => self.on_answered(slot, due, right),
            Progress::Ended => self.replace(slot),
            Progress::Broken => self.on_broken(slot),
        }
    }

    fn on_answered(&mut self, slot: usize, due: Instant, right: bool) {
        let now = Instant::now();
        self.seen.answered += 1;
        self.seen.wrong += u64::from(!right);
        self.seen.within += u64::from(now >= self.begin && now < self.end);
        if due >= self.begin {
            let latency = u64::try_from((now - due).as_nanos()).unwrap_or(u64::MAX);
            self.seen.latency.saturating_record(latency);
        }
        if !self.plan.fresh {
            self.idle.push_back(slot);
        }
    }

    fn on_broken(&mut self, slot: usize) {
        self.seen.failed += 1;
        self.replace(slot);
    }

    /// A kept connection that has ended makes room for another.
    fn replace(&mut self, slot: usize) {
        self.open -= usize::from(self.connections.remove(slot).is_some());
        self.idle.retain(|idle| *idle != slot);
        if !self.plan.fresh
            && let Ok(slot) = self.connect()
        {
            self.idle.push_back(slot);
        }
    }

    fn nothing_under_way(&self) -> bool {
        self.waiting.is_empty() && self.seen.answered + self.seen.failed >= self.seen.sent
    }

    /// Until something is to be done at a certain time.
    fn pause(&self, now: Instant) -> Duration {
        let times = [self.begin, self.end, self.arrivals.next()];
        let pauses = times.iter().map(|time| time.saturating_duration_since(now));
        pauses.filter(|pause| !pause.is_zero()).min().unwrap_or(TICK).min(TICK)
    }
}

impl Seen {
    fn new() -> io::Result<Self> {
        Ok(Self {
            sent: 0,
            answered: 0,
            within: 0,
            failed: 0,
            wrong: 0,
            latency: Histogram::new_with_bounds(1, LONGEST_NS, 3).map_err(io::Error::other)?,
            processor_begin: None,
            processor_end: None,
        })
    }

    fn report(&self, measured: Duration) -> Value {
        let processor = self.processor_end.unwrap_or(0) - self.processor_begin.unwrap_or(0);
        json!({
            "sent": self.sent,
            "answered": self.answered,
            "failed": self.failed,
            "wrong": self.wrong,
            "per_second": self.within as f64 / measured.as_secs_f64(),
            "processor_ns": processor as f64 / self.within.max(1) as f64,
            "p50_ns": self.latency.value_at_quantile(0.5),
            "p99_ns": self.latency.value_at_quantile(0.99),
            "p999_ns": self.latency.value_at_quantile(0.999),
        })
    }
}

/// How long answers are waited for after the last request has left.
const GRACE: Duration = Duration::from_secs(5);
/// The longest pause, in case a socket is forgotten.
const TICK: Duration = Duration::from_millis(50);
const LONGEST_NS: u64 = 60_000_000_000;

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::{floor, upstream};

    #[test]
    fn every_request_is_sent_answered_and_right_through_the_floor() {
        let plan = through_the_floor();

        let seen = run(&plan).unwrap();

        assert!(seen["sent"].as_u64() > Some(200), "{seen}");
        assert_eq!(seen["answered"], seen["sent"]);
        assert_eq!((&seen["failed"], &seen["wrong"]), (&json!(0), &json!(0)));
        assert!(seen["processor_ns"].as_f64() > Some(0.0));
    }

    #[test]
    fn a_connection_for_each_request_works_as_well() {
        let plan = Plan { fresh: true, ..through_the_floor() };

        let seen = run(&plan).unwrap();

        assert!(seen["sent"].as_u64() > Some(200), "{seen}");
        assert_eq!(seen["answered"], seen["sent"]);
        assert_eq!((&seen["failed"], &seen["wrong"]), (&json!(0), &json!(0)));
    }

    #[test]
    fn an_answer_that_is_not_the_expected_one_is_counted_as_wrong() {
        // The upstream answers /large with 64 KiB; this load expects what /small would be.
        let plan = through_the_floor();
        let mut load = Load::new(&plan).unwrap();
        load.bodies = vec![connection::expected("/small"); 2];

        let seen = load.run().unwrap();

        assert!(seen["wrong"].as_u64() >= seen["sent"].as_u64().map(|sent| sent / 2), "{seen}");
    }

    #[test]
    fn idle_connections_stay_open_and_are_answered_again() {
        let plan = Plan { connections: 200, ..through_the_floor() };

        let seen = hold(&plan).unwrap();

        assert_eq!(seen["failed"], 0, "{seen}");
    }

    #[test]
    fn the_upstream_alone_takes_both_kinds_of_load() {
        let up = free_port();
        thread::spawn(move || upstream::serve(&[up]));
        wait_for(up);
        let plan = Plan { to: SocketAddr::from(([127, 0, 0, 1], up)), ..through_the_floor() };

        let seen = [false, true].map(|fresh| run(&Plan { fresh, ..plan.clone() }).unwrap());

        for seen in seen {
            assert_eq!((&seen["failed"], &seen["wrong"]), (&json!(0), &json!(0)), "{seen}");
            assert!(seen["sent"].as_u64() > Some(200), "{seen}");
        }
    }

    #[test]
    fn a_request_that_could_not_leave_has_failed() {
        // It accepts, and never answers.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let to = silent.local_addr().unwrap();

        let seen = run(&Plan { to, connections: 2, ..through_the_floor() }).unwrap();

        assert_eq!(seen["answered"], 0);
        assert!(seen["failed"].as_u64() > Some(200), "{seen}");
    }

    fn through_the_floor() -> Plan {
        let (up, down) = (free_port(), free_port());
        thread::spawn(move || upstream::serve(&[up]));
        let to = SocketAddr::from(([127, 0, 0, 1], up));
        thread::spawn(move || floor::relay(down, &[to]));
        let to = SocketAddr::from(([127, 0, 0, 1], down));
        [up, down].iter().for_each(|port| wait_for(*port));
        Plan {
            to,
            paths: vec!["/small".into(), "/large".into()],
            connections: 8,
            rate: Some(1_000.0),
            fresh: false,
            measured: Duration::from_millis(300),
            warm_up: Duration::from_millis(50),
            processes: vec![std::process::id()],
        }
    }

    fn wait_for(port: u16) {
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            thread::yield_now();
        }
    }

    fn free_port() -> u16 {
        std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }
}
