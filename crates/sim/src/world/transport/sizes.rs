//! How many bytes the messages are.
//!
//! The design file gives the bodies; what goes around them is counted here.

use super::super::World;
use super::super::slab::Handle;

/// The head of a request over HTTP/1.1: what was common on the web's wires, cookies included
/// (Google's SPDY white paper, 2009: 700 to 800 bytes).
const REQUEST_HEAD: u32 = 750;

/// The head of an answer: what nginx sends with a small file.
const ANSWER_HEAD: u32 = 240;

/// The same in HTTP/2: a frame's head of 9 bytes, and fields of which most are a number in a table
/// that both sides know by then (RFC 7541).
const FRAME_HEAD: u32 = 9;
const REQUEST_FIELDS: u32 = 100;
const ANSWER_FIELDS: u32 = 50;

/// The most that a frame carries (RFC 9113, 4.2).
pub(super) const FRAME: u64 = 16_384 + FRAME_HEAD as u64;

/// A frame that ends a stream (RFC 9113, 6.4).
pub(super) const RST_STREAM: u64 = 13;

/// What a check says, and what it is answered with.
pub(super) const CHECK: u64 = (REQUEST_HEAD - 550) as u64;
pub(super) const CHECK_ANSWER: u64 = (ANSWER_HEAD - 90) as u64;

impl World<'_> {
    /// Bytes of the request of a job.
    pub(super) fn request_bytes(&self, job: Handle, multiplexed: bool) -> u64 {
        let body = self.jobs.get(job).map_or(0, |job| self.plan.requests.bodies(job.kind).0);
        message(body, multiplexed, (REQUEST_HEAD, REQUEST_FIELDS))
    }

    /// Bytes of the answer of this status to a kind of request. An error has a short body.
    pub(super) fn answer_bytes(&self, kind: u16, status: u16, multiplexed: bool) -> u64 {
        let body = self.plan.requests.bodies(kind).1;
        let body = if status < 400 { body } else { body.min(ERROR_BODY) };
        message(body, multiplexed, (ANSWER_HEAD, ANSWER_FIELDS))
    }
}

/// What nginx says of an error.
const ERROR_BODY: u64 = 157;

fn message(body: u64, multiplexed: bool, (head, fields): (u32, u32)) -> u64 {
    if !multiplexed {
        return u64::from(head) + body;
    }
    let frames = body.div_ceil(FRAME - u64::from(FRAME_HEAD));
    u64::from(FRAME_HEAD + fields) + body + frames * u64::from(FRAME_HEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_has_a_head_of_its_own() {
        assert_eq!(message(40_000, true, (0, 50)), 9 + 50 + 40_000 + 3 * 9);
        assert_eq!(message(0, true, (0, 50)), 59);
        assert_eq!(message(10, false, (240, 50)), 250);
    }
}
