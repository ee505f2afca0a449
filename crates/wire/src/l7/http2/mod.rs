//! HTTP/2 (RFC 9113), written: frames, and fields without a table.
//!
//! Fields are written as literals that no table remembers (RFC 7541, 6.2.2). They are longer than
//! need be, and each head can be read without those before it.

pub mod fields;
pub mod frame;

/// What a client says first (RFC 9113, 3.4).
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
