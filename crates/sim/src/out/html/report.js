"use strict";
// Draws the page from the data in it. Nothing is loaded from anywhere.
const data = JSON.parse(document.getElementById("data").textContent);
const { report, timeline, examples, calls } = data;
const page = document.getElementById("page");
// A unit of a drawing is a pixel, so that letters keep their size; what is wider than the window scrolls in its own box.
const measured = () => {
  const probe = page.appendChild(document.createElement("section"));
  const inner = probe.clientWidth - 2 * parseFloat(getComputedStyle(probe).paddingLeft);
  probe.remove();
  return Math.floor(inner);
};
const room = measured();
let resized;
window.addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(() => { if (measured() !== room) location.reload(); }, 200);
});
const width = Math.max(320, room), left = 56, right = 8;
const end = report.times.end_s;

const el = (tag, attributes, ...children) => {
  const svg = ["svg", "g", "path", "line", "rect", "text", "title"].includes(tag);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
};
const inWords = ({ from, to, only }) => calls[only ? `${from}.${to}.only.${only}` : `${from}.${to}`];
const rich = (text) => text.split("`").map((part, i) => i % 2 ? el("code", {}, part) : part);
const section = (...children) => { const it = el("section", {}, ...children); page.append(it); return it; };
const percent = (share) => share === null ? "not measured" : `${(share * 100).toFixed(1)} %`;
const count = (n) => Math.round(n).toLocaleString("en").replaceAll(",", "\u202f");
const millis = (ms) => ms === null || ms === undefined ? "" : ms >= 10000 ? `${(ms / 1000).toFixed(1)} s` : ms >= 100 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(1)} ms`;
const clock = (s) => s >= 60 ? `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}` : `${Number(s.toFixed(1))} s`;
const brief = (n) => n >= 1e6 ? `${+(n / 1e6).toFixed(1)}M` : n >= 1e4 ? `${+(n / 1e3).toFixed(0)}k` : n >= 10 || Number.isInteger(n) ? `${+n.toFixed(0)}` : `${+n.toFixed(2)}`;

// The head, the verdict, the cause.
const load = el("svg", { width: 30, height: 30, viewBox: "0 0 30 30", "aria-hidden": "true" },
  el("path", { d: "M15 3a12 12 0 1 0 .01 0", fill: "none", stroke: "currentColor", "stroke-width": 2.4 }),
  el("path", { d: "M0 15h30", stroke: "var(--c2)", "stroke-width": 3 }));
page.append(el("header", {}, load, el("b", {}, "Plimsoll"),
  el("span", {}, data.name + (report.incident ? ` \u2022 incident ${report.incident}` : " \u2022 an ordinary day")),
  el("span", { class: "push" }, `seed ${report.seed} \u2022 run ${report.run_hash}`)));

const p = report.recovered.probability;
const mood = p === 1 ? "" : p === 0 ? "bad" : "warn";
const verdict = p === null ? (report.stopped ? "Stopped before its end" : "Nothing to judge")
  : report.incident
  ? p === 1 ? (report.recovered.after_s === null ? "It held" : `Recovered after ${clock(report.recovered.after_s)}`)
    : p === 0 ? "Did not recover" : `Recovers in ${percent(p)} of runs`
  : p === 1 ? "It holds" : "It does not hold";
const tile = (name, value, more) => el("div", { class: "tile" }, el("i", {}, name), el("b", {}, value), more ? el("small", {}, ` ${more}`) : null);
const latency = report.latency_ms;
const judged = end - report.times.judged_from_s;
section(
  el("h1", {}, verdict),
  el("p", {}, `In the last ${clock(judged)} goodput was ${report.goodput ? `${percent(report.goodput.value)} of offered traffic` : "not measured"}; the objective is ${percent(report.objective)}.`),
  ...report.faults.map((fault) => el("p", { class: "sub" }, `${fault.on} is hit by \u201c${fault.kind}\u201d from ${clock(fault.at_s)} ${fault.ends_s === null ? "to the end" : "to " + clock(fault.ends_s)}.`)),
  el("div", { class: "tiles" },
    tile("Recovers", percent(p), p === null ? null : `of ${report.recovered.seeds}: ${percent(report.recovered.low)} to ${percent(report.recovered.high)}`),
    tile("Availability", percent(report.availability.value)),
    tile("Reliability", percent(report.reliability.value)),
    tile("Requests", count(report.offered)),
    latency ? tile("Good answers, median", millis(latency.p50)) : null,
    latency ? tile("Good answers, p99", millis(latency.p99)) : null),
).className = `verdict ${mood}`;

if (report.conclusion) {
  section(el("h2", {}, "Cause"),
    el("p", {}, ...rich(report.conclusion)),
    el("p", { class: "sub" }, "Each run again with one thing changed, under the same chance. The share is of the answers that were lost and then were not."),
    ...report.causes.map((cause) => el("div", { class: "cause" },
      el("span", { class: `tag ${cause.role}` }, cause.role === "trigger" ? "trigger" : "keeps it up"),
      el("span", {}, ...rich(cause.factor)),
      el("span", { class: "bar" }, el("i", { style: `width:${Math.max(0, Math.min(1, cause.share)) * 100}%` })),
      el("em", {}, `${percent(cause.share)} (${(cause.low * 100).toFixed(0)} to ${(cause.high * 100).toFixed(0)} %)`))));
}

// One axis of time for all plots.
const x = (s) => left + (width - left - right) * (s / end);
const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200];
const step = steps.find((s) => end / s <= Math.min(12, width / 60)) || end / 10;
const ticks = Array.from({ length: Math.floor(end / step) + 1 }, (_, i) => i * step);
const nice = (top) => { const power = 10 ** Math.floor(Math.log10(top)); return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((m) => m * power).find((m) => m >= top * 0.999); };
const window_s = timeline.clients.window_s;
const faults = (height) => report.faults.map((fault) => {
  const to = fault.ends_s === null ? end : Math.min(fault.ends_s, end);
  return el("g", {}, el("rect", { x: x(fault.at_s), y: 0, width: Math.max(1, x(to) - x(fault.at_s)), height, fill: "var(--fault)", class: "fault" }),
    el("line", { x1: x(fault.at_s), x2: x(fault.at_s), y1: 0, y2: height, stroke: "var(--fault-edge)" }));
});
const path = (values, y) => {
  let d = "", pen = false;
  values.forEach((value, i) => {
    if (value === null || value === undefined) { pen = false; return; }
    d += `${pen ? "L" : "M"}${x((i + 0.5) * window_s).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = true;
  });
  return d;
};
const cursors = [], tracks = [];
const frame = (height, ...children) => {
  const cursor = el("line", { class: "cursor", y1: 0, y2: height, visibility: "hidden" });
  cursors.push(cursor);
  const svg = el("svg", { width, height: height + 6, viewBox: `0 0 ${width} ${height + 6}`, role: "img" },
    ...ticks.map((s) => el("line", { class: "grid", x1: x(s), x2: x(s), y1: 0, y2: height })), ...faults(height), ...children,
    el("line", { class: "axis", x1: left, x2: width - right, y1: height, y2: height }), cursor);
  svg.addEventListener("mousemove", hover);
  svg.addEventListener("mouseleave", () => { cursors.forEach((it) => it.setAttribute("visibility", "hidden")); readout.style.display = "none"; });
  return svg;
};
const readout = el("div", { class: "readout" });
document.body.append(readout);
function hover(event) {
  const box = event.currentTarget.getBoundingClientRect();
  const at = (event.clientX - box.left) * width / box.width;
  const s = (at - left) / (width - left - right) * end;
  if (s < 0 || s > end) return;
  cursors.forEach((it) => { it.setAttribute("x1", at); it.setAttribute("x2", at); it.setAttribute("visibility", "visible"); });
  const i = Math.min(Math.floor(s / window_s), timeline.clients.offered.length - 1);
  readout.replaceChildren(el("b", {}, clock(s)), el("table", {}, ...tracks.map(([name, values, unit]) =>
    el("tr", {}, el("td", {}, name), el("td", {}, values[i] === null || values[i] === undefined ? "\u2013" : unit(values[i]))))));
  readout.style.display = "block";
  const room = window.innerWidth - event.clientX;
  readout.style.left = room < 260 ? `${event.clientX - readout.offsetWidth - 16}px` : `${event.clientX + 16}px`;
  readout.style.top = `${Math.min(event.clientY + 12, window.innerHeight - readout.offsetHeight - 8)}px`;
}
// What never happened has no drawing.
const quiet = [];
const plot = (name, unit, lines, options = {}) => {
  const height = options.height || 108;
  const all = lines.flatMap((line) => line.values).filter((value) => value !== null && value !== undefined);
  if (!all.length) return null;
  if (options.events && !all.some((value) => value > 0)) { quiet.push(options.events); return null; }
  const low = options.low ?? 0;
  const logs = options.log ? all.filter((value) => value > 0) : [];
  const top = options.log ? 10 ** Math.ceil(Math.log10(Math.max(...logs, 1))) : options.top ?? nice(Math.max(...all, options.least || 1e-9));
  const bottom = options.log ? 10 ** Math.floor(Math.log10(Math.min(...logs, top / 10))) : low;
  const y = options.log
    ? (value) => height - (Math.log10(Math.max(value, bottom)) - Math.log10(bottom)) / (Math.log10(top) - Math.log10(bottom)) * (height - 6)
    : (value) => height - (value - bottom) / (top - bottom) * (height - 6);
  const marks = options.log ? Array.from({ length: Math.round(Math.log10(top / bottom)) + 1 }, (_, i) => bottom * 10 ** i) : [bottom, (bottom + top) / 2, top];
  lines.forEach((line) => tracks.push([line.name, line.values, unit]));
  return el("div", { class: "plot", "data-plot": name },
    el("div", { class: "plothead" }, el("b", {}, name), ...lines.map((line) => el("span", { class: "key", style: `--c:${line.colour}` }, line.name))),
    frame(height,
      ...marks.map((mark) => el("g", {}, el("line", { class: "grid", x1: left, x2: width - right, y1: y(mark), y2: y(mark) }),
        el("text", { x: left - 8, y: y(mark) + 4, "text-anchor": "end" }, unit(mark)))),
      options.mark !== undefined ? el("line", { x1: left, x2: width - right, y1: y(options.mark), y2: y(options.mark), stroke: "var(--good)", "stroke-dasharray": "5 4" }) : null,
      ...lines.map((line) => line.fill ? el("path", { class: "area", fill: line.colour, d: `${path(line.values.map((v) => v ?? bottom), y)}L${x((line.values.length - 0.5) * window_s)} ${height}L${x(0.5 * window_s)} ${height}Z` }) : null),
      ...lines.map((line) => el("path", { class: "line", stroke: line.colour, d: path(line.values, y) }))));
};
const colours = ["var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)", "var(--c5)", "var(--c6)"];
const clients = timeline.clients;
const rate = (values) => values.map((value) => value / window_s);
const plots = section(el("h2", {}, "Course"),
  el("p", { class: "sub" }, `Seed ${report.seed}, in windows of ${clock(window_s)}. The incident is shaded.`));
