//! Slow and greedy clients, and machines that have run out.

use std::time::{Duration, Instant};

use base::Duration as Span;
use plimsoll_live::Target;

use crate::client::{Client, Ended};
use crate::service::{Connection, Service};
use crate::site::{PATIENCE, Site, eventually, records};

#[test]
fn a_slow_head_is_408() {
    let service = Service::well();
    let balancer = Site::before(&[service.address])
        .limits(|limits| limits.head_timeout = Span::from_millis(100))
        .start();
    let mut client = balancer.client();

    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ");

    let answer = client.answer();
    assert_eq!((answer.status, answer.cause().as_deref()), (408, Some("client_timeout")));
    assert!(client.rest().0.is_empty());
}

#[test]
fn a_slow_body_is_408_and_counted() {
    let service = Service::echo();
    let balancer = Site::before(&[service.address])
        .limits(|limits| limits.body_timeout = Span::from_millis(100))
        .start();
    let mut client = balancer.client();

    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");

    let answer = client.answer();
    assert_eq!((answer.status, answer.cause().as_deref()), (408, Some("client_timeout")));
    assert_eq!(balancer.failures("client_timeout"), 1.0);
    client.close_write();
    balancer.assert_nothing_leaked();
}

#[test]
fn an_idle_connection_is_closed_after_its_time_and_not_before() {
    let service = Service::well();
    let balancer = Site::before(&[service.address])
        .limits(|limits| limits.client_idle_timeout = Span::from_millis(300))
        .start();
    let mut client = balancer.client();
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.answer();
    let began = Instant::now();

    assert!(client.rest().0.is_empty());

    assert!(began.elapsed() >= Duration::from_millis(290), "{:?}", began.elapsed());
}

#[test]
fn a_client_that_never_says_anything_is_closed_too() {
    let service = Service::well();
    let balancer = Site::before(&[service.address])
        .limits(|limits| limits.client_idle_timeout = Span::from_millis(100))
        .start();

    assert!(balancer.client().rest().0.is_empty());
}

#[test]
fn a_client_that_takes_nothing_of_its_answer_is_given_up_and_is_said_to_have_been_too_slow() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    let service = Service::script(|connection| {
        connection.request();
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
        let some = vec![b'x'; 1 << 20];
        for _ in 0..96 {
            connection.send(&some);
        }
        connection.until_closed();
    });
    let balancer = Site::before(&[service.address])
        .limits(|limits| limits.write_timeout = Span::from_millis(100))
        .log(Target::File(file.clone()))
        .start();
    let mut client = balancer.client();

    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");

    balancer.assert_nothing_leaked();
    eventually("it was counted", || balancer.failures("client_timeout") == 1.0);
    assert_eq!(balancer.metric("answers_total", &["2xx"]), 1.0);
    let record = &records(&file, 1)[0];
    assert_eq!((&record["status"], &record["cause"]), (&200.into(), &"client_timeout".into()));
}

#[test]
fn who_still_reads_when_the_time_of_the_request_is_up_is_not_said_to_have_left() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    let service = Service::script(|connection| {
        connection.request();
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
        (0..1_600).for_each(|_| connection.send(&[b'x'; 64 << 10]));
        connection.until_closed();
    });
    let balancer = Site::before(&[service.address])
        .rule("timeout", "\"1s\"")
        .rule("attempt_timeout", "\"400ms\"")
        .rule("connect_timeout", "\"300ms\"")
        .log(Target::File(file.clone()))
        .start();
    let mut client = balancer.client();
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");

    let taken = client.sip();

    assert!(taken < 100_000_000, "it read as fast as it was sent");
    eventually("it was counted", || balancer.failures("timeout") == 1.0);
    assert_eq!(balancer.failures("client_left"), 0.0);
    assert_eq!(balancer.metric("answers_total", &["2xx"]), 1.0);
    let record = &records(&file, 1)[0];
    assert_eq!((&record["status"], &record["cause"]), (&200.into(), &"timeout".into()));
    assert_eq!(record["layer"], "l7");
}

