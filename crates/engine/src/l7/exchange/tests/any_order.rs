//! Whatever happens to many requests at once, in whatever order.

use proptest::prelude::*;

use super::*;

/// Something that happens to one of the requests, after a pause.
#[derive(Clone, Debug)]
struct Step {
    which: usize,
    pause_ms: u64,
    what: Happening,
}

#[derive(Clone, Debug)]
enum Happening {
    Begin(Request),
    Tell(Input),
    Check { endpoint: u16, well: bool },
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(2_000),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_request_ends_by_its_deadline_sends_again_only_on_grounds_and_gives_everything_back(
        steps in prop::collection::vec(step(), 1..120),
        rules in any_rules(),
    ) {
        let mut world = World::new(rules);
        for step in steps {
            world.pass(Duration::from_millis(step.pause_ms));
            world.happen(step.which, &step.what);
        }
        world.pass(Duration::from_secs(10));
        prop_assert!(world.exchanges.iter().all(|one| one.exchange.is_done()));
        assert_nothing_held(&world.call);
    }
}

const REQUESTS: usize = 8;

struct World {
    call: Call,
    now: Instant,
    exchanges: Vec<One>,
    /// Requests that were sent, and tries of them beyond the first.
    sent: u64,
    retries: u64,
}

struct One {
    exchange: Exchange,
    first_byte: Instant,
    begun: bool,
    request: Request,
    /// A byte of the current try has left.
    sent: bool,
    tries: u8,
    responses: u8,
}

impl World {
    fn new(rules: Rules) -> Self {
        Self { call: call(rules), now: Instant::ZERO, exchanges: Vec::new(), sent: 0, retries: 0 }
    }

    /// Time passes; timers fire in order.
    fn pass(&mut self, pause: Duration) {
        let end = self.now + pause;
        loop {
            let next = self.exchanges.iter().map(|one| one.exchange.next_deadline()).min();
            match next.filter(|&next| next <= end) {
                None => break,
                Some(next) => {
                    self.now = self.now.max(next);
                    let due =
                        self.exchanges.iter().position(|one| one.exchange.next_deadline() == next);
                    self.tell(due.unwrap(), TIME);
                }
            }
        }
        self.now = end;
    }

    fn happen(&mut self, which: usize, what: &Happening) {
        match *what {
            Happening::Check { endpoint, well } => {
                self.call.on_check(self.now, EndpointId(endpoint), well, &mut ());
            }
            Happening::Begin(request) => {
                let key = Key(u32::try_from(self.exchanges.len()).unwrap());
                let exchange = Exchange::new(self.now, key);
                let one = One {
                    exchange,
                    first_byte: self.now - request.head_took,
                    begun: false,
                    request,
                    sent: false,
                    tries: 0,
                    responses: 0,
                };
                self.exchanges.push(one);
                self.tell(self.exchanges.len() - 1, Input::Begin(request));
            }
            Happening::Tell(input) if !self.exchanges.is_empty() => {
                let which = which % self.exchanges.len();
                self.tell(which, input);
            }
            Happening::Tell(_) => {}
        }
    }

    fn tell(&mut self, which: usize, input: Input) {
        let one = &mut self.exchanges[which];
        let sent_before = one.sent;
        one.begun = true;
        one.exchange.handle(self.now, input, &mut self.call, &mut ());
        if input == Input::Sent {
            one.sent = one.tries > 0;
        }
        let outputs: Vec<_> = core::iter::from_fn(|| one.exchange.poll_output()).collect();
        for output in outputs {
            self.check(which, sent_before, output);
        }
        let deadline = self.exchanges[which].exchange.next_deadline();
        assert!(deadline > self.now, "a timer in the past would spin");
    }

    fn check(&mut self, which: usize, sent_before: bool, output: Output) {
        let one = &mut self.exchanges[which];
        match output {
            Output::Attempt { number, until, grounds, remaining, .. } => {
                one.tries += 1;
                let by_client = one.request.client_attempt.max(1);
                assert_eq!(number, by_client - 1 + one.tries);
                assert!(one.tries == 1 || by_client == 1, "what was retried above is not again");
                assert!(until > self.now);
                let whole = self.call.rules().deadline.timeout;
                assert!(whole.is_none_or(|whole| until <= one.first_byte + whole));
                assert!(remaining.is_none_or(|remaining| until <= self.now + remaining));
                assert_eq!(grounds.is_some(), one.tries > 1, "a re-send needs grounds");
                match grounds {
                    Some(Grounds::NotSent) => {}
                    Some(Grounds::IdempotentMethod) => assert!(one.request.idempotent_method),
                    Some(Grounds::Declared) => assert!(one.request.declared_idempotent),
                    Some(Grounds::RefusedByPeer) => assert!(sent_before || one.sent),
                    Some(Grounds::OtherPeoplesCode) => panic!("our own code needs real grounds"),
                    None => {}
                }
                one.sent = false;
                *(if one.tries == 1 { &mut self.sent } else { &mut self.retries }) += 1;
                self.assert_retries_were_earned();
            }
            Output::Respond { .. } | Output::Abort { .. } => {
                one.responses += 1;
                assert_eq!(one.responses, 1, "answered twice");
                assert!(one.exchange.is_done());
            }
            Output::Admit(key) => self.tell(usize::try_from(key.0).unwrap(), Input::Turn),
            Output::Wait { until } | Output::Relay { until } => assert!(until > self.now),
            Output::Cancel { .. } => {}
            Output::Wake(_) => panic!("there is one worker"),
        }
    }
}

