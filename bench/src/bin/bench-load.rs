//! See [`plimsoll_bench::load`]. Prints what it saw as one line of JSON.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use plimsoll_bench::load::{self, Plan};

#[derive(Parser)]
struct Options {
    /// The proxy
    #[arg(long)]
    to: SocketAddr,
    /// What to ask for, in turn
    #[arg(long, value_delimiter = ',', default_value = "/small")]
    paths: Vec<String>,
    /// Connections kept open
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Requests per second, sent whether or not answers come; without it, as many as are answered
    #[arg(long)]
    rate: Option<f64>,
    /// A new connection for each request
    #[arg(long)]
    fresh: bool,
    /// Seconds that are measured
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Seconds before that which are not
    #[arg(long, default_value_t = 0.3)]
    warm_up: f64,
    /// The processes of the proxy
    #[arg(long, value_delimiter = ',')]
    processes: Vec<u32>,
    /// Instead of a load: holds the connections open, idle, and measures the memory they take
    #[arg(long)]
    idle: bool,
}

fn main() -> io::Result<()> {
    let options = Options::parse();
    let plan = Plan {
        to: options.to,
        paths: options.paths,
        connections: options.connections,
        rate: options.rate,
        fresh: options.fresh,
        measured: Duration::from_secs_f64(options.seconds),
        warm_up: Duration::from_secs_f64(options.warm_up),
        processes: options.processes,
    };
    let seen = if options.idle { load::hold(&plan)? } else { load::run(&plan)? };
    println!("{seen}");
    Ok(())
}
