//! What a scrape gives, read by a strict parser of the format (OpenMetrics 1.0).

use std::collections::{BTreeMap, BTreeSet};

use base::{CallId, Duration, EndpointId, Instant};
use event::policy::{BreakerState, Grounds, NoRetry};
use event::{Cause, Event, Scope, Sink, l4, l7, policy};
use plimsoll_observe::metrics::text::Format;
use plimsoll_observe::metrics::{CallNames, Cells, Levels, Registry};

#[test]
fn a_scrape_of_everything_that_can_happen_is_strictly_valid() {
    let registry = registry();
    let (mut one, mut other) = (registry.cells(), registry.cells());
    everything(&mut one);
    everything(&mut other);

    let families = parse(&registry.scrape(Format::OpenMetrics, |_| LEVELS)).unwrap();

    assert!(families.len() > 30, "{:?}", families.keys());
}

#[test]
fn a_scrape_before_anything_happened_is_valid_too() {
    let registry = registry();
    assert!(parse(&registry.scrape(Format::OpenMetrics, |_| Levels::default())).is_ok());
    let _cells = registry.cells();
    assert!(parse(&registry.scrape(Format::OpenMetrics, |_| Levels::default())).is_ok());
}

#[test]
fn workers_are_added_up() {
    let registry = registry();
    let (mut one, mut other) = (registry.cells(), registry.cells());
    (0..3).for_each(|_| everything(&mut one));
    everything(&mut other);

    let families = parse(&registry.scrape(Format::OpenMetrics, |_| LEVELS)).unwrap();

    let value = |name: &str, labels: &str| families[family_of(name)][&format!("{name}{labels}")];
    assert_eq!(value("plimsoll_requests_total", CALL), 4.0);
    assert_eq!(value("plimsoll_latency_seconds_count", CALL), 4.0);
    assert_eq!(value("plimsoll_amplification", CALL), 2.0);
    assert_eq!(
        value(
            "plimsoll_failures_total",
            "{call=\"lb.svc\",cause=\"attempt_timeout\",layer=\"l7\"}"
        ),
        4.0
    );
    assert_eq!(
        value("plimsoll_unrouted_total", "{cause=\"bad_request\",layer=\"client\",status=\"431\"}"),
        4.0
    );
    assert_eq!(value("plimsoll_breaker_state", "{call=\"lb.svc\",worker=\"1\"}"), 1.0);
    assert_eq!(value("plimsoll_retry_budget", CALL), 2.5);
}

#[test]
fn an_event_of_an_unknown_call_or_endpoint_is_not_counted_and_does_no_harm() {
    let registry = registry();
    let mut cells = registry.cells();
    for event in events() {
        cells.emit(Instant::ZERO, Scope { call: CallId(9), endpoint: None }, event);
        let nowhere = Scope { call: CallId(0), endpoint: Some(EndpointId(9)) };
        cells.emit(Instant::ZERO, nowhere, event);
    }

    let families = parse(&registry.scrape(Format::OpenMetrics, |_| LEVELS)).unwrap();

    let attempts = &families["plimsoll_endpoint_attempts"];
    assert!(attempts.values().all(|count| *count == 0.0));
}

#[test]
fn the_parser_of_this_test_refuses_what_is_not_valid() {
    for (broken, why) in [
        ("# TYPE a counter\na_total 1\n", "no end mark"),
        ("# TYPE a counter\na_total 1\n# EOF\n\n", "text after the end"),
        ("a_total 1\n# EOF\n", "no family"),
        ("# TYPE a counter\na 1\n# EOF\n", "a counter without _total"),
        ("# TYPE a counter\na_total -1\n# EOF\n", "a negative counter"),
        ("# TYPE a counter\na_total 1\na_total 1\n# EOF\n", "a sample twice"),
        ("# TYPE a counter\n# TYPE a counter\n# EOF\n", "a family twice"),
        ("# TYPE a counter\n# UNIT a seconds\n# EOF\n", "a unit that the name does not have"),
        ("# TYPE a gauge\na{b=\"\\x\"} 1\n# EOF\n", "an unknown escape"),
        ("# TYPE a gauge\na{b=\"1\",b=\"2\"} 1\n# EOF\n", "a label twice"),
        ("# TYPE a gauge\na{b=\"1\",} 1\n# EOF\n", "a comma too many"),
        ("# TYPE a histogram\na_bucket{le=\"1.0\"} 1\na_count 1\na_sum 1\n# EOF\n", "no +Inf"),
        (
            "# TYPE a histogram\na_bucket{le=\"1.0\"} 2\na_bucket{le=\"+Inf\"} 1\na_count 1\na_sum 1\n# EOF\n",
            "falling buckets",
        ),
    ] {
        assert!(parse(broken).is_err(), "{why}");
    }
}

