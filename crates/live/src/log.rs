//! The access log's way to its file: in batches, on a thread of its own.
//!
//! A disk that is full or slow must not make requests wait. So workers hand over what they have and
//! go on; what the writer cannot take or cannot write is dropped, counted, and said in one line.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
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
        let out = match target {
            Target::None => return Ok(None),
            // Not through the buffer of `io::stdout`: of what it takes, nobody knows what is written.
            Target::Stdout => File::from(io::stdout().as_fd().try_clone_to_owned()?),
            Target::File(path) => open(path)?,
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
            torn: false,
            failing_since: None,
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
    out: File,
    /// What the operator calls it.
    name: String,
    dropped: Arc<AtomicU64>,
    /// What was written last is not a whole line.
    torn: bool,
    /// Lines that had been dropped before it could not write any more, as was said then.
    failing_since: Option<u64>,
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
            match self.write(&lines) {
                Ok(()) => self.on_written(),
                Err((rest, error)) => self.on_failed(rest, &error),
            }
        }
    }

    /// Writes whole lines. What could not be written comes back, from its first byte, which may lie
    /// within a line: then the line is torn, and lost.
    fn write<'a>(&mut self, lines: &'a [u8]) -> Result<(), (&'a [u8], io::Error)> {
        let mut rest = lines;
        self.end_torn_line().map_err(|error| (rest, error))?;
        while !rest.is_empty() {
            let count = write_some(&mut self.out, rest).map_err(|error| (rest, error))?;
            self.torn = rest[count - 1] != b'\n';
            rest = &rest[count..];
        }
        Ok(())
    }

    /// Else the next line would be part of it. Where somebody has emptied the file to make room, it
    /// is gone.
    fn end_torn_line(&mut self) -> io::Result<()> {
        let is_empty = |file: std::fs::Metadata| file.is_file() && file.len() == 0;
        if self.torn && !self.out.metadata().is_ok_and(is_empty) {
            write_some(&mut self.out, b"\n")?;
        }
        self.torn = false;
        Ok(())
    }

    fn on_written(&mut self) {
        let Some(before) = self.failing_since.take() else {
            return;
        };
        let dropped = self.dropped.load(Ordering::Relaxed) - before;
        let name = &self.name;
        say(&format!("the access log ({name}) is written again; {dropped} lines were dropped"));
    }

    fn on_failed(&mut self, rest: &[u8], error: &io::Error) {
        let before = self.dropped.fetch_add(count(rest), Ordering::Relaxed);
        if self.failing_since.is_some() {
            return;
        }
        self.failing_since = Some(before);
        let name = &self.name;
        say(&format!(
            "the access log ({name}) cannot be written: {error}; \
             its lines are dropped and counted, requests are served as before"
        ));
    }
}

/// Writes at least one byte, and says how many.
fn write_some(out: &mut File, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match out.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            written => return written,
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek};
    use std::os::fd::OwnedFd;

    use super::*;

    #[test]
    fn after_a_line_was_torn_the_next_one_stands_on_its_own_and_every_line_is_written_or_counted() {
        let (mut reader, out) = io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&out, true).unwrap();
        let mut writer = writer(File::from(OwnedFd::from(out)));
        let lines = |from: u32| (from..from + 1_000).map(line).collect::<String>();
        let mut handed = 0;
        while writer.failing_since.is_none() {
            give(&mut writer, &lines(handed));
            handed += 1_000;
        }
        assert!(writer.torn, "a thousand lines do not end where the kernel's buffer does");
        give(&mut writer, &line(handed));
        handed += 1;
        rustix::io::ioctl_fionbio(&reader, true).unwrap();
        let mut read = Vec::new();
        let _would_block = reader.read_to_end(&mut read);

        give(&mut writer, &line(handed));
        handed += 1;

        assert!(writer.failing_since.is_none() && !writer.torn);
        let _would_block = reader.read_to_end(&mut read);
        let read = String::from_utf8(read).unwrap();
        assert!(read.ends_with(&format!("\n{}", line(handed - 1))), "{}", &read[read.len() - 99..]);
        let whole = read.lines().filter(|line| line.ends_with('}')).count() as u64;
        assert_eq!(whole + writer.dropped.load(Ordering::Relaxed), u64::from(handed));
        assert_eq!(read.lines().count() as u64, whole + 1, "the torn one is the only other");
    }

    #[test]
    fn a_file_that_was_emptied_to_make_room_begins_with_a_line() {
        let mut file = tempfile::tempfile().unwrap();
        let mut writer = Writer { torn: true, ..writer(file.try_clone().unwrap()) };

        give(&mut writer, &line(7));

        let mut read = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut read).unwrap();
        assert_eq!(read, line(7));
    }

    #[test]
    fn each_outage_counts_its_own_lines() {
        let mut writer = writer(File::from(OwnedFd::from(io::pipe().unwrap().1)));
        writer.dropped.store(5, Ordering::Relaxed);

        give(&mut writer, &line(1));
        give(&mut writer, &line(2));

        assert_eq!(writer.failing_since, Some(5));
        assert_eq!(writer.dropped.load(Ordering::Relaxed), 7);
    }

    fn give(writer: &mut Writer, lines: &str) {
        let (batches, batch) = sync_channel(1);
        batches.send(lines.as_bytes().to_vec()).unwrap();
        drop(batches);
        writer.run(&batch);
    }

    fn writer(out: File) -> Writer {
        Writer {
            out,
            name: "test".to_owned(),
            dropped: Arc::default(),
            torn: false,
            failing_since: None,
            closing: Arc::default(),
            _open: channel().0,
        }
    }

    fn line(number: u32) -> String {
        format!("{{\"id\":{number}}}\n")
    }
}
