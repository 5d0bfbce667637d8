/** The dashboard and the alerts ask for metrics and labels that Suiro has, and each alert fires when it should. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { CATALOGUE } from "../../../src/metrics/catalogue.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { projectFolder } from "../egress/fake-project.ts";

const withoutPromtool =
  spawnSync("promtool", ["--version"]).status !== 0 && !process.env.CI && "promtool is not installed here";

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const folder = join(projectFolder, "infra/monitoring");
const alertsPath = join(folder, "alerts.yaml");
const alerts = parse(readFileSync(alertsPath, "utf8")).groups.flatMap((group: { rules: unknown[] }) => group.rules) as {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<string, string>>;
}[];
const dashboard = JSON.parse(readFileSync(join(folder, "dashboard.json"), "utf8")) as { panels: Panel[] };
const charts = dashboard.panels.filter((panel) => panel.type !== "row");

/** Metrics as a scrape names them, with their labels; every scrape adds `instance`. */
const known = new Map<string, ReadonlySet<string>>();
for (const { name, type, labels } of CATALOGUE) {
  const all = new Set([...labels, "instance"]);
  known.set(name, all);
  if (type === "histogram") for (const end of ["bucket", "sum", "count"]) known.set(`${name}_${end}`, all);
}

/** What an expression asks for that no agent has: metrics, and labels that none of its metrics has. */
function unknownIn(expr: string): string[] {
  const metrics = expr.match(/\b(?:suiro|process)_\w+/g) ?? [];
  const wrong = metrics.filter((name) => !known.has(name));
  const labels = new Set(metrics.flatMap((name) => [...(known.get(name) ?? [])]));
  const selected = [...expr.matchAll(/\b(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, name]) => name as string);
  const grouped = [...expr.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g)].flatMap(([, list]) => (list as string).split(","));
  return [...wrong, ...[...selected, ...grouped.map((name) => name.trim())].filter((name) => !labels.has(name))];
}

test("what is asked for is in the catalogue", () => {
  for (const { alert, expr } of alerts) assert.deepEqual(unknownIn(expr), [], alert);
  for (const { title, targets = [] } of charts) {
    for (const { expr } of targets) assert.deepEqual(unknownIn(expr), [], `${title}: ${expr}`);
  }
  assert.deepEqual(unknownIn('sum by (instances) (suiro_buffer_bites{states="x"})'), [
    "suiro_buffer_bites",
    "states",
    "instances",
  ]);
});

test("what docs/operations.md asks is in the catalogue, and Prometheus takes it", () => {
  const asked = [
    ...readFileSync(join(projectFolder, "docs/operations.md"), "utf8").matchAll(/^\|[^|]*\?[^|]*\| `(.+)` \|$/gm),
  ];
  assert.ok(asked.length >= 6);
  for (const [, expr] of asked) assert.deepEqual(unknownIn(expr as string), [], expr);
  if (!withoutPromtool) checkRules(asked.map(([, expr]) => expr as string));
});

test("labels that texts show are those that the expression leaves", () => {
  const shown = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, name]) => name as string);
  for (const { alert, expr, annotations } of alerts) {
    const names = Object.values(annotations).flatMap((text) => shown(text, /\$labels\.(\w+)/g));
    const kept = /^(?:sum|max|min) by \(([^)]*)\)/.exec(expr)?.[1]?.split(", ");
    for (const name of names) assert.ok(!kept || kept.includes(name), `${alert}: ${name}`);
  }
  for (const { title, targets = [] } of charts) {
    for (const { expr, legendFormat } of targets) {
      const kept = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(", ");
      for (const name of shown(legendFormat, /\{\{(\w+)\}\}/g))
        assert.ok(!kept || kept.includes(name), `${title}: ${name}`);
    }
  }
});

test("the alerts are those that the operator is promised", () => {
  const promised = ["BufferFilling", "NoAck", "NothingDelivered", "EventsDropped", "CertificateExpiring", "TailLag"];
  const names = alerts.map(({ alert }) => alert);
  for (const name of promised) assert.ok(names.includes(`Suiro${name}`), name);
  assert.equal(new Set(names).size, names.length);
  for (const { alert, labels, annotations } of alerts) {
    assert.match(labels.severity, /^(warning|critical)$/, alert);
    assert.deepEqual(Object.keys(annotations), ["summary", "description"], alert);
  }
});

test("panels have names of their own and do not lie on each other", () => {
  const { panels } = dashboard;
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
  );
  assert.equal(new Set(cells).size, cells.length);
  for (const { gridPos } of panels) assert.ok(gridPos.x + gridPos.w <= 24);
});

function promtool(...args: string[]): void {
  const { status, stdout, stderr } = spawnSync("promtool", args, { encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
}

test("Prometheus takes the alerts, and each fires when it should and only then", { skip: withoutPromtool }, () => {
  promtool("check", "rules", alertsPath);
  const cases = readFileSync(join(projectFolder, "test/infra/monitoring/alerts.test.yaml"), "utf8");
  const path = join(temporaryFolder(), "cases.yaml");
  writeFileSync(path, cases.replace("[RULES]", `[${alertsPath}]`));
  promtool("test", "rules", path);
  for (const { alert } of alerts) assert.ok(cases.includes(`alertname: ${alert}`), `${alert} has no case`);
});

/** Throws what Prometheus says of expressions that it does not take. */
function checkRules(expressions: readonly string[]): void {
  const rules = expressions.map((expr, index) => ({ record: `asked:${index}`, expr }));
  const path = join(temporaryFolder(), "asked.yaml");
  writeFileSync(path, JSON.stringify({ groups: [{ name: "asked", rules }] }));
  promtool("check", "rules", path);
}

test("Prometheus takes every expression of the dashboard", { skip: withoutPromtool }, () => {
  const expressions = charts.flatMap(({ targets = [] }) => targets).map(({ expr }) => expr);
  checkRules(expressions.map((expr) => expr.replaceAll("$__rate_interval", "5m").replaceAll("$instance", ".*")));
});
