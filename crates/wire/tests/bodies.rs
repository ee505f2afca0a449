//! Bodies as they go by: counted, decoded, relayed, cut off (RFC 9112 sections 6 and 7).

use plimsoll_wire::l7::http1::{
    Body, Framing, LONGEST_LINE, Limits, Parse, Refusal, RequestHead, Then, Trailers, write,
};

#[test]
fn a_sized_body_ends_at_its_last_byte_and_not_behind_it() {
    let mut body = Body::new(Framing::Length(5));

    let first = body.decode(b"hel").expect("a part of it");
    assert_eq!((first.data, first.then, body.remaining()), (0..3, Then::More, Some(2)));
    let second = body.decode(b"loGET /").expect("the rest");
    assert_eq!((second.consumed, second.data, second.then), (2, 0..2, Then::End));
    assert!(body.is_done());
}

#[test]
fn no_body_ends_before_it_begins() {
    for framing in [Framing::Empty, Framing::Length(0)] {
        let mut body = Body::new(framing);

        assert!(body.is_done());
        let step = body.decode(b"GET /").expect("nothing of it is the body's");
        assert_eq!((step.consumed, step.then), (0, Then::End));
    }
}

#[test]
fn a_body_until_close_ends_well_when_the_connection_closes() {
    let mut body = Body::new(Framing::UntilClose);

    let step = body.decode(b"any length").expect("all is data");

    assert_eq!((step.data, step.then, body.remaining()), (0..10, Then::More, None));
    assert_eq!(body.on_close(), Ok(()));
}

#[test]
fn a_close_in_the_middle_is_a_truncation() {
    let mut sized = Body::new(Framing::Length(5));
    let mut chunked = Body::new(Framing::Chunked);
    assert!(chunked.decode(b"5\r\nhello\r\n").is_ok());

    assert_eq!(sized.on_close(), Err(Refusal::Truncated));
    assert_eq!(chunked.on_close(), Err(Refusal::Truncated));
}

#[test]
fn chunks_are_decoded_to_ranges_of_the_input() {
    let input = b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\nGET /";
    let mut body = Body::new(Framing::Chunked);
    let (mut at, mut seen) = (0, Vec::new());

    let then = loop {
        let step = body.decode(&input[at..]).expect("good chunks");
        seen.push(&input[at..][step.data]);
        at += step.consumed;
        if step.then != Then::More {
            break step.then;
        }
    };

    assert_eq!(seen, [&b"hello"[..], b"!", b""]);
    assert_eq!((then, &input[at..]), (Then::End, &b"GET /"[..]));
}

#[test]
fn whole_chunks_are_relayed_in_one_piece_without_the_last_one() {
    let input = b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\nGET /";
    let mut body = Body::new(Framing::Chunked);

    let relay = body.relay(input).expect("good chunks");

    assert_eq!(&input[relay.verbatim], b"5\r\nhello\r\n1\r\n!\r\n");
    assert_eq!((relay.then, &input[relay.consumed..]), (Then::End, &b"GET /"[..]));
}

