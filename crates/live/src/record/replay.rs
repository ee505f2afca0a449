//! A decision log, played through the engine again.

use std::collections::HashMap;
use std::fmt;

use base::{CallId, EndpointId, Instant, WorkerId};
use checklist::SoundDesign;
use engine::Call;
use engine::l7::{Exchange, Input, Key};

use super::entry::Entry;
use crate::options::Options;
use crate::plan::Plan;
use crate::plan::place;
use crate::refused::Refused;
use crate::worker::engine_of;

/// Where a log and the engine part.
#[derive(Debug)]
pub enum Difference {
    /// The design does not have what the log is about.
    Design(Refused),
    /// A line is no entry of a decision log.
    Unreadable(usize),
    /// The engine decides otherwise.
    Decision {
        /// The line, counted from one.
        line: usize,
        /// What the log says.
        recorded: String,
        /// What the engine says.
        replayed: String,
    },
}

/// Plays a log through the engine, under the design that it was recorded with; `options` say which
/// node and region it was. The number of outputs that were compared.
///
/// # Errors
/// The first decision that differs, or what kept the log from being read.
pub fn replay(design: &SoundDesign, options: &Options, log: &str) -> Result<usize, Difference> {
    let mut replayer = None;
    for (number, line) in (1..).zip(log.lines()) {
        let entry = serde_json::from_str(line).map_err(|_| Difference::Unreadable(number))?;
        match (&mut replayer, entry) {
            (None, Entry::Started { seed, at }) => {
                let at = Instant::from_nanos(at);
                replayer =
                    Some(Replayer::new(at, seed, design, options).map_err(Difference::Design)?);
            }
            (Some(replayer), entry) => replayer.play(number, &entry)?,
            (None, _) => return Err(Difference::Unreadable(number)),
        }
    }
    Ok(replayer.map_or(0, |replayer| replayer.compared))
}

/// The engine of one worker, without the rest of it.
struct Replayer {
    calls: Vec<Call>,
    /// By key, with the call each belongs to.
    exchanges: HashMap<u32, Exchange>,
    compared: usize,
}

impl Replayer {
    fn new(
        at: Instant,
        seed: u64,
        design: &SoundDesign,
        options: &Options,
    ) -> Result<Self, Refused> {
        let plan = Plan::new(at, design, place(design, options)?)?;
        let calls = plan.calls.iter().map(|call| engine_of(WorkerId(0), call, seed));
        Ok(Self { calls: calls.collect(), exchanges: HashMap::new(), compared: 0 })
    }

    fn play(&mut self, number: usize, entry: &Entry) -> Result<(), Difference> {
        let unreadable = || Difference::Unreadable(number);
        match entry {
            Entry::Started { .. } => return Err(unreadable()),
            Entry::Input { at, call, key, input } => {
                let input = input.input().ok_or_else(unreadable)?;
                self.tell(*at, CallId(*call), *key, input).ok_or_else(unreadable)?;
            }
            Entry::Output { key, output } => {
                let exchange = self.exchanges.get_mut(key).ok_or_else(unreadable)?;
                let said = exchange.poll_output().map(|output| format!("{output:?}"));
                self.compare(number, output.clone(), said.unwrap_or_default())?;
            }
            Entry::Check { at, call, next } => {
                let call = self.calls.get_mut(usize::from(*call)).ok_or_else(unreadable)?;
                let said = call.next_check(Instant::from_nanos(*at));
                let said = said.map(|(endpoint, until)| (endpoint.0, until.as_nanos()));
                self.compare(number, format!("{next:?}"), format!("{said:?}"))?;
            }
            Entry::Checked { at, call, endpoint, well } => {
                let call = self.calls.get_mut(usize::from(*call)).ok_or_else(unreadable)?;
                let at = Instant::from_nanos(*at);
                call.on_check(at, EndpointId(*endpoint), *well, &mut ());
            }
        }
        Ok(())
    }

    fn tell(&mut self, at: u64, call: CallId, key: u32, input: Input) -> Option<()> {
        let at = Instant::from_nanos(at);
        if matches!(input, Input::Begin(_)) {
            self.exchanges.insert(key, Exchange::new(at, Key(key)));
        }
        let call = self.calls.get_mut(call.index())?;
        self.exchanges.get_mut(&key)?.handle(at, input, call, &mut ());
        Some(())
    }

    fn compare(
        &mut self,
        line: usize,
        recorded: String,
        replayed: String,
    ) -> Result<(), Difference> {
        self.compared += 1;
        if recorded == replayed {
            return Ok(());
        }
        Err(Difference::Decision { line, recorded, replayed })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Design(refused) => write!(f, "the log is not about this design: {refused}"),
            Self::Unreadable(line) => write!(f, "line {line} is no entry of a decision log"),
            Self::Decision { line, recorded, replayed } => {
                write!(f, "line {line}: recorded {recorded}, replayed {replayed}")
            }
        }
    }
}

impl std::error::Error for Difference {}
