//! The answer, passed on while it arrives.
//!
//! Reading waits for writing: no more of a body is ever held than fits the buffers, so a slow
//! client slows the service down and not our memory.

use std::task::{Context, Poll, ready};

use engine::l7::Input;
use event::Cause;
use wire::l7::http1::{Framing, ResponseHop};

use super::desk::{Desk, Due, Link, Stage, Waits};
use super::drive::failed;
use super::passage::{Passage, Progress};
use crate::client::Client;

impl Client {
    /// Writes the head for the client; the body follows as it comes.
    pub(super) fn begin_relay(&mut self, desk: &mut Desk) {
        let request = desk.head.over(&desk.head_bytes);
        let download = &mut desk.download;
        let response = download.head.over(download.answers.filled());
        let status = response.status();
        desk.tale.status = status;
        desk.tale.answered = Some(self.worker.recent());
        desk.tale.cause = Cause::of_passed_on(status);
        let failure = desk.tale.cause.map(|_| format!("plimsoll; received-status={status}"));
        let attempts = desk.exchange.attempts_in_all();
        let date = self.worker.date();
        let mut hop = ResponseHop {
            // An interim answer needs none, and a tunnel has other things to say.
            date: (!response.is_interim() && status != 101).then_some(&*date),
            proxy_status: failure.as_deref().map(str::as_bytes),
            attempts: (attempts > 1).then_some(attempts.into()),
            ..ResponseHop::new(&self.worker.plan.pseudonym, request.version(), &response)
        };
        // An answer that comes before the whole body: the rest of it may never be read.
        let unread = !desk.upload.passage.is_done();
        hop.close = !request.is_persistent() || unread || self.worker.instance.is_draining();
        response.forward(&hop, download.out.made());
        download.passage =
            Passage::new(response.framing(), hop.framing).nominating(response.nominated());
        download.reusable = response.is_persistent();
        let tunnel = hop.framing == Framing::Tunnel;
        download.breaks_by_reset = hop.framing == Framing::UntilClose;
        download.close = hop.close || tunnel || download.breaks_by_reset;
        download.fresh = true;
        download.answers.consume(download.head_len);
        desk.stage = if tunnel { Stage::Tunnel } else { Stage::Relaying };
        desk.due = Due::NEVER;
    }

    pub(super) fn poll_relaying(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<Input> {
        if !desk.upload.is_done()
            && let Poll::Ready(input) = self.poll_upload(desk, cx)
        {
            return Poll::Ready(input);
        }
        self.poll_relay(desk, cx).map(|over| match over {
            Ok(()) => Input::Finished,
            Err(input) => input,
        })
    }

    /// Ready when all was passed on, or with what prevented it.
    fn poll_relay(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<Result<(), Input>> {
        // The head and the first of the body leave together.
        if std::mem::take(&mut desk.download.fresh) {
            self.move_answer(desk)?;
        }
        loop {
            ready!(self.poll_to_client(desk, cx))?;
            if desk.download.passage.is_done() {
                return Poll::Ready(Ok(()));
            }
            if self.move_answer(desk)? == Progress::Hungry {
                ready!(self.poll_from_service(desk, cx))?;
            }
        }
    }

    /// From the inbox of the service to the outbox for the client.
    fn move_answer(&self, desk: &mut Desk) -> Result<Progress, Input> {
        let download = &mut desk.download;
        let (inbox, out) = (&mut download.answers, &mut download.out);
        let step = download.passage.step(inbox, out, COPIED, &self.worker.limits.heads);
        step.map_err(|_| failed(Cause::Garbage, desk.upload.body()))
    }

    fn poll_to_client(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<Result<(), Input>> {
        let download = &mut desk.download;
        let lender = download.answers.filled();
        let (flushed, outcome) = download.out.poll_flush(cx, &mut self.socket, lender);
        download.answers.consume(flushed.lent);
        match outcome {
            Poll::Ready(Ok(())) => {
                // It has read what there was: from here on the service is waited for.
                if desk.due.waits == Waits::Reader {
                    desk.due = Due::NEVER;
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(_)) => {
                self.reset = true;
                Poll::Ready(Err(Input::ClientLeft))
            }
            Poll::Pending => {
                if flushed.all > 0 || desk.due.waits != Waits::Reader {
                    let at = self.worker.recent() + self.worker.limits.write_timeout;
                    desk.due = Due { at, waits: Waits::Reader };
                }
                Poll::Pending
            }
        }
    }

    fn poll_from_service(
        &mut self,
        desk: &mut Desk,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Input>> {
        let Link::Open(socket) = &mut desk.link else {
            return Poll::Ready(Err(failed(Cause::Closed, desk.upload.body())));
        };
        let download = &mut desk.download;
        match download.answers.poll_fill(cx, socket, &self.worker.buffers) {
            Poll::Ready(Ok(0)) => {
                let ended = download.passage.on_close(&mut download.out);
                Poll::Ready(ended.map_err(|_| failed(Cause::Closed, desk.upload.body())))
            }
            Poll::Ready(Ok(_)) => {
                desk.due = Due::NEVER;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => {
                Poll::Ready(Err(failed(self.lost(desk, &error), desk.upload.body())))
            }
            Poll::Pending => {
                self.expect_movement(desk);
                Poll::Pending
            }
        }
    }

    /// The call's `idle_timeout` runs from the last byte.
    fn expect_movement(&self, desk: &mut Desk) {
        let idle = desk.tale.call.and_then(|call| self.worker.idle_timeout(call));
        let waits = Waits::Service(Cause::IdleTimeout);
        if let Some(idle) = idle.filter(|_| desk.due.waits != waits || desk.due == Due::NEVER) {
            desk.due = Due { at: self.worker.recent() + idle, waits };
        }
    }
}

/// Up to so many bytes are copied behind what they follow; more are written from where they lie.
/// A second piece costs the kernel about as much as copying this much.
const COPIED: usize = 4_096;
