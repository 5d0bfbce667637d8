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
:root { color-scheme: light dark; --line: #8886; --good: #2a8a4a; --bad: #c33; --soft: #8882; }
body { font: 14px/1.4 system-ui, sans-serif; margin: 0 auto; max-width: 75rem; padding: 1rem; }
header { display: flex; flex-wrap: wrap; gap: 0 1.5rem; align-items: baseline; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
.way { display: grid; grid-template-columns: 1fr 1fr 2fr; gap: .5rem 2rem; }
.step > h3 { font-size: .8rem; font-weight: normal; margin: 0 0 .3rem; opacity: .7; }
.plugin { border: 1px solid var(--line); border-left: 4px solid var(--good); border-radius: 4px; margin-bottom: .5rem; padding: .4rem .6rem; }
.plugin.inner { margin-left: 1.5rem; }
.plugin.bad { border-left-color: var(--bad); }
.plugin b { overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; gap: 0 1rem; font-variant-numeric: tabular-nums; }
.facts .bad, #problem { color: var(--bad); }
.bar { background: var(--soft); border-radius: 3px; height: .5rem; margin: .3rem 0; overflow: hidden; }
.bar > i { background: var(--good); display: block; height: 100%; }
.bar > i.bad { background: var(--bad); }
.what { opacity: .7; }
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
function make(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}
function dropped(plugin) {
  return Object.entries(plugin.dropped).filter(([, count]) => count > 0);
}
function facts(plugin, rate, nowMs) {
  const list = make("div", "facts");
  const add = (text, isBad) => list.append(make("span", isBad ? "bad" : "", text));
  if (plugin.kind === "input") add("in " + rate("received") + "/s");
  add((plugin.kind === "input" ? "out " : "took ") + rate("emitted") + "/s");
  if (plugin.kind === "output" && plugin.targets.length === 0) add("delivered " + rate("delivered") + "/s");
  add(short(plugin.kind === "input" ? plugin.received : plugin.emitted) + " in all");
  for (const target of plugin.targets) if (plugin.kind !== "input" || target !== "@ROOT") add("\\u2192 " + target);
  for (const [reason, count] of dropped(plugin)) add("dropped " + short(count) + " (" + reason + ")", true);
  const { buffer } = plugin;
  if (buffer) {
    add(short(buffer.events) + " events, " + short(buffer.bytes) + "B in " + buffer.chunks + " chunks");
    if (buffer.awaitingAck > 0) add(buffer.awaitingAck + " await their ack");
    if (buffer.retries > 0) add("try " + buffer.retries + " failed, next in " + duration(Math.max(0, (buffer.nextRetryMs - nowMs) / 1000)), true);
  }
  for (const node of plugin.nodes || []) add((node.isAvailable ? "\\u25cf " : "\\u25cb ") + node.name, !node.isAvailable);
  for (const file of (plugin.files || []).filter(({ lagBytes }) => lagBytes > 0).slice(0, 5)) {
    add(file.path + " " + short(file.lagBytes) + "B behind, " + duration(file.lagSeconds));
  }
  return list;
}
function box(plugin, rate, nowMs) {
  const isBad = (!plugin.isRunning && plugin.owner === undefined) || dropped(plugin).length > 0 || (plugin.buffer || {}).retries > 0 || (plugin.nodes || []).some((node) => !node.isAvailable);
  const element = make("div", "plugin" + (plugin.owner === undefined ? "" : " inner") + (isBad ? " bad" : ""));
  element.dataset.id = plugin.id;
  element.append(make("b", "", plugin.id), make("span", "what", " " + plugin.type + (plugin.kind === "input" ? "" : " " + (plugin.pattern || "**"))));
  element.append(facts(plugin, rate, nowMs));
  if (plugin.buffer) {
    const share = Math.min(1, plugin.buffer.bytes / plugin.buffer.limitBytes);
    const bar = make("div", "bar");
    const fill = make("i", share > 0.7 ? "bad" : "");
    fill.style.width = Math.ceil(share * 100) + "%";
    bar.title = Math.round(share * 100) + "% of " + short(plugin.buffer.limitBytes) + "B";
    bar.append(fill);
    element.append(bar);
  }
  return element;
}
let before;
function show(status) {
  const seconds = before && before.pid === status.pid ? (status.timeMs - before.timeMs) / 1000 : 0;
  const last = new Map(before ? before.plugins.map((plugin) => [plugin.id, plugin]) : []);
  const rateOf = (plugin) => (name) => {
    const old = last.get(plugin.id);
    return old && seconds > 0 ? short(Math.max(0, plugin[name] - old[name]) / seconds) : "\\u2013";
  };
  before = status;
  const cells = { version: status.version, pid: status.pid, up: duration(status.uptimeSeconds), memory: short(status.memoryBytes) + "B" };
  for (const [id, text] of Object.entries(cells)) document.getElementById(id).textContent = text;
  const levels = [...new Set(["@ROOT", ...status.plugins.map(({ level }) => level)])];
  document.getElementById("levels").replaceChildren(...levels.flatMap((level) => {
    const here = status.plugins.filter((plugin) => plugin.level === level);
    const way = make("div", "way");
    for (const [kind, title] of [["input", "inputs"], ["filter", "filters"], ["output", "outputs"]]) {
      const step = make("div", "step");
      step.append(make("h3", "", level === "@ROOT" || kind !== "input" ? title : "what comes with " + level));
      const plugins = here.filter((plugin) => plugin.kind === kind);
      const outer = plugins.filter(({ owner }) => owner === undefined);
      for (const plugin of outer.flatMap((one) => [one, ...plugins.filter(({ owner }) => owner === one.id)])) {
        step.append(box(plugin, rateOf(plugin), status.timeMs));
      }
      way.append(step);
    }
    return [make("h2", "", level), way];
  }));
}
async function look() {
  const problem = document.getElementById("problem");
  try {
    const answer = await fetch("api/status.json", { cache: "no-store" });
    if (!answer.ok) throw new Error("the agent answers " + answer.status);
    show(await answer.json());
    problem.textContent = "";
  } catch (error) {
    problem.textContent = "no news: " + error.message;
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
<h1>Suiro <span id="version"></span></h1>
<span>pid <span id="pid"></span></span>
<span>up <span id="up"></span></span>
<span>memory <span id="memory"></span></span>
<span id="problem" role="status"></span>
</header>
<main id="levels"></main>
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
