//! More than one thing at a time: a service that dies under load, a spike, slow clients.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::balancer::{Balancer, plimsoll};
use crate::design::Design;
use crate::http::{self, Answer, Connection};
use crate::neighbours::{self, Neighbours};
use crate::programs::{PATIENCE, until};
use crate::upstream::scripted::{Asked, Scripted, Then};
use crate::upstream::{Files, Kind, Upstream};

#[test]
fn when_one_of_three_services_is_killed_under_load_no_get_fails() {
    let mut upstreams = [(); 3].map(|()| Upstream::start(Kind::Nginx));
    let design = Design::before(&upstreams.each_ref().map(|upstream| upstream.address))
        .with("eject", r#"{ consecutive_failures = 3, time = "1s", at_most = "34%" }"#)
        .with("health", HEALTH);
    let balancer = Balancer::start_with(&design, 2, plimsoll());
    let dead = upstreams[0].address;
    let asked = AtomicUsize::new(0);
    let (stop, balancer_address) = (AtomicBool::new(false), balancer.address);

    thread::scope(|scope| {
        let _end = Stop(&stop);
        let clients = [(); 8].map(|()| scope.spawn(|| gets(balancer_address, &stop, &asked)));
        after(&asked, 400);
        upstreams[0].kill();
        after(&asked, 1_000);
        upstreams[0].restart();
        let served = attempts(&balancer, dead);
        until(PATIENCE, "it is asked again", || (attempts(&balancer, dead) > served).then_some(()));
        after(&asked, 200);
        stop.store(true, Ordering::SeqCst);
        clients.into_iter().for_each(|client| client.join().expect("no GET fails"));
    });

    let failed = balancer.metric("plimsoll_attempt_failures_total");
    assert!(failed > 0.0, "nothing was in the way of the one that was killed");
    balancer.finish();
}

#[test]
fn a_spike_that_the_queue_can_hold_fails_nobody() {
    let service = AtMost::four();
    let upstream = Scripted::start({
        let service = Arc::clone(&service);
        move |asked| service.answer(asked)
    });
    let design = Design::before(&[upstream.address]).with("in_flight", "4").with("queue", "64");
    // What the file promises as a number holds for all workers together.
    let balancer = Balancer::start_with(&design, 2, plimsoll());

    let answers = spike(balancer.address, 48);

    for (answer, took) in &answers {
        assert_eq!((answer.status(), answer.text().as_str()), (200, "done"));
        assert!(*took < Duration::from_secs(5), "one waited past the timeout: {took:?}");
    }
    assert_eq!(service.most.load(Ordering::SeqCst), 4, "in flight at once");
    assert!(balancer.metric("plimsoll_queued_total") >= 30.0);
    balancer.finish();
}

#[test]
fn what_the_queue_cannot_hold_is_turned_away_at_once() {
    let service = AtMost::four();
    let upstream = Scripted::start({
        let service = Arc::clone(&service);
        move |asked| service.answer(asked)
    });
    let design = Design::before(&[upstream.address]).with("in_flight", "4").with("queue", "4");
    let balancer = Balancer::start(&design);

    let answers = spike(balancer.address, 48);

    let (served, refused): (Vec<_>, Vec<_>) =
        answers.iter().map(|(answer, _)| answer).partition(|answer| answer.status() == 200);
    assert!(served.len() >= 8, "{} were served", served.len());
    assert!(refused.len() >= 8, "{} were refused", refused.len());
    for answer in refused {
        let told = answer.field("proxy-status").unwrap_or_default();
        assert_eq!(answer.status(), 503);
        assert!(told.contains("error=connection_limit_reached"), "{told}");
        assert!(answer.field("retry-after").is_some(), "{answer:?}");
    }
    assert_eq!(service.most.load(Ordering::SeqCst), 4, "in flight at once");
    balancer.finish();
}

#[test]
fn a_dead_service_is_asked_no_more_often_than_the_budget_allows() {
    let mut upstream = Upstream::start(Kind::Nginx);
    upstream.kill();
    let budget = r#"{ attempts = 3, backoff = "1ms..2ms", budget = { share = "20%", floor = "1/s", burst = 10 } }"#;
    let design = Design::before(&[upstream.address]).with("retry", budget);
    let balancer = Balancer::start_with(&design.with("attempt_timeout", "\"1s\""), 2, plimsoll());

    let asked = Instant::now();
    let statuses: Vec<_> = (0..300).map(|_| balancer.get("/small").status()).collect();
    let seconds = asked.elapsed().as_secs_f64();

    let (attempts, requests) =
        (balancer.metric("plimsoll_attempts_total"), balancer.metric("plimsoll_requests_total"));
    assert_eq!((statuses, requests), (vec![502; 300], 300.0));
    assert!(attempts > 340.0, "{attempts} attempts: it hardly tried again");
    assert!(attempts <= 300.0 * 1.2 + 10.0 + seconds + 1.0, "{attempts} attempts in {seconds} s");
    balancer.finish();
}

#[test]
fn a_hundred_slow_clients_disturb_nobody_and_are_sent_away() {
    let service = neighbours::service();
    let balancer = Balancer::start(&Design::before(&[service.address]).beside(service.address));
    let mut slow: Vec<_> = (0..100).map(|_| slow_client(balancer.address)).collect();
    let neighbours = Neighbours::start(balancer.address);

    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        // Whoever was cut off already cannot be written to.
        slow.iter_mut().for_each(|client| drop(client.send(b"a")));
        thread::sleep(Duration::from_millis(100));
    }
    let seen = neighbours.untouched();
    let ends = slow.iter_mut().map(|client| client.answer("GET").expect("it is told"));
    let statuses: Vec<_> = ends.map(|answer| answer.status()).collect();

    assert!(seen.longest < Duration::from_millis(500), "a neighbour waited {:?}", seen.longest);
    assert_eq!(statuses, vec![408; 100]);
    assert!(began.elapsed() < Duration::from_secs(15));
    drop(slow);
    balancer.finish();
}

