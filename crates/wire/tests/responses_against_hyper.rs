//! Our reading of responses held against another: hyper's client, on the same bytes.
//!
//! The rule is that for requests: what we accept hyper reads the same way, what hyper refuses we
//! refuse, and where we want more bytes hyper is not content either.

mod hyper_reader;
mod reader;

use hyper_reader::{Answer, grouped, read_answer};
use plimsoll_wire::l7::http1::{
    Asked, Body, Limits, Method, Parse, Refusal, ResponseHead, Then, Trailers,
};

#[test]
fn whatever_we_accept_hyper_reads_the_same_way() {
    for text in RESPONSES {
        for method in ["GET", "HEAD"] {
            assert!(agree(method, text.as_bytes()), "{text}");
        }
    }
}

#[test]
fn one_byte_more_less_or_other_makes_no_difference_between_the_two() {
    let mut agreed = 0;
    for bytes in RESPONSES.map(str::as_bytes) {
        for variant in variants(bytes) {
            agreed += usize::from(agree("GET", &variant)) + usize::from(agree("HEAD", &variant));
        }
    }

    assert!(agreed > 10_000, "only {agreed} were accepted at all");
}

const RESPONSES: [&str; 12] = [
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;a=b\r\n!\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n0\r\nA: b\r\n\r\n",
    "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nuntil close",
    "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.0 404 Not Found\r\n\r\nnothing",
    "HTTP/1.1 204 No Content\r\nA: b\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"a\"\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
    "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 500\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nA:b\r\nB: \t c \r\nC:\r\nContent-Length: 0\r\n\r\n",
];

/// Bytes that end, separate or spoil something.
const SPITEFUL: &[u8] = b"\r\n \t:;,=0a\x00\x7f\x80/\"";

fn variants(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len()).flat_map(move |at| {
        let (before, after) = bytes.split_at(at);
        let without = [before, &after[1..]].concat();
        let more = SPITEFUL.iter().map(move |&byte| [before, &[byte], after].concat());
        let other = SPITEFUL.iter().map(move |&byte| [before, &[byte], &after[1..]].concat());
        more.chain(other).chain([without])
    })
}

/// Whether there was anything to agree on: we refuse more than hyper does.
fn agree(method: &str, bytes: &[u8]) -> bool {
    let Ok(ours) = read(method, bytes) else {
        return false;
    };
    assert_eq!(read_answer(method, bytes), ours, "{method}: {}", bytes.escape_ascii());
    ours.is_some()
}

/// The final response, `None` if it breaks off when the connection closes.
fn read(method: &str, bytes: &[u8]) -> Result<Option<Answer>, Refusal> {
    let asked = Asked { method: Method::from_bytes(method.as_bytes()), upgrade: false };
    let mut head = ResponseHead::new();
    let mut rest = bytes;
    loop {
        let Parse::Complete { consumed } = head.parse(rest, asked, &Limits::default())? else {
            return Ok(None);
        };
        let response = head.over(rest);
        rest = &rest[consumed..];
        if !response.is_interim() {
            let fields: Vec<_> = response.fields().map(|(n, v)| (n.into(), v.to_vec())).collect();
            let answer =
                Answer { status: response.status(), fields: grouped(&fields), ..Answer::default() };
            return read_body(Body::new(response.framing()), rest, answer);
        }
    }
}

fn read_body(
    mut body: Body,
    mut rest: &[u8],
    mut answer: Answer,
) -> Result<Option<Answer>, Refusal> {
    while !body.is_done() {
        let step = body.decode(rest)?;
        answer.body.extend_from_slice(&rest[step.data]);
        rest = &rest[step.consumed..];
        if step.then == Then::Trailers {
            let mut trailers = Trailers::new();
            if trailers.parse(rest, &Limits::default())? == Parse::Partial {
                return Ok(None);
            }
            let fields: Vec<_> =
                trailers.fields(rest).map(|(n, v)| (n.into(), v.to_vec())).collect();
            answer.trailers = grouped(&fields);
            body.on_trailers();
        } else if step.consumed == 0 && body.on_close().is_err() {
            return Ok(None);
        }
    }
    Ok(Some(answer))
}
