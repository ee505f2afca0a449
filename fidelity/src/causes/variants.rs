//! The variants, each with the one reason that is left, and the parameters that it is tried with.

use base::Duration;
use config::{Design, NoFiles};
use sim::{Fidelity, Options};

use super::NOTHING;
use super::shop::{CARELESS, Shop};
use crate::Effort;

/// Designs with the same reason to fail.
pub(super) struct Variant {
    pub(super) name: &'static str,
    /// Why that is the reason.
    pub(super) why: &'static str,
    pub(super) cases: Vec<Case>,
}

/// One design, and what is true of it.
pub(super) struct Case {
    pub(super) what: String,
    text: String,
    /// How long traffic arrives, where that is not left to `sim`.
    pub(super) lasts: Option<Duration>,
    fidelity: Fidelity,
    pub(super) truth: Truth,
}

/// What has to be named.
pub(super) struct Truth {
    pub(super) recovers: bool,
    pub(super) trigger: Option<&'static str>,
    /// The first of what sustains it is one of these.
    pub(super) first: &'static [&'static str],
    /// None of these is named at all.
    pub(super) never: &'static [&'static str],
}

/// A fault that begins it.
#[derive(Clone, Copy)]
struct Fault {
    text: &'static str,
    /// As a report names it.
    name: &'static str,
}

const HANG: Fault =
    Fault { text: "on = \"shop\"\nkind = \"hang\"\nlasts = \"20s\"", name: "`hang` on shop" };
const SLOW: Fault = Fault {
    text: "on = \"shop\"\nkind = \"slow\"\ntimes = 4.0\nlasts = \"20s\"",
    name: "`slow` on shop",
};
const SPIKE: Fault = Fault {
    text: "on = \"users\"\nkind = \"spike\"\ntimes = 6.0\nlasts = \"6s\"",
    name: "`spike` on users",
};
const CRASH: Fault =
    Fault { text: "on = \"shop\"\nkind = \"crash\"\nlasts = \"20s\"", name: "`crash` on shop" };
const FOR_EVER: Fault = Fault { text: "on = \"shop\"\nkind = \"crash\"", name: "`crash` on shop" };
const SLOW_FOR_EVER: Fault =
    Fault { text: "on = \"shop\"\nkind = \"slow\"\ntimes = 3.0", name: "`slow` on shop" };
const HARDLY_SLOW: &str = "on = \"shop\"\nkind = \"slow\"\ntimes = 1.02\nlasts = \"10s\"";
const LOSS: Fault = Fault {
    text: "on = \"users -> shop\"\nkind = \"loss\"\nloss = \"60%\"\nlasts = \"20s\"",
    name: "`loss` on users -> shop",
};

/// What is named of a design that comes back and has nothing to blame but its fault.
const NONE: &[&str] = &[NOTHING];
/// A backlog that is worked off although nobody waits for it any more.
const BACKLOG: &[&str] = &["queue", "cancellation", NOTHING];
const RULES: &[&str] = &[
    "retries",
    "budget",
    "queue",
    "cancellation",
    "timeout",
    "in_flight",
    "breaker",
    "limit",
    "rules",
];

/// All of them; `Quick` tries each with few parameters.
pub(super) fn all(effort: Effort) -> Vec<Variant> {
    let variants = vec![
        storms(),
        layers(),
        backlog("with a budget for retries", Shop { budget: true, ..CARELESS }),
        backlog("without retries", Shop { attempts: 1, ..CARELESS }),
        short_queues(),
        cancelled(),
        refused(),
        overload(),
        overload_in_an_incident(),
        gone(),
        slow_to_the_end(),
        impatient(),
        limited(),
        one_of_two_faults(),
        lossy(),
    ];
    let few = |mut variant: Variant| {
        variant.cases = variant.cases.into_iter().step_by(11).collect();
        variant
    };
    match effort {
        Effort::Full => variants,
        Effort::Quick => variants.into_iter().map(few).collect(),
    }
}

/// Different sizes of everything, with the same reasons.
fn sizes(shop: Shop) -> impl Iterator<Item = Shop> {
    let systems = [(4, 20.0, 400.0), (10, 30.0, 250.0), (2, 8.0, 1_000.0), (1, 5.0, 500.0)];
    systems.into_iter().flat_map(move |(workers, work, timeout)| {
        let shop = Shop { workers, work, timeout: Some(timeout), ..shop };
        [None, Some(1)].map(|front| Shop { front, ..shop })
    })
}

