//! What a request's head tells a proxy (RFC 9112 sections 3, 6 and 9; RFC 9110 sections 7 to 10).

use plimsoll_wire::l7::http1::{
    Body, Form, Framing, Limits, Method, Name, Parse, Refusal, Request, RequestHead, ResponseHead,
    Version,
};

#[test]
fn a_request_is_read_part_by_part() {
    asking("PUT /a/b?c=d HTTP/1.1\nHost: shop:81\nX-One: 1\nx-one: 2\n\n", |request| {
        assert_eq!((request.method(), request.method_name()), (Method::Put, "PUT"));
        assert_eq!((request.path(), request.query()), ("/a/b", "?c=d"));
        assert_eq!((request.authority(), request.host()), (Some("shop:81"), Some("shop")));
        assert_eq!(request.version(), Version::Http11);
        assert_eq!(request.field("X-ONE"), Some(&b"1"[..]));
        let names: Vec<_> = request.fields().map(|(name, _)| name).collect();
        assert_eq!(names, ["Host", "X-One", "x-one"]);
    });
}

#[test]
fn white_space_around_a_value_is_not_part_of_it() {
    asking("GET / HTTP/1.1\nHost:a\nA: \t b c \t \nB:\n\n", |request| {
        assert_eq!(request.field("a"), Some(&b"b c"[..]));
        assert_eq!(request.field("b"), Some(&b""[..]));
        assert_eq!(request.field("c"), None);
    });
}

#[test]
fn the_host_of_an_absolute_target_wins_over_the_host_field() {
    asking("GET http://b.example/x HTTP/1.1\nHost: a.example\n\n", |request| {
        assert_eq!((request.form(), request.authority()), (Form::Absolute, Some("b.example")));
        assert_eq!(request.path(), "/x");
    });
}

#[test]
fn an_absolute_target_without_a_path_means_the_root() {
    asking("GET http://b.example?q HTTP/1.1\nHost: b.example\n\n", |request| {
        assert_eq!((request.path(), request.query()), ("/", "?q"));
    });
}

#[test]
fn options_of_an_absolute_target_without_a_path_is_about_the_server() {
    asking("OPTIONS http://b.example HTTP/1.1\nHost: b.example\n\n", |request| {
        assert_eq!(request.path(), "*");
    });
}

#[test]
fn connect_takes_an_authority_with_a_port() {
    asking("CONNECT a.example:443 HTTP/1.1\nHost: a.example\n\n", |request| {
        assert_eq!((request.form(), request.method()), (Form::Authority, Method::Connect));
        assert_eq!(request.authority(), Some("a.example:443"));
    });
}

#[test]
fn an_ipv6_host_keeps_its_brackets_and_loses_its_port() {
    asking("GET / HTTP/1.1\nHost: [2001:db8::1]:8080\n\n", |request| {
        assert_eq!(request.host(), Some("[2001:db8::1]"));
    });
}

#[test]
fn http_1_0_may_come_without_a_host() {
    asking("GET / HTTP/1.0\n\n", |request| assert_eq!(request.authority(), None));
}

#[test]
fn http_1_1_stays_open_unless_told_to_close() {
    assert!(is_persistent("HTTP/1.1", "X-A: b"));
    assert!(!is_persistent("HTTP/1.1", "Connection: x, CLOSE"));
    assert!(!is_persistent("HTTP/1.1", "Connection: keep-alive\nConnection: close"));
}

#[test]
fn http_1_0_closes_unless_told_to_stay() {
    assert!(!is_persistent("HTTP/1.0", "X-A: b"));
    assert!(is_persistent("HTTP/1.0", "Connection: Keep-Alive"));
    assert!(!is_persistent("HTTP/1.0", "Connection: keep-alive, close"));
}

#[test]
fn the_framing_is_what_the_fields_declare() {
    assert_eq!(framing("X-A: b"), Framing::Empty);
    assert_eq!(framing("Content-Length: 0"), Framing::Length(0));
    assert_eq!(framing("Content-Length: 007"), Framing::Length(7));
    assert_eq!(framing("Content-Length: 9223372036854775807"), Framing::Length(i64::MAX as u64));
    assert_eq!(framing("Transfer-Encoding: Chunked"), Framing::Chunked);
}

#[test]
fn an_upgrade_counts_only_when_connection_names_it() {
    let asked = "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: keep-alive, Upgrade\n\n";
    asking(asked, |request| {
        assert_eq!(request.upgrade(), Some(&b"websocket"[..]));
        assert!(request.is_websocket());
    });
    asking("GET / HTTP/1.1\nHost: a\nUpgrade: websocket\n\n", |request| {
        assert_eq!(request.upgrade(), None);
    });
}

