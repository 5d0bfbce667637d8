/** What an operator asks a running process: is it well, what does it count. */

import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ChildProgram } from "../support/child-program.ts";
import { startSuiro, suiroEntry } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** The port that a line of the log names, for programs that listen on port 0. */
async function portOf(program: ChildProgram, message: string): Promise<number> {
  const line = new RegExp(`"port":(\\d+)[^\\n]*"message":"${message}"`);
  const output = await program.waitFor(line);
  return Number(line.exec(output)?.[1]);
}

const ask = async (port: number, path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;

test("the health port needs no change of the configuration, and outlives a reload", async (context) => {
  const folder = temporaryFolder();
  const path = join(folder, "fluent.conf");
  const text = `<source>\n@type forward\nport 0\nbind 127.0.0.1\n</source>\n<match **>\n@type null\n</match>\n`;
  writeFileSync(path, text);
  const program = await startSuiro(path, [], { SUIRO_HEALTH_ENDPOINT: "127.0.0.1:0" });
  context.after(() => program.stop());
  const port = await portOf(program, "answering /healthz and /readyz");
  assert.deepEqual([await ask(port, "/healthz"), await ask(port, "/readyz")], [200, 200]);
  writeFileSync(path, text.replace("null", "stdout"));
  program.kill("SIGHUP");
  await program.waitFor((output) => output.split("fluentd worker is now running").length === 3);
  assert.deepEqual([await ask(port, "/healthz"), await ask(port, "/readyz")], [200, 200]);
  assert.equal(await program.stop(), 0);
  assert.ok(readFileSync(path, "utf8").includes("stdout"));
});

test("tap and top show a running agent to its own user, and leave nothing behind", async (context) => {
  const folder = temporaryFolder();
  const path = join(folder, "fluent.conf");
  const run = join(folder, "run");
  mkdirSync(run, { mode: 0o700 });
  writeFileSync(
    path,
    `<source>\n@type sample\n@id made\nrate 100\ntag app.x\nsample {"hello":"world"}\n</source>
<match app.**>\n@type null\n@id end\n</match>\n`,
  );
  const environment = { ...process.env, SUIRO_RUN_DIR: run };
  const suiro = (...options: string[]) => ChildProgram.start(process.execPath, [suiroEntry, ...options], environment);
  const nobody = suiro("tap");
  assert.equal(await nobody.exited, 1);
  assert.match(nobody.output, /no agent of this user runs .*run this as the agent's user/);

  const program = await startSuiro(path, [], { SUIRO_RUN_DIR: run });
  context.after(() => program.stop());
  const tap = suiro("tap", "app.*", "--at", "end", "--count", "2");
  assert.equal(await tap.exited, 0);
  assert.match(tap.output, /^\S+Z app\.x end: \{"hello":"world"\}$/m);
  for (const [at, reason] of [
    ["nobody", /there is no nobody\. --at takes one of end, @ROOT/],
    ["made", /made is an input: tap what it brings at its label, or at @ROOT/],
  ] as const) {
    const lost = suiro("tap", "--at", at);
    assert.equal(await lost.exited, 1);
    assert.match(lost.output, reason);
  }
  const wrong = suiro("tap", "/(/");
  assert.equal(await wrong.exited, 1);

  const top = suiro("top", "--once", "--interval", "0.1");
  assert.equal(await top.exited, 0);
  assert.match(top.output, /^made +sample /m);
  const json = suiro("top", "--json", "--pid", String(program.pid));
  assert.equal(await json.exited, 0);
  assert.equal(JSON.parse(json.output).pid, program.pid);

  assert.equal(await program.stop(), 0);
  assert.deepEqual(readdirSync(run), []);
});
