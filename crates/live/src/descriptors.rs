//! How many connections the machine lets us have.
//!
//! Out of descriptors, a balancer can neither accept a client nor ask a service, and what fails
//! first is chance. So what it needs for itself is set aside, and clients get at most half of the
//! rest: each of their requests needs a second one.

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::Refused;

/// The connections that clients may have on each of so many workers. Raises the process's own
/// limit as far as it may; `design` is what the design file allows the node.
///
/// # Errors
/// There are not enough for one client of each worker.
pub(crate) fn clients_per_worker(
    design: Option<u32>,
    workers: usize,
    listeners: usize,
) -> Result<usize, Refused> {
    let allowed = raise();
    let allowed = design.map_or(allowed, |design| allowed.min(u64::from(design)));
    share(allowed, workers as u64, listeners as u64)
}

fn share(allowed: u64, workers: u64, listeners: u64) -> Result<usize, Refused> {
    let own = OF_PROCESS + workers * (OF_WORKER + OF_LISTENER * listeners);
    let needed = own + OF_CLIENT * workers;
    if allowed < needed {
        return Err(Refused::Descriptors { allowed, needed });
    }
    let clients = (allowed - own) / OF_CLIENT / workers;
    Ok(usize::try_from(clients).unwrap_or(usize::MAX))
}

/// The hard limit becomes the soft one: that is kept low for programs that use `select`.
fn raise() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    let now = if setrlimit(Resource::Nofile, limit).is_ok() { limit.maximum } else { before };
    now.unwrap_or(PLENTY)
}

/// Standard input and outputs, two logs, signals, two event loops, the admin address with its
/// reserve, and looking up names.
const OF_PROCESS: u64 = 20;
/// An event loop, its timer and what other threads wake it by; a health check; a client that is about to
/// be turned away; and two to spare.
const OF_WORKER: u64 = 7;
/// The listener and its reserve.
const OF_LISTENER: u64 = 2;
/// A client, and the service that it asks.
const OF_CLIENT: u64 = 2;
/// Where there is no limit.
const PLENTY: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_half_of_what_is_not_set_aside() {
        assert_eq!(share(42, 2, 1).ok(), Some(1));
        assert_eq!(share(200, 2, 1).ok(), Some(40));
        assert_eq!(share(1_024, 4, 2).ok(), Some(120));
    }

    #[test]
    fn too_few_for_one_client_of_each_worker_are_refused_with_how_many_it_takes() {
        let refused = share(8, 2, 1).unwrap_err();

        assert!(matches!(refused, Refused::Descriptors { allowed: 8, needed: 42 }), "{refused:?}");
    }
}
