/** Every target. Each states what must hold for any bytes. */

import assert from "node:assert/strict";
import { crc32, deflateRawSync, gunzipSync, gzipSync } from "node:zlib";
import { decodeRecord, encodeRecord, type JournalRecord } from "../../src/buffer/journal-record.ts";
import { JournalState } from "../../src/buffer/journal-state.ts";
import { decodeMeta, encodeMeta } from "../../src/buffer/meta-file.ts";
import { findEntries } from "../../src/buffer/torn-tail.ts";
import { parseConfig } from "../../src/config/load.ts";
import { ByteWriter } from "../../src/event/byte-writer.ts";
import { msgpackToJson } from "../../src/event/json.ts";
import { jsonToMsgpack } from "../../src/event/json-reader.ts";
import { decode, decodeRaw, encode } from "../../src/event/msgpack.ts";
import { INCOMPLETE, skipValue, walkEntries } from "../../src/event/walker.ts";
import { judgePing } from "../../src/forward-protocol/authenticator.ts";
import { decompress } from "../../src/forward-protocol/compression.ts";
import { Framer, type MessageSource } from "../../src/forward-protocol/framer.ts";
import {
  encodeHelo,
  encodePing,
  encodePong,
  readHelo,
  readPing,
  verifyPong,
} from "../../src/forward-protocol/handshake.ts";
import { JsonFramer } from "../../src/forward-protocol/json-framer.ts";
import {
  chunkOfOption,
  MessageBounds,
  MessageOption,
  readMessage,
  readOption,
} from "../../src/forward-protocol/messages.ts";
import { RefusedFrame } from "../../src/forward-protocol/refused-frame.ts";
import { ResponseReader, readAck } from "../../src/forward-protocol/response-reader.ts";
import { EntryWriter } from "../../src/input/forward/entry-writer.ts";
import { SourceFields } from "../../src/input/forward/source-fields.ts";
import { createParser } from "../../src/parser/parser-list.ts";
import { entry, eventTime, forward, message, packed } from "../support/forward-messages.ts";
import { parsedElement } from "../support/parsed-config.ts";
import { pluginContext } from "../support/plugin-context.ts";
import { memoryFiles } from "../unit/config/memory-files.ts";
import { bufferFolder } from "./buffer-folder.ts";
import { expectOwnErrors, expectOwnErrorsOf, type FuzzTarget } from "./target.ts";

const text = (...texts: string[]) => texts.map((item) => Buffer.from(item));
const entries = Buffer.concat([entry(eventTime(5, 6), { a: 1, b: [1.5, null, true, "x"] }), entry(7, { c: -1 })]);
const MESSAGES = [
  message("t.a", 5, { a: 1 }, { chunk: "x" }),
  message("t", eventTime(1, 2), {}),
  forward("t", [entry(5, { a: "b" }), entry([5, {}], { c: [1, 2] })], { chunk: "p8n9gmxTQVC8/nh2wlKKeQ==", size: 2 }),
  packed("t", entries, { size: 2, compressed: "text", chunk: "x" }),
  packed("t", gzipSync(entries), { compressed: "gzip", fluent_signal: 0 }),
  Buffer.from([0xc0]),
  Buffer.from("93a1740581a178d405ff", "hex"),
];
const WORDS = [
  ...text("\xa5chunk", "\xaacompressed", "\xa4gzip", "\xa4zstd", "\xadfluent_signal"),
  ...["92d700000000050000", "c1", "dbffffffff", "dd00000010", "df0000ffff", "c70800", "c9000000ff05", "cf"].map((hex) =>
    Buffer.from(hex, "hex"),
  ),
].map((word) => Buffer.from(word.toString("latin1"), "latin1"));

/** The messages of a stream that comes in these reads, all in the same memory, up to an error of the protocol. */
function messagesOf(source: MessageSource, reads: readonly Buffer[]): string[] {
  const found: string[] = [];
  expectOwnErrors(() => {
    const memory = Buffer.alloc(Math.max(0, ...reads.map((read) => read.length)));
    for (const read of reads) {
      source.feed(memory.subarray(0, read.copy(memory)));
      while (source.next()) found.push(source.bytes.toString("hex", source.start, source.end));
    }
  });
  return found;
}

/** Cuts that the bytes themselves decide, so that an input is the same every time. */
function cut(bytes: Buffer): Buffer[] {
  const step = 1 + ((bytes[0] ?? 0) % 7) * ((bytes.at(-1) ?? 0) % 11);
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += step) parts.push(bytes.subarray(at, at + step));
  return parts;
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

