//! Requests that run all the while and have nothing to do with what goes wrong.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::http::Connection;
use crate::upstream::scripted::Scripted;

/// A client that asks the same again and again on a kept connection, and looks at each answer.
#[derive(Debug)]
pub(crate) struct Neighbours {
    stop: Arc<AtomicBool>,
    client: JoinHandle<Seen>,
}

/// What the neighbours saw.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// Answers, all of them right.
    pub(crate) answers: u32,
    /// The longest that one took.
    pub(crate) longest: Duration,
}

impl Neighbours {
    /// Asks under `/well`, where [`service`] answers.
    pub(crate) fn start(balancer: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        Self { stop, client: thread::spawn(move || ask(balancer, &flag)) }
    }

    /// Ends, and fails the test if any of their requests failed.
    pub(crate) fn untouched(self) -> Seen {
        self.stop.store(true, Ordering::SeqCst);
        let seen = self.client.join().expect("a neighbour was not answered as it should be");
        assert!(seen.answers > 0, "the neighbours never had a chance");
        seen
    }
}

/// Answers with the path that it was asked for.
pub(crate) fn service() -> Scripted {
    Scripted::start(|asked| {
        let path = asked.path().to_owned();
        asked.answer(200, &path)
    })
}

fn ask(balancer: SocketAddr, stop: &AtomicBool) -> Seen {
    let mut connection = Connection::open(balancer).expect("it listens");
    let mut seen = Seen::default();
    while !stop.load(Ordering::SeqCst) || seen.answers == 0 {
        let path = format!("/well/{}", seen.answers);
        let asked = Instant::now();
        let answer = connection.get(&path).expect("a neighbour is answered");
        assert_eq!((answer.status(), answer.text()), (200, path));
        seen.longest = seen.longest.max(asked.elapsed());
        seen.answers += 1;
        thread::sleep(Duration::from_millis(2));
    }
    seen
}
