//! How many connections the machine lets us have.
//!
//! Out of descriptors, a balancer can neither accept a client nor ask a service, and what fails
//! first is chance. So clients get at most half of what there is: each of their requests needs a
//! second one.

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::limits::OWN_DESCRIPTORS;

/// The connections that clients may have, all workers together. Raises the process's own limit as
/// far as it may; `design` is what the design file allows the node.
pub(crate) fn clients(design: Option<u32>) -> usize {
    let allowed = raise();
    let allowed = design.map_or(allowed, |design| allowed.min(u64::from(design)));
    usize::try_from(allowed.saturating_sub(OWN_DESCRIPTORS) / 2).unwrap_or(usize::MAX).max(1)
}

/// The hard limit becomes the soft one: that is kept low for programs that use `select`.
fn raise() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    let now = if setrlimit(Resource::Nofile, limit).is_ok() { limit.maximum } else { before };
    now.unwrap_or(PLENTY)
}

/// Where there is no limit.
const PLENTY: u64 = 1 << 20;
