//! Traffic: when requests arrive, and what they ask for.
//!
//! Clients are open loop: they do not wait for the last answer before they send the next request.

mod holding;
mod source;
mod zipf;

pub use holding::Holding;
pub use source::Source;
pub use zipf::Zipf;

use alloc::string::String;
use alloc::vec::Vec;

use base::{Bytes, Duration, Rate, Share};

/// When requests arrive.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// Independent of each other, at this mean rate.
    Poisson(Rate),
    /// At equal distances.
    Constant(Rate),
    /// Poisson, but the rate changes between high and low.
    Bursty {
        /// The mean over both.
        mean: Rate,
        /// How many times the mean a burst is.
        peak: f64,
        /// How long a burst lasts on average.
        burst: Duration,
    },
    /// At these times since the start.
    Replayed(Vec<Duration>),
}

/// One kind of request in a mix.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestKind {
    /// How much of the traffic it is.
    pub share: Share,
    /// The HTTP method.
    pub method: String,
    /// The path, in which `{key}` stands for a drawn key; a gRPC method's path.
    pub path: String,
    /// Bytes of a request's body.
    pub request: Bytes,
    /// Bytes of an answer's body.
    pub response: Bytes,
    /// The keys that `{key}` is drawn from.
    pub keys: Option<Keys>,
    /// How long it stays open, for streams.
    pub holds: Option<(Duration, Duration)>,
    /// Messages per second while it is open.
    pub messages: Option<Rate>,
}

/// A set of keys, some asked for more often than others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Keys {
    /// How many there are.
    pub count: u64,
    /// The exponent of Zipf's law; 0 is even.
    pub zipf: f64,
}

/// What a request is about: one key of one path. Requests of different methods, and of different
/// clients, can be about the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item(u64);

impl Item {
    /// The key of this number, below the path of this number.
    pub const fn new(path: u32, key: u32) -> Self {
        Self(((path as u64) << 32) | key as u64)
    }
}

impl RequestKind {
    /// Whether its method only reads (RFC 9110, 9.2.1; QUERY by its own document). A gRPC method
    /// is a POST, so it counts as a write.
    pub fn is_safe(&self) -> bool {
        const SAFE: [&str; 5] = ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY"];
        SAFE.contains(&self.method.as_str())
    }

    /// Whether its method may be repeated without harm (RFC 9110, 9.2.2; QUERY by its own
    /// document).
    pub fn is_idempotent(&self) -> bool {
        const IDEMPOTENT: [&str; 7] = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"];
        IDEMPOTENT.contains(&self.method.as_str())
    }
}
