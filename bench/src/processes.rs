//! What other processes have used: processor time and memory, as the kernel counts them.

use std::fs;

/// Nanoseconds that these processes have run, all their threads together.
pub fn processor_ns(processes: &[u32]) -> u64 {
    processes
        .iter()
        .flat_map(|process| threads(*process))
        .filter_map(|thread| ran_ns(&thread))
        .sum()
}

/// Bytes of memory of these processes; what several share is divided among them.
pub fn memory_bytes(processes: &[u32]) -> u64 {
    let read = |process: &u32| fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok();
    processes.iter().filter_map(read).filter_map(|rollup| pss_kib(&rollup)).sum::<u64>() * 1_024
}

fn threads(process: u32) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path().to_str()?.to_owned())).collect()
}

fn ran_ns(thread: &str) -> Option<u64> {
    let counts = fs::read_to_string(format!("{thread}/schedstat")).ok()?;
    counts.split_whitespace().next()?.parse().ok()
}

fn pss_kib(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_time_and_memory_can_be_read_and_grow() {
        let me = [std::process::id()];
        let (time, memory) = (processor_ns(&me), memory_bytes(&me));

        let filled = std::hint::black_box(vec![1_u8; 8 << 20]);

        assert!(memory_bytes(&me) >= memory + (filled.len() as u64) / 2);
        assert!(processor_ns(&me) > time);
    }

    #[test]
    fn the_proportional_share_is_the_one_that_counts() {
        let rollup = "55-7f ---p 0 0 [rollup]\nRss:  1572 kB\nPss:   466 kB\nPss_Anon: 112 kB\n";

        assert_eq!(pss_kib(rollup), Some(466));
    }
}
