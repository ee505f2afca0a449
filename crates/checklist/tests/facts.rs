//! What follows from the example designs without running them.

use std::fmt::Write as _;

use base::CallId;
use config::Design;
use plimsoll_checklist::{Facts, Severity, review};

mod designs;

use designs::{BALANCER, GRPC, INCIDENT, REGIONS, SPELLINGS, read};

fn call(design: &Design, name: &str) -> CallId {
    let mut all = (0..design.calls.len()).map(CallId::from_index);
    all.find(|&id| design.call_name(id) == name).expect("the call is in the design")
}

#[test]
fn the_database_of_the_incident_can_do_what_its_file_says() {
    let design = read(INCIDENT);
    let facts = Facts::of(&design);
    let db = design.node_named("db").expect("it is in the design");

    let well = facts.capacity(db).expect("it has a model");
    let slow = facts.capacities_while(|node| if node == db { 1.4 } else { 1.0 });

    assert_eq!(well.round(), 993.0);
    assert_eq!(slow[db.index()].map(f64::round), Some(709.0));
    assert_eq!(facts.node_traffic(db), Some(800.0));
}

#[test]
fn a_service_is_held_for_as_long_as_those_it_asks() {
    let design = read(INCIDENT);
    let facts = Facts::of(&design);
    let answer = |name| facts.answer_time(design.node_named(name).expect("it is there"));

    let [db, prices, svc] = ["db", "prices", "svc"].map(answer);

    assert!(prices < db, "the step takes as long as its slower part");
    assert_eq!(svc.map(base::Duration::as_millis), db.map(|time| time.as_millis() + 2));
}

#[test]
fn requests_take_the_exception_that_is_for_them() {
    let design = read(GRPC);
    let facts = Facts::of(&design);

    let traffic = ["edge.chat", "edge.chat.only.subscribe"]
        .map(|name| facts.traffic(call(&design, name)).map(f64::round));

    assert_eq!(traffic, [Some(196.0), Some(4.0)]);
}

#[test]
fn a_request_takes_its_route_and_its_exception_however_each_is_spelled() {
    let design = read(SPELLINGS);
    let facts = Facts::of(&design);

    let traffic = ["lb.cafe", "lb.cafe.only.menu", "lb.shop", "lb.shop.only.pay"]
        .map(|name| facts.traffic(call(&design, name)).map(f64::round));

    assert_eq!(traffic, [40.0, 30.0, 20.0, 10.0].map(Some));
}

#[test]
fn behind_a_cache_nobody_knows_how_much_arrives() {
    let design = read(REGIONS);
    let facts = Facts::of(&design);

    assert_eq!(facts.traffic(call(&design, "edge.shelf")), Some(400.0));
    assert_eq!(facts.traffic(call(&design, "shelf.items")), None);
}

#[test]
fn light_takes_fifty_five_milliseconds_from_dublin_to_virginia_and_back() {
    let design = read(REGIONS);
    let facts = Facts::of(&design);
    let [eu, us] = [0, 1].map(base::RegionId::from_index);

    let round_trip = facts.round_trip(eu, us).expect("both places are in the file");

    assert_eq!(round_trip.as_millis(), 54);
    assert_eq!(facts.round_trip(us, eu), Some(round_trip));
}

#[test]
fn tries_multiply_along_the_worst_path() {
    let design = read(INCIDENT);
    let facts = Facts::of(&design);
    let id = call(&design, "svc.db");

    assert_eq!(facts.amplification(id).worst, 64);
    assert_eq!(
        facts.tries_in_words(&facts.worst_path(id)),
        "users -> api 4 x api -> svc 4 x svc -> db 4"
    );
    let design = read(BALANCER);
    let facts = Facts::of(&design);
    // A share of 10 %, and a floor of 1/s beside 300/s.
    let lasting = facts.amplification(call(&design, "lb.svc")).lasting;
    assert_eq!((lasting * 10_000.0).round(), 11_033.0);
}

/// A thousand services that each ask the next two have more paths than there are atoms. Whoever
/// follows them one by one never ends.
#[test]
fn a_design_with_more_paths_than_can_be_followed_is_reviewed_all_the_same() {
    const SERVICES: usize = 1_000;
    let mut text = String::from(
        "[region.eu]\nat = [53.3, -6.3]\n[client.users]\nregion = \"eu\"\ntraffic = \"10/s\"\n\
         requests = [{ share = \"100%\" }]\n[rules.all]\ntimeout = \"1s\"\nidempotent = true\n\
         on_failure = \"error\"\nin_flight = 10\nqueue = 10\n\
         retry = { attempts = 2, backoff = \"none\", budget = \"none\" }\n\
         [call.users.s0]\nrules = \"all\"\n",
    );
    for at in 0..SERVICES {
        let asked = [at + 1, at + 2].into_iter().filter(|&next| next < SERVICES);
        let steps: Vec<String> = asked.clone().map(|next| format!("\"s{next}\"")).collect();
        writeln!(text, "[service.s{at}]\nregion = \"eu\"\nsteps = [{}]", steps.join(", "))
            .expect("a string takes everything");
        for next in asked {
            writeln!(text, "[call.s{at}.s{next}]\nrules = \"all\"").expect("it does");
        }
    }
    let design = read(&text);

    let findings = review(&design);

    assert_eq!(design.calls.len(), 2 * SERVICES - 2);
    assert!(findings.count(Severity::Error) >= design.calls.len());
    assert_eq!(Facts::of(&design).amplification(call(&design, "s998.s999")).worst, u64::MAX);
}

/// Two tries of the client, of each of which five calls with two tries; and an exception of it.
#[test]
fn every_step_that_names_a_call_counts() {
    let text = steps(r#"["db", "db", "db", ["db", "db"]]"#, "\"error\"");
    let design = read(&text);
    let facts = Facts::of(&design);
    let id = call(&design, "a.db");

    let told = facts.amplification(id);

    assert_eq!((told.worst, told.calls, told.tries()), (20, 5, 4));
    assert_eq!(facts.tries_in_words(&facts.worst_path(id)), "u -> a 2 x a -> db 2 in 5 calls");
    let [r07, r08] = ["R07", "R08"].map(|code| {
        let found = review(&design);
        found.iter().find(|f| f.rule.code == code).map(|f| f.message.clone())
    });
    assert_eq!(
        (r07, r08.as_deref()),
        (None, Some("20 attempts on `db` for one request: u -> a 2 x a -> db 2 in 5 calls"))
    );
}

#[test]
fn what_others_fall_back_to_is_called_for_them_too() {
    let text = steps(r#"["db", "copy"]"#, "{ fallback = \"copy\" }");
    let design = read(&text);
    let facts = Facts::of(&design);

    let worst = ["a.db", "a.copy"].map(|name| facts.amplification(call(&design, name)).worst);

    assert_eq!(worst, [4, 8]);
}

/// `a` asks `db` and `copy`; what it does when `db` fails.
fn steps(steps: &str, on_failure: &str) -> String {
    format!(
        r#"
[client.u]
traffic = "100/s"
requests = [{{ path = "/" }}]
[service.a]
steps = {steps}
[service.db]
[service.copy]
[rules.r]
timeout = "1s"
attempt_timeout = "40ms"
idempotent = true
on_failure = "error"
in_flight = 50
queue = 10
retry = {{ attempts = 2, backoff = "1ms..2ms", budget = {{ share = "10%" }} }}
[call.u.a]
rules = "r"
[call.a.db]
rules = "r"
on_failure = {on_failure}
[call.a.copy]
rules = "r"
"#
    )
}
