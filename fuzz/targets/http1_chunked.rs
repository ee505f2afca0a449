//! Bodies in chunks: never a panic, the same data wherever the bytes are cut, whether decoded or
//! relayed, and our own chunks are read back as they were written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::l7::http1::{Body, Framing, Limits, Parse, Refusal, Then, Trailers, write};

fuzz_target!(|bytes: &[u8]| {
    let whole = decode(&[bytes]);
    let cut = bytes.iter().map(|&byte| usize::from(byte)).sum::<usize>() % (bytes.len() + 1);
    // What is wrong may be said in other words when less of it has arrived.
    assert_eq!(decode(&[&bytes[..cut], &bytes[cut..]]).ok(), whole.clone().ok());
    if let Ok(read) = &whole {
        let relayed = relay(&[&bytes[..cut], &bytes[cut..]]).expect("what decodes can be relayed");
        let again = decode_within(LARGER, &[&relayed]).expect("what was relayed decodes");
        assert_eq!((&again.data, again.ended), (&read.data, read.ended));
    }
    round_trip(bytes);
});

#[derive(Clone, Debug, Default, PartialEq)]
struct Read {
    data: Vec<u8>,
    ended: bool,
}

fn decode(pieces: &[&[u8]]) -> Result<Read, Refusal> {
    decode_within(4_096, pieces)
}

/// A trailer that was written without a space behind its colon grows by one.
const LARGER: usize = 8_192;

fn decode_within(trailers: usize, pieces: &[&[u8]]) -> Result<Read, Refusal> {
    let limits = Limits { trailers, ..Limits::default() };
    let mut body = Body::new(Framing::Chunked);
    let mut read = Read::default();
    let mut left = Vec::new();
    for piece in pieces {
        left.extend_from_slice(piece);
        while !read.ended {
            let step = body.decode(&left)?;
            read.data.extend_from_slice(&left[step.data]);
            left.drain(..step.consumed);
            match step.then {
                Then::End => read.ended = true,
                Then::Trailers => match Trailers::new().parse(&left, &limits)? {
                    Parse::Complete { .. } => read.ended = true,
                    Parse::Partial => break,
                },
                Then::More if step.consumed == 0 => break,
                Then::More => {}
            }
        }
    }
    Ok(read)
}

fn relay(pieces: &[&[u8]]) -> Result<Vec<u8>, Refusal> {
    let mut body = Body::new(Framing::Chunked);
    let (mut left, mut out) = (Vec::new(), Vec::new());
    for piece in pieces {
        left.extend_from_slice(piece);
        loop {
            let relay = body.relay(&left)?;
            out.extend_from_slice(&left[relay.verbatim]);
            if let Some(size) = relay.chunk {
                write::chunk_head(&mut out, size);
            }
            left.drain(..relay.consumed);
            match relay.then {
                Then::End => {
                    out.extend_from_slice(write::LAST_CHUNK);
                    return Ok(out);
                }
                Then::Trailers => {
                    let mut trailers = Trailers::new();
                    if trailers.parse(&left, &Limits::default())? == Parse::Partial {
                        break;
                    }
                    trailers.write_last_chunk(&left, b"", &mut out);
                    return Ok(out);
                }
                Then::More if relay.consumed == 0 => break,
                Then::More => {}
            }
        }
    }
    Ok(out)
}

/// The first byte says how large the chunks are.
fn round_trip(bytes: &[u8]) {
    let Some((&size, data)) = bytes.split_first() else {
        return;
    };
    let mut out = Vec::new();
    for chunk in data.chunks(usize::from(size).max(1)) {
        write::chunk_head(&mut out, chunk.len() as u64);
        out.extend_from_slice(chunk);
        out.extend_from_slice(write::CHUNK_END);
    }
    out.extend_from_slice(write::LAST_CHUNK);
    assert_eq!(decode(&[&out]), Ok(Read { data: data.to_vec(), ended: true }));
}
