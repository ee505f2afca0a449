//! How many bytes the messages are.
//!
//! The design file gives the bodies; what goes around them is counted here.

use super::super::World;
use super::super::job::Job;
use super::super::slab::Handle;
use crate::plan::{FRAME_BODY, REQUEST_HEAD};
use crate::world::tap::packets::{Message, Part, Side, Speech};

/// The head of an answer: what nginx sends with a small file.
const ANSWER_HEAD: u32 = 240;

/// The same in HTTP/2: a frame's head of 9 bytes, and fields of which most are a number in a table
/// that both sides know by then (RFC 7541).
const FRAME_HEAD: u32 = 9;
const REQUEST_FIELDS: u32 = 100;
const ANSWER_FIELDS: u32 = 50;

pub(super) const FRAME: u64 = (FRAME_BODY + FRAME_HEAD) as u64;

/// What stands before a message of gRPC.
const GRPC_LENGTH: u32 = 5;

/// What a check says, and what it is answered with.
const CHECK: u32 = 200;
const CHECK_ANSWER: u32 = 150;

impl World<'_> {
    /// The request of a job on a stream.
    pub(super) fn request_of_job(&self, job: Handle, speech: Speech, stream: u32) -> Message {
        let Some(job) = self.jobs.get(job) else { return Message { stream, ..check() } };
        let body = self.plan.requests.bodies(job.kind).0;
        let attempt = self.told_number(job);
        let (part, body) = match job.holds {
            true => (Part::Upgrade { attempt }, body_of_opening(body, speech)),
            false => (Part::Request { attempt }, body),
        };
        let (head, body) = sizes(body, speech, (REQUEST_HEAD, REQUEST_FIELDS));
        Message { id: job.chance, part, kind: job.kind, stream, head, body, cut: None }
    }

    /// The answer to a job, of this status. An error has a short body.
    pub(super) fn answer_of_job(&self, job: &Job, status: u16, speech: Speech) -> Message {
        let message = match job.holds && status < 400 {
            true => upgraded(job.kind, speech),
            false => self.answer_of_kind(job.kind, (status, job.tries), speech),
        };
        Message { id: job.chance, stream: job.stream, ..message }
    }

    /// A message of a session that stands: as large as the kind says of requests and answers, but
    /// whole in one frame.
    pub(super) fn message_of_kind(&self, kind: u16, speech: Speech, side: Side) -> Message {
        let bodies = self.plan.requests.bodies(kind);
        let body = match side {
            Side::Caller => bodies.0,
            Side::Called => bodies.1,
        };
        let most = FRAME_BODY - GRPC_LENGTH;
        let body = u32::try_from(body).unwrap_or(most).min(most);
        let head = Part::frame(speech, side, body);
        Message { id: 0, part: Part::Frame, kind, stream: 1, head, body, cut: None }
    }

    /// An answer to a kind of request, after so many tries.
    pub(super) fn answer_of_kind(
        &self,
        kind: u16,
        (status, tries): (u16, u8),
        speech: Speech,
    ) -> Message {
        let body = self.plan.requests.bodies(kind).1;
        let body = if status < 400 { body } else { body.min(ERROR_BODY) };
        let (head, body) = sizes(body, speech, (ANSWER_HEAD, ANSWER_FIELDS));
        let part = Part::Answer { status, tries };
        Message { id: 0, part, kind, stream: 1, head, body, cut: None }
    }
}

/// The answer with which a session opens: what there is to say follows in messages.
const fn upgraded(kind: u16, speech: Speech) -> Message {
    let head = match speech {
        Speech::Http1 | Speech::Opaque => ANSWER_HEAD,
        Speech::Http2 | Speech::Grpc => FRAME_HEAD + ANSWER_FIELDS,
    };
    Message { id: 0, part: Part::Upgraded, kind, stream: 1, head, body: 0, cut: None }
}

/// Who upgrades an HTTP/1.1 connection sends no body.
const fn body_of_opening(body: u64, speech: Speech) -> u64 {
    match speech {
        Speech::Http1 => 0,
        Speech::Http2 | Speech::Grpc | Speech::Opaque => body,
    }
}

/// The end of a session in good order.
pub(super) const fn farewell(speech: Speech, side: Side, stream: u32) -> Message {
    let head = Part::farewell(speech, side);
    Message { id: 0, part: Part::Farewell, kind: 0, stream, head, body: 0, cut: None }
}

/// A check of an endpoint.
pub(super) const fn check() -> Message {
    let part = Part::Request { attempt: 1 };
    Message { id: 0, part, kind: u16::MAX, stream: 1, head: CHECK, body: 0, cut: None }
}

/// Its answer.
pub(super) const fn check_answer() -> Message {
    let part = Part::Answer { status: 200, tries: 1 };
    Message { id: 0, part, kind: u16::MAX, stream: 1, head: CHECK_ANSWER, body: 0, cut: None }
}

/// What an end says first where streams share a connection.
pub(super) const fn opening(side: Side) -> Message {
    let head = Part::opening(side);
    Message { id: 0, part: Part::Opening, kind: 0, stream: 0, head, body: 0, cut: None }
}

/// Ends a stream that its caller gave up.
pub(super) const fn cancel(stream: u32) -> Message {
    Message { id: 0, part: Part::Cancel, kind: 0, stream, head: Part::CANCEL, body: 0, cut: None }
}

/// What nginx says of an error.
const ERROR_BODY: u64 = 157;

/// Head and body with what frames add to them: the bodies of gRPC have a length before them.
fn sizes(body: u64, speech: Speech, (head, fields): (u32, u32)) -> (u32, u32) {
    let body = u32::try_from(body).unwrap_or(u32::MAX / 2);
    match speech {
        Speech::Http1 | Speech::Opaque => (head, body),
        Speech::Http2 | Speech::Grpc => {
            let body = if speech == Speech::Grpc { body + GRPC_LENGTH } else { body };
            let frames = body.div_ceil(FRAME_BODY);
            (FRAME_HEAD + fields, body + frames * FRAME_HEAD)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_has_a_head_of_its_own() {
        assert_eq!(sizes(40_000, Speech::Http2, (0, 50)), (59, 40_000 + 3 * 9));
        assert_eq!(sizes(40_000, Speech::Grpc, (0, 50)), (59, 40_005 + 3 * 9));
        assert_eq!(sizes(10, Speech::Http1, (240, 50)), (240, 10));
    }
}
