//! Services that fail in every way a service can. The caller gets the right status and cause,
//! what runs beside it is untouched, and nothing is sent twice that may do harm.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::balancer::Balancer;
use crate::client::{Client, Request};
use crate::design::Design;
use crate::http::{self, Answer, Connection};
use crate::neighbours::{self, Neighbours};
use crate::programs::{PATIENCE, free_address, until};
use crate::upstream::scripted::{Asked, Scripted, Then, answer};
use crate::upstream::{Kind, Upstream, noise};

#[test]
fn a_killed_service_is_a_502_refused_and_comes_back_by_itself() {
    for kind in Kind::ALL {
        let mut upstream = Upstream::start(kind);
        let case = Case::start(&Design::before(&[upstream.address]));
        assert_eq!(case.balancer.get("/small").status(), 200, "{kind:?}");

        upstream.kill();
        let answer = case.balancer.get("/killed");
        upstream.restart();
        let after = case.balancer.get("/small");

        failed(&case, "/killed", &answer, 502, "refused", "connection_refused");
        assert_eq!(after.status(), 200, "{kind:?}");
        case.finish();
    }
}

#[test]
fn a_service_that_hangs_is_a_504_after_the_tries_that_the_design_allows() {
    let upstream = Scripted::start(Asked::hang);
    let case = Case::start(&impatient(&upstream));

    let asked = Instant::now();
    let get = case.balancer.get("/hangs");
    let took = asked.elapsed();
    let post = http::post(case.balancer.address, "/hangs-once", b"pay").unwrap();

    failed(&case, "/hangs", &get, 504, "attempt_timeout", "http_response_timeout");
    assert!(took >= Duration::from_millis(400), "two tries of 200 ms took {took:?}");
    assert!(
        took < Duration::from_millis(1_200),
        "the whole was to end after 1 s; it took {took:?}"
    );
    failed(&case, "/hangs-once", &post, 504, "attempt_timeout", "http_response_timeout");
    assert_eq!(tries(&upstream, "/hangs"), (2, 1), "a GET is tried again, a POST is not");
    case.finish();
}

