//! A client's connection: one request after another, for as long as both want.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use base::{CallId, Duration, Instant};
use engine::l7::Key;
use event::{Cause, Event, Scope, l4, l7};
use observe::log::Record;
use wire::l7::http1::{Framing, Method, Parse, Recipient, Refusal, RequestHead};

use crate::answer::Answer;
use crate::event_loop::Stream;
use crate::exchange::{Desk, HalfClosed, Passage, Stage, Tale};
use crate::limits;
use crate::plan::Found;
use crate::slots::Why;
use crate::worker::Worker;

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) worker: Rc<Worker>,
    pub(crate) socket: Stream,
    pub(crate) key: Key,
    address: Box<str>,
    listener: usize,
    /// It has sent a request already.
    served: bool,
    /// The end of what it does now. While a head comes in: of that, if it was not there at once.
    until: Instant,
    /// It was not closed in good order.
    pub(crate) reset: bool,
    /// It sends nothing any more.
    pub(crate) half_closed: Option<HalfClosed>,
}

/// What becomes of the connection after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next request may come.
    KeepAlive,
    /// It is closed.
    Close,
    /// It is closed after the client had time to read the answer.
    Linger,
    /// It is reset: a close would look like the end of the answer.
    Reset,
}

/// What came of waiting for a head.
enum Arrival {
    Head {
        consumed: usize,
    },
    /// There was no byte after all.
    NotYet,
    /// The client closed, or sent nothing for too long.
    Nothing,
    Refused(Refusal),
    TimedOut,
    /// The drain is over.
    Cut,
}

impl Client {
    pub(crate) fn new(
        worker: Rc<Worker>,
        socket: Stream,
        peer: SocketAddr,
        listener: usize,
    ) -> Self {
        let key = worker.slots.open();
        let address = peer.ip().to_canonical().to_string().into();
        let until = Instant::NEVER;
        Self {
            worker,
            socket,
            key,
            address,
            listener,
            served: false,
            until,
            reset: false,
            half_closed: None,
        }
    }

    /// The client's address, without its port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Serves it until it ends.
    pub(crate) async fn serve(mut self: Box<Self>) {
        poll_fn(|cx| {
            self.worker.slots.set_waker(self.key, cx.waker());
            Poll::Ready(())
        })
        .await;
        while self.is_wanted().await {
            let mut desk = self.worker.take_desk();
            match self.requests(&mut desk).await {
                Next::KeepAlive => self.worker.give_desk(desk),
                Next::Close => return,
                Next::Linger => return self.linger(&mut desk).await,
                Next::Reset => {
                    self.socket.reset_on_close();
                    return;
                }
            }
        }
    }

    /// Waits, idle, for the first byte of a request. False when the connection should end: then it
    /// is told so by its slot.
    async fn is_wanted(&mut self) -> bool {
        // Between two requests the clock was just read.
        let now = if self.served { self.worker.recent() } else { self.worker.now() };
        self.worker.slots.rest(now, self.key);
        let wanted = poll_fn(|cx| self.poll_wanted(cx)).await;
        self.worker.slots.stir(self.key);
        wanted
    }

    fn poll_wanted(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if self.socket.poll_read_ready(cx).is_ready() {
            return Poll::Ready(true);
        }
        if let Some(why) = self.worker.slots.sent_away(self.key) {
            if why == Why::Room {
                self.worker.emit(NOBODY, Event::L4(l4::Event::LetGo));
            }
            return Poll::Ready(false);
        }
        let is_unwanted = self.served && self.worker.instance.is_draining();
        if is_unwanted || self.worker.is_cutting() {
            return Poll::Ready(false);
        }
        Poll::Pending
    }

    /// Serves what is there, one request after the other.
    async fn requests(&mut self, desk: &mut Desk) -> Next {
        loop {
            self.until = Instant::NEVER;
            let arrival = poll_fn(|cx| self.poll_arrival(desk, cx)).await;
            let is_refused =
                matches!(arrival, Arrival::Refused(_) | Arrival::TimedOut | Arrival::Cut);
            match arrival {
                Arrival::NotYet => return Next::KeepAlive,
                Arrival::Nothing => return Next::Close,
                Arrival::Refused(refusal) => self.refuse(desk, &Answer::refusal(refusal)),
                Arrival::TimedOut => self.refuse(desk, &Answer::failure(Cause::ClientTimeout)),
                Arrival::Cut => {
                    self.worker.instance.on_cut();
                    self.refuse(desk, &Answer::failure(Cause::Draining));
                }
                Arrival::Head { consumed } => self.direct(desk, consumed),
            }
            let mut woken = false;
            let next = poll_fn(|cx| {
                // One look at the clock for all that follows from a wake-up.
                if std::mem::replace(&mut woken, true) {
                    self.worker.now();
                }
                self.poll_request(desk, cx)
            })
            .await;
            self.record(desk);
            match next {
                _ if is_refused => return Next::Linger,
                Next::KeepAlive if !desk.inbox.is_empty() => {}
                next => return next,
            }
        }
    }

