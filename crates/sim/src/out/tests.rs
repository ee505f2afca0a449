//! The files, read by the programs that they are for.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::*;
use crate::Fidelity;
use crate::examples::{design, variant};

/// `promtool check metrics` of Debian reads the older text format only; what a Prometheus is given
/// is made by `create-blocks-from openmetrics`, and read back here.
#[test]
fn promtool_makes_blocks_of_the_metrics_with_every_sample_at_its_time() {
    let (place, _) = files("incident", &[], 80, Fidelity::Message);
    let (text, blocks) = (place.path().join("metrics.txt"), place.path().join("blocks"));

    promtool(&["create-blocks-from".as_ref(), "openmetrics".as_ref(), &text, &blocks]);
    // A Prometheus has a log beside its blocks.
    std::fs::create_dir(blocks.join("wal")).unwrap();
    let dumped = promtool(&["dump".as_ref(), &blocks]);

    let written = std::fs::read_to_string(&text).unwrap();
    let samples = written.lines().filter(|line| !line.starts_with('#')).count();
    assert!(samples > 1_000, "{samples}");
    assert_eq!(dumped.lines().count(), samples);
    // 1 January 2000 and 79 s, in milliseconds.
    let last = dumped.lines().filter(|line| {
        line.contains("__name__=\"plimsoll_requests_total\"") && line.ends_with(" 946684879000")
    });
    let in_text = written.lines().filter(|line| {
        line.starts_with("plimsoll_requests_total{") && line.ends_with(" 946684879.000")
    });
    let of = |line: &str, from_end: usize| -> f64 {
        line.rsplit(' ').nth(from_end).unwrap().parse().unwrap()
    };
    let read: f64 = last.map(|line| of(line, 1)).sum();
    assert!(read > 50_000.0, "{read}");
    assert_eq!(read, in_text.map(|line| of(line, 1)).sum::<f64>());
}

/// What `promtool tsdb` says.
fn promtool(arguments: &[&Path]) -> String {
    let output = Command::new("promtool").arg("tsdb").args(arguments).output();
    let output = output.expect("`cargo xtask setup` installs promtool");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn metrics_are_families_with_times_that_grow_and_an_end() {
    let (place, _) = files("incident", &[], 80, Fidelity::Message);
    let text = std::fs::read_to_string(place.path().join("metrics.txt")).unwrap();

    assert!(text.ends_with("\n# EOF\n"));
    let mut last: BTreeMap<&str, f64> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.rsplitn(3, ' ');
        let (time, _value, sample) = (words.next(), words.next(), words.next().unwrap());
        let time: f64 = time.unwrap().parse().unwrap();
        assert!(last.insert(sample, time).is_none_or(|before| before < time), "{line}");
    }
    let names =
        ["plimsoll_requests_total{", "plimsoll_latency_seconds_bucket{", "plimsoll_node_queue{"];
    assert!(names.iter().all(|name| last.keys().any(|sample| sample.starts_with(name))));
    for family in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        assert_eq!(text.matches(&format!("# TYPE {family}\n")).count(), 1, "{family}");
    }
}

/// The rules of OTLP's JSON: identities in hexadecimal, times and 64-bit numbers as texts, kinds as
/// numbers.
#[test]
fn traces_keep_the_rules_of_otlp() {
    let (place, _) = files("incident", &[], 80, Fidelity::Message);
    let traces = parsed(place.path(), "traces.json");
    let spans = spans(&traces);

    let by_id: BTreeMap<&str, &Value> =
        spans.iter().map(|span| (span["spanId"].as_str().unwrap(), *span)).collect();
    assert!(by_id.len() == spans.len() && spans.len() > 100, "{}", spans.len());
    for span in &spans {
        assert!(is_hex(&span["traceId"], 32) && is_hex(&span["spanId"], 16), "{span}");
        let time = |key: &str| span[key].as_str().unwrap().parse::<u64>().unwrap();
        assert!(
            time("startTimeUnixNano") > 0 && time("startTimeUnixNano") <= time("endTimeUnixNano")
        );
        assert!(span["status"]["code"].as_u64() <= Some(2) && span["name"].is_string());
        for attribute in span["attributes"].as_array().unwrap() {
            let value = attribute["value"].as_object().unwrap();
            assert!(attribute["key"].is_string() && value.values().all(Value::is_string), "{span}");
        }
        let Some(parent) = span.get("parentSpanId") else { continue };
        let parent = by_id[parent.as_str().unwrap()];
        assert_eq!(parent["traceId"], span["traceId"]);
        // A request has tries, a try has work, work asks others.
        let kinds = (parent["kind"].as_u64().unwrap(), span["kind"].as_u64().unwrap());
        assert!([(1, 3), (3, 2), (2, 1)].contains(&kinds), "{kinds:?}");
    }
}

