//! A balancer from its start to its end.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use base::{Instant, WorkerId};
use checklist::SoundDesign;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::clock::Clock;
use crate::instance::{Instance, Room};
use crate::log::{Log, Written};
use crate::options::Options;
use crate::plan::{Plan, place};
use crate::record::Recorder;
use crate::refused::Refused;
use crate::{admin, descriptors, listener, log, names, tasks};

/// A balancer that runs.
#[derive(Debug)]
pub struct Running {
    instance: Arc<Instance>,
    plan: Arc<Plan>,
    addresses: Vec<SocketAddr>,
    admin: Option<SocketAddr>,
    workers: Vec<JoinHandle<io::Result<()>>>,
    log: Option<Written>,
}

/// How a balancer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All that was in flight has finished, or the time for that was over.
    Drained,
    /// A second signal came meanwhile.
    AtOnce,
}

/// Starts a balancer of a design.
///
/// # Errors
/// The design or the machine does not allow it; nothing is running then.
pub fn start(design: &SoundDesign, options: &Options) -> Result<Running, Refused> {
    let place = place(design, options)?;
    let clock = Clock::start();
    let mut plan = Plan::new(clock.now(), design, place)?;
    let count = options.workers.unwrap_or_else(cores).clamp(1, MOST_WORKERS);
    let room = room(options, count, design.node(place.node).descriptors, plan.listeners.len())?;
    let sockets = bind(&mut plan, count)?;
    let admin = options.admin.map(admin::bind).transpose()?;
    let (log, writer) = Log::open(&options.log)
        .map_err(|error| Refused::Log(options.log.to_string(), error))?
        .unzip();
    let recorder = recorder(options, count, &plan)?;
    let instance = Arc::new(Instance::new(options, room, &plan, log, recorder));
    let plan = Arc::new(plan);
    names::keep_fresh(&plan);
    let mut running = Running {
        instance: Arc::clone(&instance),
        plan: Arc::clone(&plan),
        addresses: plan.listeners.iter().map(|listener| listener.address).collect(),
        admin: admin.as_ref().and_then(|admin| admin.local_addr().ok()),
        workers: Vec::new(),
        log: writer,
    };
    if let Some(listener) = admin {
        let design = admin::describe(design, place, &plan, options);
        let (plan, instance) = (Arc::clone(&plan), Arc::clone(&instance));
        let pages = Arc::new(admin::Pages { plan, instance, design });
        admin::serve(listener, pages).map_err(Refused::Machine)?;
    }
    let (started, told) = std::sync::mpsc::channel();
    for (number, sockets) in sockets.into_iter().enumerate() {
        let started = started.clone();
        let (plan, instance) = (Arc::clone(&plan), Arc::clone(&instance));
        let id = WorkerId::from_index(number);
        // Made here: whoever asks for metrics at once finds this worker in them.
        let cells = instance.registry.cells();
        let work = move || tasks::run(started, id, clock, plan, instance, cells, sockets);
        let thread = std::thread::Builder::new().name(format!("worker-{number}"));
        running.workers.push(thread.spawn(work).map_err(Refused::Machine)?);
    }
    drop(started);
    running.all_started(told.iter().take(count))
}

/// The listeners of each worker; the plan learns the ports that the kernel chose.
fn bind(plan: &mut Plan, workers: usize) -> Result<Vec<Vec<TcpListener>>, Refused> {
    let mut all: Vec<Vec<_>> = (0..workers).map(|_| Vec::new()).collect();
    for listen in &mut plan.listeners {
        for (worker, socket) in all.iter_mut().zip(listener::bind(listen.address, workers)?) {
            listen.address = socket.local_addr().map_err(Refused::Machine)?;
            worker.push(socket);
        }
    }
    Ok(all)
}

/// The order of what several workers decide at once is no order.
fn recorder(options: &Options, workers: usize, plan: &Plan) -> Result<Option<Recorder>, Refused> {
    let started = plan.calls.first().map_or(Instant::ZERO, |call| call.started);
    match &options.record {
        Some(_) if workers > 1 => Err(Refused::RecordsOneWorker),
        Some(path) => Recorder::create(path, options.seed, started)
            .map(Some)
            .map_err(|error| Refused::Log(path.display().to_string(), error)),
        None => Ok(None),
    }
}

/// What the descriptors allow, or less if the options say so.
fn room(
    options: &Options,
    workers: usize,
    descriptors: Option<u32>,
    listeners: usize,
) -> Result<Room, Refused> {
    let allowed = descriptors::clients_per_worker(descriptors, workers, listeners)?;
    let set = options.limits.clients.map(|clients| (clients / workers).max(1));
    Ok(Room { workers, clients: set.map_or(allowed, |set| set.min(allowed)) })
}

impl Running {
    /// If one worker cannot run, the others should not either: connections would come to it, and wait.
    fn all_started(self, mut told: impl Iterator<Item = io::Result<()>>) -> Result<Self, Refused> {
        match told.try_for_each(|started| started) {
            Ok(()) => Ok(self),
            Err(error) => {
                self.drain();
                Err(Refused::Machine(error))
            }
        }
    }

    /// Where it listens, in the order of the design, with the ports that the kernel chose.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where the admin pages are.
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Stops accepting, and lets what is in flight finish.
    pub fn drain(&self) {
        self.instance.drain();
    }

    /// Waits until it has drained.
    ///
    /// # Errors
    /// A worker could not run.
    pub fn wait(self) -> io::Result<()> {
        for worker in self.workers {
            worker.join().map_err(|_| io::Error::other("a worker panicked"))??;
        }
        match self.instance.cut() {
            0 => {}
            1 => log::say("the drain is over: 1 request had not finished and was cut"),
            cut => log::say(&format!(
                "the drain is over: {cut} requests had not finished and were cut"
            )),
        }
        if let Some(log) = &self.instance.log {
            log.close();
        }
        if let Some(written) = self.log {
            written.wait();
        }
        Ok(())
    }

    /// Runs until SIGTERM, SIGINT or SIGHUP, then drains; a second signal ends the wait at once.
    /// It is `ready` once signals are heard: whoever was told so may send one.
    ///
    /// # Errors
    /// A worker could not run, or signals cannot be had.
    pub fn until_signalled(self, ready: impl FnOnce(&Self)) -> io::Result<Ended> {
        let (instance, plan) = (Arc::clone(&self.instance), Arc::clone(&self.plan));
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            // A terminal that was closed is no reason to cut requests short.
            let mut hangup = signal(SignalKind::hangup())?;
            ready(&self);
            let (tell, mut ended) = tokio::sync::oneshot::channel();
            std::thread::spawn(move || tell.send(self.wait()));
            for drained in [false, true] {
                tokio::select! {
                    outcome = &mut ended => {
                        return outcome.map_err(io::Error::other)?.map(|()| Ended::Drained);
                    }
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                    _ = hangup.recv() => {}
                }
                if !drained {
                    let most = instance.limits.drain_timeout;
                    let (count, plural) = match plan.in_flight() {
                        1 => (1, ""),
                        count => (count, "s"),
                    };
                    log::say(&format!(
                        "draining: {count} request{plural} in flight, at most {most}"
                    ));
                    instance.drain();
                }
            }
            Ok(Ended::AtOnce)
        })
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// As many as the engine can tell apart.
const MOST_WORKERS: usize = 64;
