//! Prints how many segments a second of processor time `netsim` and ns-3 deliver: a JSON object a
//! line, `{"what": …, "netsim": [per round], "ns3": [per round]}`.

use std::process::ExitCode;

use clap::Parser;
use plimsoll_fidelity::tcp::speed;
use serde_json::json;

/// Measures packet-level simulation beside ns-3
#[derive(Parser)]
struct Options {
    /// How often each is run, in turn
    #[arg(long, default_value_t = 5)]
    rounds: u64,
}

fn main() -> ExitCode {
    match speed::measure(Options::parse().rounds) {
        Ok(speeds) => {
            for speed in speeds {
                let line = json!({"what": speed.what, "netsim": speed.netsim, "ns3": speed.ns3});
                println!("{line}");
            }
            ExitCode::SUCCESS
        }
        Err(missing) => {
            eprintln!("packet-speed: {}", missing.0);
            ExitCode::FAILURE
        }
    }
}
