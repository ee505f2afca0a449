//! What was sent and is not acknowledged: the scoreboard of RFC 6675, with the times that RFC 8985
//! needs.
//!
//! It is a list of runs without gaps, from the first unacknowledged position to the next one to be
//! sent. A run is what was sent at one moment and has had one fate since; so a burst is one run,
//! however many segments it has, and what was received after a gap melts into one run as well.
//! Nothing is estimated: a run is split where its segments' fates part.

use alloc::collections::VecDeque;

use base::Instant;

/// What was sent and is not acknowledged.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    /// The first position that is not acknowledged: SND.UNA.
    pub(super) una: u64,
    /// The next position to be sent: SND.NXT.
    pub(super) next: u64,
    runs: VecDeque<Run>,
    /// Bytes that arrived after a gap.
    sacked: u32,
    /// Bytes that are lost and were not sent again.
    lost: u32,
    /// Bytes that were sent again and have not arrived.
    resent: u32,
}

/// From the end of the run before it up to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    end: u64,
    sent: Instant,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Sent once; nobody knows.
    UnderWay,
    /// Sent again; nobody knows.
    Resent,
    /// It arrived, after a gap.
    Sacked,
    /// Believed to be lost, and not sent again.
    Lost,
}

/// A part of what was sent that is now known to have arrived, or may be lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) end: u64,
    /// When it left for the last time.
    pub(super) at: Instant,
    /// Whether it left more than once.
    pub(super) again: bool,
}

impl Flight {
    /// Nothing is under way; `next` will be the first.
    pub(super) const fn new(next: u64) -> Self {
        Self { una: next, next, runs: VecDeque::new(), sacked: 0, lost: 0, resent: 0 }
    }

