//! What HTTP/1.1 has besides a request and an answer: interim answers, trailers, pipelining,
//! upgrades, old clients, clients that take the balancer for a proxy, and what is refused.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::balancer::Balancer;
use crate::client::{Client, Request, curl_with};
use crate::design::Design;
use crate::http::{Connection, get_head};
use crate::upstream::scripted::Scripted;
use crate::upstream::{Files, Kind, Upstream, noise};

#[test]
fn early_hints_reach_every_client_that_knows_them() {
    let (_upstream, balancer) = before(Kind::Node);
    let request = [Request::new("GET", "/hints")];

    let curl = Client::Curl.send(balancer.address, &request).remove(0);
    let node = Client::Node.send(balancer.address, &request).remove(0);
    let bare = balancer.get("/hints");

    for answer in [curl, node, bare] {
        let statuses: Vec<_> = answer.interim.iter().map(|head| head.status).collect();
        let links: Vec<_> = answer.interim.iter().filter_map(|head| head.field("link")).collect();
        assert_eq!(statuses, [103, 103]);
        assert!(links[0].contains("style.css") && links[1].contains("code.js"), "{links:?}");
        assert_eq!((answer.status(), answer.text().as_str()), (200, "hinted"));
    }
    balancer.finish();
}

#[test]
fn a_client_of_http_1_0_gets_one_head_no_chunks_and_an_end() {
    let (_upstream, balancer) = before(Kind::Node);

    let hinted = curl_with(balancer.address, &Request::new("GET", "/hints"), &["--http1.0"]);
    let chunked =
        curl_with(balancer.address, &Request::new("GET", "/chunked/large"), &["--http1.0"]);

    assert!(hinted.interim.is_empty());
    assert_eq!((hinted.status(), hinted.text().as_str()), (200, "hinted"));
    assert_eq!(chunked.field("transfer-encoding"), None);
    assert!(chunked.body == Files::new().large);
    balancer.finish();
}

#[test]
fn trailers_come_behind_the_body_and_not_among_the_fields() {
    let (_upstream, balancer) = before(Kind::Node);

    let node = Client::Node.send(balancer.address, &[Request::new("GET", "/trailers")]).remove(0);
    let bare = balancer.get("/trailers");

    for answer in [node, bare] {
        assert_eq!(answer.trailers, [("x-sum".to_owned(), "42".to_owned())]);
        assert_eq!((answer.field("x-sum"), answer.text().as_str()), (None, "sum"));
    }
    balancer.finish();
}

#[test]
fn who_asks_before_sending_a_body_is_told_to_go_on() {
    for kind in [Kind::Python, Kind::Node] {
        let (_upstream, balancer) = before(kind);
        let large = noise(2 << 20);
        let request = Request::new("POST", "/echo").with("Expect", "100-continue").sized(&large);

        let answer = Client::Curl.send(balancer.address, &[request]).remove(0);

        let interim: Vec<_> = answer.interim.iter().map(|head| head.status).collect();
        assert_eq!((interim, answer.status()), (vec![100], 200), "{kind:?}");
        assert!(answer.body == large, "{kind:?}");
        balancer.finish();
    }
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let (_upstream, balancer) = before(Kind::Node);
    let mut client = Connection::open(balancer.address).unwrap();
    let paths = ["/slow/80", "/small", "/chunked/large", "/empty", "/trailers", "/small"];

    client.send(paths.map(get_head).concat().as_bytes()).unwrap();
    let bodies = paths.map(|_| client.answer("GET").unwrap().body);

    let files = Files::new();
    let expected = [b"late".as_slice(), &files.small, &files.large, b"", b"sum", &files.small];
    assert!(bodies.iter().zip(expected).all(|(body, expected)| body == expected));
    drop(client);
    balancer.finish();
}

#[test]
fn after_an_upgrade_bytes_pass_both_ways_until_either_end_is_done() {
    let (_upstream, balancer) = before(Kind::Node);
    let mut client = Connection::open(balancer.address).unwrap();

    client
        .send(b"GET /up HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n")
        .unwrap();
    let head = client.head().unwrap();
    assert_eq!((head.status, head.field("upgrade")), (101, Some("shout")));
    for word in ["hello", "are you there"] {
        client.send(word.as_bytes()).unwrap();
        assert_eq!(client.take(word.len()).unwrap(), word.to_uppercase().as_bytes());
    }
    client.finish().unwrap();

    assert_eq!(client.rest().unwrap(), b"");
    balancer.finish();
}

#[test]
fn an_upgrade_that_the_service_does_not_want_is_a_plain_request() {
    let (_upstream, balancer) = before(Kind::Python);
    let mut client = Connection::open(balancer.address).unwrap();

    client
        .send(b"GET /small HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n")
        .unwrap();

    assert_eq!(client.answer("GET").unwrap().body, Files::new().small);
    assert_eq!(client.get("/small").unwrap().body, Files::new().small);
    drop(client);
    balancer.finish();
}

