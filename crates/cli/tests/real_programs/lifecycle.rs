//! From start to end: what an operator gets wrong, and what they ask for by a signal.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::balancer::{Balancer, plimsoll, run};
use crate::design::Design;
use crate::http::{self, Connection, get_head};
use crate::programs::{self, PATIENCE, Running, free_address, until};
use crate::upstream::scripted::{Asked, Scripted};
use crate::upstream::{Files, Kind, Upstream};

#[test]
fn asked_to_end_it_finishes_what_is_in_flight_and_takes_nothing_new() {
    let upstream = Upstream::start(Kind::Python);
    let mut balancer = Balancer::start(&Design::before(&[upstream.address]));
    let mut idle = Connection::open(balancer.address).unwrap();
    assert_eq!(idle.get("/small").unwrap().status(), 200);
    let mut slow = asking(&balancer, "/slow/600");
    in_flight(&balancer, 1.0);

    balancer.program().signal(Signal::TERM);
    assert!(idle.is_ended().unwrap(), "an idle connection is closed at once");
    until(PATIENCE, "nobody is let in any more", || {
        http::get(balancer.address, "/small")
            .map_or(true, |answer| answer.status() == 503)
            .then_some(())
    });
    let answer = slow.answer("GET").unwrap();

    assert_eq!((answer.status(), answer.text().as_str()), (200, "late"));
    assert_eq!(balancer.program().end_within(PATIENCE).code(), Some(0), "{}", balancer.complaint());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let upstream = Scripted::start(Asked::hang);
    let mut balancer = Balancer::start(&Design::before(&[upstream.address]));
    let _waits = asking(&balancer, "/hangs");
    in_flight(&balancer, 1.0);

    let asked = Instant::now();
    balancer.program().signal(Signal::TERM);
    // Signals of the same kind that arrive together are one.
    thread::sleep(Duration::from_millis(200));
    assert_eq!(balancer.program().ended(), None, "it waits for the request");
    balancer.program().signal(Signal::TERM);
    balancer.program().end_within(Duration::from_secs(1));

    assert!(asked.elapsed() < Duration::from_millis(1_500));
}

#[test]
fn a_port_in_use_is_one_clear_line_and_exit_2() {
    let taken = free_address();
    let _holder = TcpListener::bind(taken).unwrap();
    let (folder, design) = (programs::folder().unwrap(), Design::before(&[free_address()]));
    let admin = free_address().to_string();

    let (code, complaint) =
        ended(plimsoll().args(run(&folder, &design, taken)).args(["--admin", &admin]));

    assert_eq!(code, Some(2), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    assert!(complaint.contains(&taken.to_string()), "{complaint}");
}

#[test]
fn an_admin_port_in_use_is_one_clear_line_and_exit_2() {
    let taken = free_address();
    let _holder = TcpListener::bind(taken).unwrap();
    let (folder, design) = (programs::folder().unwrap(), Design::before(&[free_address()]));

    let arguments = run(&folder, &design, free_address());
    let (code, complaint) = ended(plimsoll().args(arguments).args(["--admin", &taken.to_string()]));

    assert_eq!(code, Some(2), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    assert!(complaint.contains(&taken.to_string()), "{complaint}");
}

#[test]
fn a_service_that_is_missing_at_the_start_is_a_502_until_it_is_there() {
    let mut upstream = Upstream::start(Kind::Nginx);
    upstream.kill();
    let balancer = Balancer::start(&Design::before(&[upstream.address]));

    let missing = balancer.get("/small");
    upstream.restart();
    let there = balancer.get("/small");

    assert_eq!((missing.status(), there.status()), (502, 200));
    assert!(missing.field("proxy-status").unwrap_or_default().contains("error=connection_refused"));
    assert_eq!(there.body, Files::new().small);
    balancer.finish();
}

#[test]
fn checks_that_call_the_only_service_down_are_not_believed_and_it_is_asked_all_the_same() {
    let mut upstream = Upstream::start(Kind::Nginx);
    upstream.kill();
    let health =
        r#"{ path = "/healthz", every = "100ms", timeout = "50ms", up_after = 1, down_after = 1 }"#;
    let balancer = Balancer::start(&Design::before(&[upstream.address]).with("health", health));

    until(PATIENCE, "it is asked although its checks fail", || {
        let down = balancer.get("/small");
        assert_eq!(down.status(), 502, "{down:?}");
        assert!(down.field("proxy-status").unwrap_or_default().contains("connection_refused"));
        (balancer.metric("plimsoll_failed_open_total") > 0.0).then_some(())
    });
    upstream.restart();
    let back = balancer.get("/small");

    assert_eq!((back.status(), back.body), (200, Files::new().small));
    balancer.finish();
}

#[test]
fn a_full_disk_under_the_log_is_a_clear_line_and_stops_nobody() {
    let upstream = Upstream::start(Kind::Nginx);
    let (folder, address, admin) = (programs::folder().unwrap(), free_address(), free_address());
    let mut command = plimsoll();
    command.args(run(&folder, &Design::before(&[upstream.address]), address));
    command.args(["--admin", &admin.to_string(), "--log", "/dev/full"]);
    let mut balancer = Running::start(command.stdout(Stdio::null()).stderr(Stdio::piped()));
    until(PATIENCE, "it is ready", || {
        http::get(admin, "/readyz").ok().filter(|a| a.status() == 200)
    });

    let mut client = Connection::open(address).unwrap();
    let statuses: Vec<_> = (0..500).map(|_| client.get("/small").unwrap().status()).collect();
    drop(client);
    balancer.signal(Signal::TERM);
    let complaint = balancer.complaint();

    assert_eq!(statuses, [200; 500]);
    assert!(complaint.contains("access log") && complaint.contains("No space left"), "{complaint}");
    assert!(complaint.lines().count() <= 3, "a full disk is told once, not for each request");
    assert_eq!(balancer.end_within(PATIENCE).code(), Some(0), "{complaint}");
}

#[test]
fn a_design_that_cannot_be_carried_is_refused_before_a_port_is_taken() {
    let (folder, address) = (programs::folder().unwrap(), free_address());
    let unsound = Design::before(&[free_address()]).with("timeout", "\"none\"");
    let incomplete = Design::before(&[free_address()]).without("idempotent");

    for design in [unsound, incomplete] {
        let (code, complaint) = ended(plimsoll().args(run(&folder, &design, address)));
        assert!(matches!(code, Some(1 | 2)), "{code:?}: {complaint}");
        assert!(complaint.contains("call.lb.svc") || complaint.contains("timeout"), "{complaint}");
    }
}

fn asking(balancer: &Balancer, path: &str) -> Connection {
    let mut client = Connection::open(balancer.address).expect("it listens");
    client.send(get_head(path).as_bytes()).expect("it reads");
    client
}

fn in_flight(balancer: &Balancer, wanted: f64) {
    until(PATIENCE, "the request is in flight", || {
        (balancer.metric("plimsoll_in_flight") == wanted).then_some(())
    });
}

/// How a program ended that cannot go on, and what it said.
fn ended(command: &mut Command) -> (Option<i32>, String) {
    let mut program = Running::start(command.stdout(Stdio::null()).stderr(Stdio::piped()));
    let code = program.end_within(PATIENCE).code();
    (code, program.complaint())
}
