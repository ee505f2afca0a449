//! What is sent again, and what never is (RFC 9110, section 9.2.2).

use crate::client::field;
use crate::service::{Connection, Service, nobody};
use crate::site::Site;

const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nonce";

/// Reads a request, and closes instead of answering: what became of it nobody knows.
fn swallow(connection: &mut Connection) {
    if let Some(request) = connection.request() {
        connection.body(&request);
    }
}

/// The first connection swallows its request, all others answer.
fn first_swallows() -> Service {
    Service::script(|connection| {
        if connection.number == 0 {
            return swallow(connection);
        }
        while let Some(request) = connection.request() {
            let body = connection.body(&request);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            connection.send(head.as_bytes());
            connection.send(&body);
        }
    })
}

#[test]
fn idempotent_methods_are_sent_again() {
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"] {
        let service = first_swallows();
        let balancer = Site::before(&[service.address]).start();
        let mut client = balancer.client();

        client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());

        assert_eq!(client.answer_to(method).status, 200, "{method}");
        let attempts: Vec<_> = service
            .requests()
            .iter()
            .map(|request| field(request, "plimsoll-attempt").unwrap().to_owned())
            .collect();
        assert_eq!(attempts, ["1", "2"], "{method}");
        balancer.assert_nothing_leaked();
    }
}

#[test]
fn other_methods_are_not_sent_again_once_a_byte_has_left() {
    for method in ["POST", "PATCH", "BREW"] {
        let service = first_swallows();
        let balancer = Site::before(&[service.address]).start();

        let answer = balancer
            .ask(&format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nonce"));

        assert_eq!((answer.status, answer.cause().as_deref()), (502, Some("closed")), "{method}");
        assert_eq!(service.requests().len(), 1, "{method}");
        assert_eq!(balancer.metric("retries_refused_total", &["no_grounds"]), 1.0, "{method}");
    }
}

#[test]
fn a_post_that_was_never_sent_is_sent_elsewhere() {
    let service = Service::echo();
    let balancer = Site::before(&[nobody(), service.address]).start();
    for _ in 0..4 {
        assert_eq!(balancer.ask(POST).text(), "once");
    }
    assert!(balancer.metric("retries_total", &["not_sent"]) >= 1.0);
}

#[test]
fn an_idempotency_key_declares_a_post_repeatable_where_the_design_says_so() {
    let keyed =
        "POST / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: \"7\"\r\nContent-Length: 4\r\n\r\nonce";
    for (rule, status) in [("\"by-key\"", 200), ("\"by-method\"", 502)] {
        let service = first_swallows();
        let balancer = Site::before(&[service.address]).rule("idempotent", rule).start();

        assert_eq!(balancer.ask(keyed).status, status, "{rule}");
    }
}

#[test]
fn a_body_is_sent_again_whole() {
    for body in ["short".to_owned(), "long ".repeat(8_000)] {
        let service = first_swallows();
        let balancer = Site::before(&[service.address]).start();
        let put =
            format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len());

        assert!(balancer.ask(&put).text() == body, "{}", body.len());
    }
}

#[test]
fn a_body_too_large_to_keep_is_not_sent_again() {
    let service = first_swallows();
    let balancer = Site::before(&[service.address]).start();
    let body = "x".repeat(1 << 20);

    let answer = balancer
        .ask(&format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len()));

    assert_eq!(answer.status, 502);
    assert_eq!(service.requests().len(), 1);
    assert_eq!(balancer.metric("retries_refused_total", &["body_gone"]), 1.0);
}

#[test]
fn statuses_of_the_design_are_retried_elsewhere() {
    let ill = Service::answering("HTTP/1.1 503 Ill\r\nContent-Length: 3\r\n\r\nill");
    let well = Service::well();
    let balancer = Site::before(&[ill.address, well.address]).start();

    let answers: Vec<_> = (0..10).map(|_| balancer.get("/").status).collect();

    assert_eq!(answers, [200; 10]);
}

