/**
 * CPU of the receiving side per event, from 64 KB reads to emits, with an emitter that holds nothing: no sockets, no disk.
 *   node build/bench/receive.js [seconds per case]
 */

import { systemClock } from "../src/clock.ts";
import { Counters } from "../src/counters.ts";
import { encode } from "../src/event/msgpack.ts";
import { ServerSession } from "../src/forward-protocol/server-session.ts";
import { Deliveries, UnackedTotal } from "../src/input/forward/deliveries.ts";
import { DEFAULT_LIMITS } from "../src/input/forward/limits.ts";
import { Receiver } from "../src/input/forward/receiver.ts";
import { SourceFields } from "../src/input/forward/source-fields.ts";
import { TagRule } from "../src/input/forward/tag-rule.ts";
import { silentLogger } from "../src/logger.ts";
import { RareWarnings } from "../src/rare-warnings.ts";
import { array, entry, eventTime, forward, message, packed } from "../test/support/forward-messages.ts";

const READ_BYTES = 64 * 1024;
const STREAM_BYTES = 8 * 1024 * 1024;
const seconds = Number(process.argv[2] ?? 2);

const record = {
  log: '10.0.3.17 - - [22/Nov/2026:10:15:03 +0000] "GET /api/items/4711 HTTP/1.1" 200 5316',
  stream: "stdout",
  kubernetes: { namespace_name: "shop", pod_name: "web-5d9c7b6f4-x2x7p", container_name: "web" },
};
const entries = (count: number) => Array.from({ length: count }, (_, n) => entry(eventTime(1_700_000_000, n), record));
const chunk = { chunk: "ZUyP1C0z1hEKqc5bG/xKcQ==\n" };

interface Case {
  readonly name: string;
  readonly frame: Buffer;
  readonly events: number;
  readonly fields?: SourceFields;
}

const cases: Case[] = [
  { name: "PackedForward, 1000 events, ack", frame: packed("kube.web", entries(1000), chunk), events: 1000 },
  { name: "PackedForward, 10 events, ack", frame: packed("kube.web", entries(10), chunk), events: 10 },
  { name: "Forward, 100 events, ack", frame: forward("kube.web", entries(100), chunk), events: 100 },
  { name: "Message", frame: message("kube.web", eventTime(1_700_000_000, 1), record), events: 1 },
  { name: "Message, ack", frame: message("kube.web", eventTime(1_700_000_000, 1), record, chunk), events: 1 },
  {
    name: "PackedForward, 1000 events, Fluent Bit metadata",
    frame: packed(
      "kube.web",
      Array.from({ length: 1000 }, (_, n) => entry(array(eventTime(1_700_000_000, n), {}), record)),
    ),
    events: 1000,
  },
  {
    name: "PackedForward, 1000 events, source_address_key",
    frame: packed("kube.web", entries(1000)),
    events: 1000,
    fields: new SourceFields(new Map([["source", "10.0.3.17"]])),
  },
];

function createSession(fields: SourceFields | undefined) {
  const counters = new Counters();
  const deliveries = new Deliveries({
    emitter: { emit: async () => {} },
    counters,
    limitBytes: Number.MAX_SAFE_INTEGER,
    total: new UnackedTotal(Number.MAX_SAFE_INTEGER),
    acknowledge: (chunks) => void session.encodeAcks(chunks),
    setFull: () => {},
    failed: (error) => {
      throw error;
    },
  });
  const receiver = new Receiver({
    rules: {
      tagRule: new TagRule(undefined, undefined),
      chunkSizeLimit: undefined,
      chunkSizeWarnLimit: undefined,
      limits: DEFAULT_LIMITS,
      denyKeepalive: false,
      floatTimes: "convert",
      now: Date.now,
    },
    host: "bench",
    fields,
    deliveries,
    logger: silentLogger,
    warnings: new RareWarnings(silentLogger, systemClock),
    counters,
    finish: () => {},
  });
  const session = new ServerSession({
    limits: DEFAULT_LIMITS,
    security: undefined,
    keepalive: true,
    address: "127.0.0.1",
    handler: receiver,
    write: () => {},
  });
  return { session, deliveries, counters };
}

async function run({ name, frame, events, fields }: Case): Promise<void> {
  const frames = Math.ceil(STREAM_BYTES / frame.length);
  const stream = Buffer.concat(Array(frames).fill(frame));
  const { session, deliveries, counters } = createSession(fields);
  let passes = 0;
  const warmUpUntil = performance.now() + 300;
  let start = performance.now();
  let cpu = process.cpuUsage();
  let isWarm = false;
  while (!isWarm || performance.now() - start < seconds * 1000) {
    for (let position = 0; position < stream.length; position += READ_BYTES) {
      session.receive(stream.subarray(position, position + READ_BYTES));
    }
    await deliveries.idle();
    passes += 1;
    if (isWarm || performance.now() < warmUpUntil) continue;
    isWarm = true;
    passes = 0;
    start = performance.now();
    cpu = process.cpuUsage();
  }
  const used = process.cpuUsage(cpu);
  const total = passes * frames * events;
  if (counters.get("emitted_events") < total) throw new Error(`${name}: events are missing`);
  const microseconds = (used.user + used.system) / total;
  const megabytes = (passes * stream.length) / 1e6 / ((used.user + used.system) / 1e6);
  console.log(`${name.padEnd(50)} ${microseconds.toFixed(3)} µs/event  ${megabytes.toFixed(0).padStart(5)} MB/s`);
}

console.log(`record: ${encode(record).length} bytes`);
for (const each of cases) await run(each);