const CALL: &str = "{call=\"lb.svc\"}";

const LEVELS: Levels =
    Levels { in_flight: 3, queued: 1, probes: 0, retries_in_flight: 2, budget: Some(2.5) };

fn registry() -> Registry {
    let names = |call: &str| CallNames {
        call: call.into(),
        endpoints: vec!["10.0.0.1:80".into(), "quoted \"back\\slash\"".into()],
    };
    Registry::new(vec![names("lb.svc"), names("lb.other")])
}

fn everything(cells: &mut Cells) {
    let scope = Scope { call: CallId(0), endpoint: Some(EndpointId(1)) };
    for event in events() {
        cells.emit(Instant::ZERO, scope, event);
    }
    let client = Scope { call: CallId(0), endpoint: None };
    cells.emit(Instant::ZERO, client, Event::L4(l4::Event::Accepted));
    cells.emit(Instant::ZERO, client, Event::L4(l4::Event::Reset));
}

/// A request that fails after two tries, and whatever else can happen.
fn events() -> Vec<Event> {
    let (took, after) = (Duration::from_millis(70), Cause::AttemptTimeout);
    let failed = Some(after);
    let mut events: Vec<_> = [
        l7::Event::Requested,
        l7::Event::Attempted { number: 1 },
        l7::Event::AttemptEnded { took, cause: failed },
        l7::Event::Attempted { number: 2 },
        l7::Event::AttemptEnded { took, cause: None },
        l7::Event::Answered { took, status: 504, cause: failed, attempts: 2 },
        l7::Event::Unrouted { cause: Cause::BadRequest, status: 431 },
    ]
    .map(Event::L7)
    .into();
    events.extend(
        [
            policy::Event::Queued { waiting: 1 },
            policy::Event::Admitted { waited: took },
            policy::Event::Shed(Cause::QueueFull),
            policy::Event::RetryGranted { after, grounds: Grounds::IdempotentMethod },
            policy::Event::RetryRefused { after, reason: NoRetry::BudgetSpent },
            policy::Event::BreakerMoved { to: BreakerState::Open },
            policy::Event::Ejected,
            policy::Event::Returned,
            policy::Event::HealthChanged { up: false },
            policy::Event::Spilled,
            policy::Event::FailedOpen,
        ]
        .map(Event::Policy),
    );
    events.extend(
        [
            l4::Event::Connected { took },
            l4::Event::ConnectFailed { cause: Cause::Refused },
            l4::Event::Reused,
            l4::Event::Reset,
            l4::Event::Closed,
        ]
        .map(Event::L4),
    );
    events
}

/// By family: each sample, as its name with labels, and its value.
type Families = BTreeMap<String, BTreeMap<String, f64>>;

fn family_of(sample: &str) -> &str {
    ["_total", "_bucket", "_count", "_sum"]
        .iter()
        .find_map(|suffix| sample.strip_suffix(suffix))
        .unwrap_or(sample)
}

fn parse(text: &str) -> Result<Families, String> {
    let body = text.strip_suffix("# EOF\n").ok_or("no end mark")?;
    let mut families = Families::new();
    let mut open: Option<(String, String)> = None;
    for line in body.lines() {
        if let Some(meta) = line.strip_prefix("# ") {
            let (word, rest) = meta.split_once(' ').ok_or("a comment without a word")?;
            let (name, value) = rest.split_once(' ').ok_or("nothing said")?;
            match word {
                "TYPE" => {
                    check_kind(name, value)?;
                    if families.insert(name.into(), BTreeMap::new()).is_some() {
                        return Err(format!("{name} twice"));
                    }
                    open = Some((name.into(), value.into()));
                }
                "UNIT" if !name.ends_with(&format!("_{value}")) => {
                    return Err(format!("{name} is not in {value}"));
                }
                "UNIT" | "HELP" => {
                    let (family, _) = open.as_ref().ok_or("no family")?;
                    if family != name || !families[family].is_empty() {
                        return Err(format!("{word} of {name} in {family}"));
                    }
                    unescape(value)?;
                }
                _ => return Err(format!("{word} is no word of the format")),
            }
            continue;
        }
        let (family, kind) = open.as_ref().ok_or("a sample without a family")?;
        let (sample, name, value) = parse_sample(line)?;
        check_sample(&name, value, family, kind)?;
        let samples = families.get_mut(family).ok_or("no family")?;
        if samples.insert(sample.clone(), value).is_some() {
            return Err(format!("{sample} twice"));
        }
        if kind == "histogram" && name.ends_with("_count") {
            check_buckets(body, family, &sample, value)?;
        }
    }
    check_counts(&families, body)?;
    Ok(families)
}