#[test]
fn the_timeline_adds_up_to_the_report() {
    let (place, report) = files("balancer", &[], 60, Fidelity::Message);
    let timeline = parsed(place.path(), "timeline.json");

    assert_eq!(timeline["run_hash"], report.run_hash);
    let calls = timeline["calls"].as_array().unwrap();
    for (call, told) in calls.iter().zip(&report.calls) {
        let all: u64 = call["requests"].as_array().unwrap().iter().filter_map(Value::as_u64).sum();
        assert!(all >= told.requests, "the warm-up is in it: {all} {}", told.requests);
    }
    assert_eq!(timeline["nodes"][0]["node"], "svc");
}

#[test]
fn chromium_draws_the_report_without_a_word_of_complaint() {
    for (design, seconds) in [("incident", 80), ("balancer", 50)] {
        let (place, _) = files(design, &[], seconds, Fidelity::Message);
        let (dom, said) = browse(place.path(), 1_280);

        assert!(!said.contains("CONSOLE"), "{said}");
        for plot in ["Goodput", "Latency of clients", "Amplification", "Queues", "Busy workers"] {
            let svg = dom.split(&format!("data-plot=\"{plot}\"")).nth(1);
            assert!(
                svg.is_some_and(|svg| svg.contains("class=\"line\"")),
                "{design} has no {plot}"
            );
        }
        assert!(dom.contains("class=\"fault\"") && dom.contains("class=\"waterfall\""), "{design}");
        assert!(dom.contains("L7: requests") && dom.contains("class=\"span\""), "{design}");
        assert!(!dom.contains("NaN") && !dom.contains("undefined"), "{design}");
        assert!(dom.contains("<td>users -&gt; ") && !dom.contains('\u{2192}'), "{design}");
    }
}