const frames: FuzzTarget = {
  name: "frames",
  seeds: [...MESSAGES, Buffer.concat(MESSAGES)],
  words: WORDS,
  run(bytes) {
    const whole = messagesOf(new Framer(2000), [bytes]);
    assert.deepEqual(
      messagesOf(new Framer(2000), cut(bytes)),
      whole,
      "messages do not depend on how the stream is cut",
    );
    const bounds = new MessageBounds();
    for (const hex of whole) {
      const frame = Buffer.from(hex, "hex");
      assert.equal(skipValue(frame, 0, frame.length), frame.length);
      expectOwnErrors(() => {
        assert.equal(readMessage(frame, 0, frame.length, bounds), frame.length);
        readOption(frame, bounds.optionStart, bounds.optionEnd, new MessageOption());
      });
      if (bounds.optionEnd > 0) chunkOfOption(frame.subarray(bounds.optionStart, bounds.optionEnd));
    }
  },
};

const refused: FuzzTarget = {
  name: "refused-frames",
  seeds: MESSAGES,
  words: WORDS,
  run(bytes) {
    const end = expectOwnErrors(() => skipValue(bytes, 0, bytes.length)) ?? INCOMPLETE;
    const frame = new RefusedFrame();
    const taken = expectOwnErrors(() => {
      let count = 0;
      for (const read of cut(bytes)) {
        if (frame.isWhole) break;
        count += frame.take(read);
      }
      return count;
    });
    if (taken === undefined || end === INCOMPLETE) return;
    assert.ok(frame.isWhole, "what the walker finds whole is whole");
    assert.equal(taken, end);
    const bounds = new MessageBounds();
    assert.equal(readMessage(bytes, 0, end, bounds), end);
    chunkOfOption(frame.option);
  },
};

const walker: FuzzTarget = {
  name: "walker",
  seeds: [entries, ...MESSAGES, encode({ deep: [[[[[[]]]]]] })],
  words: WORDS,
  run(bytes) {
    const end = expectOwnErrors(() => skipValue(bytes, 0, bytes.length));
    if (end !== undefined && end !== INCOMPLETE) {
      assert.ok(end > 0 && end <= bytes.length);
      expectOwnErrors(() => decodeRaw(bytes.subarray(0, end)));
      const json = expectOwnErrors(() => msgpackToJson(bytes, 0, end));
      if (json !== undefined) JSON.parse(json);
    }
    const walk = expectOwnErrors(() => walkEntries(bytes, 0, bytes.length));
    if (!walk) return;
    assert.ok(walk.end <= bytes.length && walk.count <= bytes.length);
    for (const fields of [undefined, new SourceFields(new Map([["a", "10.0.0.1"]]))]) {
      const writer = new EntryWriter({ floatTimes: "convert", now: () => 1_700_000_000_000 }, fields);
      const dropped = writer.writeEntries(bytes, 0, walk.end);
      assert.equal(writer.size + dropped, walk.count);
      if (walk.plain && !fields) assert.equal(dropped, 0);
      const { packed: written, size } = writer.take();
      const again = walkEntries(written, 0, written.length);
      assert.deepEqual([again.count, again.end], [size, written.length], "what is written is whole entries");
    }
  },
};

const helo = { nonce: Buffer.alloc(16, 1), auth: Buffer.alloc(16, 2), keepalive: true };
const identity = { selfHostname: "client", sharedKey: "sekrit", username: "alice", password: "wonder" };
const ping = encodePing(helo, "salt", identity);
const pong = encodePong(readPing(ping), helo, "server", "sekrit");
const policy = {
  selfHostname: "server",
  sharedKeys: { all: ["other", "sekrit"] },
  userAuth: true,
  allowAnonymousSource: true,
  users: [{ username: "alice", password: "wonder" }],
  clients: [],
};

const handshake: FuzzTarget = {
  name: "handshake",
  seeds: [encodeHelo(helo), ping, pong, encode({ ack: "x" }), encode(["PONG", false, "no", "", ""])],
  words: [...WORDS, ...text("\xa4HELO", "\xa4PING", "\xa4PONG", "\xa5nonce", "\xa4auth", "\xa3ack")],
  run(bytes) {
    const verdict = judgePing(bytes, helo, "10.0.0.1", policy);
    if (!verdict.refusal) {
      const { hostname } = readPing(bytes);
      assert.equal(readPing(bytes).digest.length, 128, `only who knows the key gets in: ${hostname}`);
    }
    expectOwnErrors(() => readHelo(bytes));
    expectOwnErrors(() => verifyPong(bytes, helo, "salt", identity));
    const reader = new ResponseReader();
    expectOwnErrors(() => {
      for (const part of cut(bytes)) for (const answer of reader.push(part)) readAck(answer);
    });
  },
};