#[test]
fn retry_after_of_a_service_is_honoured_only_within_the_deadline() {
    let service =
        Service::answering("HTTP/1.1 503 Busy\r\nRetry-After: 60\r\nContent-Length: 4\r\n\r\nbusy");
    let balancer = Site::before(&[service.address]).start();
    let began = std::time::Instant::now();

    let answer = balancer.get("/");

    assert_eq!((answer.status, answer.text()), (503, "busy"));
    assert_eq!(answer.field("retry-after"), Some("60"));
    assert!(began.elapsed().as_secs() < 5);
    assert_eq!(service.requests().len(), 1);
    assert_eq!(balancer.metric("retries_refused_total", &["no_time_left"]), 1.0);
}

#[test]
fn retry_after_may_be_a_date_or_a_number_beyond_counting() {
    for far in [
        "Thu, 31 Dec 2099 23:59:59 GMT",
        "Wednesday, 31-Dec-70 23:59:59 GMT",
        "Thu Dec 31 23:59:59 2099",
        "99999999999999999999999999",
    ] {
        let answer =
            format!("HTTP/1.1 503 Busy\r\nRetry-After: {far}\r\nContent-Length: 0\r\n\r\n");
        let service = Service::answering(answer.leak());
        let balancer = Site::before(&[service.address]).start();

        assert_eq!(balancer.get("/").field("retry-after"), Some(far));

        assert_eq!(service.requests().len(), 1, "{far}");
        assert_eq!(balancer.metric("retries_refused_total", &["no_time_left"]), 1.0, "{far}");
    }
    let past = "HTTP/1.1 503 Busy\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
                Content-Length: 0\r\n\r\n";
    let service = Service::answering(past);
    let balancer = Site::before(&[service.address]).start();

    balancer.get("/");

    assert_eq!(service.requests().len(), 2);
}

#[test]
fn what_the_client_tried_again_itself_is_not_tried_again_by_us() {
    let service = Service::script(swallow);
    let balancer = Site::before(&[service.address]).start();

    let answer = balancer.ask("GET / HTTP/1.1\r\nHost: a\r\nPlimsoll-Attempt: 2\r\n\r\n");

    assert_eq!(answer.status, 502);
    assert_eq!(field(&service.only_request(), "plimsoll-attempt"), Some("2"));
    assert_eq!(balancer.metric("retries_refused_total", &["forbidden"]), 1.0);
}

#[test]
fn nothing_is_sent_again_after_a_head_has_left() {
    let service = Service::script(|connection| {
        connection.request();
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    });
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();

    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.head().unwrap();
    client.rest();

    assert_eq!(service.requests().len(), 1);
    balancer.assert_nothing_leaked();
}

#[test]
fn a_connection_that_the_service_closed_while_it_idled_is_no_error_for_anyone() {
    let service = Service::echo();
    let balancer = Site::before(&[service.address]).start();
    for round in 0..20 {
        assert_eq!(balancer.ask(POST).text(), "once", "{round}");
        service.close_all();
        // The balancer hears of it as soon as its event loop looks, which a scrape proves nothing
        // about; a new client's connection does.
        drop(balancer.client());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(balancer.metric("failures_total", &[]), 0.0);
    balancer.assert_nothing_leaked();
}

#[test]
fn silence_on_a_kept_connection_after_a_write_proves_nothing() {
    // It takes the second request of a connection, and closes without a word.
    let service = Service::script(|connection| {
        let request = connection.request().unwrap();
        connection.body(&request);
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nonce");
        if let Some(request) = connection.request() {
            connection.body(&request);
        }
    });
    let balancer = Site::before(&[service.address]).start();
    assert_eq!(balancer.ask(POST).status, 200);

    let answer = balancer.ask(POST);

    assert_eq!((answer.status, answer.cause().as_deref()), (502, Some("closed")));
    assert_eq!((service.requests().len(), service.connections()), (2, 1), "sent once, and no more");
    assert_eq!(balancer.metric("retries_refused_total", &["no_grounds"]), 1.0);
    balancer.assert_nothing_leaked();
}

#[test]
fn our_idle_time_is_shorter_than_the_services() {
    let service = Service::well();
    let balancer =
        Site::before(&[service.address]).rule("connections", "{ idle_timeout = \"50ms\" }").start();
    balancer.get("/");

    crate::site::eventually("an old connection is not used again", || {
        std::thread::sleep(std::time::Duration::from_millis(60));
        balancer.get("/").status == 200 && service.connections() >= 2
    });
    assert_eq!(balancer.metric("failures_total", &[]), 0.0);
}
