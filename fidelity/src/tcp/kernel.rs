//! Short requests through the running kernel and through the simulation, over the same links.
//!
//! The kernel's clients and servers are in two network namespaces, and [`lab`] carries their
//! packets over [`netsim`]'s links on a real clock.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{self, Instant};
use std::{fs, thread};

use base::{Duration, Share};
use lab::{Lab, Namespace};
use netsim::l3::{Loss, Params};
use netsim::l4::tcp::Profile;
use socket2::{Domain, Socket, Type};

use super::stage::{Stage, Talk};
use crate::interval::joint;
use crate::row::{Criterion, Row, Section, Unit};
use crate::{Effort, Interval, Missing, over_seeds};

/// Every load through both.
///
/// # Errors
///
/// Without root, TUN devices, or `ip`.
pub fn section(effort: Effort) -> Result<Section, Missing> {
    let loads = effort.choose(LOADS, &LOADS[1..2]);
    let requests = effort.choose(6_000, 400);
    let runs = effort.choose(100_000, 20_000);
    // No two runs of the kernel are alike: briefly, only what is far outside is worth a failure.
    let busy = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let level = joint(loads.len() * 2 * effort.choose(1, 50));
    let mut rows = Vec::new();
    for load in loads {
        let kernel = load.through_kernel(requests).map_err(|why| Missing(why.to_string()))?;
        let simulated = over_seeds(runs, |seed| load.through_simulation(seed));
        rows.extend(load.rows(&sorted(kernel), &sorted(simulated), level));
    }
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Ok(Section {
        name: "kernel",
        title: "Short requests against the running kernel",
        about: format!(
            "Linux {} in two network namespaces, joined by TUN devices and a program that passes their packets through \
             `netsim`’s links on a real clock (`crates/lab`): half of the round trip each way, and independent loss in both \
             directions. Each request is a new connection, 100 bytes, an answer, and is timed from the call to the last byte; \
             {requests} of them a load, {CALLERS} at a time. The simulation plays {runs} of the same with profile `linux`. The \
             kernel’s sockets use CUBIC, and it keeps no metrics of earlier connections (`tcp_no_metrics_save`).\n\n\
             The share is of requests that took longer than two round trips and half an RTO (200 ms above the round trip), \
             and longer than half a SYN timeout of 1 s. Its expectation is a sample too, so the interval has the scatter of \
             both. These figures are real time and differ from run to run, and a machine with more to do than it has cores makes \
             medians later; the load average before this run was {}.",
            release.trim(),
            busy.split(' ').next().unwrap_or_default()
        ),
        rows,
        remarks: Vec::new(),
    })
}

/// What is asked for, over which links.
#[derive(Clone, Copy, Debug)]
struct Load {
    round_trip_ms: u64,
    loss: Share,
    /// Segments of the answer.
    segments: u64,
}

const LOADS: &[Load] = &[
    Load { round_trip_ms: 20, loss: Share::percent(1), segments: 1 },
    Load { round_trip_ms: 20, loss: Share::percent(5), segments: 1 },
    Load { round_trip_ms: 20, loss: Share::percent(3), segments: 10 },
    Load { round_trip_ms: 50, loss: Share::percent(2), segments: 1 },
];

impl Load {
    fn rows(self, kernel: &[f64], simulated: &[f64], level: f64) -> [Row; 3] {
        let round_trip = self.round_trip_ms as f64 / 1e3;
        let stalled = 2.0 * round_trip + (round_trip + 0.2) / 2.0;
        let name = self.name();
        let share = |what: &str, limit: f64| {
            let (theirs, ours) = (later_than(kernel, limit), later_than(simulated, limit));
            Row {
                what: format!("{name}: {what}"),
                expected: theirs.0 as f64 / theirs.1 as f64,
                source: "the kernel",
                simulated: ours.0 as f64 / ours.1 as f64,
                interval: Interval::of_share_beside(ours, theirs, level),
                unit: Unit::Percent,
                criterion: Criterion::Covered,
            }
        };
        let median = Row {
            what: format!("{name}: median"),
            expected: kernel[kernel.len() / 2],
            source: "the kernel",
            simulated: simulated[simulated.len() / 2],
            interval: Interval::point(simulated[simulated.len() / 2]),
            unit: Unit::Millis,
            criterion: Criterion::Within(0.1),
        };
        [
            median,
            share("later than half an RTO", stalled),
            share("later than half a SYN timeout", 0.5),
        ]
    }

    fn name(self) -> String {
        let segments = if self.segments == 1 {
            "1 segment".into()
        } else {
            format!("{} segments", self.segments)
        };
        format!("{} ms, loss {}, answers of {segments}", self.round_trip_ms, self.loss)
    }

    fn way(self) -> Params {
        Params {
            delay: Duration::from_micros(self.round_trip_ms * 500),
            loss: Loss::Independent(self.loss),
            ..Params::default()
        }
    }

    fn answer(self) -> u64 {
        self.segments * u64::from(Profile::linux().mss)
    }