plots.classList.add("plots");

// A name stands in its bar, or else after it, or before it where the drawing ends; a row takes what does not touch what it has.
const phaseRows = [], letter = 6.4;
report.phases.forEach((phase) => {
  const from = x(phase.begin_s), to = Math.max(from + 3, x(phase.end_s === null ? end : phase.end_s));
  const name = phase.phase.replaceAll("_", " "), long = name.length * letter + 8;
  const place = to - from > long + 6 ? "in" : to + long <= width ? "after" : "before";
  const begins = place === "before" ? from - long : from, ends = place === "after" ? to + long : to;
  let row = phaseRows.findIndex((last) => last <= begins);
  if (row < 0) { row = phaseRows.length; phaseRows.push(0); }
  phaseRows[row] = ends;
  Object.assign(phase, { row, name, from, wide: to - from, text: { in: from + 7, after: to + 4, before: from - 4 }[place], anchor: place === "before" ? "end" : "start" });
});
if (report.phases.length) {
  const height = phaseRows.length * 20 + 4;
  plots.append(el("div", { class: "plot", "data-plot": "Phases" }, el("div", { class: "plothead" }, el("b", {}, "Phases")),
    frame(height, ...report.phases.map((phase) => el("g", { class: "phase" },
      el("rect", { x: phase.from, y: phase.row * 20 + 2, width: phase.wide, height: 16, rx: 4, fill: phase.phase === "recovery" ? "color-mix(in srgb, var(--good) 35%, transparent)" : "var(--phase)" },
        el("title", {}, `${phase.name}, ${clock(phase.begin_s)} to ${phase.end_s === null ? "the end" : clock(phase.end_s)}`)),
      el("text", { x: phase.text, y: phase.row * 20 + 14, "text-anchor": phase.anchor, style: "fill:var(--ink)" }, phase.name))))));
}
const nodes = timeline.nodes;
const queued = nodes.filter((node) => node.queue.some((n) => n > 0));
const busiest = queued.length ? queued : nodes;
[
  plot("Goodput", percent, [{ name: "good answers, of offered traffic", values: clients.goodput, colour: "var(--good)", fill: true }], { top: 1, mark: report.objective, height: 84 }),
  plot("Latency of clients", millis, [{ name: "p99", values: clients.p99_ms, colour: colours[1] }, { name: "median", values: clients.p50_ms, colour: colours[0] }], { log: true }),
  plot("Amplification", (n) => `${+n.toFixed(2)}x`, timeline.calls.filter((call) => call.retries.some((n) => n > 0)).slice(0, 6).map((call, i) => ({ name: calls[call.call], colour: colours[i], values: call.requests.map((n, at) => n ? call.attempts[at] / n : null) })), { low: 1, height: 84 })
    || plot("Amplification", (n) => `${+n.toFixed(2)}x`, [{ name: "all calls", values: clients.amplification, colour: colours[0] }], { low: 1, top: 2, height: 84 }),
  plot("Timeouts and retries", (n) => `${brief(n)}/s`, [{ name: "tries that ran out of time", values: clients.timeouts, colour: colours[1] }, { name: "retries", values: clients.retries, colour: colours[2] }], { height: 84, events: "timeouts and retries" }),
  plot("Queues", brief, busiest.slice(0, 6).map((node, i) => ({ name: node.node, values: node.queue, colour: colours[i] })), { least: 2 }),
  plot("Busy workers", percent, nodes.slice(0, 6).map((node, i) => ({ name: node.node, values: node.busy, colour: colours[i] })), { top: 1 }),
  report.sessions ? plot("Sessions", brief, [{ name: "open", values: clients.sessions, colour: colours[0], fill: true }], { height: 84, events: "sessions" }) : null,
  report.sessions ? plot("Openings of sessions", (n) => `${brief(n)}/s`, [{ name: "opened", values: clients.opened, colour: "var(--good)" }, { name: "refused", values: clients.refused, colour: colours[1] }, { name: "tries to open one anew", values: clients.reconnects, colour: colours[2] }], { height: 84, events: "openings of sessions" }) : null,
  timeline.network ? plot("Network", (n) => `${brief(n)}/s`, [{ name: "datagrams lost", values: rate(timeline.network.drops), colour: colours[1] }, { name: "segments sent again", values: rate(timeline.network.retransmits), colour: colours[0] }, { name: "retransmission timeouts", values: rate(timeline.network.rtos), colour: colours[2] }], { height: 84, events: "losses in the network" }) : null,
].filter(Boolean).forEach((it) => plots.append(it));

