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
    began: Instant,
    /// What is done, and since when.
    stage: (String, Instant),
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
        let now = Instant::now();
        let line = Line { began: now, stage: (String::new(), now), drawn: None, width: 0 };
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
        let now = Instant::now();
        if line.stage.0 != progress.stage {
            line.stage = (progress.stage.to_owned(), now);
        }
        if line.drawn.is_some_and(|drawn| now.duration_since(drawn) < NEXT) {
            return;
        }
        let is_ending = self.stop.load(Ordering::Relaxed);
        let since = |then| now.duration_since(then);
        let text = told(progress, since(line.stage.1), since(line.began), is_ending);
        let text: String = text.chars().take(WIDEST).collect();
        line.draw(&text);
    }
}

/// How far it is, a stage and the whole work having taken so long by now.
fn told(progress: Progress<'_>, stage: Duration, whole: Duration, is_ending: bool) -> String {
    let Progress { stage: name, done, of } = progress;
    let runs = of.map_or(format!("{done} runs"), |of| format!("{done} of {of} runs"));
    let left = left(stage, done, of)
        .map_or(String::new(), |left| format!(", some {} s more", left.as_secs()));
    let ending = if is_ending { ", ending" } else { "" };
    format!("{name}: {runs}{left}; {} s so far{ending}", whole.as_secs())
}

/// How long the rest of a stage may take, where it can be foreseen and somebody would wait for it.
fn left(passed: Duration, done: u32, of: Option<u32>) -> Option<Duration> {
    let left = of?.checked_sub(done)?;
    (done >= FORESEEN).then(|| passed / done * left).filter(|&left| left >= Duration::from_secs(1))
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
/// From fewer runs nothing is foreseen.
const FORESEEN: u32 = 3;
/// No line that wraps: it could not be written over.
const WIDEST: usize = 78;
/// What shells say of a program that SIGINT has ended.
const INTERRUPTED: i32 = 130;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_foreseen_from_what_is_done() {
        let told = |done, secs| {
            let progress = Progress { stage: "2 of 2: one-dies, 4044/s", done, of: Some(31) };
            told(progress, Duration::from_secs(secs), Duration::from_secs(40), false)
        };

        assert_eq!(told(1, 2), "2 of 2: one-dies, 4044/s: 1 of 31 runs; 40 s so far");
        assert_eq!(
            told(10, 20),
            "2 of 2: one-dies, 4044/s: 10 of 31 runs, some 42 s more; 40 s so far"
        );
        assert_eq!(told(31, 62), "2 of 2: one-dies, 4044/s: 31 of 31 runs; 40 s so far");
    }

    #[test]
    fn where_nobody_knows_how_many_it_will_be_nothing_is_foreseen() {
        let progress = Progress { stage: "seeds", done: 7, of: None };

        let told = told(progress, Duration::from_secs(9), Duration::from_secs(9), true);

        assert_eq!(told, "seeds: 7 runs; 9 s so far, ending");
    }
}
