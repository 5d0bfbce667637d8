/** `suiro buffer` on chunks as fluentd and Suiro leave them, on backups and on quarantined messages. */

import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { Writable } from "node:stream";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { encodeMeta } from "../../../src/buffer/meta-file.ts";
import { exportEvents, list, replayChunks, show, verify } from "../../../src/cli/buffer/buffer.ts";
import { configElement, startForwardInput } from "../../support/forward-input.ts";
import { entry, eventTime, forward, message, packed } from "../../support/forward-messages.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { batchOf, bytesOf, createBuffer, eventsOf, messagesIn } from "../buffer/buffer-fixture.ts";

const entries = Buffer.concat([entry(eventTime(1_700_000_000, 5), { a: 1 }), entry(1_700_000_001, { b: "ü" })]);
const ID = "660e09a2c3ee053a4be777b88642a110";

interface ChunkFile {
  readonly state?: "b" | "q";
  readonly bytes?: Buffer;
  readonly size?: number;
  readonly tag?: string;
}

/** A folder with one chunk in fluentd's layout. */
function folderWith({ state = "q", bytes = entries, size = 2, tag = "plain.a" }: ChunkFile = {}): string {
  const folder = temporaryFolder();
  const path = join(folder, `buffer.${state}${ID}.log`);
  const metadata = { tag, timekey: undefined, variables: undefined, sequence: 0 };
  writeFileSync(path, bytes);
  writeFileSync(
    `${path}.meta`,
    encodeMeta({ metadata, id: Buffer.from(ID, "hex"), size, createdAt: 1, modifiedAt: 1 }),
  );
  return folder;
}

function quarantineWith(frame: Buffer, reason = "limit"): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "one.frame"), frame);
  writeFileSync(join(folder, "one.json"), JSON.stringify({ reason }));
  return folder;
}

async function run(command: (streams: { output: Writable; report: (line: string) => void }) => Promise<number>) {
  const parts: Buffer[] = [];
  let reported = "";
  const output = new Writable({
    write: (bytes, _, done) => {
      parts.push(Buffer.from(bytes));
      done();
    },
  });
  const code = await command({ output, report: (line) => (reported += line) });
  const bytes = Buffer.concat(parts);
  return { code, bytes, text: bytes.toString(), reported };
}

const EVENTS = [
  '{"tag":"plain.a","time":"2023-11-14T22:13:20.000000005Z","record":{"a":1}}',
  '{"tag":"plain.a","time":1700000001,"record":{"b":"ü"}}',
  "",
].join("\n");

test("ls tells state, events, bytes and tag, as a table or as JSON", async () => {
  const folder = folderWith();
  const table = await run((streams) => list([folder], {}, streams));
  assert.match(table.text, /^state +events +bytes +modified +tag +path +note\nqueued +2 +\d+ +\S+ +plain\.a +\S+$/m);
  const lines = await run((streams) => list([folder], { json: true }, streams));
  const [row] = lines.text.trim().split("\n").map((line) => JSON.parse(line)); // biome-ignore format: short
  assert.deepEqual([row.state, row.events, row.bytes, row.tag], ["queued", 2, entries.length, "plain.a"]);
});

test("ls counts the events of a chunk that an agent appends to, and finds the pieces of bad chunks", async () => {
  const folder = temporaryFolder();
  const { buffer } = createBuffer({ folder });
  await buffer.start();
  await buffer.append([batchOf("a", eventsOf("one", "two"))], false);
  const backup = temporaryFolder();
  for (const name of [`${ID}.0.log`, `${ID}.131072.log`, `${ID}.tail.log`, `${ID}.log`, `${ID}.other.log`]) {
    writeFileSync(join(backup, name), entries);
  }
  const { text } = await run((streams) => list([folder, backup], { json: true }, streams));
  await buffer.close();
  const rows = text.trim().split("\n").map((line) => JSON.parse(line)); // biome-ignore format: short
  assert.deepEqual(
    rows.map(({ state, events }) => [state, events]),
    [["staged", 2], ...Array(4).fill(["backup", null])],
  );
});

test("show prints events as JSON lines, of plain and compressed chunks, staged and queued", async () => {
  const members = Buffer.concat([gzipSync(entries.subarray(0, 15)), gzipSync(entries.subarray(15))]);
  for (const file of [{}, { state: "b" }, { bytes: members }] as const) {
    const { code, text } = await run((streams) => show([folderWith(file)], {}, streams));
    assert.deepEqual([code, text], [0, EVENTS]);
  }
  const { text } = await run((streams) => show([folderWith()], { limit: 1 }, streams));
  assert.equal(text, `${EVENTS.split("\n")[0]}\n`);
});

test("show prints what an output formatted as text line by line", async () => {
  const { text } = await run((streams) => show([folderWith({ bytes: Buffer.from("x\ny") })], {}, streams));
  assert.equal(text, '{"tag":"plain.a","text":"x"}\n{"tag":"plain.a","text":"y"}\n');
});

