//! One request through the engine: whatever happens is told, whatever it says is done.

use std::io;
use std::task::{Context, Poll, ready};

use base::{Duration, Instant};
use engine::l7::{Body, Exchange, Input, Output, Request};
use event::{Cause, Event, Scope, l4};
use wire::l7::http1::Version;

use super::desk::{Desk, Due, Link, Stage, Waits};
use crate::client::{Client, Next};
use crate::event_loop::Stream;
use crate::limits;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Its answer was passed on.
    Answered,
    /// We answer it.
    Respond { cause: Cause, retry_after: Option<Duration> },
    /// Its answer broke off.
    Abort,
    /// The client is gone, or to blame.
    Client(Cause),
}

impl Client {
    /// Begins to carry the request whose head was read.
    pub(crate) fn begin(&mut self, desk: &mut Desk) {
        if self.half_closed.is_some() {
            self.half_closed = Some(HalfClosed::since(self.worker.recent()));
        }
        let request = desk.begin(self.worker.recent(), self);
        self.tell(desk, Input::Begin(request));
    }

    /// Carries it to its end, or sends our answer. No `async fn`: what one keeps while it waits,
    /// every connection has the memory for, idle or not.
    pub(crate) fn poll_request(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<Next> {
        while desk.stage != Stage::Answering {
            match self.follow(desk) {
                None => {
                    let input = ready!(self.poll_input(desk, cx));
                    self.tell(desk, input);
                }
                Some(End::Answered) => return Poll::Ready(self.finish(desk)),
                Some(End::Abort) => return Poll::Ready(self.broken_off(desk)),
                Some(End::Respond { cause, retry_after }) => {
                    self.write_response(desk, cause, retry_after);
                }
                Some(End::Client(cause))
                    if cause != Cause::ClientLeft && desk.tale.answered.is_none() =>
                {
                    self.write_response(desk, cause, None);
                }
                Some(End::Client(cause)) => {
                    if desk.tale.answered.is_none() {
                        desk.tale.status = cause.status();
                    }
                    desk.tale.cause = Some(cause);
                    return Poll::Ready(self.broken_off(desk));
                }
            }
        }
        self.poll_answer(desk, cx)
    }

    /// Does what the engine says. The end, if it was the last.
    fn follow(&mut self, desk: &mut Desk) -> Option<End> {
        let call = desk.tale.call?;
        let mut end = None;
        while let Some(output) = self.worker.hear(&mut desk.exchange) {
            match output {
                Output::Attempt { endpoint, number, remaining, .. } => {
                    self.begin_attempt(desk, call, endpoint, number, remaining);
                }
                Output::Wait { .. } => desk.leave(&self.worker.buffers),
                Output::Relay { .. } => self.begin_relay(desk),
                Output::Cancel { .. } => desk.leave(&self.worker.buffers),
                Output::Respond { cause, retry_after } => {
                    end = Some(End::Respond { cause, retry_after });
                }
                Output::Abort { cause } => {
                    desk.tale.cause = Some(cause);
                    end = Some(End::Abort);
                }
                Output::Admit(_) | Output::Wake(_) => self.worker.pass_on(call, output),
            }
        }
        if end.is_none() && desk.exchange.is_done() {
            end = Some(desk.client_fault.map_or(End::Answered, End::Client));
        }
        end
    }

    /// Tells the engine.
    pub(crate) fn tell(&self, desk: &mut Desk, input: Input) {
        match input {
            Input::ClientLeft => desk.client_fault = Some(Cause::ClientLeft),
            Input::ClientFailed(cause) => desk.client_fault = Some(cause),
            _ => {}
        }
        if let Some(call) = desk.tale.call {
            self.worker.tell(call, &mut desk.exchange, input);
        }
    }

    /// The next thing that happens to the request.
    fn poll_input(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<Input> {
        // The permit of a turn that has come is given back with the rest.
        if desk.stage == Stage::Waiting && self.worker.is_cutting() {
            return Poll::Ready(self.shut_down());
        }
        // A permit comes with it, which must not be lost: so before anything else.
        if self.worker.slots.take_turn(self.key) {
            return Poll::Ready(Input::Turn);
        }
        let step = match desk.stage {
            Stage::Waiting | Stage::Answering => Poll::Pending,
            Stage::Trying => self.poll_trying(desk, cx),
            Stage::Relaying => self.poll_relaying(desk, cx),
            Stage::Tunnel => self.poll_tunnel(desk, cx),
        };
        if step.is_ready() {
            return step;
        }
        if self.worker.is_cutting() {
            return Poll::Ready(self.shut_down());
        }
        if matches!(desk.stage, Stage::Waiting | Stage::Trying)
            && self.poll_gone(desk, cx).is_ready()
        {
            return Poll::Ready(Input::ClientLeft);
        }
        self.poll_time(desk, cx)
    }

    /// The drain is over before the request is.
    fn shut_down(&self) -> Input {
        self.worker.instance.on_cut();
        Input::ShutDown
    }

    /// Ready when the client left while it waits. What it sends meanwhile is its next request. One
    /// that only stops sending (RFC 9112 does not forbid it, and pipes into `nc` do it) still gets
    /// the answer that is under way; but nothing new is begun for it.
    fn poll_gone(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<()> {
        let waits_for_body = desk.stage == Stage::Trying && !desk.upload.passage.is_done();
        if waits_for_body {
            return Poll::Pending;
        }
        while self.half_closed.is_none() && desk.inbox.len() < limits::PIPELINED {
            match ready!(desk.inbox.poll_fill(cx, &mut self.socket, &self.worker.buffers)) {
                Ok(1..) => {}
                Ok(0) => self.half_closed = Some(HalfClosed::since(self.worker.recent())),
                Err(_) => {
                    self.reset = true;
                    return Poll::Ready(());
                }
            }
        }
        match self.half_closed {
            Some(_) if desk.stage == Stage::Waiting => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }

    /// Whether a client that has stopped sending is gone. Nothing tells but to send something: an
    /// interim answer, which any client of HTTP/1.1 has to put up with (RFC 9110 section 15.2), and
    /// which a closed connection answers with a reset.
    fn is_gone(&mut self, desk: &mut Desk, now: Instant) -> bool {
        let Some(half_closed) = &mut self.half_closed else {
            return false;
        };
        half_closed.look = now + limits::HALF_CLOSED_LOOK;
        if let Ok(Some(_)) | Err(_) = self.socket.take_error() {
            return true;
        }
        let understands = desk.head.over(&desk.head_bytes).version() == Version::Http11;
        if !understands || half_closed.asked || !desk.download.out.is_empty() {
            return false;
        }
        let Ok(rest) = ask(&self.socket) else {
            return true;
        };
        if rest.len() < PROCESSING.len() {
            half_closed.asked = true;
            desk.download.out.made().extend_from_slice(rest);
        }
        false
    }

    fn poll_time(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<Input> {
        let engine = match desk.stage {
            Stage::Tunnel => Instant::NEVER,
            _ => desk.exchange.next_deadline(),
        };
        let now = loop {
            let due = engine.min(desk.due.at);
            let look = self.next_look(desk);
            ready!(desk.alarm.poll(cx, &self.worker.timers, due.min(look)));
            // What is told from here on has to be told at a time at which it is due.
            let now = self.worker.now();
            if look <= now && self.is_gone(desk, now) {
                return Poll::Ready(Input::ClientLeft);
            }
            if due <= now {
                break now;
            }
        };
        if engine <= now {
            return Poll::Ready(out_of_time(desk));
        }
        Poll::Ready(match desk.due.waits {
            Waits::Body | Waits::Reader => Input::ClientFailed(Cause::ClientTimeout),
            Waits::Service(cause) => failed(cause, desk.upload.body()),
        })
    }

    fn next_look(&self, desk: &Desk) -> Instant {
        match self.half_closed {
            Some(HalfClosed { look, .. }) if desk.stage == Stage::Trying => look,
            _ => Instant::NEVER,
        }
    }

    /// The answer has left, whole. What becomes of both connections?
    fn finish(&mut self, desk: &mut Desk) -> Next {
        self.keep_link(desk);
        let next = match (desk.download.close, desk.upload.is_done()) {
            (true, true) => Next::Close,
            (false, true) => Next::KeepAlive,
            (_, false) => Next::Linger,
        };
        desk.leave(&self.worker.buffers);
        next
    }

    fn broken_off(&self, desk: &mut Desk) -> Next {
        let next = if desk.download.breaks_by_reset { Next::Reset } else { Next::Close };
        desk.leave(&self.worker.buffers);
        next
    }

    /// The endpoint's connection goes back to the pool if it can serve another request, and if nobody
    /// waits for its place, who may be of another worker.
    fn keep_link(&self, desk: &mut Desk) {
        let clean = desk.download.reusable
            && desk.upload.is_done()
            && desk.upload.broken.is_none()
            && desk.download.answers.is_empty();
        let (Link::Open(socket), Some(call)) = (std::mem::take(&mut desk.link), desk.tale.call)
        else {
            return;
        };
        let endpoint = desk.attempt.endpoint;
        let seats = &self.worker.plan.call(call).endpoints[endpoint.index()].seats;
        if clean && seats.missing() == 0 {
            let now = self.worker.recent();
            let socket = socket.rest(&self.worker.events.turns);
            drop(self.worker.carried(call).pool.put(now, endpoint, socket));
        } else {
            let scope = Scope { call, endpoint: Some(endpoint) };
            self.worker.emit(scope, Event::L4(l4::Event::Closed));
        }
    }
}

/// A client that has stopped sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HalfClosed {
    /// When it is looked at next whether it is gone.
    look: Instant,
    /// It was sent something that it would not answer if it were there.
    asked: bool,
}

impl HalfClosed {
    fn since(now: Instant) -> Self {
        Self { look: now + limits::HALF_CLOSED_FOR, asked: false }
    }
}

/// Asks a client whether it is there. What could not be sent of the question: all of it while the
/// client has yet to read what it was sent before, which says nothing about it.
///
/// # Errors
/// It is not.
fn ask(socket: &Stream) -> io::Result<&'static [u8]> {
    match socket.try_write(PROCESSING) {
        Ok(sent) => Ok(&PROCESSING[sent..]),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(PROCESSING),
        Err(error) => Err(error),
    }
}

/// "I am at it" (RFC 2518 section 10.1).
const PROCESSING: &[u8] = b"HTTP/1.1 102 Processing\r\n\r\n";

impl Desk {
    /// Everything as it is before the first try.
    fn begin(&mut self, now: Instant, client: &Client) -> Request {
        self.exchange = Exchange::new(now, client.key);
        self.stage = Stage::Waiting;
        self.due = Due::NEVER;
        self.upload.kept.clear();
        self.upload.gone = false;
        self.upload.asked_for = false;
        self.client_fault = None;
        self.upload.out.clear(usize::MAX);
        self.download.interim = 0;
        self.download.breaks_by_reset = false;
        self.ways = Default::default();
        let request = self.head.over(&self.head_bytes);
        Request {
            head_took: now.since(self.tale.arrived),
            idempotent_method: request.method().is_idempotent(),
            declared_idempotent: request.idempotency_key().is_some(),
            client_remaining: request.timeout_ms().map(Duration::from_millis),
            client_attempt: request.attempt().map_or(1, count),
        }
    }
}

/// The time of the try or of the request is over. While the next move is the client's, that is no
/// failure of the endpoint: else a few slow clients could open the breaker for all others.
fn out_of_time(desk: &Desk) -> Input {
    match desk.due.waits {
        _ if desk.stage == Stage::Trying && desk.is_to_be_asked() => {
            Input::Time { body: Body::Awaited }
        }
        Waits::Body if desk.upload.broken.is_none() => Input::ClientFailed(Cause::ClientTimeout),
        // It is there, and takes what it is sent; only not fast enough for the time there is.
        Waits::Reader => Input::ClientFailed(Cause::Timeout),
        _ => Input::Time { body: desk.upload.body() },
    }
}

/// As many tries as another tells of; beyond counting they are many.
pub(super) fn count(attempts: u64) -> u8 {
    u8::try_from(attempts).unwrap_or(u8::MAX)
}

/// The current try failed.
pub(super) fn failed(cause: Cause, body: Body) -> Input {
    Input::Failed { cause, refused_by_peer: false, body }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::net::TcpListener;

    use super::*;
    use crate::event_loop::tests::within_a_loop;

    #[test]
    fn who_reads_slowly_is_not_gone_and_who_is_gone_is() {
        within_a_loop(async |events| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let socket = Stream::connect(events, address).await.unwrap();
            let (peer, _) = listener.accept().unwrap();
            assert_eq!(ask(&socket).unwrap(), b"", "there was room");

            while socket.try_write(&[0; 65_536]).is_ok() {}
            assert_eq!(ask(&socket).unwrap(), PROCESSING, "there is none, and nobody has gone");

            socket2::SockRef::from(&peer).set_linger(Some(std::time::Duration::ZERO)).unwrap();
            drop(peer);
            poll_fn(|cx| socket.poll_read_ready(cx)).await;

            assert!(ask(&socket).is_err());
        });
    }
}