#[test]
fn a_service_that_accepts_nobody_is_a_504_after_the_connect_timeout() {
    let full = Full::new();
    let design = Design::before(&[full.address]).with("connect_timeout", "\"150ms\"");
    let case = Case::start(&design);

    let asked = Instant::now();
    let answer = case.balancer.get("/full");
    let took = asked.elapsed();

    failed(&case, "/full", &answer, 504, "connect_timeout", "connection_timeout");
    assert!(took >= Duration::from_millis(300), "two tries of 150 ms took {took:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    case.finish();
}

#[test]
fn a_late_answer_is_given_to_nobody() {
    for kind in [Kind::Python, Kind::Node] {
        let upstream = Upstream::start(kind);
        let design = impatient_before(upstream.address).with("retry", "\"none\"");
        let case = Case::start(&design);
        let mut client = Connection::open(case.balancer.address).unwrap();

        let late = client.get("/slow/300").unwrap();
        let next: BTreeSet<_> = (0..40)
            .map(|_| {
                thread::sleep(Duration::from_millis(5));
                client.get("/small").unwrap().text()
            })
            .collect();

        failed(&case, "/slow/300", &late, 504, "attempt_timeout", "http_response_timeout");
        assert_eq!(next.len(), 1, "{kind:?}: {next:?}");
        drop(client);
        case.finish();
    }
}

#[test]
fn a_reset_before_the_answer_is_tried_again_where_that_is_safe() {
    let upstream = Scripted::start(|asked| {
        let again = asked.head.to_ascii_lowercase().contains("plimsoll-attempt: 2");
        if again { asked.answer(200, "second try") } else { Ok(Then::Reset) }
    });
    let case = Case::start(&Design::before(&[upstream.address]));

    let get = case.balancer.get("/get");
    let post = http::post(case.balancer.address, "/post", b"pay").unwrap();

    assert_eq!((get.status(), get.text().as_str()), (200, "second try"));
    failed(&case, "/post", &post, 502, "reset", "connection_terminated");
    assert_eq!(upstream.heads().iter().filter(|head| head.starts_with("POST")).count(), 1);
    case.finish();
}

#[test]
fn an_answer_that_breaks_in_the_middle_never_looks_whole() {
    let upstream = Scripted::start(|asked| {
        let (framing, then) = match asked.path() {
            "/sized-reset" => ("Content-Length: 1000", Then::Reset),
            "/sized-closed" => ("Content-Length: 1000", Then::Close),
            "/chunked-reset" => ("Transfer-Encoding: chunked", Then::Reset),
            _ => ("Transfer-Encoding: chunked", Then::Close),
        };
        asked.send(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n5\r\nhello\r\n").as_bytes())?;
        // The balancer must have passed on the beginning before the end comes.
        thread::sleep(Duration::from_millis(50));
        Ok(then)
    });
    let case = Case::start(&Design::before(&[upstream.address]));

    for (path, cause) in [
        ("/sized-reset", "reset"),
        ("/sized-closed", "closed"),
        ("/chunked-reset", "reset"),
        ("/chunked-closed", "closed"),
    ] {
        let error = http::get(case.balancer.address, path).expect_err(path);
        let broken = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset];
        assert!(broken.contains(&error.kind()), "{path}: {error}");
        let record = case.balancer.record(path);
        assert_eq!((&record["status"], &record["cause"]), (&200.into(), &cause.into()), "{record}");
    }

    assert_eq!(upstream.heads().len(), 4, "nothing is sent again once a head has left");
    case.finish();
}

#[test]
fn nonsense_is_a_502_and_its_connection_is_not_used_again() {
    let upstream = Scripted::start(|asked| {
        let nonsense: &[u8] = match asked.path() {
            "/not-http" => b"220 mail.example ESMTP\r\n\r\n",
            "/two-lengths" => {
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"
            }
            "/bare-lf" => b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
            "/folded" => b"HTTP/1.1 200 OK\r\nX-Long: a\r\n b\r\nContent-Length: 0\r\n\r\n",
            _ => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        };
        asked.send(nonsense)?;
        Ok(Then::Stay)
    });
    let case = Case::start(&Design::before(&[upstream.address]));

    for path in ["/not-http", "/two-lengths", "/bare-lf", "/folded"] {
        let answer = case.balancer.get(path);
        failed(&case, path, &answer, 502, "garbage", "http_protocol_error");
        assert_eq!(case.balancer.get("/well-formed").text(), "ok");
    }

    case.finish();
}

#[test]
fn more_than_was_announced_is_not_the_next_answer() {
    let upstream = Scripted::start(|asked| {
        let path = asked.path().to_owned();
        asked.send([answer(200, &path), answer(200, "smuggled")].concat().as_bytes())?;
        Ok(Then::Stay)
    });
    let case = Case::start(&Design::before(&[upstream.address]));
    let mut client = Connection::open(case.balancer.address).unwrap();

    for path in ["/a", "/b", "/c", "/d"] {
        assert_eq!(client.get(path).unwrap().text(), path);
    }

    drop(client);
    case.finish();
}

#[test]
fn an_answer_that_comes_before_the_body_reaches_the_client() {
    let upstream = Upstream::start(Kind::Nginx);
    let case = Case::start(&Design::before(&[upstream.address]));
    let body = noise(8 << 20);

    for client in [Client::Curl, Client::Node] {
        let request = Request::new("PUT", "/picky/large").sized(&body);
        let answer = client.send(case.balancer.address, &[request]).remove(0);
        assert_eq!(answer.status(), 413, "{client:?}");
    }
    let mut patient = Connection::open(case.balancer.address).unwrap();
    patient
        .send(b"PUT /picky/slow HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\nbegin")
        .unwrap();

    assert_eq!(patient.answer("PUT").unwrap().status(), 413);
    drop(patient);
    case.finish();
}

#[test]
fn who_asks_before_sending_a_body_and_is_refused_keeps_it() {
    let upstream = Scripted::start(|asked| asked.answer(403, "not this one"));
    let case = Case::start(&Design::before(&[upstream.address]));
    let mut client = Connection::open(case.balancer.address).unwrap();

    client
        .send(b"POST /no HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
        .unwrap();
    let answer = client.answer("POST").unwrap();

    let interim: Vec<_> = answer.interim.iter().map(|head| head.status).collect();
    assert_eq!((interim, answer.status()), (vec![], 403));
    assert!(client.is_ended().unwrap(), "what follows could be a body or a request");
    case.finish();
}

#[test]
fn a_connection_with_half_a_body_on_it_carries_nothing_else() {
    let upstream = Scripted::start(|asked| match asked.path() {
        "/early" => {
            asked.answer(403, "no")?;
            // Whatever comes now is the body, as far as this service is concerned.
            asked.hang()
        }
        other => {
            let path = other.to_owned();
            asked.answer(200, &path)
        }
    });
    let case = Case::start(&Design::before(&[upstream.address]).with("retry", "\"none\""));
    let mut client = Connection::open(case.balancer.address).unwrap();

    client.send(b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\nhalf").unwrap();
    let refused = client.answer("POST").unwrap();
    for number in 0..5 {
        let path = format!("/next/{number}");
        assert_eq!(case.balancer.get(&path).text(), path);
    }

    assert_eq!((refused.status(), refused.field("connection")), (403, Some("close")));
    drop(client);
    case.finish();
}

#[test]
fn no_get_fails_because_a_service_closes_connections_at_the_moment_of_use() {
    let upstream = Scripted::start(|asked| {
        asked.answer(200, "and goodbye, though the answer did not say so")?;
        Ok(Then::Close)
    });
    let case = Case::start(&Design::before(&[upstream.address]));
    let mut client = Connection::open(case.balancer.address).unwrap();

    for number in 0..100 {
        assert_eq!(client.get("/").unwrap().status(), 200, "request {number}");
    }

    drop(client);
    case.finish();
}

#[test]
fn no_get_fails_when_a_service_keeps_connections_shorter_than_the_design_says() {
    thread::scope(|scope| {
        for kind in [Kind::Nginx, Kind::Node] {
            scope.spawn(move || {
                let upstream = Upstream::keeping_idle(kind, 1_000);
                let design = Design::before(&[upstream.address])
                    .with("connections", "{ idle_timeout = \"3s\" }");
                let case = Case::start(&design);
                asked_at_the_edge(case.balancer.address, kind);
                case.finish();
            });
        }
    });
}

/// Eight clients ask, each after pauses of a second and a few milliseconds more or less.
fn asked_at_the_edge(balancer: SocketAddr, kind: Kind) {
    thread::scope(|scope| {
        for client in 0..8 {
            scope.spawn(move || {
                let mut connection = Connection::open(balancer).expect("it listens");
                for _ in 0..4 {
                    let answer = connection.get("/small").expect("an answer");
                    assert_eq!(answer.status(), 200, "{kind:?}");
                    thread::sleep(Duration::from_millis(996 + 2 * client));
                }
            });
        }
    });
}

#[test]
fn a_service_that_sends_slowly_is_cut_off_when_the_request_is_out_of_time() {
    let upstream = Scripted::start(|asked| {
        asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")?;
        for _ in 0..1_000 {
            asked.send(b"x")?;
            thread::sleep(Duration::from_millis(20));
        }
        Ok(Then::Stay)
    });
    let case = Case::start(&impatient(&upstream));

    let asked = Instant::now();
    let error = http::get(case.balancer.address, "/drips").unwrap_err();

    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    assert!(
        [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset].contains(&error.kind()),
        "{error}"
    );
    assert_eq!(case.balancer.record("/drips")["cause"], "timeout");
    case.finish();
}

#[test]
fn the_status_of_a_failing_service_is_passed_on_once_the_tries_are_used_up() {
    let upstream = Upstream::start(Kind::Node);
    let failing = Scripted::start(|asked| asked.answer(503, "too much to do"));
    let case = Case::start(&Design::before(&[failing.address]));
    let half = Case::start(&Design::before(&[failing.address, upstream.address]));

    let answer = case.balancer.get("/busy");
    let other: Vec<_> = (0..10).map(|_| half.balancer.get("/small").status()).collect();

    assert_eq!((answer.status(), answer.text().as_str()), (503, "too much to do"));
    assert_eq!(tries(&failing, "/busy").0, 2);
    assert_eq!(other, [200; 10], "the other endpoint is preferred for the second try");
    case.finish();
    half.finish();
}

#[test]
fn a_breaker_that_is_open_refuses_at_once_and_says_when_to_come_back() {
    static FAILING: AtomicUsize = AtomicUsize::new(20);
    let upstream = Scripted::start(|asked| {
        let fails =
            FAILING.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if fails.is_ok() { Ok(Then::Reset) } else { asked.answer(200, "well again") }
    });
    let design = Design::before(&[upstream.address]).with("retry", "\"none\"").with(
        "breaker",
        r#"{ error_rate = "50%", window = "10s", min_calls = 20, cooldown = "1s", probes = 1 }"#,
    );
    let case = Case::start(&design);

    let statuses: BTreeSet<_> = (0..20).map(|_| case.balancer.get("/failing").status()).collect();
    let refused = case.balancer.get("/refused");
    until(PATIENCE, "the breaker closes", || {
        (case.balancer.get("/again").status() == 200).then_some(())
    });

    assert_eq!(statuses, BTreeSet::from([502]));
    failed(&case, "/refused", &refused, 503, "breaker_open", "destination_unavailable");
    assert!(refused.field("retry-after").is_some(), "{refused:?}");
    assert_eq!(tries(&upstream, "/refused").0, 0);
    case.finish();
}

/// A balancer before the service that fails, and neighbours who must not notice.
struct Case {
    balancer: Balancer,
    neighbours: Neighbours,
    _service: Scripted,
}

impl Case {
    fn start(design: &Design) -> Self {
        let service = neighbours::service();
        let balancer = Balancer::start(&design.clone().beside(service.address));
        let neighbours = Neighbours::start(balancer.address);
        Self { balancer, neighbours, _service: service }
    }

    fn finish(self) {
        self.neighbours.untouched();
        self.balancer.finish();
    }
}

/// A listener that accepts nobody, and whose queue is full: the kernel drops what else comes.
struct Full {
    address: SocketAddr,
    _listener: Socket,
    _waiting: Vec<TcpStream>,
}

impl Full {
    fn new() -> Self {
        let address = free_address();
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        listener.bind(&address.into()).expect("the address is free");
        listener.listen(0).expect("it listens");
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok();
        let waiting = std::iter::from_fn(connect).take(16).collect();
        Self { address, _listener: listener, _waiting: waiting }
    }
}

/// The caller was told, and the log tells the same.
fn failed(case: &Case, path: &str, answer: &Answer, status: u16, cause: &str, error: &str) {
    let told = answer.field("proxy-status").unwrap_or_default();
    assert_eq!(answer.status(), status, "{path}: {told}");
    assert!(told.contains(&format!("error={error}")), "{path}: {told}");
    assert!(!answer.body.is_empty(), "{path}: an empty page");
    let record = case.balancer.record(path);
    assert_eq!((&record["status"], &record["cause"]), (&status.into(), &cause.into()), "{record}");
}

/// How many GETs of this path arrived, and how many POSTs of a path that begins so.
fn tries(upstream: &Scripted, path: &str) -> (usize, usize) {
    let heads = upstream.heads();
    let count = |start: String| heads.iter().filter(|head| head.starts_with(&start)).count();
    (count(format!("GET {path} ")), count(format!("POST {path}")))
}

fn impatient(upstream: &Scripted) -> Design {
    impatient_before(upstream.address)
}

fn impatient_before(address: SocketAddr) -> Design {
    Design::before(&[address]).with("timeout", "\"1s\"").with("attempt_timeout", "\"200ms\"")
}
