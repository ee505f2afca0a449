//! Packets of the real kernel over simulated links. Needs root: `cargo xtask test --only lab`.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use netsim::l3::{Loss, Params};
use plimsoll_lab::{Lab, Namespace, Tun};

#[test]
fn a_packet_takes_the_delay_of_the_link_each_way() {
    let lab = Lab::new(1, delay(30), delay(50)).unwrap();
    let (left, right) = sockets(&lab);

    let began = Instant::now();
    left.send_to(b"there", right.local_addr().unwrap()).unwrap();
    let (_, from) = right.recv_from(&mut [0; 16]).unwrap();
    let there = began.elapsed();
    right.send_to(b"and back", from).unwrap();
    left.recv_from(&mut [0; 16]).unwrap();
    let both = began.elapsed();

    assert!(there >= Duration::from_millis(30), "{there:?}");
    assert!(both >= Duration::from_millis(80), "{both:?}");
    assert!(both < Duration::from_millis(1_000), "{both:?}");
}

#[test]
fn a_link_that_loses_everything_loses_it_in_its_own_direction_only() {
    let loss = Loss::Independent(base::Share::WHOLE);
    let lab = Lab::new(1, Params { loss, ..delay(1) }, delay(1)).unwrap();
    let (left, right) = sockets(&lab);
    right.set_read_timeout(Some(Duration::from_millis(200))).unwrap();

    left.send_to(b"lost", right.local_addr().unwrap()).unwrap();
    right.send_to(b"found", left.local_addr().unwrap()).unwrap();

    assert_eq!(left.recv_from(&mut [0; 16]).unwrap().0, 5);
    let nothing = right.recv_from(&mut [0; 16]).unwrap_err();
    assert!(matches!(nothing.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{nothing}");
}

#[test]
fn every_packet_arrives_once_and_in_order_when_the_link_does_no_harm() {
    let lab = Lab::new(1, delay(5), delay(5)).unwrap();
    let (left, right) = sockets(&lab);

    for number in 0..100_u8 {
        left.send_to(&[number], right.local_addr().unwrap()).unwrap();
    }
    let mut buffer = [0; 1];
    for number in 0..100_u8 {
        right.recv_from(&mut buffer).unwrap();
        assert_eq!(buffer[0], number);
    }
}

#[test]
fn a_namespace_has_no_way_out_and_settings_of_its_own() {
    let namespace = Namespace::new().unwrap();
    let outside = SocketAddr::from(([192, 0, 2, 1], 9));
    let sent = namespace.run(|| {
        UdpSocket::bind(("0.0.0.0", 0)).and_then(|socket| socket.send_to(b"hello", outside))
    });
    assert_eq!(sent.unwrap().unwrap_err().kind(), ErrorKind::NetworkUnreachable);

    let forwarding = "/proc/sys/net/ipv4/ip_forward";
    let before = std::fs::read_to_string(forwarding).unwrap();
    let other = if before.trim() == "1" { "0" } else { "1" };
    namespace.set("net/ipv4/ip_forward", other).unwrap();
    assert_eq!(std::fs::read_to_string(forwarding).unwrap(), before);
    let refused = namespace.set("net/ipv4/no_such_parameter", "1").unwrap_err().to_string();
    assert!(refused.contains("no_such_parameter"), "{refused}");
}

#[test]
fn a_device_goes_away_with_its_descriptor() {
    let namespace = Namespace::new().unwrap();
    let is_there = || {
        let devices = namespace.run(|| std::fs::read_to_string("/proc/thread-self/net/dev"));
        devices.unwrap().unwrap().contains("plimsoll0")
    };

    let device = Tun::new(&namespace, Lab::LEFT).unwrap();
    assert!(is_there());
    drop(device);
    assert!(!is_there());
}

fn delay(millis: u64) -> Params {
    Params { delay: base::Duration::from_millis(millis), ..Params::default() }
}

/// One on each host, with time enough for everything that arrives at all.
fn sockets(lab: &Lab) -> (UdpSocket, UdpSocket) {
    let bind = |host: &Namespace, address| {
        let bound = host.run(|| UdpSocket::bind((address, 9_000)));
        let socket = bound.expect("the host can be entered").expect("the port is free");
        socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a time above 0");
        socket
    };
    (bind(&lab.left, Lab::LEFT), bind(&lab.right, Lab::RIGHT))
}
