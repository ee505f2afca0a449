//! What leaves for the next hop (RFC 9110 section 7.6, RFC 9112 sections 6 and 9).

use plimsoll_wire::l7::http1::{
    Asked, Framing, Limits, Method, Parse, Recipient, Request, RequestHead, RequestHop, Response,
    ResponseHead, ResponseHop, Version, answer,
};

#[test]
fn a_request_leaves_in_origin_form_with_our_via_and_our_framing() {
    let sent = forward_request(
        "POST /a?b HTTP/1.1\nUser-Agent: x\nContent-Length: 005\nHost: shop\nAccept: */*\n\n",
    );

    assert_eq!(
        sent,
        "POST /a?b HTTP/1.1\nHost: shop\nUser-Agent: x\nAccept: */*\nVia: 1.1 edge\n\
         Content-Length: 5\n\n"
    );
}

#[test]
fn connection_and_all_it_names_go_no_further() {
    let sent = forward_request(
        "GET / HTTP/1.1\nHost: a\nConnection: keep-alive, X-Secret\nX-Secret: 1\nKeep-Alive: \
         timeout=5\nX-Public: 2\nConnection: x-other\nX-Other: 3\n\n",
    );

    assert_eq!(sent, "GET / HTTP/1.1\nHost: a\nX-Public: 2\nVia: 1.1 edge\n\n");
}

#[test]
fn what_concerns_one_hop_goes_no_further_though_connection_is_silent() {
    let sent = forward_request(
        "GET / HTTP/1.1\nHost: a\nProxy-Connection: close\nTE: trailers\nUpgrade: websocket\n\
         Proxy-Authorization: Basic eA==\nHTTP2-Settings: AAA\nKeep-Alive: 5\n\n",
    );

    assert_eq!(sent, "GET / HTTP/1.1\nHost: a\nVia: 1.1 edge\n\n");
}

#[test]
fn a_client_cannot_strip_host_credentials_or_forwarding_by_naming_them_in_connection() {
    let sent = forward_request(
        "GET / HTTP/1.1\nHost: a\nConnection: Host, Authorization, Cookie, X-Forwarded-For, \
         X-Real-IP, Forwarded, Content-Length, Via\nAuthorization: b\nCookie: c\n\
         X-Forwarded-For: 192.0.2.1\nX-Forwarded-Port: 81\nX-Real-IP: 192.0.2.1\n\
         Forwarded: for=192.0.2.1\nVia: 1.0 x\nContent-Length: 2\n\n",
    );

    assert_eq!(
        sent,
        "GET / HTTP/1.1\nHost: a\nAuthorization: b\nCookie: c\nX-Forwarded-For: 192.0.2.1\n\
         X-Forwarded-Port: 81\nX-Real-IP: 192.0.2.1\nForwarded: for=192.0.2.1\nVia: 1.0 x\n\
         Via: 1.1 edge\nContent-Length: 2\n\n"
    );
}

#[test]
fn an_absolute_target_becomes_a_path_and_its_host_the_host() {
    let sent = forward_request("GET http://b.example:81?q HTTP/1.1\nHost: a.example\n\n");

    assert_eq!(sent, "GET /?q HTTP/1.1\nHost: b.example:81\nVia: 1.1 edge\n\n");
}

#[test]
fn odd_white_space_is_not_passed_on() {
    let sent = forward_request("GET / HTTP/1.1\nHost:a\nA:1\nB: \t2\t \nC: 3\nD:\nE: 5\nF:\t6\n\n");

    assert_eq!(
        sent,
        "GET / HTTP/1.1\nHost: a\nA: 1\nB: 2\nC: 3\nD: \nE: 5\nF: 6\nVia: 1.1 edge\n\n"
    );
}

#[test]
fn an_http_1_0_request_leaves_as_http_1_1_with_a_host() {
    let sent = forward("GET / HTTP/1.0\nConnection: keep-alive\n\n", |request| RequestHop {
        host: Some("upstream:80"),
        ..RequestHop::new("edge", request)
    });

    assert_eq!(sent, "GET / HTTP/1.1\nHost: upstream:80\nVia: 1.0 edge\n\n");
}

