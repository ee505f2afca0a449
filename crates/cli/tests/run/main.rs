//! `plimsoll run` as a process: what it says when it cannot start, and how it ends.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod process;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use process::*;

#[test]
fn a_port_that_is_taken_is_one_clear_line_and_exit_2() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let design = design(folder.path(), taken.local_addr().unwrap(), nobody());

    let output = refused(&[design.to_str().unwrap()]);

    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains(&taken.local_addr().unwrap().to_string()), "{said}");
}

#[test]
fn two_balancers_cannot_share_a_port_unnoticed() {
    let folder = tempfile::tempdir().unwrap();
    let balancer = Running::start(folder.path(), nobody());
    let design = design(folder.path(), balancer.address, nobody());

    assert_eq!(refused(&[design.to_str().unwrap()]).status.code(), Some(2));
}

#[test]
fn a_design_that_is_not_sound_is_refused_with_its_findings_and_exit_2() {
    let folder = tempfile::tempdir().unwrap();
    let file = design(folder.path(), free(), nobody());
    let text = std::fs::read_to_string(&file).unwrap();
    let unsound = text.replace("queue = 64", "queue = \"none\"");
    assert_ne!(unsound, text);
    std::fs::write(&file, unsound).unwrap();

    let output = refused(&[file.to_str().unwrap()]);

    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("lb -> svc") && said.contains("error["), "{said}");
}

#[test]
fn what_is_not_built_yet_is_refused_by_name_and_exit_2() {
    let output = refused(&[example("grpc.toml").to_str().unwrap()]);

    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("gRPC is not built yet"), "{said}");
}

#[test]
fn a_service_that_is_nowhere_is_refused_by_name_with_what_to_write_and_exit_2() {
    for (have, instead, says) in [
        ("endpoints = [\"SERVICE\"]\n", "", "`svc` has no endpoints"),
        ("[\"SERVICE\"]", "[]", "`svc` has no endpoints"),
        ("[\"SERVICE\"]", "{ eu = [] }", "`svc` has no endpoints"),
        (
            "[\"SERVICE\"]",
            "{ us = [\"SERVICE\"] }",
            "lb -> svc: `svc` has no endpoint that this call may use from `eu`",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let service = free().to_string();
        let file = design(folder.path(), free(), service.parse().unwrap());
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text
            .replace("region.eu]", "region.us]\n[region.eu]")
            .replace("balance = ", "regions = \"own\"\nbalance = ");
        let [have, instead] = [have, instead].map(|part| part.replace("SERVICE", &service));
        assert!(text.contains(&have), "{text}");
        std::fs::write(&file, text.replace(&have, &instead)).unwrap();

        let output = refused(&[file.to_str().unwrap()]);

        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("error[N02]") && said.contains(says), "{said}");
        assert!(said.contains("write `endpoints = "), "{said}");
    }
}

#[test]
fn everything_that_keeps_a_design_from_being_run_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (file, service) = (folder.path().join("design.toml"), nobody());
    let text = std::fs::read_to_string(design(folder.path(), free(), service)).unwrap();
    let endpoints = format!("endpoints = [\"{service}\"]\n");
    let [without, unsound] = [
        text.replace(&endpoints, "").replace("\"error\"", "\"omit\""),
        text.replace(&endpoints, "")
            .replace("\"error\"", "\"omit\"")
            .replace("queue = 64", "queue = \"none\""),
    ];
    for (text, codes) in [(without, &["N01", "N02"][..]), (unsound, &["Q02", "N01", "N02"])] {
        std::fs::write(&file, text).unwrap();

        let output = refused(&[file.to_str().unwrap()]);

        let said = String::from_utf8(output.stderr).unwrap();
        for code in codes {
            assert!(said.contains(&format!("error[{code}]")), "{code}: {said}");
        }
        assert_eq!((said.matches("error[").count(), output.status.code()), (codes.len(), Some(2)));
    }
}

#[test]
fn what_is_not_built_yet_is_not_asked_for_its_endpoints() {
    let regions = example("regions.toml");
    let output = refused(&[regions.to_str().unwrap(), "--node", "edge", "--region", "eu"]);

    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("a cache is not built yet") && !said.contains("N02"), "{said}");
}

#[test]
fn a_node_that_is_not_there_is_refused_with_those_that_are() {
    let output = refused(&[example("balancer.toml").to_str().unwrap(), "--node", "bl"]);

    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("lb"), "{said}");
}

