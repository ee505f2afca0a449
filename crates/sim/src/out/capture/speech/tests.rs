//! Sizes are exact, pieces fit together, and what is written can be read.

use super::*;

#[test]
fn a_message_has_exactly_its_size_whatever_that_is() {
    for speech in [Speech::Http1, Speech::Http2, Speech::Grpc, Speech::Opaque] {
        for part in [Part::Request { attempt: 2 }, Part::Answer { status: 503, tries: 2 }] {
            for head in 0..400 {
                for body in [0, 1, 8, 9, 13, 14, 300, 16_384, 16_393, 16_394, 16_401, 16_402] {
                    let message = Message { part, head, body, ..MESSAGE };
                    let bytes = whole(speech, message);
                    assert_eq!(bytes.len() as u64, message.bytes(), "{speech:?} {message:?}");
                }
            }
        }
    }
}

#[test]
fn what_a_session_says_has_exactly_its_size() {
    for speech in [Speech::Http1, Speech::Http2, Speech::Grpc, Speech::Opaque] {
        for side in [Side::Caller, Side::Called] {
            let sized = |part, head, body| {
                let message = Message { part, head, body, ..MESSAGE };
                let bytes = said(speech, side, message, 0, usize::MAX);
                assert_eq!(bytes.len() as u64, message.bytes(), "{speech:?} {side:?} {message:?}");
            };
            for body in [0, 1, 125, 126, 300, 16_379] {
                sized(Part::Frame, Part::frame(speech, side, body), body);
            }
            sized(Part::Farewell, Part::farewell(speech, side), 0);
            sized(Part::Upgrade { attempt: 1 }, 750, 0);
            sized(Part::Upgraded, 240, 0);
        }
    }
}

#[test]
fn a_piece_says_what_the_whole_says_there() {
    for speech in [Speech::Http1, Speech::Http2, Speech::Grpc] {
        for part in [Part::Request { attempt: 1 }, Part::Answer { status: 200, tries: 1 }] {
            let message = Message { part, head: 250, body: 50_000, ..MESSAGE };
            let all = whole(speech, message);
            for from in (0..all.len()).step_by(997) {
                let to = (from + 1_448).min(all.len());
                assert_eq!(piece(speech, message, from, to), all[from..to], "{speech:?} {from}");
            }
        }
    }
}

#[test]
fn an_http1_head_ends_where_the_simulated_head_ends() {
    let message = Message { head: 300, body: 1_000, ..MESSAGE };
    let bytes = whole(Speech::Http1, message);
    let text = String::from_utf8(bytes).unwrap();

    assert_eq!(text.find("\r\n\r\n"), Some(296));
    assert!(text.starts_with("POST /items/"), "{text}");
    assert!(text.contains("\r\ncontent-length: 1000\r\n") && text.contains("x-message: "));
}

#[test]
fn a_head_says_which_try_it_is_or_how_many_an_answer_took_if_not_the_first() {
    let tries = [1, 3].into_iter();
    let parts = tries
        .flat_map(|tries| [Part::Request { attempt: tries }, Part::Answer { status: 503, tries }]);
    let told: Vec<_> = parts
        .map(|part| {
            let bytes = whole(Speech::Http1, Message { part, head: 300, ..MESSAGE });
            String::from_utf8(bytes).unwrap().contains("\r\nplimsoll-attempt: 3\r\n")
        })
        .collect();

    assert_eq!(told, [false, false, true, true]);
}

#[test]
fn a_head_that_is_too_small_takes_from_the_body_and_stays_true() {
    let message = Message { head: 10, body: 1_000, ..MESSAGE };
    let text = String::from_utf8(whole(Speech::Http1, message)).unwrap();

    let end = text.find("\r\n\r\n").unwrap() + 4;
    assert!(text.contains(&format!("content-length: {}\r\n", text.len() - end)), "{text}");
}

