//! `cargo xtask bench syscalls`: how often each proxy calls the kernel for one request.
//!
//! Time depends on the machine and on who else uses it; a count does not. Most of what a proxy costs
//! is spent in the kernel, so a call that nobody needs is what a change should never add unseen.

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io};

use rustix::process::{Pid, Signal, kill_process};

use super::load::Load;
use super::peers::{PEERS, Peer};
use super::rig::{Proxy, Rig};
use super::{machine, report};
use crate::needs::Need;
use crate::shell::{Outcome, program, target};

/// Counts, and writes the report.
pub(crate) fn run() -> Outcome {
    let peers = PEERS.iter().filter(|peer| TRACED.contains(&peer.name));
    let text = measure(&peers.copied().collect::<Vec<_>>())?;
    println!("\n{text}");
    report::write("syscalls", &text)
}

/// Counts Plimsoll's alone, and writes nothing.
pub(crate) fn ours() -> Outcome {
    let ours = PEERS.iter().filter(|peer| peer.name == "plimsoll");
    measure(&ours.copied().collect::<Vec<_>>()).map(|text| println!("\n{text}"))
}

/// What is sent.
struct Scenario {
    title: &'static str,
    rate: Option<f64>,
    fresh: bool,
    /// Plimsoll may make so many calls for each request.
    most: f64,
}

/// What one proxy called, for each request.
#[derive(Debug, PartialEq)]
struct Calls {
    name: &'static str,
    /// The most frequent first.
    each: Vec<(String, f64)>,
}

