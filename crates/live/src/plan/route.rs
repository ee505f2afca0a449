//! Which call takes a request.
//!
//! The longest path wins, by whole segments, and a named host wins over none. A request costs as
//! many look-ups as its path has segments, however many routes there are.

use std::collections::HashMap;

use base::CallId;
use config::design::{Design, Route, Takes};

/// The routes of one listener.
#[derive(Clone, Debug, Default)]
pub(crate) struct Router {
    /// By host, in lower case; few.
    hosts: HashMap<String, Paths>,
    any_host: Paths,
    targets: Vec<Target>,
}

/// Positions in [`Router::targets`], by path without a slash at its end.
#[derive(Clone, Debug, Default)]
struct Paths {
    by_path: HashMap<String, usize>,
    /// The longest path, in bytes: nothing behind it needs to be looked up.
    longest: usize,
}

/// What serves a route: a call, or another one for some requests.
#[derive(Clone, Debug)]
struct Target {
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
    /// The routes of a listener. Of two that take the same the first counts; `check` refuses such
    /// a design.
    pub(crate) fn new(design: &Design, routes: &[Route]) -> Self {
        let mut router = Self::default();
        for route in routes {
            let path = match &route.takes {
                Takes::Path(path) => path.trim_end_matches('/'),
                Takes::All => "",
                Takes::Service(_) => continue,
            };
            let paths = match &route.host {
                Some(host) => router.hosts.entry(host.to_ascii_lowercase()).or_default(),
                None => &mut router.any_host,
            };
            paths.by_path.entry(path.to_owned()).or_insert(router.targets.len());
            paths.longest = paths.longest.max(path.len());
            router.targets.push(Target::new(design, route.call));
        }
        router
    }

    /// The call that takes a request, if one does.
    pub(crate) fn find(&self, host: Option<&str>, method: &str, path: &str) -> Option<CallId> {
        let at = self.named(host).and_then(|paths| paths.find(path));
        let target = &self.targets[at.or_else(|| self.any_host.find(path))?];
        Some(target.call_for(method, path))
    }

    fn named(&self, host: Option<&str>) -> Option<&Paths> {
        if self.hosts.is_empty() {
            return None;
        }
        let host = host?;
        self.hosts.get(host).or_else(|| self.hosts.get(&host.to_ascii_lowercase()))
    }
}

impl Paths {
    /// From the longest path that could take it to the shortest. `*` is for the whole server, so
    /// only a route for everything takes it.
    fn find(&self, path: &str) -> Option<usize> {
        let mut rest = path.trim_end_matches('/');
        if !path.starts_with('/') {
            rest = "";
        }
        loop {
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
    fn new(design: &Design, call: CallId) -> Self {
        let base = design.call(call);
        let only = design.calls_from(base.from).filter_map(|id| {
            let other = design.call(id);
            let only = other.only.as_ref().filter(|_| other.to == base.to)?;
            let path = only.path.as_deref().map(|path| path.trim_end_matches('/').to_owned());
            Some(Only { method: only.method.clone(), path, call: id })
        });
        Self { call, only: only.collect() }
    }

    fn call_for(&self, method: &str, path: &str) -> CallId {
        self.only.iter().find(|only| only.takes(method, path)).map_or(self.call, |only| only.call)
    }
}

impl Only {
    fn takes(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|only| only == method)
            && self.path.as_deref().is_none_or(|only| is_below(path, only))
    }
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_wins_by_whole_segments() {
        let router = router(&[("/", 0), ("/a", 1), ("/a/b", 2)]);

        let found = ["/", "/x", "/a", "/a/", "/ab", "/a/b", "/a/bc", "/a/b/c", "*"]
            .map(|path| router.find(None, "GET", path).map(|call| call.0));

        assert_eq!(found, [0, 0, 1, 1, 0, 2, 1, 2, 0].map(Some));
    }

    #[test]
    fn a_path_that_no_route_takes_has_no_call() {
        let router = router(&[("/items/", 1)]);

        assert_eq!(router.find(None, "GET", "/"), None);
        assert_eq!(router.find(None, "GET", "/item"), None);
        assert_eq!(router.find(None, "GET", "/items/7"), Some(CallId(1)));
    }

    fn router(routes: &[(&str, u16)]) -> Router {
        let mut router = Router::default();
        for &(path, call) in routes {
            let path = path.trim_end_matches('/');
            router.any_host.by_path.insert(path.to_owned(), router.targets.len());
            router.any_host.longest = router.any_host.longest.max(path.len());
            router.targets.push(Target { call: CallId(call), only: Vec::new() });
        }
        router
    }
}
