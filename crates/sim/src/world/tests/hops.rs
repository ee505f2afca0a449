//! Balancers in a row, and other people's code: what each makes of the tries of the others.

use super::*;

/// The last one tries twice and says so, and those above it heed that.
#[test]
fn balancers_in_a_row_do_not_retry_what_one_of_them_has_retried() {
    assert_eq!(tries_at_the_end(CHAIN), [2.0; 2]);
}

/// Each gives up before the one below it does, and so hears nothing of its tries. The first tries
/// twice. Behind its first try the second tries twice, and behind the first of those the third:
/// 2 + 1 + 1 tries arrive. Were each to count anew, it would be 2^3.
#[test]
fn where_balancers_in_a_row_give_up_before_an_answer_comes_their_tries_add_up() {
    let late = CHAIN
        .replace("kind = \"error\"\nrate = \"100%\"\nstatus = 503", "kind = \"hang\"")
        .replace("queue = 64", "queue = \"none\"")
        .replace("on = [503]", "on = [\"timeout\"]")
        .replace("[call.first.second]", "[call.first.second]\nattempt_timeout = \"240ms\"")
        .replace("[call.second.third]", "[call.second.third]\nattempt_timeout = \"150ms\"")
        .replace("[call.third.svc]", "[call.third.svc]\nattempt_timeout = \"100ms\"");

    // Those of the last quarter of a second have not made all of theirs.
    let tries = tries_at_the_end(&late);
    assert!(tries.iter().all(|tries| (3.9..=4.0).contains(tries)), "{tries:?}");
}

/// The same rules, in libraries of services that know nothing of each other.
#[test]
fn other_peoples_code_in_a_row_multiplies_its_tries() {
    let mut services = CHAIN.to_owned();
    for (node, next) in [("first", "second"), ("second", "third"), ("third", "svc")] {
        let at = services.find(&format!("[balancer.{node}]")).unwrap();
        let end = at + services[at..].find(&format!("to = \"{next}\" }}]\n")).unwrap();
        let end = end + services[end..].find('\n').unwrap();
        services.replace_range(at..end, &format!("[service.{node}]\nsteps = [\"{next}\"]"));
    }
    // What a service was refused it tells as its own failure.
    assert_eq!(tries_at_the_end(&services), [8.0; 2]);

    let mixed = services.replace("[service.third]\nsteps = [\"svc\"]", "[balancer.third]\n\
        [[balancer.third.listen]]\naddress = \"127.0.0.1:8083\"\nroutes = [{ path = \"/\", to = \"svc\" }]");
    assert_eq!(tries_at_the_end(&mixed), [8.0; 2], "a balancer alone can do nothing about it");
}

/// Where the second is refused it asks a spare, which hangs. The first gives up after both tries of
/// that, and the second one's next request is a retry at the spare too: 2 + 1 tries.
#[test]
fn what_is_asked_instead_is_not_retried_either_where_a_hop_above_has_retried() {
    let tries = tries_at_the_end(DETOUR);

    assert!(tries.iter().all(|tries| (2.9..=3.0).contains(tries)), "{tries:?}");
}

/// One try at the service and one at the spare are two tries.
#[test]
fn an_answer_that_was_looked_for_in_two_places_is_not_looked_for_again() {
    let fails = DETOUR
        .replace("kind = \"hang\"", "kind = \"error\"\nrate = \"100%\"\nstatus = 503")
        .replace(
            "attempt_timeout = \"150ms\"",
            "retry = { attempts = 2, backoff = \"1ms..1ms\", budget = \"none\", on = [503] }",
        );

    assert_eq!(tries_at_the_end(&fails), [1.0; 2]);
}

/// Three balancers in a row before a service that fails.
const CHAIN: &str = r#"
[region.eu]
at = [53.3, -6.3]
[client.users]
traffic = { constant = "50/s" }
requests = [{ share = "100%", method = "GET", path = "/" }]
[balancer.first]
[[balancer.first.listen]]
address = "127.0.0.1:8081"
routes = [{ path = "/", to = "second" }]
[balancer.second]
[[balancer.second.listen]]
address = "127.0.0.1:8082"
routes = [{ path = "/", to = "third" }]
[balancer.third]
[[balancer.third.listen]]
address = "127.0.0.1:8083"
routes = [{ path = "/", to = "svc" }]
[service.svc]
model = { workers = 64, queue = 64, service_time = "1ms" }
[rules.twice]
timeout = "2s"
idempotent = "by-method"
on_failure = "error"
in_flight = 1000
queue = 0
retry = { attempts = 2, backoff = "1ms..1ms", budget = "none", on = [503] }
[call.users.first]
rules = "twice"
retry = "none"
[call.first.second]
rules = "twice"
[call.second.third]
rules = "twice"
[call.third.svc]
rules = "twice"
[[incident.bad]]
on = "svc"
kind = "error"
rate = "100%"
status = 503
at = "0s"
"#;

/// Two balancers in a row before a service that is not there, and a spare.
const DETOUR: &str = r#"
[client.users]
traffic = { constant = "50/s" }
requests = [{ share = "100%", method = "GET", path = "/" }]
[balancer.first]
[[balancer.first.listen]]
address = "127.0.0.1:8081"
routes = [{ path = "/", to = "second" }]
[balancer.second]
[[balancer.second.listen]]
address = "127.0.0.1:8082"
routes = [{ path = "/", to = "svc" }]
[service.svc]
model = { workers = 64, queue = 64, service_time = "1ms" }
[service.spare]
model = { workers = 64, queue = "none", service_time = "1ms" }
[rules.twice]
timeout = "2s"
idempotent = "by-method"
on_failure = "error"
in_flight = 1000
queue = 0
retry = { attempts = 2, backoff = "1ms..1ms", budget = "none", on = ["timeout"] }
[call.users.first]
rules = "twice"
retry = "none"
[call.first.second]
rules = "twice"
attempt_timeout = "150ms"
[call.second.svc]
rules = "twice"
on_failure = { fallback = "spare" }
[call.second.spare]
rules = "twice"
attempt_timeout = "100ms"
[[incident.bad]]
on = "svc"
kind = "crash"
at = "0s"
[[incident.bad]]
on = "spare"
kind = "hang"
at = "0s"
"#;

/// Tries of the last call for each request of the first: as messages, and as packets.
fn tries_at_the_end(text: &str) -> [f64; 2] {
    [Fidelity::Message, Fidelity::Packet].map(|fidelity| {
        let lasts = Some(Duration::from_secs(20));
        let design = design(text);
        let plan = Plan::new(&design, &Options { fidelity, lasts, ..options("bad") }).unwrap();
        let run = World::new(&plan, 1).run();
        let [users, .., last] = &run.stats.calls[..] else { panic!("{}", run.stats.calls.len()) };
        assert!(users.requests > 500 && users.attempts == users.requests, "{}", users.requests);
        last.attempts as f64 / users.requests as f64
    })
}
