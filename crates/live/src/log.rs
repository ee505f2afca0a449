//! The access log's way to its file: in batches, on a thread of its own.
//!
//! A disk that is full or slow must not make requests wait. So workers hand over what they have and
//! go on; what the writer cannot take or cannot write is dropped, counted, and said in one line.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::io::Errno;

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

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Stdout => f.write_str("standard output"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// The log of one process.
#[derive(Debug)]
pub(crate) struct Log {
    to_writer: SyncSender<Vec<u8>>,
    dropped: Arc<AtomicU64>,
    closing: Arc<AtomicBool>,
}

/// The writer's end, to be waited for.
#[derive(Debug)]
pub(crate) struct Written(Mutex<Receiver<()>>);

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
    pub(crate) fn open(target: &Target) -> io::Result<Option<(Self, Written)>> {
        let out: Box<dyn Write + Send> = match target {
            Target::None => return Ok(None),
            Target::Stdout => Box::new(io::stdout()),
            Target::File(path) => Box::new(open(path)?),
        };
        let name = target.to_string();
        let (to_writer, lines) = sync_channel(BATCHES);
        let dropped = Arc::new(AtomicU64::new(0));
        let closing = Arc::new(AtomicBool::new(false));
        let (open, written) = channel();
        let mut writer = Writer {
            out,
            name,
            dropped: Arc::clone(&dropped),
            failing: false,
            closing: Arc::clone(&closing),
            _open: open,
        };
        let thread = std::thread::Builder::new().name("log".to_owned());
        thread.spawn(move || writer.run(&lines))?;
        Ok(Some((Self { to_writer, dropped, closing }, Written(Mutex::new(written)))))
    }

    /// A batch for one more worker.
    pub(crate) fn batch(&self) -> Batch {
        Batch {
            lines: Vec::new(),
            to_writer: self.to_writer.clone(),
            dropped: Arc::clone(&self.dropped),
        }
    }

    /// Ends the writer once it has written what it was given.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        // An empty batch wakes a writer that waits; one with a full queue does not wait.
        let _ = self.to_writer.try_send(Vec::new());
    }

    /// Lines that were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Written {
    /// Waits until all is written; not for ever, because whoever reads the log may have stopped.
    pub(crate) fn wait(self) {
        let end = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        if end.recv_timeout(LAST_LINES) == Err(RecvTimeoutError::Timeout) {
            say("the access log's last lines were not taken in time; they are lost");
        }
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
        self.flush();
    }
}

/// Writes what it is given.
struct Writer {
    out: Box<dyn Write + Send>,
    /// What the operator calls it.
    name: String,
    dropped: Arc<AtomicU64>,
    /// That it cannot has been said.
    failing: bool,
    /// Nothing more will come once the queue is empty.
    closing: Arc<AtomicBool>,
    /// Dropped with the writer: whoever waits for its end hears of it.
    _open: std::sync::mpsc::Sender<()>,
}

impl Writer {
    /// The next batch; none after the last.
    fn next(&self, batches: &Receiver<Vec<u8>>) -> Option<Vec<u8>> {
        let next = if self.closing.load(Ordering::SeqCst) {
            batches.try_recv().ok()
        } else {
            batches.recv().ok()
        };
        next.filter(|lines| !lines.is_empty())
    }

    fn run(&mut self, batches: &Receiver<Vec<u8>>) {
        while let Some(lines) = self.next(batches) {
            match self.out.write_all(&lines).and_then(|()| self.out.flush()) {
                Ok(()) if self.failing => {
                    self.failing = false;
                    let dropped = self.dropped.load(Ordering::Relaxed);
                    let name = &self.name;
                    say(&format!(
                        "the access log ({name}) is written again; {dropped} lines were dropped"
                    ));
                }
                Ok(()) => {}
                Err(error) => {
                    self.dropped.fetch_add(count(&lines), Ordering::Relaxed);
                    if !std::mem::replace(&mut self.failing, true) {
                        let name = &self.name;
                        say(&format!(
                            "the access log ({name}) cannot be written: {error}; \
                             its lines are dropped and counted, requests are served as before"
                        ));
                    }
                }
            }
        }
    }
}

/// Opens a file to write behind what is in it. A pipe opens only once somebody reads it: whoever
/// starts this has to know what it waits for.
fn open(path: &Path) -> io::Result<File> {
    // A reader takes the last writer's leaving for the end, so this one stays until the other is there.
    let _probe = is_pipe(path).then(|| {
        let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
        let probe = OpenOptions::new().write(true).custom_flags(nonblocking).open(path);
        let nobody = Some(Errno::NXIO.raw_os_error());
        if probe.as_ref().is_err_and(|error| error.raw_os_error() == nobody) {
            say(&format!(
                "the access log ({}) is a pipe that nobody reads; waiting for a reader, and serving \
                 nothing until then",
                path.display()
            ));
        }
        probe
    });
    OpenOptions::new().create(true).append(true).open(path)
}

fn is_pipe(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo())
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
/// How long an ending process waits for its log to be taken.
const LAST_LINES: Duration = Duration::from_secs(3);
/// Batches that may wait for the writer: 16 MiB, some 50,000 lines.
const BATCHES: usize = 256;
