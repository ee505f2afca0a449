//! See [`plimsoll_bench::floor`].

use std::io;
use std::net::SocketAddr;

use clap::Parser;

#[derive(Parser)]
struct Options {
    /// Port of loopback to listen on
    #[arg(long)]
    port: u16,
    /// Where requests go, in turn
    #[arg(long, value_delimiter = ',', required = true)]
    upstreams: Vec<SocketAddr>,
}

fn main() -> io::Result<()> {
    let options = Options::parse();
    plimsoll_bench::floor::relay(options.port, &options.upstreams)
}
