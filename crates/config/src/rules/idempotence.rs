//! Question two: may it be repeated? `idempotent`.

use engine::Idempotence;
use toml::de::DeValue;

use super::Reading;
use crate::codes::UNKNOWN_WORD;
use crate::read::Value;

const WORDS: [(&str, Idempotence); 4] = [
    ("by-method", Idempotence::ByMethod),
    ("by-key", Idempotence::ByKey),
    ("by-schema", Idempotence::BySchema),
    ("connect-only", Idempotence::ConnectOnly),
];

pub(super) fn read(call: &mut Reading<'_, '_>) -> Idempotence {
    let Some(value) = call.get("idempotent") else {
        call.missing("idempotent");
        return Idempotence::Never;
    };
    if let DeValue::Boolean(always) = value.value {
        call.say("idempotent", always, value.span);
        return if *always { Idempotence::Always } else { Idempotence::Never };
    }
    let Some(word) = value.as_text() else {
        let what = "`true`, `false` or a word such as \"by-method\"";
        value.mistyped::<()>(what, "\"by-method\"", call.report);
        return Idempotence::Never;
    };
    let Some(&(_, idempotence)) = WORDS.iter().find(|(name, _)| *name == word) else {
        report_unknown(call, &value, word);
        return Idempotence::Never;
    };
    call.say("idempotent", word, value.span);
    idempotence
}

/// The choices are words and two values that are none: `"true"` in quotes is not `true`.
fn report_unknown(call: &mut Reading<'_, '_>, value: &Value<'_>, word: &str) {
    if matches!(word, "true" | "false") {
        let message = format!("cannot be the text \"{word}\"");
        let way_out = format!("write `idempotent = {word}`, without quotes");
        call.report.push(value.wrong(&UNKNOWN_WORD, message).instead(way_out));
        return;
    }
    let words = WORDS.iter().map(|(name, _)| *name);
    value.unknown_word(word, words.chain(["true", "false"]), call.report);
}
