//! What a response's head tells a proxy, given what was asked (RFC 9112 sections 4 and 6.3).

use plimsoll_wire::l7::http1::{
    Asked, Framing, Limits, Method, Parse, Refusal, Response, ResponseHead, Version,
};

#[test]
fn a_response_is_read_part_by_part() {
    asking(GET, "HTTP/1.1 404 Not  Here\nServer: x\nContent-Length: 5\n\n", |response| {
        assert_eq!((response.status(), response.reason()), (404, &b"Not  Here"[..]));
        assert_eq!(response.version(), Version::Http11);
        assert_eq!(response.field("server"), Some(&b"x"[..]));
        assert_eq!(response.framing(), Framing::Length(5));
    });
}

#[test]
fn a_reason_may_be_empty_or_missing_or_not_ascii() {
    let reason = |line: &str| {
        let mut found = Vec::new();
        asking(GET, &format!("{line}\n\n"), |response| found = response.reason().to_vec());
        found
    };

    assert_eq!(reason("HTTP/1.1 200"), b"");
    assert_eq!(reason("HTTP/1.1 200 "), b"");
    assert_eq!(reason("HTTP/1.1 200 schön"), "schön".as_bytes());
}

#[test]
fn responses_without_a_body_end_with_their_head_whatever_they_declare() {
    for status in ["100", "103", "204", "304"] {
        assert_eq!(framing(GET, status, "Content-Length: 5"), Framing::Empty, "{status}");
        assert_eq!(framing(GET, status, "Transfer-Encoding: chunked"), Framing::Empty, "{status}");
    }
    assert_eq!(framing(HEAD, "200", "Content-Length: 5"), Framing::Empty);
    assert_eq!(framing(HEAD, "500", "Transfer-Encoding: chunked"), Framing::Empty);
}

#[test]
fn a_head_response_still_tells_its_length() {
    asking(HEAD, "HTTP/1.1 200 OK\nContent-Length: 5\n\n", |response| {
        assert_eq!(response.content_length(), Some(5));
        assert!(response.is_persistent());
    });
}

#[test]
fn a_body_without_length_or_chunks_lasts_until_close() {
    assert_eq!(framing(GET, "200", "X-A: b"), Framing::UntilClose);
    asking(GET, "HTTP/1.1 200 OK\n\n", |response| assert!(!response.is_persistent()));
}

#[test]
fn a_successful_connect_is_a_tunnel_and_a_refused_one_is_a_response() {
    assert_eq!(framing(CONNECT, "200", "Content-Length: 5"), Framing::Tunnel);
    assert_eq!(framing(CONNECT, "407", "Content-Length: 5"), Framing::Length(5));
}

#[test]
fn tunnel_bytes_come_only_after_a_101_that_was_asked_for() {
    let switch = "HTTP/1.1 101 Switching Protocols\nConnection: upgrade\nUpgrade: websocket\n\n";
    let asked = Asked { upgrade: true, ..GET };

    asking(asked, switch, |response| {
        assert_eq!(response.framing(), Framing::Tunnel);
        assert!(!response.is_interim());
    });
    assert_eq!(refusal(GET, switch), Some(Refusal::UnaskedSwitch));
    assert_eq!(refusal(asked, "HTTP/1.1 101 X\n\n"), Some(Refusal::UnaskedSwitch));
}

#[test]
fn several_interim_responses_come_before_the_final_one() {
    let bytes = crlf("HTTP/1.1 100 C\n\nHTTP/1.1 103 H\nLink: a\n\nHTTP/1.1 200 OK\n\n");
    let mut head = ResponseHead::new();
    let (mut rest, mut seen) = (&bytes[..], Vec::new());

    while let Ok(Parse::Complete { consumed }) = head.parse(rest, GET, &Limits::default()) {
        seen.push((head.over(rest).status(), head.over(rest).is_interim()));
        rest = &rest[consumed..];
    }

    assert_eq!(seen, [(100, true), (103, true), (200, false)]);
}

#[test]
fn http_1_0_stays_open_only_if_it_says_so() {
    asking(GET, "HTTP/1.0 200 OK\nContent-Length: 0\n\n", |response| {
        assert!(!response.is_persistent());
    });
    asking(GET, "HTTP/1.0 200 OK\nContent-Length: 0\nConnection: keep-alive\n\n", |response| {
        assert!(response.is_persistent());
    });
}

#[test]
fn a_body_where_none_may_be_makes_the_connection_useless() {
    asking(GET, "HTTP/1.1 204 No Content\nContent-Length: 5\n\n", |response| {
        assert!(!response.is_persistent());
    });
    asking(GET, "HTTP/1.1 204 No Content\nContent-Length: 0\n\n", |response| {
        assert!(response.is_persistent());
    });
    asking(GET, "HTTP/1.1 304 Not Modified\nContent-Length: 5\n\n", |response| {
        assert!(response.is_persistent());
    });
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let after = |value: &str| {
        let mut found = None;
        asking(GET, &format!("HTTP/1.1 503 X\nRetry-After: {value}\n\n"), |response| {
            found = response.retry_after_secs(|| 784_111_700);
        });
        found
    };

    assert_eq!(after("120"), Some(120));
    assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(77));
    assert_eq!(after("Sun Nov  6 08:48:00 1994"), Some(0), "past");
    assert_eq!(after("99999999999999999999"), Some(i64::MAX as u64));
    assert_eq!((after("-1"), after("soon")), (None, None));
}