impl Case {
    fn new(shop: Shop, faults: &[Fault], truth: Truth) -> Self {
        let texts: Vec<String> = faults.iter().map(|fault| fault.text.to_owned()).collect();
        let names: Vec<&str> = faults.iter().map(|fault| fault.name).collect();
        Self {
            what: format!("{shop:?}, {}", names.join(" and ")),
            text: shop.text(&texts),
            lasts: faults.is_empty().then_some(Duration::from_secs(60)),
            fidelity: Fidelity::Auto,
            truth,
        }
    }

    pub(super) fn design(&self) -> Design {
        let loaded = config::load_bytes(self.text.as_bytes(), &NoFiles);
        loaded.design.unwrap_or_else(|| panic!("{}\n{:#?}", self.text, loaded.diagnostics))
    }

    pub(super) fn options(&self) -> Options {
        Options { fidelity: self.fidelity, ..Options::default() }
    }
}

/// Above capacity / attempts a storm lasts, however the queue came to be.
fn storms() -> Variant {
    let truth = |fault: Fault| Truth {
        recovers: false,
        trigger: Some(fault.name),
        first: &["retries"],
        never: &["capacity", "timeout", "limit", "rules"],
    };
    let cases = sizes(CARELESS).flat_map(|shop| {
        [(2, 0.65), (3, 0.45), (3, 0.7), (4, 0.4), (5, 0.6)].into_iter().flat_map(
            move |(attempts, load)| {
                let shop = Shop { attempts, load, ..shop };
                [HANG, SLOW, SPIKE].map(|fault| Case::new(shop, &[fault], truth(fault)))
            },
        )
    });
    Variant { name: "a storm of retries", why: "Bronson", cases: cases.collect() }
}

/// Neither layer's retries alone bring traffic above capacity; they multiply.
fn layers() -> Variant {
    let cases = sizes(CARELESS).filter(|shop| shop.front.is_some()).flat_map(|shop| {
        [HANG, SLOW].map(|fault| {
            let shop = Shop { attempts: 2, front: Some(2), load: 0.7, ..shop };
            let truth = Truth {
                recovers: false,
                trigger: Some(fault.name),
                first: &["retries", "queue"],
                never: &["capacity", "timeout", "limit"],
            };
            Case::new(shop, &[fault], truth)
        })
    });
    Variant { name: "retries of two layers", why: "counting", cases: cases.collect() }
}

fn backlog(name: &'static str, shop: Shop) -> Variant {
    let cases = sizes(shop).flat_map(|shop| {
        [0.3, 0.5].into_iter().flat_map(move |load| {
            [HANG, SLOW].map(|fault| {
                let truth = Truth {
                    recovers: true,
                    trigger: Some(fault.name),
                    first: BACKLOG,
                    never: &["budget", "capacity", "limit", "timeout", "rules"],
                };
                Case::new(Shop { load, ..shop }, &[fault], truth)
            })
        })
    });
    Variant { name, why: "what was not amplified is worked off", cases: cases.collect() }
}

fn short_queues() -> Variant {
    let cases = sizes(CARELESS).flat_map(|shop| {
        let shop = Shop { queue: shop.queue_of(0.5), ..shop };
        [HANG, SLOW].map(|fault| {
            let truth =
                Truth { recovers: true, trigger: Some(fault.name), first: NONE, never: &[] };
            Case::new(shop, &[fault], truth)
        })
    });
    Variant { name: "a storm but for a short queue", why: "timeout x rate", cases: cases.collect() }
}

fn cancelled() -> Variant {
    let cases = sizes(Shop { cancel: true, ..CARELESS }).flat_map(|shop| {
        [HANG, SLOW].map(|fault| {
            let truth =
                Truth { recovers: true, trigger: Some(fault.name), first: NONE, never: &[] };
            Case::new(shop, &[fault], truth)
        })
    });
    Variant {
        name: "a storm but for cancellation",
        why: "only what somebody waits for is done",
        cases: cases.collect(),
    }
}

/// Who refuses does no work, and has no backlog afterwards.
fn refused() -> Variant {
    let cases = sizes(CARELESS).map(|shop| {
        let truth = Truth { recovers: true, trigger: Some(CRASH.name), first: NONE, never: &[] };
        Case::new(shop, &[CRASH], truth)
    });
    Variant {
        name: "a crash that is over",
        why: "who refuses has no backlog",
        cases: cases.collect(),
    }
}

