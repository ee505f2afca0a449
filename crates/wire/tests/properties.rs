//! What holds for any bytes, any cut and any message.

mod reader;

use plimsoll_wire::l7::http1::{
    Body, Framing, Limits, Parse, Request, RequestHead, RequestHop, Then, write,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use reader::{read_in_pieces, read_whole};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_read_does_not_depend_on_the_cuts(bytes in nearly_http(), cuts in vec(any::<Index>(), 1..4)) {
        let whole = read_whole(&bytes);
        let split = read_in_pieces(&pieces(&bytes, &cuts));

        match whole {
            Ok(whole) => prop_assert_eq!(split, Ok(whole)),
            // A line is judged when it has ended: the last one may not have.
            Err(_) => prop_assert!(split.map_or(true, |read| !bytes.ends_with(b"\n") && read.unread > 0)),
        }
    }

    #[test]
    fn our_chunks_are_read_back_as_they_were_written(
        data in vec(any::<u8>(), 0..2_000),
        size in 1_usize..300,
        cuts in vec(any::<Index>(), 0..5),
    ) {
        let mut written = Vec::new();
        for chunk in data.chunks(size) {
            write::chunk_head(&mut written, chunk.len() as u64);
            written.extend_from_slice(chunk);
            written.extend_from_slice(write::CHUNK_END);
        }
        written.extend_from_slice(write::LAST_CHUNK);

        prop_assert_eq!(decoded(&pieces(&written, &cuts)), Some(data.clone()));
        let relayed = relayed(&pieces(&written, &cuts));
        prop_assert_eq!(relayed, Some(written));
    }

    #[test]
    fn a_forwarded_request_says_the_same_without_its_hop(
        fields in vec(field(), 0..12),
        path in "/[a-z0-9/._~%-]{0,20}(\\?[a-z0-9=&?/]{0,10})?",
        method in select(&["GET", "POST", "PUT", "OPTIONS", "BREW"][..]),
    ) {
        let mut sent = format!("{method} {path} HTTP/1.1\r\nHost: a.example\r\n").into_bytes();
        for (name, space, value) in &fields {
            sent.extend_from_slice(format!("{name}:{space}{value}{space}\r\n").as_bytes());
        }
        sent.extend_from_slice(b"\r\n");
        let mut head = RequestHead::new();
        prop_assert!(head.parse(&sent, &Limits::default()).is_ok());
        let request = head.over(&sent);
        let mut forwarded = Vec::new();
        request.forward(&RequestHop::new("edge", &request), &mut forwarded);

        let mut again = RequestHead::new();
        let parse = again.parse(&forwarded, &Limits::default());
        prop_assert_eq!(parse, Ok(Parse::Complete { consumed: forwarded.len() }));
        let again = again.over(&forwarded);
        prop_assert_eq!(again.method_name(), method);
        prop_assert_eq!(format!("{}{}", again.path(), again.query()), path);
        prop_assert_eq!(told(&again), expected(&request));
    }
}

fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.max(2_000), failure_persistence: None, ..usual }
}

/// Pieces of requests in any order, most of them nearly right.
fn nearly_http() -> impl Strategy<Value = Vec<u8>> {
    let fragment = select(
        &[
            "GET / HTTP/1.1\r\nHost: a\r\n",
            "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
            "GET / HTTP/1.0\r\n",
            "\r\n",
            "\r\n\r\n",
            "\n",
            "\r",
            "Content-Length: 5\r\n",
            "Connection: close, x\r\n",
            "A: b\r\n",
            "A: b\n",
            " fold\r\n",
            "hello",
            "5\r\nhello\r\n",
            "5;a=b\r\nhello\r\n",
            "0\r\n",
            "0\r\n\r\n",
            ":",
            "\u{0}",
            "é",
        ][..],
    );
    vec(fragment, 1..8).prop_map(|fragments| fragments.concat().into_bytes())
}

/// A name, the white space around its value, and the value.
fn field() -> impl Strategy<Value = (String, &'static str, String)> {
    let names = select(&["X-A", "X-B", "Accept", "Cookie", "Via", "X-Forwarded-For"][..]);
    let hop = select(&["Keep-Alive", "TE", "Proxy-Connection", "Upgrade", "Connection"][..]);
    let name = prop_oneof![3 => names, 1 => hop];
    let value = prop_oneof![3 => "[!-~]([ -~]{0,12}[!-~])?", 1 => Just("x-a, close".to_owned())];
    (name.prop_map(str::to_owned), select(&["", " ", "\t "][..]), value)
}

/// The end-to-end fields of a request, in order.
fn expected(request: &Request<'_>) -> Vec<(String, Vec<u8>)> {
    const HOP: [&str; 5] = ["connection", "keep-alive", "te", "proxy-connection", "upgrade"];
    let named: Vec<String> = request
        .fields()
        .filter(|(name, _)| name.eq_ignore_ascii_case("connection"))
        .flat_map(|(_, value)| value.split(|&byte| byte == b','))
        .map(|option| String::from_utf8_lossy(option).trim().to_ascii_lowercase())
        .collect();
    let protected = ["host", "cookie", "via", "x-forwarded-for"];
    let goes_on = |name: &str| {
        !HOP.contains(&name) && (protected.contains(&name) || !named.iter().any(|n| n == name))
    };
    let fields = request.fields().map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec()));
    let mut kept: Vec<_> = fields.filter(|(name, _)| goes_on(name)).collect();
    kept.push(("via".into(), b"1.1 edge".to_vec()));
    kept
}

fn told(request: &Request<'_>) -> Vec<(String, Vec<u8>)> {
    request.fields().map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec())).collect()
}

fn pieces<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|two| &bytes[two[0]..two[1]]).collect()
}

/// The data, if the body ended exactly with the bytes.
fn decoded(pieces: &[&[u8]]) -> Option<Vec<u8>> {
    let mut body = Body::new(Framing::Chunked);
    let (mut left, mut data) = (Vec::new(), Vec::new());
    for piece in pieces {
        left.extend_from_slice(piece);
        loop {
            let step = body.decode(&left).ok()?;
            data.extend_from_slice(&left[step.data.clone()]);
            left.drain(..step.consumed);
            if step.consumed == 0 || step.then == Then::End {
                break;
            }
        }
    }
    (body.is_done() && left.is_empty()).then_some(data)
}

fn relayed(pieces: &[&[u8]]) -> Option<Vec<u8>> {
    let mut body = Body::new(Framing::Chunked);
    let (mut left, mut out) = (Vec::new(), Vec::new());
    for piece in pieces {
        left.extend_from_slice(piece);
        let relay = body.relay(&left).ok()?;
        out.extend_from_slice(&left[relay.verbatim]);
        left.drain(..relay.consumed);
        if relay.then == Then::End {
            out.extend_from_slice(write::LAST_CHUNK);
            break;
        }
    }
    (body.is_done() && left.is_empty()).then_some(out)
}