#[test]
fn what_cannot_be_started_as_asked_is_refused_with_a_way_out() {
    let balancer = example("balancer.toml");
    let incident = example("incident.toml");
    let (balancer, incident) = (balancer.to_str().unwrap(), incident.to_str().unwrap());
    for (arguments, says) in [
        ([balancer, "--region", "us"], "`lb` does not run in a region \"us\"; it runs in: eu"),
        ([balancer, "--log", "/nowhere/x.log"], "the log `/nowhere/x.log`"),
        ([incident, "--seed", "1"], "has no balancer, so there is nothing to carry"),
    ] {
        let output = refused(&arguments);

        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn a_record_of_several_workers_is_refused_with_what_to_give() {
    let folder = tempfile::tempdir().unwrap();
    let design = design(folder.path(), free(), nobody());
    let record = folder.path().join("record");

    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.arg("run").arg(&design).args(["--workers", "2", "--admin", "127.0.0.1:0"]);
    let output = command.arg("--record").arg(&record).output().unwrap();

    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("give `--workers 1`"), "{said}");
}

#[test]
fn too_few_descriptors_are_one_clear_line_that_says_how_many_it_takes_and_exit_2() {
    for limit in [8, 12, 24] {
        let folder = tempfile::tempdir().unwrap();
        let design = design(folder.path(), free(), nobody());

        let mut command = with_descriptors(limit, &command(&[design.to_str().unwrap()]));
        let output = command.args(["--admin", &free().to_string()]).output().unwrap();

        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{said}");
        assert!(said.contains("at least 31 are needed"), "{said}");
    }
}

#[test]
fn with_few_descriptors_idle_clients_make_room_for_those_who_ask() {
    for limit in [31, 40, 100, 200] {
        let folder = tempfile::tempdir().unwrap();
        let service = answering();
        let balancer = Running::start_with(folder.path(), service, |command| {
            with_descriptors(limit, &command)
        });
        let crowd: Vec<_> =
            (0..300).map(|_| TcpStream::connect(balancer.address).unwrap()).collect();

        for _ in 0..20 {
            let answer = balancer.get();
            assert!(answer.starts_with("HTTP/1.1 200"), "{limit}: {answer}");
        }
        assert!(balancer.page("/healthz").starts_with("HTTP/1.1 200"), "{limit}");

        drop(crowd);
        balancer.signal("TERM");
        assert_eq!(balancer.exit(), Some(0));
    }
}

#[test]
fn with_no_descriptor_left_accepting_does_not_spin_and_goes_on_when_there_are_some() {
    let folder = tempfile::tempdir().unwrap();
    let balancer = Running::start(folder.path(), answering());
    assert!(balancer.get().starts_with("HTTP/1.1 200"));
    // Fewer than it has: to let go of one helps nobody.
    let before = balancer.limit_descriptors(3);
    let crowd: Vec<_> = (0..50).map(|_| TcpStream::connect(balancer.address).unwrap()).collect();

    let began = balancer.processor_ticks();
    std::thread::sleep(Duration::from_secs(1));
    let spent = balancer.processor_ticks() - began;

    assert!(spent < 8, "{spent} of 100 ticks of a second");
    drop(crowd);
    balancer.limit_descriptors(before);
    assert!(balancer.get().starts_with("HTTP/1.1 200"));
}

#[test]
fn a_missing_service_is_no_reason_not_to_run() {
    let folder = tempfile::tempdir().unwrap();
    let balancer = Running::start(folder.path(), nobody());

    let answer = balancer.get();

    assert!(answer.starts_with("HTTP/1.1 502") || answer.starts_with("HTTP/1.1 503"), "{answer}");
    balancer.signal("TERM");
    assert_eq!(balancer.exit(), Some(0));
}

#[test]
fn each_signal_that_help_names_finishes_what_is_in_flight_and_exits_with_0() {
    let help = String::from_utf8(command(&["--help"]).output().unwrap().stdout).unwrap();
    for signal in ["TERM", "INT", "HUP"] {
        assert!(help.contains(&format!("SIG{signal}")), "{help}");
        finishes_what_is_in_flight(signal);
    }
}

fn finishes_what_is_in_flight(signal: &str) {
    let folder = tempfile::tempdir().unwrap();
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut balancer = Running::start(folder.path(), service.local_addr().unwrap());
    let mut client = balancer.ask();
    let mut at_service = request_at(&service);

    balancer.signal(signal);
    balancer.until_refusing();
    assert_eq!(balancer.line(), "plimsoll: draining: 1 request in flight, at most 30s\n");
    at_service.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate").unwrap();

    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("late"), "{answer}");
    assert!(answer.contains("Connection: close"), "{answer}");
    assert_eq!(balancer.exit(), Some(0));
}

#[test]
fn what_has_not_finished_when_a_drain_is_over_is_cut_and_that_is_said_and_exits_with_0() {
    for (drain, requests, in_flight, cut) in [
        ("0s", 1, "1 request in flight, at most 0s", "1 request had not finished and was cut"),
        (
            "50ms",
            2,
            "2 requests in flight, at most 50ms",
            "2 requests had not finished and were cut",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let service = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = service.local_addr().unwrap();
        let mut balancer = Running::start_with(folder.path(), address, |mut command| {
            command.args(["--drain", drain]);
            command
        });
        let clients: Vec<_> = (0..requests).map(|_| balancer.ask()).collect();
        let never_answered: Vec<_> = clients.iter().map(|_| request_at(&service)).collect();

        balancer.signal("TERM");

        assert_eq!(balancer.line(), format!("plimsoll: draining: {in_flight}\n"));
        assert_eq!(balancer.line(), format!("plimsoll: the drain is over: {cut}\n"));
        for mut client in clients {
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("draining"), "{answer}");
        }
        assert_eq!(balancer.exit(), Some(0));
        drop(never_answered);
    }
}

