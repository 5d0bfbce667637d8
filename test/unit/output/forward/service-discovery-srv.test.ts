import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createForwardWriter, type Sections, startForwardWriter } from "../../../support/forward-writer.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const SRV = 33;
const A = 1;

const name = (text: string) =>
  Buffer.concat([...text.split(".").map((part) => Buffer.from([part.length, ...Buffer.from(part)])), Buffer.from([0])]);
const u16 = (...values: number[]) => Buffer.from(values.flatMap((value) => [value >> 8, value & 0xff]));

interface Record {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
}

/** A name server that knows one service, and that every host is 127.0.0.9. Gives its port. */
async function nameServer(context: TestContext, records: () => readonly Record[]): Promise<number> {
  const socket = createSocket("udp4");
  socket.on("message", (query, { port, address }) => {
    const questionEnd = query.indexOf(0, 12) + 5;
    const type = query.readUInt16BE(questionEnd - 4);
    const data =
      type === SRV
        ? records().map(({ priority, weight, port }) => Buffer.concat([u16(priority, weight, port), name("a.example")]))
        : type === A
          ? [Buffer.from([127, 0, 0, 9])]
          : [];
    const header = Buffer.concat([query.subarray(0, 2), u16(0x8180, 1, data.length, 0, 0)]);
    const answers = data.map((bytes) => Buffer.concat([u16(0xc00c, type, 1, 0, 1, bytes.length), bytes]));
    socket.send(Buffer.concat([header, query.subarray(12, questionEnd), ...answers]), port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  context.after(() => socket.close());
  return socket.address().port;
}

const discovery = (port: number, values = {}): Sections => [
  [
    "service_discovery",
    { "@type": "srv", service: "fluentd", hostname: "example", dns_server_host: `127.0.0.1:${port}`, ...values },
  ],
];

test("SRV records are nodes, by priority, and are asked for again every interval", async (context) => {
  let records: Record[] = [
    { priority: 2, weight: 5, port: 1002 },
    { priority: 1, weight: 10, port: 1001 },
  ];
  const clock = new ManualClock();
  const port = await nameServer(context, () => records);
  const { writer } = await startForwardWriter(context, {}, discovery(port, { interval: 30 }), clock);
  const seen = () => writer.nodes.map((node) => `${node.name} ${node.host}:${node.port} ${node.weight}`);
  assert.deepEqual(seen(), ["a.example 127.0.0.9:1001 10", "a.example 127.0.0.9:1002 5"]);

  records = [{ priority: 1, weight: 1, port: 1003 }];
  clock.advance(30_000);
  while (seen().length !== 1) await delay(1);
  assert.deepEqual(seen(), ["a.example 127.0.0.9:1003 1"]);
});

test("without dns_lookup the node's host is the target's name", async (context) => {
  const port = await nameServer(context, () => [{ priority: 1, weight: 1, port: 1001 }]);
  const { writer } = await startForwardWriter(context, {}, discovery(port, { dns_lookup: false }));
  assert.equal(writer.nodes[0]?.host, "a.example");
});

test("a service without records stops the start and names what was asked for", async (context) => {
  const port = await nameServer(context, () => []);
  const { writer } = createForwardWriter({ heartbeat_type: "none" }, discovery(port));
  await assert.rejects(writer.start(), /sd_srv: _fluentd\._tcp\.example/);
  await writer.stop(AbortSignal.abort());
});

test("a name server that is no address is an error of the configuration", () => {
  const sections = discovery(0, { dns_server_host: "not an address" });
  assert.throws(() => createForwardWriter({}, sections), /dns_server_host: not an address is no address/);
});
