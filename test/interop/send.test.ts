/** out_forward into the real fluentd: every event arrives, equal to the nanosecond and the type. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { Chunk } from "../../src/buffer/chunk.ts";
import { type Event, EventStream } from "../../src/event/event-stream.ts";
import { EventTime } from "../../src/event/event-time.ts";
import { TestCertificates } from "../support/certificates.ts";
import type { ChildProgram } from "../support/child-program.ts";
import { startFluentd, withoutFluentd } from "../support/fluentd.ts";
import { type Sections, server, startForwardWriter, type Values } from "../support/forward-writer.ts";
import { freePort } from "../support/free-port.ts";
import { chunkOf, chunkOfBytes } from "../support/plain-chunk.ts";
import { ackOf, type ReceivedMessage, scriptedPeer } from "../support/scripted-peer.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

interface Receiver {
  readonly port: number;
  /** Lines of the output file: time with nanoseconds, tag, record. */
  lines(): string[];
  /** Waits for so many lines. */
  received(count: number): Promise<string[]>;
  stop(): Promise<unknown>;
}

/** A fluentd that appends what it receives to a file, at once. `inside` stands in its forward source. */
async function receiver(context: TestContext, inside = "", port?: number): Promise<Receiver> {
  const folder = temporaryFolder();
  const listen = port ?? (await freePort());
  const config = join(folder, "fluent.conf");
  writeFileSync(
    config,
    `<source>
  @type forward
  bind 127.0.0.1
  port ${listen}
  ${inside}
</source>
<match **>
  @type file
  path ${folder}/out
  append true
  <buffer []>
    @type memory
    flush_mode immediate
    flush_thread_interval 0.05
    flush_thread_burst_interval 0.01
  </buffer>
  <format>
    @type out_file
    time_format %s.%N
  </format>
</match>
`,
  );
  const program: ChildProgram = await startFluentd(config);
  context.after(() => program.stop("SIGKILL"));
  const lines = () =>
    readdirSync(folder)
      .filter((name) => name.startsWith("out") && existsSync(join(folder, name)) && name.endsWith(".log"))
      .flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n"))
      .filter((line) => line.startsWith("1700000"))
      .map((line) => line.replaceAll("\t", " "));
  const received = async (count: number) => {
    while (lines().length < count) {
      if (program.hasExited) throw new Error(program.output);
      await delay(20);
    }
    return lines();
  };
  return { port: listen, lines, received, stop: () => program.stop("SIGTERM") };
}

const events: Event[] = [
  {
    time: new EventTime(1700000000, 1),
    record: { text: "héllo \u{1F30A}", empty: "", nested: { list: [1, -1, null, true] } },
  },
  {
    time: new EventTime(1700000001, 123456789),
    record: { float: 1.5, big: 18446744073709551615n, least: -(2n ** 63n) },
  },
  { time: new EventTime(1700000002, 999999999), record: { bin: Buffer.from("bytes") } },
];
const expected = [
  '1700000000.000000001 test.tag {"text":"héllo \u{1F30A}","empty":"","nested":{"list":[1,-1,null,true]}}',
  '1700000001.123456789 test.tag {"float":1.5,"big":18446744073709551615,"least":-9223372036854775808}',
  '1700000002.999999999 test.tag {"bin":"bytes"}',
];

async function delivers(
  context: TestContext,
  inside: string,
  values: Values,
  sections: Sections = [],
  more: Values = {},
) {
  const target = await receiver(context, inside);
  const { write } = await startForwardWriter(context, values, [server(target.port, more), ...sections]);
  await write(chunkOf(events));
  await write(chunkOf(events, { streamedBy: 7 }));
  assert.deepEqual(await target.received(6), [...expected, ...expected]);
}

const skip = withoutFluentd;

test("plain, without acks", { skip }, (context) => delivers(context, "", {}));

test("acks on kept connections", { skip }, (context) =>
  delivers(context, "", { require_ack_response: true, keepalive: true }),
);

test("shared key and user, with acks", { skip }, (context) =>
  delivers(
    context,
    `<security>
      self_hostname receiver.example
      shared_key sekrit
      user_auth true
      <user>
        username alice
        password wonder
      </user>
    </security>`,
    { require_ack_response: true, keepalive: true, heartbeat_type: "transport" },
    [["security", { self_hostname: "sender.example", shared_key: "sekrit" }]],
    { username: "alice", password: "wonder" },
  ),
);

test("TLS with an authority of one's own, host verified, with acks and without", { skip }, async (context) => {
  const certificates = await TestCertificates.create();
  context.after(() => certificates.remove());
  const { certificatePath, privateKeyPath } = await certificates.server();
  const inside = `<transport tls>
      cert_path ${certificatePath}
      private_key_path ${privateKeyPath}
    </transport>`;
  const values = { transport: "tls", tls_cert_path: certificates.authorityPath };
  await delivers(context, inside, { ...values, require_ack_response: true });
  await delivers(context, inside, values);
  await delivers(context, inside, { ...values, keepalive: true, require_ack_response: true });
});

test("gzip, member behind member as the buffer stores it", { skip }, async (context) => {
  const target = await receiver(context);
  const { write } = await startForwardWriter(context, { compress: "gzip", require_ack_response: true }, [
    server(target.port),
  ]);
  const parts = events.map((event) => gzipSync(EventStream.fromEvents([event]).packed));
  await write(chunkOfBytes(Buffer.concat(parts), 3, { compression: "gzip" }));
  assert.deepEqual(await target.received(3), expected);
});

