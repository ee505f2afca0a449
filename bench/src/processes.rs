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

/// Bytes that these processes have filled themselves; what several share is divided among them.
/// Pages of programs and libraries are left out: how they are divided depends on who else runs.
pub fn memory_bytes(processes: &[u32]) -> u64 {
    let read = |process: &u32| fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok();
    processes.iter().filter_map(read).map(|rollup| own_kib(&rollup)).sum::<u64>() * 1_024
}

fn threads(process: u32) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path().to_str()?.to_owned())).collect()
}

fn ran_ns(thread: &str) -> Option<u64> {
    let counts = fs::read_to_string(format!("{thread}/schedstat")).ok()?;
    counts.split_whitespace().next()?.parse().ok()
}

fn own_kib(rollup: &str) -> u64 {
    let field = |name: &str| {
        let line = rollup.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    field("Pss_Anon:").unwrap_or(0) + field("Pss_Shmem:").unwrap_or(0)
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
        // The kernel brings its figure up to date now and then.
        let grows = (0..1_000_000).any(|_| processor_ns(&me) > time);
        assert!(grows, "all that asking takes time");
    }

    #[test]
    fn pages_of_files_do_not_count() {
        let rollup = "Pss:   466 kB\nPss_Anon:  112 kB\nPss_File:  350 kB\nPss_Shmem:  4 kB\n";

        assert_eq!(own_kib(rollup), 116);
    }
}
