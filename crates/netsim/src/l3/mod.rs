//! The network layer: datagrams forwarded at best effort.
//!
//! Delivery, order, uniqueness and timing are promised to nobody. A [`Link`] says when a datagram
//! arrives, or why it does not; a [`Router`] says which link is next, by what it has learned from
//! its neighbours, late and perhaps wrongly. Both only answer: whoever drives them keeps the
//! datagrams and the clock, and reports every drop by its reason ([`event::l3::Event`]).

mod address;
mod bottleneck;
mod link;
mod loss;
mod router;
mod routing;
mod table;

pub use address::{Address, Prefix};
pub use bottleneck::Bound;
pub use link::{Change, Condition, Link, Params, Transit};
pub use loss::{GilbertElliott, Loss};
pub use router::{Forward, HOP_LIMIT, Router};
pub use routing::{Announcement, Neighbour};
pub use table::{Hop, Table};