// Breakers: a lane a breaker, as long as they are few; of many, the share that is open.
const withBreakers = timeline.calls.filter((call) => call.breakers > 0);
if (withBreakers.length) {
  const lanes = new Map();
  timeline.breakers.forEach((move) => {
    const key = `${calls[move.call]} at ${move.instance}, worker ${move.worker}`;
    if (!lanes.has(key)) lanes.set(key, []);
    lanes.get(key).push(move);
  });
  const shown = [...lanes].sort().slice(0, 12), colour = { open: "var(--bad)", half_open: "var(--warn)" };
  const height = Math.max(1, shown.length) * 18 + 4;
  plots.append(el("div", { class: "plot", "data-plot": "Breakers" },
    el("div", { class: "plothead" }, el("b", {}, "Breakers"), el("span", { class: "key box", style: "--c:var(--bad)" }, "open"), el("span", { class: "key box", style: "--c:var(--warn)" }, "half-open"),
      el("span", { class: "key box", style: "--c:var(--grid)" }, "closed"),
      lanes.size ? null : el("span", { class: "sub" }, `all ${withBreakers.reduce((sum, call) => sum + call.breakers, 0)} stayed closed`),
      lanes.size > shown.length ? el("span", { class: "sub" }, `${shown.length} of ${lanes.size} that moved`) : null),
    frame(height, ...(shown.length ? shown : [["", []]]).map(([name, moves], row) => el("g", {},
      el("rect", { x: left, y: row * 18 + 3, width: width - left - right, height: 13, rx: 3, fill: "var(--grid)" }),
      ...moves.map((move, i) => colour[move.to] ? el("rect", { x: x(Math.min(move.at_s, end)), y: row * 18 + 3, height: 13, fill: colour[move.to], width: Math.max(1, x(Math.min(moves[i + 1] ? moves[i + 1].at_s : end, end)) - x(Math.min(move.at_s, end))) },
        el("title", {}, `${name}: ${move.to.replace("_", "-")} at ${clock(move.at_s)}`)) : null),
      el("text", { x: left + 6, y: row * 18 + 13, style: "fill:var(--ink)" }, name))))));
}
plots.append(el("svg", { width, height: 18, viewBox: `0 0 ${width} 18` }, ...ticks.map((s) => el("text", { x: x(s), y: 13, "text-anchor": s === 0 ? "start" : x(s) > width - 20 ? "end" : "middle" }, clock(s)))));
if (quiet.length) plots.append(el("p", { class: "sub" }, `Without a drawing, because there were none: ${quiet.join(", ")}.`));

