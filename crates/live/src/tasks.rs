//! What a worker does besides serving: accepting, checking, tidying, listening to the others.

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::task::Poll;

use base::WorkerId;
use event::{Cause, Event, l4};
use observe::metrics::Cells;

use crate::answer::Answer;
use crate::client::{Client, NOBODY};
use crate::clock::Clock;
use crate::event_loop::{EventLoop, Listener, Stream, yield_now};
use crate::instance::Instance;
use crate::listener::{Reserve, is_passing};
use crate::plan::Plan;
use crate::worker::Worker;
use crate::{checks, limits, log, upstream};

/// Runs a worker on this thread until it has drained. Says first whether the machine has an event loop
/// for it.
pub(crate) fn run(
    started: Sender<io::Result<()>>,
    id: WorkerId,
    clock: Clock,
    plan: Arc<Plan>,
    instance: Arc<Instance>,
    cells: Cells,
    listeners: Vec<TcpListener>,
) -> io::Result<()> {
    let prepared = EventLoop::new(clock).and_then(|events| {
        let watched = listeners.into_iter().map(|listener| Listener::new(&events, listener));
        Ok((watched.collect::<io::Result<Vec<_>>>()?, events))
    });
    let (listeners, events) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            let _ = started.send(Err(error));
            return Ok(());
        }
    };
    let _ = started.send(Ok(()));
    // Who hears of it waits until nobody is left to say it.
    drop(started);
    let worker = Rc::new(Worker::new(id, Rc::clone(&events), plan, instance, cells));
    for call in worker.plan.calls.iter().filter(|call| call.rules.health.is_some()) {
        events.spawn(checks::check(Rc::clone(&worker), call.id));
    }
    events.spawn(tidy(Rc::clone(&worker)));
    events.spawn(listen(Rc::clone(&worker)));
    for (number, listener) in listeners.into_iter().enumerate() {
        let accepting = Accepting::new(&worker);
        events.spawn(accept(accepting, listener, number));
    }
    events.run(async {
        worker.drained().await;
        let until = worker.now() + worker.limits.drain_timeout;
        if worker.timers.within(until, worker.emptied()).await.is_none() {
            worker.cut();
            let last = worker.now() + limits::LAST_WORDS;
            worker.timers.within(last, worker.emptied()).await;
        }
        worker.flush_logs();
    })
}

/// A listener is accepted from, as long as this lives.
struct Accepting(Rc<Worker>);

impl Accepting {
    fn new(worker: &Rc<Worker>) -> Self {
        worker.accepts(true);
        Self(Rc::clone(worker))
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        self.0.accepts(false);
        if !self.0.instance.is_draining() {
            log::say(&format!("worker {} accepts no more connections", self.0.id.0));
        }
    }
}

/// Accepts until the worker drains. What waits in the kernel by then is served: when a listener
/// closes, the connections in its queue are reset.
async fn accept(accepting: Accepting, listener: Listener, number: usize) {
    let worker = &accepting.0;
    poll_fn(|cx| {
        worker.wake_on_drain(cx.waker());
        Poll::Ready(())
    })
    .await;
    let mut reserve = Reserve::new();
    let mut said = false;
    loop {
        match poll_fn(|cx| match listener.poll_accept(cx) {
            Poll::Pending if worker.instance.is_draining() => Poll::Ready(None),
            other => other.map(Some),
        })
        .await
        {
            None => return accept_rest(worker, &listener, number).await,
            Some(Ok((socket, peer))) => welcome(worker, socket, peer, number).await,
            Some(Err(error)) if is_passing(&error) => {}
            Some(Err(error)) => {
                if !std::mem::replace(&mut said, true) {
                    log::say(&format!("connections cannot be accepted for now: {error}"));
                }
                if upstream::is_exhausted(&error) {
                    worker.make_room();
                    if worker.slots.send_oldest_away() {
                        yield_now().await;
                        continue;
                    }
                    if let Some((socket, _)) = reserve.accept_one(|| listener.accept().ok()) {
                        turn_away(worker, &socket);
                    }
                    reserve.renew();
                }
                worker.timers.sleep(limits::ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The event loop may not have heard yet of those that came last: only the kernel knows.
async fn accept_rest(worker: &Rc<Worker>, listener: &Listener, number: usize) {
    while let Ok((socket, peer)) = listener.accept() {
        welcome(worker, socket, peer, number).await;
    }
}

async fn welcome(worker: &Rc<Worker>, socket: Stream, peer: SocketAddr, number: usize) {
    worker.emit(NOBODY, Event::L4(l4::Event::Accepted));
    let mut looked = false;
    while worker.slots.len() >= worker.instance.clients_per_worker() {
        if !worker.slots.send_oldest_away() && std::mem::replace(&mut looked, true) {
            return turn_away(worker, &socket);
        }
        // Meanwhile who was sent away goes, unless its next request has just come; and who has come
        // in since the event loop last turned has shown whether it has a request.
        yield_now().await;
    }
    let client = Box::new(Client::new(Rc::clone(worker), socket, peer, number));
    worker.events.spawn(client.serve());
}

/// Everybody here has a request under way.
fn turn_away(worker: &Worker, socket: &Stream) {
    worker.emit(NOBODY, Event::L4(l4::Event::TurnedAway { cause: Cause::Exhausted }));
    // Whether it can still be told is not worth waiting for.
    let _ = socket.try_write(&Answer::too_many_connections(&worker.date()));
}

/// Hears from the other workers, and of the drain.
async fn listen(worker: Rc<Worker>) {
    loop {
        worker.instance.rung(worker.id).await;
        for call in worker.instance.woken(worker.id) {
            worker.on_woken(call);
        }
        for call in worker.instance.crowded(worker.id) {
            worker.give_seats_back(call);
        }
        if worker.instance.is_asked_for_idle(worker.id) {
            worker.let_go_of_idle();
        }
        if worker.instance.is_draining() {
            worker.drain();
        }
    }
}

async fn tidy(worker: Rc<Worker>) {
    loop {
        worker.tidy();
        worker.flush_logs();
        worker.timers.sleep(limits::LOG_EVERY).await;
    }
}
