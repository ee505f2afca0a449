//! What ends at the balancer and what goes on (RFC 9110, section 7 and around it).

use std::net::SocketAddr;
use std::time::Duration;

use crate::client::{Ended, field, fields, status};
use crate::service::{Connection, Service, nobody};
use crate::site::Site;

#[test]
fn fields_of_one_connection_end_at_the_balancer() {
    let service = Service::answering(
        "HTTP/1.1 200 OK\r\nConnection: X-Theirs\r\nX-Theirs: 1\r\nKeep-Alive: timeout=9\r\n\
         Proxy-Connection: keep-alive\r\nUpgrade: h2c\r\nX-Kept: yes\r\nContent-Length: 0\r\n\r\n",
    );
    let balancer = Site::before(&[service.address]).start();

    let answer = balancer.ask(
        "GET / HTTP/1.1\r\nHost: shop\r\nConnection: X-Mine, keep-alive\r\nX-Mine: 1\r\n\
         Keep-Alive: timeout=9\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\n\
         Upgrade: h2c\r\nX-Kept: yes\r\n\r\n",
    );

    let request = service.only_request();
    for name in ["connection", "x-mine", "keep-alive", "proxy-connection", "te", "upgrade"] {
        assert_eq!(field(&request, name), None, "{request}");
    }
    for name in ["connection", "x-theirs", "keep-alive", "proxy-connection", "upgrade"] {
        assert_eq!(answer.field(name), None, "{}", answer.head);
    }
    assert_eq!((field(&request, "x-kept"), answer.field("x-kept")), (Some("yes"), Some("yes")));
}

#[test]
fn a_client_cannot_strip_host_authorization_or_forwarding_by_naming_them_in_connection() {
    let service = Service::well();
    let balancer = Site::before(&[service.address]).start();

    balancer.ask(
        "GET / HTTP/1.1\r\nHost: shop\r\nAuthorization: Basic x\r\nX-Forwarded-For: 192.0.2.1\r\n\
         X-Forwarded-Proto: https\r\n\
         Connection: Host, Authorization, X-Forwarded-For, X-Forwarded-Proto\r\n\r\n",
    );

    let request = service.only_request();
    assert_eq!(field(&request, "host"), Some("shop"));
    assert_eq!(field(&request, "authorization"), Some("Basic x"));
    assert_eq!(field(&request, "x-forwarded-for"), Some("192.0.2.1, 127.0.0.1"));
    assert_eq!(field(&request, "x-forwarded-proto"), Some("http"));
}

#[test]
fn both_directions_carry_via() {
    let service =
        Service::answering("HTTP/1.1 200 OK\r\nVia: 1.1 behind\r\nContent-Length: 0\r\n\r\n");
    let balancer = Site::before(&[service.address]).start();

    let answer = balancer.ask("GET / HTTP/1.0\r\nHost: shop\r\nVia: 1.1 before\r\n\r\n");

    let request = service.only_request();
    let seen: Vec<_> = fields(&request, "via").collect();
    assert_eq!(seen[0], "1.1 before");
    assert!(seen[1].starts_with("1.0 lb-"), "{seen:?}");
    let seen: Vec<_> = fields(&answer.head, "via").collect();
    assert_eq!(seen[0], "1.1 behind");
    assert!(seen[1].starts_with("1.1 lb-"), "{seen:?}");
}

#[test]
fn a_request_that_was_here_before_is_a_loop() {
    let service = Service::well();
    let balancer = Site::before(&[service.address]).start();
    balancer.get("/");
    let via = field(&service.only_request(), "via").unwrap().to_owned();

    let answer =
        balancer.ask(&format!("GET / HTTP/1.1\r\nHost: shop\r\nVia: 1.1 x, {via}\r\n\r\n"));

    assert_eq!((answer.status, answer.cause().as_deref()), (508, Some("loop")));
    assert_eq!(service.requests().len(), 1);
}

