import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { readSectionOrThrow } from "../../../../src/config/parameters.ts";
import { syslogInput } from "../../../../src/input/syslog.ts";
import { tcpInput } from "../../../../src/input/tcp.ts";
import { settle } from "../../../support/manual-clock.ts";
import { parsedElement } from "../../../support/parsed-config.ts";
import { pluginContext } from "../../../support/plugin-context.ts";

/** A tcp input that has received a message, and whose output holds it back. */
async function withHeldMessage(t: TestContext) {
  const element = parsedElement("<source>\nport 0\nbind 127.0.0.1\ntag t\n<parse>\n@type none\n</parse>\n</source>");
  const context = pluginContext(element);
  context.emitter.hold = true;
  const input = tcpInput.create(readSectionOrThrow(tcpInput.table, element), context);
  await input.start();
  const socket = connect(input.address?.port as number, "127.0.0.1");
  t.after(() => socket.destroy());
  socket.on("error", () => {}).resume();
  socket.write("hello\n");
  await context.emitter.waitFor(() => context.emitter.held.length === 1);
  return { context, input, closed: once(socket, "close") };
}

test("a stop whose deadline has passed does not wait for an output, and lets go of connections", async (t) => {
  const { input, closed } = await withHeldMessage(t);
  await input.stop(AbortSignal.abort());
  await closed;
});

test("a stop waits for what was received until its deadline passes", async (t) => {
  const { context, input, closed } = await withHeldMessage(t);
  const deadline = new AbortController();
  let isStopped = false;
  const stopped = input.stop(deadline.signal).then(() => {
    isStopped = true;
  });
  await settle();
  assert.equal(isStopped, false);
  context.emitter.held[0]?.resolve();
  await stopped;
  await closed;
});

test("batches of one read do not wait for one another, and the connection waits for all", async (t) => {
  const element = parsedElement(
    "<source>\nport 0\nbind 127.0.0.1\ntag t\n<transport tcp>\n</transport>\n<parse>\n@type syslog\n</parse>\n</source>",
  );
  const context = pluginContext(element);
  const { emitter } = context;
  emitter.hold = true;
  const input = syslogInput.create(readSectionOrThrow(syslogInput.table, element), context);
  await input.start();
  const socket = connect(input.address?.port as number, "127.0.0.1");
  t.after(() => socket.destroy());
  const line = (priority: number) => `<${priority}>Feb 28 12:00:00 host app: text\n`;
  socket.write(line(0) + line(1) + line(1) + line(0));
  await emitter.waitFor(() => emitter.held.length === 3);
  assert.deepEqual(emitter.tags, ["t.kern.emerg", "t.kern.alert", "t.kern.emerg"]);
  assert.deepEqual(
    emitter.batches.map(({ events }) => events.size),
    [1, 2, 1],
  );
  let isStopped = false;
  const stopped = input.stop(new AbortController().signal).then(() => {
    isStopped = true;
  });
  emitter.held[0]?.resolve();
  emitter.held[2]?.resolve();
  await settle();
  assert.equal(isStopped, false);
  emitter.held[1]?.resolve();
  await stopped;
});
