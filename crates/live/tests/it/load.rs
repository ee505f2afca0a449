//! Many clients at once, while something goes wrong.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::scope;
use std::time::{Duration, Instant};

use crate::service::Service;
use crate::site::Site;

#[test]
fn one_of_three_services_is_killed_under_load_and_no_get_fails() {
    let services = [(); 3].map(|()| Service::well());
    let balancer = Site::before(&services.each_ref().map(|service| service.address))
        .workers(2)
        .rule("balance", "\"least-of-two\"")
        .rule("eject", "{ consecutive_failures = 3, time = \"5s\", at_most = \"34%\" }")
        .start();
    let (over, served) = (AtomicBool::new(false), AtomicUsize::new(0));

    scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = balancer.client();
                while !over.load(Ordering::Relaxed) {
                    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
                    let answer = client.answer();
                    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
                    served.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        wait_for(&served, 500);
        services[0].kill();
        wait_for(&served, 2_000);
        over.store(true, Ordering::Relaxed);
    });

    assert_eq!(balancer.metric("failures_total", &[]), 0.0);
    balancer.assert_nothing_leaked();
}

#[test]
fn a_spike_that_the_queue_can_hold_fails_nobody() {
    let service = Service::script(|connection| {
        while connection.request().is_some() {
            std::thread::sleep(Duration::from_millis(5));
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell");
        }
    });
    for workers in [1, 2] {
        let balancer = Site::before(&[service.address])
            .workers(workers)
            .rule("in_flight", "4")
            .rule("queue", "60")
            .start();
        let began = Instant::now();

        let mut clients: Vec<_> = (0..60).map(|_| balancer.client()).collect();
        for client in &mut clients {
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        let statuses: Vec<_> = clients.iter_mut().map(|client| client.answer().status).collect();

        assert_eq!(statuses, [200; 60]);
        assert!(began.elapsed() < Duration::from_secs(8), "nobody waits past the timeout");
        assert!(balancer.metric("queued_total", &[]) > 0.0, "there was a queue");
        balancer.assert_nothing_leaked();
    }
}

#[test]
fn a_spike_that_it_cannot_hold_is_shed_at_once_and_the_rest_is_served() {
    let service = Service::script(|connection| {
        while connection.request().is_some() {
            std::thread::sleep(Duration::from_millis(20));
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell");
        }
    });
    let balancer =
        Site::before(&[service.address]).rule("in_flight", "2").rule("queue", "4").start();

    let mut clients: Vec<_> = (0..40).map(|_| balancer.client()).collect();
    for client in &mut clients {
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    let statuses: Vec<_> = clients.iter_mut().map(|client| client.answer().status).collect();

    let served = statuses.iter().filter(|&&status| status == 200).count();
    assert!(served >= 6, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    assert_eq!(balancer.failures("queue_full"), (40 - served) as f64);
    balancer.assert_nothing_leaked();
}

#[test]
fn a_limit_holds_over_all_workers() {
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static PEAK: AtomicUsize = AtomicUsize::new(0);
    let service = Service::script(|connection| {
        while connection.request().is_some() {
            PEAK.fetch_max(NOW.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(5));
            NOW.fetch_sub(1, Ordering::SeqCst);
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell");
        }
    });
    let balancer = Site::before(&[service.address])
        .workers(4)
        .rule("in_flight", "3")
        .rule("queue", "64")
        .start();

    let mut clients: Vec<_> = (0..64).map(|_| balancer.client()).collect();
    for client in &mut clients {
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }

    assert_eq!(PEAK.load(Ordering::SeqCst), 3);
}

fn wait_for(served: &AtomicUsize, more: usize) {
    let enough = served.load(Ordering::Relaxed) + more;
    let until = Instant::now() + Duration::from_secs(30);
    while served.load(Ordering::Relaxed) < enough {
        assert!(Instant::now() < until, "the load stands still");
        std::thread::sleep(Duration::from_millis(2));
    }
}