const json: FuzzTarget = {
  name: "json",
  seeds: text(
    '["t",5,{"a":1.5,"b":[null,true,"\\u00e9\\ud83d\\ude00"]},{"chunk":"x"}]',
    '{"a":-0}',
    "[1e400,12345678901234567890]",
  ),
  words: text('{"', '":', "\\u", "\\ud800", "e+", "[[[[", "]]", "null", "\xff"),
  run(bytes) {
    const packedValue = expectOwnErrors(() => jsonToMsgpack(bytes));
    if (packedValue) {
      assert.equal(skipValue(packedValue, 0, packedValue.length), packedValue.length, "one whole value");
      expectOwnErrors(() => decode(packedValue));
      JSON.parse(msgpackToJson(packedValue));
    }
    const whole = messagesOf(new JsonFramer(1000), [bytes]);
    assert.deepEqual(messagesOf(new JsonFramer(1000), cut(bytes)), whole);
  },
};

const LIMITS = { decompressionSizeLimit: 100_000, decompressionRatioLimit: 250 };

function gunzipped(bytes: Buffer): Buffer | undefined {
  try {
    return gunzipSync(bytes, { maxOutputLength: LIMITS.decompressionSizeLimit });
  } catch {
    return undefined;
  }
}

const compression: FuzzTarget = {
  name: "compression",
  seeds: [
    gzipSync(entries),
    Buffer.concat([gzipSync(entries), gzipSync("")]),
    Buffer.concat([gzipSync(""), gzipSync(entries), Buffer.alloc(3)]),
    gzipSync(Buffer.alloc(200_000)),
    deflateRawSync("x"),
  ],
  words: [Buffer.from("1f8b08", "hex"), Buffer.from("28b52ffd", "hex")],
  mostBytes: 2000,
  async run(bytes) {
    for (const method of ["gzip", "zstd"] as const) {
      const plain = await expectOwnErrorsOf(() => decompress(method, bytes, LIMITS));
      if (method === "gzip" && bytes.length > 0) assert.deepEqual(plain?.bytes, gunzipped(bytes), "what zlib says");
      if (plain) assert.ok(plain.bytes.length <= LIMITS.decompressionSizeLimit);
      if (plain?.checksum !== undefined) assert.equal(plain.checksum, crc32(plain.bytes));
      const found = await expectOwnErrorsOf(() => findEntries(once(bytes), method, LIMITS.decompressionSizeLimit));
      if (found) assert.ok(found.byteSize <= bytes.length);
    }
  },
};

const JOURNAL: JournalRecord[] = [
  { type: "start", version: 1, machineStart: "boot" },
  { type: "chunk", chunk: 1, id: Buffer.alloc(16, 7), byteSize: 0, size: 0, meta: Buffer.from("meta") },
  { type: "base" },
  {
    type: "group",
    sequence: 2,
    synced: 1,
    atSeconds: 5,
    steps: [{ chunk: 1, start: 0, end: 10, size: 1, checksum: 7 }],
    sources: [
      { source: { kind: "chunk", id: "abc", checksum: 1 }, share: { from: 0, to: 1 }, chunks: [1] },
      {
        source: { kind: "file", file: "f", from: 0, to: 9, checksum: 1, settled: 0 },
        share: { from: 0, to: 1 },
        chunks: [],
      },
    ],
  },
  { type: "meta", chunk: 1, size: 1, modifiedAt: 5 },
  { type: "closed", chunk: 1 },
  { type: "gone", chunk: 1, isDelivered: true },
];

const metadata = { tag: "plain.a", timekey: 5, variables: new Map([["pod", "p-1"]]), sequence: 1 };

const chunkFiles: FuzzTarget = {
  name: "chunk-files",
  seeds: [entries, encodeMeta({ metadata, id: Buffer.alloc(16, 7), size: 3, createdAt: 1, modifiedAt: 2 })],
  words: [...WORDS, Buffer.from("c1000000004c88", "hex")],
  async run(bytes) {
    const meta = decodeMeta(bytes);
    if (meta?.id) assert.equal(meta.id.length, 16);
    if (meta) assert.ok(Number.isInteger(meta.size) || !Number.isFinite(meta.size));
    const blocks = async function* () {
      yield* cut(bytes);
    };
    const found = await findEntries(blocks(), "text", 1e6);
    assert.ok(found.byteSize <= bytes.length);
    assert.deepEqual(await findEntries(once(bytes), "text", 1e6), found);
    assert.equal(found.tail === "none", found.byteSize === bytes.length);
    if (found.byteSize === 0) return;
    const walk = walkEntries(bytes, 0, found.byteSize);
    assert.deepEqual([walk.count, walk.end], [found.size, found.byteSize], "what is kept of a chunk is whole entries");
  },
};

