/** The two Node.js clients of the field against the forward input: every mode, with acks, keys and users. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type EventModes, FluentClient } from "@fluent-org/logger";
import fluentLogger from "fluent-logger";
import { configElement, startForwardInput } from "../support/forward-input.ts";

const security = configElement("security", { self_hostname: "suiro", shared_key: "sekrit", user_auth: "true" }, [
  configElement("user", { username: "alice", password: "wonder" }),
]);
const credentials = { clientHostname: "client", sharedKey: "sekrit", username: "alice", password: "wonder" };

function modernClient(t: TestContext, port: number, options: Record<string, unknown>): FluentClient {
  const client = new FluentClient("app", { socket: { host: "127.0.0.1", port }, ...options });
  t.after(() => client.disconnect());
  return client;
}

for (const eventMode of ["Message", "Forward", "PackedForward", "CompressedPackedForward"] as EventModes[]) {
  test(`@fluent-org/logger sends ${eventMode} and gets its acks`, async (t) => {
    const { port, emitter, counters } = await startForwardInput(t);
    const client = modernClient(t, port, { eventMode, ack: {} });
    await Promise.all([1, 2, 3].map((n) => client.emit("web", { n, text: "ä" }, 1_700_000_000_000 + n * 1000)));
    assert.deepEqual(
      emitter.events.sort(),
      [1, 2, 3].map((n) => `app.web 170000000${n} {"n":${n},"text":"ä"}`),
    );
    assert.ok(counters.get("acks_sent") > 0);
  });
}

test("@fluent-org/logger proves key and user", async (t) => {
  const { port, emitter } = await startForwardInput(t, { children: [security] });
  const client = modernClient(t, port, { ack: {}, security: credentials });
  await client.emit("web", { n: 1 }, 1_700_000_000_000);
  assert.deepEqual(emitter.events, ['app.web 1700000000 {"n":1}']);
});

function olderClient(t: TestContext, port: number, options: Record<string, unknown>) {
  const sender = fluentLogger.createFluentSender("app", {
    host: "127.0.0.1",
    port,
    requireAckResponse: true,
    ...options,
  });
  t.after(() => sender.end(null as never, null as never, () => {}));
  return (label: string, record: Record<string, unknown>, time: number) =>
    new Promise<void>((resolve, reject) =>
      sender.emit(label, record, time as never, (error?: Error) => (error ? reject(error) : resolve())),
    );
}

for (const eventMode of ["Message", "PackedForward", "CompressedPackedForward"]) {
  test(`fluent-logger sends ${eventMode} and gets its acks`, async (t) => {
    const { port, emitter } = await startForwardInput(t);
    const emit = olderClient(t, port, { eventMode });
    await Promise.all([1, 2, 3].map((n) => emit("web", { n }, 1_700_000_000 + n)));
    assert.deepEqual(
      emitter.events.sort(),
      [1, 2, 3].map((n) => `app.web 170000000${n} {"n":${n}}`),
    );
  });
}

test("fluent-logger proves key and user", async (t) => {
  const { port, emitter } = await startForwardInput(t, { children: [security] });
  const emit = olderClient(t, port, { security: credentials });
  await emit("web", { n: 1 }, 1_700_000_000);
  assert.deepEqual(emitter.events, ['app.web 1700000000 {"n":1}']);
});
