//! Response heads: never a panic, the same answer wherever the bytes are cut, and what is accepted
//! is forwarded as a head that the client reads the same way.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::l7::http1::{
    Asked, Framing, Limits, Method, Parse, Response, ResponseHead, ResponseHop, Version,
};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { fields: 64, ..Limits::default() };
    for method in [Method::Get, Method::Head, Method::Connect] {
        let asked = Asked { method, upgrade: method == Method::Get };
        let mut head = ResponseHead::new();
        let whole = head.parse(bytes, asked, &limits);
        in_two_pieces(bytes, asked, &limits, whole.clone().ok());
        if let Ok(Parse::Complete { .. }) = whole {
            survives_forwarding(&head.over(bytes), asked);
        }
    }
});

fn in_two_pieces(bytes: &[u8], asked: Asked, limits: &Limits, whole: Option<Parse>) {
    let cut = bytes.iter().map(|&byte| usize::from(byte)).sum::<usize>() % (bytes.len() + 1);
    let mut head = ResponseHead::new();
    let first = head.parse(&bytes[..cut], asked, limits);
    match (first, whole) {
        (Ok(Parse::Complete { .. }), Some(whole)) => assert_eq!(first, Ok(whole)),
        (Ok(Parse::Partial), Some(whole)) => {
            assert_eq!(head.parse(bytes, asked, limits), Ok(whole))
        }
        (Ok(Parse::Partial), None) if !bytes[cut..].contains(&b'\n') => {}
        (Ok(Parse::Partial), None) => assert!(head.parse(bytes, asked, limits).is_err()),
        (first, whole) => assert!(first.is_err() && whole.is_none(), "{first:?} {whole:?}"),
    }
}

fn survives_forwarding(response: &Response<'_>, asked: Asked) {
    for client in [Version::Http11, Version::Http10] {
        let mut out = Vec::new();
        if response.is_interim() {
            response.forward_interim("fuzz", client, &mut out);
            if client == Version::Http10 {
                assert!(out.is_empty());
                continue;
            }
        } else {
            response.forward(&ResponseHop::new("fuzz", client, response), &mut out);
        }
        let limits = Limits { line: 65_000, head: 65_535, fields: 128, trailers: 0 };
        let mut head = ResponseHead::new();
        let parsed = head.parse(&out, asked, &limits);
        assert_eq!(parsed, Ok(Parse::Complete { consumed: out.len() }));
        let again = head.over(&out);
        assert_eq!(again.status(), response.status());
        assert_eq!(again.framing(), response.framing_towards(client));
        assert!(client == Version::Http11 || again.framing() != Framing::Chunked);
    }
}