fn overload() -> Variant {
    let cases = sizes(CARELESS).flat_map(|shop| {
        [(1, None, 1.25), (1, Some(0.5), 1.25), (3, Some(0.5), 1.5), (3, None, 2.0)].map(
            move |(attempts, queue, load)| {
                let queue = queue.and_then(|part| shop.queue_of(part));
                let shop = Shop { attempts, load, queue, ..shop };
                let truth = Truth {
                    recovers: false,
                    trigger: None,
                    first: &["capacity"],
                    never: &["rules", "limit"],
                };
                Case::new(shop, &[], truth)
            },
        )
    });
    Variant { name: "more traffic than capacity", why: "counting", cases: cases.collect() }
}

fn overload_in_an_incident() -> Variant {
    let cases = sizes(CARELESS).map(|shop| {
        let shop = Shop { load: 1.4, queue: shop.queue_of(0.5), ..shop };
        let truth = Truth {
            recovers: false,
            trigger: Some(HANG.name),
            first: &["capacity"],
            never: &["rules", "limit"],
        };
        Case::new(shop, &[HANG], truth)
    });
    Variant {
        name: "more traffic than capacity, and a fault",
        why: "counting",
        cases: cases.collect(),
    }
}

fn gone() -> Variant {
    let cases = sizes(CARELESS).flat_map(|shop| {
        [1, 3].map(|attempts| {
            let truth =
                Truth { recovers: false, trigger: Some(FOR_EVER.name), first: NONE, never: RULES };
            Case::new(Shop { attempts, ..shop }, &[FOR_EVER], truth)
        })
    });
    Variant { name: "a service that is gone", why: "nobody answers", cases: cases.collect() }
}

fn slow_to_the_end() -> Variant {
    let cases = sizes(CARELESS).flat_map(|shop| {
        [1, 3].map(|attempts| {
            let shop = Shop { attempts, load: 0.6, queue: shop.queue_of(0.5), ..shop };
            let truth = Truth {
                recovers: false,
                trigger: Some(SLOW_FOR_EVER.name),
                first: &["capacity"],
                never: &["rules", "limit"],
            };
            Case::new(shop, &[SLOW_FOR_EVER], truth)
        })
    });
    Variant {
        name: "a service that stays too slow",
        why: "what is left of capacity",
        cases: cases.collect(),
    }
}

/// The work takes longer than a try may, on the best of days.
fn impatient() -> Variant {
    let cases = sizes(CARELESS).flat_map(|shop| {
        [(1, 0.2), (3, 0.2), (3, 0.6)].map(|(attempts, load)| {
            let timeout = Some(0.5 * shop.work);
            let shop = Shop { attempts, load, timeout, queue: Some(20.0), ..shop };
            let truth =
                Truth { recovers: false, trigger: None, first: &["timeout"], never: &["limit"] };
            Case::new(shop, &[], truth)
        })
    });
    Variant {
        name: "timeouts shorter than the work",
        why: "the work takes longer",
        cases: cases.collect(),
    }
}

/// A limit far below what traffic needs (Little's law).
fn limited() -> Variant {
    let cases = sizes(Shop { queue: Some(50.0), ..CARELESS }).filter(|shop| shop.workers >= 4).map(
        |shop| {
            let shop = Shop { in_flight: Some(1), load: 0.6, attempts: 1, ..shop };
            let truth = Truth {
                recovers: false,
                trigger: None,
                first: &["limit"],
                never: &["retries", "capacity"],
            };
            Case::new(shop, &[], truth)
        },
    );
    Variant { name: "a limit that is too tight", why: "Little's law", cases: cases.collect() }
}

fn one_of_two_faults() -> Variant {
    let hardly = Fault { text: HARDLY_SLOW, name: "hardly slow" };
    let cases = sizes(CARELESS).map(|shop| {
        let truth = Truth {
            recovers: false,
            trigger: Some(HANG.name),
            first: &["retries"],
            never: &["capacity"],
        };
        Case::new(shop, &[hardly, HANG], truth)
    });
    Variant { name: "two faults, one of them harmless", why: "counting", cases: cases.collect() }
}

fn lossy() -> Variant {
    let cases =
        sizes(Shop { load: 0.3, ..CARELESS }).filter(|shop| shop.front.is_none()).map(|shop| {
            let truth = Truth { recovers: true, trigger: Some(LOSS.name), first: NONE, never: &[] };
            Case::new(shop, &[LOSS], truth)
        });
    Variant { name: "loss that is over", why: "nothing is left behind", cases: cases.collect() }
}
