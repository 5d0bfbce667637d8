/** The lock of a buffer folder, between real processes. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ChildProgram } from "../support/child-program.ts";
import { startSuiro, suiroEntry } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const holder = fileURLToPath(new URL("lock-holder.js", import.meta.url));
const canUnshare = spawnSync("unshare", ["--pid", "--fork", "--net", "true"]).status === 0;

function holds(context: TestContext, folder: string, patienceMs: number, prefix: readonly string[] = []): ChildProgram {
  const [command = "", ...args] = [...prefix, process.execPath, holder, folder, String(patienceMs)];
  const program = ChildProgram.start(command, args);
  context.after(() => program.stop("SIGKILL"));
  return program;
}

const locksIn = (folder: string) => readdirSync(folder).filter((name) => name.includes(".lock."));

test("the second process is refused, and told who holds the folder", async (context) => {
  const folder = temporaryFolder();
  const first = holds(context, folder, 0);
  await first.waitFor("held");
  const second = holds(context, folder, 0);
  assert.equal(await second.exited, 1);
  assert.match(second.output, new RegExp(`${folder} is in use by another agent, process ${first.pid} on host`));
  assert.equal(locksIn(folder).length, 1, "the refused one leaves nothing");
});

test("a process that was killed holds nothing any more, whatever has its process id now", async (context) => {
  const folder = temporaryFolder();
  for (let round = 0; round < 3; round++) {
    const program = holds(context, folder, 0);
    await program.waitFor("held");
    await program.stop("SIGKILL");
  }
  assert.equal(locksIn(folder).length, 1, "what the dead left was removed");
});

test("a process that is stopped goes on holding the folder", async (context) => {
  const folder = temporaryFolder();
  const first = holds(context, folder, 0);
  await first.waitFor("held");
  first.kill("SIGSTOP");
  const second = holds(context, folder, 0);
  assert.equal(await second.exited, 1, second.output);
  first.kill("SIGCONT");
});

test("a process waits for one that is about to end", async (context) => {
  const folder = temporaryFolder();
  const first = holds(context, folder, 0);
  await first.waitFor("held");
  const second = holds(context, folder, 60_000);
  first.kill("SIGTERM");
  await second.waitFor("held");
  assert.equal(await first.exited, 0);
});

test("of many that start together one gets the folder, and the next only when it has let go", async (context) => {
  const folder = temporaryFolder();
  const programs = Array.from({ length: 6 }, () => holds(context, folder, 60_000));
  const waiting = new Set(programs);
  for (let round = 0; round < programs.length; round++) {
    const winner = await Promise.race([...waiting].map((program) => program.waitFor("held").then(() => program)));
    waiting.delete(winner);
    for (const other of waiting) assert.doesNotMatch(other.output, /held/, `round ${round}`);
    await winner.stop(round % 2 === 0 ? "SIGTERM" : "SIGKILL");
  }
  assert.equal(locksIn(folder).filter((name) => name.includes("lock")).length <= 1, true);
});

test("containers that share the folder see each other, with process ids and networks of their own", {
  skip: canUnshare ? false : "needs the right to make namespaces",
}, async (context) => {
  const folder = temporaryFolder();
  const container = ["unshare", "--pid", "--fork", "--kill-child", "--net"];
  const first = holds(context, folder, 0, container);
  await first.waitFor("held");
  const second = holds(context, folder, 0, container);
  assert.equal(await second.exited, 1, second.output);
  assert.match(second.output, /in use by another agent, process 1 on host/);
  await first.stop("SIGKILL");
  await holds(context, folder, 60_000, container).waitFor("held");
});

test("a folder may lie deeper than the path of a socket reaches", async (context) => {
  const folder = join(temporaryFolder(), "d".repeat(120), "e".repeat(120));
  mkdirSync(folder, { recursive: true });
  await holds(context, folder, 0).waitFor("held");
  assert.equal(await holds(context, folder, 0).exited, 1);
});

test("the agent refuses a buffer folder that another agent uses, and takes it over from a killed one", async (context) => {
  const folder = temporaryFolder();
  const path = join(folder, "fluent.conf");
  const buffer = join(folder, "buffer");
  writeFileSync(path, `<match **>\n@type null\n<buffer>\n@type file\npath ${buffer}\n</buffer>\n</match>\n`);
  const first = await startSuiro(path);
  context.after(() => first.stop("SIGKILL"));
  const second = ChildProgram.start(process.execPath, [suiroEntry, "-c", path]);
  assert.equal(await second.exited, 1, second.output);
  assert.match(
    second.output,
    new RegExp(`the buffer folder ${buffer} is in use by another agent, process ${first.pid}`),
  );
  await first.stop("SIGKILL");
  const third = await startSuiro(path);
  assert.equal(await third.stop(), 0);
  assert.deepEqual(locksIn(buffer), [], "a graceful stop leaves no lock");
});
