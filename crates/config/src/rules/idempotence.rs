//! Question two: may it be repeated? `idempotent`.

use engine::Idempotence;
use toml::de::DeValue;

use super::Reading;

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
    let Some(idempotence) = value.word(&WORDS, call.report) else {
        return Idempotence::Never;
    };
    call.say("idempotent", word, value.span);
    idempotence
}
