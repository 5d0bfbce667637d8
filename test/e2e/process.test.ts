/** Whole processes: a sender and a receiver as a user starts them, signals, and nothing lost in between. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { ChildProgram } from "../support/child-program.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { startSuiro, suiroEntry } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

async function places() {
  const folder = temporaryFolder();
  return { folder, senderPort: await freePort(), receiverPort: await freePort() };
}
type Places = Awaited<ReturnType<typeof places>>;

/** Prints what it receives: the events are in its output. */
function receiverConf({ folder, receiverPort }: Places): string {
  const path = join(folder, "receiver.conf");
  const text = `
<source>
  @type forward
  port ${receiverPort}
  bind 127.0.0.1
</source>
<match **>
  @type stdout
</match>
`;
  writeFileSync(path, text);
  return path;
}

function senderConf({ folder, senderPort, receiverPort }: Places, buffer = "flush_interval 0.2", extra = ""): string {
  const path = join(folder, "sender.conf");
  const text = `
<source>
  @type forward
  port ${senderPort}
  bind 127.0.0.1
  ${extra}
</source>
<match **>
  @type forward
  require_ack_response true
  <server>
    host 127.0.0.1
    port ${receiverPort}
  </server>
  <buffer tag>
    @type file
    path ${join(folder, "buffer")}
    flush_thread_interval 0.1
    ${buffer}
  </buffer>
</match>
`;
  writeFileSync(path, text);
  return path;
}

function cat(port: number, tag: string, lines: string): Promise<{ code: number | null; output: string }> {
  const program = ChildProgram.start(process.execPath, [suiroEntry, "cat", "--ack", "--port", String(port), tag]);
  program.stdin.end(lines);
  return program.exited.then((code) => ({ code, output: program.output }));
}

const numbered = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => `{"n":${first + index}}\n`).join("");

function numbersIn(output: string): Set<number> {
  return new Set([...output.matchAll(/\{\\?"n\\?":(\d+)\}/g)].map((match) => Number(match[1])));
}

test("an event goes from cat through a sender to a receiver", async (context) => {
  const where = await places();
  const receiver = await startSuiro(receiverConf(where));
  context.after(() => receiver.stop());
  const sender = await startSuiro(senderConf(where));
  context.after(() => sender.stop());
  assert.deepEqual(await cat(where.senderPort, "a.b", '{"message":"hello"}\n'), { code: 0, output: "" });
  await receiver.waitFor(/a\.b.*hello/);
  assert.equal(await sender.stop("SIGTERM"), 0);
  assert.match(sender.output, /Received graceful stop/);
  assert.match(sender.output, /Worker 0 finished with status 0/);
});

test("SIGTERM loses nothing that was acknowledged, with the receiver down and after a new start", async (context) => {
  const where = await places();
  const first = await startSuiro(senderConf(where));
  context.after(() => first.stop());
  assert.equal((await cat(where.senderPort, "a.b", numbered(0, 500))).code, 0);
  assert.equal(await first.stop("SIGTERM"), 0);
  assert.ok(readdirSync(join(where.folder, "buffer")).length > 0, "the events wait on disk");

  const receiver = await startSuiro(receiverConf(where));
  context.after(() => receiver.stop());
  const second = await startSuiro(senderConf(where));
  context.after(() => second.stop());
  assert.equal((await cat(where.senderPort, "a.b", numbered(500, 500))).code, 0);
  await receiver.waitFor((output) => numbersIn(output).size === 1000);
});

test("a stop delivers what is in memory to a receiver that comes back only then", async (context) => {
  const where = await places();
  const path = senderConf(where, "flush_interval 1h");
  writeFileSync(path, readFileSync(path, "utf8").replace(/@type file\n.*path .*\n/, "@type memory\n"));
  const sender = await startSuiro(path);
  context.after(() => sender.stop("SIGKILL"));
  assert.equal((await cat(where.senderPort, "a.b", numbered(0, 500))).code, 0);
  sender.kill("SIGTERM");
  // Three tries have failed: nothing but a timer stands between the process and its end.
  await sender.waitFor((output) => output.split("failed to flush the buffer").length > 3);
  const receiver = await startSuiro(receiverConf(where));
  context.after(() => receiver.stop());
  assert.equal(await sender.exited, 0, sender.output);
  await receiver.waitFor((output) => numbersIn(output).size === 500);
  assert.doesNotMatch(sender.output, /was not delivered before the stop/);
});

test("a process that is killed loses nothing that was acknowledged", async (context) => {
  const where = await places();
  const first = await startSuiro(senderConf(where, "flush_interval 1h"));
  assert.equal((await cat(where.senderPort, "a.b", numbered(0, 500))).code, 0);
  await first.stop("SIGKILL");

  const receiver = await startSuiro(receiverConf(where));
  context.after(() => receiver.stop());
  const second = await startSuiro(senderConf(where));
  context.after(() => second.stop());
  await receiver.waitFor((output) => numbersIn(output).size === 500);
});

test("SIGUSR1 sends what is buffered, and opens the log file anew", async (context) => {
  const where = await places();
  const receiver = await startSuiro(receiverConf(where));
  context.after(() => receiver.stop());
  const sender = await startSuiro(senderConf(where, "flush_interval 1h"));
  context.after(() => sender.stop());
  assert.equal((await cat(where.senderPort, "a.b", '{"message":"hello"}\n')).code, 0);
  assert.doesNotMatch(receiver.output, /hello/);
  sender.kill("SIGUSR1");
  await receiver.waitFor("hello");
  assert.match(sender.output, /force flushing buffered events/);
});