#[test]
fn frames_follow_each_other_without_a_gap_and_the_last_one_ends_the_stream() {
    for body in [0, 9, 10, 16_393, 16_394, 16_401, 16_402, 16_403, 40_000] {
        let message = Message { head: 250, body, ..MESSAGE };
        let frames = frames(&whole(Speech::Http2, message));

        let ends: Vec<_> = frames.iter().map(|(_, flags, _)| flags & frame::END_STREAM).collect();
        assert_eq!(ends.iter().sum::<u8>(), 1, "{body}: {frames:?}");
        assert_eq!(ends.last(), Some(&1), "{body}: {frames:?}");
        assert!(frames.iter().all(|(length, ..)| *length <= frame::MOST as usize));
    }
}

#[test]
fn a_grpc_answer_carries_its_length_and_ends_with_its_status() {
    for body in [14, 1_000, 40_000] {
        let message =
            Message { part: Part::Answer { status: 200, tries: 1 }, head: 200, body, ..MESSAGE };
        let bytes = whole(Speech::Grpc, message);
        let frames = frames(&bytes);
        let data: usize = frames[1..frames.len() - 1].iter().map(|(length, ..)| length).sum();

        let first = 9 + frames[0].0 + 9;
        let length = u32::from_be_bytes(bytes[first + 1..first + 5].try_into().unwrap());
        assert_eq!(length as usize, data - PREFIX, "{body}");
        assert!(bytes.ends_with(b"\x0bgrpc-status\x010"));
    }
}

#[test]
fn a_long_message_can_be_cut_where_streams_take_turns() {
    for (speech, head) in [(Speech::Http2, 109), (Speech::Grpc, 109)] {
        for body in [16_284, 16_285, 16_292, 16_293, 16_294, 40_000, 65_463] {
            let message = Message { head, body, ..MESSAGE };
            let bytes = whole(speech, message);
            let ends = frames(&bytes).into_iter().scan(0, |end, (length, ..)| {
                *end += length + 9;
                Some(*end)
            });
            let ends: Vec<_> = ends.collect();
            let cuts = (1..)
                .map(|turn| turn * usize::try_from(FRAME).unwrap())
                .take_while(|cut| cut + 9 <= bytes.len());
            for cut in cuts {
                assert!(ends.contains(&cut), "{speech:?} {body}: {cut} is not in {ends:?}");
            }
        }
    }
}

#[test]
fn the_heads_that_are_simulated_hold_what_a_grpc_call_needs() {
    let asked = Message { head: 109, body: 14, ..MESSAGE };
    let said =
        Message { part: Part::Answer { status: 200, tries: 1 }, head: 59, body: 14, ..MESSAGE };

    assert_eq!(frames(&whole(Speech::Grpc, asked)).len(), 2);
    assert_eq!(frames(&whole(Speech::Grpc, said)).len(), 3, "with its status behind it");
}

/// Length, flags and kind of each frame.
fn frames(mut bytes: &[u8]) -> Vec<(usize, u8, u8)> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let length = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) as usize;
        assert_eq!(bytes[5..9], MESSAGE.stream.to_be_bytes());
        all.push((length, bytes[4], bytes[3]));
        bytes = &bytes[9 + length..];
    }
    all
}

fn whole(speech: Speech, message: Message) -> Vec<u8> {
    piece(speech, message, 0, usize::try_from(message.bytes()).unwrap())
}

fn piece(speech: Speech, message: Message, from: usize, to: usize) -> Vec<u8> {
    said(speech, Side::Caller, message, from, to)
}

fn said(speech: Speech, side: Side, message: Message, from: usize, to: usize) -> Vec<u8> {
    let words = Words { kinds: vec![("POST".to_owned(), "/items/{key}".to_owned())] };
    let said = Said { message, speech, side, host: "svc" };
    let mut out = Vec::new();
    words.write(said, from as u64, to as u64, &mut out);
    out
}

const MESSAGE: Message = Message {
    id: 0x1234_5678_9abc_def0,
    part: Part::Request { attempt: 1 },
    kind: 0,
    stream: 7,
    head: 0,
    body: 0,
    cut: None,
};