    /// Everything sent was acknowledged.
    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.una == self.next
    }

    /// Keeps no room for what is to come.
    pub(super) fn rest(&mut self) {
        self.runs.shrink_to_fit();
    }

    /// Bytes sent and not acknowledged: FlightSize (RFC 5681, 2).
    #[inline]
    pub(super) const fn size(&self) -> u32 {
        narrow(self.next - self.una)
    }

    /// Bytes believed to be in the network (RFC 6675, 4: SetPipe).
    #[inline]
    pub(super) const fn pipe(&self) -> u32 {
        self.size() - self.sacked - self.lost
    }

    /// Bytes that arrived after a gap.
    #[inline]
    pub(super) const fn sacked(&self) -> u32 {
        self.sacked
    }

    /// Bytes to be sent again.
    #[inline]
    pub(super) const fn lost(&self) -> u32 {
        self.lost
    }

    /// Whether some of it may have been sent later than what follows it.
    #[inline]
    pub(super) const fn in_order(&self) -> bool {
        self.sacked == 0 && self.resent == 0 && self.lost == 0
    }

    /// When the first unacknowledged byte left.
    #[inline]
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.runs.front().map(|run| run.sent)
    }

    /// The highest position that is known to have arrived: RACK.fack.
    pub(super) fn highest_arrived(&self) -> u64 {
        if self.sacked == 0 {
            return self.una;
        }
        let last = self.runs.iter().rev().find(|run| run.fate == Fate::Sacked);
        last.map_or(self.una, |run| run.end)
    }

    /// `len` new bytes leave.
    #[inline]
    pub(super) fn send(&mut self, now: Instant, len: u32) {
        self.next += u64::from(len);
        match self.runs.back_mut() {
            Some(run) if run.sent == now && run.fate == Fate::UnderWay => run.end = self.next,
            _ => self.runs.push_back(Run { end: self.next, sent: now, fate: Fate::UnderWay }),
        }
    }

    /// Everything before `ack` has arrived. `arrived` is told of what was not known before.
    #[inline]
    pub(super) fn acknowledge(&mut self, ack: u64, mut arrived: impl FnMut(Sent)) {
        while let Some(&run) = self.runs.front() {
            let end = run.end.min(ack);
            if end <= self.una {
                break;
            }
            if run.fate != Fate::Sacked {
                arrived(run.sent_until(end));
            }
            self.uncount(run.fate, narrow(end - self.una));
            self.una = end;
            if run.end > ack {
                break;
            }
            self.runs.pop_front();
        }
        if self.runs.is_empty() && self.runs.capacity() > KEPT {
            self.runs.shrink_to(KEPT);
        }
    }

    /// This range has arrived after a gap. `arrived` is told of what was not known before. A range
    /// that was never sent is not believed.
    pub(super) fn sack(&mut self, start: u64, end: u64, mut arrived: impl FnMut(Sent)) {
        let start = start.max(self.una);
        if start >= end || end > self.next {
            return;
        }
        let mut at = self.runs.partition_point(|run| run.end <= start);
        while at < self.runs.len() && self.start_of(at) < end {
            if self.runs[at].fate != Fate::Sacked {
                at = self.split(at, start);
                self.split(at, end);
                arrived(self.runs[at].sent_until(self.runs[at].end));
                at = self.settle(at, Fate::Sacked);
            }
            at += 1;
        }
    }

    /// Everything under way for which `is_lost` says so is now lost. Returns whether anything was.
    pub(super) fn lose_if(&mut self, mut is_lost: impl FnMut(Sent) -> bool) -> bool {
        let mut any = false;
        let mut at = 0;
        while at < self.runs.len() {
            let run = self.runs[at];
            if run.is_under_way() && is_lost(run.sent_until(run.end)) {
                any = true;
                at = self.settle(at, Fate::Lost);
            }
            at += 1;
        }
        any
    }

    /// What was sent once is lost if more than `bytes` after it arrived (RFC 6675, 4: IsLost).
    pub(super) fn lose_before(&mut self, bytes: u32) -> bool {
        let (mut after, mut at) = (0, self.runs.len());
        while at > 0 && after <= bytes {
            at -= 1;
            if self.runs[at].fate == Fate::Sacked {
                after += self.len_of(at);
            }
        }
        if after <= bytes {
            return false;
        }
        let before = self.start_of(at);
        self.lose_if(|sent| !sent.again && sent.end <= before)
    }

    /// The first unacknowledged segment is lost, whatever is known of it.
    pub(super) fn lose_first(&mut self, mss: u32) -> bool {
        let first = self.runs.front().is_some_and(Run::is_under_way);
        if first {
            self.split(0, self.una + u64::from(mss));
            self.settle(0, Fate::Lost);
        }
        first
    }

    /// The first lost segment of at most `mss` leaves again: its position and length.
    pub(super) fn resend_lost(&mut self, now: Instant, mss: u32) -> Option<(u64, u32)> {
        let at = self.runs.iter().position(|run| run.fate == Fate::Lost)?;
        Some(self.resend(now, at, self.start_of(at), mss))
    }

    /// The last segment leaves again, lost or not (RFC 8985, 7.3).
    pub(super) fn resend_last(&mut self, now: Instant, mss: u32) -> Option<(u64, u32)> {
        let at = self.runs.len().checked_sub(1)?;
        let start = self.start_of(at).max(self.next.saturating_sub(u64::from(mss)));
        let at = self.split(at, start);
        Some(self.resend(now, at, start, mss))
    }

    fn resend(&mut self, now: Instant, at: usize, start: u64, mss: u32) -> (u64, u32) {
        self.split(at, start + u64::from(mss));
        let len = self.len_of(at);
        self.runs[at].sent = now;
        self.settle(at, Fate::Resent);
        (start, len)
    }

    /// Cuts the run at `at` in two at a position within it. Returns where the second part stands.
    fn split(&mut self, at: usize, position: u64) -> usize {
        let run = self.runs[at];
        if position <= self.start_of(at) || position >= run.end {
            return at;
        }
        self.runs.insert(at, Run { end: position, ..run });
        at + 1
    }

    /// The run at `at` meets its fate, and melts into neighbours of the same. Returns where it
    /// stands then.
    fn settle(&mut self, at: usize, fate: Fate) -> usize {
        let len = self.len_of(at);
        self.uncount(self.runs[at].fate, len);
        self.count(fate, len);
        self.runs[at].fate = fate;
        if self.melts(at) {
            self.runs.remove(at);
        }
        match at.checked_sub(1) {
            Some(before) if self.melts(before) => {
                self.runs.remove(before);
                before
            }
            _ => at,
        }
    }

    /// Whether the run at `at` and the next one are the same in all that matters.
    fn melts(&self, at: usize) -> bool {
        let (Some(one), Some(next)) = (self.runs.get(at), self.runs.get(at + 1)) else {
            return false;
        };
        one.fate == next.fate && (one.sent == next.sent || one.fate == Fate::Sacked)
    }

    fn start_of(&self, at: usize) -> u64 {
        at.checked_sub(1).map_or(self.una, |before| self.runs[before].end)
    }

    fn len_of(&self, at: usize) -> u32 {
        narrow(self.runs[at].end - self.start_of(at))
    }

    const fn count(&mut self, fate: Fate, bytes: u32) {
        match fate {
            Fate::UnderWay => {}
            Fate::Resent => self.resent += bytes,
            Fate::Sacked => self.sacked += bytes,
            Fate::Lost => self.lost += bytes,
        }
    }

    const fn uncount(&mut self, fate: Fate, bytes: u32) {
        match fate {
            Fate::UnderWay => {}
            Fate::Resent => self.resent -= bytes,
            Fate::Sacked => self.sacked -= bytes,
            Fate::Lost => self.lost -= bytes,
        }
    }
}

impl Run {
    const fn is_under_way(&self) -> bool {
        matches!(self.fate, Fate::UnderWay | Fate::Resent)
    }

    fn sent_until(&self, end: u64) -> Sent {
        Sent { end, at: self.sent, again: matches!(self.fate, Fate::Resent | Fate::Lost) }
    }
}

/// A window is at most a gibibyte (RFC 7323, 2.3).
#[expect(clippy::cast_possible_truncation, reason = "a window fits")]
#[inline]
const fn narrow(bytes: u64) -> u32 {
    bytes as u32
}

/// How many runs an idle connection keeps room for.
const KEPT: usize = 8;

#[cfg(test)]
mod tests;