const journal: FuzzTarget = {
  name: "journal",
  seeds: JOURNAL.map((record) =>
    Buffer.concat([encodeRecord(record).subarray(5, 6), encodeRecord(record).subarray(10)]),
  ),
  words: WORDS,
  run(bytes) {
    const record = Buffer.concat([Buffer.alloc(10), bytes.subarray(1)]);
    record[0] = 0xa7;
    record[5] = bytes[0] ?? 0;
    record.writeUInt32BE(record.length - 10, 6);
    record.writeUInt32BE(crc32(record.subarray(5)), 1);
    const decoded = decodeRecord(record, 0);
    decodeRecord(bytes, 0);
    if (!decoded) return;
    assert.equal(decoded.end, record.length);
    const state = new JournalState();
    for (const known of JOURNAL) state.apply(known);
    state.apply(decoded.record);
    state.cut(3);
    const again = Buffer.from(encodeRecord(decoded.record));
    assert.deepEqual(decodeRecord(again, 0)?.record, decoded.record, "a record that was read is written the same");
  },
};

const CONFIG = `<system>
  log_level "#{ENV['LEVEL'] || 'info'}"
</system>
@include conf.d/*.conf
<source>
  @type forward
  port 24224 # comment
  <security>
    shared_key "a\\"b\\n#{hostname}"
  </security>
</source>
<match a.** {b,c}.*>
  @type stdout
  list ["a", {"b": 1}]
  multi "one
  two"
</match>
`;

const config: FuzzTarget = {
  name: "config",
  seeds: text(CONFIG, "<a>\n</a>\n", "k 'single #{x}'\n", "@include x.conf\n", 'a {"b":\n1}\n'),
  words: text(
    "<",
    "</",
    ">",
    '"#{',
    "}",
    "ENV['A']",
    "@include ",
    "use_default",
    "\\",
    "\n",
    "${",
    "%Y",
    ".split('-')[0..-2].join",
    "[",
    "{",
  ),
  run(bytes) {
    const files = memoryFiles({ "/etc/conf.d/a.conf": "k v\n", "/etc/x.conf": "@include x.conf\n" });
    const options = { environment: { A: "1\n</x>" }, hostname: "h", files };
    const root = expectOwnErrors(() => parseConfig(bytes.toString(), "/etc/fluent.conf", options));
    if (root) assert.equal(root.name, "ROOT");
  },
};

const yaml: FuzzTarget = {
  name: "config-yaml",
  seeds: text(
    "config:\n  - source:\n      $type: forward\n      port: 24224\n  - match:\n      $tag: a.**\n      $type: 'null'\n",
    "system: {}\n",
  ),
  words: text("- ", ": ", "$type", "!include ", "!fluent/s ", "&a", "*a", "|\n", "<<", "'", '"', "---\n"),
  run(bytes) {
    const options = { environment: {}, hostname: "h", files: memoryFiles({}), fileType: "yaml" } as const;
    expectOwnErrors(() => parseConfig(bytes.toString(), "/etc/fluent.yaml", options));
  },
};

/** Any line makes whole entries, or none; a parser throws nothing but what it may. */
function parser(name: string, section: string, seeds: string[], words: string[]): FuzzTarget {
  const element = parsedElement(`<source>\n<parse>\n${section}\n</parse>\n</source>`);
  const made = createParser(element, pluginContext(element));
  return {
    name,
    seeds: text(...seeds),
    words: text(...words),
    run(bytes) {
      const target = { writer: new ByteWriter(), size: 0 };
      const matched = expectOwnErrors(() => made.parse(bytes, 0, bytes.length, target));
      if (!matched) return;
      const written = target.writer.view();
      const walk = walkEntries(written, 0, written.length);
      assert.deepEqual([walk.count, walk.end], [target.size, written.length], "a parser writes whole entries");
    },
  };
}

const CRI_LINES = [
  "2023-11-14T22:13:20.123456789Z stdout F hello",
  "2023-11-14T22:13:20.123456789+09:00 stderr P part",
  '2023-11-14T22:13:20Z stdout F {"a":1}',
];

export const targets: readonly FuzzTarget[] = [
  frames,
  refused,
  walker,
  handshake,
  json,
  compression,
  chunkFiles,
  journal,
  bufferFolder,
  config,
  yaml,
  parser("cri", "@type cri", CRI_LINES, [" F ", " P ", "+09:00", "T", "Z", "."]),
  parser("cri-json", "@type cri\n<parse>\n@type json\n</parse>", CRI_LINES, [' F {"', '":', "}", "\\u"]),
  parser("syslog", "@type syslog\nmessage_format auto", ["<34>Oct 11 22:14:15 host su[1]: hi", "<34>1 2003-10-11T22:14:15.003Z h a - i [x y=\"z\"] m"], ["<1>1 ", " - ", "[", "]", '\\"']),
]; // biome-ignore format: tables
