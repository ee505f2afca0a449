//! The text formats of metrics, written: OpenMetrics, and the older one of Prometheus.
//!
//! A family is opened by its description, then its samples follow; nothing of another family may
//! come in between, and the whole ends with `# EOF` (OpenMetrics 1.0, "Overall Structure"). The
//! older format (0.0.4) has no end mark, no units, and calls a counter's family by the name of its
//! samples; `promtool check metrics` reads only that one.

use std::fmt::{self, Display, Write};

use base::{Duration, Instant};
use event::{Description, Kind, Unit};

/// In which words the text is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    #[default]
    OpenMetrics,
    /// Prometheus text 0.0.4: for whoever does not ask for the other.
    Prometheus,
}

impl Format {
    /// What a scrape asks for in its `Accept` field.
    pub fn of_accept(accept: Option<&str>) -> Self {
        match accept {
            Some(accept) if accept.contains("application/openmetrics-text") => Self::OpenMetrics,
            _ => Self::Prometheus,
        }
    }

    /// The media type to answer with.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Label names with their values.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

/// Families and samples, one after the other.
#[derive(Debug, Default)]
pub struct Text {
    format: Format,
    out: String,
    /// The open family's full name, with its unit.
    family: String,
}

impl Text {
    /// Nothing yet.
    pub fn new(format: Format) -> Self {
        Self { format, ..Self::default() }
    }

    /// Opens a family. Its samples follow, and each family is opened once.
    pub fn family(&mut self, description: &Description) {
        let unit = unit(description.unit);
        self.family = format!("plimsoll_{}", description.name);
        if let Some(unit) = unit {
            self.family.extend(["_", unit]);
        }
        let name = match (self.format, description.kind) {
            (Format::Prometheus, Kind::Counter) => format!("{}_total", self.family),
            _ => self.family.clone(),
        };
        self.push(format_args!("# TYPE {name} {}\n", kind(description.kind)));
        if let (Some(unit), Format::OpenMetrics) = (unit, self.format) {
            self.push(format_args!("# UNIT {name} {unit}\n"));
        }
        self.push(format_args!("# HELP {name} {}\n", Escaped(description.help)));
    }

    /// A counter's total.
    pub fn counter(&mut self, labels: Labels<'_>, value: u64) {
        self.sample("_total", labels, None, format_args!("{value}"));
    }

    /// A counter's total at a time of the timeline, for series that are read in one go.
    pub fn counter_at(&mut self, labels: Labels<'_>, value: u64, at: Instant) {
        let at = Timestamp(at, self.format);
        self.sample("_total", labels, None, format_args!("{value} {at}"));
    }

    /// A gauge as it stands.
    pub fn gauge(&mut self, labels: Labels<'_>, value: f64) {
        self.sample("", labels, None, format_args!("{}", Number(value)));
    }

    /// A gauge at a time of the timeline.
    pub fn gauge_at(&mut self, labels: Labels<'_>, value: f64, at: Instant) {
        let at = Timestamp(at, self.format);
        self.sample("", labels, None, format_args!("{} {at}", Number(value)));
    }

    /// A distribution of durations: upper bounds with how many were at most that long, the bounds
    /// growing; then all of them.
    pub fn histogram(
        &mut self,
        labels: Labels<'_>,
        cumulative: impl Iterator<Item = (Duration, u64)>,
        count: u64,
        sum: Duration,
    ) {
        for (bound, at_most) in cumulative {
            self.sample("_bucket", labels, Some(&Seconds(bound)), format_args!("{at_most}"));
        }
        self.sample("_bucket", labels, Some(&"+Inf"), format_args!("{count}"));
        self.sample("_count", labels, None, format_args!("{count}"));
        self.sample("_sum", labels, None, format_args!("{}", Seconds(sum)));
    }

    /// The whole text, with its end mark.
    #[must_use]
    pub fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
        self.out
    }

    fn sample(
        &mut self,
        suffix: &str,
        labels: Labels<'_>,
        bound: Option<&dyn Display>,
        value: fmt::Arguments<'_>,
    ) {
        self.out.push_str(&self.family);
        self.out.push_str(suffix);
        let mut before = '{';
        for (name, value) in labels {
            self.push(format_args!("{before}{name}=\"{}\"", Escaped(value)));
            before = ',';
        }
        if let Some(bound) = bound {
            self.push(format_args!("{before}le=\"{bound}\""));
            before = ',';
        }
        self.out.push_str(if before == ',' { "} " } else { " " });
        self.push(format_args!("{value}\n"));
    }

    fn push(&mut self, what: fmt::Arguments<'_>) {
        let _never_fails = self.out.write_fmt(what);
    }
}

const fn unit(unit: Unit) -> Option<&'static str> {
    match unit {
        Unit::Count => None,
        Unit::Seconds => Some("seconds"),
        Unit::Bytes => Some("bytes"),
    }
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Histogram => "histogram",
        Kind::Gauge => "gauge",
    }
}