#[test]
fn http_1_0_cannot_upgrade() {
    asking("GET / HTTP/1.0\nConnection: upgrade\nUpgrade: websocket\n\n", |request| {
        assert!(request.upgrade().is_none() && !request.is_websocket());
    });
}

#[test]
fn a_client_waits_for_100_only_if_it_has_a_body_and_speaks_http_1_1() {
    assert!(waits("HTTP/1.1", "Content-Length: 5"));
    assert!(waits("HTTP/1.1", "Transfer-Encoding: chunked"));
    assert!(!waits("HTTP/1.1", "Content-Length: 0"));
    assert!(!waits("HTTP/1.1", "X-A: b"));
    assert!(!waits("HTTP/1.0", "Content-Length: 5"));
}

#[test]
fn max_forwards_is_counted_for_trace_and_options_only() {
    let forwards = |method| {
        let text = format!("{method} / HTTP/1.1\nHost: a\nMax-Forwards: 0\n\n");
        let mut found = None;
        asking(&text, |request| found = request.max_forwards());
        found
    };

    assert_eq!(["TRACE", "OPTIONS", "GET"].map(forwards), [Some(0), Some(0), None]);
}

#[test]
fn a_loop_is_seen_in_any_via_field() {
    asking("GET / HTTP/1.1\nHost: a\nVia: 1.1 x\nVia: 1.0 y, 1.1 Edge-1\n\n", |request| {
        assert!(request.has_been_through("edge-1"));
        assert!(!request.has_been_through("edge-2"));
    });
}

#[test]
fn a_caller_can_only_shorten_the_time_and_raise_the_count_by_repeating_itself() {
    let text = "GET / HTTP/1.1\nHost: a\nPlimsoll-Timeout-Ms: 900\nplimsoll-timeout-ms: 200\n\
                Plimsoll-Timeout-Ms: -5\nPlimsoll-Attempt: 3\nPlimsoll-Attempt: 1\n\n";
    asking(text, |request| {
        assert_eq!((request.timeout_ms(), request.attempt()), (Some(200), Some(3)));
    });
}

#[test]
fn an_idempotency_key_counts_if_it_is_not_empty() {
    asking("POST / HTTP/1.1\nHost: a\nIdempotency-Key: \"k1\"\n\n", |request| {
        assert_eq!(request.idempotency_key(), Some(&b"\"k1\""[..]));
        assert_eq!(request.known(Name::Host), Some(&b"a"[..]));
    });
    asking("POST / HTTP/1.1\nHost: a\nIdempotency-Key:\n\n", |request| {
        assert_eq!(request.idempotency_key(), None);
    });
}

#[test]
fn what_follows_a_head_is_the_next_message() {
    let bytes = crlf("GET /1 HTTP/1.1\nHost: a\n\nGET /2 HTTP/1.1\nHost: b\n\n");
    let mut head = RequestHead::new();

    let Ok(Parse::Complete { consumed }) = head.parse(&bytes, &Limits::default()) else {
        panic!("the first head is whole");
    };
    assert_eq!(head.over(&bytes).raw(), &bytes[..consumed]);
    assert!(head.parse(&bytes[consumed..], &Limits::default()).is_ok());
    assert_eq!(head.over(&bytes[consumed..]).path(), "/2");
}

#[test]
fn one_empty_line_before_a_request_is_forgiven() {
    let bytes = crlf("\nGET / HTTP/1.1\nHost: a\n\n");
    let mut head = RequestHead::new();

    let parse = head.parse(&bytes, &Limits::default());

    assert_eq!(parse, Ok(Parse::Complete { consumed: bytes.len() }));
}

#[test]
fn nothing_of_one_request_is_left_in_the_next() {
    let mut head = RequestHead::new();
    let first = crlf(
        "POST / HTTP/1.1\nHost: a\nContent-Length: 5\nConnection: close, upgrade\nUpgrade: x\n\
         Expect: 100-continue\nPlimsoll-Attempt: 4\n\n",
    );
    let second = crlf("OPTIONS * HTTP/1.0\n\n");

    assert!(head.parse(&first, &Limits::default()).is_ok());
    assert!(head.parse(&second, &Limits::default()).is_ok());

    let request = head.over(&second);
    assert_eq!((request.framing(), request.authority()), (Framing::Empty, None));
    assert_eq!((request.attempt(), request.upgrade()), (None, None));
    assert!(!request.expects_continue() && request.fields().next().is_none());
}

