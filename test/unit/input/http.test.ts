import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { readSectionOrThrow } from "../../../src/config/parameters.ts";
import { encode } from "../../../src/event/msgpack.ts";
import { httpInput } from "../../../src/input/http.ts";
import { eventually } from "../../support/eventually.ts";
import { settle } from "../../support/manual-clock.ts";
import { parsedElement } from "../../support/parsed-config.ts";
import { pluginContext } from "../../support/plugin-context.ts";

/** A running input, and how to give it bytes: `send` resolves with all that it answers until it closes the connection. */
async function started(t: TestContext, parameters = "") {
  const element = parsedElement(`<source>\nport 0\nbind 127.0.0.1\n${parameters}</source>`);
  const context = pluginContext(element);
  const input = httpInput.create(readSectionOrThrow(httpInput.table, element), context);
  await input.start();
  t.after(() => input.stop(AbortSignal.abort()));
  const open = async () => {
    const socket = connect(input.address?.port as number, "127.0.0.1");
    await once(socket, "connect");
    t.after(() => socket.destroy());
    return socket;
  };
  const send = async (...parts: (string | Buffer)[]) => {
    const socket = await open();
    const answers: Buffer[] = [];
    const closed = once(socket, "close");
    socket.on("data", (part: Buffer) => answers.push(part));
    for (const part of parts) {
      socket.write(part);
      await settle();
    }
    await closed;
    return Buffer.concat(answers)
      .toString("latin1")
      .replaceAll(/Date: .*\r\n/g, "");
  };
  return { context, open, send };
}

/** A request, the last on its connection. */
function post(body: string | Buffer, { target = "/t", type = "application/json", headers = "", method = "POST" } = {}) {
  const length = Buffer.byteLength(body);
  const head = `${method} ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: ${type}\r\n${headers}`;
  return Buffer.concat([Buffer.from(`${head}Content-Length: ${length}\r\n\r\n`), Buffer.from(body)]);
}

const msgpack = { type: "application/msgpack" };
const ndjson = { type: "application/x-ndjson" };
const plain = "Content-Type: text/plain\r\nContent-Length: 0\r\n";

test("answers are, byte for byte, those that they were", async (t) => {
  const { send } = await started(t, "body_size_limit 20\n");
  const end = "Connection: close\r\n\r\n";
  assert.equal(await send(post("{}")), `HTTP/1.1 200 OK\r\n${plain}${end}`);
  assert.equal(await send(post("", { method: "GET" })), `HTTP/1.1 200 OK\r\n${plain}${end}`);
  assert.equal(await send(post("", { method: "OPTIONS" })), `HTTP/1.1 403 Forbidden\r\n${plain}${end}`);
  assert.equal(
    await send(post("x", { headers: "Content-Encoding: gzip\r\n" })),
    `HTTP/1.1 400 Bad Request\r\n${plain}${end}`,
  );
  assert.equal(
    await send(post('{"time":"x"}')),
    `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 58\r\n${end}` +
      "400 Bad Request\ncan't convert string into an exact number\n",
  );
  assert.equal(
    await send(post("{}", { target: "/.." })),
    `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 44\r\n${end}` +
      "400 Bad Request\nthe path makes no valid tag\n",
  );
  assert.equal(
    await send(post(" ".repeat(21))),
    `HTTP/1.1 413 Payload Too Large\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n${end}Too large`,
  );
});

test("the headers of CORS stand behind the others", async (t) => {
  const { send } = await started(t, 'cors_allow_origins ["http://a.b"]\ncors_allow_credentials true\n');
  const allowed = "Access-Control-Allow-Origin: http://a.b\r\nAccess-Control-Allow-Credentials: true\r\n";
  const headers = "Origin: http://a.b\r\n";
  assert.equal(await send(post("{}", { headers })), `HTTP/1.1 200 OK\r\n${plain}${allowed}Connection: close\r\n\r\n`);
  const asks = `${headers}Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-a\r\n`;
  assert.equal(
    await send(post("", { method: "OPTIONS", headers: asks })),
    `HTTP/1.1 200 OK\r\n${plain}Access-Control-Allow-Methods: POST\r\nAccess-Control-Allow-Headers: x-a\r\n${allowed}` +
      "Connection: close\r\n\r\n",
  );
  const foreign = await send(post("{}", { headers: "Origin: http://c\r\n" }));
  assert.equal(foreign, `HTTP/1.1 403 Forbidden\r\n${plain}Connection: close\r\n\r\n`);
});

