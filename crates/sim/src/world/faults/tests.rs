use base::Duration;
use event::Cause;

use crate::examples::design;
use crate::judge::{self, Judged};
use crate::plan::Plan;
use crate::{Fidelity, Options};

#[test]
fn a_balancer_that_misroutes_asks_the_wrong_service_which_says_so_and_does_no_work() {
    for fidelity in BOTH {
        let usual = play(&two("lb", "rate = \"40%\""), "none", fidelity);
        let run = play(&two("lb", "rate = \"40%\""), "it", fidelity);

        // 50/s of each for 20 s, and of those four tenths.
        let [at_cart, at_search] = misrouted(&run);
        assert!((330..470).contains(&at_search), "wanted the cart: {at_search}");
        assert!((330..470).contains(&at_cart), "wanted a search: {at_cart}");
        assert_eq!(run.edge.failed[Cause::Misrouted.index()], at_cart + at_search);
        assert_eq!(run.edge.failed.iter().sum::<u64>(), at_cart + at_search, "nothing else fails");
        assert_eq!(usual.edge.failed.iter().sum::<u64>(), 0);
        let quickest = |run: &Judged| run.calls[TO_CART].latency.quantile(0.05).unwrap();
        assert!(quickest(&run) < Duration::from_millis(2), "{:?}", quickest(&run));
        assert!(quickest(&usual) > Duration::from_millis(5));
    }
}

#[test]
fn only_what_belongs_to_the_call_that_is_named_goes_elsewhere() {
    for fidelity in BOTH {
        let run = play(&two("lb -> cart", ""), "it", fidelity);

        let [at_cart, at_search] = misrouted(&run);
        assert_eq!(at_cart, 0, "searches find their way");
        assert!((900..1_100).contains(&at_search), "all that belongs to the cart: {at_search}");
    }
}

/// It answers sooner than the other one, so more comes to it.
#[test]
fn one_of_two_instances_that_misroutes_misroutes_more_than_half() {
    let run = play(&two("lb", "share = \"1 of 2\""), "it", Fidelity::Message);

    let all: u64 = misrouted(&run).iter().sum();
    assert!((1_000..1_400).contains(&all), "{all} of 2,000");
}

#[test]
fn a_balancer_with_one_upstream_finds_it_under_a_path_that_it_does_not_know() {
    let text = TWO.replace(SEARCH_ROUTE, "").replace(SEARCH_CALL, "").replace("/search", "/cart");
    for fidelity in BOTH {
        let run = play(&design(&(text.clone() + &incident("lb", ""))), "it", fidelity);

        let at_cart = run.calls[TO_CART].failed[Cause::Misrouted.index()];
        assert!((1_900..2_100).contains(&at_cart), "{at_cart}");
    }
}

#[test]
fn who_retries_after_a_misrouted_try_may_find_the_way_and_no_breaker_opens() {
    let retry = "retry = { attempts = 3, backoff = \"1ms..5ms\", budget = \"none\", \
                 on = [\"misrouted\"] }";
    let text = TWO.replacen("retry = \"none\"", retry, 1)
        + "breaker = { error_rate = \"10%\", window = \"10s\", min_calls = 5, cooldown = \"5s\", probes = 3 }\n";
    let run = play(&design(&(text + &incident("lb", "rate = \"30%\""))), "it", Fidelity::Message);

    let failed = run.edge.failed[Cause::Misrouted.index()];
    assert!((20..100).contains(&failed), "0.3 to the third of 2,000: {failed}");
    assert!(run.calls.iter().all(|call| call.breaker_opened == 0));
}

/// One request is worked on for half a minute, and the others wait for its place.
#[test]
fn a_process_that_dies_sends_none_of_those_that_waited_in_it() {
    let crash = "\n[[incident.it]]\non = \"lb\"\nkind = \"crash\"\nat = \"10s\"\nlasts = \"20s\"\n";
    for fidelity in BOTH {
        let text = TWO.replace("instances = 2", "instances = 1").replace("\"5ms\"", "\"30s\"");
        let text = text
            .replace("\"2s\"", "\"1m\"")
            .replace("[call.users.lb]", "[call.users.lb]\nin_flight = \"none\"");
        let text = text.replace("in_flight = 1_000", "in_flight = 1") + crash;
        let run = play(&design(&text), "it", fidelity);

        let tries = [TO_CART, TO_SEARCH].map(|call| run.calls[call].attempts);
        assert_eq!(
            tries,
            [1, 1],
            "those after the restart, {fidelity:?}: the first were before the warm-up"
        );
    }
}

/// Both calls of the balancer, by the order of the file.
const TO_CART: usize = 1;
const TO_SEARCH: usize = 2;
const BOTH: [Fidelity; 2] = [Fidelity::Message, Fidelity::Packet];

/// What reached each of the two services and was not for it.
fn misrouted(run: &Judged) -> [u64; 2] {
    [TO_CART, TO_SEARCH].map(|call| run.calls[call].failed[Cause::Misrouted.index()])
}

fn two(on: &str, more: &str) -> config::Design {
    design(&(TWO.to_owned() + &incident(on, more)))
}

fn incident(on: &str, more: &str) -> String {
    format!(
        "\n[[incident.it]]\non = \"{on}\"\nkind = \"misroute\"\nat = \"10s\"\nlasts = \"20s\"\n{more}\n"
    )
}

fn play(design: &config::Design, incident: &str, fidelity: Fidelity) -> Judged {
    let options = Options {
        incident: Some(incident.into()),
        lasts: Some(Duration::from_secs(40)),
        fidelity,
        ..Options::default()
    };
    let plan = Plan::new(design, &options).unwrap();
    judge::play(&plan, 1, || false).unwrap()
}

const SEARCH_ROUTE: &str = ", { path = \"/search\", to = \"search\" }";

const SEARCH_CALL: &str = "[call.lb.search]\nrules = \"all\"\n";

/// A balancer before two services, each asked for half.
const TWO: &str = r#"
[region.eu]
at = [53.3, -6.3]
[client.users]
traffic = "100/s"
requests = [
  { share = "50%", method = "GET", path = "/cart" },
  { share = "50%", method = "GET", path = "/search" },
]
[balancer.lb]
instances = 2
[[balancer.lb.listen]]
address = "127.0.0.1:8080"
protocol = "http"
routes = [{ path = "/cart", to = "cart" }, { path = "/search", to = "search" }]
[service.cart]
instances = 2
model = { workers = 100, queue = "none", service_time = "5ms" }
[service.search]
instances = 2
model = { workers = 100, queue = "none", service_time = "5ms" }
[rules.all]
timeout = "2s"
idempotent = true
on_failure = "error"
in_flight = 1_000
queue = 100
retry = "none"
[call.users.lb]
rules = "all"
[call.lb.cart]
rules = "all"
[call.lb.search]
rules = "all"
"#;
