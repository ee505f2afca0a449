//! Long work in front of a person: how far it is, and Ctrl-C.
//!
//! Progress goes to standard error and only to a terminal, on one line that is written over. The
//! first Ctrl-C asks the work to end and give what it has; the second ends the program, as one who
//! never asked for signals would be ended.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use sim::Progress;

/// A person who looks on.
pub(crate) struct Onlooker {
    stop: Arc<AtomicBool>,
    line: Option<Mutex<Line>>,
}

/// The line on the terminal.
struct Line {
    drawn: Option<Instant>,
    /// Characters that have to be wiped.
    width: usize,
}

impl Onlooker {
    /// From now on Ctrl-C asks instead of ending.
    pub(crate) fn new() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The order counts: the second signal finds the flag that the first has raised. Where
            // signals cannot be had, Ctrl-C ends the program as ever.
            let second =
                flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&stop));
            drop(second.and_then(|_| flag::register(signal, Arc::clone(&stop))));
        }
        let line = Line { drawn: None, width: 0 };
        Self { stop, line: io::stderr().is_terminal().then(|| Mutex::new(line)) }
    }

    /// Raised when the work has to end.
    pub(crate) fn stop(&self) -> &AtomicBool {
        &self.stop
    }

    /// Shows how far it is.
    pub(crate) fn show(&self, progress: Progress<'_>) {
        let Some(line) = &self.line else { return };
        let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
        if line.drawn.is_some_and(|drawn| drawn.elapsed() < NEXT) {
            return;
        }
        let Progress { stage, done, of } = progress;
        let ending = if self.stop.load(Ordering::Relaxed) { ", ending" } else { "" };
        let text = match of {
            Some(of) => format!("{stage}: {done} of {of} runs{ending}"),
            None => format!("{stage}: {done} runs{ending}"),
        };
        let text: String = text.chars().take(WIDEST).collect();
        line.draw(&text);
    }
}

impl Line {
    fn draw(&mut self, text: &str) {
        let blanks = self.width.saturating_sub(text.chars().count());
        // Nobody is left to tell if the terminal is gone.
        drop(write!(io::stderr(), "\r{text}{:blanks$}", ""));
        (self.drawn, self.width) = (Some(Instant::now()), text.chars().count());
    }
}

/// Leaves the terminal as it was.
impl Drop for Onlooker {
    fn drop(&mut self) {
        if let Some(line) = &self.line {
            let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
            if line.width > 0 {
                line.draw("");
                drop(write!(io::stderr(), "\r"));
            }
        }
    }
}

/// Fast enough to see that it moves.
const NEXT: Duration = Duration::from_millis(100);
/// No line that wraps: it could not be written over.
const WIDEST: usize = 78;
/// What shells say of a program that SIGINT has ended.
const INTERRUPTED: i32 = 130;