#[test]
fn clients_that_send_slowly_open_no_breaker_for_the_others() {
    let service = Service::echo();
    let balancer = touchy(&service).start();
    let mut slow: Vec<_> = (0..8).map(|_| balancer.client()).collect();
    for client in &mut slow {
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
    }

    for client in &mut slow {
        assert_eq!(client.answer().cause().as_deref(), Some("client_timeout"));
    }

    assert_eq!(balancer.get("/").status, 200);
    assert_eq!(balancer.failures("client_timeout"), 8.0);
    balancer.assert_nothing_leaked();
}

#[test]
fn clients_that_read_slowly_open_no_breaker_for_the_others() {
    let service = Service::script(|connection| {
        let Some(request) = connection.request() else { return };
        if request.starts_with("GET /small") {
            return connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 33554432\r\n\r\n");
        (0..512).for_each(|_| connection.send(&[b'x'; 64 << 10]));
        connection.until_closed();
    });
    // All buffers on the way have to be full by then, on a busy machine too: else it is the service
    // that was slow.
    let balancer = touchy(&service).rule("timeout", "\"4s\"").start();
    let mut slow: Vec<_> = (0..8).map(|_| balancer.client()).collect();
    for client in &mut slow {
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }

    eventually("all were given up", || balancer.failures("timeout") == 8.0);

    assert_eq!(balancer.get("/small").status, 200);
    balancer.assert_nothing_leaked();
}

/// Before one service, with rules that a few failures set off.
fn touchy(service: &Service) -> Site {
    Site::before(&[service.address])
        .rule("timeout", "\"900ms\"")
        .rule("attempt_timeout", "\"400ms\"")
        .rule("connect_timeout", "\"300ms\"")
        .rule(
            "breaker",
            "{ error_rate = \"50%\", window = \"10s\", min_calls = 4, cooldown = \"5s\", probes = 1 }",
        )
}

#[test]
fn more_requests_at_once_than_connections_are_allowed_are_turned_away() {
    let service = Service::script(|connection| {
        while connection.request().is_some() {
            eventually("the test is done", || connection.is_told("go"));
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell");
        }
    });
    let balancer =
        Site::before(&[service.address]).limits(|limits| limits.clients = Some(2)).start();
    let mut held = [balancer.client(), balancer.client()];
    for client in &mut held {
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    eventually("both are under way", || balancer.metric("in_flight", &[]) == 2.0);

    let answer = balancer.client().answer();

    assert_eq!((answer.status, answer.cause().as_deref()), (503, Some("exhausted")));
    assert_eq!(answer.field("retry-after"), Some("1"));
    assert_eq!(balancer.metric("clients_turned_away_total", &["exhausted"]), 1.0);
    service.tell("go");
    for client in &mut held {
        assert_eq!(client.answer().status, 200);
    }
    drop(held);
    eventually("there is room again", || balancer.get("/").status == 200);
}

#[test]
fn the_accept_queue_is_served_before_the_listener_closes() {
    let service = Service::well();
    let balancer = Site::before(&[service.address]).workers(2).start();
    let mut clients: Vec<_> = (0..20).map(|_| balancer.client()).collect();

    balancer.drain();

    for client in &mut clients {
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = client.answer();
        assert_eq!((answer.status, answer.field("connection")), (200, Some("close")));
    }
    balancer.wait();
}

#[test]
fn a_drain_finishes_what_is_in_flight_and_closes_what_idles() {
    let service = Service::script(|connection| {
        connection.request();
        std::thread::sleep(Duration::from_millis(200));
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
    });
    let balancer = Site::before(&[service.address]).start();
    let mut idle = balancer.client();
    idle.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    idle.answer();
    let mut busy = balancer.client();
    busy.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually("it is under way", || balancer.metric("in_flight", &[]) == 1.0);

    balancer.drain();

    assert!(idle.rest().0.is_empty());
    assert!(balancer.page("/readyz").starts_with("HTTP/1.1 503"));
    let answer = busy.answer();
    assert_eq!((answer.text(), answer.field("connection")), ("late", Some("close")));
    balancer.wait();
}

#[test]
fn a_client_that_has_long_asked_nothing_has_its_second_when_a_drain_begins() {
    let balancer = Site::before(&[Service::well().address]).start();
    let mut client = balancer.client();
    eventually("it is here", || balancer.metric("accepted_total", &[]) == 1.0);
    // It is older than the grace by then.
    std::thread::sleep(Duration::from_millis(1_500));
    let began = Instant::now();

    balancer.drain();

    assert_eq!(client.rest(), closed());
    assert!(began.elapsed() >= Duration::from_secs(1), "sent away after {:?}", began.elapsed());
    balancer.wait();
}

#[test]
fn whatever_has_not_finished_when_a_drain_is_over_is_told_so_and_has_its_line_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    let (ended, end) = std::sync::mpsc::channel();
    let service = Service::script(move |connection| {
        let request = connection.request().unwrap();
        if request.starts_with("GET /half") {
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        } else if request.starts_with("GET /chat") {
            connection.send(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n",
            );
            ended.send(connection.ended()).unwrap();
        }
        connection.until_closed();
    });
    let balancer = Site::before(&[service.address])
        .rule("in_flight", "3")
        .log(Target::File(file.clone()))
        .limits(|limits| limits.drain_timeout = Span::from_millis(100))
        .start();
    let asking = |path: &str, fields: &str| {
        let mut client = balancer.client();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n").as_bytes());
        client
    };
    let mut half = asking("/half", "");
    assert!(half.head().is_some() && half.exactly(4) == b"half");
    let mut tunnel = asking("/chat", "Connection: Upgrade\r\nUpgrade: chat\r\n");
    assert!(tunnel.head().is_some());
    let mut silent = asking("/silent", "");
    eventually("three are under way", || balancer.metric("in_flight", &[]) == 3.0);
    let mut waiting = asking("/waiting", "");
    eventually("one waits", || balancer.metric("queue", &[]) == 1.0);
    let mut slow = balancer.client();
    slow.send(b"GET /slow HTTP/1.1\r\nHost:");
    let began = Instant::now();

    balancer.drain();

    for client in [&mut silent, &mut waiting, &mut slow] {
        let answer = client.answer();
        assert_eq!((answer.status, answer.cause().as_deref()), (503, Some("draining")));
        assert_eq!(answer.field("connection"), Some("close"));
        assert_eq!(answer.field("retry-after"), Some("1"));
    }
    assert_eq!((half.rest(), tunnel.rest()), (closed(), closed()));
    assert_eq!(end.recv_timeout(PATIENCE).unwrap(), Ended::Closed);
    balancer.wait();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let mut told: Vec<_> = records(&file, 5)
        .iter()
        .map(|record| {
            assert_eq!(record["cause"], "draining");
            (record["path"].as_str().unwrap().to_owned(), record["status"].as_u64().unwrap())
        })
        .collect();
    told.sort();
    let told: Vec<_> = told.iter().map(|(path, status)| (path.as_str(), *status)).collect();
    let expected = [("", 503), ("/chat", 101), ("/half", 200), ("/silent", 503), ("/waiting", 503)];
    assert_eq!(told, expected);
    assert_eq!(service.requests().len(), 3, "who waited is not begun");
}

#[test]
fn a_drain_does_not_wait_for_ever() {
    let service = Service::script(Connection::until_closed);
    let balancer = Site::before(&[service.address])
        .limits(|limits| limits.drain_timeout = Span::from_millis(100))
        .start();
    let mut client = balancer.client();
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually("it is under way", || balancer.metric("in_flight", &[]) == 1.0);
    let began = Instant::now();

    balancer.drain();
    balancer.wait();

    assert!(began.elapsed() < Duration::from_secs(2));
}

#[test]
fn an_idle_connection_gives_its_place_to_a_new_client_the_longest_idle_one_first() {
    let service = Service::well();
    let balancer =
        Site::before(&[service.address]).limits(|limits| limits.clients = Some(3)).start();
    let mut held = [balancer.client(), balancer.client(), balancer.client()];
    for at in [1, 0, 2, 1] {
        held[at].send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(held[at].answer().status, 200);
    }

    let mut new = [balancer.client(), balancer.client()];
    for client in &mut new {
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.answer().status, 200);
    }

    let [longest, shortest, second] = &mut held;
    assert_eq!((longest.rest(), second.rest()), (closed(), closed()));
    shortest.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(shortest.answer().status, 200);
    assert_eq!(balancer.metric("clients_let_go_total", &[]), 2.0);
    assert_eq!(balancer.metric("clients_turned_away_total", &[]), 0.0);
}

