/** Messages that can never be delivered: kept, acked, counted and told, so that no sender is stuck with them. */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { eventually } from "../support/eventually.ts";
import { type InputSetup, startForwardInput } from "../support/forward-input.ts";
import { ack, array, bin, entry, eventTime, forward, message, packed } from "../support/forward-messages.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const good = message("t", 5, { ok: true }, { chunk: "ok" });
const hex = (text: string) => Buffer.from(text, "hex");
const deep = (levels: number) => Buffer.concat([Buffer.alloc(levels, 0x91), hex("c0")]);

async function start(t: TestContext, values: Record<string, string> = {}, setup: InputSetup = {}) {
  const folder = join(temporaryFolder(), "quarantine");
  const running = await startForwardInput(t, { ...setup, values: { quarantine_path: folder, ...values } });
  const frames = () => (existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".frame")) : []);
  const notes = () =>
    frames().map((name) => JSON.parse(readFileSync(join(folder, name.replace(/\.frame$/, ".json")), "utf8")));
  return { ...running, folder, frames, notes, content: () => readFileSync(join(folder, frames()[0] as string)) };
}

const big = "x".repeat(3000);
const chunk = { chunk: "poison" };
const poisons: Record<string, { bytes: Buffer; reason: string; values?: Record<string, string> }> = {
  "a packed body of garbage": { bytes: packed("t", Buffer.alloc(50, 0xc1), chunk), reason: "malformed" },
  "a packed body nested without end": { bytes: packed("t", deep(1000), chunk), reason: "limit" },
  "gzip that is none": {
    bytes: packed("t", Buffer.from("none"), { ...chunk, compressed: "gzip" }),
    reason: "malformed",
  },
  "an unknown compression": { bytes: packed("t", [], { ...chunk, compressed: "lzma" }), reason: "malformed" },
  "a gzip bomb": {
    bytes: array("t", bin(gzipSync(Buffer.alloc(20 * 1024 * 1024), { level: 9 })), { ...chunk, compressed: "gzip" }),
    reason: "limit",
  },
  "an option of too many keys": {
    bytes: packed("t", [], { ...chunk, ...Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`k${n}`, n])) }),
    reason: "limit",
  },
  "a body larger than frame_size_limit": {
    bytes: packed("t", entry(5, { big }), chunk),
    reason: "limit",
    values: { frame_size_limit: "1k" },
  },
  "entries larger than frame_size_limit": {
    bytes: forward("t", [entry(eventTime(5), { big }), entry(5, { big })], chunk),
    reason: "limit",
    values: { frame_size_limit: "4k" },
  },
  "one record larger than frame_size_limit": {
    bytes: message("t", 5, { big }, chunk),
    reason: "limit",
    values: { frame_size_limit: "1k" },
  },
  "a record nested deeper than the limit": { bytes: array("t", 5, deep(100), chunk), reason: "limit" },
  "entries nested deeper than the limit": { bytes: forward("t", [entry(5, deep(100))], chunk), reason: "limit" },
};

for (const [name, { bytes, reason, values }] of Object.entries(poisons)) {
  test(`${name} is kept as it came, acked, counted and told; the connection goes on`, async (t) => {
    const running = await start(t, values);
    const peer = await running.connect();
    peer.send(good, bytes, good);
    const acks = Buffer.concat([ack("ok"), ack("poison"), ack("ok")]);
    assert.deepEqual(await peer.take(acks.length), acks);
    assert.deepEqual(running.content(), bytes);
    const [note] = running.notes();
    assert.equal(note.reason, reason);
    assert.equal(note.host, "127.0.0.1");
    assert.equal(note.bytes, bytes.length);
    assert.match(note.todo, /suiro buffer/);
    assert.equal(running.counters.get("dropped_events", "quarantined"), 1);
    assert.equal(running.counters.get("protocol_errors", reason), 1);
    assert.equal(running.emitter.events.length, 2);
    assert.match(running.log.join(), /"level":"error".*is in quarantine/);
    assert.deepEqual(
      readdirSync(running.folder).filter((file) => file.endsWith(".part")),
      [],
    );
  });
}

test("it is the same however the bytes come", async (t) => {
  const running = await start(t, { frame_size_limit: "1k" });
  const peer = await running.connect();
  const bytes = Buffer.concat([good, packed("t", entry(5, { big }), chunk), good]);
  for (let at = 0; at < bytes.length; at += 7) {
    await new Promise((resolve) => peer.socket.write(bytes.subarray(at, at + 7), resolve));
  }
  const acks = Buffer.concat([ack("ok"), ack("poison"), ack("ok")]);
  assert.deepEqual(await peer.take(acks.length), acks);
  assert.deepEqual(running.content(), packed("t", entry(5, { big }), chunk));
});

test("events that are none are left out, and their message is kept", async (t) => {
  const running = await start(t);
  const peer = await running.connect();
  const mixed = forward("t", [entry(5, { a: 1 }), entry(5, "no map"), entry("no time", { b: 2 })], chunk);
  peer.send(mixed, message("t", 5, [1], chunk));
  assert.deepEqual(await peer.take(ack("poison").length * 2), Buffer.concat([ack("poison"), ack("poison")]));
  assert.equal(running.emitter.events.length, 1);
  assert.equal(running.counters.get("dropped_events", "invalid_event"), 3);
  assert.deepEqual(
    running.notes().map(({ reason }) => reason),
    ["invalid_event", "invalid_event"],
  );
  assert.deepEqual(running.content(), mixed);
});

