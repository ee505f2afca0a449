//! `regions`: `"own"`, `"any"`, or `{ spill = ["us"], at_most = "20%" }`.

use base::RegionId;
use policy::region::Params;

use super::Reading;
use crate::codes::{CONTRADICTION, OUT_OF_BOUNDS};
use crate::defaults;
use crate::diagnostic::Diagnostic;
use crate::names::{one_of, shown};
use crate::read::{Table, Value};

const WORDS: [(&str, Params); 2] = [("own", Params::Own), ("any", Params::Any)];

/// The rule, and the regions to spill to, in order.
pub(super) fn read(call: &mut Reading<'_, '_>) -> (Params, Vec<RegionId>) {
    let Some(value) = call.get("regions") else {
        if call.to_regions.len() > 1 {
            call.default("regions", &defaults::REGIONS);
        }
        return (Params::default(), Vec::new());
    };
    if let Some(table) = value.as_table() {
        return spill(call, &value, &table).unwrap_or_default();
    }
    let Some(params) = value.word(&WORDS, call.report) else {
        return (Params::default(), Vec::new());
    };
    if let Some(word) = value.as_text() {
        call.say("regions", word, value.span);
    }
    (params, Vec::new())
}

fn spill(
    call: &mut Reading<'_, '_>,
    value: &Value<'_>,
    table: &Table<'_>,
) -> Option<(Params, Vec<RegionId>)> {
    table.allow(&[&["spill", "at_most"]], call.report);
    let to = table.require("spill", "[\"us\"]", call.report);
    let at_most = table.require("at_most", "\"20%\"", call.report);
    let (to, at_most) = (to?, at_most?);
    let elements = to.list(call.report)?;
    let mut regions = Vec::new();
    for element in &elements {
        let name = element.text(call.report)?;
        let region = call.index.region(name, element.span, call.report)?;
        if !call.to_regions.is_empty() && !call.to_regions.contains(&region) {
            call.report.push(nobody_there(call, element, name));
        }
        regions.push(region);
    }
    if regions.is_empty() {
        call.report
            .push(to.wrong(&OUT_OF_BOUNDS, "names no region").instead("write `regions = \"own\"`"));
        return None;
    }
    let at_most = at_most.share(call.report)?;
    let names = regions.iter().map(|region| call.index.regions[region.index()].name.as_str());
    let shown = format!("spill to {}, at most {at_most}", names.collect::<Vec<_>>().join(", "));
    call.say("regions", shown, value.span);
    Some((Params::Spill { at_most }, regions))
}

fn nobody_there(call: &Reading<'_, '_>, element: &Value<'_>, name: &str) -> Diagnostic {
    let there =
        call.to_regions.iter().map(|region| call.index.regions[region.index()].name.as_str());
    let message = format!("nobody would answer in `{}`", shown(name));
    CONTRADICTION
        .at(element.span, message)
        .because("the node that is asked has no instance there, so the spill would fail when it is needed")
        .instead(format!("it is in {}", one_of(there)))
}