/// With the three characters escaped that the format escapes.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['\\', '"', '\n']) {
            f.write_str(&rest[..at])?;
            f.write_str(match rest.as_bytes()[at] {
                b'\\' => "\\\\",
                b'"' => "\\\"",
                _ => "\\n",
            })?;
            rest = &rest[at + 1..];
        }
        f.write_str(rest)
    }
}

/// Whole nanoseconds as a decimal fraction of a second, exactly: a float would lose the last ones
/// of a long sum. Always with a point, as canonical bounds have it.
struct Seconds(Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, nanos) = (self.0.as_nanos() / 1_000_000_000, self.0.as_nanos() % 1_000_000_000);
        let digits = format!("{nanos:09}");
        let digits = digits.trim_end_matches('0');
        write!(f, "{whole}.{}", if digits.is_empty() { "0" } else { digits })
    }
}

/// Seconds in OpenMetrics, milliseconds in the older format.
struct Timestamp(Instant, Format);

impl Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.0.since(Instant::ZERO);
        match self.1 {
            Format::OpenMetrics => write!(f, "{}", Seconds(since)),
            Format::Prometheus => write!(f, "{}", since.as_millis()),
        }
    }
}

/// A float in the words of the format.
struct Number(f64);

impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            value if value.is_nan() => f.write_str("NaN"),
            f64::INFINITY => f.write_str("+Inf"),
            f64::NEG_INFINITY => f.write_str("-Inf"),
            value => write!(f, "{value:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_says_what_it_is_before_its_samples() {
        let mut text = Text::new(Format::OpenMetrics);
        text.family(&LATENCY);
        let bounds = [(Duration::from_millis(500), 1)];
        text.histogram(&[("call", "lb.svc")], bounds.into_iter(), 2, Duration::from_secs(3));

        assert_eq!(
            text.finish(),
            "# TYPE plimsoll_latency_seconds histogram\n\
             # UNIT plimsoll_latency_seconds seconds\n\
             # HELP plimsoll_latency_seconds Waiting.\n\
             plimsoll_latency_seconds_bucket{call=\"lb.svc\",le=\"0.5\"} 1\n\
             plimsoll_latency_seconds_bucket{call=\"lb.svc\",le=\"+Inf\"} 2\n\
             plimsoll_latency_seconds_count{call=\"lb.svc\"} 2\n\
             plimsoll_latency_seconds_sum{call=\"lb.svc\"} 3.0\n\
             # EOF\n"
        );
    }

    #[test]
    fn the_older_format_calls_a_counter_by_its_sample_and_has_no_end() {
        let mut text = Text::new(Format::Prometheus);
        text.family(&REQUESTS);
        text.counter_at(&[], 2, Instant::from_millis(1_500));

        assert_eq!(
            text.finish(),
            "# TYPE plimsoll_requests_total counter\n\
             # HELP plimsoll_requests_total Asked.\n\
             plimsoll_requests_total 2 1500\n"
        );
    }

    #[test]
    fn whoever_does_not_ask_for_openmetrics_gets_the_older_format() {
        let of = |accept| Format::of_accept(accept);

        assert_eq!(of(Some("application/openmetrics-text;version=1.0.0")), Format::OpenMetrics);
        assert_eq!([of(Some("*/*")), of(None)], [Format::Prometheus; 2]);
    }

    #[test]
    fn labels_cannot_break_out_of_their_quotes() {
        let mut text = Text::new(Format::OpenMetrics);
        text.family(&LEVEL);
        text.gauge(&[("call", "a\"} 1\n\\")], 0.5);
        text.gauge_at(&[], f64::INFINITY, Instant::from_millis(1_500));

        let text = text.finish();

        assert!(text.contains("# HELP plimsoll_level A \\\\ b.\n"), "{text}");
        assert!(text.contains("plimsoll_level{call=\"a\\\"} 1\\n\\\\\"} 0.5\n"), "{text}");
        assert!(text.contains("plimsoll_level +Inf 1.5\n"), "{text}");
    }

    #[test]
    fn seconds_are_exact_to_the_nanosecond() {
        let shown = [0, 1, 16_384, 1_500_000_000, 86_400_000_000_001]
            .map(|nanos| Seconds(Duration::from_nanos(nanos)).to_string());

        assert_eq!(shown, ["0.0", "0.000000001", "0.000016384", "1.5", "86400.000000001"]);
    }

    const LATENCY: Description = Description {
        name: "latency",
        kind: Kind::Histogram,
        unit: Unit::Seconds,
        help: "Waiting.",
    };
    const REQUESTS: Description =
        Description { name: "requests", kind: Kind::Counter, unit: Unit::Count, help: "Asked." };
    const LEVEL: Description =
        Description { name: "level", kind: Kind::Gauge, unit: Unit::Count, help: "A \\ b." };
}
