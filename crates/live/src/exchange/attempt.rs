//! One try: a connection, the request on it, and the head of the answer.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use base::{CallId, Duration, EndpointId, Instant};
use engine::l7::Input;
use event::{Cause, Event, Scope, l4};
use wire::l7::http1::{Asked, Body, Framing, Parse, Request, RequestHop, Response};

use super::desk::{Attempt, Desk, Due, Link, Stage, Waits};
use super::drive::{count, failed};
use super::passage::Progress;
use crate::client::Client;
use crate::limits::Limits;
use crate::upstream::Connection;
use crate::{clock, limits, upstream};

impl Client {
    /// Takes a connection to the endpoint or asks for one, and writes the head for it.
    pub(super) fn begin_attempt(
        &mut self,
        desk: &mut Desk,
        call: CallId,
        endpoint: EndpointId,
        number: u8,
        remaining: Option<Duration>,
    ) {
        desk.leave(&self.worker.buffers);
        let now = self.worker.recent();
        desk.stage = Stage::Trying;
        desk.tale.endpoint = Some(endpoint);
        desk.tale.sent = Some(now);
        desk.attempt = Attempt { endpoint, began: now, ..Attempt::default() };
        self.write_request(desk, number, remaining);
        match self.idle_link(call, endpoint) {
            Some(socket) => {
                desk.link = Link::Open(socket);
                desk.attempt.reused = true;
            }
            None => self.connect(desk, call),
        }
    }

    /// An idle connection that is still good.
    fn idle_link(&self, call: CallId, endpoint: EndpointId) -> Option<Connection> {
        let mut carried = self.worker.carried(call);
        let now = self.worker.recent();
        while !carried.pool.is_empty() {
            let socket = carried.pool.take(now, endpoint)?;
            if !socket.is_stale(now, &self.worker.events) {
                let scope = Scope { call, endpoint: Some(endpoint) };
                self.worker.emit(scope, Event::L4(l4::Event::Reused));
                return Some(socket);
            }
        }
        None
    }

    fn connect(&self, desk: &mut Desk, call: CallId) {
        let plan = self.worker.plan.call(call);
        let now = self.worker.recent();
        (desk.attempt.reused, desk.attempt.began) = (false, now);
        let within = plan.rules.connect_timeout;
        let endpoint = &plan.endpoints[desk.attempt.endpoint.index()];
        let taken = endpoint.seats.are_taken();
        let cause = if taken { Cause::Exhausted } else { Cause::ConnectTimeout };
        let at = within.map_or(Instant::NEVER, |most| now + most);
        desk.due = Due { at, waits: Waits::Service(cause) };
        let (instance, call) = (Arc::clone(&self.worker.instance), plan.id);
        let ask = move || instance.ask_for_seats(call);
        let events = Rc::clone(&self.worker.events);
        let connecting = upstream::connect(events, Arc::clone(endpoint), within, ask);
        desk.link = Link::Connecting(connecting);
    }

    fn write_request(&self, desk: &mut Desk, number: u8, remaining: Option<Duration>) {
        let request = desk.head.over(&desk.head_bytes);
        let upgrade = request.upgrade().is_some();
        desk.attempt.asked = Asked { method: request.method(), upgrade };
        let hop = RequestHop {
            client: Some(self.address()),
            scheme: Some("http"),
            upgrade,
            expect: request.expects_continue() && !desk.upload.asked_for,
            timeout_ms: remaining.map(Duration::as_millis),
            attempt: Some(u64::from(number)),
            ..RequestHop::new(&self.worker.plan.pseudonym, &request)
        };
        let out = &mut desk.upload.out;
        out.clear(usize::MAX);
        request.forward(&hop, out.made());
        out.made().extend_from_slice(&desk.upload.kept);
        desk.upload.broken = None;
    }

