/** telegraf's input `fluentd` gathers from Suiro what it gathers from the real fluentd of the same configuration. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { ChildProgram } from "../support/child-program.ts";
import { startFluentd, withoutFluentd } from "../support/fluentd.ts";
import { freePort } from "../support/free-port.ts";
import { startSuiro } from "../support/suiro.ts";
import { gatherAsTelegraf, type TelegrafMetric } from "../support/telegraf-input.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** A plugin of each sort that the two tell of in another way, one of them with a receiver that is away. */
function configuration(folder: string, name: string, port: number): string {
  const path = join(folder, `${name}.conf`);
  const section = (head: string, type: string, body = "") =>
    `<${head}>\n@type ${type}\n@id ${type}_${head.replaceAll(/\W/g, "")}\n${body}\n</${head.split(" ")[0]}>\n`;
  const store = (type: string, body = "") => section("store", type, body);
  writeFileSync(
    path,
    [
      section("source", "monitor_agent", `bind 127.0.0.1\nport ${port}`),
      section("source", "sample", 'tag made\nrate 20\nsample {"message":"x","list":[1,{"a":"b"}]}'),
      section("source", "tail", `path ${folder}/*.log\ntag read\n<parse>\n@type none\n</parse>`),
      section("filter **", "grep", "<exclude>\nkey nothing\npattern /x/\n</exclude>"),
      section("filter made", "record_transformer", "<record>\nhost a\n</record>"),
      section(
        "match made",
        "copy",
        store(
          "forward",
          `heartbeat_type none\n<server>\nhost 127.0.0.1\nport 1\n</server>
<buffer tag,time>\n@type file\npath ${folder}/${name}.buffer\nflush_mode immediate\ntimekey 60\n</buffer>`,
        ) +
          store("file", `path ${folder}/${name}.out`) +
          store("stdout") +
          store("null", "never_flush true\n<buffer>\nflush_mode lazy\n</buffer>") +
          store("relabel", "@label @NEXT"),
      ),
      `<label @NEXT>\n${section("match **", "roundrobin", store("null").replace("null_store", "null_inner"))}</label>\n`,
      section("match **", "rewrite_tag_filter", "<rule>\nkey message\npattern /x/\ntag made\n</rule>"),
    ].join(""),
  );
  return path;
}

type Gathered = Awaited<ReturnType<typeof gatherAsTelegraf>>;

const named = (metrics: Gathered, id: string) => metrics.find(({ tags }) => tags.plugin_id === id)?.fields;

/** Gathers, at the address that telegraf has by default, until the receiver that is away was tried twice. */
async function gathered(context: TestContext, start: (path: string) => Promise<ChildProgram>, name: string) {
  const port = await freePort();
  const program = await start(configuration(temporaryFolder(), name, port));
  context.after(() => program.stop());
  const endpoint = `http://localhost:${port}/api/plugins.json`;
  for (;;) {
    const metrics = await gatherAsTelegraf(endpoint);
    if ((named(metrics, "forward_store")?.retry_count ?? 0) >= 2) return { endpoint, metrics };
    await wait(50);
  }
}

/** Everything that does not depend on how long it ran. */
const shape = ({ tags, fields }: TelegrafMetric) => ({ tags, fields: Object.keys(fields).sort() });

test("telegraf gathers from Suiro", async (context) => {
  const { endpoint, metrics } = await gathered(context, (path) => startSuiro(path), "suiro");
  const forward = named(metrics, "forward_store") ?? {};
  assert.ok((forward.buffer_queue_length ?? 0) > 0 && (forward.buffer_total_queued_size ?? 0) > 0);
  assert.ok((forward.emit_records ?? 0) > 0 && (forward.emit_size ?? 0) > 0);
  assert.equal(named(metrics, "null_store")?.buffer_stage_length, 1);
  const chosen = await gatherAsTelegraf(endpoint, ["monitor_agent", "null"]);
  assert.deepEqual(
    chosen.map(shape),
    metrics.map(shape).filter(({ tags }) => !/monitor|null/.test(tags.plugin_type)),
  );
  const { headers } = await fetch(endpoint);
  assert.equal(headers.get("content-type"), "application/json");
  assert.match(headers.get("content-length") ?? "", /^\d+$/);
  await assert.rejects(gatherAsTelegraf(endpoint.replace("plugins.json", "plugins")), SyntaxError);
  await assert.rejects(gatherAsTelegraf(endpoint.replace("plugins.json", "none")), /http status ok not met/);
});

test("telegraf gathers the same from fluentd", { skip: withoutFluentd, timeout: 120_000 }, async (context) => {
  const [theirs, ours] = await Promise.all([
    gathered(context, (path) => startFluentd(path), "fluentd"),
    gathered(context, (path) => startSuiro(path), "suiro"),
  ]);
  assert.deepEqual(ours.metrics.map(shape), theirs.metrics.map(shape));
  assert.equal(ours.metrics.length, 14);
});