test("SIGHUP takes a new configuration, and refuses a bad one while the old runs on", async (context) => {
  const where = await places();
  const receiver = await startSuiro(receiverConf(where));
  context.after(() => receiver.stop());
  const path = senderConf(where);
  const sender = await startSuiro(path);
  context.after(() => sender.stop());

  writeFileSync(path, "<source>\n  @type nosuch\n</source>\n");
  sender.kill("SIGHUP");
  await sender.waitFor("Failed to reload config file");
  assert.match(sender.output, /Unknown input plugin 'nosuch'/);
  assert.equal((await cat(where.senderPort, "a.b", '{"message":"still here"}\n')).code, 0);
  await receiver.waitFor("still here");

  senderConf(where, "flush_interval 0.2", "add_tag_prefix reloaded");
  sender.kill("SIGHUP");
  await sender.waitFor((output) => output.split("fluentd worker is now running").length === 3);
  assert.equal((await cat(where.senderPort, "a.b", '{"message":"after"}\n')).code, 0);
  await receiver.waitFor(/reloaded\.a\.b.*after/);
});

test("rpc_endpoint flushes, gives the configuration without secrets, reloads and stops", async (context) => {
  const where = await places();
  const receiver = await startSuiro(receiverConf(where));
  context.after(() => receiver.stop());
  const path = senderConf(where, "flush_interval 1h");
  const rpc = `http://127.0.0.1:${await freePort()}/api`;
  const system = `<system>\n  rpc_endpoint ${new URL(rpc).host}\n  enable_get_dump true\n</system>\n`;
  const text = readFileSync(path, "utf8").replace(
    "<server>",
    "<security>\nself_hostname s\nshared_key s3cret\n</security>\n<server>",
  );
  writeFileSync(path, system + text);
  const sender = await startSuiro(path);
  context.after(() => sender.stop("SIGKILL"));
  const { conf } = (await (await fetch(`${rpc}/config.getDump`)).json()) as { conf: string };
  assert.match(conf, /shared_key xxxxxx/);

  writeFileSync(path, system + text.replace(/<security>.*<\/security>/s, ""));
  assert.equal(await (await fetch(`${rpc}/config.reload`)).text(), '{"ok":true}');
  await sender.waitFor((output) => output.split("fluentd worker is now running").length === 3);
  assert.doesNotMatch(((await (await fetch(`${rpc}/config.getDump`)).json()) as { conf: string }).conf, /shared_key/);
  assert.equal((await cat(where.senderPort, "a.b", '{"message":"hello"}\n')).code, 0);
  await fetch(`${rpc}/plugins.flushBuffers`);
  await receiver.waitFor("hello");
  assert.equal((await cat(where.senderPort, "a.b", '{"message":"the last"}\n')).code, 0);
  await fetch(`${rpc}/processes.flushBuffersAndKillWorkers`);
  assert.equal(await sender.exited, 0, sender.output);
  await receiver.waitFor("the last");
});

test("a reload whose configuration cannot start gives way to the old one", async (context) => {
  const where = await places();
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.on("listening", resolve));
  context.after(() => taken.close());
  const { port } = taken.address() as { port: number };
  const path = senderConf(where);
  const sender = await startSuiro(path);
  context.after(() => sender.stop());
  senderConf({ ...where, senderPort: port });
  sender.kill("SIGHUP");
  await sender.waitFor((output) => output.split("fluentd worker is now running").length === 3);
  assert.match(sender.output, /the new configuration cannot start/);
  assert.equal((await cat(where.senderPort, "a.b", '{"message":"hello"}\n')).code, 0);
});

test("a port that is taken is named, and the process ends with code 1", async (context) => {
  const where = await places();
  const taken = createServer().listen(where.senderPort, "127.0.0.1");
  await new Promise((resolve) => taken.on("listening", resolve));
  context.after(() => taken.close());
  const sender = ChildProgram.start(process.execPath, [suiroEntry, "-c", senderConf(where)]);
  assert.equal(await sender.exited, 1);
  assert.match(sender.output, new RegExp(`127\\.0\\.0\\.1:${where.senderPort}|EADDRINUSE.*${where.senderPort}`));
});

test("in the background the pid file names the process, until it ends", async (context) => {
  const where = await places();
  const pidFile = join(where.folder, "suiro.pid");
  const args = [suiroEntry, "-c", receiverConf(where), "-d", pidFile, "-o", join(where.folder, "log")];
  const parent = ChildProgram.start(process.execPath, args);
  assert.equal(await parent.exited, 0, parent.output);
  const pid = Number(readFileSync(pidFile, "utf8"));
  context.after(() => existsSync(pidFile) && process.kill(pid, "SIGKILL"));
  const second = ChildProgram.start(process.execPath, args);
  assert.equal(await second.exited, 1);
  assert.match(readFileSync(join(where.folder, "log"), "utf8"), new RegExp(`pid\\(${pid}\\) is running`));
  const running = () => readFileSync(join(where.folder, "log"), "utf8").includes("fluentd worker is now running");
  await eventually(running);
  process.kill(pid, "SIGTERM");
  await eventually(() => !existsSync(pidFile));
});
