/** What Prometheus and monitor_agent show of the same work: the real fluentd with fluent-plugin-prometheus, and Suiro. */

import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { ChildProgram } from "../support/child-program.ts";
import { startFluentd, withoutFluentd } from "../support/fluentd.ts";
import { freePort } from "../support/free-port.ts";
import { parsePrometheus, type ScrapedFamily } from "../support/prometheus-text.ts";
import { startSuiro } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const LINES = [
  '{"level":"info","size":3,"user":"u1","nested":{"a":"A","n":1.5}}',
  '{"level":"warn","size":150,"user":null,"nested":{"a":2.0,"n":-7}}',
  '{"level":"warn","size":"bad","user":true,"list":["x","y"]}',
  '{"level":"info","size":-3,"user":[1],"nested":{"a":null,"n":null}}',
  '{"level":5,"size":7,"user":12345678901234567890,"tag_parts":["no"]}',
];

/** Every plugin has an `@id`: names of plugins without one are made up differently. */
function configuration(folder: string, name: string, ports: { prometheus: number; monitor: number }): string {
  const path = join(folder, `${name}.conf`);
  writeFileSync(
    path,
    `
<source>
  @type prometheus
  @id prom
  bind 127.0.0.1
  port ${ports.prometheus}
</source>
<source>
  @type prometheus_output_monitor
  @id om
  interval 0.1
  <labels>
    host \${hostname}
    worker \${worker_id}
    fixed x
  </labels>
</source>
<source>
  @type prometheus_monitor
  @id pm
  interval 0.1
</source>
<source>
  @type prometheus_tail_monitor
  @id tm
  interval 0.1
</source>
<source>
  @type monitor_agent
  @id agent
  bind 127.0.0.1
  port ${ports.monitor}
</source>
<source>
  @type tail
  @id tail
  path ${folder}/in.log
  pos_file ${folder}/${name}.pos
  tag logs.app.x
  read_from_head true
  <parse>
    @type json
  </parse>
</source>
<filter logs.**>
  @type prometheus
  @id counted
  <metric>
    name app_events_total
    type counter
    desc Events with a "quote" and a \\ backslash
    <labels>
      tag \${tag}
      piece \${tag_parts[-1]}-\${tag_suffix[1]}
      level $.level
      user \${user}
      inner \${nested["a"]}
      item \${list[1]}/\${tag_parts[9]}
      missing \${nothing}
    </labels>
  </metric>
  <metric>
    name app_bytes_total
    type counter
    desc Bytes
    key size
  </metric>
  <metric>
    name app_level
    type gauge
    desc The last one
    key $.nested.n
    <labels>
      level \${level}
    </labels>
  </metric>
  <metric>
    name app_sizes
    type histogram
    desc Sizes
    key size
    buckets 1, 5.0,100,1000.5
  </metric>
  <metric>
    name app_sizes_by_default
    type histogram
    desc Sizes
    key size
  </metric>
  <metric>
    name app_summary
    type summary
    desc Sizes
    key size
  </metric>
  <metric>
    name app_known_total
    type counter
    desc Known before the first event
    initialized true
    <labels>
      level $.level
      host \${hostname}
    </labels>
    <initlabels>
      level info
    </initlabels>
    <initlabels>
      level fatal
    </initlabels>
  </metric>
</filter>
<match logs.**>
  @type copy
  @id copy
  <store>
    @type forward
    @id buffered
    heartbeat_type none
    <server>
      name away
      host 127.0.0.1
      port 1
      password hidden
    </server>
    <security>
      self_hostname a
      shared_key verysecret
    </security>
    <buffer tag,time>
      @type file
      path ${folder}/${name}.buffer
      flush_mode lazy
      timekey 3600
      flush_at_shutdown false
    </buffer>
  </store>
  <store>
    @type relabel
    @id relabel
    @label @TAKEN
  </store>
</match>
<match never>
  @type null
  @id never
</match>
<label @TAKEN>
  <match **>
    @type prometheus
    @id taken
    <metric>
      name app_taken_total
      type counter
      desc Taken
      max_series_per_metric 2
      <labels>
        level $.level
      </labels>
    </metric>
  </match>
</label>
`,
  );
  return path;
}