fn check_kind(name: &str, kind: &str) -> Result<(), String> {
    let valid = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let known = ["counter", "gauge", "histogram"].contains(&kind);
    if valid && known && !name.ends_with("_total") {
        return Ok(());
    }
    Err(format!("{name} {kind}"))
}

/// The whole sample without its value, its name, and its value.
fn parse_sample(line: &str) -> Result<(String, String, f64), String> {
    let (sample, value) = line.rsplit_once(' ').ok_or("a sample without a value")?;
    let value: f64 = value.parse().map_err(|_| format!("{value} is no number"))?;
    let (name, labels) = match sample.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}').ok_or("no closing brace")?),
        None => (sample, ""),
    };
    parse_labels(labels)?;
    Ok((sample.into(), name.into(), value))
}

fn parse_labels(mut rest: &str) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").ok_or("a label without a value")?;
        let end = closing_quote(after).ok_or("an open quote")?;
        unescape(&after[..end])?;
        if !seen.insert(name) || !name.chars().all(|c| c.is_ascii_lowercase()) {
            return Err(format!("label {name}"));
        }
        rest = &after[end + 1..];
        if let Some(next) = rest.strip_prefix(',') {
            if next.is_empty() {
                return Err("a comma too many".into());
            }
            rest = next;
        } else if !rest.is_empty() {
            return Err(format!("{rest} after a label"));
        }
    }
    Ok(())
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

fn unescape(text: &str) -> Result<(), String> {
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\\' && !matches!(characters.next(), Some('\\' | '"' | 'n')) {
            return Err(format!("an unknown escape in {text}"));
        }
    }
    Ok(())
}

fn check_sample(name: &str, value: f64, family: &str, kind: &str) -> Result<(), String> {
    let suffix = name.strip_prefix(family).ok_or_else(|| format!("{name} in {family}"))?;
    let fits = match kind {
        "counter" => suffix == "_total" && value >= 0.0 && value.is_finite(),
        "gauge" => suffix.is_empty(),
        _ => ["_bucket", "_count", "_sum"].contains(&suffix) && value >= 0.0,
    };
    if fits { Ok(()) } else { Err(format!("{name} {value} as {kind}")) }
}

/// The buckets that belong to a `_count`: bounds and counts grow, and the last holds all.
fn check_buckets(body: &str, family: &str, count: &str, all: f64) -> Result<(), String> {
    let labels = count.split_once('{').map_or("", |(_, labels)| labels.trim_end_matches('}'));
    let mut last = (f64::NEG_INFINITY, 0.0);
    for line in body.lines().filter(|line| line.starts_with(&format!("{family}_bucket{{{labels}")))
    {
        let (bound, after) = line
            .split_once("le=\"")
            .and_then(|(_, rest)| rest.split_once("\"} "))
            .ok_or("a bucket without a bound")?;
        let next = (parse_bound(bound)?, after.parse().map_err(|_| "no count")?);
        if next.0 <= last.0 || next.1 < last.1 {
            return Err(format!("{line} after {last:?}"));
        }
        last = next;
    }
    if last == (f64::INFINITY, all) { Ok(()) } else { Err(format!("{count}: {last:?}")) }
}

fn parse_bound(bound: &str) -> Result<f64, String> {
    if bound == "+Inf" {
        return Ok(f64::INFINITY);
    }
    let canonical = bound.contains('.') || bound.contains('e');
    let value = bound.parse().map_err(|_| format!("{bound} is no bound"))?;
    if canonical { Ok(value) } else { Err(format!("{bound} is not canonical")) }
}

/// A histogram with a bucket has a count and a sum.
fn check_counts(families: &Families, body: &str) -> Result<(), String> {
    for (family, samples) in families {
        let count = |suffix: &str| {
            let name = format!("{family}{suffix}");
            samples.keys().filter(|sample| sample.split('{').next() == Some(&name)).count()
        };
        let histogram = body.contains(&format!("# TYPE {family} histogram\n"));
        if histogram
            && (count("_count") != count("_sum") || (count("_bucket") > 0) != (count("_count") > 0))
        {
            return Err(format!("{family} is not whole"));
        }
    }
    Ok(())
}
