/**
 * The status page: one HTML file with its style and script inside, nothing loaded from elsewhere, no build. It asks
 * `api/status.json` beside it every two seconds and shows the way of the events with rates, buffers and receivers.
 *
 * What plugins are named and tags are called is shown as text, never as HTML; and the Content-Security-Policy lets nothing
 * run but the script whose hash it names.
 */

import { createHash } from "node:crypto";
import type { Report } from "./report-server.ts";

const STYLE = `
:root {
  color-scheme: light dark; --page: #f4f7f9; --card: #fff; --text: #14202b; --muted: #51606d; --line: #d5dde3; --soft: #e6edf2;
  --water: #0b6e99; --good: #1a7f4b; --bad: #b3261e; --bad-soft: #fbeae8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f161d; --card: #17212b; --text: #e6edf2; --muted: #a3b3c0; --line: #2c3a47; --soft: #263441;
    --water: #67c1e6; --good: #5cc98a; --bad: #ff8f86; --bad-soft: #3a1f20;
  }
}
* { box-sizing: border-box; }
body { background: var(--page); color: var(--text); font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 84rem; padding: 1.25rem clamp(.75rem, 3vw, 2rem) 3rem; }
header { align-items: baseline; display: flex; flex-wrap: wrap; gap: .4rem 1.5rem; }
h1 { font-size: 1.6rem; letter-spacing: -.01em; margin: 0; }
h1 i { color: var(--water); font-style: normal; font-weight: 400; }
h1 small { color: var(--muted); font-size: .9rem; font-weight: 400; }
header dl { color: var(--muted); display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: 0; }
header dl > div { display: flex; gap: .35rem; }
header dd { color: var(--text); font-variant-numeric: tabular-nums; margin: 0; }
button { background: none; border: 1px solid var(--line); border-radius: 6px; color: inherit; cursor: pointer; font: inherit; margin-left: auto; padding: .15rem .8rem; }
button[aria-pressed=true] { background: var(--soft); }
:focus-visible { outline: 3px solid var(--water); outline-offset: 2px; }
#verdict { border-radius: 8px; background: var(--card); border: 1px solid var(--line); border-left: 5px solid var(--good); margin: 1rem 0 0; overflow-wrap: anywhere; padding: .5rem .9rem; }
#verdict.bad { background: var(--bad-soft); border-left-color: var(--bad); }
h2 { font-size: 1.05rem; margin: 1.8rem 0 .5rem; }
.way { display: grid; gap: .75rem 1.75rem; grid-template-columns: minmax(0, 3fr) minmax(0, 3fr) minmax(0, 5fr); }
h3 { color: var(--muted); font-size: .8rem; font-weight: 600; letter-spacing: .05em; margin: 0 0 .4rem; text-transform: uppercase; }
.none { color: var(--muted); margin: 0; }
.plugin { background: var(--card); border: 1px solid var(--line); border-left: 5px solid var(--good); border-radius: 8px; margin-bottom: .6rem; padding: .55rem .8rem .6rem; }
.plugin.inner { margin-left: 1.25rem; }
.plugin.bad { border-left-color: var(--bad); }
.top { align-items: start; display: flex; gap: .75rem; justify-content: space-between; }
h4 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
.what { color: var(--muted); font-size: .87rem; margin: 0; overflow-wrap: anywhere; }
.what code { font: .95em ui-monospace, monospace; }
.rate { color: var(--water); flex: none; font-size: 1.15rem; font-variant-numeric: tabular-nums; font-weight: 600; text-align: right; white-space: nowrap; }
.rate small { font-size: .75rem; font-weight: 400; }
.rate svg { display: block; height: 18px; margin-left: auto; width: 84px; }
.rate polyline { fill: none; stroke: currentColor; stroke-linejoin: round; stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.facts { display: flex; flex-wrap: wrap; font-size: .87rem; font-variant-numeric: tabular-nums; gap: .05rem 1rem; list-style: none; margin: .3rem 0 0; padding: 0; }
.facts li { overflow-wrap: anywhere; }
.facts .bad { color: var(--bad); font-weight: 600; }
.bar { background: var(--soft); border-radius: 4px; height: .5rem; margin: .45rem 0 0; overflow: hidden; }
.bar > i { background: var(--good); display: block; height: 100%; }
.bar > i.bad { background: var(--bad); }
@media (max-width: 54rem) {
  .way { grid-template-columns: minmax(0, 1fr); }
  .step:not(:has(.plugin)) { display: none; }
  button { margin-left: 0; }
}
@media print { button { display: none; } }
`;

