//! Bodies on their way, in both directions.

use crate::client::{Ended, field};
use crate::service::Service;
use crate::site::{Site, eventually};

#[test]
fn a_sized_body_goes_up_and_comes_back_byte_for_byte() {
    let service = Service::echo();
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();
    for size in [1, 100, 16_384, 65_536, 1_000_000] {
        let body = pattern(size);

        client.send(
            format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n").as_bytes(),
        );
        let sending = body.clone();
        client.send(&sending);

        assert!(client.answer().body == body, "{size}");
    }
    balancer.assert_nothing_leaked();
}

#[test]
fn a_chunked_body_goes_up_chunked_wherever_it_is_cut() {
    let service = Service::echo();
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();
    let request = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                    5;x=y\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n";
    for cut in 1..request.len() {
        client.send(&request[..cut]);
        std::thread::yield_now();
        client.send(&request[cut..]);

        assert_eq!(client.answer().text(), "hello world", "{cut}");
    }
    assert!(service.requests().iter().all(|r| field(r, "transfer-encoding") == Some("chunked")));
}

#[test]
fn a_chunked_answer_comes_chunked_with_its_trailers_and_without_dangerous_ones() {
    let service = Service::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
         3;ext\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\nContent-Length: 9\r\nHost: evil\r\n\r\n",
    );
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();

    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = client.head().unwrap();
    let (data, trailers) = client.chunks();

    assert_eq!((data.as_slice(), trailers.as_str()), (&b"abcde"[..], "X-Sum: 5\r\n"));
    assert_eq!(field(&head, "x-sum"), None, "never merged into the head");
    balancer.assert_nothing_leaked();
}

#[test]
fn trailers_of_a_request_are_passed_on_too() {
    let service = Service::script(|connection| {
        connection.request();
        let (data, trailers) = connection.chunks();
        let said = format!("{}|{}", String::from_utf8(data).unwrap(), trailers.trim_end());
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{said}", said.len());
        connection.send(answer.as_bytes());
        connection.until_closed();
    });
    let balancer = Site::before(&[service.address]).start();

    let answer = balancer.ask(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
         3\r\nabc\r\n0\r\nX-Sum: 3\r\nAuthorization: no\r\n\r\n",
    );

    assert_eq!(answer.text(), "abc|X-Sum: 3");
}

#[test]
fn an_answer_until_close_becomes_chunks_and_the_client_stays_connected() {
    let service = Service::script(|connection| {
        connection.request();
        connection.send(b"HTTP/1.1 200 OK\r\n\r\nall there is");
    });
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();
    for _ in 0..2 {
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");

        let answer = client.answer();

        assert_eq!(answer.text(), "all there is");
        assert_eq!(answer.field("transfer-encoding"), Some("chunked"));
    }
    assert_eq!(service.connections(), 2);
}

#[test]
fn http_1_0_never_sees_a_chunk() {
    let service = Service::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    );
    let balancer = Site::before(&[service.address]).start();

    let answer = balancer.ask("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");

    assert_eq!((answer.text(), answer.field("transfer-encoding")), ("abcde", None));
    assert_eq!(answer.field("connection"), Some("close"));
}

#[test]
fn head_204_and_304_have_no_body_and_the_connections_stay_in_step() {
    let service = Service::script(|connection| {
        while let Some(request) = connection.request() {
            let answer: &[u8] = match request.split(' ').nth(1).unwrap() {
                "/head" => b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
                "/204" => b"HTTP/1.1 204 No Content\r\n\r\n",
                "/304" => b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n",
                _ => b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell",
            };
            connection.send(answer);
        }
    });
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();
    for (method, path, status, length) in [
        ("HEAD", "/head", 200, Some("1000")),
        ("GET", "/204", 204, None),
        ("GET", "/304", 304, Some("1000")),
    ] {
        client.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        let answer = client.answer_to(method);
        assert_eq!((answer.status, answer.field("content-length")), (status, length));

        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.answer().text(), "well", "after {path}");
    }
    assert_eq!(service.connections(), 1);
}

