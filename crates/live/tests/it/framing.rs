//! Where messages end, and who they are for (RFC 9112).

use crate::client::{Answer, field};
use crate::service::Service;
use crate::site::{Balancer, Site};

/// Sends bytes that must be refused, and a good request behind them that must not be read.
fn refused(balancer: &Balancer, bytes: &str) -> Answer {
    let mut client = balancer.client();
    client.send(bytes.as_bytes());
    client.send(b"GET /smuggled HTTP/1.1\r\nHost: shop\r\n\r\n");
    let answer = client.answer();
    let (rest, _) = client.rest();
    assert!(rest.is_empty(), "{bytes:?} was followed by {:?}", String::from_utf8_lossy(&rest));
    assert_eq!(answer.field("connection"), Some("close"), "{bytes:?}");
    answer
}

/// All of these are refused with this status, and never reach the service.
fn all_refused(status: u16, all: &[&str]) {
    let service = Service::well();
    let balancer = Site::before(&[service.address]).start();
    for bytes in all {
        let answer = refused(&balancer, bytes);
        assert_eq!(answer.status, status, "{bytes:?}");
        assert_eq!(answer.cause().as_deref(), Some("bad_request"), "{bytes:?}");
    }
    assert_eq!(service.requests(), [] as [&str; 0]);
    balancer.assert_nothing_leaked();
}

#[test]
fn both_transfer_encoding_and_content_length_are_refused() {
    all_refused(
        400,
        &["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n\
           0\r\n\r\n"],
    );
}

#[test]
fn transfer_encoding_that_does_not_end_in_chunked_is_refused() {
    for coding in ["chunked, gzip", "gzip", "identity", "xchunked", "chunked, chunked", ""] {
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n");
        all_refused(400, &[&head]);
    }
}

#[test]
fn transfer_encoding_in_http_1_0_is_refused() {
    all_refused(
        400,
        &["POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    );
}

#[test]
fn differing_or_listed_content_length_is_refused() {
    all_refused(
        400,
        &[
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc",
        ],
    );
}

#[test]
fn bare_line_ends_folds_and_control_characters_are_refused() {
    all_refused(
        400,
        &[
            "GET / HTTP/1.1\nHost: a\n\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\u{1}b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX\u{e9}: a\r\n\r\n",
        ],
    );
}

#[test]
fn lengths_that_are_not_only_digits_are_refused() {
    for length in ["0x3", "+3", "3_0", "-3", "3 3", ""] {
        all_refused(
            400,
            &[&format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\nabc")],
        );
    }
}

#[test]
fn sloppy_chunk_sizes_and_extensions_are_refused_and_the_connection_closed() {
    for chunk in ["0x3\r\nabc\r\n", "+3\r\nabc\r\n", "3 \r\nabc\r\n", "3\nabc\r\n", "3;\u{1}\r\n"] {
        // A body is read while its head is on its way, so the service may see the head. It must
        // not see a whole request, and nothing behind it.
        let service = Service::script(|connection| {
            let Some(request) = connection.request() else { return };
            connection.body(&request);
            connection.until_closed();
        });
        let balancer = Site::before(&[service.address]).start();
        let bytes =
            format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");

        let answer = refused(&balancer, &bytes);

        assert_eq!(answer.status, 400, "{chunk:?}");
        assert!(service.requests().iter().all(|request| !request.contains("smuggled")));
        balancer.assert_nothing_leaked();
    }
}

#[test]
fn there_is_exactly_one_host() {
    all_refused(
        400,
        &[
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
        ],
    );
}

#[test]
fn the_absolute_form_wins_over_host() {
    let service = Service::well();
    let balancer = Site::before(&[service.address])
        .routes("{ host = \"right.test\", path = \"/\", to = \"svc\" }")
        .start();

    let answer = balancer.ask("GET http://right.test/x HTTP/1.1\r\nHost: wrong.test\r\n\r\n");
    let other = balancer.ask("GET http://wrong.test/x HTTP/1.1\r\nHost: right.test\r\n\r\n");

    assert_eq!((answer.status, other.status), (200, 404));
    let request = service.only_request();
    assert!(request.starts_with("GET /x HTTP/1.1\r\n"), "{request}");
    assert_eq!(field(&request, "host"), Some("right.test"));
}

#[test]
fn too_many_or_too_large_fields_are_431_and_a_long_line_is_414() {
    let fields: String = (0..200).map(|n| format!("X-{n}: {n}\r\n")).collect();
    let large = "x".repeat(40_000);
    let long = "x".repeat(9_000);
    all_refused(431, &[&format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")]);
    all_refused(431, &[&format!("GET / HTTP/1.1\r\nHost: a\r\nX: {large}\r\n\r\n")]);
    all_refused(414, &[&format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n")]);
}

#[test]
fn requests_in_a_pipeline_are_answered_in_order() {
    let service = Service::script(|connection| {
        while let Some(request) = connection.request() {
            let path = request.split(' ').nth(1).unwrap();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}", path.len());
            connection.send(answer.as_bytes());
        }
    });
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();

    client.send(
        b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n\
          GET /3 HTTP/1.1\r\nHost: a\r\n\r\n",
    );

    let answers = [(); 3].map(|()| client.answer().text().to_owned());
    assert_eq!(answers, ["/1", "/2", "/3"]);
    balancer.assert_nothing_leaked();
}

#[test]
fn both_sides_are_kept_alive() {
    let service = Service::well();
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();

    for _ in 0..10 {
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.answer().text(), "well");
    }

    assert_eq!((service.requests().len(), service.connections()), (10, 1));
}

#[test]
fn http_1_0_closes_unless_it_asks_to_stay() {
    let service = Service::well();
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();

    client.send(b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(client.answer().field("connection"), Some("keep-alive"));
    client.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer().text(), "well");

    assert!(client.rest().0.is_empty());
}

#[test]
fn a_client_that_says_close_is_closed_after_its_answer() {
    let service = Service::well();
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();

    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");

    assert_eq!(client.answer().field("connection"), Some("close"));
    assert!(client.rest().0.is_empty());
}