async function fetched(port: number, path: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}${path}`)).text();
}

/**
 * Whether every monitor of fluentd has seen all events: each looks by a timer of its own, plugin by plugin and metric by
 * metric, and may be in the midst of that. What is asked for last of each is what it writes last.
 */
function isSettled(families: Record<string, ScrapedFamily>, byteSize: number): boolean {
  const value = (name: string, part: string) =>
    Object.entries(families[name]?.values ?? {}).find(([labels]) => labels.includes(part))?.[1];
  const emitted = ["buffered", "relabel", "taken"].map((id) =>
    value("fluentd_output_status_emit_records", `plugin_id="${id}"`),
  );
  return (
    emitted.every((count) => count === LINES.length) &&
    value("fluentd_output_status_retry_wait", 'plugin_id="taken"') !== undefined &&
    value("fluentd_status_retry_count", 'plugin_id="taken"') !== undefined &&
    value("fluentd_tail_file_position", 'plugin_id="tail"') === byteSize &&
    value("fluentd_tail_file_throttled", 'plugin_id="tail"') !== undefined
  );
}

/** Asks until everything was counted; the test's own timeout bounds it. */
async function settled(port: number, byteSize: number): Promise<Record<string, ScrapedFamily>> {
  for (;;) {
    const families = parsePrometheus(await fetched(port, "/metrics"));
    if (isSettled(families, byteSize)) return families;
    await wait(20);
  }
}

interface Shown {
  readonly families: Record<string, ScrapedFamily>;
  readonly ask: (path: string) => Promise<any>;
  readonly text: (path: string) => Promise<string>;
}

async function run(
  folder: string,
  name: "fluentd" | "suiro",
  start: (path: string) => Promise<ChildProgram>,
): Promise<Shown & { program: ChildProgram }> {
  const ports = { prometheus: await freePort(), monitor: await freePort() };
  const program = await start(configuration(folder, name, ports));
  const families = await settled(ports.prometheus, statSync(join(folder, "in.log")).size);
  const text = (path: string) => fetched(ports.monitor, path);
  return { program, families, text, ask: async (path) => JSON.parse(await text(path)) };
}

/** Sizes of what is stored depend on how numbers were encoded, times on the machine; fluentd finds timekeys late. */
const UNSTEADY = /_bytes\b|_byte_size|flush_time_count/;
const TIMEKEY = /timekey/;

function comparable(families: Record<string, ScrapedFamily>): Record<string, unknown> {
  const theirs = Object.entries(families).filter(([name]) => !/^(suiro|process)_/.test(name));
  return Object.fromEntries(
    theirs.map(([name, { type, help, values }]) => {
      const isUnsteady = UNSTEADY.test(name) && name.startsWith("fluentd_");
      const shown = TIMEKEY.test(name) ? [] : isUnsteady ? Object.keys(values) : values;
      return [name, { type, help, values: shown }];
    }),
  );
}

/** Suiro counts what inputs emit, and sizes, which fluentd leaves at 0 unless it is told to. */
const COUNTED_MORE = new Set(["emit_size", "buffer_stage_byte_size", "buffer_total_queued_size"]);

function comparablePlugins(plugins: Record<string, unknown>[]): unknown {
  return plugins.map((plugin) =>
    Object.fromEntries(
      Object.entries(plugin).flatMap(([key, value]) => {
        if (TIMEKEY.test(key)) return [];
        const isCountedMore = COUNTED_MORE.has(key) || (key === "emit_records" && plugin.plugin_category === "input");
        return [[key, isCountedMore ? typeof value : value]];
      }),
    ),
  );
}

test("dashboards for fluentd find what they know", { skip: withoutFluentd, timeout: 120_000 }, async (context) => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "in.log"), LINES.map((line) => `${line}\n`).join(""));
  const [fluentd, suiro] = await Promise.all([
    run(folder, "fluentd", (path) => startFluentd(path)),
    run(folder, "suiro", (path) => startSuiro(path)),
  ]);
  context.after(() => Promise.all([fluentd.program.stop(), suiro.program.stop()]));
  const ports = /"(port|path|pos_file)": "[^"]*"/g;

  await context.test("the metrics of <metric> and of the monitors: names, types, texts, labels, values", () => {
    const expected = comparable(fluentd.families);
    assert.deepEqual(comparable(suiro.families), expected);
    const timekeys = suiro.families.fluentd_output_status_buffer_oldest_timekey?.values ?? {};
    assert.ok(Object.values(timekeys).every((timekey) => timekey % 3600 === 0));
    assert.equal(Object.keys(timekeys).length, 1);
    assert.ok(JSON.stringify(expected).includes(`host=\\"${hostname()}\\"`));
    assert.equal(Object.keys(expected).length, 37, "families that were compared");
  });

  await context.test("/api/plugins.json, with what it may be asked for", async () => {
    for (const path of [
      "/api/plugins.json",
      "/api/plugins.json?with_config=false&with_retry=no",
      "/api/plugins.json?@id=buffered",
      "/api/plugins.json?type=prometheus",
      "/api/plugins.json?tag=never",
      "/api/plugins.json?tag=logs.app.x",
      "/api/plugins.json?@id=nobody",
    ]) {
      const theirs = comparablePlugins((await fluentd.ask(path)).plugins);
      const ours = comparablePlugins((await suiro.ask(path)).plugins);
      const comparableText = (value: unknown) => JSON.stringify(value, null, 1).replace(ports, "");
      assert.equal(comparableText(ours), comparableText(theirs), path);
    }
  });

  await context.test("/api/plugins as LTSV, /api/config.json", async () => {
    const keys = (text: string) =>
      text.split("\n").map((line) =>
        line
          .split("\t")
          .map((pair) => pair.split(":")[0] as string)
          .filter((key) => !TIMEKEY.test(key)),
      );
    assert.deepEqual(keys(await suiro.text("/api/plugins")), keys(await fluentd.text("/api/plugins")));
    assert.deepEqual(
      Object.keys(await suiro.ask("/api/config.json")),
      Object.keys(await fluentd.ask("/api/config.json")),
    );
    assert.equal((await suiro.ask("/api/config.json")).version, (await fluentd.ask("/api/config.json")).version);
  });

  await context.test("no secret is shown", async () => {
    const shown = await Promise.all(["/api/plugins.json?debug=1", "/api/config.json"].map(suiro.text));
    assert.doesNotMatch(shown.join(), /verysecret|hidden/);
  });
});
