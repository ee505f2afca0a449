//! A series as a line of text, so that a terminal shows a course and not only its end.
//!
//! Blocks of eight heights where the terminal can show them; where it cannot, or where somebody
//! reads the text through a pipe of unknown encoding, ASCII characters of growing weight.

/// What the lines are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Block elements, U+2581 to U+2588.
    Unicode,
    /// Seven-bit characters.
    Ascii,
}

impl Style {
    /// What a locale can show: the first of `LC_ALL`, `LC_CTYPE` and `LANG` that is set, as POSIX
    /// has it.
    pub fn of_locale(locale: Option<&str>) -> Self {
        let locale = locale.unwrap_or_default().to_ascii_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") {
            Self::Unicode
        } else {
            Self::Ascii
        }
    }

    const fn levels(self) -> &'static [char] {
        match self {
            Self::Unicode => &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
            Self::Ascii => &['_', '.', ':', '-', '=', '+', '*', '#'],
        }
    }
}

/// A character for each value, `top` and above as the full height. A space where nothing is known
/// (NaN).
pub fn sparkline(values: &[f64], top: f64, style: Style) -> String {
    values.iter().map(|value| level(*value, top, style)).collect()
}

/// At most `width` values, each the largest of those it stands for: a peak is what one looks for,
/// and an average would hide it.
pub fn squeeze(values: &[f64], width: usize) -> Vec<f64> {
    let columns = width.min(values.len());
    let cut = |column: usize| column * values.len() / columns.max(1);
    (0..columns)
        .map(|column| values[cut(column)..cut(column + 1)].iter().copied().fold(f64::NAN, f64::max))
        .collect()
}

/// A bar of at most `width` characters; `top` and above fill it.
pub fn bar(value: f64, top: f64, width: usize, style: Style) -> String {
    let full = style.levels()[style.levels().len() - 1];
    let filled = (0..width).filter(|at| (*at as f64 + 0.5) * top < value * width as f64).count();
    std::iter::repeat_n(full, filled).collect()
}

/// The largest of the values that are known; 0 if none is.
pub fn top(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

fn level(value: f64, top: f64, style: Style) -> char {
    if value.is_nan() {
        return ' ';
    }
    let levels = style.levels();
    let share = if top > 0.0 { (value / top).clamp(0.0, 1.0) } else { 0.0 };
    let reached = (1..levels.len()).filter(|at| share * levels.len() as f64 > *at as f64).count();
    levels[reached]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_rises_and_falls_with_its_values() {
        let values = [0.0, 1.0, 2.0, 4.0, 8.0, 80.0, f64::NAN, -1.0];

        assert_eq!(sparkline(&values, 8.0, Style::Unicode), "▁▁▂▄██ ▁");
        assert_eq!(sparkline(&values, 8.0, Style::Ascii), "__.-## _");
    }

    #[test]
    fn a_line_of_nothing_is_flat() {
        assert_eq!(sparkline(&[0.0, 0.0], top(&[0.0, 0.0]), Style::Ascii), "__");
        assert_eq!(sparkline(&[], 0.0, Style::Ascii), "");
    }

    #[test]
    fn squeezing_keeps_the_peaks() {
        let mut values = vec![1.0; 100];
        values[37] = 9.0;

        let squeezed = squeeze(&values, 10);

        assert_eq!(squeezed, [1.0, 1.0, 1.0, 9.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(squeeze(&[1.0, 2.0], 10), [1.0, 2.0]);
        assert!(squeeze(&values, 0).is_empty());
    }

    #[test]
    fn a_bar_fills_with_its_share() {
        let bars = [0.0, 0.5, 1.0, 7.0].map(|value| bar(value, 1.0, 4, Style::Ascii));

        assert_eq!(bars, ["", "##", "####", "####"]);
    }

    #[test]
    fn only_a_locale_that_says_so_gets_more_than_ascii() {
        let of = |locale| Style::of_locale(locale);

        assert_eq!([of(Some("en_IE.UTF-8")), of(Some("C.utf8"))], [Style::Unicode; 2]);
        assert_eq!([of(Some("C")), of(Some("POSIX")), of(None)], [Style::Ascii; 3]);
    }
}