const SCRIPT = `
"use strict";
const units = ["", "k", "M", "G", "T"];
function short(value) {
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) { value /= 1000; unit += 1; }
  return (value < 9.95 && !Number.isInteger(value) ? value.toFixed(1) : String(Math.round(value))) + units[unit];
}
function duration(seconds) {
  if (seconds < 100) return Math.round(seconds) + " s";
  if (seconds < 6000) return Math.round(seconds / 60) + " min";
  if (seconds < 360000) return Math.round(seconds / 3600) + " h";
  return Math.round(seconds / 86400) + " d";
}
function make(name, className, ...inside) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...inside);
  return element;
}
function troubles(plugin, nowMs) {
  const list = [];
  const { buffer, dropped, isRunning, nodes = [], owner } = plugin;
  if (!isRunning && owner === undefined) list.push("not running");
  if (buffer && buffer.retries > 0) list.push("try " + buffer.retries + " failed, next in " + duration(Math.max(0, (buffer.nextRetryMs - nowMs) / 1000)));
  if (buffer && buffer.bytes > 0.7 * buffer.limitBytes) list.push("buffer " + Math.round(100 * buffer.bytes / buffer.limitBytes) + "% full");
  for (const node of nodes) if (!node.isAvailable) list.push(node.name + " away");
  for (const [reason, count] of Object.entries(dropped)) if (count > 0) list.push("dropped " + short(count) + " (" + reason + ")");
  return list;
}
function facts(plugin, rate, wrong) {
  const list = make("ul", "facts");
  const add = (text, className) => list.append(make("li", className, text));
  if (plugin.kind === "input") add("in " + rate("received") + "/s");
  if (plugin.buffer) add("took " + rate("emitted") + "/s");
  add(short(plugin.kind === "input" ? Math.max(plugin.received, plugin.emitted) : plugin.emitted) + " in all");
  for (const target of plugin.targets) if (plugin.kind !== "input" || target !== "@ROOT") add("\\u2192 " + target);
  const { buffer } = plugin;
  if (buffer) {
    add(short(buffer.events) + " events, " + short(buffer.bytes) + "B in " + buffer.chunks + " chunks");
    if (buffer.awaitingAck > 0) add(buffer.awaitingAck + " await their ack");
  }
  for (const node of plugin.nodes || []) if (node.isAvailable) add("\\u25cf " + node.name);
  for (const file of (plugin.files || []).filter(({ lagBytes }) => lagBytes > 0).slice(0, 5)) {
    add(file.path + " " + short(file.lagBytes) + "B behind, " + duration(file.lagSeconds));
  }
  for (const text of wrong) add("\\u26a0\\ufe0e " + text, "bad");
  return list;
}
const drawn = new Map();
function spark(key, value) {
  const values = [...(drawn.get(key) || []), value].slice(-60);
  drawn.set(key, values);
  const svg = document.getElementById("spark").content.firstElementChild.cloneNode(true);
  const most = Math.max(1, ...values);
  const at = (one, index) => (60 - values.length + index) + "," + (17 - 16 * one / most).toFixed(1);
  svg.firstElementChild.setAttribute("points", values.map(at).join(" "));
  return svg;
}
function bar({ bytes, limitBytes }) {
  const share = Math.min(1, bytes / limitBytes);
  const fill = make("i", share > 0.7 ? "bad" : "");
  fill.style.width = Math.ceil(share * 100) + "%";
  const element = make("div", "bar", fill);
  const text = Math.round(share * 100) + "% of " + short(limitBytes) + "B";
  const attributes = { role: "meter", "aria-label": "buffer", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round(share * 100), "aria-valuetext": text };
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.title = text;
  return element;
}
function card(plugin, rates, wrong) {
  const element = make("article", "plugin" + (plugin.owner === undefined ? "" : " inner") + (wrong.length > 0 ? " bad" : ""));
  element.dataset.id = plugin.id;
  const counted = plugin.kind === "output" && plugin.buffer ? "delivered" : "emitted";
  const perSecond = rates(counted);
  const rate = make("div", "rate", perSecond === undefined ? "\\u2013" : short(perSecond), make("small", "", { input: " out/s", filter: " passed/s", output: " " + (counted === "delivered" ? "delivered" : "took") + "/s" }[plugin.kind]), spark(plugin.id, perSecond || 0));
  const what = make("p", "what", plugin.type);
  if (plugin.kind !== "input" && plugin.owner === undefined) what.append(" ", make("code", "", plugin.pattern || "**"));
  const shown = (name) => rates(name) === undefined ? "\\u2013" : short(rates(name));
  element.append(make("div", "top", make("div", "", make("h4", "", plugin.id), what), rate), facts(plugin, shown, wrong));
  if (plugin.buffer) element.append(bar(plugin.buffer));
  return element;
}
function say(id, text, isBad) {
  const element = document.getElementById(id);
  if (element.textContent !== text) element.textContent = text;
  if (isBad !== undefined) element.className = isBad ? "bad" : "";
}
let before;
function show(status) {
  const seconds = before && before.pid === status.pid ? (status.timeMs - before.timeMs) / 1000 : 0;
  const last = new Map(before ? before.plugins.map((plugin) => [plugin.id, plugin]) : []);
  const ratesOf = (plugin) => (name) => {
    const old = last.get(plugin.id);
    return old && seconds > 0 ? Math.max(0, plugin[name] - old[name]) / seconds : undefined;
  };
  const cpu = seconds > 0 ? Math.round(100 * (status.cpuSeconds - before.cpuSeconds) / seconds) + "%" : "\\u2013";
  before = status;
  const cells = { version: status.version, pid: status.pid, up: duration(status.uptimeSeconds), cpu, memory: short(status.memoryBytes) + "B" };
  for (const [id, text] of Object.entries(cells)) say(id, String(text));
  const wrong = new Map(status.plugins.map((plugin) => [plugin, troubles(plugin, status.timeMs)]));
  const bad = status.plugins.filter((plugin) => wrong.get(plugin).length > 0).map(({ id }) => id);
  say("verdict", bad.length === 0 ? "All is well." : "Look at " + bad.slice(0, 5).join(", ") + (bad.length > 5 ? " and " + (bad.length - 5) + " more" : "") + ".", bad.length > 0);
  const levels = [...new Set(["@ROOT", ...status.plugins.map(({ level }) => level)])];
  document.getElementById("levels").replaceChildren(...levels.map((level) => {
    const here = status.plugins.filter((plugin) => plugin.level === level);
    const way = make("div", "way");
    for (const [kind, title] of [["input", "inputs"], ["filter", "filters"], ["output", "outputs"]]) {
      const plugins = here.filter((plugin) => plugin.kind === kind);
      const outer = plugins.filter(({ owner }) => owner === undefined);
      const all = outer.flatMap((one) => [one, ...plugins.filter(({ owner }) => owner === one.id)]);
      const cards = all.map((plugin) => card(plugin, ratesOf(plugin), wrong.get(plugin)));
      if (cards.length === 0) cards.push(make("p", "none", kind === "input" && level !== "@ROOT" ? "what is sent to " + level : "none"));
      way.append(make("div", "step", make("h3", "", title), ...cards));
    }
    return make("section", "", make("h2", "", level), way);
  }));
}
const pause = document.getElementById("pause");
const isPaused = () => pause.getAttribute("aria-pressed") === "true";
pause.addEventListener("click", () => pause.setAttribute("aria-pressed", String(!isPaused())));
async function look() {
  try {
    if (!isPaused()) {
      const answer = await fetch("api/status.json", { cache: "no-store" });
      if (!answer.ok) throw new Error("the agent answers " + answer.status);
      show(await answer.json());
    }
  } catch (error) {
    say("verdict", "No news from the agent: " + error.message, true);
  }
  setTimeout(look, 2000);
}
look();
`;

const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

const POLICY = [
  "default-src 'none'",
  `script-src ${hash(SCRIPT)}`,
  // Widths of bars are set by the script, through the CSSOM, which needs no exception.
  `style-src ${hash(STYLE)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Suiro</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>Suiro <i lang="ja" aria-hidden="true">水路</i> <small id="version"></small></h1>
<dl>
<div><dt>up</dt><dd id="up"></dd></div>
<div><dt>CPU</dt><dd id="cpu"></dd></div>
<div><dt>memory</dt><dd id="memory"></dd></div>
<div><dt>pid</dt><dd id="pid"></dd></div>
</dl>
<button id="pause" type="button" aria-pressed="false">Pause</button>
</header>
<p id="verdict" role="status">Asking the agent …</p>
<noscript><p>This page needs JavaScript; api/status.json beside it has the figures.</p></noscript>
<main id="levels"></main>
<template id="spark"><svg viewBox="0 0 60 18" preserveAspectRatio="none" aria-hidden="true"><polyline/></svg></template>
<script>${SCRIPT}</script>
</body>
</html>
`;

export const statusPage: Report = {
  type: "text/html; charset=utf-8",
  body: HTML,
  headers: {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
  },
};
