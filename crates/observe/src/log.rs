//! The access log: one line of JSON for each request, ready to append.
//!
//! The hot path writes the line straight into a buffer that its worker keeps; nothing is
//! allocated once that buffer has grown. What a client sent is escaped, whatever its bytes are: a
//! request cannot forge a line.

use std::io::Write;

use base::{Duration, RequestId};
use event::Cause;

/// What there is to say about one request when it has ended.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// When it ended, since the beginning of 1970 in UTC. Log records are the one thing that
    /// carries the time of day; no decision hangs on it.
    pub time: Duration,
    /// Unique within the process.
    pub id: RequestId,
    /// `FROM.TO` of the design; nothing if no route took the request.
    pub call: Option<&'a str>,
    /// The route as the design has it.
    pub route: Option<&'a str>,
    /// As it came.
    pub method: &'a [u8],
    /// As it came, without the query: that is where secrets stand.
    pub path: &'a [u8],
    /// Sent to the client; 0 if nothing was.
    pub status: u16,
    /// Why it failed, if it did.
    pub cause: Option<Cause>,
    /// Tries that left.
    pub attempts: u8,
    /// Of the last try.
    pub endpoint: Option<&'a str>,
    /// Of the request's body.
    pub bytes_in: u64,
    /// Of the answer's body.
    pub bytes_out: u64,
    /// From first byte in to last byte out.
    pub latency: Duration,
    /// Of the last try; nothing if none left.
    pub upstream_latency: Option<Duration>,
    /// Time that it stood in the call's queue; none if it was admitted at once.
    pub queue_wait: Duration,
}

impl Record<'_> {
    /// Appends the record as a line. Times are in milliseconds with a fraction.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"time\":\"");
        write_rfc3339(self.time, out);
        out.extend_from_slice(b"\",\"id\":");
        write_number(self.id.0, out);
        write_text("call", self.call.map(str::as_bytes), out);
        write_text("route", self.route.map(str::as_bytes), out);
        write_text("method", Some(self.method), out);
        write_text("path", Some(self.path), out);
        write_field("status", u64::from(self.status), out);
        write_text("cause", self.cause.map(|cause| cause.name().as_bytes()), out);
        write_text("layer", self.cause.map(|cause| cause.layer().name().as_bytes()), out);
        write_field("attempts", u64::from(self.attempts), out);
        write_text("endpoint", self.endpoint.map(str::as_bytes), out);
        write_field("bytes_in", self.bytes_in, out);
        write_field("bytes_out", self.bytes_out, out);
        write_millis("latency_ms", self.latency, out);
        if let Some(upstream) = self.upstream_latency {
            write_millis("upstream_latency_ms", upstream, out);
        }
        write_millis("queue_wait_ms", self.queue_wait, out);
        out.extend_from_slice(b"}\n");
    }
}

/// Appends a time of day as RFC 3339 has it, in UTC with milliseconds: `1970-01-01T00:00:00.000Z`.
pub fn write_rfc3339(since_1970: Duration, out: &mut Vec<u8>) {
    let secs = since_1970.as_nanos() / 1_000_000_000;
    let (year, month, day) = civil(secs / 86_400);
    let millis = since_1970.as_millis() % 1_000;
    let (hour, minute, second) = (secs / 3_600 % 24, secs / 60 % 60, secs % 60);
    for (value, digits, after) in [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (hour, 2, b':'),
        (minute, 2, b':'),
        (second, 2, b'.'),
        (millis, 3, b'Z'),
    ] {
        write_digits(value, digits, out);
        out.push(after);
    }
}

/// Year, month and day of a day since 1970. Years are counted from March, so that the day that
/// comes and goes stands last, and in eras of 400 years, which all have equally many days (the
/// method of Hinnant, "chrono-compatible low-level date algorithms").
const fn civil(days: u64) -> (u64, u64, u64) {
    let from_march_of_0000 = days + 719_468;
    let (era, day_of_era) = (from_march_of_0000 / 146_097, from_march_of_0000 % 146_097);
    let leaps = day_of_era / 1_460 + day_of_era / 146_096;
    let year_of_era = (day_of_era + day_of_era / 36_524 - leaps) / 365;
    let before_year = 365 * year_of_era + year_of_era / 4 - year_of_era / 100;
    let day_of_year = day_of_era - before_year;
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year_of_era + next_year, month, day)
}

fn write_text(name: &str, value: Option<&[u8]>, out: &mut Vec<u8>) {
    let Some(value) = value else { return };
    write_name(name, out);
    out.push(b'"');
    write_escaped(value, out);
    out.push(b'"');
}

fn write_field(name: &str, value: u64, out: &mut Vec<u8>) {
    write_name(name, out);
    write_number(value, out);
}

fn write_millis(name: &str, value: Duration, out: &mut Vec<u8>) {
    write_name(name, out);
    let micros = value.as_nanos() / 1_000;
    write_number(micros / 1_000, out);
    out.push(b'.');
    write_digits(micros % 1_000, 3, out);
}

