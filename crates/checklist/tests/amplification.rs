//! How far tries multiply along the ways of a design, and where they only add up.

use std::fmt::Write as _;

use base::CallId;
use config::Design;
use plimsoll_checklist::report::{Reviewed, paths};
use plimsoll_checklist::{Facts, review};
use proptest::prelude::*;

mod designs;

use designs::read;

/// A call: from whom, to whom, how many tries, and what else is said of it.
type Made<'a> = (&'a str, &'a str, u8, &'a str);

#[test]
fn the_tries_of_balancers_in_a_row_add_up_and_those_of_others_multiply() {
    let design = row("", &[("users", "edge", 4), ("edge", "lb", 3), ("lb", "svc", 3)]);
    let facts = Facts::of(&design);
    let last = call(&design, "lb.svc");

    let words = facts.tries_in_words(&facts.worst_path(last));

    assert_eq!(facts.amplification(last).worst, 4 * (3 + 2));
    assert_eq!(words, "users -> edge 4 x (edge -> lb 3 + lb -> svc 2 more)");
    let findings = review(&design);
    let (file, text, remarks) = ("row.toml", "", &[][..]);
    let told = Reviewed { file, text, design: &design, remarks, findings: &findings };
    let told = plimsoll_checklist::report::text(&told, false);
    assert!(told.contains(&format!("{words}  x20 ")), "{told}");
}

#[test]
fn a_service_between_two_balancers_does_not_pass_on_what_they_tell() {
    let worst = ["", "carried_by = \"plimsoll\""].map(|said| {
        let design = design_of(&[
            ("users", "edge", 1, ""),
            ("edge", "svc", 3, ""),
            ("svc", "lb", 3, said),
            ("lb", "end", 3, ""),
        ]);
        Facts::of(&design).amplification(call(&design, "lb.end")).worst
    });

    assert_eq!(worst, [3 * 3 * 3, 3 * (3 + 2)]);
}

#[test]
fn a_client_that_plimsoll_carries_tells_its_balancer_and_one_of_others_does_not() {
    let calls = [("users", "lb", 3), ("lb", "svc", 3)];

    let worst = ["", "carried_by = \"plimsoll\""].map(|said| {
        let design = row(said, &calls);
        Facts::of(&design).amplification(call(&design, "lb.svc")).worst
    });

    assert_eq!(worst, [9, 5]);
}

#[test]
fn connections_carry_no_count_so_the_tries_of_their_balancers_multiply() {
    let l4 = "protocol = \"tcp\"\ntimeout = \"none\"\nidle_timeout = \"1m\"";
    let design =
        design_of(&[("users", "edge", 1, l4), ("edge", "lb", 3, l4), ("lb", "svc", 3, l4)]);

    assert_eq!(Facts::of(&design).amplification(call(&design, "lb.svc")).worst, 9);
}

#[test]
fn the_budgets_of_balancers_in_a_row_add_up_too() {
    let [ten, twenty] = ["10%", "20%"].map(|share| {
        format!(
            "retry = {{ attempts = 3, backoff = \"1ms..9ms\", budget = {{ share = \"{share}\" }} }}"
        )
    });
    let design =
        design_of(&[("users", "edge", 2, ""), ("edge", "lb", 0, &ten), ("lb", "svc", 0, &twenty)]);

    let lasting = Facts::of(&design).amplification(call(&design, "lb.svc")).lasting;

    assert!((lasting - 2.0 * 1.3).abs() < 1e-9, "{lasting}");
}

/// At `lb` five tries arrive by `edge`, of which it takes one for a first, and three from `staff`, all
/// of which it does.
#[test]
fn fewer_tries_that_nobody_is_told_of_can_become_more_than_many_that_are_told() {
    let design = design_of(&[
        ("users", "edge", 1, ""),
        ("edge", "hub", 3, ""),
        ("hub", "lb", 3, ""),
        ("staff", "lb", 3, ""),
        ("lb", "svc", 3, ""),
    ]);
    let facts = Facts::of(&design);
    let last = call(&design, "lb.svc");

    assert_eq!(facts.amplification(call(&design, "hub.lb")).worst, 5);
    assert_eq!(facts.amplification(last).worst, 9);
    assert_eq!(facts.tries_in_words(&facts.worst_path(last)), "staff -> lb 3 x lb -> svc 3");
}

