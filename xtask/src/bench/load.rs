//! Asks the load generator for one measurement, and believes it only if every answer was right.

use serde_json::Value;

use super::process::pinned;
use crate::shell::{Outcome, output_of, program, target};

/// What to send.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// Asked for in turn.
    pub(crate) paths: Vec<String>,
    /// How many connections.
    pub(crate) connections: usize,
    /// Requests per second; without it, as many as are answered.
    pub(crate) rate: Option<f64>,
    /// A new connection for each request.
    pub(crate) fresh: bool,
    /// How long it is measured.
    pub(crate) seconds: f64,
}

/// What one proxy did with it in one round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Measure {
    /// Requests that left, warm-up included.
    pub(crate) sent: u64,
    /// Answers per second.
    pub(crate) per_second: f64,
    /// Processor time for each request.
    pub(crate) processor_ns: f64,
    /// Latency.
    pub(crate) p50_ns: f64,
    pub(crate) p99_ns: f64,
    pub(crate) p999_ns: f64,
}

impl Load {
    /// Sends it to a port of loopback.
    ///
    /// # Errors
    ///
    /// When any answer was missing or wrong.
    pub(crate) fn send(&self, port: u16, processes: &[u32]) -> Outcome<Measure> {
        let seen = run(&self.arguments(), port, processes)?;
        right(&seen)?;
        let number = |name: &str| seen[name].as_f64().ok_or(format!("the load tells no {name}"));
        Ok(Measure {
            sent: seen["sent"].as_u64().unwrap_or(0),
            per_second: number("per_second")?,
            processor_ns: number("processor_ns")?,
            p50_ns: number("p50_ns")?,
            p99_ns: number("p99_ns")?,
            p999_ns: number("p999_ns")?,
        })
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("--paths={}", self.paths.join(",")),
            format!("--connections={}", self.connections),
            format!("--seconds={}", self.seconds),
        ];
        arguments.extend(self.rate.map(|rate| format!("--rate={rate:.0}")));
        arguments.extend(self.fresh.then(|| "--fresh".to_owned()));
        arguments
    }
}

/// Bytes of memory for each of `connections` idle ones.
pub(crate) fn idle_bytes(connections: usize, port: u16, processes: &[u32]) -> Outcome<f64> {
    let arguments = ["--idle".to_owned(), format!("--connections={connections}")];
    let seen = run(&arguments, port, processes)?;
    if seen["failed"] != 0 {
        return Err(format!("idle connections were closed: {seen}"));
    }
    seen["bytes_each"].as_f64().ok_or_else(|| "the load tells no bytes_each".into())
}

fn run(arguments: &[String], port: u16, processes: &[u32]) -> Outcome<Value> {
    let mut command = program(target().join("release/bench-load"));
    command.arg(format!("--to=127.0.0.1:{port}")).args(arguments);
    if !processes.is_empty() {
        let list: Vec<_> = processes.iter().map(u32::to_string).collect();
        command.arg(format!("--processes={}", list.join(",")));
    }
    let said = output_of(&mut pinned(&command, super::rig::LOAD_CORE))?;
    serde_json::from_str(&said).map_err(|e| format!("the load said {said:?}: {e}"))
}

fn right(seen: &Value) -> Outcome {
    let fine = seen["failed"] == 0 && seen["wrong"] == 0 && seen["answered"] == seen["sent"];
    if fine { Ok(()) } else { Err(format!("not every answer was right: {seen}")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_round_with_a_missing_or_wrong_answer_does_not_count() {
        let seen = |answered, failed, wrong| json!({ "sent": 9, "answered": answered, "failed": failed, "wrong": wrong });

        assert_eq!(right(&seen(9, 0, 0)), Ok(()));
        assert!(right(&seen(8, 0, 0)).is_err());
        assert!(right(&seen(8, 1, 0)).is_err());
        assert!(right(&seen(9, 0, 1)).is_err());
    }
}
