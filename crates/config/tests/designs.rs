//! The five designs of the repository are the specification by example.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fmt::Write;

use plimsoll_config::design::{NodeKind, Source};
use plimsoll_config::graph::Graph;
use plimsoll_config::{Design, NoFiles, effective, load_bytes, render};

const DESIGNS: [(&str, &str); 5] = [
    ("balancer", include_str!("../../../designs/balancer.toml")),
    ("grpc", include_str!("../../../designs/grpc.toml")),
    ("incident", include_str!("../../../designs/incident.toml")),
    ("postgres", include_str!("../../../designs/postgres.toml")),
    ("regions", include_str!("../../../designs/regions.toml")),
];

#[test]
fn each_design_of_the_repository_is_read_without_a_word() {
    for (name, text) in DESIGNS {
        let loaded = load_bytes(text.as_bytes(), &NoFiles);
        assert!(
            loaded.diagnostics.is_empty(),
            "{}",
            render(&loaded.diagnostics, name, text, false)
        );
        assert!(loaded.design.is_some());
    }
}

#[test]
fn the_naive_rules_of_the_demo_need_no_call_that_takes_them() {
    let text = include_str!("../../../designs/demo.toml");
    let loaded = load_bytes(text.as_bytes(), &NoFiles);
    assert!(loaded.diagnostics.is_empty(), "{}", render(&loaded.diagnostics, "demo", text, false));
}

#[test]
fn each_design_means_what_it_says() {
    for (name, text) in DESIGNS {
        insta::assert_snapshot!(name, facts(&read(text)));
    }
}

#[test]
fn every_value_that_holds_comes_from_a_line_or_a_default() {
    let (_, text) = DESIGNS[0];
    let calls = effective(&read(text), text);

    let table = calls.iter().fold(String::new(), |mut table, call| {
        let _ = writeln!(table, "{} (line {})", call.call, call.line);
        for value in &call.values {
            let line = value.line.map(|line| format!("line {line}"));
            let from = line.or(value.default.map(str::to_owned)).unwrap_or_default();
            let _ = writeln!(table, "  {:<28} {:<36} {from}", value.key, value.value);
        }
        table
    });

    insta::assert_snapshot!("effective", table);
}

#[test]
fn no_question_of_these_designs_is_unanswered() {
    for (name, text) in DESIGNS {
        for call in &read(text).calls {
            let missing = call.answers.values.iter().find(|a| a.source == Source::Missing);
            assert_eq!(missing.map(|answer| answer.key), None, "{name}");
        }
    }
}

fn read(text: &str) -> Design {
    load_bytes(text.as_bytes(), &NoFiles).design.unwrap()
}

fn facts(design: &Design) -> String {
    let mut facts = String::new();
    for node in &design.nodes {
        let kind = match &node.kind {
            NodeKind::Client(client) => {
                format!("client {} {:?}", client.traffic(), client.arrivals)
            }
            NodeKind::Balancer(balancer) => {
                let takes = |l: &plimsoll_config::design::Listen| {
                    let routes = l.routes.iter().map(|r| format!("{:?}", r.takes));
                    format!(
                        "{} {:?} {}",
                        l.address,
                        l.protocol,
                        routes.collect::<Vec<_>>().join(" ")
                    )
                };
                balancer.listen.iter().map(takes).collect::<Vec<_>>().join("; ")
            }
            NodeKind::Service(service) => format!("{:?}", service.model),
            NodeKind::Database(database) => format!(
                "primary {:?} replicas {:?} {:?}",
                database.primary, database.replicas, database.model
            ),
            NodeKind::Cache(cache) => format!("{cache:?}"),
        };
        let instances: Vec<_> = node
            .instances
            .iter()
            .map(|(region, count)| format!("{}={count}", design.regions[region.index()].name))
            .collect();
        let _ = writeln!(facts, "{} [{}] {kind}", node.name, instances.join(" "));
    }
    for path in Graph::of(design).paths().paths {
        let calls: Vec<_> = path.iter().map(|&call| design.call_name(call)).collect();
        let _ = writeln!(facts, "path {}", calls.join(" -> "));
    }
    for (at, call) in design.calls.iter().enumerate() {
        let name = design.call_name(base::CallId::from_index(at));
        let rules = &call.rules;
        let _ = writeln!(
            facts,
            "call {name}: {:?}, {:?}, {} tries, floor {}, {:?}, {:?}",
            call.protocol,
            rules.carrier,
            rules.retry.attempts,
            rules.budget.map_or_else(|| "none".to_owned(), |budget| budget.floor().to_string()),
            rules.region,
            call.on_failure.value,
        );
    }
    for incident in &design.incidents {
        for entry in &incident.entries {
            let _ = writeln!(
                facts,
                "incident {} {:?} {:?} {:?} at {} for {:?}",
                incident.name, entry.on, entry.share, entry.fault, entry.at, entry.lasts
            );
        }
    }
    facts
}
