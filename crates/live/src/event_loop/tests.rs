//! What an event loop does for its tasks.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net;
use std::sync::mpsc;
use std::task::Waker;

use base::{Duration, Instant};

use super::*;

/// Plays a story in an event loop. A task that is forgotten fails it.
pub(crate) fn within_a_loop(story: impl AsyncFnOnce(&Rc<EventLoop>)) {
    let events = EventLoop::new(Clock::start()).unwrap();
    let until = Instant::ZERO + PATIENCE;
    // Its own timer waits from the beginning.
    let story = async {
        yield_now().await;
        story(&events).await;
    };
    let ended = events.run(events.timers.within(until, story)).unwrap();
    assert!(ended.is_some(), "nobody was woken");
}

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn tasks_run_in_the_order_in_which_they_were_woken_and_once_a_turn() {
    within_a_loop(async |events| {
        let told = Rc::new(RefCell::new(Vec::new()));
        for name in ["a", "b"] {
            let told = Rc::clone(&told);
            events.spawn(async move {
                for turn in 0..2 {
                    told.borrow_mut().push((name, turn));
                    yield_now().await;
                }
            });
        }

        for _ in 0..3 {
            yield_now().await;
        }

        assert_eq!(*told.borrow(), [("a", 0), ("b", 0), ("a", 1), ("b", 1)]);
    });
}

#[test]
fn however_often_a_task_is_woken_it_is_polled_once() {
    within_a_loop(async |events| {
        let polls = Rc::new(Cell::new(0));
        let waker = Rc::new(RefCell::new(Waker::noop().clone()));
        let (counts, tells) = (Rc::clone(&polls), Rc::clone(&waker));
        events.spawn(poll_fn(move |cx| {
            counts.update(|count| count + 1);
            *tells.borrow_mut() = cx.waker().clone();
            Poll::Pending
        }));
        yield_now().await;

        (0..3).for_each(|_| waker.borrow().wake_by_ref());
        yield_now().await;
        yield_now().await;

        assert_eq!(polls.get(), 2);
    });
}

#[test]
fn another_thread_wakes_a_loop_that_waits() {
    within_a_loop(async |_| {
        let mut other = None;
        let here = std::thread::current().id();
        let (tell, told) = mpsc::channel();

        let from = poll_fn(|cx| {
            if let Ok(from) = told.try_recv() {
                return Poll::Ready(from);
            }
            let (tell, waker) = (tell.clone(), cx.waker().clone());
            other.get_or_insert_with(|| {
                std::thread::spawn(move || {
                    tell.send(std::thread::current().id()).unwrap();
                    waker.wake();
                })
            });
            Poll::Pending
        })
        .await;

        assert_ne!(from, here);
        other.unwrap().join().unwrap();
    });
}

#[test]
fn a_task_that_panics_ends_alone_and_lets_go_of_what_it_held() {
    within_a_loop(async |events| {
        let held = Rc::new(());
        let its = Rc::clone(&held);
        events.spawn(poll_fn(move |_| {
            assert!(Rc::strong_count(&its) == 0, "this is part of a test");
            Poll::Pending
        }));
        yield_now().await;

        assert_eq!(Rc::strong_count(&held), 1);
        let after = Rc::new(Cell::new(false));
        let its = Rc::clone(&after);
        events.spawn(async move { its.set(true) });
        yield_now().await;
        assert!(after.get(), "its place serves another");
    });
}

#[test]
fn what_is_left_when_a_loop_ends_is_dropped() {
    let held = Rc::new(());
    let events = EventLoop::new(Clock::start()).unwrap();
    let (its, knows) = (Rc::clone(&held), Rc::clone(&events));

    events
        .run(async {
            events.spawn(async move {
                let _its = (its, knows);
                std::future::pending::<()>().await;
            });
            yield_now().await;
        })
        .unwrap();

    assert_eq!((Rc::strong_count(&held), Rc::strong_count(&events)), (1, 1));
}

#[test]
fn whoever_was_woken_before_the_loop_ran_runs_with_it() {
    let events = EventLoop::new(Clock::start()).unwrap();
    let ran = Rc::new(Cell::new(false));
    let its = Rc::clone(&ran);
    events.spawn(async move { its.set(true) });

    events.run(yield_now()).unwrap();

    assert!(ran.get());
}

