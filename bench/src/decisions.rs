//! Requests played through the deciding code alone: no socket, no clock, no byte.
//!
//! What a proxy costs above the floor is, for the most part, not its decisions. This plays whole
//! requests through [`engine::l7::Exchange`] with every rule of `designs/balancer.toml` on, so that
//! their cost can be measured and their allocations counted.

use std::sync::Arc;

use base::{CallId, Duration, Instant, Random, Rate, Share, WorkerId};
use engine::l7::{Body, Exchange, Input, Key, Output, Request};
use engine::{Call, CallSpec, EndpointSpec, Idempotence, Rules, Shared};
use event::Cause;
use policy::retry::{self, Backoff, Causes, budget};
use policy::{Invalid, admission, breaker, deadline, health};

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Story {
    /// Its first try is answered.
    Answered,
    /// Its first try is reset, its second answered.
    Retried,
    /// It waits until another request has ended, then is answered. Both are played.
    Queued,
    /// The breaker is open.
    Refused,
}

impl Story {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Answered, Self::Retried, Self::Queued, Self::Refused];

    /// What tables call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered at once",
            Self::Retried => "reset, then answered by another endpoint",
            Self::Queued => "queued behind another, then answered (both)",
            Self::Refused => "refused by an open breaker",
        }
    }
}

/// A call of one worker, and the time in which requests are played.
#[derive(Debug)]
pub struct Stage {
    story: Story,
    call: Call,
    now: Instant,
}

impl Stage {
    /// A call as its instance starts, in the state that the story asks for.
    ///
    /// # Errors
    ///
    /// When the rules of the example are none that the deciding code takes.
    pub fn new(story: Story) -> Result<Self, Invalid> {
        let in_flight = if story == Story::Queued { 1 } else { 256 };
        let rules = rules(in_flight)?;
        let shared = Arc::new(Shared::new(Instant::ZERO, &rules));
        let endpoints = [EndpointSpec { weight: 1, rank: 0 }; 3];
        let random = Random::of(1, "lb.svc", "decisions");
        let spec =
            CallSpec { id: CallId(0), worker: WorkerId(0), rules, endpoints: &endpoints, random };
        let call = Call::new(Instant::ZERO, spec, shared);
        let mut stage = Self { story, call, now: Instant::ZERO };
        if story == Story::Refused {
            stage.open_the_breaker();
        }
        Ok(stage)
    }

    /// Plays the story once, and says whether it ended as it should.
    #[must_use]
    pub fn play(&mut self) -> bool {
        match self.story {
            Story::Answered => self.answered(),
            Story::Retried => self.retried(),
            Story::Queued => self.queued(),
            Story::Refused => self.refused(),
        }
    }

    fn answered(&mut self) -> bool {
        self.now += Duration::from_micros(50);
        let mut exchange = Exchange::new(self.now, Key(1));
        let left = self.tell(&mut exchange, Input::Begin(GET));
        matches!(left, Some(Output::Attempt { .. })) && self.is_answered(&mut exchange)
    }

    fn retried(&mut self) -> bool {
        // So late that the budget's floor has earned the retry and the breaker has forgotten.
        self.now += Duration::from_secs(3);
        let mut exchange = Exchange::new(self.now, Key(1));
        self.tell(&mut exchange, Input::Begin(GET));
        self.tell(&mut exchange, Input::Sent);
        let reset = Input::Failed { cause: Cause::Reset, refused_by_peer: false, body: Body::Kept };
        let mut again = self.tell(&mut exchange, reset);
        // Full jitter may also choose not to wait at all.
        if let Some(Output::Wait { until }) = again {
            self.now = until;
            again = self.tell(&mut exchange, Input::Time { body: Body::Kept });
        }
        matches!(again, Some(Output::Attempt { number: 2, .. })) && self.is_answered(&mut exchange)
    }

    fn queued(&mut self) -> bool {
        self.now += Duration::from_micros(50);
        let (mut first, mut second) =
            (Exchange::new(self.now, Key(1)), Exchange::new(self.now, Key(2)));
        self.tell(&mut first, Input::Begin(GET));
        let waits = self.tell(&mut second, Input::Begin(GET));
        self.tell(&mut first, Input::Sent);
        self.tell(&mut first, HEAD);
        let turn = self.tell(&mut first, Input::Finished);
        let left = self.tell(&mut second, Input::Turn);
        matches!(waits, Some(Output::Wait { .. }))
            && turn == Some(Output::Admit(Key(2)))
            && matches!(left, Some(Output::Attempt { .. }))
            && self.is_answered(&mut second)
    }

    fn refused(&mut self) -> bool {
        let mut exchange = Exchange::new(self.now, Key(1));
        let told = self.tell(&mut exchange, Input::Begin(GET));
        exchange.is_done()
            && matches!(told, Some(Output::Respond { cause: Cause::BreakerOpen, .. }))
    }

    /// From here on nothing goes wrong.
    fn is_answered(&mut self, exchange: &mut Exchange) -> bool {
        self.tell(exchange, Input::Sent);
        self.now += Duration::from_micros(200);
        let relay = self.tell(exchange, HEAD);
        self.tell(exchange, Input::Finished);
        exchange.is_done() && matches!(relay, Some(Output::Relay { .. }))
    }

    fn open_the_breaker(&mut self) {
        let failed =
            Input::Failed { cause: Cause::Reset, refused_by_peer: false, body: Body::Gone };
        for _ in 0..MIN_CALLS {
            let mut exchange = Exchange::new(self.now, Key(1));
            self.tell(&mut exchange, Input::Begin(GET));
            self.tell(&mut exchange, Input::Sent);
            self.tell(&mut exchange, failed);
        }
    }

    /// Tells an exchange something and returns the first of what it wants done.
    fn tell(&mut self, exchange: &mut Exchange, input: Input) -> Option<Output> {
        exchange.handle(self.now, input, &mut self.call, &mut ());
        let first = exchange.poll_output();
        while exchange.poll_output().is_some() {}
        first
    }
}

/// Those of `designs/balancer.toml`, for one of its two instances.
fn rules(in_flight: u32) -> Result<Rules, Invalid> {
    let ms = Duration::from_millis;
    let s = Duration::from_secs;
    let backoff = Backoff::new(ms(20), ms(80))?;
    let floor = Rate::from_millis_per_sec(500);
    Ok(Rules {
        deadline: deadline::Params::new(Some(ms(800)), Some(ms(350)))?,
        idempotence: Idempotence::ByMethod,
        admission: admission::Params::new(Some(in_flight), Some(64))?,
        retry: retry::Params::new(2, Some(backoff), Causes::default())?,
        budget: Some(budget::Params::new(Share::percent(10), floor, 10, 10)?),
        breaker: Some(breaker::Params::new(Share::percent(50), s(10), MIN_CALLS, s(5), 3)?),
        ejection: Some(health::ejection::Params::new(5, s(10), Share::percent(33))?),
        health: Some(health::check::Params::new(s(2), ms(500), 2, 3)?),
        ..Rules::default()
    })
}

const GET: Request = Request {
    head_took: Duration::ZERO,
    idempotent_method: true,
    declared_idempotent: false,
    client_remaining: None,
    client_attempt: 1,
};
const HEAD: Input = Input::Head { status: 200, retry_after: None, attempts: 1, body: Body::Kept };
const MIN_CALLS: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_story_ends_as_it_should_however_often_it_is_played() {
        for story in Story::ALL {
            let mut stage = Stage::new(story).unwrap();

            assert!((0..10_000).all(|_| stage.play()), "{}", story.name());
        }
    }
}