fn closed() -> (Vec<u8>, Ended) {
    (Vec::new(), Ended::Closed)
}

#[test]
fn a_single_place_goes_from_hand_to_hand() {
    let service = Service::well();
    let balancer =
        Site::before(&[service.address]).limits(|limits| limits.clients = Some(1)).start();

    for _ in 0..50 {
        let _idle = balancer.client();
        assert_eq!(balancer.get("/").status, 200);
    }
}

#[test]
fn an_endpoint_gets_no_more_connections_than_the_design_allows_over_all_workers() {
    let service = Service::script(|connection| {
        while connection.request().is_some() {
            eventually("the test is done", || connection.is_told("go"));
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell");
        }
    });
    let balancer = Site::before(&[service.address])
        .rule("connections", "{ most = 2 }")
        .rule("connect_timeout", "\"300ms\"")
        .rule("retry", "\"none\"")
        .workers(2)
        .start();
    let mut clients: Vec<_> = (0..6).map(|_| balancer.client()).collect();
    for client in &mut clients {
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }

    eventually("the others were refused", || balancer.failures("exhausted") == 4.0);
    assert_eq!(service.connections(), 2);
    service.tell("go");

    let answers: Vec<_> = clients.iter_mut().map(Client::answer).collect();
    for answer in answers.iter().filter(|answer| answer.status == 503) {
        assert_eq!(answer.field("retry-after"), Some("1"));
        assert!(answer.text().contains("the service had as many as it may have"), "{answer:?}");
    }
    let mut statuses: Vec<_> =
        answers.iter().map(|answer| (answer.status, answer.cause())).collect();
    statuses.sort();
    let refused = (503, Some("exhausted".to_owned()));
    assert_eq!(statuses[..2], [(200, None), (200, None)]);
    assert_eq!(statuses[2..], vec![refused; 4]);
    balancer.assert_nothing_leaked();
}