fn measure(peers: &[&'static Peer]) -> Outcome<String> {
    Need::Debian { program: "strace", package: "strace" }.meet()?;
    let mut text = machine::facts()?;
    peers.iter().flat_map(|peer| peer.needs).try_for_each(|need| need.meet())?;
    peers.iter().try_for_each(|peer| (peer.version)().map(drop))?;
    let rig = Rig::set_up()?;
    for scenario in SCENARIOS {
        eprintln!("== {}", scenario.title);
        let calls =
            peers.iter().map(|peer| count(&rig, peer, scenario)).collect::<Outcome<Vec<_>>>()?;
        text += &table(scenario, &calls);
        hold(scenario, &calls)?;
    }
    Ok(text)
}

fn count(rig: &Rig, peer: &'static Peer, scenario: &Scenario) -> Outcome<Calls> {
    let proxy = rig.start(peer, false, 1)?;
    let load = |seconds| Load {
        paths: vec!["/small".into()],
        connections: if scenario.fresh { 200 } else { 64 },
        rate: scenario.rate,
        fresh: scenario.fresh,
        seconds,
    };
    // Connections to the services are there when counting begins.
    proxy.measure(&load(0.5))?;
    let trace = Trace::of(&proxy, peer.name)?;
    let sent = proxy.measure(&load(2.0))?.sent;
    let mut each: Vec<_> =
        trace.end()?.into_iter().map(|(call, n)| (call, n / sent as f64)).collect();
    each.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    Ok(Calls { name: peer.name, each })
}

/// A program that counts what others call.
struct Trace {
    strace: Child,
    file: PathBuf,
}

impl Trace {
    fn of(proxy: &Proxy<'_>, name: &str) -> Outcome<Self> {
        let file = target().join("bench").join(format!("{name}.strace"));
        let processes = proxy.processes();
        let mut command: Command = program("strace");
        command.args(["-q", "-f", "-c", "-U", "calls,name", "-o"]).arg(&file);
        processes.iter().for_each(|process| {
            command.args(["-p", &process.to_string()]);
        });
        let strace = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut trace = Self { strace: strace.map_err(|e| format!("strace: {e}"))?, file };
        trace.attached(&processes)?;
        Ok(trace)
    }

    fn attached(&mut self, processes: &[u32]) -> Outcome {
        let give_up = Instant::now() + PATIENCE;
        while !processes.iter().all(|process| is_traced(*process)) {
            if Instant::now() > give_up || matches!(self.strace.try_wait(), Ok(Some(_))) {
                return Err("strace may not look at other processes here".into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// The calls since it began, and how often each was made.
    fn end(mut self) -> Outcome<Vec<(String, f64)>> {
        self.stop().map_err(|e| format!("strace: {e}"))?;
        let said = fs::read_to_string(&self.file);
        Ok(parsed(&said.map_err(|e| format!("{}: {e}", self.file.display()))?))
    }

    /// Makes it let go of those it looks at, and waits until it has.
    fn stop(&mut self) -> io::Result<ExitStatus> {
        // The number of one that has ended may be somebody else's by now.
        if let Some(status) = self.strace.try_wait()? {
            return Ok(status);
        }
        if let Some(process) = i32::try_from(self.strace.id()).ok().and_then(Pid::from_raw) {
            // Not SIGINT: what a shell runs in the background is told to ignore that.
            kill_process(process, Signal::TERM)?;
        }
        self.strace.wait()
    }
}

impl Drop for Trace {
    /// A count that was given up must not slow what runs on.
    fn drop(&mut self) {
        // If it has gone, there is nothing to let go of.
        let _ = self.stop();
    }
}

fn is_traced(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
    tracer.is_some_and(|tracer| tracer.trim() != "0")
}

/// Lines of a number and a name; the rest is decoration, and the sum.
fn parsed(said: &str) -> Vec<(String, f64)> {
    let lines = said.lines().filter_map(|line| {
        let (number, name) = line.trim().split_once(char::is_whitespace)?;
        Some((name.trim().to_owned(), number.parse().ok()?))
    });
    lines.filter(|(name, _)| name != "total").collect()
}

fn table(scenario: &Scenario, calls: &[Calls]) -> String {
    let rows: String = calls.iter().map(row).collect();
    let title = scenario.title;
    format!("\n| {title} | all, per request | of which |\n|---|---|---|\n{rows}")
}

fn row(calls: &Calls) -> String {
    let worth_telling = calls.each.iter().filter(|(_, n)| *n >= 0.02);
    let each: Vec<_> = worth_telling.map(|(call, n)| format!("{call} {n:.2}")).collect();
    format!("| {} | {:.2} | {} |\n", calls.name, calls.all(), each.join(", "))
}

/// # Errors
/// Plimsoll calls more often than it should.
fn hold(scenario: &Scenario, calls: &[Calls]) -> Outcome {
    match calls.iter().find(|calls| calls.name == "plimsoll") {
        Some(ours) if ours.all() > scenario.most => Err(format!(
            "{}: {:.2} system calls for each request, and {} should do: {}",
            scenario.title,
            ours.all(),
            scenario.most,
            row(ours)
        )),
        _ => Ok(()),
    }
}

impl Calls {
    fn all(&self) -> f64 {
        self.each.iter().map(|(_, n)| n).sum()
    }
}

/// Envoy has so many threads that tracing it takes longer than its timeouts.
const TRACED: [&str; 4] = ["plimsoll", "floor", "nginx", "HAProxy"];
const PATIENCE: Duration = Duration::from_secs(5);

/// Two reads and two writes are the least. Besides: waiting for both sides, which is once for many
/// where there is much to do; listening in the middle of a long batch, before a connection is used
/// again; and accepting, watching and closing what is new.
const SCENARIOS: &[Scenario] = &[
    Scenario { title: "few requests at a time", rate: Some(500.0), fresh: false, most: 6.6 },
    Scenario { title: "as many as go through", rate: None, fresh: false, most: 4.8 },
    Scenario {
        title: "a new connection for each request",
        rate: Some(500.0),
        fresh: true,
        most: 11.5,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strace_says_is_a_count_for_each_call() {
        let said = "    calls syscall\n--------- ------\n      200 recvfrom\n        3 close\n--------- ------\n      203 total\n";

        assert_eq!(parsed(said), [("recvfrom".to_owned(), 200.0), ("close".to_owned(), 3.0)]);
    }

    #[test]
    fn a_count_that_is_given_up_leaves_nobody_who_counts() {
        let strace = Command::new("sleep").arg("60").spawn().unwrap();
        let process = format!("/proc/{}", strace.id());
        assert!(fs::exists(&process).unwrap());

        drop(Trace { strace, file: PathBuf::new() });

        assert!(!fs::exists(&process).unwrap());
    }

    #[test]
    fn a_call_too_many_is_an_error_that_names_it() {
        let calls = |n| [Calls { name: "plimsoll", each: vec![("epoll_ctl".to_owned(), n)] }];

        assert_eq!(hold(&SCENARIOS[1], &calls(4.5)), Ok(()));
        assert!(hold(&SCENARIOS[1], &calls(5.5)).unwrap_err().contains("epoll_ctl 5.50"));
    }
}