/// What is wider than a narrow window has a box of its own that scrolls: the tables of all layers do.
#[test]
fn in_a_narrow_window_tables_scroll_by_themselves_and_the_page_does_not() {
    let (place, _) = files("balancer", &[], 40, Fidelity::Packet);
    let file = place.path().join("report.html");
    let measures = "<script>document.body.style.width = \"360px\";
    const sticksOut = (it) => it.getBoundingClientRect().right > 360 && !it.closest(\".scroll, svg\");
    document.body.dataset.widths = JSON.stringify({
        out: [...document.body.querySelectorAll(\"*\")].filter(sticksOut).map((it) => it.tagName + \".\" + it.className),
        page: document.documentElement.scrollWidth, window: document.documentElement.clientWidth,
        inner: [...document.querySelectorAll(\".scroll\")].map((it) => it.scrollWidth - it.clientWidth),
        outer: [...document.querySelectorAll(\"table\")].filter((it) => !it.closest(\".scroll, .readout\")).length
    })</script>";
    let page =
        std::fs::read_to_string(&file).unwrap().replace("</body>", &format!("{measures}</body>"));
    std::fs::write(&file, page).unwrap();

    let (dom, said) = browse(place.path(), 500);

    let widths = dom.split("data-widths=\"").nth(1).unwrap_or_else(|| panic!("{said}"));
    let widths = widths.split('"').next().unwrap().replace("&quot;", "\"");
    let widths: Value = serde_json::from_str(&widths).unwrap();
    assert_eq!(widths["out"], serde_json::json!([]), "{widths}");
    assert_eq!(widths["page"], widths["window"], "{widths}");
    assert_eq!(widths["outer"], 0, "{widths}");
    let wider = widths["inner"].as_array().unwrap().iter().filter(|by| by.as_f64() > Some(0.0));
    assert!(wider.count() >= 3, "L7, L4 and L3 are wider than that: {widths}");
}

#[test]
fn streams_have_drawings_and_a_table_of_their_own() {
    let early = ("at = \"60s\"", "at = \"10s\"");
    let (place, _) = files("grpc", &[early], 40, Fidelity::Message);
    let (dom, said) = browse(place.path(), 1_280);
    let timeline = parsed(place.path(), "timeline.json");

    let opened = timeline["clients"]["opened"][0].as_f64().unwrap();
    assert!(opened > 0.0 && opened < 40.0, "those that stood before are not opened: {opened}");
    assert!(!said.contains("CONSOLE"), "{said}");
    for plot in ["Sessions", "Openings of sessions"] {
        let svg = dom.split(&format!("data-plot=\"{plot}\"")).nth(1);
        assert!(svg.is_some_and(|svg| svg.contains("class=\"line\"")), "no {plot}");
    }
    assert!(dom.contains("Sessions: streams and WebSockets") && dom.contains("<td>edge</td>"));
    let (pages, _) = files("balancer", &[], 40, Fidelity::Message);
    assert!(!browse(pages.path(), 1_280).0.contains("data-plot=\"Sessions\""));
}

/// A drawing that is made smaller makes its letters smaller, too.
#[test]
fn in_a_narrow_window_letters_keep_their_size_and_the_names_of_phases_their_places() {
    let (place, _) = files("incident", &[], 80, Fidelity::Message);

    for window in [520, 1_280] {
        let (dom, _) = browse(place.path(), window);
        let drawings = dom.split("<svg ").skip(2).map(|svg| svg.split_once('>').unwrap().0);
        for svg in drawings.clone() {
            let (width, height) = (number(svg, "width"), number(svg, "height"));
            assert!(svg.contains(&format!("viewBox=\"0 0 {width} {height}\"")), "{svg}");
        }
        assert!(drawings.count() > 5 && phases(&dom).len() > 3);
        let (widest, all) = (number(dom.split("<svg ").nth(2).unwrap(), "width"), phases(&dom));
        for (at, (row, from, to, name)) in all.iter().enumerate() {
            assert!(*from >= 0.0 && *to <= widest, "{name} leaves a drawing of {widest}");
            let beside = all[..at].iter().filter(|other| other.0 == *row);
            for (_, begin, end, other) in beside {
                assert!(to <= begin || from >= end, "{window}: {name} lies on {other}");
            }
        }
    }
}

/// The row of each phase, and from where to where its bar and its name reach.
fn phases(dom: &str) -> Vec<(String, f64, f64, String)> {
    let of = |group: &str| {
        let (bar, rest) = group.split_once("</rect>").unwrap();
        let (head, name) = rest.split_once('>').unwrap();
        let name = name.split_once('<').unwrap().0;
        let (begin, wide) = (number(bar, "x"), number(bar, "width"));
        // No letter of them is narrower on average.
        let (at, long) = (number(head, "x"), name.len() as f64 * 5.0);
        let from = if head.contains("text-anchor=\"end\"") { at - long } else { at };
        let row = format!("{}", number(bar, "y"));
        (row, begin.min(from), (begin + wide).max(from + long), name.to_owned())
    };
    dom.split("<g class=\"phase\">").skip(1).map(of).collect()
}

/// The number that an attribute has.
fn number(element: &str, attribute: &str) -> f64 {
    let text = element.split(&format!("{attribute}=\"")).nth(1).unwrap();
    text.split_once('"').unwrap().0.parse().unwrap()
}

#[test]
fn the_report_opens_with_a_request_that_the_incident_hit_and_tells_what_was_lost_below_it() {
    let patient = MANY_HANDSHAKES.replace("700ms", "5s").replace("20%", "2%");
    let (place, _) = files_of(&design(&patient), 20, Fidelity::Packet, &Wanted::default());
    let (dom, _) = browse(place.path(), 1_280);

    let opened = dom.split("aria-pressed=\"true\"").nth(1).unwrap();
    let opened = opened.split_once("</button>").unwrap().0;
    assert!(opened.contains("slowest") || opened.contains("failed"), "{opened}");
    let shown = dom.split("class=\"waterfall\"").nth(1).unwrap();
    assert!(shown.contains("SYN sent again: nobody had answered"), "{opened}");
    assert!(shown.contains("class=\"repair\""));
    assert!(dom.contains("because there were none: timeouts and retries"));
    assert!(!dom.contains("data-plot=\"Timeouts and retries\""));
}

#[test]
fn the_report_asks_nobody_for_anything() {
    let (place, _) = files("balancer", &[], 40, Fidelity::Message);
    let page = std::fs::read_to_string(place.path().join("report.html")).unwrap();

    let outside = page.replace("http://www.w3.org/2000/svg", "");
    for request in ["http://", "https://", "src=", "@import", "url(", "fetch(", "import("] {
        assert!(!outside.contains(request), "{request}");
    }
    assert_eq!(page.matches("</script>").count(), 2, "nothing in the data ends its element");
}

#[test]
fn packets_of_a_whole_design_are_as_tshark_wants_them() {
    let crash = "on = \"svc\"\nshare = \"1 of 3\"\nkind = \"crash\"";
    let loss = "on = \"lb -> svc\"\nkind = \"loss\"\nloss = \"2%\"";
    let (place, report) = files("balancer", &[(crash, loss)], 40, Fidelity::Packet);
    let file = place.path().join("packets.pcapng");

    assert_eq!(report.fidelity, "packet");
    let bad = "_ws.malformed || tcp.checksum.status == 0 || ip.checksum.status == 0";
    assert_eq!(tshark(&file, bad), 0);
    let instances = "frame.interface_name == \"lb/0\" && http.request";
    assert!(tshark(&file, instances) > 100);
    assert!(tshark(&file, "frame.comment contains \"sent again\"") > 10);
    assert!(tshark(&file, "frame.comment contains \"lost by chance on a link\"") > 10);
    assert_eq!(tshark(&file, "http.response && !http.response.code"), 0);
}

/// Handshakes too: a partition loses many of them, and then a lossy network loses their answers.
#[test]
fn tshark_counts_on_each_senders_interface_what_was_sent_again() {
    let design = design(MANY_HANDSHAKES);
    let (place, _) = files_of(&design, 12, Fidelity::Packet, &FROM_THE_START);
    let file = place.path().join("packets.pcapng");

    for interface in ["u/0", "s/0", "s/1"] {
        let alone = place.path().join("alone.pcapng");
        let of = format!("frame.interface_name == \"{interface}\"");
        tshark_into(&file, &of, &alone);
        let ours = tshark(&alone, "frame.comment contains \"sent again\"");
        let theirs = tshark(&alone, "tcp.analysis.retransmission || tcp.analysis.out_of_order");
        assert!(ours > 100, "{interface}: {ours}");
        assert_eq!(ours, theirs, "{interface}");
    }
}

const MANY_HANDSHAKES: &str = r#"
[region.eu]
at = [53.3, -6.3]
[client.u]
traffic = { constant = "100/s" }
requests = [{ share = "100%", method = "GET", path = "/", response = "4000B" }]
[service.s]
instances = 2
model = { workers = 64, queue = 64, service_time = "1ms" }
[call.u.s]
timeout = "700ms"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = "none"
[[incident.bad]]
on = "u -> s"
kind = "partition"
at = "2s"
lasts = "300ms"
[[incident.bad]]
on = "u -> s"
kind = "loss"
loss = "20%"
at = "2s"
lasts = "8s"
"#;

#[test]
fn the_packets_of_grpc_are_frames() {
    let grpc = variant("grpc", &[("at = \"60s\"", "at = \"10s\"")]);
    let (place, _) = files_of(&grpc, 20, Fidelity::Packet, &FROM_THE_START);
    let file = place.path().join("packets.pcapng");

    assert_eq!(tshark(&file, "_ws.malformed || tcp.checksum.status == 0"), 0);
    assert!(tshark(&file, "grpc") > 1_000);
}

/// Connections begin in the capture: programs know from their preface what is spoken on them.
static FROM_THE_START: Wanted = Wanted { packets: Some((Duration::ZERO, Duration::from_secs(60))) };

#[test]
fn packets_that_are_wanted_after_the_end_are_refused() {
    let design = variant("balancer", &[]);
    let options = options(40, Fidelity::Packet);
    let report = crate::run(&design, &options).unwrap();
    let late = Duration::from_secs(50);
    let wanted = Wanted { packets: Some((late, late + late)) };

    let refused = outputs(&design, &options, &report, "file", &wanted).unwrap_err();
    assert!(refused[0].problem.contains("after the end of the run"), "{refused:?}");
}

#[test]
fn the_same_run_gives_the_same_files() {
    let play = || {
        let design = variant("balancer", &[]);
        let options = options(35, Fidelity::Packet);
        let report = crate::run(&design, &options).unwrap();
        outputs(&design, &options, &report, "file", &Wanted::default()).unwrap().files
    };

    assert!(play() == play());
}

/// The files of a design, in a folder of their own.
fn files(
    name: &str,
    changes: &[(&str, &str)],
    seconds: u64,
    fidelity: Fidelity,
) -> (tempfile::TempDir, Report) {
    files_of(&variant(name, changes), seconds, fidelity, &Wanted::default())
}

fn files_of(
    design: &Design,
    seconds: u64,
    fidelity: Fidelity,
    wanted: &Wanted,
) -> (tempfile::TempDir, Report) {
    let options = options(seconds, fidelity);
    let report = crate::run(design, &options).unwrap();
    let outputs = outputs(design, &options, &report, "file", wanted).unwrap();
    let place = tempfile::tempdir().unwrap();
    for (file, contents) in outputs.files {
        std::fs::write(place.path().join(file), contents).unwrap();
    }
    (place, report)
}

fn options(seconds: u64, fidelity: Fidelity) -> Options {
    Options { lasts: Some(Duration::from_secs(seconds)), fidelity, ..Options::default() }
}

fn parsed(place: &Path, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(place.join(name)).unwrap()).unwrap()
}

fn spans(traces: &Value) -> Vec<&Value> {
    let all = traces["resourceSpans"].as_array().unwrap().iter();
    let all = all.flat_map(|resource| resource["scopeSpans"].as_array().unwrap());
    all.flat_map(|scope| scope["spans"].as_array().unwrap()).collect()
}

fn is_hex(id: &Value, length: usize) -> bool {
    id.as_str().is_some_and(|id| {
        id.len() == length
            && id.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
            && id.bytes().any(|byte| byte != b'0')
    })
}

/// The page as a browser has drawn it in a window of this width, and what it said about it. Chromium
/// makes none narrower than 500.
fn browse(place: &Path, window: u32) -> (String, String) {
    let mut chromium = Command::new("chromium");
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]);
    chromium.arg(format!("--window-size={window},1000"));
    chromium.arg(format!("--user-data-dir={}", place.join("profile").display()));
    chromium.args(["--dump-dom", &format!("file://{}", place.join("report.html").display())]);
    let output = chromium.output().expect("`cargo xtask setup` installs chromium");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let dom = String::from_utf8(output.stdout).unwrap();
    // What the page was drawn from is in it, and is not what is asked about.
    let (before, rest) = dom.split_once("<script type=\"application/json\"").unwrap();
    let (_, after) = rest.rsplit_once("</script>").unwrap();
    (format!("{before}{after}"), said)
}

/// What a filter lets through, in a file of its own.
fn tshark_into(file: &Path, filter: &str, into: &Path) {
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(file).args(["-Y", filter, "-w"]).arg(into);
    let output = tshark.output().expect("`cargo xtask setup` installs tshark");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// How many packets a filter lets through.
fn tshark(file: &Path, filter: &str) -> usize {
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(file);
    tshark.args(["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]);
    tshark.args(["-o", "tcp.reassemble_out_of_order:TRUE", "-Y", filter]);
    // By its port it would be TLS.
    tshark.args(["-d", "tcp.port==8443,http2"]);
    tshark.args(["-T", "fields", "-e", "frame.number"]);
    let output = tshark.output().expect("`cargo xtask setup` installs tshark");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout.iter().filter(|byte| **byte == b'\n').count()
}