test("show prints quarantined messages of every mode, and what is no event as invalid", async () => {
  const frames = [
    packed("plain.a", entries, { chunk: "x" }),
    packed("plain.a", gzipSync(entries), { compressed: "gzip" }),
    forward("plain.a", [entries.subarray(0, 15), entries.subarray(15)], ["no", "option"]),
  ];
  for (const frame of frames) {
    assert.equal((await run((streams) => show([quarantineWith(frame)], {}, streams))).text, EVENTS);
  }
  const mixed = forward("t", [entry(5, { a: 1 }), entry(5, "text")]);
  const { text } = await run((streams) => show([quarantineWith(mixed)], {}, streams));
  assert.equal(text, '{"tag":"t","time":5,"record":{"a":1}}\n{"tag":"t","invalid":[5,"text"]}\n');
  const single = await run((streams) => show([quarantineWith(message("t", 5, { a: 1 }))], {}, streams));
  assert.equal(single.text, '{"tag":"t","time":5,"record":{"a":1}}\n');
});

test("verify finds torn ends, foreign bytes, wrong counts, missing meta files; a good folder is ok", async () => {
  const cases: [string, RegExp][] = [
    [folderWith({ bytes: entries.subarray(0, -3) }), /ends within an event: 9 bytes behind 1 events/],
    [folderWith({ state: "b", bytes: entries.subarray(0, -3) }), /is being written, or was torn/],
    [folderWith({ bytes: Buffer.concat([entries, Buffer.alloc(9)]) }), /no event at byte 27/],
    [folderWith({ size: 7 }), /has 2 events, and its \.meta file says 7/],
    [quarantineWith(Buffer.from([0x93, 0xa1])), /no message that can be read/],
    [quarantineWith(packed("t", Buffer.alloc(5, 0xc1))), /its body holds no events/],
  ];
  const bare = folderWith();
  writeFileSync(join(bare, `buffer.q${ID}.log.meta`), "broken");
  cases.push([bare, /its \.meta file is broken/]);
  for (const [folder, wanted] of cases) {
    const { code, text } = await run((streams) => verify([folder], streams));
    assert.equal(code, 1, text);
    assert.match(text, wanted);
  }
  const { code, text } = await run((streams) => verify([folderWith()], streams));
  assert.equal(code, 0);
  assert.match(text, /: ok\n1 chunks, 0 with faults\n$/);
});

test("export writes plain msgpack, to a new file only", async () => {
  const folder = folderWith({ bytes: gzipSync(entries) });
  assert.deepEqual((await run((streams) => exportEvents([folder], undefined, streams))).bytes, entries);
  const path = join(temporaryFolder(), "events");
  assert.equal((await run((streams) => exportEvents([folder], path, streams))).code, 0);
  assert.deepEqual(readFileSync(path), entries);
  const again = await run((streams) => exportEvents([folder], path, streams));
  assert.equal(again.code, 1);
  assert.match(again.reported, /EEXIST/);
});

test("replay sends chunks, backups and quarantined messages until they are acknowledged, and deletes on demand", async (t) => {
  const security = configElement("security", { self_hostname: "receiver", shared_key: "sekrit" });
  const { port, emitter } = await startForwardInput(t, { children: [security] });
  const backup = temporaryFolder();
  writeFileSync(join(backup, `${ID}.log`), entries);
  const torn = folderWith({ bytes: entries.subarray(0, -3) });
  const frames = quarantineWith(packed("q", gzipSync(entries), { compressed: "gzip", chunk: "x" }));
  const target = { host: "127.0.0.1", port, timeout: 30, sharedKey: "sekrit", tag: "given", delete: true };
  const paths = [folderWith(), backup, torn, frames];
  const { code, text } = await run((streams) => replayChunks(paths, target, streams));
  assert.equal(code, 0, text);
  assert.deepEqual(emitter.batches.map(({ tag, events }) => [tag, events.size]), [
    ["plain.a", 2],
    ["given", 2],
    ["plain.a", 1],
    ["q", 2],
  ]); // biome-ignore format: a table
  assert.match(text, /2 events acknowledged, deleted/);
  for (const path of paths) assert.deepEqual(readdirSync(path), []);
});

test("replay says what cannot be sent, and leaves it", async (t) => {
  const { port, emitter } = await startForwardInput(t);
  const backup = temporaryFolder();
  writeFileSync(join(backup, `${ID}.log`), entries);
  const rest = quarantineWith(forward("t", [entry(5, { a: 1 }), entry(5, "text")]), "invalid_event");
  const target = { host: "127.0.0.1", port, timeout: 30, delete: true };
  const { code, text } = await run((streams) => replayChunks([backup, rest], target, streams));
  assert.equal(code, 1);
  assert.match(text, /nothing tells a tag that it may have: give --tag/);
  assert.match(text, /its events were delivered/);
  assert.equal(emitter.batches.length, 0);
  assert.ok(existsSync(join(backup, `${ID}.log`)));
  const gone = await run((streams) => replayChunks([folderWith()], { ...target, port: 1 }, streams));
  assert.equal(gone.code, 1);
  assert.match(gone.reported, /cannot connect to 127\.0\.0\.1:1/);
});

