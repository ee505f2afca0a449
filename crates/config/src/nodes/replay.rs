//! Times from a file beside the design: one a line, with its unit; `#` begins a comment.

use base::Duration;

use crate::codes::UNREADABLE_FILE;
use crate::files::Files;
use crate::names::shown;
use crate::read::Value;
use crate::report::Report;
use crate::units;

/// More than this is not read.
const MOST: usize = 1_000_000;

/// Points in time, each not before the one above it.
pub(super) fn times(
    files: &dyn Files,
    value: &Value<'_>,
    report: &mut Report,
) -> Option<Vec<Duration>> {
    let times = durations(files, value, report)?;
    let back = times.windows(2).position(|pair| pair[1] < pair[0]);
    if let Some(at) = back {
        let message = format!("names a file whose times run backwards at time {}", at + 2);
        refuse(value, &message, "sort the file: each line is a time since the start", report);
        return None;
    }
    Some(times)
}

/// Durations in any order.
pub(super) fn durations(
    files: &dyn Files,
    value: &Value<'_>,
    report: &mut Report,
) -> Option<Vec<Duration>> {
    let name = value.text(report)?;
    let text = match files.read(name) {
        Ok(text) => text,
        Err(why) => {
            let message = format!("cannot be read: {why}");
            refuse(value, &message, "name a file relative to the design file", report);
            return None;
        }
    };
    match parse(&text) {
        Ok(times) if times.is_empty() => {
            refuse(value, "names a file without any time", EXAMPLE, report);
            None
        }
        Ok(times) => Some(times),
        Err(why) => {
            refuse(value, &format!("names a file in which {why}"), EXAMPLE, report);
            None
        }
    }
}

const EXAMPLE: &str = "write one time a line, with its unit: 12.5ms";

fn parse(text: &str) -> Result<Vec<Duration>, String> {
    let mut times = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.split_once('#').map_or(line, |(before, _)| before).trim();
        if line.is_empty() {
            continue;
        }
        if times.len() == MOST {
            return Err(format!("there are more than {MOST} times"));
        }
        let time = units::duration(line)
            .map_err(|_| format!("line {} is no time: \"{}\"", at + 1, shown(line)))?;
        times.push(time);
    }
    Ok(times)
}

fn refuse(value: &Value<'_>, message: &str, way_out: &str, report: &mut Report) {
    report.push(value.wrong(&UNREADABLE_FILE, message).instead(way_out));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_times_may_have_comments_and_empty_lines() {
        let times = parse("# measured on a quiet day\n8ms\n\n12.5ms # slow\n");

        assert_eq!(times, Ok(vec![Duration::from_millis(8), Duration::from_micros(12_500)]));
    }

    #[test]
    fn a_line_that_is_no_time_is_named() {
        assert_eq!(parse("8ms\n8\n"), Err("line 2 is no time: \"8\"".to_owned()));
    }
}
