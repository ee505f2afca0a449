//! What a design file means, where the five designs do not show it.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use base::{Duration, Rate, Share};
use engine::Carrier;
use model::service::{Contention, ServiceTime};
use model::traffic::Arrivals;
use plimsoll_config::design::{Call, NodeKind, OnFailure, Part, Protocol, Source};
use plimsoll_config::{Design, Files, load, load_bytes, render};

#[test]
fn what_a_call_says_itself_replaces_what_its_rules_say_as_a_whole() {
    let design = read(&format!(
        "{TWO}[rules.careful]\ntimeout = \"1s\"\nretry = {{ attempts = 3, backoff = \"1ms..2ms\" }}\n\
         [call.users.svc]\nrules = \"careful\"\nretry = {{ attempts = 2 }}\n"
    ));

    assert_eq!(only_call(&design).rules.deadline.timeout, Some(Duration::from_secs(1)));
    assert_eq!(only_call(&design).rules.retry.attempts, 2);
    assert_eq!(source(only_call(&design), "retry.backoff"), Some(Source::Missing));
}

#[test]
fn an_exception_inherits_from_its_call_and_its_rules() {
    let design = read(&format!(
        "{TWO}[rules.careful]\ntimeout = \"1s\"\nin_flight = 7\n\
         [call.users.svc]\nrules = \"careful\"\nidempotent = true\n\
         [call.users.svc.only.report]\npath = \"/report\"\ntimeout = \"9s\"\n"
    ));

    let exception = &design.calls[1];

    assert_eq!(design.call_name(base::CallId(1)), "users.svc.only.report");
    assert_eq!(exception.rules.deadline.timeout, Some(Duration::from_secs(9)));
    assert_eq!(exception.rules.admission.in_flight, Some(7));
    assert_eq!(exception.rules.idempotence, engine::Idempotence::Always);
}

#[test]
fn a_stream_does_not_inherit_the_end_of_a_try() {
    let design = read(&format!(
        "{TWO}[call.users.svc]\ntimeout = \"1s\"\nattempt_timeout = \"400ms\"\n\
         [call.users.svc.only.watch]\npath = \"/watch\"\ntimeout = \"stream\"\n"
    ));

    assert!(design.calls[1].stream);
    assert_eq!(design.calls[1].rules.deadline, policy::deadline::Params::default());
    assert_eq!(source(&design.calls[1], "idle_timeout"), Some(Source::Missing));
}

#[test]
fn an_unanswered_question_is_no_error_here_and_none_is_an_answer() {
    let silent = read(&format!("{TWO}[call.users.svc]\n"));
    let spelled = read(&format!(
        "{TWO}[call.users.svc]\ntimeout = \"none\"\nidempotent = false\non_failure = \"error\"\n\
         in_flight = \"none\"\nretry = \"none\"\n"
    ));

    for key in ["timeout", "idempotent", "on_failure", "in_flight", "retry"] {
        assert_eq!(source(only_call(&silent), key), Some(Source::Missing), "{key}");
        assert!(matches!(source(only_call(&spelled), key), Some(Source::File(_))), "{key}");
    }
    assert_eq!(only_call(&silent).on_failure.value, OnFailure::Missing);
}

#[test]
fn the_floor_of_a_budget_is_for_all_instances_together() {
    let design = read(&format!(
        "{TWO}[balancer.lb]\ninstances = 4\nlisten = [{{ address = \"127.0.0.1:0\", to = \"svc\" }}]\n\
         [call.users.lb]\n[call.lb.svc]\ntimeout = \"1s\"\n\
         retry = {{ attempts = 2, budget = {{ share = \"10%\", floor = \"2/s\" }} }}\n"
    ));

    let call = &design.calls[1];

    assert_eq!(call.rules.budget.unwrap().floor(), Rate::from_millis_per_sec(500));
    let written = call.answers.values.iter().find(|answer| answer.key == "retry.budget.floor");
    assert_eq!(written.unwrap().value, "2/s");
}

#[test]
fn only_a_balancer_is_ours_unless_the_file_says_so() {
    let of = |said: &str| {
        let design = read(&format!("{TWO}[call.users.svc]\n{said}"));
        only_call(&design).rules.carrier
    };

    assert_eq!(of(""), Carrier::Others);
    assert_eq!(of("carried_by = \"plimsoll\"\n"), Carrier::Plimsoll);
}

#[test]
fn the_default_connect_timeout_is_never_longer_than_a_try() {
    let connect = |said: &str| {
        let text = format!("{TWO}[call.users.svc]\ncarried_by = \"plimsoll\"\n{said}");
        only_call(&read(&text)).rules.connect_timeout
    };

    assert_eq!(connect("timeout = \"5s\"\n"), Some(Duration::from_secs(1)));
    assert_eq!(connect("timeout = \"300ms\"\n"), Some(Duration::from_millis(300)));
    let both = "timeout = \"5s\"\nattempt_timeout = \"200ms\"\n";
    assert_eq!(connect(both), Some(Duration::from_millis(200)));
}