test("replay puts a chunk that was delivered or set aside into its own buffer again, where it is sent", async () => {
  const folder = temporaryFolder();
  const first = createBuffer({ folder });
  await first.buffer.start();
  await first.buffer.append([batchOf("a", eventsOf("one"))], true);
  await first.buffer.append([batchOf("b", eventsOf("two"))], false);
  const chunk = first.buffer.take() as NonNullable<ReturnType<typeof first.buffer.take>>;
  const backup = temporaryFolder();
  const path = join(backup, `${chunk.id.toString("hex")}.log`);
  writeFileSync(path, eventsOf("one").packed);
  utimesSync(path, chunk.meta.modifiedAt, chunk.meta.modifiedAt); // set aside in the same second
  first.buffer.purge(chunk);
  await first.buffer.close();
  const target = { host: "", port: 0, timeout: 1, into: folder, tag: "a" };
  assert.equal((await run((streams) => replayChunks([backup], target, streams))).code, 0);
  const { buffer } = createBuffer({ folder });
  await buffer.start();
  buffer.enqueueAll();
  const found: unknown[] = [];
  for (let next = buffer.take(); next; next = buffer.take()) found.push(...messagesIn(await bytesOf(next.read())));
  assert.deepEqual(found.sort(), ["one", "two"]);
  await buffer.close();
});

test("replay sends a message that came under a tag that can be none under another", async (t) => {
  const { port, emitter } = await startForwardInput(t);
  const frame = quarantineWith(forward("../up", [entry(5, { a: 1 })]), "invalid_tag");
  const target = { host: "127.0.0.1", port, timeout: 30 };
  assert.match((await run((streams) => replayChunks([frame], target, streams))).text, /give --tag/);
  assert.equal((await run((streams) => replayChunks([frame], { ...target, tag: "up" }, streams))).code, 0);
  assert.deepEqual(emitter.events, ['up 5 {"a":1}']);
});

test("replay puts chunks into a buffer folder, but not while an agent uses it or theirs", async (t) => {
  const into = join(temporaryFolder(), "buffer");
  const target = { host: "", port: 0, timeout: 1, into };
  const frame = quarantineWith(packed("q", gzipSync(entries), { compressed: "gzip" }));
  assert.equal((await run((streams) => replayChunks([frame], target, streams))).code, 0);
  assert.equal((await run((streams) => verify([into], streams))).code, 0);
  const { text } = await run((streams) => show([into], {}, streams));
  assert.equal(text, EVENTS.replaceAll("plain.a", "q"));

  const lock = createServer().listen(join(into, ".buffer.lock.ab.1.host"));
  t.after(() => lock.close());
  await new Promise((resolve) => lock.once("listening", resolve));
  for (const [paths, where] of [
    [[frame], target],
    [[into], { ...target, into: temporaryFolder() }],
  ] as const) {
    const refused = await run((streams) => replayChunks(paths, where, streams));
    assert.equal(refused.code, 1);
    assert.match(refused.reported, /is in use by an agent/);
  }
});

test("a path that is not there, or no chunk, is told; files of others in a folder are left out", async () => {
  const folder = folderWith();
  mkdirSync(join(folder, "sub"));
  writeFileSync(join(folder, "sub", "notes.txt"), "hello");
  appendFileSync(join(folder, "journal"), "x");
  assert.equal((await run((streams) => list([folder], { json: true }, streams))).text.trim().split("\n").length, 1);
  const missing = await run((streams) => list([join(folder, "nowhere")], {}, streams));
  assert.deepEqual([missing.code, /ENOENT/.test(missing.reported)], [1, true]);
  const other = await run((streams) => show([join(folder, "sub", "notes.txt")], {}, streams));
  assert.match(other.reported, /notes\.txt is no chunk: their names are like/);
});

test("verify holds chunks against the journal beside them", async () => {
  const folder = temporaryFolder();
  const { buffer } = createBuffer({ folder });
  await buffer.start();
  await buffer.append([batchOf("a", eventsOf("one", "two"))], false);
  await buffer.close();
  assert.equal((await run((streams) => verify([folder], streams))).code, 0);
  const name = readdirSync(folder).find((each) => /\.[bq][0-9a-f]{32}\.log$/.test(each)) as string;
  const bytes = readFileSync(join(folder, name));
  bytes[bytes.indexOf("two")] = 0x54; // still an event, and not the one that was written
  writeFileSync(join(folder, name), bytes);
  const { code, text } = await run((streams) => verify([folder], streams));
  assert.equal(code, 1);
  assert.match(text, /bytes 0 to \d+ are not what its journal says was written/);
});