fn write_name(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// With leading zeros.
fn write_digits(value: u64, digits: usize, out: &mut Vec<u8>) {
    let (text, _) = decimal(value);
    out.extend_from_slice(&text[MOST_DIGITS - digits..]);
}

fn write_number(value: u64, out: &mut Vec<u8>) {
    let (text, first) = decimal(value);
    out.extend_from_slice(&text[first..]);
}

/// All digits that fit, and where the first that counts is.
fn decimal(mut value: u64) -> ([u8; MOST_DIGITS], usize) {
    let mut text = [b'0'; MOST_DIGITS];
    let mut first = MOST_DIGITS;
    while first == MOST_DIGITS || value > 0 {
        first -= 1;
        text[first] = DIGITS[(value % 10) as usize];
        value /= 10;
    }
    (text, first)
}

/// A string of JSON (RFC 8259, section 7); bytes that are not UTF-8 become U+FFFD.
fn write_escaped(value: &[u8], out: &mut Vec<u8>) {
    if value.iter().copied().all(is_plain) {
        return out.extend_from_slice(value);
    }
    for chunk in value.utf8_chunks() {
        for byte in chunk.valid().bytes() {
            match byte {
                b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
                0..0x20 | 0x7f => {
                    let _never_fails = write!(out, "\\u{byte:04x}");
                }
                _ => out.push(byte),
            }
        }
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

const fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20..0x7f) && byte != b'"' && byte != b'\\'
}

const DIGITS: &[u8; 10] = b"0123456789";
/// Of the largest number.
const MOST_DIGITS: usize = 20;

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_record_is_one_line_that_says_everything_once() {
        assert_eq!(
            line(&RECORD),
            "{\"time\":\"2026-11-23T06:50:07.125Z\",\"id\":7,\"call\":\"lb.svc\",\
             \"route\":\"/api\",\"method\":\"GET\",\"path\":\"/api/1\",\"status\":504,\
             \"cause\":\"attempt_timeout\",\"layer\":\"l7\",\"attempts\":2,\
             \"endpoint\":\"10.0.0.1:80\",\"bytes_in\":0,\"bytes_out\":145,\
             \"latency_ms\":800.250,\"upstream_latency_ms\":399.999,\"queue_wait_ms\":0.004}\n"
        );
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let record = Record {
            call: None,
            route: None,
            endpoint: None,
            cause: None,
            upstream_latency: None,
            ..RECORD
        };

        let parsed: Value = serde_json::from_str(&line(&record)).unwrap();

        let names: Vec<_> = parsed.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names.len(), 10, "{names:?}");
        assert!(!names.contains(&"cause") && !names.contains(&"layer"), "{names:?}");
    }

    #[test]
    fn no_byte_of_a_client_forges_a_line_or_breaks_the_json() {
        for byte in 0..=u8::MAX {
            let path = [b'/', byte, b'"', b'\\', b'x'];
            let line = line(&Record { path: &path, ..RECORD });

            let parsed: Value = serde_json::from_str(&line).unwrap();

            assert_eq!(parsed["path"], *String::from_utf8_lossy(&path), "{byte:#x}");
            assert_eq!(line.matches('\n').count(), 1, "{byte:#x}");
        }
    }

    #[test]
    fn characters_of_several_bytes_stay_what_they_are() {
        let line = line(&Record { path: "/Käse/\u{1f9c0}/\t".as_bytes(), ..RECORD });

        let parsed: Value = serde_json::from_str(&line).unwrap();

        assert_eq!(parsed["path"], "/Käse/\u{1f9c0}/\t");
    }

    #[test]
    fn dates_are_right_around_leap_days_and_centuries() {
        // Seconds as `date -u -d … +%s` gives them.
        let shown =
            [0, 951_782_399, 951_782_400, 951_868_800, 1_709_251_199, 4_107_542_400].map(|secs| {
                let mut out = Vec::new();
                write_rfc3339(Duration::from_secs(secs), &mut out);
                String::from_utf8(out).unwrap()
            });

        assert_eq!(
            shown,
            [
                "1970-01-01T00:00:00.000Z",
                "2000-02-28T23:59:59.000Z",
                "2000-02-29T00:00:00.000Z",
                "2000-03-01T00:00:00.000Z",
                "2024-02-29T23:59:59.000Z",
                "2100-03-01T00:00:00.000Z",
            ]
        );
    }

    #[test]
    fn numbers_are_written_whole_from_nothing_to_the_largest() {
        for number in [0, 9, 10, 1_000, u64::MAX] {
            let line = line(&Record { bytes_in: number, ..RECORD });

            assert!(line.contains(&format!("\"bytes_in\":{number},")), "{line}");
        }
    }

    fn line(record: &Record<'_>) -> String {
        let mut out = Vec::new();
        record.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    const RECORD: Record<'_> = Record {
        time: Duration::from_millis(1_795_416_607_125),
        id: RequestId(7),
        call: Some("lb.svc"),
        route: Some("/api"),
        method: b"GET",
        path: b"/api/1",
        status: 504,
        cause: Some(Cause::AttemptTimeout),
        attempts: 2,
        endpoint: Some("10.0.0.1:80"),
        bytes_in: 0,
        bytes_out: 145,
        latency: Duration::from_micros(800_250),
        upstream_latency: Some(Duration::from_micros(399_999)),
        queue_wait: Duration::from_nanos(4_900),
    };
}