#[test]
fn a_call_speaks_what_its_listener_speaks() {
    let design = read(
        "[client.users]\ntraffic = \"1/s\"\n[database.db]\n\
         [balancer.pg]\nlisten = [{ address = \"127.0.0.1:0\", protocol = \"tcp\", to = \"db\" }]\n\
         [call.users.pg]\n[call.pg.db]\n",
    );

    assert!(design.calls.iter().all(|call| call.protocol == Protocol::Tcp));
}

#[test]
fn work_takes_the_time_that_the_file_describes() {
    let ms = Duration::from_millis;
    let of = |written: &str| {
        let text = format!(
            "[client.users]\ntraffic = \"1/s\"\n[call.users.svc]\n[service.svc]\n\
             model = {{ workers = 2, queue = \"none\", service_time = {written}, \
             contention = {{ sigma = 0.1, kappa = 0.01 }} }}\n"
        );
        let design = read(&text);
        let model = design.nodes[1].model().unwrap();
        assert_eq!(model.contention, Some(Contention { sigma: 0.1, kappa: 0.01 }));
        assert_eq!(model.queue, None);
        model.service_time.clone()
    };

    assert_eq!(of("\"8ms\""), ServiceTime::Constant(ms(8)));
    assert_eq!(
        of("{ median = \"8ms\", p99 = \"60ms\" }"),
        ServiceTime::Lognormal { median: ms(8), p99: ms(60) }
    );
    assert_eq!(
        of("{ mean = \"2ms\", shape = \"exponential\" }"),
        ServiceTime::Exponential { mean: ms(2) }
    );
    assert_eq!(of("{ file = \"times\" }"), ServiceTime::Empirical(vec![ms(1), ms(3)]));
}

#[test]
fn traffic_arrives_as_the_file_describes() {
    let of = |written: &str| {
        let text =
            format!("[client.users]\ntraffic = {written}\n[service.svc]\n[call.users.svc]\n");
        match &read(&text).nodes[0].kind {
            NodeKind::Client(client) => client.arrivals.clone(),
            other => panic!("{other:?}"),
        }
    };

    assert_eq!(of("\"300/s\""), Arrivals::Poisson(Rate::per_sec(300)));
    assert_eq!(of("{ constant = \"30/m\" }"), Arrivals::Constant(Rate::from_millis_per_sec(500)));
    assert_eq!(
        of("{ mean = \"300/s\", peak = 3, burst = \"2s\" }"),
        Arrivals::Bursty { mean: Rate::per_sec(300), peak: 3.0, burst: Duration::from_secs(2) }
    );
    let ms = Duration::from_millis;
    assert_eq!(of("{ replay = \"times\" }"), Arrivals::Replayed(vec![ms(1), ms(3)]));
}

#[test]
fn endpoints_are_instances_and_have_weights() {
    let design = read(
        "[region.eu]\n[region.us]\n[client.users]\nregion = \"eu\"\ntraffic = \"1/s\"\n\
         [call.users.svc]\n[service.svc]\n\
         endpoints = { eu = [\"10.0.0.1:80\", { address = \"10.0.0.2:80\", weight = 3 }], us = [\"b:1\"] }\n",
    );

    let svc = &design.nodes[1];
    let weights: Vec<u32> = svc.endpoints().iter().map(|endpoint| endpoint.weight).collect();

    assert_eq!(svc.instances, [(base::RegionId(0), 2), (base::RegionId(1), 1)]);
    assert_eq!(weights, [1, 3, 1]);
}

#[test]
fn thirds_make_a_whole() {
    let design = read(
        "[client.users]\ntraffic = \"1/s\"\n[service.svc]\n[call.users.svc]\n[client.more]\n\
         traffic = \"1/s\"\nrequests = [{ share = \"33.3%\" }, { share = \"33.3%\" }, { share = \"33.3%\" }]\n\
         [call.more.svc]\n",
    );

    let NodeKind::Client(client) = &design.nodes[2].kind else { panic!("not a client") };
    let sum: u32 = client.requests.iter().map(|kind| kind.share.as_millionths()).sum();

    assert_eq!(sum, Share::WHOLE.as_millionths());
}

#[test]
fn a_fault_hits_a_part_or_the_whole() {
    let design = read(&format!(
        "{TWO}[call.users.svc]\n[incident]\n\
         half = {{ on = \"svc\", share = \"50%\", kind = \"crash\", at = \"1s\" }}\n\
         all = {{ on = \"users -> svc\", kind = \"loss\", loss = \"30%\", at = \"1s\" }}\n"
    ));

    let shares: Vec<Part> = design.incidents.iter().map(|i| i.entries[0].share).collect();

    assert_eq!(shares, [Part::Share(Share::percent(50)), Part::Whole]);
}

