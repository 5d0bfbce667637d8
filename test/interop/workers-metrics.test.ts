/** `/aggregated_metrics` of several workers, beside the real fluentd's. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { Server } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { ChildProgram } from "../support/child-program.ts";
import { fluentdEnvironment, withoutFluentd } from "../support/fluentd.ts";
import { freePort } from "../support/free-port.ts";
import { parsePrometheus, type ScrapedFamily } from "../support/prometheus-text.ts";
import { startSuiro } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const WORKERS = 2;

/** The first of as many ports in a row as there are workers. */
async function portsInARow(): Promise<number> {
  for (;;) {
    const first = await freePort();
    const server = new Server();
    const isFree = await new Promise<boolean>((resolve) => {
      server
        .once("error", () => resolve(false))
        .listen(first + 1, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (isFree) return first;
  }
}

function configuration(folder: string, port: number, more = ""): string {
  const path = join(folder, "workers.conf");
  writeFileSync(
    path,
    `<system>\nworkers ${WORKERS}\n</system>
<source>\n@type prometheus\n@id prom\nbind 127.0.0.1\nport ${port}\n${more}\n</source>
<source>\n@type prometheus_output_monitor\n@id om\ninterval 0.1\n<labels>\nplace w\${worker_id}\n</labels>\n</source>
<source>\n@type prometheus_monitor\n@id pm\ninterval 0.1\n</source>
<source>\n@type sample\n@id made\ntag t\nrate 20\n</source>
<filter t>\n@type prometheus\n@id counted\n<labels>\nkind k\n</labels>
<metric>\nname seen_total\ntype counter\ndesc Seen\n<labels>\nworker \${worker_id}\ntag \${tag}\n</labels>\n</metric>
<metric>\nname known_total\ntype counter\ndesc Known\ninitialized true\n</metric>\n</filter>
<match **>\n@type null\n@id end\n</match>\n`,
  );
  return path;
}

/** The answer of all workers, once each of them has counted an event. */
async function aggregated(url: string): Promise<string> {
  for (;;) {
    const text = await fetch(url).then(
      async (response) => (response.ok ? await response.text() : ""),
      () => "",
    );
    const seen = text.match(/^seen_total\{[^}]*worker_id="\d"[^}]*\} /gm) ?? [];
    const monitors = text.match(/^fluentd_status_retry_count\{[^}]*plugin_id="end"[^}]*\} /gm) ?? [];
    if (seen.length === WORKERS && monitors.length === WORKERS) return text;
    await wait(50);
  }
}

const start = async (context: TestContext, program: ChildProgram) => context.after(() => program.stop());

/** Which series there are of what fluentd has, too. */
function series(families: Record<string, ScrapedFamily>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(families)
      .filter(([name]) => !/^(suiro|process)_/.test(name))
      .map(([name, { type, help, values }]) => [name, { type, help, series: Object.keys(values).sort() }]),
  );
}

test("the metrics of all workers are one answer that Prometheus takes, each with its worker", async (context) => {
  const port = await portsInARow();
  const path = configuration(temporaryFolder(), port, "content_encoding gzip");
  await start(context, await startSuiro(path));
  const text = await aggregated(`http://127.0.0.1:${port + 1}/aggregated_metrics`);
  const families = parsePrometheus(text);
  for (const [name, { values }] of Object.entries(families)) {
    const samples = Object.keys(values);
    if (samples.length === 0) continue;
    for (const id of ["0", "1"])
      assert.ok(
        samples.some((sample) => sample.includes(`worker_id="${id}"`)),
        `${name} ${id}`,
      );
  }
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  assert.equal(new Set(lines.map((line) => line.replace(/ \S+$/, ""))).size, lines.length, "no series twice");
  assert.equal(Object.keys(families.process_resident_memory_bytes?.values ?? {}).length, WORKERS);
  if (spawnSync("promtool", ["--version"]).status === 0) {
    const { stderr } = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
    assert.doesNotMatch(stderr, /error|invalid|duplicate/i);
  }
});

test("it has the series that fluentd's has", { skip: withoutFluentd, timeout: 120_000 }, async (context) => {
  const ports = [await portsInARow(), await portsInARow()] as const;
  const fluentd = join(fluentdEnvironment().GEM_HOME as string, "bin/fluentd");
  const theirs = ChildProgram.start(
    "ruby",
    [fluentd, "-c", configuration(temporaryFolder(), ports[0])],
    fluentdEnvironment(),
  );
  await start(context, theirs);
  await start(context, await startSuiro(configuration(temporaryFolder(), ports[1])));
  const [expected, ours] = await Promise.all(
    ports.map(async (port) => series(parsePrometheus(await aggregated(`http://127.0.0.1:${port}/aggregated_metrics`)))),
  );
  assert.deepEqual(ours, expected);
});

test("a worker that does not answer is an error, not a gap in the sums", async (context) => {
  const port = await portsInARow();
  const program = await startSuiro(configuration(temporaryFolder(), port));
  await start(context, program);
  await aggregated(`http://127.0.0.1:${port}/aggregated_metrics`);
  const worker = /starting fluentd worker pid=(\d+) ppid=\d+ worker=1/.exec(program.output)?.[1];
  process.kill(Number(worker), "SIGSTOP");
  const response = await fetch(`http://127.0.0.1:${port}/aggregated_metrics`);
  const text = await response.text();
  process.kill(Number(worker), "SIGCONT");
  assert.equal(response.status, 500);
  assert.match(text, new RegExp(`no metrics of the worker at 127\\.0\\.0\\.1:${port + 1}: no answer within`));
});
