//! Health checks: the engine says whom to ask and until when, this asks.
//!
//! Each on a connection of its own: a check is to show that a new one can be had.

use std::io::{self, ErrorKind};
use std::rc::Rc;

use base::{CallId, Duration, EndpointId, Instant};
use wire::l7::http1::{Asked, Limits, Parse, ResponseHead, write};

use crate::upstream;
use crate::worker::Worker;

/// Checks the endpoints of a call for as long as the worker runs.
pub(crate) async fn check(worker: Rc<Worker>, call: CallId) {
    loop {
        let next = worker.carried(call).call.next_deadline().unwrap_or(Instant::NEVER);
        worker.timers.sleep_until(next).await;
        while let Some((endpoint, until)) = worker.next_check(call) {
            worker.events.spawn(ask(Rc::clone(&worker), call, endpoint, until));
        }
        // Somebody who comes back is noticed when the next request is sent, so what is due now may
        // still be due after this.
        let now = worker.recent();
        if worker.carried(call).call.next_deadline().is_some_and(|next| next <= now) {
            worker.timers.sleep(LOOK_AGAIN).await;
        }
    }
}

async fn ask(worker: Rc<Worker>, call: CallId, endpoint: EndpointId, until: Instant) {
    let answer = worker.timers.within(until, answer(&worker, call, endpoint)).await;
    let answer = answer.unwrap_or_else(|| Err(ErrorKind::TimedOut.into()));
    // That we have no descriptor left says nothing about the endpoint.
    if answer.as_ref().is_err_and(upstream::is_exhausted) {
        return worker.make_room();
    }
    let well = answer.is_ok_and(|status| (200..400).contains(&status));
    worker.on_check(call, endpoint, well);
}

/// The status of the answer, if it is one.
async fn answer(worker: &Worker, call: CallId, endpoint: EndpointId) -> io::Result<u16> {
    let plan = worker.plan.call(call);
    let endpoint = &plan.endpoints[endpoint.index()];
    let within = plan.rules.connect_timeout;
    let mut socket = upstream::reach(&worker.events, endpoint, within).await?;
    let path = plan.health_path.as_deref().unwrap_or("/");
    socket.write_all(&request(path, &endpoint.name)).await?;
    let (mut head, mut bytes) = (ResponseHead::new(), Vec::new());
    while socket.read_more(&mut bytes).await? > 0 {
        if let Some(status) = final_status(&mut head, &mut bytes)? {
            return Ok(status);
        }
    }
    Err(ErrorKind::UnexpectedEof.into())
}

/// The status of the answer, once its head is here. Interim heads before it (RFC 9110, section
/// 15.2) are taken out. The check's timeout is what ends one that is followed by nothing else.
fn final_status(head: &mut ResponseHead, bytes: &mut Vec<u8>) -> io::Result<Option<u16>> {
    loop {
        let parsed = head.parse(bytes, Asked::default(), &Limits::default());
        let Parse::Complete { consumed } = parsed.map_err(|_| ErrorKind::InvalidData)? else {
            return Ok(None);
        };
        let response = head.over(bytes);
        if !response.is_interim() {
            return Ok(Some(response.status()));
        }
        bytes.drain(..consumed);
    }
}

fn request(path: &str, host: &str) -> Vec<u8> {
    let mut out = Vec::new();
    write::request_line(&mut out, "GET", path);
    write::field(&mut out, "Host", host.as_bytes());
    write::field(&mut out, "User-Agent", b"plimsoll-check");
    write::field(&mut out, "Connection", b"close");
    write::end(&mut out);
    out
}

/// A fraction of the shortest interval that makes sense for a check.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interim_answer_is_no_answer_to_a_check_however_it_arrives() {
        let whole = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
            HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
        for first in 1..whole.len() {
            let (mut head, mut bytes) = (ResponseHead::new(), whole[..first].to_vec());
            assert_eq!(final_status(&mut head, &mut bytes).unwrap(), None, "{first}");

            bytes.extend_from_slice(&whole[first..]);

            assert_eq!(final_status(&mut head, &mut bytes).unwrap(), Some(204), "{first}");
        }
    }

    #[test]
    fn a_switch_that_nobody_asked_for_and_what_is_no_http_fail_a_check() {
        for bytes in
            [&b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"[..], b"+PONG\r\n\r\n"]
        {
            assert!(final_status(&mut ResponseHead::new(), &mut bytes.to_vec()).is_err());
        }
    }
}
