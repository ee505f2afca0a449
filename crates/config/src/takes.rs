//! Which requests a route or an `only` table takes.
//!
//! Reviewing, simulating and carrying ask the same question, so it is answered here for all of them.
//! Paths are compared without their queries and in the one form of [`path`](crate::path), however a
//! request, a route or a table writes them.

use crate::design::{Balancer, Only, Route, Takes};
use crate::path::{is_below, route_form};

impl Balancer {
    /// The route that has the requests for a path, if one takes them: that of the longest path, and
    /// of several alike the first. Hosts are left out of it: the requests of a design have none.
    /// `path` is as [`path::asked`](crate::path::asked) has it.
    pub fn route(&self, path: &str) -> Option<&Route> {
        let routes = self.listen.iter().flat_map(|listen| &listen.routes);
        let fitting = routes.filter_map(|route| Some((route.takes.length(path)?, route)));
        let longest = fitting.reduce(|best, other| if other.0 > best.0 { other } else { best });
        longest.map(|(_, route)| route)
    }
}

impl Takes {
    /// How many bytes of a path are named here, if it is taken.
    fn length(&self, path: &str) -> Option<usize> {
        let prefix = match self {
            Self::Path(prefix) => route_form(prefix),
            Self::Service(name) => format!("/{name}").into(),
            Self::All => return Some(0),
        };
        is_below(path, &prefix).then_some(prefix.len())
    }
}

impl Only {
    /// Whether it is for a request: of this method, for a path as
    /// [`path::asked`](crate::path::asked) has it. What gRPC calls a method is a path in HTTP.
    pub fn takes(&self, method: &str, path: &str) -> bool {
        let is_method = |only: &String| only == method || route_form(only) == path;
        self.method.as_ref().is_none_or(is_method)
            && self.path.as_ref().is_none_or(|only| is_below(path, &route_form(only)))
    }
}

#[cfg(test)]
mod tests {
    use base::CallId;

    use super::*;
    use crate::design::{Listen, Protocol};
    use crate::path;
    use crate::span::Span;

    #[test]
    fn the_longest_path_has_a_request_however_both_are_written() {
        let routes = ["/", "/caf%C3%A9/", "/%7Eme", "/a", "/a/b", "/a"].map(by_path);
        let balancer = listening(routes.into());

        for (asked, taken) in [
            ("/", 0),
            ("/x?at=/a", 0),
            ("/caf%c3%a9", 1),
            ("/%63af%C3%a9/1", 1),
            ("/~me?q", 2),
            ("/ab", 0),
            ("/a?x", 3),
            ("/%61/b/", 4),
        ] {
            assert_eq!(taker(&balancer, asked), Some(taken), "{asked}");
        }
    }

    #[test]
    fn a_service_of_grpc_has_its_own_methods_and_those_of_no_longer_name() {
        let balancer = listening(vec![Takes::Service("chat.v1.Chat".into())]);

        assert_eq!(taker(&balancer, "/chat.v1.Chat/Send"), Some(0));
        assert_eq!(taker(&balancer, "/chat.v1.Chatter/Send"), None);
    }

    #[test]
    fn an_exception_is_for_its_method_below_its_path() {
        let posts = only(Some("POST"), Some("/%7Eme/"));

        assert!(posts.takes("POST", "/~me") && posts.takes("POST", "/~me/x"));
        assert!(!posts.takes("GET", "/~me") && !posts.takes("POST", "/~men"));
    }

    #[test]
    fn a_method_of_grpc_is_a_path_and_nothing_below_it() {
        let send = only(Some("/chat.v1.Chat/Send"), None);

        assert!(send.takes("POST", "/chat.v1.Chat/Send"));
        assert!(!send.takes("POST", "/chat.v1.Chat/Send/x"));
    }

    fn taker(balancer: &Balancer, asked: &str) -> Option<usize> {
        balancer.route(&path::asked(asked).unwrap()).map(|route| route.call.index())
    }

    fn listening(takes: Vec<Takes>) -> Balancer {
        let route = |(at, takes)| Route {
            host: None,
            takes,
            call: CallId::from_index(at),
            span: Span::default(),
        };
        let routes = takes.into_iter().enumerate().map(route).collect();
        let listen = Listen {
            address: "127.0.0.1:8080".parse().unwrap(),
            protocol: Protocol::Http,
            tls: None,
            routes,
            span: Span::default(),
        };
        Balancer { listen: vec![listen] }
    }

    fn by_path(path: &str) -> Takes {
        Takes::Path(path.to_owned())
    }

    fn only(method: Option<&str>, path: Option<&str>) -> Only {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Only { name: "it".to_owned(), method: owned(method), path: owned(path) }
    }
}
