//! Which call takes a request.
//!
//! The longest path wins, by whole segments, and a named host wins over none. A request costs as
//! many look-ups as its path has segments, however many routes there are.

use std::collections::HashMap;

use base::CallId;
use config::design::{Design, Route, Takes};
use config::path::{self, Ambiguous};

/// The routes of one listener.
#[derive(Clone, Debug, Default)]
pub(crate) struct Router {
    /// By host, in lower case; few.
    hosts: HashMap<String, Paths>,
    any_host: Paths,
    routes: Vec<Target>,
}

/// What takes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The call that carries it.
    pub(crate) call: CallId,
    /// The route's position on its listener.
    pub(crate) route: usize,
}

/// Positions in [`Router::routes`], by path without a slash at its end.
#[derive(Clone, Debug, Default)]
struct Paths {
    by_path: HashMap<String, usize>,
    /// The route that takes everything, if there is one.
    everything: Option<usize>,
    /// The longest path, in bytes: nothing behind it needs to be looked up.
    longest: usize,
}

/// What serves a route: a call, or another one for some requests.
#[derive(Clone, Debug)]
struct Target {
    name: String,
    call: CallId,
    only: Vec<Only>,
}

#[derive(Clone, Debug)]
struct Only {
    method: Option<String>,
    path: Option<String>,
    call: CallId,
}

impl Router {
    /// The routes of a listener, to calls as `own` numbers them. Of two that take the same the
    /// first counts; `check` refuses such a design.
    pub(crate) fn new(
        design: &Design,
        routes: &[Route],
        own: impl Fn(CallId) -> Option<CallId>,
    ) -> Self {
        let mut router = Self::default();
        for route in routes {
            let path = match &route.takes {
                Takes::Path(path) => path::as_route(path),
                Takes::All => String::new(),
                Takes::Service(_) => continue,
            };
            let paths = match &route.host {
                Some(host) => router.hosts.entry(host.to_ascii_lowercase()).or_default(),
                None => &mut router.any_host,
            };
            let Some(target) = Target::new(design, route, &own) else {
                continue;
            };
            paths.add(&path, router.routes.len());
            router.routes.push(target);
        }
        router
    }

    /// What takes a request, if something does. Host and method are asked for only where a route
    /// depends on them.
    ///
    /// # Errors
    /// Which path is meant cannot be known.
    pub(crate) fn find<'a>(
        &self,
        host: impl FnOnce() -> Option<&'a str>,
        method: impl FnOnce() -> &'a str,
        path: &str,
    ) -> Result<Option<Found>, Ambiguous> {
        let path = path::plain(path)?;
        let named = self.named(host).and_then(|paths| paths.find(&path));
        let route = named.or_else(|| self.any_host.find(&path));
        let found =
            |route: usize| Found { call: self.routes[route].call_for(method, &path), route };
        Ok(route.map(found))
    }

    /// A route as the design has it.
    pub(crate) fn name(&self, route: usize) -> Option<&str> {
        self.routes.get(route).map(|route| route.name.as_str())
    }

    fn named<'a>(&self, host: impl FnOnce() -> Option<&'a str>) -> Option<&Paths> {
        if self.hosts.is_empty() {
            return None;
        }
        let host = host()?;
        self.hosts.get(host).or_else(|| self.hosts.get(&host.to_ascii_lowercase()))
    }
}

impl Paths {
    fn add(&mut self, path: &str, route: usize) {
        if path.is_empty() {
            self.everything.get_or_insert(route);
            return;
        }
        self.by_path.entry(path.to_owned()).or_insert(route);
        self.longest = self.longest.max(path.len());
    }

    /// From the longest path that could take it to the shortest. `*` is for the whole server, so
    /// only a route for everything takes it.
    fn find(&self, path: &str) -> Option<usize> {
        // Where there is nothing longer to look up, nothing is looked up.
        let mut rest = if self.longest == 0 { "" } else { path.trim_end_matches('/') };
        if !path.starts_with('/') {
            rest = "";
        }
        loop {
            if rest.is_empty() {
                return self.everything;
            }
            if rest.len() <= self.longest
                && let Some(&at) = self.by_path.get(rest)
            {
                return Some(at);
            }
            rest = &rest[..rest.rfind('/')?];
        }
    }
}

