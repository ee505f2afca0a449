//! Request heads: never a panic, the same answer wherever the bytes are cut, and what is accepted
//! is forwarded as a head that says the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::l7::http1::{Limits, Parse, Request, RequestHead, RequestHop};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { fields: 64, ..Limits::default() };
    let mut head = RequestHead::new();
    let whole = head.parse(bytes, &limits);
    in_two_pieces(bytes, &limits, whole.clone().ok());
    if let Ok(Parse::Complete { consumed }) = whole {
        assert_strict(&bytes[..consumed]);
        survives_forwarding(&head.over(bytes));
    }
});

fn in_two_pieces(bytes: &[u8], limits: &Limits, whole: Option<Parse>) {
    let cut = bytes.iter().map(|&byte| usize::from(byte)).sum::<usize>() % (bytes.len() + 1);
    let mut head = RequestHead::new();
    let first = head.parse(&bytes[..cut], limits);
    match (first, whole) {
        (Ok(Parse::Complete { .. }), Some(whole)) => assert_eq!(first, Ok(whole)),
        (Ok(Parse::Partial), Some(whole)) => assert_eq!(head.parse(bytes, limits), Ok(whole)),
        // A line is judged when it has ended, so a fault may still wait for its line feed.
        (Ok(Parse::Partial), None) if !bytes[cut..].contains(&b'\n') => {}
        (Ok(Parse::Partial), None) => assert!(head.parse(bytes, limits).is_err()),
        (first, whole) => assert!(first.is_err() && whole.is_none(), "{first:?} {whole:?}"),
    }
}

/// What no reader may take for anything else.
fn assert_strict(head: &[u8]) {
    let at_line_feed = |at: usize| at > 0 && head[at - 1] == b'\r';
    let at_return = |at: usize| head.get(at + 1) == Some(&b'\n');
    for (at, &byte) in head.iter().enumerate() {
        match byte {
            b'\n' => assert!(at_line_feed(at)),
            b'\r' => assert!(at_return(at)),
            b'\t' => {}
            _ => assert!(!byte.is_ascii_control()),
        }
    }
    assert!(head.ends_with(b"\r\n\r\n"));
}

fn survives_forwarding(request: &Request<'_>) {
    let mut out = Vec::new();
    request.forward(&RequestHop::new("fuzz", request), &mut out);
    let limits = Limits { line: 65_000, head: 65_535, fields: 128, trailers: 0 };
    let mut head = RequestHead::new();
    let parsed = head.parse(&out, &limits);
    assert!(request.authority().is_none() || parsed == Ok(Parse::Complete { consumed: out.len() }));
    if parsed.is_err() {
        return;
    }
    let again = head.over(&out);
    assert_strict(&out);
    assert_eq!(again.method_name(), request.method_name());
    assert_eq!((again.path(), again.query()), (request.path(), request.query()));
    assert_eq!(again.authority(), request.authority());
    assert_eq!(again.framing(), request.framing());
    assert!(again.upgrade().is_none() && again.is_persistent());
    assert!(again.has_been_through("fuzz"));
}
