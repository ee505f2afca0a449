//! What a database has acknowledged, and which of its copies have it.
//!
//! A primary acknowledges a write before its copies have it: each gets it after a lag of its own.
//! Until then a read there is stale, and if the primary is lost before, so is the write. This book
//! is kept by somebody who sees everything, which no node of the system does.
//!
//! The lag is what a design says of a write, whatever came before it. Writes of one key may so
//! arrive in another order than they were made; a copy keeps the newest.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use base::{Duration, Instant, Random};

use crate::quality::Quality;
use crate::service::{Sampler, ServiceTime};
use crate::traffic::Item;

/// The writes of one database.
#[derive(Clone, Debug)]
pub struct Book {
    /// How far each copy is behind.
    lags: Vec<Sampler>,
    random: Random,
    items: BTreeMap<Item, Page>,
    /// The primary ships nothing since then.
    silent: Option<Instant>,
}

/// What was written of one item.
#[derive(Clone, Debug, Default)]
struct Page {
    /// The newest write that was acknowledged and not lost.
    newest: Option<Instant>,
    /// Writes that some copy has not got yet, the newest last.
    under_way: Vec<Write>,
    /// The newest write was lost, and nothing was written since.
    is_lost: bool,
}

#[derive(Clone, Debug)]
struct Write {
    at: Instant,
    /// When each copy gets it.
    arrives: Vec<Instant>,
}

impl Book {
    /// Of a database with copies that are so far (median, p99) behind.
    pub fn new(lags: &[(Duration, Duration)], random: Random) -> Self {
        let sampler = |&(median, p99): &_| Sampler::new(&ServiceTime::Lognormal { median, p99 });
        Self {
            lags: lags.iter().map(sampler).collect(),
            random,
            items: BTreeMap::new(),
            silent: None,
        }
    }

    /// The primary acknowledges a write. `chance` should differ from write to write.
    pub fn write(&mut self, now: Instant, item: Item, chance: u64) {
        let mut random = self.random.child(chance);
        let arrive = |lag: &Sampler| now + Duration::from_secs_f64(lag.draw(&mut random));
        let write = Write { at: now, arrives: self.lags.iter().map(arrive).collect() };
        let page = self.items.entry(item).or_default();
        page.under_way.retain(|write| !write.is_everywhere(now));
        page.under_way.push(write);
        page.newest = Some(now);
        page.is_lost = false;
    }

    /// How good a read is: at this copy, or at the primary.
    pub fn read(&self, now: Instant, item: Item, copy: Option<usize>) -> Quality {
        let Some(page) = self.items.get(&item) else { return Quality::Complete };
        if page.is_lost {
            return Quality::Wrong;
        }
        let shipped = self.silent.map_or(now, |silent| silent.min(now));
        let is_behind = copy.is_some_and(|copy| {
            page.under_way.last().is_some_and(|write| {
                Some(write.at) == page.newest
                    && write.arrives.get(copy).is_some_and(|&arrives| arrives > shipped)
            })
        });
        if is_behind { Quality::Stale } else { Quality::Complete }
    }

    /// Up to when such a read knows what was written: where it is stale, not the newest.
    pub fn knows(&self, now: Instant, item: Item, quality: Quality) -> Instant {
        let newest = self.items.get(&item).and_then(|page| page.newest);
        match (quality, newest) {
            (Quality::Stale, Some(newest)) => newest - Duration::from_nanos(1),
            _ => now,
        }
    }

    /// Whether something newer was acknowledged than what was known then.
    pub fn is_newer_than(&self, knows: Instant, item: Item) -> bool {
        let newest = self.items.get(&item).and_then(|page| page.newest);
        newest.is_some_and(|newest| newest > knows)
    }

    /// The primary is gone for a while: what it has not shipped stays with it.
    pub fn stop_shipping(&mut self, now: Instant) {
        self.silent = self.silent.or(Some(now));
    }

    /// The primary is back with all it had, and ships on.
    pub fn ship_on(&mut self, now: Instant) {
        let Some(silent) = self.silent.take() else { return };
        let late = now.since(silent);
        let writes = self.items.values_mut().flat_map(|page| &mut page.under_way);
        for arrives in writes.flat_map(|write| &mut write.arrives) {
            if *arrives > silent {
                *arrives += late;
            }
        }
    }

    /// The primary is lost, and what no copy has is lost with it. Says how many writes these are:
    /// what was overwritten by a write that survives is not missed.
    pub fn lose(&mut self, now: Instant) -> u64 {
        let lost_at = self.silent.take().unwrap_or(now);
        self.items.values_mut().map(|page| page.lose(lost_at)).sum()
    }
}

impl Page {
    fn lose(&mut self, now: Instant) -> u64 {
        let survives = |write: &Write| write.arrives.iter().any(|&arrives| arrives <= now);
        let newest = self.under_way.iter().rposition(survives);
        let kept = newest.map_or(0, |newest| newest + 1);
        let lost = self.under_way.len() - kept;
        self.under_way.truncate(kept);
        if lost > 0 {
            self.is_lost = true;
            self.newest = self.under_way.last().map(|write| write.at);
        }
        lost as u64
    }
}