// Examples, each as a waterfall.
if (examples.length) {
  const list = el("div", { class: "list" }), stage = el("div", {}), periods = new Map();
  examples.forEach((example) => { if (!periods.has(example.period)) periods.set(example.period, []); periods.get(example.period).push(example); });
  for (const [period, members] of periods) {
    list.append(el("h3", {}, ...rich(period)));
    members.forEach((example) => {
      example.button = el("button", { type: "button", "aria-pressed": "false", onclick: () => show(example) }, el("i", { class: `dot ${example.why}` }),
        example.why, el("span", {}, example.took === null ? "no answer" : millis(example.took)));
      list.append(example.button);
    });
  }
  const show = (example) => {
    examples.forEach((other) => other.button.setAttribute("aria-pressed", String(other === example)));
    const order = [], depth = [];
    const children = example.spans.map(() => []);
    example.spans.forEach((span, i) => { if (span.parent !== null) children[span.parent].push(i); });
    const walk = (i, level) => { order.push(i); depth[i] = level; children[i].forEach((child) => walk(child, level + 1)); };
    walk(0, 0);
    const rows = order.slice(0, 80), wide = Math.max(560, room > 780 ? room - 290 : room), label = wide < 700 ? 170 : 250, high = 19;
    const cut = Math.floor(label / 7);
    const last = Math.max(...example.spans.map((span) => span.end), 0.001);
    const at = (ms) => label + (wide - label - 112) * (ms / last);
    const scale = nice(last / 4), marks = Array.from({ length: Math.floor(last / scale) + 1 }, (_, i) => i * scale);
    const bottom = rows.length * high + 22;
    const fill = { request: "var(--c3)", try: "var(--c1)", work: "var(--c4)" };
    const detail = el("div", { class: "detail" }, "Point at a line for what was decided in it.");
    const waterfall = el("svg", { viewBox: `0 0 ${wide} ${bottom}`, width: wide, height: bottom, class: "waterfall" },
      ...marks.map((ms) => el("g", {}, el("line", { class: "grid", x1: at(ms), x2: at(ms), y1: 18, y2: bottom }), el("text", { x: at(ms), y: 12, "text-anchor": "middle" }, millis(ms)))),
      example.took !== null ? el("line", { x1: at(example.took), x2: at(example.took), y1: 18, y2: bottom, stroke: "var(--bad)", "stroke-dasharray": "3 3" }, el("title", {}, "the client has its answer, or its failure")) : null,
      ...rows.map((i, row) => {
        const span = example.spans[i], y = 22 + row * high, from = at(span.begin), to = Math.max(from + 2, at(span.end));
        const queues = nodes.some((node) => span.at.startsWith(`${node.node}/`));
        const waits = span.what === "work" && queues ? Math.min(span.began === null ? span.end : span.began, span.end) : null;
        const words = [`${span.title}: ${millis(span.begin)} to ${millis(span.end)}${span.open ? " and on" : ""}, ${span.result}`, ...span.notes.map(([ms, what]) => `${millis(ms)}  ${what}`)].join("\n");
        return el("g", { class: "span", onmouseenter: () => { detail.textContent = words; } }, el("title", {}, words),
          el("rect", { x: 0, y: y - 2, width: wide, height: high, fill: "transparent" }),
          el("text", { x: depth[i] * 9, y: y + 11, style: span.failed ? "fill:var(--bad)" : "fill:var(--ink)" }, span.title.length > cut - depth[i] ? `${span.title.slice(0, cut - depth[i] - 1)}\u2026` : span.title),
          el("rect", { x: from, y: y + 2, width: to - from, height: 11, rx: 2.5, fill: fill[span.what], opacity: span.what === "request" ? 0.45 : 0.9 }),
          waits !== null && waits > span.begin ? el("rect", { x: from, y: y + 2, width: Math.max(1, at(waits) - from), height: 11, rx: 2.5, fill: "var(--grid)", stroke: fill.work, "stroke-width": 0.8 }) : null,
          span.nobody !== null && span.nobody < span.end ? el("rect", { x: at(span.nobody), y: y + 2, width: Math.max(1, to - at(span.nobody)), height: 11, rx: 2.5, fill: "var(--bad)", opacity: 0.75 }) : null,
          ...span.repairs.map((ms) => el("path", { d: `M${at(ms)} ${y + 15}l-4 -7h8z`, fill: "var(--c2)", class: "repair" })),
          el("text", { x: to + 5, y: y + 11, style: span.failed ? "fill:var(--bad)" : null }, span.result));
      }));
    const hidden = order.length - rows.length + example.left_out;
    stage.replaceChildren(
      el("div", { class: "plothead", style: "margin-top:0" }, el("b", {}, `${example.method || ""} ${example.path || ""}`), el("span", { class: "key box", style: "--c:var(--c3)" }, "request"), el("span", { class: "key box", style: "--c:var(--c1)" }, "try"),
        el("span", { class: "key box", style: "--c:var(--grid)" }, "waits for a worker"), el("span", { class: "key box", style: "--c:var(--c4)" }, "work"), el("span", { class: "key box", style: "--c:var(--bad)" }, "work for nobody"),
        example.spans.some((span) => span.repairs.length) ? el("span", { class: "key box", style: "--c:var(--c2)" }, "lost on the way, and sent again") : null),
      el("p", { class: "sub" }, `arrived at ${clock(example.arrived_s)}, ${example.took === null ? "never answered" : `answered after ${millis(example.took)}`}; trace ${example.id}${hidden > 0 ? `; ${hidden} lines more` : ""}`),
      el("div", { class: "scroll" }, waterfall), detail);
  };
  section(el("h2", {}, "Examples"), el("p", { class: "sub" }, "Requests with all their tries, and the work that was done for them. The dashed line is when the client had its answer, or had enough."),
    el("div", { class: "examples" }, list, stage));
  // First the one that tells most: from within the incident, failed rather than slow, slow rather than typical; of these the longest.
  const hit = (example) => report.faults.some((fault) => example.arrived_s >= fault.at_s && (fault.ends_s === null || example.arrived_s < fault.ends_s));
  const took = (example) => example.took ?? Math.max(...example.spans.map((span) => span.end));
  const tells = (example) => (hit(example) ? 4 : 0) + ({ failed: 2, unanswered: 2, slowest: 1 }[example.why] || 0);
  const first = examples.reduce((best, example) => (tells(example) - tells(best) || took(example) - took(best)) > 0 ? example : best);
  show(first);
  list.scrollTop = first.button.offsetTop - list.offsetTop - list.clientHeight / 2;
}

