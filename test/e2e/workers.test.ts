/** `<system> workers N`: several processes, one port, buffers of their own. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ChildProgram } from "../support/child-program.ts";
import { CollectingReceiver } from "../support/collecting-receiver.ts";
import { eventually } from "../support/eventually.ts";
import { encodeFrame, ForwardClient } from "../support/forward-client.ts";
import { freePort } from "../support/free-port.ts";
import { startSuiro, suiroEntry } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const running = "fluentd worker is now running";
const times = (output: string, text: string) => output.split(text).length - 1;
const pidsOf = (output: string) =>
  [...output.matchAll(/starting fluentd worker pid=(\d+) ppid=\d+ worker=(\d)/g)].map(([, pid, id]) => [
    Number(id),
    Number(pid),
  ]);

async function setUp(context: TestContext, more: { source?: string; buffer?: string; system?: string } = {}) {
  const folder = temporaryFolder();
  const collector = new CollectingReceiver();
  await collector.start();
  context.after(() => collector.stop());
  const port = await freePort();
  const path = join(folder, "agent.conf");
  const write = (record = "") =>
    writeFileSync(
      path,
      `
<system>
  workers 2
  ${more.system ?? ""}
</system>
<source>
  @type forward
  port ${port}
  bind 127.0.0.1
</source>
${more.source ?? ""}
<filter t.**>
  @type record_transformer
  <record>
    worker "#{worker_id}"
    ${record}
  </record>
</filter>
<label @FLUENT_LOG>
  <match **>
    @type null
  </match>
</label>
<match **>
  @type forward
  require_ack_response true
  heartbeat_type none
  <server>
    host 127.0.0.1
    port ${collector.port}
  </server>
  <buffer tag>
    @type file
    path ${join(folder, "buffer")}
    ${more.buffer ?? "flush_interval 0.1"}
  </buffer>
</match>
`,
    );
  write();
  return { folder, collector, port, path, write };
}

async function startWorkers(context: TestContext, path: string): Promise<ChildProgram> {
  const agent = await startSuiro(path);
  context.after(() => agent.stop("SIGKILL"));
  await agent.waitFor((output) => times(output, running) === 2);
  return agent;
}

let chunks = 0;
/** Sends one event over a connection of its own, until it is acked. */
async function sendAcked(port: number, n: number): Promise<void> {
  const chunk = `chunk-${chunks++}`;
  for (;;) {
    const client = await ForwardClient.open(port);
    client.send(encodeFrame("Message", "t.a", [{ seconds: 1, record: { n } }], chunk));
    const isAcked = await client.acked(chunk).then(
      () => true,
      () => false,
    );
    client.close();
    if (isAcked) return;
  }
}

test("workers share a port, have folders of their own, know their number, and reload one after the other", async (context) => {
  const { folder, collector, port, path, write } = await setUp(context);
  const agent = await startWorkers(context, path);
  for (let n = 0; n < 8; n++) await sendAcked(port, n);
  await collector.waitFor((events) => events.length === 8);
  assert.deepEqual([...new Set(collector.events.map(({ record }) => record.worker))].sort(), ["0", "1"]);
  assert.deepEqual(readdirSync(join(folder, "buffer")).sort(), ["worker0", "worker1"]);
  write("reloaded yes");
  agent.kill("SIGHUP");
  await agent.waitFor((output) => times(output, running) === 4);
  for (let n = 8; n < 16; n++) await sendAcked(port, n);
  await collector.waitFor((events) => events.length === 16);
  assert.ok(collector.events.slice(8).every(({ record }) => record.reloaded === "yes"));
  writeFileSync(path, "<system>\nworkers 2\n</system>\n<match **>\n@type nosuch\n</match>\n");
  agent.kill("SIGHUP");
  await agent.waitFor("the running configuration stays");
  await sendAcked(port, 16);
  assert.equal(await agent.stop(), 0, agent.output);
  assert.equal(times(agent.output, "exited unexpectedly"), 0);
});

test("a worker that is killed is started again while the other goes on, and nothing acked is lost", async (context) => {
  const { collector, port, path } = await setUp(context, { buffer: "flush_interval 1d" });
  const agent = await startWorkers(context, path);
  for (let n = 0; n < 6; n++) await sendAcked(port, n);
  const [, pid] = pidsOf(agent.output)[0] as [number, number];
  process.kill(pid, "SIGKILL");
  // A connection that is on its way to a worker when that dies is nobody's: its sender would wait.
  await agent.waitFor("exited unexpectedly");
  for (let n = 6; n < 12; n++) await sendAcked(port, n);
  await agent.waitFor((output) => times(output, running) === 3);
  agent.kill("SIGUSR1");
  await collector.waitFor((events) => new Set(events.map(({ record }) => record.n)).size === 12);
  assert.equal(times(agent.output, "exited unexpectedly"), 1);
  assert.equal(await agent.stop(), 0, agent.output);
});

test("the first worker takes over what a single process left", async (context) => {
  const { folder, collector, port, path } = await setUp(context, { buffer: "flush_interval 1d" });
  const single = await startSuiro(path, ["--workers", "1"]);
  context.after(() => single.stop("SIGKILL"));
  await sendAcked(port, 1);
  await single.stop();
  assert.ok(readdirSync(join(folder, "buffer")).some((name) => name.endsWith(".log")));
  const agent = await startWorkers(context, path);
  agent.kill("SIGUSR1");
  await collector.waitFor((events) => events.length === 1);
  await eventually(() => !readdirSync(join(folder, "buffer", "worker0")).some((name) => name.endsWith(".log")));
  assert.equal(await agent.stop(), 0);
});

test("a tail needs the section of one worker, and runs there only", async (context) => {
  const folder = temporaryFolder();
  const lines = join(folder, "in.log");
  writeFileSync(lines, "one\ntwo\n");
  const tail = `<source>\n@type tail\npath ${lines}\npos_file ${folder}/pos\ntag tailed\nread_from_head true\n<parse>\n@type none\n</parse>\n</source>`;
  const refused = await setUp(context, { source: tail });
  const failed = ChildProgram.start(process.execPath, [suiroEntry, "-c", refused.path]);
  assert.equal(await failed.exited, 1, failed.output);
  assert.match(failed.output, /Plugin 'tail' does not support multi workers configuration/);
  const { collector, path } = await setUp(context, { source: `<worker 1>\n${tail}\n</worker>` });
  const agent = await startWorkers(context, path);
  await collector.waitFor((events) => events.length === 2);
  assert.equal(times(agent.output, "following tail of"), 1);
  assert.equal(await agent.stop(), 0);
  assert.ok(existsSync(join(folder, "pos")));
});

test("a worker that cannot start ends them all with code 1", async (context) => {
  const taken = new CollectingReceiver();
  await taken.start();
  context.after(() => taken.stop());
  const source = `<worker 1>\n<source>\n@type forward\nport ${taken.port}\nbind 127.0.0.1\n</source>\n</worker>`;
  const { path } = await setUp(context, { source });
  const agent = ChildProgram.start(process.execPath, [suiroEntry, "-c", path]);
  assert.equal(await agent.exited, 1, agent.output);
  assert.match(agent.output, new RegExp(`cannot listen on 127\\.0\\.0\\.1:${taken.port}`));
});