#[test]
fn bytes_and_the_end_are_read_however_they_come() {
    within_a_loop(async |events| {
        for (pieces, size) in [(vec![5], 64), (vec![5, 7], 3), (vec![64, 64, 1], 64)] {
            let (mut stream, mut peer) = pair(events).await;
            let all: usize = pieces.iter().sum();
            let writes = std::thread::spawn(move || {
                pieces.iter().for_each(|&piece| peer.write_all(&vec![b'x'; piece]).unwrap());
            });

            let mut read = 0;
            loop {
                let mut into = vec![0; size];
                match poll_fn(|cx| stream.poll_read(cx, &mut into)).await.unwrap() {
                    0 => break,
                    count => read += count,
                }
            }

            assert_eq!(read, all, "{size} at a time");
            writes.join().unwrap();
        }
    });
}

#[test]
fn who_finds_a_socket_ready_again_and_again_gives_way_and_goes_on_in_the_next_turn() {
    within_a_loop(async |events| {
        let (stream, mut peer) = pair(events).await;
        peer.write_all(b"x").unwrap();
        let times_in_a_row = async || {
            poll_fn(|cx| stream.poll_read_ready(cx)).await;
            poll_fn(|cx| {
                Poll::Ready(
                    (0..10_000).take_while(|_| stream.poll_read_ready(cx).is_ready()).count(),
                )
            })
            .await
        };
        let others = Rc::new(Cell::new(0));
        let counts = Rc::clone(&others);
        events.spawn(async move {
            loop {
                counts.update(|count| count + 1);
                yield_now().await;
            }
        });

        for _ in 0..3 {
            let before = others.get();
            assert!((50..1_000).contains(&times_in_a_row().await));
            yield_now().await;
            assert!(others.get() > before);
        }
    });
}

#[test]
fn what_was_known_already_wakes_nobody() {
    within_a_loop(async |events| {
        let (stream, mut peer) = pair(events).await;
        let polls = Rc::new(Cell::new(0));
        let counts = Rc::clone(&polls);
        events.spawn(poll_fn(move |cx| {
            counts.update(|count| count + 1);
            let _ = stream.poll_read_ready(cx);
            // The kernel makes an event of it, and tells in it that there is something to read.
            stream.close_write();
            Poll::Pending
        }));
        yield_now().await;

        peer.write_all(b"not read").unwrap();
        events.timers.sleep(Duration::from_millis(20)).await;

        assert!((2..5).contains(&polls.get()), "{}", polls.get());
    });
}

#[test]
fn what_is_behind_urgent_data_is_read_too() {
    within_a_loop(async |events| {
        let (mut stream, peer) = pair(events).await;
        let peer = socket2::SockRef::from(&peer);
        peer.set_tcp_cork(true).unwrap();
        peer.send(b"before").unwrap();
        peer.send_out_of_band(b"!").unwrap();
        peer.send(b"behind").unwrap();
        peer.set_tcp_cork(false).unwrap();

        let mut read = Vec::new();
        while read.len() < 12 {
            stream.read_more(&mut read).await.unwrap();
        }

        assert_eq!(read, b"beforebehind");
    });
}

#[test]
fn more_than_fits_is_written_once_the_peer_has_read() {
    within_a_loop(async |events| {
        let (mut stream, mut peer) = pair(events).await;
        let bytes = vec![b'x'; 16 << 20];
        let reads = std::thread::spawn(move || {
            let mut read = Vec::new();
            peer.read_to_end(&mut read).unwrap();
            read.len()
        });

        stream.write_all(&bytes).await.unwrap();
        stream.close_write();

        assert_eq!(reads.join().unwrap(), bytes.len());
    });
}

#[test]
fn who_connects_to_nobody_is_told_why() {
    within_a_loop(async |events| {
        let taken = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let taken = taken.unwrap();
        taken.bind(&net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let nobody = taken.local_addr().unwrap().as_socket().unwrap();

        let refused = Stream::connect(events, nobody).await.unwrap_err();

        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    });
}

#[test]
fn all_who_come_in_are_accepted() {
    within_a_loop(async |events| {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let listener = Listener::new(events, listener).unwrap();
        let mut came = Vec::new();
        for wave in [3, 2] {
            let clients: Vec<_> = (0..wave)
                .map(|_| net::TcpStream::connect(address).unwrap().local_addr().unwrap())
                .collect();

            for client in clients {
                let (stream, peer) = poll_fn(|cx| listener.poll_accept(cx)).await.unwrap();
                assert_eq!(peer, client);
                came.push(stream);
            }

            let now = poll_fn(|cx| Poll::Ready(listener.poll_accept(cx).is_pending())).await;
            assert!(now, "there is nobody else");
        }
    });
}

/// A connection, and its other end.
pub(crate) async fn pair(events: &EventLoop) -> (Stream, net::TcpStream) {
    let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = Stream::connect(events, listener.local_addr().unwrap()).await.unwrap();
    (stream, listener.accept().unwrap().0)
}
