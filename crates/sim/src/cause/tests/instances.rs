//! Some instances of a service are bad and the others are well: what would have left them out.

use base::Duration;

use crate::cause::change::{give_checks, give_ejections};
use crate::cause::ordinary::{Ordinary, Quiet};
use crate::examples::{design, options_for};
use crate::plan::Plan;
use crate::{Options, Report, run};

#[test]
fn an_instance_that_fails_to_the_end_is_asked_because_nothing_ejects_it() {
    for (caller, instances) in [(Caller::Balancer, 3), (Caller::Service, 2)] {
        for fault in ["crash\"", "hang\"", "error\"\nrate = \"100%\"\nstatus = 503"] {
            let report = named(&shop(caller, instances, "", &bad(fault, 1, instances)));

            let first = report.causes.get(1).map(|cause| cause.kind);
            assert_eq!(first, Some("ejection"), "{fault} {:#?}", report.causes);
            let told = "is not borne because of the missing ejection of front -> svc.";
            assert!(report.conclusion.unwrap().ends_with(told));
        }
    }
}

/// Without a timeout nothing that hangs ever fails. A short queue would turn requests away and have it
/// ejected, but nothing lingers while it hangs.
#[test]
fn an_instance_that_hangs_for_who_waits_for_ever_is_asked_because_nothing_checks_it() {
    let text = shop(Caller::Balancer, 3, EJECT, &bad("hang\"", 1, 3))
        .replace("timeout = \"400ms\"", "timeout = \"none\"")
        .replace("queue = 32", "queue = \"none\"");
    let report = named(&text);

    let told = "`hang` on svc (1 of 3) is there to the end, and is not borne because of the missing \
                health checks of front -> svc.";
    assert_eq!(report.conclusion.as_deref(), Some(told), "{:#?}", report.causes);
    assert!(report.causes.iter().any(|cause| cause.kind == "queue" && cause.recovers == 1.0));
}

#[test]
fn neither_is_missed_where_all_instances_are_bad() {
    let report = named(&shop(Caller::Balancer, 3, "", &bad("crash\"", 3, 3)));

    assert_eq!(report.causes.len(), 1, "{:#?}", report.causes);
}

/// What adds load is told first, whatever began it.
#[test]
fn a_storm_of_retries_that_some_bad_instances_began_is_kept_up_by_the_retries() {
    let retry = "retry = { attempts = 4, backoff = \"none\", budget = \"none\" }";
    let storm = format!("in_flight = \"none\"\n{retry}");
    let text = shop(Caller::Service, 2, "", &(bad("hang\"", 1, 2) + "lasts = \"20s\"\n"))
        .replace("workers = 8, queue = 32, service_time = \"10ms\"", SMALL)
        .replace("timeout = \"400ms\"\n", "timeout = \"900ms\"\nattempt_timeout = \"200ms\"\n")
        .replace("in_flight = 64\nqueue = 0\nretry = \"none\"", &storm);
    let report = named(&text);

    let told =
        "`hang` on svc (1 of 2) began it, and it is kept up by the retry policy of front -> svc.";
    assert_eq!(report.conclusion.as_deref(), Some(told), "{:#?}", report.causes);
}

#[test]
fn only_who_can_ask_somebody_else_and_shares_what_it_learns_gets_either_rule() {
    let far = "[region.us]\nat = [39.0, -77.5]\n";
    let apart = shop(Caller::Service, 2, "regions = \"own\"\n", far)
        .replace("[service.svc]\ninstances = 2", "[service.svc]\ninstances = { eu = 1, us = 1 }");
    for (text, changes) in [
        (shop(Caller::Balancer, 2, "", ""), Some("front -> svc")),
        (shop(Caller::Service, 2, "", ""), Some("front -> svc")),
        (shop(Caller::Balancer, 1, "", ""), None),
        (apart, None),
    ] {
        let design = design(&text);
        let options = options_for("none", 20);
        let plan = Plan::new(&design, &options).unwrap();
        let quiet = Quiet::default();
        let ordinary = Ordinary::new(&plan, &[], &quiet);

        let (ejection, health) = (
            give_ejections(&mut design.clone(), &ordinary),
            give_checks(&mut design.clone(), &ordinary),
        );

        let nouns = [ejection, health].map(|change| change.map(|change| change.noun));
        let told = ["ejection", "health checks"]
            .map(|rule| changes.map(|calls| format!("the missing {rule} of {calls}")));
        assert_eq!(nouns, told, "{text}");
    }
}

const EJECT: &str = "balance = \"round-robin\"\n\
    eject = { consecutive_failures = 5, time = \"60s\", at_most = \"33%\" }\n";

/// An instance can do 50/s.
const SMALL: &str = "workers = 1, queue = \"none\", service_time = \"20ms\"";

#[derive(Clone, Copy)]
enum Caller {
    Balancer,
    Service,
}

/// Two instances of `front` that call `svc`, and clients that call them.
fn shop(caller: Caller, instances: u32, rules: &str, more: &str) -> String {
    let addresses: Vec<_> = (1..=instances).map(|at| format!("\"127.0.0.1:900{at}\"")).collect();
    let (front, svc) = match caller {
        Caller::Balancer => (
            "[balancer.front]\nregion = \"eu\"\ninstances = 2\n[[balancer.front.listen]]\naddress = \"127.0.0.1:8080\"\n\
             protocol = \"http\"\nroutes = [{ path = \"/\", to = \"svc\" }]",
            format!("endpoints = [{}]", addresses.join(", ")),
        ),
        Caller::Service => (
            "[service.front]\nregion = \"eu\"\ninstances = 2\nsteps = [\"svc\"]\n\
             model = { workers = 64, queue = 64, service_time = \"1ms\" }",
            format!("instances = {instances}"),
        ),
    };
    format!(
        r#"
[region.eu]
at = [53.3, -6.3]
[client.users]
region = "eu"
traffic = "60/s"
requests = [{{ share = "100%", method = "GET", path = "/" }}]
{front}
[service.svc]
{svc}
model = {{ workers = 8, queue = 32, service_time = "10ms" }}
[call.users.front]
timeout = "2s"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = "none"
[call.front.svc]
timeout = "400ms"
idempotent = true
on_failure = "error"
in_flight = 64
queue = 0
retry = "none"
{rules}
{more}
"#
    )
}

fn bad(fault: &str, share: u32, of: u32) -> String {
    format!(
        "[[incident.it]]\non = \"svc\"\nshare = \"{share} of {of}\"\nkind = \"{fault}\nat = \"10s\"\n"
    )
}

fn named(text: &str) -> Report {
    let lasts = Some(Duration::from_secs(100));
    run(&design(text), &Options { causes: true, lasts, ..Options::default() }).unwrap()
}
