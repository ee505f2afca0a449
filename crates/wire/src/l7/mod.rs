//! Application protocols.

pub mod http1;
pub mod websocket;