#[test]
fn two_balancers_in_a_row_are_no_loop() {
    let service = Service::well();
    let inner = Site::before(&[service.address]).start();
    let outer = Site::before(&[inner.address]).start();

    assert_eq!(outer.get("/").status, 200);
}

/// A balancer that tries three times.
fn trying_thrice(before: &[SocketAddr]) -> Site {
    let budget = "{ share = \"20%\", floor = \"10/s\", burst = 100 }";
    let retry = format!("{{ attempts = 3, backoff = \"1ms..5ms\", budget = {budget} }}");
    Site::before(before).rule("retry", &retry).rule("attempt_timeout", "\"2s\"")
}

#[test]
fn what_a_balancer_has_tried_again_the_one_before_it_does_not() {
    let ill = Service::answering("HTTP/1.1 503 Ill\r\nContent-Length: 3\r\n\r\nill");
    let mute = Service::script(|connection| {
        connection.request();
    });
    for (service, says) in [(&ill, (503, None)), (&mute, (502, Some("closed")))] {
        let inner = trying_thrice(&[service.address]).start();
        let outer = trying_thrice(&[inner.address]).start();

        let answer = outer.get("/");

        assert_eq!((answer.status, answer.cause().as_deref()), says);
        assert_eq!(service.requests().len(), 3, "{:?}", service.requests());
        assert_eq!(answer.field("plimsoll-attempt"), Some("3"));
        assert_eq!(inner.metric("retries_refused_total", &["attempts_used_up"]), 1.0);
        assert_eq!(outer.metric("retries_refused_total", &["retried_below"]), 1.0);
        assert_eq!(outer.metric("attempts_total", &[]), 1.0);
        outer.assert_nothing_leaked();
    }
}

#[test]
fn what_a_balancer_has_tried_only_once_the_one_before_it_tries_again() {
    let service = Service::answering("HTTP/1.1 503 Ill\r\nContent-Length: 0\r\n\r\n");
    let inner = Site::before(&[service.address]).rule("retry", "\"none\"").start();
    let outer = trying_thrice(&[inner.address]).start();

    let answer = outer.get("/");

    assert_eq!((answer.status, answer.field("plimsoll-attempt")), (503, Some("3")));
    assert_eq!(service.requests().len(), 3);
}

#[test]
fn an_answer_says_how_many_tries_it_took_if_it_was_more_than_one() {
    let service = Service::script(|connection| {
        while let Some(request) = connection.request() {
            let is_first = field(&request, "plimsoll-attempt") == Some("1");
            connection.send(match is_first && request.starts_with("GET /late ") {
                true => b"HTTP/1.1 503 Ill\r\nContent-Length: 0\r\n\r\n",
                false => b"HTTP/1.1 200 OK\r\nPlimsoll-Attempt: 1\r\nContent-Length: 0\r\n\r\n",
            });
        }
    });
    let inner = Site::before(&[service.address]).start();
    let outer = Site::before(&[inner.address]).start();

    let told = |path: &str| {
        let answer = outer.get(path);
        assert_eq!(answer.status, 200);
        answer.field("plimsoll-attempt").map(str::to_owned)
    };

    assert_eq!((told("/"), told("/late")), (None, Some("2".to_owned())));
}

/// All that it can do is to keep its own requests from being tried again.
#[test]
fn a_service_that_lies_about_its_tries_harms_nobody_but_itself() {
    for (said, requests, told) in [
        ("Plimsoll-Attempt: 7\r\n", 1, "7"),
        ("Plimsoll-Attempt: 99999999999999999999\r\n", 1, "255"),
        ("Plimsoll-Attempt: 0\r\nPlimsoll-Attempt: 1\r\nPlimsoll-Attempt: 7, 7\r\n", 2, "2"),
        ("Plimsoll-Attempt: -7\r\nPlimsoll_Attempt: 7\r\nConnection: plimsoll-attempt\r\n", 2, "2"),
    ] {
        let answer = format!("HTTP/1.1 503 Ill\r\n{said}Content-Length: 3\r\n\r\nill");
        let service = Service::answering(answer.leak());
        let balancer = Site::before(&[service.address]).start();

        let answer = balancer.get("/");

        assert_eq!((answer.status, answer.text()), (503, "ill"), "{said}");
        assert_eq!(service.requests().len(), requests, "{said}");
        assert_eq!(fields(&answer.head, "plimsoll-attempt").collect::<Vec<_>>(), [told], "{said}");
        balancer.assert_nothing_leaked();
    }
}

