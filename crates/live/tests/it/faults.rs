//! Services and clients that fail: the caller gets the right status and cause, others are
//! untouched, nothing leaks.

use std::time::{Duration, Instant};

use plimsoll_live::Target;

use crate::client::Ended;
use crate::service::{Connection, Service, nobody};
use crate::site::{Balancer, Site, eventually, records};

/// A GET fails with this status and cause, is counted once, and leaves nothing behind.
fn fails(balancer: &Balancer, status: u16, cause: &str) {
    let answer = balancer.get("/");

    assert_eq!((answer.status, answer.cause().as_deref()), (status, Some(cause)));
    assert_eq!(balancer.failures(cause), 1.0);
    balancer.assert_nothing_leaked();
}

#[test]
fn a_service_that_refuses() {
    let balancer = Site::before(&[nobody()]).rule("retry", "\"none\"").start();

    fails(&balancer, 502, "refused");
    assert_eq!(balancer.metric("connect_failures_total", &["refused"]), 1.0);
}

#[test]
fn a_service_that_hangs() {
    let service = Service::script(Connection::until_closed);
    let balancer = Site::before(&[service.address])
        .rule("attempt_timeout", "\"100ms\"")
        .rule("connect_timeout", "\"100ms\"")
        .rule("retry", "\"none\"")
        .start();

    fails(&balancer, 504, "attempt_timeout");
}

#[test]
fn a_service_that_hangs_before_a_client_that_waits_to_be_asked_for_its_body() {
    let service = Service::script(Connection::until_closed);
    let balancer = Site::before(&[service.address])
        .rule("attempt_timeout", "\"100ms\"")
        .rule("connect_timeout", "\"100ms\"")
        .rule("retry", "\"none\"")
        .rule(
            "breaker",
            "{ error_rate = \"50%\", window = \"10s\", min_calls = 1, cooldown = \"60s\", probes = 1 }",
        )
        .start();

    for _ in 0..3 {
        let mut client = balancer.client();
        client.send(UPLOAD);
        let answer = client.answer();
        assert_eq!((answer.status, answer.cause().as_deref()), (504, Some("attempt_timeout")));
    }

    assert_eq!(balancer.failures("client_timeout"), 0.0);
    balancer.assert_nothing_leaked();
}

#[test]
fn a_client_that_was_asked_for_its_body_and_does_not_send_it() {
    for interim in ["100 Continue", "103 Early Hints"] {
        let service = Service::script(move |connection| {
            connection.request();
            connection.send(format!("HTTP/1.1 {interim}\r\n\r\n").as_bytes());
            connection.until_closed();
        });
        let balancer = Site::before(&[service.address])
            .rule("attempt_timeout", "\"100ms\"")
            .rule("connect_timeout", "\"100ms\"")
            .rule("retry", "\"none\"")
            .start();
        let mut client = balancer.client();

        client.send(UPLOAD);
        client.head().unwrap();

        let answer = client.answer();
        let asked = interim.starts_with("100");
        let cause = if asked { "client_timeout" } else { "attempt_timeout" };
        assert_eq!(answer.cause().as_deref(), Some(cause), "{interim}");
        balancer.assert_nothing_leaked();
    }
}

#[test]
fn a_service_that_hangs_in_the_middle_of_its_answer() {
    let service = Service::script(|connection| {
        connection.request();
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        connection.until_closed();
    });
    let balancer = Site::before(&[service.address])
        .rule("timeout", "\"300ms\"")
        .rule("attempt_timeout", "\"100ms\"")
        .rule("connect_timeout", "\"100ms\"")
        .rule("retry", "\"none\"")
        .start();
    let began = Instant::now();
    let mut client = balancer.client();

    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.head().unwrap();
    assert_eq!(client.rest().0, b"half");

    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(balancer.failures("timeout"), 1.0);
    balancer.assert_nothing_leaked();
}

#[test]
fn a_service_that_resets_before_its_answer() {
    let service = Service::script(|connection| {
        connection.request();
        connection.reset();
    });
    let balancer = Site::before(&[service.address]).rule("retry", "\"none\"").start();

    fails(&balancer, 502, "reset");
    assert_eq!(balancer.metric("resets_total", &[]), 1.0);
}

