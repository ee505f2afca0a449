//! What a worker does besides serving: accepting, tidying, listening to the other workers.

use std::future::poll_fn;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::{io, time};

use base::WorkerId;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};

use crate::client::Client;
use crate::clock::Clock;
use crate::instance::Instance;
use crate::listener::{Reserve, is_passing};
use crate::plan::Plan;
use crate::worker::Worker;
use crate::{limits, upstream};

/// Runs a worker on this thread until it has drained.
///
/// # Errors
/// The machine has no event loop for it.
pub(crate) fn run(
    id: WorkerId,
    clock: Clock,
    plan: Arc<Plan>,
    instance: Arc<Instance>,
    listeners: Vec<TcpListener>,
) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let worker = Rc::new(Worker::new(id, clock, plan, instance));
        let mut accepting = Vec::new();
        for (number, listener) in listeners.into_iter().enumerate() {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let accept = accept(Rc::clone(&worker), listener, number);
            accepting.push(tokio::task::spawn_local(accept));
        }
        tokio::task::spawn_local(tidy(Rc::clone(&worker)));
        tokio::task::spawn_local(listen(Rc::clone(&worker)));
        for accept in accepting {
            let _ = accept.await;
        }
        let _ = tokio::time::timeout(limits::DRAIN_TIMEOUT.into(), worker.emptied()).await;
        Ok(())
    })
}

/// Accepts until the worker drains. What waits in the kernel by then is served: when a listener
/// closes, the connections in its queue are reset.
async fn accept(worker: Rc<Worker>, listener: tokio::net::TcpListener, number: usize) {
    let mut reserve = Reserve::new();
    loop {
        match poll_fn(|cx| match listener.poll_accept(cx) {
            Poll::Pending if worker.instance.is_draining() => Poll::Ready(None),
            other => other.map(Some),
        })
        .await
        {
            None => return,
            Some(Ok((socket, peer))) => welcome(&worker, socket, peer, number),
            Some(Err(error)) if is_passing(&error) => {}
            Some(Err(error)) => {
                if upstream::is_exhausted(&error) {
                    reserve.refuse_one(&listener);
                }
                tokio::time::sleep(limits::ACCEPT_PAUSE.into()).await;
            }
        }
    }
}

fn welcome(worker: &Rc<Worker>, socket: TcpStream, peer: SocketAddr, number: usize) {
    let client = Client::new(Rc::clone(worker), socket, peer, number);
    tokio::task::spawn_local(client.serve());
}

/// Hears from the other workers, and of the drain.
async fn listen(worker: Rc<Worker>) {
    loop {
        worker.instance.rung(worker.id).await;
        for call in worker.instance.woken(worker.id) {
            worker.on_woken(call);
        }
        if worker.instance.is_draining() {
            worker.slots.wake_all();
        }
    }
}

async fn tidy(worker: Rc<Worker>) {
    let mut second = tokio::time::interval(time::Duration::from_secs(1));
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        second.tick().await;
        worker.tidy();
    }
}
