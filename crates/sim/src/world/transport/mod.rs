//! How what instances say to each other gets there.
//!
//! The world says that a try leaves, that its answer does, that its caller leaves it, that it
//! breaks off; how that travels is decided here, once a run:
//!
//! - [`message`]: it takes as long as the way is. Nothing is lost.
//! - [`packet`]: connections between the instances, TCP on them, datagrams over links and routers.
//!   Everything that a network does to a request comes about below it.
//!
//! | file | concept |
//! |---|---|
//! | `packet` | what the world says, and what it learns |
//! | `boarding`, `channel`, `seats`, `waiting` | which connection a request takes, and who waits |
//! | `endings` | how connections end, and who learns of it |
//! | `checks` | active health checks |
//! | `splice` | balancers that share out connections |
//! | `standing` | sessions that stand, on connections |
//! | `net`, `host` | kernels: who is let in, ports, descriptors |
//! | `handshake`, `connection`, `bytes` | connections, and what their ends say |
//! | `seldom` | a queue that takes no room while it is empty |
//! | `datagram` | datagrams on their way, and messages without a connection |
//! | `grid`, `ways`, `routers` | cards, links, routers, and what an incident does to them |
//! | `sizes` | how many bytes messages are |

mod boarding;
mod bytes;
mod channel;
mod checks;
mod connection;
mod datagram;
mod endings;
mod grid;
mod handshake;
mod host;
mod message;
mod net;
mod packet;
mod routers;
mod seats;
mod seldom;
mod sizes;
mod splice;
mod standing;
mod waiting;
mod ways;

pub(super) use net::Net;

#[cfg(test)]
mod tests;