#[test]
fn a_service_that_closes_before_its_answer() {
    let service = Service::script(|connection| drop(connection.request()));
    let balancer = Site::before(&[service.address]).rule("retry", "\"none\"").start();

    fails(&balancer, 502, "closed");
}

#[test]
fn a_service_that_talks_garbage() {
    for garbage in [
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/1.1 99 Low\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ] {
        let service = Service::answering(garbage);
        let balancer = Site::before(&[service.address]).rule("retry", "\"none\"").start();

        fails(&balancer, 502, "garbage");
    }
}

#[test]
fn garbage_within_a_chunked_answer_breaks_it_off() {
    let service = Service::script(|connection| {
        connection.request();
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        eventually("its beginning has arrived", || connection.is_told("go"));
        connection.send(b"nonsense\r\n");
    });
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();

    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.head();
    assert_eq!(client.exactly(8), b"3\r\nabc\r\n");
    service.tell("go");
    let (rest, _) = client.rest();

    assert!(!rest.ends_with(b"0\r\n\r\n"));
    assert_eq!(balancer.failures("garbage"), 1.0);
    balancer.assert_nothing_leaked();
}

#[test]
fn garbage_right_behind_the_head_of_an_answer_is_502_while_nothing_has_left() {
    for garbage in [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n-1\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0x0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nBad Trailer: x\r\n\r\n",
    ] {
        let service = Service::answering(garbage);
        let balancer = Site::before(&[service.address]).rule("retry", "\"none\"").start();

        fails(&balancer, 502, "garbage");
        assert_eq!(balancer.metric("attempt_failures_total", &["garbage"]), 1.0);
    }
}

#[test]
fn garbage_right_behind_the_head_is_tried_again_where_the_design_says_so() {
    let service = Service::script(|connection| {
        let garbage = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n";
        let well = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwell\r\n0\r\n\r\n";
        let answer = if connection.number == 0 { garbage } else { well };
        while connection.request().is_some() {
            connection.send(answer.as_bytes());
        }
    });
    let balancer = Site::before(&[service.address])
        .rule(
            "retry",
            "{ attempts = 2, backoff = \"1ms..5ms\", on = [\"garbage\"], budget = { share = \"20%\", floor = \"10/s\", burst = 100 } }",
        )
        .start();

    let answer = balancer.get("/");

    assert_eq!((answer.status, answer.text()), (200, "well"));
    balancer.assert_nothing_leaked();
}

#[test]
fn a_service_that_says_more_than_it_was_asked_is_not_asked_again_there() {
    let service = Service::answering(
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwellHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    );
    let balancer = Site::before(&[service.address]).start();
    for _ in 0..5 {
        assert_eq!(balancer.get("/").text(), "well");
    }
    assert_eq!(service.connections(), 5);
}

#[test]
fn a_slow_service_is_waited_for_until_its_time_is_up_and_others_are_not_held_up() {
    let slow = Service::script(|connection| {
        while let Some(request) = connection.request() {
            if request.starts_with("GET /slow") {
                std::thread::sleep(Duration::from_millis(500));
            }
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell");
        }
    });
    let balancer = Site::before(&[slow.address]).start();
    let mut waiting = balancer.client();
    waiting.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually("it waits", || balancer.metric("in_flight", &[]) == 1.0);

    let began = Instant::now();
    assert_eq!(balancer.get("/").text(), "well");
    assert!(began.elapsed() < Duration::from_millis(400));
    assert_eq!(waiting.answer().text(), "well");
}

#[test]
fn a_client_that_leaves_while_it_waits() {
    let service = Service::script(Connection::until_closed);
    let balancer = Site::before(&[service.address]).start();
    for reset in [false, true] {
        let mut client = balancer.client();
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        eventually("it is under way", || balancer.metric("in_flight", &[]) == 1.0);

        if reset {
            client.reset();
        } else {
            drop(client);
        }

        balancer.assert_nothing_leaked();
    }
    assert_eq!(balancer.failures("client_left"), 2.0);
    assert_eq!(balancer.metric("client_resets_total", &[]), 1.0);
}

#[test]
fn a_client_that_leaves_while_it_sends() {
    let service = Service::echo();
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
    eventually("it is under way", || balancer.metric("in_flight", &[]) == 1.0);

    drop(client);

    balancer.assert_nothing_leaked();
    assert_eq!(balancer.failures("client_left"), 1.0);
}

