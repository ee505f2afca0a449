//! speed probe
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;
fn bare(n: u64) -> (u64, f64) {
    let mut r = base::Random::of(1, "a", "b");
    let mut heap = BinaryHeap::new();
    let mut q = std::collections::VecDeque::new();
    heap.push(Reverse((0u64, 0u32)));
    let (mut ev, mut busy, mut sum) = (0u64, false, 0u64);
    let t = Instant::now();
    let exp = |r: &mut base::Random, m: f64| (-(1.0 - r.unit()).ln() * m) as u64;
    let mut arrived = 0;
    while let Some(Reverse((now, k))) = heap.pop() {
        ev += 1;
        if k == 0 {
            arrived += 1;
            if arrived < n {
                heap.push(Reverse((now + exp(&mut r, 12_500_000.0), 0)));
            }
            if busy {
                q.push_back(now)
            } else {
                busy = true;
                heap.push(Reverse((now + exp(&mut r, 10_000_000.0), 1)));
            }
        } else {
            if let Some(a) = q.pop_front() {
                sum += now - a;
                heap.push(Reverse((now + exp(&mut r, 10_000_000.0), 1)));
            } else {
                busy = false
            }
        }
    }
    std::hint::black_box(sum);
    (ev, t.elapsed().as_secs_f64())
}
fn main() {
    let (ev, s) = bare(5_000_000);
    println!("bare {:.2} M/s", ev as f64 / s / 1e6);
    for (name, traffic, w) in [("mm1", "80/s", 1), ("big", "80000/s", 1000)] {
        let text = format!(
            "[region.eu]\nat=[1.0,1.0]\n[client.users]\ntraffic=\"{traffic}\"\nrequests=[{{share=\"100%\",method=\"GET\",path=\"/\"}}]\n[service.svc]\nmodel={{workers={w},queue=\"none\",service_time={{mean=\"10ms\",shape=\"exponential\"}}}}\n[call.users.svc]\ntimeout=\"1h\"\nidempotent=true\non_failure=\"error\"\nin_flight=\"none\"\nretry=\"none\"\n"
        );
        let d = config::load_bytes(text.as_bytes(), &config::NoFiles).design.unwrap();
        let secs = if w == 1 { 20_000 } else { 20 };
        let t = Instant::now();
        let r = plimsoll_sim::run(
            &d,
            &plimsoll_sim::Options {
                lasts: Some(base::Duration::from_secs(secs)),
                ..Default::default()
            },
        )
        .unwrap();
        let s = t.elapsed().as_secs_f64();
        println!("{name} {} events {:.2} M/s", r.events, r.events as f64 / s / 1e6);
    }
    for f in ["incident", "balancer"] {
        let text = std::fs::read_to_string(format!("designs/{f}.toml")).unwrap();
        let d = config::load_bytes(text.as_bytes(), &config::NoFiles).design.unwrap();
        let t = Instant::now();
        let r = plimsoll_sim::run(&d, &Default::default()).unwrap();
        let s = t.elapsed().as_secs_f64();
        println!("{f} {} events {:.2} M/s", r.events, r.events as f64 / s / 1e6);
    }
}
