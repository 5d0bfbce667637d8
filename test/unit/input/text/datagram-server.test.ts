import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { test } from "node:test";
import { readSectionOrThrow } from "../../../../src/config/parameters.ts";
import { udpInput } from "../../../../src/input/udp.ts";
import { eventually } from "../../../support/eventually.ts";
import { parsedElement } from "../../../support/parsed-config.ts";
import { pluginContext } from "../../../support/plugin-context.ts";

test("datagrams that come while an output is busy are emitted together, in their order, before a stop ends", async (t) => {
  const element = parsedElement("<source>\nport 0\nbind 127.0.0.1\ntag t\n<parse>\n@type none\n</parse>\n</source>");
  const context = pluginContext(element);
  const { emitter, counters } = context;
  emitter.hold = true;
  const input = udpInput.create(readSectionOrThrow(udpInput.table, element), context);
  await input.start();
  const socket = createSocket("udp4");
  t.after(() => socket.close());
  const send = (text: string) => socket.send(text, input.address?.port as number, "127.0.0.1");
  send("0");
  await emitter.waitFor(() => emitter.held.length === 1);
  for (const text of ["1", "2", "3"]) send(text);
  await eventually(() => counters.get("received_bytes") === 4);
  assert.equal(emitter.batches.length, 1);
  emitter.hold = false;
  emitter.held[0]?.resolve();
  await input.stop(new AbortController().signal);
  assert.deepEqual(
    emitter.batches.map(({ events }) => events.size),
    [1, 3],
  );
  assert.deepEqual(
    emitter.records.map(({ message }) => message),
    ["0", "1", "2", "3"],
  );
});