impl Write {
    fn is_everywhere(&self, now: Instant) -> bool {
        self.arrives.iter().all(|&arrives| arrives <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::closed::stale_share;
    use crate::distribution::exponential;

    #[test]
    fn a_copy_is_stale_until_it_has_the_newest_write() {
        let mut book = book(&[LAG]);
        book.write(at(0), ITEM, 1);

        let reads = [5, 99, 100].map(|ms| book.read(at(ms), ITEM, Some(0)));
        assert_eq!(reads, [Quality::Stale, Quality::Stale, Quality::Complete]);
        assert_eq!(book.read(at(5), ITEM, None), Quality::Complete, "the primary has it");
        assert_eq!(book.read(at(5), OTHER, Some(0)), Quality::Complete, "it was never written");
    }

    #[test]
    fn what_no_copy_has_is_lost_with_the_primary_until_it_is_written_again() {
        let mut book = book(&[LAG]);
        book.write(at(0), ITEM, 1);
        book.write(at(10), OTHER, 2);

        assert_eq!(book.lose(at(105)), 1);
        assert_eq!(book.read(at(200), ITEM, None), Quality::Complete);
        assert_eq!(book.read(at(200), OTHER, None), Quality::Wrong);
        assert_eq!(book.read(at(200), OTHER, Some(0)), Quality::Wrong);
        book.write(at(300), OTHER, 3);
        assert_eq!(book.read(at(301), OTHER, None), Quality::Complete);
    }

    #[test]
    fn a_write_that_was_overwritten_by_one_that_survives_is_not_missed() {
        let mut book = book(&[LAG, (Duration::from_millis(1), Duration::from_millis(1))]);
        book.write(at(0), ITEM, 1);
        book.write(at(1), ITEM, 2);

        assert_eq!(book.lose(at(3)), 0);
        assert_eq!(book.read(at(4), ITEM, Some(1)), Quality::Complete);
    }

    #[test]
    fn a_primary_that_comes_back_with_its_disk_ships_what_it_had_not() {
        let mut book = book(&[LAG]);
        book.write(at(0), ITEM, 1);
        book.stop_shipping(at(50));
        assert_eq!(book.read(at(500), ITEM, Some(0)), Quality::Stale);
        book.ship_on(at(1_000));

        let reads = [1_049, 1_050].map(|ms| book.read(at(ms), ITEM, Some(0)));
        assert_eq!(reads, [Quality::Stale, Quality::Complete]);
        assert_eq!(book.lose(at(2_000)), 0);
    }

    #[test]
    fn a_crash_without_a_return_loses_what_was_not_shipped_when_it_came() {
        let mut book = book(&[LAG]);
        book.write(at(0), ITEM, 1);
        book.stop_shipping(at(50));

        assert_eq!(book.lose(at(500)), 1, "nothing arrived after it was gone");
    }

    #[test]
    fn what_was_known_before_a_write_is_older_than_it() {
        let mut book = book(&[LAG]);
        book.write(at(10), ITEM, 1);
        let stale = book.read(at(20), ITEM, Some(0));

        assert!(book.is_newer_than(book.knows(at(20), ITEM, stale), ITEM));
        assert!(!book.is_newer_than(book.knows(at(20), ITEM, Quality::Complete), ITEM));
        assert!(book.is_newer_than(at(9), ITEM) && !book.is_newer_than(at(9), OTHER));
    }

    #[test]
    fn the_share_of_stale_reads_is_the_one_that_the_formula_says() {
        for (per_sec, median, p99) in [(2.0, 100, 100), (5.0, 80, 2_000), (0.5, 300, 900)] {
            let lag = (Duration::from_millis(median), Duration::from_millis(p99));
            let mut book = book(&[lag]);
            let mut random = Random::of(4, "users", "test");
            let (mut now, mut stale) = (Instant::ZERO, 0);
            for number in 0..100_000 {
                now += Duration::from_secs_f64(exponential(&mut random) / per_sec);
                book.write(now, ITEM, number);
                // The next write comes as if this one had never been: so does a reader.
                let read = now + Duration::from_secs_f64(exponential(&mut random) / per_sec);
                stale += u32::from(book.read(read, ITEM, Some(0)) == Quality::Stale);
            }

            let (seen, said) = (f64::from(stale) / 1e5, stale_share(per_sec, lag));
            let sigma = libm::sqrt(said * (1.0 - said) / 1e5);
            assert!((seen - said).abs() < 5.0 * sigma + 1e-3, "{seen}, expected {said}");
        }
    }

    const ITEM: Item = Item::new(0, 1);
    const OTHER: Item = Item::new(0, 2);
    const LAG: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(100));

    fn book(lags: &[(Duration, Duration)]) -> Book {
        Book::new(lags, Random::of(1, "store", "lag"))
    }

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }
}
