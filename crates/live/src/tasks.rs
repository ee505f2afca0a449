//! What a worker does besides serving: accepting, checking, tidying, listening to the others.

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use base::WorkerId;
use event::{Cause, Event, l4};
use observe::metrics::Cells;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::spawn_local;

use crate::answer::Answer;
use crate::client::{Client, NOBODY};
use crate::clock::Clock;
use crate::instance::Instance;
use crate::listener::{Reserve, is_passing};
use crate::plan::Plan;
use crate::timers::Timers;
use crate::turns::Turns;
use crate::worker::Worker;
use crate::{checks, limits, log, upstream};

/// Runs a worker on this thread until it has drained.
///
/// # Errors
/// The machine has no event loop for it.
pub(crate) fn run(
    id: WorkerId,
    clock: Clock,
    plan: Arc<Plan>,
    instance: Arc<Instance>,
    cells: Cells,
    listeners: Vec<TcpListener>,
) -> io::Result<()> {
    let turns = Turns::default();
    let told = turns.clone();
    let runtime = Builder::new_current_thread()
        .enable_io()
        .on_thread_unpark(move || told.on_turn(clock.now()))
        .build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let timers = Timers::new(clock)?;
        let worker = Rc::new(Worker::new(id, Rc::clone(&timers), turns, plan, instance, cells));
        spawn_local(async move {
            if let Err(error) = timers.ring().await {
                log::say(&format!("nothing is out of time any more on worker {}: {error}", id.0));
            }
        });
        let mut accepting = Vec::new();
        for (number, listener) in listeners.into_iter().enumerate() {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            accepting.push(spawn_local(accept(Rc::clone(&worker), listener, number)));
        }
        for call in worker.plan.calls.iter().filter(|call| call.rules.health.is_some()) {
            spawn_local(checks::check(Rc::clone(&worker), call.id));
        }
        spawn_local(tidy(Rc::clone(&worker)));
        spawn_local(listen(Rc::clone(&worker)));
        for accept in accepting {
            let _ = accept.await;
        }
        let until = worker.now() + worker.limits.drain_timeout;
        if worker.timers.within(until, worker.emptied()).await.is_none() {
            worker.cut();
            let last = worker.now() + limits::LAST_WORDS;
            worker.timers.within(last, worker.emptied()).await;
        }
        worker.flush_logs();
        Ok(())
    })
}

/// Accepts until the worker drains. What waits in the kernel by then is served: when a listener
/// closes, the connections in its queue are reset.
async fn accept(worker: Rc<Worker>, listener: tokio::net::TcpListener, number: usize) {
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
            None => return accept_rest(&worker, listener, number).await,
            Some(Ok((socket, peer))) => welcome(&worker, socket, peer, number).await,
            Some(Err(error)) if is_passing(&error) => {}
            Some(Err(error)) => {
                if !std::mem::replace(&mut said, true) {
                    log::say(&format!("connections cannot be accepted for now: {error}"));
                }
                if upstream::is_exhausted(&error) {
                    worker.make_room();
                    if worker.slots.send_oldest_away() {
                        tokio::task::yield_now().await;
                        continue;
                    }
                    if let Some(socket) = reserve.accept_one(&listener) {
                        turn_away(&worker, &socket);
                    }
                    reserve.renew();
                }
                worker.timers.sleep(limits::ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The event loop may not have heard yet of those that came last: only the kernel knows.
async fn accept_rest(worker: &Rc<Worker>, listener: tokio::net::TcpListener, number: usize) {
    let Ok(listener) = listener.into_std() else {
        return;
    };
    while let Ok((socket, peer)) = listener.accept() {
        if socket.set_nonblocking(true).is_ok()
            && let Ok(socket) = TcpStream::from_std(socket)
        {
            welcome(worker, socket, peer, number).await;
        }
    }
}

async fn welcome(worker: &Rc<Worker>, socket: TcpStream, peer: SocketAddr, number: usize) {
    worker.emit(NOBODY, Event::L4(l4::Event::Accepted));
    let mut looked = false;
    while worker.slots.len() >= worker.instance.clients_per_worker() {
        if !worker.slots.send_oldest_away() && std::mem::replace(&mut looked, true) {
            return turn_away(worker, &socket);
        }
        // Meanwhile who was sent away goes, unless its next request has just come; and who has come
        // in since the event loop last turned has shown whether it has a request.
        tokio::task::yield_now().await;
    }
    spawn_local(Box::new(Client::new(Rc::clone(worker), socket, peer, number)).serve());
}

/// Everybody here has a request under way.
fn turn_away(worker: &Worker, socket: &TcpStream) {
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
