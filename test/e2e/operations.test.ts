/** What an operator asks a running process: is it well, what does it count. */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ChildProgram } from "../support/child-program.ts";
import { startSuiro } from "../support/suiro.ts";
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
