//! After a 101: bytes both ways, each until its own end.
//!
//! The request's timeout does not end a tunnel, only standing still does. One side may close while
//! the other goes on: that is passed on as it is.

use std::task::{Context, Poll, ready};

use base::Instant;
use engine::l7::Input;
use event::Cause;

use super::desk::{Desk, Due, Link, Waits};
use super::drive::failed;
use crate::buffers::Buffers;
use crate::client::Client;
use crate::event_loop::Stream;
use crate::inbox::Inbox;
use crate::outbox::Outbox;

/// How far one direction has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Way {
    /// Bytes may come.
    #[default]
    Open,
    /// The sender has closed; the receiver is being told.
    Closing,
    /// Both know.
    Closed,
}

/// What broke: the side that is read, or the side that is written.
enum Broken {
    Sender(std::io::Error),
    Receiver(std::io::Error),
}

impl Client {
    /// Ready when both directions have ended, or one broke, or nothing moves.
    pub(super) fn poll_tunnel(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<Input> {
        let Link::Open(service) = &mut desk.link else {
            return Poll::Ready(failed(Cause::Closed, desk.upload.body()));
        };
        let (mut up, mut down) = (0, 0);
        let to_service = pump(
            cx,
            (&mut self.socket, &mut desk.inbox),
            (&mut desk.upload.out, &mut **service),
            &self.worker.buffers,
            &mut desk.ways[0],
            &mut up,
        );
        let to_client = pump(
            cx,
            (&mut **service, &mut desk.download.answers),
            (&mut desk.download.out, &mut self.socket),
            &self.worker.buffers,
            &mut desk.ways[1],
            &mut down,
        );
        desk.tale.tunnelled.0 += up;
        desk.tale.tunnelled.1 += down;
        if up + down > 0 || desk.due == Due::NEVER {
            let idle = desk.tale.call.and_then(|call| self.worker.idle_timeout(call));
            let at = idle.map_or(Instant::NEVER, |idle| self.worker.recent() + idle);
            desk.due = Due { at, waits: Waits::Service(Cause::IdleTimeout) };
        }
        match (to_service, to_client) {
            (Poll::Ready(Err(Broken::Sender(_))), _)
            | (_, Poll::Ready(Err(Broken::Receiver(_)))) => Poll::Ready(self.client_broke(desk)),
            (Poll::Ready(Err(Broken::Receiver(error))), _)
            | (_, Poll::Ready(Err(Broken::Sender(error)))) => {
                desk.download.breaks_by_reset = true;
                Poll::Ready(failed(self.lost(desk, &error), desk.upload.body()))
            }
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => Poll::Ready(Input::Finished),
            _ => Poll::Pending,
        }
    }

    /// A close would tell the service that the client has said all it had to say.
    fn client_broke(&mut self, desk: &Desk) -> Input {
        self.reset = true;
        if let Link::Open(service) = &desk.link {
            service.reset_on_close();
        }
        Input::ClientLeft
    }
}

/// Moves what there is from one side to the other; ready at its end. Counts what was written, but
/// not the head before it.
fn pump(
    cx: &Context<'_>,
    (from, inbox): (&mut Stream, &mut Inbox),
    (out, to): (&mut Outbox, &mut Stream),
    spare: &Buffers,
    way: &mut Way,
    written: &mut u64,
) -> Poll<Result<(), Broken>> {
    loop {
        let (flushed, outcome) = out.poll_flush(cx, to, inbox.filled());
        inbox.consume(flushed.lent);
        *written += flushed.lent as u64;
        ready!(outcome).map_err(Broken::Receiver)?;
        match way {
            Way::Closed => return Poll::Ready(Ok(())),
            Way::Closing => {
                to.close_write();
                *way = Way::Closed;
            }
            Way::Open if !inbox.is_empty() => out.lend(inbox.len()),
            Way::Open => {
                if ready!(inbox.poll_fill(cx, from, spare)).map_err(Broken::Sender)? == 0 {
                    *way = Way::Closing;
                }
            }
        }
    }
}
