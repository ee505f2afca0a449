//! The balancer over loopback: raw sockets as clients, scripted services behind it.
//!
//! Each line of what RFC 9110 and RFC 9112 ask of a proxy has a test with its name, and so has each
//! fault. Nothing sleeps to be lucky: tests wait for conditions, with a deadline.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::cast_possible_truncation, reason = "of small numbers in patterns")]

mod bodies;
mod client;
mod corpus;
mod faults;
mod framing;
mod hops;
mod limits;
mod load;
mod pages;
mod replay;
mod retries;
mod service;
mod site;
mod upgrade;
