//! The live balancer against programs that we did not write: nginx, Python and Node behind it;
//! curl, httpx, Node and bare sockets before it.
//!
//! Each test starts its own services and its own balancer on loopback, and ends with
//! [`balancer::Balancer::finish`]: whatever went wrong, no permit, no place in a queue and no
//! connection may be left.

mod balancer;
mod client;
mod design;
mod http;
mod programs;
mod upstream;

mod descriptors;
mod exchanges;
mod faults;
mod leaving;
mod lifecycle;
mod load;
mod messages;
mod neighbours;