/// Of more clients than are told apart, each with more tries of its own than the one before, and
/// fewer in all.
#[test]
fn where_a_great_many_ways_could_be_the_worst_no_less_is_told_than_the_worst() {
    let names: Vec<_> = (1..=12).map(|at| (format!("users{at}"), format!("lb{at}"))).collect();
    let mut calls: Vec<Made<'_>> = vec![("lb", "svc", 3, "")];
    let mut fewer = 100;
    for ((client, balancer), own) in names.iter().zip(1..) {
        let tries = fewer / own;
        fewer = own * tries - 1;
        calls.extend([(&**client, &**balancer, own, ""), (&**balancer, "lb", tries, "")]);
    }
    let design = design_of(&calls);
    let last = call(&design, "lb.svc");
    let facts = Facts::of(&design);

    let worst = paths(&design, 1).worst[0].worst;

    let told = facts.amplification(last).worst;
    assert!((worst + 1..=worst + 2 * 12).contains(&told), "{told} of {worst}");
    assert_eq!(facts.worst_path(last).len(), 3);
}

#[test]
fn two_balancers_in_a_row_may_try_twice_each_and_not_three_times() {
    let codes = [2, 3].map(|tries| {
        let budget = "budget = { share = \"10%\", floor = \"1/s\", burst = 10 }";
        let retry = format!("retry = {{ attempts = {tries}, backoff = \"1ms..9ms\", {budget} }}");
        let design = design_of(&[
            ("users", "edge", 1, ""),
            ("edge", "lb", 0, &retry),
            ("lb", "svc", 0, &retry),
        ]);
        let found = review(&design);
        found.iter().map(|finding| finding.rule.code).filter(|code| *code == "R08").count()
    });

    assert_eq!(codes, [0, 1]);
}

proptest! {
    /// Whatever asks whatever.
    #[test]
    fn what_is_said_of_a_call_is_what_its_worst_path_makes(
        balancers in prop::array::uniform6(any::<bool>()),
        asked in prop::array::uniform6(any::<u8>()),
        tries in prop::collection::vec(1_u8..5, 64),
    ) {
        let design = six_nodes(balancers, asked, &tries);
        let facts = Facts::of(&design);
        let listed = paths(&design, usize::MAX);
        prop_assert!(listed.complete);

        for id in facts.ends_of_paths() {
            let of_it = listed.worst.iter().filter(|path| path.ids.last() == Some(&id));
            let worst = of_it.clone().map(|path| path.worst).max();
            let lasting = of_it.clone().map(|path| path.lasting).fold(0.0, f64::max);
            let told = facts.amplification(id);
            let by = facts.worst_path(id);

            prop_assert_eq!(Some(told.worst), worst);
            prop_assert!((told.lasting - lasting).abs() < 0.01, "{} {}", told.lasting, lasting);
            prop_assert!(of_it.clone().any(|path| path.ids == by && path.worst == told.worst));
        }
    }
}