#[test]
fn max_forwards_counts_down_and_the_last_one_answers_itself() {
    let service = Service::well();
    let balancer = Site::before(&[service.address]).start();
    let ask = |method: &str, left: u32| {
        balancer.ask(&format!(
            "{method} / HTTP/1.1\r\nHost: shop\r\nCookie: secret\r\nX-Seen: 1\r\n\
             Max-Forwards: {left}\r\n\r\n"
        ))
    };

    assert_eq!(ask("OPTIONS", 3).text(), "well");
    let options = ask("OPTIONS", 0);
    let trace = ask("TRACE", 0);

    assert_eq!(field(&service.only_request(), "max-forwards"), Some("2"));
    assert_eq!(options.status, 200);
    assert!(options.field("allow").unwrap().contains("GET"));
    assert_eq!((trace.status, trace.field("content-type")), (200, Some("message/http")));
    assert!(trace.text().contains("X-Seen: 1") && !trace.text().contains("secret"));
}

#[test]
fn interim_answers_are_passed_on_one_after_the_other() {
    let service = Service::answering(
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n\
         HTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n\r\n\
         HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    );
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();

    client.send(b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n");

    let heads = [(); 3].map(|()| client.head().unwrap());
    assert_eq!(heads.each_ref().map(|head| status(head)), [103, 103, 200]);
    assert_eq!(field(&heads[0], "link"), Some("</a.css>"));
    assert_eq!(field(&heads[1], "link"), Some("</b.css>"));
}

#[test]
fn interim_answers_never_reach_http_1_0() {
    let service = Service::answering(
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n\
         HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    );
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();

    client.send(b"GET / HTTP/1.0\r\nHost: shop\r\n\r\n");

    assert_eq!(status(&client.head().unwrap()), 200);
}

#[test]
fn a_service_that_sends_interim_answers_for_ever_is_cut_off() {
    let service = Service::script(|connection| {
        connection.request();
        for _ in 0..100 {
            connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n");
        }
        connection.until_closed();
    });
    let balancer = Site::before(&[service.address]).rule("retry", "\"none\"").start();

    let answer = balancer.get("/");

    assert_eq!((answer.status, answer.cause().as_deref()), (502, Some("garbage")));
    balancer.assert_nothing_leaked();
}

#[test]
fn a_client_that_expects_100_gets_the_services_own() {
    let service = Service::script(|connection| {
        let request = connection.request().unwrap();
        assert_eq!(field(&request, "expect"), Some("100-continue"));
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n");
        let body = connection.body(&request);
        assert_eq!(body, b"later");
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        connection.until_closed();
    });
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();

    client.send(
        b"POST / HTTP/1.1\r\nHost: shop\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    );
    assert_eq!(status(&client.head().unwrap()), 100);
    client.send(b"later");

    assert_eq!(client.answer().status, 200);
}

#[test]
fn a_client_that_expected_100_and_was_turned_away_is_told_that_the_connection_ends() {
    let service = Service::answering("HTTP/1.1 413 Too Much\r\nContent-Length: 0\r\n\r\n");
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();

    client.send(
        b"POST / HTTP/1.1\r\nHost: shop\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    );

    let answer = client.answer();
    assert_eq!((answer.status, answer.field("connection")), (413, Some("close")));
    client.rest();
    balancer.assert_nothing_leaked();
}

#[test]
fn the_time_in_which_a_head_comes_in_is_time_of_the_request() {
    let service = Service::well();
    let balancer = Site::before(&[service.address])
        .rule("timeout", "\"800ms\"")
        .rule("attempt_timeout", "\"350ms\"")
        .rule("connect_timeout", "\"350ms\"")
        .start();
    let mut client = balancer.client();

    client.send(b"GET / HTTP/1.1\r\n");
    std::thread::sleep(Duration::from_millis(300));
    client.send(b"Host: shop\r\n\r\n");

    assert_eq!(client.answer().status, 200);
    let request = service.only_request();
    let left: u64 = field(&request, "plimsoll-timeout-ms").unwrap().parse().unwrap();
    // Of the 300 ms; a busy machine looks at the first byte later than it came.
    assert!(left <= 600, "{left} ms of 800 are left after 300");
}

#[test]
fn every_answer_has_a_date_and_a_services_own_is_kept() {
    let own = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (head, dates) in [("", None), ("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", Some(own))] {
        let answer = format!("HTTP/1.1 200 OK\r\n{head}Content-Length: 0\r\n\r\n");
        let service = Service::answering(answer.leak());
        let balancer = Site::before(&[service.address]).start();

        let answer = balancer.get("/");

        assert_eq!(answer.head.to_ascii_lowercase().matches("\r\ndate: ").count(), 1);
        let date = answer.field("date").unwrap();
        assert!(date.ends_with(" GMT") && dates.is_none_or(|own| own == date), "{date}");
    }
    let balancer = Site::before(&[nobody()]).rule("retry", "\"none\"").start();
    assert!(balancer.get("/").field("date").unwrap().ends_with(" GMT"));
}

#[test]
fn a_trailer_that_connection_names_goes_no_further() {
    let service = Service::script(|connection| {
        let request = connection.request().unwrap();
        assert_eq!(connection.chunks().1, "X-Kept: 2\r\n", "{request}");
        connection.send(
            b"HTTP/1.1 200 OK\r\nConnection: X-Back\r\nTransfer-Encoding: chunked\r\n\r\n\
              0\r\nX-Back: 1\r\nX-Kept: 3\r\n\r\n",
        );
        connection.until_closed();
    });
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();

    client.send(
        b"POST / HTTP/1.1\r\nHost: shop\r\nConnection: X-Hop\r\nTransfer-Encoding: chunked\r\n\r\n\
          0\r\nX-Hop: 1\r\nX-Kept: 2\r\n\r\n",
    );

    assert_eq!(status(&client.head().unwrap()), 200);
    assert_eq!(client.chunks().1, "X-Kept: 3\r\n");
}

#[test]
fn connect_is_refused() {
    let service = Service::well();
    let balancer = Site::before(&[service.address]).start();

    let answer = balancer.ask("CONNECT bank:443 HTTP/1.1\r\nHost: bank:443\r\n\r\n");

    assert_eq!(answer.status, 405);
    assert!(!answer.field("allow").unwrap().contains("CONNECT"));
    assert_eq!(service.connections(), 0);
}

#[test]
fn what_a_client_sends_into_a_tunnel_that_it_does_not_get_is_no_request() {
    let service = Service::well();
    let balancer = Site::before(&[service.address]).start();
    let mut client = balancer.client();

    client.send(b"CONNECT bank:443 HTTP/1.1\r\nHost: bank:443\r\n\r\n");
    client.send(b"GET /smuggled HTTP/1.1\r\nHost: shop\r\n\r\n");
    let answer = client.answer();
    client.send(b"GET /late HTTP/1.1\r\nHost: shop\r\n\r\n");
    let (more, ended) = client.rest();

    assert_eq!((answer.status, answer.field("connection")), (405, Some("close")));
    assert_eq!((String::from_utf8_lossy(&more).as_ref(), ended), ("", Ended::Closed));
    assert_eq!(service.connections(), 0);
}

#[test]
fn a_connect_failure_or_a_bad_answer_is_502() {
    let garbage = Service::answering("ICY 200 OK\r\n\r\n");
    for (endpoint, cause) in [(nobody(), "refused"), (garbage.address, "garbage")] {
        let balancer = Site::before(&[endpoint]).rule("retry", "\"none\"").start();

        let answer = balancer.get("/");

        assert_eq!((answer.status, answer.cause().as_deref()), (502, Some(cause)));
        assert_eq!(balancer.failures(cause), 1.0);
    }
}

#[test]
fn a_timeout_is_504() {
    let service = Service::script(Connection::until_closed);
    let balancer = Site::before(&[service.address])
        .rule("timeout", "\"200ms\"")
        .rule("attempt_timeout", "\"100ms\"")
        .rule("connect_timeout", "\"100ms\"")
        .rule("retry", "\"none\"")
        .start();

    let answer = balancer.get("/");

    assert_eq!((answer.status, answer.cause().as_deref()), (504, Some("attempt_timeout")));
    balancer.assert_nothing_leaked();
}

#[test]
fn what_is_shed_is_503_with_retry_after() {
    let service = Service::script(Connection::until_closed);
    let balancer =
        Site::before(&[service.address]).rule("in_flight", "1").rule("queue", "0").start();
    let mut first = balancer.client();
    first.send(b"GET /slow HTTP/1.1\r\nHost: shop\r\n\r\n");
    crate::site::eventually("the first is under way", || balancer.metric("in_flight", &[]) == 1.0);

    let answer = balancer.get("/");

    assert_eq!((answer.status, answer.cause().as_deref()), (503, Some("queue_full")));
    assert_eq!(answer.field("retry-after"), Some("1"));
    assert_eq!(
        answer.field("proxy-status"),
        Some("plimsoll; error=connection_limit_reached; details=\"queue_full\"")
    );
    drop(first);
    balancer.assert_nothing_leaked();
}

#[test]
fn an_open_breaker_is_503_with_retry_after() {
    let service = Service::answering("HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n");
    let balancer = Site::before(&[service.address])
        .rule("retry", "\"none\"")
        .rule(
            "breaker",
            "{ error_rate = \"50%\", window = \"10s\", min_calls = 4, cooldown = \"5s\", probes = 1 }",
        )
        .start();

    let answers: Vec<_> = (0..6).map(|_| balancer.get("/")).collect();

    assert_eq!(answers[0].status, 500);
    let last = answers.last().unwrap();
    assert_eq!((last.status, last.cause().as_deref()), (503, Some("breaker_open")));
    assert!((1..=5).contains(&last.field("retry-after").unwrap().parse::<u32>().unwrap()));
    assert_eq!(balancer.metric("breaker_state", &[]), 1.0);
}

#[test]
fn failures_have_a_typed_body_and_a_proxy_status_and_answers_have_none() {
    let service = Service::well();
    let balancer =
        Site::before(&[service.address]).routes("{ path = \"/a\", to = \"svc\" }").start();

    let failure = balancer.get("/elsewhere");
    let answer = balancer.get("/a");

    let body: serde_json::Value = serde_json::from_slice(&failure.body).unwrap();
    assert_eq!(failure.field("content-type"), Some("application/problem+json"));
    assert_eq!(body["type"], "urn:plimsoll:cause:no_route");
    assert_eq!((&body["status"], &body["title"]), (&404.into(), &"Not Found".into()));
    assert!(body["instance"].as_str().unwrap().starts_with("urn:plimsoll:request:"));
    assert!(failure.field("proxy-status").unwrap().contains("error=destination_not_found"));
    assert_eq!(answer.field("proxy-status"), None);
}

#[test]
fn what_the_service_says_of_its_own_failure_is_passed_on_and_named_as_such() {
    let service = Service::answering("HTTP/1.1 500 Broken\r\nContent-Length: 5\r\n\r\nsorry");
    let balancer = Site::before(&[service.address]).start();

    let answer = balancer.get("/");

    assert_eq!((answer.status, answer.text()), (500, "sorry"));
    assert_eq!(answer.field("proxy-status"), Some("plimsoll; received-status=500"));
}

#[test]
fn remaining_time_and_attempts_travel_on_and_a_client_can_only_shorten_and_forbid() {
    let service = Service::well();
    let balancer = Site::before(&[service.address]).start();

    balancer.get("/");
    balancer.ask("GET / HTTP/1.1\r\nHost: shop\r\nPlimsoll-Timeout-Ms: 500\r\n\r\n");
    balancer.ask("GET / HTTP/1.1\r\nHost: shop\r\nPlimsoll-Timeout-Ms: 999999\r\n\r\n");

    let times: Vec<u64> = service
        .requests()
        .iter()
        .map(|request| field(request, "plimsoll-timeout-ms").unwrap().parse().unwrap())
        .collect();
    assert!((7_000..=8_000).contains(&times[0]), "{times:?}");
    assert!(times[1] <= 500, "{times:?}");
    assert!((7_000..=8_000).contains(&times[2]), "{times:?}");
    assert!(service.requests().iter().all(|r| field(r, "plimsoll-attempt") == Some("1")));
}

#[test]
fn a_path_that_a_server_could_read_as_another_one_is_refused() {
    let service = Service::well();
    let balancer =
        Site::before(&[service.address]).routes("{ path = \"/public\", to = \"svc\" }").start();
    for path in [
        "/public/../admin",
        "/public/./a",
        "/public/..",
        "/public/.",
        "/public/%2e%2e/admin",
        "/public/.%2E/admin",
        "/public/%2e/a",
        "/public/..;x=1/admin",
        "/public/..%2fadmin",
        "/public%2F..%2fadmin",
        "/public/..%5cadmin",
        "/..",
    ] {
        let answer = balancer.get(path);

        assert_eq!(
            (answer.status, answer.cause().as_deref()),
            (400, Some("bad_request")),
            "{path}"
        );
        assert!(answer.text().contains("dot segment"), "{path}: {}", answer.text());
    }
    assert_eq!(service.requests().len(), 0);
    for path in ["/public/..a", "/public/a..", "/public/...", "/public/a.b/.c?x=/../y"] {
        assert_eq!(balancer.get(path).status, 200, "{path}");
    }
}

#[test]
fn a_route_takes_every_way_to_write_its_path_and_the_path_goes_on_as_it_came() {
    let service = Service::well();
    let balancer = Site::before(&[service.address])
        .routes("{ path = \"/caf%c3%a9/~me\", to = \"svc\" }")
        .start();

    for path in ["/caf%C3%A9/~me", "/%63af%c3%a9/%7eme/x", "/caf%c3%A9/%7Eme?q=%7e"] {
        assert_eq!(balancer.get(path).status, 200, "{path}");
        let request = service.requests().pop().unwrap();
        assert!(request.starts_with(&format!("GET {path} ")), "{request}");
    }
    assert_eq!(balancer.get("/caf%C3%A9%2F~me").status, 404);
}

#[test]
fn a_field_that_a_gateway_script_would_take_for_one_of_ours_goes_no_further() {
    let service = Service::well();
    let balancer = Site::before(&[service.address]).start();

    balancer.ask(
        "GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded_For: 1.2.3.4\r\nX-Forwarded_Proto: https\r\n\
         Content_Length: 7\r\ntransfer_encoding: chunked\r\nPlimsoll_Attempt: 1\r\n\
         api_key: mine\r\nX_Other: yours\r\n\r\n",
    );

    let request = service.only_request();
    for name in [
        "X_Forwarded_For",
        "X-Forwarded_Proto",
        "Content_Length",
        "transfer_encoding",
        "Plimsoll_Attempt",
    ] {
        assert_eq!(field(&request, name), None, "{request}");
    }
    assert_eq!(
        (field(&request, "api_key"), field(&request, "X_Other")),
        (Some("mine"), Some("yours"))
    );
}
