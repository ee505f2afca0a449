//! What the figures were measured on.

use std::fs;

use crate::shell::{Outcome, output_of, program};

/// The facts that a reader needs to compare figures, one a line of a Markdown list.
pub(crate) fn facts() -> Outcome<String> {
    let date = output_of(program("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]))?;
    let compiler = output_of(program("rustc").arg("-V"))?;
    let kernel = read("/proc/sys/kernel/osrelease");
    let congestion = read("/proc/sys/net/ipv4/tcp_congestion_control");
    let busy = read("/proc/loadavg");
    Ok(format!(
        "- measured: {}\n- machine: {}, {} cores, Linux {kernel}, congestion control {congestion}\n\
         - compiler: {}\n- load average before the run: {}\n",
        date.trim(),
        processor(),
        cores(),
        compiler.trim(),
        busy.split_whitespace().take(3).collect::<Vec<_>>().join(" "),
    ))
}

/// How many cores this machine has.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn processor() -> String {
    let facts = read("/proc/cpuinfo");
    let model = facts.lines().find_map(|line| line.strip_prefix("model name"));
    model.and_then(|model| model.split_once(':')).map_or("unknown", |(_, name)| name.trim()).into()
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().into()
}