/// Six nodes that are `balancers` or not; each asks those of the later ones that a bit of `asked`
/// says, or the end. The first, whoever is asked by nobody, and some others have a client.
fn six_nodes(balancers: [bool; 6], asked: [u8; 6], tries: &[u8]) -> Design {
    let nodes: Vec<_> =
        (0..6).map(|at| format!("{}{at}", if balancers[at] { "lb" } else { "svc" })).collect();
    let clients: Vec<_> = (0..6).map(|at| format!("users{at}")).collect();
    let pairs: Vec<(usize, usize)> = (0..6)
        .flat_map(|from| (from + 1..6).map(move |to| (from, to)))
        .filter(|&(from, to)| asked[from] >> to & 1 == 1)
        .collect();
    let is_asked = |at| pairs.iter().any(|&(_, to)| to == at);
    let asks = |at| pairs.iter().any(|&(from, _)| from == at);
    let has_client = (0..6).filter(|&at| !is_asked(at) || asked[at] & 1 == 1);
    let of_clients = has_client.map(|at| (&*clients[at], &*nodes[at]));
    let between = pairs.iter().map(|&(from, to)| (&*nodes[from], &*nodes[to]));
    let last = (0..6).filter(|&at| !asks(at)).map(|at| (&*nodes[at], "end"));
    let all = of_clients.chain(between).chain(last).zip(tries);
    design_of(&all.map(|((from, to), &tries)| (from, to, tries, "")).collect::<Vec<_>>())
}

fn call(design: &Design, name: &str) -> CallId {
    let mut all = (0..design.calls.len()).map(CallId::from_index);
    all.find(|&id| design.call_name(id) == name).expect("the call is in the design")
}

/// Calls in a row, of which something more is said of the first.
fn row(first: &str, calls: &[(&str, &str, u8)]) -> Design {
    let said = |at| if at == 0 { first } else { "" };
    let calls: Vec<Made<'_>> = calls
        .iter()
        .enumerate()
        .map(|(at, &(from, to, tries))| (from, to, tries, said(at)))
        .collect();
    design_of(&calls)
}

/// `users…` and `staff` are clients, `edge`, `hub` and `lb…` balancers, all others services.
fn design_of(calls: &[Made<'_>]) -> Design {
    let mut text = String::new();
    let mut names: Vec<&str> = calls.iter().flat_map(|&(from, to, ..)| [from, to]).collect();
    names.sort_unstable();
    names.dedup();
    for (at, name) in names.into_iter().enumerate() {
        let asks: Vec<&str> =
            calls.iter().filter(|(from, ..)| *from == name).map(|&(_, to, ..)| to).collect();
        let is_l4 = calls.iter().any(|(_, to, _, said)| *to == name && said.contains("tcp"));
        text.push_str(&node(name, &asks, (1 + at, is_l4)));
    }
    for (from, to, tries, said) in calls {
        let mut rules = format!("[call.{from}.{to}]\n{said}\n");
        if !said.contains("timeout =") {
            rules.push_str("timeout = \"9s\"\n");
        }
        if !said.contains("retry =") {
            let retry = "backoff = \"1ms..9ms\", budget = \"none\"";
            let _ = writeln!(rules, "retry = {{ attempts = {tries}, {retry} }}");
        }
        rules.push_str("idempotent = true\non_failure = \"error\"\nin_flight = 9\nqueue = 0\n");
        text.push_str(&rules);
    }
    read(&text)
}

fn node(name: &str, asks: &[&str], (port, is_l4): (usize, bool)) -> String {
    if name.starts_with("users") || name == "staff" {
        let request = "{ share = \"100%\", path = \"/\" }";
        return format!("[client.{name}]\ntraffic = \"10/s\"\nrequests = [{request}]\n");
    }
    if !name.starts_with("lb") && !["edge", "hub"].contains(&name) {
        let steps: Vec<String> = asks.iter().map(|to| format!("\"{to}\"")).collect();
        return format!("[service.{name}]\nsteps = [{}]\n", steps.join(", "));
    }
    let route = |to: &&str| format!("{{ path = \"/{to}\", to = \"{to}\" }}");
    let where_to = match is_l4 {
        true => format!("protocol = \"tcp\", to = \"{}\"", asks[0]),
        false => format!("routes = [{}]", asks.iter().map(route).collect::<Vec<_>>().join(", ")),
    };
    format!("[balancer.{name}]\nlisten = [{{ address = \"127.0.0.1:{port}\", {where_to} }}]\n")
}