const HEALTH: &str =
    r#"{ path = "/healthz", every = "200ms", timeout = "150ms", up_after = 2, down_after = 2 }"#;

/// Asks for a small file until told to stop. Of a large one the beginning may have left already
/// when its service dies: that cannot be taken back.
fn gets(balancer: SocketAddr, stop: &AtomicBool, asked: &AtomicUsize) {
    let (files, mut connection) = (Files::new(), Connection::open(balancer).expect("it listens"));
    while !stop.load(Ordering::SeqCst) {
        asked.fetch_add(1, Ordering::SeqCst);
        let answer = connection.get("/small").unwrap_or_else(|error| panic!("a GET: {error}"));
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert!(answer.body == files.small, "{}", answer.text());
        thread::sleep(Duration::from_millis(2));
    }
}

/// Ends the clients when the test ends, also when it fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Waits until so many more requests were sent.
fn after(asked: &AtomicUsize, more: usize) {
    let from = asked.load(Ordering::SeqCst);
    until(PATIENCE * 2, "requests are sent", || {
        (asked.load(Ordering::SeqCst) >= from + more).then_some(())
    });
}

fn attempts(balancer: &Balancer, endpoint: SocketAddr) -> f64 {
    let label = format!("endpoint=\"{endpoint}\"");
    balancer.metric_with("plimsoll_endpoint_attempts_total", &label)
}

/// All at the same moment, each on a connection of its own.
fn spike(balancer: SocketAddr, clients: usize) -> Vec<(Answer, Duration)> {
    let start = Barrier::new(clients);
    thread::scope(|scope| {
        let ask = || {
            start.wait();
            let asked = Instant::now();
            (http::get(balancer, "/spike").expect("an answer"), asked.elapsed())
        };
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(ask)).collect();
        clients.into_iter().map(|client| client.join().expect("it asks")).collect()
    })
}

/// A service that takes twenty milliseconds, and remembers how many it had at once.
#[derive(Debug, Default)]
struct AtMost {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl AtMost {
    fn four() -> Arc<Self> {
        Arc::default()
    }

    fn answer(&self, asked: &mut Asked) -> io::Result<Then> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(20));
        self.now.fetch_sub(1, Ordering::SeqCst);
        asked.answer(200, "done")
    }
}

fn slow_client(balancer: SocketAddr) -> Connection {
    let mut client = Connection::open(balancer).expect("it listens");
    client.send(b"GET / HTTP/1.1\r\nHost: slow\r\nX-Slow: ").expect("it reads");
    client
}