#[test]
fn a_head_given_up_half_way_is_forgotten_when_cleared() {
    let mut head = RequestHead::new();
    let limits = Limits::default();
    assert_eq!(head.parse(b"GET /a-long-first-attempt HTT", &limits), Ok(Parse::Partial));

    head.clear();

    let bytes = crlf("GET / HTTP/1.1\nHost: a\n\n");
    assert_eq!(head.parse(&bytes, &limits), Ok(Parse::Complete { consumed: bytes.len() }));
}

#[test]
fn a_limit_is_reached_by_exactly_one_byte_too_many() {
    let text = "GET /abc HTTP/1.1\nHost: a\nA: b\n\n";
    let line = "GET /abc HTTP/1.1".len();
    let exact = Limits { line, head: crlf(text).len(), fields: 2, trailers: 0 };

    assert!(refusal(text, &exact).is_none());
    let line = Limits { line: exact.line - 1, ..exact };
    assert_eq!(refusal(text, &line).map(Refusal::status), Some(414));
    let head = Limits { head: exact.head - 1, ..exact };
    assert_eq!(refusal(text, &head), Some(Refusal::HeadTooLarge));
    let fields = Limits { fields: 1, ..exact };
    assert_eq!(refusal(text, &fields).map(Refusal::status), Some(431));
}

#[test]
fn what_never_ends_is_refused_when_its_limit_is_reached_however_it_comes() {
    let limits = Limits { line: 40, head: 120, ..Limits::default() };
    for empty_line in ["", "\n"] {
        for (start, refusal, most) in [
            ("GET / HTTP/1.1\nHost: a\nA: ", Refusal::HeadTooLarge, limits.head),
            ("GET /", Refusal::LineTooLong, limits.line + 2 * (1 + empty_line.len())),
        ] {
            let mut head = RequestHead::new();
            let mut bytes = crlf(&format!("{empty_line}{start}"));

            let outcome = loop {
                match head.parse(&bytes, &limits) {
                    Ok(Parse::Partial) if bytes.len() < 2 * limits.head => bytes.push(b'a'),
                    other => break other,
                }
            };

            assert_eq!(outcome, Err(refusal), "{start}");
            assert!(bytes.len() <= most, "{start}: {} bytes", bytes.len());
            bytes.resize(2 * limits.head, b'a');
            assert_eq!(RequestHead::new().parse(&bytes, &limits), outcome, "{start}");
        }
    }
}

#[test]
fn a_head_is_small_enough_to_keep_for_every_connection() {
    let sizes = [size_of::<RequestHead>(), size_of::<ResponseHead>(), size_of::<Body>()];

    assert!(sizes[0] <= 1_536 && sizes[1] <= 1_536 && sizes[2] <= 32, "{sizes:?}");
}

#[test]
fn every_refusal_says_what_was_wrong_in_a_sentence() {
    let bytes = crlf("GET / HTTP/1.1\n\n");
    let refused = RequestHead::new().parse(&bytes, &Limits::default());

    let text = refused.map_err(|refusal| refusal.to_string());

    assert_eq!(text, Err("An HTTP/1.1 request must have a Host field.".into()));
}

fn is_persistent(version: &str, fields: &str) -> bool {
    let mut persistent = false;
    asking(&format!("GET / {version}\nHost: a\n{fields}\n\n"), |request| {
        persistent = request.is_persistent();
    });
    persistent
}

fn framing(fields: &str) -> Framing {
    let mut framing = Framing::Tunnel;
    asking(&format!("POST / HTTP/1.1\nHost: a\n{fields}\n\n"), |request| {
        framing = request.framing();
    });
    framing
}

fn waits(version: &str, fields: &str) -> bool {
    let mut waits = false;
    let text = format!("POST / {version}\nHost: a\nExpect: 100-Continue\n{fields}\n\n");
    asking(&text, |request| waits = request.expects_continue());
    waits
}

fn refusal(text: &str, limits: &Limits) -> Option<Refusal> {
    RequestHead::new().parse(&crlf(text), limits).err()
}

fn asking(text: &str, ask: impl FnOnce(Request<'_>)) {
    let bytes = crlf(text);
    let mut head = RequestHead::new();
    let parse = head.parse(&bytes, &Limits::default());
    assert_eq!(parse, Ok(Parse::Complete { consumed: bytes.len() }), "{text}");
    ask(head.over(&bytes));
}

fn crlf(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}
