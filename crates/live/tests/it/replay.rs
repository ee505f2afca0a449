//! What was decided about real traffic is decided again, from the log alone.

use plimsoll_live::{Difference, replay};

use crate::service::{Service, nobody};
use crate::site::{Site, eventually};

#[test]
fn every_decision_about_real_traffic_with_faults_is_made_again_by_the_engine_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("decisions.log");
    let site = site_with_faults(&file);
    let (design, options) = (site.design(), site.options());
    let balancer = site.start();

    let mut clients: Vec<_> = (0..40).map(|_| balancer.client()).collect();
    for round in 0..5 {
        for (number, client) in clients.iter_mut().enumerate() {
            let method = if (number + round) % 4 == 0 { "POST" } else { "GET" };
            let request =
                format!("{method} /{number} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
            client.send(request.as_bytes());
        }
        for client in &mut clients {
            client.answer();
        }
    }
    eventually("somebody had tried again", || {
        balancer.get("/");
        balancer.metric("retries_refused_total", &["retried_below"]) > 0.0
    });
    // Somebody who leaves.
    let mut leaving = Vec::new();
    eventually("one is under way", || {
        let mut client = balancer.client();
        client.send(b"GET /hang HTTP/1.1\r\nHost: a\r\n\r\n");
        leaving.push(client);
        balancer.metric("in_flight", &[]) > 0.0
    });
    drop(leaving);
    balancer.assert_nothing_leaked();
    let retries = balancer.metric("retries_total", &[]);
    let queued = balancer.metric("queued_total", &[]);
    drop(clients);
    balancer.drain();
    balancer.wait();

    let log = std::fs::read_to_string(&file).unwrap();
    let compared = replay(&design, &options, &log).unwrap_or_else(|found| panic!("{found}"));

    assert!(compared > 400, "{compared}");
    assert!(retries > 0.0 && queued > 0.0, "the traffic met faults and limits");
}

#[test]
fn a_log_of_other_decisions_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("decisions.log");
    let site = site_with_faults(&file);
    let (design, options) = (site.design(), site.options());
    let balancer = site.start();
    for _ in 0..20 {
        balancer.get("/");
    }
    balancer.drain();
    balancer.wait();
    let log = std::fs::read_to_string(&file).unwrap();

    let other = log.replacen("EndpointId(1)", "EndpointId(2)", 1);

    assert!(matches!(replay(&design, &options, &other), Err(Difference::Decision { .. })));
}

/// One endpoint answers, one is ill and says on every second connection that it has tried again, one
/// is not there; few may be under way.
fn site_with_faults(file: &std::path::Path) -> Site {
    let flaky = Box::leak(Box::new(Service::script(|connection| {
        while let Some(request) = connection.request() {
            if request.contains("/hang") {
                return connection.until_closed();
            }
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell");
        }
    })));
    let ill = Box::leak(Box::new(Service::script(|connection| {
        let tries = connection.number % 2 + 1;
        let answer =
            format!("HTTP/1.1 503 Ill\r\nPlimsoll-Attempt: {tries}\r\nContent-Length: 0\r\n\r\n");
        while connection.request().is_some() {
            connection.send(answer.as_bytes());
        }
    })));
    Site::before(&[flaky.address, ill.address, nobody()])
        .record(file)
        .rule("in_flight", "8")
        .rule("queue", "64")
        .rule("balance", "\"least-of-two\"")
        .rule("eject", "{ consecutive_failures = 5, time = \"200ms\", at_most = \"34%\" }")
        .rule(
            "breaker",
            "{ error_rate = \"90%\", window = \"1s\", min_calls = 20, cooldown = \"100ms\", probes = 2 }",
        )
        .rule(
            "health",
            "{ path = \"/healthz\", every = \"100ms\", timeout = \"100ms\", up_after = 1, down_after = 3 }",
        )
}
