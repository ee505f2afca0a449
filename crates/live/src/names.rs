//! Where endpoints with a name are: asked at the start, and again from time to time.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::Builder;
use std::time::Duration;

use crate::limits;
use crate::log::say;
use crate::plan::{Endpoint, Plan};

/// Resolves all names once, then keeps them fresh on a thread of its own while the plan is used.
/// A resolver that does not answer holds up the start for [`limits::NAMES_TIMEOUT`] at most.
pub(crate) fn keep_fresh(plan: &Arc<Plan>) {
    let named = endpoints(plan).any(Endpoint::is_named);
    if !named {
        return;
    }
    let (first, done) = channel();
    let plan = Arc::downgrade(plan);
    let thread = Builder::new().name("names".to_owned());
    match thread.spawn(move || refresh(&plan, &first)) {
        Ok(_) => drop(done.recv_timeout(limits::NAMES_TIMEOUT.into())),
        Err(error) => say(&format!("names of endpoints cannot be looked up: {error}")),
    }
}

fn refresh(plan: &Weak<Plan>, first: &Sender<()>) {
    while let Some(plan) = plan.upgrade() {
        resolve_all(&plan);
        drop(plan);
        // Heard only after the first time.
        let _ = first.send(());
        std::thread::sleep(Duration::from(limits::NAMES_EVERY));
    }
}

fn resolve_all(plan: &Plan) {
    for endpoint in endpoints(plan).filter(|endpoint| endpoint.is_named()) {
        match lookup(&endpoint.name) {
            Some(addresses) if !addresses.is_empty() => endpoint.set_addresses(&addresses),
            // The old addresses are better than none.
            _ if !endpoint.addresses().0.is_empty() => {}
            _ => say(&format!("{}: the name has no address", endpoint.name)),
        }
    }
}

/// All its addresses, each once, in the resolver's order. The resolver has timeouts of its own
/// (`resolv.conf`), which can be long: it is asked on a thread that nobody else waits for.
fn lookup(name: &str) -> Option<Vec<SocketAddr>> {
    let (tell, answer) = channel();
    let asked = name.to_owned();
    let thread = Builder::new().name("lookup".to_owned());
    thread.spawn(move || tell.send(asked.to_socket_addrs())).ok()?;
    let found = answer.recv_timeout(limits::NAMES_TIMEOUT.into()).ok()?.ok()?;
    let mut addresses = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Some(addresses)
}

fn endpoints(plan: &Plan) -> impl Iterator<Item = &Endpoint> {
    plan.calls.iter().flat_map(|call| &call.endpoints).map(AsRef::as_ref)
}