#[test]
fn a_client_that_leaves_while_it_reads() {
    let service = Service::script(|connection| {
        connection.request();
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
        let some = vec![b'x'; 1 << 20];
        for _ in 0..95 {
            connection.send(&some);
        }
    });
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.head().unwrap();

    client.reset();

    balancer.assert_nothing_leaked();
    assert_eq!(balancer.failures("client_left"), 1.0);
    assert_eq!(balancer.metric("answers_total", &["2xx"]), 1.0, "its head was sent");
}

#[test]
fn a_client_that_leaves_the_queue_gives_its_place_back() {
    let service = Service::script(Connection::until_closed);
    let balancer =
        Site::before(&[service.address]).rule("in_flight", "1").rule("queue", "1").start();
    let [first, second] = [(); 2].map(|()| {
        let mut client = balancer.client();
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client
    });
    eventually("one waits", || balancer.metric("queue", &[]) == 1.0);

    drop(second);
    eventually("nobody waits", || balancer.metric("queue", &[]) == 0.0);
    drop(first);

    balancer.assert_nothing_leaked();
}

#[test]
fn an_endpoint_that_fails_checks_gets_no_requests_until_it_is_well_again() {
    let ill = Service::script(|connection| {
        while let Some(request) = connection.request() {
            let healthy = connection.is_told("well");
            let status = if request.contains("/healthz") && !healthy { 500 } else { 200 };
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 3\r\n\r\nill");
            connection.send(answer.as_bytes());
        }
    });
    let well = Service::well();
    let balancer = Site::before(&[ill.address, well.address])
        .rule(
            "health",
            "{ path = \"/healthz\", every = \"200ms\", timeout = \"200ms\", up_after = 2, down_after = 2 }",
        )
        .start();
    let up = || balancer.metric("endpoint_up", &[&ill.address.to_string()]);

    eventually("it is believed to be down", || up() == 0.0);
    let answers: Vec<_> = (0..20).map(|_| balancer.get("/").body).collect();
    assert!(answers.iter().any(|body| body == b"well"));
    // On a busy machine a check of the other one can be late as well: then neither is believed.
    let ill_answers = answers.iter().filter(|body| *body == b"ill").count() as f64;
    assert!(ill_answers <= balancer.metric("failed_open_total", &[]), "{ill_answers}");

    ill.tell("well");
    eventually("it is believed to be up", || up() == 1.0);
    assert!((0..6).any(|_| balancer.get("/").text() == "ill"));
}

#[test]
fn a_client_that_only_stops_sending_still_gets_its_answer() {
    let service = Service::script(|connection| {
        while let Some(request) = connection.request() {
            if request.starts_with("GET /slow") {
                std::thread::sleep(Duration::from_millis(1_500));
            }
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell");
        }
    });
    let balancer = Site::before(&[service.address]).start();
    for (path, version) in [("/", "1.1"), ("/slow", "1.1"), ("/slow", "1.0")] {
        let mut client = balancer.client();
        client.send(format!("GET {path} HTTP/{version}\r\nHost: a\r\n\r\n").as_bytes());
        client.close_write();

        assert_eq!((client.answer().text(), client.rest().1), ("well", Ended::Closed));
    }
    let mut client = balancer.client();
    client.send(&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3));
    client.close_write();
    for _ in 0..3 {
        assert_eq!(client.answer().text(), "well");
    }
    assert_eq!(balancer.failures("client_left"), 0.0);
    balancer.assert_nothing_leaked();
}

#[test]
fn a_client_that_stopped_sending_and_is_gone_is_noticed_while_it_is_waited_for() {
    let service = Service::script(Connection::until_closed);
    let balancer = Site::before(&[service.address])
        .rule("timeout", "\"15s\"")
        .rule("attempt_timeout", "\"10s\"")
        .rule("retry", "\"none\"")
        .start();
    let began = Instant::now();
    let mut client = balancer.client();
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually("it is under way", || balancer.metric("in_flight", &[]) == 1.0);

    drop(client);

    balancer.assert_nothing_leaked();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(balancer.failures("client_left"), 1.0);
}

