//! A network alone, without a world above it.

use std::collections::BTreeMap;

use base::{Duration, EndpointId, Instant};
use netsim::Queue;

use super::super::super::Tap;
use super::super::super::ears::Ears;
use super::super::super::event::Event;
use super::super::super::slab::Handle;
use super::super::connection::{CALLED, CALLER};
use super::super::net::{Around, Net, News, Tidings};
use super::super::sizes;
use super::line;
use crate::plan::Plan;
use crate::stats::Stats;
use crate::world::tap::packets::Message;
use crate::{Fidelity, Options};

/// With what they have said behind them, both ends, the queue's timers, everything.
#[test]
fn a_million_open_connections_would_fit_in_a_gibibyte() {
    const COUNT: u64 = 16_000;
    let text = line("", "");
    let options = Options { fidelity: Fidelity::Packet, ..Options::default() };
    let plan = Plan::new(&text, &options).unwrap();
    let mut talk = Talk::new(&plan);
    let held = allocation_counter::measure(|| {
        let all: Vec<_> = (0..COUNT).map(|_| talk.connect()).collect();
        for &connection in &all {
            talk.answer(connection);
            talk.run(Duration::from_micros(10));
        }
        talk.run(Duration::from_secs(2));
    });

    assert_eq!(talk.arrived.len() as u64, COUNT);
    let each = held.bytes_current / COUNT.cast_signed();
    assert!(each <= 1_073, "{each} bytes");
}

/// The seed's claim: the price of one connection for all is that all wait for one lost segment.
#[test]
fn one_lost_segment_delays_every_stream_of_its_connection_and_none_of_the_others() {
    let text = line("protocol = \"grpc\"\nconnections = { most = 2, streams = 100 }", "");
    let options = Options { fidelity: Fidelity::Packet, ..Options::default() };
    let plan = Plan::new(&text, &options).unwrap();
    let mut talk = Talk::new(&plan);
    let (first, second) = (talk.connect(), talk.connect());

    talk.answer_and_lose(first);
    let others: Vec<_> = [first, first, second, second].map(|on| talk.answer(on)).into();
    let (began, arrivals) = (talk.began, talk.arrivals());

    let way = Duration::from_micros(260);
    let late = |message: u32| arrivals[&message] > began + way;
    assert_eq!(others.iter().map(|&at| late(at)).collect::<Vec<_>>(), [true, true, false, false]);
    let times: Vec<_> = [0, others[0], others[1]].map(|message| arrivals[&message]).into();
    assert!(times.iter().all(|&at| at == times[0]), "all of it comes when the gap is filled");
}

/// A network alone, with connections of one engine, and no clock but its queue.
struct Talk<'p> {
    plan: &'p Plan<'p>,
    net: Net,
    queue: Queue<Event>,
    stats: Stats,
    tap: Tap,
    now: Instant,
    began: Instant,
    said: u32,
    arrived: BTreeMap<u32, Instant>,
}

impl<'p> Talk<'p> {
    fn new(plan: &'p Plan<'p>) -> Self {
        let mut queue = Queue::new(1);
        let parties: Vec<_> =
            (0..plan.instances.len()).map(|at| queue.party(&at.to_string())).collect();
        Self {
            plan,
            net: Net::new(plan, 1, parties[0], &parties),
            queue,
            stats: Stats::new(plan.times, plan.design),
            tap: Tap::default(),
            now: Instant::ZERO,
            began: Instant::ZERO,
            said: 0,
            arrived: BTreeMap::new(),
        }
    }

    /// A connection from the users to the first instance, that stands.
    fn connect(&mut self) -> Handle {
        let ways = (0, self.plan.target(base::CallId(0), EndpointId(0)));
        let mut around = Around {
            queue: &mut self.queue,
            ears: Ears { stats: &mut self.stats, tap: &mut self.tap },
        };
        let handle = self.net.connect(self.now, 0, EndpointId(0), ways, &mut around).unwrap();
        self.run(Duration::from_millis(500));
        self.began = self.now;
        handle
    }

    /// The called side answers. Which answer it is.
    fn answer(&mut self, on: Handle) -> u32 {
        let mut around = Around {
            queue: &mut self.queue,
            ears: Ears { stats: &mut self.stats, tap: &mut self.tap },
        };
        let message = Message { body: 50, ..sizes::check_answer() };
        let answer = (message, Event::Idle { engine: self.said });
        self.net.write(self.now, on, CALLED, answer, &mut around);
        self.said += 1;
        self.said - 1
    }

    /// The same, and the network loses it.
    fn answer_and_lose(&mut self, on: Handle) {
        self.net.grid.cut(true);
        self.answer(on);
        self.net.grid.cut(false);
    }

    fn arrivals(mut self) -> BTreeMap<u32, Instant> {
        self.run(Duration::from_secs(2));
        self.arrived
    }

    fn run(&mut self, lasts: Duration) {
        let end = self.now + lasts;
        while self.queue.next_at().is_some_and(|at| at <= end) {
            let Some((now, &event)) = self.queue.pop() else { return };
            self.now = now;
            let mut around = Around {
                queue: &mut self.queue,
                ears: Ears { stats: &mut self.stats, tap: &mut self.tap },
            };
            match event {
                Event::Datagram { datagram } => self.net.on_datagram(now, datagram, &mut around),
                Event::Segments { connection, side } => {
                    self.net.on_timer(now, connection, side, &mut around);
                }
                other => panic!("{other:?}"),
            }
            self.hear();
        }
        self.now = end;
    }

    fn hear(&mut self) {
        while let Some(News { side, what, connection }) = self.net.news.pop_front() {
            match what {
                Tidings::Connected if side == CALLED => {
                    let target = self.net.connections.get(connection).unwrap().instances[1];
                    let mut around = Around {
                        queue: &mut self.queue,
                        ears: Ears { stats: &mut self.stats, tap: &mut self.tap },
                    };
                    self.net.accept(self.now, target, &mut around);
                }
                Tidings::Said(Event::Idle { engine }) if side == CALLER => {
                    self.arrived.insert(engine, self.now);
                }
                _ => {}
            }
        }
    }
}
