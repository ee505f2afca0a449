//! The visits to the admin pages that are under way.
//!
//! There is room for a few. When all places are taken, the visitor that has been silent longest gives
//! way to the next: whoever only keeps a place keeps nobody out who asks whether the process lives.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::task::JoinHandle;

use crate::limits;

/// Visits under way.
#[derive(Debug, Default)]
pub(super) struct Visits(Vec<Visit>);

#[derive(Debug)]
struct Visit {
    task: JoinHandle<()>,
    heard: Heard,
}

/// When a visitor last sent or took something.
#[derive(Clone, Debug)]
pub(super) struct Heard(Arc<Mutex<Instant>>);

impl Visits {
    /// Begins one more, once there is a place for it.
    pub(super) async fn begin<V>(&mut self, visit: impl FnOnce(Heard) -> V)
    where
        V: Future<Output = ()> + Send + 'static,
    {
        self.0.retain(|visit| !visit.task.is_finished());
        if self.0.len() >= limits::ADMIN_VISITS {
            self.send_most_silent_away().await;
        }
        let heard = Heard::now();
        self.0.push(Visit { task: tokio::spawn(visit(heard.clone())), heard });
    }

    /// Ends the visit of whom nothing was heard for longest. False if there is none.
    pub(super) async fn send_most_silent_away(&mut self) -> bool {
        let silent = (0..self.0.len()).min_by_key(|&at| self.0[at].heard.last());
        let Some(visit) = silent.map(|at| self.0.swap_remove(at)) else {
            return false;
        };
        visit.task.abort();
        // Its place is free once it is gone, however it ended.
        let _ = visit.task.await;
        true
    }
}

impl Heard {
    pub(super) fn now() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    /// It has sent or taken something.
    pub(super) fn again(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn when_all_places_are_taken_the_one_silent_longest_gives_way_and_who_speaks_stays() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut visits = Visits::default();
            let mut visitors = Vec::new();
            for _ in 0..limits::ADMIN_VISITS {
                visitors.push(begin(&mut visits).await);
            }
            visitors[0].0.again();

            begin(&mut visits).await;

            let gone =
                |at: usize| visitors[at].1.try_recv() != Err(std::sync::mpsc::TryRecvError::Empty);
            assert_eq!([gone(0), gone(1), gone(2)], [false, true, false]);
        });
    }

    /// A visitor who says nothing: how to speak for it, and what is closed when it is gone.
    async fn begin(visits: &mut Visits) -> (Heard, std::sync::mpsc::Receiver<()>) {
        let (here, gone) = channel();
        let mut own = None;
        visits
            .begin(|heard| {
                own = Some(heard);
                async move {
                    std::future::pending::<()>().await;
                    drop(here);
                }
            })
            .await;
        (own.unwrap(), gone)
    }
}
