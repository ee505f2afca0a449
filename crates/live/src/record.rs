//! The decision log: every input of the engine with its time, and every output.
//!
//! The engine draws no clock and no chance of its own, so the same inputs at the same times under
//! the same seed must give the same outputs. [`replay`] holds it to that: it drives the engine
//! with a log of real traffic, without a socket, and stops at the first decision that differs.

mod entry;
mod replay;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use base::{CallId, EndpointId, Instant};
use engine::l7::{Input, Key, Output};

pub use replay::{Difference, replay};

use entry::{Entry, Said};

use crate::log;

/// Writes what one worker decides. For looking closely, not for every day: each decision is a line.
#[derive(Debug)]
pub(crate) struct Recorder {
    out: BufWriter<File>,
    failed: bool,
}

impl Recorder {
    /// Starts a log, in place of what was in the file.
    pub(crate) fn create(path: &Path, seed: u64, started: Instant) -> io::Result<Self> {
        let mut recorder = Self { out: BufWriter::new(File::create(path)?), failed: false };
        recorder.write(&Entry::Started { seed, at: started.as_nanos() });
        Ok(recorder)
    }

    pub(crate) fn input(&mut self, at: Instant, call: CallId, key: Key, input: Input) {
        let (at, input) = (at.as_nanos(), Said::from(input));
        self.write(&Entry::Input { at, call: call.0, key: key.0, input });
    }

    pub(crate) fn output(&mut self, key: Key, output: Output) {
        self.write(&Entry::Output { key: key.0, output: format!("{output:?}") });
    }

    /// The engine was asked whom to check.
    pub(crate) fn check(&mut self, at: Instant, call: CallId, next: Option<(EndpointId, Instant)>) {
        let next = next.map(|(endpoint, until)| (endpoint.0, until.as_nanos()));
        self.write(&Entry::Check { at: at.as_nanos(), call: call.0, next });
    }

    /// A check was answered.
    pub(crate) fn checked(&mut self, at: Instant, call: CallId, endpoint: EndpointId, well: bool) {
        self.write(&Entry::Checked { at: at.as_nanos(), call: call.0, endpoint: endpoint.0, well });
    }

    pub(crate) fn flush(&mut self) {
        let outcome = self.out.flush();
        self.note(outcome);
    }

    fn write(&mut self, entry: &Entry) {
        let written = serde_json::to_writer(&mut self.out, entry).map_err(io::Error::from);
        let outcome = written.and_then(|()| self.out.write_all(b"\n"));
        self.note(outcome);
    }

    fn note(&mut self, outcome: io::Result<()>) {
        if let Err(error) = outcome
            && !std::mem::replace(&mut self.failed, true)
        {
            log::say(&format!("the decision log is not whole: {error}"));
        }
    }
}
