//! Columns of text that fit a page: cells wrap between words, the widest column gives way first.

/// Between two columns.
const GAP: usize = 2;
/// Between the ends of a call.
const ARROW: &str = "->";
/// No column gets narrower than this for the sake of others.
const NARROWEST: usize = 10;

/// Lays out rows of the same number of cells within `page` characters. The first row is the head.
/// Each row comes back as its lines; no line ends with spaces.
pub(super) fn lay_out(rows: &[Vec<String>], page: usize) -> Vec<Vec<String>> {
    let widths = widths(rows, page);
    rows.iter().map(|row| lines(row, &widths)).collect()
}

fn widths(rows: &[Vec<String>], page: usize) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
    let natural = |column| cells(column).map(|cell| length(cell)).max().unwrap_or(0);
    let longest_word = |column| {
        let of_cell = |cell: &String| {
            let longest = words(cell).map(length).max().unwrap_or(0);
            indent(cell) + longest
        };
        cells(column).map(of_cell).max().unwrap_or(0).max(NARROWEST)
    };
    let mut widths: Vec<usize> = (0..columns).map(natural).collect();
    let least: Vec<usize> = (0..columns).map(longest_word).collect();
    let gaps = columns.saturating_sub(1) * GAP;
    while widths.iter().sum::<usize>() + gaps > page {
        let can_shrink = |&column: &usize| widths[column] > least[column];
        match (0..columns).filter(can_shrink).max_by_key(|&column| widths[column]) {
            Some(widest) => widths[widest] -= 1,
            None => break,
        }
    }
    widths
}

fn lines(row: &[String], widths: &[usize]) -> Vec<String> {
    let cells: Vec<Vec<String>> =
        row.iter().zip(widths).map(|(cell, &width)| wrap(cell, width)).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let line = |at: usize| {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            let part = cell.get(at).map_or("", String::as_str);
            line.push_str(part);
            line.extend(std::iter::repeat_n(' ', width + GAP - length(part).min(*width)));
        }
        line.trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

/// Breaks text between words into lines of at most `width` characters; a longer word stands alone.
/// All lines are indented like the first.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let indent = " ".repeat(indent(text));
    let mut lines: Vec<String> = Vec::new();
    for word in words(text.trim_start_matches(' ')) {
        match lines.last_mut() {
            Some(line) if length(line) + 1 + length(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{indent}{word}")),
        }
    }
    lines
}

/// What is not broken: words, and a call by its ends, `users -> api`.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_between = |&(at, _): &(usize, &str)| {
        !text[..at].ends_with(ARROW) && !text[at + 1..].starts_with(ARROW)
    };
    let ends = text.match_indices(' ').filter(is_between).map(|(at, _)| at);
    ends.chain([text.len()]).scan(0, |start, end| {
        let word = text.get(*start..end);
        *start = end + 1;
        word
    })
}

fn indent(text: &str) -> usize {
    length(text) - length(text.trim_start_matches(' '))
}

fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[&[&str]], page: usize) -> String {
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|&cell| cell.to_owned()).collect()).collect();
        lay_out(&rows, page).concat().join("\n")
    }

    #[test]
    fn a_table_that_fits_keeps_its_rows_on_one_line() {
        insta::assert_snapshot!(table(&[&["CALL", "TIMEOUT"], &["a.b", "2s"]], 40), @"
        CALL  TIMEOUT
        a.b   2s
        ");
    }

    #[test]
    fn the_widest_column_wraps_first() {
        let rows: &[&[&str]] = &[&["CALL", "RETRIES"], &["users -> lb", "two tries, budget 10%"]];

        insta::assert_snapshot!(table(rows, 30), @"
        CALL         RETRIES
        users -> lb  two tries, budget
                     10%
        ");
    }

    #[test]
    fn a_call_is_not_broken_between_its_ends() {
        let text = "tried by users -> api and by api -> svc";

        assert_eq!(wrap(text, 14), ["tried by", "users -> api", "and by", "api -> svc"]);
        assert_eq!(wrap("a b", 1), ["a", "b"]);
    }

    #[test]
    fn a_word_longer_than_the_page_is_not_broken() {
        assert_eq!(wrap("an unbreakablelongword", 5), ["an", "unbreakablelongword"]);
    }
}