#[test]
fn how_many_attempts_an_answer_took_is_a_number_or_not_known() {
    let took = |values: &[&str]| {
        let fields: String =
            values.iter().map(|value| format!("plimsoll-attempt: {value}\n")).collect();
        let mut found = None;
        asking(GET, &format!("HTTP/1.1 503 X\n{fields}\n"), |response| {
            found = response.attempts();
        });
        found
    };

    assert_eq!((took(&[]), took(&["3"]), took(&["0"])), (None, Some(3), Some(0)));
    assert_eq!((took(&["1", "4", "2"]), took(&["many", "2"])), (Some(4), Some(2)));
    assert_eq!(took(&["99999999999999999999"]), Some(i64::MAX as u64));
    for junk in ["", "-2", "+2", "0x2", "2.0", "2 2", "2, 2", "two"] {
        assert_eq!(took(&[junk]), None, "{junk}");
    }
}

#[test]
fn garbage_is_refused_with_its_reason() {
    let cases = [
        ("garbage\n\n", Refusal::StatusLine),
        ("\nHTTP/1.1 200 OK\n\n", Refusal::LeadingBytes),
        (" HTTP/1.1 200 OK\n\n", Refusal::StatusLine),
        ("HTTP/1.1 200OK\n\n", Refusal::StatusLine),
        ("HTTP/1.1 20 OK\n\n", Refusal::StatusLine),
        ("HTTP/1.1 2000 OK\n\n", Refusal::StatusLine),
        ("HTTP/1.1  200 OK\n\n", Refusal::StatusLine),
        ("HTTP/1.1 099 X\n\n", Refusal::StatusCode),
        ("HTTP/1.1 600 X\n\n", Refusal::StatusCode),
        ("HTTP/2.0 200 OK\n\n", Refusal::VersionUnsupported),
        ("ICY 200 OK\n\n", Refusal::StatusLine),
        ("HTTP/1.1 200 OK\nA : b\n\n", Refusal::SpaceBeforeColon),
        ("HTTP/1.1 200 OK\nA: b\n c\n\n", Refusal::ObsFold),
        ("HTTP/1.1 200 OK\nA\n\n", Refusal::FieldName),
        ("HTTP/1.1 200 O\u{1}K\n\n", Refusal::ControlByte),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(GET, text), Some(expected), "{text:?}");
    }
    let bare =
        [&b"HTTP/1.1 200 OK\n\n"[..], b"HTTP/1.1 200 OK\r\nA: b\n\r\n", b"HTTP/1.1 200\n\r\n"];
    for bytes in bare {
        let refused = ResponseHead::new().parse(bytes, GET, &Limits::default());
        assert_eq!(refused, Err(Refusal::BareLf), "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_response_with_two_framings_is_refused() {
    let declared = |fields: &str| refusal(GET, &format!("HTTP/1.1 200 OK\n{fields}\n\n"));

    let both = declared("Transfer-Encoding: chunked\nContent-Length: 5");
    assert_eq!(both, Some(Refusal::LengthAndEncoding));
    let twice = declared("Content-Length: 5\nContent-Length: 6");
    assert_eq!(twice, Some(Refusal::LengthRepeated));
    assert_eq!(declared("Transfer-Encoding: gzip"), Some(Refusal::EncodingNotChunked));
    assert_eq!(declared("Transfer-Encoding: gzip, chunked"), Some(Refusal::EncodingUnknown));
    let old = refusal(GET, "HTTP/1.0 200 OK\nTransfer-Encoding: chunked\n\n");
    assert_eq!(old, Some(Refusal::EncodingInHttp10));
}

const GET: Asked = Asked { method: Method::Get, upgrade: false };
const HEAD: Asked = Asked { method: Method::Head, upgrade: false };
const CONNECT: Asked = Asked { method: Method::Connect, upgrade: false };

fn framing(asked: Asked, status: &str, field: &str) -> Framing {
    let mut framing = Framing::Tunnel;
    asking(asked, &format!("HTTP/1.1 {status} X\n{field}\n\n"), |response| {
        framing = response.framing();
    });
    framing
}

fn refusal(asked: Asked, text: &str) -> Option<Refusal> {
    ResponseHead::new().parse(&crlf(text), asked, &Limits::default()).err()
}

fn asking(asked: Asked, text: &str, ask: impl FnOnce(Response<'_>)) {
    let bytes = crlf(text);
    let mut head = ResponseHead::new();
    let parse = head.parse(&bytes, asked, &Limits::default());
    assert_eq!(parse, Ok(Parse::Complete { consumed: bytes.len() }), "{text}");
    ask(head.over(&bytes));
}

fn crlf(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}