#[test]
fn our_own_failures_have_no_body_for_head_either() {
    let service = Service::well();
    let balancer =
        Site::before(&[service.address]).routes("{ path = \"/a\", to = \"svc\" }").start();
    let mut client = balancer.client();

    client.send(b"HEAD /b HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer_to("HEAD").status, 404);
    client.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n");

    assert_eq!(client.answer().text(), "well");
}

#[test]
fn an_early_answer_is_passed_on_while_the_body_still_comes_and_nothing_is_reused() {
    let service = Service::script(|connection| {
        connection.request();
        connection.send(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
        connection.until_closed();
    });
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();

    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nonly the beginning");

    assert_eq!(client.answer().status, 403);
    client.send(b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    let (rest, _) = client.rest();
    assert!(rest.is_empty(), "what follows is body, not a request");
    eventually("the service's connection is closed", || {
        balancer.get("/other").status == 403 && service.connections() == 2
    });
    balancer.assert_nothing_leaked();
}

#[test]
fn a_client_that_sends_on_after_an_early_answer_is_read_for_a_while_and_then_cut_off() {
    let service = Service::script(|connection| {
        connection.request();
        connection.send(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
        connection.until_closed();
    });
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n\r\n");
    assert_eq!(client.answer().status, 403);

    let sent = client.send_until_cut_off();

    // What was read, and what fits the buffers of both kernels.
    assert!((1 << 18..1 << 28).contains(&sent), "{sent}");
    balancer.assert_nothing_leaked();
}

#[test]
fn trailers_never_reach_http_1_0() {
    let service = Service::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 3\r\n\r\n",
    );
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();

    client.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    let head = client.head().unwrap();

    assert_eq!((field(&head, "x-sum"), field(&head, "transfer-encoding")), (None, None), "{head}");
    assert_eq!(client.rest(), (b"abc".to_vec(), Ended::Closed));
}

#[test]
fn a_service_may_answer_while_it_still_reads() {
    let service = Service::script(|connection| {
        let request = connection.request().unwrap();
        let left: usize = field(&request, "content-length").unwrap().parse().unwrap();
        connection.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {left}\r\n\r\n").as_bytes());
        let mut echoed = 0;
        while echoed < left {
            let some = connection.some();
            if some.is_empty() {
                return;
            }
            echoed += some.len();
            connection.send(&some);
        }
        connection.until_closed();
    });
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();

    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst");
    let head = client.head().unwrap();
    assert_eq!(client.exactly(5), b"first");
    client.send(b"later");
    assert_eq!(client.exactly(5), b"later");

    assert_eq!(crate::client::status(&head), 200);
    balancer.assert_nothing_leaked();
}

#[test]
fn a_slow_client_slows_the_service_down_and_not_our_memory() {
    const LARGE: usize = 64 << 20;
    let service = Service::script(|connection| {
        connection.request();
        connection.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n").as_bytes());
        connection.send(&vec![b'x'; LARGE]);
    });
    let balancer = Site::before(&[service.address]).rule("timeout", "\"9s\"").start();
    let before = resident();
    let mut client = balancer.client();
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.head().unwrap();
    client.exactly(1 << 20);

    // The service's own copy of the body is part of this process too.
    assert!(resident() < before + LARGE + (24 << 20), "{before} {}", resident());

    assert_eq!(client.exactly(LARGE - (1 << 20)).len(), LARGE - (1 << 20));
    balancer.assert_nothing_leaked();
}

#[test]
fn a_body_that_ends_too_soon_breaks_the_answer_off_visibly() {
    for (head, version) in
        [("Content-Length: 100\r\n", "1.1"), ("Transfer-Encoding: chunked\r\n", "1.1"), ("", "1.0")]
    {
        let service = Service::script(move |connection| {
            connection.request();
            let body = if head.starts_with('T') { "4\r\nhalf\r\n" } else { "half" };
            connection.send(format!("HTTP/1.1 200 OK\r\n{head}\r\n{body}").as_bytes());
            std::thread::sleep(std::time::Duration::from_millis(50));
            connection.reset();
        });
        let balancer = Site::before(&[service.address]).start();
        let mut client = balancer.client();

        client.send(format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n").as_bytes());

        let received = client.head().unwrap();
        assert_eq!(crate::client::status(&received), 200);
        let (rest, ended) = client.rest();
        assert!(!String::from_utf8_lossy(&rest).ends_with("0\r\n\r\n"), "{head:?}");
        if version == "1.0" {
            assert_eq!(ended, Ended::Reset, "a close would look like the end");
        }
        assert_eq!(balancer.failures("reset"), 1.0, "{head:?}");
        balancer.assert_nothing_leaked();
    }
}

/// Bytes of memory that this process occupies.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1_024
}

fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at % 251) as u8).collect()
}