#[test]
fn max_forwards_is_lowered_for_trace_and_options_and_left_alone_otherwise() {
    let trace = forward_request("TRACE / HTTP/1.1\nHost: a\nMax-Forwards: 3\n\n");
    let get = forward_request("GET / HTTP/1.1\nHost: a\nMax-Forwards: 3\n\n");

    assert_eq!(trace, "TRACE / HTTP/1.1\nHost: a\nMax-Forwards: 2\nVia: 1.1 edge\n\n");
    assert_eq!(get, "GET / HTTP/1.1\nHost: a\nMax-Forwards: 3\nVia: 1.1 edge\n\n");
}

#[test]
fn the_client_is_appended_to_those_it_came_through_in_one_line() {
    let text = "GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 192.0.2.1\nX-Forwarded-Proto: https\n\
                X-Forwarded-For: 192.0.2.2\n\n";
    let sent = forward(text, |request| RequestHop {
        client: Some("198.51.100.7"),
        scheme: Some("http"),
        ..RequestHop::new("edge", request)
    });

    assert_eq!(
        sent,
        "GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 192.0.2.1, 192.0.2.2, 198.51.100.7\n\
         X-Forwarded-Proto: http\nVia: 1.1 edge\n\n"
    );
}

#[test]
fn the_remaining_time_and_the_attempt_are_ours_to_say() {
    let text = "GET / HTTP/1.1\nHost: a\nPlimsoll-Timeout-Ms: 99999\nPlimsoll-Attempt: 1\n\n";
    let sent = forward(text, |request| RequestHop {
        timeout_ms: Some(250),
        attempt: Some(2),
        ..RequestHop::new("edge", request)
    });

    assert_eq!(
        sent,
        "GET / HTTP/1.1\nHost: a\nPlimsoll-Timeout-Ms: 250\nPlimsoll-Attempt: 2\n\
         Via: 1.1 edge\n\n"
    );
    let silent = forward_request(text);
    assert_eq!(silent, "GET / HTTP/1.1\nHost: a\nVia: 1.1 edge\n\n");
}

#[test]
fn a_field_we_set_replaces_the_clients_and_cannot_break_out_of_its_line() {
    let text = "GET / HTTP/1.1\nHost: a\nX-Request-Id: theirs\n\n";
    let sent = forward(text, |request| RequestHop {
        set: &[("x-request-id", b"ours\r\nX-Evil: 1")],
        ..RequestHop::new("edge", request)
    });

    assert_eq!(sent, "GET / HTTP/1.1\nHost: a\nx-request-id: ours  X-Evil: 1\nVia: 1.1 edge\n\n");
}

#[test]
fn an_upgrade_is_the_exception_to_the_removal_of_hop_by_hop_fields() {
    let text = "GET / HTTP/1.1\nHost: a\nConnection: Upgrade, X-Secret\nUpgrade: websocket\n\
                X-Secret: 1\nSec-WebSocket-Version: 13\n\n";
    let sent =
        forward(text, |request| RequestHop { upgrade: true, ..RequestHop::new("edge", request) });

    assert_eq!(
        sent,
        "GET / HTTP/1.1\nHost: a\nSec-WebSocket-Version: 13\nVia: 1.1 edge\nConnection: \
         upgrade\nUpgrade: websocket\n\n"
    );
}

#[test]
fn an_expectation_is_passed_on_or_was_answered() {
    let text = "POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 2\n\n";
    let passed = forward_request(text);
    let answered =
        forward(text, |request| RequestHop { expect: false, ..RequestHop::new("edge", request) });

    assert!(passed.contains("\nExpect: 100-continue\n"));
    assert!(!answered.contains("Expect"));
}

#[test]
fn a_request_can_ask_the_upstream_to_close() {
    let text = "GET / HTTP/1.1\nHost: a\n\n";
    let sent =
        forward(text, |request| RequestHop { close: true, ..RequestHop::new("edge", request) });

    assert_eq!(sent, "GET / HTTP/1.1\nHost: a\nVia: 1.1 edge\nConnection: close\n\n");
}

