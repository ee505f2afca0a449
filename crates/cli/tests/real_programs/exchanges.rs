//! Each client with each service: what arrives through the balancer is what arrives without it.
//!
//! Every list of requests is sent twice, to the service itself and through the balancer, and the
//! answers are held against each other, byte by byte.

use std::collections::BTreeSet;

use crate::balancer::Balancer;
use crate::client::{Client, Request};
use crate::design::Design;
use crate::http::{Answer, Connection};
use crate::upstream::{Files, Kind, Upstream, noise};

#[test]
fn nginx_looks_the_same_through_the_balancer() {
    looks_the_same(Kind::Nginx);
}

#[test]
fn python_looks_the_same_through_the_balancer() {
    looks_the_same(Kind::Python);
}

#[test]
fn node_looks_the_same_through_the_balancer() {
    looks_the_same(Kind::Node);
}

#[test]
fn connections_to_a_service_are_used_again() {
    for kind in Kind::ALL {
        let upstream = Upstream::start(kind);
        let balancer = Balancer::start(&Design::before(&[upstream.address]));
        let mut client = Connection::open(balancer.address).unwrap();

        let answers = (0..20).map(|_| client.get("/small").unwrap());
        let used: BTreeSet<_> =
            answers.filter_map(|a| Some(a.field("x-connection")?.to_owned())).collect();

        let open = balancer.connections();
        assert_eq!(open.len(), 2, "one to the client, one to {kind:?}: {open:?}");
        assert_eq!(used.len(), 1, "{kind:?} saw the connections {used:?}");
        drop(client);
        balancer.finish();
    }
}

fn looks_the_same(kind: Kind) {
    let upstream = Upstream::start(kind);
    let balancer = Balancer::start(&Design::before(&[upstream.address]));

    for client in Client::ALL {
        let expected = client.send(upstream.address, &requests(kind, "direct"));
        let seen = client.send(balancer.address, &requests(kind, "through"));
        for (request, (expected, seen)) in requests(kind, "").iter().zip(expected.iter().zip(&seen))
        {
            same(&format!("{client:?}, {request:?}"), expected, seen);
        }
        kept_whole(kind, &seen);
    }

    balancer.finish();
}

/// `store` keeps apart what was stored directly and through the balancer.
fn requests(kind: Kind, store: &str) -> Vec<Request> {
    let large = noise(1 << 20);
    let (sized, chunked) = (format!("/store/{store}-sized"), format!("/store/{store}-chunked"));
    let mut requests = vec![
        Request::new("GET", "/small"),
        Request::new("GET", "/large"),
        Request::new("GET", "/chunked/large"),
        Request::new("HEAD", "/large"),
        Request::new("GET", "/empty"),
        Request::new("GET", "/small").with("If-None-Match", "*"),
        Request::new("GET", "/nothing-here"),
        Request::new("PUT", &sized).sized(&large),
        Request::new("GET", &sized),
        Request::new("PUT", &chunked).chunked(&large),
        Request::new("GET", &chunked),
    ];
    if kind != Kind::Nginx {
        requests.push(Request::new("POST", "/echo").sized(&large));
        requests.push(Request::new("POST", "/echo").chunked(&large));
        requests.push(Request::new("POST", "/echo").sized(b""));
    }
    requests
}

/// The bodies are right, not only alike.
fn kept_whole(kind: Kind, seen: &[Answer]) {
    let files = Files::new();
    assert_eq!(seen[0].body, files.small, "{kind:?}");
    for number in [1, 2, 8, 10] {
        assert!(seen[number].body == files.large, "{kind:?}, answer {number} is not the file");
    }
    let statuses: Vec<_> = seen.iter().take(8).map(Answer::status).collect();
    assert!(matches!(statuses[..], [200, 200, 200, 200, 204, 304, 404, 201 | 204]), "{statuses:?}");
}

fn same(what: &str, expected: &Answer, seen: &Answer) {
    let what = &what[..what.len().min(120)];
    assert_eq!(seen.status(), expected.status(), "{what}");
    assert_eq!(fields(seen), fields(expected), "{what}");
    assert_eq!(seen.trailers, expected.trailers, "{what}");
    assert!(seen.body == expected.body, "{what}: the bodies differ");
    assert!(seen.field("via").is_some(), "{what}: it did not pass the balancer");
}

/// What a proxy must not change: all but what belongs to one connection or one moment.
fn fields(answer: &Answer) -> BTreeSet<(&str, &str)> {
    let own =
        ["connection", "keep-alive", "date", "via", "x-connection", "location", "last-modified"];
    let fields = answer.head.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    fields.filter(|(name, _)| !own.contains(name)).collect()
}
