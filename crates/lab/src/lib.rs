//! The simulated network under the real kernel.
//!
//! A [`Lab`] is two network namespaces, each with its own TCP, and a [`Cable`] between them: two
//! TUN devices whose packets pass [`netsim::l3::Link`]s on a real clock. So the same link carries
//! the simulator's segments in virtual time and the kernel's in real time, and the two can be
//! compared.
//!
//! Nothing is left behind, whatever happens: a namespace has no name and a TUN device is not made
//! to stay, so the kernel removes both when the last descriptor closes, even after a kill.

mod cable;
mod error;
#[allow(unsafe_code, reason = "two system calls that have no safe form")]
mod kernel;
mod namespace;
mod tun;

use std::net::Ipv4Addr;

use netsim::l3::{Link, Params};

pub use cable::Cable;
pub use error::Error;
pub use namespace::Namespace;
pub use tun::Tun;

/// Two hosts and a cable. It ends when it is dropped.
#[derive(Debug)]
pub struct Lab {
    /// The host at [`Lab::LEFT`].
    pub left: Namespace,
    /// The host at [`Lab::RIGHT`].
    pub right: Namespace,
    /// Dropped last: whoever still sends meanwhile is not heard.
    _cable: Cable,
}

impl Lab {
    /// The address of the one host.
    pub const LEFT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
    /// The address of the other.
    pub const RIGHT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

    /// Both hosts, and a link for each direction. The seed is the links' chance.
    ///
    /// # Errors
    ///
    /// What is missing: root, `/dev/net/tun`, the program `ip`.
    pub fn new(seed: u64, there: Params, back: Params) -> Result<Self, Error> {
        let (left, right) = (Namespace::new()?, Namespace::new()?);
        let ends = [Tun::new(&left, Self::LEFT)?, Tun::new(&right, Self::RIGHT)?];
        let links = [Link::new(seed, "there", there), Link::new(seed, "back", back)];
        let cable = Cable::plug(ends, links)?;
        Ok(Self { left, right, _cable: cable })
    }
}