test("time_as_integer", { skip }, async (context) => {
  const target = await receiver(context);
  const { write, writer } = await startForwardWriter(context, { time_as_integer: true }, [server(target.port)]);
  const stream = EventStream.fromEvents(events);
  await write(chunkOfBytes(writer.format?.("test.tag", stream) as Buffer, 3));
  const whole = expected.map((line) => line.replace(/\.\d+/, ".000000000"));
  assert.deepEqual(await target.received(3), whole);
});

test("a chunk larger than many writes arrives whole", { skip }, async (context) => {
  const target = await receiver(context);
  const { write } = await startForwardWriter(context, { require_ack_response: true }, [server(target.port)]);
  const record = { message: "x".repeat(1000) };
  const many = Array.from({ length: 5000 }, (_, number) => ({
    time: new EventTime(1700000000, number),
    record: { number, ...record },
  }));
  await write(chunkOf(many, { streamedBy: 65536 }));
  const numbers = (await target.received(5000)).map((line) => Number(/"number":(\d+)/.exec(line)?.[1]));
  assert.deepEqual(
    numbers,
    Array.from({ length: 5000 }, (_, number) => number),
  );
});

test("when one of two receivers ends, the other gets everything; after its return it is used again", {
  skip,
}, async (context) => {
  const [first, second] = [await receiver(context), await receiver(context)];
  const values = {
    require_ack_response: true,
    keepalive: true,
    heartbeat_type: "transport",
    heartbeat_interval: 0.05,
    recover_wait: 0.1,
  };
  const { write, writer } = await startForwardWriter(context, values, [server(first.port), server(second.port)]);
  let number = 0;
  /** As the buffer does: the same chunk until it is through. */
  const deliver = async (): Promise<void> => {
    const chunk: Chunk = chunkOf([{ time: new EventTime(1700000000, number), record: { number: number++ } }]);
    for (;;) {
      try {
        return await write(chunk);
      } catch {
        await delay(10);
      }
    }
  };
  for (let count = 0; count < 12; count++) await deliver();
  assert.ok(first.lines().length > 0 || (await first.received(1)).length > 0);
  await first.stop();
  for (let count = 0; count < 12; count++) await deliver();

  const returned = await receiver(context, "", first.port);
  while (!writer.nodes.every((node) => node.isAvailable)) await delay(10);
  for (let count = 0; count < 12; count++) await deliver();
  await returned.received(1);
  const arrived = async () =>
    new Set([...first.lines(), ...second.lines(), ...returned.lines()].map((line) => /"number":(\d+)/.exec(line)?.[1]));
  while ((await arrived()).size < 36) await delay(20);
});

test("a receiver that is restarted between chunks gets the next one without a failed send", {
  skip,
}, async (context) => {
  const before = await receiver(context);
  const { write } = await startForwardWriter(context, { require_ack_response: true, keepalive: true }, [
    server(before.port),
  ]);
  await write(chunkOf(events));
  assert.deepEqual(await before.received(3), expected);
  await before.stop();
  const after = await receiver(context, "", before.port);
  await write(chunkOf(events));
  assert.deepEqual(await after.received(3), expected);
});

test("UDP heartbeats are answered by fluentd", { skip }, async (context) => {
  const target = await receiver(context);
  const values = { heartbeat_type: "udp", heartbeat_interval: 0.02, recover_wait: 0.04 };
  const { writer } = await startForwardWriter(context, values, [server(target.port)]);
  const [node] = writer.nodes;
  node?.disable("a test wants it so");
  while (!node?.isAvailable) await delay(5);
});

test("our message has the bytes of fluentd's own, all but the chunk's id", { skip }, async (context) => {
  const messages: ReceivedMessage[] = [];
  const peer = await scriptedPeer(context, async (connection) => {
    const message = await connection.next();
    messages.push(message);
    connection.socket.write(ackOf(message));
  });
  const folder = temporaryFolder();
  const port = await freePort();
  writeFileSync(
    join(folder, "fluent.conf"),
    `<source>
  @type forward
  bind 127.0.0.1
  port ${port}
</source>
<match a.**>
  @type forward
  require_ack_response true
  heartbeat_type none
  <server>
    host 127.0.0.1
    port ${peer.port}
  </server>
  <buffer tag>
    flush_mode immediate
    flush_thread_interval 0.05
  </buffer>
</match>
`,
  );
  const relay = await startFluentd(join(folder, "fluent.conf"));
  context.after(() => relay.stop("SIGKILL"));
  const values = { require_ack_response: true };
  const sent = chunkOf(events.slice(0, 2), { tag: "a.tag.that.is.longer.than.thirty-one.bytes" });
  const ours = await startForwardWriter(context, values, [server(peer.port)]);
  await ours.write(sent);
  const viaFluentd = await startForwardWriter(context, values, [server(port)]);
  await viaFluentd.write(sent);
  while (messages.length < 2) await delay(10);
  const [direct, relayed] = messages.map(({ bytes, option }) => {
    const at = bytes.lastIndexOf(option.chunk as Buffer);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 25)]).toString("hex");
  });
  assert.equal(direct, relayed);
  assert.deepEqual(
    messages.map(({ option }) => option.chunk?.length),
    [25, 25],
  );
});
