//! A client's connection: one request after another, for as long as both want.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use base::{Duration, Instant};
use engine::l7::Key;
use event::Cause;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use wire::l7::http1::{Method, Parse, Recipient, Refusal, RequestHead};

use crate::alarm::Alarm;
use crate::answer::Answer;
use crate::exchange::{Desk, Passage};
use crate::limits;
use crate::worker::Worker;

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) worker: Rc<Worker>,
    pub(crate) socket: TcpStream,
    pub(crate) key: Key,
    pub(crate) alarm: Alarm,
    address: Box<str>,
    listener: usize,
    /// It has sent a request already.
    served: bool,
    /// The end of what it does now.
    until: Instant,
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
}

impl Client {
    pub(crate) fn new(
        worker: Rc<Worker>,
        socket: TcpStream,
        peer: SocketAddr,
        listener: usize,
    ) -> Self {
        let key = worker.slots.open();
        let address = peer.ip().to_canonical().to_string().into();
        let alarm = Alarm::default();
        let until = Instant::NEVER;
        Self { worker, socket, key, alarm, address, listener, served: false, until }
    }

    /// The client's address, without its port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Serves it until it ends.
    pub(crate) async fn serve(mut self) {
        poll_fn(|cx| {
            self.worker.slots.set_waker(self.key, cx.waker());
            Poll::Ready(())
        })
        .await;
        while self.is_wanted().await {
            let mut desk = self.worker.take_desk();
            let next = self.requests(&mut desk).await;
            self.served = true;
            match next {
                Next::KeepAlive => self.worker.give_desk(desk),
                Next::Close => return,
                Next::Linger => return self.linger(&mut desk).await,
                Next::Reset => {
                    let _ = self.socket.set_zero_linger();
                    return;
                }
            }
        }
    }

    /// Waits, idle, for the first byte of a request. False when the connection should end.
    async fn is_wanted(&mut self) -> bool {
        self.until = self.worker.recent() + limits::CLIENT_IDLE_TIMEOUT;
        poll_fn(|cx| self.poll_wanted(cx)).await
    }

    fn poll_wanted(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if self.socket.poll_read_ready(cx).is_ready() {
            return Poll::Ready(true);
        }
        if self.worker.instance.is_draining() {
            if self.served {
                return Poll::Ready(false);
            }
            self.until = self.until.min(self.worker.clock.now() + limits::DRAIN_GRACE);
        }
        self.alarm.poll(cx, self.worker.clock, self.until).map(|_| false)
    }

    /// Serves what is there, one request after the other.
    async fn requests(&mut self, desk: &mut Desk) -> Next {
        loop {
            self.until = Instant::NEVER;
            let next = match poll_fn(|cx| self.poll_arrival(desk, cx)).await {
                Arrival::NotYet => return Next::KeepAlive,
                Arrival::Nothing => return Next::Close,
                Arrival::Refused(refusal) => return self.refuse(desk, refusal).await,
                Arrival::TimedOut => return self.time_out(desk).await,
                Arrival::Head { consumed } => {
                    desk.take_head(consumed);
                    self.dispatch(desk).await
                }
            };
            if next != Next::KeepAlive || desk.inbox.is_empty() {
                return next;
            }
        }
    }

