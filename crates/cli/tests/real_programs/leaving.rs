//! Clients that go away in the middle of things. The service is let go, and nothing is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::balancer::Balancer;
use crate::design::Design;
use crate::http::{Connection, get_head};
use crate::neighbours::{self, Neighbours};
use crate::programs::{PATIENCE, until};
use crate::upstream::scripted::{Scripted, Then};
use crate::upstream::{Kind, Upstream};

#[test]
fn a_client_that_leaves_in_the_middle_of_its_request_leaves_nothing_behind() {
    let upstream = Upstream::start(Kind::Nginx);
    let (balancer, neighbours, _service) = before(upstream.address);

    for beginning in [
        "",
        "GE",
        "GET / HTTP/1.1\r\nHos",
        "PUT /store/a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhalf",
        "PUT /store/b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhe",
    ] {
        for goes in [Connection::reset, close] {
            let mut client = Connection::open(balancer.address).unwrap();
            client.send(beginning.as_bytes()).unwrap();
            goes(client).unwrap();
        }
    }

    assert_eq!(balancer.record("/store/a")["cause"], "client_left");
    assert_eq!(balancer.record("/store/b")["cause"], "client_left");
    neighbours.untouched();
    balancer.finish();
}

#[test]
fn a_client_that_leaves_before_the_answer_takes_the_work_with_it() {
    let let_go = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&let_go);
    let upstream = Scripted::start(move |asked| {
        let then = asked.hang();
        count.fetch_add(1, Ordering::SeqCst);
        then
    });
    let (balancer, neighbours, _service) = before(upstream.address);

    for number in 1..=10 {
        let client = asking(&balancer, "/waits");
        until(PATIENCE, "it arrives", || (upstream.heads().len() == number).then_some(()));
        client.reset().unwrap();
    }

    // Well before the try would have run out of time.
    until(Duration::from_secs(1), "all are let go", || {
        (let_go.load(Ordering::SeqCst) == 10).then_some(())
    });
    assert_eq!(balancer.record("/waits")["cause"], "client_left");
    assert_eq!(upstream.heads().len(), 10, "a client that left is no reason to try again");
    neighbours.untouched();
    balancer.finish();
}

#[test]
fn a_client_that_leaves_in_the_middle_of_an_answer_stops_it() {
    let stopped = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stopped);
    let upstream = Scripted::start(move |asked| {
        asked.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        let chunk = [b"4000\r\n".as_slice(), &[b'x'; 0x4000], b"\r\n"].concat();
        while asked.send(&chunk).is_ok() {}
        flag.store(true, Ordering::SeqCst);
        Ok(Then::Close)
    });
    let (balancer, neighbours, _service) = before(upstream.address);
    let mut client = Connection::open(balancer.address).unwrap();

    client.send(get_head("/endless").as_bytes()).unwrap();
    assert_eq!(client.head().unwrap().status, 200);
    client.take(1 << 20).unwrap();
    client.reset().unwrap();

    until(PATIENCE, "the service is let go", || stopped.load(Ordering::SeqCst).then_some(()));
    assert_eq!(balancer.record("/endless")["cause"], "client_left");
    neighbours.untouched();
    balancer.finish();
}

#[test]
fn a_client_that_reads_nothing_is_not_read_for() {
    const LENGTH: usize = 256 << 20;
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let upstream = Scripted::start(move |asked| {
        asked.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n").as_bytes())?;
        for _ in 0..LENGTH >> 16 {
            asked.send(&[b'x'; 1 << 16])?;
            count.fetch_add(1 << 16, Ordering::SeqCst);
        }
        Ok(Then::Stay)
    });
    let (balancer, neighbours, _service) = before(upstream.address);
    let mut client = Connection::open(balancer.address).unwrap();

    client.send(get_head("/much").as_bytes()).unwrap();
    assert_eq!(client.head().unwrap().status, 200);
    let stands_at = stands_still(&sent);
    client.reset().unwrap();

    assert!(stands_at < 64 << 20, "{stands_at} bytes were taken for a client that reads nothing");
    neighbours.untouched();
    balancer.finish();
}

#[test]
fn a_client_that_leaves_the_queue_makes_room() {
    let free = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&free);
    let upstream = Scripted::start(move |asked| {
        while !flag.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
        asked.answer(200, "at last")
    });
    let design = Design::before(&[upstream.address]).with("in_flight", "1").with("queue", "2");
    let balancer = Balancer::start(&design);
    let queue = |wanted: f64| {
        until(PATIENCE, "the queue is as long as expected", || {
            (balancer.metric("plimsoll_queue") == wanted).then_some(())
        });
    };

    let mut first = asking(&balancer, "/first");
    until(PATIENCE, "it is in flight", || (upstream.heads().len() == 1).then_some(()));
    let leaves = [asking(&balancer, "/leaves"), asking(&balancer, "/leaves")];
    queue(2.0);
    leaves.into_iter().for_each(|client| client.reset().unwrap());
    queue(0.0);
    let mut waits = asking(&balancer, "/waits");
    queue(1.0);
    free.store(true, Ordering::SeqCst);

    assert_eq!(first.answer("GET").unwrap().text(), "at last");
    assert_eq!(waits.answer("GET").unwrap().text(), "at last");
    assert_eq!(upstream.heads().len(), 2, "who left the queue was not asked for");
    drop((first, waits));
    balancer.finish();
}

fn before(upstream: std::net::SocketAddr) -> (Balancer, Neighbours, Scripted) {
    let service = neighbours::service();
    let balancer = Balancer::start(&Design::before(&[upstream]).beside(service.address));
    let neighbours = Neighbours::start(balancer.address);
    (balancer, neighbours, service)
}

fn asking(balancer: &Balancer, path: &str) -> Connection {
    let mut client = Connection::open(balancer.address).expect("it listens");
    client.send(get_head(path).as_bytes()).expect("it reads");
    client
}

#[expect(clippy::unnecessary_wraps, reason = "it stands beside `Connection::reset`")]
fn close(client: Connection) -> std::io::Result<()> {
    drop(client);
    Ok(())
}

/// Where a counter stands once it has not moved for a while.
fn stands_still(counter: &AtomicUsize) -> usize {
    let mut last = 0;
    until(PATIENCE, "it stands still", || {
        thread::sleep(Duration::from_millis(200));
        let now = counter.load(Ordering::SeqCst);
        let still = now == last && now > 0;
        last = now;
        still.then_some(now)
    })
}