#[test]
fn an_endpoint_that_is_full_costs_no_other_endpoint_its_idle_connections() {
    let full = Service::script(|connection| {
        connection.request();
        connection.until_closed();
    });
    let other = Service::well();
    let balancer = Site::before(&[full.address, other.address])
        .rule("connections", "{ most = 2 }")
        .rule("connect_timeout", "\"50ms\"")
        .rule("retry", "\"none\"")
        .workers(2)
        .start();

    // Half of them go to the endpoint that holds on to what it gets, and stay.
    let mut clients = Vec::new();
    while full.connections() < 2 {
        let mut client = balancer.client();
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        clients.push(client);
        let asked = || full.requests().len() + other.requests().len();
        eventually("it has arrived", || asked() == clients.len());
    }
    let statuses: Vec<_> = (0..40).map(|_| balancer.get("/").status).collect();

    assert!(statuses.contains(&200) && statuses.contains(&503), "{statuses:?}");
    assert!(other.connections() <= 2, "one for each worker, and not {}", other.connections());
}

#[test]
fn who_waits_for_a_connection_gets_the_one_that_is_free_next() {
    let service = Service::well();
    let balancer = Site::before(&[service.address])
        .rule("connections", "{ most = 1 }")
        .rule("retry", "\"none\"")
        .workers(2)
        .start();

    // Some of these come to the worker that has no connection while the other one keeps it idle.
    for _ in 0..20 {
        assert_eq!(balancer.get("/").status, 200);
    }
    let mut clients: Vec<_> = (0..20).map(|_| balancer.client()).collect();
    for client in &mut clients {
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    balancer.assert_nothing_leaked();
}