#[test]
fn losses_come_by_chance_or_in_bursts() {
    let design = read(&format!(
        "[region.eu]\n[region.us]\n[link.eu.us]\nloss = {{ rate = \"0.5%\", burst = 4 }}\n{}[call.users.svc]\n\
         [[incident.it]]\non = \"users -> svc\"\nkind = \"loss\"\nloss = {{ rate = \"10%\", burst = 5 }}\nat = \"1s\"\n\
         [[incident.it]]\non = \"users -> svc\"\nkind = \"loss\"\nloss = \"10%\"\nat = \"1s\"\n",
        TWO.replace("[client.users]", "[client.users]\nregion = \"eu\"")
            .replace("[service.svc]", "[service.svc]\nregion = \"us\"")
    ));

    let faults: Vec<_> = design.incidents[0].entries.iter().map(|entry| &entry.fault).collect();
    let loss = |burst| model::fault::Fault::Loss { loss: Share::percent(10), burst };
    assert_eq!(faults, [&loss(5), &loss(1)]);
    let link = &design.links[0];
    assert_eq!((link.loss, link.burst), (Some(Share::from_millionths(5_000)), 4));
}

#[test]
fn files_are_looked_for_beside_the_design() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("times.txt"), "1ms\n3ms\n").unwrap();
    let name = folder.path().join("design.toml");
    let with = |file: &str| {
        let text = format!(
            "[client.users]\ntraffic = {{ replay = {file:?} }}\n[service.svc]\n[call.users.svc]\n"
        );
        load(&name.to_string_lossy(), &text)
    };

    assert!(with("times.txt").design.is_some());
    assert_eq!(with("no-such.txt").diagnostics[0].code, "P025");
    assert_eq!(with(".").diagnostics[0].code, "P025");
    assert_eq!(with("/dev/zero").diagnostics[0].code, "P025");
}

const TWO: &str = "[client.users]\ntraffic = \"1/s\"\n[service.svc]\n";

struct Times;

impl Files for Times {
    fn read(&self, _: &str) -> Result<String, String> {
        Ok("1ms\n3ms\n".to_owned())
    }
}

#[test]
fn who_is_asked_may_be_a_word_or_a_table_with_a_slow_start() {
    let balance = |said: &str| {
        let design = read(&format!("{TWO}[call.users.svc]\nbalance = {said}\n"));
        let rules = &only_call(&design).rules;
        (rules.balance, rules.slow_start.map(|rule| rule.window()))
    };
    use policy::balance::Params::{LeastOfTwo, RoundRobin};

    let half_a_minute = Some(Duration::from_secs(30));
    assert_eq!(balance("\"round-robin\""), (RoundRobin, None));
    assert_eq!(
        balance("{ by = \"round-robin\", slow_start = \"30s\" }"),
        (RoundRobin, half_a_minute)
    );
    assert_eq!(balance("{ slow_start = \"30s\" }"), (RoundRobin, half_a_minute), "of a crowd");
    assert_eq!(balance("\"least-of-two\""), (LeastOfTwo, None));
    assert_eq!(balance("{ by = \"round-robin\", slow_start = \"none\" }"), (RoundRobin, None));
}

#[test]
fn who_tries_once_need_not_say_more_but_what_is_said_has_to_make_sense() {
    let once = |more: &str| format!("{TWO}[call.users.svc]\nretry = {{ attempts = 1{more} }}\n");

    let brief = read(&once(""));
    assert_eq!(source(only_call(&brief), "retry.backoff"), None);
    assert_eq!(source(only_call(&brief), "retry.budget"), None);
    assert_eq!(source(only_call(&brief), "retry.on"), None);
    let full = read(&once(", backoff = \"1ms..2ms\", budget = { share = \"10%\" }, on = [503]"));
    assert_eq!(only_call(&full).rules.retry, policy::retry::Params::NEVER);
    assert_eq!(only_call(&full).rules.budget, None);
    for (wrong, code) in [
        (", backoff = \"2ms..1ms\"", "P016"),
        (", budget = { share = \"200%\" }", "P013"),
        (", budget = { shares = \"10%\" }", "P010"),
        (", on = [200]", "P013"),
    ] {
        let loaded = load("test.toml", &once(wrong));
        let codes: Vec<_> = loaded.diagnostics.iter().map(|told| told.code).collect();
        assert_eq!(codes, [code], "{wrong}");
    }
}

fn read(text: &str) -> Design {
    let loaded = load_bytes(text.as_bytes(), &Times);
    assert!(loaded.design.is_some(), "{}", render(&loaded.diagnostics, "test", text, false));
    loaded.design.unwrap()
}

fn only_call(design: &Design) -> &Call {
    assert_eq!(design.calls.len(), 1);
    &design.calls[0]
}

fn source(call: &Call, key: &str) -> Option<Source> {
    call.answers.values.iter().find(|answer| answer.key == key).map(|answer| answer.source)
}