#[test]
fn a_chunked_request_stays_chunked_in_our_own_words() {
    let text = "POST / HTTP/1.1\nTransfer-encoding:   CHUNKED\nHost: a\nTrailer: X\n\n";

    assert_eq!(
        forward_request(text),
        "POST / HTTP/1.1\nHost: a\nTrailer: X\nVia: 1.1 edge\nTransfer-Encoding: chunked\n\n"
    );
}

#[test]
fn a_response_leaves_with_our_via_and_framing_and_without_its_hop() {
    let sent = forward_response(
        "HTTP/1.0 200 Fine\nServer: x\nContent-Length: 5\nConnection: keep-alive, X-A\nX-A: b\n\
         Keep-Alive: 5\nProxy-Authenticate: Basic\nDate: today\n\n",
        Version::Http11,
    );

    assert_eq!(
        sent,
        "HTTP/1.1 200 Fine\nServer: x\nDate: today\nVia: 1.0 edge\nContent-Length: 5\n\n"
    );
}

#[test]
fn an_http_1_0_client_is_never_sent_chunks() {
    let chunked = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n";

    assert_eq!(
        forward_response(chunked, Version::Http10),
        "HTTP/1.1 200 OK\nVia: 1.1 edge\nConnection: close\n\n"
    );
    assert_eq!(
        forward_response(chunked, Version::Http11),
        "HTTP/1.1 200 OK\nVia: 1.1 edge\nTransfer-Encoding: chunked\n\n"
    );
}

#[test]
fn an_http_1_0_client_is_told_that_the_connection_stays_open() {
    let sent = forward_response("HTTP/1.1 200 OK\nContent-Length: 5\n\n", Version::Http10);

    assert!(sent.ends_with("\nContent-Length: 5\nConnection: keep-alive\n\n"));
}

#[test]
fn a_body_until_close_becomes_chunks_so_that_the_client_sees_where_it_ends() {
    let sent = forward_response("HTTP/1.0 200 OK\n\n", Version::Http11);

    assert_eq!(sent, "HTTP/1.1 200 OK\nVia: 1.0 edge\nTransfer-Encoding: chunked\n\n");
}

#[test]
fn head_and_304_tell_the_length_and_204_does_not() {
    let length = "Content-Length: 5\n";
    let tells = |asked: Method, status: u16| {
        let text = format!("HTTP/1.1 {status} X\n{length}\n");
        forward_response_to(&text, asked, |r| ResponseHop::new("edge", Version::Http11, r))
            .contains(length)
    };

    assert!(tells(Method::Head, 200) && tells(Method::Get, 304));
    assert!(!tells(Method::Get, 204));
}

#[test]
fn interim_responses_are_passed_on_but_never_to_http_1_0() {
    let text = "HTTP/1.1 103 Early Hints\nLink: </a>\nContent-Length: 5\nConnection: x\n\n";
    let interim = |client| {
        let mut out = Vec::new();
        answering(text, Method::Get, |response| {
            response.forward_interim("edge", client, &mut out);
        });
        lf(&out)
    };

    assert_eq!(interim(Version::Http11), "HTTP/1.1 103 Early Hints\nLink: </a>\nVia: 1.1 edge\n\n");
    assert_eq!(interim(Version::Http10), "");
}

#[test]
fn a_switch_of_protocols_is_passed_on_with_its_upgrade() {
    let text = "HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: websocket\n\
                Sec-WebSocket-Accept: x\n\n";

    assert_eq!(
        forward_response(text, Version::Http11),
        "HTTP/1.1 101 Switching Protocols\nSec-WebSocket-Accept: x\nVia: 1.1 edge\nConnection: \
         upgrade\nUpgrade: websocket\n\n"
    );
}

#[test]
fn our_proxy_status_stands_behind_those_of_others() {
    let text = "HTTP/1.1 503 X\nContent-Length: 0\nProxy-Status: inner\n\n";
    let sent = forward_response_to(text, Method::Get, |response| ResponseHop {
        proxy_status: Some(b"edge; error=connection_refused"),
        close: true,
        ..ResponseHop::new("edge", Version::Http11, response)
    });

    assert_eq!(
        sent,
        "HTTP/1.1 503 X\nProxy-Status: inner\nProxy-Status: edge; error=connection_refused\n\
         Via: 1.1 edge\nContent-Length: 0\nConnection: close\n\n"
    );
}

