//! More clients than descriptors.

use std::time::{Duration, Instant};

use crate::balancer::{Balancer, plimsoll_with_descriptors};
use crate::design::Design;
use crate::http::Connection;
use crate::neighbours;
use crate::programs::{PATIENCE, until};

#[test]
fn with_more_clients_than_descriptors_it_neither_dies_nor_spins_and_serves_afterwards() {
    let service = neighbours::service();
    let design = Design::before(&[service.address]);
    let mut balancer = Balancer::start_with(&design, 2, plimsoll_with_descriptors(160));
    let mut served = Connection::open(balancer.address).unwrap();
    assert_eq!(served.get("/before").unwrap().status(), 200);

    let crowd: Vec<_> = (0..400).map(|_| Connection::open(balancer.address)).collect();
    let used = processor_time_of_a_second(&mut balancer);
    let meanwhile = balancer.get("/meanwhile");

    assert!(crowd.iter().all(Result::is_ok), "the kernel takes them all");
    assert!(used < Duration::from_millis(300), "it used {used:?} of a second to do nothing");
    assert_eq!(meanwhile.text(), "/meanwhile", "who asks is served, idle connections make room");
    assert_eq!(balancer.page("/healthz").status(), 200);
    drop((crowd, served));
    until(PATIENCE, "new clients are served", || {
        let mut client = Connection::open(balancer.address).ok()?;
        client.wait_at_most(Duration::from_millis(500)).ok()?;
        client.get("/after").ok().filter(|answer| answer.text() == "/after")
    });
    balancer.finish();
}

fn processor_time_of_a_second(balancer: &mut Balancer) -> Duration {
    let (before, began) = (balancer.program().processor_time(), Instant::now());
    std::thread::sleep(Duration::from_secs(1).saturating_sub(began.elapsed()));
    balancer.program().processor_time() - before
}
