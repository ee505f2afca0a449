//! Somebody who watches long work, and may end it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

/// Learns how far the work is, and may want it to stop. Neither changes a result; work that is
/// stopped gives what it has, and says so.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    stop: &'a AtomicBool,
    tell: &'a (dyn Fn(Progress<'_>) + Sync),
}

/// How far the work is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// What is done now.
    pub stage: &'a str,
    /// Runs that have ended in this stage.
    pub done: u32,
    /// How many it will be, where that is known.
    pub of: Option<u32>,
}

impl<'a> Watch<'a> {
    /// Raise `stop` to end the work. `tell` is called from any thread, after each run.
    pub fn new(stop: &'a AtomicBool, tell: &'a (dyn Fn(Progress<'_>) + Sync)) -> Self {
        Self { stop, tell }
    }

    /// Nobody watches.
    pub fn nobody() -> Watch<'static> {
        static NEVER: AtomicBool = AtomicBool::new(false);
        Watch { stop: &NEVER, tell: &|_| {} }
    }

    /// Whether the work has to stop.
    pub(crate) fn wants_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn tell(&self, stage: &str, done: u32, of: Option<u32>) {
        (self.tell)(Progress { stage, done, of });
    }
}

impl fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("stop", self.stop).finish_non_exhaustive()
    }
}