    fn through_simulation(self, seed: u64) -> f64 {
        let mut stage = Stage::new(seed);
        let (there, back) = (stage.link("there", self.way()), stage.link("back", self.way()));
        let talk = Talk { ask: QUESTION as u64, answer: self.answer() };
        let call = stage.call(&Arc::new(Profile::linux()), talk, &[there], &[back]);
        stage.run_to_answer(call);
        if stage.is_answered(call) { stage.answer_time(call).as_secs_f64() } else { f64::INFINITY }
    }

    /// How long each request took, in seconds.
    fn through_kernel(self, requests: u64) -> Result<Vec<f64>, Box<dyn std::error::Error>> {
        let lab = Lab::new(1, self.way(), self.way())?;
        for host in [&lab.left, &lab.right] {
            host.set("net/ipv4/tcp_no_metrics_save", "1")?;
        }
        let address = SocketAddr::from((Lab::RIGHT, 7_000));
        let listener = lab.right.run(|| listen(address))??;
        let is_over = AtomicBool::new(false);
        let times = thread::scope(|scope| {
            for _ in 0..SERVERS {
                scope.spawn(|| serve(&listener, self.answer(), &is_over));
            }
            let times = lab.left.run(|| call_all(address, requests, self.answer()));
            is_over.store(true, Ordering::Release);
            wake(&lab.right, address);
            times
        });
        Ok(times??)
    }
}

/// Those that it accepts have its congestion control.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = cubic_socket()?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// By the socket, since a namespace's default may only be what the whole machine allows everybody.
fn cubic_socket() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_tcp_congestion(b"cubic")?;
    Ok(socket)
}

/// All requests, so many at a time.
fn call_all(address: SocketAddr, requests: u64, answer: u64) -> io::Result<Vec<f64>> {
    let next = AtomicU64::new(0);
    let call_some = || -> io::Result<Vec<f64>> {
        hurry();
        let mut buffer = vec![0; usize::try_from(answer).unwrap_or(usize::MAX)];
        let mut times = Vec::new();
        while next.fetch_add(1, Ordering::Relaxed) < requests {
            times.push(call(address, &mut buffer)?);
        }
        Ok(times)
    };
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(call_some)).collect();
        let panicked = |_| Err(io::Error::other("a caller panicked"));
        let times: io::Result<Vec<_>> =
            callers.into_iter().map(|caller| caller.join().unwrap_or_else(panicked)).collect();
        times.map(|times| times.concat())
    })
}

fn call(address: SocketAddr, buffer: &mut [u8]) -> io::Result<f64> {
    let began = Instant::now();
    let socket = cubic_socket()?;
    socket.connect(&address.into())?;
    let mut connection = TcpStream::from(socket);
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.write_all(&[b'?'; QUESTION])?;
    connection.read_exact(buffer)?;
    Ok(began.elapsed().as_secs_f64())
}

/// Answers one caller after the other. One that fails is the caller's to report.
fn serve(listener: &TcpListener, answer: u64, is_over: &AtomicBool) {
    hurry();
    let answer = vec![b'!'; usize::try_from(answer).unwrap_or(usize::MAX)];
    while let Ok((mut connection, _)) = listener.accept()
        && !is_over.load(Ordering::Acquire)
    {
        let _failed = answer_one(&mut connection, &answer);
    }
}

fn answer_one(connection: &mut TcpStream, answer: &[u8]) -> io::Result<()> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.read_exact(&mut [0; QUESTION])?;
    connection.write_all(answer)?;
    // The caller closes first, so that the timeout of a closed connection is its own.
    connection.read(&mut [0]).map(|_| ())
}

/// This thread goes before others: what it waits for a processor would count as the network's.
fn hurry() {
    let _not_allowed = rustix::process::nice(-15);
}

/// Calls each server once more, from beside it, so that it sees that all is over.
fn wake(host: &Namespace, address: SocketAddr) {
    let _closed = host.run(|| {
        for _ in 0..SERVERS {
            let _refused = TcpStream::connect(address);
        }
    });
}

/// How many are later, and of how many.
fn later_than(sorted: &[f64], limit: f64) -> (u64, u64) {
    let late = sorted.len() - sorted.partition_point(|&time| time <= limit);
    (late as u64, sorted.len() as u64)
}

fn sorted(mut times: Vec<f64>) -> Vec<f64> {
    times.sort_by(f64::total_cmp);
    times
}

/// Bytes of a request.
const QUESTION: usize = 100;
/// Few enough that a busy machine keeps up with their packets.
const CALLERS: usize = 32;
/// More than ever wait.
const BACKLOG: i32 = 1_024;
/// A server waits for its caller's end, which may be lost a few times.
const SERVERS: usize = 4 * CALLERS;
/// Six SYN timeouts are longer than anybody waits here.
const PATIENCE: time::Duration = time::Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_exactly_at_the_limit_is_not_late() {
        assert_eq!(later_than(&[0.1, 0.2, 0.2, 0.3], 0.2), (1, 4));
    }

    #[test]
    fn without_loss_the_simulation_takes_two_round_trips() {
        let load = Load { round_trip_ms: 20, loss: Share::NONE, segments: 10 };

        assert!((load.through_simulation(1) - 0.04).abs() < 1e-9);
    }
}
