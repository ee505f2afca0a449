//! TCP (RFC 9293), sans-I/O and without payload.
//!
//! What a connection says is a pure function of what was written, so segments carry ranges and no
//! bytes. An [`Endpoint`] is one end of one connection. It is driven like every machine here:
//! [`Endpoint::handle`] takes what happened, [`Endpoint::poll_output`] is asked until it has no
//! more to say, [`Endpoint::next_deadline`] is when it wants to be told the time. It never reads a
//! clock and draws no chance.
//!
//! | file | concept | source |
//! |---|---|---|
//! | `handshake`, `listener`, `ports` | how connections begin, and why they do not | RFC 9293, 3.5 |
//! | `flight`, `sack` | what was sent and not acknowledged; what of it is lost | RFC 2018, 6675 |
//! | `rto` | how long to wait for an acknowledgement | RFC 6298 |
//! | `rack`, `tail_probe` | losses found by time; losses at the end | RFC 8985 |
//! | `congestion`, `newreno`, `cubic`, `recovery` | how much may be under way | RFC 5681, 6582, 9438 |
//! | `receive`, `delayed_ack` | what arrived, and when to say so | RFC 2018, 2883, 5681 |
//! | `segment_arrives`, `acknowledgement`, `output`, `timers`, `close` | the endpoint itself | RFC 9293, 3.10 |
//!
//! Left out: urgent data, Fast Open, ECN, SYN cookies, PAWS, proportional rate reduction, undoing
//! a reduction that turned out to be wrong, and HyStart.

mod acknowledgement;
mod close;
mod congestion;
mod cubic;
mod delayed_ack;
mod endpoint;
mod flight;
mod handshake;
mod listener;
mod newreno;
mod output;
mod ports;
mod profile;
mod rack;
mod receive;
mod recovery;
mod rto;
mod sack;
mod segment;
mod segment_arrives;
mod seq;
mod tail_probe;
mod timers;

pub use endpoint::{End, Endpoint, Input, Output, State};
pub use listener::{Backlog, Listener};
pub use ports::Ports;
pub use profile::{Algorithm, Counting, Detection, Floor, Keepalive, Profile};
pub use segment::{Flags, SackBlocks, Segment};