test("with 204 there is neither a type nor a length, and with the image both are the image's", async (t) => {
  const none = await started(t, "use_204_response true\n");
  assert.equal(await none.send(post("{}")), "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
  const image = await started(t, "respond_with_empty_img true\n");
  const [head, body] = (await image.send(post("{}"))).split("\r\n\r\n");
  assert.equal(
    head,
    "HTTP/1.1 200 OK\r\nContent-Type: image/gif; charset=utf-8\r\nContent-Length: 35\r\nConnection: close",
  );
  assert.equal(body?.slice(0, 6), "GIF89a");
});

test("a body that comes in parts is one, and a too large one is counted and let go", async (t) => {
  const { context, send } = await started(t, "body_size_limit 20\n");
  const request = post('{"a":"12345"}');
  await send(request.subarray(0, -8), request.subarray(-8, -3), request.subarray(-3));
  assert.deepEqual(context.emitter.records, [{ a: "12345" }]);
  assert.equal(context.counters.get("received_bytes"), 13);
  const large = post(`{"a":"${"x".repeat(30)}"}`);
  assert.match(await send(large.subarray(0, -25), large.subarray(-25, -20), large.subarray(-20)), /^HTTP\/1.1 413 /);
  assert.equal(context.emitter.batches.length, 1);
  assert.equal(context.counters.get("received_bytes"), 13 + 38);
});

test("a client that goes away within a request leaves a line in the log, and one that has sent all of it does not", async (t) => {
  const { context, open } = await started(t);
  const failures = () => context.logger.lines.filter(({ message }) => message === "connection failed").length;
  const early = await open();
  early.write(post('{"a":1}').subarray(0, -3));
  await settle();
  early.destroy();
  await eventually(() => failures() === 1);
  assert.equal(context.emitter.batches.length, 0);

  context.emitter.hold = true;
  const late = await open();
  late.write(post('{"a":1}'));
  await context.emitter.waitFor(() => context.emitter.held.length === 1);
  late.destroy();
  await settle();
  context.emitter.held[0]?.resolve();
  await eventually(() => context.counters.get("emitted_events") === 1);
  assert.equal(failures(), 1);
});

test("a request waits for its outputs, and the one behind it for its answer", async (t) => {
  const { context, open } = await started(t);
  context.emitter.hold = true;
  const socket = await open();
  let answers = "";
  socket.on("data", (part) => (answers += part));
  socket.write(
    Buffer.concat([post('{"a":1}'), post('{"b":2}')])
      .toString()
      .replaceAll("Connection: close\r\n", ""),
  );
  await context.emitter.waitFor(() => context.emitter.held.length === 2);
  context.emitter.held[1]?.resolve();
  await settle();
  assert.equal(answers, "");
  context.emitter.held[0]?.reject(new Error("full"));
  await eventually(() => answers.split("HTTP/1.1 ").length === 3);
  assert.deepEqual(answers.match(/HTTP\/1.1 \d+/g), ["HTTP/1.1 500", "HTTP/1.1 200"]);
});

test("a header counts before a parameter of its name, and only where records get headers", async (t) => {
  const request = post('{"a":1}', {
    target: "/t?HTTP_HOST=q&HTTP_OTHER=o",
    headers: "X-A: 1\r\nX-A: 2\r\nJson: {}\r\n",
  });
  const without = await started(t, "add_query_params true\n");
  await without.send(request);
  assert.deepEqual(without.context.emitter.records, [{ a: 1, QUERY_HTTP_HOST: "q", QUERY_HTTP_OTHER: "o" }]);
  const all = await started(t, "add_http_headers true\n");
  await all.send(request);
  const [{ HTTP_HOST, HTTP_OTHER, HTTP_X_A, HTTP_JSON } = {}] = all.context.emitter.records;
  assert.deepEqual([HTTP_HOST, HTTP_OTHER, HTTP_X_A, HTTP_JSON], ["h", "o", "2", "{}"]);
});

test("the time is taken out of the record, wherever it stands and whether or not fields are added", async (t) => {
  const records = '[{"time":1700000000.5,"a":1},{"b":2,"time":null,"c":[{"time":3}]},{"time":1700000001},{"d":4}]';
  for (const [parameters, more] of [
    ["", ""],
    ["add_query_params true\n", ',"QUERY_Q":"1"'],
  ] as const) {
    const { context, send } = await started(t, parameters);
    await send(post(records, { target: "/t?q=1" }));
    const now = context.emitter.events[3]?.split(" ")[1];
    assert.deepEqual(context.emitter.events, [
      `t 1700000000.500000000 {"a":1${more}}`,
      `t ${now} {"b":2,"c":[{"time":3}]${more}}`,
      `t 1700000001.000000000 {${more.slice(1)}}`,
      `t ${now} {"d":4${more}}`,
    ]);
  }
});

test("a record whose time stands twice loses both, and counts the fields that are left", async (t) => {
  const { context, send } = await started(t);
  const record = Buffer.concat([Buffer.from([0x83]), ...["time", 1, "a", 2, "time", 1_700_000_000].map(encode)]);
  await send(post(Buffer.concat([record, encode({ b: 3 })]), msgpack));
  assert.deepEqual(context.emitter.entries, ["t 92d7006553f1000000000081a16102", context.emitter.entries[1]]);
  assert.deepEqual(context.emitter.records, [{ a: 2 }, { b: 3 }]);
});

test("maps with long headers get their shortest form", async (t) => {
  const { context, send } = await started(t);
  const maps = ["de0001a16101", "df00000001a16202", "80"].map((hex) => Buffer.from(hex, "hex"));
  await send(post(Buffer.concat([...maps, Buffer.from("dc0003", "hex"), ...maps]), msgpack));
  const written = context.emitter.entries.map((entry) => entry.slice("t 92d7006553f10000000000".length));
  assert.deepEqual(written, ["81a16101", "81a16202", "80", "81a16101", "81a16202", "80"]);
});

test("a line that is no JSON is left out, with what stands in it before the error", async (t) => {
  const { context, send } = await started(t);
  await send(post('{"a":1}\r\n[{"b":2},{"c":}]\n\n{"d":"\n[{"e":5},6,{"f":"\\u00e9"}]\n"g"\n{"h":8}\r', ndjson));
  assert.deepEqual(context.emitter.records, [{ a: 1 }, { e: 5 }, { f: "é" }, { h: 8 }]);
});

test("a time that is none is no reason to refuse what is no JSON", async (t) => {
  const { context, send } = await started(t);
  assert.match(await send(post('[{"time":"x"},{]')), /^HTTP\/1.1 200 /);
  assert.match(await send(post('[{"a":1},{"time":"x"}]')), /^HTTP\/1.1 400 /);
  assert.equal(context.emitter.batches.length, 0);
});

test("a body of many megabytes, and one behind it", async (t) => {
  const { context, send } = await started(t);
  const text = "x".repeat(1000);
  await send(post(JSON.stringify(Array.from({ length: 3000 }, (_, index) => ({ index, text })))));
  await send(post('{"a":1}'));
  assert.equal(context.emitter.records.length, 3001);
  assert.deepEqual(context.emitter.records[2999], { index: 2999, text });
  assert.deepEqual(context.emitter.records[3000], { a: 1 });
});
