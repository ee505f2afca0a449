//! A balancer from its start to its end.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use base::{Instant, WorkerId};
use checklist::SoundDesign;
use config::diagnostic::Diagnostic;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::clock::Clock;
use crate::instance::{Instance, Room};
use crate::limits::Limits;
use crate::log::{Log, Target, Written};
use crate::plan::{Plan, place};
use crate::record::Recorder;
use crate::{admin, descriptors, listener, log, names, tasks};

/// The file that a design was read from, so that it can be shown where its values stand.
#[derive(Clone, Debug)]
pub struct DesignFile {
    /// As it was given.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// How to run a design.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where the design comes from.
    pub file: Option<DesignFile>,
    /// Which balancer; the only one if nothing is said.
    pub node: Option<String>,
    /// In which region; the only one of the node if nothing is said.
    pub region: Option<String>,
    /// How many workers; as many as there are cores if nothing is said.
    pub workers: Option<usize>,
    /// Where the admin pages are; nowhere if nothing is said.
    pub admin: Option<SocketAddr>,
    /// Where the access log goes.
    pub log: Target,
    /// Where decisions are recorded, for one worker: see [`crate::replay`].
    pub record: Option<PathBuf>,
    /// The ends of what clients and services may do, where the design says nothing.
    pub limits: Limits,
    /// Where all chance comes from.
    pub seed: u64,
}

/// Why a design is not run.
#[derive(Debug)]
pub enum Refused {
    /// There is no node of this name; the balancers there are.
    NoNode(String, Vec<String>),
    /// The node is not one of ours.
    NotABalancer(String),
    /// There are several balancers, or none.
    WhichNode(Vec<String>),
    /// There is no region of this name in which the node runs.
    NoRegion {
        /// The balancer.
        node: String,
        /// What was asked for.
        region: String,
        /// Where it runs.
        known: Vec<String>,
    },
    /// The node runs in several regions.
    WhichRegion(Vec<String>),
    /// The design asks for what is not built yet.
    NotBuilt(Vec<Diagnostic>),
    /// An address cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// A log cannot be opened: the access log, or that of the decisions.
    Log(String, io::Error),
    /// A decision log is that of one worker.
    RecordsOneWorker,
    /// There are fewer descriptors than one client of each worker takes.
    Descriptors {
        /// By the process's limit, or by the design.
        allowed: u64,
        /// At the least.
        needed: u64,
    },
    /// The machine gives us no thread or event loop.
    Machine(io::Error),
}

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
    let missing = checklist::not_built(design, place.node);
    if !missing.is_empty() {
        return Err(Refused::NotBuilt(missing));
    }
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
        let design = admin::describe(design, &plan, options.file.as_ref());
        let (plan, instance) = (Arc::clone(&plan), Arc::clone(&instance));
        let pages = Arc::new(admin::Pages { plan, instance, design });
        admin::serve(listener, pages).map_err(Refused::Machine)?;
    }
    for (number, sockets) in sockets.into_iter().enumerate() {
        let (plan, instance) = (Arc::clone(&plan), Arc::clone(&instance));
        let id = WorkerId::from_index(number);
        // Made here: whoever asks for metrics at once finds this worker in them.
        let cells = instance.registry.cells();
        let work = move || tasks::run(id, clock, plan, instance, cells, sockets);
        let thread = std::thread::Builder::new().name(format!("worker-{number}"));
        running.workers.push(thread.spawn(work).map_err(Refused::Machine)?);
    }
    Ok(running)
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
                    let most = instance.limits.drain_timeout.as_millis().div_ceil(1_000);
                    let (count, plural) = match plan.in_flight() {
                        1 => (1, ""),
                        count => (count, "s"),
                    };
                    log::say(&format!(
                        "draining: {count} request{plural} in flight, at most {most} s"
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

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNode(name, known) => {
                write!(f, "the design has no node \"{name}\"; its balancers: {}", known.join(", "))
            }
            Self::NotABalancer(name) => write!(f, "\"{name}\" is not a balancer"),
            Self::WhichNode(known) if known.is_empty() => f.write_str(
                "the design has no balancer, so there is nothing to carry: add a \
                 `[balancer.NAME]`, or look at it with `plimsoll sim`",
            ),
            Self::WhichNode(known) => {
                write!(f, "the design has several balancers; say --node: {}", known.join(", "))
            }
            Self::NoRegion { node, region, known } => {
                let known = known.join(", ");
                write!(f, "`{node}` does not run in a region \"{region}\"; it runs in: {known}")
            }
            Self::WhichRegion(known) => {
                write!(f, "the node runs in several regions; say --region: {}", known.join(", "))
            }
            Self::NotBuilt(missing) => {
                let named: Vec<_> = missing.iter().map(|one| one.message.as_str()).collect();
                write!(f, "not built yet: {}", named.join("; "))
            }
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Log(name, error) => write!(f, "cannot open the log `{name}`: {error}"),
            Self::RecordsOneWorker => f.write_str(
                "decisions are recorded of one worker only: give `--workers 1` beside `--record`",
            ),
            Self::Descriptors { allowed, needed } => write!(
                f,
                "{allowed} descriptors are allowed (`ulimit -n`, or `descriptors` in the design) \
                 and at least {needed} are needed; allow more, or take fewer workers"
            ),
            Self::Machine(error) => write!(f, "cannot start: {error}"),
        }
    }
}

impl std::error::Error for Refused {}
