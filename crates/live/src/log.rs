//! The access log's way to its file: in batches, on a thread of its own.
//!
//! A disk that is full or slow must not make requests wait. So workers hand over what they have and
//! go on; what the writer cannot take or cannot write is dropped, counted, and said in one line.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Where the access log goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// Nowhere.
    None,
    /// Standard output.
    #[default]
    Stdout,
    /// Behind what is in this file.
    File(PathBuf),
}

/// The log of one process.
#[derive(Debug)]
pub(crate) struct Log {
    to_writer: SyncSender<Vec<u8>>,
    dropped: Arc<AtomicU64>,
}

/// Lines of one worker that were not handed over yet.
#[derive(Debug)]
pub(crate) struct Batch {
    lines: Vec<u8>,
    to_writer: SyncSender<Vec<u8>>,
    dropped: Arc<AtomicU64>,
}

impl Log {
    /// Opens the log, if there is to be one, and starts the thread that writes it.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub(crate) fn open(target: &Target) -> io::Result<Option<(Self, JoinHandle<()>)>> {
        let out: Box<dyn Write + Send> = match target {
            Target::None => return Ok(None),
            Target::Stdout => Box::new(io::stdout()),
            Target::File(path) => {
                Box::new(OpenOptions::new().create(true).append(true).open(path)?)
            }
        };
        let (to_writer, lines) = sync_channel(BATCHES);
        let dropped = Arc::new(AtomicU64::new(0));
        let mut writer = Writer { out, dropped: Arc::clone(&dropped), failing: false };
        let thread = std::thread::Builder::new().name("log".to_owned());
        let thread = thread.spawn(move || writer.run(&lines))?;
        Ok(Some((Self { to_writer, dropped }, thread)))
    }

    /// A batch for one more worker.
    pub(crate) fn batch(&self) -> Batch {
        Batch {
            lines: Vec::new(),
            to_writer: self.to_writer.clone(),
            dropped: Arc::clone(&self.dropped),
        }
    }

    /// Ends the writer once it has written what it was given: an empty batch is its last.
    pub(crate) fn close(&self) {
        // A writer that is gone already has nothing more to write.
        let _ = self.to_writer.send(Vec::new());
    }

    /// Lines that were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Batch {
    /// One more line.
    pub(crate) fn line(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.lines.capacity() == 0 {
            self.lines.reserve(ENOUGH + ENOUGH / 4);
        }
        write(&mut self.lines);
        if self.lines.len() >= ENOUGH {
            self.flush();
        }
    }

    /// Hands the lines over.
    pub(crate) fn flush(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        if let Err(error) = self.to_writer.try_send(std::mem::take(&mut self.lines)) {
            let (std::sync::mpsc::TrySendError::Full(lines)
            | std::sync::mpsc::TrySendError::Disconnected(lines)) = error;
            self.dropped.fetch_add(count(&lines), Ordering::Relaxed);
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // These may wait for the writer: no request waits for them any more.
        if !self.lines.is_empty() {
            let _ = self.to_writer.send(std::mem::take(&mut self.lines));
        }
    }
}

/// Writes what it is given.
struct Writer {
    out: Box<dyn Write + Send>,
    dropped: Arc<AtomicU64>,
    /// That it cannot has been said.
    failing: bool,
}

impl Writer {
    fn run(&mut self, batches: &Receiver<Vec<u8>>) {
        while let Ok(lines) = batches.recv() {
            if lines.is_empty() {
                return;
            }
            match self.out.write_all(&lines).and_then(|()| self.out.flush()) {
                Ok(()) if self.failing => {
                    self.failing = false;
                    let dropped = self.dropped.load(Ordering::Relaxed);
                    say(&format!("the access log is written again; {dropped} lines were dropped"));
                }
                Ok(()) => {}
                Err(error) => {
                    self.dropped.fetch_add(count(&lines), Ordering::Relaxed);
                    if !std::mem::replace(&mut self.failing, true) {
                        say(&format!(
                            "the access log cannot be written: {error}; \
                             its lines are dropped and counted, requests are served as before"
                        ));
                    }
                }
            }
        }
    }
}

/// One line for whoever runs this. If even that cannot be written there is nobody to tell.
pub(crate) fn say(what: &str) {
    let _ = writeln!(io::stderr(), "plimsoll: {what}");
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|&&byte| byte == b'\n').count() as u64
}

/// Bytes that are worth a system call.
const ENOUGH: usize = 64 * 1_024;
/// Batches that may wait for the writer: 16 MiB, some 50,000 lines.
const BATCHES: usize = 256;
