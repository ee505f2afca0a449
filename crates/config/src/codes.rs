//! Every problem that a design file itself can have: its code, and why it is one.
//!
//! What a design that reads well would *do* wrong is not here: that is `checklist`.

use crate::diagnostic::Severity;

/// A kind of problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// What it is called: `P` and three digits. Never given to another kind later.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// In a few words.
    pub title: &'static str,
    /// Why it is a problem.
    pub reason: &'static str,
    /// What it looks like.
    pub wrong: &'static str,
    /// What it should look like.
    pub right: &'static str,
}

/// The kind of problem that a code stands for.
pub fn by_code(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|known| known.code.eq_ignore_ascii_case(code))
}

macro_rules! codes {
    ($($name:ident $severity:ident $code:literal $title:literal
        because $reason:literal wrong $wrong:literal right $right:literal;)*) => {
        $(
            pub(crate) const $name: Code = Code {
                code: $code,
                severity: Severity::$severity,
                title: $title,
                reason: $reason,
                wrong: $wrong,
                right: $right,
            };
        )*
        /// All of them, in the order of their codes.
        pub const CODES: &[Code] = &[$($name),*];
    };
}

codes! {
    UNREADABLE Error "P001" "the file is no text"
        because "a design file is UTF-8 text without control characters, and small enough for people to read"
        wrong "(a binary file, or one of many megabytes)"
        right "(TOML text)";
    SYNTAX Error "P002" "the file is not TOML"
        because "what cannot be read cannot be checked; the rest of the file was read as far as possible"
        wrong "timeout = 800ms"
        right "timeout = \"800ms\"";
    MORE Error "P003" "more problems than anybody reads"
        because "a file with this many problems is probably not a design file"
        wrong "(hundreds of unknown keys)"
        right "(a design file)";
    TOO_MANY Error "P004" "more things than a design can have"
        because "nodes, calls and endpoints are counted in small numbers so that decisions stay fast"
        wrong "(a hundred thousand services)"
        right "(the services of one system)";
    UNKNOWN_KEY Error "P010" "a key that nobody reads"
        because "a key that is ignored looks like a rule that holds: the design would be trusted for something it does not do"
        wrong "timeuot = \"800ms\""
        right "timeout = \"800ms\"";
    WRONG_TYPE Error "P011" "a value of the wrong type"
        because "what was meant is not guessed: a guess would be a rule that nobody wrote"
        wrong "timeout = 800"
        right "timeout = \"800ms\"";
    BAD_AMOUNT Error "P012" "an amount that cannot be read"
        because "an amount is a number and a unit that belongs to it"
        wrong "timeout = \"800 msec\""
        right "timeout = \"800ms\"";
    OUT_OF_BOUNDS Error "P013" "a number that makes no sense here"
        because "the value is outside what this key can mean"
        wrong "workers = 0"
        right "workers = 16";
    UNKNOWN_WORD Error "P014" "a word that is not one of the choices"
        because "only the listed words have a meaning here"
        wrong "balance = \"leastoftwo\""
        right "balance = \"least-of-two\"";
    MISSING_KEY Error "P015" "a key that must be there"
        because "there is no value that would be right for everybody, so none is assumed"
        wrong "[client.users]"
        right "[client.users]\ntraffic = \"300/s\"";
    CONTRADICTION Error "P016" "values that contradict each other"
        because "one of the two can never come into force, and nobody can tell which one was meant"
        wrong "timeout = \"500ms\"\nattempt_timeout = \"2s\""
        right "timeout = \"2s\"\nattempt_timeout = \"500ms\"";
    BAD_NAME Error "P020" "a name that cannot be used"
        because "names stand in commands, metrics and `a -> b`: letters, digits, `-` and `_`, at most 64"
        wrong "[service.\"my service\"]"
        right "[service.my-service]";
    UNKNOWN_NAME Error "P021" "a name that nothing has"
        because "what is meant does not exist in this design"
        wrong "routes = [{ path = \"/\", to = \"svcc\" }]"
        right "routes = [{ path = \"/\", to = \"svc\" }]";
    SAME_NAME Error "P022" "one name for two things"
        because "calls, routes and incidents name nodes and regions without saying their kind"
        wrong "[service.orders]\n[database.orders]"
        right "[service.orders]\n[database.orders-db]";
    BAD_ADDRESS Error "P023" "an address that is none"
        because "nothing can listen there or be reached there"
        wrong "endpoints = [\"localhost\"]"
        right "endpoints = [\"localhost:9001\"]";
    SAME_ADDRESS Error "P024" "one address twice"
        because "one address is one place"
        wrong "endpoints = [\"10.0.0.1:80\", \"10.0.0.1:80\"]"
        right "endpoints = [{ address = \"10.0.0.1:80\", weight = 2 }]";
    UNREADABLE_FILE Error "P025" "a file beside the design that cannot be read"
        because "the design takes numbers from it"
        wrong "service_time = { file = \"no-such-file.txt\" }"
        right "service_time = { file = \"times.txt\" }";
    LOOP Error "P026" "an endpoint that leads back"
        because "a request would be carried round and round until every connection is taken, and no rule of the call would end it"
        wrong "[[balancer.lb.listen]]\naddress = \"127.0.0.1:8080\"\n[service.svc]\nendpoints = [\"127.0.0.1:8080\"]"
        right "[service.svc]\nendpoints = [\"127.0.0.1:9001\"]";
    SAME_ROUTE Error "P030" "two routes that take the same requests"
        because "the second one would never get a request"
        wrong "routes = [{ path = \"/a\", to = \"x\" }, { path = \"/a\", to = \"y\" }]"
        right "routes = [{ path = \"/a\", to = \"x\" }, { path = \"/b\", to = \"y\" }]";
    SHADOWED_ROUTE Warning "P031" "a route that another one hides"
        because "paths are compared by whole segments, and `%7E` is `~`, so another route takes all its requests"
        wrong "routes = [{ path = \"/a\", to = \"x\" }, { path = \"/a/\", to = \"y\" }]"
        right "routes = [{ path = \"/a\", to = \"x\" }, { path = \"/a/b\", to = \"y\" }]";
    ROUTE_FORM Error "P032" "a route that does not fit its listener"
        because "a listener can only route by what its protocol shows"
        wrong "protocol = \"tcp\"\nroutes = [{ path = \"/\", to = \"db\" }]"
        right "protocol = \"tcp\"\nto = \"db\"";
    NO_CALL Error "P033" "a call without its rules"
        because "nobody has said how long it may take, what may be repeated, what happens when it fails, how much of it there may be, and what retries may cost"
        wrong "[balancer.lb]   # routes to svc, and there is no [call.lb.svc]"
        right "[call.lb.svc]\ntimeout = \"800ms\"\n# and the other answers";
    WRONG_PROTOCOL Error "P034" "a call that speaks what nobody listens for"
        because "the two ends would not understand each other"
        wrong "[call.app.pg]\nprotocol = \"http\"   # pg listens for tcp"
        right "[call.app.pg]\nprotocol = \"tcp\"";
    WRONG_END Error "P035" "a call that cannot exist"
        because "clients are asked by nobody, and databases ask nobody"
        wrong "[call.svc.users]   # users is a client"
        right "[call.users.svc]";
    CYCLE Error "P036" "calls in a circle"
        because "a request that comes back to where it was makes new requests on every lap, and no step says when to stop"
        wrong "a calls b, b calls a"
        right "a calls b; what both need is a third service";
    MANY_WAYS Error "P037" "more than one way to go"
        because "nothing says which part of the requests goes which way"
        wrong "[call.users.a]\n[call.users.b]"
        right "two clients, each with its own traffic and its own call";
    UNREACHABLE Warning "P038" "a node that no traffic reaches"
        because "it is not simulated, and whatever the design says of it is not tested"
        wrong "[service.forgotten]   # nobody calls it"
        right "[call.api.forgotten]";
    NEVER_MADE Warning "P039" "a call that is never made"
        because "its rules look as if they held, and nothing ever asks for them"
        wrong "[call.api.svc]   # and no step of api names svc"
        right "[service.api]\nsteps = [\"svc\"]";
    SHARES Error "P040" "shares that do not add up"
        because "the kinds of request together are all the traffic"
        wrong "requests = [{ share = \"90%\" }, { share = \"20%\" }]"
        right "requests = [{ share = \"80%\" }, { share = \"20%\" }]";
    WRONG_TARGET Error "P041" "a fault that cannot happen there"
        because "the simulation would have nothing to do, and the incident would look survived"
        wrong "on = \"svc\"\nkind = \"region-loss\""
        right "on = \"eu\"\nkind = \"region-loss\"";
    SAME_ONLY Error "P042" "an exception without its own requests"
        because "a table under `only` is for one method or path; without one, or with the same as another, nobody can tell when it holds"
        wrong "[call.lb.svc.only.slow]\ntimeout = \"5s\""
        right "[call.lb.svc.only.slow]\npath = \"/report\"\ntimeout = \"5s\"";
    IDLE_FAULT Warning "P043" "a fault that changes nothing where it stands"
        because "the incident would look survived, and nothing was tried"
        wrong "on = \"svc\"\nkind = \"slow\"\ntimes = 2   # and svc has no model"
        right "[service.svc]\nmodel = { workers = 16, queue = 64, service_time = \"5ms\" }";
    NO_REQUEST Error "P044" "a path, host, method or service that no request has"
        because "it looks like a rule that holds, and no request ever comes to it"
        wrong "[call.lb.svc.only.admin]\npath = \"/admin/*\""
        right "[call.lb.svc.only.admin]\npath = \"/admin\"";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_rise_and_none_is_given_twice() {
        assert!(CODES.is_sorted_by(|a, b| a.code < b.code));
    }

    #[test]
    fn a_code_is_found_however_it_is_typed() {
        assert_eq!(by_code("p010"), Some(&UNKNOWN_KEY));
        assert_eq!(by_code("P999"), None);
    }
}