    /// Ready with a head, or with the reason why there will be none.
    fn poll_arrival(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<Arrival> {
        loop {
            if !desk.inbox.is_empty() {
                match desk.head.parse(desk.inbox.filled(), &self.worker.limits.heads) {
                    Ok(Parse::Complete { consumed }) => {
                        return Poll::Ready(Arrival::Head { consumed });
                    }
                    Ok(Parse::Partial) => {}
                    Err(refusal) => return Poll::Ready(Arrival::Refused(refusal)),
                }
            }
            match desk.inbox.poll_fill(cx, &mut self.socket, &self.worker.buffers) {
                Poll::Ready(Ok(count)) if count > 0 => {}
                Poll::Ready(end) => {
                    self.reset = end.is_err();
                    return Poll::Ready(Arrival::Nothing);
                }
                Poll::Pending if desk.inbox.is_empty() => return Poll::Ready(Arrival::NotYet),
                Poll::Pending => break,
            }
        }
        if self.worker.is_cutting() {
            return Poll::Ready(Arrival::Cut);
        }
        if self.until == Instant::NEVER {
            self.until = self.worker.now() + self.worker.limits.head_timeout;
        }
        desk.alarm.poll(cx, &self.worker.timers, self.until).map(|_| Arrival::TimedOut)
    }

    /// Begins the call that takes a request. If none does, our answer is written.
    fn direct(&mut self, desk: &mut Desk, head: usize) {
        self.served = true;
        desk.take_head(head);
        desk.tale = self.new_tale();
        desk.download.close = false;
        match self.find(desk) {
            Ok(found) => {
                (desk.tale.route, desk.tale.call) = (Some(found.route), Some(found.call));
                self.begin(desk);
            }
            Err(answer) => self.write_answer(desk, &answer),
        }
    }

    fn find(&self, desk: &Desk) -> Result<Found, Answer> {
        let request = desk.head.over(&desk.head_bytes);
        if request.method() == Method::Connect {
            return Err(Answer::no_connect());
        }
        if request.has_been_through(&self.worker.plan.pseudonym) {
            return Err(Answer::failure(Cause::Loop));
        }
        if request.max_forwards() == Some(0) {
            return Err(Answer::last_hop(&request));
        }
        let is_tunnel = request.upgrade().is_some();
        if self.worker.is_cutting() || is_tunnel && self.worker.instance.is_draining() {
            return Err(Answer::failure(Cause::Draining));
        }
        let router = &self.worker.plan.listeners[self.listener].router;
        let found = router.find(|| request.host(), || request.method_name(), request.path());
        found.map_err(|_| Answer::ambiguous_path())?.ok_or_else(|| Answer::failure(Cause::NoRoute))
    }

    /// The client's bytes are no request that we understand, or not one in time.
    fn refuse(&mut self, desk: &mut Desk, answer: &Answer) {
        desk.tale = self.new_tale();
        desk.forget_head();
        desk.download.close = true;
        self.write_answer(desk, answer);
    }

    /// The story of a request begins with its first byte.
    fn new_tale(&self) -> Tale {
        let (now, id) = (self.worker.now(), self.worker.next_id());
        let waited = self.until != Instant::NEVER;
        let arrived = if waited { self.until - self.worker.limits.head_timeout } else { now };
        Tale { arrived, id, ..Tale::default() }
    }

    /// The access log's line about a request that has ended.
    fn record(&self, desk: &Desk) {
        let Desk { tale, upload, download, .. } = desk;
        let plan = &self.worker.plan;
        let call = tale.call.map(|call| plan.call(call));
        let router = &plan.listeners[self.listener].router;
        let now = self.worker.recent();
        self.worker.log(|out, time| {
            let request = (!desk.head_bytes.is_empty()).then(|| desk.head.over(&desk.head_bytes));
            let endpoint = call.zip(tale.endpoint);
            let record = Record {
                time,
                id: tale.id,
                call: call.map(|call| call.name.as_str()),
                route: tale.route.and_then(|route| router.name(route)),
                method: request.map_or(b"", |request| request.method_name().as_bytes()),
                path: request.map_or(b"", |request| request.path().as_bytes()),
                status: tale.status,
                cause: tale.cause,
                attempts: tale.call.map_or(0, |_| desk.exchange.attempts()),
                endpoint: endpoint.map(|(call, at)| call.endpoints[at.index()].name.as_str()),
                bytes_in: upload.passage.moved() + tale.tunnelled.0,
                bytes_out: download.passage.moved() + tale.own_bytes + tale.tunnelled.1,
                latency: now.since(tale.arrived),
                upstream_latency: tale.sent.map(|sent| now.since(sent)),
                queue_wait: tale.call.map_or(Duration::ZERO, |_| desk.exchange.queue_wait()),
            };
            record.write(out);
        });
    }

    /// The engine's word to the client.
    pub(crate) fn write_response(
        &mut self,
        desk: &mut Desk,
        cause: Cause,
        retry_after: Option<Duration>,
    ) {
        desk.leave(&self.worker.buffers);
        let attempts = desk.exchange.attempts_in_all();
        let answer = Answer::failure(cause).retry_after(retry_after).attempts(attempts);
        self.write_answer(desk, &answer);
    }

    /// Writes an answer of our own for the client.
    fn write_answer(&mut self, desk: &mut Desk, answer: &Answer) {
        let request = desk.head.over(&desk.head_bytes);
        let close = !desk.upload.passage.is_done()
            || desk.download.close
            || !request.is_persistent()
            || self.worker.instance.is_draining();
        let to = Recipient {
            version: request.version(),
            close,
            head_only: request.method() == Method::Head,
        };
        desk.download.close = close;
        let date = self.worker.date();
        let status = answer.status();
        (desk.tale.status, desk.tale.cause) = (status, answer.cause());
        // Of those that a call took the engine tells.
        if let (Some(cause), None) = (desk.tale.cause, desk.tale.call) {
            self.worker.emit(NOBODY, Event::L7(l7::Event::Unrouted { cause, status }));
        }
        desk.tale.own_bytes = answer.write(desk.download.out.made(), to, desk.tale.id, &date);
        desk.stage = Stage::Answering;
        self.until = self.worker.now() + self.worker.limits.write_timeout;
    }

    /// Sends it.
    pub(crate) fn poll_answer(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<Next> {
        let sent = match desk.download.out.poll_flush(cx, &mut self.socket, &[]).1 {
            Poll::Ready(outcome) => outcome.is_ok(),
            Poll::Pending => {
                let until = self.until.min(self.worker.cut_since() + limits::LAST_WORD);
                ready!(desk.alarm.poll(cx, &self.worker.timers, until));
                false
            }
        };
        Poll::Ready(match (sent, desk.upload.passage.is_done(), desk.download.close) {
            (false, ..) => Next::Close,
            (true, false, _) => Next::Linger,
            (true, true, true) => Next::Close,
            (true, true, false) => Next::KeepAlive,
        })
    }

    /// Closes our side, and reads on for a while: a reset could overtake the answer. Who sends more
    /// than is read has to wait; to close before its time would be that reset.
    async fn linger(&mut self, desk: &mut Desk) {
        self.until = self.worker.now() + limits::LINGER_TIMEOUT;
        let mut left = limits::LINGER_BYTES;
        // Once: the kernel makes an event of each.
        self.socket.close_write();
        poll_fn(|cx| {
            while left > 0 {
                desk.inbox.clear(&self.worker.buffers);
                match desk.inbox.poll_fill(cx, &mut self.socket, &self.worker.buffers) {
                    Poll::Ready(Ok(count)) if count > 0 => left = left.saturating_sub(count),
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => break,
                }
            }
            if let Ok(Some(_)) | Err(_) = self.socket.take_error() {
                return Poll::Ready(());
            }
            desk.alarm.poll(cx, &self.worker.timers, self.until).map(|_| ())
        })
        .await;
    }
}

/// Where events of clients happen that belong to no call.
pub(crate) const NOBODY: Scope = Scope { call: CallId(0), endpoint: None };

impl Drop for Client {
    fn drop(&mut self) {
        let event = if self.reset { l4::Event::Reset } else { l4::Event::Closed };
        self.worker.emit(NOBODY, Event::L4(event));
        self.worker.on_gone(self.key);
    }
}

impl Desk {
    /// The head that was parsed leaves the inbox: what follows is its body.
    fn take_head(&mut self, length: usize) {
        self.head_bytes.clear();
        self.head_bytes.extend_from_slice(&self.inbox.filled()[..length]);
        self.inbox.consume(length);
        let request = self.head.over(&self.head_bytes);
        // Behind a CONNECT come the bytes of its tunnel, from clients that do not wait for the answer:
        // never a request, whatever they say (RFC 9110, 9.3.6).
        let tunnels = request.method() == Method::Connect;
        let framing = if tunnels { Framing::Tunnel } else { request.framing() };
        self.upload.passage = Passage::new(framing, framing).nominating(request.nominated());
    }

    /// What was parsed is not a head.
    fn forget_head(&mut self) {
        self.head = RequestHead::new();
        self.head_bytes.clear();
        self.upload.passage = Passage::none();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_connection_keeps_no_more_than_it_needs_to_wait() {
        let kept = (size_of_output(Client::serve), size_of::<Client>());

        assert!(kept.0 <= 112 && kept.1 <= 88, "{kept:?} bytes");
    }

    fn size_of_output<A, B>(_: impl Fn(A) -> B) -> usize {
        size_of::<B>()
    }
}
