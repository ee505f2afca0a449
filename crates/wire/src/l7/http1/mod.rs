//! HTTP/1.1, strict and without I/O.
//!
//! The contract, in the manner of quinn-proto: you own the sockets, the buffers and the clock,
//! this module owns the meaning of the bytes.
//!
//! - **Reading a head.** Keep a [`RequestHead`] (or [`ResponseHead`]) and a buffer per connection.
//!   Read into the buffer, then [`RequestHead::parse`]: [`Parse::Partial`] wants more bytes behind
//!   those; [`Parse::Complete`] says how many belong to the head. [`RequestHead::over`] then
//!   answers questions. A head holds offsets, no borrow: it can wait beside its buffer for as
//!   long as a retry may need it. Nothing is allocated.
//! - **Reading a body.** [`Body::new`] with the head's [`Framing`], then [`Body::decode`] (what
//!   is data) or [`Body::relay`] (what can be sent on as it is) until [`Then::End`]. Ranges are
//!   relative to the input of that call; what is not consumed must come again, with more behind
//!   it. After [`Then::Trailers`], [`Trailers::parse`].
//! - **Pipelining.** What is behind the last `consumed` is the next message, never touched.
//! - **Writing.** [`Request::forward`] and [`Response::forward`] append the head for the next hop;
//!   [`answer`] is an answer of our own; [`mod@write`] has the pieces.
//! - **Refusing.** Every [`Refusal`] has a status, a token for logs and a sentence. After one the
//!   stream cannot be trusted: answer if that is still possible, then close.
//!
//! ```
//! use plimsoll_wire::l7::http1::{Body, Framing, Limits, Parse, RequestHead, RequestHop, Then};
//!
//! let buffer = b"POST /cart HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\n\r\nhiGET /";
//! let mut head = RequestHead::new();
//! let Ok(Parse::Complete { consumed }) = head.parse(buffer, &Limits::default()) else {
//!     panic!("a whole and valid head");
//! };
//! let request = head.over(buffer);
//! assert_eq!((request.path(), request.framing()), ("/cart", Framing::Length(2)));
//!
//! let mut out = Vec::new();
//! request.forward(&RequestHop::new("plimsoll", &request), &mut out);
//!
//! let mut body = Body::new(request.framing());
//! let rest = &buffer[consumed..];
//! let step = body.decode(rest)?;
//! assert_eq!((&rest[step.data], step.then), (&b"hi"[..], Then::End));
//! assert_eq!(&rest[step.consumed..], b"GET /");
//! # Ok::<(), plimsoll_wire::l7::http1::Refusal>(())
//! ```
//!
//! What it never does: repair a message, merge a trailer into a head, believe two framings at
//! once, follow a peer's spelling of a length, or look at the data of a body.

mod body;
mod chunked;
mod date;
mod fault;
mod fields;
mod forward;
mod framing;
mod lex;
mod limits;
mod lines;
mod list;
mod method;
mod name;
mod options;
mod refusal;
mod request;
mod response;
mod scan;
mod span;
mod target;
mod trailers;
mod upgrade;
mod version;
mod via;
pub mod write;

pub use body::Body;
pub use chunked::{LONGEST_LINE, Relay, Step, Then};
pub use date::date;
pub use forward::{Recipient, RequestHop, ResponseHop, answer};
pub use framing::Framing;
pub use limits::Limits;
pub use lines::Lines;
pub use method::Method;
pub use name::Name;
pub use refusal::Refusal;
pub use request::{Request, RequestHead};
pub use response::{Asked, Response, ResponseHead};
pub use scan::Parse;
pub use target::Form;
pub use trailers::Trailers;
pub use version::Version;
