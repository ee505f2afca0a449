//! Where endpoints with a name are: asked at the start, and again from time to time.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::limits;
use crate::log::say;
use crate::plan::{Endpoint, Plan};

/// Resolves all names once, then keeps them fresh on a thread of its own while the plan is used.
pub(crate) fn keep_fresh(plan: &Arc<Plan>) {
    let named = endpoints(plan).any(Endpoint::is_named);
    if !named {
        return;
    }
    resolve_all(plan);
    let plan = Arc::downgrade(plan);
    let thread = std::thread::Builder::new().name("names".to_owned());
    if let Err(error) = thread.spawn(move || refresh(&plan)) {
        say(&format!("names of endpoints are not looked up again: {error}"));
    }
}

fn refresh(plan: &Weak<Plan>) {
    loop {
        std::thread::sleep(Duration::from(limits::NAMES_EVERY));
        match plan.upgrade() {
            Some(plan) => resolve_all(&plan),
            None => return,
        }
    }
}

fn resolve_all(plan: &Plan) {
    for endpoint in endpoints(plan).filter(|endpoint| endpoint.is_named()) {
        match lookup(&endpoint.name) {
            // The old address is better than none.
            None if endpoint.address().is_some() => {}
            None => say(&format!("{}: the name has no address", endpoint.name)),
            Some(address) => endpoint.set_address(address),
        }
    }
}

/// The system's resolver has timeouts of its own (`resolv.conf`); it holds up nobody but this
/// thread.
fn lookup(name: &str) -> Option<SocketAddr> {
    name.to_socket_addrs().ok()?.next()
}

fn endpoints(plan: &Plan) -> impl Iterator<Item = &Endpoint> {
    plan.calls.iter().flat_map(|call| &call.endpoints)
}