    /// Ready with a head, or with the reason why there will be none.
    fn poll_arrival(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<Arrival> {
        loop {
            if !desk.inbox.is_empty() {
                match desk.head.parse(desk.inbox.filled(), &self.worker.heads) {
                    Ok(Parse::Complete { consumed }) => {
                        return Poll::Ready(Arrival::Head { consumed });
                    }
                    Ok(Parse::Partial) => {}
                    Err(refusal) => return Poll::Ready(Arrival::Refused(refusal)),
                }
            }
            match desk.inbox.poll_fill(cx, &mut self.socket) {
                Poll::Ready(Ok(count)) if count > 0 => {}
                Poll::Ready(_) => return Poll::Ready(Arrival::Nothing),
                Poll::Pending if desk.inbox.is_empty() => return Poll::Ready(Arrival::NotYet),
                Poll::Pending => break,
            }
        }
        if self.until == Instant::NEVER {
            self.until = self.worker.now() + limits::HEAD_TIMEOUT;
        }
        self.alarm.poll(cx, self.worker.clock, self.until).map(|_| Arrival::TimedOut)
    }

    /// Sends a request to the call that takes it, or answers it.
    async fn dispatch(&mut self, desk: &mut Desk) -> Next {
        let request = desk.head.over(&desk.head_bytes);
        if request.method() == Method::Connect {
            return self.answer(desk, Answer::no_connect()).await;
        }
        if request.has_been_through(&self.worker.plan.pseudonym) {
            return self.answer(desk, Answer::failure(Cause::Loop)).await;
        }
        if request.max_forwards() == Some(0) {
            return self.answer(desk, Answer::last_hop(&request)).await;
        }
        let router = &self.worker.plan.listeners[self.listener].router;
        match router.find(request.host(), request.method_name(), request.path()) {
            Some(call) => self.carry(desk, call).await,
            None => self.answer(desk, Answer::failure(Cause::NoRoute)).await,
        }
    }

    /// The client's bytes are no request that we understand.
    async fn refuse(&mut self, desk: &mut Desk, refusal: Refusal) -> Next {
        desk.forget_head();
        self.answer(desk, Answer::refusal(refusal)).await;
        Next::Linger
    }

    async fn time_out(&mut self, desk: &mut Desk) -> Next {
        desk.forget_head();
        self.answer(desk, Answer::failure(Cause::ClientTimeout)).await;
        Next::Linger
    }

    /// The engine's word to the client.
    pub(crate) async fn respond(
        &mut self,
        desk: &mut Desk,
        cause: Cause,
        retry_after: Option<Duration>,
    ) -> Next {
        desk.leave();
        self.answer(desk, Answer::failure(cause).retry_after(retry_after)).await
    }

    /// Answers a request ourselves.
    pub(crate) async fn answer(&mut self, desk: &mut Desk, answer: Answer) -> Next {
        let whole = desk.upload.passage.is_done();
        let request = desk.head.over(&desk.head_bytes);
        let close = !whole || !request.is_persistent() || self.worker.instance.is_draining();
        let to = Recipient {
            version: request.version(),
            close,
            head_only: request.method() == Method::Head,
        };
        answer.write(desk.download.out.made(), to, self.worker.next_id());
        self.until = self.worker.now() + limits::WRITE_TIMEOUT;
        let sent = poll_fn(|cx| match desk.download.out.poll_flush(cx, &mut self.socket, &[]).1 {
            Poll::Ready(outcome) => Poll::Ready(outcome.is_ok()),
            Poll::Pending => self.alarm.poll(cx, self.worker.clock, self.until).map(|_| false),
        })
        .await;
        match (sent, whole, close) {
            (false, ..) => Next::Close,
            (true, false, _) => Next::Linger,
            (true, true, true) => Next::Close,
            (true, true, false) => Next::KeepAlive,
        }
    }

    /// Closes our side, and reads on for a while: a reset could overtake the answer.
    async fn linger(&mut self, desk: &mut Desk) {
        self.until = self.worker.now() + limits::LINGER_TIMEOUT;
        let mut left = limits::LINGER_BYTES;
        poll_fn(|cx| {
            let _ = Pin::new(&mut self.socket).poll_shutdown(cx);
            loop {
                desk.inbox.clear(limits::CLIENT_BUFFER);
                match desk.inbox.poll_fill(cx, &mut self.socket) {
                    Poll::Ready(Ok(count)) if count > 0 && count < left => left -= count,
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => break,
                }
            }
            self.alarm.poll(cx, self.worker.clock, self.until).map(|_| ())
        })
        .await;
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.worker.on_gone(self.key);
    }
}

impl Desk {
    /// The head that was parsed leaves the inbox: what follows is its body.
    fn take_head(&mut self, length: usize) {
        self.head_bytes.clear();
        self.head_bytes.extend_from_slice(&self.inbox.filled()[..length]);
        self.inbox.consume(length);
        let framing = self.head.over(&self.head_bytes).framing();
        self.upload.passage = Passage::new(framing, framing);
    }

    /// What was parsed is not a head.
    fn forget_head(&mut self) {
        self.head = RequestHead::new();
        self.head_bytes.clear();
        self.upload.passage = Passage::none();
    }
}
