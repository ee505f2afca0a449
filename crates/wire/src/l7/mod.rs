//! Application protocols.

pub mod http1;
pub mod http2;
pub mod websocket;
