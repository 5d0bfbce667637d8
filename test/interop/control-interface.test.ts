/** `rpc_endpoint`: what each command answers and does, beside the real fluentd. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { ChildProgram } from "../support/child-program.ts";
import { fluentdEnvironment, withoutFluentd } from "../support/fluentd.ts";
import { freePort } from "../support/free-port.ts";
import { startSuiro } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const RUNNING = "fluentd worker is now running";

interface Running {
  readonly program: ChildProgram;
  readonly folder: string;
  readonly config: string;
  ask(path: string, method?: string): Promise<{ status: number; type: string | null; body: Record<string, unknown> }>;
}

async function running(context: TestContext, start: (config: string) => Promise<ChildProgram>): Promise<Running> {
  const folder = temporaryFolder();
  const port = await freePort();
  const config = join(folder, "rpc.conf");
  writeFileSync(
    config,
    `<system>\nrpc_endpoint 127.0.0.1:${port}\nenable_get_dump true\n</system>
<source>\n@type sample\ntag t\nrate 20\n</source>
<match t>\n@type file\npath ${folder}/out\n<buffer time>\ntimekey 1d\n</buffer>\n</match>\n`,
  );
  const program = await start(config);
  context.after(() => program.stop());
  const ask: Running["ask"] = async (path, method = "GET") => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      body: (await response.json()) as any,
    };
  };
  return { program, folder, config, ask };
}

const written = ({ folder }: Running) => readdirSync(folder).filter((name) => /^out\..*\.log$/.test(name)).length;

/** What happens may take a moment; the test's own timeout bounds it. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await wait(20);
}

const times = ({ program }: Running, text: string) => program.output.split(text).length - 1;

/** Each command, and how one sees that it was obeyed. */
async function obeys(agent: Running): Promise<unknown[]> {
  const answers: unknown[] = [];
  const ask = async (path: string, method?: string) => {
    const { status, type, body } = await agent.ask(path, method);
    answers.push([path, method, status, type, Object.keys(body).sort(), body.ok]);
    return body;
  };
  for (const [path, method] of [
    ["/api/plugins.flushBuffers", "GET"],
    ["/api/plugins.flushBuffers", "POST"],
    ["/api/plugins.flushBuffers/", "GET"],
    ["/api/plugins.flushBuffers?from=cron", "PUT"],
  ] as const) {
    const files = written(agent);
    await ask(path, method);
    // Where the buffer was empty at that moment there is nothing to see.
    while (written(agent) === files) await wait(100).then(() => agent.ask(path, method));
  }
  const { conf } = await ask("/api/config.getDump");
  assert.match(String(conf), /<match t>.*timekey 1d.*<\/ROOT>/s);
  await ask("/api/config.dump");
  await until(
    () =>
      times(agent, "dump in-memory config") === 2 &&
      agent.program.output.includes("get dump in-memory config via HTTP"),
  );
  writeFileSync(agent.config, readFileSync(agent.config, "utf8").replace("rate 20", "rate 21"));
  await ask("/api/config.gracefulReload");
  await until(() => times(agent, RUNNING) === 2 || times(agent, "rate 21") >= 1);
  await ask("/api/processes.flushBuffersAndKillWorkers");
  return answers;
}

test("commands of rpc_endpoint answer and do what fluentd's do", {
  skip: withoutFluentd,
  timeout: 120_000,
}, async (context) => {
  const fluentd = join(fluentdEnvironment().GEM_HOME as string, "bin/fluentd");
  const theirs = await running(context, async (config) => {
    const program = ChildProgram.start("ruby", [fluentd, "-c", config], fluentdEnvironment());
    await program.waitFor(RUNNING);
    return program;
  });
  const ours = await running(context, (config) => startSuiro(config));
  assert.deepEqual(await obeys(ours), await obeys(theirs));
  assert.equal(await ours.program.exited, 0);
  const left = readdirSync(join(ours.folder, "out")).filter((name) => /^buffer\..*\.log$/.test(name));
  assert.deepEqual(left, [], "everything was flushed before the stop, where fluentd leaves what it has no time for");
});
