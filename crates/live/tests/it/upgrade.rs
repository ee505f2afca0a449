//! Upgrades: what is no HTTP any more after a 101 (RFC 9110, section 7.8).

use plimsoll_live::Target;

use crate::client::{Client, Ended, field, status};
use crate::service::{Connection, Service};
use crate::site::{Balancer, PATIENCE, Site, records};

const ASK: &[u8] =
    b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCH: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/// A service that switches and goes on as the script says.
fn switching(script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Service {
    Service::script(move |connection| {
        let Some(request) = connection.request() else { return };
        assert_eq!(field(&request, "upgrade"), Some("websocket"));
        connection.send(SWITCH);
        script(connection);
    })
}

fn switched(balancer: &Balancer) -> Client {
    let mut client = balancer.client();
    client.send(ASK);
    let head = client.head().unwrap();
    assert_eq!((status(&head), field(&head, "upgrade")), (101, Some("websocket")));
    client
}

#[test]
fn after_a_101_bytes_go_both_ways_until_each_side_has_ended() {
    let service = switching(|connection| {
        assert_eq!(connection.exactly(4), b"ping");
        connection.send(b"pong");
        connection.until_closed();
        connection.send(b"the last word");
    });
    let balancer = Site::before(&[service.address]).start();
    let mut client = switched(&balancer);

    client.send(b"ping");
    assert_eq!(client.exactly(4), b"pong");
    client.close_write();

    assert_eq!(client.rest(), (b"the last word".to_vec(), Ended::Closed));
    balancer.assert_nothing_leaked();
}

#[test]
fn an_upgrade_is_the_exception_to_the_removal_of_what_concerns_one_connection() {
    let service = Service::script(|connection| {
        connection.request();
        connection.send(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade, X-Hop\r\nX-Hop: 1\r\n\
              Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        );
        connection.until_closed();
    });
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();

    client.send(
        b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade, X-Hop\r\nX-Hop: 1\r\n\
          Keep-Alive: timeout=9\r\nUpgrade: websocket\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    let answer = client.head().unwrap();

    let request = service.only_request();
    for head in [&request, &answer] {
        assert!(field(head, "connection").unwrap().eq_ignore_ascii_case("upgrade"), "{head}");
        assert_eq!(field(head, "upgrade"), Some("websocket"), "{head}");
        assert_eq!((field(head, "x-hop"), field(head, "keep-alive")), (None, None), "{head}");
    }
    assert_eq!(field(&request, "sec-websocket-key"), Some("dGhlIHNhbXBsZSBub25jZQ=="));
    assert_eq!(field(&answer, "sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
}

#[test]
fn a_service_that_closes_its_side_of_a_tunnel_still_hears_the_client() {
    let (heard, said) = std::sync::mpsc::channel();
    let service = switching(move |connection| {
        connection.send(b"that was all");
        connection.close_write();
        connection.until_closed();
        heard.send(connection.some()).unwrap();
    });
    let balancer = Site::before(&[service.address]).start();
    let mut client = switched(&balancer);

    assert_eq!(client.rest(), (b"that was all".to_vec(), Ended::Closed));
    client.send(b"and thanks");
    client.close_write();

    assert_eq!(said.recv_timeout(PATIENCE).unwrap(), b"and thanks");
    balancer.assert_nothing_leaked();
}

#[test]
fn a_client_that_resets_a_tunnel_ends_it_for_the_service_too() {
    let (ended, end) = std::sync::mpsc::channel();
    let service = switching(move |connection| ended.send(connection.ended()).unwrap());
    let balancer = Site::before(&[service.address]).start();

    switched(&balancer).reset();

    assert_eq!(end.recv_timeout(PATIENCE).unwrap(), Ended::Reset);
    balancer.assert_nothing_leaked();
}

#[test]
fn a_new_upgrade_while_draining_is_503_with_retry_after() {
    let service = switching(Connection::until_closed);
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();

    balancer.drain();
    client.send(ASK);

    let answer = client.answer();
    assert_eq!((answer.status, answer.cause().as_deref()), (503, Some("draining")));
    assert_eq!(answer.field("retry-after"), Some("1"));
    assert_eq!(answer.field("connection"), Some("close"));
    assert_eq!(service.requests(), [] as [&str; 0]);
    balancer.wait();
}

#[test]
fn what_the_service_sends_right_behind_the_101_is_not_lost() {
    let service = Service::script(|connection| {
        connection.request();
        connection.send(&[SWITCH, b"hello"].concat());
        connection.until_closed();
    });
    let balancer = Site::before(&[service.address]).start();

    assert_eq!(switched(&balancer).exactly(5), b"hello");
}

#[test]
fn tunnel_bytes_go_up_only_after_the_101() {
    let service = Service::script(|connection| {
        connection.request();
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
        // Bytes of the tunnel that never was are the client's next request, and a bad one.
        connection.until_closed();
    });
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();

    client.send(&[ASK, b"\x81\x00not http"].concat());

    assert_eq!(client.answer().text(), "no");
    assert_eq!(client.answer().status, 400);
    client.rest();
    assert_eq!(service.requests().len(), 1);
}

#[test]
fn a_tunnel_outlives_the_requests_timeout_and_ends_when_nothing_moves() {
    let (ended, end) = std::sync::mpsc::channel();
    let service = switching(move |connection| {
        for _ in 0..5 {
            std::thread::sleep(std::time::Duration::from_millis(100));
            connection.send(b".");
        }
        ended.send(connection.ended()).unwrap();
    });
    let balancer = Site::before(&[service.address])
        .rule("timeout", "\"200ms\"")
        .rule("attempt_timeout", "\"150ms\"")
        .rule("connect_timeout", "\"150ms\"")
        .rule("retry", "\"none\"")
        .rule("idle_timeout", "\"1500ms\"")
        .start();
    let mut client = switched(&balancer);

    assert_eq!(client.exactly(5), b".....");
    assert_eq!(client.rest(), (Vec::new(), Ended::Closed));
    assert_eq!(end.recv_timeout(PATIENCE).unwrap(), Ended::Closed, "as its client's");

    assert_eq!(balancer.failures("idle_timeout"), 1.0);
    balancer.assert_nothing_leaked();
}

#[test]
fn a_reset_in_a_tunnel_is_passed_on_as_a_reset() {
    let service = switching(|connection| {
        connection.exactly(4);
        connection.reset();
    });
    let balancer = Site::before(&[service.address]).start();
    let mut client = switched(&balancer);

    client.send(b"ping");

    assert_eq!(client.rest().1, Ended::Reset);
    balancer.assert_nothing_leaked();
}

#[test]
fn the_log_counts_what_passed_a_tunnel_and_no_head() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    let service = Service::script(|connection| {
        connection.request();
        connection.send(&[SWITCH, b"hello"].concat());
        connection.exactly(4);
    });
    let balancer = Site::before(&[service.address]).log(Target::File(file.clone())).start();
    let mut client = switched(&balancer);

    client.send(b"ping");
    assert_eq!(client.rest(), (b"hello".to_vec(), Ended::Closed));
    client.close_write();

    let record = &records(&file, 1)[0];
    assert_eq!((&record["bytes_in"], &record["bytes_out"]), (&4.into(), &5.into()));
}

#[test]
fn a_tunnel_holds_its_place_among_the_requests_in_flight() {
    let service = switching(Connection::until_closed);
    let balancer = Site::before(&[service.address]).start();

    let client = switched(&balancer);
    assert_eq!(balancer.metric("in_flight", &[]), 1.0);
    drop(client);

    balancer.assert_nothing_leaked();
}

#[test]
fn large_amounts_pass_a_tunnel_whole() {
    const LARGE: usize = 3_000_000;
    let service = switching(|connection| {
        let received = connection.exactly(LARGE);
        connection.send(&received);
        connection.until_closed();
    });
    let balancer = Site::before(&[service.address]).start();
    let mut client = switched(&balancer);
    let bytes: Vec<u8> = (0..LARGE).map(|at| (at % 253) as u8).collect();

    client.send(&bytes);

    assert!(client.exactly(LARGE) == bytes);
}

#[test]
fn http2_within_http1_is_never_asked_for() {
    let ask = |names: &str, protocols: &str| {
        format!(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: {names}\r\nUpgrade: {protocols}\r\n\
             HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
        )
    };
    for (names, protocols) in [
        ("Upgrade, HTTP2-Settings", "h2c"),
        ("Upgrade", "H2C"),
        ("upgrade, http2-settings", "websocket, h2c"),
        ("Upgrade", "HTTP/2.0"),
        ("Upgrade", "TLS/1.2"),
    ] {
        let service = Service::well();
        let balancer = Site::before(&[service.address]).start();

        let answer = balancer.ask(&ask(names, protocols));

        assert_eq!((answer.status, answer.text()), (200, "well"), "{protocols}");
        let request = service.only_request();
        for name in ["upgrade", "http2-settings", "connection"] {
            assert_eq!(field(&request, name), None, "{protocols}: {request}");
        }
    }
}

#[test]
fn a_switch_to_http2_that_nobody_passed_on_is_refused() {
    let service = Service::answering(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    );
    let balancer = Site::before(&[service.address]).rule("retry", "\"none\"").start();

    let answer =
        balancer.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");

    assert_eq!((answer.status, answer.cause().as_deref()), (502, Some("garbage")));
}

#[test]
fn a_switch_to_another_protocol_than_was_asked_for_is_502_and_the_connection_closed() {
    for other in ["smtp", "websocket2", "websocket, smtp", "", "websocket/13"] {
        let service = Service::script(move |connection| {
            connection.request();
            let head = format!(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {other}\r\n\r\n"
            );
            connection.send(head.as_bytes());
            connection.until_closed();
        });
        let balancer = Site::before(&[service.address]).rule("retry", "\"none\"").start();
        let mut client = balancer.client();

        client.send(ASK);

        let answer = client.answer();
        assert_eq!((answer.status, answer.cause().as_deref()), (502, Some("garbage")), "{other}");
        assert_eq!(answer.field("connection"), Some("close"), "{other}");
        assert_eq!(client.rest(), (Vec::new(), Ended::Closed), "{other}");
        balancer.assert_nothing_leaked();
    }
}

#[test]
fn a_switch_may_name_the_protocol_in_any_case() {
    let service = Service::script(|connection| {
        connection.request();
        connection.send(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\nhello",
        );
        connection.until_closed();
    });
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();

    client.send(ASK);

    assert_eq!(client.head().map(|head| status(&head)), Some(101));
    assert_eq!(client.exactly(5), b"hello");
}