#[test]
fn chunk_extensions_go_no_further() {
    assert_eq!(relayed(b"5;a=\"b;\\\"\"\r\nhello\r\n1;x\r\n!\r\n0;y=z\r\n\r\n"), RELAYED);
    assert_eq!(relayed(b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"), RELAYED);
}

#[test]
fn a_size_line_is_taken_when_it_is_whole() {
    let mut body = Body::new(Framing::Chunked);

    for part in [&b"5"[..], b"5;a", b"5;a\r"] {
        let step = body.decode(part).expect("not wrong yet");
        assert_eq!((step.consumed, step.then), (0, Then::More));
    }
    assert_eq!(body.decode(b"5;a\r\n").map(|step| step.consumed), Ok(5));
}

#[test]
fn what_is_left_unconsumed_is_never_longer_than_a_line() {
    let mut body = Body::new(Framing::Chunked);
    let mut input = b"0000000000000005;a=".to_vec();
    let longest = loop {
        match body.decode(&input) {
            Ok(step) => assert_eq!(step.consumed, 0),
            Err(Refusal::ChunkExtensionTooLong) => break input.len() - 1,
            Err(other) => panic!("{other}"),
        }
        input.push(b'a');
    };

    assert!(longest <= LONGEST_LINE, "{longest}");
}

#[test]
fn a_large_chunk_is_passed_on_before_it_is_whole() {
    let mut body = Body::new(Framing::Chunked);

    let relay = body.relay(b"ffffff\r\nabc").expect("the beginning of a chunk");
    assert_eq!((relay.consumed, relay.verbatim), (11, 0..11));
    let relay = body.relay(b"defg").expect("more of it");
    assert_eq!((relay.consumed, relay.verbatim), (4, 0..4));
}

#[test]
fn trailers_are_kept_apart_and_passed_on_behind_the_last_chunk() {
    let input = b"0\r\nGrpc-Status: 0\r\nX-Sum: a\r\n\r\nGET /";
    let mut body = Body::new(Framing::Chunked);
    let step = body.decode(input).expect("the last chunk");
    assert_eq!(step.then, Then::Trailers);

    let rest = &input[step.consumed..];
    let mut trailers = Trailers::new();
    let Ok(Parse::Complete { consumed }) = trailers.parse(rest, &Limits::default()) else {
        panic!("whole trailers");
    };
    body.on_trailers();

    let names: Vec<_> = trailers.fields(rest).map(|(name, _)| name).collect();
    assert_eq!(names, ["Grpc-Status", "X-Sum"]);
    assert_eq!(&rest[consumed..], b"GET /");
    assert!(body.is_done());
    let mut out = Vec::new();
    trailers.write_last_chunk(rest, b"", &mut out);
    assert_eq!(out, b"0\r\nGrpc-Status: 0\r\nX-Sum: a\r\n\r\n");
}

#[test]
fn framing_routing_and_credentials_are_removed_from_trailers() {
    let forbidden = "Content-Length: 5\nTransfer-Encoding: chunked\nHost: b\nAuthorization: c\n\
                     Connection: X-Kept\nSet-Cookie: d\nCookie: d\nCache-Control: e\nVia: f\n\
                     Content-Type: g\nContent-Encoding: h\nX-Forwarded-For: i\nTrailer: j\n\
                     Plimsoll-Timeout-Ms: 1\nIf-Match: k\nRetry-After: 2\nTE: l\nMax-Forwards: 3\n";
    let section = format!("{forbidden}X-Kept: 1\nProxy-Status: m\n\n").replace('\n', "\r\n");
    let mut trailers = Trailers::new();
    assert!(trailers.parse(section.as_bytes(), &Limits::default()).is_ok());

    let mut out = Vec::new();
    trailers.write_last_chunk(section.as_bytes(), b"", &mut out);

    assert_eq!(out, b"0\r\nX-Kept: 1\r\nProxy-Status: m\r\n\r\n");
}

#[test]
fn what_the_head_says_is_for_one_hop_is_removed_from_trailers_too() {
    let section = b"X-Hop: 1\r\nX-Kept: 2\r\nx-other: 3\r\n\r\n";
    let text =
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: x-hop\r\nConnection: close, X-Other\r\n\r\n";
    let mut head = RequestHead::new();
    assert!(head.parse(text, &Limits::default()).is_ok());
    let nominated = head.over(text).nominated().unwrap_or_default();
    let mut trailers = Trailers::new();
    assert!(trailers.parse(section, &Limits::default()).is_ok());

    let mut out = Vec::new();
    trailers.write_last_chunk(section, &nominated, &mut out);

    assert_eq!(out, b"0\r\nX-Kept: 2\r\n\r\n");
}

#[test]
fn who_only_says_what_becomes_of_the_connection_names_no_fields() {
    let text = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n";
    let mut head = RequestHead::new();
    assert!(head.parse(text, &Limits::default()).is_ok());

    assert_eq!(head.over(text).nominated(), None);
}

#[test]
fn a_trailer_section_that_is_not_whole_wants_more() {
    let whole = b"A: b\r\nC: d\r\n\r\n";
    for cut in 0..whole.len() {
        let parse = Trailers::new().parse(&whole[..cut], &Limits::default());
        assert_eq!(parse, Ok(Parse::Partial), "{cut}");
    }
}

#[test]
fn a_chunk_head_is_its_size_in_hex() {
    for (size, text) in [(1, "1\r\n"), (255, "ff\r\n"), (4096, "1000\r\n")] {
        let mut out = Vec::new();
        write::chunk_head(&mut out, size);
        assert_eq!(out, text.as_bytes());
    }
}

const RELAYED: &[u8] = b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n";

fn relayed(mut input: &[u8]) -> Vec<u8> {
    let mut body = Body::new(Framing::Chunked);
    let mut out = Vec::new();
    loop {
        let relay = body.relay(input).expect("good chunks");
        out.extend_from_slice(&input[relay.verbatim]);
        if let Some(size) = relay.chunk {
            write::chunk_head(&mut out, size);
        }
        input = &input[relay.consumed..];
        if relay.then == Then::End {
            out.extend_from_slice(write::LAST_CHUNK);
            return out;
        }
    }
}