// Tables, layer by layer.
const table = (heads, rows) => el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", {}, head)))),
  el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((cell) => cell && cell.hot !== undefined ? el("td", { class: cell.hot ? "hot" : "" }, cell.text) : el("td", {}, cell === null || cell === undefined ? "" : String(cell))))))));
const causes = (map) => Object.entries(map).sort((a, b) => b[1] - a[1]).map(([name, n]) => `${name} ${count(n)}`).join(", ");
const failing = report.calls.filter((call) => Object.keys(call.attempts_failed_by_cause).length || Object.keys(call.failed_by_cause).length);
section(el("h2", {}, "L7: requests"), el("p", { class: "sub" }, "Latency is all the time the caller waits, queues included. A wasted answer was worked out for nobody."),
  table(["Call", "Requests", "Tries", "Amplification", "Failed", "Turned away", "Wasted", "p50", "p90", "p99", "p99.9"],
    report.calls.map((call) => [inWords(call), count(call.requests), count(call.attempts),
      { text: `${call.amplification.toFixed(2)}x`, hot: call.amplification >= 1.5 }, { text: count(call.failed), hot: call.failed > call.requests * 0.01 }, count(call.shed), count(call.wasted),
      ...(call.latency_ms ? ["p50", "p90", "p99", "p999"].map((q) => millis(call.latency_ms[q])) : ["", "", "", ""])])),
  ...(failing.length ? [el("h3", {}, "Failures by cause"), table(["Call", "Requests that failed", "Tries that failed"],
    failing.map((call) => [inWords(call), causes(call.failed_by_cause), causes(call.attempts_failed_by_cause)]))] : []),
  ...(report.caches && report.caches.length ? [el("h3", {}, "Caches"), table(["Cache", "Asked", "Hits", "Ratio", "Joined another", "Stale"],
    report.caches.map((cache) => [cache.node, count(cache.asked), count(cache.hits), cache.hit_ratio === null ? "" : percent(cache.hit_ratio), count(cache.collapsed), count(cache.stale)]))] : []));

