//! See [`plimsoll_bench::upstream`].

use std::io;

use clap::Parser;

#[derive(Parser)]
struct Options {
    /// Ports of loopback to answer on
    #[arg(long, value_delimiter = ',', required = true)]
    ports: Vec<u16>,
}

fn main() -> io::Result<()> {
    plimsoll_bench::upstream::serve(&Options::parse().ports)
}