#[test]
fn a_drain_without_a_unit_is_refused_with_what_to_write() {
    let output = refused(&[example("balancer.toml").to_str().unwrap(), "--drain", "30"]);

    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("write a number and a unit"), "{said}");
}

#[test]
fn an_endpoint_that_goes_down_or_comes_up_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let service = free();
    let mut balancer = Running::start(folder.path(), service);

    let down =
        "is down: its checks fail; none is left, so checks are not believed and all are asked";
    assert_eq!(balancer.line(), format!("plimsoll: lb -> svc: {service} {down}\n"));
    let listener = TcpListener::bind(service).unwrap();
    std::thread::spawn(move || serve(&listener));
    assert_eq!(balancer.line(), format!("plimsoll: lb -> svc: {service} is up again\n"));

    balancer.signal("TERM");
    assert_eq!(balancer.line(), "plimsoll: draining: 0 requests in flight, at most 30s\n");
    assert_eq!(balancer.line(), "", "nothing else was said");
}

#[test]
fn a_second_signal_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    let balancer = Running::start(folder.path(), service.local_addr().unwrap());
    let _client = balancer.ask();
    let _at_service = request_at(&service);
    balancer.signal("INT");
    balancer.until_refusing();
    let began = Instant::now();

    balancer.signal("INT");

    assert_eq!(balancer.exit(), Some(1));
    assert!(began.elapsed() < Duration::from_secs(2), "the request had more time than that");
}

/// Or all instances of a balancer would wait the same time before the same retry.
#[test]
fn each_start_has_chance_of_its_own_unless_a_seed_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("decisions.jsonl");
    let seed = |options: &[&str]| {
        let options = [&["--record", record.to_str().unwrap()], options].concat();
        let balancer = Running::start_with(folder.path(), nobody(), |mut command| {
            command.args(&options);
            command
        });
        balancer.signal("TERM");
        assert_eq!(balancer.exit(), Some(0));
        let log = std::fs::read_to_string(&record).unwrap();
        let started: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
        started["started"]["seed"].as_u64().unwrap()
    };

    assert_ne!(seed(&[]), seed(&[]));
    assert_eq!([seed(&["--seed", "7"]), seed(&["--seed", "7"])], [7, 7]);
}

#[test]
fn a_log_that_nobody_reads_any_more_stops_nobody_and_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut balancer = Running::start(folder.path(), nobody());
    drop(balancer.process.stdout.take());

    for _ in 0..20 {
        assert!(balancer.get().starts_with("HTTP/1.1 50"));
    }
    // Long enough for the lines to be written, or not.
    let until = Instant::now() + PATIENCE;
    while !balancer.page("/metrics").contains("plimsoll_log_lines_dropped_total 20") {
        assert!(Instant::now() < until, "dropped lines are counted");
        std::thread::sleep(Duration::from_millis(20));
    }
    balancer.signal("TERM");
    let mut said = String::new();
    balancer.stderr.read_to_string(&mut said).unwrap();

    assert_eq!(
        said.matches("the access log (standard output) cannot be written").count(),
        1,
        "{said}"
    );
    assert_eq!(balancer.exit(), Some(0));
}

#[test]
fn a_log_into_a_pipe_that_nobody_reads_yet_is_waited_for_and_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("log");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let file = design(folder.path(), free(), free());
    let mut command = command(&[file.to_str().unwrap(), "--admin", "127.0.0.1:0"]);
    command.args(["--log", pipe.to_str().unwrap()]).stderr(Stdio::piped());
    let mut process = Reaped(command.spawn().unwrap());
    let lines = lines_of(process.0.stderr.take().unwrap());

    let waiting = lines.recv_timeout(PATIENCE).expect("it says what it waits for");
    let reader = std::fs::File::open(&pipe).unwrap();
    let listening = lines.recv_timeout(PATIENCE).expect("it goes on");

    assert!(waiting.contains("is a pipe that nobody reads"), "{waiting}");
    assert!(listening.contains("listening on"), "{listening}");
    drop(reader);
}

#[test]
fn a_log_whose_reader_is_stuck_does_not_keep_the_process_from_ending() {
    let folder = tempfile::tempdir().unwrap();
    let balancer = Running::start(folder.path(), nobody());
    // More lines than a pipe of 64 KiB holds; nobody reads them.
    for _ in 0..400 {
        assert!(balancer.get().starts_with("HTTP/1.1 50"));
    }

    balancer.signal("TERM");

    assert_eq!(balancer.exit(), Some(0));
}

#[test]
fn a_terminal_that_is_closed_lets_requests_finish() {
    let folder = tempfile::tempdir().unwrap();
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    let balancer = Running::start(folder.path(), service.local_addr().unwrap());
    let mut client = balancer.ask();
    let mut at_service = request_at(&service);

    balancer.signal("HUP");
    balancer.until_refusing();
    at_service.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate").unwrap();

    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("late"), "{answer}");
    assert_eq!(balancer.exit(), Some(0));
}