if (report.sessions) {
  const all = report.sessions, whole = (n) => n === null ? "" : count(n);
  section(el("h2", {}, "Sessions: streams and WebSockets"), el("p", { class: "sub" }, "Opened and refused are first openings; a reconnect is a try to open one anew after a loss."),
    table(["Open at the start", "At the end", "Peak", "Opened", "Refused", "Lost", "Reconnects", "At most", "Messages", "Opened when judged"],
      [[whole(all.open_at_start), whole(all.open_at_end), count(all.peak), count(all.opened), { text: count(all.refused), hot: all.refused > 0 }, { text: count(all.lost), hot: all.lost > 0 },
        count(all.reconnects), `${brief(all.peak_reconnects_per_s)}/s`, count(all.messages), all.opened_when_judged === null ? "" : percent(all.opened_when_judged)]]),
    el("h3", {}, "Who holds them"),
    table(["Node", "Instances", "Each at most", "One less holds the peak", "Memory at the peak"],
      all.nodes.map((node) => [node.node, count(node.instances), node.most === null ? "no bound" : count(node.most),
        node.holds_with_one_less === null ? "" : { text: node.holds_with_one_less ? "yes" : "no", hot: !node.holds_with_one_less }, `${brief(node.bytes / 1e6)} MB`])));
}