impl Target {
    fn new(
        design: &Design,
        route: &Route,
        own: &impl Fn(CallId) -> Option<CallId>,
    ) -> Option<Self> {
        let base = design.call(route.call);
        let only = design.calls_from(base.from).filter_map(|id| {
            let other = design.call(id);
            let only = other.only.as_ref().filter(|_| other.to == base.to)?;
            let path = only.path.as_deref().map(path::as_route);
            Some(Only { method: only.method.clone(), path, call: own(id)? })
        });
        Some(Self { name: name(route), call: own(route.call)?, only: only.collect() })
    }

    fn call_for<'a>(&self, method: impl FnOnce() -> &'a str, path: &str) -> CallId {
        if self.only.is_empty() {
            return self.call;
        }
        let method = method();
        self.only.iter().find(|only| only.takes(method, path)).map_or(self.call, |only| only.call)
    }
}

impl Only {
    fn takes(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|only| only == method)
            && self.path.as_deref().is_none_or(|only| path::is_below(path, only))
    }
}

fn name(route: &Route) -> String {
    let takes = match &route.takes {
        Takes::Path(path) | Takes::Service(path) => path.as_str(),
        Takes::All => "*",
    };
    route.host.as_ref().map_or(takes.to_owned(), |host| format!("{host}{takes}"))
}

#[cfg(test)]
mod tests {
    use config::design::NodeKind;

    use super::*;

    #[test]
    fn a_request_takes_its_route_and_its_exception_however_each_is_spelled() {
        let text = include_str!("../../../config/tests/spellings.toml");
        let design = config::load("spellings.toml", text).design.unwrap();
        let router = design.nodes.iter().find_map(|node| match &node.kind {
            NodeKind::Balancer(lb) => Some(Router::new(&design, &lb.listen[0].routes, Some)),
            _ => None,
        });
        let asked = design.nodes.iter().find_map(|node| match &node.kind {
            NodeKind::Client(client) => Some(&client.requests),
            _ => None,
        });

        let taken = asked.unwrap().iter().map(|kind| {
            let path = kind.path.split('?').next().unwrap();
            let found = router.as_ref().unwrap().find(|| None, || &kind.method, path);
            design.call_name(found.unwrap().unwrap().call)
        });

        let names: Vec<_> = taken.collect();
        assert_eq!(names, ["lb.cafe", "lb.cafe.only.menu", "lb.shop", "lb.shop.only.pay"]);
    }

    #[test]
    fn the_longest_path_wins_by_whole_segments() {
        let router = router(&[("/", 0), ("/a", 1), ("/a/b", 2)]);

        let found = ["/", "/x", "/a", "/a/", "/ab", "/a/b", "/a/bc", "/a/b/c", "*"]
            .map(|path| found(&router, path));

        assert_eq!(found, [0, 0, 1, 1, 0, 2, 1, 2, 0].map(Some));
    }

    #[test]
    fn a_path_that_no_route_takes_has_no_call() {
        let router = router(&[("/items/", 1)]);

        assert_eq!(found(&router, "/"), None);
        assert_eq!(found(&router, "/item"), None);
        assert_eq!(found(&router, "/items/7"), Some(1));
    }

    /// The call that takes a GET.
    fn found(router: &Router, path: &str) -> Option<u16> {
        router.find(|| None, || "GET", path).unwrap().map(|found| found.call.0)
    }

    fn router(routes: &[(&str, u16)]) -> Router {
        let mut router = Router::default();
        for &(path, call) in routes {
            let path = path.trim_end_matches('/');
            router.any_host.add(path, router.routes.len());
            let name = path.to_owned();
            router.routes.push(Target { name, call: CallId(call), only: Vec::new() });
        }
        router
    }
}