    pub(super) fn poll_trying(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<Input> {
        if !matches!(desk.link, Link::Open(_))
            && let Err(cause) = ready!(self.poll_connect(desk, cx))
        {
            return Poll::Ready(failed(cause, desk.upload.body()));
        }
        if let Poll::Ready(input) = self.poll_upload(desk, cx) {
            return Poll::Ready(input);
        }
        self.poll_head(desk, cx)
    }

    fn poll_connect(&self, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<Result<(), Cause>> {
        let Link::Connecting(connecting) = &mut desk.link else {
            return Poll::Ready(Err(Cause::Unreachable));
        };
        let connected = ready!(connecting.as_mut().poll(cx));
        desk.due = Due::NEVER;
        match connected {
            Ok(socket) => {
                desk.link = Link::Open(socket);
                let took = self.worker.recent().since(desk.attempt.began);
                self.emit(desk, l4::Event::Connected { took });
                Poll::Ready(Ok(()))
            }
            Err(error) => {
                desk.link = Link::None;
                let cause = upstream::connect_cause(&error);
                if cause == Cause::Exhausted && self.ask_again(desk, cx) {
                    return Poll::Pending;
                }
                self.emit(desk, l4::Event::ConnectFailed { cause });
                Poll::Ready(Err(cause))
            }
        }
    }

    /// The machine has run out. Once, what idles is let go of: then there may be room.
    fn ask_again(&self, desk: &mut Desk, cx: &Context<'_>) -> bool {
        let Some(call) = desk.tale.call.filter(|_| !desk.attempt.relieved) else {
            return false;
        };
        desk.attempt.relieved = true;
        self.worker.make_room();
        self.worker.slots.send_oldest_away();
        self.connect(desk, call);
        // By then those who were told have gone.
        cx.waker().wake_by_ref();
        true
    }

    /// Sends what there is to send; ready only with what ends the try or the request.
    pub(super) fn poll_upload(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<Input> {
        while desk.upload.broken.is_none() {
            let Link::Open(socket) = &mut desk.link else {
                return Poll::Pending;
            };
            let (flushed, outcome) = desk.upload.out.poll_flush(cx, socket, &[]);
            if flushed.all > 0 && !desk.attempt.sent {
                desk.attempt.sent = true;
                self.tell(desk, Input::Sent);
            }
            match outcome {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) if desk.attempt.sent => {
                    // An answer may have come before the connection was lost.
                    desk.upload.broken = Some(self.lost(desk, &error));
                    return Poll::Pending;
                }
                Poll::Ready(Err(error)) => return self.replace_link(desk, cx, &error),
                Poll::Pending => return Poll::Pending,
            }
            if desk.upload.passage.is_done() {
                return Poll::Pending;
            }
            if let Some(input) = ready!(self.poll_body(desk, cx)) {
                return Poll::Ready(input);
            }
        }
        Poll::Pending
    }

    /// Moves some of the client's body into the outbox; ready with what went wrong, if anything.
    fn poll_body(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<Option<Input>> {
        loop {
            let upload = &mut desk.upload;
            let made = upload.out.made().len();
            let step = upload.passage.step(
                &mut desk.inbox,
                &mut upload.out,
                usize::MAX,
                &self.worker.limits.heads,
            );
            upload.keep(made);
            match step {
                Ok(Progress::Hungry) => {}
                Ok(Progress::Moved | Progress::Done) => return Poll::Ready(None),
                Err(_) => return Poll::Ready(Some(Input::ClientFailed(Cause::BadRequest))),
            }
            match desk.inbox.poll_fill(cx, &mut self.socket, &self.worker.buffers) {
                Poll::Ready(Ok(1..)) => {
                    desk.due = Due::NEVER;
                }
                Poll::Ready(_) => return Poll::Ready(Some(Input::ClientLeft)),
                Poll::Pending => {
                    self.expect_body(desk);
                    return Poll::Pending;
                }
            }
        }
    }

    /// The next move is the client's, unless it waits for the service's word.
    fn expect_body(&self, desk: &mut Desk) {
        if desk.due == Due::NEVER && !desk.upload.passage.is_done() && !desk.is_to_be_asked() {
            let at = self.worker.recent() + self.worker.limits.body_timeout;
            desk.due = Due { at, waits: Waits::Body };
        }
    }

    /// Nothing was written: a pooled connection that turns out to be lost is replaced by a new
    /// one, and that is no failure of anybody.
    fn replace_link(&self, desk: &mut Desk, cx: &Context<'_>, error: &io::Error) -> Poll<Input> {
        if !desk.attempt.reused {
            return Poll::Ready(failed(self.lost(desk, error), desk.upload.body()));
        }
        if let Some(call) = desk.tale.call {
            self.connect(desk, call);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The endpoint's connection broke.
    pub(super) fn lost(&self, desk: &Desk, error: &io::Error) -> Cause {
        let cause = upstream::loss_cause(error);
        if cause == Cause::Reset {
            self.emit(desk, l4::Event::Reset);
        }
        cause
    }

    pub(super) fn emit(&self, desk: &Desk, event: l4::Event) {
        if let Some(call) = desk.tale.call {
            let scope = Scope { call, endpoint: Some(desk.attempt.endpoint) };
            self.worker.emit(scope, Event::L4(event));
        }
    }

    /// The interim head that was parsed goes on to the client.
    fn pass_on_interim(&self, desk: &mut Desk, consumed: usize) {
        let download = &mut desk.download;
        let response = download.head.over(download.answers.filled());
        let version = desk.head.over(&desk.head_bytes).version();
        response.forward_interim(&self.worker.plan.pseudonym, version, download.out.made());
        desk.upload.asked_for |= response.status() == 100;
        download.answers.consume(consumed);
        download.interim += 1;
        self.expect_body(desk);
    }

    /// Reads up to the head of the answer. Interim heads go on to the client.
    fn poll_head(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<Input> {
        let body = desk.upload.body();
        loop {
            if desk.download.interim > 0 && !desk.download.out.is_empty() {
                let out = &mut desk.download.out;
                if let (_, Poll::Ready(Err(_))) = out.poll_flush(cx, &mut self.socket, &[]) {
                    return Poll::Ready(Input::ClientLeft);
                }
            }
            let download = &mut desk.download;
            if !download.answers.is_empty() {
                let bytes = download.answers.filled();
                match download.head.parse(bytes, desk.attempt.asked, &self.worker.limits.heads) {
                    Err(_) => return Poll::Ready(failed(Cause::Garbage, body)),
                    Ok(Parse::Partial) => {}
                    Ok(Parse::Complete { consumed }) => {
                        let response = download.head.over(bytes);
                        if !response.is_interim() {
                            let request = desk.head.over(&desk.head_bytes);
                            let behind = bytes.get(consumed..).unwrap_or_default();
                            if !is_plausible(&request, &response, behind, &self.worker.limits) {
                                download.close |= response.status() == 101;
                                return Poll::Ready(failed(Cause::Garbage, body));
                            }
                            download.head_len = consumed;
                            return Poll::Ready(head(&response, body));
                        }
                        self.pass_on_interim(desk, consumed);
                        if desk.download.interim > limits::INTERIM_ANSWERS {
                            return Poll::Ready(failed(Cause::Garbage, body));
                        }
                        continue;
                    }
                }
            }
            let Link::Open(socket) = &mut desk.link else {
                return Poll::Pending;
            };
            match ready!(download.answers.poll_fill(cx, socket, &self.worker.buffers)) {
                // A reset that writing has met looks like an end when reading.
                Ok(0) => {
                    let cause = desk.upload.broken.unwrap_or(Cause::Closed);
                    return Poll::Ready(failed(cause, body));
                }
                Ok(_) => {}
                Err(error) => return Poll::Ready(failed(self.lost(desk, &error), body)),
            }
        }
    }
}

/// Whether an answer, with what came of its body in the same breath, can be passed on. Now it can
/// still be replaced; once its head has left it can only be broken off.
fn is_plausible(
    request: &Request<'_>,
    response: &Response<'_>,
    behind: &[u8],
    limits: &Limits,
) -> bool {
    match response.framing() {
        Framing::Tunnel => response.switches_as_asked(request.upgrade().unwrap_or_default()),
        Framing::Chunked => Body::new(Framing::Chunked).check(behind, &limits.heads).is_ok(),
        Framing::Empty | Framing::Length(_) | Framing::UntilClose => true,
    }
}

fn head(response: &Response<'_>, body: engine::l7::Body) -> Input {
    let retry_after = response.retry_after_secs(clock::seconds_since_1970).map(Duration::from_secs);
    let attempts = response.attempts().map_or(1, count);
    Input::Head { status: response.status(), retry_after, attempts, body }
}
