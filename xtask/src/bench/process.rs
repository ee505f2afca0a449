//! A program that runs beside the benchmark, on the core it is given, until it is dropped.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::shell::Outcome;

/// A started program and everything that it has started itself.
pub(crate) struct Running {
    name: String,
    child: Child,
}

impl Running {
    /// Starts it on one core; what it prints goes to a file in `folder`.
    pub(crate) fn start(name: &str, command: &Command, core: u32, folder: &Path) -> Outcome<Self> {
        let cannot = |e: std::io::Error| format!("cannot start {name}: {e}");
        let output = File::create(folder.join(format!("{name}.out"))).map_err(cannot)?;
        let child = pinned(command, core)
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(cannot)?)
            .stderr(output)
            .spawn()
            .map_err(cannot)?;
        Ok(Self { name: name.into(), child })
    }

    /// Waits until it takes connections.
    pub(crate) fn wait_for(&mut self, port: u16) -> Outcome {
        let give_up = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("{} ended at once: {status}", self.name));
            }
            if Instant::now() > give_up {
                return Err(format!("{} does not listen on port {port}", self.name));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// It and all that it has started.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let parents = parents();
        let mut tree = vec![self.child.id()];
        let mut looked_at = 0;
        while let Some(parent) = tree.get(looked_at).copied() {
            tree.extend(
                parents.iter().filter(|(_, of)| *of == parent).map(|(process, _)| *process),
            );
            looked_at += 1;
        }
        tree
    }
}

impl Drop for Running {
    /// Asks it to end, and ends what does not listen.
    fn drop(&mut self) {
        let tree = self.processes();
        signal(&tree[..1], Signal::TERM);
        let give_up = Instant::now() + Duration::from_secs(2);
        while Instant::now() < give_up {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        signal(&tree, Signal::KILL);
        // It was killed; there is nothing to learn from how it ended.
        let _ = self.child.wait();
    }
}

/// The same command, on one core.
pub(crate) fn pinned(command: &Command, core: u32) -> Command {
    let mut pinned = Command::new("taskset");
    pinned.arg("-c").arg(core.to_string()).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => pinned.env(name, value),
            None => pinned.env_remove(name),
        };
    }
    pinned
}

/// Every process and its parent.
fn parents() -> Vec<(u32, u32)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes.filter_map(|process| Some((process, parent_of(process)?))).collect()
}

fn parent_of(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before it may hold spaces and parentheses.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn signal(processes: &[u32], signal: Signal) {
    let ids = processes.iter().filter_map(|process| Pid::from_raw(i32::try_from(*process).ok()?));
    for id in ids {
        // One that has ended already needs no signal.
        let _ = kill_process(id, signal);
    }
}

const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_find_what_a_program_has_started_and_end_it() {
        let folder = std::env::temp_dir();
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & wait"]);
        let running = Running::start("xtask-tree", &command, 0, &folder).unwrap();

        let give_up = Instant::now() + PATIENCE;
        while running.processes().len() < 2 && Instant::now() < give_up {
            thread::yield_now();
        }
        let tree = running.processes();

        assert_eq!(tree.len(), 2);
        signal(&tree[1..], Signal::KILL);
        drop(running);
        assert_eq!(parent_of(tree[0]), None);
    }
}