#[test]
fn how_many_attempts_an_answer_took_is_ours_to_say_and_nobody_can_strip_it() {
    let text = "HTTP/1.1 503 X\nPlimsoll-Attempt: 2\nplimsoll-attempt: junk\n\
                Connection: Plimsoll-Attempt\nContent-Length: 0\n\n";
    let sent = forward_response_to(text, Method::Get, |response| ResponseHop {
        attempts: response.attempts().map(|below| below + 1),
        ..ResponseHop::new("edge", Version::Http11, response)
    });

    assert_eq!(sent, "HTTP/1.1 503 X\nPlimsoll-Attempt: 3\nVia: 1.1 edge\nContent-Length: 0\n\n");
    let silent = forward_response(text, Version::Http11);
    assert_eq!(silent, "HTTP/1.1 503 X\nVia: 1.1 edge\nContent-Length: 0\n\n");
}

#[test]
fn an_answer_of_our_own_is_whole() {
    let fields: &[(&str, &[u8])] = &[("Retry-After", b"1")];
    let mut out = Vec::new();

    answer(&mut out, 503, fields, b"busy", Recipient { close: true, ..Recipient::default() });
    assert_eq!(
        lf(&out),
        "HTTP/1.1 503 Service Unavailable\nRetry-After: 1\nContent-Length: 4\n\
         Connection: close\n\nbusy"
    );
}

#[test]
fn an_answer_to_head_tells_the_length_of_a_body_it_does_not_send() {
    let mut out = Vec::new();
    let to = Recipient { version: Version::Http10, head_only: true, close: false };

    answer(&mut out, 404, &[], b"nothing", to);

    assert_eq!(lf(&out), "HTTP/1.1 404 Not Found\nContent-Length: 7\nConnection: keep-alive\n\n");
}

#[test]
fn the_framing_can_be_changed_on_the_way() {
    let text = "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n";
    let sent = forward(text, |request| RequestHop {
        framing: Framing::Length(3),
        ..RequestHop::new("edge", request)
    });

    assert_eq!(sent, "POST / HTTP/1.1\nHost: a\nVia: 1.1 edge\nContent-Length: 3\n\n");
}

fn forward_request(text: &str) -> String {
    forward(text, |request| RequestHop::new("edge", request))
}

fn forward<'a>(text: &str, hop: impl FnOnce(&Request<'_>) -> RequestHop<'a>) -> String {
    let bytes = crlf(text);
    let mut head = RequestHead::new();
    let parse = head.parse(&bytes, &Limits::default());
    assert_eq!(parse, Ok(Parse::Complete { consumed: bytes.len() }), "{text}");
    let request = head.over(&bytes);
    let mut out = Vec::new();
    request.forward(&hop(&request), &mut out);
    lf(&out)
}

fn forward_response(text: &str, client: Version) -> String {
    forward_response_to(text, Method::Get, |response| ResponseHop::new("edge", client, response))
}

fn forward_response_to<'a>(
    text: &str,
    method: Method,
    hop: impl FnOnce(&Response<'_>) -> ResponseHop<'a>,
) -> String {
    let mut out = Vec::new();
    answering(text, method, |response| response.forward(&hop(&response), &mut out));
    lf(&out)
}

fn answering(text: &str, method: Method, then: impl FnOnce(Response<'_>)) {
    let bytes = crlf(text);
    let mut head = ResponseHead::new();
    let parse = head.parse(&bytes, Asked { method, upgrade: true }, &Limits::default());
    assert_eq!(parse, Ok(Parse::Complete { consumed: bytes.len() }), "{text}");
    then(head.over(&bytes));
}

fn crlf(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

fn lf(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "\n")
}

#[test]
fn more_hops_than_can_be_counted_are_many() {
    let text = "OPTIONS /a HTTP/1.1\nHost: a\nMax-Forwards: 99999999999999999999\n\n";

    let sent = forward(text, |request| RequestHop::new("edge", request));

    assert!(sent.contains("Max-Forwards: 9223372036854775806\n"), "{sent}");
}