impl World {
    /// Whatever was charged and never left: what left is no more than share, floor and burst allow.
    fn assert_retries_were_earned(&self) {
        if let Some(budget) = self.call.rules().budget {
            let by_requests = self.sent as f64 * budget.share().as_f64();
            let by_time = self.now.as_secs_f64() * budget.floor().as_per_sec_f64();
            let earned = by_requests + by_time + f64::from(budget.burst());
            assert!(self.retries as f64 <= earned + 1e-6, "{} of {earned}", self.retries);
            let is_retrying = |one: &&One| one.tries > 1 && !one.exchange.is_done();
            let under_way = self.exchanges.iter().filter(is_retrying).count();
            assert!(under_way <= budget.in_flight() as usize, "{under_way} at once");
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let what = prop_oneof![
        3 => any_request().prop_map(Happening::Begin),
        9 => any_input().prop_map(Happening::Tell),
        1 => (0_u16..3, any::<bool>()).prop_map(|(endpoint, well)| Happening::Check { endpoint, well }),
    ];
    (0..REQUESTS, prop_oneof![Just(0_u64), 0_u64..50, 0_u64..2_000], what)
        .prop_map(|(which, pause_ms, what)| Step { which, pause_ms, what })
}

fn any_request() -> impl Strategy<Value = Request> {
    let remaining = prop::option::of((0_u64..2_000).prop_map(Duration::from_millis));
    let head_took = (0_u64..1_000).prop_map(Duration::from_millis);
    (any::<bool>(), any::<bool>(), remaining, 0_u8..4, head_took).prop_map(
        |(idempotent_method, declared_idempotent, client_remaining, client_attempt, head_took)| {
            Request {
                idempotent_method,
                declared_idempotent,
                client_remaining,
                client_attempt,
                head_took,
            }
        },
    )
}

fn any_input() -> impl Strategy<Value = Input> {
    let body = prop_oneof![4 => Just(Body::Kept), 1 => Just(Body::Gone), 1 => Just(Body::Awaited)];
    let status = prop_oneof![Just(200_u16), Just(404), Just(500), Just(503)];
    let retry_after = prop::option::of((0_u64..3).prop_map(Duration::from_secs));
    let cause = prop_oneof![
        Just(Cause::Refused),
        Just(Cause::Reset),
        Just(Cause::Closed),
        Just(Cause::Garbage),
        Just(Cause::IdleTimeout),
    ];
    let fault =
        prop_oneof![Just(Cause::BadRequest), Just(Cause::ClientTimeout), Just(Cause::Timeout)];
    prop_oneof![
        3 => Just(Input::Sent),
        2 => Just(Input::Finished),
        1 => Just(Input::ClientLeft),
        1 => fault.prop_map(Input::ClientFailed),
        1 => Just(Input::ShutDown),
        1 => Just(TIME),
        3 => (status, retry_after, 0_u8..3, body.clone())
            .prop_map(|(status, retry_after, attempts, body)| {
                Input::Head { status, retry_after, attempts, body }
            }),
        4 => (cause, any::<bool>(), body)
            .prop_map(|(cause, refused_by_peer, body)| Input::Failed { cause, refused_by_peer, body }),
    ]
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let limits = (1_u32..4, 0_u32..4).prop_map(|(in_flight, queue)| limits(in_flight, queue));
    let idempotence = prop_oneof![
        Just(Idempotence::ByMethod),
        Just(Idempotence::ByKey),
        Just(Idempotence::BySchema),
        Just(Idempotence::Never),
        Just(Idempotence::ConnectOnly),
    ];
    let budget =
        (0_u32..100, 0_u64..3, 1_u32..5, 1_u32..3).prop_map(|(share, floor, burst, in_flight)| {
            retry::budget::Params::new(
                Share::percent(share),
                Rate::per_sec(floor),
                burst,
                in_flight,
            )
            .unwrap()
        });
    let ejection =
        health::ejection::Params::new(2, Duration::from_secs(1), Share::percent(50)).unwrap();
    let health =
        health::check::Params::new(Duration::from_secs(2), Duration::from_secs(1), 1, 1).unwrap();
    (limits, idempotence, prop::option::of(budget), any::<bool>(), any::<bool>(), 1_u8..4).prop_map(
        move |(admission, idempotence, budget, guarded, eager, attempts)| Rules {
            admission,
            idempotence,
            budget,
            breaker: guarded.then(breaker),
            ejection: guarded.then_some(ejection),
            health: Some(health),
            retry: retry::Params {
                attempts,
                backoff: rules().retry.backoff.filter(|_| !eager),
                on: Causes::default(),
            },
            ..rules()
        },
    )
}