#[test]
fn a_service_sees_who_asked_and_nothing_that_was_meant_for_the_balancer() {
    for kind in [Kind::Python, Kind::Node] {
        let (_upstream, balancer) = before(kind);
        let request = Request::new("GET", "/seen")
            .with("Connection", "X-Private, Authorization")
            .with("X-Private", "for the next hop")
            .with("Authorization", "Basic eDp5")
            .with("TE", "gzip")
            .with("X-Forwarded-For", "192.0.2.1");

        let answer = Client::Curl.send(balancer.address, &[request]).remove(0);

        let seen: Vec<(String, String)> = serde_json::from_slice(&answer.body).unwrap();
        let field = |wanted: &str| {
            let found = seen.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.as_str())
        };
        assert_eq!(
            (field("x-private"), field("te"), field("connection")),
            (None, None, None),
            "{kind:?}"
        );
        assert_eq!(field("authorization"), Some("Basic eDp5"), "a client may not strip it");
        assert_eq!(field("host"), Some(balancer.address.to_string().as_str()));
        assert_eq!(field("x-forwarded-for"), Some("192.0.2.1, 127.0.0.1"));
        assert!(field("via").is_some_and(|via| via.starts_with("1.1 ")), "{seen:?}");
        balancer.finish();
    }
}

#[test]
fn who_takes_it_for_a_proxy_is_answered_for_the_host_of_the_target() {
    let (_upstream, balancer) = before(Kind::Python);
    let proxy = format!("http://{}", balancer.address);
    let elsewhere = "192.0.2.7:80".parse().unwrap();

    let answer = curl_with(elsewhere, &Request::new("GET", "/seen"), &["--proxy", &proxy]);

    let seen: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(answer.status(), 200);
    assert!(seen.to_string().contains(r#"["Host","192.0.2.7"]"#), "{seen}");
    balancer.finish();
}

#[test]
fn a_tunnel_to_anywhere_is_refused() {
    let (_upstream, balancer) = before(Kind::Python);
    let mut client = Connection::open(balancer.address).unwrap();

    client.send(b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n").unwrap();

    assert!((400..600).contains(&client.answer("GET").unwrap().status()));
    drop(client);
    balancer.finish();
}

#[test]
fn a_head_over_the_limits_is_refused_and_the_connection_closed() {
    let upstream = Scripted::start(|asked| asked.answer(200, "it passed"));
    let balancer = Balancer::start(&Design::before(&[upstream.address]));
    let many = "X-Field: value\r\n".repeat(200);
    let cases = [
        (format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(20_000)), 414),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX-Large: {}\r\n\r\n", "a".repeat(60_000)), 431),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"), 431),
    ];

    for (request, status) in cases {
        let mut client = Connection::open(balancer.address).unwrap();
        client.send(request.as_bytes()).unwrap();
        assert_eq!(client.answer("GET").unwrap().status(), status);
        assert!(client.is_ended().unwrap(), "after a {status}");
    }

    assert_eq!(upstream.heads(), [""; 0]);
    balancer.finish();
}

#[test]
fn a_request_that_can_be_read_in_two_ways_never_reaches_a_service() {
    let upstream = Scripted::start(|asked| asked.answer(200, "it passed"));
    let balancer = Balancer::start(&Design::before(&[upstream.address]));
    let hidden = "0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    let length = hidden.len();
    let framings = [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
        "Transfer-Encoding: chunked\r\nContent-Length: 5".to_owned(),
        format!("Content-Length: 5\r\nContent-Length: {length}"),
        "Transfer-Encoding : chunked".to_owned(),
        "Transfer-Encoding: xchunked".to_owned(),
        "Content-Length: +5".to_owned(),
    ];

    for framing in framings {
        let mut client = Connection::open(balancer.address).unwrap();
        client
            .send(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{hidden}").as_bytes())
            .unwrap();
        let status = client.answer("POST").unwrap().status();
        assert!(status == 400 || status == 501, "{framing}: {status}");
        assert!(client.is_ended().unwrap(), "{framing}");
    }

    assert_eq!(upstream.heads(), [""; 0]);
    balancer.finish();
}

#[test]
fn a_failure_says_what_failed_in_words_and_in_proxy_status() {
    let upstream = Scripted::start(|asked| {
        asked.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")?;
        asked.hang()
    });
    let balancer = Balancer::start(&Design::before(&[upstream.address]));

    let asked = Instant::now();
    let answer = balancer.get("/garbage");

    assert_eq!(
        (answer.status(), answer.field("content-type")),
        (502, Some("application/problem+json"))
    );
    let problem: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(problem["status"], 502);
    let proxy_status = answer.field("proxy-status").unwrap_or_default();
    assert!(proxy_status.contains("error=http_protocol_error"), "{proxy_status}");
    assert_eq!(balancer.record("/garbage")["cause"], "garbage");
    assert!(asked.elapsed() < Duration::from_secs(2), "it waited for more nonsense");
    balancer.finish();
}

fn before(kind: Kind) -> (Upstream, Balancer) {
    let upstream = Upstream::start(kind);
    let balancer = Balancer::start(&Design::before(&[upstream.address]));
    (upstream, balancer)
}