#[test]
fn nothing_is_begun_for_a_client_that_stopped_sending_while_it_waited_for_its_turn() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    let service = Service::script(Connection::until_closed);
    let balancer = Site::before(&[service.address])
        .rule("in_flight", "1")
        .rule("queue", "1")
        .log(Target::File(file.clone()))
        .start();
    let mut first = balancer.client();
    first.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually("one is under way", || balancer.metric("in_flight", &[]) == 1.0);
    let mut second = balancer.client();
    second.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually("one waits", || balancer.metric("queue", &[]) == 1.0);

    second.close_write();

    eventually("it is given up", || balancer.failures("client_left") == 1.0);
    assert_eq!(service.requests().len(), 0);
    assert_eq!(second.rest(), (Vec::new(), Ended::Closed));
    let record = &records(&file, 1)[0];
    assert_eq!((&record["status"], &record["cause"]), (&499.into(), &"client_left".into()));
    assert_eq!(balancer.metric("answers_total", &[]), 0.0, "nothing was sent");
}

#[test]
fn a_name_with_several_addresses_is_reached_by_any_of_them() {
    let service = Service::well();
    let name = format!("localhost:{}", service.address.port());
    let balancer = Site::before_names(&[&name]).start();

    for _ in 0..5 {
        assert_eq!(balancer.get("/").status, 200);
    }
}

#[test]
fn a_name_without_an_address_is_told_from_a_host_without_a_route() {
    let balancer = Site::before_names(&["nowhere.invalid:80"]).start();

    let answer = balancer.get("/");

    assert_eq!((answer.status, answer.cause().as_deref()), (502, Some("unresolved")));
    let told = answer.field("proxy-status").unwrap();
    assert!(told.contains("error=dns_error"), "{told}");
    assert_eq!(balancer.failures("unresolved"), 1.0);
}

#[test]
fn an_instance_that_can_ask_nobody_is_not_ready() {
    let balancer = Site::before_names(&["nowhere.invalid:80"]).workers(2).start();

    eventually("it is not ready", || balancer.page("/readyz").starts_with("HTTP/1.1 503"));

    assert!(balancer.page("/readyz").ends_with("no endpoint can be asked\n"));
    assert!(balancer.page("/healthz").starts_with("HTTP/1.1 200"));
}

#[test]
fn an_instance_whose_endpoints_all_fail_their_checks_is_ready_if_it_asks_them_all_the_same() {
    let service = Service::script(|connection| {
        while let Some(request) = connection.request() {
            let status = if request.starts_with("GET /healthz") { 500 } else { 200 };
            connection.send(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").as_bytes());
        }
    });
    let balancer = Site::before(&[service.address])
        .rule(
            "health",
            "{ path = \"/healthz\", every = \"200ms\", timeout = \"200ms\", up_after = 2, down_after = 2 }",
        )
        .start();
    eventually("its only endpoint is down", || balancer.metric("endpoint_up", &[]) == 0.0);

    let status = balancer.get("/").status;

    let ready = format!("HTTP/1.1 {status} ");
    eventually("readiness says the same", || balancer.page("/readyz").starts_with(&ready));
}

#[test]
fn when_every_endpoint_fails_its_checks_requests_are_carried_and_counted() {
    let refuses_checks = || {
        Service::script(|connection| {
            while let Some(request) = connection.request() {
                let status = if request.contains("/healthz") { 404 } else { 200 };
                let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
                connection.send(answer.as_bytes());
            }
        })
    };
    let services = [refuses_checks(), refuses_checks()];
    let balancer = Site::before(&services.each_ref().map(|service| service.address))
        .rule("health", "{ path = \"/healthz\", every = \"100ms\", down_after = 1 }")
        .start();
    let is_down =
        |service: &Service| balancer.metric("endpoint_up", &[&service.address.to_string()]) == 0.0;
    eventually("both are believed to be down", || services.iter().all(is_down));

    let statuses: Vec<_> = (0..4).map(|_| balancer.get("/").status).collect();

    assert_eq!(statuses, [200; 4]);
    assert_eq!(balancer.metric("failed_open_total", &[]), 4.0);
    let asked = |service: &Service| service.requests().iter().any(|at| !at.contains("/healthz"));
    assert!(services.iter().all(asked), "all of them are asked");
}

const UPLOAD: &[u8] =
    b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