const words = (key) => key.replace(/_ms$/, " (ms)").replace(/_s$/, " (s)").replaceAll("_", " ");
const cell = (value) => value === null || value === undefined ? "" : typeof value === "number" ? (Number.isInteger(value) ? count(value) : String(+value.toFixed(3))) : value.p50 !== undefined ? `${cell(value.p50)} / ${cell(value.p99)}` : typeof value === "object" ? Object.entries(value).map(([k, v]) => `${words(k)} ${cell(v)}`).join(", ") : String(value);
const named = ({ from, to, only, ...rest }) => ({ call: inWords({ from, to, only }), ...rest });
const layer = (rows) => { const heads = [...new Set(rows.flatMap((row) => Object.keys(row)))]; return table(heads.map(words), rows.map((row) => heads.map((head) => cell(row[head])))); };
if (report.layers) {
  Object.entries(report.layers).forEach(([name, rows]) => {
    const list = Array.isArray(rows) ? rows : [rows];
    if (list.length) section(el("h2", {}, name.toUpperCase() === "L4" ? "L4: connections" : name.toUpperCase() === "L3" ? "L3: datagrams" : words(name)), el("p", { class: "sub" }, "Times are the median and the 99th percentile."), layer(list.map((row) => "only" in row ? named(row) : row)));
  });
} else {
  section(el("h2", {}, "L4 and L3"), el("p", { class: "sub" }, `Played message by message: ${report.fidelity_reason || "no packets were simulated"}.`));
}
if (report.not_played.length) section(el("h2", {}, "What this simulation leaves out"), ...report.not_played.map((line) => el("p", { class: "sub" }, line)));
page.append(el("footer", {}, `${count(report.events)} events were simulated. The same file, seed and options give the same page, bit for bit.`));
