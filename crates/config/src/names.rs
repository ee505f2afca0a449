//! Names: which are allowed, and which one somebody probably meant.

/// The longest name that a design may give to anything.
pub(crate) const LONGEST: usize = 64;

/// Whether a node, region or incident may be called so. No spaces, dots or arrows: a name must
/// stand unquoted in a table's head, in `a -> b`, in a metric's label and on a command line.
pub(crate) fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !text.is_empty() && text.len() <= LONGEST && text.chars().all(allowed)
}

/// The one of `known` that is closest to `written`, if any is close enough to be a slip. Of one
/// letter everything is a slip of everything else.
pub fn meant<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if written.len() > LONGEST {
        return None;
    }
    let written = written.to_lowercase();
    let known: Vec<&str> = known.into_iter().collect();
    let elsewhere = ELSEWHERE.iter().find(|(word, _)| *word == written).map(|(_, ours)| ours);
    if let Some(ours) = elsewhere.and_then(|ours| known.iter().find(|known| *known == ours)) {
        return Some(ours);
    }
    let most = if written.chars().count() > 1 { (written.chars().count() / 3).max(1) } else { 0 };
    let is_word = |known: &&str| known.chars().count() > 1 || known.to_lowercase() == written;
    known
        .into_iter()
        .filter(is_word)
        .filter(|known| known.len() <= LONGEST && known.len().abs_diff(written.len()) <= most)
        .map(|known| (distance(&written, &known.to_lowercase()), known))
        .filter(|&(distance, _)| distance <= most)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, known)| known)
}

/// Words that other programs have for the same, too far from ours for a slip of the finger.
const ELSEWHERE: [(&str, &str); 9] = [
    ("retries", "retry"),
    ("max_retries", "retry"),
    ("healthcheck", "health"),
    ("health_check", "health"),
    ("circuit_breaker", "breaker"),
    ("outlier_detection", "eject"),
    ("load_balancing", "balance"),
    ("slowdown", "slow"),
    ("latency", "delay"),
];

/// What somebody wrote, fit to be shown: without control characters, and not endless.
pub(crate) fn shown(written: &str) -> String {
    let mut short: String = written.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if written.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

/// "`a`, `b` or `c`".
pub(crate) fn one_of<'k>(known: impl IntoIterator<Item = &'k str>) -> String {
    let quoted: Vec<String> =
        known.into_iter().take(MOST_LISTED).map(|k| format!("`{}`", shown(k))).collect();
    match quoted.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

const MOST_LISTED: usize = 40;

/// Insertions, deletions, replacements and swaps of neighbours that lead from one to the other
/// (Damerau-Levenshtein, restricted).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        let known = ["timeout", "attempt_timeout", "retry", "queue"];

        assert_eq!(meant("timeuot", known), Some("timeout"));
        assert_eq!(meant("retrys", known), Some("retry"));
        assert_eq!(meant("retries", known), Some("retry"));
        assert_eq!(meant("retries", ["queue"]), None);
        assert_eq!(meant("Queue", known), Some("queue"));
        assert_eq!(meant("que", known), None);
    }

    #[test]
    fn something_else_is_not_taken_for_a_slip() {
        assert_eq!(meant("colour", ["timeout", "retry"]), None);
        assert_eq!(meant(&"x".repeat(100_000), ["timeout"]), None);
    }

    #[test]
    fn names_can_stand_unquoted_everywhere() {
        assert!(is_name("eu-west_1"));
        assert!(["", "a b", "a.b", "a->b", "ü"].iter().all(|name| !is_name(name)));
        assert!(!is_name(&"x".repeat(65)));
    }

    #[test]
    fn what_is_shown_has_an_end_and_no_control_characters() {
        assert_eq!(shown("a\0b\x1b"), "a\\0b\\u{1b}");
        assert_eq!(shown(&"x".repeat(1_000)).chars().count(), LONGEST + 1);
    }
}