test("a body that ends within an entry is taken up to there, the rest is counted, and the message is kept", async (t) => {
  const running = await start(t);
  const peer = await running.connect();
  const torn = packed("t", Buffer.concat([entry(5, { a: 1 }), entry(5, { b: 2 }).subarray(0, 4)]), chunk);
  peer.send(torn);
  assert.deepEqual(await peer.take(ack("poison").length), ack("poison"));
  await eventually(() => running.frames().length === 1);
  assert.equal(running.emitter.events.length, 1);
  assert.equal(running.counters.get("dropped_events", "invalid_event"), 1);
  assert.deepEqual(running.content(), torn);
});

test("a message whose tag can be none is acked, counted and kept", async (t) => {
  const running = await start(t);
  for (const tag of ["../up", "a\nb", "x".repeat(513), "", null]) {
    const peer = await running.connect();
    const before = running.frames().length;
    peer.send(message(tag as string, 5, { a: 1 }, chunk));
    assert.deepEqual(await peer.take(ack("poison").length), ack("poison"));
    await eventually(() => running.frames().length === before + 1);
  }
  assert.equal(running.counters.get("dropped_events", "invalid_tag"), 5);
  assert.ok(running.notes().every(({ reason }) => reason === "invalid_tag"));
  assert.equal(running.emitter.batches.length, 0);
});

test("a chunk id that is too long to be remembered is answered, so that its sender does not fill the quarantine", async (t) => {
  const running = await start(t);
  const peer = await running.connect();
  const id = "x".repeat(5000);
  peer.send(message("t", 5, { a: 1 }, { chunk: id }));
  assert.deepEqual(await peer.take(ack(id).length), ack(id));
  assert.equal(running.frames().length, 1);
});

test("a record with an extension type of somebody's own is no poison: it is passed on as it came", async (t) => {
  const running = await start(t);
  const peer = await running.connect();
  const record = Buffer.concat([hex("81a178"), hex("d405ff")]);
  peer.send(packed("t", entry(5, record), chunk));
  assert.deepEqual(await peer.take(ack("poison").length), ack("poison"));
  assert.deepEqual(running.emitter.batches[0]?.events.packed, entry(5, record));
  assert.deepEqual(running.frames(), []);
});

test("where there is no room nothing is acked, nothing that was kept goes, and it is told", async (t) => {
  const running = await start(t, { frame_size_limit: "1k", quarantine_count_limit: "1" });
  const send = async () => {
    const peer = await running.connect();
    peer.send(packed("t", entry(5, { big }), chunk));
    return peer;
  };
  assert.deepEqual(await (await send()).take(ack("poison").length), ack("poison"));
  assert.equal((await (await send()).ended()).length, 0);
  assert.equal(running.frames().length, 1);
  assert.match(running.log.join(), /"level":"error".*no room in quarantine/);
});

test("a body that declares more than there is room for is refused from its header, and leaves nothing", async (t) => {
  const running = await start(t, { frame_size_limit: "1k", quarantine_size_limit: "10k" });
  const peer = await running.connect();
  peer.send(hex("93a174db00100000"), Buffer.alloc(100));
  assert.equal((await peer.ended()).length, 0);
  assert.deepEqual(running.frames(), []);
  const next = await running.connect();
  next.send(packed("t", entry(5, { big }), chunk));
  assert.deepEqual(await next.take(ack("poison").length), ack("poison"));
});

test("a sender that leaves within such a message leaves nothing behind", async (t) => {
  const running = await start(t, { frame_size_limit: "1k", quarantine_count_limit: "1" });
  const parent = dirname(running.folder);
  for (let round = 0; round < 3; round++) {
    const peer = await running.connect();
    peer.send(packed("t", entry(5, { big }), chunk).subarray(0, 2000));
    await eventually(() => readdirSync(parent).length === 1 && readdirSync(running.folder).length === 1);
    peer.socket.end();
    await eventually(() => readdirSync(running.folder).length === 0);
  }
  const peer = await running.connect();
  peer.send(packed("t", entry(5, { big }), chunk));
  assert.deepEqual(await peer.take(ack("poison").length), ack("poison"));
  assert.equal(running.frames().length, 1);
});

test("what an earlier process left counts, and its halves are removed", async (t) => {
  const folder = join(temporaryFolder(), "quarantine");
  mkdirSync(folder);
  writeFileSync(join(folder, "old.frame"), "x".repeat(5000));
  writeFileSync(join(folder, "old.part"), "x");
  const running = await startForwardInput(t, {
    values: { quarantine_path: folder, quarantine_size_limit: "6k", frame_size_limit: "1k" },
  });
  const peer = await running.connect();
  peer.send(packed("t", entry(5, { big }), chunk));
  assert.equal((await peer.ended()).length, 0);
  await eventually(() => readdirSync(folder).length === 1);
  assert.deepEqual(readdirSync(folder), ["old.frame"]);
});

test("a folder that cannot be used is told, the message stays with its sender", async (t) => {
  const parent = temporaryFolder();
  writeFileSync(join(parent, "file"), "");
  const running = await startForwardInput(t, { values: { quarantine_path: join(parent, "file", "quarantine") } });
  const peer = await running.connect();
  peer.send(packed("t", Buffer.alloc(50, 0xc1), chunk));
  assert.equal((await peer.ended()).length, 0);
  assert.match(running.log.join(), /ENOTDIR.*no room in quarantine/);
});
